"""Functions whose meaning needs more than a text: conditionals, patterns that must be literals, odd aggregates."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from steppe.sql import functions_sketches
from steppe.sql import types as t
from steppe.sql.calls import Call, around, scalar
from steppe.sql.casts import as_text, coerce
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.operators import arithmetic, comparable, compare, concatenated, decimal_average, unscaled
from steppe.sql.scope import Scope
from steppe.sql.typed import Typed, computed, null, text, varchar
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
    return Typed(f"coalesce({', '.join(computed(coerce(value, kind)).sql for value in values)})", kind)


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
    if len(values) == 2 and not (t.is_integral(values[1].type) or values[1].type.name == "unknown"):
        raise _unexpected(call, values)
    if len(values) == 2 and not isinstance(values[1].constant, int):
        if kind.name not in ("double", "real"):
            raise not_supported(f"{call.place}: round to a number of digits that is not a literal")
        rounded = f"py_round(CAST({value.sql} AS DOUBLE), CAST({values[1].sql} AS BIGINT))"
        return Typed(f"CAST({rounded} AS {t.duckdb(kind)})", kind)
    digits = values[1].constant if len(values) == 2 else 0
    if t.is_integral(kind) and digits >= 0:
        return value
    if t.is_integral(kind):
        rounded = f"py_round_integer(CAST({value.sql} AS BIGINT), CAST({digits} AS BIGINT))"
        return Typed(f"CAST({rounded} AS {t.duckdb(kind)})", kind)
    if kind.name in ("double", "real"):
        if digits == 0:
            return Typed(f"round({value.sql})", kind)
        if abs(digits) > 22:  # beyond, a power of ten is no exact double, and soon none at all
            rounded = f"py_round(CAST({value.sql} AS DOUBLE), CAST({digits} AS BIGINT))"
            return Typed(f"CAST({rounded} AS {t.duckdb(kind)})", kind)
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


def _decimal_literal(call: Call) -> Type | None:
    """The decimal type of an argument that is a literal such as 1.2 or -1.5, in Trino's reading."""
    argument = call.arguments[0] if call.arguments else None
    while isinstance(argument, exp.Neg | exp.Paren):
        argument = argument.this
    if not isinstance(argument, exp.Literal) or argument.is_string or not re.fullmatch(r"\d*\.\d*", argument.this):
        return None
    whole, _, fraction = argument.this.partition(".")
    return t.decimal(max(len(whole.lstrip("0")) + len(fraction), len(fraction), 1), len(fraction))


def _refuse_decimal_literal(call: Call) -> None:
    """Truncate of a literal such as 1.2: the manuals (decimal) and the service (double) show it differently."""
    if call.name == "truncate" and _decimal_literal(call) is not None:
        said = call.arguments[0].sql()
        raise not_supported(f"{call.place}: truncate of the literal {said}: write DOUBLE '{said}' or DECIMAL '{said}'")


def _ceil_floor(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _compiled(compiler, call, scope, 1)
    digits = _decimal_literal(call)
    if digits is not None:  # alone among numbers with a point, the manuals' examples show these as decimals: 2, not 2.0
        value = Typed(f"CAST({value.sql} AS {t.duckdb(digits)})", digits)
    kind, word = value.type, "floor" if call.name == "floor" else "ceil"
    if kind.name == "decimal":
        target = t.decimal((kind.precision or 0) - kind.scale + min(kind.scale, 1), 0)
        return Typed(f"CAST({word}({value.sql}) AS {t.duckdb(target)})", target)
    if kind.name == "real":
        return Typed(f"CAST({word}({value.sql}) AS FLOAT)", kind)
    return scalar(call.name, [value], call.place)


def _truncate(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 1, 2)
    _refuse_decimal_literal(call)
    value, kind = values[0], values[0].type
    if kind.name == "decimal":
        precision, digits = kind.precision or 0, values[1].constant if len(values) == 2 else 0
        if not isinstance(digits, int) or digits < 0:
            raise not_supported(f"{call.place}: truncate to this number of digits")
        target = kind if len(values) == 2 else t.decimal(max(precision - kind.scale, 1), 0)
        return Typed(f"CAST(trunc({value.sql}, {min(digits, kind.scale)}) AS {t.duckdb(target)})", target)
    result = scalar("truncate", values, call.place)
    return coerce(result, kind) if kind.name == "real" else result


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
    form = call.arguments[1].name.upper() if len(call.arguments) == 2 else "NFC"
    value = compiler.compile(call.arguments[0], scope) if call.arguments else null(t.UNKNOWN)
    if len(call.arguments) not in (1, 2) or value.type.name == "unknown":
        raise _unexpected(call, [value])
    return scalar("normalize", [value, varchar(form)], call.place)


def _position(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    argument = call.arguments[0] if call.arguments else None
    if not isinstance(argument, exp.In) or argument.args.get("field") is None:
        raise not_supported(f"{call.place}: this form of position")
    values = [compiler.compile(argument.this, scope), compiler.compile(argument.args["field"], scope)]
    return scalar("position", values, call.place)


def _strpos(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    return scalar("strpos", _compiled(compiler, call, scope, 2, 3), call.place)


# -- regular expressions: Java's in Trino, RE2's in DuckDB

_JAVA_ONLY = re.compile(r"\(\?[=!<](?!\w+>)|\(\?>|\\[1-9]|\\k<|[*+?}]\+|\\[GRXhHVZ]|&&|\\[pP]\{(?:java|Is|In)|\\u")


def _is_exact_in_re2(value: Typed) -> bool:
    """Whether RE2 reads a pattern as Java does: a literal without what only Java has."""
    return isinstance(value.constant, str) and not _JAVA_ONLY.search(value.constant)


def _text(value: Typed, call: Call) -> str:
    if value.type.name not in ("varchar", "char", "unknown"):
        raise _unexpected(call, [value])
    return coerce(value, t.VARCHAR).sql


def _subject_and_pattern(values: list[Typed], call: Call) -> tuple[str, str]:
    return _text(values[0], call), _text(values[1], call)


def _has_optional_groups(said: str) -> bool:
    """Whether a group may take no part: it is NULL in Java and '' in RE2."""
    return re.search(r"\)(?:[?*]|\{0)|\|", said) is not None


def _regexp_like(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2)
    subject, pattern = _subject_and_pattern(values, call)
    word = "regexp_matches" if _is_exact_in_re2(values[1]) else "py_regexp_like"
    return Typed(f"{word}({subject}, {pattern})", t.BOOLEAN)


def _group(values: list[Typed], call: Call) -> tuple[str, int | None]:
    """The group as SQL, and as a number when RE2 can be asked for it."""
    if len(values) < 3:
        return "CAST(0 AS BIGINT)", 0
    if not t.is_integral(values[2].type) and values[2].type.name != "unknown":
        raise _unexpected(call, values)
    said, pattern = values[2].constant, values[1].constant
    sql = coerce(values[2], t.BIGINT).sql
    if not isinstance(said, int) or not isinstance(pattern, str):
        return sql, None
    groups = len(re.findall(r"(?<!\\)\((?!\?)", pattern))
    fits = 0 <= said <= min(groups, 9) and (said == 0 or not _has_optional_groups(pattern))
    return sql, said if fits else None


def _regexp_extract(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2, 3)
    subject, pattern = _subject_and_pattern(values, call)
    group, number = _group(values, call)
    if number is None or not _is_exact_in_re2(values[1]):
        return Typed(f"py_regexp_extract({subject}, {pattern}, {group})", t.VARCHAR)
    found = f"regexp_extract({subject}, {pattern}, {number})"
    return Typed(f"CASE WHEN regexp_matches({subject}, {pattern}) THEN {found} END", t.VARCHAR)


def _regexp_extract_all(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2, 3)
    subject, pattern = _subject_and_pattern(values, call)
    group, number = _group(values, call)
    if number is None or not _is_exact_in_re2(values[1]):
        return Typed(f"py_regexp_extract_all({subject}, {pattern}, {group})", t.array(t.VARCHAR))
    return Typed(f"regexp_extract_all({subject}, {pattern}, {number})", t.array(t.VARCHAR))


def _regexp_replace(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    if len(call.arguments) == 3 and isinstance(call.arguments[2], exp.Lambda):
        return _regexp_replace_lambda(compiler, call, scope)
    values = _compiled(compiler, call, scope, 2, 3)
    subject, pattern = _subject_and_pattern(values, call)
    said = values[2].constant if len(values) == 3 else ""
    replacement = _text(values[2], call) if len(values) == 3 else "''"
    literal = isinstance(said, str) and not re.search(r"\$\{|\$(?!\d)|\$\d\d", said) and not said.endswith("\\")
    if not literal or not _is_exact_in_re2(values[1]) or not _has_groups(values[1].constant, said):
        return Typed(f"py_regexp_replace({subject}, {pattern}, {replacement})", t.VARCHAR)
    own = re.sub(
        r"\\(.)|(\\)|\$(\d)",
        lambda m: f"\\{m.group(3)}" if m.group(3) else (m.group(1) or "\\").replace("\\", "\\\\"),
        said,
    )
    return Typed(f"regexp_replace({subject}, {pattern}, {text(own)}, 'g')", t.VARCHAR)


def _has_groups(pattern: str, replacement: str) -> bool:
    """Whether the pattern has the groups that a replacement names."""
    groups = len(re.findall(r"(?<!\\)\((?!\?)", pattern))
    return all(int(number) <= groups for number in re.findall(r"\$(\d)", replacement))


def _regexp_replace_lambda(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """The lambda is given a match's groups; NULL from it makes the whole NULL."""
    from steppe.sql.functions_collections import body_of

    values = [compiler.compile(argument, scope) for argument in call.arguments[:2]]
    subject, pattern = _subject_and_pattern(values, call)
    x = compiler.transpiler.fresh("x")
    body = body_of(compiler, call.arguments[2], [Typed(f"{x}.g", t.array(t.VARCHAR))], scope, call.place)
    if body.type.name not in ("varchar", "unknown"):
        raise _unexpected(call, [*values, body])
    piece = f"CASE WHEN {x}.g IS NULL THEN {x}.t ELSE {coerce(body, t.VARCHAR).sql} END"
    made = f"list_transform(py_regexp_pieces({subject}, {pattern}), lambda {x}: {piece})"
    whole = f"CASE WHEN NOT list_contains(list_transform({made}, lambda {x}: {x} IS NULL), true) THEN array_to_string({made}, '') END"
    return Typed(whole, t.VARCHAR)


def _regexp_count(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2)
    subject, pattern = _subject_and_pattern(values, call)
    if not _is_exact_in_re2(values[1]):
        return Typed(f"py_regexp_count({subject}, {pattern})", t.BIGINT)
    return Typed(f"CAST(len(regexp_extract_all({subject}, {pattern})) AS BIGINT)", t.BIGINT)


def _regexp_split(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2)
    subject, pattern = _subject_and_pattern(values, call)
    return Typed(f"py_regexp_split({subject}, {pattern})", t.array(t.VARCHAR))


def _regexp_position(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope, 2, 3, 4)
    subject, pattern = _subject_and_pattern(values, call)
    numbers = [coerce(value, t.BIGINT).sql for value in values[2:] if t.is_integral(value.type)]
    if len(numbers) != len(values) - 2:
        raise _unexpected(call, values)
    numbers += ["CAST(1 AS BIGINT)"] * (2 - len(numbers))
    return Typed(f"CAST(py_regexp_position({subject}, {pattern}, {', '.join(numbers)}) AS INTEGER)", t.INTEGER)


_KINDS = {"tinyint": "i", "smallint": "i", "integer": "i", "bigint": "i", "double": "d", "real": "d", "decimal": "m",
          "boolean": "b", "date": "D", "timestamp": "t"}  # fmt: skip


def _format(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _compiled(compiler, call, scope)
    if not values or values[0].type.name not in ("varchar", "char", "unknown"):
        raise _unexpected(call, values)
    shown = [as_text(value) if value.type.name != "unknown" else null(t.VARCHAR).sql for value in values[1:]]
    kinds = "".join(_KINDS.get(value.type.name, "s") for value in values[1:])
    if any(value.type.children or value.type.name == "timestamp with time zone" for value in values[1:]):
        raise not_supported(f"{call.place}: format of {', '.join(str(value.type) for value in values[1:])}")
    items = f"CAST([{', '.join(shown)}] AS VARCHAR[])"
    return Typed(f"py_format({_text(values[0], call)}, '{kinds}', {items})", t.VARCHAR)


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
    if len(call.arguments) == 2:
        return functions_sketches.largest(compiler, call, scope)
    values = _compiled(compiler, call, scope, 1)
    p = _around(compiler, call, scope, "d", "f", "w")
    value = values[0]
    if value.type.children or not t.is_orderable(value.type):
        raise not_supported(f"{call.place}: {call.name} of {', '.join(str(v.type) for v in values)}")
    if value.type.name == "timestamp with time zone":
        return Typed(f"(arg_{call.name}({value.sql}, {comparable(value)}){p['f']}{p['w']})", value.type)
    return Typed(f"({call.name}({value.sql}){p['f']}{p['w']})", value.type)


def _by(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    if len(call.arguments) == 3:
        return functions_sketches.largest(compiler, call, scope)
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
    "regexp_position": _regexp_position, "format": _format,
    "row": _row, "grouping": _grouping,
}  # fmt: skip

AGGREGATES: dict[str, Special] = {
    "sum": _sum, "avg": _avg, "min": _min_max, "max": _min_max, "min_by": _by, "max_by": _by, "histogram": _histogram,
    "map_agg": _map_agg, "multimap_agg": _multimap_agg, "reduce_agg": _reduce_agg,
}  # fmt: skip

__all__ = ["AGGREGATES", "SPECIAL", "multimap", "null", "unscaled"]
