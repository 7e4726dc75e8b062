"""GET /_steppe/map-runs/progress?mapRunArn=...: how a Map Run goes on, as server-sent events.

Each event is named `progress`, and its data is the answer of DescribeMapRun as JSON (dates in epoch milliseconds) with
`itemsPerSecond` and `secondsLeft`, null when nothing can be said. One comes at once, then one whenever something has
changed, at most every INTERVAL_SECONDS; the one whose `status` is not RUNNING is the last.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

from steppe.base import arns
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue, dumpb
from steppe.maprun.pace import Pace, seconds_left
from steppe.wire.http import HttpAnswer, HttpRequest
from steppe.wire.request import Stream

PATH: Final = "/_steppe/map-runs/progress"

INTERVAL_SECONDS: Final = 0.4
"""Counts are in the coordinator's memory, so that a look costs next to nothing; an eye wants two a second."""

QUIET_SECONDS: Final = 10.0
"""A comment is sent when there was nothing to say for so long: that is how a client that has gone away is noticed."""

STREAMS_MAX: Final = 64
"""Streams at the same time; more are refused with 503."""

_HEADERS: Final = (("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"))
_PLAIN: Final = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))


class DescribesMapRuns(Protocol):
    """What tells how a run stands: `maprun.runs.MapRuns`."""

    async def describe(self, map_run_arn: str) -> dict[str, JsonValue] | None:
        """DescribeMapRun's answer, times in epoch milliseconds; None when there is no such run."""
        ...


class ProgressStreams:
    """The streams of one server."""

    def __init__(self, map_runs: DescribesMapRuns, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds."""
        self._map_runs = map_runs
        self._clock = clock
        self._open = 0
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End all streams: a server that stops waits for its answers."""
        self._closing.set()

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """The answer to a request for PATH."""
        if request.method != "GET":
            return HttpAnswer(405, (*_PLAIN, ("Allow", "GET")), dumpb({"message": "only GET"}))
        arn = dict(request.query).get("mapRunArn", "")
        try:
            arns.expect(arn, "mapRun")
        except ApiError as error:
            return HttpAnswer(400, _PLAIN, dumpb({"message": error.message}))
        if await self._map_runs.describe(arn) is None:
            return HttpAnswer(404, _PLAIN, dumpb({"message": f"no such Map Run: {arn}"}))
        if self._open >= STREAMS_MAX or self._closing.is_set():
            return HttpAnswer(503, _PLAIN, dumpb({"message": f"{self._open} streams are open"}))
        return HttpAnswer(200, _HEADERS, Stream(chunks=self._events(arn)))

    async def _events(self, arn: str) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            pace = Pace()
            told: JsonValue = None
            told_at = self._clock()
            while not self._closing.is_set():
                found = await self._map_runs.describe(arn)
                if found is None:
                    return  # it was kept long enough
                now = self._clock()
                shown = _shown(found, pace, now)
                if found != told:
                    told, told_at = found, now
                    yield b"event: progress\ndata: " + dumpb(shown) + b"\n\n"
                elif now - told_at >= QUIET_SECONDS:
                    told_at = now
                    yield b":\n\n"
                if found["status"] != "RUNNING":
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), INTERVAL_SECONDS)
        finally:
            self._open -= 1


def _shown(found: dict[str, JsonValue], pace: Pace, now_seconds: float) -> dict[str, JsonValue]:
    counts = found["itemCounts"]
    done = sum(counts[name] for name in ("succeeded", "failed", "timedOut", "aborted"))
    rate = pace.note(now_seconds, done)
    left = None
    if found["status"] == "RUNNING":
        left = seconds_left(done=done, total=counts["total"], rate=rate)
    return {**found, "itemsPerSecond": rate, "secondsLeft": left}
