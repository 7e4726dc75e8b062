"""A Map Run is redriven: what did not succeed runs again, what did is kept, and the books are right all the time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from harness import Harness, command, machine, reader, task

from steppe.base.jsonvalue import JsonValue
from steppe.interp.command import StartMapRun
from steppe.interp.stimulus import MapRunFailed, MapRunSucceeded

WRITER = {"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "data"}}}
WRITTEN = {"Parameters": {"Bucket": "data", "Prefix": "out"}, "Transformation": "NONE", "OutputType": "JSON"}
READER = {
    "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}, "Parameters": {}}
}

BROKEN = task("broken-until", Parameters={"id.$": "$.id", "redrives.$": "$$.Execution.RedriveCount", "input.$": "$"})
"""Fails as long as the child was redriven less often than its item says (`good_after`)."""

PASS_FIRST = {
    "StartAt": "First",
    "States": {"First": {"Type": "Pass", "Next": "T"}, **BROKEN["States"]},
}


def again(wish: StartMapRun, count: int = 1) -> StartMapRun:
    """What the interpreter asks for when the execution is redriven."""
    return replace(wish, key=f"0/redrive-{count}", redrive_count=count)


def types(history: list[dict[str, JsonValue]]) -> list[str]:
    return [event["type"] for event in history]


async def described(harness: Harness, wish: StartMapRun) -> dict[str, JsonValue]:
    found = await harness.runs.describe(wish.map_run_arn)
    assert found is not None
    return found


async def by_item(harness: Harness, wish: StartMapRun) -> dict[int, dict[str, JsonValue]]:
    """The description of each child, by its item's id."""
    found = {}
    for child in await harness.all_children(wish.map_run_arn):
        description = await harness.runs.describe_child(child["executionArn"])
        assert description is not None
        assert description["status"] == child["status"]
        found[json.loads(description["input"])["id"]] = description
    return found


async def test_a_failed_standard_child_goes_on_in_the_state_that_failed(tmp_path: Path) -> None:
    items = [{"id": 0, "good_after": 0}, {"id": 1, "good_after": 1}, {"id": 2, "good_after": 0}]
    async with Harness(tmp_path) as harness:
        definition = machine(PASS_FIRST)
        wish = command(items=items, max_concurrency=1)
        assert isinstance(await harness.run(definition, wish), MapRunFailed)
        before = await by_item(harness, wish)
        assert {index: child["status"] for index, child in before.items()} == {0: "SUCCEEDED", 1: "FAILED"}
        assert before[1]["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
        first = await described(harness, wish)
        assert (first["itemCounts"]["failed"], first["itemCounts"]["pending"], first["redriveCount"]) == (1, 1, 0)

        result = await harness.result(definition, again(wish))
        assert [child["id"] for child in result] == [0, 1, 2]
        after = await by_item(harness, wish)
        assert after[0] == before[0]
        assert after[1]["executionArn"] == before[1]["executionArn"]
        assert (after[1]["redriveCount"], after[2]["redriveCount"]) == (1, 0)
        assert after[1]["startDate"] == before[1]["startDate"] <= after[1]["redriveDate"] <= after[1]["stopDate"]
        history = await harness.runs.child_history(after[1]["executionArn"])
        assert history is not None
        assert types(history)[:3] == ["ExecutionStarted", "PassStateEntered", "PassStateExited"]
        assert Counter(types(history))["PassStateEntered"] == 1
        assert "ExecutionRedriven" in types(history)
        assert [event["id"] for event in history] == list(range(1, len(history) + 1))
        second = await described(harness, wish)
        assert second["status"] == "SUCCEEDED"
        assert second["redriveCount"] == 1
        assert second["redriveDate"] >= first["stopDate"]
        assert second["startDate"] == first["startDate"]
        for counts in (second["itemCounts"], second["executionCounts"]):
            assert (counts["succeeded"], counts["failed"], counts["total"], counts["resultsWritten"]) == (3, 0, 3, 3)
            assert counts["pending"] == counts["pendingRedrive"] == 0


async def test_an_express_child_begins_anew(tmp_path: Path) -> None:
    items = [{"id": 0, "good_after": 0}, {"id": 1, "good_after": 1}]
    async with Harness(tmp_path) as harness:
        definition = machine(PASS_FIRST, express=True)
        wish = command(items=items)
        assert isinstance(await harness.run(definition, wish), MapRunFailed)
        before = await by_item(harness, wish)
        await asyncio.sleep(0.002)
        assert isinstance(await harness.run(definition, again(wish)), MapRunSucceeded)
        after = await by_item(harness, wish)
        assert after[1]["executionArn"] == before[1]["executionArn"]
        assert after[1]["startDate"] > before[1]["startDate"]
        assert after[1]["redriveCount"] == 1
        assert "redriveDate" not in after[1]


async def test_a_run_can_be_redriven_again_and_again(tmp_path: Path) -> None:
    items = [{"id": number, "good_after": min(number, 1)} for number in range(4)]
    async with Harness(tmp_path) as harness:
        definition = machine(PASS_FIRST)
        wish = command(items=items, max_concurrency=1)
        await harness.run(definition, wish)
        for count in (1, 2):
            assert isinstance(await harness.run(definition, again(wish, count)), MapRunFailed)
            counts = (await described(harness, wish))["itemCounts"]
            assert counts["succeeded"] == 1 + count
            assert counts["pendingRedrive"] == 0
            assert (counts["failed"], counts["pending"]) == (1, 2 - count)
        assert isinstance(await harness.run(definition, again(wish, 3)), MapRunSucceeded)
        after = await by_item(harness, wish)
        assert [after[index]["redriveCount"] for index in range(4)] == [0, 1, 1, 1]


async def test_result_files_of_a_redrive_stand_beside_the_first_ones(tmp_path: Path) -> None:
    items = [{"id": number, "good_after": int(number == 2)} for number in range(8)]
    async with Harness(tmp_path) as harness:
        harness.objects.create_bucket("data")
        definition = machine(PASS_FIRST, **WRITER)
        wish = command(items=items, max_concurrency=1, writer=WRITTEN)
        await harness.run(definition, wish)
        folder = f"out/{wish.map_run_arn.rpartition(':')[2]}/"
        first = harness.objects.read("data", f"{folder}manifest.json")
        result = await harness.result(definition, again(wish))
        assert harness.objects.read("data", f"{folder}manifest.json") == first
        assert result["ResultWriterDetails"]["Key"] == f"{folder}Redrive-1/manifest.json"
        manifest = json.loads(harness.objects.read("data", f"{folder}Redrive-1/manifest.json"))
        files = manifest["ResultFiles"]
        assert files["FAILED"] == files["PENDING"] == []
        keys = [file["Key"] for file in files["SUCCEEDED"]]
        assert keys == [f"{folder}SUCCEEDED_0.json", f"{folder}Redrive-1/SUCCEEDED_0.json"]
        records = [json.loads(harness.objects.read("data", key)) for key in keys]
        assert [json.loads(record["Input"])["id"] for record in records[0]] == [0, 1]
        assert [json.loads(record["Input"])["id"] for record in records[1]] == [2, 3, 4, 5, 6, 7]
        redriven = records[1][0]
        assert redriven["RedriveCount"] == 1
        assert redriven["RedriveDate"].endswith("Z")
        assert "RedriveDate" not in records[1][1]


async def test_a_redrive_that_fails_again_lists_what_failed_and_what_never_ran(tmp_path: Path) -> None:
    items = [{"id": number, "good_after": {1: 1, 3: 9}.get(number, 0)} for number in range(6)]
    async with Harness(tmp_path) as harness:
        harness.objects.create_bucket("data")
        definition = machine(PASS_FIRST, **WRITER)
        wish = command(items=items, max_concurrency=1, writer=WRITTEN)
        await harness.run(definition, wish)
        assert isinstance(await harness.run(definition, again(wish)), MapRunFailed)
        folder = f"out/{wish.map_run_arn.rpartition(':')[2]}/Redrive-1/"
        files = json.loads(harness.objects.read("data", f"{folder}manifest.json"))["ResultFiles"]
        ids = {
            kind: [
                json.loads(record["Input"])["id"]
                for file in listed
                for record in json.loads(harness.objects.read("data", file["Key"]))
            ]
            for kind, listed in files.items()
        }
        assert ids == {"FAILED": [3], "PENDING": [4, 5], "SUCCEEDED": [0, 1, 2]}


async def test_batches_are_redriven_whole(tmp_path: Path) -> None:
    items = list(range(25))
    processor = task("broken-until", Parameters={"redrives.$": "$$.Execution.RedriveCount", "input": {"good_after": 1}})
    async with Harness(tmp_path) as harness:
        definition = machine(processor, ItemBatcher={"MaxItemsPerBatch": 10})
        wish = command(items=items, batched=True, max_items_per_batch=10, tolerated_failure_count=0, max_concurrency=1)
        await harness.run(definition, wish)
        counts = (await described(harness, wish))["itemCounts"]
        assert (counts["failed"], counts["pending"]) == (10, 15)
        # The first batch succeeds now; the others have never been started and fail in their turn.
        await harness.run(definition, again(wish))
        found = await described(harness, wish)
        assert (found["itemCounts"]["succeeded"], found["itemCounts"]["failed"]) == (10, 10)
        assert (found["executionCounts"]["succeeded"], found["executionCounts"]["failed"]) == (1, 1)
        assert found["executionCounts"]["total"] == 3


async def test_children_that_wait_for_a_redrive_and_run_again_are_shown_as_such(tmp_path: Path) -> None:
    items = [{"id": number, "good_after": 1, "seconds": 0.6} for number in range(4)]
    async with Harness(tmp_path) as harness:
        definition = machine(PASS_FIRST)
        wish = command(items=items, tolerated_failure_count=3, max_concurrency=0)
        await harness.run(definition, wish)
        assert (await described(harness, wish))["status"] == "FAILED"
        await harness.start(definition, replace(again(wish), max_concurrency=0))
        await asyncio.sleep(0.2)
        found = await described(harness, wish)
        assert found["status"] == "RUNNING"
        assert "stopDate" not in found or found["stopDate"] is None
        children = await harness.all_children(wish.map_run_arn)
        assert Counter(child["status"] for child in children) == {"RUNNING": 4}
        one = await harness.runs.describe_child(children[0]["executionArn"])
        assert (one["status"], one["redriveCount"]) == ("RUNNING", 1)
        assert found["itemCounts"]["failed"] == 0
        assert isinstance(await harness.outcome(again(wish)), MapRunSucceeded)
        assert await harness.all_children(wish.map_run_arn, redriven=False) == []
        assert len(await harness.all_children(wish.map_run_arn, redriven=True)) == 4


async def test_a_run_that_never_read_its_source_reads_it_now(tmp_path: Path) -> None:
    async with Harness(tmp_path) as harness:
        harness.put("other", b"")
        definition = machine(task("now"), **READER)
        wish = command(reader=reader("rows.csv"))
        assert (await harness.fault(definition, wish))[0] == "States.ItemReaderFailed"
        harness.put("rows.csv", b"id\n1\n2\n")
        assert len(await harness.result(definition, again(wish))) == 2


@pytest.mark.slow
async def test_workers_and_coordinators_that_die_in_a_redrive_lose_nothing(tmp_path: Path) -> None:
    """Every tenth child fails at first; in the redrive workers are killed, then all is left and taken up again."""
    count = 3000
    rows = b"id,good_after\n" + b"".join(b"%d,%d\n" % (number, number % 10 == 3) for number in range(count))
    states = {
        "StartAt": "Which",
        "States": {
            "Which": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.good_after", "StringEquals": "0", "Next": "S"}],
                "Default": "T",
            },
            "S": {"Type": "Succeed"},
            **BROKEN["States"],
        },
    }
    definition = machine(states, **READER, **WRITER)
    wish = command(reader=reader("rows.csv"), writer=WRITTEN, tolerated_failure_count=299)
    async with Harness(tmp_path, workers=2) as harness:
        harness.put("rows.csv", rows)
        await harness.run(definition, wish)
        before = (await described(harness, wish))["itemCounts"]
        assert (before["failed"], before["succeeded"]) == (300, 2700)
        await harness.start(definition, again(wish))
        await asyncio.sleep(0.1)
        for pid in harness.executor.pids:
            os.kill(pid, signal.SIGKILL)
    async with Harness(tmp_path, workers=2) as harness:
        assert isinstance(await harness.run(definition, again(wish)), MapRunSucceeded)
        found = await described(harness, wish)
        assert found["redriveCount"] == 1
        for counts in (found["itemCounts"], found["executionCounts"]):
            assert (counts["succeeded"], counts["failed"], counts["total"]) == (count, 0, count)
        children = await harness.all_children(wish.map_run_arn, limit=1000)
        assert len({child["executionArn"] for child in children}) == len(children) == count
        assert Counter(child["redriveCount"] for child in children) == {0: 2700, 1: 300}
        folder = f"out/{wish.map_run_arn.rpartition(':')[2]}/Redrive-1/"
        files = json.loads(harness.objects.read("data", f"{folder}manifest.json"))["ResultFiles"]
        ids = [
            int(json.loads(record["Input"])["id"])
            for file in files["SUCCEEDED"]
            for record in json.loads(harness.objects.read("data", file["Key"]))
        ]
        assert sorted(ids) == list(range(count))


async def test_the_outcome_of_a_run_that_had_succeeded_is_told_again(tmp_path: Path) -> None:
    async with Harness(tmp_path) as harness:
        definition = machine(task("now"))
        wish = command(items=[1, 2])
        first = await harness.result(definition, wish)
        assert await harness.result(definition, again(wish)) == first
