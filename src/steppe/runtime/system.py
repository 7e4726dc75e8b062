"""The real clock and real chance; nowhere else below the command line is either read."""

from __future__ import annotations

import os
import time


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def entropy() -> bytes:
    """Sixteen random bytes: the seed of all chance within one advance."""
    return os.urandom(16)
