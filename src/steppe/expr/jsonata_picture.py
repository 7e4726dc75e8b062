"""The rules on pictures of `$formatNumber`: what the library does not check, or checks in another order.

A picture has one or two sub-pictures. Active characters are digits, the optional digit and the separators; what stands
before the first and after the last active one is written as it is. Which rule a picture breaks first is the service's
order (D3080 to D3093), measured there by others in August 2026; the rules are those of XPath 3.1, fn:format-number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DEFAULTS: Final = {
    "decimal-separator": ".",
    "grouping-separator": ",",
    "exponent-separator": "e",
    "percent": "%",
    "per-mille": "‰",
    "zero-digit": "0",
    "digit": "#",
    "pattern-separator": ";",
}


def broken_rule(picture: str, options: Mapping[str, str]) -> str | None:
    """The code of the first rule that a picture breaks, or None.

    Args:
        picture: as given.
        options: signs that stand for others, each one character (percent and per-mille may be longer).
    """
    signs = {**DEFAULTS, **options}
    parts = picture.split(signs["pattern-separator"])
    if len(parts) > 2:
        return "D3080"
    return next((code for code in (_broken(part, signs) for part in parts) if code), None)


def _broken(part: str, signs: Mapping[str, str]) -> str | None:
    digits = [chr(ord(signs["zero-digit"]) + offset) for offset in range(10)]
    point, comma, optional, exponent = (
        signs[name] for name in ("decimal-separator", "grouping-separator", "digit", "exponent-separator")
    )
    active = {*digits, point, comma, optional, exponent}
    places = [place for place, char in enumerate(part) if char in active and char != exponent]
    if not places:
        return "D3086" if point not in part else "D3085"
    body = _body(part, places, exponent, active)
    mantissa, mark, power = body.partition(exponent)
    whole, _, fraction = mantissa.partition(point)
    percents, permilles = part.count(signs["percent"]), part.count(signs["per-mille"])
    rules = (
        ("D3081", body.count(point) > 1),
        ("D3082", percents > 1),
        ("D3083", permilles > 1),
        ("D3084", bool(percents and permilles)),
        ("D3085", not any(char == optional or char in digits for char in mantissa)),
        ("D3086", any(char not in active for char in body)),
        ("D3087", f"{comma}{point}" in body or f"{point}{comma}" in body),
        ("D3088", point not in mantissa and whole.endswith(comma)),
        ("D3089", comma * 2 in body),
        ("D3090", _follows(optional, digits, whole)),
        ("D3091", _follows(optional, digits, fraction[::-1])),
        ("D3092", bool(mark) and bool(percents or permilles)),
        ("D3093", bool(mark) and (not power or any(char not in digits for char in power))),
    )
    return next((code for code, broken in rules if broken), None)


def _body(part: str, places: list[int], exponent: str, active: set[str]) -> str:
    """From the first active character to the last; an exponent's sign counts where a digit stands before it."""
    first, last = places[0], places[-1]
    if part[last + 1 : last + 2] == exponent:
        last += 1
    return part[first : last + 1]


def _follows(later: str, earlier: list[str], text: str) -> bool:
    """Whether `later` stands anywhere behind one of `earlier`."""
    positions = [place for place, char in enumerate(text) if char in earlier]
    return bool(positions) and later in text[positions[0] :]
