"""Rows that are looked at thousands of times a second and seldom change: kept in memory until a commit changes them.

Who changes such a row says so on the connection (`forget_kept`); `Database` forgets everything that is kept as soon as
the change is committed, before it tells anyone. What was read before and is put in after the commit is of an older
generation, and not used.
"""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa

from steppe.base.jsonvalue import JsonValue

T = TypeVar("T")

_CHANGED = "steppe.kept changed"

KEPT_MAX = 64
"""Rows kept at once: a state machine is a megabyte at most."""


class Kept:
    """Rows by their keys."""

    __slots__ = ("_generation", "_rows")

    def __init__(self) -> None:
        self._generation = 0
        self._rows: dict[str, tuple[int, JsonValue]] = {}

    @property
    def generation(self) -> int:
        """Counts the changes; read before the row that is put in."""
        return self._generation

    def get(self, key: str) -> JsonValue:
        """The row with a key; None when it is not kept."""
        found = self._rows.get(key)
        return found[1] if found is not None and found[0] == self._generation else None

    def put(self, key: str, row: JsonValue, generation: int) -> None:
        """Keep a row that was read in a generation."""
        if len(self._rows) >= KEPT_MAX and key not in self._rows:
            self._rows.clear()
        self._rows[key] = (generation, row)

    def committed(self, c: sa.Connection) -> None:
        """A transaction of the connection was committed: if it changed what may be kept, nothing is kept any more."""
        if c.info.pop(_CHANGED, False):
            self._generation += 1
            self._rows.clear()


def forget_kept(c: sa.Connection) -> None:
    """The transaction changes rows that may be kept."""
    c.info[_CHANGED] = True
