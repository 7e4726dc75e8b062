"""SQL/JSON paths: `lax $.a[*] ? (@.b > 1).c`, read once and evaluated over parsed documents.

A path is a mode and steps; a step takes the items before it and gives those after it. In lax mode a step unwraps
arrays and wraps single items as it needs and passes over what does not fit; in strict mode that is a PathError.
Not read, and refused by name: arithmetic, passed variables, `like_regex`, date and time methods.

Source: Trino manual, "JSON functions and operators", section "JSON path language".
"""

# The words of a path are tokens, not secrets.
# ruff: noqa: S105

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from steppe.base.jsonvalue import JsonValue
from steppe.sql.row_functions import RowError

ITEMS_MAX = 100_000
"""Items that a path may hold at a time; ours."""

_DEPTH_MAX = 40

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"""
    r"""|(?P<sign>\.\.|&&|\|\||==|!=|<>|<=|>=|[$@.*\[\](),?!<>=+\-/%]))"""
)


class PathError(Exception):
    """The document does not fit the path: what ON ERROR is about."""


Step = Callable[[list[JsonValue], JsonValue], list[JsonValue]]
"""From the items before to the items after; the second argument is the document."""

Predicate = Callable[[JsonValue, JsonValue], bool | None]


@dataclass(frozen=True, slots=True)
class Steps:
    """A path that was read."""

    lax: bool
    steps: tuple[Step, ...]


def parse_path(said: str) -> Steps:
    """Read a path.

    Raises:
        RowError: INVALID_PATH, or NOT_SUPPORTED for what this file does not read.
    """
    return _Reader(said).whole()


def evaluate(path: Steps, document: JsonValue) -> list[JsonValue]:
    """The items that a path selects.

    Raises:
        PathError: strict mode found what does not fit.
    """
    return _through(path.steps, [document], document)


def _through(steps: tuple[Step, ...], items: list[JsonValue], document: JsonValue) -> list[JsonValue]:
    for step in steps:
        items = step(items, document)
        if len(items) > ITEMS_MAX:
            raise RowError("NOT_SUPPORTED", f"a JSON path that selects more than {ITEMS_MAX} items")
    return items


def _unwrapped(items: list[JsonValue]) -> Iterator[JsonValue]:
    for item in items:
        if isinstance(item, list):
            yield from item
        else:
            yield item


def _number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Reader:
    """Recursive descent over a path's tokens."""

    def __init__(self, said: str) -> None:
        self._said = said
        self._tokens: list[str] = []
        at, body = 0, said.rstrip()
        while at < len(body):
            match = _TOKEN.match(body, at)
            if match is None:
                raise self._bad()
            self._tokens.append(match.group().strip())
            at = match.end()
        self._at = 0
        self._lax = True
        self._depth = 0

    def whole(self) -> Steps:
        """The whole path."""
        mode = self._next()
        if mode not in ("lax", "strict"):
            raise self._bad()
        self._lax = mode == "lax"
        if self._peek() != "$":
            raise self._refused()
        self._next()
        steps = self._accessors()
        if self._peek():
            raise self._refused() if self._peek() in "+-*/%" else self._bad()
        return Steps(self._lax, steps)

    def _bad(self) -> RowError:
        return RowError("INVALID_PATH", f"Invalid JSON path: {self._said[:200]}")

    def _refused(self) -> RowError:
        return RowError("NOT_SUPPORTED", f"the JSON path {self._said[:200]}")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            raise self._bad()
        self._at += 1
        return token

    def _text(self, token: str) -> str:
        return re.sub(r"\\(.)", r"\1", token[1:-1])

    # -- accessors

    def _accessors(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while self._peek() in (".", "..", "[", "?"):
            sign = self._next()
            if sign == "[":
                steps.append(self._elements())
            elif sign == "?":
                self._next("(")
                steps.append(self._filter(self._disjunction()))
                self._next(")")
            elif sign == "..":
                steps.append(self._descendants(self._label()))
            else:
                steps.append(self._member_or_method())
        return tuple(steps)

    def _label(self) -> str:
        token = self._next()
        if token.startswith('"'):
            return self._text(token)
        if not re.match(r"[A-Za-z_]", token):
            raise self._bad()
        return token

    def _member_or_method(self) -> Step:
        if self._peek() == "*":
            self._next()
            return self._members(None)
        quoted = self._peek().startswith('"')
        label = self._label()
        if self._peek() == "(" and not quoted:
            self._next("(")
            self._next(")")
            return self._method(label)
        return self._members(label)

    def _members(self, label: str | None) -> Step:
        lax = self._lax

        def step(items: list[JsonValue], document: JsonValue) -> list[JsonValue]:
            found: list[JsonValue] = []
            for item in _unwrapped(items) if lax else items:
                if not isinstance(item, dict):
                    if not lax:
                        raise PathError(f"invalid item type. Expected: OBJECT, actual: {_type(item).upper()}")
                elif label is None:
                    found += item.values()
                elif label in item:
                    found.append(item[label])
                elif not lax:
                    raise PathError(f"missing member '{label}' in JSON object")
            return found

        return step

    def _descendants(self, label: str) -> Step:
        def step(items: list[JsonValue], document: JsonValue) -> list[JsonValue]:
            found: list[JsonValue] = []
            pending = list(reversed(items))
            while pending:
                item = pending.pop()
                if isinstance(item, dict):
                    if label in item:
                        found.append(item[label])
                    pending += reversed(list(item.values()))
                elif isinstance(item, list):
                    pending += reversed(item)
            return found

        return step

    def _elements(self) -> Step:
        if self._peek() == "*":
            self._next()
            self._next("]")
            ranges = None
        else:
            ranges = [self._range()]
            while self._peek() == ",":
                self._next()
                ranges.append(self._range())
            self._next("]")
        lax = self._lax

        def step(items: list[JsonValue], document: JsonValue) -> list[JsonValue]:
            found: list[JsonValue] = []
            for item in items:
                if not isinstance(item, list):
                    if not lax:
                        raise PathError(f"invalid item type. Expected: ARRAY, actual: {_type(item).upper()}")
                    item = [item]
                for first, last in [(0, len(item) - 1)] if ranges is None else ranges:
                    low = first if first >= 0 else len(item) + first
                    high = last if last >= 0 else len(item) + last
                    if not lax and (low > high or high >= len(item)):
                        raise PathError("invalid array subscript")
                    found += item[max(low, 0) : high + 1]
            return found

        return step

    def _range(self) -> tuple[int, int]:
        """Two positions; those from the end are negative, -1 is the last."""
        first = self._subscript()
        if self._peek() != "to":
            return first, first
        self._next()
        return first, self._subscript()

    def _subscript(self) -> int:
        token = self._next()
        if token == "last":
            if self._peek() == "-":
                self._next()
                return -1 - self._integer(self._next())
            return -1
        return self._integer(token)

    def _integer(self, token: str) -> int:
        if not token.isdigit():
            raise self._refused()
        return int(token[:18])

    # -- methods

    def _method(self, label: str) -> Step:
        lax = self._lax
        call = {"type": _type, "size": _size, "double": _double, "ceiling": _whole(math.ceil),
                "floor": _whole(math.floor), "abs": _absolute}.get(label)  # fmt: skip
        if label == "keyvalue":
            return self._keyvalue()
        if call is None:
            raise self._refused()

        def step(items: list[JsonValue], document: JsonValue) -> list[JsonValue]:
            if label == "size" and not lax and any(not isinstance(item, list) for item in items):
                raise PathError("invalid item type. Expected: ARRAY")
            unwraps = lax and label not in ("type", "size")
            return [call(item) for item in (_unwrapped(items) if unwraps else items)]

        return step

    def _keyvalue(self) -> Step:
        def step(items: list[JsonValue], document: JsonValue) -> list[JsonValue]:
            found: list[JsonValue] = []
            for index, item in enumerate(_unwrapped(items) if self._lax else items):
                if not isinstance(item, dict):
                    raise PathError(f"invalid item type. Expected: OBJECT, actual: {_type(item).upper()}")
                found += [{"name": key, "value": value, "id": index} for key, value in item.items()]
            return found

        return step

    # -- filters

    def _filter(self, predicate: Predicate) -> Step:
        lax = self._lax

        def step(items: list[JsonValue], document: JsonValue) -> list[JsonValue]:
            return [item for item in (_unwrapped(items) if lax else items) if predicate(item, document) is True]

        return step

    def _disjunction(self) -> Predicate:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise self._refused()
        parts = [self._conjunction()]
        while self._peek() == "||":
            self._next()
            parts.append(self._conjunction())
        self._depth -= 1
        return _any_of(parts) if len(parts) > 1 else parts[0]

    def _conjunction(self) -> Predicate:
        parts = [self._predicate()]
        while self._peek() == "&&":
            self._next()
            parts.append(self._predicate())
        return _all_of(parts) if len(parts) > 1 else parts[0]

    def _predicate(self) -> Predicate:
        if self._peek() == "!":
            self._next()
            self._next("(")
            inner = self._disjunction()
            self._next(")")
            return lambda item, document: None if (got := inner(item, document)) is None else not got
        if self._peek() == "exists":
            self._next()
            self._next("(")
            operand = self._operand()
            self._next(")")
            return lambda item, document: _exists(operand, item, document)
        if self._peek() == "(":
            self._next()
            inner = self._disjunction()
            self._next(")")
            return inner
        left, sign = self._operand(), self._next()
        if sign == "starts":
            self._next("with")
            right = self._operand()
            return lambda item, document: _compared("starts", left, right, item, document, self._lax)
        if sign not in ("==", "!=", "<>", "<", "<=", ">", ">="):
            raise self._refused()
        right = self._operand()
        return lambda item, document: _compared(sign, left, right, item, document, self._lax)

    def _operand(self) -> Callable[[JsonValue, JsonValue], list[JsonValue]]:
        token = self._next()
        if token in ("@", "$"):
            steps = self._accessors()
            if token == "@":
                return lambda item, document: _through(steps, [item], document)
            return lambda item, document: _through(steps, [document], document)
        value = self._constant(token)
        return lambda item, document: [value]

    def _constant(self, token: str) -> JsonValue:
        if token.startswith('"'):
            return self._text(token)
        if token in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[token]
        sign = 1
        if token == "-":
            sign, token = -1, self._next()
        if not token[0].isdigit():
            raise self._refused()
        return sign * (int(token[:100]) if token.isdigit() else float(token))


def _any_of(parts: list[Predicate]) -> Predicate:
    def either(item: JsonValue, document: JsonValue) -> bool | None:
        got = [part(item, document) for part in parts]
        return True if True in got else None if None in got else False

    return either


def _all_of(parts: list[Predicate]) -> Predicate:
    def both(item: JsonValue, document: JsonValue) -> bool | None:
        got = [part(item, document) for part in parts]
        return False if False in got else None if None in got else True

    return both


def _exists(
    operand: Callable[[JsonValue, JsonValue], list[JsonValue]], item: JsonValue, document: JsonValue
) -> bool | None:
    try:
        return bool(operand(item, document))
    except PathError:
        return None


def _compared(
    sign: str,
    left: Callable[[JsonValue, JsonValue], list[JsonValue]],
    right: Callable[[JsonValue, JsonValue], list[JsonValue]],
    item: JsonValue,
    document: JsonValue,
    lax: bool,
) -> bool | None:
    """Any pair that compares true; unknown when a pair cannot be compared (in lax mode only if none is true)."""
    try:
        lefts, rights = left(item, document), right(item, document)
    except PathError:
        return None
    if lax:
        lefts, rights = list(_unwrapped(lefts)), list(_unwrapped(rights))
    found, unknown = False, False
    for a in lefts:
        for b in rights:
            got = _pair(sign, a, b)
            unknown = unknown or got is None
            found = found or got is True
            if found and lax:
                return True
    return None if unknown else found


def _pair(sign: str, a: JsonValue, b: JsonValue) -> bool | None:
    if sign == "starts":
        return a.startswith(b) if isinstance(a, str) and isinstance(b, str) else None
    if a is None or b is None:
        same = a is None and b is None
        return {"==": same, "!=": not same, "<>": not same}.get(sign)
    alike = (_number(a) and _number(b)) or (type(a) is type(b) and isinstance(a, str | bool))
    if not alike:
        return None
    match sign:
        case "==":
            return bool(a == b)
        case "!=" | "<>":
            return bool(a != b)
        case "<":
            return bool(a < b)
        case "<=":
            return bool(a <= b)
        case ">":
            return bool(a > b)
        case _:
            return bool(a >= b)


def _type(item: JsonValue) -> str:
    match item:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _size(item: JsonValue) -> int:
    return len(item) if isinstance(item, list) else 1


def _double(item: JsonValue) -> float:
    if not _number(item) and not isinstance(item, str):
        raise PathError("invalid item type. Expected: NUMBER or TEXT")
    try:
        return float(item)
    except (ValueError, OverflowError):
        raise PathError("cannot cast to double") from None


def _whole(rounding: Callable[[float], int]) -> Callable[[JsonValue], JsonValue]:
    def call(item: JsonValue) -> JsonValue:
        if not _number(item):
            raise PathError("invalid item type. Expected: NUMBER")
        return float(rounding(item)) if isinstance(item, float) and math.isfinite(item) else item

    return call


def _absolute(item: JsonValue) -> JsonValue:
    if not _number(item):
        raise PathError("invalid item type. Expected: NUMBER")
    return abs(item)
