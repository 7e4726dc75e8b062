"""Map Runs and their shards. Children have no rows: they are in segments, which the shards' rows name.

All functions take a connection and are used inside `Database.read` or `Database.write`. One coordinator at a time
writes the rows of a run, so a shard is saved as the coordinator knows it, not by increments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.stores.tables import executions, map_runs, shards

STATUSES: Final = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
"""The order of the four counts of a shard."""

_ITEM_COUNTS: Final = ("items_succeeded", "items_failed", "items_timed_out", "items_aborted")
_CHILD_COUNTS: Final = ("succeeded", "failed", "timed_out", "aborted")
_WAITING_ITEMS: Final = ("waiting_items_failed", "waiting_items_timed_out", "waiting_items_aborted")
_WAITING: Final = ("waiting_failed", "waiting_timed_out", "waiting_aborted")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A Map Run.

    Attributes:
        id: part of the names of its children; 0 before it is inserted.
        arn, execution_arn: its own, and whose Map state it belongs to.
        command_key: of the wait of that execution: with execution_arn, what makes a start idempotent.
        child_machine_arn: what its children show as their state machine.
        status: RUNNING, SUCCEEDED, FAILED or ABORTED.
        started_ms, stopped_ms: epoch milliseconds.
        plan_key: where its plan is, in the internal bucket.
        settings: what DescribeMapRun shows of it: maxConcurrency, toleratedFailureCount, toleratedFailurePercentage.
        source: description of the opened source; None before.
        scanned_all: the source has been read to its end; all shards have rows.
        ending: {"error", "cause", "status"} once it is decided that the run ends without being complete; else None.
        counts: {"itemCounts", "executionCounts"} of a run that has ended; else None.
        outcome: what its execution was told at the end: {"result": ...} or {"error", "cause"}; else None.
        redrive: its owner's notes about redrives; None before the first one and before results were written.
    """

    id: int = 0
    arn: str
    execution_arn: str
    command_key: str
    child_machine_arn: str
    status: str = "RUNNING"
    started_ms: int
    stopped_ms: int | None = None
    plan_key: str
    settings: JsonValue
    source: JsonValue = None
    scanned_all: bool = False
    ending: JsonValue = None
    counts: JsonValue = None
    outcome: JsonValue = None
    redrive: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRecord:
    """A shard.

    Attributes:
        first_item, item_count: its items.
        range_start, range_end: where the source has them, in bytes.
        done: all its children have ended.
        segments: the registered segments, as their owner writes them.
        items, children: ended items and ended children by status, in the order of STATUSES.
        execution_count: children of the whole shard; 0 before it is done.
        output_bytes: JSON text of the children's outputs.
        waiting_items, waiting: of `items` and `children` those that wait for a redrive: failed, timed out, aborted.
        stuck_items, stuck: of those that failed the ones that cannot be redriven.
    """

    first_item: int
    item_count: int
    range_start: int
    range_end: int
    done: bool = False
    segments: Sequence[JsonValue] = ()
    items: tuple[int, int, int, int] = (0, 0, 0, 0)
    children: tuple[int, int, int, int] = (0, 0, 0, 0)
    execution_count: int = 0
    output_bytes: int = 0
    waiting_items: tuple[int, int, int] = (0, 0, 0)
    waiting: tuple[int, int, int] = (0, 0, 0)
    stuck_items: int = 0
    stuck: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the shards of a run.

    Attributes:
        shard_count, item_count: what has been found.
        items, children: ended, by status.
        done_executions: children of the shards that are done, or were before a redrive.
        open_executions: children of the others, if each batch but a shard's last is full.
        output_bytes: of all outputs so far.
        waiting_items, waiting, stuck_items, stuck: as in a shard.
    """

    shard_count: int
    item_count: int
    items: tuple[int, int, int, int]
    children: tuple[int, int, int, int]
    done_executions: int
    open_executions: int
    output_bytes: int
    waiting_items: tuple[int, int, int]
    waiting: tuple[int, int, int]
    stuck_items: int
    stuck: int


def insert_run(c: sa.Connection, record: RunRecord) -> int:
    """Keep a new run; its id."""
    result = c.execute(sa.insert(map_runs).values(**_run_values(record)))
    inserted = result.inserted_primary_key
    assert inserted is not None
    return int(inserted[0])


def save_run(c: sa.Connection, record: RunRecord) -> None:
    """Replace what is kept of a run."""
    c.execute(sa.update(map_runs).where(map_runs.c.id == record.id).values(**_run_values(record)))


def find_run(c: sa.Connection, arn: str) -> RunRecord | None:
    """The run of that ARN."""
    return _run(c.execute(sa.select(map_runs).where(map_runs.c.arn == arn)).first())


def get_run(c: sa.Connection, run_id: int) -> RunRecord | None:
    """The run with that id."""
    return _run(c.execute(sa.select(map_runs).where(map_runs.c.id == run_id)).first())


def find_started(c: sa.Connection, execution_arn: str, command_key: str) -> RunRecord | None:
    """The run that a wait of an execution has started."""
    where = (map_runs.c.execution_arn == execution_arn) & (map_runs.c.command_key == command_key)
    return _run(c.execute(sa.select(map_runs).where(where)).first())


def list_runs(c: sa.Connection, execution_arn: str, *, before_id: int | None, limit: int) -> list[RunRecord]:
    """Runs of an execution, the youngest first."""
    query = sa.select(map_runs).where(map_runs.c.execution_arn == execution_arn)
    if before_id is not None:
        query = query.where(map_runs.c.id < before_id)
    rows = c.execute(query.order_by(map_runs.c.id.desc()).limit(limit))
    return [record for row in rows if (record := _run(row))]


def reopen_run(c: sa.Connection, record: RunRecord) -> None:
    """A run is redriven: keep it as `record` has it, and run its shards with children that did not succeed again."""
    save_run(c, record)
    columns = shards.c
    again = columns.failed - columns.stuck + columns.timed_out + columns.aborted
    c.execute(
        sa.update(shards)
        .where(columns.map_run_id == record.id, again > 0)
        .values(
            done=False,
            waiting_items_failed=columns.items_failed - columns.stuck_items,
            waiting_items_timed_out=columns.items_timed_out,
            waiting_items_aborted=columns.items_aborted,
            waiting_failed=columns.failed - columns.stuck,
            waiting_timed_out=columns.timed_out,
            waiting_aborted=columns.aborted,
        )
    )


def orphans(c: sa.Connection) -> list[RunRecord]:
    """Runs that are RUNNING although the execution they belong to is not (any more)."""
    owner = sa.select(executions.c.id).where(
        executions.c.arn == map_runs.c.execution_arn, executions.c.status == "RUNNING"
    )
    rows = c.execute(sa.select(map_runs).where(map_runs.c.status == "RUNNING", ~owner.exists()))
    return [record for row in rows if (record := _run(row))]


def insert_shards(c: sa.Connection, run_id: int, records: Iterable[ShardRecord]) -> None:
    """Keep new shards."""
    c.execute(
        sa.insert(shards),
        [
            {
                "map_run_id": run_id,
                "first_item": record.first_item,
                "item_count": record.item_count,
                "range_start": record.range_start,
                "range_end": record.range_end,
            }
            for record in records
        ],
    )


def save_shard(c: sa.Connection, run_id: int, record: ShardRecord) -> None:
    """Replace what is kept of a shard."""
    values = {
        "done": record.done,
        "segments": jsonvalue.dumps(list(record.segments)),
        "execution_count": record.execution_count,
        "output_bytes": record.output_bytes,
        **dict(zip(_ITEM_COUNTS, record.items, strict=True)),
        **dict(zip(_CHILD_COUNTS, record.children, strict=True)),
        **dict(zip(_WAITING_ITEMS, record.waiting_items, strict=True)),
        **dict(zip(_WAITING, record.waiting, strict=True)),
        "stuck_items": record.stuck_items,
        "stuck": record.stuck,
    }
    where = (shards.c.map_run_id == run_id) & (shards.c.first_item == record.first_item)
    c.execute(sa.update(shards).where(where).values(**values))


def pending_shards(c: sa.Connection, run_id: int, *, from_item: int, limit: int) -> list[ShardRecord]:
    """Shards that are not done, in item order."""
    query = sa.select(shards).where(
        shards.c.map_run_id == run_id, shards.c.first_item >= from_item, shards.c.done.is_(False)
    )
    return [_shard(row) for row in c.execute(query.order_by(shards.c.first_item).limit(limit))]


def shards_in_order(c: sa.Connection, run_id: int, *, from_item: int, limit: int) -> list[ShardRecord]:
    """All shards, in item order."""
    query = sa.select(shards).where(shards.c.map_run_id == run_id, shards.c.first_item >= from_item)
    return [_shard(row) for row in c.execute(query.order_by(shards.c.first_item).limit(limit))]


def shards_backwards(
    c: sa.Connection, run_id: int, *, to_item: int | None, status: str | None, limit: int
) -> list[ShardRecord]:
    """Shards that have ended children (of one status), the last first; `to_item`: those that begin there or before."""
    counted = _CHILD_COUNTS if status is None else (_CHILD_COUNTS[STATUSES.index(status)],)
    some = sa.or_(*(shards.c[name] > 0 for name in counted))
    query = sa.select(shards).where(shards.c.map_run_id == run_id, some)
    if to_item is not None:
        query = query.where(shards.c.first_item <= to_item)
    return [_shard(row) for row in c.execute(query.order_by(shards.c.first_item.desc()).limit(limit))]


def shard_of(c: sa.Connection, run_id: int, item_index: int) -> ShardRecord | None:
    """The shard that an item is in."""
    where = (shards.c.map_run_id == run_id) & (shards.c.first_item <= item_index)
    row = c.execute(sa.select(shards).where(where).order_by(shards.c.first_item.desc()).limit(1)).first()
    if row is None or item_index >= row.first_item + row.item_count:
        return None
    return _shard(row)


def last_shard(c: sa.Connection, run_id: int) -> ShardRecord | None:
    """The shard after which the scan of the source goes on."""
    query = sa.select(shards).where(shards.c.map_run_id == run_id)
    row = c.execute(query.order_by(shards.c.first_item.desc()).limit(1)).first()
    return _shard(row) if row else None


def totals(c: sa.Connection, run_id: int, *, batch_items: int) -> Totals:
    """Sums over a run's shards. `batch_items`: items of a full batch, to guess the children of shards not done."""
    batches = (shards.c.item_count + (batch_items - 1)) // batch_items

    def total(value: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(value), 0)

    row = c.execute(
        sa.select(
            sa.func.count(),
            total(shards.c.item_count),
            *(total(shards.c[name]) for name in _ITEM_COUNTS + _CHILD_COUNTS),
            # Also of a shard that is redriven: how many it has was found out the first time.
            total(shards.c.execution_count),
            total(sa.case((shards.c.execution_count > 0, 0), else_=batches)),
            total(shards.c.output_bytes),
            *(total(shards.c[name]) for name in (*_WAITING_ITEMS, *_WAITING, "stuck_items", "stuck")),
        ).where(shards.c.map_run_id == run_id)
    ).one()
    return Totals(
        shard_count=row[0],
        item_count=row[1],
        items=(row[2], row[3], row[4], row[5]),
        children=(row[6], row[7], row[8], row[9]),
        done_executions=row[10],
        open_executions=row[11],
        output_bytes=row[12],
        waiting_items=(row[13], row[14], row[15]),
        waiting=(row[16], row[17], row[18]),
        stuck_items=row[19],
        stuck=row[20],
    )


def _run_values(record: RunRecord) -> dict[str, JsonValue]:
    documents = ("source", "ending", "counts", "outcome", "redrive")
    return {
        "arn": record.arn,
        "execution_arn": record.execution_arn,
        "command_key": record.command_key,
        "child_machine_arn": record.child_machine_arn,
        "status": record.status,
        "started_ms": record.started_ms,
        "stopped_ms": record.stopped_ms,
        "plan_key": record.plan_key,
        "settings": jsonvalue.dumps(record.settings),
        "scanned_all": record.scanned_all,
        **{
            name: None if getattr(record, name) is None else jsonvalue.dumps(getattr(record, name))
            for name in documents
        },
    }


def _run(row: sa.Row[tuple[JsonValue, ...]] | None) -> RunRecord | None:
    if row is None:
        return None
    values = dict(row._mapping)
    for name in ("settings", "source", "ending", "counts", "outcome", "redrive"):
        values[name] = None if values[name] is None else jsonvalue.loads(values[name])
    return RunRecord(**values)


def _shard(row: sa.Row[tuple[JsonValue, ...]]) -> ShardRecord:
    return ShardRecord(
        first_item=row.first_item,
        item_count=row.item_count,
        range_start=row.range_start,
        range_end=row.range_end,
        done=row.done,
        segments=jsonvalue.loads(row.segments),
        items=(row.items_succeeded, row.items_failed, row.items_timed_out, row.items_aborted),
        children=(row.succeeded, row.failed, row.timed_out, row.aborted),
        execution_count=row.execution_count,
        output_bytes=row.output_bytes,
        waiting_items=(row.waiting_items_failed, row.waiting_items_timed_out, row.waiting_items_aborted),
        waiting=(row.waiting_failed, row.waiting_timed_out, row.waiting_aborted),
        stuck_items=row.stuck_items,
        stuck=row.stuck,
    )
