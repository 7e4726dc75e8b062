r"""What a model says about values (length, range, pattern, enumeration), with the texts of AWS's refusals.

AWS reports all findings of a request in one ValidationException:

    2 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must have length greater
    than or equal to 1; Value at 'definition' failed to satisfy constraint: Member must not be null

Members are spelled with a small first letter and lists count from 1 (`tags.1.member.key`). The value is left out when
it is null, when the model calls it sensitive, and when it is long (observed for Athena's QueryString, September 2026).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import TypeAlias

from botocore.model import Shape, StringShape

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue

Check: TypeAlias = Callable[[JsonValue], str | None]
"""The broken rule in AWS's words, or None."""

_RECORDED_ORDERS = {
    frozenset(order): order
    for order in (["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"],)
}
"""AWS prints an enumeration in an order of its own, recorded in 2023 for these; the others go as in the model."""

VALUE_CHARACTERS_MAX = 1024
FINDINGS_MAX = 10
NOT_NULL = "Member must not be null"


class Findings:
    """What is wrong with one request, in the order of the members."""

    __slots__ = ("count", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.count = 0

    def add(self, path: str, value: JsonValue, rule: str, *, sensitive: bool = False) -> None:
        """Note one broken rule."""
        self.count += 1
        if self.count > FINDINGS_MAX:
            return
        shown = "" if value is None or sensitive else str(value)
        shown = f" '{shown}'" if value is not None and not sensitive and len(shown) <= VALUE_CHARACTERS_MAX else ""
        self.texts.append(f"Value{shown} at '{path}' failed to satisfy constraint: {rule}")

    def raise_any(self) -> None:
        """Raise the ValidationException if anything was noted."""
        if self.texts:
            noun = "error" if self.count == 1 else "errors"
            raise ApiError("ValidationException", f"{self.count} validation {noun} detected: {'; '.join(self.texts)}")


def member_name(name: str) -> str:
    """A member as AWS's texts spell it: small first letter."""
    return name[:1].lower() + name[1:]


def checks_of(shape: Shape) -> tuple[Check, ...]:
    """The rules of a shape's own value (not of its members)."""
    checks: list[Check] = []
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in ("integer", "long", "float", "double"):
        if low is not None:
            checks.append(_at_least(low))
        if high is not None:
            checks.append(_at_most(high))
    else:
        if low:
            checks.append(_longer(low))
        if high is not None:
            checks.append(_shorter(high))
    if shape.type_name == "string":
        if "pattern" in shape.metadata:
            matches = _matches(shape.metadata["pattern"])
            if matches is not None:
                checks.append(matches)
        if isinstance(shape, StringShape) and shape.enum:
            checks.append(_one_of(list(shape.enum)))
    return tuple(checks)


def _at_least(low: float) -> Check:
    rule = f"Member must have value greater than or equal to {low}"
    return lambda value: rule if value < low else None


def _at_most(high: float) -> Check:
    rule = f"Member must have value less than or equal to {high}"
    return lambda value: rule if value > high else None


def _longer(low: int) -> Check:
    rule = f"Member must have length greater than or equal to {low}"
    return lambda value: rule if len(value) < low else None


def _shorter(high: int) -> Check:
    rule = f"Member must have length less than or equal to {high}"
    return lambda value: rule if len(value) > high else None


def _matches(pattern: str) -> Check | None:
    rule = f"Member must satisfy regular expression pattern: {pattern}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            matcher = re.compile(_python_pattern(pattern), re.ASCII)
    except re.error:
        # Java knows classes that Python does not (\p{L} in Glue's names). Such a value is judged by the service alone.
        return None
    return lambda value: rule if matcher.fullmatch(value) is None else None


def _one_of(values: list[str]) -> Check:
    order = _RECORDED_ORDERS.get(frozenset(values), values)
    rule = f"Member must satisfy enum value set: [{', '.join(order)}]"
    allowed = frozenset(values)
    return lambda value: rule if value not in allowed else None


def _python_pattern(pattern: str) -> str:
    r"""A pattern of the models (Java's dialect) in Python's: `\p{ASCII}`, and surrogate pairs as code points."""
    return pattern.replace(r"\p{ASCII}", r"[\x00-\x7f]").replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
