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


REFUSED = {
    "test_a_data_set_with_projection_needs_no_partitions": "NOT_SUPPORTED: partition projection",
    "test_csv_is_a_table_too": "NOT_SUPPORTED: ESCAPED BY in a delimited table",
    "test_json_is_a_table_too": "NOT_SUPPORTED: tables with the SerDe",
}
"""What the engine still refuses, and in which words."""


@pytest.mark.parametrize("name", names_of(PROGRAM))
def test_awswrangler(name: str, findings: Findings) -> None:
    judge(name, findings, REFUSED)
