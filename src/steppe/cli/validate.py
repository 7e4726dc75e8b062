"""Print what is wrong with a definition, each finding with the line it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence

from steppe.asl.diagnostics import Diagnostic
from steppe.asl.positions import Position, locate

LINE_LENGTH_MAX = 100
"""Characters of a line that are shown; a definition may be one line of a megabyte."""

_SOURCE = re.compile(r"; line: (\d+), column: (\d+)\]$")


def render(text: str, diagnostics: Sequence[Diagnostic]) -> str:
    """Findings for a person to read.

    Args:
        text: the definition.
        diagnostics: from `steppe.asl.validate.diagnose`.

    Returns:
        For each finding its severity, code and message, where it is, and the line with a caret below the place. "" when
        there is none.
    """
    pointers = [finding.pointer for finding in diagnostics if finding.pointer is not None]
    places = locate(text, pointers) if pointers else {}
    lines = text.split("\n")
    blocks = []
    for finding in diagnostics:
        found = places.get(finding.pointer) if finding.pointer is not None else _in_source(finding.location)
        blocks.append(_block(finding, found, lines))
    return "\n\n".join(blocks)


def _in_source(location: str | None) -> Position | None:
    """Line and column of a text that is no JSON, out of the location that the service gives then."""
    found = _SOURCE.search(location or "")
    return Position(0, int(found.group(1)), int(found.group(2))) if found else None


def _block(finding: Diagnostic, place: Position | None, lines: list[str]) -> str:
    message = finding.message.split("\n at [Source")[0]
    head = f"{finding.severity} {finding.code}: {message}"
    if place is None or place.line > len(lines):
        return head
    where = f"  line {place.line}, column {place.column}"
    if finding.pointer is not None:
        where += f", at {finding.location}"
    shown, caret = _window(lines[place.line - 1], place.column - 1)
    margin = f"  {place.line} | "
    return "\n".join([head, where, f"{margin}{shown}", f"{' ' * (len(margin) + caret)}^"])


def _window(line: str, column: int) -> tuple[str, int]:
    """A line without what is too far from a column, and where the column is in it; control characters are blanked."""
    start = max(0, column - LINE_LENGTH_MAX // 3) if len(line) > LINE_LENGTH_MAX else 0
    end = start + LINE_LENGTH_MAX
    before, after = "..." if start else "", "..." if end < len(line) else ""
    shown = "".join(character if character.isprintable() else " " for character in line[start:end])
    return f"{before}{shown}{after}", column - start + len(before)
