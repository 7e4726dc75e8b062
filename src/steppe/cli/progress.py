"""Showing how an execution goes on: live bars on a terminal, plain lines elsewhere. Always on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from steppe.cli.watch import Look, MapRunProgress

PLAIN_SECONDS = 2.0
"""At most one line a Map Run in this time where lines are kept (a log)."""


class View(Protocol):
    """Shows look after look; a context manager, so that a terminal is left in order."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the view."""
        ...

    def show(self, look: Look) -> None:
        """Show what is true now."""
        ...


def view() -> View:
    """The view that fits where standard error goes to."""
    return BarView() if sys.stderr.isatty() else LineView()


class BarView:
    """A line for the state and the query, and one bar a Map Run with counts, rate and the time left."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
            TextColumn("{task.fields[failed]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            refresh_per_second=5,
        )
        self._bars: dict[str, TaskID] = {}
        self._lines = LineView(map_runs=False, console=self._progress.console)

    def __enter__(self) -> Self:
        """Begin to show."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bars as they are and give the terminal back."""
        self._progress.stop()

    def show(self, look: Look) -> None:
        """Show what is true now."""
        self._lines.show(look)
        for run in look.map_runs:
            if run.arn not in self._bars:
                self._bars[run.arn] = self._progress.add_task(run.label, total=None, failed="")
            failed = f"{run.failed:,} failed" if run.failed else ""
            self._progress.update(self._bars[run.arn], completed=run.done, total=run.total or None, failed=failed)


class LineView:
    """Plain lines, one for each change: for pipes, logs and screens without cursor."""

    def __init__(self, *, map_runs: bool = True, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._map_runs = map_runs
        self._said: dict[str, str] = {}
        self._run_at: dict[str, tuple[float, int]] = {}

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put away."""

    def show(self, look: Look) -> None:
        """Say what changed since the last look."""
        if look.state is not None:
            self._say("state", f"state {look.state}")
        if look.query is not None:
            self._say("query", f"query {look.query[0]} {look.query[1]}")
        if self._map_runs:
            for run in look.map_runs:
                self._say_run(run)

    def _say(self, about: str, text: str) -> None:
        if self._said.get(about) != text:
            self._said[about] = text
            self._console.print(text, markup=False)

    def _say_run(self, run: MapRunProgress) -> None:
        now = time.monotonic()
        before = self._run_at.get(run.arn)
        if before is not None and run.status == "RUNNING" and now - before[0] < PLAIN_SECONDS:
            return
        rate = f", {(run.done - before[1]) / max(now - before[0], 0.001):,.0f}/s" if before else ""
        failed = f", {run.failed:,} failed" if run.failed else ""
        counts = f"map {run.label} {run.status}: {run.done:,} of {run.total:,}{failed}"
        if self._said.get(run.arn) != counts:
            self._said[run.arn] = counts
            self._run_at[run.arn] = (now, run.done)
            self._console.print(counts + rate, markup=False)


class _RateColumn(ProgressColumn):
    """Items a second, over the bar's last half minute."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "")
