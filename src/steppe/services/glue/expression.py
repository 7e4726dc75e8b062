"""The filter of GetPartitions: a condition over the partition keys, in SQL's grammar.

`day >= '2026-01-02' AND (region IN ('eu', 'us') OR hour BETWEEN 3 AND 5)`. Values of a partition are texts; they are
compared as their key's type says: numbers by value, all else as text (dates in their usual form are then in order).
Source: Glue API reference, GetPartitions.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from steppe.services.glue.refusals import invalid

NESTING_MAX = 50
"""Parentheses and NOTs inside each other; ours."""

Row: TypeAlias = Mapping[str, str]
"""A partition's values by key, in lower case."""

Test: TypeAlias = Callable[[Row], bool]
_Value: TypeAlias = Decimal | str
_Getter: TypeAlias = Callable[[Row], _Value | None]

_NUMBERS = ("tinyint", "smallint", "int", "integer", "bigint", "long", "decimal", "float", "double")
_ORDINARY = ("string", "varchar", "char", "date", "timestamp", "boolean")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_COMPARISONS: dict[str, Callable[[_Value, _Value], bool]] = {
    "=": operator.eq, "<>": operator.ne, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le,
    ">=": operator.ge,
}  # fmt: skip
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<quoted>\"[^\"]+\"|`[^`]+`)|(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<sign><>|!=|<=|>=|[=<>(),]))"
)
_KEYWORDS = ("AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL")


def compile_filter(expression: str, keys: Mapping[str, str]) -> Test:
    """The test of a filter.

    Args:
        expression: the filter's text.
        keys: types of the partition keys, by name in lower case.

    Raises:
        ApiError: InvalidInputException, with the place that is not understood.
    """
    return _Parser(expression, keys).whole()


class _Parser:
    def __init__(self, expression: str, keys: Mapping[str, str]) -> None:
        self._keys = keys
        self._expression = expression
        self._tokens = self._split(expression)
        self._at = 0
        self._depth = 0

    def whole(self) -> Test:
        test = self._any()
        if self._at < len(self._tokens):
            raise self._unexpected()
        return test

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, at, text = [], 0, text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise invalid(f"Unsupported expression '{self._expression}': not understood at '{text[at : at + 20]}'")
            kind = match.lastgroup or ""
            said = match[kind]
            if kind == "word" and said.upper() in _KEYWORDS:
                kind, said = "keyword", said.upper()
            tokens.append((kind, said))
            at = match.end()
        return tokens

    # -- conditions

    def _any(self) -> Test:
        tests = [self._all()]
        while self._take("OR"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        tests = [self._not()]
        while self._take("AND"):
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _not(self) -> Test:
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise invalid("Unsupported expression: it is nested too deeply")
        try:
            if self._take("NOT"):
                test = self._not()
                return lambda row: not test(row)
            if self._take("("):
                test = self._any()
                self._expect(")")
                return test
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Test:
        key, literal = self._operand()
        if key is None:
            sign = self._sign()
            key, _ = self._operand()
            if key is None:
                raise invalid(f"Unsupported expression '{self._expression}': it compares two values")
            return _compared(self._getter(key), _MIRRORED.get(sign, sign), self._typed(key, literal))
        getter = self._getter(key)
        if self._take("IS"):
            wanted = not self._take("NOT")
            self._expect("NULL")
            return lambda row: (getter(row) is None) is wanted
        negated = self._take("NOT")
        if self._take("IN"):
            test = _among(getter, self._listed(key))
        elif self._take("BETWEEN"):
            low = self._literal(key)
            self._expect("AND")
            test = _between(getter, low, self._literal(key))
        elif self._take("LIKE"):
            _, said = self._operand()
            test = _like(key, said)
        elif negated:
            raise self._unexpected()
        else:
            sign = self._sign()
            test = _compared(getter, sign, self._literal(key))
        if not negated:
            return test
        return lambda row: getter(row) is not None and not test(row)

    # -- operands

    def _listed(self, key: str) -> list[_Value]:
        self._expect("(")
        values = [self._literal(key)]
        while self._take(","):
            values.append(self._literal(key))
        self._expect(")")
        return values

    def _operand(self) -> tuple[str | None, str]:
        """A key's name, or None and the text of a value."""
        kind, said = self._next()
        match kind:
            case "text":
                return None, said[1:-1].replace("''", "'")
            case "number":
                return None, said
            case "word" if said.lower() in ("date", "timestamp") and self._peek()[0] == "text":
                return None, self._next()[1][1:-1]
            case "word" | "quoted":
                name = said.strip('"`').lower()
                if name not in self._keys:
                    raise invalid(f"Unsupported expression '{self._expression}': {name} is no partition key")
                return name, ""
        self._at -= 1
        raise self._unexpected()

    def _literal(self, key: str) -> _Value:
        other, said = self._operand()
        if other is not None:
            raise invalid(f"Unsupported expression '{self._expression}': it compares two keys")
        return self._typed(key, said)

    def _typed(self, key: str, said: str) -> _Value:
        if not self._is_number(key):
            return said
        number = _number(said)
        if number is None:
            raise invalid(f"Unsupported expression '{self._expression}': '{said}' is no {self._keys[key]}")
        return number

    def _getter(self, key: str) -> _Getter:
        if not self._is_number(key):
            return lambda row: None if row[key] == _NO_VALUE else row[key]

        return lambda row: _number(row[key])

    def _is_number(self, key: str) -> bool:
        kind = self._keys[key].split("(")[0].strip().lower()
        if kind not in _NUMBERS and kind not in _ORDINARY:
            raise invalid(f"Unsupported expression '{self._expression}': {key} is of type {self._keys[key]}")
        return kind in _NUMBERS

    # -- tokens

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "the end")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, said: str) -> bool:
        kind, there = self._peek()
        if there != said or kind not in ("keyword", "sign"):
            return False
        self._at += 1
        return True

    def _expect(self, said: str) -> None:
        if not self._take(said):
            raise self._unexpected()

    def _sign(self) -> str:
        kind, said = self._peek()
        if kind != "sign" or said not in _COMPARISONS:
            raise self._unexpected()
        self._at += 1
        return said

    def _unexpected(self) -> Exception:
        return invalid(f"Unsupported expression '{self._expression}': not understood at '{self._peek()[1]}'")


def _number(said: str) -> Decimal | None:
    """The number that a text is, or None: NaN and the infinities are none."""
    try:
        number = Decimal(said)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _compared(getter: _Getter, sign: str, value: _Value) -> Test:
    compare = _COMPARISONS[sign]

    def test(row: Row) -> bool:
        held = getter(row)
        return held is not None and compare(held, value)

    return test


def _among(getter: _Getter, values: Sequence[_Value]) -> Test:
    wanted = set(values)
    return lambda row: getter(row) in wanted


def _between(getter: _Getter, low: _Value, high: _Value) -> Test:
    above, below = _compared(getter, ">=", low), _compared(getter, "<=", high)
    return lambda row: above(row) and below(row)


def _like(key: str, pattern: str) -> Test:
    """LIKE: `%` for any text, `_` for one character."""
    return lambda row: row[key] != _NO_VALUE and _matches(row[key], pattern)


def _matches(text: str, pattern: str) -> bool:
    """Whether a LIKE pattern takes the text, in time of at most the product of their lengths."""
    at = place = 0
    retry_at, retry_place = -1, 0
    while at < len(text):
        if place < len(pattern) and pattern[place] == "%":
            retry_at, retry_place = at, place
            place += 1
        elif place < len(pattern) and pattern[place] in ("_", text[at]):
            at, place = at + 1, place + 1
        elif retry_at >= 0:
            retry_at += 1
            at, place = retry_at, retry_place + 1
        else:
            return False
    return all(sign == "%" for sign in pattern[place:])
