"""The command tree: the options of each command and their texts; what it does is in the module of its name.

A command imports that module when it runs: help and a refused option need not wait for the SQL engine to load.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import steppe
from steppe.cli.errors import EXIT_FAILED, EXIT_INTERRUPTED, UserError
from steppe.cli.options import Config, DataDir, Endpoints, Workers, pairs, settings_of

app = typer.Typer(
    name="steppe",
    help="Amazon States Language workflows over very large data sets, on a laptop or on a cluster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; ends the process."""
    try:
        app()
    except UserError as error:
        print(f"steppe: {error.message}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has gone: nothing to say, and nobody to say it to
        sys.exit(EXIT_FAILED)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"steppe {steppe.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Amazon States Language workflows over very large data sets, on a laptop or on a cluster."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one. [default: 4566]")] = None,
    data_dir: DataDir = None,
    endpoint: Endpoints = None,
    access_key: Annotated[
        list[str] | None,
        typer.Option("--access-key", metavar="ID=SECRET", help="Verify signatures with this key. May repeat."),
    ] = None,
    workers: Workers = None,
    mock_config: Annotated[
        Path | None,
        typer.Option("--mock-config", help="Mocked integrations for test cases: a MockConfigFile.json."),
    ] = None,
    config: Config = None,
    ready_file: Annotated[Path | None, typer.Option(help="Write the URL to this file when the server answers.")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Serve Step Functions, Athena and S3 on one port, until Ctrl-C."""
    if log_level.lower() not in ("debug", "info", "warning", "error"):
        raise UserError(f"--log-level is debug, info, warning or error, not {log_level!r}")
    keys = pairs(access_key, option="--access-key", form="ID=SECRET") if access_key else None
    settings = settings_of(
        config,
        endpoint,
        host=host,
        port=port,
        data_dir=data_dir,
        access_keys=keys,
        workers=workers,
        mock_config=mock_config,
    )
    from steppe.cli import serve as command

    command.serve(settings, ready_file=ready_file, log_level=log_level)


@app.command()
def run(
    definition: Annotated[
        Path, typer.Argument(help="File with the state machine, in JSON.", metavar="DEFINITION.json")
    ],
    input_option: Annotated[
        str, typer.Option("--input", metavar="JSON|@FILE", help='Input of the execution; "@-" reads standard input.')
    ] = "{}",
    name: Annotated[str | None, typer.Option(help="Name of the execution. [default: a new UUID]")] = None,
    output: Annotated[str, typer.Option(help="text prints the output, json one object that says everything.")] = "text",
    data_dir: DataDir = None,
    endpoint: Endpoints = None,
    workers: Workers = None,
    config: Config = None,
) -> None:
    """Run one state machine in this process; exit 0 when it succeeds, 1 with error and cause when it does not."""
    if output not in ("text", "json"):
        raise UserError(f"--output is text or json, not {output!r}")
    settings = settings_of(config, endpoint, data_dir=data_dir, workers=workers)
    from steppe.cli import run as command

    command.run(settings, definition=definition, input_option=input_option, name=name, as_json=output == "json")


@app.command()
def validate(
    files: Annotated[
        list[Path], typer.Argument(help='Files with state machines, in JSON; "-" is standard input.', metavar="FILE...")
    ],
    express: Annotated[bool, typer.Option("--express", help="Check for the type EXPRESS.")] = False,
    output: Annotated[
        str, typer.Option("--format", help="text, json (an array), or github (notes beside the lines of a change).")
    ] = "text",
) -> None:
    """Print what is wrong with definitions, with line and column; exit 1 when one has an error."""
    if output not in ("text", "json", "github"):
        raise UserError(f"--format is text, json or github, not {output!r}")
    from steppe.cli import definitions as command

    code = command.validate(files, express=express, output=output)
    if code:
        raise typer.Exit(code)


@app.command()
def demo(
    images: Annotated[Path | None, typer.Option(help="Folder of images to copy. [default: some are drawn]")] = None,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many images to draw.")] = 300,
    data_dir: Annotated[Path, typer.Option("--data-dir", help="Folder that keeps everything.")] = Path("demo-data"),
    workers: Workers = None,
) -> None:
    """Run the article: query a table of images with Athena, copy each of them with a Distributed Map."""
    settings = settings_of(None, data_dir=data_dir, workers=workers)
    from steppe.cli import demo as command

    command.demo(settings, images=images, count=count)


if __name__ == "__main__":
    main()
