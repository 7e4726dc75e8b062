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
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import sqlalchemy as sa

from steppe.asl.compile import compile_definition
from steppe.asl.program import Program
from steppe.base.arns import Realm
from steppe.base.errors import InternalError
from steppe.base.jsonvalue import JsonValue, dumps, loads
from steppe.interp import snapshot
from steppe.interp.advance import advance, new_execution, outstanding
from steppe.interp.command import Command
from steppe.interp.execution import Execution, Identity
from steppe.interp.history import HistoryEvent
from steppe.interp.stimulus import Start, Stimulus, Stop
from steppe.runtime import system
from steppe.runtime.dispatch import Dispatcher, MapRunStarter, Tasks
from steppe.runtime.timers import Timers
from steppe.stores.database import Database
from steppe.stores.executions import (
    ExecutionExistsError,
    ExecutionRecord,
    append_history,
    find_execution,
    insert_execution,
    new_record,
    running,
    save_progress,
)
from steppe.stores.machines import MachineRecord, get_revision

_log = logging.getLogger(__name__)

_PROGRAMS_MAX = 256
"""Compiled definitions kept: a definition of ordinary size is tens of kilobytes compiled."""

_IDLE_MAX = 2000
"""Executions that wait and are kept in memory all the same; others are loaded when something happens to them."""

_BATCH_MAX = 64
"""Stimuli advanced over in one commit: bounds how long one execution holds the event loop."""

_SAVE_AGAIN_SECONDS = 1.0

Observer = Callable[[Execution, list[HistoryEvent]], None]


@dataclass(slots=True)
class _Live:
    """An execution in memory. `execution` is None until the pump has loaded it."""

    arn: str
    inbox: deque[Stimulus] = field(default_factory=deque)
    row: int = 0
    machine: MachineRecord | None = None
    program: Program | None = None
    execution: Execution | None = None
    pump: asyncio.Task[None] | None = None


class Engine:
    """Runs executions. One for a server; everything but `start` and `stop` is called while it runs."""

    def __init__(
        self,
        *,
        database: Database,
        tasks: Tasks,
        map_runs: MapRunStarter,
        realm: Realm,
        clock: Callable[[], int] = system.now_ms,
        entropy: Callable[[], bytes] = system.entropy,
    ) -> None:
        self._database = database
        self._realm = realm
        self.clock = clock
        self._entropy = entropy
        self._timers = Timers(clock=clock, fire=self.post)
        self._dispatcher = Dispatcher(tasks=tasks, map_runs=map_runs, timers=self._timers, post=self.post)
        self._live: OrderedDict[str, _Live] = OrderedDict()
        self._programs: OrderedDict[int, Program] = OrderedDict()
        self._ended: dict[str, list[asyncio.Future[None]]] = {}
        self.observers: list[Observer] = []

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
        await self._dispatcher.close()
        pumps = [live.pump for live in self._live.values() if live.pump is not None]
        await asyncio.gather(*pumps, return_exceptions=True)

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
        record = new_record(
            machine, arn=arn, name=name, started_ms=now, input_text=input_text, trace_header=trace_header
        )
        program = self.program(machine)
        execution = new_execution(_identity(record, machine), loads(input_text), now)
        if arn in self._live:
            raise ExecutionExistsError(arn)
        live = self._live[arn] = _Live(arn, machine=machine, program=program, execution=execution)
        step = advance(program, execution, Start(), now, self._entropy())
        begun = replace(record, **_progress(step.execution))

        def insert(c: sa.Connection) -> int:
            row = insert_execution(c, begun)
            append_history(c, row, step.history)
            return row

        live.pump = asyncio.current_task()  # nobody else may advance it before it is kept
        try:
            live.row = await self._database.write(insert)
        except BaseException:
            del self._live[arn]
            for stimulus in live.inbox:  # meant for the execution that has the name
                self.post(arn, stimulus)
            raise
        live.pump = None
        await self._settle(live, step.execution, step.history, step.commands)
        self._wake(live)
        self._forget_idle()
        return replace(begun, id=live.row)

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
        live = self._live.get(arn)
        if live is None:
            live = self._live[arn] = _Live(arn)
        live.inbox.append(stimulus)
        self._wake(live)

    def program(self, machine: MachineRecord) -> Program:
        """The compiled definition of a revision.

        Raises:
            DefinitionError: never for what CreateStateMachine accepted with this version of steppe.
        """
        known = self._programs.get(machine.revision_row)
        if known is None:
            known = compile_definition(machine.definition, express=machine.type == "EXPRESS", label_seed=machine.arn)
            self._programs[machine.revision_row] = known
            if len(self._programs) > _PROGRAMS_MAX:
                self._programs.popitem(last=False)
        else:
            self._programs.move_to_end(machine.revision_row)
        return known

    def _wake(self, live: _Live) -> None:
        if live.pump is None and live.inbox:
            live.pump = asyncio.create_task(self._pump(live))

    async def _pump(self, live: _Live) -> None:
        """Advance one execution over what is in its inbox, until the inbox is empty."""
        try:
            if live.execution is None and not await self._load(live):
                live.inbox.clear()
                self._live.pop(live.arn, None)
                return
            while live.inbox:
                stimuli = [live.inbox.popleft() for _ in range(min(_BATCH_MAX, len(live.inbox)))]
                try:
                    execution, events, commands = self._advance(live, stimuli)
                except InternalError as bug:
                    execution, events, commands = self._give_up(live, bug), [], []
                if execution is not live.execution:
                    await self._keep(live, execution, events)
                    await self._settle(live, execution, events, commands)
        except Exception:
            # A bug of ours. What was committed counts, so the value in memory is not trusted any more; commands that
            # were not given out are given out at the next start.
            _log.exception("execution %s stopped moving", live.arn)
            live.execution = None
        finally:
            live.pump = None
            self._wake(live)
            self._forget_idle()

    async def _keep(self, live: _Live, execution: Execution, events: list[HistoryEvent]) -> None:
        """Commit, and try again for as long as the database cannot: what happened must not be forgotten."""
        progress = _progress(execution)
        while True:
            try:
                return await self._database.write(
                    lambda c: save_progress(c, execution_id=live.row, events=events, **progress)
                )
            except sa.exc.OperationalError:  # a full or failing disk; any other error is a bug and ends the pump
                _log.exception("execution %s cannot be saved; trying again", live.arn)
                await asyncio.sleep(_SAVE_AGAIN_SECONDS)

    def _give_up(self, live: _Live, bug: InternalError) -> Execution:
        """End an execution that our own bug keeps from moving; its user sees it, the log has the story."""
        _log.error("execution %s: %s\n%s", live.arn, bug, bug.story)
        assert live.execution is not None
        cause = f"Internal error of steppe: {bug}"
        return replace(
            live.execution, status="FAILED", error="States.Runtime", cause=cause, stopped_ms=self.clock(), frames={}
        )

    def _advance(self, live: _Live, stimuli: list[Stimulus]) -> tuple[Execution, list[HistoryEvent], list[Command]]:
        assert live.program is not None
        assert live.execution is not None
        execution, events, commands = live.execution, [], []
        for stimulus in stimuli:
            if execution.status != "RUNNING":
                break
            step = advance(live.program, execution, stimulus, self.clock(), self._entropy())
            execution = step.execution
            events += step.history
            commands += step.commands
        return execution, events, commands

    async def _settle(
        self, live: _Live, execution: Execution, events: list[HistoryEvent], commands: list[Command]
    ) -> None:
        """After the commit: the new value counts, the commands go out, those who wait are told."""
        live.execution = execution
        for observer in self.observers:
            observer(execution, events)
        await self._dispatch(live, commands)
        if execution.status != "RUNNING":
            self._live.pop(live.arn, None)
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
        live.machine = await self._database.read(lambda c: get_revision(c, record.revision_row))
        live.program = self.program(live.machine)
        live.execution = snapshot.load(record.snapshot)

    def _forget_idle(self) -> None:
        """Let go of executions that only wait, the longest unused first, beyond what memory is for."""
        spare = len(self._live) - _IDLE_MAX
        for arn in list(self._live) if spare > 0 else []:
            live = self._live[arn]
            if live.pump is None and not live.inbox:
                del self._live[arn]
                spare -= 1
                if spare <= 0:
                    return


def _identity(record: ExecutionRecord, machine: MachineRecord) -> Identity:
    return Identity(
        arn=record.arn,
        name=record.name,
        machine_arn=machine.arn,
        machine_name=machine.name,
        role_arn=machine.role_arn,
        express=machine.type == "EXPRESS",
    )


def _progress(execution: Execution) -> dict[str, JsonValue]:
    """The columns of an execution that change while it runs."""
    ended = execution.status != "RUNNING"
    return {
        "snapshot": None if ended else snapshot.dump(execution),
        "status": execution.status,
        "stopped_ms": execution.stopped_ms,
        "output": dumps(execution.output) if execution.status == "SUCCEEDED" else None,
        "error": execution.error,
        "cause": execution.cause,
    }
