"""Children of a shard that wait for the world: their tasks and timers in the worker's event loop."""

from __future__ import annotations

import asyncio
import types
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, assert_never

from steppe.base.errors import Fault, InternalError
from steppe.base.jsonvalue import JsonValue
from steppe.interp.advance import advance
from steppe.interp.command import CallTask, CancelTask, CancelTimer, Command, StartMapRun, StartTimer, StopMapRun
from steppe.interp.execution import Execution
from steppe.interp.history import HistoryEvent
from steppe.interp.stimulus import (
    Stimulus,
    Stop,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from steppe.maprun.failed_children import failed_execution
from steppe.maprun.plan import CompiledPlan
from steppe.maprun.segments import dump_history
from steppe.maprun.shards import Answer, ChildAsks, FindChild, ListRunning, RunningChild


class ChildTasks(Protocol):
    """Who carries out the tasks of children."""

    def run(
        self,
        command: CallTask,
        *,
        execution_arn: str,
        submitted: Callable[[JsonValue], Awaitable[None]] | None = None,
    ) -> Coroutine[JsonValue, JsonValue, JsonValue]:
        """A coroutine that gives the task's result; raises Fault."""
        ...

    async def cancel(self, command: CallTask, *, execution_arn: str) -> None:
        """Stop the job of a task that nobody waits for any more."""
        ...

    def answers_at_once(self, command: CallTask) -> bool:
        """Whether `run` ends without ever waiting: then it is run on the spot, without a task of the event loop."""
        ...


class Ended(NamedTuple):
    """A child with all that its row needs: items, name, execution, history, JSON text of its input."""

    item_index: int
    item_count: int
    number: int
    execution: Execution
    history: list[HistoryEvent]
    raw_input: bytes


@dataclass(slots=True, eq=False)
class _Child:
    """A child that waits."""

    item_index: int
    item_count: int
    number: int
    execution: Execution
    history: list[HistoryEvent]
    raw_input: bytes
    calls: dict[str, tuple[CallTask, asyncio.Task[None]]] = field(default_factory=dict)
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)


class RunningChildren:
    """The waiting children of one shard, by their first item."""

    def __init__(
        self,
        *,
        compiled: CompiledPlan,
        name_key: bytes,
        tasks: ChildTasks,
        clock: Callable[[], int],
        ended: Callable[[Ended], None],
        ask: Callable[[ChildAsks], None],
        crash: Callable[[BaseException], None],
    ) -> None:
        """How things are told to the shard.

        Args:
            compiled: the run's plan.
            name_key: makes the children's chance, with their names.
            tasks: carries out tasks.
            clock: epoch milliseconds.
            ended: called for each child that has ended.
            ask: called for what has to be carried out elsewhere.
            crash: called when something broke that is no child's fault.
        """
        self._program = compiled.program
        self._name_key = name_key
        self._abort_cause = (
            f"The map run execution [{compiled.plan.map_run_arn}] which was managing this resource was aborted"
        )
        self._tasks = tasks
        self._clock = clock
        self._tell_ended = ended
        self._ask = ask
        self._crash = crash
        self._children: dict[int, _Child] = {}
        self._cancelling: set[asyncio.Task[None]] = set()
        self.item_count = 0
        """Items of the children that run."""

    def __len__(self) -> int:
        return len(self._children)

    def add(self, child: Ended, commands: list[Command]) -> None:
        """A child that waits after its first step, and what it asks for."""
        waiting = _Child(*child)
        self._children[child.item_index] = waiting
        self.item_count += child.item_count
        self._go_on(waiting, deque(self._carry_out(waiting, commands)))

    def deliver(self, item_index: int, stimulus: Stimulus) -> None:
        """Something from outside has happened to a child."""
        if child := self._children.get(item_index):
            self._go_on(child, deque([stimulus]))

    def abort_all(self) -> None:
        """Stop every child that runs."""
        for child in list(self._children.values()):
            self._go_on(child, deque([Stop(None, self._abort_cause)]))

    def close(self) -> None:
        """Drop what is left, without a trace: the attempt is over."""
        for child in self._children.values():
            self._drop_waits(child, cancel=False)
        self._children.clear()

    def answer(self, asked: FindChild | ListRunning) -> Answer:
        """The children that are asked for."""
        if isinstance(asked, FindChild):
            child = self._children.get(asked.item_index)
            return Answer(asked.request_id, [_shown(child, history=True)] if child else [])
        youngest = sorted(self._children.values(), key=lambda c: (c.execution.started_ms, c.item_index), reverse=True)
        return Answer(asked.request_id, [_shown(child, history=False) for child in youngest[: asked.limit]])

    def _go_on(self, child: _Child, stimuli: deque[Stimulus]) -> None:
        """Advance a child with what has happened, and with what is answered at once, until it waits or has ended."""
        while stimuli and child.execution.status == "RUNNING":
            stimulus = stimuli.popleft()
            now_ms = self._clock()
            try:
                step = advance(self._program, child.execution, stimulus, now_ms, self._seed(child))
            except InternalError as error:
                child.execution, child.history = failed_execution(
                    child.execution, child.raw_input, "States.Runtime", f"{error}: {error.story}", now_ms
                )
                break
            child.execution = step.execution
            child.history += step.history
            stimuli.extend(self._carry_out(child, step.commands))
        if child.execution.status != "RUNNING" and self._children.pop(child.item_index, None) is not None:
            self.item_count -= child.item_count
            self._drop_waits(child, cancel=True)
            self._tell_ended(
                Ended(
                    child.item_index,
                    child.item_count,
                    child.number,
                    child.execution,
                    child.history,
                    child.raw_input,
                )
            )

    def _seed(self, child: _Child) -> bytes:
        """The chance of a child's next step: the same when the child is run again and comes to the same place."""
        execution = child.execution
        seed = b"%b%b:%d" % (child.number.to_bytes(16, "big"), self._name_key, execution.event_count)
        # A redrive may begin anew, with the same numbers: it has to ask for other things.
        return seed + b":%d" % execution.redrive_count if execution.redrive_count else seed

    def _carry_out(self, child: _Child, commands: list[Command]) -> list[Stimulus]:
        """Begin what a child asks for; what is answered at once comes back."""
        answers: list[Stimulus] = []
        for command in commands:
            match command:
                case CallTask():
                    answers += self._call(child, command)
                case CancelTask(key):
                    if entry := child.calls.pop(key, None):
                        self._cancel(child, *entry)
                    elif key in child.tokens:
                        child.tokens.discard(key)
                        self._ask(ChildAsks(child.execution.identity.arn, command))
                case StartTimer(key, due_ms):
                    self._start_timer(child, key, due_ms)
                case CancelTimer(key):
                    if timer := child.timers.pop(key, None):
                        timer.cancel()
                case StartMapRun() | StopMapRun():
                    self._ask(ChildAsks(child.execution.identity.arn, command))
                case _:
                    assert_never(command)
        return answers

    def _call(self, child: _Child, command: CallTask) -> list[Stimulus]:
        """Begin a task; its outcome, if it is there at once."""
        if command.task_token is not None:
            child.tokens.add(command.key)
            self._ask(ChildAsks(child.execution.identity.arn, command))
            return []
        if self._tasks.answers_at_once(command):
            return self._call_now(child, command)

        async def submitted(output: JsonValue) -> None:
            self._go_on(child, deque([TaskSubmitted(command.key, output)]))

        arn = child.execution.identity.arn
        self._wait(child, command, lambda: self._tasks.run(command, execution_arn=arn, submitted=submitted))
        return []

    def _call_now(self, child: _Child, command: CallTask) -> list[Stimulus]:
        """Run a task on the spot. Such a task has no job, so there is no `submitted`."""
        running = self._tasks.run(command, execution_arn=child.execution.identity.arn)
        try:
            awaited = running.send(None)
        except StopIteration as answer:
            return [TaskSucceeded(command.key, answer.value)]
        except Fault as fault:
            return [TaskFailed(command.key, fault.error, fault.cause)]
        self._wait(child, command, lambda: _rest(running, awaited))
        return []

    def _wait(self, child: _Child, command: CallTask, begin: Callable[[], Awaitable[JsonValue]]) -> None:
        """Wait for a task in the event loop."""
        task = asyncio.get_running_loop().create_task(self._wait_for(child, command, begin))
        child.calls[command.key] = (command, task)
        task.add_done_callback(self._task_done)

    async def _wait_for(self, child: _Child, command: CallTask, begin: Callable[[], Awaitable[JsonValue]]) -> None:
        outcome: Stimulus
        try:
            outcome = TaskSucceeded(command.key, await begin())
        except Fault as fault:
            outcome = TaskFailed(command.key, fault.error, fault.cause)
        child.calls.pop(command.key, None)
        self._go_on(child, deque([outcome]))

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._cancelling.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._crash(error)

    def _start_timer(self, child: _Child, key: str, due_ms: int) -> None:
        def fire() -> None:
            child.timers.pop(key, None)
            self._go_on(child, deque([TimerFired(key)]))

        if timer := child.timers.pop(key, None):
            timer.cancel()
        delay = max(0, due_ms - self._clock()) / 1000
        child.timers[key] = asyncio.get_running_loop().call_later(delay, fire)

    def _drop_waits(self, child: _Child, *, cancel: bool) -> None:
        """A child has ended: nobody waits for its tasks and timers any more."""
        for timer in child.timers.values():
            timer.cancel()
        for command, task in child.calls.values():
            if cancel:
                self._cancel(child, command, task)
            else:
                task.cancel()
        child.timers.clear()
        child.calls.clear()

    def _cancel(self, child: _Child, command: CallTask, task: asyncio.Task[None]) -> None:
        """Stop waiting for a task, and stop its job where it has one."""
        task.cancel()
        stopping = asyncio.get_running_loop().create_task(
            self._tasks.cancel(command, execution_arn=child.execution.identity.arn)
        )
        self._cancelling.add(stopping)
        stopping.add_done_callback(self._task_done)


@types.coroutine
def _rest(
    running: Coroutine[JsonValue, JsonValue, JsonValue], awaited: JsonValue
) -> Generator[JsonValue, JsonValue, JsonValue]:
    """The rest of a coroutine that was begun by hand and has awaited something after all."""
    try:
        yield awaited
    except BaseException:
        running.close()
        raise
    return (yield from running.__await__())


def _shown(child: _Child, *, history: bool) -> RunningChild:
    return RunningChild(
        item_index=child.item_index,
        item_count=child.item_count,
        started_ms=child.execution.started_ms,
        input=child.raw_input,
        history=dump_history(child.history) if history else b"",
        redrive_count=child.execution.redrive_count,
        redriven_ms=child.execution.redriven_ms,
    )
