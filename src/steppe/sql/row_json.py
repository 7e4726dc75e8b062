"""JSON texts read and written as Trino's Jackson does, and the functions over SQL/JSON paths; see `row_functions`."""

from __future__ import annotations

import json
import re
from functools import lru_cache

from steppe.base.jsonvalue import JsonValue
from steppe.sql.json_paths import PathError, Steps, evaluate, parse_path
from steppe.sql.row_functions import RowError, RowFunction, invalid

_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _quoted(value: str) -> str:
    return '"' + _ESCAPED.sub(lambda m: _ESCAPES.get(m.group(), f"\\u{ord(m.group()):04X}"), value) + '"'


def java_double(value: float) -> str:
    """Double.toString: plain from 10^-3 to below 10^7, else one digit, point, E notation."""
    if value != value or value in (float("inf"), float("-inf")):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    shown = repr(value)
    if value == 0 or 0.001 <= abs(value) < 10_000_000:
        return shown if "e" not in shown else f"{value:f}"
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign, digits = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
    whole, _, fraction = digits.partition(".")
    power = int(exponent or 0) + len(whole) - 1
    figures = whole + ("" if fraction == "0" else fraction)
    if whole == "0":
        power -= len(fraction) - len(fraction.lstrip("0")) + len(whole)
        power += 1 - len(whole)
        figures = fraction.lstrip("0")
    figures = figures.rstrip("0") or "0"
    return f"{sign}{figures[0]}.{figures[1:] or '0'}E{power}"


def written(value: JsonValue, *, is_sorted: bool = False) -> str:
    """The text of a JSON value, without blanks."""
    match value:
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case str():
            return _quoted(value)
        case int():
            return str(value)
        case float():
            return java_double(value)
        case list():
            return "[" + ",".join(written(item, is_sorted=is_sorted) for item in value) + "]"
        case _:
            members = sorted(value.items()) if is_sorted else value.items()
            return "{" + ",".join(f"{_quoted(k)}:{written(v, is_sorted=is_sorted)}" for k, v in members) + "}"


def _refuse(word: str) -> JsonValue:
    raise ValueError(word)


@lru_cache(maxsize=64)
def _read(said: str) -> JsonValue:
    return json.loads(said, parse_constant=_refuse)


def canonical_text(said: str) -> str:
    """The text with sorted members and without blanks; a RowError when it is no JSON."""
    try:
        return written(_read(said), is_sorted=True)
    except ValueError:
        raise invalid(f"Cannot convert value to JSON: '{said[:1000]}'") from None


@lru_cache(maxsize=256)
def _path(said: str) -> Steps:
    return parse_path(said)


def _found(said: str, path: str) -> list[JsonValue]:
    """What a path selects.

    Raises:
        PathError: the text is no JSON, or strict mode found what does not fit.
    """
    steps = _path(path)
    try:
        value = _read(said)
    except ValueError:
        raise PathError("cannot convert value to JSON") from None
    return evaluate(steps, value)


def _exists(said: str, path: str, on_error: str) -> bool | None:
    try:
        return bool(_found(said, path))
    except PathError as error:
        if on_error == "ERROR":
            raise RowError("PATH_EVALUATION_ERROR", f"path evaluation failed: {error}") from None
        return {"TRUE": True, "FALSE": False, "UNKNOWN": None}[on_error]


def _otherwise(how: str, default: str | None, problem: str, code: str) -> str | None:
    if how == "ERROR":
        raise RowError(code, problem)
    return default if how == "DEFAULT" else {"EMPTY ARRAY": "[]", "EMPTY OBJECT": "{}"}.get(how)


def _value(
    said: str | None, path: str, kind: str, empty: str, empty_default: str | None, error: str, error_default: str | None
) -> str | None:
    """json_value: the one scalar that the path selects, as text."""
    if said is None:
        return None
    code = "JSON_VALUE_RESULT_ERROR"
    try:
        items = _found(said, path)
    except PathError as bad:
        problem = f"path evaluation failed: {bad}"
        return _otherwise(error, error_default, problem, "PATH_EVALUATION_ERROR")
    if not items:
        return _otherwise(empty, empty_default, "cannot extract SQL scalar from JSON: JSON path found no items", code)
    if len(items) > 1 or isinstance(items[0], list | dict):
        said_why = "multiple items" if len(items) > 1 else "an item that cannot be converted to an SQL value"
        problem = f"cannot extract SQL scalar from JSON: JSON path found {said_why}"
        return _otherwise(error, error_default, problem, code)
    item = items[0]
    if item is None:
        return None
    if isinstance(item, float) and kind == "varchar":
        raise RowError("NOT_SUPPORTED", "json_value of a number with a fraction as varchar")
    return item if isinstance(item, str) else written(item)


def _query(said: str | None, path: str, wrapper: str, quotes: str, empty: str, error: str) -> str | None:
    """json_query: what the path selects, as JSON text."""
    if said is None:
        return None
    code = "JSON_QUERY_RESULT_ERROR"
    try:
        items = _found(said, path)
    except PathError as bad:
        return _otherwise(error, None, f"path evaluation failed: {bad}", "PATH_EVALUATION_ERROR")
    if not items:
        return _otherwise(empty, None, "cannot return JSON: JSON path found no items", code)
    single = len(items) == 1 and (wrapper == "WITHOUT" or (wrapper == "CONDITIONAL" and _is_nested(items[0])))
    if wrapper == "WITHOUT" and len(items) > 1:
        return _otherwise(error, None, "cannot return JSON: JSON path found multiple items", code)
    if single and quotes == "OMIT" and isinstance(items[0], str):
        return items[0]
    return written(items[0] if single else items)


def _is_nested(item: JsonValue) -> bool:
    return isinstance(item, list | dict)


def _array_contains(said: str, kind: str, wanted: str) -> bool | None:
    try:
        items = json.loads(said)
    except ValueError:
        return None
    if not isinstance(items, list):
        return None
    if kind == "boolean":
        return any(item is (wanted == "true") for item in items)
    if kind == "varchar":
        return any(isinstance(item, str) and item == wanted for item in items)
    number = float(wanted) if kind == "double" else int(wanted)
    held = float if kind == "double" else int
    return any(isinstance(item, held) and not isinstance(item, bool) and item == number for item in items)


class _Raw(str):
    """A number as it is written."""

    __slots__ = ()


_SIMPLE_STEP = re.compile(r'\."([^"]*)"|\[(\d+)\]')


def _number_as_written(said: str, path: str) -> str | None:
    """The number at a path of members and elements, as the document writes it."""
    value = json.loads(said, parse_float=_Raw, parse_int=_Raw)
    for match in _SIMPLE_STEP.finditer(path):
        member, index = match.groups()
        if member is not None:
            value = value.get(member) if isinstance(value, dict) else None
        else:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
    return str(value) if isinstance(value, _Raw) else None


def _hash_order(keys: list[str]) -> list[str]:
    """The order in which Java's HashMap gives keys back: by bucket, then as they came."""
    size = 16
    while len(keys) > size * 3 // 4:
        size *= 2

    def bucket(key: str) -> int:
        code = 0
        for unit in memoryview(key.encode("utf-16-le")).cast("H"):
            code = (31 * code + unit) & 0xFFFFFFFF
        return (code ^ code >> 16) & size - 1

    return sorted(keys, key=bucket)


def _object(keys: list[str | None], values: list[str | None], handling: str) -> str:
    members: dict[str, str] = {}
    for key, value in zip(keys, values, strict=True):
        if key is None:
            raise invalid("null value passed for JSON object key to JSON_OBJECT function")
        if value is None and handling.startswith("ABSENT"):
            continue
        if key in members:
            if "UNIQUE" in handling:
                raise invalid("duplicate key passed to JSON_OBJECT function")
            raise RowError("NOT_SUPPORTED", "cannot construct a JSON object with duplicate key")
        members[key] = value if value is not None else "null"
    return "{" + ",".join(f"{_quoted(key)}:{members[key]}" for key in _hash_order(list(members))) + "}"


def _array(values: list[str | None], handling: str) -> str:
    shown = [value if value is not None else "null" for value in values if value is not None or handling == "NULL"]
    return "[" + ",".join(shown) + "]"


def _plain(said: str) -> str:
    try:
        return written(_read(said))
    except ValueError:
        raise RowError("JSON_INPUT_CONVERSION_ERROR", "conversion to JSON failed: ") from None


TABLE: dict[str, RowFunction] = {
    "json_number": RowFunction(("VARCHAR", "VARCHAR"), "VARCHAR", _number_as_written),
    "json_object": RowFunction(("VARCHAR[]", "VARCHAR[]", "VARCHAR"), "VARCHAR", _object),
    "json_array": RowFunction(("VARCHAR[]", "VARCHAR"), "VARCHAR", _array),
    "json_plain": RowFunction(("VARCHAR",), "VARCHAR", _plain),
    "json_canonical": RowFunction(("VARCHAR",), "VARCHAR", canonical_text),
    "json_exists": RowFunction(("VARCHAR", "VARCHAR", "VARCHAR"), "BOOLEAN", _exists),
    "json_value": RowFunction(("VARCHAR",) * 7, "VARCHAR", _value, with_null=True),
    "json_query": RowFunction(("VARCHAR",) * 6, "VARCHAR", _query, with_null=True),
    "json_array_contains": RowFunction(("VARCHAR", "VARCHAR", "VARCHAR"), "BOOLEAN", _array_contains),
}
