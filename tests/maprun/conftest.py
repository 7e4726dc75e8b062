"""Fixtures of the Distributed Map's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Harness


@pytest.fixture
async def harness(tmp_path: Path):
    async with Harness(tmp_path) as harness:
        yield harness
