"""Function calls: looked up in the tables, or given to the few functions that need more than a text.

A call carries what may stand around its arguments: DISTINCT, ORDER BY, FILTER, WITHIN GROUP, IGNORE NULLS, OVER.
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from sqlglot import exp

from steppe.sql import types as t
from steppe.sql.casts import cast, coerce, instant, zone_name
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.functions import resolve
from steppe.sql.operators import check_groupable, comparable
from steppe.sql.scope import Scope
from steppe.sql.typed import Typed, guarded, integer, literal, null, text
from steppe.sql.types import Type

if TYPE_CHECKING:
    from steppe.sql.expressions import Expressions


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function call taken apart.

    Attributes:
        name: in lower case.
        arguments: syntax trees.
        place: `line L:C`.
        distinct, order, filter, ignore_nulls, window: what stood around the arguments.
    """

    name: str
    arguments: tuple[exp.Expr, ...]
    place: str
    distinct: bool = False
    order: exp.Order | None = None
    filter: exp.Expr | None = None
    ignore_nulls: bool = False
    window: exp.Window | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is nothing but a name and arguments."""
        return not (self.distinct or self.order or self.filter or self.ignore_nulls or self.window)


def compile_call(compiler: Expressions, node: exp.Expr, scope: Scope) -> Typed:
    """Compile a function call.

    Raises:
        QueryError: FUNCTION_NOT_FOUND, TYPE_MISMATCH, or NOT_SUPPORTED with the function's name.
    """
    from steppe.sql import function_tables as tables

    call = _taken_apart(node, compiler.place(node))
    special = tables.SPECIAL.get(call.name)
    if special is not None:
        if not call.is_plain:
            raise not_supported(f"{call.place}: {call.name} with DISTINCT, ORDER BY, FILTER or OVER")
        return special(compiler, call, scope)
    aggregate = tables.SPECIAL_AGGREGATES.get(call.name)
    if aggregate is not None:
        return aggregate(compiler, call, scope)
    if call.name in tables.AGGREGATES or (call.name in tables.WINDOW_FUNCTIONS and call.window is not None):
        return _aggregate(compiler, call, scope)
    if call.name in tables.SCALARS:
        if not call.is_plain:
            raise not_supported(f"{call.place}: {call.name} with DISTINCT, ORDER BY, FILTER or OVER")
        arguments = [compiler.compile(argument, scope) for argument in call.arguments]
        return scalar(call.name, arguments, call.place)
    if call.name in tables.KNOWN_TO_TRINO:
        raise not_supported(f"{call.place}: function {call.name}")
    raise QueryError("FUNCTION_NOT_FOUND", f"{call.place}: Function '{call.name}' not registered")


def scalar(name: str, arguments: list[Typed], place: str) -> Typed:
    """A call of a scalar function of the tables with compiled arguments."""
    from steppe.sql import function_tables as tables

    overload, values, kind = resolve(tables.SCALARS[name], arguments, place)
    kind = _result_type(overload.result, kind, values)
    sql = fill(overload.template, [value.sql for value in values])
    return Typed(sql, kind)


def fill(template: str, arguments: list[str], **parts: str) -> str:
    """A template with its arguments: `{0}`, `{1}`, `{*}` for all from here on, `{w}` and the like by name."""

    def piece(match: re.Match[str]) -> str:
        key = match.group(1)
        if key == "*":
            return ", ".join(arguments)
        if key.isdigit():  # beyond the arguments it is a regular expression's {4}
            return arguments[int(key)] if int(key) < len(arguments) else match.group()
        return parts[key]

    return re.sub(r"\{(\*|\d+|[a-z]+)\}", piece, template)


def _result_type(pattern: Type, kind: Type, values: list[Typed]) -> Type:
    """Times keep the precision of the argument they come from, and have three digits at least."""
    if kind.name in ("timestamp", "timestamp with time zone"):
        precisions = [v.type.precision or 0 for v in values if v.type.name == kind.name]
        return Type(kind.name, max([3, *precisions]))
    del pattern
    return kind


def _taken_apart(node: exp.Expr, place: str) -> Call:
    match node:
        case exp.Window():
            inner = _taken_apart(node.this, place)
            return replace(inner, window=node)
        case exp.Filter():
            return replace(_taken_apart(node.this, place), filter=node.expression.this)
        case exp.WithinGroup():
            return replace(_taken_apart(node.this, place), order=node.expression)
        case exp.IgnoreNulls():
            return replace(_taken_apart(node.this, place), ignore_nulls=True)
        case exp.RespectNulls():
            return _taken_apart(node.this, place)
        case exp.Anonymous():
            return _anonymous(node, place)
        case exp.Extract():
            return Call(name="extract", arguments=(exp.Literal.string(node.this.name), node.expression), place=place)
        case exp.Substring():
            parts = (node.this, node.args.get("start"), node.args.get("length"))
            return Call(name="substring", arguments=tuple(p for p in parts if p is not None), place=place)
        case exp.Trim():
            position = (node.args.get("position") or "").lower()
            name = {"leading": "ltrim", "trailing": "rtrim"}.get(position, "trim")
            extra = (node.expression,) if node.args.get("expression") is not None else ()
            return Call(name=name, arguments=(node.this, *extra), place=place)
        case exp.JSONExtract():
            raise not_supported(f"{place}: this use of JSON")
        case _:
            names: dict[type[exp.Expr], str] = {exp.CurrentDate: "current_date", exp.CurrentTimestamp: "current_timestamp", exp.CurrentTime: "current_time",
                     exp.Localtimestamp: "localtimestamp", exp.Localtime: "localtime", exp.CurrentUser: "current_user"}  # fmt: skip
            label = names.get(type(node))
            if label is None:
                raise not_supported(f"{place}: {type(node).__name__}")
            return Call(name=label, arguments=(node.this,) if node.args.get("this") is not None else (), place=place)


def _anonymous(node: exp.Anonymous, place: str) -> Call:
    arguments, distinct, order = list(node.expressions), False, None
    if arguments and isinstance(arguments[-1], exp.Order):
        order = arguments[-1]
        arguments[-1] = order.this
    if arguments and isinstance(arguments[0], exp.Distinct):
        distinct = True
        arguments = [*arguments[0].expressions, *arguments[1:]]
        if arguments and isinstance(arguments[-1], exp.Order):
            order = arguments[-1]
            arguments[-1] = order.this
    if arguments and isinstance(arguments[0], exp.Order) and isinstance(arguments[0].this, exp.Distinct):
        order, distinct = arguments[0], True
        arguments = list(arguments[0].this.expressions)
    elif len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        distinct, arguments = True, list(arguments[0].expressions)
    if order is not None and isinstance(order.this, exp.Distinct):
        distinct, arguments = True, [*arguments[:-1], *order.this.expressions]
    name = node.this if isinstance(node.this, str) else node.this.name
    return Call(name=name.lower(), arguments=tuple(arguments), place=place, distinct=distinct, order=order)


# -- aggregates and windows


def _aggregate(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    from steppe.sql import function_tables as tables

    star = len(call.arguments) == 1 and isinstance(call.arguments[0], exp.Star)
    arguments = [] if star else [compiler.compile(argument, scope) for argument in call.arguments]
    overloads = tables.AGGREGATES.get(call.name) or tables.WINDOW_FUNCTIONS[call.name]
    if star and call.name != "count":
        raise QueryError("SYNTAX_ERROR", f"{call.place}: * is not an argument of {call.name}")
    overload, values, kind = resolve(overloads, arguments, call.place)
    if call.distinct:
        for value in values:
            check_groupable(value, f"{call.name}(DISTINCT)")
    template = overload.template
    parts = around(compiler, call, scope)
    for key, clause in parts.items():
        if clause and f"{{{key}}}" not in template:
            raise not_supported(f"{call.place}: {call.name} with {_CLAUSES[key]}")
    kind = _result_type(overload.result, kind, values)
    sql = fill(template, [value.sql for value in values], **parts, t=t.duckdb(kind))
    return Typed(sql, kind)


_CLAUSES = {"d": "DISTINCT", "o": "ORDER BY", "f": "FILTER", "w": "OVER", "i": "IGNORE NULLS"}


def around(compiler: Expressions, call: Call, scope: Scope) -> dict[str, str]:
    """The clauses around an aggregate's arguments: d(istinct), o(rder), f(ilter), w(indow), i(gnore nulls)."""
    order = order_items(compiler, call.order, scope)
    return {
        "d": "DISTINCT " if call.distinct else "",
        "o": f" ORDER BY {order}" if order else "",
        "f": f" FILTER (WHERE {compiler.condition(call.filter, scope, 'FILTER')})" if call.filter is not None else "",
        "w": window(compiler, call.window, scope),
        "i": " IGNORE NULLS" if call.ignore_nulls else "",
    }


def order_items(compiler: Expressions, order: exp.Order | None, scope: Scope) -> str:
    """The items of an ORDER BY inside a call or a window."""
    if order is None:
        return ""
    items = []
    for item in order.expressions:
        value = compiler.compile(item.this, scope)
        nulls = "FIRST" if item.args.get("nulls_first") else "LAST"
        items.append(f"{comparable(value)} {'DESC' if item.args.get('desc') else 'ASC'} NULLS {nulls}")
    return ", ".join(items)


def window(compiler: Expressions, node: exp.Window | None, scope: Scope) -> str:
    """OVER (...), with a named window's parts filled in."""
    if node is None:
        return ""
    partition, order, spec = node.args.get("partition_by") or [], node.args.get("order"), node.args.get("spec")
    label = node.args.get("alias")
    if label is not None:
        named = _named_window(node, label.name)
        partition = named.args.get("partition_by") or partition
        order, spec = named.args.get("order") or order, named.args.get("spec") or spec
    parts = []
    if partition:
        keys = [compiler.compile(item, scope) for item in partition]
        for key in keys:
            check_groupable(key, "PARTITION BY")
        parts.append("PARTITION BY " + ", ".join(key.sql for key in keys))
    if order is not None:
        parts.append("ORDER BY " + order_items(compiler, order, scope))
    if spec is not None:
        parts.append(_frame(compiler, spec, scope))
    return f" OVER ({' '.join(parts)})"


def _named_window(node: exp.Window, label: str) -> exp.Expr:
    select = node.find_ancestor(exp.Select)
    for named in (select.args.get("windows") or []) if select is not None else []:
        if named.name.lower() == label.lower():
            assert isinstance(named, exp.Expr)
            return named
    raise QueryError("INVALID_WINDOW_REFERENCE", f"Cannot resolve WINDOW name {label}")


def _frame(compiler: Expressions, spec: exp.Expr, scope: Scope) -> str:
    if spec.args.get("exclude"):
        raise not_supported("EXCLUDE in a window frame")
    bounds = []
    for key in ("start", "end"):
        bound, side = spec.args.get(key), spec.args.get(f"{key}_side")
        if bound is None:
            continue
        if isinstance(bound, str):
            bounds.append(f"{bound} {side or ''}".strip())
            continue
        value = compiler.compile(bound, scope)
        sql = value.sql
        if value.type == t.INTERVAL_DAY and isinstance(value.constant, int):
            sql = f"INTERVAL {value.constant} MILLISECOND"
        elif value.type == t.INTERVAL_YEAR and isinstance(value.constant, int):
            sql = f"INTERVAL {value.constant} MONTH"
        bounds.append(f"{sql} {side}")
    kind = spec.args["kind"]
    return f"{kind} BETWEEN {bounds[0]} AND {bounds[1] if len(bounds) > 1 else 'CURRENT ROW'}"


# -- what several files need


def without_brackets(compiler: Expressions, name: str) -> Typed | None:
    """`current_date` and its like, when they come as a bare name."""
    from steppe.sql import function_tables as tables

    if name in (
        "current_catalog",
        "current_schema",
        "current_user",
        "current_date",
        "current_timestamp",
        "localtimestamp",
    ):
        return tables.SPECIAL[name](compiler, Call(name=name, arguments=(), place="line 1:1"), Scope())
    return None


def typed_literal(value: Typed, kind: Type, place: str) -> Typed:
    """A literal with its type in front: DATE '2024-01-01', DECIMAL '1.10', TIMESTAMP '2024-01-01 00:00 UTC'."""
    said = value.constant
    if not isinstance(said, str):
        return cast(value, kind)
    bad = QueryError("INVALID_LITERAL", f"{place}: '{said}' is not a valid {kind.name} literal")
    if kind.name == "decimal":
        match = re.fullmatch(r"([+-]?)(\d*)(?:\.(\d*))?", said.strip())
        if not match or not (match.group(2) or match.group(3)):
            raise bad
        scale = len(match.group(3) or "")
        precision = max(len((match.group(2) or "").lstrip("0")) + scale, scale, 1)
        kind = t.decimal(precision, scale)
        return Typed(f"CAST({text(said.strip())} AS {t.duckdb(kind)})", kind)
    if kind.name in ("timestamp", "timestamp with time zone"):
        return _timestamp_literal(said, bad)
    if kind.name == "json":
        from steppe.sql.json_casts import parsed

        return parsed(value)
    if kind.name in ("double", "real"):
        try:
            constant = float(said)
        except ValueError:
            raise bad from None
        return replace(cast(value, kind), constant=constant)
    if kind.name in t.INTEGRAL:
        if not re.fullmatch(r"[+-]?\d+", said):
            raise bad
        return Typed(f"CAST({text(said)} AS {t.duckdb(kind)})", kind, int(said))
    if kind.name == "date":
        if not re.fullmatch(r"\s*\d{4,5}-\d{1,2}-\d{1,2}\s*", said) or not _is_day(said):
            raise bad
        return Typed(f"CAST({text(said.strip())} AS DATE)", t.DATE, said.strip())
    return cast(value, kind)


def _is_day(said: str) -> bool:
    """Whether the calendar has the day; years beyond Python's are left to DuckDB."""
    year, month, day = map(int, said.split("-"))
    try:
        date(year if 1 <= year <= 9999 else 2000 + year % 400, month, day)
    except ValueError:
        return False
    return True


def _timestamp_literal(said: str, bad: QueryError) -> Typed:
    match = re.fullmatch(
        r"\s*(\d{4}-\d{1,2}-\d{1,2}(?: \d{1,2}:\d{1,2}(?::\d{1,2}(?:\.(\d{1,12}))?)?)?)\s*(\S+)?\s*", said
    )
    if not match:
        raise bad
    moment, fraction, zone = match.group(1), match.group(2) or "", match.group(3)
    if len(fraction) > 6:
        raise not_supported(f"timestamp({len(fraction)}): more than six fraction digits")
    local = f"CAST({text(moment)} AS TIMESTAMP)"
    precision = max(3, len(fraction))
    if zone is None:
        # Observed: such a literal alone shows the digits it was written with; what is computed from it shows three.
        return Typed(local, Type("timestamp", precision), literal_digits=len(fraction))
    named = _zone_constant(zone, bad)
    packed = f"struct_pack(t := {instant(local, text(named))}, z := {text(named)})"
    return Typed(packed, Type("timestamp with time zone", precision))


def _zone_constant(zone: str, error: QueryError) -> str:
    if zone.upper() in ("Z", "UTC", "+00:00", "-00:00"):
        return "UTC"
    match = re.fullmatch(r"([+-])(\d{1,2})(?::?(\d\d))?", zone)
    if match:
        return f"{match.group(1)}{int(match.group(2)):02d}:{match.group(3) or '00'}"
    if not re.fullmatch(r"[A-Za-z]+([/_A-Za-z0-9+-])*", zone):
        raise error
    return zone


def at_zone(value: Typed, zone: Typed, place: str) -> Typed:
    """`value AT TIME ZONE zone`, at_timezone: the same instant shown in another zone."""
    if zone.type.name != "varchar":
        raise not_supported(f"{place}: AT TIME ZONE with {zone.type}")
    bad = QueryError("INVALID_FUNCTION_ARGUMENT", f"'{zone.constant}' is not a valid time zone")
    name = text(_zone_constant(zone.constant, bad)) if isinstance(zone.constant, str) else zone_name(zone.sql)
    if value.type.name in ("timestamp", "date"):
        value = coerce(value, Type("timestamp with time zone", max(3, value.type.precision or 0)))
    if value.type.name != "timestamp with time zone":
        raise QueryError(
            "TYPE_MISMATCH",
            f"{place}: Type of value must be a time or timestamp with or without time zone (actual {value.type})",
        )
    packed = f"struct_pack(t := ({value.sql}).t, z := {name})"
    kind = Type(value.type.name, max(3, value.type.precision or 0))
    return Typed(f"CASE WHEN ({value.sql}).t IS NOT NULL THEN {packed} END", kind)


def subscript(compiler: Expressions, value: Typed, index: Typed, place: str) -> Typed:
    """`array[i]`, `map[key]`, `row[i]`: an error where there is nothing."""
    kind = value.type
    if kind.name == "row" and isinstance(index.constant, int):
        if not 1 <= index.constant <= len(kind.children):
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{place}: ROW index out of bounds: {index.constant}")
        return Typed(f"({value.sql}).f{index.constant}", kind.children[index.constant - 1])
    if kind.name == "map":
        key = compiler_key(value, index, place)
        found = f"map_contains({value.sql}, {key.sql})"
        ok = f"({found} OR {value.sql} IS NULL OR {key.sql} IS NULL)"
        said = (text("Key not present in map: "), f"CAST({key.sql} AS VARCHAR)")
        return Typed(guarded(ok, f"({value.sql})[{key.sql}]", "INVALID_FUNCTION_ARGUMENT", *said), kind.children[1])
    if kind.name != "array" or not t.is_integral(index.type):
        raise QueryError("TYPE_MISMATCH", f"{place}: Cannot apply operator: {kind}[{index.type}]")
    i, size = index.sql, f"len({value.sql})"
    ok = f"({i} >= 1 AND {i} <= {size} OR {value.sql} IS NULL OR {i} IS NULL)"
    message = (
        f"CASE WHEN {i} = 0 THEN 'SQL array indices start at 1' WHEN {i} < 0 THEN concat('Array subscript is negative: ', {i}) "
        f"ELSE concat('Array subscript must be less than or equal to array length: ', {i}, ' > ', {size}) END"
    )
    return Typed(guarded(ok, f"({value.sql})[{i}]", "INVALID_FUNCTION_ARGUMENT", message), kind.children[0])


def compiler_key(value: Typed, key: Typed, place: str) -> Typed:
    """A key as a map's key type."""
    wanted = value.type.children[0]
    if t.common(wanted, key.type) is None:
        raise QueryError("TYPE_MISMATCH", f"{place}: Cannot apply operator: {value.type}[{key.type}]")
    joint = t.common(wanted, key.type)
    if joint is None or t.duckdb(joint) != t.duckdb(wanted):
        raise not_supported(f"{place}: a key of type {key.type} in {value.type}")
    return coerce(key, joint)


__all__ = [
    "Call",
    "at_zone",
    "compile_call",
    "fill",
    "integer",
    "literal",
    "null",
    "scalar",
    "subscript",
    "typed_literal",
]
