"""Redrive of Distributed Maps in every surrounding: nested, stopped, Express, with tasks that wait for a token."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steppe.testing.server_process import ServerProcess

from . import article
from .article import ROLE, Aws


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Aws, Path]]:
    """One server for all tests of the file, and the folder of its bucket `redrive`."""
    with ServerProcess(tmp_path_factory.mktemp("redrive") / "data", "--workers", "2") as process:
        aws = Aws(process.url)
        aws.s3.create_bucket(Bucket="redrive")
        yield aws, article.bucket_folder(process, "redrive")
        aws.close()


def _map(processor: dict[str, Any], *, kind: str = "STANDARD", **fields: object) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    return {"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, **processor}, "End": True, **fields}


def _head(key: str) -> dict[str, Any]:
    parameters = {"Bucket": "redrive", "Key.$": f"States.Format('{key}', $)"}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:headObject",
        "Parameters": parameters,
        "ResultPath": None,
        "End": True,
    }


def _run(aws: Aws, name: str, state: dict[str, Any], value: object) -> str:
    text = json.dumps({"StartAt": "M", "States": {"M": state}})
    machine = aws.sfn.create_state_machine(name=name, definition=text, roleArn=ROLE)["stateMachineArn"]
    return str(aws.sfn.start_execution(stateMachineArn=machine, input=json.dumps(value))["executionArn"])


def _map_run(aws: Aws, execution: str) -> dict[str, Any]:
    (run,) = aws.sfn.list_map_runs(executionArn=execution)["mapRuns"]
    return dict(aws.sfn.describe_map_run(mapRunArn=run["mapRunArn"]))


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_nested_map_run_is_redriven_with_the_child_that_it_belongs_to(shared: tuple[Aws, Path]) -> None:
    aws, folder = shared
    inner = _map({"StartAt": "H", "States": {"H": _head("nested-{}")}}, Label="Inner")
    outer = _map({"StartAt": "Inner", "States": {"Inner": inner}}, Label="Outer", MaxConcurrency=1)
    for number in (1, 2, 4):
        (folder / f"nested-{number}").write_bytes(b"x")
    execution = _run(aws, "nested", outer, [[1, 2], [3, 4]])
    assert article.wait(aws, execution)["status"] == "FAILED"
    before = {
        child["executionArn"]: child["status"] for child in article.children(aws, _map_run(aws, execution)["mapRunArn"])
    }
    assert Counter(before.values()) == {"SUCCEEDED": 1, "FAILED": 1}
    (folder / "nested-3").write_bytes(b"x")
    aws.sfn.redrive_execution(executionArn=execution)
    description = article.wait(aws, execution)
    assert description["status"] == "SUCCEEDED", description
    assert json.loads(description["output"]) == [[1, 2], [3, 4]]
    failed = next(arn for arn, status in before.items() if status == "FAILED")
    nested = _map_run(aws, failed)
    assert (nested["status"], nested["redriveCount"]) == ("SUCCEEDED", 1)
    other = next(arn for arn, status in before.items() if status == "SUCCEEDED")
    assert _map_run(aws, other)["redriveCount"] == 0


def test_a_stopped_run_is_redriven_where_its_children_waited(shared: tuple[Aws, Path]) -> None:
    aws, _ = shared
    states = {"P": {"Type": "Pass", "Next": "W"}, "W": {"Type": "Wait", "SecondsPath": "$.wait", "End": True}}
    items = [{"wait": 0}, {"wait": 1}, {"wait": 1}]
    execution = _run(aws, "stopped", _map({"StartAt": "P", "States": states}, Label="L", MaxConcurrency=2), items)
    _until(lambda: bool(aws.sfn.list_map_runs(executionArn=execution)["mapRuns"]))
    _until(lambda: _map_run(aws, execution)["itemCounts"]["running"] == 2)
    aws.sfn.stop_execution(executionArn=execution, error="E", cause="C")
    _until(lambda: _map_run(aws, execution)["status"] == "ABORTED")
    counts = _map_run(aws, execution)["itemCounts"]
    assert (counts["succeeded"], counts["aborted"]) == (1, 2)
    aws.sfn.redrive_execution(executionArn=execution)
    assert article.wait(aws, execution)["status"] == "SUCCEEDED"
    run = _map_run(aws, execution)
    assert (run["status"], run["redriveCount"], run["itemCounts"]["succeeded"]) == ("SUCCEEDED", 1, 3)
    listed = {child["executionArn"]: child["redriveCount"] for child in article.children(aws, run["mapRunArn"])}
    assert Counter(listed.values()) == {0: 1, 1: 2}
    again = next(arn for arn, count in listed.items() if count)
    types = [event["type"] for event in aws.sfn.get_execution_history(executionArn=again)["events"]]
    assert types.count("WaitStateEntered") == 1


def test_express_children_are_redriven_from_their_beginning(shared: tuple[Aws, Path]) -> None:
    aws, folder = shared
    processor = {"StartAt": "H", "States": {"H": _head("express-{}")}}
    (folder / "express-1").write_bytes(b"x")
    execution = _run(aws, "express", _map(processor, kind="EXPRESS", Label="L"), [1, 2])
    assert article.wait(aws, execution)["status"] == "FAILED"
    (folder / "express-2").write_bytes(b"x")
    aws.sfn.redrive_execution(executionArn=execution)
    description = article.wait(aws, execution)
    assert json.loads(description["output"]) == [1, 2]
    assert _map_run(aws, execution)["executionCounts"]["succeeded"] == 2


def test_a_child_that_failed_by_its_token_gets_another_one(shared: tuple[Aws, Path]) -> None:
    aws, _ = shared
    parameters = {"Bucket": "redrive", "Key.$": "States.Format('token-{}', $)", "Body.$": "$$.Task.Token"}
    resource = "arn:aws:states:::aws-sdk:s3:putObject.waitForTaskToken"
    states = {"T": {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}}
    execution = _run(aws, "tokens", _map({"StartAt": "T", "States": states}, Label="L"), [7])

    def token() -> str:
        return str(json.loads(aws.s3.get_object(Bucket="redrive", Key="token-7")["Body"].read()))

    def is_there() -> bool:
        return bool(aws.s3.list_objects_v2(Bucket="redrive", Prefix="token-7").get("KeyCount"))

    _until(is_there)
    first = token()
    aws.sfn.send_task_failure(taskToken=first, error="No")
    assert article.wait(aws, execution)["status"] == "FAILED"
    aws.s3.delete_object(Bucket="redrive", Key="token-7")
    aws.sfn.redrive_execution(executionArn=execution)
    _until(is_there)
    assert token() != first
    aws.sfn.send_task_success(taskToken=token(), output='"yes"')
    assert json.loads(article.wait(aws, execution)["output"]) == ["yes"]
