"""Time that jumps to the next thing that is due: tests of hours take no time at all."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from steppe.interp.stimulus import Stimulus

START_MS = 1_790_000_000_000
"""Where a clock stands unless told otherwise: 21 September 2026."""


@dataclass(slots=True)
class VirtualClock:
    """Stimuli with a time, given out in the order of their times.

    Attributes:
        now_ms: the time; moves only in `next`.
    """

    now_ms: int = START_MS
    _due: list[tuple[int, int, str | None, Stimulus]] = field(default_factory=list)
    _cancelled: set[int] = field(default_factory=set)
    _by_key: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    def at(self, due_ms: int, stimulus: Stimulus, *, key: str | None = None) -> None:
        """Give out a stimulus at a time (at once, when it has gone by).

        Args:
            due_ms: epoch milliseconds.
            stimulus: what happens.
            key: a name to cancel or replace it by; None when neither is wanted.
        """
        if key is not None:
            self.cancel(key)
            self._by_key[key] = self._count
        heapq.heappush(self._due, (due_ms, self._count, key, stimulus))
        self._count += 1

    def cancel(self, key: str) -> None:
        """Forget what has this key; nothing happens when there is none."""
        number = self._by_key.pop(key, None)
        if number is not None:
            self._cancelled.add(number)

    def clear(self) -> None:
        """Forget everything, as a crash does."""
        self._due.clear()
        self._by_key.clear()
        self._cancelled.clear()

    def next(self) -> Stimulus | None:
        """Move to the next time that something is due and give it out; None when nothing is."""
        while self._due:
            due_ms, number, key, stimulus = heapq.heappop(self._due)
            if number in self._cancelled:
                self._cancelled.discard(number)
                continue
            if key is not None and self._by_key.get(key) == number:
                del self._by_key[key]
            self.now_ms = max(self.now_ms, due_ms)
            return stimulus
        return None

    def __iter__(self) -> Iterator[Stimulus]:
        """All that comes, until nothing is due."""
        while (stimulus := self.next()) is not None:
            yield stimulus
