"""Map Runs whose servers are killed at random moments, and redriven ones: everything ends as it would have without.

A run of 200,000 rows and 20 kills takes minutes; STEPPE_FAULTS_FULL=1 asks for it, else there are fewer of both.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from steppe.testing.server_process import ServerProcess

from . import article
from .article import ROLE, Aws

FULL = bool(os.environ.get("STEPPE_FAULTS_FULL"))
ROWS = 200_000 if FULL else 20_000
KILLS = 20 if FULL else 5
SEEDS = (1,)

Connect = Callable[[ServerProcess], Aws]

READER = {
    "Resource": "arn:aws:states:::s3:getObject",
    "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
    "Parameters": {"Bucket": "faults", "Key": "rows.csv"},
}
WRITER = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "faults", "Prefix": "out"}}
ONE_IN_A_HUNDRED_FAILS = {
    "StartAt": "Which",
    "States": {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.id", "StringMatches": "*77", "Next": "Unlucky"}],
            "Default": "Mark",
        },
        "Unlucky": {"Type": "Fail", "Error": "Unlucky", "Cause": "it ends with 77"},
        "Mark": {"Type": "Pass", "Result": "seen", "ResultPath": "$.mark", "Next": "Done"},
        "Done": {"Type": "Succeed"},
    },
}


def _start(aws: Aws, processor: dict[str, Any], value: object = None, **fields: object) -> str:
    """Start an execution of one Distributed Map."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    state = {"Type": "Map", "Label": "L", "ItemProcessor": {"ProcessorConfig": config, **processor}, "End": True}
    text = json.dumps({"StartAt": "M", "States": {"M": {**state, **fields}}})
    machine = aws.sfn.create_state_machine(name="faults", definition=text, roleArn=ROLE)["stateMachineArn"]
    return str(aws.sfn.start_execution(stateMachineArn=machine, input=json.dumps(value))["executionArn"])


def _map_run(aws: Aws, execution: str) -> dict[str, Any]:
    """The one Map Run of an execution."""
    (run,) = aws.sfn.list_map_runs(executionArn=execution)["mapRuns"]
    return dict(aws.sfn.describe_map_run(mapRunArn=run["mapRunArn"]))


@pytest.mark.timeout(1800 if FULL else 300)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_ends_the_same_however_often_its_server_is_killed(
    server: ServerProcess, connect: Connect, seed: int
) -> None:
    chance = random.Random(seed)
    aws = connect(server)
    aws.s3.create_bucket(Bucket="faults")
    aws.s3.put_object(Bucket="faults", Key="rows.csv", Body=b"id\n" + b"".join(b"%d\n" % n for n in range(ROWS)))
    execution = _start(
        aws, ONE_IN_A_HUNDRED_FAILS, ItemReader=READER, ResultWriter=WRITER, ToleratedFailurePercentage=2
    )
    killed_at = 0.0
    ended_before = 0
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.0, 0.35))
        killed_at = time.time()
        server.kill()
        server.start()
        aws = connect(server)
        ended_before += aws.sfn.describe_execution(executionArn=execution)["status"] != "RUNNING"
    description = article.wait(aws, execution)
    assert description["status"] == "SUCCEEDED", description
    assert ended_before < KILLS // 2, "it was over before most kills: the test shows little"
    assert killed_at

    failed = [number for number in range(ROWS) if number % 100 == 77]
    run = _map_run(aws, execution)
    for counts in (run["itemCounts"], run["executionCounts"]):
        assert counts == {
            **dict.fromkeys(counts, 0),
            "total": ROWS,
            "succeeded": ROWS - len(failed),
            "failed": len(failed),
            "resultsWritten": ROWS,
        }
    _check_records(aws, description["output"], failed)
    listed = list(article.children(aws, run["mapRunArn"]))
    assert len({child["executionArn"] for child in listed}) == len(listed) == ROWS
    assert Counter(child["status"] for child in listed) == {"SUCCEEDED": ROWS - len(failed), "FAILED": len(failed)}


def _check_records(aws: Aws, output: str, failed: list[int]) -> None:
    """Each item once, in item order, with the outcome that is its own."""
    good = list(article.result_records(aws, output, "SUCCEEDED"))
    ids = [int(json.loads(record["Input"])["id"]) for record in good]
    assert ids == [number for number in range(ROWS) if number % 100 != 77]
    assert all(json.loads(record["Output"]) == {**json.loads(record["Input"]), "mark": "seen"} for record in good)
    bad = list(article.result_records(aws, output, "FAILED"))
    assert [int(json.loads(record["Input"])["id"]) for record in bad] == failed
    assert {(record["Error"], record["Cause"], record["Status"]) for record in bad} == {
        ("Unlucky", "it ends with 77", "FAILED")
    }
    assert list(article.result_records(aws, output, "PENDING")) == []


GET = {
    "StartAt": "Before",
    "States": {
        "Before": {"Type": "Pass", "Parameters": {"key.$": "$.key", "run.$": "$$.Execution"}, "Next": "Get"},
        "Get": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:headObject",
            "Parameters": {"Bucket": "faults", "Key.$": "$.key"},
            "ResultPath": None,
            "Next": "After",
        },
        "After": {
            "Type": "Pass",
            "Parameters": {"key.$": "$.key", "before.$": "$.run", "after.$": "$$.Execution"},
            "End": True,
        },
    },
}


def test_a_redriven_run_goes_on_through_kill_9(server: ServerProcess, connect: Connect) -> None:
    """The objects that half of the children look for are put there later: only these children run again."""
    count = 400
    aws = connect(server)
    aws.s3.create_bucket(Bucket="faults")
    folder = article.bucket_folder(server, "faults")
    for number in range(0, count, 2):
        (folder / f"object-{number}").write_bytes(b"x")
    items = [{"key": f"object-{number}"} for number in range(count)]
    execution = _start(aws, GET, items, ResultWriter=WRITER, ToleratedFailureCount=count // 2 - 1)
    assert article.wait(aws, execution)["status"] == "FAILED"
    before = _map_run(aws, execution)
    first = {child["executionArn"]: child for child in article.children(aws, before["mapRunArn"])}
    for number in range(1, count, 2):
        (folder / f"object-{number}").write_bytes(b"x")

    aws.sfn.redrive_execution(executionArn=execution)
    for _ in range(3):
        time.sleep(0.05)
        server.kill()
        server.start()
        aws = connect(server)
    description = article.wait(aws, execution)
    assert description["status"] == "SUCCEEDED", description
    after = _map_run(aws, execution)
    assert (after["mapRunArn"], after["redriveCount"]) == (before["mapRunArn"], 1)
    assert after["redriveDate"] >= before["stopDate"]
    assert after["itemCounts"]["succeeded"] == after["executionCounts"]["succeeded"] == count
    place = json.loads(description["output"])["ResultWriterDetails"]["Key"]
    assert place.endswith("/Redrive-1/manifest.json")
    records = list(article.result_records(aws, description["output"], "SUCCEEDED"))
    assert Counter(json.loads(record["Input"])["key"] for record in records) == Counter(
        f"object-{number}" for number in range(count)
    )
    children = {child["executionArn"]: child for child in article.children(aws, after["mapRunArn"])}
    assert children.keys() >= first.keys()
    for arn, child in first.items():
        if child["status"] == "SUCCEEDED":
            assert children[arn] == child
        else:
            assert children[arn]["redriveCount"] == 1
            assert children[arn]["startDate"] == child["startDate"]
    _check_redriven_child(aws, next(arn for arn, child in first.items() if child["status"] == "FAILED"))
    _check_parent(aws, execution)


def _check_redriven_child(aws: Aws, arn: str) -> None:
    """It went on in the state that failed, and knows from there on that it was redriven."""
    described = aws.sfn.describe_execution(executionArn=arn)
    assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
    output = json.loads(described["output"])
    assert (output["before"]["RedriveCount"], output["after"]["RedriveCount"]) == (0, 1)
    events = aws.sfn.get_execution_history(executionArn=arn)["events"]
    types = [event["type"] for event in events]
    assert types.count("PassStateEntered") == 2
    assert types.count("TaskStateEntered") == 1
    assert types.count("ExecutionRedriven") == 1
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))


def _check_parent(aws: Aws, execution: str) -> None:
    """Events as AWS writes them: the run is redriven under its ARN."""
    events = aws.sfn.get_execution_history(executionArn=execution)["events"]
    types = [event["type"] for event in events]
    assert types.count("MapRunStarted") == types.count("MapRunRedriven") == types.count("MapRunSucceeded") == 1
    redriven = events[types.index("MapRunRedriven")]
    assert redriven["mapRunRedrivenEventDetails"]["redriveCount"] == 1
    assert events[redriven["previousEventId"] - 1]["type"] == "MapStateStarted"
