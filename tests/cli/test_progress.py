"""What the plain view says, look after look."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from steppe.cli.progress import BarView, LineView, view
from steppe.cli.watch import Look, MapRunProgress

ARN = "arn:aws:states:us-east-1:000000000000:mapRun:article/Copies:11111111-2222-4333-8444-555555555555"


def _look(state: str | None, *, query: str | None = None, done: int | None = None, status: str = "RUNNING") -> Look:
    runs = () if done is None else (MapRunProgress(arn=ARN, status=status, done=done, failed=done // 10, total=100),)
    return Look(
        description={"status": "RUNNING"}, state=state, query=("a-b-c", query) if query else None, map_runs=runs
    )


def test_a_map_run_is_called_by_its_label() -> None:
    assert MapRunProgress(arn=ARN, status="RUNNING", done=0, failed=0, total=0).label == "Copies"


def test_plain_lines_say_each_change_once() -> None:
    out = io.StringIO()
    with LineView(console=Console(file=out, soft_wrap=True)) as lines:
        for seen in (
            _look(None),
            _look("Query"),
            _look("Query", query="RUNNING"),
            _look("Query", query="RUNNING"),
            _look("Query", query="SUCCEEDED"),
            _look("Copy", query="SUCCEEDED", done=0),
            _look("Copy", query="SUCCEEDED", done=50),
            _look("Copy", query="SUCCEEDED", done=100, status="SUCCEEDED"),
            _look("Copy", query="SUCCEEDED", done=100, status="SUCCEEDED"),
        ):
            lines.show(seen)
    said = out.getvalue().splitlines()
    assert said[:5] == [
        "state Query",
        "query a-b-c RUNNING",
        "query a-b-c SUCCEEDED",
        "state Copy",
        "map Copies RUNNING: 0 of 100",
    ]
    assert said[5].startswith("map Copies SUCCEEDED: 100 of 100, 10 failed, ")
    assert len(said) == 6


def test_bars_can_be_shown_while_the_total_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    with BarView() as bars:
        bars.show(_look("Copy"))
        bars.show(_look("Copy", done=0))
        bars.show(_look("Copy", done=100, status="SUCCEEDED"))
    shown = capsys.readouterr()
    assert "100/100" in shown.err
    assert shown.out == ""


def test_where_nobody_sees_a_cursor_there_are_lines() -> None:
    assert isinstance(view(), LineView)
