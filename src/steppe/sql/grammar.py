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
from sqlglot.tokenizer_core import TokenType

from steppe.base.jsonvalue import JsonValue
from steppe.sql.errors import MalformedQuery, position
from steppe.sql.statement import Statement

_HEX = re.compile(r"[xX][0-9A-Fa-f]+$")
_SPECIAL = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "SUBSTRING")


class AthenaQueries(Trino):
    """The dialect: calls with a syntax of their own are parsed, all others are kept as written."""

    INDEX_OFFSET = 0  # subscripts stay as written

    class Parser(Trino.Parser):  # type: ignore[valid-type, misc]
        """See the class around it."""

        FUNCTIONS: dict[str, JsonValue] = {}  # noqa: RUF012 - sqlglot's own form
        FUNCTION_PARSERS = {  # noqa: RUF012
            **{k: v for k, v in Trino.Parser.FUNCTION_PARSERS.items() if k in _SPECIAL},
            "JSON_EXISTS": lambda self: self.json_path_call("json_exists"),
            "JSON_VALUE": lambda self: self.json_path_call("json_value"),
            "JSON_QUERY": lambda self: self.json_path_call("json_query"),
            "JSON_OBJECT": lambda self: self.json_object_call(),
            "JSON_ARRAY": lambda self: self.json_array_call(),
        }

        def json_path_call(self, label: str) -> exp.Expr:
            """json_exists, json_value, json_query: document, path, options; each option as one more argument.

            Those are: RETURNING type, wrapper, quotes, ON EMPTY, its default, ON ERROR, its default.
            """
            document = self._parse_disjunction()
            self._json_format()
            self._match(TokenType.COMMA)
            path = self._parse_disjunction()
            if self._match_text_seq("PASSING"):
                self.raise_error("NOT_SUPPORTED: PASSING")
            returning = self._parse_types() if self._match(TokenType.RETURNING) else None
            options = {"WRAPPER": "", "QUOTES": "", "EMPTY": "", "ERROR": ""}
            defaults: dict[str, exp.Expr] = {"EMPTY": exp.Null(), "ERROR": exp.Null()}
            if self._match_text_seq("WITHOUT"):
                self._match_text_seq("ARRAY")
                self._match_text_seq("WRAPPER")
            elif self._match_text_seq("WITH"):
                conditional = self._match_text_seq("CONDITIONAL")
                options["WRAPPER"] = "CONDITIONAL" if conditional else "UNCONDITIONAL"
                self._match_text_seq("UNCONDITIONAL")
                self._match_text_seq("ARRAY")
                self._match_text_seq("WRAPPER")
            for word in ("KEEP", "OMIT"):
                if self._match_text_seq(word, "QUOTES"):
                    options["QUOTES"] = word
                    self._match_text_seq("ON", "SCALAR", "STRING")
            while (behaviour := self._json_behaviour()) is not None:
                how, default = behaviour
                self._match_text_seq("ON")
                event = "EMPTY" if self._match_text_seq("EMPTY") else "ERROR"
                if event == "ERROR" and not self._match_text_seq("ERROR"):
                    self.raise_error("Expecting: ERROR or EMPTY")
                options[event], defaults[event] = how, default
            texts = {key: exp.Literal.string(value) for key, value in options.items()}
            arguments = [document, path, returning or exp.Null(), texts["WRAPPER"], texts["QUOTES"]]
            arguments += [texts["EMPTY"], defaults["EMPTY"], texts["ERROR"], defaults["ERROR"]]
            return exp.Anonymous(this=label, expressions=arguments)

        def _json_behaviour(self) -> tuple[str, exp.Expr] | None:
            for words in (
                ("EMPTY", "ARRAY"),
                ("EMPTY", "OBJECT"),
                ("NULL",),
                ("ERROR",),
                ("TRUE",),
                ("FALSE",),
                ("UNKNOWN",),
            ):
                if self._match_text_seq(*words):
                    return " ".join(words), exp.Null()
            if self._match(TokenType.DEFAULT):
                return "DEFAULT", self._parse_disjunction()
            return None

        def _json_format(self) -> bool:
            if not self._match_text_seq("FORMAT", "JSON"):
                return False
            if self._match_text_seq("ENCODING"):
                self._advance()
            return True

        def _json_ending(self, handling: str) -> str:
            for word in ("NULL", "ABSENT"):
                if self._match_text_seq(word, "ON", "NULL"):
                    handling = word
            for word in ("WITH", "WITHOUT"):
                if self._match_text_seq(word, "UNIQUE"):
                    handling += " UNIQUE" if word == "WITH" else ""
                    self._match_text_seq("KEYS")
            if self._match(TokenType.RETURNING):
                handling += f" RETURNING {self._parse_types().sql()}"
                self._json_format()
            return handling

        def _json_value_argument(self) -> list[exp.Expr]:
            value = self._parse_disjunction()
            return [value, exp.Boolean(this=self._json_format())]

        def json_object_call(self) -> exp.Expr:
            """json_object: what happens to NULL, then key, value and whether it is JSON, for each member."""
            members: list[exp.Expr] = []
            while not self._match(TokenType.R_PAREN, advance=False) and not self._at_json_ending():
                self._match_text_seq("KEY")
                members.append(self._parse_bitwise())
                if not self._match(TokenType.COLON) and not self._match_text_seq("VALUE"):
                    self.raise_error("Expecting: ':' or VALUE")
                members += self._json_value_argument()
                if not self._match(TokenType.COMMA):
                    break
            return exp.Anonymous(
                this="json_object", expressions=[exp.Literal.string(self._json_ending("NULL")), *members]
            )

        def json_array_call(self) -> exp.Expr:
            """json_array: what happens to NULL, then value and whether it is JSON, for each element."""
            items: list[exp.Expr] = []
            while not self._match(TokenType.R_PAREN, advance=False) and not self._at_json_ending():
                items += self._json_value_argument()
                if not self._match(TokenType.COMMA):
                    break
            return exp.Anonymous(
                this="json_array", expressions=[exp.Literal.string(self._json_ending("ABSENT")), *items]
            )

        def _at_json_ending(self) -> bool:
            at = self._index
            ends = self._match_text_seq("NULL", "ON") or self._match_text_seq("ABSENT", "ON")
            ends = ends or self._match(TokenType.RETURNING, advance=False)
            self._retreat(at)
            return bool(ends)


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
