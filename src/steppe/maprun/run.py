"""One Map Run: the coordinator. One asyncio task; what blocks (scanning the source) is in a thread.

    open the source -> scan it into shards (rows) -> give shards to workers, within the ledger's grants -> register
    their segments -> when every item has ended, or too many failed, or it was stopped: write the results, end the run

All that has happened is in the rows of the run and its shards, so a coordinator that starts on an existing run goes on
where the last one stopped. In memory are a window of shards, those under way, and the books.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.executors.executor import Finished, Job, JobOutcome, Lost, Raised
from steppe.interp.stimulus import Stimulus
from steppe.maprun.batch_cut import batch_ranges
from steppe.maprun.export import Export
from steppe.maprun.item_source import SHARD_ITEMS, Cut, ItemRange, ItemSource
from steppe.maprun.ledger import Ledger, Tally, Tolerance
from steppe.maprun.parts import Parts
from steppe.maprun.plan import RunPlan, compile_plan
from steppe.maprun.results import collect_results
from steppe.maprun.shard_desk import PAGE, ShardDesk
from steppe.maprun.shards import ChildAsks, RunningChild
from steppe.maprun.sources import open_source, reopen_source
from steppe.stores import map_runs
from steppe.stores.map_runs import RunRecord, ShardRecord

EXCEEDED: Final = "States.ExceedToleratedFailureThreshold"
EXCEEDED_CAUSE: Final = "The specified tolerated failure threshold was exceeded"

_SCAN_COMMIT_SECONDS: Final = 0.05
"""How long a shard that was found may wait for its insert: workers begin with the first ones at once."""

_STOP_SECONDS: Final = 10.0
"""How long children may take to be aborted before their shard is cancelled."""

_WRITE_ATTEMPTS_MAX: Final = 3
"""Workers that may die over the writing of results."""


class MapRun:
    """A Map Run under way."""

    def __init__(
        self, record: RunRecord, plan: RunPlan, parts: Parts, *, child_asks: Callable[[ChildAsks], None]
    ) -> None:
        """`child_asks` is called when a child wants a Map Run of its own started or stopped."""
        self.record = record
        self.plan = plan
        self._parts = parts
        self._saving, self._updating = asyncio.Lock(), asyncio.Lock()
        self.ledger = Ledger(_tolerance(record, plan), record.settings["maxConcurrency"], plan.children_batch_items)
        self._prefix = run_prefix(record.arn)
        self._wake = asyncio.Event()
        self._desk = ShardDesk(
            record, parts, self.ledger, prefix=self._prefix, changed=self._wake.set, child_asks=child_asks
        )
        self._export = Export(record.id, plan, parts, self._run_job)
        self._scan_stop = threading.Event()
        self._scan: asyncio.Future[None] | None = None
        self._scan_fault: Fault | None = None
        self._stop_asked = False
        self._loop = asyncio.get_running_loop()
        self._resumed = False

    async def run(self) -> RunRecord:
        """From the start, or from where it stopped, to the end; the record of the ended run.

        Cancelled, it leaves everything as it is, to be gone on with.
        """
        try:
            if self.record.ending is None:
                ending = await self._work()
                if ending is not None:
                    await self._save_run(ending=ending)
                    await self._stop_children(express=ending["status"] == "ABORTED")
            else:
                await self._load_books()
            return await self._end()
        finally:
            self._scan_stop.set()
            self._desk.close()
            self._export.close()

    @property
    def leaves_leftovers(self) -> bool:
        """Whether attempts at it have died: of workers, or of the server."""
        return self._resumed or self._desk.losses > 0

    def stop(self) -> None:
        """Have the run end as ABORTED."""
        self._stop_asked = True
        self._wake.set()

    async def update(self, changes: dict[str, JsonValue]) -> bool:
        """Other limits from now on, by the names of DescribeMapRun; False when the run is ending."""
        async with self._updating:
            if self._stop_asked or self.record.ending is not None or self.record.status != "RUNNING":
                return False
            now = _tolerance(self.record, self.plan)
            count = changes.get("toleratedFailureCount", now.count)
            percentage = changes.get("toleratedFailurePercentage", now.percentage)
            await self._save_run(settings={**self.record.settings, **changes, "tolerance": [count, percentage]})
            self.ledger.tolerance = Tolerance(count, percentage)
            self._desk.tell_tolerance()
            self.ledger.concurrency_max = self.record.settings["maxConcurrency"]
            if "maxConcurrency" in changes:
                self._desk.share_anew()
            self._wake.set()
            return True

    def deliver(self, item_index: int, stimulus: Stimulus) -> None:
        """Something has happened to a child; dropped when it does not run."""
        self._desk.deliver(item_index, stimulus)

    async def find_running(self, item_index: int) -> RunningChild | None:
        """A child that runs, by its first item; with its history."""
        return await self._desk.find_running(item_index)

    async def list_running(self, limit: int) -> list[RunningChild]:
        """Children that run, the youngest first."""
        return await self._desk.list_running(limit)

    # The work: until every item has ended (None), or the run ends otherwise

    async def _work(self) -> JsonValue:
        try:
            source = await self._source()
        except Fault as fault:
            return _failed(fault)
        await self._load_books()
        self._export.begin(self.record)
        if not self.record.scanned_all:
            last = await self._parts.database.read(lambda c: map_runs.last_shard(c, self.record.id))
            self._scan = asyncio.ensure_future(self._parts.in_thread(self._scan_source, source, last))
            self._scan.add_done_callback(lambda _: self._wake.set())
        while True:
            self._wake.clear()
            self._raise_crash()
            if self._stop_asked:
                return {"status": "ABORTED", "error": None, "cause": None}
            if self._scan and self._scan.done():
                await self._scan_done(self._scan)
                self._scan = None
            wrong = self._scan_fault or self._desk.fault
            if wrong:
                return _failed(wrong)
            if self.ledger.exceeded or self._desk.exceeded:
                return _failed(Fault(EXCEEDED, EXCEEDED_CAUSE))
            if self.ledger.complete and not self._desk.busy:
                return None
            await self._desk.give_out(self.record.source)
            await self._wake.wait()

    async def _source(self) -> ItemSource:
        """Open the source, or the one that was opened before."""
        parts = self._parts
        if self.record.source is not None:
            return reopen_source(self.record.source, parts.places)
        key = f"{self._prefix}items.jsonl"
        source = await parts.in_thread(open_source, self.plan.command, places=parts.places, spool_key=key)
        await self._save_run(source=source.description)
        return source

    async def _load_books(self) -> None:
        """The ledger as the rows have it."""
        ledger = self.ledger
        totals = await self._parts.database.read(
            lambda c: map_runs.totals(c, self.record.id, batch_items=ledger.batch_items)
        )
        self._resumed = totals.shard_count > 0
        ledger.scanned_items = totals.item_count
        ledger.scanned_executions = totals.done_executions + totals.open_executions
        ledger.items, ledger.executions = Tally(*totals.items), Tally(*totals.children)
        ledger.waiting_items, ledger.waiting = Tally(0, *totals.waiting_items), Tally(0, *totals.waiting)
        ledger.stuck_items, ledger.stuck = totals.stuck_items, totals.stuck
        ledger.scanned_all = self.record.scanned_all

    def _scan_source(self, source: ItemSource, last: ShardRecord | None) -> None:
        """Find the shards and insert their rows. In a thread."""
        multiple = self.plan.command.max_items_per_batch or 1
        reader = self.plan.command.reader or {}
        cut = Cut(
            items=max(SHARD_ITEMS // multiple, 1) * multiple, multiple=multiple, items_max=reader.get("MaxItems") or 0
        )
        after = ItemRange(last.first_item, last.item_count, last.range_start, last.range_end) if last else None
        found: list[ShardRecord] = []
        committed_at = 0.0
        try:
            for items in self._ranges(source, cut, after):
                found.append(
                    ShardRecord(
                        first_item=items.first_item,
                        item_count=items.item_count,
                        range_start=items.start,
                        range_end=items.end,
                    )
                )
                now = time.monotonic()
                if len(found) >= PAGE or now - committed_at >= _SCAN_COMMIT_SECONDS:
                    self._commit_found(found)
                    found, committed_at = [], now
                if self._scan_stop.is_set():
                    return
        finally:
            # Also when the source turned bad: what was found before is known to be there.
            if found:
                self._commit_found(found)

    def _ranges(self, source: ItemSource, cut: Cut, after: ItemRange | None) -> Iterator[ItemRange]:
        """The shards' ranges: where batches are limited in bytes, they end where a batch does."""
        if self.plan.command.max_input_bytes_per_batch is None:
            return source.split(cut, after)
        return batch_ranges(
            compile_plan(self.plan),
            source,
            replace(cut, items=SHARD_ITEMS, multiple=1),
            after,
            now_ms=self._parts.clock(),
            run_id=self.record.id,
            name_key=self._parts.name_key,
        )

    def _commit_found(self, found: list[ShardRecord]) -> None:
        self._parts.database.write_now(lambda c: map_runs.insert_shards(c, self.record.id, found))
        self._loop.call_soon_threadsafe(self._note_found, [record.item_count for record in found])

    def _note_found(self, item_counts: list[int]) -> None:
        for count in item_counts:
            self.ledger.scan(count)
        self._wake.set()

    async def _scan_done(self, scan: asyncio.Future[None]) -> None:
        try:
            scan.result()
        except Fault as fault:
            self._scan_fault = fault
            return
        await self._save_run(scanned_all=True)
        self.ledger.scanned_all = True

    # The end

    async def _stop_children(self, *, express: bool) -> None:
        """No new children; those that run are aborted, and what has ended is registered.

        Express children are left to run to their end unless `express`: observed in September 2026.
        """
        self._scan_stop.set()
        if self._scan:
            await asyncio.wait([self._scan])
        self._desk.stop_children(express=express)
        patient = self.record.settings["express"] and not express
        deadline = self._loop.time() + _STOP_SECONDS
        while self._desk.busy:
            self._wake.clear()
            self._raise_crash()
            if not patient and self._loop.time() > deadline:
                self._desk.cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 1.0)

    async def _end(self) -> RunRecord:
        """Results, then the run's end in one write."""
        ending, result, record = self.record.ending, None, self.record
        try:
            result, record = await collect_results(record, self.plan, self._parts, self._export)
        except Fault as fault:
            ending = ending or _failed(fault)
        await self._save_run(
            status=ending["status"] if ending else "SUCCEEDED",
            ending=ending,
            outcome={"error": ending["error"], "cause": ending["cause"]} if ending else {"result": result},
            stopped_ms=self._parts.clock(),
            counts=self.counts(ended=True),
            redrive=record.redrive,
        )
        return self.record

    async def _run_job(self, job: Job, answer: Callable[[JsonValue], Awaitable[JsonValue]]) -> JsonValue:
        """Run another job of this run in the pool, again when its worker is lost."""
        for _ in range(_WRITE_ATTEMPTS_MAX):
            talk = _Talk()
            handle = self._parts.executor.submit(job, talk)
            try:
                while not isinstance(said := await talk.heard.get(), Finished | Raised | Lost):
                    handle.send(await answer(said.message))
            except BaseException:
                handle.cancel()
                raise
            match said:
                case Finished(value):
                    return value
                case Raised(error):
                    raise error
                case Lost():
                    continue
        raise Fault("States.Runtime", "The workers that wrote the results of the Map Run died.", catchable=False)

    def counts(self, *, ended: bool = False) -> dict[str, JsonValue]:
        """`itemCounts` and `executionCounts`, as they stand."""
        return {
            "itemCounts": self.ledger.counts(of_items=True, ended=ended),
            "executionCounts": self.ledger.counts(of_items=False, ended=ended),
        }

    async def _save_run(self, **changes: JsonValue) -> None:
        """Change the run's record; one change after the other, as its limits may be updated at any time."""
        async with self._saving:
            record = replace(self.record, **changes)
            await self._parts.database.write(lambda c: map_runs.save_run(c, record))
            self.record = record

    def _raise_crash(self) -> None:
        if self._desk.crash:
            raise self._desk.crash


class _Message(NamedTuple):
    message: JsonValue


class _Talk:
    """A JobListener that keeps what it hears, in order."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[_Message | JobOutcome] = asyncio.Queue()

    def message(self, message: JsonValue) -> None:
        self.heard.put_nowait(_Message(message))

    def idle(self, *, idle: bool) -> None:
        pass

    def ended(self, outcome: JobOutcome) -> None:
        self.heard.put_nowait(outcome)


def run_prefix(map_run_arn: str) -> str:
    """Where a run keeps what is its own, in the internal bucket."""
    return f"map-runs/{map_run_arn.rpartition(':')[2]}/"


def _failed(fault: Fault) -> JsonValue:
    return {"status": "FAILED", "error": fault.error, "cause": fault.cause}


def _tolerance(run: RunRecord, plan: RunPlan) -> Tolerance:
    """What a run tolerates now. Its settings say it once it was updated: with None for what nobody has said."""
    command = plan.command
    said = run.settings.get("tolerance")
    return Tolerance(*(said or (command.tolerated_failure_count, command.tolerated_failure_percentage)))
