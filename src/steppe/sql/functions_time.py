"""Dates and times. Time zones stay with their values; the session's zone is UTC."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from steppe.sql import types as t
from steppe.sql.calls import Call, at_zone
from steppe.sql.casts import as_text, cast, coerce, instant, local_time, moment_text, zone_name
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.functions import Row
from steppe.sql.operators import arithmetic
from steppe.sql.scope import Scope
from steppe.sql.typed import Typed, text
from steppe.sql.types import Type

if TYPE_CHECKING:
    from steppe.sql.expressions import Expressions

Special = Callable[["Expressions", Call, Scope], Typed]

_PARTS = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "week_of_year": "week", "day": "day",
    "day_of_month": "day", "day_of_week": "isodow", "dow": "isodow", "day_of_year": "dayofyear", "doy": "dayofyear",
    "year_of_week": "isoyear", "yow": "isoyear", "hour": "hour", "minute": "minute", "second": "second",
    "millisecond": "millisecond",
}  # fmt: skip
_TIME_PARTS = ("hour", "minute", "second", "millisecond")

SCALARS: tuple[Row, ...] = (
    ("from_unixtime(double) -> timestamp(3) with time zone",
     "CASE WHEN {0} IS NOT NULL THEN struct_pack(t := make_timestamp(CAST(round({0} * 1000) AS BIGINT) * 1000), z := 'UTC') END"),
    ("to_unixtime(S) -> double", "(epoch_us({0}) / CAST(1000000 AS DOUBLE))"),
    ("to_unixtime(Z) -> double", "(epoch_us(({0}).t) / CAST(1000000 AS DOUBLE))"),
    ("to_iso8601(date) -> varchar", "CAST({0} AS VARCHAR)"),
    ("last_day_of_month(date) -> date", "last_day({0})"),
    ("last_day_of_month(S) -> date", "last_day({0})"),
    ("from_iso8601_date(varchar) -> date",
     "CASE WHEN regexp_full_match({0}, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN coalesce(TRY_CAST({0} AS DATE), py_iso_date({0})) ELSE py_iso_date({0}) END"),
    ("to_milliseconds(interval day to second) -> bigint", "{0}"),
)  # fmt: skip


def _constant_text(value: Typed, what: str, place: str) -> str:
    if not isinstance(value.constant, str):
        raise not_supported(f"{place}: {what} that is not a literal")
    return value.constant


def _local(value: Typed) -> str:
    """What a date or time function looks at: the local time."""
    return local_time(value.sql) if value.type.name == "timestamp with time zone" else value.sql


def part(value: Typed, name: str, place: str) -> Typed:
    """One part of a date or time: extract, year(), hour(), ..."""
    kind = value.type.name
    if kind.startswith("interval"):
        return _interval_part(value, name, place)
    own = _PARTS.get(name)
    allowed = kind in ("timestamp", "timestamp with time zone") or (kind == "date" and name not in _TIME_PARTS)
    allowed = allowed or (kind == "time" and name in _TIME_PARTS)
    if own is None or not allowed:
        raise QueryError("TYPE_MISMATCH", f"{place}: Unexpected parameters ({value.type}) for function {name}")
    sql = f"extract('{own}' FROM {_local(value)})"
    if name == "millisecond":
        sql = f"({sql} % 1000)"
    return Typed(f"CAST({sql} AS BIGINT)", t.BIGINT)


def _interval_part(value: Typed, name: str, place: str) -> Typed:
    units = {
        "day": (86_400_000, 0),
        "hour": (3_600_000, 24),
        "minute": (60_000, 60),
        "second": (1000, 60),
        "millisecond": (1, 1000),
    }
    months = {"year": (12, 0), "month": (1, 12)}
    table = units if value.type == t.INTERVAL_DAY else months
    if name not in table:
        raise QueryError("TYPE_MISMATCH", f"{place}: Unexpected parameters ({value.type}) for function {name}")
    size, wrap = table[name]
    sql = f"({value.sql} // {size})"
    return Typed(f"CAST({sql} % {wrap} AS BIGINT)" if wrap else f"CAST({sql} AS BIGINT)", t.BIGINT)


def _part_function(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    if len(call.arguments) != 1:
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters for function {call.name}")
    return part(_moment(compiler.compile(call.arguments[0], scope)), call.name, call.place)


def _moment(value: Typed) -> Typed:
    return coerce(value, t.TIMESTAMP) if value.type.name == "unknown" else value


def _extract(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    name = call.arguments[0].name.lower()
    if name in ("timezone_hour", "timezone_minute"):
        return timezone_part(compiler.compile(call.arguments[1], scope), name, call)
    return part(_moment(compiler.compile(call.arguments[1], scope)), name, call.place)


_UNITS = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")


def _unit(value: Typed, call: Call) -> str:
    unit = _constant_text(value, "a unit", call.place).lower()
    if unit not in _UNITS:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid DATE field")
    return unit


def _date_trunc(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    unit_value, value = _exactly(compiler, call, scope, 2)
    unit, value = _unit(unit_value, call), _moment(value)
    match value.type.name:
        case "date":
            if unit in _UNITS[:4]:
                raise QueryError("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid DATE field")
            return Typed(f"CAST(date_trunc('{unit}', {value.sql}) AS DATE)", t.DATE)
        case "timestamp":
            return Typed(
                f"CAST(date_trunc('{unit}', {value.sql}) AS TIMESTAMP)",
                Type("timestamp", max(3, value.type.precision or 0)),
            )
        case "timestamp with time zone":
            moved = instant(f"CAST(date_trunc('{unit}', {_local(value)}) AS TIMESTAMP)", f"({value.sql}).z")
            packed = f"struct_pack(t := {moved}, z := ({value.sql}).z)"
            return Typed(
                f"CASE WHEN ({value.sql}).t IS NOT NULL THEN {packed} END",
                Type(value.type.name, max(3, value.type.precision or 0)),
            )
        case _:
            raise _unexpected(call, value)


def _unexpected(call: Call, *values: Typed) -> QueryError:
    given = ", ".join(str(value.type) for value in values)
    return QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters ({given}) for function {call.name}")


def _exactly(compiler: Expressions, call: Call, scope: Scope, count: int) -> list[Typed]:
    values = [compiler.compile(argument, scope) for argument in call.arguments]
    if len(values) != count:
        raise _unexpected(call, *values)
    return values


_MS = {"millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 604_800_000}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def _date_add(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    unit_value, count, value = _exactly(compiler, call, scope, 3)
    unit, value = _unit(unit_value, call), _moment(value)
    if not (t.is_integral(count.type) or count.type.name == "unknown") or value.type.name not in (
        "date",
        "timestamp",
        "timestamp with time zone",
    ):
        raise _unexpected(call, unit_value, count, value)
    if value.type.name == "date" and unit in _UNITS[:4]:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid DATE field")
    amount = coerce(count, t.BIGINT).sql
    if unit in _MONTHS:
        step = Typed(f"CAST({amount} * {_MONTHS[unit]} AS INTEGER)", t.INTERVAL_YEAR)
    else:
        step = Typed(f"({amount} * {_MS[unit]})", t.INTERVAL_DAY)
    return arithmetic("+", value, step, call.place)


def _date_diff(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """Complete units between two moments: DuckDB's date_diff counts boundaries, its date_sub complete units."""
    unit_value, first, second = _exactly(compiler, call, scope, 3)
    unit = _unit(unit_value, call)
    joint = t.common(_moment(first).type, _moment(second).type)
    if joint is None or joint.name not in ("date", "timestamp", "timestamp with time zone"):
        raise _unexpected(call, unit_value, first, second)
    a, b = coerce(first, joint), coerce(second, joint)
    if joint.name == "timestamp with time zone":
        one, other = f"({a.sql}).t", f"({b.sql}).t"
        if unit in ("day", "week", *_MONTHS):  # counted in local time, in the zone of the first
            one = local_time(a.sql)
            other = local_time(f"struct_pack(t := ({b.sql}).t, z := ({a.sql}).z)")
    else:
        one, other = f"CAST({a.sql} AS TIMESTAMP)", f"CAST({b.sql} AS TIMESTAMP)"
    return Typed(f"CAST(date_sub('{unit}', {one}, {other}) AS BIGINT)", t.BIGINT)


# date_format and date_parse: MySQL's patterns. Source: Trino manual, "MySQL date functions".
_FORMAT = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "H": "%H", "h": "%I", "I": "%I", "i": "%M", "j": "%j",
    "k": "%-H", "l": "%-I", "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S", "T": "%H:%M:%S",
    "W": "%A", "Y": "%Y", "y": "%y", "f": "%f", "v": "%V", "x": "%G", "%": "%%",
}  # fmt: skip


def _mysql_pattern(pattern: str) -> str | None:
    """DuckDB's pattern for printing, where it has one."""
    out = ""
    for match in re.finditer(r"%(.)|([^%]+)|%$", pattern, re.DOTALL):
        letter, literal = match.groups()
        if literal is not None:
            out += literal
        elif letter is None or letter not in _FORMAT:
            return None
        else:
            out += _FORMAT[letter]
    return out


def _text_argument(value: Typed, call: Call) -> str:
    if value.type.name not in ("varchar", "char", "unknown"):
        raise _unexpected(call, value)
    return coerce(value, t.VARCHAR).sql


def _date_format(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    value, pattern = _exactly(compiler, call, scope, 2)
    value = _moment(value)
    if value.type.name not in ("date", "timestamp", "timestamp with time zone"):
        raise _unexpected(call, value, pattern)
    shown, moment = _text_argument(pattern, call), f"CAST({_local(value)} AS TIMESTAMP)"
    own = _mysql_pattern(pattern.constant) if isinstance(pattern.constant, str) else None
    if own is None:
        return Typed(f"py_date_format({moment}, {shown})", t.VARCHAR)
    return Typed(f"strftime({moment}, {text(own)})", t.VARCHAR)


_PARSED_BY_DUCKDB = re.compile(r"%Y-%m-%d(?:[ T]%H:%i(?::%[sS])?)?")


def _date_parse(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    value, pattern = _exactly(compiler, call, scope, 2)
    sql, shown = _text_argument(value, call), _text_argument(pattern, call)
    slow = f"py_date_parse({sql}, {shown})"
    if isinstance(pattern.constant, str) and _PARSED_BY_DUCKDB.fullmatch(pattern.constant):
        # The usual patterns over the usual texts stay in DuckDB.
        usual = re.sub("%[YmdHisS]", lambda m: "[0-9]{4}" if m.group() == "%Y" else "[0-9]{2}", pattern.constant)
        quick = f"try_strptime({sql}, {text(pattern.constant.replace('%i', '%M').replace('%s', '%S'))})"
        fast = f"CASE WHEN regexp_full_match({sql}, {text(usual)}) THEN {quick} END"
        return Typed(f"CAST(coalesce({fast}, {slow}) AS TIMESTAMP)", t.TIMESTAMP)
    return Typed(slow, t.TIMESTAMP)


# format_datetime: Joda's patterns, those that DuckDB prints by itself.
_JODA = {
    "yyyy": "%Y", "YYYY": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d",
    "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g",
    "EEEE": "%A", "EEE": "%a", "EE": "%a", "E": "%a", "a": "%p", "DDD": "%j", "xxxx": "%G", "ww": "%V", "e": "%u",
}  # fmt: skip


def _joda_pattern(pattern: str) -> str | None:
    out = ""
    for match in re.finditer(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", pattern, re.DOTALL):
        quoted, letter = match.group(1), match.group(2)
        if quoted is not None:
            out += (quoted.replace("''", "'") if quoted else "'").replace("%", "%%")
        elif letter:
            if match.group() not in _JODA:
                return None
            out += _JODA[match.group()]
        else:
            out += match.group().replace("%", "%%")
    return out


def _format_datetime(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    value, pattern = _exactly(compiler, call, scope, 2)
    value = _moment(value)
    if value.type.name not in ("timestamp", "timestamp with time zone", "date"):
        raise _unexpected(call, value, pattern)
    shown, moment = _text_argument(pattern, call), f"CAST({_local(value)} AS TIMESTAMP)"
    own = _joda_pattern(pattern.constant) if isinstance(pattern.constant, str) else None
    if own is not None:
        return Typed(f"strftime({moment}, {text(own)})", t.VARCHAR)
    zone, minutes = "'UTC'", "CAST(0 AS BIGINT)"
    if value.type.name == "timestamp with time zone":
        zone, minutes = f"({value.sql}).z", _offset_minutes(value)
    return Typed(f"py_format_datetime({moment}, {zone}, {minutes}, {shown})", t.VARCHAR)


def _offset_minutes(value: Typed) -> str:
    """How far a zoned moment's local time is ahead of UTC."""
    return f"CAST((epoch_ms({local_time(value.sql)}) - epoch_ms(({value.sql}).t)) // 60000 AS BIGINT)"


def _parse_datetime(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    value, pattern = _exactly(compiler, call, scope, 2)
    pivot = 1970 + compiler.transpiler.now_ms // 31_556_952_000 - 30  # Joda's window of years written with two digits
    sql = f"py_parse_datetime({_text_argument(value, call)}, {_text_argument(pattern, call)}, CAST({pivot} AS BIGINT))"
    return Typed(sql, t.TIMESTAMP_TZ)


def _now(digits: int) -> Special:
    def body(compiler: Expressions, call: Call, scope: Scope) -> Typed:
        wanted = digits
        if call.arguments:
            value = compiler.compile(call.arguments[0], scope)
            if not isinstance(value.constant, int) or not 0 <= value.constant <= 6:
                raise not_supported(f"{call.place}: {call.name} of this precision")
            wanted = value.constant
        moment = f"make_timestamp({compiler.transpiler.now_ms * 1000})"
        if call.name == "localtimestamp":
            return Typed(moment, Type("timestamp", max(3, wanted)))
        return Typed(f"struct_pack(t := {moment}, z := 'UTC')", Type("timestamp with time zone", max(3, wanted)))

    return body


def _current_date(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    return Typed(f"CAST(make_timestamp({compiler.transpiler.now_ms * 1000}) AS DATE)", t.DATE)


def _current_timezone(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    return Typed("'UTC'", t.VARCHAR, "UTC")


def _at_timezone(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    value, zone = _exactly(compiler, call, scope, 2)
    return at_zone(value, zone, call.place)


def _with_timezone(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    value, zone = _exactly(compiler, call, scope, 2)
    if value.type.name not in ("timestamp", "date") or zone.type.name != "varchar":
        raise _unexpected(call, value, zone)
    named = zone_name(zone.sql)
    packed = f"struct_pack(t := {instant(f'CAST({value.sql} AS TIMESTAMP)', named)}, z := {named})"
    return Typed(
        f"CASE WHEN {value.sql} IS NOT NULL THEN {packed} END",
        Type("timestamp with time zone", max(3, value.type.precision or 0)),
    )


def _from_unixtime(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = [compiler.compile(argument, scope) for argument in call.arguments]
    if not values or not (t.is_numeric(values[0].type) or values[0].type.name == "unknown") or len(values) > 3:
        raise _unexpected(call, *values)
    seconds = coerce(values[0], t.DOUBLE).sql
    moment = f"make_timestamp(CAST(round({seconds} * 1000) AS BIGINT) * 1000)"
    zone = "'UTC'"
    if len(values) == 2:
        zone = zone_name(cast(values[1], t.VARCHAR).sql)
    elif len(values) == 3:
        hours, minutes = (coerce(value, t.BIGINT).sql for value in values[1:])
        offset = f"({hours} * 60 + {minutes})"
        clock = f"printf('%02d:%02d', abs({offset}) // 60, abs({offset}) % 60)"
        zone = zone_name(f"(CASE WHEN {offset} < 0 THEN '-' ELSE '+' END || {clock})")
    packed = f"struct_pack(t := {moment}, z := {zone})"
    return Typed(f"CASE WHEN {seconds} IS NOT NULL THEN {packed} END", t.TIMESTAMP_TZ)


def _to_iso8601(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _exactly(compiler, call, scope, 1)
    match value.type.name:
        case "date":
            return Typed(as_text(value), t.VARCHAR)
        case "timestamp":
            return Typed(f"replace({moment_text(value.sql, max(3, value.type.precision or 0))}, ' ', 'T')", t.VARCHAR)
        case "timestamp with time zone":
            shown = f"replace({moment_text(local_time(value.sql), 3)}, ' ', 'T')"
            minutes = f"abs({_offset_minutes(value)})"
            sign = f"CASE WHEN {_offset_minutes(value)} < 0 THEN '-' ELSE '+' END"
            clock = f"printf('%02d:%02d', {minutes} // 60, {minutes} % 60)"
            offset = f"CASE WHEN {minutes} = 0 AND ({value.sql}).z = 'UTC' THEN 'Z' ELSE {sign} || {clock} END"
            return Typed(f"({shown} || {offset})", t.VARCHAR)
        case _:
            raise _unexpected(call, value)


def _from_iso8601_timestamp(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _exactly(compiler, call, scope, 1)
    return Typed(f"py_iso_timestamp({_text_argument(value, call)})", t.TIMESTAMP_TZ)


def _date(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _exactly(compiler, call, scope, 1)
    return cast(value, t.DATE)


def _timezone_part(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _exactly(compiler, call, scope, 1)
    return timezone_part(value, call.name, call)


def timezone_part(value: Typed, name: str, call: Call) -> Typed:
    """Hours or minutes of a zoned moment's offset."""
    if value.type.name != "timestamp with time zone":
        raise _unexpected(call, value)
    minutes = f"(epoch_ms({local_time(value.sql)}) - epoch_ms(({value.sql}).t)) // 60000"
    sql = f"({minutes}) // 60" if name == "timezone_hour" else f"({minutes}) % 60"
    return Typed(f"CAST({sql} AS BIGINT)", t.BIGINT)


def _human_readable_seconds(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _exactly(compiler, call, scope, 1)
    total = f"CAST(round(abs({coerce(value, t.DOUBLE).sql})) AS BIGINT)"
    pieces = []
    for label, size, wrap in (
        ("week", 604800, 0),
        ("day", 86400, 7),
        ("hour", 3600, 24),
        ("minute", 60, 60),
        ("second", 1, 60),
    ):
        count = f"({total} // {size}" + (f" % {wrap})" if wrap else ")")
        always = f" OR {total} = 0" if label == "second" else ""
        pieces.append(
            f"CASE WHEN {count} > 0{always} THEN CAST({count} AS VARCHAR) || ' {label}' || CASE WHEN {count} = 1 THEN '' ELSE 's' END END"
        )
    return Typed(f"CASE WHEN {total} IS NOT NULL THEN concat_ws(', ', {', '.join(pieces)}) END", t.VARCHAR)


SPECIAL: dict[str, Special] = {
    **dict.fromkeys(_PARTS, _part_function),
    "extract": _extract, "date_trunc": _date_trunc, "date_add": _date_add, "date_diff": _date_diff,
    "date_format": _date_format, "date_parse": _date_parse, "format_datetime": _format_datetime, "parse_datetime": _parse_datetime,
    "now": _now(3), "current_timestamp": _now(3), "localtimestamp": _now(3), "current_date": _current_date,
    "current_timezone": _current_timezone, "at_timezone": _at_timezone, "with_timezone": _with_timezone,
    "from_unixtime": _from_unixtime, "to_iso8601": _to_iso8601, "from_iso8601_timestamp": _from_iso8601_timestamp,
    "date": _date, "timezone_hour": _timezone_part, "timezone_minute": _timezone_part,
    "human_readable_seconds": _human_readable_seconds,
}  # fmt: skip
