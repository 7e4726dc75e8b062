"""JSON texts made canonical, and casts to JSON and from it."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

from steppe.sql import types as t
from steppe.sql.casts import as_text, lambda_name
from steppe.sql.errors import not_supported
from steppe.sql.typed import Typed, failing, guarded, text
from steppe.sql.types import Type


def parsed(value: Typed) -> Typed:
    """json_parse: canonical JSON, or the error that Trino gives."""
    from steppe.sql.functions_json import constant_json

    if isinstance(value.constant, str):
        said = constant_json(value.constant)
        if said is not None:
            return Typed(text(said), t.JSON, said)
    message = (text("Cannot convert value to JSON: '"), value.sql, text("'"))
    ok = f"({value.sql} IS NULL OR json_valid({value.sql}))"
    # DuckDB looks at constants early: what is no JSON must not stand where JSON is read, whatever the CASE around.
    document = f"CASE WHEN json_valid({value.sql}) THEN {value.sql} END"
    return Typed(
        guarded(ok, canonical(f"CAST(json({document}) AS VARCHAR)"), "INVALID_FUNCTION_ARGUMENT", *message), t.JSON
    )


def canonical(sql: str) -> str:
    """A minified JSON text as Trino writes it: members sorted by key, numbers with a fraction as Java shows them."""
    plain = f"NOT regexp_matches({sql}, '[{{.]|[0-9][eE]')"
    return f"CASE WHEN {plain} THEN {sql} ELSE py_json_canonical({sql}) END"


def to_json(value: Typed) -> Typed:
    """CAST(x AS JSON)."""
    return Typed(_json_text(value), t.JSON)


def _json_text(value: Typed) -> str:
    kind, sql = value.type, value.sql
    match kind.name:
        case "boolean" | "tinyint" | "smallint" | "integer" | "bigint" | "decimal":
            return f"CAST({sql} AS VARCHAR)"
        case "json":
            return sql
        case "double" | "real":
            return as_text(value)
        case "varchar":
            return f"CAST(to_json({sql}) AS VARCHAR)"
        case "date" | "timestamp" | "timestamp with time zone" | "time":
            return f"CAST(to_json({as_text(value)}) AS VARCHAR)"
        case "array":
            e = lambda_name(sql)
            inner = f"coalesce({_json_text(Typed(e, kind.children[0]))}, 'null')"
            return f"('[' || array_to_string(list_transform({sql}, lambda {e}: {inner}), ',') || ']')"
        case "map" if kind.children[0].name == "varchar":
            e = lambda_name(sql)
            item = f"coalesce({_json_text(Typed(f'{e}.value', kind.children[1]))}, 'null')"
            pairs = f"list_transform(list_sort(map_entries({sql})), lambda {e}: concat(CAST(to_json({e}.key) AS VARCHAR), ':', {item}))"
            return f"('{{' || array_to_string({pairs}, ',') || '}}')"
        case "map" if t.is_integral(kind.children[0]) or kind.children[0].name == "boolean":
            e = lambda_name(sql)
            item = f"coalesce({_json_text(Typed(f'{e}.value', kind.children[1]))}, 'null')"
            pairs = f"list_sort(list_transform(map_entries({sql}), lambda {e}: concat('\"', CAST({e}.key AS VARCHAR), '\":', {item})))"
            return f"('{{' || array_to_string({pairs}, ',') || '}}')"
        case "row":
            parts = []
            for i, (label, child) in enumerate(zip(kind.fields, kind.children, strict=True), 1):
                inner = f"coalesce({_json_text(Typed(f'({sql}).f{i}', child))}, 'null')"
                parts.append(f"{text(_quoted(label or '') + ':')} || {inner}")
            return f"CASE WHEN {sql} IS NOT NULL THEN '{{' || " + " || ',' || ".join(parts) + " || '}' END"
        case _:
            raise not_supported(f"CAST of {kind} to json")


def _quoted(label: str) -> str:
    return '"' + label.replace("\\", "\\\\").replace('"', '\\"') + '"'


def from_json(value: Typed, target: Type) -> Typed:
    """CAST(json AS T)."""
    return Typed(_from(value.sql, target), target)


def _from(sql: str, target: Type) -> str:
    kind = f"json_type({sql})"
    held = t.duckdb(target)
    plain = f"json_extract_string({sql}, '$')"
    bad = failing("INVALID_CAST_ARGUMENT", text("Cannot cast to "), text(str(target)), text(". "), sql)
    match target.name:
        case "varchar" if target.precision is None:
            return f"CASE WHEN {kind} = 'NULL' THEN NULL WHEN {kind} IN ('OBJECT', 'ARRAY') THEN {bad} ELSE {plain} END"
        case "boolean" | "tinyint" | "smallint" | "integer" | "bigint":
            wanted = "('BOOLEAN')" if target.name == "boolean" else "('BIGINT', 'UBIGINT')"
            return (
                f"CASE WHEN {kind} = 'NULL' THEN NULL WHEN {kind} IN {wanted} AND TRY_CAST({plain} AS {held}) IS NOT NULL THEN TRY_CAST({plain} AS {held}) "
                f"WHEN {sql} IS NOT NULL THEN {failing('NOT_SUPPORTED', text('CAST of this JSON value to '), text(str(target)))} END"
            )
        case "double":
            return (
                f"CASE WHEN {kind} = 'NULL' THEN NULL WHEN {kind} IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN TRY_CAST({plain} AS {held}) "
                f"WHEN {sql} IS NOT NULL THEN {failing('NOT_SUPPORTED', text('CAST of this JSON value to '), text(str(target)))} END"
            )
        case "json":
            return sql
        case "array":
            e = lambda_name(sql)
            items = f"CAST(json_extract({sql}, '$[*]') AS VARCHAR[])"
            built = f"list_transform({items}, lambda {e}: {_from(e, target.children[0])})"
            return f"CASE WHEN {kind} = 'NULL' THEN NULL WHEN {kind} <> 'ARRAY' THEN {bad} WHEN {sql} IS NOT NULL THEN {built} END"
        case "map" if target.children[0] == t.VARCHAR:
            e = lambda_name(sql)
            member = f"CAST(json_extract({sql}, concat('$.', CAST(to_json({e}) AS VARCHAR))) AS VARCHAR)"
            pair = f"struct_pack(k := {e}, v := {_from(member, target.children[1])})"
            built = f"map_from_entries(list_transform(json_keys({sql}), lambda {e}: {pair}))"
            return f"CASE WHEN {kind} = 'NULL' THEN NULL WHEN {kind} <> 'OBJECT' THEN {bad} WHEN {sql} IS NOT NULL THEN {built} END"
        case "row":
            return _row_from(sql, target, bad)
        case _:
            raise not_supported(f"CAST of json to {target}")


def _row_from(sql: str, target: Type, bad: str) -> str:
    """A row of an array's elements in their order, or of an object's members by the fields' names."""
    by_place, by_name = [], []
    for i, (label, child) in enumerate(zip(target.fields, target.children, strict=True), 1):
        element = f"CAST(json_extract({sql}, '$[{i - 1}]') AS VARCHAR)"
        by_place.append(f"f{i} := {_from(element, child)}")
        member = (
            f"CAST(json_extract({sql}, {text('$.' + _quoted(label or ''))}) AS VARCHAR)"
            if label
            else "CAST(NULL AS VARCHAR)"
        )
        by_name.append(f"f{i} := {_from(member, child)}")
    held, kind = t.duckdb(target), f"json_type({sql})"
    array = f"CASE WHEN json_array_length({sql}) = {len(target.children)} THEN CAST(struct_pack({', '.join(by_place)}) AS {held}) ELSE CAST({bad} AS {held}) END"
    return (
        f"CASE WHEN {kind} = 'NULL' THEN NULL WHEN {kind} = 'ARRAY' THEN {array} "
        f"WHEN {kind} = 'OBJECT' THEN CAST(struct_pack({', '.join(by_name)}) AS {held}) WHEN {sql} IS NOT NULL THEN CAST({bad} AS {held}) END"
    )


__all__ = ["canonical", "from_json", "guarded", "parsed", "to_json"]
