"""Lets `python -m steppe` start the command line."""

from steppe.cli.main import main

if __name__ == "__main__":
    main()
