"""The functions of the service's JSONata: its own six, those that need the clock or chance, and guarded built-ins.

The service's own are `$partition`, `$range`, `$hash`, `$random` (with a seed), `$uuid` and `$parse`; `$eval` does not
exist there. `$now`, `$millis`, `$random`, `$uuid` and `$shuffle` take time and chance from the scope, so that an
advance that is repeated gives the same result. A few built-ins are replaced because the library's take time or memory
without bound, or fail with errors of Python instead of JSONata's.

Source: Developer Guide, page "Transforming data with JSONata"; recorded cases (intrinsic_functions/*jsonata*).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonError, JsonValue
from steppe.expr.intrinsic_table import HASH_ALGORITHMS, JavaRandom, Refused, hashed, partition, rounded
from steppe.expr.scope import Scope

HELD_BYTES_MAX: Final = 873_782 * 8
"""Memory of one value: 8 bytes an element, 1 a character. Measured by others in August 2026: the service takes
`[1..873782]` and a text of 2^22 characters, and refuses `[1..873783]` and one of 2^23."""

RANGE_LENGTH_MAX: Final = 360_145
"""Elements that `$range` gives; measured by others in August 2026."""

PAD_LENGTH_MAX: Final = 262_144
"""Characters that `$pad` adds; observed in September 2026."""

MEMORY_EXCEEDED: Final = "Expression evaluation memory limit exceeded: Check for excessive memory usage"

NULL: Final = Utils.NULL_VALUE
"""JSON null inside the library, where None is "undefined"."""

Native: TypeAlias = JsonValue
"""A function of the library; it has no types."""


def memory_exceeded() -> Exception:
    """The refusal of a value that is too large."""
    return JException(MEMORY_EXCEEDED, -1)  # type: ignore[no-any-return]


def with_nulls(value: JsonValue) -> JsonValue:
    """A JSON value as the library wants it: null is not None. What has no null is not copied."""
    if value is None:
        return NULL
    if isinstance(value, dict | list) and b"null" in jsonvalue.dumpb(value):
        return _with_nulls(value)
    return value


def _with_nulls(value: JsonValue) -> JsonValue:
    if value is None:
        return NULL
    if isinstance(value, dict):
        return {name: _with_nulls(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_nulls(element) for element in value]
    return value


def _native(name: str, signature: str, argument_count: int, body: Callable[..., JsonValue]) -> Native:
    """A function as the library keeps its own, so that it can be partially applied and passed on."""
    function = Jsonata.JNativeFunction(name, signature, Functions, "random")
    function.method = body
    function.nargs = argument_count
    return function


# The service's own


def _partition(values: list[JsonValue], size: float) -> JsonValue:
    try:
        return partition(values, size)
    except Refused:
        raise JException("$partition: the size must be a positive integer", -1) from None


def _range(start: float, stop: float, step: float) -> JsonValue:
    try:
        first, last, by = rounded(start), rounded(stop), rounded(step)
    except Refused:
        raise memory_exceeded() from None
    if by == 0:
        raise JException("$range: the step must not be zero", -1)
    numbers = range(first, last + (1 if by > 0 else -1), by)
    if numbers and (numbers[-1] - first) // by >= RANGE_LENGTH_MAX:
        raise memory_exceeded()
    # A sequence: one element alone stands for itself (recorded: $range(1, 9, 9) is 1, not [1]).
    return Utils.create_sequence_from_iter(numbers)


def _hash(text: str, algorithm: str) -> JsonValue:
    try:
        return hashed(text, algorithm)
    except Refused:
        known = ", ".join(HASH_ALGORITHMS)
        raise JException(f"$hash: the text is too long, or the algorithm is none of {known}", -1) from None


def _parse(text: str | None) -> JsonValue:
    try:
        return with_nulls(jsonvalue.loads(text or ""))
    except JsonError:
        raise JException("$parse: the argument is not JSON", -1) from None


# Built-ins, guarded


def _pad(text: str | None, width: float | None, char: str | None) -> JsonValue:
    if isinstance(text, str) and isinstance(width, int | float) and abs(width) - len(text) > PAD_LENGTH_MAX:
        raise memory_exceeded()
    return Functions.pad(text, width, char)


def _join(texts: JsonValue, separator: str | None) -> JsonValue:
    if texts is None:
        return None
    if not all(isinstance(text, str) for text in texts):
        raise JException("T0412", -1, 1, "join", "s")
    between = separator or ""
    if sum(map(len, texts)) + len(between) * len(texts) > HELD_BYTES_MAX:
        raise memory_exceeded()
    return between.join(texts)


def _of_numbers(name: str, body: Callable[[list[float]], JsonValue]) -> Native:
    """A function of an array of numbers; the library takes microseconds an element to see that they are."""

    def call(numbers: list[JsonValue] | None) -> JsonValue:
        if numbers is None:
            return None
        if not all(number.__class__ is int or number.__class__ is float for number in numbers):
            raise JException("T0412", -1, 1, name, "n")
        try:
            return body(numbers) if numbers or name == "sum" else None
        except OverflowError:
            raise JException("D1001", -1, "Infinity") from None

    return _native(name, "<a:n>", 1, call)


def _replace(text: str | None, pattern: JsonValue, replacement: JsonValue, limit: float | None) -> JsonValue:
    if isinstance(pattern, str) and not pattern:
        raise JException("D3010", -1)
    if isinstance(limit, int | float) and limit < 0:
        raise JException("D3011", -1)
    if isinstance(text, str) and isinstance(replacement, str) and len(text) * len(replacement) > HELD_BYTES_MAX:
        matches = text.count(pattern) if isinstance(pattern, str) else sum(1 for _ in pattern.finditer(text))
        if matches * len(replacement) > HELD_BYTES_MAX:
            raise memory_exceeded()
    return Functions.replace(text, pattern, replacement, limit)


def _distinct(values: JsonValue) -> JsonValue:
    """In one pass: the library compares every element with every other."""
    if not isinstance(values, list) or len(values) <= 1:
        return values
    first: dict[JsonValue, JsonValue] = {}
    for value in values:
        first.setdefault(_key(value), value)
    return Utils.create_sequence_from_iter(first.values()) if isinstance(values, Utils.JList) else list(first.values())


def _key(value: JsonValue) -> JsonValue:
    """A hashable stand-in, the same for values that JSONata takes for equal."""
    if isinstance(value, bool):
        return (bool, value)
    if isinstance(value, dict):
        return (dict, frozenset((name, _key(member)) for name, member in value.items()))
    if isinstance(value, list):
        return (list, tuple(map(_key, value)))
    return value if isinstance(value, str | int | float) else (None, id(value))


def _number(value: JsonValue) -> JsonValue:
    try:
        number = Functions.number(value)
    except ValueError:
        raise JException("D3030", -1, value) from None
    if isinstance(number, float) and number - number != 0:
        raise JException("D3030", -1, value)
    return number


def _to_millis(text: str | None, picture: str | None) -> JsonValue:
    try:
        return Functions.datetime_to_millis(text, picture)
    except (ValueError, OverflowError):
        raise JException("D3110", -1, text) from None


def _base_frame() -> JsonValue:
    frame = Jsonata.Frame(Jsonata.static_frame)
    for function in (
        _native("partition", "<an:a>", 2, _partition),
        _native("range", "<nnn:a>", 3, _range),
        _native("hash", "<ss:s>", 2, _hash),
        _native("parse", "<s:x>", 1, _parse),
        _native("pad", "<s-ns?:s>", 3, _pad),
        _native("join", "<as?:s>", 2, _join),
        _of_numbers("sum", sum),
        _of_numbers("max", max),
        _of_numbers("min", min),
        _of_numbers("average", lambda numbers: sum(numbers) / len(numbers)),
        _native("replace", "<s-(sf)(sf)n?:s>", 4, _replace),
        _native("distinct", "<x:x>", 1, _distinct),
        _native("number", "<(nsb)-:n>", 1, _number),
        _native("toMillis", "<s-s?:n>", 2, _to_millis),
    ):
        frame.bind(function.function_name, function)
    # A name bound to nothing cannot be called: T1006, as the service answers.
    frame.bindings["eval"] = None
    return frame


BASE_FRAME: Final = _base_frame()
"""The functions that need nothing from the scope, before the library's."""


# Time and chance


def _now(scope: Scope) -> Callable[..., JsonValue]:
    return lambda picture, timezone: Functions.datetime_from_millis(scope.now_ms, picture, timezone)


def _millis(scope: Scope) -> Callable[..., JsonValue]:
    return lambda: scope.now_ms


def _random(scope: Scope) -> Callable[..., JsonValue]:
    return lambda seed: scope.entropy.random() if seed is None else JavaRandom(int(seed)).double()


def _uuid(scope: Scope) -> Callable[..., JsonValue]:
    return scope.entropy.uuid4


def _shuffle(scope: Scope) -> Callable[..., JsonValue]:
    def shuffle(values: list[JsonValue] | None) -> JsonValue:
        if values is None:
            return None
        shuffled = list(values)
        for index in range(len(shuffled) - 1, 0, -1):
            other = int(scope.entropy.random() * (index + 1))
            shuffled[index], shuffled[other] = shuffled[other], shuffled[index]
        return shuffled

    return shuffle


_SCOPED: Final[Mapping[str, tuple[str, int, Callable[[Scope], Callable[..., JsonValue]]]]] = {
    "now": ("<s?s?:s>", 2, _now),
    "millis": ("<:n>", 0, _millis),
    "random": ("<n?:n>", 1, _random),
    "uuid": ("<:s>", 0, _uuid),
    "shuffle": ("<a:a>", 1, _shuffle),
}

SCOPED_NAMES: Final = frozenset(_SCOPED)
"""Functions that are made anew for each evaluation, when the expression names them."""


def is_function(name: str) -> bool:
    """Whether a name, without its dollar, is a function; `eval` is one that cannot be called."""
    return name in SCOPED_NAMES or name == "eval" or BASE_FRAME.lookup(name) is not None


def scoped(name: str, scope: Scope) -> Native:
    """A function that takes time or chance from a scope."""
    signature, argument_count, make = _SCOPED[name]
    return _native(name, signature, argument_count, make(scope))
