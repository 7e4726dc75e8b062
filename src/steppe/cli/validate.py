"""Print what is wrong with a definition, each finding with the line it is about."""

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
    pointers = [finding.pointer for finding in diagnostics if finding.pointer is not None]
    places = locate(text, pointers) if pointers else {}
    lines = text.split("\n")
    blocks = []
    for finding in diagnostics:
        found = places.get(finding.pointer) if finding.pointer is not None else _in_source(finding.location)
        blocks.append(_block(name, finding, found, lines))
    return "\n".join(blocks)


def _in_source(location: str | None) -> Position | None:
    """Line and column of a text that is no JSON, out of the location that the service gives then."""
    found = _SOURCE.search(location or "")
    return Position(0, int(found.group(1)), int(found.group(2))) if found else None


def _block(name: str, finding: Diagnostic, place: Position | None, lines: list[str]) -> str:
    # A text that is no JSON is quoted in the message as well; here it stands below.
    message = finding.message.split("\n at [Source")[0]
    where = f" ({finding.location})" if finding.pointer is not None else ""
    said = f"{finding.severity.lower()}: {finding.code}: {message}{where}"
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
