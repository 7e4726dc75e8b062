"""Functions whose meaning needs more than a text: conditionals, patterns that must be literals, odd aggregates."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from steppe.sql import types as t
from steppe.sql.calls import Call, around, scalar
from steppe.sql.casts import coerce
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.operators import arithmetic, comparable, compare, concatenated, decimal_average, unscaled
from steppe.sql.scope import Scope
from steppe.sql.typed import Typed, null, text, varchar
from steppe.sql.types import Type

if TYPE_CHECKING:
    from steppe.sql.expressions import Expressions

Special = Callable[["Expressions", Call, Scope], Typed]


def _compiled(compiler: Expressions, call: Call, scope: Scope, *counts: int) -> list[Typed]:
    values = [compiler.compile(argument, scope) for argument in call.arguments]
    if counts and len(values) not in counts:
        raise _unexpected(call, values)
    return values


def _unexpected(call: Call, values: list[Typed]) -> QueryError:
    given = ", ".join(str(value.type) for value in values)
    return QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters ({given}) for function {call.name}")


def _coalesce(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope)
    if len(values) < 2:
        raise QueryError("SYNTAX_ERROR", f"{call.place}: The 'coalesce' function must have at least two arguments")
    kind = compiler.joint(values, call.place, "All COALESCE operands")
    return Typed(f"coalesce({', '.join(coerce(value, kind).sql for value in values)})", kind)


def _nullif(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    first, second = _compiled(compiler, call, scope, 2)
    return Typed(f"CASE WHEN {compare('=', first, second, call.place).sql} THEN NULL ELSE {first.sql} END", first.type)


def _try(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _compiled(compiler, call, scope, 1)
    return Typed(f"TRY({value.sql})", value.type)


def _extreme(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """greatest, least: NULL if any is NULL."""
    values = _compiled(compiler, call, scope)
    kind = compiler.joint(values, call.place, f"All {call.name} arguments") if values else t.UNKNOWN
    if not values or kind.children or kind.name in ("timestamp with time zone", "json"):
        raise not_supported(f"{call.place}: {call.name} of {kind}")
    items = [coerce(value, kind).sql for value in values]
    known = " AND ".join(f"{item} IS NOT NULL" for item in items)
    return Typed(f"CASE WHEN {known} THEN {call.name}({', '.join(items)}) END", kind)


def _concat(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope)
    if len(values) < 2:
        raise QueryError("SYNTAX_ERROR", f"{call.place}: There must be two or more concatenation arguments")
    return concatenated(values, call.place)


def _mod(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    first, second = _compiled(compiler, call, scope, 2)
    return arithmetic("%", first, second, call.place)


def _typeof(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _compiled(compiler, call, scope, 1)
    return varchar(str(value.type)).with_type(t.VARCHAR)


def _round(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 1, 2)
    _refuse_decimal_literal(call)
    value, kind = values[0], values[0].type
    if len(values) == 2 and not isinstance(values[1].constant, int):
        raise not_supported(f"{call.place}: round to a number of digits that is not a literal")
    digits = values[1].constant if len(values) == 2 else 0
    if t.is_integral(kind) and digits >= 0:
        return value
    if kind.name in ("double", "real"):
        if digits == 0:
            return Typed(f"round({value.sql})", kind)
        power = f"CAST(1e{digits} AS DOUBLE)"
        scaled = f"(round(abs(CAST({value.sql} AS DOUBLE)) * {power}) / {power})"
        return Typed(
            f"CAST(CASE WHEN isfinite({value.sql}) THEN CASE WHEN {value.sql} < 0 THEN -{scaled} ELSE {scaled} END ELSE {value.sql} END AS {t.duckdb(kind)})",
            kind,
        )
    if kind.name == "decimal" and digits >= 0:
        precision, scale = kind.precision or 0, kind.scale
        if len(values) == 1:
            target = t.decimal(min(38, precision - scale + min(1, scale)), 0)
            return Typed(f"CAST(round({value.sql}, 0) AS {t.duckdb(target)})", target)
        target = t.decimal(precision + 1, scale)
        return Typed(f"CAST(round({value.sql}, {min(digits, scale)}) AS {t.duckdb(target)})", target)
    raise not_supported(f"{call.place}: round of {kind} to {digits} digits")


def _refuse_decimal_literal(call: Call) -> None:
    """ceil, floor and round of a literal such as 1.2: the manuals (decimal) and the service (double) differ."""
    argument = call.arguments[0] if call.arguments else None
    while isinstance(argument, exp.Neg | exp.Paren):
        argument = argument.this
    if (
        call.name != "round"
        and isinstance(argument, exp.Literal)
        and not argument.is_string
        and re.fullmatch(r"\d*\.\d*", argument.this)
    ):
        said = f"write DOUBLE '{argument.this}' or DECIMAL '{argument.this}'"
        raise not_supported(f"{call.place}: {call.name} of the literal {argument.this}: {said}")


def _ceil_floor(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _compiled(compiler, call, scope, 1)
    _refuse_decimal_literal(call)
    kind, word = value.type, "floor" if call.name == "floor" else "ceil"
    if kind.name == "decimal":
        target = t.decimal((kind.precision or 0) - kind.scale + min(kind.scale, 1), 0)
        return Typed(f"CAST({word}({value.sql}) AS {t.duckdb(target)})", target)
    if kind.name == "real":
        return Typed(f"CAST({word}({value.sql}) AS FLOAT)", kind)
    return scalar(call.name, [value], call.place)


def _truncate(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 1)
    if values[0].type.name == "decimal":
        raise not_supported(f"{call.place}: truncate of a decimal")
    return scalar("truncate", values, call.place)


def _random(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 0, 1, 2)
    if not values:
        return Typed("random()", t.DOUBLE)
    low, high = ("CAST(0 AS BIGINT)", values[0].sql) if len(values) == 1 else (values[0].sql, values[1].sql)
    if not all(t.is_integral(value.type) for value in values):
        raise _unexpected(call, values)
    return Typed(f"CAST({low} + floor(random() * ({high} - {low})) AS BIGINT)", t.BIGINT)


def _substring(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2, 3)
    result = scalar("substr", values, call.place)
    own = values[0].type
    return result.with_type(own) if own.name == "varchar" else result


def _pad(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    return scalar(call.name, _compiled(compiler, call, scope, 3), call.place)


def _normalize(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    if len(call.arguments) == 2 and call.arguments[1].name.upper() != "NFC":
        raise not_supported(f"{call.place}: normalize to {call.arguments[1].name}")
    return scalar("normalize", [compiler.compile(call.arguments[0], scope)], call.place)


def _position(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    argument = call.arguments[0] if call.arguments else None
    if not isinstance(argument, exp.In) or argument.args.get("field") is None:
        raise not_supported(f"{call.place}: this form of position")
    values = [compiler.compile(argument.this, scope), compiler.compile(argument.args["field"], scope)]
    return scalar("position", values, call.place)


def _strpos(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2, 3)
    if len(values) == 2:
        return scalar("strpos", values, call.place)
    which = values[2].constant
    if not isinstance(which, int) or not 1 <= which <= 20:
        raise not_supported(f"{call.place}: strpos with this instance")
    a, b = values[0].sql, values[1].sql
    at = f"instr({a}, {b})"
    for _ in range(which - 1):
        following = f"instr(substr({a}, {at} + 1), {b})"
        at = f"(CASE WHEN {at} = 0 OR {following} = 0 THEN 0 ELSE {at} + {following} END)"
    return Typed(f"CAST({at} AS BIGINT)", t.BIGINT)


# -- regular expressions: Java's in Trino, RE2's in DuckDB

_JAVA_ONLY = re.compile(r"\(\?[=!<](?!\w+>)|\(\?>|\\[1-9]|\\k<|[*+?}]\+|\\[GRXhHVZ]|&&|\\[pP]\{(?:java|Is|In)|\\u")


def _pattern(value: Typed, call: Call) -> str:
    """The SQL of a pattern that RE2 reads as Java does."""
    said = value.constant
    if not isinstance(said, str):
        raise not_supported(f"{call.place}: {call.name} with a pattern that is not a literal")
    if _JAVA_ONLY.search(said):
        raise not_supported(f"{call.place}: {call.name} with the pattern {said}")
    return text(said)


def _regexp_like(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    subject, pattern = _compiled(compiler, call, scope, 2)
    return Typed(f"regexp_matches({_text(subject, call)}, {_pattern(pattern, call)})", t.BOOLEAN)


def _text(value: Typed, call: Call) -> str:
    if value.type.name not in ("varchar", "char", "unknown"):
        raise _unexpected(call, [value])
    return coerce(value, t.VARCHAR).sql


def _group(values: list[Typed], call: Call) -> int:
    if len(values) < 3:
        return 0
    group = values[2].constant
    if not isinstance(group, int) or not 0 <= group <= 9:
        raise not_supported(f"{call.place}: {call.name} with this group")
    return group


def _regexp_extract(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2, 3)
    subject, pattern, group = _text(values[0], call), _pattern(values[1], call), _group(values, call)
    if group:  # a group that takes no part is NULL in Java and '' in RE2: only groups that always take part are exact
        _refuse_optional_groups(values[1].constant, call)
    return Typed(
        f"CASE WHEN regexp_matches({subject}, {pattern}) THEN regexp_extract({subject}, {pattern}, {group}) END",
        t.VARCHAR,
    )


def _refuse_optional_groups(said: str, call: Call) -> None:
    if re.search(r"\)(?:[?*]|\{0)|\|", said):
        raise not_supported(f"{call.place}: {call.name} of a group in the pattern {said}")


def _regexp_extract_all(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2, 3)
    subject, pattern, group = _text(values[0], call), _pattern(values[1], call), _group(values, call)
    if group:
        _refuse_optional_groups(values[1].constant, call)
    return Typed(f"regexp_extract_all({subject}, {pattern}, {group})", t.array(t.VARCHAR))


def _regexp_replace(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    if len(call.arguments) == 3 and isinstance(call.arguments[2], exp.Lambda):
        raise not_supported(f"{call.place}: regexp_replace with a lambda")
    values = _compiled(compiler, call, scope, 2, 3)
    subject, pattern = _text(values[0], call), _pattern(values[1], call)
    if len(values) == 2:
        return Typed(f"regexp_replace({subject}, {pattern}, '', 'g')", t.VARCHAR)
    said = values[2].constant
    if not isinstance(said, str) or re.search(r"\$\{|\$(?!\d)|\$\d\d", said):
        raise not_supported(f"{call.place}: regexp_replace with this replacement")
    own = re.sub(
        r"\\(.)|(\\)|\$(\d)",
        lambda m: f"\\{m.group(3)}" if m.group(3) else (m.group(1) or "\\").replace("\\", "\\\\"),
        said,
    )
    return Typed(f"regexp_replace({subject}, {pattern}, {text(own)}, 'g')", t.VARCHAR)


def _regexp_count(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2)
    found = f"regexp_extract_all({_text(values[0], call)}, {_pattern(values[1], call)})"
    return Typed(f"CAST(len({found}) AS BIGINT)", t.BIGINT)


def _regexp_split(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2)
    return Typed(f"regexp_split_to_array({_text(values[0], call)}, {_pattern(values[1], call)})", t.array(t.VARCHAR))


# -- aggregates


def _around(compiler: Expressions, call: Call, scope: Scope, *allowed: str) -> dict[str, str]:
    parts = around(compiler, call, scope)
    for key, value in parts.items():
        if value and key not in allowed:
            raise not_supported(f"{call.place}: {call.name} with {key}")
    return parts


def _sum(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _compiled(compiler, call, scope, 1)
    p = _around(compiler, call, scope, "d", "f", "w")
    kind = value.type
    if kind.name == "unknown":
        kind = t.BIGINT
        value = coerce(value, kind)
    if t.is_integral(kind):
        result = t.BIGINT
    elif kind.name == "decimal":
        result = t.decimal(38, kind.scale)
    elif kind.name in ("double", "real") or kind.name.startswith("interval"):
        result = kind
    else:
        raise _unexpected(call, [value])
    return Typed(f"CAST((sum({p['d']}{value.sql}){p['f']}{p['w']}) AS {t.duckdb(result)})", result)


def _avg(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _compiled(compiler, call, scope, 1)
    p = _around(compiler, call, scope, "d", "f", "w")
    kind = value.type
    tail = f"{p['f']}{p['w']}"
    if kind.name == "decimal":
        total = f"(sum({p['d']}{value.sql}){tail})"
        count = f"(count({p['d']}{value.sql}){tail})"
        return Typed(decimal_average(total, count, kind), kind)
    if kind.name == "real":
        return Typed(f"CAST((avg({p['d']}{value.sql}){tail}) AS FLOAT)", kind)
    if not t.is_numeric(kind) and kind.name != "unknown":
        raise (
            _unexpected(call, [value])
            if not kind.name.startswith("interval")
            else not_supported(f"{call.place}: avg of {kind}")
        )
    return Typed(f"(avg({p['d']}{coerce(value, t.DOUBLE).sql}){tail})", t.DOUBLE)


def _min_max(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 1, 2)
    p = _around(compiler, call, scope, "d", "f", "w")
    value = values[0]
    if len(values) == 2 or value.type.children or not t.is_orderable(value.type):
        raise not_supported(f"{call.place}: {call.name} of {', '.join(str(v.type) for v in values)}")
    if value.type.name == "timestamp with time zone":
        return Typed(f"(arg_{call.name}({value.sql}, {comparable(value)}){p['f']}{p['w']})", value.type)
    return Typed(f"({call.name}({value.sql}){p['f']}{p['w']})", value.type)


def _by(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    value, key = _compiled(compiler, call, scope, 2)
    p = _around(compiler, call, scope, "f", "w")
    if key.type.children or not t.is_orderable(key.type):
        raise not_supported(f"{call.place}: {call.name} by {key.type}")
    word = "arg_max_null" if call.name == "max_by" else "arg_min_null"
    return Typed(f"({word}({value.sql}, {comparable(key)}){p['f']}{p['w']})", value.type)


def _histogram(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _compiled(compiler, call, scope, 1)
    p = _around(compiler, call, scope, "f")
    kind = t.map_of(value.type, t.BIGINT)
    return Typed(f"CAST((histogram({value.sql}){p['f']}) AS {t.duckdb(kind)})", kind)


def _map_agg(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """map_agg: the first of several values of a key; entries without a key are left out."""
    key, value = _compiled(compiler, call, scope, 2)
    p = _around(compiler, call, scope, "f")
    entries = (
        f"list_filter((array_agg(struct_pack(k := {key.sql}, v := {value.sql})){p['f']}), lambda e: e.k IS NOT NULL)"
    )
    keys = f"list_transform({entries}, lambda e: e.k)"
    first = f"list_filter({entries}, lambda e, i: list_position({keys}, e.k) = i)"
    return Typed(f"map_from_entries({first})", t.map_of(key.type, value.type))


def _multimap_agg(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    key, value = _compiled(compiler, call, scope, 2)
    p = _around(compiler, call, scope, "f")
    entries = (
        f"list_filter((array_agg(struct_pack(k := {key.sql}, v := {value.sql})){p['f']}), lambda e: e.k IS NOT NULL)"
    )
    return multimap(entries, key.type, value.type)


def multimap(entries: str, key: Type, value: Type) -> Typed:
    """A map from each key to the list of its values, of a list of structs with k and v."""
    keys = f"list_transform({entries}, lambda e: e.k)"
    first = f"list_filter({keys}, lambda k, i: list_position({keys}, k) = i)"
    pair = f"struct_pack(k := k, v := list_transform(list_filter({entries}, lambda e: e.k = k), lambda e: e.v))"
    return Typed(f"map_from_entries(list_transform({first}, lambda k: {pair}))", t.map_of(key, t.array(value)))


def _reduce_agg(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    from steppe.sql.functions_collections import reduced

    if len(call.arguments) != 4:
        raise _unexpected(call, [])
    value = compiler.compile(call.arguments[0], scope)
    p = _around(compiler, call, scope, "f")
    gathered = f"list_filter((array_agg({value.sql}){p['f']}), lambda e: e IS NOT NULL)"
    start = compiler.compile(call.arguments[1], scope)
    result = reduced(compiler, Typed(gathered, t.array(value.type)), start, call.arguments[2], scope, call.place)
    return Typed(f"CASE WHEN len({gathered}) > 0 THEN {result.sql} END", result.type)


def _grouping(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope)
    return Typed(f"CAST(grouping({', '.join(value.sql for value in values)}) AS INTEGER)", t.INTEGER)


def _row(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    from steppe.sql.expressions import row_of

    return row_of(_compiled(compiler, call, scope))


SPECIAL: dict[str, Special] = {
    "coalesce": _coalesce, "nullif": _nullif, "try": _try, "greatest": _extreme, "least": _extreme, "concat": _concat,
    "mod": _mod, "typeof": _typeof, "round": _round, "ceil": _ceil_floor, "ceiling": _ceil_floor, "floor": _ceil_floor,
    "truncate": _truncate, "random": _random, "rand": _random, "substring": _substring, "substr": _substring,
    "lpad": _pad, "rpad": _pad, "normalize": _normalize, "position": _position, "strpos": _strpos,
    "regexp_like": _regexp_like, "regexp_extract": _regexp_extract, "regexp_extract_all": _regexp_extract_all,
    "regexp_replace": _regexp_replace, "regexp_count": _regexp_count, "regexp_split": _regexp_split,
    "row": _row, "grouping": _grouping,
}  # fmt: skip

AGGREGATES: dict[str, Special] = {
    "sum": _sum, "avg": _avg, "min": _min_max, "max": _min_max, "min_by": _by, "max_by": _by, "histogram": _histogram,
    "map_agg": _map_agg, "multimap_agg": _multimap_agg, "reduce_agg": _reduce_agg,
}  # fmt: skip

__all__ = ["AGGREGATES", "SPECIAL", "multimap", "null", "unscaled"]
