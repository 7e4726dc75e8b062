"""Which objects a table is made of, and what a query can know of a row's object: its partition's values, its path.

The object store lists the objects and DuckDB gets an explicit list of files; it looks for nothing by itself. What holds
for all rows of a file is a small table in DuckDB's memory that the scan is joined with.
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: S608

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from steppe.base.errors import ApiError
from steppe.objects.object_store import ObjectStore
from steppe.sql import types as t
from steppe.sql.catalog import NO_VALUE, Column, Partition, Table
from steppe.sql.errors import QueryError
from steppe.sql.text_values import lazy_value
from steppe.sql.typed import failing, name, text
from steppe.sql.types import Type

FILE = "$file"
"""The column of a scan that says which file a row is from."""

HIDDEN: tuple[tuple[str, Type, str], ...] = (
    ("$path", t.VARCHAR, "f.uri"),
    ("$file_size", t.BIGINT, "f.size"),
    ("$file_modified_time", t.TIMESTAMP_TZ, "struct_pack(t := f.modified, z := 'UTC')"),
    ("$partition", t.VARCHAR, "f.partition"),
)
"""Columns that every table has and `*` has not: name, type, DuckDB's text. Source: athena.md, section 6.3."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One object of a table, as a file that DuckDB can open.

    Attributes:
        uri: `s3://bucket/key`.
        path: the file.
        size_bytes: length.
        modified_ms: epoch milliseconds of the last write.
        partition: the partition that it belongs to; None in a table without partitions.
    """

    uri: str
    path: Path
    size_bytes: int
    modified_ms: int
    partition: Partition | None = None


def location_parts(location: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`.

    Raises:
        QueryError: HIVE_INVALID_METADATA when it is none.
    """
    match = re.fullmatch(r"s3[an]?://([^/]+)/?(.*)", location, re.DOTALL)
    if not match:
        raise QueryError("HIVE_INVALID_METADATA", f"location is not an S3 path: {location}")
    prefix = match.group(2)
    return match.group(1), prefix if not prefix or prefix.endswith("/") else prefix + "/"


def list_files(objects: ObjectStore, location: str, fetch: Callable[[str, str], Path]) -> list[DataFile]:
    """The objects below a location, those that begin with `_` or `.` and empty ones left out.

    Args:
        objects: where they are.
        location: `s3://bucket/prefix`.
        fetch: makes a file of an object that the store has no file for.
    """
    bucket, prefix = location_parts(location)
    files: list[DataFile] = []
    after = ""
    try:
        while True:
            page = objects.list_objects(bucket, prefix=prefix, start_after=after, limit=1000)
            for entry in page.objects:
                label = entry.key.rsplit("/", 1)[-1]
                if entry.size_bytes and label and label[0] not in "_.":
                    path = objects.local_path(bucket, entry.key) or fetch(bucket, entry.key)
                    files.append(DataFile(f"s3://{bucket}/{entry.key}", path, entry.size_bytes, entry.modified_ms))
            if page.next_after is None:
                return files
            after = page.next_after
    except ApiError as error:
        said = f"Failed to list directory: {location} ({error.code}: {error.message})"
        raise QueryError("HIVE_FILESYSTEM_ERROR", said) from None


def list_partitioned(
    objects: ObjectStore, partitions: Iterable[Partition], fetch: Callable[[str, str], Path], check: Callable[[], None]
) -> list[DataFile]:
    """The objects of partitions, each with its partition. `check` raises when the query was stopped."""
    files: list[DataFile] = []
    for partition in partitions:
        check()
        files += [replace(file, partition=partition) for file in list_files(objects, partition.location, fetch)]
    return files


class FileTable:
    """What DuckDB knows of partitions and files, as tables in its memory. One a query."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._counter = itertools.count(1)

    def narrow(self, partitions: Sequence[Partition], keys: Sequence[Column], condition: str) -> list[Partition]:
        """The partitions that meet a condition over `p`, a relation with the keys as columns."""
        own = self._kept({"i": list(range(len(partitions))), **_value_columns([p.values for p in partitions], keys)})
        shown = ", ".join(f"{_typed(i, key)} AS {name(key.name)}" for i, key in enumerate(keys))
        try:
            sql = f"SELECT p.i FROM (SELECT f.i, {shown} FROM {own} AS f) AS p WHERE {condition} ORDER BY p.i"
            return [partitions[row[0]] for row in self._connection.execute(sql).fetchall()]
        except duckdb.Error:
            return list(partitions)  # the query itself fails, or does not, when it evaluates the condition

    def joined(self, scan: str, table: Table, files: Sequence[DataFile], hidden: Sequence[str]) -> str:
        """A scan with the partition keys, and the hidden columns of those names, as columns."""
        keys = table.partition_keys
        values = [file.partition.values if file.partition is not None else () for file in files]
        labels = ["/".join(f"{k.name}={v}" for k, v in zip(keys, row, strict=True)) for row in values]
        own = self._kept(
            {
                "file": [str(file.path) for file in files],
                "uri": [file.uri for file in files],
                "size": [file.size_bytes for file in files],
                "modified": pa.array([file.modified_ms for file in files], pa.timestamp("ms")),
                "partition": labels,
                **_value_columns(values, keys),
            }
        )
        shown = [f"s.{name(column.name)}" for column in table.columns]
        shown += [f"{_typed(i, key)} AS {name(key.name)}" for i, key in enumerate(keys)]
        shown += [f"{sql} AS {name(label)}" for label, _, sql in HIDDEN if label in hidden]
        return f"SELECT {', '.join(shown)} FROM ({scan}) AS s JOIN {own} AS f ON s.{name(FILE)} = f.file"

    def _kept(self, columns: dict[str, list[str] | list[int] | pa.Array]) -> str:
        own = f"steppe_files_{next(self._counter)}"
        schema = {
            label: values.type
            if isinstance(values, pa.Array)
            else pa.int64()
            if label in ("i", "size")
            else pa.string()
            for label, values in columns.items()
        }
        self._connection.register("steppe_incoming", pa.table(columns, schema=pa.schema(schema)))
        self._connection.execute(f"CREATE TEMP TABLE {own} AS SELECT * FROM steppe_incoming")
        self._connection.unregister("steppe_incoming")
        return own


def _value_columns(rows: Sequence[Sequence[str]], keys: Sequence[Column]) -> dict[str, list[str]]:
    for row in rows:
        if len(row) != len(keys):
            raise QueryError("HIVE_INVALID_METADATA", f"a partition has {len(row)} values for {len(keys)} keys")
    return {f"v{i}": [row[i] for row in rows] for i in range(len(keys))}


def _typed(place: int, key: Column) -> str:
    """A partition's value as its key's type."""
    cell = f"nullif(f.v{place}, {text(NO_VALUE)})"
    value = lazy_value(cell, key.type, (), "", key)
    if key.type.name in ("varchar", "char"):
        return value
    said = (text("Invalid partition value '"), cell, text(f"' for {key.type} partition key: {key.name}"))
    bad = failing("HIVE_INVALID_PARTITION_VALUE", *said)
    return f"CASE WHEN {cell} IS NULL THEN NULL WHEN ({value}) IS NULL THEN {bad} ELSE {value} END"
