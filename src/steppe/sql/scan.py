"""A table's files as a DuckDB relation: how their SerDe reads them, as which types.

What a SerDe does with bad input is written into the SQL here, since DuckDB's readers are stricter or laxer.
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501, S608

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from steppe.base.jsonvalue import JsonValue
from steppe.sql import types as t
from steppe.sql.catalog import Column, Table
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.formats import HIVE_JSON, LAZY_SIMPLE, OPEN_CSV, OPENX_JSON, ORC, PARQUET, REGEX
from steppe.sql.json_values import columns_sql
from steppe.sql.line_files import (
    LINE_BYTES_MAX,
    Split,
    compression_of,
    converted,
    delimited,
    is_plain,
    open_csv,
    whole_line,
)
from steppe.sql.orc_files import orc_as_parquet
from steppe.sql.regex_groups import optional_groups
from steppe.sql.table_files import FILE, DataFile
from steppe.sql.text_values import INTEGER, NUMBER, delimiter, lazy_value
from steppe.sql.typed import failing, name, text
from steppe.sql.types import Type

_BUFFER_BYTES = 8 * 1024 * 1024
_READABLE = (LAZY_SIMPLE, OPEN_CSV, HIVE_JSON, OPENX_JSON, ORC, PARQUET, REGEX)
_NO_NULL = "\x02\x03NULL\x03\x02"


class Scan:
    """The SQL that reads a table. `sql` has the table's columns, under their names, in DuckDB's form of their types."""

    def __init__(
        self,
        table: Table,
        files: Sequence[DataFile],
        connection: duckdb.DuckDBPyConnection,
        *,
        folder: Path,
        check: Callable[[], None] = lambda: None,
        with_file: bool = False,
    ) -> None:
        """Take what is to be read.

        Args:
            table: its record.
            files: its objects.
            connection: asked for the columns of Parquet files.
            folder: where files go that DuckDB cannot read as they are.
            check: raises when the query was stopped.
            with_file: add a column that says which file a row is from, under the name `table_files.FILE`.
        """
        self._table = table
        self._files = files
        self._connection = connection
        self._check = check
        self._with_file = with_file
        self._folder = folder
        self.moved: dict[Path, Path] = {}
        """Files that are read in another form, by their own path, after `sql`."""

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
        self._check_serde(serde)
        match serde:
            case _ if serde == LAZY_SIMPLE:
                return self._lazy_simple()
            case _ if serde == OPEN_CSV:
                return self._open_csv()
            case _ if serde in (HIVE_JSON, OPENX_JSON):
                return self._json(serde)
            case _ if serde == REGEX:
                return self._regex()
            case _ if serde == ORC:
                return self._orc()
            case _:
                return self._parquet([file.path for file in self._files])

    def _check_serde(self, serde: str) -> None:
        if serde not in _READABLE and not serde.endswith("ParquetHiveSerDe"):
            raise not_supported(f"SerDe {serde}")

    def _file_column(self, sql: str = f"s.{name(FILE)}") -> list[str]:
        return [f"{sql} AS {name(FILE)}"] if self._with_file else []

    def _file_option(self) -> str:
        return f", filename = {text(FILE)}" if self._with_file else ""

    # -- text

    def _skipped(self) -> int:
        said = self._table.parameters.get("skip.header.line.count", "0")
        return int(said) if said.isdigit() and len(said) < 10 else 0

    def _converted(self, file: DataFile, columns: Sequence[str], split: Split) -> Path:
        self.moved[file.path] = converted(
            file, columns, split, skip=self._skipped(), folder=self._folder, check=self._check
        )
        return self.moved[file.path]

    def _cells(
        self,
        columns: Sequence[str],
        *,
        delimiter: str,
        quote: str,
        null: str,
        split: Split,
        signs: Sequence[bytes] = (),
    ) -> str:
        """UNION ALL of what reads the files, one a kind of compression; every column is text.

        Args:
            columns: their names.
            delimiter: between fields.
            quote: around fields, doubled inside of them; "" for none.
            null: the field that stands for NULL.
            split: does the same for files that DuckDB does not read as Hive does.
            signs: bytes that make a file one of those.
        """
        groups: dict[str, list[Path]] = {}
        for file in self._files:
            if is_plain(file, signs, self._check):
                groups.setdefault(compression_of(file.uri), []).append(file.path)
            else:
                groups.setdefault("", []).append(self._converted(file, columns, split))
        declared = ", ".join(f"{text(label)}: 'VARCHAR'" for label in columns)
        options = (
            f"columns = {{{declared}}}, delim = {text(delimiter)}, quote = {text(quote)}, escape = {text(quote)}, "
            f"header = false, skip = {self._skipped()}, nullstr = {text(null)}, auto_detect = false, "
            f"strict_mode = false, null_padding = true, max_line_size = {LINE_BYTES_MAX}, buffer_size = {_BUFFER_BYTES}, comment = ''"
        )
        return " UNION ALL ".join(
            f"SELECT * FROM read_csv({_list(paths)}, {options}, compression = {text(kind)}{self._file_option()})"
            if kind
            else f"SELECT * FROM read_parquet({_list(paths)}{self._file_option()})"
            for kind, paths in groups.items()
        )

    def _lazy_simple(self) -> str:
        parameters = self._table.serde_parameters
        between = delimiter(parameters.get("field.delim") or parameters.get("serialization.format") or "\x01")
        null = parameters.get("serialization.null.format", "\\N")
        levels = [parameters.get("collection.delim") or parameters.get("colelction.delim") or "\x02"]
        levels = [
            *(delimiter(level) for level in [*levels, parameters.get("mapkey.delim") or "\x03"]),
            *"\x04\x05\x06\x07",
        ]
        escape = parameters.get("escape.delim")
        if escape and any(column.type.children for column in self._table.columns):
            raise not_supported("ESCAPED BY with a column of a nested type")
        source = self._cells(
            [column.name for column in self._table.columns],
            delimiter=between,
            quote="",
            null=null or _NO_NULL,
            split=delimited(between, delimiter(escape) if escape else None, null or _NO_NULL),
            signs=[delimiter(escape).encode()] if escape else [],
        )
        shown = []
        for column in self._table.columns:
            cell = f"s.{name(column.name)}"
            if not null:
                cell = f"nullif({cell}, '')"
            shown.append(f"{lazy_value(cell, column.type, levels, null, column)} AS {name(column.name)}")
        return f"SELECT {', '.join([*shown, *self._file_column()])} FROM ({source}) AS s"

    def _open_csv(self) -> str:
        parameters = self._table.serde_parameters
        given = (("separatorChar", ","), ("quoteChar", '"'), ("escapeChar", "\\"))
        separator, quote, escape = ((parameters.get(label) or default)[:1] for label, default in given)
        source = self._cells(
            [column.name for column in self._table.columns],
            delimiter=separator,
            quote=quote,
            null=_NO_NULL,
            split=open_csv(separator, quote, escape, self._table.location),
            signs=[escape.encode()] if escape != quote else [],
        )
        shown = []
        for column in self._table.columns:
            cell = f"s.{name(column.name)}"
            said = (text("OpenCSVSerde: a value with a line break in column "), text(column.name))
            cell = f"CASE WHEN contains({cell}, chr(10)) THEN {failing('NOT_SUPPORTED', *said)} ELSE {cell} END"
            shown.append(f"{_open_csv_value(cell, column)} AS {name(column.name)}")
        return f"SELECT {', '.join([*shown, *self._file_column()])} FROM ({source}) AS s"

    def _regex(self) -> str:
        """RegexSerDe: the groups of a match of the whole line; a line that does not match is a row of NULLs."""
        pattern = self._table.serde_parameters.get("input.regex")
        if not pattern:
            raise QueryError("HIVE_INVALID_METADATA", 'This table does not have serde property "input.regex"!')
        optional = optional_groups(pattern)
        flags = (
            "'i'" if self._table.serde_parameters.get("input.regex.case.insensitive", "").lower() == "true" else "''"
        )
        try:
            self._connection.execute(f"SELECT regexp_full_match('', {text(pattern)}, {flags})").fetchall()
        except duckdb.Error as error:
            raise not_supported(f"input.regex {pattern}") from error
        if len(optional) != len(self._table.columns):
            said = f"Number of matching groups doesn't match the number of columns: {len(optional)}, {len(self._table.columns)}"
            raise QueryError("HIVE_INVALID_METADATA", said)
        shown = []
        whole = text(f"^(?:{pattern})$")
        for index, (column, absent) in enumerate(zip(self._table.columns, optional, strict=True), 1):
            if column.type.children:
                raise not_supported(f"column {column.name} of type {column.type} with RegexSerDe")
            cell = f"regexp_extract(s.line, {whole}, {index}, {flags})"
            if absent is not False:
                reason = (text("RegexSerDe: a group that is empty or left out, for column "), text(column.name))
                missing = "NULL" if absent else failing("NOT_SUPPORTED", *reason)
                cell = f"CASE WHEN {cell} = '' THEN {missing} ELSE {cell} END"
            cell = f"CASE WHEN regexp_full_match(s.line, {text(pattern)}, {flags}) THEN {cell} END"
            value = lazy_value(cell, column.type, [], "", column)
            shown.append(f"{value} AS {name(column.name)}")
        return f"SELECT {', '.join([*shown, *self._file_column()])} FROM ({self._whole_lines()}) AS s"

    def _whole_lines(self) -> str:
        """Every line as a column `line`, whatever is in it."""
        paths = [self._converted(file, ["line"], whole_line) for file in self._files]
        return f"SELECT * FROM read_parquet({_list(paths)}{self._file_option()})"

    def _json(self, serde: str) -> str:
        parameters = self._table.serde_parameters if serde == OPENX_JSON else {}
        forgiving = parameters.get("ignore.malformed.json", "false").lower() == "true"
        groups: dict[str, list[Path]] = {}
        for file in self._files:
            plain = not forgiving and self._skipped() == 0 and is_plain(file, (), self._check)
            path = file.path if plain else self._converted(file, ["line"], whole_line)
            groups.setdefault(compression_of(file.uri) if plain else "", []).append(path)
        extra = [f"r.{name(FILE)}"] if self._with_file else []
        said = failing("HIVE_BAD_DATA", text("Error Parsing a column in the table: Row is not a valid JSON Object"))
        parts = []
        for kind, paths in groups.items():
            if kind:
                source = f"read_ndjson_objects({_list(paths)}, compression = {text(kind)}{self._file_option()})"
                shown = f"CASE WHEN json_type(r.json) = 'OBJECT' THEN r.json ELSE {said} END"
            else:
                source = f"read_parquet({_list(paths)}{self._file_option()})"
                bad = "NULL" if forgiving else said
                blank = "WHEN trim(r.line) = '' THEN NULL" if serde == OPENX_JSON else ""
                shown = f"CASE {blank} WHEN CASE WHEN json_valid(r.line) THEN json_type(r.line) END = 'OBJECT' THEN CAST(r.line AS JSON) ELSE {bad} END"
            parts.append(f"SELECT {', '.join([f'{shown} AS json', *extra])} FROM {source} AS r")
        return columns_sql(" UNION ALL ".join(parts), self._table.columns, parameters, self._file_column())

    # -- ORC

    def _orc(self) -> str:
        wanted = [column.name for column in self._table.columns]
        for file in self._files:
            self.moved[file.path] = orc_as_parquet(file, wanted, self._folder, self._check)
        return self._parquet([self.moved[file.path] for file in self._files])

    # -- Parquet

    def _parquet(self, paths: Sequence[Path]) -> str:
        """Columns by name without regard to case; one that no file has is NULL."""
        source = f"read_parquet({_list(paths)}, union_by_name = true, hive_partitioning = false, binary_as_string = false{self._file_option()})"
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


def _list(paths: Sequence[Path]) -> str:
    return f"[{', '.join(text(str(path)) for path in paths)}]"


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
