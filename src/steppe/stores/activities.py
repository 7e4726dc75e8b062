"""Activities: names that workers ask for tasks by. The tasks themselves wait in their executions.

All functions take a connection and are used inside `Database.read` or `Database.write`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.stores.tables import activities


@dataclass(frozen=True, slots=True)
class ActivityRecord:
    """An activity; `tags` is a list of {"key": ..., "value": ...}."""

    arn: str
    name: str
    created_ms: int
    tags: Sequence[dict[str, str]] = field(default_factory=list)


def insert_activity(c: sa.Connection, record: ActivityRecord) -> None:
    """Keep a new activity. The caller has made sure in this transaction that its ARN is free."""
    values = {"arn": record.arn, "name": record.name, "created_ms": record.created_ms}
    c.execute(sa.insert(activities).values(tags=jsonvalue.dumps(list(record.tags)), **values))


def get_activity(c: sa.Connection, arn: str) -> ActivityRecord | None:
    """One activity, or None."""
    row = c.execute(sa.select(activities).where(activities.c.arn == arn)).first()
    return None if row is None else _record(tuple(row))


def activity_count(c: sa.Connection) -> int:
    """How many activities there are."""
    return c.execute(sa.select(sa.func.count()).select_from(activities)).scalar() or 0


def list_activities(c: sa.Connection, *, after_name: str, limit: int) -> list[ActivityRecord]:
    """Activities in order of their names, beginning after `after_name` ("" for the first)."""
    query = sa.select(activities).where(activities.c.name > after_name).order_by(activities.c.name).limit(limit)
    return [_record(tuple(row)) for row in c.execute(query)]


def set_tags(c: sa.Connection, arn: str, tags: Sequence[dict[str, str]]) -> None:
    """Replace the tags of an activity."""
    c.execute(sa.update(activities).where(activities.c.arn == arn).values(tags=jsonvalue.dumps(list(tags))))


def delete_activity(c: sa.Connection, arn: str) -> None:
    """Remove an activity, if it is there."""
    c.execute(sa.delete(activities).where(activities.c.arn == arn))


def _record(row: tuple[JsonValue, ...]) -> ActivityRecord:
    arn, name, created_ms, tags = row
    return ActivityRecord(arn, name, created_ms, jsonvalue.loads(tags))
