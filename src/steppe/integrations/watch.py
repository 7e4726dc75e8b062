"""Watching jobs: one loop an API looks at all the jobs that tasks wait for, many in one call where the API can.

How often a job is looked at depends on how long it has been running: a job of a second is noticed within a quarter of
a second, one of an hour within POLL_SECONDS_MAX. An API that throttles is asked less, up to SLOWER_MAX times. An API
that cannot be reached is asked again until it can: the job goes on without us.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.integrations.endpoint import may_try_again, throttled

POLL_SECONDS_FIRST = 0.02
POLL_SECONDS_MAX = 10.0
POLL_PART_OF_AGE = 0.25
"""A job is looked at again when it is this much older."""

SLOWER_MAX = 8.0
_LOOKS_AT_ONCE_MAX = 16
"""Calls of one API under way."""

_LOOK_SECONDS_MAX = 60.0
_EARLY = 0.2
"""Jobs that are due within this part of their interval are looked at together with one that is due now."""

Look: TypeAlias = Callable[[Sequence[JsonValue]], Awaitable[Mapping[int, JsonValue]]]
"""Looks at jobs (what `Watch.ended` was given): for the positions of those that have ended, what was seen.

Raises ApiError when none could be looked at; a value may be an exception that its waiter gets.
"""


@dataclass(slots=True)
class _Waiting:
    """One job. `interval` is in seconds; `nudged` asks for a look at once."""

    job: JsonValue
    since: float
    ended: asyncio.Future[JsonValue]
    interval: float = POLL_SECONDS_FIRST


@dataclass(slots=True)
class _Group:
    look: Look
    batch_max: int
    waiting: list[tuple[float, int, _Waiting]] = field(default_factory=list)
    slower: float = 1.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.Task[None] | None = None


class Watch:
    """All the jobs that this process waits for. Everything is called in one event loop."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._numbers = itertools.count()

    async def ended(self, group: tuple[str, ...], job: JsonValue, *, look: Look, batch_max: int = 1) -> JsonValue:
        """Wait for the end of a job; what was seen then.

        Args:
            group: which jobs one call can look at together: service, operation, what else the call must say.
            job: what `look` needs to know.
            look: of the group; that of the first job is used for all.
            batch_max: jobs one call can look at.

        Raises:
            ApiError: the API refuses to say how the job is.
        """
        loop = asyncio.get_running_loop()
        entry = self._groups.get(group)
        if entry is None:
            entry = self._groups[group] = _Group(look, batch_max)
        waiting = _Waiting(job, loop.time(), loop.create_future())
        heapq.heappush(entry.waiting, (waiting.since, next(self._numbers), waiting))
        entry.changed.set()
        if entry.loop is None:
            entry.loop = asyncio.create_task(self._run(group, entry))
        return await waiting.ended

    def nudge(self, group: tuple[str, ...], job: JsonValue) -> None:
        """A job of a group has ended, as somebody knows: look at it now."""
        entry = self._groups.get(group)
        if entry is None:
            return
        now = asyncio.get_running_loop().time()
        found = [(number, waiting) for _, number, waiting in entry.waiting if waiting.job == job]
        for number, waiting in found:
            heapq.heappush(entry.waiting, (now, number, waiting))
        if found:
            entry.changed.set()

    async def close(self) -> None:
        """Stop looking; nobody waits any more."""
        loops = [entry.loop for entry in self._groups.values() if entry.loop is not None]
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    async def _run(self, group: tuple[str, ...], entry: _Group) -> None:
        """Look whenever something is due, until nobody waits."""
        clock = asyncio.get_running_loop().time
        chosen: list[_Waiting] = []
        try:
            while entry.waiting:
                entry.changed.clear()
                due = entry.waiting[0][0]
                if due > clock():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(entry.changed.wait(), due - clock())
                    continue
                chosen = _take(entry, clock())
                size = entry.batch_max
                batches = [chosen[start : start + size] for start in range(0, len(chosen), size)]
                await asyncio.gather(*[self._look(entry, batch) for batch in batches])
        except Exception as bug:
            for waiting in [*chosen, *(waiting for _, _, waiting in entry.waiting)]:
                if not waiting.ended.done():
                    waiting.ended.set_exception(bug)  # nobody may wait for ever
            raise
        finally:
            entry.loop = None
            del self._groups[group]

    async def _look(self, entry: _Group, batch: list[_Waiting]) -> None:
        """One call; what has ended is told, the rest is put back."""
        ended: Mapping[int, JsonValue] = {}
        try:
            ended = await asyncio.wait_for(entry.look([waiting.job for waiting in batch]), _LOOK_SECONDS_MAX)
            entry.slower = max(1.0, entry.slower * 0.9)
        except TimeoutError:
            entry.slower = min(SLOWER_MAX, entry.slower * 2)
        except ApiError as error:
            if throttled(error):
                entry.slower = min(SLOWER_MAX, entry.slower * 2)
            elif not may_try_again(error):
                ended = dict.fromkeys(range(len(batch)), error)
        now = asyncio.get_running_loop().time()
        for position, waiting in enumerate(batch):
            if waiting.ended.done():
                continue
            if position in ended:
                seen = ended[position]
                if isinstance(seen, Exception):
                    waiting.ended.set_exception(seen)
                else:
                    waiting.ended.set_result(seen)
                continue
            age = now - waiting.since
            waiting.interval = min(max(POLL_SECONDS_FIRST, age * POLL_PART_OF_AGE), POLL_SECONDS_MAX) * entry.slower
            heapq.heappush(entry.waiting, (now + waiting.interval, next(self._numbers), waiting))


def _take(entry: _Group, now: float) -> list[_Waiting]:
    """Those that are due, and those that nearly are, as many as may be looked at together."""
    chosen: dict[int, _Waiting] = {}
    limit = entry.batch_max * _LOOKS_AT_ONCE_MAX
    while entry.waiting and len(chosen) < limit:
        due, _, waiting = entry.waiting[0]
        early = waiting.interval * _EARLY if entry.batch_max > 1 else 0.0
        if due - early > now:
            break
        heapq.heappop(entry.waiting)
        if not waiting.ended.done():
            chosen[id(waiting)] = waiting  # a nudged one is in the heap twice
    return list(chosen.values())
