"""The API over the engine itself: executions run, wait, end, and go on after a restart."""

import json
import time

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/r"


def definition(**states: dict) -> str:
    return json.dumps({"StartAt": next(iter(states)), "States": states})


def create(client, name: str, text: str, **members) -> str:
    return client.create_state_machine(name=name, definition=text, roleArn=ROLE, **members)["stateMachineArn"]


def ended(client, arn: str) -> dict:
    deadline = time.monotonic() + 10
    while (described := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return described


def test_an_execution_runs_to_its_output_and_tells_its_history(serve_engine) -> None:
    text = definition(A={"Type": "Pass", "Result": {"x": 1}, "ResultPath": "$.r", "Next": "B"}, B={"Type": "Succeed"})
    with serve_engine() as server:
        arn = create(server.client, "m", text)
        started = server.client.start_execution(stateMachineArn=arn, input='{"a": 1}')
        described = ended(server.client, started["executionArn"])
        assert json.loads(described["output"]) == {"a": 1, "r": {"x": 1}}
        assert described["startDate"] == started["startDate"] <= described["stopDate"]
        events = server.client.get_execution_history(executionArn=started["executionArn"])["events"]
        assert [event["type"] for event in events] == [
            "ExecutionStarted",
            "PassStateEntered",
            "PassStateExited",
            "SucceedStateEntered",
            "SucceedStateExited",
            "ExecutionSucceeded",
        ]
        assert started["startDate"] <= events[0]["timestamp"] <= described["stopDate"]
        bare = server.client.get_execution_history(executionArn=started["executionArn"], includeExecutionData=False)
        assert "input" not in json.dumps(bare["events"], default=str)
        assert "roleArn" in bare["events"][0]["executionStartedEventDetails"]


def test_a_failure_shows_error_and_cause(serve_engine) -> None:
    with serve_engine() as server:
        arn = create(server.client, "m", definition(A={"Type": "Fail", "Error": "E", "Cause": "C"}))
        described = ended(server.client, server.client.start_execution(stateMachineArn=arn)["executionArn"])
        assert (described["status"], described["error"], described["cause"]) == ("FAILED", "E", "C")
        assert described["redriveStatus"] == "REDRIVABLE"
        express = create(server.client, "x", definition(A={"Type": "Fail", "Error": "E"}), type="EXPRESS")
        answer = server.client.start_sync_execution(stateMachineArn=express)
        assert (answer["status"], answer["error"]) == ("FAILED", "E")
        assert "output" not in answer


@pytest.mark.slow
def test_what_waits_can_be_stopped_and_goes_on_after_a_restart(serve_engine) -> None:
    text = definition(A={"Type": "Wait", "SecondsPath": "$.seconds", "End": True})
    with serve_engine() as server:
        arn = create(server.client, "m", text)
        starts = {
            name: server.client.start_execution(stateMachineArn=arn, name=name, input=json.dumps({"seconds": seconds}))
            for name, seconds in (("stopped", 1000), ("soon", 1), ("late", 1000))
        }
        stopped = server.client.stop_execution(executionArn=starts["stopped"]["executionArn"], error="E", cause="C")
        described = server.client.describe_execution(executionArn=starts["stopped"]["executionArn"])
        assert (described["status"], described["error"], described["stopDate"]) == ("ABORTED", "E", stopped["stopDate"])
    with serve_engine() as server:
        assert ended(server.client, starts["soon"]["executionArn"])["status"] == "SUCCEEDED"
        again = server.client.start_execution(stateMachineArn=arn, name="late", input='{"seconds": 1000}')
        assert again["startDate"] == starts["late"]["startDate"]
        running = server.client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
        assert [entry["name"] for entry in running] == ["late"]
        server.client.delete_state_machine(stateMachineArn=arn)
        assert ended(server.client, starts["late"]["executionArn"])["status"] == "ABORTED"
    with serve_engine() as server:
        assert server.client.list_state_machines()["stateMachines"] == []
        pinned = server.client.describe_state_machine_for_execution(executionArn=starts["late"]["executionArn"])
        assert pinned["definition"] == text


HALVES = {
    "an output": ({"Type": "Pass", "End": True}, {"output": r'{"a":"x\ud800"}'}),
    "an error and its cause": (
        {"Type": "Fail", "ErrorPath": "$.a", "CausePath": "$.a"},
        {"error": "x?", "cause": "x?"},
    ),
    "the name of an error": ({"Type": "Fail", "Error": "\udfff"}, {"error": "?"}),
}


@pytest.mark.parametrize("name", HALVES)
def test_half_of_a_surrogate_pair_in_data_keeps_no_execution_from_its_end(serve_engine, name) -> None:
    state, expected = HALVES[name]
    with serve_engine() as server:
        for kind in ("STANDARD", "EXPRESS"):
            arn = create(server.client, kind, definition(A=state), type=kind)
            members = {"stateMachineArn": arn, "input": r'{"a":"x\ud800"}'}
            if kind == "STANDARD":
                described = ended(server.client, server.client.start_execution(**members)["executionArn"])
            else:
                described = server.client.start_sync_execution(**members)
            assert {member: described[member] for member in expected} == expected


def test_half_of_a_surrogate_pair_in_a_text_of_a_request_is_refused(serve_engine) -> None:
    with serve_engine() as server, pytest.raises(ClientError) as refusal:
        create(server.client, "m", definition(A={"Type": "Succeed"}), tags=[{"key": "k", "value": "\ud800"}])
    assert refusal.value.response["Error"]["Code"] == "SerializationException"
