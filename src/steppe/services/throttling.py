"""Throttling as AWS does it: a token bucket for each operation, full at the start.

    throttle = {StartExecution = "1300/300", "*" = "500/100"}        bucket size / refill a second

An operation that is not named takes from its own bucket of the size of `*`; without `*` it is not throttled. Nothing is
throttled by default. Source of the form and of AWS's figures: Developer Guide, "Quotas related to API action
throttling"; the refusal is observed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from steppe.base.errors import ApiError

ANY_OPERATION = "*"


class ThrottleSettingError(ValueError):
    """A bucket that cannot be read; the message says how one is written."""


class Throttle:
    """The buckets of one service."""

    def __init__(self, buckets: Mapping[str, str], *, now: Callable[[], float] = time.monotonic) -> None:
        """Read the buckets.

        Args:
            buckets: `SIZE/PER_SECOND` by operation, or `*`.
            now: seconds.

        Raises:
            ThrottleSettingError: a bucket is not written so.
        """
        self._sizes = {name: _bucket(name, text) for name, text in buckets.items()}
        self._now = now
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, operation: str) -> None:
        """Take a token.

        Raises:
            ApiError: ThrottlingException; there is none left.
        """
        size = self._sizes.get(operation) or self._sizes.get(ANY_OPERATION)
        if size is None:
            return
        capacity, per_second = size
        now = self._now()
        left, at = self._left.get(operation, (capacity, now))
        left = min(capacity, left + (now - at) * per_second)
        if left < 1:
            self._left[operation] = (left, now)
            raise ApiError("ThrottlingException", "Rate exceeded")
        self._left[operation] = (left - 1, now)


def _bucket(name: str, text: str) -> tuple[float, float]:
    capacity, slash, per_second = text.partition("/")
    try:
        size = float(capacity), float(per_second)
    except ValueError:
        size = (0.0, 0.0)
    if not slash or not 1 <= size[0] < 1e9 or not 0 < size[1] < 1e9:
        raise ThrottleSettingError(f"{name}: {text!r} is not SIZE/PER_SECOND, as in 1300/300")
    return size
