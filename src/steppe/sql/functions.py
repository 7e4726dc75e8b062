"""What each of Athena's functions means: the allow-list.

A function that is not in a table here is refused by name before anything runs: FUNCTION_NOT_FOUND when Trino does not
have it either, NOT_SUPPORTED when it has. A row of a table is a signature in Trino's words and DuckDB's text for it:

    ("strpos(varchar, varchar) -> bigint", "CAST(instr({0}, {1}) AS BIGINT)")

`{0}` is the first argument, already of the signature's type. One capital letter is a type variable: any type, but N a
number, I an integer, D a decimal, S a timestamp of any precision, Z one with a time zone. `...` repeats the last
argument. Functions whose meaning needs more than a text (lambdas, constant patterns) have a Python function instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from steppe.sql import types as t
from steppe.sql.casts import coerce, padded
from steppe.sql.errors import QueryError
from steppe.sql.typed import Typed
from steppe.sql.types import Type

Row = tuple[str, str]
Body = Callable[[Sequence[Typed]], str]


@dataclass(frozen=True, slots=True)
class Overload:
    """One signature of a function.

    Attributes:
        name: the function.
        parameters: type patterns.
        result: a type pattern.
        template: DuckDB's text.
        variadic: whether the last parameter repeats.
    """

    name: str
    parameters: tuple[Type, ...]
    result: Type
    template: str
    variadic: bool

    def __str__(self) -> str:
        """As Trino lists what it expected."""
        return f"{self.name}({', '.join(map(str, self.parameters))})"


_SIGNATURE = re.compile(r"(\w+)\((.*)\) -> (.+)")


def table(rows: Sequence[Row]) -> dict[str, list[Overload]]:
    """The rows of a table by function name, in their order."""
    found: dict[str, list[Overload]] = {}
    for signature, template in rows:
        match = _SIGNATURE.fullmatch(signature)
        assert match, signature
        name, parameters, result = match.groups()
        variadic = parameters.endswith("...")
        kinds = _split(parameters.removesuffix("..."))
        overload = Overload(name, tuple(map(_pattern, kinds)), _pattern(result), template, variadic)
        found.setdefault(name, []).append(overload)
    return found


def _split(text: str) -> list[str]:
    parts, depth, current = [], 0, ""
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += sign
    return [*parts, current.strip()] if current.strip() else parts


@lru_cache(maxsize=256)
def _pattern(text: str) -> Type:
    if re.fullmatch(r"[A-Z]", text):
        return Type(text)
    match = re.fullmatch(r"(array|map|row)\((.*)\)", text)
    if match:
        children = tuple(map(_pattern, _split(match.group(2))))
        return Type(
            match.group(1), children=children, fields=(None,) * len(children) if match.group(1) == "row" else ()
        )
    return t.HYPERLOGLOG if text == "HyperLogLog" else t.parse_trino(text)


def _any(kind: Type) -> bool:
    return True


_VARIABLES: dict[str, Callable[[Type], bool]] = {
    "N": t.is_numeric,
    "I": t.is_integral,
    "D": lambda kind: kind.name == "decimal",
    "S": lambda kind: kind.name == "timestamp",
    "Z": lambda kind: kind.name == "timestamp with time zone",
    "O": t.is_orderable,
}


@dataclass(slots=True)
class _Match:
    bindings: dict[str, Type] = field(default_factory=dict)
    cost: int = 0


def _fits(pattern: Type, kind: Type, match: _Match) -> bool:
    """Whether an argument's type fits a parameter, with the cost of its coercion added."""
    if len(pattern.name) == 1:
        if kind.name != "unknown" and not _VARIABLES.get(pattern.name, _any)(kind):
            return False
        bound = match.bindings.get(pattern.name)
        joint = kind if bound is None else t.common(bound, kind)
        if joint is None:
            return False
        match.bindings[pattern.name] = joint
        return True
    if kind.name == "unknown":
        match.cost += 1
        return True
    if pattern.name == kind.name:
        if pattern.children:
            return len(pattern.children) == len(kind.children) and all(
                _fits(p, k, match) for p, k in zip(pattern.children, kind.children, strict=True)
            )
        return True
    if pattern.name == "varchar" and kind.name == "char":
        match.cost += 1
        return True
    if t.common(kind, pattern) is None or t.common(kind, pattern) != _widest(kind, pattern):
        return False
    match.cost += 1 + _distance(kind, pattern)
    return True


def _widest(kind: Type, pattern: Type) -> Type:
    joint = t.common(kind, pattern)
    if joint is not None and joint.name == pattern.name:
        return joint
    return pattern


_ORDER = ("tinyint", "smallint", "integer", "bigint", "decimal", "real", "double")


def _distance(kind: Type, pattern: Type) -> int:
    if kind.name in _ORDER and pattern.name in _ORDER:
        return _ORDER.index(pattern.name) - _ORDER.index(kind.name)
    return 3


def _bound(pattern: Type, bindings: dict[str, Type]) -> Type:
    if len(pattern.name) == 1:
        return bindings.get(pattern.name, t.UNKNOWN)
    if not pattern.children:
        return pattern
    return Type(pattern.name, children=tuple(_bound(c, bindings) for c in pattern.children), fields=pattern.fields)


def resolve(
    overloads: Sequence[Overload], arguments: Sequence[Typed], place: str
) -> tuple[Overload, list[Typed], Type]:
    """Choose the overload that takes the arguments at the least cost.

    Returns:
        The overload, the arguments as its types, and the type of the result.

    Raises:
        QueryError: TYPE_MISMATCH with what was expected.
    """
    best: tuple[int, Overload, _Match, tuple[Type, ...]] | None = None
    for overload in overloads:
        parameters = overload.parameters
        if overload.variadic and len(arguments) >= len(parameters) - 1:
            parameters = parameters[:-1] + parameters[-1:] * (len(arguments) - len(parameters) + 1)
        if len(parameters) != len(arguments):
            continue
        match = _Match()
        if all(_fits(p, a.type, match) for p, a in zip(parameters, arguments, strict=True)) and (
            best is None or match.cost < best[0]
        ):
            best = (match.cost, overload, match, parameters)
    if best is None:
        given = ", ".join(str(a.type) for a in arguments)
        expected = ", ".join(map(str, overloads))
        name = overloads[0].name
        raise QueryError(
            "TYPE_MISMATCH", f"{place}: Unexpected parameters ({given}) for function {name}. Expected: {expected}"
        )
    _, overload, match, parameters = best
    return (
        overload,
        [_as(a, _bound(p, match.bindings)) for a, p in zip(arguments, parameters, strict=True)],
        _bound(overload.result, match.bindings),
    )


def _as(value: Typed, kind: Type) -> Typed:
    """An argument as its parameter's type; lengths and precisions of texts and times stay the argument's own."""
    if kind.name == "varchar":
        return Typed(padded(value), t.VARCHAR) if value.type.name == "char" else coerce(value, _length_of(value, kind))
    if kind.name == value.type.name and not kind.children:
        return value
    return coerce(value, kind)


def _length_of(value: Typed, kind: Type) -> Type:
    return value.type if value.type.name == "varchar" else kind
