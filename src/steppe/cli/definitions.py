"""Definitions in files: read them, check them, show what is wrong with line and column."""

from __future__ import annotations

from pathlib import Path

from steppe.asl.validate import diagnose
from steppe.cli.errors import EXIT_FAILED, UserError
from steppe.cli.validate import render


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error


def check(path: Path, text: str) -> None:
    """Refuse a definition that has errors, and show all of them.

    Raises:
        UserError: exit code 1; the message has every error with its place.
    """
    errors = [finding for finding in diagnose(text) if finding.severity == "ERROR"]
    if errors:
        raise UserError(f"{path} is no state machine:\n{render(str(path), text, errors)}", exit_code=EXIT_FAILED)


def validate(paths: list[Path], *, express: bool) -> bool:
    """Print every finding of every file on standard output; whether none of them is an error."""
    good = True
    for path in paths:
        text = read_text(path)
        findings = diagnose(text, express=express)
        if findings:
            print(render(str(path), text, findings))
        good &= all(finding.severity != "ERROR" for finding in findings)
    return good
