"""A table's files as a DuckDB relation: how their SerDe reads them, as which types.

What a SerDe does with bad input is written into the SQL here, since DuckDB's readers are stricter or laxer.
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501, S608

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa

from steppe.base.jsonvalue import JsonValue
from steppe.sql import types as t
from steppe.sql.catalog import Column, Table
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.formats import LAZY_SIMPLE, OPEN_CSV, PARQUET
from steppe.sql.table_files import FILE, DataFile
from steppe.sql.text_values import INTEGER, NUMBER, delimiter, lazy_value
from steppe.sql.typed import failing, name, text
from steppe.sql.types import Type

_COMPRESSIONS = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd"}
_UNREADABLE = (".bz2", ".snappy", ".lz4", ".deflate", ".lzo", ".xz", ".zip")
_LINE_BYTES_MAX = 2 * 1024 * 1024
_BUFFER_BYTES = 8 * 1024 * 1024
_SEARCH_BYTES = 4 * 1024 * 1024
_NO_NULL = "\x02\x03NULL\x03\x02"


class Scan:
    """The SQL that reads a table. `sql` has the table's columns, under their names, in DuckDB's form of their types."""

    def __init__(
        self,
        table: Table,
        files: Sequence[DataFile],
        connection: duckdb.DuckDBPyConnection,
        check: Callable[[], None] = lambda: None,
        *,
        with_file: bool = False,
    ) -> None:
        """Take what is to be read.

        Args:
            table: its record.
            files: its objects.
            connection: asked for the columns of Parquet files.
            check: raises when the query was stopped.
            with_file: add a column that says which file a row is from, under the name `table_files.FILE`.
        """
        self._table = table
        self._files = files
        self._connection = connection
        self._check = check
        self._with_file = with_file

    def sql(self) -> str:
        """The SELECT.

        Raises:
            QueryError: a format, an option or a file that cannot be read exactly.
        """
        serde = self._table.serde or LAZY_SIMPLE
        if not self._files:
            self._check_serde(serde)
            nulls = [f"CAST(NULL AS {t.duckdb(c.type)}) AS {name(c.name)}" for c in self._table.columns]
            return f"SELECT {', '.join([*nulls, *self._file_column('NULL')])} WHERE false"
        match serde:
            case s if s == LAZY_SIMPLE:
                return self._lazy_simple()
            case s if s == OPEN_CSV:
                return self._open_csv()
            case s if s == PARQUET or s.endswith("ParquetHiveSerDe"):
                return self._parquet()
            case _:
                raise not_supported(f"SerDe {serde}")

    def _check_serde(self, serde: str) -> None:
        if serde not in (LAZY_SIMPLE, OPEN_CSV) and not serde.endswith("ParquetHiveSerDe"):
            raise not_supported(f"SerDe {serde}")

    def _file_column(self, sql: str = f"s.{name(FILE)}") -> list[str]:
        return [f"{sql} AS {name(FILE)}"] if self._with_file else []

    def _file_option(self) -> str:
        return f", filename = {text(FILE)}" if self._with_file else ""

    # -- text

    def _csv(self, *, delimiter: str, quote: str, escape: str, null: str) -> str:
        """UNION ALL of read_csv calls, one a kind of compression; every column is text."""
        groups: dict[str, list[DataFile]] = {}
        for file in self._files:
            lowered = file.uri.lower()
            if lowered.endswith(_UNREADABLE):
                raise not_supported(f"compression of {file.uri}")
            kind = next((v for k, v in _COMPRESSIONS.items() if lowered.endswith(k)), "none")
            self._refuse_blank_lines(file, kind)
            groups.setdefault(kind, []).append(file)
        columns = ", ".join(f"{text(c.name)}: 'VARCHAR'" for c in self._table.columns)
        skip = self._table.serde_parameters.get("skip.header.line.count", "0")
        options = (
            f"columns = {{{columns}}}, delim = {text(delimiter)}, quote = {text(quote)}, escape = {text(escape)}, "
            f"header = false, skip = {int(skip) if skip.isdigit() else 0}, nullstr = {text(null)}, auto_detect = false, "
            f"strict_mode = false, null_padding = true, max_line_size = {_LINE_BYTES_MAX}, buffer_size = {_BUFFER_BYTES}, comment = ''{self._file_option()}"
        )
        return " UNION ALL ".join(
            f"SELECT * FROM read_csv([{', '.join(text(str(f.path)) for f in files)}], {options}, compression = {text(kind)})"
            for kind, files in groups.items()
        )

    def _refuse_blank_lines(self, file: DataFile, compression: str) -> None:
        """A blank line is a row for Hive; DuckDB's reader skips it. Looking for one costs a pass at memory speed."""
        last = b"\n"
        with pa.input_stream(str(file.path), compression=None if compression == "none" else compression) as stream:
            while piece := stream.read(_SEARCH_BYTES):
                self._check()
                found = last + piece
                if any(sign in found for sign in (b"\n\n", b"\n\r", b"\r\r")):
                    raise not_supported(f"a blank line in {file.uri}")
                last = piece[-1:]

    def _lazy_simple(self) -> str:
        parameters = self._table.serde_parameters
        if parameters.get("escape.delim"):
            raise not_supported("ESCAPED BY in a delimited table")
        between = delimiter(parameters.get("field.delim") or parameters.get("serialization.format") or "\x01")
        null = parameters.get("serialization.null.format", "\\N")
        item = delimiter(parameters.get("collection.delim") or parameters.get("colelction.delim") or "\x02")
        source = self._csv(delimiter=between, quote="", escape="", null=null or _NO_NULL)
        shown = []
        for column in self._table.columns:
            cell = f"s.{name(column.name)}"
            if not null:
                cell = f"nullif({cell}, '')"
            shown.append(f"{lazy_value(cell, column.type, item, column)} AS {name(column.name)}")
        return f"SELECT {', '.join([*shown, *self._file_column()])} FROM ({source}) AS s"

    def _open_csv(self) -> str:
        parameters = self._table.serde_parameters
        separator, quote = parameters.get("separatorChar") or ",", parameters.get("quoteChar") or '"'
        escape = parameters.get("escapeChar") or "\\"
        source = self._csv(delimiter=separator, quote=quote, escape=quote, null=_NO_NULL)
        shown = []
        for column in self._table.columns:
            cell = f"s.{name(column.name)}"
            odd = (
                f"(contains({cell}, chr(10)) OR contains({cell}, {text(escape)}))"
                if escape != quote
                else f"contains({cell}, chr(10))"
            )
            refusal = failing(
                "NOT_SUPPORTED",
                text("OpenCSVSerde: a value with an escape character or a line break in column "),
                text(column.name),
            )
            guarded_cell = f"CASE WHEN {odd} THEN {refusal} ELSE {cell} END"
            shown.append(f"{_open_csv_value(guarded_cell, column)} AS {name(column.name)}")
        return f"SELECT {', '.join([*shown, *self._file_column()])} FROM ({source}) AS s"

    # -- Parquet

    def _parquet(self) -> str:
        """Columns by name without regard to case; one that no file has is NULL."""
        listed = ", ".join(text(str(f.path)) for f in self._files)
        source = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false, binary_as_string = false{self._file_option()})"
        relation = self._connection.sql(f"SELECT * FROM {source} LIMIT 0")
        found = {label.lower(): (label, kind) for label, kind in zip(relation.columns, relation.types, strict=True)}
        shown = []
        for column in self._table.columns:
            if column.name not in found:
                shown.append(f"CAST(NULL AS {t.duckdb(column.type)}) AS {name(column.name)}")
                continue
            label, held = found[column.name]
            shown.append(f"{_parquet_value(f's.{name(label)}', held, column.type, column)} AS {name(column.name)}")
        return f"SELECT {', '.join([*shown, *self._file_column()])} FROM {source} AS s"


def _open_csv_value(cell: str, column: Column) -> str:
    """A field of OpenCSVSerde: text; a number that does not parse is an error, an empty one NULL."""
    kind, held = column.type, t.duckdb(column.type)

    def parsed(pattern: str, value: str, shown: str) -> str:
        bad = failing(
            "HIVE_BAD_DATA",
            text(f'Error parsing field value for field {column.name}: For input string: "'),
            cell,
            text('"'),
        )
        del shown
        return f"CASE WHEN {cell} = '' OR {cell} IS NULL THEN NULL WHEN regexp_full_match({cell}, {pattern}) THEN {value} ELSE {bad} END"

    match kind.name:
        case "varchar" if kind.precision is None:
            return cell
        case "tinyint" | "smallint" | "integer" | "bigint":
            return parsed(INTEGER, f"CAST({cell} AS {held})", kind.name)
        case "real" | "double" | "decimal":
            return parsed(NUMBER, f"CAST({cell} AS {held})", kind.name)
        case "boolean":
            return f"CASE lower({cell}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case "date":
            return parsed(INTEGER, f"(DATE '1970-01-01' + CAST({cell} AS INTEGER))", kind.name)
        case "timestamp":
            return parsed(INTEGER, f"make_timestamp(CAST({cell} AS BIGINT) * 1000)", kind.name)
        case _:
            raise not_supported(f"column {column.name} of type {kind} with OpenCSVSerde")


_WIDENINGS = {
    "TINYINT": ("tinyint", "smallint", "integer", "bigint"), "SMALLINT": ("smallint", "integer", "bigint"),
    "INTEGER": ("integer", "bigint"), "BIGINT": ("bigint",), "UTINYINT": ("smallint", "integer", "bigint"),
    "USMALLINT": ("integer", "bigint"), "UINTEGER": ("bigint",), "BOOLEAN": ("boolean",), "FLOAT": ("real", "double"),
    "DOUBLE": ("double",), "DATE": ("date",), "BLOB": ("varbinary",), "VARCHAR": ("varchar", "char"),
}  # fmt: skip


def _parquet_value(cell: str, held: JsonValue, wanted: Type, column: Column) -> str:
    """A value of a Parquet file as the declared type."""
    found = str(held)
    mismatch = QueryError(
        "HIVE_BAD_DATA",
        f"Field {column.name}'s type {found} in parquet file is incompatible with type {wanted} defined in table schema",
    )
    if held.id == "list" and wanted.name == "array":
        inner = _parquet_value("x", held.children[0][1], wanted.children[0], column)
        return f"list_transform({cell}, lambda x: {inner})"
    if held.id == "struct" and wanted.name == "row":
        members = {label.lower(): (label, kind) for label, kind in held.children}
        fields = []
        for i, (label, child) in enumerate(zip(wanted.fields, wanted.children, strict=True), 1):
            own = members.get((label or "").lower())
            value = (
                f"CAST(NULL AS {t.duckdb(child)})"
                if own is None
                else _parquet_value(f"({cell}).{name(own[0])}", own[1], child, column)
            )
            fields.append(f"f{i} := {value}")
        return f"CASE WHEN {cell} IS NOT NULL THEN struct_pack({', '.join(fields)}) END"
    if held.id == "map" and wanted.name == "map":
        key = _parquet_value("x.key", dict(held.children)["key"], wanted.children[0], column)
        value = _parquet_value("x.value", dict(held.children)["value"], wanted.children[1], column)
        return f"map_from_entries(list_transform(map_entries({cell}), lambda x: struct_pack(k := {key}, v := {value})))"
    if held.id == "decimal" and wanted.name == "decimal":
        sizes = dict(held.children)
        if sizes["scale"] == wanted.scale and sizes["precision"] <= (wanted.precision or 0):
            return f"CAST({cell} AS {t.duckdb(wanted)})"
        raise mismatch
    if found.startswith("TIMESTAMP") and wanted.name == "timestamp":
        plain = f"CAST({cell} AS TIMESTAMP)" if "TIME ZONE" not in found else f"timezone('UTC', {cell})"
        return f"date_trunc('millisecond', {plain})"
    if wanted.name not in _WIDENINGS.get(found, ()):
        raise mismatch
    if wanted.name == "varchar" and wanted.precision is not None:
        return f"substr({cell}, 1, {wanted.precision})"
    return f"rtrim({cell}, ' ')" if wanted.name == "char" else f"CAST({cell} AS {t.duckdb(wanted)})"
