"""The desk where shards are given out: to workers within the ledger's grants, and back with what they have done.

Knows which shards are under way, which have to be tried again and which wait; registers segments and books them. It is
the coordinator's (`run.py`): one event loop, no locks.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.executors.executor import Finished, Job, JobHandle, JobOutcome, Lost, Raised
from steppe.interp.stimulus import Stimulus
from steppe.maprun.item_source import ItemRange
from steppe.maprun.ledger import Entry, Ledger, Tally
from steppe.maprun.parts import Parts
from steppe.maprun.redrive import redrive_count
from steppe.maprun.segments import load_segment
from steppe.maprun.shards import (
    Answer,
    Beginning,
    ChildAsks,
    Deliver,
    FindChild,
    FromWorker,
    ListRunning,
    RunningChild,
    RunningReport,
    SegmentReport,
    SetFailuresLeft,
    SetLimit,
    ShardEnd,
    ShardJob,
    StopChildren,
    ToWorker,
)
from steppe.maprun.worker import run_shard
from steppe.stores import map_runs
from steppe.stores.map_runs import RunRecord, ShardRecord

PAGE: Final = 64
"""Shards in memory that wait for a worker, and rows of one insert."""

_JOBS_PER_WORKER: Final = 2
"""One that computes and one that is ready when it ends."""

_ATTEMPTS_MAX: Final = 3
"""Attempts at a shard that raises (a bug, a full disk) before the run fails; and deaths of a worker before a child that
was begun right before each of them is blamed."""

_DEATHS_ALONE: Final = 2
"""Deaths of workers over one shard after which its children are run one at a time."""

_DEATHS_MAX: Final = 20
"""Deaths of workers over one shard before the run fails: nothing in it can be blamed."""

_STOP_SECONDS: Final = 10.0
"""How long children may take to be aborted before their shard is cancelled."""

_ANSWER_SECONDS: Final = 1.0
"""How long a question to a worker may take: one that computes answers late, and its children are over by then."""


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A shard that a worker has, or that waits for another attempt."""

    shard: ShardRecord
    handle: JobHandle | None = None
    idle: bool = False
    failures: int = 0
    deaths: int = 0
    begun: int | None = None
    blamed: dict[int, int] = field(default_factory=dict)


class ShardDesk:
    """The shards of one Map Run."""

    def __init__(
        self,
        run: RunRecord,
        parts: Parts,
        ledger: Ledger,
        *,
        prefix: str,
        changed: Callable[[], None],
        child_asks: Callable[[ChildAsks], None],
    ) -> None:
        """What the desk works with.

        Args:
            run: whose shards they are.
            parts: of the server.
            ledger: the run's books.
            prefix: of the run's keys in the internal bucket.
            changed: called when anything has happened.
            child_asks: called when a child wants a Map Run of its own started or stopped.
        """
        self.fault: Fault | None = None
        """Why the run cannot succeed any more: the source, the ItemSelector, or shards that fail again and again."""
        self.losses = 0
        """Attempts that ended without a word about the segments that they had written."""
        self.exceeded = False
        """A shard stopped because more failed than might: it is over, whatever is tolerated by now."""
        self.crash: BaseException | None = None
        """Why the coordinator cannot go on: the database refused a write."""
        self._run_id = run.id
        self._plan_key = run.plan_key
        self._redrive = redrive_count(run)
        self._parts = parts
        self._ledger = ledger
        self._prefix = prefix
        self._changed = changed
        self._child_asks = child_asks
        self._under_way: dict[int, _UnderWay] = {}
        self._again: deque[_UnderWay] = deque()
        self._waiting: deque[ShardRecord] = deque()
        self._next_item = 0
        self._saving = 0
        self._hold = False
        self._attempts = itertools.count()
        self._requests = itertools.count()
        self._answers: dict[int, asyncio.Future[Answer]] = {}

    @property
    def busy(self) -> bool:
        """Whether a shard is under way, or a write."""
        return bool(self._under_way or self._saving)

    def deliver(self, item_index: int, stimulus: Stimulus) -> None:
        """Something has happened to a child; dropped when it does not run."""
        for first_item, entry in self._under_way.items():
            if entry.handle and first_item <= item_index < first_item + entry.shard.item_count:
                entry.handle.send(Deliver(item_index, stimulus))

    def close(self) -> None:
        """Forget what is under way, without a trace."""
        for entry in self._under_way.values():
            if entry.handle:
                entry.handle.cancel()
        self._under_way.clear()
        for answer in self._answers.values():
            answer.cancel()

    async def find_running(self, item_index: int) -> RunningChild | None:
        """A child that runs, by its first item; with its history."""
        for first_item, entry in list(self._under_way.items()):
            if entry.handle and first_item <= item_index < first_item + entry.shard.item_count:
                children = await self._ask(entry.handle, lambda number: FindChild(number, item_index))
                return children[0] if children else None
        return None

    async def list_running(self, limit: int) -> list[RunningChild]:
        """Children that run, the youngest first."""
        handles = [entry.handle for entry in self._under_way.values() if entry.handle]
        found = await asyncio.gather(*(self._ask(handle, lambda n: ListRunning(n, limit)) for handle in handles))
        children = sorted((c for some in found for c in some), key=lambda c: (c.started_ms, c.item_index), reverse=True)
        return children[:limit]

    # Shards to workers

    async def give_out(self, source: JsonValue) -> None:
        """Submit shards as long as workers and the ledger want more. `source`: the description of the items' source."""
        if self._hold and self._saving:
            return
        self._hold = False
        if 0 in self._ledger.grants.values():
            self.share_anew()
        most = self._parts.executor.capacity * _JOBS_PER_WORKER
        while sum(1 for entry in self._under_way.values() if not entry.idle) < most:
            entry = await self._next_shard()
            if entry is None:
                self._share_rest()
                return
            shard = entry.shard
            children = -(-shard.item_count // self._ledger.batch_items)
            capacity = self._parts.executor.capacity
            if not self._ledger.grant(shard.first_item, children=children, workers=capacity):
                self._again.appendleft(entry)
                return
            self._submit(entry, source)

    async def _next_shard(self) -> _UnderWay | None:
        if self._again:
            return self._again.popleft()
        known = self._ledger.scanned_items
        if not self._waiting and self._next_item < known:
            page = await self._parts.database.read(
                lambda c: map_runs.pending_shards(c, self._run_id, from_item=self._next_item, limit=PAGE)
            )
            # The rows of all items that were known before the read were there to be read.
            self._next_item = page[-1].first_item + page[-1].item_count if page else known
            self._waiting.extend(page)
        return _UnderWay(self._waiting.popleft()) if self._waiting else None

    def share_anew(self) -> None:
        """MaxConcurrency is another one, or left nothing for a shard: give all under way their part of it."""
        under_way = dict(sorted(self._under_way.items()))
        before = dict(self._ledger.grants)
        wanted = {first: -(-entry.shard.item_count // self._ledger.batch_items) for first, entry in under_way.items()}
        self._ledger.share_anew(wanted, workers=self._parts.executor.capacity)
        for first_item, entry in under_way.items():
            grant = self._ledger.grants[first_item]
            if entry.handle and grant != before.get(first_item):
                entry.handle.send(SetLimit(grant if entry.deaths < _DEATHS_ALONE else min(grant, 1)))

    def tell_tolerance(self) -> None:
        """The tolerance is another one: tell the shards under way."""
        for entry in self._under_way.values():
            if entry.handle:
                entry.handle.send(SetFailuresLeft(self._ledger.failures_left))

    def _share_rest(self) -> None:
        """No shard waits: what is free of the window goes to those under way that could use it."""
        for first_item, entry in self._under_way.items():
            granted = self._ledger.grants.get(first_item, 0)
            children = -(-entry.shard.item_count // self._ledger.batch_items)
            if granted < children and entry.handle and not entry.deaths and self._ledger.scanned_all:
                more = self._ledger.raise_grant(first_item, children=children)
                if more > granted:
                    entry.handle.send(SetLimit(more))

    def _submit(self, entry: _UnderWay, source: JsonValue) -> None:
        shard = entry.shard
        entry.idle = False
        entry.begun = None
        job = ShardJob(
            run_id=self._run_id,
            plan_key=self._plan_key,
            source=source,
            items=ItemRange(shard.first_item, shard.item_count, shard.range_start, shard.range_end),
            segments=tuple(load_segment(segment) for segment in shard.segments),
            segment_prefix=(
                f"{self._prefix}segments/{shard.first_item:012d}-{self._parts.boot}-{self._redrive}"
                f"-{next(self._attempts)}-"
            ),
            name_key=self._parts.name_key,
            # A second death: one child at a time, so that the next one has a name.
            limit=self._ledger.grants[shard.first_item] if entry.deaths < _DEATHS_ALONE else 1,
            failures_left=self._ledger.failures_left,
            careful=entry.deaths > 0,
            condemned=frozenset(index for index, times in entry.blamed.items() if times >= _ATTEMPTS_MAX),
            redrive=self._redrive,
            whole_before=shard.execution_count,
        )
        self._under_way[shard.first_item] = entry
        entry.handle = self._parts.executor.submit(Job(run_shard, job), _Listener(self, entry))

    # What workers say

    def heard(self, entry: _UnderWay, message: FromWorker) -> None:
        """A worker's message about a shard under way."""
        match message:
            case SegmentReport():
                self._register(entry, message)
            case RunningReport(executions, items):
                self._ledger.running[entry.shard.first_item] = (executions, items)
            case Answer(request_id):
                if (future := self._answers.pop(request_id, None)) and not future.done():
                    future.set_result(message)
            case Beginning(item_index):
                entry.begun = item_index
            case ChildAsks():
                self._child_asks(message)
            case _:
                assert_never(message)

    def became_idle(self, entry: _UnderWay, *, idle: bool) -> None:
        """A shard only waits now, or computes again."""
        entry.idle = idle
        self._changed()

    def shard_ended(self, entry: _UnderWay, outcome: JobOutcome) -> None:
        """A worker has returned a shard, in whatever way."""
        if self._under_way.pop(entry.shard.first_item, None) is None:
            return
        entry.handle = None
        self._ledger.release(entry.shard.first_item)
        match outcome:
            case Finished(value):
                end: ShardEnd = value
                if end.error is not None:
                    self.fault = self.fault or Fault(end.error, end.cause)
                self._register(entry, end.report, end)
                self.exceeded = self.exceeded or end.exceeded
                if not end.whole:
                    # It stopped by itself, most likely because too many failed: that is in the books once it is saved.
                    self._hold = True
                    self._again.append(entry)
            case Raised(error):
                self.losses += 1
                entry.failures += 1
                if entry.failures >= _ATTEMPTS_MAX:
                    text = f"A shard of the Map Run failed {entry.failures} times: {type(error).__name__}: {error}"
                    self.fault = self.fault or Fault("States.Runtime", text, catchable=False)
                self._again.append(entry)
            case Lost(reason):
                self.losses += 1
                entry.deaths += 1
                if entry.begun is not None:
                    entry.blamed[entry.begun] = entry.blamed.get(entry.begun, 0) + 1
                if entry.deaths > _DEATHS_MAX:
                    text = f"{entry.deaths} workers died over one shard of the Map Run: {reason}"
                    self.fault = self.fault or Fault("States.Runtime", text, catchable=False)
                self._again.append(entry)
        self._changed()

    def _register(self, entry: _UnderWay, report: SegmentReport | None, end: ShardEnd | None = None) -> None:
        """Commit a segment and a shard's end; book it afterwards."""
        shard = entry.shard
        booked = Entry()
        if report:
            booked = report.booked
            shard = _with_segment(shard, report)
        if end and end.whole:
            shard = replace(shard, done=True, execution_count=end.executions)
        if shard is entry.shard:
            return
        first_end = shard.done and not entry.shard.execution_count
        entry.shard = shard
        self._saving += 1

        def saved(future: asyncio.Future[None]) -> None:
            self._saving -= 1
            if not future.cancelled() and (error := future.exception()):
                self.crash = self.crash or error
            else:
                self._ledger.book(booked)
                if first_end:
                    self._ledger.correct(item_count=shard.item_count, execution_count=shard.execution_count)
            self._changed()

        writing = self._parts.database.submit(lambda c: map_runs.save_shard(c, self._run_id, shard))
        asyncio.wrap_future(writing).add_done_callback(saved)

    async def _ask(self, handle: JobHandle, ask: Callable[[int], ToWorker]) -> list[RunningChild]:
        """Ask a shard under way; nothing when it ends meanwhile, or does not answer soon."""
        number = next(self._requests)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        handle.send(ask(number))
        try:
            await asyncio.wait([future], timeout=_ANSWER_SECONDS)
            return future.result().children if future.done() and not future.cancelled() else []
        finally:
            self._answers.pop(number, None)

    def stop_children(self, *, express: bool) -> None:
        """Have the shards under way start no more children and abort those that run; see `StopChildren`."""
        for entry in self._under_way.values():
            if entry.handle:
                entry.handle.send(StopChildren(express))

    def cancel(self) -> None:
        """Cancel the shards under way."""
        for entry in list(self._under_way.values()):
            if entry.handle:
                entry.handle.cancel()


class _Listener:
    """Hands to the desk what an executor says about one attempt at a shard."""

    def __init__(self, desk: ShardDesk, entry: _UnderWay) -> None:
        self._desk = desk
        self._entry = entry

    def message(self, message: JsonValue) -> None:
        self._desk.heard(self._entry, message)

    def idle(self, *, idle: bool) -> None:
        self._desk.became_idle(self._entry, idle=idle)

    def ended(self, outcome: JobOutcome) -> None:
        self._desk.shard_ended(self._entry, outcome)


def _with_segment(shard: ShardRecord, report: SegmentReport) -> ShardRecord:
    """A shard with one more segment."""
    booked = report.booked
    shard = replace(
        shard,
        segments=[*shard.segments, report.segment.dump()],
        items=_sum(shard.items, booked.items),
        children=_sum(shard.children, booked.executions),
        output_bytes=shard.output_bytes + report.output_bytes,
        stuck_items=shard.stuck_items + booked.stuck_items,
        stuck=shard.stuck + booked.stuck,
    )
    if not booked.again_executions.ended:
        return shard
    none = Tally()
    waiting_items = Tally(0, *shard.waiting_items) - booked.again_items
    waiting = Tally(0, *shard.waiting) - booked.again_executions
    return replace(
        shard,
        items=_sum(shard.items, none - booked.again_items),
        children=_sum(shard.children, none - booked.again_executions),
        waiting_items=(waiting_items.failed, waiting_items.timed_out, waiting_items.aborted),
        waiting=(waiting.failed, waiting.timed_out, waiting.aborted),
    )


def _sum(counts: tuple[int, int, int, int], tally: Tally) -> tuple[int, int, int, int]:
    a, b, c, d = counts
    return a + tally.succeeded, b + tally.failed, c + tally.timed_out, d + tally.aborted
