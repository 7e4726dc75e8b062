"""Regular expressions inside other people's definitions: compiled by Python, refused when they could hang.

Python's engine backtracks, and a definition's author must not be able to stop a worker. Refused are a repetition
without bound inside another, as in `(a+)+`, and one whose alternatives start alike, as in `(a|a)*`: their time grows
exponentially with the text. That is a guard and no proof; what remains grows as a power of the text's length.
"""

from __future__ import annotations

import re

PATTERN_LENGTH_MAX = 1_000
"""Characters of a pattern; ours."""

REPEAT_MAX = 100
"""A repetition allowed more often than this counts as one without bound; ours."""

_QUANTIFIER = re.compile(r"\*|\+|\?|\{(\d*)(,?)(\d*)\}")
_SET_PIECE = re.compile(r"\\.|--|.", re.DOTALL)
_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_GROUP_PREFIX = re.compile(r"\?(?:P?<[A-Za-z_]\w*>|[:=!>]|<[=!]|[a-zA-Z-]+:?)")
_NAMED_GROUP = re.compile(r"\(\?<(?![=!])")


class _Group:
    """What is known of an open group: does it repeat inside, and how do its alternatives start."""

    __slots__ = ("repeats", "starts")

    def __init__(self) -> None:
        self.repeats = False
        self.starts = [""]


def compile_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Compile a pattern written for Java or JavaScript.

    Args:
        pattern: without delimiters. `(?<name>...)` is understood.
        flags: of the `re` module.

    Raises:
        re.error: it is none, is too long, or could take time without bound.
    """
    if len(pattern) > PATTERN_LENGTH_MAX:
        raise re.error(f"the regular expression is longer than {PATTERN_LENGTH_MAX} characters")
    written = _checked(pattern)
    try:
        return re.compile(written, flags)
    except (OverflowError, RecursionError):
        raise re.error("the regular expression is too large") from None


def _checked(pattern: str) -> str:
    """The pattern as Python writes it, if it cannot explode."""
    written: list[str] = []
    groups = [_Group()]
    position = 0
    while position < len(pattern):
        match = _ATOM.match(pattern, position)
        assert match is not None
        atom, position = match.group(), match.end()
        closed = None
        if atom == "(":
            groups[-1].starts[-1] = groups[-1].starts[-1] or "("
            groups.append(_Group())
            prefix = _GROUP_PREFIX.match(pattern, position)
            position = prefix.end() if prefix else position
            written.append(_NAMED_GROUP.sub("(?P<", f"({prefix.group() if prefix else ''}"))
            continue
        if atom == "[":
            raise re.error("unterminated character set")
        written.append(_plain_set(atom) if len(atom) > 2 else atom)
        if atom == "|":
            groups[-1].starts.append("")
            continue
        if atom == ")" and len(groups) > 1:
            closed = groups.pop()
        group = groups[-1]
        group.starts[-1] = group.starts[-1] or atom
        quantifier = _QUANTIFIER.match(pattern, position)
        if quantifier:
            position = quantifier.end()
            written.append(quantifier.group())
        repeated = quantifier is not None and _is_unbounded(quantifier)
        if closed is not None and repeated and (closed.repeats or _ambiguous(closed.starts)):
            raise re.error("the regular expression repeats a repetition, which can take time without bound")
        group.repeats = group.repeats or repeated or (closed is not None and closed.repeats)
    return "".join(written)


def _plain_set(atom: str) -> str:
    """A character set without what Python warns of, for it may give `[`, `--`, `&&`, `||`, `~~` a meaning one day."""
    pieces = _SET_PIECE.findall(atom[1:-1])
    return "[" + "".join(f"\\{piece}" if piece in "[&|~" else piece.replace("--", "-\\-") for piece in pieces) + "]"


def _ambiguous(starts: list[str]) -> bool:
    """Whether two alternatives can start with the same character, as far as their first atoms tell."""
    return len(starts) > 1 and (len(set(starts)) < len(starts) or not {".", "(", ""}.isdisjoint(starts))


def _is_unbounded(quantifier: re.Match[str]) -> bool:
    text = quantifier.group()
    if text in "*+?":
        return text != "?"
    least, comma, most = quantifier.groups()
    bound = most if comma else least
    return bound == "" or len(bound) > 4 or int(bound) > REPEAT_MAX
