"""Epoch milliseconds and RFC 3339 text, both ways. Knows no "now": time is an argument everywhere below `runtime`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)


def to_text(epoch_ms: int) -> str:
    """As the context object and AWS's JSON show a time: `2026-09-24T02:56:17.620Z`, always three digits."""
    return f"{_to_the_second(epoch_ms // 1000)}.{epoch_ms % 1000:03d}Z"


@lru_cache(maxsize=64)
def _to_the_second(epoch_seconds: int) -> str:
    """What comes before the fraction: the same for all that happens in a second, which may be much."""
    return f"{_EPOCH + timedelta(seconds=epoch_seconds):%Y-%m-%dT%H:%M:%S}"


def parse_ms(text: str) -> int | None:
    """Epoch milliseconds of an RFC 3339 time with a zone, or None when the text is not one.

    Digits beyond milliseconds are cut. The Amazon States Language wants capital T and Z; the caller that cares checks
    with `is_strict`.
    """
    match = _RFC3339.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    millisecond = int((match.group(7) or "").ljust(3, "0")[:3])
    offset_minutes = 0
    if match.group(9):
        offset_minutes = int(match.group(10)) * 60 + int(match.group(11))
        if match.group(9) == "-":
            offset_minutes = -offset_minutes
    seconds = (moment - _EPOCH) // timedelta(seconds=1) - offset_minutes * 60
    return seconds * 1000 + millisecond


def is_strict(text: str) -> bool:
    """Whether a text is a time as the Amazon States Language writes it: capital T, capital Z or an offset."""
    return parse_ms(text) is not None and "t" not in text and "z" not in text
