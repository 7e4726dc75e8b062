"""JSON functions. A JSON value is its canonical text: no blanks, members sorted by key."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from steppe.sql import expressions
from steppe.sql import types as t
from steppe.sql.calls import Call
from steppe.sql.casts import as_text, cast, coerce
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.functions import Row
from steppe.sql.json_casts import to_json
from steppe.sql.json_paths import parse_path
from steppe.sql.row_functions import RowError
from steppe.sql.row_json import canonical_text
from steppe.sql.scope import Scope
from steppe.sql.typed import Typed, null, text

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
    same = f"regexp_matches({document}, concat('(^|[^0-9.eE+-])', regexp_escape({number}), '($|[^0-9.eE+-])'))"
    return Typed(f"CASE WHEN {kind} NOT IN ('OBJECT', 'ARRAY', 'NULL', 'DOUBLE') THEN {found} "
                 f"WHEN {kind} = 'DOUBLE' THEN CASE WHEN {same} THEN {number} ELSE py_json_number({document}, {path}) END END", t.VARCHAR)  # fmt: skip


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


def _array_contains(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = [compiler.compile(argument, scope) for argument in call.arguments]
    if len(values) != 2 or values[0].type.name not in ("varchar", "json", "unknown"):
        raise _unexpected(call, values)
    wanted = values[1].type
    if not (t.is_integral(wanted) or wanted.name in ("boolean", "double", "varchar", "real")):
        raise _unexpected(call, values)
    kind = "bigint" if t.is_integral(wanted) else "double" if wanted.name == "real" else wanted.name
    shown = f"CAST({values[1].sql} AS VARCHAR)"
    document = values[0].sql if values[0].type.name != "unknown" else "CAST(NULL AS VARCHAR)"
    return Typed(f"py_json_array_contains({document}, '{kind}', {shown})", t.BOOLEAN)


# -- SQL/JSON paths: json_exists, json_value, json_query. `grammar` gives each option as an argument of its own.


def _unexpected(call: Call, values: list[Typed]) -> QueryError:
    given = ", ".join(str(value.type) for value in values)
    return QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters ({given}) for function {call.name}")


def _document_and_path(compiler: Expressions, call: Call, scope: Scope) -> tuple[str, str]:
    document, path = (compiler.compile(argument, scope) for argument in call.arguments[:2])
    if document.type.name not in ("varchar", "char", "unknown"):
        raise not_supported(f"{call.place}: {call.name} of {document.type}")
    if not isinstance(path.constant, str):
        raise QueryError("TYPE_MISMATCH", f"{call.place}: JSON path must be a string literal")
    try:
        parse_path(path.constant)
    except RowError as error:
        raise QueryError(error.code, f"{call.place}: {error.message}") from None
    return coerce(document, t.VARCHAR).sql, text(path.constant)


def _options(call: Call) -> tuple[str, str, str, str]:
    wrapper, quotes, empty, error = (call.arguments[i].name for i in (3, 4, 5, 7))
    return wrapper, quotes, empty, error


def _exists(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    document, path = _document_and_path(compiler, call, scope)
    wrapper, quotes, empty, error = _options(call)
    if wrapper or quotes or empty or error not in ("", "TRUE", "FALSE", "UNKNOWN", "ERROR"):
        raise QueryError("SYNTAX_ERROR", f"{call.place}: this option of json_exists")
    return Typed(f"py_json_exists({document}, {path}, '{error or 'FALSE'}')", t.BOOLEAN)


def _value(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    document, path = _document_and_path(compiler, call, scope)
    wrapper, quotes, empty, error = _options(call)
    behaviours = ("", "NULL", "ERROR", "DEFAULT")
    if wrapper or quotes or empty not in behaviours or error not in behaviours:
        raise QueryError("SYNTAX_ERROR", f"{call.place}: this option of json_value")
    returning = call.arguments[2]
    kind = t.VARCHAR if isinstance(returning, exp.Null) else expressions.type_of(returning, call.place)
    if not (kind.name in ("varchar", "boolean", "date") or t.is_numeric(kind)):
        raise not_supported(f"{call.place}: json_value RETURNING {kind}")
    defaults = []
    for how, index in ((empty, 6), (error, 8)):
        default = cast(compiler.compile(call.arguments[index], scope), kind) if how == "DEFAULT" else null(kind)
        defaults.append(as_text(default))
    held = "varchar" if kind.name == "varchar" else "other"
    found = f"py_json_value({document}, {path}, '{held}', '{empty or 'NULL'}', {defaults[0]}, '{error or 'NULL'}', {defaults[1]})"
    value = cast(Typed(found, t.VARCHAR), kind)
    if kind == t.VARCHAR or error == "ERROR":
        return value
    if error == "DEFAULT":
        raise not_supported(f"{call.place}: json_value RETURNING {kind} DEFAULT ... ON ERROR")
    return Typed(f"TRY({value.sql})", kind) if empty != "ERROR" else value


def _query(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    document, path = _document_and_path(compiler, call, scope)
    wrapper, quotes, empty, error = _options(call)
    behaviours = ("", "NULL", "ERROR", "EMPTY ARRAY", "EMPTY OBJECT")
    if empty not in behaviours or error not in behaviours:
        raise QueryError("SYNTAX_ERROR", f"{call.place}: this option of json_query")
    returning = call.arguments[2]
    if not isinstance(returning, exp.Null) and expressions.type_of(returning, call.place) != t.VARCHAR:
        raise not_supported(f"{call.place}: json_query RETURNING {returning.sql()}")
    options = f"'{wrapper or 'WITHOUT'}', '{quotes or 'KEEP'}', '{empty or 'NULL'}', '{error or 'NULL'}'"
    return Typed(f"py_json_query({document}, {path}, {options})", t.VARCHAR)


_MAKES_JSON = ("json_object", "json_array", "json_query")


def _json_item(compiler: Expressions, node: exp.Expr, is_json: exp.Expr, scope: Scope, call: Call) -> str:
    """A member's or element's JSON text; NULL stays NULL."""
    value = compiler.compile(node, scope)
    if isinstance(node, exp.Anonymous) and str(node.this).lower() in _MAKES_JSON:
        return value.sql
    if isinstance(is_json, exp.Boolean) and is_json.this:
        return f"py_json_plain({coerce(value, t.VARCHAR).sql})"
    if value.type.name == "unknown":
        return "CAST(NULL AS VARCHAR)"
    if value.type.children or value.type.name in ("json", "varbinary", "decimal", "real"):
        raise not_supported(f"{call.place}: {call.name} of {value.type}")
    return to_json(value).sql


def _handling(call: Call) -> str:
    said = call.arguments[0].name
    handling, _, returning = said.partition(" RETURNING ")
    if returning and returning.upper() != "VARCHAR":
        raise not_supported(f"{call.place}: {call.name} RETURNING {returning}")
    return handling


def _object(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    members, keys, values = call.arguments[1:], [], []
    for key, node, is_json in zip(members[::3], members[1::3], members[2::3], strict=True):
        label = compiler.compile(key, scope)
        if label.type.name not in ("varchar", "char", "unknown"):
            said = f"Invalid type of JSON object key. Expected: VARCHAR, actual: {label.type}"
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{call.place}: {said}")
        keys.append(coerce(label, t.VARCHAR).sql)
        values.append(_json_item(compiler, node, is_json, scope, call))
    lists = f"CAST([{', '.join(keys)}] AS VARCHAR[]), CAST([{', '.join(values)}] AS VARCHAR[])"
    return Typed(f"py_json_object({lists}, '{_handling(call)}')", t.VARCHAR)


def _array(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    items = call.arguments[1:]
    values = [_json_item(compiler, node, flag, scope, call) for node, flag in zip(items[::2], items[1::2], strict=True)]
    return Typed(f"py_json_array(CAST([{', '.join(values)}] AS VARCHAR[]), '{_handling(call)}')", t.VARCHAR)


def constant_json(said: str) -> str | None:
    """The canonical text of a JSON literal, or None when it is not JSON."""
    try:
        return canonical_text(said)
    except (RowError, RecursionError):
        return None


SPECIAL: dict[str, Special] = {
    "json_extract_scalar": _extract_scalar, "json_extract": _extract, "json_size": _size, "json_exists": _exists,
    "json_value": _value, "json_query": _query, "json_object": _object, "json_array": _array,
    "json_array_contains": _array_contains,
    "json_parse": _parse, "json_array_get": _array_get,
}  # fmt: skip
