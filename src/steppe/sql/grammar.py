"""Athena's query language as a syntax tree: sqlglot's Trino parser, told not to interpret functions.

sqlglot maps function calls to nodes of its own whose meaning is a common denominator of many systems. Here a call stays
a call, with the name and the arguments that were written; `transpile` alone says what it means.
"""

from __future__ import annotations

import re
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ParseError, TokenError

from steppe.base.jsonvalue import JsonValue
from steppe.sql.errors import MalformedQuery, position
from steppe.sql.statement import Statement

_HEX = re.compile(r"[xX][0-9A-Fa-f]+$")
_SPECIAL = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "SUBSTRING", "JSON_VALUE", "JSON_QUERY", "JSON_OBJECT")


class AthenaQueries(Trino):
    """The dialect: calls with a syntax of their own are parsed, all others are kept as written."""

    INDEX_OFFSET = 0  # subscripts stay as written

    class Parser(Trino.Parser):  # type: ignore[valid-type, misc]
        """See the class around it."""

        FUNCTIONS: dict[str, JsonValue] = {}  # noqa: RUF012 - sqlglot's own form
        FUNCTION_PARSERS = {k: v for k, v in Trino.Parser.FUNCTION_PARSERS.items() if k in _SPECIAL}  # noqa: RUF012


def parse_query(statement: Statement) -> exp.Expr:
    """The syntax tree of a query.

    Raises:
        MalformedQuery: the text is not a query, with Trino's words for it.
    """
    text = statement.text
    for token in statement.tokens:
        if token.text == "::" or token.kind == "backquoted":
            sign = "backquoted identifiers are not supported; use double quotes to quote identifiers"
            said = sign if token.kind == "backquoted" else "mismatched input ':'. Expecting: <expression>"
            raise MalformedQuery(f"{position(text, token.start)}: {said}")
    for before, token in pairwise(statement.tokens):
        if (
            before.kind == "number"
            and token.kind == "word"
            and before.end == token.start
            and not _HEX.match(token.text)
        ):
            said = "NOT_SUPPORTED: a number with underscores, or a name that begins with a digit"
            raise MalformedQuery(f"{position(text, before.start)}: {said}: {before.text}{token.text}")
    try:
        trees = sqlglot.parse(text, dialect=AthenaQueries)
    except ParseError as error:
        raise MalformedQuery(_trino_text(text, error)) from None
    except (TokenError, RecursionError):
        raise MalformedQuery("line 1:1: statement is too large or not closed (mismatched input '<EOF>')") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query | exp.Values):
        raise MalformedQuery("line 1:1: mismatched input. Expecting: <query>")
    return trees[0]


def parse_expression(text: str) -> exp.Expr:
    """The syntax tree of one expression.

    Raises:
        MalformedQuery: the text is none, or more than one.
    """
    try:
        tree = sqlglot.parse_one(text, dialect=AthenaQueries, into=exp.Condition)
    except (ParseError, TokenError, RecursionError):
        tree = None
    if tree is None or isinstance(tree, exp.Query | exp.Alias | exp.Tuple | exp.Star):
        raise MalformedQuery(f"line 1:1: mismatched input '{text[:50]}'. Expecting: <expression>")
    return tree


def _trino_text(text: str, error: ParseError) -> str:
    """`line L:C: mismatched input 'x'`, at the place that sqlglot found."""
    first = error.errors[0] if error.errors else {}
    line, column, word = first.get("line") or 1, first.get("col") or 1, first.get("highlight") or ""
    if not word or word not in text:
        return f"line {line}:{column}: mismatched input '<EOF>'. Expecting: <expression>"
    return f"line {line}:{max(1, column - len(word) + 1)}: mismatched input '{word}'. Expecting: <expression>"
