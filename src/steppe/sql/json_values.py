"""Lines of JSON as a table's columns, as the two JSON SerDes read them. The SerDe's words: `key` matches without case."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501, S608

from __future__ import annotations

from collections.abc import Sequence

from steppe.sql import types as t
from steppe.sql.catalog import Column
from steppe.sql.errors import not_supported
from steppe.sql.text_values import INTEGER, NUMBER
from steppe.sql.typed import failing, name, text
from steppe.sql.types import Type

_DATE = "'[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}'"
_MOMENT = "'[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?Z?)?'"


def columns_sql(source: str, columns: Sequence[Column], parameters: dict[str, str], extra: Sequence[str]) -> str:
    """A SELECT of the columns of JSON objects.

    Args:
        source: a relation with a column `json`, an object, or NULL for a row of NULLs.
        columns: of the table.
        parameters: the SerDe's properties: mapping.<column>, dots.in.keys, case.insensitive.
        extra: further items of the SELECT, from the relation `s`.
    """
    keys = [_key(column.name, parameters) for column in columns]
    paths = ", ".join(text(_pointer(key)) for key in keys)
    exact = parameters.get("case.insensitive", "true").lower() == "false"
    dots = parameters.get("dots.in.keys", "false").lower() == "true"
    shown = []
    for index, (column, key) in enumerate(zip(columns, keys, strict=True), 1):
        cell = f"s.v[{index}]"
        if not exact or dots:
            cell = f"coalesce({cell}, {_found('s.j', key, exact=exact, dots=dots)})"
        shown.append(f"{json_value(cell, column.type, column.name)} AS {name(column.name)}")
    inner = f"SELECT *, json AS j, json_extract(json, [{paths}]) AS v FROM ({source}) AS r"
    return f"SELECT {', '.join([*shown, *extra])} FROM ({inner}) AS s"


def _key(column: str, parameters: dict[str, str]) -> str:
    return parameters.get(f"mapping.{column}", column)


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _found(json: str, key: str, *, exact: bool, dots: bool) -> str:
    """The member whose key is written otherwise: in another case, or with dots where the column has underscores."""
    written = "k" if exact else "lower(k)"
    written = f"replace({written}, '.', '_')" if dots else written
    wanted = text(key if exact else key.lower())
    other = f"list_filter(json_keys({json}), lambda k: {written} = {wanted})[1]"
    return f"json_extract({json}, concat('/', replace(replace({other}, '~', '~0'), '/', '~1')))"


def json_value(cell: str, kind: Type, column: str, depth: int = 0) -> str:
    """A JSON value as a type; JSON's null and a missing member are NULL, what does not fit ends the query.

    Args:
        cell: DuckDB's JSON.
        kind: the type.
        column: for the error.
        depth: of nesting, for names of lambda parameters.
    """
    plain = f"({cell} ->> '$')"
    item = f"x{depth}"

    def parsed(condition: str, value: str) -> str:
        said = failing(
            "HIVE_BAD_DATA",
            text(f"Error Parsing a column in the table: column {column}, type {kind}, value "),
            f"coalesce({plain}, '')",
        )
        return f"CASE WHEN {cell} IS NULL OR json_type({cell}) = 'NULL' THEN NULL WHEN {condition} THEN {value} ELSE {said} END"

    held = t.duckdb(kind)
    match kind.name:
        case "varchar":
            return plain if kind.precision is None else f"substr({plain}, 1, {kind.precision})"
        case "char":
            return f"rtrim(substr({plain}, 1, {kind.precision}), ' ')"
        case "tinyint" | "smallint" | "integer" | "bigint":
            return parsed(f"regexp_full_match({plain}, {INTEGER})", f"CAST({plain} AS {held})")
        case "real" | "double":
            words = f"{plain} IN ('NaN', 'Infinity', '-Infinity')"
            return parsed(f"{words} OR regexp_full_match({plain}, {NUMBER})", f"CAST({plain} AS {held})")
        case "decimal":
            return parsed(f"regexp_full_match({plain}, {NUMBER})", f"CAST({plain} AS {held})")
        case "boolean":
            return parsed(f"lower({plain}) IN ('true', 'false')", f"(lower({plain}) = 'true')")
        case "date":
            return parsed(f"regexp_full_match({plain}, {_DATE})", f"CAST({plain} AS DATE)")
        case "timestamp":
            return parsed(
                f"regexp_full_match({plain}, {_MOMENT})",
                f"date_trunc('millisecond', CAST(rtrim({plain}, 'Z') AS TIMESTAMP))",
            )
        case "varbinary":
            return parsed(f"json_type({cell}) = 'VARCHAR'", f"from_base64({plain})")
        case "array":
            inner = json_value(item, kind.children[0], column, depth + 1)
            return parsed(
                f"json_type({cell}) = 'ARRAY'", f"list_transform(CAST({cell} AS JSON[]), lambda {item}: {inner})"
            )
        case "map":
            key = json_value(f"to_json({item}.key)", kind.children[0], column, depth + 1)
            value = json_value(f"{item}.value", kind.children[1], column, depth + 1)
            entries = f"map_entries(CAST({cell} AS MAP(VARCHAR, JSON)))"
            return parsed(
                f"json_type({cell}) = 'OBJECT'",
                f"map_from_entries(list_transform({entries}, lambda {item}: struct_pack(k := {key}, v := {value})))",
            )
        case "row":
            fields = []
            for i, (label, child) in enumerate(zip(kind.fields, kind.children, strict=True), 1):
                own = label or ""
                member = f"coalesce(json_extract({cell}, {text(_pointer(own))}), {_found(cell, own, exact=False, dots=False)})"
                fields.append(f"f{i} := {json_value(member, child, column, depth)}")
            return parsed(f"json_type({cell}) = 'OBJECT'", f"struct_pack({', '.join(fields)})")
        case _:
            raise not_supported(f"column {column} of type {kind} in a JSON table")
