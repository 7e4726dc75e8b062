"""Databases and tables of the catalog, as documents in Glue's shapes with Hive's types.

Athena's DDL and the Glue API write the same documents. Names are stored in lower case and found in any case. A table's
`VersionId` counts its changes; what it was before a change is kept as a version. Partitions are in `partitions`.
Methods block; call them from threads.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from steppe.base.jsonvalue import JsonValue, dumps, loads
from steppe.stores.database import Database
from steppe.stores.partitions import PartitionStore
from steppe.stores.tables import catalog_databases, catalog_partitions, catalog_tables, catalog_versions

Document = dict[str, JsonValue]
Change = Callable[[Document], Document]
"""What a record becomes; called inside the transaction, so it must be quick and must not touch the store."""

_OF_TABLE = (catalog_versions, catalog_partitions)


class CatalogStore:
    """The catalog's records. Database `default` is always there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._partitions = PartitionStore(database)

    @property
    def partitions(self) -> PartitionStore:
        """The partitions of the tables."""
        return self._partitions

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

    def change_database(self, name: str, change: Change) -> bool:
        """Give a database another document under the same name; False when there is none."""
        name = name.lower()

        def work(connection: sa.Connection) -> bool:
            row = sa.select(catalog_databases.c.body).filter_by(name=name)
            body = connection.execute(row).scalar()
            if body is None:
                return False
            changed = dumps({**change(loads(body)), "Name": name})
            connection.execute(sa.update(catalog_databases).filter_by(name=name).values(body=changed))
            return True

        return self._database.write_now(work)

    def drop_database(self, name: str, *, cascade: bool) -> str:
        """Remove a database: "dropped", "missing", or "not empty" (without cascade; nothing was changed)."""
        name = name.lower()

        def work(connection: sa.Connection) -> str:
            if not connection.execute(sa.select(catalog_databases.c.name).filter_by(name=name)).first():
                return "missing"
            tables = catalog_tables.c.database == name
            if not cascade and connection.execute(sa.select(catalog_tables.c.name).where(tables).limit(1)).first():
                return "not empty"
            for kept in (catalog_tables, *_OF_TABLE):
                connection.execute(sa.delete(kept).filter_by(database=name))
            connection.execute(sa.delete(catalog_databases).filter_by(name=name))
            return "dropped"

        return self._database.write_now(work)

    def create_table(self, document: Document) -> str:
        """Add a table: "created", "exists", or "no database". `Name` and `DatabaseName` are lowered."""
        database, name = str(document["DatabaseName"]).lower(), str(document["Name"]).lower()
        body = dumps({"VersionId": "0", **document, "DatabaseName": database, "Name": name})

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

    def change_table(
        self,
        database: str,
        name: str,
        change: Change,
        *,
        archive: bool = True,
        counted: bool = True,
        version: str | None = None,
    ) -> str:
        """Give a table another document under the same name.

        Args:
            database: the table's.
            name: the table's.
            change: from the document to the new one.
            archive: keep the old one as a version.
            counted: give it the next VersionId.
            version: the VersionId that it must have; None for any.

        Returns:
            "changed", "missing", or "conflict" when the version is another.
        """
        key = {"database": database.lower(), "name": name.lower()}

        def work(connection: sa.Connection) -> str:
            body = connection.execute(sa.select(catalog_tables.c.body).filter_by(**key)).scalar()
            if body is None:
                return "missing"
            held = loads(body)
            number = int(held["VersionId"])
            if version is not None and version != held["VersionId"]:
                return "conflict"
            if archive:
                row = {"database": key["database"], "table": key["name"], "version": number, "body": body}
                connection.execute(sa.insert(catalog_versions).values(**row))
            names = {"DatabaseName": key["database"], "Name": key["name"], "VersionId": str(number + counted)}
            connection.execute(sa.update(catalog_tables).filter_by(**key).values(body=dumps({**change(held), **names})))
            return "changed"

        return self._database.write_now(work)

    def rename_table(self, database: str, name: str, *, to_database: str, to_name: str) -> str:
        """Move a table with its versions and partitions: "renamed", "missing", "exists" or "no database"."""
        old = {"database": database.lower(), "name": name.lower()}
        new = {"database": to_database.lower(), "name": to_name.lower()}

        def work(connection: sa.Connection) -> str:
            body = connection.execute(sa.select(catalog_tables.c.body).filter_by(**old)).scalar()
            if body is None:
                return "missing"
            if not connection.execute(sa.select(catalog_databases.c.name).filter_by(name=new["database"])).first():
                return "no database"
            if connection.execute(sa.select(catalog_tables.c.name).filter_by(**new)).first():
                return "exists"
            moved = dumps({**loads(body), "DatabaseName": new["database"], "Name": new["name"]})
            connection.execute(sa.update(catalog_tables).filter_by(**old).values(**new, body=moved))
            for kept in _OF_TABLE:
                there = {"database": new["database"], "table": new["name"]}
                connection.execute(
                    sa.update(kept).filter_by(database=old["database"], table=old["name"]).values(**there)
                )
            return "renamed"

        return self._database.write_now(work)

    def drop_table(self, database: str, name: str) -> bool:
        """Remove a table's record, its versions and its partitions; its objects stay. False when there is none."""
        database, name = database.lower(), name.lower()

        def work(connection: sa.Connection) -> bool:
            for kept in _OF_TABLE:
                connection.execute(sa.delete(kept).filter_by(database=database, table=name))
            gone = connection.execute(sa.delete(catalog_tables).filter_by(database=database, name=name))
            return gone.rowcount > 0

        return self._database.write_now(work)

    def versions(self, database: str, name: str, *, before: int | None = None, limit: int = 100) -> list[Document]:
        """What a table was before its present state, newest first: the versions before `before`."""
        table = catalog_versions
        query = sa.select(table.c.body).filter_by(database=database.lower(), table=name.lower())
        if before is not None:
            query = query.where(table.c.version < before)
        query = query.order_by(table.c.version.desc()).limit(limit)
        return [loads(body) for body in self._database.read_now(lambda c: c.execute(query).scalars().all())]

    def drop_version(self, database: str, name: str, version: int) -> bool:
        """Forget what a table was; False when there is no such version."""
        key = {"database": database.lower(), "table": name.lower(), "version": version}
        statement = sa.delete(catalog_versions).filter_by(**key)
        return self._database.write_now(lambda connection: connection.execute(statement).rowcount > 0)
