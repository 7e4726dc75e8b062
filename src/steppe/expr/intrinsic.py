r"""Intrinsic functions of JSONPath states: `States.Format('{} of {}', $.name, States.ArrayLength($.list))`.

    call     = "States." name "(" [argument {"," argument}] ")"
    argument = call | path | 'text' | number | true | false | null

A quote, a brace or a backslash in a text is written with a backslash before it; nothing else may follow one (recorded:
the service refuses `\"` when a machine is created). The functions themselves are rows of `intrinsic_table.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import IntrinsicError, IntrinsicSyntaxError, NoMatchError, PathSyntaxError, show
from steppe.expr.intrinsic_table import INTRINSICS, Intrinsic, Refused, fits
from steppe.expr.jsonpath import compiled
from steppe.expr.path_syntax import read_path
from steppe.expr.scope import Expression, Scope

CALL_LENGTH_MAX = 10_000
"""Characters of a whole call; ours."""

CALL_DEPTH_MAX = 10
"""Calls within calls. Developer Guide, "You can nest up to 10 intrinsic functions"."""

_CALL = re.compile(r"\s*States\.(\w+)\s*\(")
_SPACE = re.compile(r"\s*")
_TEXT = re.compile(r"'((?:[^'\\]|\\['{}\\])*)'")
_NUMBER = re.compile(r"-?\d+(\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)?", re.ASCII)
_WORD = re.compile(r"true\b|false\b|null\b")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CONSTANTS: dict[str, JsonValue] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class IntrinsicCall:
    """A compiled call. It is an `Expression` itself; `evaluate` is the bare function.

    Attributes:
        text: as written.
        variables: names of the workflow variables it reads.
        evaluate: (what `$` names, scope) -> result; raises IntrinsicError.
    """

    text: str
    variables: frozenset[str]
    evaluate: Expression

    def __call__(self, value: JsonValue, scope: Scope) -> JsonValue:
        """As `evaluate`."""
        return self.evaluate(value, scope)


def is_call(text: str) -> bool:
    """Whether a text looks like a call rather than like a path."""
    return text.lstrip().startswith("States.")


def compile_intrinsic(text: str) -> IntrinsicCall:
    """Compile a call of an intrinsic function.

    Raises:
        IntrinsicSyntaxError: it is none, names no function, or has the wrong number of arguments.
    """
    if len(text) > CALL_LENGTH_MAX:
        raise IntrinsicSyntaxError(text, f"it is longer than {CALL_LENGTH_MAX} characters")
    reader = _Reader(text)
    evaluate = reader.call()
    reader.space()
    if reader.position != len(text):
        raise reader.error("the end")
    return IntrinsicCall(text, frozenset(reader.variables), evaluate)


class _Reader:
    """A recursive descent over one text, compiling as it goes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self.variables: set[str] = set()

    def error(self, expected: str) -> IntrinsicSyntaxError:
        return IntrinsicSyntaxError(self.text, f"{expected} expected at position {self.position}")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.position)
        if match:
            self.position = match.end()
        return match

    def space(self) -> None:
        self.match(_SPACE)

    def accept(self, token: str) -> bool:
        self.space()
        found = self.text.startswith(token, self.position)
        self.position += len(token) if found else 0
        return found

    def call(self) -> Expression:
        self.space()
        start = self.position
        head = self.match(_CALL)
        if not head:
            raise self.error("a call such as States.Format(...)")
        name = head.group(1)
        row = INTRINSICS.get(name)
        if row is None:
            raise IntrinsicSyntaxError(self.text, f"there is no intrinsic function States.{name}")
        self.depth += 1
        if self.depth > CALL_DEPTH_MAX:
            raise IntrinsicSyntaxError(self.text, f"it nests more than {CALL_DEPTH_MAX} intrinsic functions")
        arguments = self.arguments(name)
        self.depth -= 1
        if len(arguments) < row.least or (row.most is not None and len(arguments) > row.most):
            raise IntrinsicSyntaxError(self.text, f"wrong number of arguments for States.{name}: {len(arguments)}")
        return _invoke(self.text.strip(), self.text[start : self.position], name, row, arguments)

    def arguments(self, name: str) -> list[Expression]:
        arguments: list[Expression] = []
        if self.accept(")"):
            return arguments
        while True:
            # The template of Format keeps its backslashes: only it can tell `{}` from `\{\}`.
            arguments.append(self.argument(raw=name == "Format" and not arguments))
            if self.accept(")"):
                return arguments
            if not self.accept(","):
                raise self.error("',' or ')'")

    def argument(self, *, raw: bool) -> Expression:
        self.space()
        head = self.text[self.position : self.position + 1]
        if head == "$":
            return self.path()
        if head == "S":
            return self.call()
        return _constant(self.constant(raw=raw))

    def path(self) -> Expression:
        try:
            syntax, end = read_path(self.text, self.position)
            path = compiled(self.text[self.position : end], syntax)
        except PathSyntaxError as error:
            raise IntrinsicSyntaxError(self.text, error.reason) from None
        self.position = end
        self.variables |= path.variables
        return path.evaluate

    def constant(self, *, raw: bool) -> JsonValue:
        text = self.match(_TEXT)
        if text:
            return text.group(1) if raw else _ESCAPE.sub(r"\1", text.group(1))
        number = self.match(_NUMBER)
        if number:
            whole = number.group(1) is None and len(number.group()) < 400
            value = int(number.group()) if whole else float(number.group())
            if not whole and math.isinf(value):
                raise IntrinsicSyntaxError(self.text, "a number is out of range")
            return value
        word = self.match(_WORD)
        if word:
            return _CONSTANTS[word.group()]
        raise self.error("a path, a text in single quotes, a number or a call")


def _constant(value: JsonValue) -> Expression:
    return lambda root, scope: value


def _invoke(whole: str, call: str, name: str, row: Intrinsic, arguments: list[Expression]) -> Expression:
    """The closure of one call. The texts of its failures are the service's.

    A missing argument is told with the whole expression, however deep the call stands in it, and with the input,
    whatever it was looked for in (measured there by others in September 2026).
    """
    kinds = tuple(row.kinds[min(index, len(row.kinds) - 1)] for index in range(len(arguments)))
    body: Callable[[list[JsonValue], Scope], JsonValue] = row.body

    def invoke(value: JsonValue, scope: Scope) -> JsonValue:
        try:
            values = [argument(value, scope) for argument in arguments]
        except NoMatchError as error:
            missing = error.text.removeprefix("$") if error.text.startswith("$$") else error.text
            raise IntrinsicError(
                f"The function '{whole}' had the following error: The JsonPath argument for the field '{missing}' "
                f"could not be found in the input '{show(value)}'"
            ) from None
        try:
            if not all(map(fits, values, kinds)):
                raise Refused
            return body(values, scope)
        except Refused as refused:
            reason = str(refused) or f"Invalid arguments in States.{name}"
            raise IntrinsicError(
                f"There was an error while evaluating the intrinsic function: {call}. {reason}"
            ) from None

    return invoke
