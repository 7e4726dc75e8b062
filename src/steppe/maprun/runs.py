"""All Map Runs of a server: starting, going on after a crash, stopping, and where they are told from.

`children.py` answers for the children of a run, running or ended.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from steppe.base import arns, jsonvalue
from steppe.base.arns import Realm
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.executors.executor import Executor
from steppe.interp.command import CallTask, CancelTask, StartMapRun, StopMapRun
from steppe.interp.history import HistoryEvent
from steppe.interp.stimulus import MapRunFailed, MapRunSucceeded, Stimulus, TaskFailed
from steppe.maprun.child_names import ChildNames
from steppe.maprun.children import Children
from steppe.maprun.parts import Parts
from steppe.maprun.plan import RunPlan, compile_plan, load_plan
from steppe.maprun.redrive import redrive_count, redriven_ms, reopened
from steppe.maprun.retention import remove_leftovers
from steppe.maprun.run import MapRun, run_prefix
from steppe.maprun.shards import ChildAsks
from steppe.maprun.sources import INTERNAL_BUCKET, Places
from steppe.objects.object_store import ObjectStore
from steppe.stores import map_runs
from steppe.stores.database import Database
from steppe.stores.machines import MachineRecord
from steppe.stores.map_runs import RunRecord

_LOG = logging.getLogger(__name__)

_THREADS = 16
"""Sources that are scanned at the same time; more Map Runs wait."""

_RUNS_PAGE_MAX = 1000


class MapRuns:
    """Runs Map Runs, and knows those that were."""

    def __init__(
        self,
        *,
        database: Database,
        objects: ObjectStore,
        segments: ObjectStore,
        segments_bucket: str = INTERNAL_BUCKET,
        executor: Executor,
        realm: Realm,
        clock: Callable[[], int],
        name_key: bytes,
        on_outcome: Callable[[str, Stimulus], None],
        on_child_task: Callable[[str, CallTask | CancelTask], Awaitable[None]] | None = None,
    ) -> None:
        """Make it ready; starts nothing.

        Args:
            database: where runs and shards are kept.
            objects: the users' buckets.
            segments: where the runs keep what is theirs,
            segments_bucket: in this bucket, which is made if it is not there.
            executor: where children run; started and closed by who made it.
            realm: of the ARNs.
            clock: epoch milliseconds.
            name_key: secret of the server, always the same.
            on_outcome: called with the ARN of an execution and how its Map Run ended.
            on_child_task: called when a child (ARN) has a task with a token, or gives it up; what comes of it is told
                by `tell_child`. The same task may come again, after a crash. None: such tasks fail.
        """
        self._parts = Parts(
            database=database,
            places=Places(objects, segments, segments_bucket, realm.account),
            executor=executor,
            clock=clock,
            name_key=name_key,
            boot=secrets.token_hex(4),
            threads=ThreadPoolExecutor(_THREADS, thread_name_prefix="map-run"),
        )
        try:
            segments.create_bucket(segments_bucket)
        except ApiError as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise
        self._on_outcome = on_outcome
        self._on_child_task = on_child_task
        self._running: dict[str, tuple[MapRun, asyncio.Task[RunRecord]]] = {}
        self._starting: dict[tuple[str, str], asyncio.Lock] = {}
        self._chores: set[asyncio.Task[JsonValue]] = set()
        self._names = ChildNames(name_key)
        self._children = Children(self._parts, self._running_run)

    async def start(self, command: StartMapRun, *, execution_arn: str, machine: MachineRecord) -> None:
        """Start a Map Run, or go on with the one that this command started before.

        Idempotent by execution and `command.key`: a run that is under way is left alone, one that has ended tells its
        outcome again.
        """
        await self._start_once(
            RunPlan(
                execution_arn=execution_arn,
                machine_name=machine.name,
                role_arn=machine.role_arn,
                definition=machine.definition,
                express=machine.type == "EXPRESS",
                command=command,
            )
        )

    async def _start_once(self, plan: RunPlan) -> None:
        place = (plan.execution_arn, plan.command.key)
        lock = self._starting.setdefault(place, asyncio.Lock())
        try:
            async with lock:
                await self._start(plan)
        finally:
            self._starting.pop(place, None)

    async def stop_run(self, map_run_arn: str) -> None:
        """Have a run end as ABORTED; its execution is not told. Nothing happens to one that has ended."""
        if entry := self._running.get(map_run_arn):
            entry[0].stop()

    async def settle(self) -> None:
        """Abort runs whose execution ended while nobody was there to stop them. Once, after a start."""
        for record in await self._parts.database.read(map_runs.orphans):
            # One that belongs to a child is gone on with when the child is run again.
            if record.arn not in self._running and arns.parse(record.execution_arn).label is None:
                self._coordinate(record, await self._load_plan(record)).stop()

    async def close(self) -> None:
        """Stop coordinating; the runs stay as they are, to be gone on with."""
        tasks = [*self._chores, *(task for _, task in self._running.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._parts.threads.shutdown(wait=True)

    async def wait_ended(self, map_run_arn: str) -> None:
        """Wait until a run that is under way here has ended."""
        if entry := self._running.get(map_run_arn):
            await asyncio.wait([entry[1]])

    async def describe(self, map_run_arn: str) -> dict[str, JsonValue] | None:
        """What DescribeMapRun answers (times in epoch milliseconds); None when there is no such run."""
        record, counts = await self._look_up(map_run_arn)
        if record is None:
            return None
        return {
            "mapRunArn": record.arn,
            "executionArn": record.execution_arn,
            "status": record.status,
            "startDate": record.started_ms,
            "stopDate": record.stopped_ms,
            "maxConcurrency": record.settings["maxConcurrency"],
            "toleratedFailurePercentage": record.settings["toleratedFailurePercentage"],
            "toleratedFailureCount": record.settings["toleratedFailureCount"],
            **counts,
            "redriveCount": redrive_count(record),
            "redriveDate": redriven_ms(record),
        }

    async def update(
        self,
        map_run_arn: str,
        *,
        max_concurrency: int | None,
        tolerated_failure_count: int | None,
        tolerated_failure_percentage: float | None,
    ) -> bool:
        """UpdateMapRun: other limits from now on, None for those that stay. False when the run does not run (any more).

        Children above a lowered MaxConcurrency are not stopped; none is started before enough of them have ended.
        """
        entry = self._running.get(map_run_arn)
        if entry is None:
            return False
        limits = {
            "maxConcurrency": max_concurrency,
            "toleratedFailureCount": tolerated_failure_count,
            "toleratedFailurePercentage": tolerated_failure_percentage,
        }
        return await entry[0].update({name: value for name, value in limits.items() if value is not None})

    def progress(self, map_run_arn: str) -> dict[str, JsonValue] | None:
        """`itemCounts` and `executionCounts` of a run that is under way here, out of memory; else None."""
        entry = self._running.get(map_run_arn)
        return entry[0].counts() if entry else None

    async def list_runs(
        self, execution_arn: str, *, limit: int = 100, token: str | None = None
    ) -> tuple[list[dict[str, JsonValue]], str | None]:
        """A page of what ListMapRuns answers, the youngest run first, and the token of the next page.

        Raises:
            ApiError: InvalidToken.
        """
        before_id = None
        if token is not None:
            if not (token.isascii() and token.isdigit() and len(token) < 19):
                raise ApiError("InvalidToken", f"Invalid Token: '{token[:1024]}'")
            before_id = int(token)
        limit = min(limit or 100, _RUNS_PAGE_MAX)
        records = await self._parts.database.read(
            lambda c: map_runs.list_runs(c, execution_arn, before_id=before_id, limit=limit + 1)
        )
        more = str(records[limit - 1].id) if len(records) > limit else None
        return [_listed(record) for record in records[:limit]], more

    async def list_children(
        self,
        map_run_arn: str,
        *,
        status: str | None = None,
        redriven: bool | None = None,
        limit: int = 100,
        token: str | None = None,
    ) -> tuple[list[dict[str, JsonValue]], str | None]:
        """A page of what ListExecutions answers for a run, and the token of the next page. See `children.Children`."""
        return await self._children.page(map_run_arn, status=status, redriven=redriven, limit=limit, token=token)

    async def describe_child(self, arn: str) -> dict[str, JsonValue] | None:
        """What DescribeExecution answers for a child (times in epoch milliseconds); None when there is none."""
        return await self._children.describe(arn)

    async def child_history(self, arn: str) -> list[HistoryEvent] | None:
        """All history events of a child, oldest first; None when it is no child of ours."""
        return await self._children.history(arn)

    async def run_of_child(self, arn: str) -> str | None:
        """The ARN of the Map Run that a child belongs to; None when it is no child of ours."""
        return await self._children.run_of(arn)

    async def _start(self, plan: RunPlan) -> None:
        execution_arn, command = plan.execution_arn, plan.command
        database = self._parts.database
        record = await database.read(lambda c: map_runs.find_started(c, execution_arn, command.key))
        if record is None and command.redrive_count:
            record = await self._reopen(command)
            if record is not None:
                plan = await self._load_plan(record)
        if record is None:
            record = await self._create(plan)
        elif record.arn in self._running:
            return
        else:
            plan = await self._load_plan(record)
        if record.status != "RUNNING":
            self._tell(record)
            return
        self._coordinate(record, plan)

    async def _reopen(self, command: StartMapRun) -> RunRecord | None:
        """Have a run that has ended go on, by another command of its execution; None when there is no such run.

        One that had succeeded, while its execution ended otherwise, stays as it is and tells its result again.
        """
        parts = self._parts
        await self.wait_ended(command.map_run_arn)
        record = await parts.database.read(lambda c: map_runs.find_run(c, command.map_run_arn))
        if record is None:
            return None
        again = reopened(record, command_key=command.key, count=command.redrive_count, now_ms=parts.clock())
        if record.status == "SUCCEEDED":
            again = replace(record, command_key=command.key, redrive=again.redrive)
            await parts.database.write(lambda c: map_runs.save_run(c, again))
        else:
            await parts.database.write(lambda c: map_runs.reopen_run(c, again))
        return again

    def _coordinate(self, record: RunRecord, plan: RunPlan) -> MapRun:
        run = MapRun(record, plan, self._parts, child_asks=lambda asked: self._child_asks(plan, asked))
        task = asyncio.create_task(run.run(), name=f"map run {record.arn}")
        self._running[record.arn] = (run, task)
        task.add_done_callback(lambda done: self._ended(record, run, done))
        return run

    def _child_asks(self, plan: RunPlan, asked: ChildAsks) -> None:
        """What a child asks for. A Map Run of its own is a run like any other, whose outcome goes to the child."""
        self._begin(self._carry_out(plan, asked.execution_arn, asked.command))

    async def _carry_out(
        self, plan: RunPlan, child_arn: str, command: StartMapRun | StopMapRun | CallTask | CancelTask
    ) -> None:
        match command:
            case StopMapRun():
                await self.stop_run(command.map_run_arn)
            case StartMapRun():
                await self._start_once(replace(plan, execution_arn=child_arn, command=command))
            case _ if self._on_child_task is not None:
                await self._on_child_task(child_arn, command)
            case CallTask():
                cause = "Task tokens in children of a Distributed Map are not supported without a server."
                self.tell_child(child_arn, TaskFailed(command.key, "States.Runtime", cause))

    def _chore_done(self, task: asyncio.Task[JsonValue]) -> None:
        self._chores.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("a chore of the Map Runs could not be done", exc_info=error)

    async def _create(self, plan: RunPlan) -> RunRecord:
        """Write down what the run is, first its plan, then its row."""
        parts, command, execution_arn = self._parts, plan.command, plan.execution_arn
        key = f"{run_prefix(command.map_run_arn)}plan.json"
        compiled = await parts.in_thread(compile_plan, plan)
        await parts.in_thread(parts.places.internal.put, parts.places.bucket, key, plan.dump())
        record = RunRecord(
            arn=command.map_run_arn,
            execution_arn=execution_arn,
            command_key=command.key,
            child_machine_arn=plan.child_machine_arn,
            started_ms=parts.clock(),
            plan_key=key,
            settings={
                "maxConcurrency": command.max_concurrency,
                "toleratedFailureCount": command.tolerated_failure_count or 0,
                "toleratedFailurePercentage": float(command.tolerated_failure_percentage or 0),
                "express": compiled.express,
            },
        )
        run_id = await parts.database.write(lambda c: map_runs.insert_run(c, record))
        stored = await parts.database.read(lambda c: map_runs.get_run(c, run_id))
        assert stored is not None
        return stored

    async def _load_plan(self, record: RunRecord) -> RunPlan:
        places = self._parts.places
        body = await self._parts.in_thread(places.internal.read, places.bucket, record.plan_key)
        return load_plan(body)

    def _ended(self, record: RunRecord, run: MapRun, task: asyncio.Task[RunRecord]) -> None:
        self._running.pop(record.arn, None)
        if task.cancelled():
            return
        if error := task.exception():
            # The row says RUNNING, and a restart goes on with it; but the execution should not wait for that.
            _LOG.error("Map Run %s broke down", record.arn, exc_info=error)
            cause = f"The Map Run broke down: {type(error).__name__}: {error}"
            self._outcome(record.execution_arn, MapRunFailed(record.command_key, "States.Runtime", cause))
            return
        self._tell(task.result())
        if run.leaves_leftovers:
            self._begin(remove_leftovers(self._parts, task.result(), run.plan))

    def _begin(self, chore: Coroutine[None, None, JsonValue]) -> None:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chore_done)

    def _tell(self, record: RunRecord) -> None:
        """Tell the execution how its run ended; an aborted one was stopped by it."""
        outcome = record.outcome
        if record.status == "SUCCEEDED":
            self._outcome(record.execution_arn, MapRunSucceeded(record.command_key, outcome["result"]))
        elif record.status == "FAILED":
            failed = MapRunFailed(record.command_key, outcome["error"], outcome["cause"])
            self._outcome(record.execution_arn, failed)

    def _outcome(self, execution_arn: str, stimulus: Stimulus) -> None:
        """Tell an execution; a child of a run that is under way here is told through that run."""
        if arns.parse(execution_arn).label is None:
            self._on_outcome(execution_arn, stimulus)
        else:
            self.tell_child(execution_arn, stimulus)

    def tell_child(self, arn: str, stimulus: Stimulus) -> None:
        """Something has happened to a child of a run; dropped when the child does not run."""
        if place := self._names.read(arns.parse(arn).name or ""):
            run_id, item_index = place
            for run, _ in self._running.values():
                if run.record.id == run_id:
                    run.deliver(item_index, stimulus)

    async def _look_up(self, map_run_arn: str) -> tuple[RunRecord | None, dict[str, JsonValue]]:
        """A run and its counts: out of memory when it is under way, else out of its row."""
        if entry := self._running.get(map_run_arn):
            return entry[0].record, entry[0].counts()
        record = await self._parts.database.read(lambda c: map_runs.find_run(c, map_run_arn))
        return record, jsonvalue.loads(jsonvalue.dumpb(record.counts)) if record and record.counts else _NO_COUNTS

    def _running_run(self, map_run_arn: str) -> MapRun | None:
        entry = self._running.get(map_run_arn)
        return entry[0] if entry else None


def _listed(record: RunRecord) -> dict[str, JsonValue]:
    return {
        "executionArn": record.execution_arn,
        "mapRunArn": record.arn,
        "stateMachineArn": record.child_machine_arn,
        "startDate": record.started_ms,
        "stopDate": record.stopped_ms,
    }


_ZEROS = dict.fromkeys(
    (
        *("pending", "running", "succeeded", "failed", "timedOut", "aborted"),
        *("total", "resultsWritten", "failuresNotRedrivable", "pendingRedrive"),
    ),
    0,
)
_NO_COUNTS: dict[str, JsonValue] = {"itemCounts": _ZEROS, "executionCounts": _ZEROS}
