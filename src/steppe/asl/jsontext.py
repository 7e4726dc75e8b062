"""Read the text of a definition as JSON, strictly, and say what is wrong with it as the service does.

The service reads JSON with a Java library whose messages it passes on: they say where by a copy of the text's first 500
characters, a line and a column, and no member may be given twice. Good text is read by Python's own parser; only bad
text is gone through token by token to find those words (`_Reader`).
"""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn

from steppe.asl.diagnostics import SCHEMA_VALIDATION_FAILED, Diagnostic
from steppe.asl.positions import TOKEN, position_at
from steppe.base.jsonvalue import DEPTH_MAX, JsonValue

DIGITS_MAX = 4_300
"""Characters of a number: as many digits as Python makes an integer of."""

_SHOWN = 500
_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"\w+")
_VALUES = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"


class _BadTextError(Exception):
    """The text is no JSON document that we take: `message` at `offset`."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message, offset)
        self.message = message
        self.offset = offset


class _DuplicateError(Exception):
    """A member is given twice."""


def read(text: str) -> tuple[dict[str, JsonValue] | None, Diagnostic | None]:
    """The object that a definition's text holds, or the one Diagnostic that says why it holds none."""
    if not text.strip(" \t\n\r"):
        return None, _not_an_object()
    try:
        _check_depth(text)
        value = json.loads(text, object_pairs_hook=_members, parse_float=_finite, parse_constant=_finite)
    except _BadTextError as error:
        return None, _invalid(text, error.message, error.offset)
    except (ValueError, _DuplicateError):
        return None, _explain(text)
    return (value, None) if isinstance(value, dict) else (None, _not_an_object())


def _not_an_object() -> Diagnostic:
    return Diagnostic("ERROR", SCHEMA_VALIDATION_FAILED, "Definition must be a valid JSON object")


def _invalid(text: str, message: str, offset: int) -> Diagnostic:
    source = _source(text, offset)
    return Diagnostic("ERROR", "INVALID_JSON_DESCRIPTION", f"{message}\n at {source}", source)


def _source(text: str, offset: int) -> str:
    """How the service's library names a place in a text."""
    place = position_at(text, offset)
    cut = f"[truncated {len(text) - _SHOWN} chars]" if len(text) > _SHOWN else ""
    return f'[Source: (String)"{text[:_SHOWN]}"{cut}; line: {place.line}, column: {place.column}]'


def _members(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DuplicateError
    return members


def _finite(number: str) -> float:
    """A number that a double can hold; NaN and Infinity, which Python's parser would take, are none."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return
    depth = 0
    for match in TOKEN.finditer(text):
        bracket = match.group()
        if bracket in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                message = f"Document nesting depth ({depth}) exceeds the maximum allowed ({DEPTH_MAX})"
                raise _BadTextError(message, match.end())
        elif bracket in "]}":
            depth -= 1


def _explain(text: str) -> Diagnostic:
    """The Diagnostic for a text that could not be read."""
    try:
        _Reader(text).document()
    except _BadTextError as error:
        return _invalid(text, error.message, error.offset)


class _Reader:
    """Goes through a text by the grammar of JSON until something is wrong. Iterative: depth costs no stack."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        # What is open: (closing bracket, where it was opened, names of members so far or None in an array).
        self._open: list[tuple[str, int, set[str] | None]] = []

    def document(self) -> NoReturn:
        """Read one value and nothing after it.

        Raises:
            _BadTextError: that is not what the text holds.
        """
        self._value()
        while self._open:
            self._next_entry()
        self._peek()
        start = self._at
        self._value()
        raise _BadTextError("Trailing token found after the value", start + 1)

    def _peek(self) -> str:
        """The next character that is not white space; "" at the end."""
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._text[self._at : self._at + 1]

    def _next_entry(self) -> None:
        """What may follow a complete value, or an opening bracket, inside an object or array."""
        closing, opened, names = self._open[-1]
        first = self._at == opened + 1
        character = self._peek()
        if not character:
            self._end(f"Unexpected end-of-input: expected close marker for {_kind(closing)} (start marker at ", opened)
        if character == closing:
            self._at += 1
            self._open.pop()
            return
        if not first:
            if character != ",":
                self._unexpected(character, f"was expecting comma to separate {_kind(closing)} entries")
            self._at += 1
            character = self._peek()
        if names is not None:
            self._name(character, names)
        self._value()

    def _name(self, character: str, names: set[str]) -> None:
        if character != '"':
            self._unexpected(character, "was expecting double-quote to start field name")
        name = json.loads(self._string(), strict=False)
        if name in names:
            raise _BadTextError(f"Duplicate field '{name}'", self._at)
        names.add(name)
        character = self._peek()
        if character != ":":
            self._unexpected(character, "was expecting a colon to separate field name and value")
        self._at += 1

    def _value(self) -> None:
        character = self._peek()
        if not character:
            raise _BadTextError("Unexpected end-of-input within/between entries", self._at)
        if character in "{[":
            self._open.append(("}", self._at, set()) if character == "{" else ("]", self._at, None))
            self._at += 1
        elif character == '"':
            self._string()
        elif character == "-" or character.isdigit():
            self._number()
        else:
            self._word(character)

    def _string(self) -> str:
        found = _STRING.match(self._text, self._at)
        if found is None:
            self._bad_string()
        self._at = found.end()
        return found.group()

    def _bad_string(self) -> NoReturn:
        offset = self._at + 1
        while offset < len(self._text) and self._text[offset] != '"':
            character = self._text[offset]
            if character < " ":
                message = f"Illegal unquoted character ((CTRL-CHAR, code {ord(character)})): has to be escaped using "
                raise _BadTextError(f"{message}backslash to be included in string value", offset + 1)
            if character == "\\":
                escaped = self._text[offset + 1 : offset + 2]
                if escaped and escaped not in '"\\/bfnrtu':
                    message = f"Unrecognized character escape '{escaped}' (code {ord(escaped)})"
                    raise _BadTextError(message, offset + 2)
                offset += 1
            offset += 1
        if offset < len(self._text):
            raise _BadTextError("Unexpected character: expected a hex-digit for character escape sequence", offset)
        raise _BadTextError("Unexpected end-of-input: was expecting closing quote for a string value", len(self._text))

    def _number(self) -> None:
        found = _NUMBER.match(self._text, self._at)
        end = found.end() if found else self._at + 1
        rest = self._text[end : end + 1]
        if found is None or rest.isalnum() or (rest and rest in "._+-"):
            self._at = end
            if rest.isdigit():
                raise _BadTextError("Invalid numeric value: Leading zeroes not allowed", end)
            if rest:
                self._unexpected(rest, "Expected space separating root-level values or digit")
            raise _BadTextError("Unexpected end-of-input in a number", end)
        if end - self._at > DIGITS_MAX:
            length = end - self._at
            raise _BadTextError(f"Number value length ({length}) exceeds the maximum allowed ({DIGITS_MAX})", end)
        if not math.isfinite(float(self._text[self._at : end])):
            raise _BadTextError(f"Numeric value ({self._text[self._at : end]}) out of range", end)
        self._at = end

    def _word(self, character: str) -> None:
        found = _WORD.match(self._text, self._at)
        if found is None:
            self._unexpected(character, f"expected a valid value ({_VALUES})")
        if found.group() not in ("true", "false", "null"):
            raise _BadTextError(f"Unrecognized token '{found.group()}': was expecting ({_VALUES})", found.end())
        self._at = found.end()

    def _unexpected(self, character: str, reason: str) -> NoReturn:
        if not character:
            raise _BadTextError("Unexpected end-of-input within/between entries", self._at)
        code = ord(character)
        name = f"'{character}' (code {code}{'' if code < 256 else f' / 0x{code:x}'})"
        raise _BadTextError(f"Unexpected character ({name}): {reason}", self._at + 1)

    def _end(self, message: str, opened: int) -> NoReturn:
        raise _BadTextError(f"{message}{_source(self._text, opened)})", self._at)


def _kind(closing: str) -> str:
    return "Object" if closing == "}" else "Array"
