"""What the operations work with: two ports to what runs, and the parts that every operation gets."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from steppe.base.arns import Realm
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.interp.command import CallTask
from steppe.interp.history import HistoryEvent
from steppe.interp.stimulus import Stimulus
from steppe.services.stepfunctions.limits import Limits
from steppe.stores.database import Database
from steppe.stores.executions import ExecutionRecord
from steppe.stores.machines import MachineRecord
from steppe.stores.task_tokens import TokenRecord


class Engine(Protocol):
    """What drives executions (`steppe.runtime.driver.Engine`)."""

    async def start_execution(
        self, *, machine: MachineRecord, name: str, input_text: str, trace_header: str | None = None
    ) -> ExecutionRecord:
        """Begin an execution; it is durable when this returns.

        Raises:
            ExecutionExistsError: a Standard execution with this name is there.
        """
        ...

    async def stop_execution(self, arn: str, *, error: str | None, cause: str | None) -> object:
        """End a running execution as ABORTED; returns when that is durable. One that has ended is left alone."""
        ...

    async def wait_ended(self, arn: str) -> None:
        """Return when the execution has ended."""
        ...

    async def answer_task(self, token: TokenRecord, stimulus: Stimulus) -> bool:
        """Tell the task of a token what has happened; when that is durable, whether it waited for it."""
        ...

    async def redrive_execution(self, arn: str, *, client_token: str | None) -> int | None:
        """Have a failed execution go on; when it did, epoch milliseconds, or None when it cannot."""
        ...

    async def next_activity_task(
        self, activity_arn: str, *, worker_name: str | None, gone: asyncio.Future[None] | None
    ) -> tuple[str, JsonValue] | None:
        """Wait for a task of an activity: its token and its input; None when there was none in time.

        Args:
            activity_arn: of the activity.
            worker_name: who asks, for the history.
            gone: done when nobody waits for the answer any more.

        Raises:
            TooManyPollers: as many wait as may.
        """
        ...


class MapRuns(Protocol):
    """Map Runs and their children (`steppe.maprun.runs.MapRuns`).

    Dicts are the API's answers, with times in epoch milliseconds.
    """

    async def describe(self, map_run_arn: str) -> dict[str, JsonValue] | None:
        """DescribeMapRun's answer; None when there is no such run."""
        ...

    async def update(
        self,
        map_run_arn: str,
        *,
        max_concurrency: int | None,
        tolerated_failure_count: int | None,
        tolerated_failure_percentage: float | None,
    ) -> bool:
        """Other limits for a run, None for those that stay; False when it does not run (any more)."""
        ...

    async def list_runs(
        self, execution_arn: str, *, limit: int, token: str | None
    ) -> tuple[list[dict[str, JsonValue]], str | None]:
        """Entries of ListMapRuns, and the token of the next page."""
        ...

    async def list_children(
        self, map_run_arn: str, *, status: str | None, redriven: bool | None, limit: int, token: str | None
    ) -> tuple[list[dict[str, JsonValue]], str | None]:
        """Entries of ListExecutions for a Map Run, newest first, and the token of the next page."""
        ...

    async def describe_child(self, arn: str) -> dict[str, JsonValue] | None:
        """DescribeExecution's answer for a child; None when there is no such child."""
        ...

    async def child_history(self, arn: str) -> list[HistoryEvent] | None:
        """The whole history of a child, in order; None when there is no such child."""
        ...


class Tasks(Protocol):
    """What carries a Task out (`steppe.integrations.task_caller.TaskCaller`)."""

    async def run(self, command: CallTask, *, execution_arn: str) -> JsonValue:
        """The task's result.

        Raises:
            Fault: error name and cause as the state machine sees them.
        """
        ...


class NoTasks:
    """A server without integrations."""

    async def run(self, command: CallTask, *, execution_arn: str) -> JsonValue:
        """Refuse by name."""
        raise Fault("States.Runtime", f"The resource {command.resource} cannot be called: there are no integrations.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every operation works with.

    Attributes:
        test_cases: why a machine (its name) cannot run a test case of the mock configuration, None when it can; None
            without a mock configuration.
        limits: quotas that were set.
        draw: a random number below its argument: which version an alias routes to.
        chores: tasks that go on after an answer was given.
    """

    database: Database
    engine: Engine
    map_runs: MapRuns
    realm: Realm
    clock: Callable[[], int]
    tasks: Tasks = field(default_factory=NoTasks)
    test_cases: Callable[[str, str], str | None] | None = None
    limits: Limits = field(default_factory=Limits)
    draw: Callable[[int], int] = secrets.randbelow
    chores: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, chore: asyncio.Task[None]) -> None:
        """Keep hold of a task until it is done (the event loop alone would forget it)."""
        self.chores.add(chore)
        chore.add_done_callback(self.chores.discard)
