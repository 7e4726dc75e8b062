"""Runs jobs in one event loop, for whoever owns the loop: a worker process, or this process (`inline`).

What it has to say goes to `emit(kind, job_id, value)`: "message", "idle", and at the end "finished" or "raised".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, TypeAlias

from steppe.base.jsonvalue import JsonValue
from steppe.executors.executor import JobFunction

ReportKind: TypeAlias = Literal["message", "idle", "finished", "raised"]
Emit: TypeAlias = Callable[[ReportKind, int, JsonValue], None]


class JobHost:
    """The jobs of one worker."""

    def __init__(self, *, context: JsonValue, emit: Emit) -> None:
        self._context = context
        self._emit = emit
        self._turn = asyncio.Lock()
        self._jobs: dict[int, tuple[asyncio.Task[None], _Channel]] = {}

    def start(self, job_id: int, function: JobFunction, payload: JsonValue) -> None:
        """Begin a job."""
        channel = _Channel(self._turn, self._emit, job_id)
        task = asyncio.get_running_loop().create_task(self._run(job_id, function, payload, channel))
        self._jobs[job_id] = (task, channel)

    def deliver(self, job_id: int, message: JsonValue) -> None:
        """Hand a message to a job; dropped when it has ended."""
        if entry := self._jobs.get(job_id):
            entry[1].deliver(message)

    def cancel(self, job_id: int) -> None:
        """Cancel a job, if it has not ended."""
        if entry := self._jobs.get(job_id):
            entry[0].cancel()

    async def close(self) -> None:
        """Cancel all jobs and wait for their ends, which are emitted."""
        tasks = [task for task, _ in self._jobs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, job_id: int, function: JobFunction, payload: JsonValue, channel: _Channel) -> None:
        try:
            value = await function(self._context, payload, channel)
        except (Exception, asyncio.CancelledError) as error:  # the worker loop's border: told to who submitted
            self._jobs.pop(job_id, None)
            self._emit("raised", job_id, error)
        else:
            self._jobs.pop(job_id, None)
            self._emit("finished", job_id, value)


class _Channel:
    """A job's JobChannel."""

    def __init__(self, turn: asyncio.Lock, emit: Emit, job_id: int) -> None:
        self.turn = turn
        self._emit = emit
        self._job_id = job_id
        self._receive: Callable[[JsonValue], None] | None = None
        self._early: list[JsonValue] = []

    def send(self, message: JsonValue) -> None:
        self._emit("message", self._job_id, message)

    def idle(self, idle: bool) -> None:
        self._emit("idle", self._job_id, idle)

    def on_message(self, receive: Callable[[JsonValue], None]) -> None:
        self._receive = receive
        early, self._early = self._early, []
        for message in early:
            receive(message)

    def deliver(self, message: JsonValue) -> None:
        if self._receive is None:
            self._early.append(message)
        else:
            self._receive(message)
