"""dbt with its adapter for Athena, unmodified; each function of programs/dbt_shop.py is a test here."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Endpoint
from .programs_run import Findings, judge, names_of, run

PROGRAM = "dbt_shop"


@pytest.fixture(scope="module")
def findings(endpoint: Endpoint, clients_python: Path) -> Findings:
    """What became of each function of the program."""
    return run(clients_python, PROGRAM, endpoint.environ)


REFUSED = {
    "test_merge_into_iceberg": "NOT_SUPPORTED: Iceberg tables",
    "test_snapshot": "NOT_SUPPORTED: Iceberg tables",
}
"""What the engine still refuses, and in which words."""


@pytest.mark.parametrize("name", names_of(PROGRAM))
def test_dbt(name: str, findings: Findings) -> None:
    judge(name, findings, REFUSED)
