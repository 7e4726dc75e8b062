"""How fast a Map Run goes on, and when it may be over: out of a few looks at its counts. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

WINDOW_SECONDS: Final = 10.0
"""The rate is that of the last looks within this time: long enough not to jump, short enough to follow."""

_LOOKS_MAX: Final = 64


@dataclass(slots=True)
class Pace:
    """Looks at the items that have ended, oldest first: (seconds on any clock, items)."""

    looks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_LOOKS_MAX))

    def note(self, now_seconds: float, done: int) -> float | None:
        """Look at a run; the items a second since the oldest look that counts. None at the first one."""
        looks = self.looks
        if looks and done < looks[-1][1]:
            looks.clear()  # it is redriven
        looks.append((now_seconds, done))
        while now_seconds - looks[0][0] > WINDOW_SECONDS and len(looks) > 2:
            looks.popleft()
        seconds = now_seconds - looks[0][0]
        return (done - looks[0][1]) / seconds if seconds > 0 else None


def seconds_left(*, done: int, total: int, rate: float | None) -> float | None:
    """When the rest may be over at this rate; None when nothing moves. As the source is read, `total` still grows."""
    if done >= total:
        return 0.0
    return (total - done) / rate if rate else None
