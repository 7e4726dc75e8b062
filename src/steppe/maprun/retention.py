"""Removing what was kept long enough, and what nobody will ever look at: in small steps, beside all other work.

Kept for a set time after its end: an execution with its history, a Map Run with its plan, spool, segments and rows.
Removed when a run has ended: segments of attempts that died before theirs were registered, and uploads of result files
whose writer died. A step that is lost to a crash is done again, as objects go before the rows that lead to them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

import sqlalchemy as sa

from steppe.base import arns
from steppe.base.errors import ApiError, Fault
from steppe.maprun.child_names import ChildNames
from steppe.maprun.destination import destination
from steppe.maprun.parts import Parts
from steppe.maprun.plan import RunPlan
from steppe.maprun.redrive import redrive_count
from steppe.maprun.run import run_prefix
from steppe.objects.object_store import ObjectStore
from steppe.stores import map_runs, retention
from steppe.stores.database import Database
from steppe.stores.map_runs import RunRecord

_LOG = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 3600.0
"""How often to look for what was kept long enough."""

_PAUSE_SECONDS: Final = 0.02
"""Between two steps: whoever else wants the disk or the database gets it."""

_OBJECTS_STEP: Final = 100
_ROWS_STEP: Final = 100


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep has removed."""

    executions: int
    map_runs: int
    tokens: int


class Retention:
    """Sweeps one server's data."""

    def __init__(
        self,
        *,
        database: Database,
        internal: ObjectStore,
        bucket: str,
        name_key: bytes,
        keep_ms: int,
        clock: Callable[[], int],
    ) -> None:
        """What it works on.

        Args:
            database: with the rows.
            internal: with what belongs to Map Runs, in
            bucket: of it.
            name_key: the server's key of children's names.
            keep_ms: how long to keep things after their end.
            clock: epoch milliseconds.
        """
        self._database = database
        self._internal = internal
        self._bucket = bucket
        self._names = ChildNames(name_key)
        self._keep_ms = keep_ms
        self._clock = clock

    async def run(self) -> None:
        """Sweep now and then, until cancelled."""
        while True:
            try:
                await self.sweep()
            except (ApiError, OSError, sa.exc.SQLAlchemyError):
                # A disk that is full or a file that is locked now: the next sweep goes on where this one stopped.
                _LOG.exception("what was kept long enough could not be removed")
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> Swept:
        """Remove what was kept long enough."""
        before_ms = self._clock() - self._keep_ms
        # Runs first: which of them may go is said by their executions.
        runs = await self._sweep_runs(before_ms)
        ended = await self._sweep_rows(
            lambda c, after: retention.remove_executions(c, after_id=after, before_ms=before_ms, limit=_ROWS_STEP)
        )
        tokens = await self._sweep_rows(
            lambda c, after: retention.remove_tokens(
                c, after_id=after, limit=_ROWS_STEP, child_gone=lambda c, arn: not self._child_kept(c, arn)
            )
        )
        return Swept(ended, runs, tokens)

    async def _sweep_runs(self, before_ms: int) -> int:
        after_id = count = 0
        database = self._database
        while found := await database.read(partial(retention.next_run, after_id=after_id, before_ms=before_ms)):
            after_id, arn, execution_arn = found
            if "/" in execution_arn and await database.read(partial(self._child_kept, arn=execution_arn)):
                continue  # a run of a child: that child's run began earlier, and goes first
            await self._remove_below(run_prefix(arn))
            gone = False
            while not gone:
                gone = await database.write(partial(retention.remove_run, run_id=after_id, limit=_ROWS_STEP))
                await asyncio.sleep(_PAUSE_SECONDS)
            count += 1
        return count

    async def _sweep_rows(self, remove: Callable[..., tuple[int, int | None]]) -> int:
        count, after_id = 0, 0
        while True:
            removed, further = await self._database.write(partial(remove, after=after_id))
            count += removed
            if further is None:
                return count
            after_id = further
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _remove_below(self, prefix: str) -> None:
        while True:
            listing = await asyncio.to_thread(
                self._internal.list_objects, self._bucket, prefix=prefix, limit=_OBJECTS_STEP
            )
            await asyncio.to_thread(_delete, self._internal, self._bucket, [found.key for found in listing.objects])
            if listing.next_after is None:
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    def _child_kept(self, c: sa.Connection, arn: str) -> bool:
        """Whether the run of a child is kept."""
        place = self._names.read(arns.parse(arn).name or "")
        return place is not None and map_runs.get_run(c, place[0]) is not None


async def remove_leftovers(parts: Parts, run: RunRecord, plan: RunPlan) -> int:
    """Remove what dead attempts at a run that has ended left; how many objects and uploads that were.

    A redrive may have begun meanwhile: what it writes has other names.
    """
    store, bucket = parts.places.internal, parts.places.bucket
    count = redrive_count(run)
    removed, after = 0, ""
    while True:
        listing = await parts.in_thread(
            store.list_objects, bucket, prefix=f"{run_prefix(run.arn)}segments/", start_after=after, limit=_OBJECTS_STEP
        )
        # <first item>-<boot>-<redrive>-<attempt>-<number>.parquet
        named = [(found.key, found.key.rpartition("/")[2].split("-")) for found in listing.objects]
        segments = [(key, int(name[0])) for key, name in named if len(name) == 5 and int(name[2]) <= count]
        if segments:
            first, last = segments[0][1], segments[-1][1]
            known = await parts.database.read(partial(_registered, run_id=run.id, first_item=first, last_item=last))
            dead = [key for key, _ in segments if key not in known]
            await parts.in_thread(_delete, store, bucket, dead)
            removed += len(dead)
        if listing.next_after is None:
            break
        after = listing.next_after
        await asyncio.sleep(_PAUSE_SECONDS)
    return removed + await parts.in_thread(_abort_uploads, parts, run, plan)


def _registered(c: sa.Connection, run_id: int, first_item: int, last_item: int) -> set[str]:
    """Keys of the segments that count, of the shards that begin with these items or between."""
    known: set[str] = set()
    while first_item <= last_item:
        page = map_runs.shards_in_order(c, run_id, from_item=first_item, limit=_ROWS_STEP)
        known.update(segment[0] for shard in page if shard.first_item <= last_item for segment in shard.segments)
        if len(page) < _ROWS_STEP:
            break
        first_item = page[-1].first_item + 1
    return known


def _abort_uploads(parts: Parts, run: RunRecord, plan: RunPlan) -> int:
    """Forget the uploads of result files that were not completed."""
    parameters = (plan.command.writer or {}).get("Parameters")
    if parameters is None:
        return 0
    store = parts.places.objects
    try:
        bucket, folder = destination(parameters, parts.places.account)
        folder += f"{run.arn.rpartition(':')[2]}/"
        if number := redrive_count(run):
            folder += f"Redrive-{number}/"
        left = [found for found in store.list_uploads(bucket, prefix=folder) if "/" not in found.key[len(folder) :]]
        for upload in left:
            store.abort_upload(bucket, upload.key, upload.upload_id)
    except (ApiError, Fault):
        return 0  # the bucket is gone, or never was
    return len(left)


def _delete(store: ObjectStore, bucket: str, keys: Iterable[str]) -> None:
    for key in keys:
        store.delete(bucket, key)
