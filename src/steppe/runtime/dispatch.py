"""One command, and the part that carries it out: tasks, timers, Map Runs.

Everything here may be asked twice for the same key (after a crash, or when an execution is loaded again): what is
already under way is left alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol, assert_never

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.interp.command import CallTask, CancelTask, CancelTimer, Command, StartMapRun, StartTimer, StopMapRun
from steppe.interp.stimulus import MapRunFailed, Stimulus, TaskFailed, TaskSubmitted, TaskSucceeded
from steppe.runtime.activities import ActivityDesk
from steppe.runtime.timers import Timers
from steppe.runtime.tokens import is_activity
from steppe.stores.machines import MachineRecord

_log = logging.getLogger(__name__)

_CALLBACK = ".waitForTaskToken"


class Tasks(Protocol):
    """Who carries out tasks: `integrations.task_caller.TaskCaller`."""

    async def run(
        self,
        command: CallTask,
        *,
        execution_arn: str,
        submitted: Callable[[JsonValue], Awaitable[None]] | None = None,
    ) -> JsonValue:
        """The task's result; raises Fault."""
        ...

    async def cancel(self, command: CallTask, *, execution_arn: str) -> None:
        """Stop the task's job, if it has one."""
        ...


class MapRunStarter(Protocol):
    """Who runs Distributed Maps: `maprun.runs.MapRuns`."""

    async def start(self, command: StartMapRun, *, execution_arn: str, machine: MachineRecord) -> None:
        """Start a Map Run, or go on with the one that this command started before."""
        ...

    async def stop_run(self, map_run_arn: str) -> None:
        """Abort a Map Run."""
        ...

    def tell_child(self, arn: str, stimulus: Stimulus) -> None:
        """Tell a child of a Map Run what has happened; dropped when it does not run."""
        ...


class Dispatcher:
    """Carries commands out and posts what comes of them."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        map_runs: MapRunStarter,
        timers: Timers,
        activities: ActivityDesk,
        post: Callable[[str, Stimulus], None],
    ) -> None:
        self._tasks = tasks
        self._activities = activities
        self._map_runs = map_runs
        self._timers = timers
        self._post = post
        self._calls: dict[tuple[str, str], tuple[asyncio.Task[None], CallTask]] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    async def dispatch_task(self, arn: str, command: CallTask | CancelTask) -> None:
        """Carry out a task of the execution `arn`, or stop it."""
        if isinstance(command, CallTask):
            self._start_task(arn, command)
        else:
            self._cancel_call(arn, command.key)

    async def dispatch(self, arn: str, machine: MachineRecord, command: Command) -> None:
        """Carry out one command of the execution `arn`."""
        match command:
            case CallTask() | CancelTask():
                await self.dispatch_task(arn, command)
            case StartTimer(key, due_ms):
                self._timers.set(arn, key, due_ms)
            case CancelTimer(key):
                self._timers.cancel(arn, key)
            case StartMapRun():
                await self._start_map_run(command, arn, machine)
            case StopMapRun():
                await self._map_runs.stop_run(command.map_run_arn)
            case _:
                assert_never(command)

    def let_go(self, arn: str, key: str) -> None:
        """Stop waiting for the job of a task that was ended by its token; the job itself goes on."""
        entry = self._calls.get((arn, key))
        if entry is not None and entry[1].resource.rpartition(".")[2].startswith("sync"):
            entry[0].cancel()

    async def close(self) -> None:
        """Stop waiting for tasks. Their jobs go on: after a restart somebody will ask for them again."""
        calls = [task for task, _ in self._calls.values()] + list(self._stopping)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    def _start_task(self, arn: str, command: CallTask) -> None:
        if is_activity(command.resource):
            if command.submitted is None:
                self._activities.offer(command.resource)
        elif command.submitted is not None and command.resource.endswith(_CALLBACK):
            return  # it was called before the last restart: who has the token answers
        elif (arn, command.key) not in self._calls:
            call = asyncio.create_task(self._call(arn, command))
            self._calls[arn, command.key] = (call, command)

    async def _call(self, arn: str, command: CallTask) -> None:
        async def submitted(output: JsonValue) -> None:
            under_way = self._calls.get((arn, command.key))
            if under_way is not None:  # who stops the task must know its job
                self._calls[arn, command.key] = (under_way[0], replace(command, submitted=output))
            self._post(arn, TaskSubmitted(command.key, output))

        try:
            output = await self._tasks.run(command, execution_arn=arn, submitted=submitted)
        except Fault as fault:
            self._post(arn, TaskFailed(command.key, fault.error, fault.cause))
        except Exception as error:
            # A bug of ours in an integration: the task fails for its user to see, the log has the story.
            _log.exception("task %s of %s", command.resource, arn)
            self._post(arn, TaskFailed(command.key, "States.Runtime", f"Internal error of steppe: {error!r}"))
        else:
            if command.resource.endswith(_CALLBACK):
                await submitted(output)
            else:
                self._post(arn, TaskSucceeded(command.key, output))
        finally:
            self._calls.pop((arn, command.key), None)

    async def _start_map_run(self, command: StartMapRun, arn: str, machine: MachineRecord) -> None:
        try:
            await self._map_runs.start(command, execution_arn=arn, machine=machine)
        except Exception as error:
            _log.exception("Map Run %s", command.map_run_arn)
            self._post(arn, MapRunFailed(command.key, "States.Runtime", f"Internal error of steppe: {error!r}"))

    def _cancel_call(self, arn: str, key: str) -> None:
        entry = self._calls.pop((arn, key), None)
        if entry is None:
            return
        call, command = entry
        call.cancel()
        stopping = asyncio.create_task(self._tasks.cancel(command, execution_arn=arn))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)
