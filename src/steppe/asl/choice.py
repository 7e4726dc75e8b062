"""Choice: the table of comparison operators, and rules as callables.

A rule's test is compiled once into nested closures. A Variable that names nothing ends the execution, except for
IsPresent; a value of another type than the operator's is simply no match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt
from typing import Final, TypeAlias

from steppe.asl.model import ChoiceTest, Comparison, Condition, Junction, Negation, Source
from steppe.base import jsonvalue, timestamps
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import QUERY_EVALUATION_ERROR, RUNTIME, ExpressionError, NoMatchError, to_fault
from steppe.expr.scope import Expression, Scope

Test: TypeAlias = Callable[[JsonValue, Scope], bool]
"""(the state's effective input, scope) -> whether the rule matches; raises Fault."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the table.

    Attributes:
        name: as in a rule, for example "NumericLessThanPath".
        operand: what the operand must be: "STRING", "NUMBER", "BOOLEAN", "TIMESTAMP".
        from_path: whether the operand is a path to that value instead.
        holds: (value, operand) -> whether they match; gets any JSON value and never raises.
    """

    name: str
    operand: str
    from_path: bool
    holds: Callable[[JsonValue, JsonValue], bool]


def compile_test(test: ChoiceTest) -> Test:
    """A choice rule's test as a callable."""
    match test:
        case Comparison():
            return _comparison(test)
        case Junction(operator, tests):
            parts = [compile_test(part) for part in tests]
            if operator == "And":
                return lambda value, scope: all(part(value, scope) for part in parts)
            return lambda value, scope: any(part(value, scope) for part in parts)
        case Negation(inner):
            negated = compile_test(inner)
            return lambda value, scope: not negated(value, scope)
    return _condition(test)


def _comparison(test: Comparison) -> Test:
    operator = OPERATORS[test.operator]
    variable, holds, operand = test.variable.expression, operator.holds, test.operand
    if operator.name == "IsPresent":
        return _presence(variable, operand)
    read = _reader(test.variable)
    if operator.name == "StringMatches":
        operand = match_pattern(operand)
    if operator.from_path:
        other = _reader(operand)
        return lambda value, scope: holds(read(value, scope), other(value, scope))
    return lambda value, scope: holds(read(value, scope), operand)


def _presence(variable: Expression, wanted: bool) -> Test:
    def present(value: JsonValue, scope: Scope) -> bool:
        try:
            variable(value, scope)
        except NoMatchError:
            return not wanted
        return wanted

    return present


def _reader(source: Source) -> Expression:
    """The value of a path, with the service's text when it names nothing: all that can go wrong with a reference path.

    Source: recorded in September 2026. The execution ends even when there is a Default.
    """
    evaluate = source.expression
    cause = f"Invalid path '{source.text}': The choice state's condition path references an invalid value."

    def read(value: JsonValue, scope: Scope) -> JsonValue:
        try:
            return evaluate(value, scope)
        except NoMatchError:
            raise Fault(RUNTIME, cause, catchable=False) from None

    return read


def _condition(condition: Condition) -> Test:
    source, name = condition.value, condition.field
    if isinstance(source, bool):
        return lambda value, scope: source
    evaluate, text = source.expression, source.text

    def holds(value: JsonValue, scope: Scope) -> bool:
        try:
            result = evaluate(value, scope)
        except ExpressionError as error:
            raise to_fault(error, field=name, value=value) from None
        if not isinstance(result, bool):
            cause = (
                f"The JSONata expression '{text}' specified for the field '{name}' returned an unexpected result type."
            )
            shown = f"Expected 'boolean', but was '{_type_of(result)}' for value: {jsonvalue.dumps(result)}"
            raise Fault(QUERY_EVALUATION_ERROR, f"{cause} {shown}")
        return result

    return holds


def _type_of(value: JsonValue) -> str:
    """The name that the service gives a JSON value's type."""
    names = {dict: "object", list: "array", str: "string", int: "number", float: "number", type(None): "null"}
    return names.get(type(value), "boolean")


# What operators do


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_timestamp(value: JsonValue) -> bool:
    return isinstance(value, str) and timestamps.is_strict(value)


_Holds: TypeAlias = Callable[[JsonValue, JsonValue], bool]

_ORDERINGS: Final[Mapping[str, _Holds]] = {
    "Equals": eq,
    "LessThan": lt,
    "GreaterThan": gt,
    "LessThanEquals": le,
    "GreaterThanEquals": ge,
}


def _same_type(is_type: Callable[[JsonValue], bool], key: Callable[[JsonValue], JsonValue]) -> Mapping[str, _Holds]:
    """The five orderings over one type: both sides have to be of it."""

    def row(compare: _Holds) -> _Holds:
        return lambda left, right: is_type(left) and is_type(right) and compare(key(left), key(right))

    return {name: row(compare) for name, compare in _ORDERINGS.items()}


def _texts() -> Mapping[str, _Holds]:
    """The five orderings of texts, as the service orders them: by UTF-16 code units.

    That differs from Python's order only where a character beyond U+FFFF meets one from U+E000 on, so never when one of
    the texts is ASCII.
    """

    def row(compare: _Holds) -> _Holds:
        def holds(left: JsonValue, right: JsonValue) -> bool:
            if not isinstance(left, str) or not isinstance(right, str):
                return False
            if left.isascii() or right.isascii():
                return compare(left, right)
            return compare(left.encode("utf-16-be", "surrogatepass"), right.encode("utf-16-be", "surrogatepass"))

        return holds

    return {name: row(compare) for name, compare in _ORDERINGS.items()}


def _matches(value: JsonValue, pattern: JsonValue) -> bool:
    """StringMatches. Its pattern comes as a function, made once."""
    return isinstance(value, str) and bool(pattern(value))


def match_pattern(pattern: str) -> Callable[[str], bool]:
    """A StringMatches pattern as a function: `*` is any number of characters, a backslash takes the next one literally.

    Without regular expressions: those would need exponential time for some patterns. The pieces between stars are
    looked for one after the other, which is as good as any other way to match them.
    """
    pieces = [re.sub(r"\\(.)", r"\1", piece, flags=re.DOTALL) for piece in _split_at_stars(pattern)]
    first, last, middle = pieces[0], pieces[-1], pieces[1:-1]
    if len(pieces) == 1:
        return lambda text: text == first

    def matches(text: str) -> bool:
        if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
            return False
        position, end = len(first), len(text) - len(last)
        for piece in middle:
            position = text.find(piece, position, end)
            if position < 0:
                return False
            position += len(piece)
        return True

    return matches


def _split_at_stars(pattern: str) -> list[str]:
    pieces, start, position = [], 0, 0
    while position < len(pattern):
        if pattern[position] == "*":
            pieces.append(pattern[start:position])
            start = position + 1
        position += 2 if pattern[position] == "\\" else 1
    return [*pieces, pattern[start:]]


def _type_test(is_type: Callable[[JsonValue], bool]) -> _Holds:
    return lambda value, wanted: is_type(value) is wanted


def _table() -> Mapping[str, Operator]:
    rows: list[Operator] = []
    ordered: dict[str, tuple[str, Mapping[str, _Holds]]] = {
        "String": ("STRING", _texts()),
        "Numeric": ("NUMBER", _same_type(_is_number, lambda value: value)),
        "Timestamp": ("TIMESTAMP", _same_type(_is_timestamp, lambda value: timestamps.parse_ms(value))),
    }
    booleans = _same_type(lambda value: isinstance(value, bool), lambda value: value)
    ordered["Boolean"] = ("BOOLEAN", {"Equals": booleans["Equals"]})
    for prefix, (operand, comparisons) in ordered.items():
        for name, holds in comparisons.items():
            rows.append(Operator(f"{prefix}{name}", operand, False, holds))
            rows.append(Operator(f"{prefix}{name}Path", operand, True, holds))
    rows.append(Operator("StringMatches", "STRING", False, _matches))
    tests: dict[str, Callable[[JsonValue], bool]] = {
        "IsNull": lambda value: value is None,
        "IsPresent": lambda value: True,
        "IsNumeric": _is_number,
        "IsString": lambda value: isinstance(value, str),
        "IsBoolean": lambda value: isinstance(value, bool),
        "IsTimestamp": _is_timestamp,
    }
    rows += [Operator(name, "BOOLEAN", False, _type_test(is_type)) for name, is_type in tests.items()]
    return {row.name: row for row in rows}


OPERATORS: Final = _table()
"""Every comparison operator by its name."""
