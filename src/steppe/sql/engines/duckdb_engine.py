"""Runs queries with DuckDB in this process, a locked-down instance a query.

An instance may open the files of the tables that the query names, and its own directory for spilling; nothing else:
no network, no extensions, no settings changed from inside. Its memory is bounded, and `stop` ends it from any thread.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from steppe.base.errors import SteppeError
from steppe.objects.object_store import ObjectStore
from steppe.sql import results
from steppe.sql import types as t
from steppe.sql.catalog import Catalog, read_table
from steppe.sql.errors import QueryCancelled, QueryError, from_duckdb
from steppe.sql.information_schema import information_schema
from steppe.sql.scan import Scan, list_files
from steppe.sql.statement import Statement
from steppe.sql.transpile import Compiled, ScannedTable, transpile
from steppe.sql.typed import text
from steppe.sql.types import ColumnInfo, column_info

_ROWS_A_BATCH = 20_000
"""Lines handed over at once: large enough for DuckDB's vectors, small enough to bound what is held."""


class StopSignal:
    """Stops a query from another thread, whatever it is doing."""

    def __init__(self) -> None:
        self._stopped = False
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def stop(self) -> None:
        """Ask the query to end. May be called before it began, after it ended, and twice."""
        with self._lock:
            self._stopped = True
            if self._connection is not None:
                self._connection.interrupt()

    def attach(self, connection: duckdb.DuckDBPyConnection | None) -> None:
        """What `stop` has to interrupt from now on."""
        with self._lock:
            self._connection = connection

    def check(self) -> None:
        """Raise QueryCancelled when the query was asked to end."""
        if self._stopped:
            raise QueryCancelled("Query cancelled by user")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A query that is compiled and ready to give its rows.

    Attributes:
        columns: of the result.
        scanned_bytes: size of the objects that it reads.
        csv: the bytes of the result CSV; consumed once.
    """

    columns: tuple[ColumnInfo, ...]
    scanned_bytes: int
    csv: Iterator[bytes]


class DuckdbEngine:
    """Makes an instance for every query."""

    def __init__(self, *, objects: ObjectStore, catalog: Catalog, scratch: Path, threads: int, memory_mib: int) -> None:
        """Take the engine's limits.

        Args:
            objects: where tables lie.
            catalog: what tables there are.
            scratch: a directory for spilling and for copies of objects; what is in it is removed.
            threads: of one query.
            memory_mib: of one query, in MiB.
        """
        self._objects = objects
        self._catalog = catalog
        self._scratch = scratch
        self._threads = threads
        self._memory_mib = memory_mib
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True, exist_ok=True)

    def run(self, statement: Statement, *, database: str, now_ms: int, stop: StopSignal) -> Iterator[Opened]:
        """Run a query: yields once, an `Opened`; closing the iterator ends the query and removes its files.

        Raises:
            MalformedQuery, QueryError, QueryCancelled
        """
        own = self._scratch / uuid.uuid4().hex
        own.mkdir()
        try:
            yield from self._run(statement, database, now_ms, stop, own)
        except duckdb.Error as error:
            raise _ended(error, stop) from error
        finally:
            stop.attach(None)
            shutil.rmtree(own, ignore_errors=True)

    def _run(self, statement: Statement, database: str, now_ms: int, stop: StopSignal, own: Path) -> Iterator[Opened]:
        stop.check()
        connection = duckdb.connect(config=self._config(own))
        try:
            stop.attach(connection)
            tables = _Tables(self._objects, self._catalog, connection, own, stop)
            compiled = transpile(statement, tables=tables.find, database=database, now_ms=now_ms)
            _lock(connection, tables.paths, own)
            stop.check()
            columns = tuple(column_info(label, value.type) for label, value in compiled.columns)
            lines = self._lines(connection, compiled, stop)
            yield Opened(columns=columns, scanned_bytes=tables.scanned_bytes, csv=lines)
        finally:
            connection.close()

    def _config(self, own: Path) -> dict[str, str | bool | int | float | list[str]]:
        return {
            "threads": self._threads,
            "memory_limit": f"{self._memory_mib}MiB",
            "temp_directory": str(own / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
        }

    def _lines(self, connection: duckdb.DuckDBPyConnection, compiled: Compiled, stop: StopSignal) -> Iterator[bytes]:
        yield results.header_line([label for label, _ in compiled.columns])
        sql = results.lines_query(compiled.query.sql, compiled.columns)
        try:
            for batch in connection.sql(sql).to_arrow_reader(_ROWS_A_BATCH):
                stop.check()
                if batch.num_rows:
                    yield _buffer(batch.column(0))
        except (duckdb.Error, pa.ArrowException) as error:
            raise _ended(error, stop) from error


def _ended(error: Exception, stop: StopSignal) -> SteppeError:
    """What a failure inside DuckDB means. Errors after the first batch come through Arrow, with DuckDB's text."""
    stop.check()
    if isinstance(error, duckdb.InterruptException):
        return QueryCancelled("Query cancelled by user")
    kind = type(error).__name__
    if isinstance(error, pa.ArrowException):
        label = str(error).split(" Error:", 1)[0].split()[-1] if " Error:" in str(error) else ""
        kind = f"{label}Exception"
    return from_duckdb(kind, str(error))


def _buffer(column: object) -> bytes:
    """All texts of an Arrow string array, one after the other, without making a Python object of each."""
    _, offsets, characters = column.buffers()  # type: ignore[attr-defined]
    wide = str(column.type) == "large_string"  # type: ignore[attr-defined]
    view = memoryview(offsets).cast("q" if wide else "i")
    first, last = view[column.offset], view[column.offset + len(column)]  # type: ignore[attr-defined,arg-type]
    return bytes(memoryview(characters)[first:last])


def _lock(connection: duckdb.DuckDBPyConnection, paths: list[str], own: Path) -> None:
    """Close the instance: from here on it opens the given files and its own directory, and cannot be changed."""
    connection.execute(f"SET allowed_paths = [{', '.join(text(path) for path in paths)}]")
    connection.execute(f"SET allowed_directories = [{text(str(own))}]")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


class _Tables:
    """The tables that one query has named."""

    def __init__(
        self, objects: ObjectStore, catalog: Catalog, connection: duckdb.DuckDBPyConnection, own: Path, stop: StopSignal
    ) -> None:
        self._stop = stop
        self._objects = objects
        self._catalog = catalog
        self._connection = connection
        self._own = own
        self._known: dict[tuple[str, str], ScannedTable] = {}
        self.paths: list[str] = []
        self.scanned_bytes = 0

    def find(self, database: str, label: str) -> ScannedTable:
        """The table as a relation. Raises QueryError with `{place}` where its position belongs."""
        key = (database, label)
        if key not in self._known:
            self._known[key] = self._scanned(database, label)
        return self._known[key]

    def _scanned(self, database: str, label: str) -> ScannedTable:
        if database == "information_schema":
            return information_schema(self._catalog, label)
        document = self._catalog.table(database, label)
        if document is None:
            if self._catalog.database(database) is None:
                raise QueryError("SCHEMA_NOT_FOUND", f"{{place}}: Schema '{database}' does not exist")
            raise QueryError("TABLE_NOT_FOUND", f"{{place}}: Table 'awsdatacatalog.{database}.{label}' does not exist")
        table = read_table(document)
        files = list_files(self._objects, table, self._fetch)
        self.paths += [str(file.path) for file in files]
        self.scanned_bytes += sum(file.size_bytes for file in files)
        try:
            sql = Scan(table, files, self._connection, self._stop.check).sql()
        except (duckdb.InvalidInputException, duckdb.IOException, OSError) as error:
            uri = next((file.uri for file in files if str(file.path) in str(error)), table.location)
            if "arquet" not in table.serde:
                raise QueryError("HIVE_CURSOR_ERROR", f"Failed to read file: {uri}") from error
            raise QueryError("HIVE_BAD_DATA", f"Not valid Parquet file: {uri}") from error
        return ScannedTable(sql, tuple((column.name, column.type, False) for column in table.columns))

    def _fetch(self, bucket: str, key: str) -> Path:
        """A copy of an object that has no file, for the time of the query."""
        path = self._own / f"{uuid.uuid4().hex}{Path(key).suffix[:10]}"
        with path.open("wb") as file:
            for chunk in self._objects.stream(bucket, key):
                file.write(chunk)
        return path


__all__ = ["DuckdbEngine", "Opened", "StopSignal", "t"]
