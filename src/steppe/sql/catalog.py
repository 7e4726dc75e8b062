"""The port to the catalog, and the records of tables and partitions as a scan and a compiler want to see them.

Records are documents in Glue's shapes: `StorageDescriptor` with `Columns`, `Location`, `SerdeInfo`; `PartitionKeys`;
`Parameters`. `stores.catalog.CatalogStore` is the implementation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from steppe.base.jsonvalue import JsonValue, dumps
from steppe.expr.regex import compile_pattern
from steppe.sql.errors import QueryError
from steppe.sql.types import Type, TypeTextError, parse_hive

Document = dict[str, JsonValue]

CATALOG_NAME = "awsdatacatalog"


NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""The partition value that stands for NULL."""


class Partitions(Protocol):
    """Partitions of tables, by their values."""

    def add(self, database: str, table: str, documents: Sequence[Document]) -> list[int]:
        """Add those that are not there; the places of the others."""
        ...

    def get(self, database: str, table: str, values: Sequence[str]) -> Document | None:
        """A partition, or None."""
        ...

    def page(self, database: str, table: str, *, after: str = "", limit: int = 1000) -> list[Document]:
        """Partitions in the order of their keys, those after a key."""
        ...

    def change(self, database: str, table: str, values: Sequence[str], change: Callable[[Document], Document]) -> str:
        """Give a partition another document: "changed", "missing" or "exists"."""
        ...

    def drop(self, database: str, table: str, listed: Sequence[Sequence[str]]) -> list[int]:
        """Remove partitions; the places of those that were not there."""
        ...


class Catalog(Protocol):
    """Databases and tables by name, without regard to case."""

    @property
    def partitions(self) -> Partitions:
        """The partitions of the tables."""
        ...

    def create_database(self, document: Document) -> bool:
        """Add a database; False when the name is taken."""
        ...

    def database(self, name: str) -> Document | None:
        """A database's document, or None."""
        ...

    def databases(self, *, after: str = "", limit: int = 1000) -> list[Document]:
        """Databases by name, those after `after`."""
        ...

    def drop_database(self, name: str, *, cascade: bool) -> str:
        """Remove a database: "dropped", "missing" or "not empty"."""
        ...

    def create_table(self, document: Document) -> str:
        """Add a table: "created", "exists" or "no database"."""
        ...

    def table(self, database: str, name: str) -> Document | None:
        """A table's document, or None."""
        ...

    def tables(self, database: str, *, after: str = "", limit: int = 1000) -> list[Document]:
        """Tables of a database by name, those after `after`."""
        ...

    def change_table(self, database: str, name: str, change: Callable[[Document], Document]) -> str:
        """Give a table another document: "changed" or "missing"; what it was is kept as a version."""
        ...

    def drop_table(self, database: str, name: str) -> bool:
        """Remove a table's record; False when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name in lower case and its type."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a scan needs to know of a table.

    Attributes:
        database, name: in lower case.
        columns: of the data, without partition keys.
        partition_keys: their columns.
        location: `s3://bucket/prefix`, as recorded; "" when there is none.
        serde: the SerDe's class name.
        serde_parameters: its properties, and the table's, which go first: the engine reads both.
        parameters: the table's properties.
    """

    database: str
    name: str
    columns: tuple[Column, ...]
    partition_keys: tuple[Column, ...]
    location: str
    serde: str
    serde_parameters: dict[str, str]
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition as a scan sees it: its values as text in the order of the keys, its location, its SerDe or ""."""

    values: tuple[str, ...]
    location: str
    serde: str = ""


def partition_documents(catalog: Catalog, database: str, table: str) -> Iterator[Document]:
    """The records of all partitions of a table, page by page."""
    after = ""
    while page := catalog.partitions.page(database, table, after=after):
        yield from page
        after = dumps(page[-1]["Values"])


def partitions_of(catalog: Catalog, table: Table) -> Iterator[Partition]:
    """All partitions of a table as a scan sees them."""
    for document in partition_documents(catalog, table.database, table.name):
        descriptor = document.get("StorageDescriptor") or {}
        serde = (descriptor.get("SerdeInfo") or {}).get("SerializationLibrary") or ""
        yield Partition(tuple(document["Values"]), descriptor.get("Location") or "", serde)


def read_table(document: Document) -> Table:
    """A table's record, taken apart.

    Raises:
        QueryError: HIVE_INVALID_METADATA for a type that is none.
    """
    descriptor = document.get("StorageDescriptor") or {}
    serde = descriptor.get("SerdeInfo") or {}
    return Table(
        database=document["DatabaseName"],
        name=document["Name"],
        columns=_columns(document, descriptor.get("Columns")),
        partition_keys=_columns(document, document.get("PartitionKeys")),
        location=descriptor.get("Location") or "",
        serde=serde.get("SerializationLibrary") or "",
        serde_parameters={**(serde.get("Parameters") or {}), **(document.get("Parameters") or {})},
        parameters=dict(document.get("Parameters") or {}),
    )


def _columns(document: Document, listed: JsonValue) -> tuple[Column, ...]:
    columns = []
    for entry in listed or []:
        try:
            columns.append(Column(entry["Name"].lower(), parse_hive(entry.get("Type") or "string")))
        except TypeTextError as error:
            place = f"{document['DatabaseName']}.{document['Name']}"
            raise QueryError("HIVE_INVALID_METADATA", f"column {entry['Name']} of {place}: {error}") from None
    return tuple(columns)


_BARE_STAR = re.compile(r"(?<![.\])}\\])\*")


def name_pattern(expression: str | None) -> re.Pattern[str] | None:
    """An Expression for names in a request: a regular expression in which a bare `*` stands for any text.

    As in Hive's metastore, whose patterns Glue takes over: awswrangler asks for `*part*`, others for `.*part.*`.

    Returns:
        What a whole name has to match, without regard to case; None when every name does.

    Raises:
        re.error, ValueError: it is none, or could take for ever.
    """
    if not expression or expression == "*":
        return None
    return compile_pattern(_BARE_STAR.sub(".*", expression), re.IGNORECASE)
