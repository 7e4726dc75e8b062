"""The evaluator of JSONata: the library's, with the bounds, the numbers and the texts of the service.

`Engine` is one parsed expression. It evaluates as jsonata-python does, except for what that library or its origin does
unlike the service, as measured there by others in August 2026:

- Every node of the tree goes through `eval`, which counts depth, steps and bytes. No clock is read, so the same
  expression over the same data always ends in the same way.
- Arithmetic is that of doubles: 1/0 is Infinity, 5.5 % 2 is 1.5. Infinity may be a result but not an operand.
- `&` writes values as `$string` does (`jsonata_text.py`).

An engine evaluates one expression at a time, in one thread at a time.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from typing import Final

from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from steppe.base.jsonvalue import JsonValue
from steppe.expr.jsonata_text import to_text
from steppe.expr.regex import compile_pattern

RECURSION_LIMIT: Final = 3_000
"""Python's own limit, for the whole process. The library sets it to 10,000 when it is imported, and that many frames of
C code would overflow the stack; our bounds end an expression far below 3,000."""

sys.setrecursionlimit(min(sys.getrecursionlimit(), RECURSION_LIMIT))

DEPTH_MAX: Final = 100
"""Nodes within nodes under evaluation. Measured by others in August 2026: `1+1+...` may have 100 terms on the service,
brackets and chains may be 99 deep."""

STEPS_MAX: Final = 1_500_000
"""Nodes that one evaluation may visit, long values counting for more; ours. That many take some five seconds."""

ELEMENTS_PER_STEP: Final = 128
"""Elements of a result that cost as much as one more node: about what a built-in takes to go through them."""

MADE_PER_STEP: Final = 16
"""Elements of an array that a node makes, rather than finds, that cost as much as one more node."""

COMPARED_PER_STEP: Final = 8
"""Elements of two values that are compared for as much as one more node."""

CHARACTERS_PER_STEP: Final = 4_096
"""Characters of a result that cost as much as one more node."""

ALLOCATED_BYTES_MAX: Final = 512 * 1024 * 1024
"""All texts and arrays that one evaluation may make, freed ones included; ours."""

HELD_BYTES_MAX: Final = 873_782 * 8
"""Memory of one value: 8 bytes an element, 1 a character. Measured by others in August 2026: the service takes
`[1..873782]` and a text of 2^22 characters, and refuses `[1..873783]` and one of 2^23."""

WHOLE_MAX: Final = 10**21
"""From here on numbers are written with an exponent, as in JavaScript."""

STACK_OVERFLOW: Final = (
    "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive"
)
TIME_EXCEEDED: Final = "Expression evaluation timeout: Check for infinite loop"
MEMORY_EXCEEDED: Final = "Expression evaluation memory limit exceeded: Check for excessive memory usage"

Node = JsonValue
"""A node of the library's syntax tree; it has no types."""

_MAKING = frozenset(("binary", "unary", "function", "path", "apply"))
_GATHERING = frozenset(("path", "descendant", "wildcard"))


def memory_exceeded() -> Exception:
    """The refusal of a value that is too large."""
    return JException(MEMORY_EXCEEDED, -1)  # type: ignore[no-any-return]


def failure(code: str, *values: JsonValue) -> Exception:
    """An error of the library's catalogue with what goes into its message; its own constructor fails at some."""
    error = JException(code if code not in JException.error_codes else "", -1)
    error.error = code
    error.current, error.expected, error.extra = (*values, None, None, None)[:3]
    return error  # type: ignore[no-any-return]


def regex_engine(pattern: str, flags: JsonValue) -> re.Pattern[str]:
    """Compile a regular expression of an expression, for the library."""
    chosen = (re.IGNORECASE if flags.case_insensitive else 0) | (re.MULTILINE if flags.multiline else 0)
    return compile_pattern(pattern.replace("\\/", "/"), chosen)


class Engine(Jsonata):  # type: ignore[misc]
    """One parsed expression.

    Attributes:
        calls: names of the functions under way, the innermost last: the library forgets which one failed.
    """

    def __init__(self, text: str) -> None:
        """Parse a text.

        Raises:
            JException, re.error, RecursionError and whatever else the library meets: it is no expression.
        """
        super().__init__(text, regex_engine)
        self.calls: list[JsonValue] = []
        self._depth = 0
        self._steps_left = 0
        self._bytes_left = 0

    def run(self, value: JsonValue, frame: JsonValue) -> JsonValue:
        """Evaluate the expression.

        Args:
            value: what `$` names, as the library holds it: None for nothing, NULL for null.
            frame: the variables and functions.

        Raises:
            JException and whatever else the library meets.
        """
        self.calls = []
        self._depth = 0
        self._steps_left = STEPS_MAX
        self._bytes_left = ALLOCATED_BYTES_MAX
        self.input = None
        self.environment = frame
        # Built-ins that call functions find the evaluator here, one for each thread.
        Jsonata.CURRENT.jsonata = self
        return self.eval(self.ast, value, frame)

    def eval(self, expr: Node, input: JsonValue, environment: JsonValue) -> JsonValue:
        """Evaluate a node, and what stands in brackets behind it."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise JException(STACK_OVERFLOW, -1)
        self._steps_left -= 1
        if self._steps_left < 0:
            raise JException(TIME_EXCEEDED, -1)
        kind = expr.type
        evaluate = _EVALUATE.get(kind)
        result = None if evaluate is None else evaluate(self, expr, input, environment)
        if expr.predicate is not None:
            for part in expr.predicate:
                result = self.evaluate_filter(part.expr, result, environment)
        if expr.group is not None and kind != "path":
            result = self.evaluate_group_expression(expr.group, result, environment)
        self._depth -= 1
        if result.__class__ is str:
            self._weigh(kind, len(result), len(result) // CHARACTERS_PER_STEP)
        elif isinstance(result, list):
            # The library's ranges say that they are one longer than they are.
            length = len(result) - (result.__class__ is Utils.RangeList)
            per_step = MADE_PER_STEP if kind in _GATHERING else ELEMENTS_PER_STEP
            self._weigh(kind, length * 8, length // per_step)
            if result.__class__ is Utils.JList:
                return _collapsed(result, keep=expr.keep_array)
        return result

    def _weigh(self, kind: str, size_bytes: int, steps: int) -> None:
        """Account for a result. A later node pays for the steps."""
        self._steps_left -= steps
        if kind in _MAKING:
            self._bytes_left -= size_bytes
        if size_bytes > HELD_BYTES_MAX or self._bytes_left < 0:
            raise memory_exceeded()

    def charge(self, steps: int) -> None:
        """Account for work that no node stands for. A later node pays for it."""
        self._steps_left -= steps

    def evaluate_function(
        self, expr: Node, input: JsonValue, environment: JsonValue, applyto_context: JsonValue
    ) -> JsonValue:
        """Call a function, and note its name while it runs."""
        self.calls.append(expr.procedure.value)
        result = super().evaluate_function(expr, input, environment, applyto_context)
        self.calls.pop()
        return result

    def apply_inner(self, proc: JsonValue, args: JsonValue, input: JsonValue, environment: JsonValue) -> JsonValue:
        """Call what should be a function; the library prints to the terminal when it is none."""
        if not (Functions.is_lambda(proc) or Utils.is_function(proc) or Functions.is_regex(proc)):
            raise failure("T1006")
        return super().apply_inner(proc, args, input, environment)

    def evaluate_numeric_expression(self, lhs: JsonValue, rhs: JsonValue, op: str | None) -> JsonValue:
        """Arithmetic of doubles."""
        for operand, code in ((lhs, "T2001"), (rhs, "T2002")):
            if operand is not None and not Utils.is_numeric(operand):
                raise failure(code, op, operand)
        if lhs is None or rhs is None:
            return None
        return whole(_ARITHMETIC[str(op)](float(lhs), float(rhs)))

    def evaluate_equality_expression(self, lhs: JsonValue, rhs: JsonValue, op: str | None) -> JsonValue:
        """Whether two values are the same, or not."""
        if isinstance(lhs, list | dict) and isinstance(rhs, list | dict):
            self.charge(min(len(lhs), len(rhs)) // COMPARED_PER_STEP)
        return super().evaluate_equality_expression(lhs, rhs, op)

    def evaluate_string_concat(self, lhs: JsonValue, rhs: JsonValue) -> str:
        """Two values as one text; what is undefined is empty."""
        return to_text(lhs) + to_text(rhs)


def _collapsed(values: JsonValue, *, keep: bool) -> JsonValue:
    """A sequence of one is that one, unless it is kept, and an empty one is undefined."""
    if not values.sequence or values.tuple_stream:
        return values
    values.keep_singleton = values.keep_singleton or keep
    if not values:
        return None
    return values[0] if len(values) == 1 and not values.keep_singleton else values


def whole(number: float) -> float:
    """A double as the library holds it: an int when it has no fraction and JavaScript would print its digits."""
    return int(number) if number.is_integer() and abs(number) < WHOLE_MAX else number


def _divided(one: float, other: float) -> float:
    if other:
        return one / other
    if not one or math.isnan(one):
        return math.nan
    return math.inf if math.copysign(1, one) == math.copysign(1, other) else -math.inf


def _remainder(one: float, other: float) -> float:
    return math.fmod(one, other) if other else math.nan


_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": _divided,
    "%": _remainder,
}


def _parent(engine: Engine, expr: Node, input: JsonValue, environment: JsonValue) -> JsonValue:
    return environment.lookup(expr.slot.label)


def _number(engine: Engine, expr: Node, input: JsonValue, environment: JsonValue) -> JsonValue:
    # The parser makes an integer of 1e300.
    return expr.value if -WHOLE_MAX < expr.value < WHOLE_MAX else float(expr.value)


_EVALUATE: Final[dict[str | None, Callable[[Engine, Node, JsonValue, JsonValue], JsonValue]]] = {
    "path": Engine.evaluate_path,
    "binary": Engine.evaluate_binary,
    "unary": Engine.evaluate_unary,
    "name": lambda engine, expr, input, environment: Functions.lookup(input, str(expr.value)),
    "number": _number,
    **dict.fromkeys(("string", "value"), lambda engine, expr, input, environment: engine.evaluate_literal(expr)),
    "wildcard": lambda engine, expr, input, environment: engine.evaluate_wildcard(expr, input),
    "descendant": lambda engine, expr, input, environment: engine.evaluate_descendants(expr, input),
    "parent": _parent,
    "condition": Engine.evaluate_condition,
    "block": Engine.evaluate_block,
    "bind": Engine.evaluate_bind_expression,
    "regex": lambda engine, expr, input, environment: engine.evaluate_regex(expr),
    "function": lambda engine, expr, input, environment: engine.evaluate_function(expr, input, environment, Utils.NONE),
    "variable": Engine.evaluate_variable,
    "lambda": Engine.evaluate_lambda,
    "partial": Engine.evaluate_partial_application,
    "apply": Engine.evaluate_apply_expression,
    "transform": Engine.evaluate_transform_expression,
}
"""What evaluates a node of each type; nodes of other types (a bare `?`) are undefined."""
