"""The public conformance cases, through their own runner: exactly those fail that tests/parity/exceptions.json names.

Cases that need a service beside Step Functions run where steppe serves it (as its health says) or where moto does,
which steppe is told as that service's endpoint. Other cases are skipped by the runner, and told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.parity.exceptions import exceptions

from steppe.settings import Settings
from steppe.testing.server_process import ServerProcess

PEER_SERVICES = ("dynamodb", "sns", "sqs")
"""What moto stands for: services that it runs in its own process."""

START_SECONDS_MAX = 60


@pytest.fixture
def moto(tmp_path: Path) -> Iterator[str]:
    """The URL of a moto server in the account of our ARNs."""
    log = tmp_path / "moto.log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("wb") as output:
        environment = {"MOTO_ACCOUNT_ID": Settings().account, "PATH": ""}
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        yield _url_in(log, process)
    finally:
        process.terminate()
        process.wait(30)


def _url_in(log: Path, process: subprocess.Popen[bytes]) -> str:
    """The address that the server says it listens on: it took a free port."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        for word in log.read_text().split():
            if word.startswith("http://127.0.0.1:"):
                return word
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.mark.timeout(900)
def test_exactly_the_recorded_cases_fail_that_are_told(moto: str, shared: Path, tmp_path: Path) -> None:
    options = [option for service in PEER_SERVICES for option in ("--endpoint", f"{service}={moto}")]
    with ServerProcess(tmp_path / "data", "--workers", "2", *options) as server:
        with urlopen(f"{server.url}/_steppe/health") as answer:
            served = json.loads(answer.read())["services"]
        results = _run(shared, server.url, {*served, *PEER_SERVICES}, tmp_path / "report.json")
    failed = {result["id"]: result["problems"] for result in results if result["status"] == "fail"}
    skipped = [result["id"] for result in results if result["status"] == "skip"]
    told = {case for entry in exceptions() for case in entry.cases}
    print(f"{len(results)} cases, {len(failed)} failed as told, {len(skipped)} skipped for services nobody serves")
    assert {case: problems for case, problems in failed.items() if case not in told} == {}
    assert sorted(told - failed.keys()) == [], "these pass, or are gone: take them out of exceptions.json"


def _run(shared: Path, url: str, services: set[str], report: Path) -> list[dict[str, object]]:
    """Run every case whose needs are among the services; the report's results."""
    command = [sys.executable, str(shared / "conformance" / "run.py"), "--endpoint-url", url, "--json", str(report)]
    command += ["--with", ",".join(sorted(services)), "--timeout", "60", "-q"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=850)
    assert report.exists(), answer.stdout + answer.stderr
    print(answer.stdout)
    results: list[dict[str, object]] = json.loads(report.read_text())["results"]
    return results
