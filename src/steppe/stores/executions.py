"""Executions and their histories.

An execution is one row: what DescribeExecution shows, and the snapshot that the interpreter goes on from. Its history
is in rows of at most 256 events each, so a page of it is read without the rest. Children of Map Runs are not here: they
are in the segments of their run (`steppe.maprun`).

All functions take a connection and are used inside `Database.read` or `Database.write`. Lists are read by cursors over
indexes: the last page costs what the first one does.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import sqlalchemy as sa

from steppe.base import jsonvalue
from steppe.base.errors import SteppeError
from steppe.base.jsonvalue import JsonValue
from steppe.interp.history import HistoryEvent
from steppe.stores.machines import MachineRecord
from steppe.stores.prepared import Prepared
from steppe.stores.tables import executions, history, redrives

HISTORY_CHUNK_EVENTS = 256
"""Events in one row of history, at most: a page of 100 reads one or two rows, a row stays well below a megabyte."""


class ExecutionExistsError(SteppeError):
    """An execution with this ARN is there already."""

    def __init__(self, arn: str) -> None:
        super().__init__(arn)
        self.arn = arn


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRecord:
    """An execution as it is kept.

    Attributes:
        id: its row; 0 before it is inserted.
        arn, name, machine_arn: of the execution; machine_arn without version.
        revision_row: the revision of the machine it runs.
        status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED.
        started_ms, stopped_ms: epoch milliseconds; stopped_ms is None while it runs.
        input: the text as it was given.
        output: JSON text when SUCCEEDED, else None.
        error, cause: None where AWS gives none.
        snapshot: of the interpreter's Execution; None when nothing can go on any more: it has ended and cannot be
            redriven. Where it was not asked for, b"" stands for one that is there.
        trace_header: X-Amzn-Trace-Id, or None.
        version_arn, alias_arn: by which it was started, or None.
        redrive_count: how often it was redriven.
        redriven_ms: when it was redriven last; None before the first time.
    """

    arn: str
    machine_arn: str
    revision_row: int
    name: str
    started_ms: int
    input: str
    id: int = 0
    status: str = "RUNNING"
    stopped_ms: int | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    snapshot: bytes | None = None
    trace_header: str | None = None
    version_arn: str | None = None
    alias_arn: str | None = None
    redrive_count: int = 0
    redriven_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ExecutionEntry:
    """What a listing shows of an execution."""

    id: int
    arn: str
    machine_arn: str
    name: str
    status: str
    started_ms: int
    stopped_ms: int | None
    version_arn: str | None
    alias_arn: str | None
    redrive_count: int
    redriven_ms: int | None


def new_record(
    machine: MachineRecord,
    *,
    arn: str,
    name: str,
    started_ms: int,
    input_text: str,
    trace_header: str | None = None,
    progress: Mapping[str, JsonValue] = MappingProxyType({}),
) -> ExecutionRecord:
    """The record of an execution of `machine` that begins, pinned to its revision and to how the start named it.

    `progress` are the attributes that change while it runs.
    """
    return ExecutionRecord(
        arn=arn,
        machine_arn=machine.arn,
        revision_row=machine.revision_row,
        name=name,
        started_ms=started_ms,
        input=input_text,
        trace_header=trace_header,
        version_arn=machine.version_arn,
        alias_arn=machine.alias_arn,
        **progress,
    )


def insert_execution(c: sa.Connection, record: ExecutionRecord) -> int:
    """Keep a new execution; returns its row's id.

    Raises:
        ExecutionExistsError: one with the same ARN is there, running or ended.
    """
    try:
        made = _INSERT.run(c, dict(zip(_FIELDS, _VALUES(record), strict=True)))
    except sa.exc.IntegrityError:
        raise ExecutionExistsError(record.arn) from None
    return int(made.lastrowid)


def find_execution(c: sa.Connection, arn: str, *, with_snapshot: bool = True) -> ExecutionRecord | None:
    """The execution with this ARN, or None. Without its snapshot (it may be megabytes) where nobody goes on with it."""
    row = (_FIND if with_snapshot else _FIND_LIGHT).first(c, {"wanted": arn})
    return None if row is None else _record(row)


def save_progress(
    c: sa.Connection,
    *,
    execution_id: int,
    snapshot: bytes | None,
    status: str,
    stopped_ms: int | None,
    output: str | None,
    error: str | None,
    cause: str | None,
    events: Sequence[HistoryEvent],
    redrive_count: int = 0,
    redriven_ms: int | None = None,
) -> None:
    """Commit one advance: the execution as it is now, and the events that led here (ids go on without a gap)."""
    _SAVE.run(
        c,
        {
            "row": execution_id,
            "new_snapshot": snapshot,
            "new_status": status,
            "new_stopped_ms": stopped_ms,
            "new_output": output,
            "new_error": error,
            "new_cause": cause,
            "new_redrive_count": redrive_count,
            "new_redriven_ms": redriven_ms,
        },
    )
    append_history(c, execution_id, events)


def append_history(c: sa.Connection, execution_id: int, events: Sequence[HistoryEvent]) -> None:
    """Keep the next events of an execution; ids go on without a gap."""
    for first in range(0, len(events), HISTORY_CHUNK_EVENTS):
        chunk = events[first : first + HISTORY_CHUNK_EVENTS]
        values = {
            "execution_id": execution_id,
            "first_event_id": chunk[0]["id"],
            "event_count": len(chunk),
            "body": jsonvalue.dumpb(list(chunk)),
        }
        _INSERT_HISTORY.run(c, values)


def running(c: sa.Connection, *, after_id: int = 0, limit: int = 100) -> list[ExecutionRecord]:
    """Executions that run, with their snapshots, oldest first, beginning after row `after_id`."""
    t = executions.c
    columns = [t[name] for name in _FIELDS]
    # The literal, not a parameter: only then can the planner use the partial index.
    query = sa.select(*columns).where(_RUNNING, t.id > after_id).order_by(t.id).limit(limit)
    return [_record(row) for row in c.execute(query)]


def open_count(c: sa.Connection, *, most: int) -> int:
    """How many Standard executions run; counted up to `most`."""
    t = executions.c
    found = sa.select(t.id).where(_RUNNING, ~t.arn.like("arn:%:express:%")).limit(most).subquery()
    return c.execute(sa.select(sa.func.count()).select_from(found)).scalar() or 0


def event_count(c: sa.Connection, execution_id: int) -> int:
    """How many events the history of an execution has."""
    return c.execute(_EVENT_COUNT, {"row": execution_id}).scalar() or 0


def insert_redrive(
    c: sa.Connection, *, execution_id: int, number: int, client_token: str | None, redriven_ms: int
) -> None:
    """Note the `number`th redrive of an execution, and the client token it was asked for with."""
    values = {"execution_id": execution_id, "number": number, "client_token": client_token, "redriven_ms": redriven_ms}
    c.execute(sa.insert(redrives).values(values))


def find_redrive(c: sa.Connection, *, execution_id: int, client_token: str, since_ms: int, latest: int) -> int | None:
    """When an execution was redriven with a client token: among its `latest` redrives, at `since_ms` or after."""
    t = redrives.c
    query = (
        sa.select(t.client_token, t.redriven_ms)
        .where(t.execution_id == execution_id)
        .order_by(t.number.desc())
        .limit(latest)
    )
    for token, redriven_ms in c.execute(query):
        if token == client_token and redriven_ms >= since_ms:
            return int(redriven_ms)
    return None


def has_running(c: sa.Connection, machine_arn: str) -> bool:
    """Whether an execution of the machine runs."""
    query = sa.select(executions.c.id).where(executions.c.machine_arn == machine_arn, executions.c.status == "RUNNING")
    return c.execute(query.limit(1)).first() is not None


def list_executions(
    c: sa.Connection,
    *,
    machine_arn: str | None = None,
    version_arn: str | None = None,
    alias_arn: str | None = None,
    status: str | None = None,
    limit: int,
    cursor: tuple[int, int] | None = None,
) -> list[ExecutionEntry]:
    """Executions of one machine, version or alias (exactly one is given), newest first.

    Args:
        c: the connection.
        machine_arn: list the executions of this machine, however they were started.
        version_arn: list those started by this version, also through an alias.
        alias_arn: list those started by this alias.
        status: only those with this status; None for all.
        limit: how many at most.
        cursor: (started_ms, id) of the last entry of the page before; None for the first page.
    """
    t = executions.c
    of = {t.machine_arn: machine_arn, t.version_arn: version_arn, t.alias_arn: alias_arn}
    (column, arn), *others = [(column, arn) for column, arn in of.items() if arn is not None]
    assert not others
    query = sa.select(
        t.id,
        t.arn,
        t.machine_arn,
        t.name,
        t.status,
        t.started_ms,
        t.stopped_ms,
        t.version_arn,
        t.alias_arn,
        t.redrive_count,
        t.redriven_ms,
    ).where(column == arn)
    if status is not None:
        query = query.where(t.status == status)
    if cursor is not None:
        query = query.where(sa.tuple_(t.started_ms, t.id) < sa.tuple_(*cursor))
    query = query.order_by(t.started_ms.desc(), t.id.desc()).limit(limit)
    return [ExecutionEntry(*row) for row in c.execute(query)]


def read_history(
    c: sa.Connection, execution_id: int, *, reverse: bool = False, after: int | None = None, limit: int
) -> tuple[list[HistoryEvent], int | None]:
    """A page of an execution's history.

    Args:
        c: the connection.
        execution_id: the execution's row.
        reverse: from the last event backwards.
        after: the id of the last event of the page before; None for the first page.
        limit: events in the page, at most.

    Returns:
        The events in the wanted order, and the `after` of the next page, or None when this is the last one.
    """
    # Ids count from 1, so these stand before the first event and after the last.
    place = after if after is not None else _BEYOND if reverse else 0
    # One event more than asked for tells whether there is a next page.
    rows = _rows_wanted(c, execution_id, reverse=reverse, place=place, count=limit + 1)
    events: list[HistoryEvent] = []
    if rows:
        wanted = {"row": execution_id, "low": min(rows), "high": max(rows)}
        for body in c.execute(_BODIES, wanted).scalars():
            events += jsonvalue.loads(body)
    if reverse:
        events = [event for event in reversed(events) if event["id"] < place]
    else:
        events = [event for event in events if event["id"] > place]
    if len(events) <= limit:
        return events, None
    del events[limit:]
    return events, events[-1]["id"]


def _rows_wanted(c: sa.Connection, execution_id: int, *, reverse: bool, place: int, count: int) -> list[int]:
    """First ids of the rows that hold `count` events beyond `place`: neighbours; their bodies are not read here."""
    if reverse:
        found = c.execute(_ROWS_BEFORE, {"row": execution_id, "place": place, "most": count})
    else:
        # Ids have no gaps and a row has at most so many: the row with the next event begins after this one.
        begin = place + 1 - HISTORY_CHUNK_EVENTS
        found = c.execute(_ROWS_AFTER, {"row": execution_id, "place": begin, "most": count + HISTORY_CHUNK_EVENTS})
    wanted: list[int] = []
    for first, size in found:
        beyond = min(size, place - first) if reverse else min(size, first + size - 1 - place)
        if beyond > 0:
            wanted.append(first)
            count -= beyond
            if count <= 0:
                break
    return wanted


_BEYOND = 2**62
_RUNNING = executions.c.status == sa.literal_column("'RUNNING'")
_FIELDS = tuple(ExecutionRecord.__dataclass_fields__)
_VALUES = operator.attrgetter(*_FIELDS)
_PROGRESS = ("snapshot", "status", "stopped_ms", "output", "error", "cause", "redrive_count", "redriven_ms")

# Built once: putting a statement together costs more than SQLite takes to carry it out.
_INSERT = Prepared(sa.insert(executions), tuple(name for name in _FIELDS if name != "id"))
_FIND = Prepared(sa.select(*(executions.c[name] for name in _FIELDS)).where(executions.c.arn == sa.bindparam("wanted")))
_HAS_SNAPSHOT = sa.case((executions.c.snapshot.is_not(None), sa.literal_column("x''")))
_FIND_LIGHT = Prepared(
    sa.select(*(executions.c[name] if name != "snapshot" else _HAS_SNAPSHOT for name in _FIELDS)).where(
        executions.c.arn == sa.bindparam("wanted")
    )
)
_EVENT_COUNT = (
    sa.select(history.c.first_event_id + history.c.event_count - 1)
    .where(history.c.execution_id == sa.bindparam("row"))
    .order_by(history.c.first_event_id.desc())
    .limit(1)
)
_SAVE = Prepared(
    sa.update(executions)
    .where(executions.c.id == sa.bindparam("row"))
    .values({name: sa.bindparam(f"new_{name}") for name in _PROGRESS})
)
_INSERT_HISTORY = Prepared(sa.insert(history), ("execution_id", "first_event_id", "event_count", "body"))
_HISTORY_ROWS = sa.select(history.c.first_event_id, history.c.event_count).where(
    history.c.execution_id == sa.bindparam("row")
)
_ROWS_AFTER = (
    _HISTORY_ROWS.where(history.c.first_event_id > sa.bindparam("place"))
    .order_by(history.c.first_event_id)
    .limit(sa.bindparam("most"))
)
_ROWS_BEFORE = (
    _HISTORY_ROWS.where(history.c.first_event_id < sa.bindparam("place"))
    .order_by(history.c.first_event_id.desc())
    .limit(sa.bindparam("most"))
)
_BODIES = (
    sa.select(history.c.body)
    .where(
        history.c.execution_id == sa.bindparam("row"),
        history.c.first_event_id.between(sa.bindparam("low"), sa.bindparam("high")),
    )
    .order_by(history.c.first_event_id)
)


def _record(row: Sequence[JsonValue]) -> ExecutionRecord:
    return ExecutionRecord(**dict(zip(_FIELDS, row, strict=True)))
