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

from steppe.base.jsonvalue import loads
from steppe.interp.history import HistoryEvent
from steppe.stores.prepared import Prepared
from steppe.stores.tables import executions, history, log_cursors, status_events


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCursor:
    """How far an execution is logged.

    Attributes:
        execution_id, execution_arn: the execution.
        log_group: the name of its log group.
        level: ALL, ERROR or FATAL.
        with_data: whether lines have input and output; true when it is not 0.
        logged_through: the id of the last event that was logged (or need not be); 0 for none.
        redrive_count: how often the execution was redriven up to that event.
    """

    execution_id: int
    execution_arn: str
    log_group: str
    level: str
    with_data: int
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
    """Log an execution from this place on; one that is being logged (only a redriven one can be) goes on as it is."""
    if cursor.logged_through == 0 or _FIND_CURSOR.first(c, {"row": cursor.execution_id}) is None:
        _INSERT_CURSOR.run(c, {name: getattr(cursor, name) for name in _CURSOR})


def find_log_cursor(c: sa.Connection, execution_id: int) -> LogCursor | None:
    """The cursor of an execution; None when there is nothing to log of it."""
    row = _FIND_CURSOR.first(c, {"row": execution_id})
    return None if row is None else LogCursor(**dict(zip(_CURSOR, row, strict=True)))


def logged_executions(c: sa.Connection, *, after_id: int, limit: int) -> list[int]:
    """The rows of executions that have a cursor, in order."""
    t = log_cursors.c
    query = sa.select(t.execution_id).where(t.execution_id > after_id).order_by(t.execution_id).limit(limit)
    return list(c.execute(query).scalars())


def events_to_log(c: sa.Connection, cursor: LogCursor) -> list[HistoryEvent]:
    """Events that follow a cursor, those of one row of the history; none when it stands at the end."""
    values = {"row": cursor.execution_id, "through": cursor.logged_through}
    found = _NEXT_EVENTS.first(c, values)
    return [] if found is None else [event for event in loads(found[0]) if event["id"] > cursor.logged_through]


def advance_log(c: sa.Connection, cursor: LogCursor) -> None:
    """Events up to this cursor are logged. It is removed when the execution has ended and nothing of it is left."""
    values = {"row": cursor.execution_id, "through": cursor.logged_through, "count": cursor.redrive_count}
    if _REMOVE_CURSOR.run(c, values).rowcount == 0:
        _ADVANCE_CURSOR.run(c, values)


def add_status_event(c: sa.Connection, event: StatusEvent) -> None:
    """Keep a change of status until it was told."""
    _INSERT_EVENT.run(c, {name: getattr(event, name) for name in _EVENT if name != "id"})


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
_ROW: sa.BindParameter[int] = sa.bindparam("row")
_OF_ROW = log_cursors.c.execution_id == _ROW
_NEXT = history.c.first_event_id + history.c.event_count > sa.bindparam("through") + sa.literal_column("1")
_RUNNING = executions.c.status == sa.literal_column("'RUNNING'")

# Built once: several are carried out for every execution that is logged.
_FIND_CURSOR = Prepared(sa.select(*(log_cursors.c[name] for name in _CURSOR)).where(_OF_ROW))
_INSERT_CURSOR = Prepared(sa.insert(log_cursors), tuple(_CURSOR))
_INSERT_EVENT = Prepared(sa.insert(status_events), tuple(name for name in _EVENT if name != "id"))
_NEXT_EVENTS = Prepared(
    sa.select(history.c.body).where(history.c.execution_id == _ROW, _NEXT).order_by(history.c.first_event_id)
)
_REMOVE_CURSOR = Prepared(
    sa.delete(log_cursors).where(
        _OF_ROW,
        ~sa.exists().where(executions.c.id == _ROW, _RUNNING),
        ~sa.exists().where(history.c.execution_id == _ROW, _NEXT),
    )
)
_ADVANCE_CURSOR = Prepared(
    sa.update(log_cursors)
    .where(_OF_ROW)
    .values(logged_through=sa.bindparam("through"), redrive_count=sa.bindparam("count"))
)
