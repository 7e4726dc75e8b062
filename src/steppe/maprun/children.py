"""The children of Map Runs as executions: listed, described, with their histories.

An ended child is a row of a segment; its name says which run and item it is, the shard's row says which segments. One
that runs is asked for at the worker that runs it. Between a child's end and its segment's registration (a second at
most) it is in neither place and is not found: eventually consistent, as the service is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from steppe.base import arns, jsonvalue
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.interp.history import HistoryEvent
from steppe.maprun.child_names import ChildNames
from steppe.maprun.parts import Parts
from steppe.maprun.result_records import ROW_COLUMNS, ChildArns
from steppe.maprun.run import MapRun
from steppe.maprun.segments import SegmentReader, load_segment
from steppe.maprun.shards import RunningChild
from steppe.stores import map_runs
from steppe.stores.map_runs import RunRecord, ShardRecord

PAGE_MAX: Final = 1000
"""Largest page of ListExecutions, and what 0 does not mean: that is 100. API Reference."""

_PAGE_DEFAULT: Final = 100

_LISTED: Final = ("item_index", "item_count", "status", "started_ms", "stopped_ms", "redrive_count")

_SHARDS_PAGE: Final = 16

_KEPT_BYTES_MAX: Final = 32 * 1024 * 1024
"""Decoded columns kept for the next page of a listing, or the next child of a page."""


class Children:
    """Answers for children."""

    def __init__(self, parts: Parts, running: Callable[[str], MapRun | None]) -> None:
        """`running` gives the coordinator of a run that is under way here, by ARN."""
        self._parts = parts
        self._running = running
        self._names = ChildNames(parts.name_key)
        self._reader = SegmentReader(parts.places.internal, parts.places.bucket, kept_bytes_max=_KEPT_BYTES_MAX)
        # One thread: the reader's cache is not made for more, and pages are small.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="children")

    async def page(
        self, map_run_arn: str, *, status: str | None, limit: int, token: str | None
    ) -> tuple[list[dict[str, JsonValue]], str | None]:
        """A page of a run's children and the next token.

        Running ones come first, then shards from the last to the first, in each shard the latest end first: so newest
        first, exactly within a shard and nearly over shards.

        Raises:
            ApiError: ResourceNotFound, InvalidToken.
        """
        run = await self._parts.database.read(lambda c: map_runs.find_run(c, map_run_arn))
        if run is None:
            raise ApiError("ResourceNotFound", f"Resource not found: '{map_run_arn}'")
        limit = min(limit or _PAGE_DEFAULT, PAGE_MAX)
        shown = self._parts.child_arns(run)
        entries: list[dict[str, JsonValue]] = []
        place = _read_token(token)
        if place is None and status in (None, "RUNNING"):
            coordinator = self._running(map_run_arn)
            running = await coordinator.list_running(limit) if coordinator else []
            entries = [_running_entry(child, shown, run) for child in running]
        if status == "RUNNING" or (status is not None and status not in map_runs.STATUSES):
            return entries, None
        to_item = place[0] if place else None
        while len(entries) <= limit:
            shards = await self._shards(run, to_item, status)
            for shard in shards:
                entries += await self._entries(shard, shown, run, status, place, limit + 1 - len(entries))
                if len(entries) > limit:
                    break
            if len(shards) < _SHARDS_PAGE or shards[-1].first_item == 0:
                break
            to_item = shards[-1].first_item - 1
        more = entries[limit - 1].pop("_place", None) if len(entries) > limit else None
        for entry in entries:
            entry.pop("_place", None)
        return entries[:limit], more

    async def describe(self, arn: str) -> dict[str, JsonValue] | None:
        """A child as DescribeExecution shows it; None when there is none of that ARN."""
        found = await self._find(arn)
        if found is None:
            return None
        run, shown, index = found
        row = await self._row(run, index, ROW_COLUMNS)
        if row is None:
            coordinator = self._running(run.arn)
            child = await coordinator.find_running(index) if coordinator else None
            return None if child is None else _running_description(child, arn, shown, run)
        succeeded = row["status"] == "SUCCEEDED"
        description: dict[str, JsonValue] = {
            **_identity(arn, shown, run, index),
            "status": row["status"],
            "startDate": row["started_ms"],
            "stopDate": row["stopped_ms"],
            "input": row["input"],
            "inputDetails": {"included": True},
            "output": row["output"],
            "outputDetails": {"included": True} if succeeded else None,
            "error": row["error"],
            "cause": row["cause"],
            "redriveCount": row["redrive_count"],
            "redriveStatus": "NOT_REDRIVABLE" if succeeded else "REDRIVABLE_BY_MAP_RUN",
            "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven" if succeeded else None,
        }
        return {name: value for name, value in description.items() if value is not None}

    async def history(self, arn: str) -> list[HistoryEvent] | None:
        """A child's history; None when there is no child of that ARN."""
        found = await self._find(arn)
        if found is None:
            return None
        run, _, index = found
        row = await self._row(run, index, ("item_index", "history"))
        if row is not None:
            events: list[HistoryEvent] = jsonvalue.loads(row["history"])
            return events
        coordinator = self._running(run.arn)
        child = await coordinator.find_running(index) if coordinator else None
        return None if child is None else list(jsonvalue.loads(child.history))

    async def run_of(self, arn: str) -> str | None:
        """The Map Run of a child, whether or not it has been started; None when the ARN is no child's."""
        found = await self._find(arn)
        return found[0].arn if found else None

    async def _find(self, arn: str) -> tuple[RunRecord, ChildArns, int] | None:
        """The run and first item of a child's ARN. Only the very ARN that the child has finds it."""
        try:
            parsed = arns.parse(arn)
        except ApiError:
            return None
        read = self._names.read(parsed.name or "")
        if parsed.kind not in ("execution", "express") or parsed.label is None or read is None:
            return None
        run_id, index = read
        run = await self._parts.database.read(lambda c: map_runs.get_run(c, run_id))
        if run is None:
            return None
        shown = self._parts.child_arns(run)
        return (run, shown, index) if shown.arn(index) == arn else None

    async def _row(self, run: RunRecord, index: int, columns: tuple[str, ...]) -> dict[str, JsonValue] | None:
        shard = await self._parts.database.read(lambda c: map_runs.shard_of(c, run.id, index))
        if shard is None:
            return None
        segments = [load_segment(segment) for segment in shard.segments]
        row: dict[str, JsonValue] | None = await self._read(lambda: self._reader.find(segments, index, columns))
        return row

    async def _shards(self, run: RunRecord, to_item: int | None, status: str | None) -> list[ShardRecord]:
        return await self._parts.database.read(
            lambda c: map_runs.shards_backwards(c, run.id, to_item=to_item, status=status, limit=_SHARDS_PAGE)
        )

    async def _entries(
        self,
        shard: ShardRecord,
        shown: ChildArns,
        run: RunRecord,
        status: str | None,
        place: tuple[int, int, int] | None,
        count: int,
    ) -> list[dict[str, JsonValue]]:
        """At most `count` entries of one shard, those after `place`."""

        def rows() -> list[tuple[JsonValue, ...]]:
            found = [
                row
                for segment in shard.segments
                for row in self._reader.rows(load_segment(segment), _LISTED)
                if status is None or row[2] == status
            ]
            found.sort(key=lambda row: (row[4], row[0]), reverse=True)
            if place is not None and place[0] == shard.first_item:
                found = [row for row in found if (row[4], row[0]) < place[1:]]
            return found[:count]

        entries = []
        for index, item_count, row_status, started_ms, stopped_ms, redrive_count in await self._read(rows):
            entry = _entry(shown, run, index, item_count, row_status, started_ms)
            entry["stopDate"] = stopped_ms
            entry["redriveCount"] = redrive_count
            entry["_place"] = f"{shard.first_item}-{stopped_ms}-{index}"
            entries.append(entry)
        return entries

    async def _read(self, work: Callable[[], JsonValue]) -> JsonValue:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _entry(
    shown: ChildArns, run: RunRecord, index: int, item_count: int, status: str, started_ms: int
) -> dict[str, JsonValue]:
    return {
        "executionArn": shown.arn(index),
        "stateMachineArn": shown.machine_arn,
        "name": _name(shown, index),
        "status": status,
        "startDate": started_ms,
        "mapRunArn": run.arn,
        "itemCount": item_count,
    }


def _running_entry(child: RunningChild, shown: ChildArns, run: RunRecord) -> dict[str, JsonValue]:
    entry = _entry(shown, run, child.item_index, child.item_count, "RUNNING", child.started_ms)
    return {**entry, "redriveCount": 0}


def _running_description(child: RunningChild, arn: str, shown: ChildArns, run: RunRecord) -> dict[str, JsonValue]:
    return {
        **_identity(arn, shown, run, child.item_index),
        "status": "RUNNING",
        "startDate": child.started_ms,
        "input": child.input.decode(),
        "inputDetails": {"included": True},
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is RUNNING and cannot be redriven",
    }


def _identity(arn: str, shown: ChildArns, run: RunRecord, index: int) -> dict[str, JsonValue]:
    return {
        "executionArn": arn,
        "stateMachineArn": shown.machine_arn,
        "name": _name(shown, index),
        "mapRunArn": run.arn,
    }


def _name(shown: ChildArns, index: int) -> str:
    """What the API shows as a child's name: for an Express child with the second UUID of its ARN."""
    return shown.arn(index)[len(shown.prefix) :]


def _read_token(token: str | None) -> tuple[int, int, int] | None:
    """Shard, end and item of the last entry of a page."""
    if token is None:
        return None
    parts = token.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise ApiError("InvalidToken", f"Invalid Token: '{token[:1024]}'")
    return int(parts[0]), int(parts[1]), int(parts[2])
