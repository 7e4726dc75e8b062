"""A pool of worker processes on this machine.

A worker is a fresh Python process (not a fork: this one has threads, an event loop and open databases) with one socket
to us. A worker that dies is replaced at once and its jobs are reported lost; one that cannot even start, several times
over, ends the jobs that wait for it as failed: a broken installation shows itself as an error instead of a hang.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import sys
from collections.abc import Callable, Sequence

from steppe.base.errors import InternalError
from steppe.base.jsonvalue import JsonValue
from steppe.executors import frames
from steppe.executors.executor import Finished, Job, JobListener, JobOutcome, Lost, Raised

_STARTS_MAX = 3
"""Starts in a row that may fail before a worker's waiting jobs are given up."""

_EXIT_SECONDS = 2.0
"""How long a worker that could not start may take to end, once it has closed its socket."""

_CLOSE_SECONDS = 5.0
"""How long a worker may take to leave before it is killed."""


class LocalExecutor:
    """Runs jobs in `workers` processes. The factory and its arguments are pickled: a top-level function."""

    def __init__(self, *, workers: int, factory: Callable[..., JsonValue], arguments: Sequence[JsonValue] = ()) -> None:
        """`factory(*arguments)` makes each worker's context, in the worker."""
        if factory.__module__ == "__main__":
            raise InternalError("the factory must be importable by workers", story=f"{factory!r} is in __main__")
        self._factory = (factory, tuple(arguments))
        self._workers = [_Worker(self._factory) for _ in range(workers)]
        self._ids = itertools.count(1)
        self._open = False

    @property
    def capacity(self) -> int:
        """The number of worker processes."""
        return len(self._workers)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that run now, for measuring them."""
        return [worker.process.pid for worker in self._workers if worker.process is not None]

    async def start(self) -> None:
        """Spawn the workers; they become ready while this process goes on."""
        self._open = True
        for worker in self._workers:
            worker.run()

    async def close(self) -> None:
        """End all workers."""
        self._open = False
        await asyncio.gather(*(worker.close() for worker in self._workers))

    def submit(self, job: Job, listener: JobListener) -> LocalHandle:
        """Hand a job to the worker with the fewest jobs that compute."""
        if not self._open:
            raise InternalError(
                "the executor is not running", story="a job was submitted before start() or after close()"
            )
        job_id = next(self._ids)
        worker = min(self._workers, key=lambda w: (len(w.jobs) - len(w.idle), len(w.jobs)))
        worker.jobs[job_id] = listener
        worker.send(("start", job_id, (job.function, job.payload)))
        return LocalHandle(worker, job_id)


class LocalHandle:
    """A job in a worker process."""

    def __init__(self, worker: _Worker, job_id: int) -> None:
        self._worker = worker
        self._job_id = job_id

    @property
    def pid(self) -> int | None:
        """Process id of the job's worker."""
        return self._worker.process.pid if self._worker.process else None

    def send(self, message: JsonValue) -> None:
        """Send a message to the job."""
        if self._job_id in self._worker.jobs:
            self._worker.send(("message", self._job_id, message))

    def cancel(self) -> None:
        """Cancel the job."""
        if self._job_id in self._worker.jobs:
            self._worker.send(("cancel", self._job_id, None))


class _Worker:
    """One place of the pool: a process, and the next one when it dies."""

    def __init__(self, factory: tuple[Callable[..., JsonValue], tuple[JsonValue, ...]]) -> None:
        self.jobs: dict[int, JobListener] = {}
        self.idle: set[int] = set()
        self.process: asyncio.subprocess.Process | None = None
        self._factory = factory
        self._writer: asyncio.StreamWriter | None = None
        self._ready = False
        self._backlog: list[bytes] = []
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def run(self) -> None:
        """Spawn the process, and again whenever it dies, until `close`."""
        self._closing = False
        self._task = asyncio.get_running_loop().create_task(self._supervise())

    async def close(self) -> None:
        """End the process; what it was doing is lost."""
        self._closing = True
        if self._writer:
            self._writer.close()
        if self._task:
            done, _ = await asyncio.wait([self._task], timeout=_CLOSE_SECONDS)
            if not done:
                if self.process:
                    with contextlib.suppress(ProcessLookupError):
                        self.process.kill()
                await asyncio.wait([self._task])
            self._task = None
        self._end_jobs(Lost("the executor was closed"))

    def send(self, message: JsonValue) -> None:
        """Send a message; kept until a process is ready for it."""
        packed = frames.pack(message)
        if self._ready and self._writer:
            self._writer.write(packed)
        else:
            self._backlog.append(packed)

    async def _supervise(self) -> None:
        failed_starts = 0
        while not self._closing:
            was_ready, reason = await self._live_once()
            failed_starts = 0 if was_ready else failed_starts + 1
            if was_ready:
                self._end_jobs(Lost(reason))
            elif failed_starts >= _STARTS_MAX:
                self._end_jobs(Raised(InternalError("worker processes cannot start", story=reason)))
            if not was_ready and not self._closing:
                await asyncio.sleep(min(0.1 * 2**failed_starts, 5))

    async def _live_once(self) -> tuple[bool, str]:
        """One process from its start to its end; whether it ever became ready, and how it ended."""
        ours, theirs = socket.socketpair()
        lifeline_read, lifeline_write = os.pipe()
        was_ready = False
        try:
            try:
                self.process = await _spawn(theirs.fileno(), lifeline_read)
            finally:
                theirs.close()
                os.close(lifeline_read)
            reader, self._writer = await asyncio.open_connection(sock=ours)
            self._writer.write(frames.pack(self._factory))
            if self._closing:
                self._writer.close()
            with contextlib.suppress(EOFError):
                while True:
                    kind, job_id, value = await frames.receive(reader)
                    if kind == "ready":
                        was_ready = self._ready = True
                        # From here on what was kept is the process's own: its death loses those jobs with the others.
                        self._writer.writelines(self._backlog)
                        self._backlog.clear()
                    else:
                        self._report(kind, job_id, value)
        finally:
            self._ready = False
            if self._writer:
                self._writer.close()
            self._writer = None
            if self.process and not was_ready and not self._closing:
                # It is about to end by itself: its own exit code says why, the lifeline's would not.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.process.wait(), _EXIT_SECONDS)
            os.close(lifeline_write)
            code = await self.process.wait() if self.process else None
            self.process = None
        return was_ready, f"the worker process ended with code {code}"

    def _report(self, kind: str, job_id: int, value: JsonValue) -> None:
        listener = self.jobs.get(job_id)
        if listener is None:
            return
        match kind:
            case "message":
                listener.message(value)
            case "idle":
                (self.idle.add if value else self.idle.discard)(job_id)
                listener.idle(idle=value)
            case "finished":
                self._end(job_id, Finished(value))
            case "raised":
                self._end(job_id, Raised(value))

    def _end_jobs(self, outcome: JobOutcome) -> None:
        self._backlog.clear()
        for job_id in list(self.jobs):
            self._end(job_id, outcome)

    def _end(self, job_id: int, outcome: JobOutcome) -> None:
        self.idle.discard(job_id)
        self.jobs.pop(job_id).ended(outcome)


async def _spawn(connection: int, lifeline: int) -> asyncio.subprocess.Process:
    """A Python process that finds the modules we find, with the two file descriptors and nothing else of ours."""
    environment = dict(os.environ)
    # The C library gives each thread of a worker its own heap otherwise, and each keeps what it once needed.
    environment.setdefault("MALLOC_ARENA_MAX", "2")
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "steppe.executors.worker_process",
        str(connection),
        str(lifeline),
        stdin=asyncio.subprocess.DEVNULL,
        pass_fds=(connection, lifeline),
        env=environment,
    )
