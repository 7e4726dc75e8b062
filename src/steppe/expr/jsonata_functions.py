"""The functions of the service's JSONata: its own six, those that need the clock or chance, and guarded built-ins.

The service's own are `$partition`, `$range`, `$hash`, `$random` (with a seed), `$uuid` and `$parse`; `$eval` does not
exist there. `$now`, `$millis`, `$random`, `$uuid` and `$shuffle` take time and chance from the scope, so that an
advance that is repeated gives the same result. A few built-ins are replaced because the library's take time or memory
without bound, fail with errors of Python instead of JSONata's, or differ from the service's.

Source: Developer Guide, page "Transforming data with JSONata"; recorded cases (intrinsic_functions/*jsonata*); what
wrong and missing arguments give was measured on the service by others in August 2026.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final, NoReturn, TypeAlias

from jsonata.functions import Functions
from jsonata.jsonata import Jsonata
from jsonata.signature import Signature
from jsonata.utils import Utils

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonError, JsonValue
from steppe.expr.intrinsic_table import HASH_ALGORITHMS, JavaRandom
from steppe.expr.jsonata_engine import HELD_BYTES_MAX, failure, memory_exceeded, whole
from steppe.expr.jsonata_picture import DEFAULTS, broken_rule
from steppe.expr.jsonata_text import to_text
from steppe.expr.scope import Scope

RANGE_LENGTH_MAX: Final = 360_145
"""Elements that `$range` gives; measured by others in August 2026."""

PAD_LENGTH_MAX: Final = 262_144
"""Characters that `$pad` adds; observed in September 2026."""

MILLIS_MAX: Final = 62_135_596_800_000
"""The largest time, and negative the smallest, that `$fromMillis` writes: years 1 to 3938; ours, of Python's dates."""

NULL: Final = Utils.NULL_VALUE
"""JSON null inside the library, where None is "undefined"."""

Body: TypeAlias = Callable[..., JsonValue]

_UNITS_PER_STEP: Final = {
    **dict.fromkeys(("distinct", "merge", "replace", "sort"), 2),
    **dict.fromkeys(("keys", "shuffle", "match"), 4),
    "string": 8,
    **dict.fromkeys(("join", "lookup", "partition", "split", "spread", "zip"), 16),
    **dict.fromkeys(("decodeUrl", "decodeUrlComponent", "encodeUrl", "encodeUrlComponent", "parse"), 32),
    **dict.fromkeys(("average", "max", "min", "sum"), 64),
}
"""Elements or characters, of arguments and result, for which a function takes about as long as a node; measured in
November 2026. Those that are not here are quicker, or call functions, whose nodes are counted."""

_PICTURE_STEPS: Final = dict.fromkeys(("formatInteger", "formatNumber", "fromMillis", "parseInteger", "toMillis"), 20)
"""Nodes that a call takes as long as, of functions that read a picture."""


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


class _Signature(Signature):  # type: ignore[misc]
    """What arguments a function takes. Unlike the library, it tells null from undefined and counts as JSONata does."""

    def get_symbol(self, value: JsonValue) -> str:
        """The letter of a value's type."""
        return "l" if value is NULL else str(super().get_symbol(value))

    def set_function_name(self, function_name: str) -> None:
        """Nothing: the library would rename a built-in for everyone when somebody binds it to a variable."""

    def throw_validation_error(self, bad_args: JsonValue, bad_sig: str, function_name: str) -> NoReturn:
        """Refuse the first argument that does not fit: T0410."""
        pattern = ""
        fitting = 0
        for param in self._params:
            pattern += param.regex
            match = re.match(pattern, bad_sig)
            if match is None:
                break
            fitting = match.end()
        raise failure("T0410", fitting + 1, function_name)


class Native(Jsonata.JNativeFunction):  # type: ignore[misc]
    """A function as the library keeps its own, so that it can be partially applied and passed on.

    Args:
        name: without the dollar.
        signature: in the library's notation: what arguments it takes.
        argument_count: how many arguments `body` takes; missing ones are None.
        body: gives the result. Its arguments fit the signature.
    """

    def __init__(self, name: str, signature: str, argument_count: int, body: Body) -> None:
        super().__init__(name, signature, Functions, "random")
        self.signature = _Signature(signature, name)
        self.signature.function_name = name
        self.method = body
        self.nargs = argument_count
        self.units_per_step = _UNITS_PER_STEP.get(name, 0)
        self.steps = _PICTURE_STEPS.get(name, 0)

    def validate(self, args: Sequence[JsonValue], context: JsonValue) -> Sequence[JsonValue]:
        """Nothing yet: `call` does it, for not all calls of the library come through here."""
        return args

    def call(self, input: JsonValue, args: Sequence[JsonValue]) -> JsonValue:
        """Check the arguments and call the function. The library would take Infinity for an error."""
        fitting = self.signature.validate(args, input)
        result = self.method(*fitting, *(None,) * (self.nargs - len(fitting)))
        if self.units_per_step:
            units = sum(len(value) for value in (*fitting, result) if isinstance(value, list | dict | str))
            Jsonata.CURRENT.jsonata.charge(units // self.units_per_step)
        elif self.steps:
            Jsonata.CURRENT.jsonata.charge(self.steps)
        return whole(result) if result.__class__ is float else result


class _Own(Native):
    """A function that tells missing arguments from undefined ones, so that it checks them itself."""

    def call(self, input: JsonValue, args: Sequence[JsonValue]) -> JsonValue:
        """Call the function with the arguments that are there, unless there are too many."""
        if len(args) > self.nargs:
            raise failure("T0410", self.nargs + 1, self.function_name)
        return self.method(*args)


# The service's own


def _cut(number: JsonValue, name: str, position: int) -> int:
    """A number without its fraction, towards zero."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise failure("T0410", position, name)
    if not math.isfinite(number):
        raise memory_exceeded()
    return int(number)


def _partition(values: JsonValue = None, size: JsonValue = None) -> JsonValue:
    if values is None:
        return None
    if not isinstance(values, list):
        raise failure("T0412", 1, "partition")
    if size is None:
        return [values]
    count = _cut(size, "partition", 2)
    if count < 0:
        raise failure("D3137", "Second argument must be zero or greater")
    if not count or not values:
        return None
    return [values[start : start + count] for start in range(0, len(values), count)]


def _range(*bounds: JsonValue) -> JsonValue:
    if len(bounds) < 2:
        raise failure("T0410", len(bounds) + 1, "range")
    numbers = [_cut(bound, "range", position) for position, bound in enumerate(bounds, 1) if bound is not None]
    if len(numbers) < 3:
        return None
    first, last, by = numbers
    if by == 0:
        return None
    found = range(first, last + (1 if by > 0 else -1), by)
    if found and (found[-1] - first) // by >= RANGE_LENGTH_MAX:
        raise memory_exceeded()
    # A sequence: one element alone stands for itself (recorded: $range(1, 9, 9) is 1, not [1]), none is undefined.
    return Utils.create_sequence_from_iter(found)


def _hash(*arguments: JsonValue) -> JsonValue:
    text = arguments[0] if arguments else NULL
    if text is None:
        return None
    if not isinstance(text, str):
        raise failure("T0410", 1, "hash")
    if len(arguments) == 1:
        return None
    algorithm = "null" if arguments[1] is None else arguments[1]
    if not isinstance(algorithm, str):
        raise failure("T0410", 2, "hash")
    name = HASH_ALGORITHMS.get(algorithm)
    if name is None:
        known = "SHA-1, SHA-384, SHA-256, SHA-512, MD5"
        raise failure("D3137", f"Hash algorithm '{algorithm}' must be one of {known}")
    return hashlib.new(name, text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def _parse(text: str | None) -> JsonValue:
    if text is None:
        return None
    try:
        value = jsonvalue.loads(text)
        # The service refuses a name that stands twice in an object.
        json.loads(text, object_pairs_hook=_each_once)
    except (JsonError, ValueError, RecursionError):
        raise failure("D3137", "Invalid JSON") from None
    return with_nulls(value)


def _each_once(pairs: list[tuple[str, JsonValue]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise JsonError("a name stands twice in an object")


# Built-ins, guarded


def _pad(text: str | None, width: float | None, char: str | None) -> JsonValue:
    if isinstance(text, str) and isinstance(width, int | float) and abs(width) - len(text) > PAD_LENGTH_MAX:
        raise memory_exceeded()
    return Functions.pad(text, width, char)


def _join(texts: JsonValue, separator: str | None) -> JsonValue:
    if texts is None:
        return None
    if not all(isinstance(text, str) for text in texts):
        raise failure("T0412", 1, "join", "s")
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
            raise failure("T0412", 1, name, "n")
        try:
            return body(numbers) if numbers or name == "sum" else None
        except OverflowError:
            return math.inf

    return Native(name, "<a:n>", 1, call)


def _replace(text: str | None, pattern: JsonValue, replacement: JsonValue, limit: float | None) -> JsonValue:
    if isinstance(pattern, str) and not pattern:
        raise failure("D3010")
    if isinstance(limit, int | float) and limit < 0:
        raise failure("D3011")
    if isinstance(pattern, re.Pattern) and isinstance(text, str) and any(not m.group() for m in pattern.finditer(text)):
        raise failure("D1004")
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


def _sort(values: list[JsonValue] | None, comparator: JsonValue) -> JsonValue:
    if values is not None and comparator is None:
        kinds = {str if isinstance(value, str) else float for value in values if _sortable(value)}
        if len(kinds) > 1 or not all(map(_sortable, values)):
            raise failure("D3070")
    return Functions.sort(values, comparator)


def _sortable(value: JsonValue) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


_DECIMAL_NUMBER = re.compile(r"\s*-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?\s*", re.ASCII)
_PREFIXED_NUMBER = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)", re.ASCII)


def _number(value: JsonValue) -> JsonValue:
    if not isinstance(value, str):
        return int(value) if isinstance(value, bool) else value
    if _PREFIXED_NUMBER.fullmatch(value):
        return float(int(value, 0))
    if _DECIMAL_NUMBER.fullmatch(value) and math.isfinite(float(value)):
        return int(value) if len(value) < 18 and value.strip("-").isdigit() else float(value)
    raise failure("D3030", value)


def _format_base(number: float | None, radix: float | None) -> JsonValue:
    if number is not None and radix is not None and not 2 <= radix <= 36:
        raise failure("D3100", radix)
    return Functions.format_base(number, radix)


def _power(base: float | None, exponent: float | None) -> JsonValue:
    if base is None or exponent is None:
        return None
    try:
        return math.pow(base, exponent)
    except (ValueError, OverflowError):
        raise failure("D3061", base, exponent) from None


def _string(value: JsonValue, pretty: bool | None) -> JsonValue:
    return None if value is None else to_text(value, pretty=bool(pretty))


def _to_millis(text: str | None, picture: str | None) -> JsonValue:
    try:
        return Functions.datetime_to_millis(text, picture)
    except (ValueError, OverflowError):
        raise failure("D3110", text) from None


def _from_millis(millis: float | None, picture: str | None, timezone: str | None) -> JsonValue:
    if millis is None:
        return None
    if not abs(millis) <= MILLIS_MAX:
        raise failure(f"The number {to_text(millis)} is no time that $fromMillis can write")
    return Functions.datetime_from_millis(millis, picture, _offset(timezone))


_OFFSET = re.compile(r"\s*([+-]?)(\d+)", re.ASCII)


def _offset(timezone: str | None) -> str | None:
    """A time zone as the library takes it, `+hhmm`: the service reads digits up to the first other character."""
    match = _OFFSET.match(timezone or "")
    return f"{match.group(1) or '+'}{match.group(2)[-4:]:>04}" if match else None


def _parse_integer(text: str | None, picture: str) -> JsonValue:
    if text is None:
        return None
    try:
        number = Functions.parse_integer(text, picture)
    except ValueError:
        number = None
    return math.nan if number is None else number


def _base64decode(text: str | None) -> JsonValue:
    if text is None:
        return None
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise failure("The argument of $base64decode is not Base64") from None


_ESCAPED_BYTE = re.compile(rb"%([0-9a-fA-F]{2})")
_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")


def _decode_url(name: str, plus: str) -> Body:
    def decode(text: str | None) -> JsonValue:
        if text is None:
            return None
        if _PERCENT.search(text):
            raise failure("D3140", name, text)
        encoded = text.replace("+", plus).encode("utf-8", "surrogatepass")
        return _ESCAPED_BYTE.sub(lambda match: bytes((int(match.group(1), 16),)), encoded).decode("utf-8", "replace")

    return decode


def _encode_url(name: str, body: Body) -> Body:
    def encode(text: str | None) -> JsonValue:
        try:
            return body(text)
        except UnicodeEncodeError:
            raise failure("D3140", name, text) from None

    return encode


def _format_number(value: float | None, picture: str | None, options: dict[str, JsonValue] | None) -> JsonValue:
    """The library's, on the decimal that the number is written as, halves to the even neighbour."""
    if value is None or picture is None:
        return None
    given = {name: sign for name, sign in (options or {}).items() if isinstance(sign, str) and sign}
    chosen = {name: sign for name, sign in given.items() if len(sign) == 1 or name in ("percent", "per-mille")}
    signs = {**DEFAULTS, **chosen}
    code = broken_rule(picture, chosen)
    if code is not None:
        raise failure(code)
    parts = picture.split(signs["pattern-separator"])
    part = parts[-1] if value < 0 else parts[0]
    mantissa, mark, _ = part.partition(signs["exponent-separator"])
    _, _, fraction = mantissa.partition(signs["decimal-separator"])
    zero = ord(signs["zero-digit"])
    places = sum(char == signs["digit"] or 0 <= ord(char) - zero < 10 for char in fraction)
    places += 2 if signs["percent"] in part else 3 if signs["per-mille"] in part else 0
    written = Decimal(repr(float(value)))
    if not mark:
        # A number with more digits than a decimal holds has nothing to round.
        with contextlib.suppress(InvalidOperation):
            written = written.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    return Functions.format_number(written, picture, chosen)


def _base_frame() -> JsonValue:
    frame = Jsonata.Frame(None)
    for name, function in Jsonata.static_frame.bindings.items():
        wrapped = Native(name, "<x:x>", function.nargs, function.method)
        wrapped.signature.__dict__ = {**function.signature.__dict__, "function_name": name}
        frame.bind(name, wrapped)
    for function in (
        _Own("partition", "<x?x?:x>", 2, _partition),
        _Own("range", "<x?x?x?:x>", 3, _range),
        _Own("hash", "<x?x?:x>", 2, _hash),
        Native("parse", "<s?:x>", 1, _parse),
        Native("string", "<x-b?:s>", 2, _string),
        Native("pad", "<s-ns?:s>", 3, _pad),
        Native("join", "<as?:s>", 2, _join),
        _of_numbers("sum", sum),
        _of_numbers("max", max),
        _of_numbers("min", min),
        _of_numbers("average", lambda numbers: sum(numbers) / len(numbers)),
        Native("replace", "<s-(sf)(sf)n?:s>", 4, _replace),
        Native("distinct", "<x:x>", 1, _distinct),
        Native("number", "<(nsb)-:n>", 1, _number),
        Native("power", "<n-n:n>", 2, _power),
        Native("sort", "<af?:a>", 2, _sort),
        Native("formatBase", "<n-n?:s>", 2, _format_base),
        Native("toMillis", "<s-s?:n>", 2, _to_millis),
        Native("fromMillis", "<n-s?s?:s>", 3, _from_millis),
        Native("parseInteger", "<s-s:n>", 2, _parse_integer),
        Native("formatNumber", "<n-so?:s>", 3, _format_number),
        Native("base64decode", "<s-:s>", 1, _base64decode),
        Native("decodeUrlComponent", "<s-:s>", 1, _decode_url("decodeUrlComponent", " ")),
        Native("decodeUrl", "<s-:s>", 1, _decode_url("decodeUrl", "+")),
        Native("encodeUrlComponent", "<s-:s>", 1, _encode_url("encodeUrlComponent", Functions.encode_url_component)),
        Native("encodeUrl", "<s-:s>", 1, _encode_url("encodeUrl", Functions.encode_url)),
    ):
        frame.bind(function.function_name, function)
    # A name bound to nothing cannot be called: T1006, as the service answers.
    frame.bindings["eval"] = None
    return frame


BASE_FRAME: Final = _base_frame()
"""The functions that need nothing from the scope, before the library's."""


# Time and chance


def _now(scope: Scope) -> Callable[..., JsonValue]:
    return lambda picture, timezone: _from_millis(scope.now_ms, picture, timezone)


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
    return Native(name, signature, argument_count, make(scope))
