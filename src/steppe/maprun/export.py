"""The files of ResultWriter on their way: begun while children still run, complete soon after the last one has ended.

A shard that is done does not change any more, so its results can be written while others run: otherwise all workers but
one would stand still at the end of a run. Nothing of it is seen before the manifest is there, which is written last and
when all is over; an export whose worker dies is simply made again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from itertools import takewhile
from typing import Final, Protocol

from steppe.base.jsonvalue import JsonValue
from steppe.executors.executor import Job
from steppe.maprun.destination import destination
from steppe.maprun.parts import Parts
from steppe.maprun.plan import RunPlan
from steppe.maprun.redrive import exported, redrive_count
from steppe.maprun.result_records import RecordShape
from steppe.maprun.writer import ShardPage, WriteJob, Written, write_results
from steppe.stores import map_runs
from steppe.stores.map_runs import RunRecord

_PAGE: Final = 64
"""Shards read from the database at once."""

_PAGE_EARLY: Final = 8
"""Shards given to the writer at once while children run: their worker runs none meanwhile."""

_LOOK_SECONDS: Final = 0.2
"""How often to look for shards that are done."""


class RunJob(Protocol):
    """Runs one job in the pool to its end. `answer` gives the reply to each of its messages."""

    def __call__(self, job: Job, answer: Callable[[JsonValue], Awaitable[JsonValue]]) -> Awaitable[JsonValue]:
        """The job's result, or what it raises."""
        ...


class Export:
    """ResultWriter's files of one run. Without ResultWriter, `begin` does nothing and `finish` must not be called."""

    def __init__(self, run_id: int, plan: RunPlan, parts: Parts, run_job: RunJob) -> None:
        """`run_job` runs a job in the pool."""
        self._run_id = run_id
        self._plan = plan
        self._parts = parts
        self._run_job = run_job
        self._early: asyncio.Task[Written] | None = None
        self._ended: RunRecord | None = None
        self._over = asyncio.Event()

    def begin(self, run: RunRecord) -> None:
        """Begin, while children run. `run`: its source has been opened."""
        if (self._plan.command.writer or {}).get("Parameters") is not None:
            self._early = asyncio.create_task(self._write(run, self._next_done))

    async def finish(self, run: RunRecord) -> Written:
        """All children have ended that ever will: what is written, once the manifest is there.

        Args:
            run: with `ending` when it does not succeed.

        Raises:
            Fault: States.ResultWriterFailed.
        """
        self._ended = run
        self._over.set()
        if self._early is not None:
            await asyncio.wait([self._early])
            if not self._early.cancelled() and self._early.exception() is None:
                return self._early.result()
            # Its worker died, of a child perhaps: there are none left to do that. What else was wrong will be again.
        return await self._write(run, self._next)

    def close(self) -> None:
        """Drop what is under way."""
        if self._early is not None:
            self._early.cancel()

    async def _write(self, run: RunRecord, answer: Callable[[JsonValue], Awaitable[ShardPage]]) -> Written:
        """Write all."""
        writer = self._plan.command.writer
        bucket, prefix = destination(writer["Parameters"], self._parts.places.account)
        folder = f"{prefix}{run.arn.rpartition(':')[2]}/"
        if count := redrive_count(run):
            folder += f"Redrive-{count}/"
        before, succeeded = exported(run)
        job = WriteJob(
            run_id=run.id,
            plan_key=run.plan_key,
            source=run.source,
            map_run_arn=run.arn,
            bucket=bucket,
            folder=folder,
            shape=RecordShape(arns=self._parts.child_arns(run), transformation=writer.get("Transformation", "NONE")),
            lines=writer.get("OutputType", "JSON") == "JSONL",
            name_key=self._parts.name_key,
            exported=before,
            succeeded=succeeded,
        )
        # It asks for shards by their first item.
        written: Written = await self._run_job(Job(write_results, job), answer)
        return written

    async def _next_done(self, from_item: int) -> ShardPage:
        """Shards from an item on that are done, when there are any; or when all is over."""
        while not self._over.is_set():
            page = await self._page(from_item, _PAGE_EARLY)
            if done := list(takewhile(lambda shard: shard.done, page.shards)):
                return ShardPage(done, pending=False)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), _LOOK_SECONDS)
        return await self._next(from_item)

    async def _next(self, from_item: int) -> ShardPage:
        """Shards from an item on, when all is over."""
        return await self._page(from_item, _PAGE)

    async def _page(self, from_item: int, limit: int) -> ShardPage:
        shards = await self._parts.database.read(
            lambda c: map_runs.shards_in_order(c, self._run_id, from_item=from_item, limit=limit)
        )
        return ShardPage(shards, pending=self._ended is not None and self._ended.ending is not None)
