"""Running a job: the `.sync` pattern looks at a job again and again until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from steppe.base.jsonvalue import JsonValue

_POLL_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Waits between two looks; the last one is repeated. Our own jobs end in milliseconds, those on AWS in seconds."""


async def wait_for_end(
    look: Callable[[], Awaitable[dict[str, JsonValue]]], *, runs: Callable[[dict[str, JsonValue]], bool]
) -> dict[str, JsonValue]:
    """Look at a job until `runs` says that it does not any more; what was seen last."""
    looks = 0
    while True:
        seen = await look()
        if not runs(seen):
            return seen
        await asyncio.sleep(_POLL_SECONDS[min(looks, len(_POLL_SECONDS) - 1)])
        looks += 1
