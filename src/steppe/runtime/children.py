"""Tasks with tokens of children of Map Runs: carried out in the server, answered from anywhere.

A child lives in a worker process, which may die with it; it is run again then, and comes to the same task with the same
key and the same token, as long as it is told the same things in the same order: its events are numbered alike, and its
chance is made of its name and these numbers. So what a child is told is kept with the token first, told afterwards, and
told again to whoever asks for the task again. Heartbeats write no events and are told only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import sqlalchemy as sa

from steppe.base.jsonvalue import JsonValue
from steppe.interp.command import CallTask, CancelTask
from steppe.interp.stimulus import ActivityStarted, Stimulus, TaskFailed, TaskHeartbeat, TaskSubmitted, TaskSucceeded
from steppe.runtime.tokens import is_activity
from steppe.stores import task_tokens
from steppe.stores.activities import get_activity
from steppe.stores.database import Database
from steppe.stores.task_tokens import ChildTask, NewToken, TokenRecord


def is_child(arn: str) -> bool:
    """Whether an execution is a child of a Map Run: `<machine>/<label>` is in its ARN, where no other has a slash."""
    return "/" in arn


class ChildTasks:
    """The tasks of children that are under way."""

    def __init__(
        self,
        *,
        database: Database,
        dispatch: Callable[[str, CallTask | CancelTask], Awaitable[None]],
        tell: Callable[[str, Stimulus], None],
    ) -> None:
        """Prepare.

        Args:
            database: with the table of tokens.
            dispatch: carries a child's command out.
            tell: tells a child what has happened; dropped when it does not run.
        """
        self._database = database
        self._dispatch = dispatch
        self._tell = tell
        self._tasks: dict[tuple[str, str], CallTask] = {}

    async def asked(self, arn: str, command: CallTask | CancelTask) -> None:
        """A child wants a task, or wants it no more. The same task may come again."""
        place = (arn, command.key)
        if isinstance(command, CancelTask):
            task = self._tasks.pop(place, None)
            await self._dispatch(arn, command)
            if task is not None:
                await self._keep(task, None, over=True)
            return
        self._tasks[place] = command
        known = await self._database.write(partial(_register, arn=arn, task=command))
        if self._tasks.get(place) is not command:
            return  # given up or answered meanwhile
        if known is None:
            cause = f"The activity {command.resource} does not exist."
            await self.called(arn, TaskFailed(command.key, "States.Runtime", cause))
            return
        for entry in known.told:
            self._tell(arn, _stimulus(command.key, entry))
            if "submitted" in entry:
                command = replace(command, submitted=entry["submitted"])
            elif "started" in entry:
                command = replace(command, submitted={"WorkerName": entry["started"]})
        if known.over:
            self._tasks.pop(place, None)
        else:
            await self._dispatch(arn, command)

    async def take(self, arn: str, key: str, worker_name: str | None) -> CallTask | None:
        """A worker takes the task of an activity; None when the child does not wait for it (any more)."""
        task = self._tasks.get((arn, key))
        if task is None or not await self._keep(task, {"started": worker_name}, over=False):
            return None
        self._tell(arn, ActivityStarted(key, worker_name))
        return task

    async def answer(self, token: TokenRecord, stimulus: Stimulus) -> bool:
        """Answer a task by its token; durable when this returns. False when it is over."""
        arn, key = token.execution_arn, token.command_key
        if isinstance(stimulus, TaskHeartbeat):
            waits = not await self._database.read(lambda c: task_tokens.is_over(c, token.id))
        else:
            entry = _entry(stimulus)
            waits = await self._database.write(lambda c: task_tokens.answer_child_task(c, token.id, entry))
            self._tasks.pop((arn, key), None)
        if waits:
            self._tell(arn, stimulus)
        return waits

    async def called(self, arn: str, stimulus: TaskSubmitted | TaskSucceeded | TaskFailed) -> None:
        """What came of the call of a task."""
        over = not isinstance(stimulus, TaskSubmitted)
        place = (arn, stimulus.key)
        task = self._tasks.pop(place, None) if over else self._tasks.get(place)
        if task is not None and await self._keep(task, _entry(stimulus), over=over):
            self._tell(arn, stimulus)

    async def _keep(self, task: CallTask, entry: JsonValue, *, over: bool) -> bool:
        """Keep what the child is told; False when the task is over."""
        token = task.task_token
        assert token is not None
        return await self._database.write(lambda c: task_tokens.tell_child_task(c, token, entry, over=over))


def _register(c: sa.Connection, *, arn: str, task: CallTask) -> ChildTask | None:
    """Keep a task's token, and what is known of it; None for the first task of an activity that does not exist."""
    assert task.task_token is not None
    token = NewToken(
        token=task.task_token,
        execution_arn=arn,
        command_key=task.key,
        resource=task.resource,
        queued=is_activity(task.resource),
    )
    known = task_tokens.insert_child_task(c, token)
    missing = token.queued and not known.told and not known.over and get_activity(c, task.resource) is None
    return None if missing else known


def _entry(stimulus: Stimulus) -> JsonValue:
    """A stimulus as it is kept."""
    if isinstance(stimulus, TaskSubmitted):
        return {"submitted": stimulus.output}
    if isinstance(stimulus, TaskSucceeded):
        return {"output": stimulus.output}
    assert isinstance(stimulus, TaskFailed)
    return {"error": stimulus.error, "cause": stimulus.cause}


def _stimulus(key: str, entry: JsonValue) -> Stimulus:
    """A kept stimulus."""
    if "started" in entry:
        return ActivityStarted(key, entry["started"])
    if "submitted" in entry:
        return TaskSubmitted(key, entry["submitted"])
    if "output" in entry:
        return TaskSucceeded(key, entry["output"])
    return TaskFailed(key, entry["error"], entry["cause"])
