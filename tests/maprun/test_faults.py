"""Map Runs with real processes that are killed: what was reported stays, what was not is run again, nothing twice."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from harness import THREE, Harness, command, machine, reader, task

from steppe.interp.stimulus import MapRunFailed, MapRunSucceeded
from steppe.stores import map_runs

pytestmark = pytest.mark.slow

READER = {
    "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}, "Parameters": {}}
}
WRITER = {"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "data"}}}
WRITTEN = {"Parameters": {"Bucket": "data", "Prefix": "out"}, "Transformation": "NONE", "OutputType": "JSON"}

ONE_IN_A_HUNDRED_FAILS = {
    "StartAt": "Which",
    "States": {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.id", "StringMatches": "*77", "Next": "F"}],
            "Default": "S",
        },
        "F": {"Type": "Fail", "Error": "Unlucky"},
        "S": {"Type": "Pass", "ResultPath": "$.mark", "Result": "seen", "End": True},
    },
}


def rows(count: int) -> bytes:
    return b'"id"\n' + b"".join(b'"%d"\n' % n for n in range(count))


async def check(harness: Harness, wish, count: int, failed: int) -> None:
    """Counts, children and result files are those of a run without faults, each item exactly once."""
    described = await harness.runs.describe(wish.map_run_arn)
    for name in ("itemCounts", "executionCounts"):
        found = described[name]
        assert (found["succeeded"], found["failed"], found["total"]) == (count - failed, failed, count), described
        assert found["pending"] == found["running"] == found["aborted"] == 0
    children = await harness.all_children(wish.map_run_arn, limit=1000)
    assert len({child["executionArn"] for child in children}) == len(children) == count
    folder = f"out/{wish.map_run_arn.rpartition(':')[2]}/"
    manifest = json.loads(harness.objects.read("data", f"{folder}manifest.json"))["ResultFiles"]
    assert manifest["PENDING"] == []
    ids = []
    for kind in ("SUCCEEDED", "FAILED"):
        for file in manifest[kind]:
            records = json.loads(harness.objects.read("data", file["Key"]))
            assert {record["Status"] for record in records} == {kind}
            found = [int(json.loads(record["Input"])["id"]) for record in records]
            assert found == sorted(found)
            ids += found
    assert sorted(ids) == list(range(count))


@pytest.mark.parametrize("kills", [1, 4])
async def test_killed_workers_lose_nothing(tmp_path: Path, kills):
    async with Harness(tmp_path, workers=2) as harness:
        harness.put("rows.csv", rows(20_000))
        wish = command(reader=reader("rows.csv"), tolerated_failure_percentage=2.0, writer=WRITTEN)
        await harness.start(machine(ONE_IN_A_HUNDRED_FAILS, **READER, **WRITER), wish)
        for _ in range(kills):
            await asyncio.sleep(random.uniform(0.05, 0.4))
            for pid in random.sample(harness.executor.pids, k=random.randint(0, len(harness.executor.pids))):
                os.kill(pid, signal.SIGKILL)
        assert isinstance(await harness.outcome(wish), MapRunSucceeded)
        await check(harness, wish, 20_000, 200)


SERVER = """
import asyncio, pickle, sys
sys.path.insert(0, {tests!r})
from harness import Harness
from pathlib import Path

async def main():
    folder = Path({folder!r})
    machine, wish = pickle.loads((folder / "wish").read_bytes())
    async with Harness(folder, workers=2) as harness:
        await harness.start(machine, wish)
        print("started", flush=True)
        await harness.outcome(wish)
        print("ended", flush=True)

asyncio.run(main())
"""


async def server(folder: Path, seconds: float) -> str:
    """A server on the folder, killed after a while; what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SERVER.format(tests=str(Path(__file__).parent), folder=str(folder)),
        stdout=asyncio.subprocess.PIPE,
    )
    said = (await process.stdout.readline()).decode()
    await asyncio.sleep(seconds)
    if process.returncode is None:
        process.kill()
    said += (await process.stdout.read()).decode()
    await process.wait()
    return said


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_killed_server_goes_on_where_it_was(tmp_path: Path, seed):
    chance = random.Random(seed)
    wish = command(reader=reader("rows.csv"), tolerated_failure_count=200, writer=WRITTEN)
    record = machine(ONE_IN_A_HUNDRED_FAILS, **READER, **WRITER)
    (tmp_path / "wish").write_bytes(pickle.dumps((record, wish)))
    harness = Harness(tmp_path)
    harness.put("rows.csv", rows(20_000))
    harness.database.close()
    ended = []
    for _ in range(4):
        ended.append("ended" in await server(tmp_path, chance.uniform(0.0, 1.2)))
    assert not ended[0]
    async with Harness(tmp_path, workers=2) as harness:
        assert isinstance(await harness.run(record, wish), MapRunSucceeded)
        await check(harness, wish, 20_000, 200)
        shards = await harness.database.read(lambda c: map_runs.shards_in_order(c, 1, from_item=0, limit=100))
        assert sum(shard.item_count for shard in shards) == 20_000


async def test_children_in_a_registered_segment_are_not_run_again(tmp_path: Path):
    """A slow shard writes every second; the worker dies after that, and only what was not written is called again."""
    items = [{"id": n, "seconds": 0.0 if n < 50 else 2.5} for n in range(100)]
    async with Harness(tmp_path, workers=1) as harness:
        wish = command(items=items)
        await harness.start(machine(task("note")), wish)
        while (await harness.runs.describe(wish.map_run_arn))["itemCounts"]["succeeded"] < 50:  # noqa: ASYNC110 - it changes in other processes
            await asyncio.sleep(0.05)
        os.kill(harness.executor.pids[0], signal.SIGKILL)
        assert isinstance(await harness.outcome(wish), MapRunSucceeded)
        calls = Counter(int(line) for line in (tmp_path / "notes").read_text().split())
        assert all(calls[n] == 1 for n in range(50))
        assert all(calls[n] == 2 for n in range(50, 100))
        assert (await harness.runs.describe(wish.map_run_arn))["executionCounts"]["succeeded"] == 100


async def test_a_child_that_takes_its_worker_down_is_one_failed_child(tmp_path: Path):
    items = [{"id": n, "die": n in (3, 1500)} for n in range(2000)]
    async with Harness(tmp_path, workers=2) as harness:
        wish = command(items=items, tolerated_failure_count=2)
        outcome = await harness.run(machine(task("die")), wish)
        assert isinstance(outcome, MapRunSucceeded), outcome
        failed = [n for n, value in enumerate(outcome.result) if value != {}]
        assert failed == [3, 1500]
        assert outcome.result[3]["Cause"] == "The worker process died each time it ran this child execution."


async def test_max_concurrency_is_exact_over_processes(tmp_path: Path):
    async with Harness(tmp_path, workers=2) as harness:
        harness.put("rows.csv", rows(3000))
        selector = {"seconds": 0.002}
        wish = command(reader=reader("rows.csv"), max_concurrency=40)
        await harness.start(machine(task("sleep"), ItemSelector=selector, **READER, **WRITER), wish)
        assert isinstance(await harness.outcome(wish), MapRunSucceeded)
        most = [int(line) for line in (tmp_path / "most").read_text().split()]
        assert len(most) == 3000
        assert 30 <= max(most) <= 40


async def test_too_many_failures_over_processes_stop_the_run(tmp_path: Path):
    async with Harness(tmp_path, workers=2) as harness:
        harness.put("rows.csv", rows(50_000))
        wish = command(reader=reader("rows.csv"), tolerated_failure_count=30)
        outcome = await harness.run(machine(ONE_IN_A_HUNDRED_FAILS, **READER), wish)
        assert isinstance(outcome, MapRunFailed)
        counts = (await harness.runs.describe(wish.map_run_arn))["itemCounts"]
        assert 30 < counts["failed"] <= 30 + 4 * 10
        assert counts["pending"] == counts["total"] - counts["succeeded"] - counts["failed"] > 0


async def test_a_run_that_was_ending_ends_the_same_way_after_a_kill(tmp_path: Path):
    """Once a run is decided to fail, a restart writes its results and starts no children."""
    wish = command(reader=reader("rows.csv"), writer=WRITTEN)
    record = machine(ONE_IN_A_HUNDRED_FAILS, **READER, **WRITER)
    async with Harness(tmp_path) as harness:
        harness.put("rows.csv", rows(5000))
        await harness.run(record, wish)
        before = await harness.runs.describe(wish.map_run_arn)
        run = await harness.database.read(lambda c: map_runs.find_run(c, wish.map_run_arn))
        assert run.ending["error"] == "States.ExceedToleratedFailureThreshold"
        from dataclasses import replace

        undone = replace(run, status="RUNNING", outcome=None, counts=None, stopped_ms=None)
        await harness.database.write(lambda c: map_runs.save_run(c, undone))
    async with Harness(tmp_path) as harness:
        assert isinstance(await harness.run(record, wish), MapRunFailed)
        after = await harness.runs.describe(wish.map_run_arn)
        assert after["itemCounts"] == before["itemCounts"]


async def test_memory_does_not_grow_with_the_items(tmp_path: Path):
    # The history of a child alone is 1.4 KB of JSON: 120,000 more of them would be 160 MiB, their inputs, outputs and
    # result records as much again. What the windows, caches and allocators of three processes do is far below.
    def resident(pid: int) -> int:
        text = Path(f"/proc/{pid}/status").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM")))

    async with Harness(tmp_path, workers=2) as harness:
        highest = []
        for number, count in enumerate((40_000, 160_000)):
            harness.put(f"rows{number}.csv", rows(count))
            wish = command(reader=reader(f"rows{number}.csv"), writer=WRITTEN)
            outcome = await harness.run(machine(THREE, **READER, **WRITER), wish)
            assert isinstance(outcome, MapRunSucceeded), outcome
            highest.append(sum(resident(pid) for pid in [os.getpid(), *harness.executor.pids]))
        assert highest[1] - highest[0] < 128 * 1024, highest
