"""Definitions in files: read them, check them, show what is wrong with line and column."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from steppe.asl.diagnostics import Diagnostic
from steppe.asl.validate import diagnose
from steppe.cli.errors import EXIT_FAILED, EXIT_USAGE, UserError
from steppe.cli.validate import as_records, for_github, render
from steppe.integrations.parameters import ModelledCalls

STANDARD_INPUT: Final = Path("-")
STANDARD_INPUT_NAME: Final = "<stdin>"

DEFINITION_BYTES_MAX: Final = 1_048_576
"""The API's limit on a definition, which it says in characters. API Reference, CreateStateMachine."""

_Printer: TypeAlias = Callable[[str, str, Sequence[Diagnostic]], str]

PRINTERS: Final[dict[str, _Printer]] = {"text": render, "github": for_github}
"""How findings of one file are printed; `json` prints those of all files together."""


def read_text(path: Path) -> str:
    """A file's text, or that of standard input for "-". A byte order mark is left out.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    name = STANDARD_INPUT_NAME if path == STANDARD_INPUT else str(path)
    try:
        raw = sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    return text.removeprefix("\ufeff")


def check(path: Path, text: str) -> None:
    """Refuse a definition that has errors, and show all of them.

    Raises:
        UserError: exit code 1; the message has every error with its place.
    """
    errors = [finding for finding in diagnose(text, calls=ModelledCalls()) if finding.severity == "ERROR"]
    if errors:
        raise UserError(f"{path} is no state machine:\n{render(str(path), text, errors)}", exit_code=EXIT_FAILED)


def validate(paths: Sequence[Path], *, express: bool, output: str = "text") -> int:
    """Print every finding of every file on standard output, and what cannot be read on standard error.

    Args:
        paths: files; "-" is standard input, once.
        express: whether for Express state machines.
        output: "text", "github" (workflow commands, which GitHub shows beside the lines) or "json" (one array with an
            object a finding).

    Returns:
        The exit code: 0, 1 when a definition has an error, 2 when a file could not be read.

    Raises:
        UserError: standard input is asked for twice.
    """
    if list(paths).count(STANDARD_INPUT) > 1:
        raise UserError("standard input (-) can be read once only")
    calls = ModelledCalls()
    code = 0
    records: list[dict[str, object]] = []
    for path in paths:
        name = STANDARD_INPUT_NAME if path == STANDARD_INPUT else str(path)
        try:
            text = read_text(path)
        except UserError as error:
            print(f"steppe: {error.message}", file=sys.stderr)
            code = EXIT_USAGE
            continue
        findings = diagnose(text, express=express, calls=calls)
        if len(text) > DEFINITION_BYTES_MAX:
            findings = [_too_long(text), *findings]
        if output == "json":
            records += as_records(name, text, findings)
        elif findings:
            print(PRINTERS[output](name, text, findings))
        if any(finding.severity == "ERROR" for finding in findings):
            code = max(code, EXIT_FAILED)
    if output == "json":
        print(json.dumps(records, indent=2, ensure_ascii=False))
    return code


def _too_long(text: str) -> Diagnostic:
    """What the API would refuse before it looks at the definition."""
    reason = f"The definition has {len(text):,} characters; the service takes {DEFINITION_BYTES_MAX:,}"
    return Diagnostic("ERROR", "DEFINITION_TOO_LONG", reason)
