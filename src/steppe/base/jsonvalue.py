"""JSON values: one type, one encoding, one way to measure and bound them.

`JsonValue` is an alias of `Any`: a recursive union makes every reader of a parsed document narrow at each step, for
no safety at run time. This file is the only one that says `Any`; everything else says `JsonValue` and checks what it
reads.

orjson does the work (the one third-party library in `base`: JSON is on the hot path of every layer). It refuses what
JSON allows and Python can hold (integers beyond 64 bits, lone surrogates); those fall back to the standard library.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, TypeAlias

import orjson

JsonValue: TypeAlias = Any
"""None, bool, int, float, str, list of JsonValue, or dict from str to JsonValue."""

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

DEPTH_MAX = 400
"""Nesting accepted from outside. Python's recursion limit is 1,000; our own recursive walks need room below it."""


class JsonError(ValueError):
    """Text that is not JSON, or a value that has no JSON form."""


def loads(text: str | bytes, *, depth_max: int = DEPTH_MAX) -> JsonValue:
    """Parse JSON text.

    Args:
        text: the text.
        depth_max: how deep it may nest: more than DEPTH_MAX for what we have wrapped around a value ourselves.

    Raises:
        JsonError: the text is not JSON, nests deeper than depth_max, or has a number beyond a double's range.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # orjson and the standard library disagree on a few texts (lone surrogates); the second opinion is final, but
        # for numbers no double can hold: Infinity is no JSON value (the service's $parse refuses 1e400, August 2026).
        try:
            value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_finite_integer)
        except (ValueError, RecursionError):
            raise JsonError(str(error)) from None
    if not _depth_ok(text) and depth(value) > depth_max:
        raise JsonError(f"JSON nests deeper than {depth_max} levels")
    return value


def dumps(value: JsonValue) -> str:
    """The compact JSON text of a value: no spaces, members in their own order.

    Raises:
        JsonError: the value has no JSON form.
    """
    return dumpb(value).decode()


def dumps_readable(value: JsonValue) -> str:
    """As `dumps`, for a value that was computed: what it gives, `loads` can read.

    Raises:
        JsonError: as `dumps`, or the value nests deeper than DEPTH_MAX.
    """
    try:
        # It refuses what nests deeper than 254 levels, so that a look at the depth is seldom needed.
        return orjson.dumps(value).decode()
    except TypeError:
        if depth(value) > DEPTH_MAX:
            raise JsonError(f"JSON nests deeper than {DEPTH_MAX} levels") from None
        return dumps(value)


def dumpb(value: JsonValue) -> bytes:
    """As `dumps`, in UTF-8 bytes, which are always well-formed: half of a surrogate pair is written as its escape."""
    try:
        return orjson.dumps(value)
    except TypeError:
        try:
            text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise JsonError(str(error)) from None
        return _escaped(text).encode()


def canonical(value: JsonValue) -> bytes:
    """The one encoding of a value whatever the order of its members: for hashes and for telling values apart."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        return _escaped(text).encode()


def size_bytes(value: JsonValue) -> int:
    """How many UTF-8 bytes `dumps` takes: the number that AWS's payload quotas are about."""
    return len(dumpb(value))


def equal(left: JsonValue, right: JsonValue) -> bool:
    """Whether two JSON values are the same: `true` is not 1 (Python says it is), 1 is 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(v, right[k]) for k, v in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


def depth(value: JsonValue) -> int:
    """Levels of nesting: 0 for a scalar. Iterative, so that no input can exhaust the stack."""
    deepest, level = 0, [value]
    while True:
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return deepest + (1 if isinstance(value, dict | list) and deepest == 0 else 0)
        deepest += 1


def well_formed(text: str | None) -> str | None:
    """A text that can be written as UTF-8: halves of surrogate pairs become "?", as Java writes them."""
    if text is None or text.isascii():
        return text
    return _LONE_SURROGATE.sub("?", text)


def _escaped(text: str) -> str:
    """JSON text in which halves of surrogate pairs, which can only be within strings, are escapes."""
    return _LONE_SURROGATE.sub(lambda half: f"\\u{ord(half.group()):04x}", text)


def _depth_ok(text: str | bytes) -> bool:
    """A cheap test that most documents pass: too few brackets to nest too deep."""
    if isinstance(text, str):
        return text.count("[") + text.count("{") <= DEPTH_MAX
    return text.count(b"[") + text.count(b"{") <= DEPTH_MAX


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


def _finite_integer(text: str) -> int:
    _finite(text)
    return int(text)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
