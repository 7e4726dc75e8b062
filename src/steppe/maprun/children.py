"""The children of Map Runs as executions: listed, described, with their histories.

An ended child is a row of a segment; its name says which run and item it is, the shard's row says which segments. One
that runs is asked for at the worker that runs it. Between a child's end and its segment's registration (a second at
most) it is in neither place and is not found: eventually consistent, as the service is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from steppe.base import arns, jsonvalue
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import CHILDREN_CONCURRENT_MAX
from steppe.interp.history import HistoryEvent
from steppe.maprun.child_names import ChildNames
from steppe.maprun.parts import Parts
from steppe.maprun.redrive import redrive_count
from steppe.maprun.result_records import ROW_COLUMNS, ChildArns
from steppe.maprun.run import MapRun
from steppe.maprun.segments import EXTRA, SegmentReader, load_segment
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
        self, map_run_arn: str, *, status: str | None, redriven: bool | None, limit: int, token: str | None
    ) -> tuple[list[dict[str, JsonValue]], str | None]:
        """A page of a run's children and the next token.

        `redriven`: only those that were, or only those that were not.

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
        coordinator = self._running(map_run_arn)
        waiting = _waiting_before(run)
        running: list[RunningChild] = []
        if coordinator and (waiting or (place is None and status in (None, "RUNNING"))):
            # All of them where a child that runs again is in a segment too: it is not to be shown twice.
            running = await coordinator.list_running(CHILDREN_CONCURRENT_MAX if waiting else limit)
        if place is None and status in (None, "RUNNING"):
            wanted = [child for child in running if redriven in (None, child.redrive_count > 0)]
            entries = [_running_entry(child, shown, run) for child in wanted[:limit]]
        if status == "RUNNING":
            return entries, None
        wish = _Wish(status, redriven, place, waiting, frozenset(child.item_index for child in running))
        to_item = place[0] if place else None
        while len(entries) <= limit:
            # Those that wait for a redrive are counted as what they were.
            shards = await self._shards(run, to_item, status if status in map_runs.STATUSES else None)
            for shard in shards:
                entries += await self._entries(shard, shown, run, wish, limit + 1 - len(entries))
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
        row = await self._row(run, index, (*ROW_COLUMNS, *EXTRA.names))
        if row is None or row["waits"]:
            coordinator = self._running(run.arn)
            child = await coordinator.find_running(index) if coordinator else None
            if child is not None:
                return _running_description(child, arn, shown, run)
        if row is None:
            return None
        description = {
            **_identity(arn, shown, run, index),
            "startDate": row["started_ms"],
            "input": row["input"],
            "inputDetails": {"included": True},
            "redriveCount": row["redrive_count"],
            "redriveDate": None if shown.express else row.get("redriven_ms"),
            **(_PENDING if row["waits"] else _ended_description(row)),
        }
        return {name: value for name, value in description.items() if value is not None}

    async def history(self, arn: str) -> list[HistoryEvent] | None:
        """A child's history; None when there is no child of that ARN."""
        found = await self._find(arn)
        if found is None:
            return None
        run, _, index = found
        row = await self._row(run, index, ("item_index", "status", "history"))
        if row is None or row["waits"]:
            coordinator = self._running(run.arn)
            child = await coordinator.find_running(index) if coordinator else None
            if child is not None:
                return list(jsonvalue.loads(child.history))
        if row is None:
            return None
        events: list[HistoryEvent] = jsonvalue.loads(row["history"])
        return events

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
        before = _waiting_before(run)

        def find() -> dict[str, JsonValue] | None:
            found = self._reader.find(segments, index, columns)
            if found is None:
                return None
            segment, row = found
            return {**row, "waits": segment.redrive < before and row["status"] != "SUCCEEDED"}

        row: dict[str, JsonValue] | None = await self._read(find)
        return row

    async def _shards(self, run: RunRecord, to_item: int | None, status: str | None) -> list[ShardRecord]:
        return await self._parts.database.read(
            lambda c: map_runs.shards_backwards(c, run.id, to_item=to_item, status=status, limit=_SHARDS_PAGE)
        )

    async def _entries(
        self, shard: ShardRecord, shown: ChildArns, run: RunRecord, wish: _Wish, count: int
    ) -> list[dict[str, JsonValue]]:
        """At most `count` entries of one shard, those after the wish's place."""
        segments = [load_segment(segment) for segment in shard.segments]

        def rows() -> list[tuple[JsonValue, ...]]:
            found: list[tuple[JsonValue, ...]] = []
            for segment, table in self._reader.latest(segments, _LISTED):
                rows = zip(*(table.column(name).to_pylist() for name in _LISTED), strict=True)
                found += wish.chosen(rows, waiting=segment.redrive < wish.waiting_before)
            found.sort(key=lambda row: (row[4], row[0]), reverse=True)
            place = wish.place
            if place is not None and place[0] == shard.first_item:
                found = [row for row in found if (row[4], row[0]) < place[1:]]
            return found[:count]

        entries = []
        for index, item_count, row_status, started_ms, stopped_ms, redrives in await self._read(rows):
            entry = _entry(shown, run, index, item_count, row_status, started_ms)
            if row_status != "PENDING_REDRIVE":
                entry["stopDate"] = stopped_ms
            entry["redriveCount"] = redrives
            entry["_place"] = f"{shard.first_item}-{stopped_ms}-{index}"
            entries.append(entry)
        return entries

    async def _read(self, work: Callable[[], JsonValue]) -> JsonValue:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@dataclass(frozen=True, slots=True)
class _Wish:
    """Which children a page is to have.

    Attributes:
        status, redriven, place: as in `Children.page`.
        waiting_before: children that did not succeed, in segments of earlier redrives, wait for being redriven; 0 when
            none do.
        running: those that run, which are not to be looked for.
    """

    status: str | None
    redriven: bool | None
    place: tuple[int, int, int] | None
    waiting_before: int
    running: frozenset[int]

    def chosen(self, rows: Iterable[tuple[JsonValue, ...]], *, waiting: bool) -> Iterator[tuple[JsonValue, ...]]:
        """Of the rows (columns _LISTED) of a segment those that are wanted, as they stand now."""
        for row in rows:
            if waiting and row[2] != "SUCCEEDED":
                if row[0] in self.running:
                    continue
                row = (*row[:2], "PENDING_REDRIVE", *row[3:])
            if self.status in (None, row[2]) and self.redriven in (None, row[5] > 0):
                yield row


def _waiting_before(run: RunRecord) -> int:
    """Rows of children that did not succeed wait for a redrive when their segment is of an earlier one than this."""
    return redrive_count(run) if run.status == "RUNNING" else 0


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
    return {**entry, "redriveCount": child.redrive_count}


def _running_description(child: RunningChild, arn: str, shown: ChildArns, run: RunRecord) -> dict[str, JsonValue]:
    redriven: dict[str, JsonValue] = {}
    if child.redrive_count:
        # While a child runs for the first time there is no redriveCount: observed in September 2026.
        redriven["redriveCount"] = child.redrive_count
        if not shown.express:
            redriven["redriveDate"] = child.redriven_ms
    return {
        **_identity(arn, shown, run, child.item_index),
        "status": "RUNNING",
        "startDate": child.started_ms,
        "input": child.input.decode(),
        "inputDetails": {"included": True},
        **redriven,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is RUNNING and cannot be redriven",
    }


_PENDING: Final[dict[str, JsonValue]] = {
    "status": "PENDING_REDRIVE",
    "redriveStatus": "NOT_REDRIVABLE",
    "redriveStatusReason": "Execution is PENDING_REDRIVE and cannot be redriven",
}
"""In the manner of the other reasons; not seen."""


def _ended_description(row: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """What DescribeExecution says of a child's end."""
    succeeded = row["status"] == "SUCCEEDED"
    reason = None
    if succeeded:
        reason = "Execution is SUCCEEDED and cannot be redriven"
    elif row.get("snapshot") == b"":
        reason = "Execution has exceeded the maximum history event limit"
    return {
        "status": row["status"],
        "stopDate": row["stopped_ms"],
        "output": row["output"],
        "outputDetails": {"included": True} if succeeded else None,
        "error": row["error"],
        "cause": row["cause"],
        "redriveStatus": "REDRIVABLE_BY_MAP_RUN" if reason is None else "NOT_REDRIVABLE",
        "redriveStatusReason": reason,
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
