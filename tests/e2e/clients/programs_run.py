"""Programs for another Python than this one: their functions' names, and what becomes of them."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
SECONDS_MAX = 240

Findings = dict[str, str | None]
"""The traceback of each function; None for one that went well."""


def names_of(program: str) -> list[str]:
    """The functions of a program that are tests."""
    tree = ast.parse((PROGRAMS / f"{program}.py").read_text())
    return [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]


def run(python: Path, program: str, environ: dict[str, str]) -> Findings:
    """Run a program's functions in one process."""
    done = subprocess.run(
        [python, "checks.py", program], cwd=PROGRAMS, env=environ, capture_output=True, text=True, timeout=SECONDS_MAX
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    findings: Findings = {finding["name"]: finding["failure"] for finding in found}
    for name in names_of(program):
        findings.setdefault(name, f"it did not run:\n{done.stderr[-4000:]}")
    return findings


def judge(name: str, findings: Findings, refused: Mapping[str, str]) -> None:
    """Fail if a function failed; one that failed because of a refusal that is known is an expected failure.

    Args:
        name: the function.
        findings: of its program.
        refused: the words in which the server refuses what the function needs, by the function's name.
    """
    failure, refusal = findings[name], refused.get(name)
    if failure is not None and refusal is not None and refusal in failure:
        pytest.xfail(refusal)
    assert failure is None, failure
