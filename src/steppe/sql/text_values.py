"""Fields of text files as values of a type."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

import re

from steppe.sql import types as t
from steppe.sql.catalog import Column
from steppe.sql.errors import not_supported
from steppe.sql.typed import text
from steppe.sql.types import Type

INTEGER = "'[+-]?[0-9]+'"
NUMBER = "'[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?'"


def lazy_value(cell: str, kind: Type, item: str, column: Column) -> str:
    """A field of LazySimpleSerDe as its type; what does not parse is NULL.

    Args:
        cell: DuckDB's text of the field, a VARCHAR.
        kind: the type.
        item: what stands between the items of an array.
        column: for the refusal of a type that no field can hold.
    """
    held = t.duckdb(kind)
    match kind.name:
        case "varchar":
            return cell if kind.precision is None else f"substr({cell}, 1, {kind.precision})"
        case "char":
            return f"rtrim(substr({cell}, 1, {kind.precision}), ' ')"
        case "tinyint" | "smallint" | "integer" | "bigint":
            return f"CASE WHEN regexp_full_match({cell}, {INTEGER}) THEN TRY_CAST({cell} AS {held}) END"
        case "real" | "double" | "decimal":
            return f"CASE WHEN regexp_full_match({cell}, {NUMBER}) THEN TRY_CAST({cell} AS {held}) END"
        case "boolean":
            return f"CASE lower({cell}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case "date":
            return f"CASE WHEN regexp_full_match({cell}, '[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}') THEN TRY_CAST({cell} AS DATE) END"
        case "timestamp":
            return f"CASE WHEN regexp_full_match({cell}, '[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}( [0-9]{{1,2}}:[0-9]{{2}}:[0-9]{{2}}([.][0-9]{{1,9}})?)?') THEN date_trunc('millisecond', TRY_CAST({cell} AS TIMESTAMP)) END"
        case "array" if not kind.children[0].children:
            inner = lazy_value("x", kind.children[0], item, column)
            return f"CASE WHEN {cell} = '' THEN CAST([] AS {held}) ELSE list_transform(list_transform(string_split({cell}, {text(item)}), lambda x: nullif(x, '\\N')), lambda x: {inner}) END"
        case _:
            raise not_supported(f"column {column.name} of type {kind} in a delimited table")


def delimiter(said: str) -> str:
    """A delimiter of one character; Hive also takes its number."""
    if len(said) > 1 and said.isdigit() and 0 <= int(said) < 128:
        return chr(int(said))
    if said == "\\t":
        return "\t"
    escape = re.fullmatch(r"\\([uU]?)0*(\d{1,3})", said)
    if escape:
        return chr(int(escape.group(2), 16 if escape.group(1) else 8))
    return said[:1]
