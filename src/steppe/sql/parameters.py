"""Parameters of a statement: `?` and what is put in its place; PREPARE, EXECUTE and DEALLOCATE taken apart.

Values are SQL expressions as text, as in EXECUTE ... USING and in ExecutionParameters. Each is read by itself first, so
that it can be nothing but one expression; then it takes the place of its question mark among the statement's tokens (a
question mark inside a string or a comment is none). Positions in later error texts are those of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steppe.sql.errors import MalformedQuery, QueryError, position
from steppe.sql.grammar import parse_expression
from steppe.sql.statement import Statement, classify
from steppe.sql.tokens import Token

_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE name FROM text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Execute:
    """EXECUTE name [USING expression, ...]; values is None without USING."""

    name: str
    values: tuple[str, ...] | None


def count(statement: Statement) -> int:
    """How many parameters a statement has."""
    return sum(1 for token in statement.tokens if _is_mark(token))


def bind(statement: Statement, values: Sequence[str]) -> Statement:
    """The statement with its parameters replaced.

    Raises:
        QueryError: INVALID_PARAMETER_USAGE, they are more or fewer than the statement has, or one is no expression.
    """
    marks = [token for token in statement.tokens if _is_mark(token)]
    if len(marks) != len(values):
        said = f"line 1:1: Incorrect number of parameters: expected {len(marks)} but found {len(values)}"
        raise QueryError("INVALID_PARAMETER_USAGE", said)
    if not marks:
        return statement
    pieces, at = [], 0
    for mark, value in zip(marks, values, strict=True):
        pieces += [statement.text[at : mark.start], _expression(value)]
        at = mark.end
    return classify("".join([*pieces, statement.text[at:]]))


def read_prepare(statement: Statement) -> Prepare:
    """PREPARE, taken apart.

    Raises:
        MalformedQuery: it is not complete, or what it prepares is no statement.
    """
    name, rest = _named(statement, 1)
    if not rest or rest[0].upper != "FROM" or len(rest) == 1:
        raise _mismatch(statement, rest, "'FROM'" if not rest or rest[0].upper != "FROM" else "<statement>")
    text = statement.text[rest[1].start :]
    classify(text)
    return Prepare(name, text)


def read_execute(statement: Statement) -> Execute:
    """EXECUTE, taken apart.

    Raises:
        MalformedQuery: it is not complete.
    """
    name, rest = _named(statement, 1)
    if not rest:
        return Execute(name, None)
    if rest[0].upper != "USING":
        raise _mismatch(statement, rest, "'USING', <EOF>")
    values, depth, start = [], 0, rest[0].end
    for token in rest[1:]:
        if token.kind == "sign":
            depth += (token.text in _OPENING) - (token.text in _CLOSING)
            if token.text == "," and depth == 0:
                values.append(statement.text[start : token.start].strip())
                start = token.end
    values.append(statement.text[start : statement.tokens[-1].end].strip())
    if not all(values):
        raise _mismatch(statement, [], "<expression>")
    return Execute(name, tuple(values))


def read_deallocate(statement: Statement) -> str:
    """The name in DEALLOCATE PREPARE.

    Raises:
        MalformedQuery: it is not complete.
    """
    if len(statement.tokens) < 2 or statement.tokens[1].upper != "PREPARE":
        raise _mismatch(statement, list(statement.tokens[1:]), "'PREPARE'")
    name, rest = _named(statement, 2)
    if rest:
        raise _mismatch(statement, rest, "<EOF>")
    return name


def _is_mark(token: Token) -> bool:
    return token.kind == "sign" and token.text == "?"


def _expression(value: str) -> str:
    """The text that stands for a value: in brackets, unless it is a literal, which stands everywhere."""
    try:
        tokens = classify(f"SELECT {value}\n").tokens[1:]
        parse_expression(value)
    except MalformedQuery:
        tokens = ()
    if not tokens or any(_is_mark(token) for token in tokens):
        raise QueryError("INVALID_PARAMETER_USAGE", f"line 1:1: Parameter is not an expression: {value}")
    # A comment at the end of the value must not swallow what follows it in the statement.
    text = f"{value[: tokens[-1].end - len('SELECT ')]}"
    return text if len(tokens) == 1 else f"({text})"


def _named(statement: Statement, at: int) -> tuple[str, list[Token]]:
    tokens = statement.tokens
    if len(tokens) <= at or tokens[at].kind not in ("word", "quoted"):
        raise _mismatch(statement, list(tokens[at:]), "<identifier>")
    token = tokens[at]
    return token.name, list(tokens[at + 1 :])


def _mismatch(statement: Statement, rest: list[Token], expecting: str) -> MalformedQuery:
    there = f"'{rest[0].text}'" if rest else "'<EOF>'"
    place = position(statement.text, rest[0].start if rest else len(statement.text))
    return MalformedQuery(f"{place}: mismatched input {there}. Expecting: {expecting}")
