"""CAST, the coercions that nobody writes, and the texts of values.

`as_text` is the one place that knows how Athena prints a value: the result CSV, GetQueryResults and nested values use
it. `cast` follows Trino's operators; a cast that Trino has and this file does not know exactly is refused by name.
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

from steppe.sql import types as t
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.typed import Typed, guarded, null, text
from steppe.sql.types import Type

_MOMENT = r"\d{4}-\d{1,2}-\d{1,2}( \d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,9})?)?)?"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


def is_same_representation(source: Type, target: Type) -> bool:
    """Whether DuckDB holds values of both types in the same way, so that a coercion writes nothing."""
    if "unknown" in (source.name, target.name) or source.name != target.name:
        return source.name == target.name
    if source.name == "char":
        return source.precision == target.precision
    if source.name == "decimal":
        return source == target
    if len(source.children) != len(target.children):
        return False
    return all(map(is_same_representation, source.children, target.children))


def coerce(value: Typed, target: Type) -> Typed:
    """A value as another type that it coerces to implicitly (`types.common` said so)."""
    source = value.type
    if source == target:
        return value
    if source.name == "unknown":
        return null(target)
    if is_same_representation(source, target):
        return value.with_type(target)
    if source.name in ("array", "map", "row"):
        return _nested(value, target, coerce)
    if source.name == "char" and target.name == "varchar":
        return Typed(padded(value), target)
    if target.name == "timestamp":
        return Typed(f"CAST({value.sql} AS TIMESTAMP)", target)
    if target.name == "timestamp with time zone":
        return Typed(f"struct_pack(t := CAST({value.sql} AS TIMESTAMP), z := 'UTC')", target)
    constant = value.constant
    if isinstance(constant, int) and target.name in ("double", "real"):
        constant = float(constant)
    return Typed(f"CAST({value.sql} AS {t.duckdb(target)})", target, constant)


def padded(value: Typed) -> str:
    """A char(n)'s text with its blanks."""
    return f"rpad({value.sql}, {value.type.precision}, ' ')"


def cast(value: Typed, target: Type) -> Typed:
    """CAST(value AS target).

    Raises:
        QueryError: TYPE_MISMATCH when Trino has no such cast, NOT_SUPPORTED when this engine has none that is exact.
    """
    source = value.type
    if source == target and source.name != "timestamp":
        return value
    if source.name == "unknown":
        return null(target)
    if source.name in ("array", "map", "row") and target.name == source.name:
        if source.name == "row" and len(source.children) != len(target.children):
            raise _no_cast(source, target)
        return _nested(value, target, cast)
    if source.name in ("varchar", "char"):
        plain = coerce(value, t.VARCHAR) if source.name == "char" else value
        return _from_text(plain, target)
    if target.name in ("varchar", "char"):
        whole = _to_varchar(value)
        if target.name == "varchar" and target.precision is None:
            return whole
        fits = f"length({whole.sql}) <= {target.precision}"
        message = text(f"Value cannot be cast to {target}")
        return Typed(guarded(fits, whole.sql, "INVALID_CAST_ARGUMENT", message), target)
    if t.is_numeric(source) and (t.is_numeric(target) or target.name == "boolean"):
        return _number_to_number(value, target)
    if source.name == "boolean" and t.is_numeric(target):
        return Typed(f"CAST({value.sql} AS {t.duckdb(target)})", target)
    if "timestamp with time zone" in (source.name, target.name) or target.name in ("date", "timestamp", "time"):
        return _moment(value, target)
    if target.name == "json" or source.name == "json":
        from steppe.sql import json_casts

        return json_casts.to_json(value) if target.name == "json" else json_casts.from_json(value, target)
    raise _no_cast(source, target)


def _no_cast(source: Type, target: Type) -> QueryError:
    return QueryError("TYPE_MISMATCH", f"line 1:1: Cannot cast {source} to {target}")


def _nested(value: Typed, target: Type, convert: object) -> Typed:
    """Convert the elements of an array, a map or a row."""
    source, sql = value.type, value.sql
    if is_same_representation(source, target) and convert is coerce:
        return value.with_type(target)

    def inner(expression: str, index: int) -> str:
        return convert(Typed(expression, source.children[index]), target.children[index]).sql  # type: ignore[operator,no-any-return]

    if source.name == "array":
        if source.children[0].name == "unknown":
            return Typed(f"list_transform({sql}, lambda e: {null(target.children[0]).sql})", target)
        variable = lambda_name(sql)
        return Typed(f"list_transform({sql}, lambda {variable}: {inner(variable, 0)})", target)
    if source.name == "map":
        variable = lambda_name(sql)
        pair = f"struct_pack(k := {inner(f'{variable}.key', 0)}, v := {inner(f'{variable}.value', 1)})"
        return Typed(f"map_from_entries(list_transform(map_entries({sql}), lambda {variable}: {pair}))", target)
    fields = ", ".join(f"f{i} := {inner(f'({sql}).f{i}', i - 1)}" for i in range(1, len(source.children) + 1))
    packed = f"struct_pack({fields})"
    return Typed(f"CASE WHEN {sql} IS NOT NULL THEN {packed} END", target)


def lambda_name(sql: str) -> str:
    """A lambda variable that the text does not use, so that nested lambdas see the outer ones."""
    index = 0
    while f"e{index}" in sql:
        index += 1
    return f"e{index}"


def _number_to_number(value: Typed, target: Type) -> Typed:
    source, sql = value.type, value.sql
    if target.name == "boolean":
        return Typed(f"({sql} <> 0)", target)
    if source.name in ("real", "double") and t.is_integral(target):
        held = t.duckdb(target)
        parts = (text("Cannot cast "), f"CAST({sql} AS VARCHAR)", text(f" to {target}"))
        cast_sql = f"TRY_CAST(round({sql}) AS {held})"
        return Typed(
            guarded(f"{cast_sql} IS NOT NULL OR {sql} IS NULL", cast_sql, "INVALID_CAST_ARGUMENT", *parts), target
        )
    if source.name == "decimal" or target.name == "decimal" or t.is_integral(target):
        held = t.duckdb(target)
        parts = (text("Cannot cast "), f"CAST({sql} AS VARCHAR)", text(f" to {target}"))
        cast_sql = f"TRY_CAST({sql} AS {held})"
        widening = t.common(source, target) == target
        if widening:
            return Typed(f"CAST({sql} AS {held})", target, value.constant)
        return Typed(
            guarded(f"{cast_sql} IS NOT NULL OR {sql} IS NULL", cast_sql, "INVALID_CAST_ARGUMENT", *parts), target
        )
    constant = float(value.constant) if isinstance(value.constant, int) else value.constant
    return Typed(f"CAST({sql} AS {t.duckdb(target)})", target, constant)


def _from_text(value: Typed, target: Type) -> Typed:
    """A cast of a varchar; what is accepted is what Trino accepts, since DuckDB takes more (` 1.5 ` as an integer)."""
    sql, held = value.sql, t.duckdb(target)
    match target.name:
        case "varchar":
            fits = target.precision is None or (
                value.type.precision is not None and value.type.precision <= target.precision
            )
            return value.with_type(target) if fits else Typed(f"substr({sql}, 1, {target.precision})", target)
        case "char":
            return Typed(f"rtrim(substr({sql}, 1, {target.precision}), ' ')", target)
        case "boolean":
            truth = f"CASE WHEN lower({sql}) IN ('t', 'true', '1') THEN true WHEN lower({sql}) IN ('f', 'false', '0') THEN false END"
            return _checked(sql, f"({truth})", f"({truth}) IS NOT NULL", target, "BOOLEAN")
        case "tinyint" | "smallint" | "integer" | "bigint":
            parsed = f"CASE WHEN regexp_full_match({sql}, '[+-]?[0-9]+') THEN TRY_CAST({sql} AS {held}) END"
            return _checked(sql, f"({parsed})", f"({parsed}) IS NOT NULL", target, target.name.upper())
        case "real" | "double":
            words = "'NaN', 'Infinity', '-Infinity', '+Infinity'"
            ok = f"(regexp_full_match(trim({sql}), {text(_NUMBER)}) OR {sql} IN ({words}))"
            parsed = f"CASE WHEN {ok} THEN TRY_CAST(trim({sql}) AS {held}) END"
            return _checked(sql, f"({parsed})", f"({parsed}) IS NOT NULL", target, target.name.upper())
        case "decimal":
            parsed = f"CASE WHEN regexp_full_match({sql}, {text(_NUMBER)}) THEN TRY_CAST({sql} AS {held}) END"
            shown = f"DECIMAL({target.precision}, {target.scale})"
            return _checked(sql, f"({parsed})", f"({parsed}) IS NOT NULL", target, shown)
        case "date":
            parsed = rf"CASE WHEN regexp_full_match({sql}, '\s*\d{{4}}-\d{{1,2}}-\d{{1,2}}\s*') THEN TRY_CAST(trim({sql}) AS DATE) END"
            return _value_cannot(sql, f"({parsed})", target, "date")
        case "timestamp":
            _check_precision(target)
            parsed = f"CASE WHEN regexp_full_match({sql}, {text(_MOMENT)}) THEN TRY_CAST({sql} AS TIMESTAMP) END"
            return _value_cannot(sql, rounded(f"({parsed})", 9, target.precision or 0), target, "timestamp")
        case "time":
            _check_precision(target)
            clock = r"\d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,9})?)?"
            parsed = f"CASE WHEN regexp_full_match({sql}, {text(clock)}) THEN TRY_CAST({sql} AS TIME) END"
            return _value_cannot(sql, f"({parsed})", target, "time")
        case "timestamp with time zone":
            return _zoned_from_text(sql, target)
        case "uuid":
            parsed = f"CASE WHEN regexp_full_match({sql}, '[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}') THEN TRY_CAST({sql} AS UUID) END"
            return _checked(sql, f"({parsed})", f"({parsed}) IS NOT NULL", target, "UUID")
        case "varbinary":
            return Typed(f"encode({sql})", target)
        case "json":
            return Typed(f"CAST(to_json({sql}) AS VARCHAR)", target)
        case _:
            raise _no_cast(value.type, target)


def _checked(sql: str, parsed: str, ok: str, target: Type, shown: str) -> Typed:
    message = (text("Cannot cast '"), sql, text(f"' to {shown}"))
    return Typed(guarded(f"({sql} IS NULL OR {ok})", parsed, "INVALID_CAST_ARGUMENT", *message), target)


def _value_cannot(sql: str, parsed: str, target: Type, shown: str) -> Typed:
    message = (text(f"Value cannot be cast to {shown}: "), sql)
    return Typed(guarded(f"({sql} IS NULL OR {parsed} IS NOT NULL)", parsed, "INVALID_CAST_ARGUMENT", *message), target)


def _check_precision(kind: Type) -> None:
    if (kind.precision or 0) > 6:
        raise not_supported(f"{kind}: more than six fraction digits")


def rounded(sql: str, digits: int, wanted: int) -> str:
    """A DuckDB timestamp of `digits` fraction digits rounded half up to `wanted` ones."""
    if wanted >= min(digits, 6):
        return sql
    unit = 10 ** (6 - wanted)
    moved = f"(epoch_us({sql}) + {unit // 2})"
    return f"make_timestamp({moved} - (({moved} % {unit}) + {unit}) % {unit})"


def local_time(sql: str) -> str:
    """The local time (a DuckDB timestamp) of a timestamp with time zone."""
    return (
        f"(CASE WHEN ({sql}).z = 'UTC' THEN ({sql}).t "
        f"WHEN regexp_full_match(({sql}).z, '[+-]\\d\\d:\\d\\d') THEN ({sql}).t + {_offset(f'({sql}).z')} "
        f"ELSE timezone(({sql}).z, timezone('UTC', ({sql}).t)) END)"
    )


def instant(local: str, zone: str) -> str:
    """The UTC instant (a DuckDB timestamp) of a local time in a zone, both SQL."""
    return (
        f"(CASE WHEN {zone} = 'UTC' THEN {local} "
        f"WHEN regexp_full_match({zone}, '[+-]\\d\\d:\\d\\d') THEN {local} - {_offset(zone)} "
        f"ELSE timezone('UTC', timezone({zone}, {local})) END)"
    )


def _offset(zone: str) -> str:
    """The interval of an offset like +08:35."""
    minutes = f"(TRY_CAST(substr({zone}, 2, 2) AS INTEGER) * 60 + TRY_CAST(substr({zone}, 5, 2) AS INTEGER))"
    return f"to_minutes(CASE WHEN left({zone}, 1) = '-' THEN -{minutes} ELSE {minutes} END)"


def zone_name(zone: str) -> str:
    """A zone's name in the spelling that Trino keeps: Z, GMT-like offsets of zero and UTC are all UTC."""
    return f"(CASE WHEN upper({zone}) IN ('Z', 'UTC', '+00:00', '-00:00') THEN 'UTC' ELSE {zone} END)"


def _zoned_from_text(sql: str, target: Type) -> Typed:
    _check_precision(target)
    pattern = rf"({_MOMENT})(?: ?(Z|UTC|[+-]\d\d:\d\d|[A-Za-z]+(?:[/_A-Za-z+-]|\d)*))?"
    moment, zone = f"regexp_extract({sql}, {text(pattern)}, 1)", f"regexp_extract({sql}, {text(pattern)}, 5)"
    named = zone_name(f"coalesce(nullif({zone}, ''), 'UTC')")
    local = rounded(f"TRY_CAST({moment} AS TIMESTAMP)", 9, target.precision or 0)
    packed = f"struct_pack(t := {instant(local, named)}, z := {named})"
    ok = f"({sql} IS NULL OR (regexp_full_match({sql}, {text(pattern)}) AND {local} IS NOT NULL))"
    message = (text("Value cannot be cast to timestamp with time zone: "), sql)
    value = guarded(ok, f"CASE WHEN {sql} IS NOT NULL THEN {packed} END", "INVALID_CAST_ARGUMENT", *message)
    return Typed(value, target)


def _moment(value: Typed, target: Type) -> Typed:
    """Casts among date, time, timestamp and timestamp with time zone; the session's zone is UTC."""
    source, sql = value.type, value.sql
    _check_precision(target)
    match source.name, target.name:
        case ("timestamp", "timestamp"):
            return Typed(rounded(sql, source.precision or 0, target.precision or 0), target)
        case ("date" | "timestamp", "timestamp" | "timestamp with time zone") | ("timestamp", "date" | "time"):
            if target.name == "timestamp with time zone":
                inner = rounded(f"CAST({sql} AS TIMESTAMP)", source.precision or 0, target.precision or 0)
                return Typed(f"CASE WHEN {sql} IS NOT NULL THEN struct_pack(t := {inner}, z := 'UTC') END", target)
            return Typed(f"CAST({sql} AS {t.duckdb(target)})", target)
        case ("timestamp with time zone", "timestamp with time zone"):
            if (target.precision or 0) >= (source.precision or 0):
                return value.with_type(target)
            return Typed(f"struct_pack(t := {rounded(f'({sql}).t', 6, target.precision or 0)}, z := ({sql}).z)", target)
        case ("timestamp with time zone", "timestamp" | "date" | "time"):
            local = rounded(local_time(sql), source.precision or 0, target.precision if target.name != "date" else 6)  # type: ignore[arg-type]
            return Typed(f"CAST({local} AS {t.duckdb(target)})", target)
        case ("time", "time"):
            return value.with_type(target)
        case _:
            raise _no_cast(source, target)


def _to_varchar(value: Typed) -> Typed:
    """CAST(x AS VARCHAR) of anything that is no text."""
    kind = value.type
    match kind.name:
        case "real" | "double":
            raise not_supported("CAST of double or real to varchar")
        case "json":
            scalar = f"json_type({value.sql}) IN ('OBJECT', 'ARRAY')"
            message = text("Cannot cast JSON to varchar")
            plain = f"json_extract_string({value.sql}, '$')"
            return Typed(guarded(f"NOT ({scalar})", plain, "INVALID_CAST_ARGUMENT", message), t.VARCHAR)
        case "array" | "map" | "row" | "varbinary":
            raise _no_cast(kind, t.VARCHAR)
        case _:
            return Typed(as_text(value), t.VARCHAR)


def as_text(value: Typed, *, nested: bool = False) -> str:
    """The VARCHAR that Athena shows for a value; NULL stays NULL (inside arrays, maps and rows it is `null`).

    Source: `athena.md`, section 3.3, `observed-athena.md`, sections 10 and 15.
    """
    kind, sql = value.type, value.sql
    match kind.name:
        case "varchar" | "json":
            shown = sql
        case "char":
            shown = padded(value)
        case "double" | "real":
            shown = _java_number(sql, kind)
        case "varbinary":
            shown = f"trim(regexp_replace(lower(hex({sql})), '(..)', '\\1 ', 'g'))"
        case "time":
            digits = kind.precision or 0
            shown = f"left(strftime(DATE '2000-01-01' + {sql}, '%H:%M:%S.%f'), {9 + digits if digits else 8})"
        case "timestamp":
            shown = moment_text(sql, value.literal_digits if value.literal_digits is not None else kind.precision or 0)
        case "timestamp with time zone":
            shown = f"concat({moment_text(local_time(sql), kind.precision or 0)}, ' ', ({sql}).z)"
            shown = f"CASE WHEN ({sql}).t IS NOT NULL THEN {shown} END"
        case "interval day to second":
            shown = _day_interval_text(sql)
        case "interval year to month":
            sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE '' END"
            shown = f"({sign} || CAST(abs({sql}) // 12 AS VARCHAR) || '-' || CAST(abs({sql}) % 12 AS VARCHAR))"
        case "array":
            shown = f"('[' || {_joined(sql, kind.children[0])} || ']')"
        case "map":
            variable = lambda_name(sql)
            key = as_text(Typed(f"{variable}.key", kind.children[0]), nested=True)
            item = as_text(Typed(f"{variable}.value", kind.children[1]), nested=True)
            pairs = f"list_transform(list_sort(map_entries({sql})), lambda {variable}: {key} || '=' || {item})"
            shown = f"('{{' || array_to_string({pairs}, ', ') || '}}')"
        case "row":
            shown = _row_text(sql, kind)
        case "tdigest" | "HyperLogLog":
            raise not_supported(f"the bytes of a {kind.name}")
        case _:
            shown = f"CAST({sql} AS VARCHAR)"
    return f"coalesce({shown}, 'null')" if nested else shown


def moment_text(sql: str, digits: int) -> str:
    """A DuckDB timestamp with exactly so many fraction digits."""
    return f"left(strftime({sql}, '%Y-%m-%d %H:%M:%S.%f'), {20 + digits if digits else 19})"


def _java_number(sql: str, kind: Type) -> str:
    """Java's Double.toString and Float.toString: plain from 10^-3 to below 10^7, else one digit, point, E notation."""
    plain = f"CAST({sql} AS VARCHAR)"
    digits = f"replace(regexp_extract({plain}, '^-?([0-9.]+)', 1), '.', '')"
    significant = f"ltrim({digits}, '0')"
    trimmed = f"rtrim({significant}, '0')"
    rest = f"CASE WHEN length({trimmed}) > 1 THEN substr({trimmed}, 2) ELSE '0' END"
    # The exponent: of DuckDB's own E form, else from the place of the point or the zeros after it.
    own = f"CAST(nullif(regexp_extract({plain}, 'e(.*)$', 1), '') AS INTEGER)"
    whole = f"regexp_extract({plain}, '^-?([0-9]+)', 1)"
    counted = f"CASE WHEN ltrim({whole}, '0') <> '' THEN length({whole}) - 1 ELSE length({whole}) - 1 - (length({digits}) - length({significant})) END"
    exponent = f"coalesce({own}, 0) + {counted}"
    sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE '' END"
    scientific = f"({sign} || left({significant}, 1) || '.' || {rest} || 'E' || CAST({exponent} AS VARCHAR))"
    del kind
    return (
        f"CASE WHEN {sql} = 0 OR (abs({sql}) >= 0.001 AND abs({sql}) < 10000000) THEN {plain} "
        f"WHEN isnan({sql}) THEN 'NaN' WHEN isinf({sql}) THEN CASE WHEN {sql} > 0 THEN 'Infinity' ELSE '-Infinity' END "
        f"WHEN {sql} IS NOT NULL THEN {scientific} END"
    )


def _day_interval_text(sql: str) -> str:
    size = f"abs({sql})"
    sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE '' END"
    clock = (
        f"lpad(CAST({size} // 3600000 % 24 AS VARCHAR), 2, '0') || ':' || lpad(CAST({size} // 60000 % 60 AS VARCHAR), 2, '0')"
        f" || ':' || lpad(CAST({size} // 1000 % 60 AS VARCHAR), 2, '0') || '.' || lpad(CAST({size} % 1000 AS VARCHAR), 3, '0')"
    )
    return f"({sign} || CAST({size} // 86400000 AS VARCHAR) || ' ' || {clock})"


def _joined(sql: str, element: Type) -> str:
    variable = lambda_name(sql)
    inner = as_text(Typed(variable, element), nested=True)
    return f"array_to_string(list_transform({sql}, lambda {variable}: {inner}), ', ')"


def _row_text(sql: str, kind: Type) -> str:
    # Through a lambda, so that the value is computed once: DuckDB folds `<value that fails> IS NOT NULL` to false.
    variable = lambda_name(sql)
    parts = []
    for index, (label, child) in enumerate(zip(kind.fields, kind.children, strict=True), 1):
        prefix = f"{text(label + '=')} || " if label is not None else ""
        parts.append(prefix + as_text(Typed(f"({variable}).f{index}", child), nested=True))
    shown = f"CASE WHEN {variable} IS NOT NULL THEN '{{' || " + " || ', ' || ".join(parts) + " || '}' END"
    return f"list_transform([{sql}], lambda {variable}: {shown})[1]"
