"""Fields of text files as values of a type."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

import re
from collections.abc import Sequence

from steppe.sql import types as t
from steppe.sql.catalog import Column
from steppe.sql.errors import not_supported
from steppe.sql.typed import text
from steppe.sql.types import Type

INTEGER = "'[+-]?[0-9]+'"
NUMBER = "'[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?'"


def lazy_value(cell: str, kind: Type, levels: Sequence[str], null: str, column: Column, depth: int = 0) -> str:
    """A field of LazySimpleSerDe as its type; what does not parse is NULL.

    Args:
        cell: DuckDB's text of the field, a VARCHAR.
        kind: the type.
        levels: what stands between items, between keys and values, and what nests deeper.
        null: the item that stands for NULL.
        column: for the refusal of a type that no field can hold.
        depth: of nesting, for names of lambda parameters.
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
        case "varbinary":
            return f"TRY(from_base64({cell}))"
        case "array" | "map" | "row" if len(levels) >= (2 if kind.name == "map" else 1):
            return _lazy_nested(cell, kind, levels, null, column, depth)
        case _:
            raise not_supported(f"column {column.name} of type {kind} in a delimited table")


def _lazy_nested(cell: str, kind: Type, levels: Sequence[str], null: str, column: Column, depth: int) -> str:
    held, item = t.duckdb(kind), f"x{depth}"
    pieces = f"string_split({cell}, {text(levels[0])})"

    def inner(value: str, child: Type, level: int) -> str:
        return lazy_value(f"nullif({value}, {text(null)})", child, levels[level:], null, column, depth + 1)

    if kind.name == "array":
        items = f"list_transform({pieces}, lambda {item}: {inner(item, kind.children[0], 1)})"
        return f"CASE WHEN {cell} = '' THEN CAST([] AS {held}) ELSE {items} END"
    if kind.name == "row":
        fields = [f"f{i} := {inner(f'({pieces})[{i}]', child, 1)}" for i, child in enumerate(kind.children, 1)]
        return f"CASE WHEN {cell} IS NOT NULL THEN struct_pack({', '.join(fields)}) END"
    between = text(levels[1])
    key = inner(f"split_part({item}, {between}, 1)", kind.children[0], 2)
    # What follows the first separator is the value; without one it is NULL.
    rest = (
        f"CASE WHEN contains({item}, {between}) THEN substr({item}, strpos({item}, {between}) + length({between})) END"
    )
    value = inner(rest, kind.children[1], 2)
    entries = f"list_transform({pieces}, lambda {item}: struct_pack(k := {key}, v := {value}))"
    entries = f"list_filter({entries}, lambda e{depth}: e{depth}.k IS NOT NULL)"
    first = f"list_filter({entries}, lambda e{depth}, i{depth}: list_position(list_transform({entries}, lambda d{depth}: d{depth}.k), e{depth}.k) = i{depth})"
    return (
        f"CASE WHEN {cell} = '' THEN CAST(map() AS {held}) WHEN {cell} IS NOT NULL THEN map_from_entries({first}) END"
    )


def delimiter(said: str) -> str:
    """A delimiter of one character; Hive also takes its number."""
    if said.isascii() and said.isdigit() and len(said) < 4 and int(said) < 128:
        return chr(int(said))
    if said == "\\t":
        return "\t"
    number = re.fullmatch(r"\\(?:[uU]0*([0-9a-fA-F]{1,3})|0*([0-7]{1,3}))", said)
    if number:
        return chr(int(number.group(1), 16) if number.group(1) else int(number.group(2), 8))
    return said[:1]
