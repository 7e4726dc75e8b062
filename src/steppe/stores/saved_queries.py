"""Named queries and prepared statements of work groups, as documents. Methods block; call them from threads."""

from __future__ import annotations

import sqlalchemy as sa

from steppe.base.jsonvalue import JsonValue, dumps, loads
from steppe.stores.database import Database
from steppe.stores.tables import named_queries, prepared_statements

Document = dict[str, JsonValue]


class SavedQueryStore:
    """Texts that users keep under a name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- named queries

    def add_named(self, document: Document, *, token: str | None) -> Document:
        """Store a named query, or give back the one that was made with the same request token."""
        row = {"id": document["NamedQueryId"], "work_group": document["WorkGroup"], "request_token": token,
               "body": dumps(document)}  # fmt: skip

        def work(connection: sa.Connection) -> Document:
            if token is not None:
                held = sa.select(named_queries.c.body).filter_by(request_token=token)
                body = connection.execute(held).scalar()
                if body is not None:
                    return _document(body)
            connection.execute(sa.insert(named_queries).values(**row))
            return document

        return self._database.write_now(work)

    def named(self, query_id: str) -> Document | None:
        """A named query, or None."""
        query = sa.select(named_queries.c.body).filter_by(id=query_id)
        body = self._database.read_now(lambda connection: connection.execute(query).scalar())
        return _document(body) if body is not None else None

    def named_ids(self, work_group: str, *, after: str, limit: int) -> list[str]:
        """Ids of a group's named queries, those after `after`."""
        column = named_queries.c
        query = sa.select(column.id).filter_by(work_group=work_group).where(column.id > after)
        query = query.order_by(column.id).limit(limit)
        return list(self._database.read_now(lambda connection: connection.execute(query).scalars().all()))

    def change_named(self, query_id: str, changes: Document) -> bool:
        """Merge members into a named query; False when there is none."""

        def work(connection: sa.Connection) -> bool:
            body = connection.execute(sa.select(named_queries.c.body).filter_by(id=query_id)).scalar()
            if body is None:
                return False
            changed = dumps({**loads(body), **changes})
            connection.execute(sa.update(named_queries).filter_by(id=query_id).values(body=changed))
            return True

        return self._database.write_now(work)

    def drop_named(self, query_id: str) -> bool:
        """Remove a named query; False when there is none."""
        statement = sa.delete(named_queries).filter_by(id=query_id)
        return self._database.write_now(lambda connection: connection.execute(statement).rowcount > 0)

    # -- prepared statements

    def add_prepared(self, document: Document, *, replace: bool) -> bool:
        """Store a prepared statement; False when it is there and must not be, or is to be replaced and is not there."""
        key = {"work_group": document["WorkGroupName"], "name": document["StatementName"]}
        body = dumps(document)

        def work(connection: sa.Connection) -> bool:
            held = connection.execute(sa.select(prepared_statements.c.name).filter_by(**key)).first()
            if (held is not None) is not replace:
                return False
            if replace:
                connection.execute(sa.update(prepared_statements).filter_by(**key).values(body=body))
            else:
                connection.execute(sa.insert(prepared_statements).values(**key, body=body))
            return True

        return self._database.write_now(work)

    def prepared(self, work_group: str, name: str) -> Document | None:
        """A prepared statement, or None."""
        query = sa.select(prepared_statements.c.body).filter_by(work_group=work_group, name=name)
        body = self._database.read_now(lambda connection: connection.execute(query).scalar())
        return _document(body) if body is not None else None

    def prepared_of(self, work_group: str, *, after: str, limit: int) -> list[Document]:
        """A group's prepared statements by name, those after `after`."""
        column = prepared_statements.c
        query = sa.select(column.body).filter_by(work_group=work_group).where(column.name > after)
        query = query.order_by(column.name).limit(limit)
        return [_document(body) for body in self._database.read_now(lambda c: c.execute(query).scalars().all())]

    def drop_prepared(self, work_group: str, name: str) -> bool:
        """Remove a prepared statement; False when there is none."""
        statement = sa.delete(prepared_statements).filter_by(work_group=work_group, name=name)
        return self._database.write_now(lambda connection: connection.execute(statement).rowcount > 0)

    # -- of a group

    def any_of(self, work_group: str) -> bool:
        """Whether a group has named queries or prepared statements."""

        def work(connection: sa.Connection) -> bool:
            kept = (named_queries, prepared_statements)
            return any(connection.execute(sa.select(t).filter_by(work_group=work_group).limit(1)).first() for t in kept)

        return self._database.read_now(work)

    def drop_of(self, work_group: str) -> None:
        """Remove everything of a group."""

        def work(connection: sa.Connection) -> None:
            for table in (named_queries, prepared_statements):
                connection.execute(sa.delete(table).filter_by(work_group=work_group))

        self._database.write_now(work)


def _document(body: str) -> Document:
    document: Document = loads(body)
    return document
