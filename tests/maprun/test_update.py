"""UpdateMapRun on a run that is under way: MaxConcurrency and tolerance change what happens from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Harness, command, machine, reader, task

from steppe.base.jsonvalue import JsonValue
from steppe.interp.command import StartMapRun
from steppe.interp.stimulus import MapRunFailed, MapRunSucceeded

READER = {
    "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}, "Parameters": {}}
}
SELECTOR = {"seconds": 0.01}


async def update(harness: Harness, wish: StartMapRun, **limits: JsonValue) -> bool:
    names = ("max_concurrency", "tolerated_failure_count", "tolerated_failure_percentage")
    return await harness.runs.update(wish.map_run_arn, **{name: limits.get(name) for name in names})


async def until(harness: Harness, wish: StartMapRun, true: Callable[[dict[str, JsonValue]], bool]) -> None:
    for _ in range(2000):
        found = await harness.runs.describe(wish.map_run_arn)
        if true(found):
            return
        await asyncio.sleep(0.005)
    raise AssertionError(found)


def busy(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "most").read_text().split()]


@pytest.mark.parametrize(("first", "second"), [(2, 30), (30, 2), (1, 40), (40, 1)])
async def test_max_concurrency_is_raised_and_lowered(tmp_path: Path, first: int, second: int) -> None:
    count = 2400 if second > first else 400
    async with Harness(tmp_path) as harness:
        harness.put("rows.csv", b"id\n" + b"".join(b"%d\n" % number for number in range(count)))
        wish = command(reader=reader("rows.csv"), max_concurrency=first)
        await harness.start(machine(task("sleep"), ItemSelector=SELECTOR, **READER), wish)
        await asyncio.sleep(0.15)
        assert await update(harness, wish, max_concurrency=second)
        before = len(busy(tmp_path))
        assert (await harness.runs.describe(wish.map_run_arn))["maxConcurrency"] == second
        assert isinstance(await harness.outcome(wish), MapRunSucceeded)
        most = busy(tmp_path)
        assert len(most) == count
        assert max(most[:before]) <= first
        # Those that ran when the limit was lowered end first.
        assert max(most[before + first :]) <= second
        if second > first:
            assert max(most) >= second * 0.7


async def test_a_raised_tolerance_lets_a_run_go_on_and_no_child_is_aborted(tmp_path: Path) -> None:
    processor = task("broken-until", Parameters={"redrives": 0, "input.$": "$"})
    items = [{"id": number, "good_after": number % 2, "seconds": 0.02} for number in range(300)]
    async with Harness(tmp_path) as harness:
        wish = command(items=items, max_concurrency=1, tolerated_failure_count=20)
        await harness.start(machine(processor), wish)
        await asyncio.sleep(0.1)
        assert await update(harness, wish, tolerated_failure_count=150)
        assert isinstance(await harness.outcome(wish), MapRunSucceeded)
        found = await harness.runs.describe(wish.map_run_arn)
        assert found["toleratedFailureCount"] == 150
        assert (found["itemCounts"]["failed"], found["itemCounts"]["aborted"]) == (150, 0)


async def test_a_lowered_tolerance_ends_a_run_that_failed_more_already(tmp_path: Path) -> None:
    processor = task("broken-until", Parameters={"redrives": 0, "input.$": "$"})
    items = [{"id": number, "good_after": int(number < 9), "seconds": 0.05} for number in range(400)]
    async with Harness(tmp_path) as harness:
        wish = command(items=items, max_concurrency=4, tolerated_failure_percentage=100.0)
        await harness.start(machine(processor), wish)
        await until(harness, wish, lambda found: found["itemCounts"]["failed"] == 9)
        assert await update(harness, wish, tolerated_failure_percentage=1.0)
        outcome = await harness.outcome(wish)
        assert isinstance(outcome, MapRunFailed)
        assert outcome.error == "States.ExceedToleratedFailureThreshold"
        assert not await update(harness, wish, max_concurrency=3)


async def test_updated_limits_outlive_the_coordinator(tmp_path: Path) -> None:
    definition = machine(task("sleep", Parameters={"seconds": 0.05}))
    wish = command(items=list(range(40)), max_concurrency=1)
    async with Harness(tmp_path) as harness:
        await harness.start(definition, wish)
        await asyncio.sleep(0.05)
        assert await update(harness, wish, max_concurrency=20, tolerated_failure_count=7)
    async with Harness(tmp_path) as harness:
        await harness.run(definition, wish)
        found = await harness.runs.describe(wish.map_run_arn)
        assert (found["maxConcurrency"], found["toleratedFailureCount"]) == (20, 7)
        assert max(busy(tmp_path)) >= 10
