"""Activities: tasks that wait for workers, and workers that wait for tasks. Each task goes to one worker.

The tasks are in the store (`stores.task_tokens`), written with the step that scheduled them, so nothing here has to
survive a crash. Those who poll wait in memory, in order of their coming. A task is handed out by telling its execution
(ActivityStarted); the worker gets it when that is durable. One who has hung up or whose time is over is out of the line
before a task is looked for, so no task goes to nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from steppe.base.jsonvalue import JsonValue
from steppe.interp.command import CallTask
from steppe.stores import task_tokens
from steppe.stores.database import Database
from steppe.stores.task_tokens import TokenRecord

_log = logging.getLogger(__name__)

_POLLERS_MAX = 1000
"""Workers that may poll one activity at once. Developer Guide, "Quotas", "Maximum number of pollers"."""

_BATCH_MAX = 64
"""Tasks handed out side by side: their executions commit together."""


class TooManyPollers(RuntimeError):
    """As many workers as may poll an activity do so already."""


@dataclass(slots=True, eq=False)
class _Poller:
    """One who waits. `offered` while a task is being handed to it."""

    worker_name: str | None
    answer: asyncio.Future[tuple[str, JsonValue] | None]
    offered: bool = False
    leaving: bool = False


@dataclass(slots=True, eq=False)
class _Line:
    """Those who wait for tasks of one activity. `news`: there may be tasks that nobody has looked for."""

    pollers: deque[_Poller] = field(default_factory=deque)
    news: bool = True
    work: asyncio.Task[None] | None = None


class ActivityDesk:
    """Brings workers and tasks together."""

    def __init__(
        self, *, database: Database, take: Callable[[str, str, str | None], Awaitable[CallTask | None]]
    ) -> None:
        """Prepare.

        Args:
            database: with the table of tokens.
            take: tells an execution (ARN) that a worker (name or None) has taken the task with a key; gives the task
                when that is durable, None when the execution does not wait for it (any more).
        """
        self._database = database
        self._take = take
        self._lines: dict[str, _Line] = {}

    async def next_task(
        self, activity_arn: str, *, worker_name: str | None, seconds: float, gone: asyncio.Future[None] | None = None
    ) -> tuple[str, JsonValue] | None:
        """Wait for a task of an activity: its token and its input; None when there was none.

        Args:
            activity_arn: of the activity.
            worker_name: for the history; None when the worker says none.
            seconds: how long to wait.
            gone: done when nobody waits for the answer any more.

        Raises:
            TooManyPollers: a thousand wait already.
        """
        line = self._lines.setdefault(activity_arn, _Line())
        if len(line.pollers) >= _POLLERS_MAX:
            raise TooManyPollers(activity_arn)
        poller = _Poller(worker_name, asyncio.get_running_loop().create_future())
        line.pollers.append(poller)
        line.news = True
        self._wake(activity_arn, line)
        try:
            events: set[asyncio.Future[None] | asyncio.Future[tuple[str, JsonValue] | None]] = {poller.answer}
            if gone is not None:
                events.add(gone)
            await asyncio.wait(events, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            poller.leaving = True
            if poller.offered:  # its task has begun: a moment later it is here
                await poller.answer
        finally:
            poller.leaving = True
            if poller in line.pollers:
                line.pollers.remove(poller)
        return poller.answer.result() if poller.answer.done() else None

    def offer(self, activity_arn: str) -> None:
        """A task of the activity has been scheduled: it is in the store."""
        line = self._lines.get(activity_arn)
        if line is not None:
            line.news = True
            self._wake(activity_arn, line)

    async def close(self) -> None:
        """Hand out nothing more."""
        work = [line.work for line in self._lines.values() if line.work is not None]
        self._lines.clear()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    def _wake(self, activity_arn: str, line: _Line) -> None:
        if line.work is None and line.news and line.pollers:
            line.work = asyncio.create_task(self._serve(activity_arn, line))
            line.work.add_done_callback(_log_failure)

    async def _serve(self, activity_arn: str, line: _Line) -> None:
        """Hand out tasks until there are none, or nobody waits."""
        try:
            while line.news and line.pollers:
                line.news = False
                most = min(_BATCH_MAX, len(line.pollers))
                records = await self._database.read(
                    partial(task_tokens.queued_tasks, activity_arn=activity_arn, limit=most)
                )
                line.news = line.news or len(records) == most
                waiting = min(len(records), len(line.pollers))
                pairs = [(line.pollers.popleft(), record) for record in records[:waiting]]
                for poller, _ in pairs:
                    poller.offered = True
                await asyncio.gather(*(self._hand_out(line, poller, record) for poller, record in pairs))
        except BaseException:
            # Those who wait get nothing until the next task is scheduled or the next worker comes.
            line.news = False
            raise
        finally:
            line.work = None
            if line.pollers:
                self._wake(activity_arn, line)
            elif self._lines.get(activity_arn) is line:
                del self._lines[activity_arn]

    async def _hand_out(self, line: _Line, poller: _Poller, record: TokenRecord) -> None:
        """Hand a task to a worker; when nobody wants the task any more, the worker is the first in line again."""
        task = None
        try:
            task = await self._take(record.execution_arn, record.command_key, poller.worker_name)
        finally:
            poller.offered = False
            if task is not None and task.task_token is not None:
                if not poller.answer.done():
                    poller.answer.set_result((task.task_token, task.arguments))
            elif poller.leaving:
                if not poller.answer.done():
                    poller.answer.set_result(None)
            else:
                line.pollers.appendleft(poller)
        if task is None:
            line.news = True
            await self._database.write(
                partial(task_tokens.leave_queue, execution_arn=record.execution_arn, command_key=record.command_key)
            )


def _log_failure(work: asyncio.Task[None]) -> None:
    if not work.cancelled() and (error := work.exception()):
        _log.error("tasks of an activity cannot be handed out", exc_info=error)
