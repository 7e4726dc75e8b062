"""Runs queries with DuckDB in this process, a locked-down instance a query.

An instance may open the files of the tables that the query names, and its own directory for spilling; nothing else:
no network, no extensions, no settings changed from inside. Its memory is bounded, and `stop` ends it from any thread.
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: S608

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from steppe.base.errors import SteppeError
from steppe.objects.object_store import ObjectStore
from steppe.sql import results
from steppe.sql.catalog import Catalog, Column, Document, Partition, Table, partitions_of, read_table
from steppe.sql.errors import MalformedQuery, QueryCancelled, QueryError, from_duckdb, not_supported
from steppe.sql.explain import TableScan
from steppe.sql.information_schema import information_schema
from steppe.sql.projection import is_projected, projected_partitions
from steppe.sql.row_function_tables import RowFunctions
from steppe.sql.scan import Scan
from steppe.sql.statement import Statement, classify
from steppe.sql.table_files import HIDDEN, DataFile, FileTable, list_files, list_partitioned
from steppe.sql.transpile import Compiled, PartitionFilter, ScannedTable, transpile
from steppe.sql.typed import name, text
from steppe.sql.types import ColumnInfo, Type, column_info
from steppe.sql.views import is_view, view_definition

_ROWS_A_BATCH = 20_000
"""Lines handed over at once: large enough for DuckDB's vectors, small enough to bound what is held."""


_SPILL_MAX = "16GiB"
"""What one query may put aside on the disk; without it DuckDB takes nearly all there is."""


class StopSignal:
    """Stops a query from another thread, whatever it is doing."""

    def __init__(self) -> None:
        self._stopped = False
        self._expired: QueryError | None = None
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def stop(self) -> None:
        """Ask the query to end. May be called before it began, after it ended, and twice."""
        with self._lock:
            self._stopped = True
            if self._connection is not None:
                self._connection.interrupt()

    def expire(self, seconds: int) -> None:
        """End the query because it has taken its time, so many seconds. May be called as `stop` may."""
        said = f"Query exceeded the maximum execution time limit of {seconds / 60:.2f}m"
        with self._lock:
            self._expired = QueryError("EXCEEDED_TIME_LIMIT", said)
            if self._connection is not None:
                self._connection.interrupt()

    def attach(self, connection: duckdb.DuckDBPyConnection | None) -> None:
        """What `stop` has to interrupt from now on."""
        with self._lock:
            self._connection = connection

    def check(self) -> None:
        """Raise QueryCancelled when the query was asked to end, QueryError when its time is over."""
        if self._stopped:
            raise QueryCancelled("Query cancelled by user")
        if self._expired is not None:
            raise self._expired


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A query that is compiled and ready to give its rows.

    Attributes:
        columns: of the result.
        types: their names and types.
        scanned_bytes: size of the objects that it reads.
        scans: the tables that it reads.
        compiled: the query.
        read: gives the rows of a SELECT of DuckDB over the query's SQL; called once, instead of reading `csv`.
        csv: the bytes of the result CSV; consumed once.
    """

    columns: tuple[ColumnInfo, ...]
    types: tuple[tuple[str, Type], ...]
    scanned_bytes: int
    scans: tuple[TableScan, ...]
    compiled: Compiled
    read: Callable[[str], Iterator[pa.RecordBatch]]
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

    def describe(self, query: str, database: str, now_ms: int, stop: StopSignal) -> tuple[tuple[str, Type], ...]:
        """Names and types of a query's columns, without its rows.

        Raises:
            MalformedQuery, QueryError, QueryCancelled
        """
        statement = classify(query)
        if statement.family != "query":
            raise QueryError("NOT_SUPPORTED", f"{statement.substatement_type.replace('_', ' ')} as the query of a view")
        run = self.run(statement, database=database, now_ms=now_ms, stop=stop)
        try:
            return next(run).types
        finally:
            run.close()  # type: ignore[attr-defined]

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
            tables = _Tables(self._objects, self._catalog, connection, own, stop, statement)
            compiled = tables.compile(statement, database, now_ms)
            _lock(connection, tables.paths, own)
            stop.check()
            columns = tuple(column_info(label, value.type) for label, value in compiled.columns)
            types = tuple((label, value.type) for label, value in compiled.columns)
            yield Opened(
                columns=columns,
                types=types,
                scanned_bytes=tables.scanned_bytes,
                scans=tuple(tables.scans),
                compiled=compiled,
                read=lambda sql: _batches(connection, tables.rows, sql, stop),
                csv=_lines(connection, tables.rows, compiled, stop),
            )
        finally:
            connection.close()

    def _config(self, own: Path) -> dict[str, str | bool | int | float | list[str]]:
        return {
            "threads": self._threads,
            "memory_limit": f"{self._memory_mib}MiB",
            "temp_directory": str(own / "spill"),
            "max_temp_directory_size": _SPILL_MAX,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
        }


def _lines(
    connection: duckdb.DuckDBPyConnection, rows: RowFunctions, compiled: Compiled, stop: StopSignal
) -> Iterator[bytes]:
    yield results.header_line([label for label, _ in compiled.columns])
    for batch in _batches(connection, rows, results.lines_query(compiled.query.sql, compiled.columns), stop):
        if batch.num_rows:
            yield results.string_bytes(batch.column(0))


def _batches(
    connection: duckdb.DuckDBPyConnection, rows: RowFunctions, sql: str, stop: StopSignal
) -> Iterator[pa.RecordBatch]:
    try:
        rows.provide(sql)
        for batch in connection.sql(sql).to_arrow_reader(_ROWS_A_BATCH):
            stop.check()
            yield batch
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
        self,
        objects: ObjectStore,
        catalog: Catalog,
        connection: duckdb.DuckDBPyConnection,
        own: Path,
        stop: StopSignal,
        statement: Statement,
    ) -> None:
        self._stop = stop
        self._objects = objects
        self._catalog = catalog
        self._connection = connection
        self._own = own
        self._known: dict[tuple[str, str, str | None], ScannedTable] = {}
        self._files = FileTable(connection)
        self.rows = RowFunctions(connection, stop.check)
        self._open_views: list[tuple[str, str]] = []
        self._now_ms = 0
        quoted = {token.name.lower() for token in statement.tokens if token.kind == "quoted"}
        self._hidden = [(label, kind) for label, kind, _ in HIDDEN if label in quoted]
        self.paths: list[str] = []
        self.scanned_bytes = 0
        self.scans: list[TableScan] = []

    def compile(self, statement: Statement, database: str, now_ms: int) -> Compiled:
        """The query, or the query of a view, compiled over these tables."""
        self._now_ms = now_ms
        return transpile(statement, tables=self.find, database=database, now_ms=now_ms)

    def _view(self, document: Document) -> ScannedTable:
        """A view as the relation that its query gives."""
        place = (document["DatabaseName"], document["Name"])
        if place in self._open_views:
            raise QueryError("VIEW_IS_RECURSIVE", f"{{place}}: Statement is recursive: view {'.'.join(place)}")
        definition = view_definition(document)
        self._open_views.append(place)
        try:
            schema = str(definition.get("schema") or place[0]).lower()
            compiled = self.compile(classify(definition["originalSql"]), schema, self._now_ms)
        except (QueryError, MalformedQuery) as error:
            said = f"Failed analyzing stored view 'awsdatacatalog.{'.'.join(place)}': {error}"
            raise QueryError("INVALID_VIEW", f"{{place}}: {said}") from error
        finally:
            self._open_views.pop()
        declared = [str(column["name"]).lower() for column in definition.get("columns") or []]
        labels = declared or [label.lower() for label, _ in compiled.columns]
        if len(labels) != len(compiled.columns):
            said = f"View 'awsdatacatalog.{'.'.join(place)}' is stale or in invalid state; it must be re-created"
            raise QueryError("VIEW_IS_STALE", f"{{place}}: {said}")
        shown = [f"v.{own} AS {name(label)}" for own, label in zip(compiled.query.names, labels, strict=True)]
        columns = tuple((label, value.type, False) for label, (_, value) in zip(labels, compiled.columns, strict=True))
        return ScannedTable(f"SELECT {', '.join(shown)} FROM ({compiled.query.sql}) AS v", columns)

    def find(self, database: str, label: str, narrowing: PartitionFilter) -> ScannedTable:
        """The table as a relation. Raises QueryError with `{place}` where its position belongs."""
        if database == "information_schema":
            return information_schema(self._catalog, label)
        document = self._catalog.table(database, label)
        if document is None:
            if self._catalog.database(database) is None:
                raise QueryError("SCHEMA_NOT_FOUND", f"{{place}}: Schema '{database}' does not exist")
            raise QueryError("TABLE_NOT_FOUND", f"{{place}}: Table 'awsdatacatalog.{database}.{label}' does not exist")
        if is_view(document):
            return self._view(document)
        table = read_table(document)
        condition = narrowing(table.partition_keys) if table.partition_keys else None
        key = (database, label, condition)
        if key not in self._known:
            self._known[key] = self._scanned(table, narrowing, condition)
        return self._known[key]

    def _scanned(self, table: Table, narrowing: PartitionFilter, condition: str | None) -> ScannedTable:
        files = self._listed(table, narrowing, condition)
        self.paths += [str(file.path) for file in files]
        size = sum(file.size_bytes for file in files)
        self.scanned_bytes += size
        self.scans.append(TableScan(table.database, table.name, len(files), size))
        distinct = list({file.path: file for file in files}.values())
        joined = bool(table.partition_keys or self._hidden)
        try:
            scan = Scan(table, distinct, self._connection, folder=self._own, check=self._stop.check, with_file=joined)
            sql = scan.sql()
        except (duckdb.InvalidInputException, duckdb.IOException, OSError) as error:
            uri = next((file.uri for file in files if str(file.path) in str(error)), table.location)
            if "arquet" not in table.serde:
                raise QueryError("HIVE_CURSOR_ERROR", f"Failed to read file: {uri}") from error
            raise QueryError("HIVE_BAD_DATA", f"Not valid Parquet file: {uri}") from error
        if joined:
            files = [replace(file, path=scan.moved.get(file.path, file.path)) for file in files]
            sql = self._files.joined(sql, table, files, [label for label, _ in self._hidden])
        columns = [(column.name, column.type, False) for column in (*table.columns, *table.partition_keys)]
        return ScannedTable(sql, (*columns, *((label, kind, True) for label, kind in self._hidden)))

    def _listed(self, table: Table, narrowing: PartitionFilter, condition: str | None) -> list[DataFile]:
        """The table's files; of a partitioned table those of the partitions that the query may need."""
        if not table.partition_keys:
            return list_files(self._objects, table.location, self._fetch)
        partitions = list(
            self._projected(table, narrowing) if is_projected(table) else partitions_of(self._catalog, table)
        )
        if condition is not None:
            self.rows.provide(condition)
            partitions = self._files.narrow(partitions, table.partition_keys, condition)
        for partition in partitions:
            if partition.serde not in ("", table.serde):
                raise not_supported(f"a partition whose SerDe differs from its table's: {partition.serde}")
        return list_partitioned(self._objects, partitions, self._fetch, self._stop.check)

    def _projected(self, table: Table, narrowing: PartitionFilter) -> Iterator[Partition]:
        """The partitions that the table's properties give, each key narrowed by itself before they are combined."""

        def narrow(key: Column, values: list[str]) -> list[str]:
            self._stop.check()
            condition = narrowing((key,))
            if condition is None:
                return values
            self.rows.provide(condition)
            alone = [Partition((value,), "") for value in values]
            return [kept.values[0] for kept in self._files.narrow(alone, (key,), condition)]

        return projected_partitions(table, now_ms=self._now_ms, constants=narrowing.constants, narrow=narrow)

    def _fetch(self, bucket: str, key: str) -> Path:
        """A copy of an object that has no file, for the time of the query."""
        path = self._own / f"{uuid.uuid4().hex}{Path(key).suffix[:10]}"
        with path.open("wb") as file:
            for chunk in self._objects.stream(bucket, key):
                file.write(chunk)
        return path
