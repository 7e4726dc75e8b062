"""Timers of executions: at a time, a stimulus. Kept in memory only: an execution's waits say which it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from steppe.interp.stimulus import TimerFired

_SLEEP_SECONDS_MAX = 3600.0
"""Longer waits are slept in pieces, so that a change of the wall clock is noticed within the hour."""


class Timers:
    """Pending timers by execution and key."""

    def __init__(self, *, clock: Callable[[], int], fire: Callable[[str, TimerFired], None]) -> None:
        """Prepare.

        Args:
            clock: epoch milliseconds.
            fire: called with the execution's ARN when a timer is due, in the event loop.
        """
        self._clock = clock
        self._fire = fire
        self._handles: dict[tuple[str, str], asyncio.TimerHandle] = {}

    def set(self, arn: str, key: str, due_ms: int) -> None:
        """Fire at `due_ms` or later; a timer with the same key is replaced."""
        self.cancel(arn, key)
        delay = min(max(0.0, (due_ms - self._clock()) / 1000), _SLEEP_SECONDS_MAX)
        loop = asyncio.get_running_loop()
        self._handles[arn, key] = loop.call_later(delay, self._due, arn, key, due_ms)

    def cancel(self, arn: str, key: str) -> None:
        """Forget a timer, if there is one."""
        handle = self._handles.pop((arn, key), None)
        if handle is not None:
            handle.cancel()

    def close(self) -> None:
        """Forget all."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    def _due(self, arn: str, key: str, due_ms: int) -> None:
        if self._clock() < due_ms:
            self.set(arn, key, due_ms)
            return
        self._handles.pop((arn, key), None)
        self._fire(arn, TimerFired(key))
