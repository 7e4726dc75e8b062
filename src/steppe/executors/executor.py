"""The port of executors: jobs go in, their messages and their end come out.

A job is a top-level coroutine function and a payload. It runs once, in some worker, with that worker's context (the
object that a factory made there) and a channel back. What an executor promises:

- every job that was submitted ends exactly once: Finished, Raised, or Lost (its worker died; who submitted it may
  submit it again). A lost job has run in part, or not at all, or to its end without anybody knowing.
- messages of one job arrive in the order they were sent, all of them before its end, in the event loop of `submit`.
- jobs of one worker share one event loop. A job that computes holds `channel.turn` while it does, so that a job has the
  worker for itself from start to end instead of all of them going slowly; it lets go of it while it waits.

Everything that crosses (functions, payloads, messages, results) is pickled by executors that leave this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from steppe.base.jsonvalue import JsonValue


class JobChannel(Protocol):
    """A running job's way back to who submitted it."""

    turn: asyncio.Lock
    """To be held while computing: one job of a worker at a time."""

    def send(self, message: JsonValue) -> None:
        """Send a message to the job's listener. Never blocks."""
        ...

    def idle(self, idle: bool) -> None:
        """Say that the job only waits (True): its worker has room for another; or that it computes again (False)."""
        ...

    def on_message(self, receive: Callable[[JsonValue], None]) -> None:
        """Have `receive` called with each message from who submitted; those that came before are given at once."""
        ...


JobFunction: TypeAlias = Callable[[JsonValue, JsonValue, JobChannel], Awaitable[JsonValue]]
"""`async def job(context, payload, channel) -> result`, at the top level of a module."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work: a top-level coroutine function, and what it gets."""

    function: JobFunction
    payload: JsonValue


@dataclass(frozen=True, slots=True)
class Finished:
    """The job returned `value`."""

    value: JsonValue


@dataclass(frozen=True, slots=True)
class Raised:
    """The job raised `error` (or was cancelled: asyncio.CancelledError)."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Lost:
    """The job's worker is gone. `reason` is for people."""

    reason: str


JobOutcome: TypeAlias = Finished | Raised | Lost


class JobListener(Protocol):
    """Who submitted a job. Called in the event loop of `submit`, never from within `submit`."""

    def message(self, message: JsonValue) -> None:
        """The job sent a message."""
        ...

    def idle(self, *, idle: bool) -> None:
        """The job only waits now, or computes again."""
        ...

    def ended(self, outcome: JobOutcome) -> None:
        """The last call for a job."""
        ...


class JobHandle(Protocol):
    """A job that was submitted."""

    def send(self, message: JsonValue) -> None:
        """Send a message to the job; dropped when it has ended. Never blocks."""
        ...

    def cancel(self) -> None:
        """Have asyncio.CancelledError raised in the job. It ends as Raised, or as it would have."""
        ...


class Executor(Protocol):
    """Runs jobs. Every implementation passes `steppe.testing.executor_contract`."""

    @property
    def capacity(self) -> int:
        """How many jobs can compute at the same time."""
        ...

    async def start(self) -> None:
        """Make it ready. Jobs may be submitted once this returned."""
        ...

    async def close(self) -> None:
        """End all workers; jobs under way end as Lost. May be called twice."""
        ...

    def submit(self, job: Job, listener: JobListener) -> JobHandle:
        """Run a job in the worker with the least to do."""
        ...
