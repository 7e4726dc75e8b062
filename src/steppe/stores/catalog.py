"""Databases and tables of the catalog, as documents in Glue's shapes with Hive's types.

Athena's DDL and the Glue API write the same documents. Names are stored in lower case and found in any case. Methods
block; call them from threads.
"""

from __future__ import annotations

import sqlalchemy as sa

from steppe.base.jsonvalue import JsonValue, dumps, loads
from steppe.stores.database import Database
from steppe.stores.tables import catalog_databases, catalog_tables

Document = dict[str, JsonValue]


class CatalogStore:
    """The catalog's records. Database `default` is always there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure_default(self, now_ms: int) -> None:
        """Make database `default` if it is not there. May be called twice."""
        self.create_database({"Name": "default", "CreateTime": now_ms})

    def create_database(self, document: Document) -> bool:
        """Add a database; False when the name is taken. `Name` is lowered."""
        name = str(document["Name"]).lower()
        body = dumps({**document, "Name": name})

        def work(connection: sa.Connection) -> bool:
            if connection.execute(sa.select(catalog_databases.c.name).filter_by(name=name)).first():
                return False
            connection.execute(sa.insert(catalog_databases).values(name=name, body=body))
            return True

        return self._database.write_now(work)

    def database(self, name: str) -> Document | None:
        """A database's document, or None."""
        query = sa.select(catalog_databases.c.body).filter_by(name=name.lower())
        body = self._database.read_now(lambda connection: connection.execute(query).scalar())
        return loads(body) if body is not None else None

    def databases(self, *, after: str = "", limit: int = 1000) -> list[Document]:
        """Databases by name, those after `after`."""
        table = catalog_databases
        query = sa.select(table.c.body).where(table.c.name > after).order_by(table.c.name).limit(limit)
        return [loads(body) for body in self._database.read_now(lambda c: c.execute(query).scalars().all())]

    def drop_database(self, name: str, *, cascade: bool) -> str:
        """Remove a database: "dropped", "missing", or "not empty" (without cascade; nothing was changed)."""
        name = name.lower()

        def work(connection: sa.Connection) -> str:
            if not connection.execute(sa.select(catalog_databases.c.name).filter_by(name=name)).first():
                return "missing"
            tables = catalog_tables.c.database == name
            if not cascade and connection.execute(sa.select(catalog_tables.c.name).where(tables).limit(1)).first():
                return "not empty"
            connection.execute(sa.delete(catalog_tables).where(tables))
            connection.execute(sa.delete(catalog_databases).filter_by(name=name))
            return "dropped"

        return self._database.write_now(work)

    def create_table(self, document: Document) -> str:
        """Add a table: "created", "exists", or "no database". `Name` and `DatabaseName` are lowered."""
        database, name = str(document["DatabaseName"]).lower(), str(document["Name"]).lower()
        body = dumps({**document, "DatabaseName": database, "Name": name})

        def work(connection: sa.Connection) -> str:
            if not connection.execute(sa.select(catalog_databases.c.name).filter_by(name=database)).first():
                return "no database"
            key = {"database": database, "name": name}
            if connection.execute(sa.select(catalog_tables.c.name).filter_by(**key)).first():
                return "exists"
            connection.execute(sa.insert(catalog_tables).values(**key, body=body))
            return "created"

        return self._database.write_now(work)

    def table(self, database: str, name: str) -> Document | None:
        """A table's document, or None."""
        query = sa.select(catalog_tables.c.body).filter_by(database=database.lower(), name=name.lower())
        body = self._database.read_now(lambda connection: connection.execute(query).scalar())
        return loads(body) if body is not None else None

    def tables(self, database: str, *, after: str = "", limit: int = 1000) -> list[Document]:
        """Tables of a database by name, those after `after`."""
        table = catalog_tables
        query = (
            sa.select(table.c.body)
            .where(table.c.database == database.lower(), table.c.name > after)
            .order_by(table.c.name)
            .limit(limit)
        )
        return [loads(body) for body in self._database.read_now(lambda c: c.execute(query).scalars().all())]

    def drop_table(self, database: str, name: str) -> bool:
        """Remove a table's record; its objects stay. False when there is none."""
        statement = sa.delete(catalog_tables).filter_by(database=database.lower(), name=name.lower())
        return self._database.write_now(lambda connection: connection.execute(statement).rowcount > 0)
