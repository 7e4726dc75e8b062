"""kill -9 while an execution waits for a token, a worker, a timer: after a restart it is completed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from steppe.testing.server_process import ServerProcess

from .article import Aws

ROLE = "arn:aws:iam::000000000000:role/r"
CALLBACK = "arn:aws:states:::aws-sdk:s3:putObject.waitForTaskToken"

Connect = Callable[[ServerProcess], Aws]


def _start(aws: Aws, name: str, value: str = '{"n":1}', **states: dict[str, object]) -> str:
    text = json.dumps({"StartAt": next(iter(states)), "States": states})
    machine = aws.sfn.create_state_machine(name=name, definition=text, roleArn=ROLE)["stateMachineArn"]
    return str(aws.sfn.start_execution(stateMachineArn=machine, input=value)["executionArn"])


def _events(aws: Aws, execution: str) -> list[dict[str, object]]:
    return list(aws.sfn.get_execution_history(executionArn=execution)["events"])


def _until(aws: Aws, execution: str, kind: str) -> dict[str, object]:
    """The first event of a kind, once it is there."""
    deadline = time.monotonic() + 20
    while True:
        found = [event for event in _events(aws, execution) if event["type"] == kind]
        if found:
            return found[0]
        assert time.monotonic() < deadline, f"no {kind}"
        time.sleep(0.01)


def test_what_waits_survives_kill_9_and_is_completed(server: ServerProcess, connect: Connect) -> None:
    aws = connect(server)
    activity = aws.sfn.create_activity(name="work")["activityArn"]
    aws.s3.create_bucket(Bucket="tokens")
    parameters = {"Bucket": "tokens", "Key": "token", "Body.$": "$$.Task.Token"}
    callback = _start(aws, "callback", A={"Type": "Task", "Resource": CALLBACK, "Parameters": parameters, "End": True})
    early = _start(aws, "early", A={"Type": "Task", "Resource": activity, "End": True})
    late = _start(aws, "late", A={"Type": "Task", "Resource": activity, "End": True})
    timer = _start(aws, "timer", A={"Type": "Wait", "Seconds": 3, "End": True})
    first = aws.sfn.get_activity_task(activityArn=activity, workerName="before")
    _until(aws, callback, "TaskSubmitted")
    server.kill()

    server.start()
    aws = connect(server)
    aws.sfn.send_task_success(taskToken=first["taskToken"], output='"before"')
    second = aws.sfn.get_activity_task(activityArn=activity, workerName="after")
    aws.sfn.send_task_success(taskToken=second["taskToken"], output=second["input"])
    token = json.loads(aws.s3.get_object(Bucket="tokens", Key="token")["Body"].read())
    aws.sfn.send_task_success(taskToken=token, output='"called back"')
    outputs = {early: "before", late: {"n": 1}, timer: {"n": 1}, callback: "called back"}
    for execution, output in outputs.items():
        assert json.loads(_ended(aws, execution)["output"]) == output
    # The call was made before: it is not made again.
    assert [event["type"] for event in _events(aws, callback)] == [
        *("ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted"),
        *("TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"),
    ]


def test_children_of_a_map_run_wait_for_workers_and_tokens_through_kill_9(
    server: ServerProcess, connect: Connect
) -> None:
    aws = connect(server)
    activity = aws.sfn.create_activity(name="work")["activityArn"]
    aws.s3.create_bucket(Bucket="tokens")
    parameters = {"Bucket": "tokens", "Key.$": "States.Format('{}', $)", "Body.$": "$$.Task.Token"}
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Work",
        "States": {
            "Work": {"Type": "Task", "Resource": activity, "HeartbeatSeconds": 60, "Next": "Call"},
            "Call": {"Type": "Task", "Resource": CALLBACK, "Parameters": parameters, "End": True},
        },
    }
    distributed = {"Type": "Map", "ItemsPath": "$.items", "ToleratedFailureCount": 1, "ItemProcessor": processor}
    states = {"M": distributed | {"End": True}}
    execution = _start(aws, "map", '{"items":[1,2,3]}', **states)
    tasks = [aws.sfn.get_activity_task(activityArn=activity, workerName="w") for _ in range(3)]
    assert sorted(json.loads(task["input"]) for task in tasks) == [1, 2, 3]
    by_item = {json.loads(task["input"]): task["taskToken"] for task in tasks}
    aws.sfn.send_task_heartbeat(taskToken=by_item[1])
    aws.sfn.send_task_success(taskToken=by_item[1], output="1")
    with pytest.raises(aws.sfn.exceptions.TaskTimedOut):
        aws.sfn.send_task_success(taskToken=by_item[1], output="1")
    one = _token(aws, "1")
    server.kill()

    server.start()
    aws = connect(server)
    # Answered before its child is there again; the others were taken before, by workers who still have their tokens.
    aws.sfn.send_task_success(taskToken=one, output='"one"')
    for item in (2, 3):
        aws.sfn.send_task_success(taskToken=by_item[item], output=str(item))
    aws.sfn.send_task_success(taskToken=_token(aws, "2"), output='"two"')
    aws.sfn.send_task_failure(taskToken=_token(aws, "3"), error="E", cause="C")
    assert json.loads(_ended(aws, execution)["output"])[:2] == ["one", "two"]
    (run,) = aws.sfn.list_map_runs(executionArn=execution)["mapRuns"]
    children = aws.sfn.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    outputs = [aws.sfn.describe_execution(executionArn=child["executionArn"]) for child in children]
    assert sorted(child.get("output", child.get("error")) for child in outputs) == ['"one"', '"two"', "E"]
    types = [[event["type"] for event in _events(aws, child["executionArn"])] for child in children]
    assert all(kinds.count("ActivityStarted") == 1 for kinds in types), types


def _token(aws: Aws, key: str) -> str:
    """The token that a child has put into the bucket."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return str(json.loads(aws.s3.get_object(Bucket="tokens", Key=key)["Body"].read()))
        except aws.s3.exceptions.NoSuchKey:
            assert time.monotonic() < deadline, f"no token {key}"
            time.sleep(0.02)


def _ended(aws: Aws, execution: str) -> dict[str, str]:
    deadline = time.monotonic() + 20
    while (described := aws.sfn.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline, "it does not end"
        time.sleep(0.01)
    assert described["status"] == "SUCCEEDED", described
    return dict(described)
