"""The AWS CLI for Athena and Glue, in one script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .conftest import Endpoint


def test_the_aws_cli_queries_and_reads_the_catalog(endpoint: Endpoint) -> None:
    environ = endpoint.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    script = Path(__file__).parent / "cli.sh"
    done = subprocess.run([script], env=environ, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["000000000000", "SUCCEEDED", "person\ttotal\tada\t15\tgrace\t20"]
    assert lines[3:6] == ['"person","total"', '"ada","15"', '"grace","20"']
    assert {"default", "shop"} <= set(lines[6].split("\t"))
    assert lines[7] == "region"
    assert "primary" in lines[8].split("\t")
    assert {"people", "sales", "totals"} <= set(lines[9].split("\t"))
    assert lines[10] == "south"
    assert "EntityNotFoundException" in done.stdout
