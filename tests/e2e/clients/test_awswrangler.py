"""awswrangler, unmodified, in the environment that has it; each function of programs/wrangler.py is a test here."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Endpoint
from .programs_run import Findings, judge, names_of, run

PROGRAM = "wrangler"


@pytest.fixture(scope="module")
def findings(endpoint: Endpoint, clients_python: Path) -> Findings:
    """What became of each function of the program."""
    return run(clients_python, PROGRAM, endpoint.environ)


@pytest.mark.parametrize("name", names_of(PROGRAM))
def test_awswrangler(name: str, findings: Findings) -> None:
    judge(name, findings, {})
