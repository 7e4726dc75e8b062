"""Programs for another Python than this one: their functions' names, and what becomes of them."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

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
