"""The intrinsic functions: one row each, with how many arguments of which kinds they take, and their body.

A body gets arguments that fit their kinds and raises `Refused` for what only it can tell. Numbers with a fraction are
rounded where the service wants an integer, as Java's Math.round does (halves go up, also below zero).

Source: Developer Guide, page "Intrinsic functions"; recorded cases of the conformance collection
(intrinsic_functions/*); where neither speaks, the reason stands at the body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonError, JsonValue
from steppe.expr.scope import Scope

TEXT_LENGTH_MAX: Final = 10_000
"""Characters that Base64Encode, Base64Decode and Hash take. Developer Guide."""

RANGE_LENGTH_MAX: Final = 1_000
"""Elements that ArrayRange gives. Developer Guide."""

HASH_ALGORITHMS: Final = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}
"""Names the service uses -> names hashlib uses."""

Kind: TypeAlias = Literal["any", "array", "object", "string", "number", "boolean"]
Body: TypeAlias = Callable[[Sequence[JsonValue], Scope], JsonValue]


class Refused(Exception):
    """Arguments that a body does not take. The text, if any, replaces the service's usual one."""


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """A row of the table.

    Attributes:
        kinds: what each argument must be; the last one counts for all further arguments.
        least: the smallest number of arguments.
        most: the largest number of arguments; None for no limit.
        body: gives the result.
    """

    kinds: tuple[Kind, ...]
    least: int
    most: int | None
    body: Body


def fits(value: JsonValue, kind: Kind) -> bool:
    """Whether a value is of a kind. A boolean is no number."""
    expected = _TYPES[kind]
    return isinstance(value, expected) and (kind in ("any", "boolean") or not isinstance(value, bool))


_TYPES: dict[Kind, type | tuple[type, ...]] = {
    "any": object,
    "array": list,
    "object": dict,
    "string": str,
    "number": (int, float),
    "boolean": bool,
}


def rounded(number: float) -> int:
    """A number as an integer, halves up.

    Raises:
        Refused: it has no integer (it is too large for a double).
    """
    if isinstance(number, int):
        return number
    if not math.isfinite(number):
        raise Refused
    return math.floor(number + 0.5)


def partition(values: list[JsonValue], size: float) -> JsonValue:
    """Pieces of `size` elements; the last may be shorter."""
    count = rounded(size)
    if count < 1:
        raise Refused
    return [values[start : start + count] for start in range(0, len(values), count)]


def hashed(value: JsonValue, algorithm: str) -> str:
    """The hexadecimal digest of a text in UTF-8; of another value, that of its JSON text."""
    text = value if isinstance(value, str) else jsonvalue.dumps(value)
    name = HASH_ALGORITHMS.get(algorithm)
    if name is None or len(text) > TEXT_LENGTH_MAX:
        raise Refused
    return hashlib.new(name, text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


class JavaRandom:
    """The generator of java.util.Random, which the service seeds: the same seed gives the same numbers as there.

    The algorithm is published with that class: a linear congruence modulo 2^48.
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = (seed ^ 0x5DEECE66D) & ((1 << 48) - 1)

    def bits(self, count: int) -> int:
        """The next bits, unsigned."""
        self._state = (self._state * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        return self._state >> (48 - count)

    def double(self) -> float:
        """A number from 0 (included) to 1 (excluded)."""
        return ((self.bits(26) << 27) + self.bits(27)) / (1 << 53)


def _format(arguments: Sequence[JsonValue], scope: Scope) -> JsonValue:
    template, *values = arguments
    pieces: list[str] = []
    left = iter(values)
    for piece in _format_pieces(template):
        if piece is None:
            value = next(left, Refused)
            if value is Refused:
                raise Refused
            pieces.append(java_text(value))
        else:
            pieces.append(piece)
    if next(left, Refused) is not Refused:
        raise Refused
    return "".join(pieces)


_FORMAT = re.compile(r"\\([\\'{}])|(\{\})|(\{)|([^\\{]+|\\)", re.DOTALL)


@lru_cache(maxsize=1_000)
def _format_pieces(template: str) -> tuple[str | None, ...]:
    """Texts, and None for each `{}`. A backslash takes the meaning from a brace.

    The templates of a definition are few and come back for every item, hence the cache.
    """
    found = _FORMAT.findall(template)
    if any(lone for _, _, lone, _ in found):
        raise Refused("matching '}' not found for '{'")
    return tuple(None if placeholder else escaped or text for escaped, placeholder, _, text in found)


def java_text(value: JsonValue) -> str:
    """A value inside a text, as Java prints its collections: `{a=1, b=[x, y]}`."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={java_text(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(java_text, value)) + "]"
    return jsonvalue.dumps(value)


def _string_to_json(arguments: Sequence[JsonValue], scope: Scope) -> JsonValue:
    try:
        return jsonvalue.loads(arguments[0])
    except JsonError:
        raise Refused from None


def _array_contains(arguments: Sequence[JsonValue], scope: Scope) -> JsonValue:
    values, wanted = arguments
    return any(jsonvalue.equal(value, wanted) for value in values)


def _array_range(arguments: Sequence[JsonValue], scope: Scope) -> JsonValue:
    start, stop, step = map(rounded, arguments)
    if step == 0:
        raise Refused
    numbers = range(start, stop + (1 if step > 0 else -1), step)
    # Not len(): it fails for ranges longer than a machine word counts.
    if numbers and (numbers[-1] - start) // step >= RANGE_LENGTH_MAX:
        raise Refused
    return list(numbers)


def _array_get_item(arguments: Sequence[JsonValue], scope: Scope) -> JsonValue:
    values, index = arguments
    position = rounded(index)
    if not 0 <= position < len(values):
        raise Refused
    return values[position]


def _array_unique(arguments: Sequence[JsonValue], scope: Scope) -> JsonValue:
    first: dict[bytes, JsonValue] = {}
    for value in arguments[0]:
        first.setdefault(jsonvalue.canonical(value), value)
    return list(first.values())


def _base64_encode(arguments: Sequence[JsonValue], scope: Scope) -> JsonValue:
    text = arguments[0]
    if len(text) > TEXT_LENGTH_MAX:
        raise Refused
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def _base64_decode(arguments: Sequence[JsonValue], scope: Scope) -> JsonValue:
    text = arguments[0]
    if len(text) > TEXT_LENGTH_MAX:
        raise Refused
    # Java's decoder takes texts whose padding is missing, but none that is half there.
    padded = text if "=" in text else text + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(padded, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise Refused from None


def _json_merge(arguments: Sequence[JsonValue], scope: Scope) -> JsonValue:
    one, other, deep = arguments
    if deep:
        raise Refused("deep merging is not supported: the third argument must be false")
    return {**one, **other}


def _math_random(arguments: Sequence[JsonValue], scope: Scope) -> JsonValue:
    start, stop, *seed = map(rounded, arguments)
    if stop <= start:
        raise Refused
    fraction = JavaRandom(seed[0]).double() if seed else scope.entropy.random()
    return start + int(fraction * (stop - start))


def _string_split(arguments: Sequence[JsonValue], scope: Scope) -> JsonValue:
    text, delimiters = arguments
    parts = re.split(f"[{re.escape(delimiters)}]", text) if delimiters else [text]
    return [part for part in parts if part]


INTRINSICS: Final[dict[str, Intrinsic]] = {
    "Format": Intrinsic(("string", "any"), 1, None, _format),
    "StringToJson": Intrinsic(("string",), 1, 1, _string_to_json),
    "JsonToString": Intrinsic(("any",), 1, 1, lambda arguments, scope: jsonvalue.dumps(arguments[0])),
    "Array": Intrinsic(("any",), 0, None, lambda arguments, scope: list(arguments)),
    "ArrayPartition": Intrinsic(("array", "number"), 2, 2, lambda arguments, scope: partition(*arguments)),
    "ArrayContains": Intrinsic(("array", "any"), 2, 2, _array_contains),
    "ArrayRange": Intrinsic(("number",), 3, 3, _array_range),
    "ArrayGetItem": Intrinsic(("array", "number"), 2, 2, _array_get_item),
    "ArrayLength": Intrinsic(("array",), 1, 1, lambda arguments, scope: len(arguments[0])),
    "ArrayUnique": Intrinsic(("array",), 1, 1, _array_unique),
    "Base64Encode": Intrinsic(("string",), 1, 1, _base64_encode),
    "Base64Decode": Intrinsic(("string",), 1, 1, _base64_decode),
    "Hash": Intrinsic(("any", "string"), 2, 2, lambda arguments, scope: hashed(*arguments)),
    "JsonMerge": Intrinsic(("object", "object", "boolean"), 3, 3, _json_merge),
    "MathRandom": Intrinsic(("number",), 2, 3, _math_random),
    "MathAdd": Intrinsic(("number",), 2, 2, lambda arguments, scope: rounded(arguments[0]) + rounded(arguments[1])),
    "StringSplit": Intrinsic(("string",), 2, 2, _string_split),
    "UUID": Intrinsic((), 0, 0, lambda arguments, scope: scope.entropy.uuid4()),
}
"""The functions by name, without "States."."""
