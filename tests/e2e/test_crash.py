"""kill -9 at the moments that hurt: the run goes on by itself, every object is copied, every child recorded once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from steppe.testing.server_process import ServerProcess, descendants, is_running

from . import article
from .article import Aws

COUNT = 10_000
WORKERS_END_SECONDS_MAX = 20

Connect = Callable[[ServerProcess], Aws]


def _query_runs(aws: Aws, server: ServerProcess, execution_arn: str) -> bool:
    events = aws.sfn.get_execution_history(executionArn=execution_arn)["events"]
    return any(event["type"] == "TaskScheduled" for event in events)


def _copied(share: float) -> Callable[[Aws, ServerProcess, str], bool]:
    def reached(aws: Aws, server: ServerProcess, execution_arn: str) -> bool:
        folder = article.bucket_folder(server, article.TARGET) / "images"
        return sum(1 for path in folder.rglob("*.png")) > share * COUNT

    return reached


_nearly_over = _copied(0.97)
"""Results are written all along, behind the shards that are done: now most are, and the files are not complete."""


MOMENTS = {
    "while the query runs": _query_runs,
    "when the map has begun": _copied(0.0),
    "in the middle of the map": _copied(0.4),
    "late in the map": _copied(0.9),
    "while results are written": _nearly_over,
}


def _kill_when(
    moment: Callable[[Aws, ServerProcess, str], bool], aws: Aws, server: ServerProcess, execution_arn: str
) -> float:
    """Kill the server at the moment, and see its workers end by themselves; when it was killed, epoch seconds."""
    deadline = time.monotonic() + 120
    while not moment(aws, server, execution_arn):
        assert time.monotonic() < deadline, "the moment does not come"
        time.sleep(0.002)
    workers = descendants(server.pid)
    killed_at = time.time()
    server.kill()
    deadline = time.monotonic() + WORKERS_END_SECONDS_MAX
    while left := {pid for pid in workers if is_running(pid)}:
        assert time.monotonic() < deadline, f"workers outlive their server: {left}"
        time.sleep(0.02)
    return killed_at


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_survives_kill_9(moment: str, server: ServerProcess, connect: Connect) -> None:
    aws = connect(server)
    article.prepare(aws, server, COUNT)
    execution_arn = article.start(aws, article.definition())
    killed_at = _kill_when(MOMENTS[moment], aws, server, execution_arn)

    server.start()
    aws = connect(server)
    description = article.wait(aws, execution_arn)
    assert description["stopDate"].timestamp() > killed_at, "it was over before it was killed: the test shows nothing"
    article.check_recorded_once(aws, execution_arn, description, COUNT)
    article.check_copies(server, COUNT)
    _check_history(aws, execution_arn)


def test_a_run_survives_being_killed_again_and_again(server: ServerProcess, connect: Connect) -> None:
    aws = connect(server)
    article.prepare(aws, server, COUNT)
    execution_arn = article.start(aws, article.definition())
    for moment in (_query_runs, _copied(0.0), _copied(0.3), _copied(0.6), _copied(0.9), _nearly_over):
        killed_at = _kill_when(moment, aws, server, execution_arn)
        server.start()
        aws = connect(server)
    description = article.wait(aws, execution_arn)
    assert description["stopDate"].timestamp() > killed_at, "it was over before it was killed: the test shows nothing"
    article.check_recorded_once(aws, execution_arn, description, COUNT)
    article.check_copies(server, COUNT)
    _check_history(aws, execution_arn)


def _check_history(aws: Aws, execution_arn: str) -> None:
    """A crash leaves no trace in the parent's history: each thing happened once, in order."""
    pages = aws.sfn.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
    events = [event for page in pages for event in page["events"]]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    types = [event["type"] for event in events]
    assert len(types) == len(set(types)), types
    assert types[-1] == "ExecutionSucceeded"
