"""Removing what was kept long enough: ended executions with their history, Map Runs, tokens. A few rows at a time.

Rows are gone through by their number, which is the order in which things began: what is beyond the first that began
after the moment in question need not be looked at. All functions take a connection and are used inside
`Database.write` or `Database.read`.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from steppe.stores.tables import (
    executions,
    history,
    map_runs,
    mocked_calls,
    mocked_executions,
    redrives,
    shards,
    task_tokens,
)


def remove_executions(c: sa.Connection, *, after_id: int, before_ms: int, limit: int) -> tuple[int, int | None]:
    """Of the next `limit` executions remove those that ended before a moment, with all that is kept of them.

    Returns:
        How many were removed, and where to go on; None at the end.
    """
    e = executions.c
    rows = c.execute(
        sa.select(e.id, e.arn, e.status, e.started_ms, e.stopped_ms).where(e.id > after_id).order_by(e.id).limit(limit)
    ).all()
    old = [row for row in rows if row.started_ms < before_ms]
    gone = [row for row in old if row.status != "RUNNING" and row.stopped_ms is not None and row.stopped_ms < before_ms]
    if gone:
        ids, arns = [row.id for row in gone], [row.arn for row in gone]
        for of_execution in (history.c.execution_id, redrives.c.execution_id, e.id):
            c.execute(sa.delete(of_execution.table).where(of_execution.in_(ids)))
        for named in (mocked_executions.c.execution, mocked_calls.c.execution):
            c.execute(sa.delete(named.table).where(named.in_(arns)))
    return len(gone), old[-1].id if len(old) == limit else None


def next_run(c: sa.Connection, *, after_id: int, before_ms: int) -> tuple[int, str, str] | None:
    """The next Map Run that ended before a moment, and its execution did (if it is there): id, ARN, execution's ARN."""
    r, e = map_runs.c, executions.c
    newer = sa.exists().where(e.arn == r.execution_arn, sa.or_(e.stopped_ms.is_(None), e.stopped_ms >= before_ms))
    row = c.execute(
        sa.select(r.id, r.arn, r.execution_arn)
        .where(r.id > after_id, r.started_ms < before_ms, r.stopped_ms < before_ms, r.status != "RUNNING", ~newer)
        .order_by(r.id)
        .limit(1)
    ).first()
    return None if row is None else (row.id, row.arn, row.execution_arn)


def remove_run(c: sa.Connection, run_id: int, *, limit: int) -> bool:
    """Remove at most `limit` shards of a Map Run; with the last of them itself. True when it is gone."""
    s = shards.c
    some = sa.select(s.first_item).where(s.map_run_id == run_id).order_by(s.first_item).limit(limit)
    removed = c.execute(sa.delete(shards).where(s.map_run_id == run_id, s.first_item.in_(some))).rowcount
    if removed == limit:
        return False
    c.execute(sa.delete(map_runs).where(map_runs.c.id == run_id))
    return True


def remove_tokens(
    c: sa.Connection, *, after_id: int, limit: int, child_gone: Callable[[sa.Connection, str], bool]
) -> tuple[int, int | None]:
    """Of the next `limit` task tokens remove those of executions that are not kept any more.

    Args:
        c: a connection.
        after_id: where to go on.
        limit: rows looked at.
        child_gone: whether a child of a Map Run (ARN) is not kept any more; it has no row among the executions.

    Returns:
        How many were removed, and where to go on; None when none was, as then the later ones are needed too.
    """
    t = task_tokens.c
    kept = sa.exists().where(executions.c.arn == t.execution_arn)
    query = sa.select(t.id, t.execution_arn, kept).where(t.id > after_id).order_by(t.id).limit(limit)
    rows = c.execute(query).all()
    gone = [number for number, arn, is_kept in rows if not is_kept and ("/" not in arn or child_gone(c, arn))]
    if not gone:
        return 0, None
    c.execute(sa.delete(task_tokens).where(t.id.in_(gone)))
    return len(gone), rows[-1][0] if len(rows) == limit else None
