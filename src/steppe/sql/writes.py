"""Carries out CREATE TABLE AS, INSERT INTO and UNLOAD: checks, the query, its rows into objects, the catalog last.

Until the last row is there nothing is visible: no object, no partition, no table.
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501, S608

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from steppe.base.errors import ApiError
from steppe.objects.object_store import ObjectStore
from steppe.sql import types as t
from steppe.sql.catalog import Catalog, Column, Document, Table, read_table
from steppe.sql.engines.duckdb_engine import DuckdbEngine, Opened, StopSignal
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.file_writers import FileWriters, partition_folder
from steppe.sql.formats import CLASSES, FORMATS, LAZY_SIMPLE, Format, format_of_serde
from steppe.sql.projection import is_projected, projected_location
from steppe.sql.stored_values import (
    DELIMITERS,
    check_partition_key,
    check_storable,
    columnar,
    delimited_line,
    insertable,
    json_line,
    partition_text,
)
from steppe.sql.table_files import location_parts
from steppe.sql.text_values import delimiter
from steppe.sql.typed import Typed, name
from steppe.sql.types import Type, hive
from steppe.sql.views import is_view
from steppe.sql.write_reader import Property, WritePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a statement has written.

    Attributes:
        update: the engine's name of what it did, for the metadata object; None for UNLOAD, which has none.
        row_count: rows.
        objects: `s3://bucket/key` of each.
        manifest: whether a manifest names the objects.
        scanned_bytes: size of the objects that were read.
        planning_ms: time until the first row was asked for.
    """

    update: str | None
    row_count: int
    objects: tuple[str, ...] = ()
    manifest: bool = True
    scanned_bytes: int = 0
    planning_ms: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteContext:
    """What a statement runs in.

    Attributes:
        database: where plain names are looked up.
        now_ms: epoch milliseconds.
        engine_id: the engine's name of the query; files are called after it.
        output: `s3://bucket/key` of the query's output; a table without a location of its own has its files below.
        enforced: whether the work group prescribes the output location.
        stop: ends it.
        check_scan: called with the bytes that will be read; raises when they are too many.
    """

    database: str
    now_ms: int
    engine_id: str
    output: str
    enforced: bool
    stop: StopSignal
    check_scan: Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Where rows go, and in which form."""

    location: str
    format: Format
    codec: str
    keys: tuple[str, ...]
    delimiters: str = DELIMITERS
    null: str = "\\N"
    folder_of: Callable[[tuple[str, ...]], str] | None = None


class Writing:
    """Runs statements that write."""

    def __init__(self, catalog: Catalog, objects: ObjectStore, engine: DuckdbEngine) -> None:
        self._catalog = catalog
        self._objects = objects
        self._engine = engine

    def run(self, plan: WritePlan, context: WriteContext) -> Written:
        """Carry out a statement.

        Raises:
            QueryError, MalformedQuery, QueryCancelled
        """
        match plan.kind:
            case "ctas":
                return self._create_table(plan, context)
            case "insert":
                return self._insert(plan, context)
            case _:
                return self._unload(plan, context)

    # -- CREATE TABLE AS

    def _create_table(self, plan: WritePlan, context: WriteContext) -> Written:
        database = plan.database or context.database
        asked = plan.properties.get("external_location")
        location = str(asked or context.output)
        location = location if location.endswith("/") else location + "/"
        try:
            if asked is not None and context.enforced:
                raise QueryError("", _ENFORCED)
            if self._catalog.database(database) is None:
                raise QueryError("SCHEMA_NOT_FOUND", f"{plan.place}: Schema '{database}' does not exist")
            if self._catalog.table(database, plan.name) is not None:
                if plan.quiet:
                    return Written(update="CREATE TABLE", row_count=0, manifest=False)
                raise _exists(plan, database)
            target = _target(plan, location, _TABLE_PROPERTIES)
            self._check_empty(location, f"{database}.{plan.name}")
            return self._created(plan, context, database, target)
        except QueryError as error:
            said = f"{error.message.removesuffix('.')}. You may need to manually clean the data at location '{location.rstrip('/')}' before retrying. Athena will not delete data in your account."
            raise QueryError(error.code, said, retryable=error.retryable) from error

    def _created(self, plan: WritePlan, context: WriteContext, database: str, target: _Target) -> Written:
        made: list[tuple[str, Type]] = []

        def checked(opened: Opened) -> list[tuple[str, Typed]]:
            columns = _named(plan, opened)
            _check_columns(columns, target.keys)
            made.extend((label, value.type) for label, value in columns)
            return columns

        def finish(partitions: list[tuple[str, ...]]) -> None:
            document = _document(database, plan, made, target, context.now_ms)
            outcome = self._catalog.create_table(document)
            if outcome == "exists":
                raise _exists(plan, database)
            if outcome != "created":
                raise QueryError("SCHEMA_NOT_FOUND", f"{plan.place}: Schema '{database}' does not exist")
            self._register(document, target, partitions, context.now_ms)

        return self._written(plan, context, target, checked, finish, update="CREATE TABLE")

    # -- INSERT INTO

    def _insert(self, plan: WritePlan, context: WriteContext) -> Written:
        database = plan.database or context.database
        document = self._catalog.table(database, plan.name)
        if document is None:
            if self._catalog.database(database) is None:
                raise QueryError("SCHEMA_NOT_FOUND", f"{plan.place}: Schema '{database}' does not exist")
            raise QueryError(
                "TABLE_NOT_FOUND", f"{plan.place}: Table 'awsdatacatalog.{database}.{plan.name}' does not exist"
            )
        if is_view(document):
            raise QueryError("NOT_SUPPORTED", f"{plan.place}: Inserting into views is not supported")
        table = read_table(document)
        target = self._insert_target(table)

        def checked(opened: Opened) -> list[tuple[str, Typed]]:
            return _inserted_columns(plan, table, opened)

        def finish(partitions: list[tuple[str, ...]]) -> None:
            if not is_projected(table):
                self._register(document, target, partitions, context.now_ms)

        return self._written(plan, context, target, checked, finish, update="INSERT")

    def _insert_target(self, table: Table) -> _Target:
        form = format_of_serde(table.serde)
        if form is None:
            raise not_supported(f"INSERT INTO a table with SerDe {table.serde}")
        parameters = table.serde_parameters
        if form.serde == LAZY_SIMPLE and parameters.get("escape.delim"):
            raise not_supported("INSERT INTO a delimited table with ESCAPED BY")
        asked = next(
            (table.parameters[key] for key in (form.property, "write.compression") if key in table.parameters), None
        )
        location_parts(table.location)
        base = table.location if table.location.endswith("/") else table.location + "/"
        keys = tuple(key.name for key in table.partition_keys)

        def folder_of(values: tuple[str, ...]) -> str:
            if not values:
                return base
            if is_projected(table):
                return projected_location(table, values)
            held = self._catalog.partitions.get(table.database, table.name, values)
            location = str(((held or {}).get("StorageDescriptor") or {}).get("Location") or "")
            if not location:
                return base + partition_folder(keys, values)
            return location if location.endswith("/") else location + "/"

        first = parameters.get("field.delim") or parameters.get("serialization.format") or DELIMITERS[0]
        levels = [first, parameters.get("collection.delim") or parameters.get("colelction.delim") or DELIMITERS[1]]
        levels.append(parameters.get("mapkey.delim") or DELIMITERS[2])
        delimiters = "".join(delimiter(level) for level in levels) + DELIMITERS[3:]
        null = parameters.get("serialization.null.format", "\\N")
        return _Target(location=base, format=form, codec=form.codec(asked), keys=keys, delimiters=delimiters, null=null,
                       folder_of=folder_of)  # fmt: skip

    # -- UNLOAD

    def _unload(self, plan: WritePlan, context: WriteContext) -> Written:
        location = plan.location if plan.location.endswith("/") else plan.location + "/"
        target = _target(plan, location, _UNLOAD_PROPERTIES)
        self._check_empty(location, f"{context.database}.unload")

        def checked(opened: Opened) -> list[tuple[str, Typed]]:
            columns = _named(plan, opened)
            _check_columns(columns, target.keys)
            return columns

        return self._written(plan, context, target, checked, lambda partitions: None, update=None)

    # -- what they share

    def _written(
        self,
        plan: WritePlan,
        context: WriteContext,
        target: _Target,
        columns_of: Callable[[Opened], list[tuple[str, Typed]]],
        finish: Callable[[list[tuple[str, ...]]], None],
        *,
        update: str | None,
    ) -> Written:
        """Run the query and write its rows; `finish` is told the partitions when everything is in place."""
        base, keys = target.location, target.keys
        folder_of = target.folder_of or (lambda values: base + partition_folder(keys[: len(values)], values))
        writers = FileWriters(
            self._objects, folder_of=folder_of, kind=target.format.name, codec=target.codec, stem=context.engine_id
        )
        began = time.monotonic()
        run = self._engine.run(plan.query, database=context.database, now_ms=context.now_ms, stop=context.stop)
        try:
            opened = next(run)
            planning_ms = max(1, int((time.monotonic() - began) * 1000))
            context.check_scan(opened.scanned_bytes)
            columns = columns_of(opened)
            if plan.with_data:
                writers.write(opened.read(_rows_sql(opened, columns, target)), len(keys))
            context.stop.check()
            objects = writers.commit()
            finish([values for values in writers.partitions if values])
            return Written(
                update=update,
                row_count=writers.row_count,
                objects=tuple(objects),
                manifest=plan.with_data and (plan.kind != "insert" or bool(objects)),
                scanned_bytes=opened.scanned_bytes,
                planning_ms=planning_ms,
            )
        except ApiError as error:
            raise _cannot_write(error, base) from error
        finally:
            writers.abort()
            run.close()  # type: ignore[attr-defined]

    def _check_empty(self, location: str, label: str) -> None:
        bucket, prefix = location_parts(location)
        try:
            if self._objects.list_objects(bucket, prefix=prefix, limit=1).objects:
                said = f"Target directory for table '{label}' already exists: {location}"
                raise QueryError("HIVE_PATH_ALREADY_EXISTS", said)
        except ApiError as error:
            raise _cannot_write(error, location) from error

    def _register(self, document: Document, target: _Target, partitions: list[tuple[str, ...]], now_ms: int) -> None:
        folder_of = target.folder_of or (lambda values: target.location + partition_folder(target.keys, values))
        descriptor = document["StorageDescriptor"]
        entries: list[Document] = [
            {"Values": list(values), "CreationTime": now_ms, "Parameters": {},
             "StorageDescriptor": {**descriptor, "Location": folder_of(values).rstrip("/")}}
            for values in partitions
        ]  # fmt: skip
        self._catalog.partitions.add(document["DatabaseName"], document["Name"], entries)


_ENFORCED = (
    "The Create Table As Select query failed because it was submitted with an 'external_location' property to an Athena "
    "Workgroup that enforces a centralized output location for all queries. Please remove the 'external_location' "
    "property and resubmit the query."
)
_TABLE_PROPERTIES = frozenset({
    "format", "external_location", "partitioned_by", "write_compression", "parquet_compression", "orc_compression",
    "compression_level", "field_delimiter", "bucketed_by", "bucket_count", "table_type", "is_external",
})  # fmt: skip
_UNLOAD_PROPERTIES = frozenset({"format", "compression", "compression_level", "field_delimiter", "partitioned_by"})


def _cannot_write(error: ApiError, location: str) -> QueryError:
    if error.code == "NoSuchBucket":
        said = f"Error accessing S3: {location}: The specified bucket does not exist"
        return QueryError("HIVE_FILESYSTEM_ERROR", said)
    return QueryError("HIVE_WRITER_CLOSE_ERROR", f"Error committing write to {location}: {error.code}: {error.message}")


def _exists(plan: WritePlan, database: str) -> QueryError:
    said = f"{plan.place}: Destination table 'awsdatacatalog.{database}.{plan.name}' already exists"
    return QueryError("TABLE_ALREADY_EXISTS", said)


def _target(plan: WritePlan, location: str, known: frozenset[str]) -> _Target:
    """The properties of CREATE TABLE AS or UNLOAD, understood or refused."""
    properties = plan.properties
    if str(properties.get("table_type", "HIVE")).upper() != "HIVE":
        raise not_supported(
            "Iceberg tables"
            if _upper(properties, "table_type") == "ICEBERG"
            else f"table_type {properties['table_type']}"
        )
    for label in properties:
        if label not in known:
            what = "table property" if plan.kind == "ctas" else "unload property"
            raise QueryError(
                "INVALID_TABLE_PROPERTY", f"line 1:1: Catalog 'awsdatacatalog' {what} '{label}' does not exist"
            )
    for label in ("bucketed_by", "bucket_count", "compression_level"):
        if label in properties:
            raise not_supported(f"property {label}")
    if properties.get("is_external") is False:
        raise not_supported("property is_external = false, which is for Iceberg tables")
    said = _upper(properties, "format") or "PARQUET"
    form = FORMATS.get(said)
    if form is None:
        raise not_supported(f"format {said}")
    delimiters = DELIMITERS
    if "field_delimiter" in properties:
        given = properties["field_delimiter"]
        if form.name != "TEXTFILE":
            raise QueryError(
                "INVALID_TABLE_PROPERTY",
                f"Cannot specify field_delimiter table property for storage format: {form.name}",
            )
        given = delimiter(given) if isinstance(given, str) and given.startswith("\\") else given
        if not isinstance(given, str) or len(given) != 1:
            raise QueryError(
                "INVALID_TABLE_PROPERTY", f"field_delimiter must be a single character, but was: '{given}'"
            )
        delimiters = given + DELIMITERS[1:]
    keys = properties.get("partitioned_by", [])
    if not isinstance(keys, list):
        raise QueryError(
            "INVALID_TABLE_PROPERTY",
            "line 1:1: Invalid value for property 'partitioned_by': an array of names is expected",
        )
    if not location.startswith("s3://"):
        raise QueryError("INVALID_TABLE_PROPERTY", f"External location is not a valid S3 path: {location}")
    location_parts(location)
    return _Target(location=location, format=form, codec=_codec(properties, form),
                   keys=tuple(key.lower() for key in keys), delimiters=delimiters)  # fmt: skip


def _upper(properties: dict[str, Property], label: str) -> str:
    return str(properties.get(label, "")).upper()


def _codec(properties: dict[str, Property], form: Format) -> str:
    asked = [
        label
        for label in ("write_compression", "parquet_compression", "orc_compression", "compression")
        if label in properties
    ]
    if len(asked) > 1:
        raise QueryError("INVALID_TABLE_PROPERTY", f"Only one of {', '.join(asked)} can be specified")
    for label, wanted in (("parquet_compression", "PARQUET"), ("orc_compression", "ORC")):
        if label in asked and form.name != wanted:
            raise QueryError(
                "INVALID_TABLE_PROPERTY", f"Cannot specify {label} table property for storage format: {form.name}"
            )
    return form.codec(str(properties[asked[0]]) if asked else None)


def _named(plan: WritePlan, opened: Opened) -> list[tuple[str, Typed]]:
    """The columns of the query under the names that they are stored with."""
    fields = opened.compiled.query.columns
    values = [value for _, value in opened.compiled.columns]
    if plan.columns:
        if len(plan.columns) != len(values):
            said = f"Column alias list has {len(plan.columns)} entries but relation has {len(values)} columns"
            raise QueryError("MISMATCHED_COLUMN_ALIASES", f"{plan.place}: {said}")
        return list(zip(plan.columns, values, strict=True))
    columns = []
    for index, (column, value) in enumerate(zip(fields, values, strict=True), 1):
        if column.name is None:
            raise QueryError("MISSING_COLUMN_NAME", f"line 1:8: Column name not specified at position {index}")
        columns.append((column.name.lower(), value))
    return columns


def _check_columns(columns: list[tuple[str, Typed]], keys: tuple[str, ...]) -> None:
    labels = [label for label, _ in columns]
    for label in labels:
        if labels.count(label) > 1:
            raise QueryError("DUPLICATE_COLUMN_NAME", f"line 1:1: Column name '{label}' specified more than once")
    for label, value in columns:
        check_storable(label, value.type)
    missing = [key for key in keys if key not in labels]
    if missing:
        raise QueryError("INVALID_TABLE_PROPERTY", f"Partition columns {_listed(missing)} not present in schema")
    if keys and len(keys) == len(columns):
        raise QueryError("INVALID_TABLE_PROPERTY", "Table contains only partition columns")
    if keys and tuple(labels[-len(keys) :]) != keys:
        said = f"Partition keys must be the last columns in the table and in the same order as the table properties: {_listed(list(keys))}"
        raise QueryError("HIVE_COLUMN_ORDER_MISMATCH", said)
    for label, value in columns[len(columns) - len(keys) :]:
        check_partition_key(label, value.type)


def _listed(labels: list[str]) -> str:
    return f"[{', '.join(labels)}]"


def _inserted_columns(plan: WritePlan, table: Table, opened: Opened) -> list[tuple[str, Typed]]:
    """The table's columns with what is inserted into each; NULL for those that the list leaves out."""
    held = (*table.columns, *table.partition_keys)
    named = {column.name: column for column in held}
    for label in plan.columns:
        if label not in named:
            said = f"Insert column name does not exist in target table: {label}"
            raise QueryError("COLUMN_NOT_FOUND", f"{plan.place}: {said}")
        if plan.columns.count(label) > 1:
            raise QueryError(
                "DUPLICATE_COLUMN_NAME", f"{plan.place}: Insert column name is specified more than once: {label}"
            )
    wanted: list[Column] = [named[label] for label in plan.columns] if plan.columns else list(held)
    given = [value for _, value in opened.compiled.columns]
    coerced: dict[str, str | None] = {}
    if len(given) == len(wanted):
        coerced = {column.name: insertable(value, column.type) for column, value in zip(wanted, given, strict=True)}
    if len(coerced) != len(given) or None in coerced.values():
        kinds = [_listed([str(kind) for kind in side]) for side in ([c.type for c in wanted], [v.type for v in given])]
        said = f"Insert query has mismatched column types: Table: {kinds[0]}, Query: {kinds[1]}"
        raise QueryError("TYPE_MISMATCH", f"{plan.place}: {said}")
    columns = []
    for column in held:
        sql = coerced.get(column.name) or f"CAST(NULL AS {t.duckdb(column.type)})"
        columns.append((column.name, Typed(sql, column.type)))
    return columns


def _rows_sql(opened: Opened, columns: list[tuple[str, Typed]], target: _Target) -> str:
    """The SELECT whose rows are written: a column each, or a line; then the texts of the partition's values."""
    count = len(columns) - len(target.keys)
    data = columns[:count]
    match target.format.name:
        case "TEXTFILE":
            line = delimited_line([value for _, value in data], delimiters=target.delimiters, null=target.null)
            shown = [f"{line} AS {name('line')}"]
        case "JSON":
            shown = [f"{json_line(data)} AS {name('line')}"]
        case _:
            shown = [f"{columnar(value)} AS {name(label)}" for label, value in data]
    keys = [f"{partition_text(value)} AS {name(f'$key{i}')}" for i, (_, value) in enumerate(columns[count:])]
    order = ", ".join(str(len(shown) + i) for i in range(1, len(keys) + 1))
    sql = f"SELECT {', '.join([*shown, *keys])} FROM ({opened.compiled.query.sql}) AS answer"
    return f"{sql} ORDER BY {order}" if keys else sql


def _document(database: str, plan: WritePlan, made: list[tuple[str, Type]], target: _Target, now_ms: int) -> Document:
    """The record of a table that CREATE TABLE AS makes."""
    form, count = target.format, len(made) - len(target.keys)
    reading, writing = CLASSES[form.serde]
    columns = [{"Name": label, "Type": hive(kind)} for label, kind in made]
    serde: dict[str, str] = {}
    if form.serde == LAZY_SIMPLE:
        serde = {"field.delim": target.delimiters[0], "serialization.format": target.delimiters[0]}
    parameters = {"EXTERNAL": "TRUE", "classification": form.classification, "has_encrypted_data": "false"}
    parameters |= {"comment": plan.comment} if plan.comment else {}
    asked = [label for label in plan.properties if label.endswith("compression")]
    parameters |= {form.property: str(plan.properties[asked[0]]).upper()} if asked else {}
    return {
        "DatabaseName": database,
        "Name": plan.name,
        "CreateTime": now_ms,
        "UpdateTime": now_ms,
        "TableType": "EXTERNAL_TABLE",
        "Retention": 0,
        "Parameters": parameters,
        "PartitionKeys": columns[count:],
        "StorageDescriptor": {
            "Columns": columns[:count],
            "Location": target.location.rstrip("/"),
            "InputFormat": reading,
            "OutputFormat": writing,
            "Compressed": False,
            "NumberOfBuckets": 0,
            "SerdeInfo": {"SerializationLibrary": form.serde, "Parameters": serde},
            "BucketColumns": [],
            "SortColumns": [],
            "StoredAsSubDirectories": False,
        },
    }
