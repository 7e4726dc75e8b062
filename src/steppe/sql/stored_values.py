"""Values as files hold them: under their own field names for Parquet and ORC, as text for delimited and JSON lines."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Sequence

from steppe.sql import types as t
from steppe.sql.casts import as_text, coerce
from steppe.sql.errors import QueryError
from steppe.sql.typed import Typed, failing, name, text
from steppe.sql.types import Type

DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__"
DELIMITERS = "\x01\x02\x03\x04\x05\x06\x07\x08"
"""What LazySimpleSerDe puts between fields, items, keys and values, and what nests deeper."""

_UNSTORABLE = frozenset({
    "time", "time with time zone", "timestamp with time zone", "json", "uuid", "ipaddress",
    "interval day to second", "interval year to month",
})  # fmt: skip
_NO_PARTITION = frozenset({"array", "map", "row", "varbinary", "real", "double"})


def check_storable(label: str, kind: Type) -> None:
    """Refuse what Hive has no type for, in Trino's words.

    Raises:
        QueryError: NOT_SUPPORTED.
    """
    if kind.name in _UNSTORABLE:
        raise QueryError("NOT_SUPPORTED", f"Unsupported Hive type: {kind}")
    if kind.name == "unknown":
        raise QueryError("COLUMN_TYPE_UNKNOWN", f"line 1:1: Column type is unknown at position: {label}")
    if kind.name == "timestamp" and (kind.precision or 0) != 3:
        said = (
            f"Incorrect timestamp precision for {kind}; the configured precision is MILLISECONDS; column name: {label}"
        )
        raise QueryError("NOT_SUPPORTED", said)
    if kind.name == "row":
        lowered = [(field or "").lower() for field in kind.fields]
        if not all(lowered):
            said = f"Anonymous row type is not supported in Hive. Please give each field a name: {kind}"
            raise QueryError("NOT_SUPPORTED", said)
        if len(set(lowered)) < len(lowered):
            raise QueryError("NOT_SUPPORTED", f"a row with two fields of one name: {kind}")
    for child in kind.children:
        check_storable(label, child)


def check_partition_key(label: str, kind: Type) -> None:
    """Refuse a type whose values cannot name a partition.

    Raises:
        QueryError: NOT_SUPPORTED.
    """
    if kind.name in _NO_PARTITION:
        raise QueryError("NOT_SUPPORTED", f"Unsupported type [{kind}] for partition: {label}")


def columnar(value: Typed) -> str:
    """The value as Arrow has it: rows with the names of their fields."""
    return _columnar(value.sql, value.type)


def _columnar(sql: str, kind: Type, depth: int = 0) -> str:
    if not _has_row(kind):
        return sql
    item = f"x{depth}"
    match kind.name:
        case "array":
            return f"list_transform({sql}, lambda {item}: {_columnar(item, kind.children[0], depth + 1)})"
        case "map":
            key = _columnar(f"{item}.key", kind.children[0], depth + 1)
            held = _columnar(f"{item}.value", kind.children[1], depth + 1)
            return f"map_from_entries(list_transform(map_entries({sql}), lambda {item}: struct_pack(k := {key}, v := {held})))"
        case _:
            fields = ", ".join(
                f"{name((label or '').lower())} := {_columnar(f'({sql}).f{i}', child, depth)}"
                for i, (label, child) in enumerate(zip(kind.fields, kind.children, strict=True), 1)
            )
            return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({fields}) END"


def _has_row(kind: Type) -> bool:
    return kind.name == "row" or any(map(_has_row, kind.children))


# -- delimited lines


def delimited_line(values: Sequence[Typed], *, delimiters: str, null: str) -> str:
    """One VARCHAR with a row's line, its line end included, as LazySimpleSerDe writes it.

    Args:
        values: the columns.
        delimiters: between fields, then level by level inside of them.
        null: the text that stands for NULL.
    """
    cells = [f"coalesce({_delimited(value.sql, value.type, delimiters[1:], null)}, {text(null)})" for value in values]
    return "concat(" + f", {text(delimiters[0])}, ".join(cells) + ", chr(10))"


def _delimited(sql: str, kind: Type, delimiters: str, null: str, depth: int = 0) -> str:
    if kind.children and len(delimiters) < 2:
        raise QueryError("NOT_SUPPORTED", f"a value that nests as deep as {kind} in a delimited file")
    item = f"x{depth}"

    def inner(cell: str, child: Type, level: int) -> str:
        return f"coalesce({_delimited(cell, child, delimiters[level:], null, depth + 1)}, {text(null)})"

    match kind.name:
        case "varbinary":
            return f"base64({sql})"
        case "array":
            joined = f"list_transform({sql}, lambda {item}: {inner(item, kind.children[0], 1)})"
            return f"array_to_string({joined}, {text(delimiters[0])})"
        case "map":
            pair = f"concat({inner(f'{item}.key', kind.children[0], 2)}, {text(delimiters[1])}, {inner(f'{item}.value', kind.children[1], 2)})"
            return f"array_to_string(list_transform(map_entries({sql}), lambda {item}: {pair}), {text(delimiters[0])})"
        case "row":
            fields = [inner(f"({sql}).f{i}", child, 1) for i, child in enumerate(kind.children, 1)]
            joined = f", {text(delimiters[0])}, ".join(fields)
            return f"CASE WHEN {sql} IS NOT NULL THEN concat({joined}) END"
        case "char":
            return sql
        case _:
            return as_text(Typed(sql, kind))


# -- JSON lines


def json_line(columns: Sequence[tuple[str, Typed]]) -> str:
    """One VARCHAR with a row as a JSON object, its line end included."""
    fields = ", ".join(f"{name(label)} := {_json(value.sql, value.type)}" for label, value in columns)
    return f"concat(CAST(to_json(struct_pack({fields})) AS VARCHAR), chr(10))"


def _json(sql: str, kind: Type, depth: int = 0) -> str:
    item = f"x{depth}"
    match kind.name:
        case "real" | "double":
            # JSON has no numbers for these: Trino writes their names.
            return f"CASE WHEN isfinite({sql}) THEN to_json({sql}) WHEN {sql} IS NOT NULL THEN to_json({as_text(Typed(sql, kind))}) END"
        case "decimal":
            return f"CAST(CAST({sql} AS VARCHAR) AS JSON)"
        case "varbinary":
            return f"base64({sql})"
        case "date" | "timestamp":
            return as_text(Typed(sql, kind))
        case "array":
            return f"list_transform({sql}, lambda {item}: {_json(item, kind.children[0], depth + 1)})"
        case "map":
            key = as_text(Typed(f"{item}.key", kind.children[0]))
            held = _json(f"{item}.value", kind.children[1], depth + 1)
            return f"map_from_entries(list_transform(map_entries({sql}), lambda {item}: struct_pack(k := {key}, v := {held})))"
        case "row":
            fields = ", ".join(
                f"{name((label or '').lower())} := {_json(f'({sql}).f{i}', child, depth)}"
                for i, (label, child) in enumerate(zip(kind.fields, kind.children, strict=True), 1)
            )
            return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({fields}) END"
        case _:
            return sql


def partition_text(value: Typed) -> str:
    """The text that names a partition of a value; never NULL."""
    shown = value.sql if value.type.name == "char" else as_text(value)
    return f"coalesce(nullif({shown}, ''), {text(DEFAULT_PARTITION)})"


def insertable(value: Typed, target: Type) -> str | None:
    """The value as a table's column has it; None when INSERT does not coerce the one type to the other."""
    source = value.type
    if source == target or source.name == "unknown":
        return coerce(value, target).sql
    if source.name == target.name and target.name in ("varchar", "char"):
        if target.precision is None or (source.precision is not None and source.precision <= target.precision):
            return value.sql
        cut = f"substr({value.sql}, 1, {target.precision})"
        said = f"Cannot truncate non-space characters when casting from {source} to {target} on INSERT"
        bad = failing("INVALID_CAST_ARGUMENT", text(said))
        return f"CASE WHEN rtrim(substr({value.sql}, {(target.precision or 0) + 1}), ' ') = '' THEN {cut} WHEN {value.sql} IS NOT NULL THEN {bad} END"
    return coerce(value, target).sql if t.common(source, target) == target else None
