"""JSON functions. A JSON value is its canonical text: no blanks, members sorted by key."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from steppe.sql import types as t
from steppe.sql.calls import Call
from steppe.sql.casts import coerce
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.functions import Row
from steppe.sql.scope import Scope
from steppe.sql.typed import Typed, failing, text

if TYPE_CHECKING:
    from steppe.sql.expressions import Expressions

Special = Callable[["Expressions", Call, Scope], Typed]

SCALARS: tuple[Row, ...] = (
    ("json_format(json) -> varchar", "{0}"),
    ("json_array_length(json) -> bigint", "CASE WHEN json_type({0}) = 'ARRAY' THEN CAST(json_array_length({0}) AS BIGINT) END"),
    ("json_array_length(varchar) -> bigint", "CASE WHEN json_type(CASE WHEN json_valid({0}) THEN {0} END) = 'ARRAY' THEN CAST(json_array_length(CASE WHEN json_valid({0}) THEN {0} END) AS BIGINT) END"),
    ("is_json_scalar(json) -> boolean", "(json_type({0}) NOT IN ('ARRAY', 'OBJECT'))"),
)  # fmt: skip

_STEP = re.compile(r"""\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\[["']([^"'\\\]]+)["']\]""")


def json_path(said: str, place: str) -> str:
    """DuckDB's path for one of Trino's simple ones: members by name and elements by index only.

    Raises:
        QueryError: NOT_SUPPORTED for anything else.
    """
    body = said.removeprefix("lax ").strip()
    if not body.startswith("$"):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Invalid JSON path: '{said}'")
    out, at = "$", 1
    while at < len(body):
        match = _STEP.match(body, at)
        if not match:
            raise not_supported(f"{place}: JSON path {said}")
        member = match.group(1) or match.group(3)
        if member is not None:
            if '"' in member or "*" in member:
                raise not_supported(f"{place}: JSON path {said}")
            out += f'."{member}"'
        else:
            out += f"[{match.group(2)}]"
        at = match.end()
    return out


def _input(compiler: Expressions, call: Call, scope: Scope, count: int) -> tuple[str, str]:
    """The JSON text (NULL when it is not JSON) and the path."""
    values = [compiler.compile(argument, scope) for argument in call.arguments[:count]]
    if len(values) != count or values[0].type.name not in ("varchar", "json", "unknown"):
        given = ", ".join(str(value.type) for value in values)
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters ({given}) for function {call.name}")
    path = values[1].constant
    if not isinstance(path, str):
        raise not_supported(f"{call.place}: {call.name} with a path that is not a literal")
    sql = coerce(values[0], t.VARCHAR).sql if values[0].type.name != "json" else values[0].sql
    document = f"CASE WHEN json_valid({sql}) THEN {sql} END" if values[0].type.name != "json" else sql
    return document, text(json_path(path, call.place))


def _extract_scalar(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    document, path = _input(compiler, call, scope, 2)
    kind = f"json_type({document}, {path})"
    found = f"json_extract_string({document}, {path})"
    # Trino gives a number as it is written; DuckDB has parsed it. They agree when the document has the same text.
    number = f"CAST(json_extract({document}, {path}) AS VARCHAR)"
    written = f"regexp_matches({document}, concat('(^|[^0-9.eE+-])', regexp_escape({number}), '($|[^0-9.eE+-])'))"
    refusal = failing("NOT_SUPPORTED", text("json_extract_scalar of a number that is not in its shortest form"))
    return Typed(f"CASE WHEN {kind} NOT IN ('OBJECT', 'ARRAY', 'NULL', 'DOUBLE') THEN {found} "
                 f"WHEN {kind} = 'DOUBLE' THEN CASE WHEN {written} THEN {number} ELSE {refusal} END END", t.VARCHAR)  # fmt: skip


def _extract(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    from steppe.sql.json_casts import canonical

    document, path = _input(compiler, call, scope, 2)
    return Typed(canonical(f"CAST(json_extract({document}, {path}) AS VARCHAR)"), t.JSON)


def _size(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    document, path = _input(compiler, call, scope, 2)
    kind = f"json_type({document}, {path})"
    sizes = (
        f"CASE {kind} WHEN 'OBJECT' THEN len(json_keys({document}, {path})) "
        f"WHEN 'ARRAY' THEN json_array_length({document}, {path}) ELSE CASE WHEN {kind} IS NOT NULL THEN 0 END END"
    )
    return Typed(f"CAST({sizes} AS BIGINT)", t.BIGINT)


def _exists(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    document, path = _input(compiler, call, scope, 2)
    return Typed(f"coalesce(json_exists({document}, {path}), false)", t.BOOLEAN)


def _parse(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    from steppe.sql.json_casts import parsed

    values = [compiler.compile(argument, scope) for argument in call.arguments]
    if len(values) != 1 or values[0].type.name not in ("varchar", "unknown"):
        raise QueryError(
            "TYPE_MISMATCH",
            f"{call.place}: Unexpected parameters for function json_parse. Expected: json_parse(varchar(x))",
        )
    return parsed(coerce(values[0], t.VARCHAR) if values[0].type.name == "unknown" else values[0])


def _array_get(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = [compiler.compile(argument, scope) for argument in call.arguments]
    if len(values) != 2 or not isinstance(values[1].constant, int) or values[0].type.name not in ("varchar", "json"):
        raise not_supported(f"{call.place}: this use of json_array_get")
    from steppe.sql.json_casts import canonical

    sql, index = values[0].sql, values[1].constant
    step = f"$[{index}]" if index >= 0 else f"$[#{index}]"
    found = f"CAST(json_extract(CASE WHEN json_valid({sql}) THEN {sql} END, {text(step)}) AS VARCHAR)"
    # Trino takes the quotes off a string here, which makes the result no JSON; kept as it does.
    return Typed(
        f"CASE WHEN left({found}, 1) = '\"' THEN json_extract_string({found}, '$') WHEN {found} <> 'null' THEN {canonical(found)} END",
        t.JSON,
    )


def constant_json(said: str) -> str | None:
    """The canonical text of a JSON literal, or None when it is not JSON."""
    try:
        value = json.loads(said)
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True, allow_nan=False)
    except (ValueError, RecursionError):
        return None


SPECIAL: dict[str, Special] = {
    "json_extract_scalar": _extract_scalar, "json_extract": _extract, "json_size": _size, "json_exists": _exists,
    "json_parse": _parse, "json_array_get": _array_get,
}  # fmt: skip
