"""Partitions of the catalog's tables, as documents in Glue's shapes, found by their values in the order of the keys.

Methods block; call them from threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from steppe.base.jsonvalue import JsonValue, dumps, loads
from steppe.stores.database import Database
from steppe.stores.tables import catalog_partitions

Document = dict[str, JsonValue]


class PartitionStore:
    """The partitions of all tables. Whether the table exists is not asked here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, database: str, table: str, documents: Sequence[Document]) -> list[int]:
        """Add partitions, all those that are not there, in one transaction.

        Returns:
            The places in `documents` of those that were there already (or twice in it).
        """
        place = _place(database, table)

        def work(connection: sa.Connection) -> list[int]:
            taken = []
            for at, document in enumerate(documents):
                key = partition_key(document["Values"])
                if connection.execute(sa.select(catalog_partitions.c.key).filter_by(**place, key=key)).first():
                    taken.append(at)
                else:
                    row = {**place, "key": key, "body": dumps(document)}
                    connection.execute(sa.insert(catalog_partitions).values(**row))
            return taken

        return self._database.write_now(work)

    def get(self, database: str, table: str, values: Sequence[str]) -> Document | None:
        """A partition, or None."""
        query = sa.select(catalog_partitions.c.body).filter_by(**_place(database, table), key=partition_key(values))
        body = self._database.read_now(lambda connection: connection.execute(query).scalar())
        return loads(body) if body is not None else None

    def page(self, database: str, table: str, *, after: str = "", limit: int = 1000) -> list[Document]:
        """Partitions by their keys, those after the key `after` (see `partition_key`)."""
        column = catalog_partitions.c
        query = (
            sa.select(column.body)
            .filter_by(**_place(database, table))
            .where(column.key > after)
            .order_by(column.key)
            .limit(limit)
        )
        return [loads(body) for body in self._database.read_now(lambda c: c.execute(query).scalars().all())]

    def change(self, database: str, table: str, values: Sequence[str], change: Callable[[Document], Document]) -> str:
        """Give a partition another document, of other values perhaps: "changed", "missing", or "exists"."""
        place, key = _place(database, table), partition_key(values)

        def work(connection: sa.Connection) -> str:
            held = connection.execute(sa.select(catalog_partitions.c.body).filter_by(**place, key=key)).scalar()
            if held is None:
                return "missing"
            document = change(loads(held))
            new = partition_key(document["Values"])
            taken = sa.select(catalog_partitions.c.key).filter_by(**place, key=new)
            if new != key and connection.execute(taken).first():
                return "exists"
            update = sa.update(catalog_partitions).filter_by(**place, key=key)
            connection.execute(update.values(key=new, body=dumps(document)))
            return "changed"

        return self._database.write_now(work)

    def drop(self, database: str, table: str, listed: Sequence[Sequence[str]]) -> list[int]:
        """Remove partitions in one transaction; the places in `listed` of those that were not there."""
        place = _place(database, table)

        def work(connection: sa.Connection) -> list[int]:
            missing = []
            for at, values in enumerate(listed):
                gone = connection.execute(sa.delete(catalog_partitions).filter_by(**place, key=partition_key(values)))
                if not gone.rowcount:
                    missing.append(at)
            return missing

        return self._database.write_now(work)


def partition_key(values: Sequence[str]) -> str:
    """The text that a partition is found and ordered by."""
    return dumps(list(values))


def _place(database: str, table: str) -> dict[str, str]:
    return {"database": database.lower(), "table": table.lower()}
