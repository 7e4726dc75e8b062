"""An executor in this process: for tests, and for work that is over before a process would have started.

Jobs share the event loop with everything else here, so this one is not for long computations.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from steppe.base.errors import InternalError
from steppe.base.jsonvalue import JsonValue
from steppe.executors.executor import Finished, Job, JobListener, JobOutcome, Lost, Raised
from steppe.executors.job_host import JobHost, ReportKind


class InlineExecutor:
    """Runs jobs as tasks of the running event loop."""

    def __init__(self, factory: Callable[[], JsonValue]) -> None:
        """`factory` makes the context that jobs get; called once, at `start`."""
        self._factory = factory
        self._host: JobHost | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: dict[int, JobListener] = {}
        self._ids = itertools.count(1)
        self._closing = False

    @property
    def capacity(self) -> int:
        """One event loop, one job that computes."""
        return 1

    async def start(self) -> None:
        """Make the context."""
        self._loop = asyncio.get_running_loop()
        self._host = JobHost(context=self._factory(), emit=self._report)

    async def close(self) -> None:
        """Cancel what runs; it ends as Lost."""
        self._closing = True
        if self._host:
            await self._host.close()
            self._host = None
            # Reports go through call_soon: let those that are on their way arrive before close() returns.
            await asyncio.sleep(0)

    def submit(self, job: Job, listener: JobListener) -> InlineHandle:
        """Begin a job."""
        if self._host is None:
            raise InternalError(
                "the executor is not running", story="a job was submitted before start() or after close()"
            )
        job_id = next(self._ids)
        self._listeners[job_id] = listener
        self._host.start(job_id, job.function, job.payload)
        return InlineHandle(self._host, job_id)

    def _report(self, kind: ReportKind, job_id: int, value: JsonValue) -> None:
        assert self._loop is not None
        self._loop.call_soon(self._tell, kind, job_id, value)

    def _tell(self, kind: ReportKind, job_id: int, value: JsonValue) -> None:
        listener = self._listeners.get(job_id)
        if listener is None:
            return
        match kind:
            case "message":
                listener.message(value)
            case "idle":
                listener.idle(idle=value)
            case "finished":
                self._end(job_id, Finished(value))
            case "raised":
                lost = self._closing and isinstance(value, asyncio.CancelledError)
                self._end(job_id, Lost("the executor was closed") if lost else Raised(value))

    def _end(self, job_id: int, outcome: JobOutcome) -> None:
        self._listeners.pop(job_id).ended(outcome)


class InlineHandle:
    """A job in this process."""

    def __init__(self, host: JobHost, job_id: int) -> None:
        self._host = host
        self._job_id = job_id

    def send(self, message: JsonValue) -> None:
        """Hand the message over."""
        self._host.deliver(self._job_id, message)

    def cancel(self) -> None:
        """Cancel the job's task."""
        self._host.cancel(self._job_id)
