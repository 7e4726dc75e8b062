"""Where in a text a member or element of a JSON document stands.

`locate` answers for many pointers in one pass over the tokens, so that a definition with ten thousand findings is still
read once. The text is known to be JSON.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from steppe.asl.diagnostics import Pointer
from steppe.base import jsonvalue

TOKEN = re.compile(r'[{}\[\],:]|"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[^\s{}\[\],:"]+', re.DOTALL)
"""The tokens of JSON; everything between them is white space.

A text that is never closed is a token up to the end: were it none, each of its quotes would be tried in turn, which
takes hours for a hostile megabyte.
"""

_Wanted: TypeAlias = dict[str | int, "_Wanted"]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text: `offset` from 0, `line` and `column` from 1."""

    offset: int
    line: int
    column: int


def position_at(text: str, offset: int) -> Position:
    """Line and column of one offset."""
    return Position(offset, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def locate(text: str, pointers: Iterable[Pointer]) -> dict[Pointer, Position]:
    """Find the places of pointers: of a member its name, of an element its value.

    A pointer that leads nowhere gets the place of its deepest ancestor that exists (a field that is missing is shown
    where its object starts).
    """
    wanted: _Wanted = {}
    asked = list(dict.fromkeys(pointers))
    if not asked:
        return {}
    for pointer in asked:
        branch = wanted
        for step in pointer:
            branch = branch.setdefault(step, {})
    offsets = _offsets(text, wanted)
    line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
    found: dict[Pointer, Position] = {}
    for pointer in asked:
        existing = pointer
        while existing not in offsets and existing:
            existing = existing[:-1]
        offset = offsets.get(existing, 0)
        line = bisect_right(line_starts, offset)
        found[pointer] = Position(offset, line, offset - line_starts[line - 1] + 1)
    return found


@dataclass(slots=True)
class _Open:
    """An object or array that the scan is inside of; `wanted` is None when nothing in it is asked for."""

    pointer: Pointer
    wanted: _Wanted | None
    index: int | None
    name: str | None = None


def _offsets(text: str, wanted: _Wanted) -> dict[Pointer, int]:
    offsets: dict[Pointer, int] = {}
    stack: list[_Open] = []
    pointer: Pointer = ()
    branch: _Wanted | None = wanted
    for match in TOKEN.finditer(text):
        lexeme, first = match.group(), match.start()
        here = stack[-1] if stack else None
        if lexeme in "}]":
            stack.pop()
            continue
        if lexeme == ",":
            assert here is not None
            if here.index is not None:
                here.index += 1
            else:
                here.name = None
            continue
        if lexeme == ":":
            continue
        if here is None:
            offsets[()] = first
        elif here.index is None and here.name is None:
            here.name = lexeme
            if here.wanted is not None:
                step = jsonvalue.loads(lexeme)
                branch = here.wanted.get(step)
                pointer = (*here.pointer, step)
                if branch is not None:
                    offsets.setdefault(pointer, first)
            else:
                branch = None
            continue
        elif here.index is not None:
            branch = here.wanted.get(here.index) if here.wanted is not None else None
            if branch is not None:
                pointer = (*here.pointer, here.index)
                offsets[pointer] = first
        if lexeme in "{[":
            stack.append(_Open(pointer if branch is not None else (), branch, None if lexeme == "{" else 0))
    return offsets
