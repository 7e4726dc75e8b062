"""What is wrong with a definition, each finding with the line it is about: for people, for programs, for GitHub."""

from __future__ import annotations

import re
from collections.abc import Sequence

from steppe.asl.diagnostics import Diagnostic
from steppe.asl.positions import Position, locate

LINE_LENGTH_MAX = 100
"""Characters of a line that are shown; a definition may be one line of a megabyte."""

_SOURCE = re.compile(r"; line: (\d+), column: (\d+)\]$")


def render(name: str, text: str, diagnostics: Sequence[Diagnostic]) -> str:
    """Findings for a person (and an editor) to read.

    Args:
        name: of the file, as its user knows it.
        text: the definition.
        diagnostics: from `steppe.asl.validate.diagnose`.

    Returns:
        For each finding `name:line:column: error: CODE: message (/location)`, and below it the line with a caret at the
        place. "" when there is none.
    """
    lines = text.split("\n")
    return "\n".join(_block(name, finding, place, lines) for finding, place in _placed(text, diagnostics))


def as_records(name: str, text: str, diagnostics: Sequence[Diagnostic]) -> list[dict[str, object]]:
    """Findings for a program: an object each, as the API shows it, with `file`, `line` and `column` (null: none)."""
    return [
        {
            "file": name,
            "line": place.line if place else None,
            "column": place.column if place else None,
            "severity": finding.severity,
            "code": finding.code,
            "message": finding.message,
            "location": finding.location,
        }
        for finding, place in _placed(text, diagnostics)
    ]


def for_github(name: str, text: str, diagnostics: Sequence[Diagnostic]) -> str:
    """Findings as workflow commands of GitHub Actions, a line each; see `render` for the arguments."""
    lines = []
    for finding, place in _placed(text, diagnostics):
        where = f",line={place.line},col={place.column}" if place else ""
        head = f"{finding.severity.lower()} file={_escaped(name, ':,')}{where},title={finding.code}"
        lines.append(f"::{head}::{_escaped(_said(finding))}")
    return "\n".join(lines)


def _escaped(text: str, further: str = "") -> str:
    """A value of a workflow command: what would end it is written as its code."""
    return "".join(f"%{ord(c):02X}" if c in f"%\r\n{further}" else c for c in text)


def _placed(text: str, diagnostics: Sequence[Diagnostic]) -> list[tuple[Diagnostic, Position | None]]:
    """Findings with their places, in the order in which they were given."""
    places = locate(text, [finding.pointer for finding in diagnostics if finding.pointer is not None])
    return [
        (finding, places[finding.pointer] if finding.pointer is not None else _in_source(finding.location))
        for finding in diagnostics
    ]


def _in_source(location: str | None) -> Position | None:
    """Line and column of a text that is no JSON, out of the location that the service gives then."""
    found = _SOURCE.search(location or "")
    return Position(0, int(found.group(1)), int(found.group(2))) if found else None


def _said(finding: Diagnostic) -> str:
    """The message and the place. A text that is no JSON is quoted in the message as well; here it stands below."""
    where = f" ({finding.location})" if finding.pointer is not None else ""
    return finding.message.split("\n at [Source")[0] + where


def _block(name: str, finding: Diagnostic, place: Position | None, lines: list[str]) -> str:
    said = f"{finding.severity.lower()}: {finding.code}: {_said(finding)}"
    if place is None or place.line > len(lines):
        return f"{name}: {said}"
    shown, caret = _window(lines[place.line - 1], place.column - 1)
    margin = f"{place.line:>6} | "
    head = f"{name}:{place.line}:{place.column}: {said}"
    return "\n".join([head, f"{margin}{shown}", f"{' ' * (len(margin) - 2)}| {' ' * caret}^"])


def _window(line: str, column: int) -> tuple[str, int]:
    """A line without what is too far from a column, and where the column is in it; control characters are blanked."""
    start = max(0, column - LINE_LENGTH_MAX // 3) if len(line) > LINE_LENGTH_MAX else 0
    end = start + LINE_LENGTH_MAX
    before, after = "..." if start else "", "..." if end < len(line) else ""
    shown = "".join(character if character.isprintable() else " " for character in line[start:end])
    return f"{before}{shown}{after}", column - start + len(before)
