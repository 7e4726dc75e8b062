"""Java's regular expressions where RE2's differ: look-around, backreferences, patterns that are not literals.

Python's engine backtracks and cannot be interrupted. `expr/regex.py` refuses patterns whose time can grow
exponentially; what remains grows as a power of the text's length, so long texts are refused for patterns with several
repetitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from steppe.expr.regex import compile_pattern
from steppe.sql.row_functions import RowError, RowFunction, invalid

STEPS_MAX = 10**9
"""How many steps a search may take at the worst, as the text's length to the number of unbounded repetitions; ours."""

_POSIX = {
    "Lower": "a-z", "Upper": "A-Z", "ASCII": "\\x00-\\x7F", "Alpha": "a-zA-Z", "Digit": "0-9", "Alnum": "a-zA-Z0-9",
    "Punct": "!-/:-@\\[-`{-~", "Graph": "!-~", "Print": " -~", "Blank": " \\t", "Cntrl": "\\x00-\\x1F\\x7F",
    "XDigit": "0-9a-fA-F", "Space": " \\t\\n\\x0B\\f\\r",
}  # fmt: skip
_CLASS = re.compile(r"\\([pP])\{(\w+)\}|\\(.)|\[\^?|\]|&&", re.DOTALL)
_UNKNOWN = frozenset("GRXZNhHvVKQEcpP")


@lru_cache(maxsize=256)
def compiled(pattern: str) -> tuple[re.Pattern[str], int]:
    """The pattern for Python, and how many repetitions without bound it has.

    Raises:
        RowError: it is no pattern, or one that cannot be exact or bounded here.
    """
    written = _translated(pattern)
    try:
        ready = compile_pattern(written, re.ASCII)
    except re.error as error:
        if "without bound" in str(error) or "longer than" in str(error) or "look-behind" in str(error):
            raise RowError("NOT_SUPPORTED", f"the regular expression {pattern[:100]}: {error}") from None
        raise invalid(f"{error}: {pattern[:1000]}") from None
    return ready, len(re.findall(r"(?<!\\)(?:[*+]|\{\d+,\})", pattern))


def _translated(pattern: str) -> str:
    """Java's classes in Python's words."""
    out, at, inside = "", 0, 0
    for match in _CLASS.finditer(pattern):
        out += pattern[at : match.start()]
        at = match.end()
        sign, label, letter = match.groups()
        if sign and label in _POSIX and not (sign == "P" and inside):
            out += _POSIX[label] if inside else f"[{'^' if sign == 'P' else ''}{_POSIX[label]}]"
            continue
        if sign or match.group() == "&&" or (letter and letter in _UNKNOWN):
            raise RowError("NOT_SUPPORTED", f"{match.group()} in the regular expression {pattern[:100]}")
        if letter == "z":
            out += "\\Z"
            continue
        if letter == "e":
            out += "\\x1B"
            continue
        if match.group().startswith("["):
            if inside:
                raise RowError("NOT_SUPPORTED", f"a class in a class in the regular expression {pattern[:100]}")
            inside = 1
        elif match.group() == "]":
            inside = 0
        out += match.group()
    return out + pattern[at:]


def _search(pattern: str, value: str) -> re.Pattern[str]:
    ready, repetitions = compiled(pattern)
    if repetitions > 1 and len(value) ** repetitions > STEPS_MAX:
        raise RowError("NOT_SUPPORTED", f"the regular expression {pattern[:100]} over {len(value)} characters")
    return ready


def _matches(pattern: str, value: str) -> Iterator[re.Match[str]]:
    return _search(pattern, value).finditer(value)


def _group(ready: re.Pattern[str], group: int) -> int:
    if group < 0:
        raise invalid("Group cannot be negative")
    if group > ready.groups:
        raise invalid(f"Pattern has {ready.groups} groups. Cannot access group {group}")
    return group


def _like(value: str, pattern: str) -> bool:
    return _search(pattern, value).search(value) is not None


def _extract(value: str, pattern: str, group: int) -> str | None:
    ready = _search(pattern, value)
    _group(ready, group)
    match = ready.search(value)
    return match.group(group) if match else None


def _extract_all(value: str, pattern: str, group: int) -> list[str | None]:
    _group(_search(pattern, value), group)
    return [match.group(group) for match in _matches(pattern, value)]


def _split(value: str, pattern: str) -> list[str]:
    parts, last = [], 0
    for match in _matches(pattern, value):
        parts.append(value[last : match.start()])
        last = match.end()
    return [*parts, value[last:]]


def _replace(value: str, pattern: str, replacement: str) -> str:
    ready = _search(pattern, value)
    pieces = _replacement(replacement, ready)
    out, last = [], 0
    for match in ready.finditer(value):
        out.append(value[last : match.start()])
        out += [piece if isinstance(piece, str) else match.group(piece) or "" for piece in pieces]
        last = match.end()
    return "".join([*out, value[last:]])


def _replacement(text: str, ready: re.Pattern[str]) -> list[str | int]:
    r"""A replacement's literal pieces and groups: `$1`, `${name}`, `\\$`."""
    pieces: list[str | int] = []
    at = 0
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            if at + 1 == len(text):
                raise invalid(f"Illegal replacement sequence: {text}")
            pieces.append(text[at + 1])
            at += 2
        elif sign == "$":
            piece, at = _reference(text, at + 1, ready)
            pieces.append(piece)
        else:
            pieces.append(sign)
            at += 1
    return pieces


def _reference(text: str, at: int, ready: re.Pattern[str]) -> tuple[int, int]:
    if text[at : at + 1] == "{":
        label = text[at + 1 :].partition("}")[0]
        if label not in ready.groupindex:
            raise invalid(f"Illegal replacement sequence: unknown group {{ {label} }}")
        return ready.groupindex[label], at + len(label) + 2
    if not re.match(r"[0-9]", text[at : at + 1]):
        raise invalid(f"Illegal replacement sequence: {text}")
    group = int(text[at])
    if group > ready.groups:
        raise invalid(f"Illegal replacement sequence: unknown group {group}")
    at += 1
    while re.match(r"[0-9]", text[at : at + 1]) and group * 10 + int(text[at]) <= ready.groups:
        group, at = group * 10 + int(text[at]), at + 1
    return group, at


def _position(value: str, pattern: str, start: int, occurrence: int) -> int:
    if start < 1:
        raise invalid("start position cannot be smaller than 1")
    if occurrence < 1:
        raise invalid("occurrence cannot be smaller than 1")
    if start > len(value):
        return -1
    for count, match in enumerate(_search(pattern, value).finditer(value, start - 1), 1):
        if count == occurrence:
            return match.start() + 1
    return -1


def _pieces(value: str, pattern: str) -> list[dict[str, object]]:
    """The text cut at its matches: t what stands there, g the groups of a match (NULL between matches)."""
    pieces: list[dict[str, object]] = []
    last = 0
    for match in _matches(pattern, value):
        pieces += [{"t": value[last : match.start()], "g": None}, {"t": match.group(), "g": list(match.groups())}]
        last = match.end()
    return [*pieces, {"t": value[last:], "g": None}]


_TWO = ("VARCHAR", "VARCHAR")

TABLE: dict[str, RowFunction] = {
    "regexp_like": RowFunction(_TWO, "BOOLEAN", _like),
    "regexp_extract": RowFunction((*_TWO, "BIGINT"), "VARCHAR", _extract),
    "regexp_extract_all": RowFunction((*_TWO, "BIGINT"), "VARCHAR[]", _extract_all),
    "regexp_replace": RowFunction((*_TWO, "VARCHAR"), "VARCHAR", _replace),
    "regexp_split": RowFunction(_TWO, "VARCHAR[]", _split),
    "regexp_count": RowFunction(_TWO, "BIGINT", lambda value, pattern: sum(1 for _ in _matches(pattern, value))),
    "regexp_position": RowFunction((*_TWO, "BIGINT", "BIGINT"), "BIGINT", _position),
    "regexp_pieces": RowFunction(_TWO, "STRUCT(t VARCHAR, g VARCHAR[])[]", _pieces),
}
