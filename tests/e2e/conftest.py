"""Servers as processes, and boto3 clients that speak to them. Everything in this folder is marked e2e and slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from steppe.testing.server_process import ServerProcess

from .article import Aws

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder, so that no file can forget it."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with a data directory of its own, for one test."""
    with ServerProcess(tmp_path / "data", "--workers", "2") as process:
        yield process


@pytest.fixture
def connect() -> Iterator[Callable[[ServerProcess], Aws]]:
    """Clients of a server where it answers now: to be called again after a restart."""
    made: list[Aws] = []

    def connect(process: ServerProcess) -> Aws:
        made.append(Aws(process.url))
        return made[-1]

    yield connect
    for aws in made:
        aws.close()


@pytest.fixture
def aws(server: ServerProcess, connect: Callable[[ServerProcess], Aws]) -> Aws:
    """Clients of the test's server."""
    return connect(server)
