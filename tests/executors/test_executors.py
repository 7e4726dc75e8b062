"""The executors: the contract on both, and what only real processes can show."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steppe.base.jsonvalue import JsonValue
from steppe.executors.executor import Finished, Job, JobChannel, Lost, Raised
from steppe.executors.inline import InlineExecutor
from steppe.executors.local import LocalExecutor
from steppe.testing.executor_contract import ExecutorContract, Recorder, answer, context_factory


class TestInline(ExecutorContract):
    def make_executor(self):
        return InlineExecutor(lambda: context_factory("given"))


class TestLocal(ExecutorContract):
    def make_executor(self):
        return LocalExecutor(workers=2, factory=context_factory, arguments=("given",))


async def stuck(context: JsonValue, payload: JsonValue, channel: JobChannel) -> JsonValue:
    """Compute for a very long time without letting anything else happen in its process."""
    channel.send(os.getpid())
    await asyncio.sleep(0.05)
    time.sleep(600)  # noqa: ASYNC251 - that is the point


def broken_factory() -> JsonValue:
    raise SystemExit(7)


def alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        # A zombie that nobody has waited for is not alive.
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


async def until_dead(pid: int) -> None:
    for _ in range(200):
        if not alive(pid):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"process {pid} is still alive")


async def test_a_killed_worker_loses_its_jobs_and_another_takes_its_place():
    executor = LocalExecutor(workers=1, factory=context_factory, arguments=("given",))
    await executor.start()
    try:
        first = Recorder()
        executor.submit(Job(stuck, None), first)
        (pid,) = await first.until_heard(1)
        os.kill(pid, signal.SIGKILL)
        assert isinstance(await first.until_ended(), Lost)
        second = Recorder()
        executor.submit(Job(answer, 1), second)
        assert await second.until_ended() == Finished(["given", 1])
        assert executor.pids != [pid]
    finally:
        await executor.close()


async def test_closing_does_not_wait_for_a_worker_that_computes(monkeypatch):
    monkeypatch.setattr("steppe.executors.local._CLOSE_SECONDS", 0.2)
    executor = LocalExecutor(workers=1, factory=context_factory)
    await executor.start()
    recorder = Recorder()
    executor.submit(Job(stuck, None), recorder)
    (pid,) = await recorder.until_heard(1)
    await asyncio.sleep(0.2)
    await executor.close()
    await until_dead(pid)
    assert isinstance(await recorder.until_ended(), Lost)


async def test_workers_that_cannot_start_end_their_jobs_instead_of_hanging():
    executor = LocalExecutor(workers=1, factory=broken_factory)
    await executor.start()
    recorder = Recorder()
    executor.submit(Job(answer, 1), recorder)
    outcome = await recorder.until_ended()
    assert isinstance(outcome, Raised)
    assert "code 7" in outcome.error.story
    await executor.close()


PARENT = """
import asyncio, sys
sys.path.insert(0, {tests!r})
from steppe.executors.executor import Job
from steppe.executors.local import LocalExecutor
from steppe.testing.executor_contract import Recorder, context_factory
from test_executors import stuck

async def main():
    executor = LocalExecutor(workers=2, factory=context_factory)
    await executor.start()
    recorder = Recorder()
    for _ in range(2):
        executor.submit(Job(stuck, None), recorder)
    await recorder.until_heard(2)
    print(*recorder.heard, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("busy", [True, False])
async def test_workers_leave_when_their_parent_is_killed(busy):
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT.format(tests=str(Path(__file__).parent)), stdout=subprocess.PIPE
    )
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert len(pids) == 2
    if busy:
        await asyncio.sleep(0.1)
    parent.kill()
    await parent.wait()
    for pid in pids:
        await until_dead(pid)
