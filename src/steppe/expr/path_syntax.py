"""The grammar of JSONPath as the service takes it, from text to segments; `jsonpath.py` gives them a meaning.

    path    = root segment*            root = "$" | "$$" | "$name", in filters "@"
    segment = .name  .*  ..name  ..*  ..[...]  ['a']  ['a','b']  [0]  [0,2]  [1:5]  [*]  [?(filter)]  .length()
    filter  = or of and of (comparison | path | !filter | (filter))
    comparison = operand operator operand, operand = path | 'text' | number | true | false | null | [list] | /regex/i

The service evaluates paths with the Jayway library for Java, whose grammar this is, without script expressions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import PathSyntaxError
from steppe.expr.regex import compile_pattern

PATH_LENGTH_MAX = 10_000
"""Characters of one path; ours."""

SEGMENTS_MAX = 256
"""Segments of one path; ours."""

FILTER_DEPTH_MAX = 20
"""Brackets within brackets in a filter; ours."""

FUNCTIONS = ("length", "min", "max", "avg", "sum", "stddev")
"""Functions that may end a path. The service takes them all in a definition; only `length` gives a value there."""

OPERATORS = (
    *("===", "!==", "==", "!=", "=~", "<=", ">=", "<", ">"),
    *("in", "nin", "subsetof", "anyof", "noneof", "size", "empty", "contains"),
)
"""Operators of filters, longer before shorter where one begins with the other."""


@dataclass(frozen=True, slots=True)
class Names:
    """`.a`, `['a']`, `['a','b']`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indexes:
    """`[0]`, `[-1]`, `[0,2]`."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """`[1:5]`, `[:1]`, `[-2:]`."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`.*`, `[*]`."""


@dataclass(frozen=True, slots=True)
class Descent:
    """`..`: the next segment applies to every object and array below, the value itself included."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(...)]`."""

    test: Test


@dataclass(frozen=True, slots=True)
class Function:
    """`.length()`, at the end of a path only."""

    name: str


Segment: TypeAlias = Names | Indexes | Slice | Wildcard | Descent | Filter | Function


@dataclass(frozen=True, slots=True)
class PathSyntax:
    """A path taken apart.

    Attributes:
        root: "$", "$$", "@" or the name of a variable.
        segments: in order.
    """

    root: str
    segments: tuple[Segment, ...]

    @property
    def definite(self) -> bool:
        """Whether it names one place (or calls a function, or picks members of one object) rather than a list."""
        if self.segments and isinstance(self.segments[-1], Function):
            return True
        return all(isinstance(part, Names) or _is_index(part) for part in self.segments)


def _is_index(segment: Segment) -> bool:
    return isinstance(segment, Indexes) and len(segment.indexes) == 1


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant in a filter: a JSON value or a compiled regular expression."""

    value: JsonValue


Operand: TypeAlias = PathSyntax | Literal


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`."""

    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Exists:
    """A path alone: whether it names something."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """`!filter`."""

    test: Test


@dataclass(frozen=True, slots=True)
class Every:
    """`filter && filter`."""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """`filter || filter`."""

    tests: tuple[Test, ...]


Test: TypeAlias = Comparison | Exists | Not | Every | Some

_NAME = re.compile(r"[^\s.\[\](),'\"]+")
_NAME_IN_FILTER = re.compile(r"[^\s.\[\](),'\"=!<>&|~]+")
_VARIABLE = re.compile(r"[^\W\d]\w*")
_INTEGER = re.compile(r"-?\d{1,10}", re.ASCII)
_NUMBER = re.compile(r"-?\d+(\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)?", re.ASCII)
_SPACE = re.compile(r"\s*")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_REGEX = re.compile(r"/((?:[^/\\]|\\.)+)/([A-Za-z]*)", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "u": 0}


def parse_path(text: str) -> PathSyntax:
    """Take a path apart.

    Raises:
        PathSyntaxError: it is none.
    """
    path, end = read_path(text, 0)
    if end != len(text):
        raise PathSyntaxError(text, f"unexpected character '{text[end]}' at position {end}")
    return path


def read_path(text: str, start: int) -> tuple[PathSyntax, int]:
    """Read a path that stands inside a longer text.

    Returns:
        The path, and the position after it.

    Raises:
        PathSyntaxError: there is none at `start`.
    """
    reader = _Reader(text, start)
    return reader.path(_NAME), reader.position


def unescape(text: str) -> str:
    """Resolve the backslashes of a quoted text."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: _unescaped(match.group(1)), text)


def _unescaped(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) == 5 else _ESCAPED.get(escape, escape)


class _Reader:
    """A recursive descent over one text."""

    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position
        self.depth = 0
        if len(text) > PATH_LENGTH_MAX:
            raise self.error(f"it is longer than {PATH_LENGTH_MAX} characters")

    def error(self, reason: str) -> PathSyntaxError:
        return PathSyntaxError(self.text, reason)

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def accept(self, token: str) -> bool:
        if self.text.startswith(token, self.position):
            self.position += len(token)
            return True
        return False

    def expect(self, token: str) -> None:
        self.space()
        if not self.accept(token):
            raise self.error(f"'{token}' expected at position {self.position}")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.position)
        if match:
            self.position = match.end()
        return match

    def space(self) -> None:
        self.match(_SPACE)

    # Paths

    def path(self, name: re.Pattern[str]) -> PathSyntax:
        root = self.root()
        segments: list[Segment] = []
        while self.peek() in (".", "["):
            segments.extend(self.bracket() if self.peek() == "[" else self.dot(name))
            if len(segments) > SEGMENTS_MAX:
                raise self.error(f"it has more than {SEGMENTS_MAX} segments")
            if isinstance(segments[-1], Function):
                break
        return PathSyntax(root, tuple(segments))

    def root(self) -> str:
        if self.accept("@"):
            return "@"
        if not self.accept("$"):
            raise self.error("a path starts with '$'")
        if self.accept("$"):
            return "$$"
        variable = self.match(_VARIABLE)
        return variable.group() if variable else "$"

    def dot(self, name: re.Pattern[str]) -> list[Segment]:
        segments: list[Segment] = []
        self.position += 1
        if self.accept("."):
            segments.append(Descent())
            if self.peek() == "[":
                return segments + self.bracket()
        if self.accept("*"):
            return [*segments, Wildcard()]
        match = self.match(name)
        if not match:
            raise self.error(f"a name expected at position {self.position}")
        if not self.accept("("):
            return [*segments, Names((match.group(),))]
        self.expect(")")
        if match.group() not in FUNCTIONS or segments:
            raise self.error(f"function '{match.group()}' is not supported")
        return [Function(match.group())]

    def bracket(self) -> list[Segment]:
        self.position += 1
        self.space()
        if self.accept("*"):
            segment: Segment = Wildcard()
        elif self.accept("?"):
            self.expect("(")
            segment = Filter(self.some())
            self.expect(")")
        elif self.peek() in ("'", '"'):
            segment = Names(tuple(self.separated(self.string)))
        else:
            segment = self.numbers()
        self.expect("]")
        return [segment]

    def numbers(self) -> Segment:
        start = self.match(_INTEGER)
        self.space()
        if self.accept(":"):
            self.space()
            stop = self.match(_INTEGER)
            if not start and not stop:
                raise self.error("a slice needs a start or an end")
            return Slice(int(start.group()) if start else None, int(stop.group()) if stop else None)
        if not start:
            raise self.error(f"a name in quotes, an index or '*' expected at position {self.position}")
        indexes = [int(start.group())]
        if self.accept(","):
            indexes += self.separated(self.integer)
        return Indexes(tuple(indexes))

    def integer(self) -> int:
        match = self.match(_INTEGER)
        if not match:
            raise self.error(f"an index expected at position {self.position}")
        return int(match.group())

    def string(self) -> str:
        match = self.match(_STRING)
        if not match:
            raise self.error(f"a text in quotes expected at position {self.position}")
        return unescape(match.group(1) if match.group(1) is not None else match.group(2))

    def separated(self, element: JsonValue) -> list[JsonValue]:
        """One or more elements with commas between."""
        elements: list[JsonValue] = []
        while True:
            self.space()
            elements.append(element())
            self.space()
            if not self.accept(","):
                return elements

    # Filters

    def some(self) -> Test:
        tests = [self.every()]
        while self.spaced("||"):
            tests.append(self.every())
        return tests[0] if len(tests) == 1 else Some(tuple(tests))

    def every(self) -> Test:
        tests = [self.test()]
        while self.spaced("&&"):
            tests.append(self.test())
        return tests[0] if len(tests) == 1 else Every(tuple(tests))

    def spaced(self, token: str) -> bool:
        self.space()
        return self.accept(token)

    def test(self) -> Test:
        self.depth += 1
        if self.depth > FILTER_DEPTH_MAX:
            raise self.error(f"its filter nests deeper than {FILTER_DEPTH_MAX} levels")
        try:
            if self.spaced("!"):
                return Not(self.test())
            if self.accept("("):
                test = self.some()
                self.expect(")")
                return test
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Test:
        left = self.operand()
        self.space()
        operator = next((token for token in OPERATORS if self.accept(token)), None)
        if operator is None:
            return Exists(left)
        right = self.operand()
        if (operator == "=~") != (isinstance(right, Literal) and isinstance(right.value, re.Pattern)):
            raise self.error("a regular expression stands to the right of '=~', and only there")
        return Comparison(left, operator, right)

    def operand(self) -> Operand:
        self.space()
        if self.peek() in ("@", "$"):
            path = self.path(_NAME_IN_FILTER)
            if path.root not in ("@", "$"):
                raise self.error("paths in a filter start with '@' or '$'")
            return path
        return Literal(self.literal())

    def literal(self) -> JsonValue:
        head = self.peek()
        if head in ("'", '"'):
            return self.string()
        if head == "/":
            return self.regex()
        if head == "[":
            return self.elements()
        number = self.match(_NUMBER)
        if number:
            return (
                int(number.group()) if number.group(1) is None and len(number.group()) < 400 else float(number.group())
            )
        word = self.match(_WORD)
        constants = {"true": True, "false": False, "null": None}
        if not word or word.group() not in constants:
            raise self.error(f"a path or a value expected at position {self.position}")
        return constants[word.group()]

    def elements(self) -> JsonValue:
        self.depth += 1
        if self.depth > FILTER_DEPTH_MAX:
            raise self.error(f"its filter nests deeper than {FILTER_DEPTH_MAX} levels")
        self.expect("[")
        found = [] if self.spaced("]") else self.separated(self.literal)
        if found:
            self.expect("]")
        self.depth -= 1
        return found

    def regex(self) -> re.Pattern[str]:
        match = self.match(_REGEX)
        if not match:
            raise self.error("a regular expression ends with '/'")
        flags = 0
        for letter in match.group(2):
            if letter not in _FLAGS:
                raise self.error(f"flag '{letter}' of a regular expression is not supported")
            flags |= _FLAGS[letter]
        try:
            return compile_pattern(match.group(1).replace("\\/", "/"), flags)
        except re.error as error:
            raise self.error(str(error)) from None
