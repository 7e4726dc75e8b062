"""What all tests share: how skips are judged, and where the material beside the checkout is.

With STEPPE_STRICT_SKIPS=1 (the merge check sets it) a test may be skipped only for a reason named in EXPECTED_SKIPS. A
suite that quietly stops running because something is not installed would otherwise look like one that passes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

EXPECTED_SKIPS = ("../shared is not beside this checkout",)
"""Beginnings of the reasons for which a test may be skipped where everything else is there."""

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED = CHECKOUT.parent / "shared"


def pytest_configure(config: pytest.Config) -> None:
    """Judge skips in the process that reports (with xdist, not in the workers)."""
    if os.environ.get("STEPPE_STRICT_SKIPS") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_StrictSkips(), "strict-skips")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public material beside the checkout; the test is skipped where it is missing."""
    if not SHARED.is_dir():
        pytest.skip(f"{EXPECTED_SKIPS[0]}: clone next to it to run this")
    return SHARED


class _StrictSkips:
    def __init__(self) -> None:
        self.unexpected: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._judge(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._judge(report)

    def _judge(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not reason.removeprefix("Skipped: ").startswith(EXPECTED_SKIPS):
            self.unexpected.append(f"{report.nodeid}: {reason}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unexpected and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unexpected:
            terminalreporter.section("skipped, but can run here (STEPPE_STRICT_SKIPS)", red=True)
            for line in self.unexpected:
                terminalreporter.write_line(line)
