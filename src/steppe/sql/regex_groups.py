"""The groups of a regular expression: which of them a match may leave out."""

from __future__ import annotations

import re


def optional_groups(pattern: str) -> list[bool | None]:
    """For each capturing group, in order: can a match leave it out?

    RegexSerDe gives NULL for a group that took no part, and DuckDB the empty text, as for a group that matched nothing.

    Returns:
        False: it always takes part. True: it may be left out, and when it takes part it is not empty. None: it may be
        left out, or be empty, and the two cannot be told apart.
    """
    stack: list[tuple[int, int | None]] = []  # where its body begins, and its number
    spans: list[tuple[int, int, bool]] = []  # begin, end, may be left out
    at, numbers, alternatives = 0, 0, {0: False}
    found: dict[int, tuple[int, int]] = {}
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at += 1
        elif character == "[":
            at = _class_end(pattern, at)
        elif character == "|":
            alternatives[len(stack)] = True
        elif character == "(":
            captures = not pattern.startswith("(?", at) or re.match(r"\(\?P?<[A-Za-z]", pattern[at:]) is not None
            numbers += captures
            stack.append((at, numbers if captures else None))
            alternatives[len(stack)] = False
        elif character == ")" and stack:
            begin, number = stack.pop()
            repeated = re.match(r"[?*]|\{0", pattern[at + 1 :]) is not None
            spans.append((begin - 1 if repeated else begin, at, repeated or alternatives[len(stack) + 1]))
            if number is not None:
                found[number] = (begin, at)
        at += 1
    answer: list[bool | None] = []
    for number in sorted(found):
        begin, end = found[number]
        absent = alternatives[0] or any(first < begin and end <= last for first, last, may in spans if may)
        answer.append((None if _may_be_empty(pattern[begin : end + 1]) else True) if absent else False)
    return answer


def _class_end(pattern: str, at: int) -> int:
    """The place of the bracket that ends a class of characters."""
    at += 1
    at += pattern.startswith("^", at)
    at += pattern.startswith("]", at)
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at


def _may_be_empty(group: str) -> bool:
    try:
        return re.fullmatch(group, "") is not None
    except (re.error, RecursionError, OverflowError):
        return True
