"""Executions that run as a test case with mocked integrations: which case, and which of a state's calls were made.

An execution is known here as `<machine>:<name>`. Kept durably, so that a test case goes on after a restart.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from steppe.stores.tables import mocked_calls, mocked_executions


def set_test_case(c: sa.Connection, execution: str, test_case: str) -> None:
    """Note that an execution that is about to start runs as a test case."""
    forget_test_case(c, execution)
    c.execute(sa.insert(mocked_executions).values(execution=execution, test_case=test_case))


def forget_test_case(c: sa.Connection, execution: str) -> None:
    """An execution that is about to start is none, whatever one of the same name was."""
    c.execute(sa.delete(mocked_executions).where(mocked_executions.c.execution == execution))
    c.execute(sa.delete(mocked_calls).where(mocked_calls.c.execution == execution))


def test_case_of(c: sa.Connection, execution: str) -> str | None:
    """The test case of an execution; None when it is an ordinary one."""
    query = sa.select(mocked_executions.c.test_case).where(mocked_executions.c.execution == execution)
    found = c.execute(query).scalar()
    return None if found is None else str(found)


def call_number(c: sa.Connection, execution: str, *, state: str, key: str) -> int:
    """The number of a call among all calls of its state, from 0; the same when it is asked for again."""
    t = mocked_calls.c
    known = c.execute(sa.select(t.number).where(t.execution == execution, t.key == key)).scalar()
    if known is not None:
        return int(known)
    query = sa.select(sa.func.count()).select_from(mocked_calls).where(t.execution == execution, t.state == state)
    number = int(c.execute(query).scalar() or 0)
    c.execute(insert(mocked_calls).values(execution=execution, key=key, state=state, number=number))
    return number
