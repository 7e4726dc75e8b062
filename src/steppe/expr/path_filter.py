"""Filters of JSONPath, `[?(@.price < 10 && @.tag in ['a','b'])]`: from syntax to a test of one candidate.

Comparisons follow the Jayway library: an undefined path compares equal to nothing, a text that reads as a number equals
that number, and order is between two numbers or two texts only. Every look costs a little of the run's budget.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import ExpressionError, shorten
from steppe.expr.path_syntax import Comparison, Every, Exists, Literal, Not, PathSyntax, Test
from steppe.expr.path_syntax import Operand as OperandSyntax

UNDEFINED = object()
"""What a definite path gives in a filter when it names nothing."""

SUBJECT_LENGTH_MAX = 10_000
"""Characters of a text that a regular expression is applied to; ours. A longer one does not match."""


class Run:
    """One evaluation of an indefinite path.

    Attributes:
        document: what `$` names.
    """

    __slots__ = ("_left", "_text", "document")

    def __init__(self, document: JsonValue, work_max: int, text: str) -> None:
        self.document = document
        self._left = work_max
        self._text = text

    def spend(self, count: int) -> None:
        """Account for looking at values.

        Raises:
            ExpressionError: the budget is used up.
        """
        self._left -= count
        if self._left < 0:
            raise ExpressionError(f"The JSONPath '{shorten(self._text)}' looks at too many values")


TestFunction: TypeAlias = Callable[[JsonValue, Run], bool]
Operand: TypeAlias = Callable[[JsonValue, Run], JsonValue]


def compile_test(test: Test, compile_operand: Callable[[PathSyntax], Operand]) -> TestFunction:
    """Compile a filter.

    Args:
        test: its syntax.
        compile_operand: compiles the paths in it (they may hold filters again).

    Returns:
        A function of a candidate and the run.
    """
    match test:
        case Comparison(left, operator, right):
            return _comparison(_operand(left, compile_operand), operator, _operand(right, compile_operand))
        case Exists(operand):
            # A definite path exists when it names something, be it null or empty; an indefinite one when it finds any.
            value_of = _operand(operand, compile_operand)
            nothing = [] if isinstance(operand, PathSyntax) and not operand.definite else UNDEFINED
            return lambda candidate, run: value_of(candidate, run) != nothing
        case Not(inner):
            negated = compile_test(inner, compile_operand)
            return lambda candidate, run: not negated(candidate, run)
        case Every(tests):
            all_of = [compile_test(inner, compile_operand) for inner in tests]
            return lambda candidate, run: all(inner(candidate, run) for inner in all_of)
        case _:
            any_of = [compile_test(inner, compile_operand) for inner in test.tests]
            return lambda candidate, run: any(inner(candidate, run) for inner in any_of)


def _operand(syntax: OperandSyntax, compile_operand: Callable[[PathSyntax], Operand]) -> Operand:
    if isinstance(syntax, Literal):
        value = syntax.value
        return lambda candidate, run: value
    return compile_operand(syntax)


def _comparison(left: Operand, operator: str, right: Operand) -> TestFunction:
    compare = _OPERATORS[operator]

    def test(candidate: JsonValue, run: Run) -> bool:
        one, other = left(candidate, run), right(candidate, run)
        run.spend(1 + (len(other) if isinstance(other, list) else 0))
        return compare(one, other)

    return test


def _equal(left: JsonValue, right: JsonValue) -> bool:
    if left is UNDEFINED or right is UNDEFINED:
        return False
    if isinstance(left, str) and _is_number(right):
        return _reads_as(left, right)
    if isinstance(right, str) and _is_number(left):
        return _reads_as(right, left)
    return jsonvalue.equal(left, right)


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reads_as(text: str, number: float) -> bool:
    try:
        return float(text) == number
    except ValueError:
        return False


def _less(left: JsonValue, right: JsonValue) -> bool:
    return _ordered(left, right) and bool(left < right)


def _less_or_equal(left: JsonValue, right: JsonValue) -> bool:
    return _ordered(left, right) and bool(left <= right)


def _ordered(left: JsonValue, right: JsonValue) -> bool:
    return (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str))


def _among(value: JsonValue, values: JsonValue) -> bool:
    return isinstance(values, list) and any(_equal(value, other) for other in values)


def _matches(left: JsonValue, pattern: re.Pattern[str]) -> bool:
    if not isinstance(left, str | int | float):
        return False
    subject = left if isinstance(left, str) else jsonvalue.dumps(left)
    return len(subject) <= SUBJECT_LENGTH_MAX and pattern.fullmatch(subject) is not None


def _contains(left: JsonValue, right: JsonValue) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return _among(right, left)


def _has_size(left: JsonValue, right: JsonValue) -> bool:
    return isinstance(left, list | str) and _is_number(right) and len(left) == right


def _is_empty(left: JsonValue, right: JsonValue) -> bool:
    return isinstance(left, list | str | dict) and isinstance(right, bool) and (len(left) == 0) is right


def _subset(left: JsonValue, right: JsonValue) -> bool:
    return isinstance(left, list) and all(_among(value, right) for value in left)


def _overlap(left: JsonValue, right: JsonValue) -> bool:
    return isinstance(left, list) and any(_among(value, right) for value in left)


_OPERATORS: dict[str, Callable[[JsonValue, JsonValue], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "===": lambda left, right: isinstance(left, str) is isinstance(right, str) and _equal(left, right),
    "!==": lambda left, right: isinstance(left, str) is not isinstance(right, str) or not _equal(left, right),
    "<": _less,
    "<=": _less_or_equal,
    ">": lambda left, right: _less(right, left),
    ">=": lambda left, right: _less_or_equal(right, left),
    "=~": _matches,
    "in": _among,
    "nin": lambda left, right: not _among(left, right),
    "contains": _contains,
    "size": _has_size,
    "empty": _is_empty,
    "subsetof": _subset,
    "anyof": _overlap,
    "noneof": lambda left, right: not _overlap(left, right),
}
