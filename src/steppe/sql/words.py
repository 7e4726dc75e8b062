"""A cursor over a statement's tokens, for the statements that are read word by word."""

from __future__ import annotations

from steppe.sql.errors import MalformedQuery, position
from steppe.sql.statement import Statement
from steppe.sql.tokens import Token


class Words:
    """The tokens of a statement and how far they have been read."""

    def __init__(self, statement: Statement, at: int = 0) -> None:
        """Begin at a token of a statement."""
        self.text = statement.text
        self.tokens = statement.tokens
        self.at = at

    def ended(self) -> bool:
        """Whether nothing follows."""
        return self.at >= len(self.tokens)

    def peek(self) -> str:
        """The next word in upper case, "" at the end."""
        return "" if self.ended() else self.tokens[self.at].upper

    def place(self) -> str:
        """`line L:C` of the next token."""
        return position(self.text, len(self.text) if self.ended() else self.tokens[self.at].start)

    def optional(self, *words: str) -> bool:
        """Take these words if they are next."""
        if [token.upper for token in self.tokens[self.at : self.at + len(words)]] != list(words):
            return False
        self.at += len(words)
        return True

    def expect(self, word: str) -> None:
        """Take a word that must be next."""
        if not self.optional(word):
            raise self.mismatch(f"'{word}'")

    def mismatch(self, expecting: str) -> MalformedQuery:
        """Trino's refusal of the next token."""
        there = "<EOF>" if self.ended() else self.tokens[self.at].text
        return MalformedQuery(f"{self.place()}: mismatched input '{there}'. Expecting: {expecting}")

    def next(self, *kinds: str, expecting: str) -> Token:
        """Take the next token, which must be of one of these kinds."""
        if self.ended() or self.tokens[self.at].kind not in kinds:
            raise self.mismatch(expecting)
        self.at += 1
        return self.tokens[self.at - 1]

    def string(self) -> str:
        """A string of Trino's grammar: a doubled quote is one, nothing else is escaped."""
        return self.next("string", expecting="<string>").text[1:-1].replace("''", "'")

    def identifier(self) -> str:
        """A name, in lower case."""
        return self.next("word", "quoted", "backquoted", expecting="<identifier>").name.lower()

    def name(self) -> tuple[str | None, str]:
        """[[catalog.]database.]name."""
        parts = [self.identifier()]
        while len(parts) < 3 and self.optional("."):
            parts.append(self.identifier())
        return (parts[-2] if len(parts) > 1 else None), parts[-1]
