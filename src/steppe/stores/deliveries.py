"""What is still to be told to the world outside: how far executions are logged, and changes of status.

Both are written in the transaction that makes the thing durable which they tell of, and are removed when it was told:
after a crash the next server goes on with what is here, and what was told without being removed is told again.

A log cursor is a place in the history of one execution; an execution whose machine does not log has none. A status
event says what changed and when, the rest of it is read from its execution.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from steppe.interp.history import HistoryEvent
from steppe.stores.executions import event_count, read_history
from steppe.stores.tables import executions, log_cursors, status_events


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCursor:
    """How far an execution is logged.

    Attributes:
        execution_id, execution_arn: the execution.
        log_group: the name of its log group.
        level: ALL, ERROR or FATAL.
        with_data: whether lines have input and output.
        logged_through: the id of the last event that was logged (or need not be); 0 for none.
        redrive_count: how often the execution was redriven up to that event.
    """

    execution_id: int
    execution_arn: str
    log_group: str
    level: str
    with_data: bool
    logged_through: int = 0
    redrive_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEvent:
    """A change of an execution's status. `id` is 0 before it is kept; `stopped_ms` is None for RUNNING."""

    execution_id: int
    status: str
    at_ms: int
    stopped_ms: int | None = None
    error: str | None = None
    cause: str | None = None
    redrive_count: int = 0
    redriven_ms: int | None = None
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedExecution:
    """What does not change of an execution whose status did; `output` is None until it has succeeded."""

    arn: str
    machine_arn: str
    version_arn: str | None
    alias_arn: str | None
    name: str
    started_ms: int
    input: str
    output: str | None


def begin_log(c: sa.Connection, cursor: LogCursor) -> None:
    """Log an execution from this place on; one that is being logged goes on from where it is."""
    known = c.execute(sa.select(log_cursors.c.level).where(log_cursors.c.execution_id == cursor.execution_id)).first()
    if known is None:
        c.execute(sa.insert(log_cursors).values({name: getattr(cursor, name) for name in _CURSOR}))


def find_log_cursor(c: sa.Connection, execution_id: int) -> LogCursor | None:
    """The cursor of an execution; None when there is nothing to log of it."""
    row = c.execute(_FIND_CURSOR, {"row": execution_id}).first()
    return None if row is None else LogCursor(**{**row._mapping, "with_data": bool(row.with_data)})


def logged_executions(c: sa.Connection, *, after_id: int, limit: int) -> list[int]:
    """The rows of executions that have a cursor, in order."""
    t = log_cursors.c
    query = sa.select(t.execution_id).where(t.execution_id > after_id).order_by(t.execution_id).limit(limit)
    return list(c.execute(query).scalars())


def events_to_log(c: sa.Connection, cursor: LogCursor, *, limit: int) -> list[HistoryEvent]:
    """The next events after a cursor."""
    return read_history(c, cursor.execution_id, after=cursor.logged_through, limit=limit)[0]


def advance_log(c: sa.Connection, cursor: LogCursor) -> None:
    """Events up to this cursor are logged. It is removed when the execution has ended and nothing of it is left."""
    status = c.execute(_STATUS, {"row": cursor.execution_id}).scalar()
    place = log_cursors.c.execution_id == cursor.execution_id
    if status != "RUNNING" and event_count(c, cursor.execution_id) <= cursor.logged_through:
        c.execute(sa.delete(log_cursors).where(place))
        return
    values = {"logged_through": cursor.logged_through, "redrive_count": cursor.redrive_count}
    c.execute(sa.update(log_cursors).where(place).values(values))


def add_status_event(c: sa.Connection, event: StatusEvent) -> None:
    """Keep a change of status until it was told."""
    c.execute(sa.insert(status_events).values({name: getattr(event, name) for name in _EVENT if name != "id"}))


def oldest_status_events(c: sa.Connection, *, limit: int) -> list[tuple[StatusEvent, ChangedExecution]]:
    """The changes that were kept first, with their executions."""
    e, t = executions.c, status_events.c
    shown = [e[name] for name in _EXECUTION]
    query = (
        sa.select(*(t[name].label(f"event_{name}") for name in _EVENT), *shown)
        .select_from(sa.join(status_events, executions, t.execution_id == e.id))
        .order_by(t.id)
        .limit(limit)
    )
    found = []
    for row in c.execute(query):
        values = list(row)
        event = StatusEvent(**dict(zip(_EVENT, values, strict=False)))
        found.append((event, ChangedExecution(**dict(zip(_EXECUTION, values[len(_EVENT) :], strict=True)))))
    return found


def drop_status_events(c: sa.Connection, ids: Iterable[int]) -> None:
    """These changes were told."""
    c.execute(sa.delete(status_events).where(status_events.c.id.in_(list(ids))))


def drop_old_status_events(c: sa.Connection, *, before_ms: int) -> int:
    """Give changes up that are older than this; how many there were."""
    return c.execute(sa.delete(status_events).where(status_events.c.at_ms < before_ms)).rowcount


_CURSOR: Sequence[str] = tuple(LogCursor.__dataclass_fields__)
_EVENT: Sequence[str] = tuple(StatusEvent.__dataclass_fields__)
_EXECUTION: Sequence[str] = tuple(ChangedExecution.__dataclass_fields__)
_FIND_CURSOR = sa.select(*(log_cursors.c[name] for name in _CURSOR)).where(
    log_cursors.c.execution_id == sa.bindparam("row")
)
_STATUS = sa.select(executions.c.status).where(executions.c.id == sa.bindparam("row"))
