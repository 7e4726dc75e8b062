"""Load, advance, commit, dispatch: how a step of an execution becomes durable.

    stimulus -> inbox -> advance (pure) -> one transaction -> commands carried out

Every execution has an inbox and at most one pump, so that its steps come one after the other while thousands of
executions go on side by side. All that waits in an inbox is advanced over and committed at once. Commands are given out
after the commit; a crash between the two loses nothing, because the waits inside the committed execution say which
commands are outstanding (`interp.advance.outstanding`), and at the next start they are given out again.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import sqlalchemy as sa

from steppe.asl.program import Program
from steppe.base.arns import Realm
from steppe.base.errors import InternalError
from steppe.base.jsonvalue import JsonValue, dumps, loads
from steppe.interp import redrive, snapshot
from steppe.interp.advance import advance, new_execution, outstanding
from steppe.interp.command import CallTask, CancelTask, Command
from steppe.interp.execution import Execution, Identity
from steppe.interp.history import HistoryEvent
from steppe.interp.stimulus import (
    ActivityStarted,
    Redrive,
    Start,
    Stimulus,
    Stop,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
)
from steppe.runtime import system
from steppe.runtime.activities import ActivityDesk
from steppe.runtime.children import ChildTasks, is_child
from steppe.runtime.dispatch import Dispatcher, MapRunStarter, Tasks
from steppe.runtime.outbox import Outbox
from steppe.runtime.programs import Programs
from steppe.runtime.timers import Timers
from steppe.runtime.tokens import TokenChanges, changes_of
from steppe.stores.database import Database, Work
from steppe.stores.executions import (
    ExecutionExistsError,
    ExecutionRecord,
    append_history,
    find_execution,
    insert_execution,
    insert_redrive,
    new_record,
    running,
    save_progress,
)
from steppe.stores.machines import MachineRecord, get_revision
from steppe.stores.task_tokens import TokenRecord

_log = logging.getLogger(__name__)

T = TypeVar("T")

_IDLE_MAX = 2000
"""Executions that wait and are kept in memory all the same; others are loaded when something happens to them."""

_IDLE_BYTES_MAX = 16 * 1024 * 1024
"""Their snapshots together, which are about a fifth of what the values take."""

_BATCH_MAX = 64
"""Stimuli advanced over in one commit: bounds how long one execution holds the event loop."""

_FORGET_MAX = 128
"""Executions looked at in one go for some to let go of: of thousands that are busy only a few are looked at."""

_SAVE_AGAIN_SECONDS = 1.0

_SMALL_EVENTS_MAX, _SMALL_BYTES_MAX = 16, 16 * 1024
"""Events, and bytes of the snapshot, of a step that is committed in the event loop."""

POLL_SECONDS = 60.0
"""How long a worker waits for a task of an activity. API Reference, GetActivityTask."""

Observer = Callable[[Execution, list[HistoryEvent]], None]


@dataclass(slots=True, eq=False)
class _Letter:
    """A stimulus in an inbox.

    Attributes:
        stimulus: what has happened.
        answer: told, once it is durable, what came of it; None when nobody asks.
        outcome: whether something waited for it. For an ActivityStarted that was for something, the task that began.
    """

    stimulus: Stimulus
    answer: asyncio.Future[bool | CallTask] | None = None
    outcome: bool | CallTask = False

    def tell(self) -> None:
        """Tell who asked."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(self.outcome)


@dataclass(slots=True, eq=False)
class _Live:
    """An execution in memory. `execution` is None until the pump has loaded it."""

    arn: str
    inbox: deque[_Letter] = field(default_factory=deque)
    size_bytes: int = 0
    row: int = 0
    machine: MachineRecord | None = None
    program: Program | None = None
    execution: Execution | None = None
    pump: asyncio.Task[None] | None = None


class Engine:
    """Runs executions. One for a server; everything but `start` and `stop` is called while it runs.

    Attributes:
        observers: told of every step that is durable.
        poll_seconds: how long a worker waits for a task of an activity.
    """

    def __init__(
        self,
        *,
        database: Database,
        tasks: Tasks,
        map_runs: MapRunStarter,
        realm: Realm,
        clock: Callable[[], int] = system.now_ms,
        entropy: Callable[[], bytes] = system.entropy,
        outbox: Outbox | None = None,
    ) -> None:
        self._database = database
        self._realm = realm
        self._map_runs = map_runs
        self.clock = clock
        self._entropy = entropy
        self._outbox = outbox or Outbox()
        self._timers = Timers(clock=clock, fire=self.post)
        self._activities = ActivityDesk(database=database, take=self._take_task)
        self._dispatcher = Dispatcher(
            tasks=tasks, map_runs=map_runs, timers=self._timers, activities=self._activities, post=self.post
        )
        self._children = ChildTasks(
            database=database, dispatch=self._dispatcher.dispatch_task, tell=map_runs.tell_child
        )
        self._chores: set[asyncio.Task[None]] = set()
        self._live: OrderedDict[str, _Live] = OrderedDict()
        self._programs = Programs(database)
        self._live_bytes = 0
        self._ended: dict[str, list[asyncio.Future[None]]] = {}
        self.observers: list[Observer] = []
        self.poll_seconds = POLL_SECONDS

    async def start(self) -> None:
        """Go on with every execution that was running when the last server ended."""
        after = 0
        while True:
            records = await self._database.read(partial(running, after_id=after))
            if not records:
                return
            for record in records:
                live = self._live[record.arn] = _Live(record.arn)
                await self._restore(live, record)
                assert live.program is not None
                assert live.execution is not None
                await self._dispatch(live, outstanding(live.program, live.execution))
            self._forget_idle()
            after = records[-1].id

    async def stop(self) -> None:
        """Finish the commits under way and stop. What waits goes on after the next start."""
        self._timers.close()
        await self._activities.close()
        await self._dispatcher.close()
        pumps = [live.pump for live in self._live.values() if live.pump is not None]
        await asyncio.gather(*pumps, *self._chores, return_exceptions=True)

    async def start_execution(
        self, *, machine: MachineRecord, name: str, input_text: str, trace_header: str | None = None
    ) -> ExecutionRecord:
        """Begin an execution; it is durable, with its first steps, when this returns.

        Args:
            machine: the revision to run.
            name: checked by the caller.
            input_text: JSON text, checked by the caller.
            trace_header: X-Amzn-Trace-Id, kept and shown.

        Raises:
            ExecutionExistsError: one with this name is there.
        """
        now = self.clock()
        express = machine.type == "EXPRESS"
        if express:
            arn = self._realm.express(machine.name, name, str(uuid.uuid4()))
        else:
            arn = self._realm.execution(machine.name, name)
        program = self._programs.program(machine)
        execution = new_execution(_identity(arn, name, machine), loads(input_text), now)
        if arn in self._live:
            raise ExecutionExistsError(arn)
        shared = self._programs.machine(machine.revision_row)
        live = self._live[arn] = _Live(arn, machine=shared, program=program, execution=execution)
        step = advance(self._programs.as_it_is_now(program), execution, Start(), now, self._entropy())
        begun = new_record(
            machine,
            arn=arn,
            name=name,
            started_ms=now,
            input_text=input_text,
            trace_header=trace_header,
            progress=_progress(step.execution),
        )
        tokens = changes_of(arn, step.commands)

        def insert(c: sa.Connection) -> int:
            row = insert_execution(c, begun)
            append_history(c, row, step.history)
            tokens.save(c)
            self._outbox.begun(c, row, machine, step.execution, first_event_id=1)
            return row

        self._resize(live, len(begun.snapshot or b""))
        live.pump = asyncio.current_task()  # nobody else may advance it before it is kept
        try:
            live.row = await self._writer(begun.snapshot, step.history)(insert)
        except BaseException:
            self._give_way(live)  # what is in the inbox is meant for the execution that has the name
            raise
        await self._begin(live, step.execution, step.history, step.commands)
        return replace(begun, id=live.row)

    async def redrive_execution(self, arn: str, *, client_token: str | None) -> int | None:
        """Have an execution that ended without success go on where it stopped; durable when this returns.

        Args:
            arn: of a Standard execution.
            client_token: kept with the redrive, for `stores.executions.find_redrive`.

        Returns:
            When it was redriven, epoch milliseconds; None when it cannot be: it runs, or nothing of it is kept.
        """
        if arn in self._live:
            return None
        live = self._live[arn] = _Live(arn)
        live.pump = asyncio.current_task()
        try:
            record = await self._database.read(lambda c: find_execution(c, arn))
            if record is None or record.status == "RUNNING" or record.snapshot is None:
                self._give_way(live)
                return None
            await self._restore(live, record)
            assert live.program is not None
            assert live.execution is not None
            program = self._programs.as_it_is_now(live.program)
            step = advance(program, live.execution, Redrive(), self.clock(), self._entropy())
            redriven_ms = step.execution.redriven_ms
            if step.execution is live.execution or redriven_ms is None:
                self._give_way(live)
                return None
            tokens, progress = changes_of(arn, step.commands), _progress(step.execution)

            def save(c: sa.Connection) -> None:
                save_progress(c, execution_id=live.row, events=step.history, **progress)
                number = step.execution.redrive_count
                insert_redrive(
                    c, execution_id=live.row, number=number, client_token=client_token, redriven_ms=redriven_ms
                )
                tokens.save(c)
                assert live.machine is not None
                first = step.history[0]["id"]
                self._outbox.begun(c, live.row, live.machine, step.execution, first_event_id=first)

            await self._database.write(save)
        except BaseException:
            self._give_way(live)
            raise
        await self._begin(live, step.execution, step.history, step.commands)
        return redriven_ms

    async def stop_execution(self, arn: str, *, error: str | None, cause: str | None) -> None:
        """End a running execution as ABORTED; returns when that is durable. One that has ended is left alone."""
        self.post(arn, Stop(error, cause))
        await self.wait_ended(arn)

    async def wait_ended(self, arn: str) -> None:
        """Return when the execution has ended (at once if it has, or if there is none)."""
        record = await self._database.read(lambda c: find_execution(c, arn, with_snapshot=False))
        if record is None or record.status != "RUNNING":
            return
        future = asyncio.get_running_loop().create_future()
        self._ended.setdefault(arn, []).append(future)
        # It may have ended between the look and the registration, and nobody would tell us.
        record = await self._database.read(lambda c: find_execution(c, arn, with_snapshot=False))
        if record is not None and record.status != "RUNNING" and not future.done():
            future.set_result(None)
        await future

    def post(self, arn: str, stimulus: Stimulus) -> None:
        """Something happened to an execution. From the event loop only; one that has ended takes no notice."""
        if is_child(arn):
            self._post_to_child(arn, stimulus)
        else:
            self._put(arn, _Letter(stimulus))

    async def deliver(self, arn: str, stimulus: Stimulus) -> bool:
        """As `post`, and wait until what came of it is durable; whether something waited for it."""
        return bool(await self._ask(arn, stimulus))

    async def answer_task(self, token: TokenRecord, stimulus: Stimulus) -> bool:
        """Whoever has a task's token says what has happened; False when the task is over. Durable when this returns."""
        if is_child(token.execution_arn):
            return await self._children.answer(token, stimulus)
        return await self.deliver(token.execution_arn, stimulus)

    async def child_asks(self, arn: str, command: CallTask | CancelTask) -> None:
        """A child of a Map Run has a task with a token, or wants it no more."""
        await self._children.asked(arn, command)

    def _post_to_child(self, arn: str, stimulus: Stimulus) -> None:
        if not isinstance(stimulus, TaskSubmitted | TaskSucceeded | TaskFailed):
            self._map_runs.tell_child(arn, stimulus)
            return
        chore = asyncio.create_task(self._children.called(arn, stimulus))
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    async def next_activity_task(
        self, activity_arn: str, *, worker_name: str | None, gone: asyncio.Future[None] | None
    ) -> tuple[str, JsonValue] | None:
        """Wait for a task of an activity, `poll_seconds` at most; see `ActivityDesk.next_task`."""
        return await self._activities.next_task(
            activity_arn, worker_name=worker_name, seconds=self.poll_seconds, gone=gone
        )

    async def _take_task(self, arn: str, key: str, worker_name: str | None) -> CallTask | None:
        """Tell an execution that a worker has taken the task of an activity; None when it does not wait (any more)."""
        if is_child(arn):
            return await self._children.take(arn, key, worker_name)
        task = await self._ask(arn, ActivityStarted(key, worker_name))
        return task if isinstance(task, CallTask) else None

    async def _ask(self, arn: str, stimulus: Stimulus) -> bool | CallTask:
        answer: asyncio.Future[bool | CallTask] = asyncio.get_running_loop().create_future()
        self._put(arn, _Letter(stimulus, answer))
        return await answer

    def _put(self, arn: str, letter: _Letter) -> None:
        live = self._live.get(arn)
        if live is None:
            live = self._live[arn] = _Live(arn)
        else:
            self._live.move_to_end(arn)
        live.inbox.append(letter)
        self._wake(live)

    def _give_way(self, live: _Live) -> None:
        """Nothing came of a start or redrive: who has written meanwhile is answered as if it had not been tried."""
        self._remove(live)
        for letter in live.inbox:
            self._put(live.arn, letter)

    async def _begin(
        self, live: _Live, execution: Execution, events: list[HistoryEvent], commands: list[Command]
    ) -> None:
        """The first step of a start or redrive is durable: go on with the rest."""
        live.pump = None
        await self._settle(live, execution, events, commands)
        self._wake(live)
        self._forget_idle()

    def _wake(self, live: _Live) -> None:
        if live.pump is None and live.inbox:
            live.pump = asyncio.create_task(self._pump(live))

    async def _pump(self, live: _Live) -> None:
        """Advance one execution over what is in its inbox, until the inbox is empty."""
        letters: list[_Letter] = []
        try:
            if live.execution is None and not await self._load(live):
                self._remove(live)
                for letter in live.inbox:
                    letter.tell()
                live.inbox.clear()
                return
            while live.inbox:
                letters = [live.inbox.popleft() for _ in range(min(_BATCH_MAX, len(live.inbox)))]
                try:
                    execution, events, commands = self._advance(live, letters)
                except InternalError as bug:
                    execution, events, commands = self._give_up(live, bug), [], []
                if execution is not live.execution:
                    taken = [letter.outcome.key for letter in letters if isinstance(letter.outcome, CallTask)]
                    await self._keep(live, execution, events, changes_of(live.arn, commands, taken))
                    await self._settle(live, execution, events, commands)
                for letter in letters:
                    if letter.outcome is True and isinstance(letter.stimulus, TaskSucceeded | TaskFailed):
                        self._dispatcher.let_go(live.arn, letter.stimulus.key)
                    letter.tell()
        except Exception as error:
            # A bug of ours. What was committed counts, so the value in memory is not trusted any more; commands that
            # were not given out are given out at the next start.
            _log.exception("execution %s stopped moving", live.arn)
            live.execution = None
            for letter in letters:
                if letter.answer is not None and not letter.answer.done():
                    letter.answer.set_exception(InternalError("An execution cannot go on", story=repr(error)))
            for future in self._ended.pop(live.arn, []):
                if not future.done():
                    future.set_exception(InternalError("An execution cannot go on", story=repr(error)))
        finally:
            live.pump = None
            self._wake(live)
            self._forget_idle()

    async def _keep(self, live: _Live, execution: Execution, events: list[HistoryEvent], tokens: TokenChanges) -> None:
        """Commit, and try again for as long as the database cannot: what happened must not be forgotten."""
        progress = _progress(execution)
        self._resize(live, len(progress["snapshot"] or b""))

        def save(c: sa.Connection) -> None:
            save_progress(c, execution_id=live.row, events=events, **progress)
            tokens.save(c)
            self._outbox.saved(c, live.row, execution)

        while True:
            try:
                return await self._writer(progress["snapshot"], events)(save)
            except sa.exc.OperationalError:  # a full or failing disk; any other error is a bug and ends the pump
                _log.exception("execution %s cannot be saved; trying again", live.arn)
                await asyncio.sleep(_SAVE_AGAIN_SECONDS)

    def _writer(self, saved: bytes | None, events: list[HistoryEvent]) -> Callable[[Work[T]], Awaitable[T]]:
        """Who commits a step: whatever takes no longer than handing it to another thread is committed here."""
        small = len(events) <= _SMALL_EVENTS_MAX and len(saved or b"") <= _SMALL_BYTES_MAX
        return self._database.write_small if small else self._database.write

    def _give_up(self, live: _Live, bug: InternalError) -> Execution:
        """End an execution that our own bug keeps from moving; its user sees it, the log has the story."""
        _log.error("execution %s: %s\n%s", live.arn, bug, bug.story)
        assert live.execution is not None
        cause = f"Internal error of steppe: {bug}"
        return replace(
            live.execution, status="FAILED", error="States.Runtime", cause=cause, stopped_ms=self.clock(), frames={}
        )

    def _advance(self, live: _Live, letters: list[_Letter]) -> tuple[Execution, list[HistoryEvent], list[Command]]:
        """Advance over stimuli; each letter is told its outcome."""
        assert live.program is not None
        assert live.execution is not None
        program = self._programs.as_it_is_now(live.program)
        execution, events, commands = live.execution, [], []
        for letter in letters:
            if execution.status != "RUNNING":
                break
            stimulus = letter.stimulus
            step = advance(program, execution, stimulus, self.clock(), self._entropy())
            letter.outcome = step.execution is not execution
            execution = step.execution
            if isinstance(stimulus, ActivityStarted):
                # A task that was taken before stays as it is, and writes no event.
                letter.outcome = bool(step.history) and _task(program, execution, stimulus.key)
            events += step.history
            commands += step.commands
        return execution, events, commands

    async def _settle(
        self, live: _Live, execution: Execution, events: list[HistoryEvent], commands: list[Command]
    ) -> None:
        """After the commit: the new value counts, the commands go out, those who wait are told."""
        live.execution = execution
        assert live.machine is not None
        self._outbox.settled(live.row, live.machine)
        for observer in self.observers:
            observer(execution, events)
        await self._dispatch(live, commands)
        if execution.status != "RUNNING":
            self._remove(live)
            for future in self._ended.pop(live.arn, []):
                if not future.done():
                    future.set_result(None)

    async def _dispatch(self, live: _Live, commands: list[Command]) -> None:
        assert live.machine is not None
        for command in commands:
            await self._dispatcher.dispatch(live.arn, live.machine, command)

    async def _load(self, live: _Live) -> bool:
        """Bring an execution back from the store; False when it is not there or has ended."""
        record = await self._database.read(lambda c: find_execution(c, live.arn))
        if record is None or record.status != "RUNNING":
            return False
        await self._restore(live, record)
        return True

    async def _restore(self, live: _Live, record: ExecutionRecord) -> None:
        assert record.snapshot is not None
        live.row = record.id
        known = self._programs.machine(record.revision_row)
        machine = known if known else await self._database.read(lambda c: get_revision(c, record.revision_row))
        assert machine is not None
        live.machine, live.program = machine, self._programs.program(machine)
        live.execution = snapshot.load(record.snapshot)
        self._resize(live, len(record.snapshot))

    def _resize(self, live: _Live, size_bytes: int) -> None:
        self._live_bytes += size_bytes - live.size_bytes
        live.size_bytes = size_bytes

    def _remove(self, live: _Live) -> None:
        """Let go of an execution in memory."""
        if self._live.get(live.arn) is live:
            del self._live[live.arn]
            self._resize(live, 0)

    def _forget_idle(self) -> None:
        """Let go of executions that only wait, the longest unused first, beyond what memory is for."""
        for _ in range(_FORGET_MAX):
            if len(self._live) <= _IDLE_MAX and self._live_bytes <= _IDLE_BYTES_MAX:
                return
            live = next(iter(self._live.values()))
            if live.pump is None and not live.inbox:
                self._remove(live)
            else:
                self._live.move_to_end(live.arn)


def _identity(arn: str, name: str, machine: MachineRecord) -> Identity:
    return Identity(
        arn=arn,
        name=name,
        machine_arn=machine.arn,
        machine_name=machine.name,
        role_arn=machine.role_arn,
        express=machine.type == "EXPRESS",
    )


def _progress(execution: Execution) -> dict[str, JsonValue]:
    """The columns of an execution that change while it runs."""
    ended = execution.status != "RUNNING"
    goes_on = not ended or (redrive.redrivable(execution) and not execution.identity.express)
    return {
        "snapshot": snapshot.dump(execution) if goes_on else None,
        "status": execution.status,
        "stopped_ms": execution.stopped_ms,
        "output": dumps(execution.output) if execution.status == "SUCCEEDED" else None,
        "error": execution.error,
        "cause": execution.cause,
        "redrive_count": execution.redrive_count,
        "redriven_ms": execution.redriven_ms,
    }


def _task(program: Program, execution: Execution, key: str) -> bool | CallTask:
    """The task that waits under a key."""
    tasks = (command for command in outstanding(program, execution) if isinstance(command, CallTask))
    return next((task for task in tasks if task.key == key), False)
