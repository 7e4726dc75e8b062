"""The public conformance cases, through their own runner. The numbers here may only rise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from steppe.testing.server_process import ServerProcess

PASSES_MIN = 540
"""Cases that passed when this was last raised, of those that need Step Functions and S3 alone."""


@pytest.mark.timeout(900)
def test_the_public_conformance_cases_pass_as_they_did(server: ServerProcess, shared: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    runner = shared / "conformance" / "run.py"
    command = [
        sys.executable,
        str(runner),
        "--endpoint-url",
        server.url,
        "--json",
        str(report),
        "-q",
        "--timeout",
        "60",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=850)
    assert report.exists(), answer.stdout + answer.stderr
    totals = json.loads(report.read_text())["totals"]
    print(answer.stdout)
    assert totals["pass"] >= PASSES_MIN, answer.stdout
