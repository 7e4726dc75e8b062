"""Query executions and work groups: what Athena's API shows of them, kept as documents.

Methods block; call them from threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from steppe.base.jsonvalue import JsonValue, dumps, loads
from steppe.stores.database import Database
from steppe.stores.tables import query_executions, work_groups

Document = dict[str, JsonValue]

UNFINISHED = ("QUEUED", "RUNNING")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRecord:
    """A query execution.

    Attributes:
        id: lower-case UUID.
        work_group: its group's name.
        state: QUEUED, RUNNING, SUCCEEDED, FAILED or CANCELLED.
        request_token: ClientRequestToken, or None.
        submitted_ms: epoch milliseconds.
        reuse_key: what executions have in common that may use each other's result; None: nothing may.
        sequence: counts up in the order of submission; 0 before the record is stored.
        body: everything else; the Athena service owns its form.
    """

    id: str
    work_group: str
    state: str
    request_token: str | None
    submitted_ms: int
    body: Document
    sequence: int = 0
    reuse_key: str | None = None


class QueryStore:
    """Query executions and work groups."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: QueryRecord) -> QueryRecord:
        """Store a new execution, or give back the one that has the same request token."""
        table = query_executions

        def work(connection: sa.Connection) -> QueryRecord:
            if record.request_token is not None:
                held = connection.execute(sa.select(table).filter_by(request_token=record.request_token)).first()
                if held is not None:
                    return _record(held)
            last = connection.execute(sa.select(sa.func.max(table.c.sequence))).scalar() or 0
            values = {"id": record.id, "sequence": last + 1, "work_group": record.work_group, "state": record.state,
                      "request_token": record.request_token, "submitted_ms": record.submitted_ms,
                      "reuse_key": record.reuse_key, "body": dumps(record.body)}  # fmt: skip
            connection.execute(sa.insert(table).values(**values))
            return record

        return self._database.write_now(work)

    def get(self, query_id: str) -> QueryRecord | None:
        """One execution, or None."""
        query = sa.select(query_executions).filter_by(id=query_id)
        row = self._database.read_now(lambda connection: connection.execute(query).first())
        return _record(row) if row is not None else None

    def change(self, query_id: str, *, state: str, changes: Document) -> bool:
        """Set the state and merge members into the body; False when the execution has already ended."""
        table = query_executions

        def work(connection: sa.Connection) -> bool:
            row = connection.execute(sa.select(table.c.state, table.c.body).filter_by(id=query_id)).first()
            if row is None or row.state not in UNFINISHED:
                return False
            body = dumps({**loads(row.body), **changes})
            connection.execute(sa.update(table).filter_by(id=query_id).values(state=state, body=body))
            return True

        return self._database.write_now(work)

    def list_ids(self, work_group: str, *, before: int | None, limit: int) -> list[tuple[str, int]]:
        """Ids with their sequence numbers, newest first; those before a sequence number when it is given."""
        table = query_executions
        query = sa.select(table.c.id, table.c.sequence).where(table.c.work_group == work_group)
        if before is not None:
            query = query.where(table.c.sequence < before)
        query = query.order_by(table.c.sequence.desc()).limit(limit)
        rows = self._database.read_now(lambda connection: connection.execute(query).all())
        return [(row.id, row.sequence) for row in rows]

    def reusable(self, reuse_key: str, *, limit: int) -> list[QueryRecord]:
        """The last executions with a key that have succeeded, newest first."""
        table = query_executions
        query = sa.select(table).filter_by(reuse_key=reuse_key, state="SUCCEEDED")
        query = query.order_by(table.c.sequence.desc()).limit(limit)
        return [_record(row) for row in self._database.read_now(lambda connection: connection.execute(query).all())]

    def unfinished(self) -> list[str]:
        """Ids of executions that a server left QUEUED or RUNNING."""
        query = sa.select(query_executions.c.id).where(query_executions.c.state.in_(UNFINISHED))
        return list(self._database.read_now(lambda connection: connection.execute(query).scalars().all()))

    def forget(self, *, submitted_before_ms: int) -> None:
        """Remove ended executions that are older."""
        table = query_executions
        old = sa.and_(table.c.submitted_ms < submitted_before_ms, table.c.state.not_in(UNFINISHED))
        self._database.write_now(lambda connection: connection.execute(sa.delete(table).where(old)).rowcount)

    def work_group(self, name: str) -> Document | None:
        """A work group's document, or None."""
        query = sa.select(work_groups.c.body).filter_by(name=name)
        body = self._database.read_now(lambda connection: connection.execute(query).scalar())
        return loads(body) if body is not None else None

    def work_groups(self, *, after: str, limit: int) -> list[Document]:
        """Work groups by name."""
        table = work_groups
        query = sa.select(table.c.body).where(table.c.name > after).order_by(table.c.name).limit(limit)
        return [loads(body) for body in self._database.read_now(lambda c: c.execute(query).scalars().all())]

    def put_work_group(self, document: Document) -> None:
        """Store a work group under its `Name`, replacing what was there."""
        name, body = document["Name"], dumps(document)

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(work_groups).filter_by(name=name))
            connection.execute(sa.insert(work_groups).values(name=name, body=body))

        self._database.write_now(work)

    def drop_work_group(self, name: str) -> None:
        """Remove a work group; its executions stay readable by their ids."""
        self._database.write_now(lambda connection: connection.execute(sa.delete(work_groups).filter_by(name=name)))


def _record(row: JsonValue) -> QueryRecord:
    return QueryRecord(
        id=row.id, work_group=row.work_group, state=row.state, request_token=row.request_token,
        submitted_ms=row.submitted_ms, sequence=row.sequence, reuse_key=row.reuse_key,
        body=loads(row.body),
    )  # fmt: skip
