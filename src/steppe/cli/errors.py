"""What a user did that cannot be done: one clear line on standard error and an exit code, never a traceback."""

from __future__ import annotations

EXIT_FAILED = 1
"""The thing asked for was tried and failed: an execution, a check of a definition."""
EXIT_USAGE = 2
"""It could not be tried: a wrong option, a file that is not there, a data directory in use."""
EXIT_INTERRUPTED = 130
"""Ended by Ctrl-C, as shells count it."""


class UserError(Exception):
    """Ends the command with this message. `exit_code` says which kind of end it is."""

    def __init__(self, message: str, *, exit_code: int = EXIT_USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
