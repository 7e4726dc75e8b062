"""jsonata-python's own test suite, run through steppe's evaluator.

The suite comes from the library's source package, which pip fetches once into `.venv/upstream`; it is run from there
and never copied. `cases/jsonata_upstream.json` lists the tests that must fail, with the reason: what the service
changes, and what is about the library rather than the language. A listed test that passes fails this one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from importlib.metadata import version
from pathlib import Path

import orjson
import pytest

HERE = Path(__file__).parent
CHECKOUT = HERE.parent.parent
CACHE = CHECKOUT / ".venv" / "upstream"
TABLE = orjson.loads((HERE / "cases" / "jsonata_upstream.json").read_bytes())
NO_INDEX = (
    "Could not find a version",
    "Temporary failure",
    "ConnectionError",
    "NewConnectionError",
    "Connection refused",
)


@pytest.fixture(scope="module")
def suite() -> Path:
    """The unpacked source package of the installed version."""
    number = version("jsonata-python")
    folder = CACHE / f"jsonata_python-{number}"
    if not folder.exists():
        archive = CACHE / f"jsonata_python-{number}.tar.gz"
        if not archive.exists():
            _fetch(f"jsonata-python=={number}")
        # Unpacked aside and moved: a run that is cut off leaves nothing half there.
        aside = CACHE / f"unpacking-{os.getpid()}"
        with tarfile.open(archive) as packed:
            packed.extractall(aside, filter="data")
        (aside / folder.name).rename(folder)
        aside.rmdir()
    return folder


def _fetch(requirement: str) -> None:
    command = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        ":all:",
        "--dest",
        str(CACHE),
        requirement,
    ]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=300)
    if done.returncode and any(sign in done.stderr for sign in NO_INDEX):
        pytest.skip(f"no package index can be reached to fetch the source package of {requirement}")
    assert done.returncode == 0, done.stderr


def outcomes(suite: Path, report: Path) -> dict[str, str]:
    """Each test's name and how it ended: passed, failed or skipped."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "upstream_plugin", "-p", "no:cacheprovider"]
    options = [
        "-c",
        os.devnull,
        "--rootdir",
        str(suite),
        "-o",
        "python_files=*_test.py",
        f"--junitxml={report}",
        "tests",
    ]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*command, *options], cwd=suite, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        module, name = case.get("classname", ""), case.get("name", "")
        kinds = {child.tag for child in case}
        found[f"{module.removeprefix('tests.')}.{name}"] = (
            "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        )
    return found


@pytest.mark.slow
def test_the_suite_of_the_library_passes_but_for_what_the_service_changes(suite, tmp_path):
    found = outcomes(suite, tmp_path / "report.xml")
    listed = {name for group in TABLE["groups"] for name in group["tests"]}
    assert {name for name, outcome in found.items() if outcome == "failed"} == listed
    assert sum(outcome == "passed" for outcome in found.values()) >= TABLE["passing_at_least"]
    assert {name for name, outcome in found.items() if outcome == "skipped"} == set(TABLE["skipped"])
