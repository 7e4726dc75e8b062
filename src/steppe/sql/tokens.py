"""The words of a statement, with their offsets: enough to tell statements apart and to read Hive's DDL.

Queries are parsed by sqlglot; this reader serves what sqlglot does not: the choice of the parser, comments, the one
allowed semicolon, and DDL whose every clause must be understood or refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from steppe.sql.errors import MalformedQuery, position

Kind = Literal["word", "quoted", "backquoted", "string", "number", "sign"]

_PATTERN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<backquoted>`(?:[^`]|``)*`)
      | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<sign>::|<>|<=|>=|!=|\|\||->|=>|.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a statement.

    Attributes:
        kind: what it is; comments and white space are not tokens.
        text: as written.
        start: offset of its first character.
    """

    kind: Kind
    text: str
    start: int

    @property
    def upper(self) -> str:
        """The word in upper case; quoted names and strings never equal a keyword."""
        return self.text.upper() if self.kind in ("word", "sign") else self.text

    @property
    def name(self) -> str:
        """The identifier that the token names, without quotes."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"')
        return self.text[1:-1].replace("``", "`") if self.kind == "backquoted" else self.text

    @property
    def end(self) -> int:
        """Offset after its last character."""
        return self.start + len(self.text)


def read(text: str) -> list[Token]:
    """All tokens of a statement.

    Raises:
        MalformedQuery: a quote or a comment that does not end.
    """
    tokens = []
    for match in _PATTERN.finditer(text):
        kind = match.lastgroup
        if kind == "space" or kind is None:
            continue
        word = match.group()
        if kind == "sign" and (word in "'\"`" or (word == "/" and text.startswith("/*", match.start()))):
            raise MalformedQuery(f"{position(text, match.start())}: mismatched input '{word}'. Expecting: <EOF>")
        tokens.append(Token(kind, word, match.start()))  # type: ignore[arg-type]
    return tokens
