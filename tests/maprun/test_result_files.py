"""What ResultWriter leaves, in the forms that the recordings and the guide show, beyond those of test_runs.py."""

from __future__ import annotations

import json

import pytest
from harness import PASS, Harness, command, machine, task

WRITER = {"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "data"}}}

SOME_FAIL = {
    "StartAt": "Which",
    "States": {
        "Which": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 0, "Next": "F"}], "Default": "S"},
        "F": {"Type": "Fail", "Error": "Zéro", "Cause": 'a "cause"\n'},
        "S": {"Type": "Succeed"},
    },
}


def writer(transformation: str = "NONE", output_type: str = "JSON", **parameters: str):
    return {
        "Parameters": {"Bucket": "data", "Prefix": "out/", **parameters},
        "Transformation": transformation,
        "OutputType": output_type,
    }


def listed(harness: Harness, wish) -> dict[str, bytes]:
    """The files of a run by name; the manifest lists all others, with their sizes."""
    folder = f"out/{wish.map_run_arn.rpartition(':')[2]}/"
    found = harness.objects.list_objects("data", prefix=folder).objects
    bodies = {one.key.removeprefix(folder): harness.objects.read("data", one.key) for one in found}
    manifest = json.loads(bodies["manifest.json"])
    files = [file for kind in manifest["ResultFiles"].values() for file in kind]
    sizes = {name: len(body) for name, body in bodies.items() if name != "manifest.json"}
    assert {file["Key"].removeprefix(folder): file["Size"] for file in files} == sizes
    assert list(manifest["ResultFiles"]) == ["FAILED", "PENDING", "SUCCEEDED"]
    return bodies


async def test_an_empty_run_has_a_manifest_alone(harness: Harness):
    harness.put("x", b"")
    wish = command(items=[], writer=writer())
    await harness.result(machine(PASS, **WRITER), wish)
    bodies = listed(harness, wish)
    assert list(bodies) == ["manifest.json"]
    assert bodies["manifest.json"].endswith(b'"ResultFiles":{"FAILED":[],"PENDING":[],"SUCCEEDED":[]}}')


@pytest.mark.parametrize("transformation", ["NONE", "COMPACT", "FLATTEN"])
@pytest.mark.parametrize("output_type", ["JSON", "JSONL"])
async def test_children_that_failed_are_always_records(harness: Harness, transformation, output_type):
    harness.put("x", b"")
    wish = command(items=[1, 0, 2, 0], tolerated_failure_count=2, writer=writer(transformation, output_type))
    await harness.result(machine(SOME_FAIL, **WRITER), wish)
    end = output_type.lower()
    bodies = listed(harness, wish)
    assert sorted(bodies) == [f"FAILED_0.{end}", f"SUCCEEDED_0.{end}", "manifest.json"]
    failed = bodies[f"FAILED_0.{end}"]
    if output_type == "JSONL":
        assert failed.endswith(b"}\n")
        records = [json.loads(line) for line in failed.splitlines()]
        compact = b"1\n2\n"
    else:
        assert failed.endswith(b"}]")
        records = json.loads(failed)
        compact = b"[1,2]"
    assert [list(record) for record in records] == [sorted(record) for record in records]
    assert [(record["Error"], record["Cause"], record["Input"]) for record in records] == [
        ("Zéro", 'a "cause"\n', "0")
    ] * 2
    assert b" " not in failed.replace(b'a \\"cause', b"")
    assert not any("Output" in record or "RedriveStatusReason" in record for record in records)
    if transformation != "NONE":
        assert bodies[f"SUCCEEDED_0.{end}"] == compact


async def test_express_children_have_no_redrive_status_and_both_their_names(harness: Harness):
    harness.put("x", b"")
    wish = command(items=[1, 0], tolerated_failure_count=1, writer=writer())
    await harness.result(machine(SOME_FAIL, express=True, **WRITER), wish)
    bodies = listed(harness, wish)
    (good,), (bad,) = json.loads(bodies["SUCCEEDED_0.json"]), json.loads(bodies["FAILED_0.json"])
    common = {"ExecutionArn", "Input", "InputDetails", "Name", "OutputDetails", "RedriveCount", "StartDate"}
    common |= {"StateMachineArn", "Status", "StopDate"}
    assert set(good) == common | {"Output"}
    assert set(bad) == common | {"Error", "Cause"}
    assert good["ExecutionArn"].split(":")[5:8] == ["express", "M/L", good["Name"]]


async def test_timed_out_and_aborted_children_are_in_the_failed_file(harness: Harness):
    harness.put("x", b"")
    processor = task("sleep", TimeoutSeconds=1, Parameters={"seconds.$": "$"})
    wish = command(items=[30, 0.01], max_concurrency=2, tolerated_failure_count=1, writer=writer())
    await harness.result(machine(processor, **WRITER), wish)
    (record,) = json.loads(listed(harness, wish)["FAILED_0.json"])
    assert (record["Status"], record["Error"]) in [("FAILED", "States.Timeout"), ("TIMED_OUT", "States.Timeout")]
    assert "Cause" not in record


async def test_a_source_that_cannot_be_opened_writes_nothing(harness: Harness):
    harness.put("x", b"")
    gone = {"Resource": "s3:getObject", "Parameters": {"Bucket": "data", "Key": "gone"},
            "ReaderConfig": {"InputType": "JSON"}, "MaxItems": 0}  # fmt: skip
    error, _ = await harness.fault(machine(PASS, **WRITER), command(reader=gone, writer=writer()))
    assert error == "States.ItemReaderFailed"
    assert not harness.objects.list_objects("data", prefix="out/").objects


@pytest.mark.parametrize(
    ("parameters", "cause"),
    [
        ({"Bucket": 5}, "Bucket and Prefix of ResultWriter must be strings."),
        ({"Prefix": ["a"]}, "Bucket and Prefix of ResultWriter must be strings."),
        ({"Bucket": ""}, "Bucket and Prefix of ResultWriter must be strings."),
        ({"Bucket": "no-such-bucket"}, "The specified bucket does not exist"),
        ({"ACL": "public-read"}, "The parameter ACL of ResultWriter is not supported."),
        ({"ExpectedBucketOwner": "111111111111"}, "Access Denied"),
    ],
)
async def test_a_destination_that_cannot_be_used_fails_the_run(harness: Harness, parameters, cause):
    harness.put("x", b"")
    error, told = await harness.fault(machine(PASS, **WRITER), command(items=[1], writer=writer(**parameters)))
    assert error == "States.ResultWriterFailed"
    assert cause in told


async def test_the_owner_of_the_destination_may_be_named(harness: Harness):
    harness.put("x", b"")
    wish = command(items=[1], writer=writer(ExpectedBucketOwner="000000000000"))
    await harness.result(machine(PASS, **WRITER), wish)
    assert "SUCCEEDED_0.json" in listed(harness, wish)
