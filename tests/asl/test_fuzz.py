"""Definitions made by a fuzzer that sees the branches of the reader: `tests/fuzz/asl_targets.py`, a process a target.

STEPPE_FUZZ_SECONDS says how long each target is fuzzed; in the suite it is one second.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

TARGETS = Path(__file__).parent.parent / "fuzz" / "asl_targets.py"
SECONDS = os.environ.get("STEPPE_FUZZ_SECONDS", "1")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed on this platform")
@pytest.mark.parametrize("target", ["text", "definition", "state"])
def test_definitions_hold_against_a_fuzzer(target, tmp_path):
    options = [f"-max_total_time={SECONDS}", "-max_len=400", "-timeout=60", f"-artifact_prefix={tmp_path}/"]
    command = [sys.executable, str(TARGETS), target, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=int(SECONDS) + 120)
    assert done.returncode == 0, done.stderr[-4_000:]
