"""Operators by the types of their operands: arithmetic and comparisons that give Trino's value and Trino's type."""

from __future__ import annotations

from steppe.sql import types as t
from steppe.sql.casts import coerce, instant, lambda_name, local_time, padded
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.typed import Typed, guarded, text
from steppe.sql.types import Type

_NAMES = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulus"}
_DAY_MS = 86_400_000


def arithmetic(sign: str, left: Typed, right: Typed, place: str) -> Typed:
    """`left sign right` for + - * / %.

    Raises:
        QueryError: TYPE_MISMATCH for operands that Trino does not take.
    """
    if left.type.name == "unknown" and right.type.name == "unknown":
        left = right = coerce(left, t.BIGINT)
    if left.type.name == "unknown" and t.is_numeric(right.type):
        left = coerce(left, right.type)
    if right.type.name == "unknown" and t.is_numeric(left.type):
        right = coerce(right, left.type)
    if t.is_numeric(left.type) and t.is_numeric(right.type):
        return _numbers(sign, left, right)
    result = _moments(sign, left, right)
    if result is None:
        raise QueryError("TYPE_MISMATCH", f"{place}: Cannot apply operator: {left.type} {sign} {right.type}")
    return result


def _numbers(sign: str, left: Typed, right: Typed) -> Typed:
    joint = t.common(left.type, right.type)
    assert joint is not None
    if joint.name == "decimal":
        return _decimals(sign, _as_decimal(left), _as_decimal(right))
    a, b = coerce(left, joint).sql, coerce(right, joint).sql
    held = t.duckdb(joint)
    if t.is_integral(joint):
        operator = "//" if sign == "/" else sign
        return Typed(f"CAST(({a} {operator} {b}) AS {held})", joint)
    if sign == "%":
        return Typed(
            f"CASE WHEN {b} = 0 AND {a} IS NOT NULL THEN CAST('nan' AS {held}) ELSE CAST({a} % {b} AS {held}) END",
            joint,
        )
    return Typed(f"CAST(({a} {sign} {b}) AS {held})", joint)


def _as_decimal(value: Typed) -> Typed:
    return value if value.type.name == "decimal" else coerce(value, t.as_decimal(value.type))


def _decimals(sign: str, left: Typed, right: Typed) -> Typed:
    """Decimal arithmetic. Source of the result types: Trino manual, "Decimal functions and operators"."""
    p1, s1, p2, s2 = left.type.precision or 0, left.type.scale, right.type.precision or 0, right.type.scale
    match sign:
        case "+" | "-":
            scale = max(s1, s2)
            kind = t.decimal(max(p1 - s1, p2 - s2) + scale + 1, scale)
            return Typed(f"CAST(({left.sql} {sign} {right.sql}) AS {t.duckdb(kind)})", kind)
        case "*":
            if s1 + s2 > t.DECIMAL_DIGITS_MAX:
                raise QueryError("TYPE_MISMATCH", f"DECIMAL scale must be in range [0, precision (38)]: {s1 + s2}")
            kind = t.decimal(p1 + p2, s1 + s2)
            return Typed(f"CAST(({left.sql} * {right.sql}) AS {t.duckdb(kind)})", kind)
        case "/":
            kind = t.decimal(p1 + s2 + max(s2 - s1, 0), max(s1, s2))
            return Typed(_quotient(left, right, kind), kind)
        case _:
            scale = max(s1, s2)
            kind = t.decimal(min(p1 - s1, p2 - s2) + scale, scale)
            return Typed(f"CAST(({left.sql} % {right.sql}) AS {t.duckdb(kind)})", kind)


def unscaled(value: Typed) -> str:
    """A decimal's digits as a HUGEINT."""
    return f"CAST(replace(CAST({value.sql} AS VARCHAR), '.', '') AS HUGEINT)"


def _quotient(left: Typed, right: Typed, kind: Type) -> str:
    """Division rounded half up. DuckDB's own is a division of doubles; this one is done in 128-bit integers."""
    shift = kind.scale - left.type.scale + right.type.scale
    a, b = f"abs({unscaled(left)} * CAST(1{'0' * shift} AS HUGEINT))", f"abs({unscaled(right)})"
    sign = f"(CASE WHEN ({left.sql} < 0) <> ({right.sql} < 0) THEN -1 ELSE 1 END)"
    digits = f"({sign} * ((2 * {a} + {b}) // (2 * {b})))"
    value = _scaled(digits, kind)
    return guarded(f"({right.sql} <> 0 OR {left.sql} IS NULL)", value, "DIVISION_BY_ZERO", text("Division by zero"))


def decimal_average(total: str, count: str, kind: Type) -> str:
    """A sum of decimals (DECIMAL(38, s)) over a count, rounded half up at the decimals' own scale."""
    digits = f"CAST(replace(CAST({total} AS VARCHAR), '.', '') AS HUGEINT)"
    sign = f"(CASE WHEN {total} < 0 THEN -1 ELSE 1 END)"
    rounded = f"({sign} * ((2 * abs({digits}) + {count}) // (2 * {count})))"
    value = _scaled(rounded, kind)
    return f"CASE WHEN {count} > 0 THEN {value} END"


def _scaled(digits: str, kind: Type) -> str:
    """The decimal whose digits are a HUGEINT."""
    return f"CAST(CAST(CAST({digits} AS VARCHAR) || 'e-{kind.scale}' AS DECIMAL(38,{kind.scale})) AS {t.duckdb(kind)})"


def _moments(sign: str, left: Typed, right: Typed) -> Typed | None:
    """Arithmetic of dates, times and intervals; None when Trino has none for these types."""
    a, b = left.type.name, right.type.name
    intervals = ("interval day to second", "interval year to month")
    if a in intervals and b == a and sign in "+-":
        return Typed(f"CAST(({left.sql} {sign} {right.sql}) AS {t.duckdb(left.type)})", left.type)
    if sign == "*" and b in intervals:
        return _moments("*", right, left)
    if a in intervals and sign in "*/" and t.is_numeric(right.type):
        if not t.is_integral(right.type) or sign == "/":
            return _scaled_interval(sign, left, right)
        return Typed(f"CAST(({left.sql} * {right.sql}) AS {t.duckdb(left.type)})", left.type)
    if a in intervals and sign == "+":
        return _moments("+", right, left)
    if b in intervals and sign in "+-":
        return _shifted(left, f"(-({right.sql}))" if sign == "-" else right.sql, right.type)
    if sign == "-" and "date" in (a, b) and a == b:
        return Typed(f"(CAST(({left.sql} - {right.sql}) AS BIGINT) * {_DAY_MS})", t.INTERVAL_DAY)
    joint = t.common(left.type, right.type) if sign == "-" else None
    if joint is not None and joint.name.startswith("timestamp"):
        first, second = coerce(left, joint).sql, coerce(right, joint).sql
        if joint.name != "timestamp":
            first, second = f"({first}).t", f"({second}).t"
        return Typed(f"(epoch_ms({first}) - epoch_ms({second}))", t.INTERVAL_DAY)
    return None


def _scaled_interval(sign: str, interval: Typed, number: Typed) -> Typed:
    """An interval times or by a number: computed as double, then cut towards zero (rounded down by whole division)."""
    held = t.duckdb(interval.type)
    if t.is_integral(number.type):
        whole = f"CAST(trunc(({interval.sql}) / CAST({number.sql} AS DOUBLE)) AS {held})"
        return Typed(guarded(f"({number.sql} <> 0)", whole, "DIVISION_BY_ZERO", text("/ by zero")), interval.type)
    product = f"(CAST({interval.sql} AS DOUBLE) {sign} CAST({number.sql} AS DOUBLE))"
    return Typed(f"CAST(trunc({product}) AS {held})", interval.type)


def _shifted(moment: Typed, amount: str, interval: Type) -> Typed | None:
    months = interval == t.INTERVAL_YEAR
    match moment.type.name:
        case "date":
            if months:
                return Typed(f"CAST({moment.sql} + to_months({amount}) AS DATE)", t.DATE)
            days = f"({moment.sql} + CAST({amount} // {_DAY_MS} AS INTEGER))"
            whole = f"({amount} % {_DAY_MS} = 0 OR {moment.sql} IS NULL)"
            message = text("Cannot add hour, minutes or seconds to a date")
            return Typed(guarded(whole, days, "INVALID_FUNCTION_ARGUMENT", message), t.DATE)
        case "timestamp":
            kind = Type("timestamp", max(3, moment.type.precision or 0))
            return Typed(f"({moment.sql} + {_step(amount, months)})", kind)
        case "timestamp with time zone":
            kind = Type(moment.type.name, max(3, moment.type.precision or 0))
            sql = moment.sql
            moved = f"({sql}).t + {_step(amount, months)}"
            if months:
                moved = instant(f"({local_time(sql)} + {_step(amount, months)})", f"({sql}).z")
            return Typed(f"CASE WHEN {sql} IS NOT NULL THEN struct_pack(t := {moved}, z := ({sql}).z) END", kind)
        case "time" if not months:
            moved = f"CAST(DATE '2000-01-01' + {moment.sql} + {_step(amount, months)} AS TIME)"
            return Typed(moved, Type("time", max(3, moment.type.precision or 0)))
        case _:
            return None


def _step(amount: str, months: bool) -> str:
    return f"to_months({amount})" if months else f"to_microseconds({amount} * 1000)"


def negated(value: Typed, place: str) -> Typed:
    """Minus one value."""
    if not (t.is_numeric(value.type) or value.type.name.startswith("interval")):
        raise QueryError("TYPE_MISMATCH", f"{place}: Cannot negate {value.type}")
    constant = (
        -value.constant
        if isinstance(value.constant, int | float) and not isinstance(value.constant, bool)
        else value.constant
    )
    return Typed(f"CAST((-({value.sql})) AS {t.duckdb(value.type)})", value.type, constant)


def joint_type(left: Typed, right: Typed, sign: str, place: str) -> Type:
    """The type in which two values are compared.

    Raises:
        QueryError: TYPE_MISMATCH, as Trino says it.
    """
    joint = t.common(left.type, right.type)
    if joint is None and {left.type.name, right.type.name} == {"char", "varchar"}:
        raise not_supported("comparison of char with varchar")
    if joint is None:
        raise QueryError("TYPE_MISMATCH", f"{place}: Cannot apply operator: {left.type} {sign} {right.type}")
    return joint


def compare(sign: str, left: Typed, right: Typed, place: str) -> Typed:
    """`left sign right` for = <> < <= > >=, three-valued as in Trino."""
    joint = joint_type(left, right, sign, place)
    if joint.name == "map" and sign in ("=", "<>") and _plain_inside(joint):
        return _maps(sign, coerce(left, joint), coerce(right, joint))
    if sign not in ("=", "<>") and joint.name == "array" and _plain_inside(joint):
        return _ordered_arrays(sign, coerce(left, joint), coerce(right, joint))
    if t.contains(joint, "map") or (sign not in ("=", "<>") and joint.name == "array"):
        raise not_supported(f"comparison of {joint.name} values")
    if sign not in ("=", "<>") and not t.is_orderable(joint):
        raise QueryError("TYPE_MISMATCH", f"{place}: Cannot apply operator: {left.type} {sign} {right.type}")
    a, b = coerce(left, joint), coerce(right, joint)
    if sign == "<>" and joint.name in ("row", "array"):
        return Typed(f"(NOT {_equal(a, b, joint)})", t.BOOLEAN)
    if joint.name == "row":
        return Typed(_rows(sign, a, b), t.BOOLEAN)
    if joint.name == "array":
        return Typed(_equal(a, b, joint), t.BOOLEAN)
    return Typed(_plain(sign, a, b), t.BOOLEAN)


def _plain_inside(kind: Type) -> bool:
    """Whether DuckDB compares the elements as Trino does."""
    return not any(
        c.children or c.name in ("real", "double", "timestamp with time zone", "json") for c in kind.children
    )


def _maps(sign: str, a: Typed, b: Typed) -> Typed:
    """Equality of maps without regard to the order of entries; unknown when values are NULL and nothing differs."""
    keys = [f"list_sort(map_keys({side.sql}))" for side in (a, b)]
    k = lambda_name(a.sql + b.sql)
    each = f"list_transform({keys[0]}, lambda {k}: ({a.sql})[{k}] = ({b.sql})[{k}])"
    same = (
        f"CASE WHEN {a.sql} IS NULL OR {b.sql} IS NULL THEN NULL WHEN {keys[0]} <> {keys[1]} THEN false "
        f"WHEN list_contains({each}, false) THEN false "
        f"WHEN list_contains(list_transform({each}, lambda {k}: {k} IS NULL), true) THEN NULL ELSE true END"
    )
    return Typed(same if sign == "=" else f"(NOT {same})", t.BOOLEAN)


def _ordered_arrays(sign: str, a: Typed, b: Typed) -> Typed:
    """< and the like of arrays: element by element, then by length. Trino refuses NULL inside."""
    k = lambda_name(a.sql + b.sql)
    nulls = " OR ".join(f"len(list_filter({side.sql}, lambda {k}: {k} IS NULL)) > 0" for side in (a, b))
    known = f"({a.sql} IS NULL OR {b.sql} IS NULL OR NOT ({nulls}))"
    message = text("ARRAY comparison not supported for arrays with null elements")
    return Typed(guarded(known, f"({a.sql} {sign} {b.sql})", "NOT_SUPPORTED", message), t.BOOLEAN)


def _plain(sign: str, a: Typed, b: Typed) -> str:
    """Values that DuckDB compares by itself; NaN equals nothing and is not larger than anything in Trino."""
    left, right = comparable(a), comparable(b)
    base = f"({left} {sign} {right})"
    if a.type.name not in ("real", "double"):
        return base
    literal_a, literal_b = isinstance(a.constant, float), isinstance(b.constant, float)
    if sign in ("=", ">", ">=") and not (literal_a or (sign == "=" and literal_b)):
        return f"({base} AND NOT isnan({left}))"
    if sign in ("<", "<=") and not literal_b:
        return f"({base} AND NOT isnan({right}))"
    if sign == "<>" and not (literal_a or literal_b):
        return f"({base} OR isnan({left}))"
    return base


def comparable(value: Typed) -> str:
    """The part of a value that is compared, grouped and ordered by: the instant of a timestamp with time zone."""
    return f"({value.sql}).t" if value.type.name == "timestamp with time zone" else value.sql


def _fields(value: Typed) -> list[Typed]:
    return [Typed(f"({value.sql}).f{i}", child) for i, child in enumerate(value.type.children, 1)]


def _rows(sign: str, a: Typed, b: Typed) -> str:
    if sign == "=":
        return "(" + " AND ".join(_equal(x, y, x.type) for x, y in zip(_fields(a), _fields(b), strict=True)) + ")"
    strict = sign[0]
    result = ""
    for x, y in reversed(list(zip(_fields(a), _fields(b), strict=True))):
        last = sign if not result else strict
        here = compare(last, x, y, "").sql
        result = f"({here} OR ({_equal(x, y, x.type)} AND {result}))" if result else here
    return result


def _equal(a: Typed, b: Typed, kind: Type) -> str:
    if kind.name == "row":
        return _rows("=", a, b)
    if kind.name != "array":
        return _plain("=", a, b)
    variable = lambda_name(a.sql + b.sql)
    element = kind.children[0]
    pair = _equal(Typed(f"{variable}[1]", element), Typed(f"{variable}[2]", element), element)
    each = f"list_transform(list_zip({a.sql}, {b.sql}), lambda {variable}: {pair})"
    return (
        f"CASE WHEN length({a.sql}) <> length({b.sql}) THEN false WHEN list_contains({each}, false) THEN false "
        f"WHEN list_contains(list_transform({each}, lambda {variable}: {variable} IS NULL), true) THEN NULL "
        f"WHEN {a.sql} IS NOT NULL AND {b.sql} IS NOT NULL THEN true END"
    )


def distinct_from(left: Typed, right: Typed, place: str, *, negated_form: bool) -> Typed:
    """IS [NOT] DISTINCT FROM."""
    joint = joint_type(left, right, "IS DISTINCT FROM", place)
    if t.contains(joint, "map") or joint.children:
        raise not_supported(f"IS DISTINCT FROM of {joint.name} values")
    a, b = coerce(left, joint), coerce(right, joint)
    word = "IS NOT DISTINCT FROM" if negated_form else "IS DISTINCT FROM"
    return Typed(f"({comparable(a)} {word} {comparable(b)})", t.BOOLEAN)


def check_groupable(value: Typed, what: str) -> None:
    """Refuse to group or to make distinct by what DuckDB would tell apart otherwise than Trino.

    Raises:
        QueryError: NOT_SUPPORTED.
    """
    for name in ("timestamp with time zone", "map", "json"):
        if t.contains(value.type, name) and not (name == "json" and value.type.name == "json"):
            raise not_supported(f"{what} of {name} values")


def concatenated(parts: list[Typed], place: str) -> Typed:
    """`a || b || ...`: texts, bytes, arrays, and arrays with elements."""
    result = parts[0]
    for part in parts[1:]:
        result = _concatenated(result, part, place)
    return result


def _concatenated(left: Typed, right: Typed, place: str) -> Typed:
    a, b = left.type, right.type
    if a.name == "array" or b.name == "array":
        return _array_concatenated(left, right, place)
    if "unknown" in (a.name, b.name) and {a.name, b.name} <= {"unknown", "varchar", "char"}:
        left, right = coerce(left, t.VARCHAR), coerce(right, t.VARCHAR)
    if {left.type.name, right.type.name} <= {"varchar", "char"}:
        sides = [padded(side) if side.type.name == "char" else side.sql for side in (left, right)]
        lengths = (left.type.precision, right.type.precision)
        total = None if None in lengths else sum(length or 0 for length in lengths)
        return Typed(f"({sides[0]} || {sides[1]})", Type("varchar", total))
    if a.name == b.name == "varbinary":
        return Typed(f"({left.sql} || {right.sql})", t.VARBINARY)
    raise QueryError("TYPE_MISMATCH", f"{place}: Unexpected parameters ({a}, {b}) for function concat")


def _array_concatenated(left: Typed, right: Typed, place: str) -> Typed:
    a, b = left.type, right.type
    joint = t.common(a, b)
    if joint is not None and joint.name == "array":
        first, second = coerce(left, joint).sql, coerce(right, joint).sql
        whole = f"CASE WHEN {first} IS NOT NULL AND {second} IS NOT NULL THEN list_concat({first}, {second}) END"
        return Typed(whole, joint)
    element = t.common(a.children[0], b) if a.name == "array" else t.common(a, b.children[0])
    if element is None:
        raise QueryError("TYPE_MISMATCH", f"{place}: Unexpected parameters ({a}, {b}) for function concat")
    kind = t.array(element)
    if a.name == "array":
        return Typed(f"list_append({coerce(left, kind).sql}, {coerce(right, element).sql})", kind)
    return Typed(f"list_prepend({coerce(left, element).sql}, {coerce(right, kind).sql})", kind)
