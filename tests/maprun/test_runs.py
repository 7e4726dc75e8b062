"""Map Runs from their start to their outcome, in this process: what AWS shows of them, and what it writes."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from harness import PASS, THREE, Harness, command, machine, reader, task

from steppe.base.errors import ApiError
from steppe.interp.stimulus import MapRunFailed, MapRunSucceeded

EXCEEDED = ("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")
READER = {
    "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}, "Parameters": {}}
}
WRITER = {"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "data"}}}
FAIL_ODD = {
    "StartAt": "Which",
    "States": {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "Bad"}],
            "Default": "Good",
        },
        "Bad": {"Type": "Fail", "Error": "Odd", "Cause": "one"},
        "Good": {"Type": "Succeed"},
    },
}


def counts(**some: int) -> dict[str, int]:
    names = (
        "pending running succeeded failed timedOut aborted total resultsWritten failuresNotRedrivable pendingRedrive"
    )
    return {**dict.fromkeys(names.split(), 0), **some}


async def test_items_of_the_state_are_the_children_s_inputs_in_order(harness: Harness):
    wish = command(items=[10, "a", {"b": None}])
    assert await harness.result(machine(PASS), wish) == [10, "a", {"b": None}]
    described = await harness.runs.describe(wish.map_run_arn)
    assert described["status"] == "SUCCEEDED"
    assert described["itemCounts"] == described["executionCounts"] == counts(succeeded=3, total=3, resultsWritten=3)


async def test_no_items_are_an_empty_result(harness: Harness):
    assert await harness.result(machine(PASS), command(items=[])) == []


async def test_members_of_an_object_are_items_with_keys(harness: Harness):
    selector = {
        "k.$": "$$.Map.Item.Key",
        "v.$": "$$.Map.Item.Value",
        "i.$": "$$.Map.Item.Index",
        "s.$": "$$.Map.Item.Source",
    }
    found = await harness.result(machine(PASS, ItemSelector=selector), command(items={"x": 1, "y": [2]}))
    assert found == [
        {"k": "x", "v": 1, "i": 0, "s": "STATE_DATA"},
        {"k": "y", "v": [2], "i": 1, "s": "STATE_DATA"},
    ]


async def test_item_selector_sees_the_state_s_input_and_the_item(harness: Harness):
    harness.put("rows.csv", b'"id"\n"7"\n')
    selector = {
        "input.$": "$.from",
        "item.$": "$$.Map.Item.Value",
        "of.$": "$$.Execution.Id",
        "at.$": "$$.Map.Item.Source",
    }
    found = await harness.result(machine(PASS, **READER, ItemSelector=selector), command(reader=reader("rows.csv")))
    (one,) = found
    assert one["input"] == "the state"
    assert one["item"] == {"id": "7"}
    assert one["of"].endswith(":execution:M:e")
    assert one["at"] == "s3://data/rows.csv"


async def test_an_item_selector_that_fails_fails_the_run(harness: Harness):
    error, cause = await harness.fault(machine(PASS, ItemSelector={"x.$": "$.nowhere"}), command(items=[1]))
    assert error == "States.Runtime"
    assert "$.nowhere" in cause


@pytest.mark.slow
async def test_a_listing_is_one_item_an_object(harness: Harness):
    for n in range(1203):
        harness.put(f"in/{n:05d}", b"x")
    harness.put("elsewhere", b"x")
    listing = {"Resource": "s3:listObjectsV2", "Parameters": {"Bucket": "data", "Prefix": "in/"}, "MaxItems": 0}
    wish = command(reader=listing)
    found = await harness.result(machine(PASS, **READER), wish)
    assert [item["Key"] for item in found] == [f"in/{n:05d}" for n in range(1203)]
    assert set(found[0]) == {"Etag", "Key", "LastModified", "Size", "StorageClass"}
    assert re.fullmatch(r'"[0-9a-f]{32}"', found[0]["Etag"])
    assert isinstance(found[0]["LastModified"], float)


async def test_max_items_counts_before_batching(harness: Harness):
    harness.put("rows.csv", b"id\n" + b"".join(b"%d\n" % n for n in range(10)))
    wish = command(reader=reader("rows.csv", max_items=5), batched=True, max_items_per_batch=2)
    found = await harness.result(machine(PASS, **READER, ItemBatcher={"MaxItemsPerBatch": 2}), wish)
    assert found == [
        {"Items": [{"id": "0"}, {"id": "1"}]},
        {"Items": [{"id": "2"}, {"id": "3"}]},
        {"Items": [{"id": "4"}]},
    ]
    described = await harness.runs.describe(wish.map_run_arn)
    assert described["itemCounts"] == counts(succeeded=5, total=5, resultsWritten=5)
    assert described["executionCounts"] == counts(succeeded=3, total=3, resultsWritten=3)
    children = await harness.all_children(wish.map_run_arn)
    assert sorted(child["itemCount"] for child in children) == [1, 2, 2]


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        (reader("gone.csv"), "Service: S3, Status Code: 404, Error: NoSuchKey"),
        ({**reader("x"), "Parameters": {"Bucket": "no-such-bucket", "Key": "x"}}, "Error: NoSuchBucket"),
        (reader("rows.csv", max_items=-1), "field MaxItems must be positive"),
        (reader("twice.csv"), "CSV headers cannot contain duplicates."),
        (reader("rows.csv.gz"), "is not valid gzip data"),
        (reader("rows.csv", "PARQUET"), "is not a Parquet file"),
        (reader("half.csv"), "a quoted field has no end"),
        ({**reader("x"), "Parameters": {"Bucket": "data"}}, "The parameter Key of ItemReader is missing."),
        ({**reader("x"), "Parameters": {"Bucket": "data", "Key": 5}}, "must be a string"),
        ({**reader("x"), "Parameters": {"Bucket": "data", "Key": "x", "VersionId": "1"}}, "Invalid version id"),
        (
            {**reader("x"), "Parameters": {"Bucket": "data", "Key": "x", "ExpectedBucketOwner": "1" * 12}},
            "Access Denied",
        ),
    ],
)
async def test_a_source_that_cannot_be_read_fails_the_run(harness: Harness, fields, cause):
    harness.put("rows.csv", b"id\n1\n")
    harness.put("rows.csv.gz", b"id\n1\n")
    harness.put("twice.csv", b"a,a\n1,2\n")
    harness.put("half.csv", b'a\n"1\n')
    wish = command(reader=fields)
    error, told = await harness.fault(machine(PASS, **READER), wish)
    assert error == "States.ItemReaderFailed"
    assert cause in told
    assert (await harness.runs.describe(wish.map_run_arn))["status"] == "FAILED"


async def test_a_source_that_turns_bad_late_fails_the_run_and_keeps_what_was_done(harness: Harness):
    harness.put("rows.csv", b"id\n" + b"1\n" * 5000 + b'"never ends\n')
    wish = command(reader=reader("rows.csv"))
    error, _ = await harness.fault(machine(PASS, **READER), wish)
    assert error == "States.ItemReaderFailed"
    described = await harness.runs.describe(wish.map_run_arn)
    assert (
        described["itemCounts"]["succeeded"] + described["itemCounts"]["pending"]
        == described["itemCounts"]["total"]
        == 5000
    )


# Failures


async def test_the_first_failure_fails_a_run_that_tolerates_none(harness: Harness):
    wish = command(items=[0, 1, 2, 3], max_concurrency=1)
    assert await harness.fault(machine(FAIL_ODD), wish) == EXCEEDED
    described = await harness.runs.describe(wish.map_run_arn)
    assert described["itemCounts"] == counts(succeeded=1, failed=1, pending=2, total=4, resultsWritten=4)
    children = await harness.all_children(wish.map_run_arn)
    assert sorted(child["status"] for child in children) == ["FAILED", "SUCCEEDED"]
    (failed,) = await harness.all_children(wish.map_run_arn, status="FAILED")
    told = await harness.runs.describe_child(failed["executionArn"])
    assert (told["error"], told["cause"], told["redriveStatus"]) == ("Odd", "one", "REDRIVABLE_BY_MAP_RUN")
    assert "output" not in told


async def test_tolerated_failures_stand_in_the_result_as_records(harness: Harness):
    wish = command(items=[0, 1, 2], tolerated_failure_count=1)
    found = await harness.result(machine(FAIL_ODD), wish)
    assert found[0] == 0
    assert found[2] == 2
    assert list(found[1]) == sorted(found[1])
    assert found[1]["Error"] == "Odd"
    assert found[1]["Status"] == "FAILED"
    assert found[1]["Input"] == "1"


@pytest.mark.parametrize(("failing", "ends"), [(10, MapRunSucceeded), (11, MapRunFailed)])
async def test_a_tolerated_percentage_is_exact(harness: Harness, failing, ends):
    items = [1] * failing + [2] * (200 - failing)
    wish = command(items=items, tolerated_failure_percentage=5.0)
    assert isinstance(await harness.run(machine(FAIL_ODD, ToleratedFailurePercentage=5), wish), ends)


async def test_thresholds_count_items_not_batches(harness: Harness):
    wish = command(items=list(range(6)), batched=True, max_items_per_batch=3, tolerated_failure_count=2)
    processor = {"StartAt": "F", "States": {"F": {"Type": "Fail"}}}
    assert await harness.fault(machine(processor, ItemBatcher={"MaxItemsPerBatch": 3}), wish) == EXCEEDED
    described = await harness.runs.describe(wish.map_run_arn)
    assert described["itemCounts"]["failed"] == 3
    assert described["executionCounts"]["failed"] == 1


async def test_children_that_run_are_aborted_when_too_many_fail(harness: Harness):
    processor = {
        "StartAt": "Which",
        "States": {
            "Which": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "Bad"}],
                "Default": "Long",
            },
            "Long": {"Type": "Wait", "Seconds": 600, "End": True},
            "Bad": {"Type": "Fail"},
        },
    }
    wish = command(items=[0, 0, 1, 0])
    assert await harness.fault(machine(processor), wish) == EXCEEDED
    described = await harness.runs.describe(wish.map_run_arn)
    assert described["executionCounts"] == counts(failed=1, aborted=2, pending=1, total=4, resultsWritten=4)
    aborted = await harness.all_children(wish.map_run_arn, status="ABORTED")
    told = await harness.runs.describe_child(aborted[0]["executionArn"])
    assert told["cause"] == f"The map run execution [{wish.map_run_arn}] which was managing this resource was aborted"
    assert "error" not in told
    assert (await harness.runs.child_history(aborted[0]["executionArn"]))[-1]["type"] == "ExecutionAborted"


@pytest.mark.slow
async def test_express_children_are_left_to_run_when_too_many_fail(harness: Harness):
    processor = {
        "StartAt": "Which",
        "States": {
            "Which": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "Bad"}],
                "Default": "Long",
            },
            "Long": {"Type": "Wait", "Seconds": 1, "End": True},
            "Bad": {"Type": "Fail"},
        },
    }
    wish = command(items=[0, 1])
    assert await harness.fault(machine(processor, express=True), wish) == EXCEEDED
    described = await harness.runs.describe(wish.map_run_arn)
    assert described["executionCounts"] == counts(failed=1, succeeded=1, total=2, resultsWritten=2)


async def test_an_input_that_is_too_large_is_one_failed_child(harness: Harness):
    body = b"id\n" + b"x" * 300_000 + b"\n1\n"
    harness.put("rows.csv", body)
    wish = command(reader=reader("rows.csv"), tolerated_failure_count=1)
    found = await harness.run(machine(PASS, **READER), wish)
    assert isinstance(found, MapRunFailed)
    assert found.error == "States.DataLimitExceeded"  # the record of the failed child has its input
    (failed,) = await harness.all_children(wish.map_run_arn, status="FAILED")
    assert (await harness.runs.describe_child(failed["executionArn"]))["error"] == "States.DataLimitExceeded"
    assert len(await harness.all_children(wish.map_run_arn, status="SUCCEEDED")) == 1


# Concurrency


@pytest.mark.parametrize("limit", [1, 3])
async def test_max_concurrency_is_exact(harness: Harness, limit):
    wish = command(items=list(range(20)), max_concurrency=limit)
    selector = {"seconds": 0.005}
    await harness.result(machine(task("sleep"), ItemSelector=selector), wish)
    most = [int(line) for line in (harness.folder / "most").read_text().split()]
    assert len(most) == 20
    assert max(most) == limit


@pytest.mark.slow
async def test_without_a_limit_children_wait_together(harness: Harness):
    wish = command(items=[{}] * 3000)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await harness.result(machine(task("sleep-light")), wish)
    assert loop.time() - began < 5


async def test_tasks_that_answer_at_once_are_done_in_order(harness: Harness):
    assert await harness.result(machine(task("now")), command(items=[3, 1, 2])) == [3, 1, 2]


async def test_faults_of_tasks_are_the_children_s(harness: Harness):
    wish = command(items=[1], tolerated_failure_percentage=100.0)
    (record,) = await harness.result(machine(task("fail")), wish)
    assert (record["Error"], record["Cause"]) == ("My.Error", "because")


@pytest.mark.slow
async def test_task_timeouts_time_children_out(harness: Harness):
    wish = command(items=[{"seconds": 30}], tolerated_failure_percentage=100.0)
    processor = task("sleep", TimeoutSeconds=1)
    (record,) = await harness.result(machine(processor), wish)
    assert record["Error"] == "States.Timeout"


async def test_what_children_cannot_do_yet_is_refused_by_name(harness: Harness):
    wish = command(items=[1], tolerated_failure_percentage=100.0)
    resource = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    parameters = {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}
    processor = task("f", Resource=resource, Parameters=parameters)
    (record,) = await harness.result(machine(processor), wish)
    assert "Task tokens in children of a Distributed Map are not supported" in record["Cause"]


# Stopping, listing, finding


async def test_a_stopped_run_is_aborted_and_its_children_too(harness: Harness):
    wish = command(items=[1, 2], max_concurrency=1)
    await harness.start(machine({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}), wish)
    running = []
    while not running:
        await asyncio.sleep(0.02)
        running, _ = await harness.runs.list_children(wish.map_run_arn, status="RUNNING")
    (child,) = running
    assert child["itemCount"] == 1
    told = await harness.runs.describe_child(child["executionArn"])
    assert (told["status"], told["input"]) == ("RUNNING", "1")
    assert "redriveCount" not in told
    assert [event["type"] for event in await harness.runs.child_history(child["executionArn"])] == [
        "ExecutionStarted",
        "WaitStateEntered",
    ]
    await harness.runs.stop_run(wish.map_run_arn)
    await harness.runs.wait_ended(wish.map_run_arn)
    described = await harness.runs.describe(wish.map_run_arn)
    assert described["status"] == "ABORTED"
    assert described["executionCounts"] == counts(aborted=1, pending=1, total=2, resultsWritten=2)
    assert harness.outcomes == {}


@pytest.mark.slow
async def test_listing_gives_every_child_once_whatever_the_page(harness: Harness):
    harness.put("rows.csv", b"id\n" + b"".join(b"%d\n" % n for n in range(2500)))
    wish = command(reader=reader("rows.csv"), tolerated_failure_percentage=100.0)
    processor = {
        "StartAt": "C",
        "States": {
            "C": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.id", "StringMatches": "*7", "Next": "F"}],
                "Default": "S",
            },
            "F": {"Type": "Fail"},
            "S": {"Type": "Succeed"},
        },
    }
    await harness.run(machine(processor, **READER, **WRITER), wish)
    for limit in (170, 999, 1000):
        found = await harness.all_children(wish.map_run_arn, limit=limit)
        assert len({child["executionArn"] for child in found}) == len(found) == 2500
    failed = await harness.all_children(wish.map_run_arn, limit=60, status="FAILED")
    assert len({child["executionArn"] for child in failed}) == len(failed) == 250
    assert all(child["status"] == "FAILED" for child in failed)
    assert await harness.all_children(wish.map_run_arn, status="TIMED_OUT") == []
    inputs = [json.loads((await harness.runs.describe_child(c["executionArn"]))["input"])["id"] for c in failed[:20]]
    assert all(text.endswith("7") for text in inputs)


async def test_what_is_no_child_is_not_found(harness: Harness):
    wish = command(items=[1])
    await harness.result(machine(PASS), wish)
    (child,) = await harness.all_children(wish.map_run_arn)
    arn = child["executionArn"]
    assert await harness.runs.run_of_child(arn) == wish.map_run_arn
    for other in (arn[:-1] + "0", arn.replace(":M/L:", ":M/X:"), arn.replace("execution", "express"), "x", arn + ":x"):
        if other != arn:
            assert await harness.runs.describe_child(other) is None
            assert await harness.runs.child_history(other) is None
    with pytest.raises(ApiError, match="Invalid Token"):
        await harness.runs.list_children(wish.map_run_arn, token="nonsense")
    assert await harness.runs.describe("arn:aws:states:us-east-1:000000000000:mapRun:M/L:x") is None


async def test_express_children_have_two_uuids(harness: Harness):
    wish = command(items=[1])
    await harness.result(machine(PASS, express=True), wish)
    (child,) = await harness.all_children(wish.map_run_arn)
    assert len(child["executionArn"].split(":")) == 9
    assert child["name"] == child["executionArn"].partition(":M/L:")[2]
    assert (await harness.runs.describe_child(child["executionArn"]))["status"] == "SUCCEEDED"


async def test_runs_of_an_execution_are_listed_in_pages(harness: Harness):
    wishes = [command(items=[]) for _ in range(5)]
    for wish in wishes:
        await harness.result(machine(PASS), wish)
    first, token = await harness.runs.list_runs(EXECUTION_ARN, limit=3)
    second, end = await harness.runs.list_runs(EXECUTION_ARN, limit=3, token=token)
    assert end is None
    assert [run["mapRunArn"] for run in first + second] == [wish.map_run_arn for wish in reversed(wishes)]
    assert first[0]["stateMachineArn"] == "arn:aws:states:us-east-1:000000000000:stateMachine:M/L"


EXECUTION_ARN = "arn:aws:states:us-east-1:000000000000:execution:M:e"


async def test_a_start_twice_is_one_run(harness: Harness):
    wish = command(items=[1, 2])
    await asyncio.gather(*(harness.start(machine(PASS), wish) for _ in range(5)))
    await harness.outcome(wish)
    harness.outcomes.clear()
    # After its end, the outcome is told again: the first telling may have been lost in a crash.
    assert await harness.result(machine(PASS), wish) == [1, 2]
    runs, _ = await harness.runs.list_runs(EXECUTION_ARN)
    assert len(runs) == 1


# Results


def written(harness: Harness, key: str) -> bytes:
    return harness.objects.read("data", key)


def writer(transformation: str = "NONE", output_type: str = "JSON", **parameters: str):
    return {
        "Parameters": {"Bucket": "data", "Prefix": "out", **parameters},
        "Transformation": transformation,
        "OutputType": output_type,
    }


async def test_result_files_have_the_recorded_bytes(harness: Harness):
    harness.put("x", b"")
    wish = command(items=[0, 1, 2, 3], max_concurrency=1, writer=writer())
    assert await harness.fault(machine(FAIL_ODD, **WRITER), wish) == EXCEEDED
    run_id = wish.map_run_arn.rpartition(":")[2]
    folder = f"out/{run_id}/"
    manifest = json.loads(written(harness, f"{folder}manifest.json"))
    sizes = {kind: len(written(harness, f"{folder}{kind}_0.json")) for kind in ("FAILED", "PENDING", "SUCCEEDED")}
    assert (
        written(harness, f"{folder}manifest.json")
        == (
            f'{{"DestinationBucket":"data","MapRunArn":"{wish.map_run_arn}","ResultFiles":{{'
            f'"FAILED":[{{"Key":"{folder}FAILED_0.json","Size":{sizes["FAILED"]}}}],'
            f'"PENDING":[{{"Key":"{folder}PENDING_0.json","Size":{sizes["PENDING"]}}}],'
            f'"SUCCEEDED":[{{"Key":"{folder}SUCCEEDED_0.json","Size":{sizes["SUCCEEDED"]}}}]}}}}'
        ).encode()
    )
    assert manifest["ResultFiles"]["FAILED"][0]["Size"] == sizes["FAILED"]
    assert written(harness, f"{folder}PENDING_0.json") == (
        b'[{"Input":"2","InputDetails":{"Included":true},"Status":"PENDING"},'
        b'{"Input":"3","InputDetails":{"Included":true},"Status":"PENDING"}]'
    )
    machine_arn = "arn:aws:states:us-east-1:000000000000:stateMachine:M/L"
    (good,) = json.loads(written(harness, f"{folder}SUCCEEDED_0.json"))
    assert (
        written(harness, f"{folder}SUCCEEDED_0.json")
        == (
            f'[{{"ExecutionArn":"{good["ExecutionArn"]}","Input":"0","InputDetails":{{"Included":true}},"Name":"{good["Name"]}",'
            f'"Output":"0","OutputDetails":{{"Included":true}},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE",'
            f'"RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":"{good["StartDate"]}",'
            f'"StateMachineArn":"{machine_arn}","Status":"SUCCEEDED","StopDate":"{good["StopDate"]}"}}]'
        ).encode()
    )
    (bad,) = json.loads(written(harness, f"{folder}FAILED_0.json"))
    assert (
        written(harness, f"{folder}FAILED_0.json")
        == (
            f'[{{"Cause":"one","Error":"Odd","ExecutionArn":"{bad["ExecutionArn"]}","Input":"1",'
            f'"InputDetails":{{"Included":true}},"Name":"{bad["Name"]}","OutputDetails":{{"Included":true}},"RedriveCount":0,'
            f'"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StartDate":"{bad["StartDate"]}","StateMachineArn":"{machine_arn}",'
            f'"Status":"FAILED","StopDate":"{bad["StopDate"]}"}}]'
        ).encode()
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", bad["StartDate"])
    assert good["ExecutionArn"] in {c["executionArn"] for c in await harness.all_children(wish.map_run_arn)}
    head = harness.objects.head("data", f"{folder}SUCCEEDED_0.json")
    assert head.metadata.content_type == "binary/octet-stream"
    assert head.etag.endswith("-1")
    assert harness.objects.head("data", f"{folder}manifest.json").metadata.content_type == "application/octet-stream"


@pytest.mark.parametrize(
    ("transformation", "output_type", "name", "expected"),
    [
        ("COMPACT", "JSON", "SUCCEEDED_0.json", b'[[1,[2]],"x",{}]'),
        ("FLATTEN", "JSON", "SUCCEEDED_0.json", b'[1,[2],"x",{}]'),
        ("COMPACT", "JSONL", "SUCCEEDED_0.jsonl", b'[1,[2]]\n"x"\n{}\n'),
        ("FLATTEN", "JSONL", "SUCCEEDED_0.jsonl", b'1\n[2]\n"x"\n{}\n'),
    ],
)
async def test_results_can_be_outputs_alone(harness: Harness, transformation, output_type, name, expected):
    harness.put("x", b"")
    wish = command(items=[[1, [2]], "x", {}], writer=writer(transformation, output_type, Prefix=""))
    found = await harness.result(machine(PASS, **WRITER), wish)
    run_id = wish.map_run_arn.rpartition(":")[2]
    assert found == {
        "MapRunArn": wish.map_run_arn,
        "ResultWriterDetails": {"Bucket": "data", "Key": f"{run_id}/manifest.json"},
    }
    assert written(harness, f"{run_id}/{name}") == expected
    manifest = json.loads(written(harness, f"{run_id}/manifest.json"))["ResultFiles"]
    assert manifest == {"FAILED": [], "PENDING": [], "SUCCEEDED": [{"Key": f"{run_id}/{name}", "Size": len(expected)}]}


async def test_large_results_are_written_in_parts_and_split_into_files(harness: Harness, monkeypatch):
    monkeypatch.setattr("steppe.maprun.writer._PART_BYTES", 1000)
    monkeypatch.setattr("steppe.maprun.writer.FILE_BYTES_MAX", 4000)
    monkeypatch.setattr("steppe.objects.faults.PART_BYTES_MIN", 1)
    harness.put("x", b"")
    items = [{"n": n, "text": "y" * 50} for n in range(300)]
    wish = command(items=items, writer=writer("COMPACT"))
    await harness.result(machine(PASS, **WRITER), wish)
    run_id = wish.map_run_arn.rpartition(":")[2]
    files = json.loads(written(harness, f"out/{run_id}/manifest.json"))["ResultFiles"]["SUCCEEDED"]
    assert len(files) > 3
    assert all(len(written(harness, file["Key"])) == file["Size"] for file in files)
    assert [item for file in files for item in json.loads(written(harness, file["Key"]))] == items


async def test_results_that_cannot_be_written_fail_the_run(harness: Harness):
    wish = command(items=[1], writer=writer(Bucket="no-such-bucket"))
    error, cause = await harness.fault(machine(PASS, **WRITER), wish)
    assert error == "States.ResultWriterFailed"
    assert "NoSuchBucket" in cause


async def test_the_writer_s_configuration_shapes_the_state_s_result_as_well(harness: Harness):
    shape = {"Parameters": None, "Transformation": "FLATTEN", "OutputType": "JSON"}
    assert await harness.result(machine(PASS), command(items=[[1, 2], 3], writer=shape)) == [1, 2, 3]
    shape["Transformation"] = "NONE"
    (record,) = await harness.result(machine(PASS), command(items=[[1, 2]], writer=shape))
    assert record["Output"] == "[1,2]"


@pytest.mark.parametrize(("size", "ends"), [(262_144, MapRunSucceeded), (262_145, MapRunFailed)])
async def test_a_result_of_more_than_the_quota_is_refused(harness: Harness, size, ends):
    one = "x" * 99_997
    items = [one, one, "y" * (size - len(json.dumps([one, one], separators=(",", ":"))) - 3)]
    assert len(json.dumps(items, separators=(",", ":"))) == size
    body = "".join(json.dumps(item) + "\n" for item in items).encode()
    harness.put("rows.jsonl", body)
    found = await harness.run(machine(PASS, **READER), command(reader=reader("rows.jsonl", "JSONL")))
    assert isinstance(found, ends)
    if ends is MapRunFailed:
        assert found.error == "States.DataLimitExceeded"


async def test_three_states_have_their_full_history(harness: Harness):
    harness.put("rows.csv", b'"id"\n"7"\n')
    wish = command(reader=reader("rows.csv"))
    await harness.result(machine(THREE, **READER), wish)
    (child,) = await harness.all_children(wish.map_run_arn)
    history = await harness.runs.child_history(child["executionArn"])
    assert [event["type"] for event in history] == [
        "ExecutionStarted",
        *("PassStateEntered", "PassStateExited", "ChoiceStateEntered", "ChoiceStateExited"),
        *("SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded"),
    ]
    assert [event["id"] for event in history] == list(range(1, 9))


async def test_a_run_whose_execution_has_ended_is_aborted_after_a_restart(harness: Harness):
    wish = command(items=[1])
    await harness.start(machine({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}), wish)
    await harness.runs.close()
    async with Harness(harness.folder) as again:
        await again.runs.settle()
        await again.runs.wait_ended(wish.map_run_arn)
        assert (await again.runs.describe(wish.map_run_arn))["status"] == "ABORTED"
        assert again.outcomes == {}


NESTED = {
    "StartAt": "Inner",
    "States": {
        "Inner": {
            "Type": "Map",
            "Label": "Deep",
            "ItemsPath": "$.items",
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **PASS},
            "ResultPath": "$.found",
            "End": True,
        }
    },
}


async def test_a_child_can_have_a_map_run_of_its_own(harness: Harness):
    wish = command(items=[{"items": [1, 2]}, {"items": []}, {"items": [3]}])
    found = await harness.result(machine(NESTED), wish)
    assert [value["found"] for value in found] == [[1, 2], [], [3]]
    for child in await harness.all_children(wish.map_run_arn):
        (inner,), _ = await harness.runs.list_runs(child["executionArn"])
        assert inner["stateMachineArn"].endswith(":stateMachine:M/Deep")
        history = await harness.runs.child_history(child["executionArn"])
        (started,) = [event for event in history if event["type"] == "MapRunStarted"]
        assert started["mapRunStartedEventDetails"]["mapRunArn"] == inner["mapRunArn"]


async def test_stopping_a_run_stops_the_runs_of_its_children(harness: Harness):
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    nested = json.loads(json.dumps(NESTED))
    nested["States"]["Inner"]["ItemProcessor"].update(waiting)
    wish = command(items=[{"items": [1, 2]}])
    await harness.start(machine(nested), wish)
    inner = []
    while not inner:
        await asyncio.sleep(0.02)
        for child in await harness.all_children(wish.map_run_arn, status="RUNNING"):
            inner, _ = await harness.runs.list_runs(child["executionArn"])
    await asyncio.sleep(0.1)
    await harness.runs.stop_run(wish.map_run_arn)
    await harness.runs.wait_ended(wish.map_run_arn)
    await asyncio.sleep(0.05)
    await harness.runs.wait_ended(inner[0]["mapRunArn"])
    described = await harness.runs.describe(inner[0]["mapRunArn"])
    assert described["status"] == "ABORTED"
    assert described["itemCounts"]["aborted"] == 2


async def test_every_child_has_its_own_chance_and_the_same_when_it_is_run_again(harness: Harness, tmp_path):
    processor = {
        "StartAt": "First",
        "States": {
            "First": {"Type": "Pass", "Parameters": {"a.$": "States.UUID()"}, "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": 0, "Next": "Second"},
            "Second": {"Type": "Pass", "Parameters": {"a.$": "$.a", "b.$": "States.UUID()"}, "End": True},
        },
    }
    wish = command(items=[1, 2, 3])
    found = await harness.result(machine(processor), wish)
    assert len({value for one in found for value in one.values()}) == 6
    async with Harness(tmp_path / "other") as other:
        assert await other.result(machine(processor), wish) == found
