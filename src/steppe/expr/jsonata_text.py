"""How JSONata writes a value as text on the service: `$string`, `&`, and pictures of numbers.

The service's engine differs from JavaScript's: a whole number below 1e21 is written in its digits, any other is cut to
15 significant digits, downwards (-2/3 is -0.666666666666667, 2/3 is 0.666666666666666); in JSON, only the quote, the
backslash and the five short escapes are escaped. Measured there by others in August 2026.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Final

from jsonata.jexception import JException
from jsonata.utils import Utils

from steppe.base.jsonvalue import JsonValue

_LONG_MAX: Final = 2**63 - 1
_CUT: Final = Context(prec=15, rounding=ROUND_FLOOR)
_ESCAPED: Final = re.compile(r'["\\\b\f\n\r\t]')
_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


def to_text(value: JsonValue, *, pretty: bool = False) -> str:
    """A value of the library as text: a text is itself, everything else is JSON.

    Args:
        value: None stands for "undefined", which is empty; a function is empty, too.
        pretty: whether JSON is broken into lines, indented by two blanks.

    Raises:
        JException: D3001 for Infinity and NaN.
    """
    if isinstance(value, str):
        return value
    return "" if value is None or _is_function(value) else _json(value, "\n" if pretty else "")


def _json(value: JsonValue, line: str) -> str:
    """The JSON text; `line` is the line end with the indentation, or empty for all on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, str):
        return _quoted(value)
    inner = line + "  " if line else ""
    if isinstance(value, dict):
        colon = ": " if line else ":"
        members = [f"{_quoted(name)}{colon}{_json(member, inner)}" for name, member in value.items()]
        return _enclosed("{}", members, line, inner)
    if isinstance(value, list):
        return _enclosed("[]", [_json(element, inner) for element in value], line, inner)
    return '""' if _is_function(value) else "null"


def _enclosed(brackets: str, parts: list[str], line: str, inner: str) -> str:
    if not parts:
        return brackets
    return f"{brackets[0]}{inner}{f',{inner}'.join(parts)}{line}{brackets[1]}"


def _quoted(text: str) -> str:
    return '"' + _ESCAPED.sub(lambda match: _ESCAPES[match.group()], text) + '"'


def _is_function(value: JsonValue) -> bool:
    return not isinstance(value, str | int | float | dict | list) and value is not Utils.NULL_VALUE


def number_text(number: float) -> str:
    """A number in the digits of the service.

    Raises:
        JException: D3001 for Infinity and NaN.
    """
    if isinstance(number, int) and abs(number) <= _LONG_MAX:
        return str(number)
    double = float(number)
    if not math.isfinite(double):
        raise JException("D3001", -1, number)
    decimal = Decimal(repr(double))
    if not double.is_integer():
        return str(_CUT.plus(decimal).normalize()).replace("E", "e")
    if abs(double) < 1e21:
        return f"{decimal:.0f}"
    return str(decimal.normalize()).replace("E", "e")
