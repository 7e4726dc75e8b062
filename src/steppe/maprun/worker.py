"""One shard's children, run to their ends: the job that executors carry out, in a worker process or in a cluster.

A child whose states never wait is one call of `advance` and a row in the columns of the next segment; nothing is made
for it that outlives the call. A child that waits goes to RunningChildren, with its tasks and timers in this event loop.
Segments are written when the shard ends, and every second while it does not; only then, and once the coordinator has
registered them, are their children done. Everything else of a shard may be lost at any time and is run again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from steppe.base.errors import Fault, InternalError
from steppe.base.jsonvalue import JsonValue, dumpb
from steppe.base.quotas import PAYLOAD_BYTES_MAX
from steppe.executors.executor import JobChannel
from steppe.interp.advance import advance, new_execution
from steppe.interp.command import Command
from steppe.interp.execution import Execution, Identity
from steppe.interp.stimulus import Redrive, Start
from steppe.interp.straight import Straight
from steppe.maprun import child_names
from steppe.maprun.batcher import ChildInput
from steppe.maprun.child_inputs import child_inputs
from steppe.maprun.child_names import ChildNames
from steppe.maprun.earlier import Earlier, extra_of, open_earlier
from steppe.maprun.failed_children import failed_execution
from steppe.maprun.ledger import Entry, tally_of
from steppe.maprun.plan import CompiledPlan, compile_plan, load_plan
from steppe.maprun.running_children import ChildTasks, Ended, RunningChildren
from steppe.maprun.segments import Extra, Row, Segment, dump_history, encode
from steppe.maprun.shards import (
    Beginning,
    Deliver,
    FindChild,
    ListRunning,
    RunningReport,
    SegmentReport,
    SetFailuresLeft,
    SetLimit,
    ShardEnd,
    ShardJob,
    StopChildren,
    ToWorker,
)
from steppe.maprun.sources import Places, reopen_source

_START: Final = Start()

_BREATH_CHILDREN: Final = 64
"""Children started before the event loop gets a turn: answers to running ones, and messages, wait that long at most."""

_SEGMENT_SECONDS: Final = 1.0
"""How long an ended child may wait for its segment in a shard that goes slowly."""

_REPORT_SECONDS: Final = 0.4
"""How often a shard says how many of its children run."""

_PLANS_KEPT: Final = 8

_DETOURS_MAX: Final = 32
"""Children of a shard that may leave the straight way before it is asked whether the others take it."""


@dataclass(slots=True)
class WorkerContext:
    """What a worker has for all of its shards.

    Attributes:
        places: the stores.
        tasks: carries out the children's tasks.
        clock: epoch milliseconds.
        plans: compiled plans of the latest runs, by run.
    """

    places: Places
    tasks: ChildTasks
    clock: Callable[[], int]
    plans: dict[int, CompiledPlan] = field(default_factory=dict)

    def compiled(self, run_id: int, plan_key: str) -> CompiledPlan:
        """The plan of a run, compiled at its first job."""
        found = self.plans.get(run_id)
        if found is None:
            body = self.places.internal.read(self.places.bucket, plan_key)
            while len(self.plans) >= _PLANS_KEPT:
                del self.plans[next(iter(self.plans))]
            found = self.plans[run_id] = compile_plan(load_plan(body))
        return found


async def run_shard(context: WorkerContext, job: ShardJob, channel: JobChannel) -> ShardEnd:
    """Run a shard's children that no segment holds yet; returns when all have ended, or after a StopChildren."""
    return await _ShardRun(context, job, channel).run()


class _ShardRun:
    """One attempt at a shard."""

    def __init__(self, context: WorkerContext, job: ShardJob, channel: JobChannel) -> None:
        self._context = context
        self._job = job
        self._channel = channel
        self._clock = context.clock
        self._rows: list[Row] = []
        self._extras: dict[int, Extra] = {}
        self._earlier: Earlier | None = None
        self._segment_count = 0
        self._writing = asyncio.Lock()
        self._ticker: asyncio.Task[None] | None = None
        self._failed_items = 0
        self._failures_left = job.failures_left
        self._exceeded = False
        self._stopping = False
        self._crash: BaseException | None = None
        self._limit = job.limit
        self._changed = asyncio.Event()
        self._names = ChildNames(job.name_key)
        # Set by `run`, in the job's turn: what a plan compiles to takes the worker's time.
        self._compiled: CompiledPlan
        self._straight: Straight | None = None
        self._detours = 0
        self._children: RunningChildren

    async def run(self) -> ShardEnd:
        """The whole attempt."""
        error: Fault | None = None
        started = 0
        await self._channel.turn.acquire()
        try:
            self._compiled = self._context.compiled(self._job.run_id, self._job.plan_key)
            if self._compiled.straight.possible and not self._job.condemned:
                self._straight = self._compiled.straight
            self._children = RunningChildren(
                compiled=self._compiled,
                name_key=self._job.name_key,
                tasks=self._context.tasks,
                clock=self._clock,
                ended=self._ended,
                ask=self._channel.send,
                crash=self._crashed,
            )
            self._channel.on_message(self._receive)
            try:
                started = await self._start_children()
            except Fault as fault:
                error = fault
                self._stop(express=False)
        finally:
            self._channel.turn.release()
        try:
            await self._until_all_ended()
            whole = not self._stopping
            report = await self._write_segment()
        finally:
            if self._ticker:
                self._ticker.cancel()
            self._children.close()
        return ShardEnd(
            report=report,
            whole=whole,
            executions=started if whole else 0,
            exceeded=self._exceeded,
            error=error.error if error else None,
            cause=error.cause if error else None,
        )

    async def _start_children(self) -> int:
        """Start the children one after the other, within the limit; returns how many the shard has."""
        job, context = self._job, self._context
        done: set[int] = set()
        start = self._start
        if job.segments:
            earlier = self._earlier = open_earlier(
                context.places.internal, context.places.bucket, job.segments, job.redrive
            )
            done = earlier.done
            if earlier.again:
                start = self._start_or_again
        inputs = self._inputs()
        count = 0
        written_at = asyncio.get_running_loop().time()
        for child in inputs:
            count += 1
            if child[0] in done:
                continue
            if len(self._children) >= self._limit:
                await self._wait_for_room()
            if self._stopping:
                return 0
            if job.careful:
                self._channel.send(Beginning(child[0]))
                await _rounds()
            start(child)
            if job.careful:
                await _rounds()
            if not count % _BREATH_CHILDREN:
                await asyncio.sleep(0)
                now = asyncio.get_running_loop().time()
                if now - written_at >= _SEGMENT_SECONDS:
                    written_at = now
                    self._tick()
        return job.whole_before or count

    def _inputs(self) -> Iterator[ChildInput]:
        """The children of the shard; only those that are run again, when all had ended before a redrive."""
        job = self._job
        if job.whole_before:
            assert self._earlier is not None, "it has segments"
            return ((index, item_count, None) for index, (item_count, _) in self._earlier.again.items())
        source = reopen_source(job.source, self._context.places)
        return child_inputs(
            self._compiled, source, job.items, now_ms=self._clock(), run_id=job.run_id, name_key=job.name_key
        )

    def _start_or_again(self, child: ChildInput) -> None:
        """Start a child, or run it again where a redrive goes on with it."""
        assert self._earlier is not None
        if child[0] not in self._earlier.again:
            self._start(child)
            return
        now_ms = self._clock()
        execution, seed = self._beginning(child, now_ms)
        index, count, _ = child
        again = self._earlier.begin_again(index, execution.identity, now_ms)
        if again is None:
            return
        number = int.from_bytes(seed[:16], "big")
        waiting = Ended(index, count, number, again.execution, again.history, again.raw_input)
        self._step(waiting, again.stimulus, now_ms, b"%b:redrive %d" % (seed, self._job.redrive))

    def _start(self, child: ChildInput) -> None:
        """Start one child; most end here and now."""
        index, count, value = child
        now_ms = self._clock()
        if self._straight is not None:
            end = self._straight.run(value, now_ms, lambda: self._beginning(child, now_ms))
            if end is not None:
                raw, output, history = end
                name = self._names.raw(self._job.run_id, index)
                self._rows.append(
                    (index, count, name, "SUCCEEDED", now_ms, now_ms, raw, output, None, None, 0, history)
                )
                return
            self._note_detour()
        self._advance(child, now_ms)

    def _note_detour(self) -> None:
        """A child did not go straight. Where most do not (a task in each), the short cut is a detour: give it up."""
        self._detours += 1
        if self._detours > _DETOURS_MAX and self._detours > len(self._rows):
            self._straight = None

    def _beginning(self, child: ChildInput, now_ms: int) -> tuple[Execution, bytes]:
        """A child before its first stimulus, and the chance of its first step.

        The chance of a child is made of its name: run again after a crash it draws the same UUIDs, so what it asked for
        with an idempotency token, or as a Map Run of its own, is what it asks for again. The key keeps it secret.
        """
        compiled = self._compiled
        plan, express = compiled.plan, compiled.express
        index, _, value = child
        number = self._names.number(self._job.run_id, index)
        name = child_names.text(number)
        arn = compiled.child_arn_prefix + name
        if express:
            arn += ":" + child_names.text(self._names.number(self._job.run_id, index | child_names.EXPRESS_FLAG))
        identity = Identity(arn, name, compiled.child_machine_arn, plan.machine_name, plan.role_arn, express, True)
        return new_execution(identity, value, now_ms), number.to_bytes(16, "big") + self._job.name_key

    def _advance(self, child: ChildInput, now_ms: int) -> None:
        """Start a child that may wait, or fail."""
        index, count, value = child
        execution, seed = self._beginning(child, now_ms)
        number = int.from_bytes(seed[:16], "big")
        self._step(Ended(index, count, number, execution, [], dumpb(value)), _START, now_ms, seed)

    def _step(self, child: Ended, stimulus: Start | Redrive, now_ms: int, seed: bytes) -> None:
        """The first step of a child, or the first of its redrive."""
        index, count, number, execution, history, raw = child
        if len(raw) > PAYLOAD_BYTES_MAX:
            cause = f"The input of the child execution has {len(raw)} bytes; {PAYLOAD_BYTES_MAX} are allowed."
            execution, history = failed_execution(execution, raw, "States.DataLimitExceeded", cause, now_ms)
            self._ended(Ended(index, count, number, execution, history, raw))
            return
        if index in self._job.condemned:
            cause = "The worker process died each time it ran this child execution."
            execution, history = failed_execution(execution, raw, "States.Runtime", cause, now_ms)
            self._ended(Ended(index, count, number, execution, history, raw))
            return
        commands: list[Command] = []
        try:
            execution, events, commands = advance(self._compiled.program, execution, stimulus, now_ms, seed)
            history += events
        except InternalError as error:
            # One item that makes the interpreter stumble is one failed child, not the end of the run.
            execution, history = failed_execution(execution, raw, "States.Runtime", f"{error}: {error.story}", now_ms)
        if execution.status == "RUNNING":
            self._children.add(Ended(index, count, number, execution, history, raw), commands)
            if self._ticker is None and len(self._children):
                self._ticker = asyncio.get_running_loop().create_task(self._tick_on())
        else:
            self._ended(Ended(index, count, number, execution, history, raw))

    def _ended(self, child: Ended) -> None:
        """A child has ended: keep it for the next segment."""
        index, count, number, execution, history, raw = child
        succeeded = execution.status == "SUCCEEDED"
        self._rows.append(
            (
                index,
                count,
                number.to_bytes(16, "big"),
                execution.status,
                execution.started_ms,
                execution.stopped_ms or execution.started_ms,
                raw,
                dumpb(execution.output) if succeeded else None,
                execution.error,
                execution.cause,
                execution.redrive_count,
                dump_history(history),
            )
        )
        if not succeeded or execution.redrive_count:
            self._extras[index] = extra_of(execution)
        if not succeeded:
            self._count_failure(execution, count)
        self._changed.set()

    def _count_failure(self, execution: Execution, item_count: int) -> None:
        if execution.status == "ABORTED":
            return
        self._failed_items += item_count
        left = self._failures_left
        if left is not None and self._failed_items > left and not self._stopping:
            self._exceeded = True
            self._stop(express=False)

    def _stop(self, *, express: bool) -> None:
        """No more children; abort those that run."""
        self._stopping = True
        if express or not self._compiled.express:
            self._children.abort_all()
        self._changed.set()

    async def _wait_for_room(self) -> None:
        """Let others compute until a child ends."""
        self._channel.turn.release()
        self._channel.idle(True)
        try:
            while len(self._children) >= self._limit and not self._stopping:
                self._raise_crash()
                self._changed.clear()
                await self._changed.wait()
        finally:
            self._channel.idle(False)
            await self._channel.turn.acquire()

    async def _until_all_ended(self) -> None:
        if len(self._children):
            self._channel.idle(True)
        while len(self._children):
            self._raise_crash()
            self._changed.clear()
            await self._changed.wait()
        self._raise_crash()

    def _crashed(self, error: BaseException) -> None:
        self._crash = self._crash or error
        self._changed.set()

    def _raise_crash(self) -> None:
        if self._crash:
            raise self._crash

    async def _tick_on(self) -> None:
        """While children wait: say how many, and write those that have ended."""
        written_at = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            self._channel.send(RunningReport(len(self._children), self._children.item_count))
            now = asyncio.get_running_loop().time()
            if now - written_at >= _SEGMENT_SECONDS:
                written_at = now
                self._tick()

    def _tick(self) -> None:
        if self._rows:
            task = asyncio.get_running_loop().create_task(self._write_and_report())
            task.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._crashed(error)

    async def _write_and_report(self) -> None:
        report = await self._write_segment()
        if report:
            self._channel.send(report)

    async def _write_segment(self) -> SegmentReport | None:
        """Write what has ended since the last time; None when nothing has."""
        async with self._writing:
            rows, self._rows = self._rows, []
            extras, self._extras = self._extras, {}
            if not rows:
                return None
            key = f"{self._job.segment_prefix}{self._segment_count}.parquet"
            self._segment_count += 1
            size_bytes = await asyncio.to_thread(self._put, key, rows, extras)
        earlier = self._earlier if self._job.redrive else None
        booked = earlier.booked(rows, extras) if earlier else _booked(rows, extras)
        return _report(key, rows, size_bytes, booked, self._job.redrive)

    def _put(self, key: str, rows: list[Row], extras: dict[int, Extra]) -> int:
        body = encode(rows, extras)
        self._context.places.internal.put(self._context.places.bucket, key, body)
        return len(body)

    def _receive(self, message: JsonValue) -> None:
        asked: ToWorker = message
        match asked:
            case StopChildren(express):
                self._stop(express=express)
            case SetLimit(limit):
                self._limit = limit
                self._changed.set()
            case SetFailuresLeft(left):
                # What failed here until now is booked, or soon is: the coordinator's books are what counts.
                self._failures_left = None if left is None else self._failed_items + max(left, 0)
            case Deliver(item_index, stimulus):
                self._children.deliver(item_index, stimulus)
            case FindChild() | ListRunning():
                self._channel.send(self._children.answer(asked))


async def _rounds() -> None:
    """Let messages leave and tasks begin, each of which takes the event loop a round or two."""
    for _ in range(3):
        await asyncio.sleep(0)


def _booked(rows: list[Row], extras: dict[int, Extra]) -> Entry:
    """What a segment adds to the books, where nothing is run again."""
    _, item_counts, _, statuses, *_ = zip(*rows, strict=True)
    executions = Counter(statuses)
    items: Counter[str] = Counter()
    if len(executions) == 1:
        items[statuses[0]] = sum(item_counts)
    else:
        for status, count in zip(statuses, item_counts, strict=True):
            items[status] += count
    stuck = {index for index, (kept, _) in extras.items() if kept == b""}
    stuck_items = sum(row[1] for row in rows if row[0] in stuck) if stuck else 0
    return Entry(tally_of(items), tally_of(executions), stuck_items=stuck_items, stuck=len(stuck))


def _report(key: str, rows: list[Row], size_bytes: int, booked: Entry, redrive: int) -> SegmentReport:
    indexes, _, _, _, _, stops, _, outputs, *_ = zip(*rows, strict=True)
    return SegmentReport(
        segment=Segment(key, min(indexes), max(indexes), len(rows), size_bytes, redrive),
        booked=booked,
        output_bytes=sum(len(output) for output in outputs if output is not None),
        stopped_ms=max(stops),
    )
