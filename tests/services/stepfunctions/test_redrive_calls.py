"""RedriveExecution over HTTP and the engine itself: from every place that can fail, and every refusal."""

import asyncio
import json
import time
from functools import partial

import pytest
from botocore.exceptions import ClientError

from steppe.base.arns import Realm
from steppe.stores import executions
from steppe.stores.tables import executions as execution_rows
from steppe.stores.tables import history

ROLE = "arn:aws:iam::000000000000:role/r"
REALM = Realm()
ACTIVITY = REALM.activity("work")
TASK = {"Type": "Task", "Resource": ACTIVITY, "End": True}


@pytest.fixture
def served(serve_engine):
    with serve_engine() as server:
        server.engine.poll_seconds = 5.0
        server.client.create_activity(name="work")
        yield server


def machine(server, states: dict, name: str = "m", **members) -> str:
    text = json.dumps({"StartAt": next(iter(states)), "States": states})
    answer = server.client.create_state_machine(name=name, definition=text, roleArn=ROLE, **members)
    return answer["stateMachineArn"]


def start(server, arn: str, value=None) -> str:
    return server.client.start_execution(stateMachineArn=arn, input=json.dumps(value or {}))["executionArn"]


def poll(server) -> tuple[str, object]:
    task = server.client.get_activity_task(activityArn=ACTIVITY)
    return task["taskToken"], json.loads(task["input"])


def succeed(server, output) -> object:
    """Take the next task and end it well; its input."""
    token, value = poll(server)
    server.client.send_task_success(taskToken=token, output=json.dumps(output))
    return value


def fail(server) -> object:
    """Take the next task and have it fail; its input."""
    token, value = poll(server)
    server.client.send_task_failure(taskToken=token, error="E", cause="C")
    return value


def ended(server, arn: str) -> dict:
    deadline = time.monotonic() + 10
    while (described := server.client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return described


def types(server, arn: str) -> list[str]:
    found = server.client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    assert [event["id"] for event in found] == list(range(1, len(found) + 1))
    return [event["type"] for event in found]


def refused(call, **members) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def branch(name: str) -> dict:
    return {"StartAt": name, "States": {name: TASK}}


def test_a_failed_task_is_run_again_and_what_was_done_is_kept(served) -> None:
    states = {
        "A": {"Type": "Pass", "Result": 1, "ResultPath": "$.a", "Next": "B"},
        "B": TASK | {"ResultPath": "$.b", "Parameters": {"run.$": "$$.Execution"}},
    }
    execution = start(served, machine(served, states))
    first = fail(served)
    before = ended(served, execution)
    assert (before["redriveStatus"], before["redriveCount"]) == ("REDRIVABLE", 0)
    assert first["run"]["RedriveCount"] == 0
    answer = served.client.redrive_execution(executionArn=execution)
    described = served.client.describe_execution(executionArn=execution)
    assert {"stopDate", "error", "cause"}.isdisjoint(described)
    assert described["status"] == "RUNNING"
    assert (described["redriveCount"], described["redriveDate"]) == (1, answer["redriveDate"])
    assert described["redriveStatusReason"] == "Execution is RUNNING and cannot be redriven"
    second = succeed(served, "fixed")
    assert second["run"]["RedriveCount"] == 1
    after = ended(served, execution)
    assert json.loads(after["output"]) == {"a": 1, "b": "fixed"}
    assert after["startDate"] == before["startDate"]
    assert types(served, execution) == [
        *("ExecutionStarted", "PassStateEntered", "PassStateExited", "TaskStateEntered"),
        *("ActivityScheduled", "ActivityStarted", "ActivityFailed", "ExecutionFailed"),
        *("ExecutionRedriven", "ActivityScheduled", "ActivityStarted", "ActivitySucceeded"),
        *("TaskStateExited", "ExecutionSucceeded"),
    ]
    (entry,) = served.client.list_executions(stateMachineArn=after["stateMachineArn"])["executions"]
    assert (entry["redriveCount"], entry["redriveDate"]) == (1, answer["redriveDate"])


def test_branches_that_are_done_stay_done(served) -> None:
    states = {"P": {"Type": "Parallel", "Branches": [branch("X"), branch("Y"), branch("Z")], "End": True}}
    execution = start(served, machine(served, states))
    succeed(served, "kept")
    fail(served)
    ended(served, execution)
    served.client.redrive_execution(executionArn=execution)
    for output in ("y", "z"):
        succeed(served, output)
    assert json.loads(ended(served, execution)["output"]) == ["kept", "y", "z"]
    assert types(served, execution).count("ParallelStateStarted") == 1


def test_iterations_that_are_done_stay_done(served) -> None:
    processor = {"ProcessorConfig": {"Mode": "INLINE"}} | branch("X")
    states = {
        "M": {"Type": "Map", "ItemProcessor": processor, "ItemsPath": "$.items", "MaxConcurrency": 1, "End": True}
    }
    execution = start(served, machine(served, states), {"items": [1, 2, 3]})
    assert succeed(served, "one") == 1
    assert fail(served) == 2
    ended(served, execution)
    served.client.redrive_execution(executionArn=execution)
    assert [succeed(served, "two"), succeed(served, "three")] == [2, 3]
    assert json.loads(ended(served, execution)["output"]) == ["one", "two", "three"]


def test_a_task_deep_inside_is_found(served) -> None:
    inner = {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": branch("X"), "End": True}}}
    states = {"P": {"Type": "Parallel", "Branches": [inner, branch("Y")], "End": True}}
    execution = start(served, machine(served, states), [1, 2])
    taken = {}
    for _ in range(3):
        token, value = poll(served)
        taken[json.dumps(value)] = token
    served.client.send_task_success(taskToken=taken["1"], output='"one"')
    served.client.send_task_failure(taskToken=taken["2"], error="E")
    ended(served, execution)
    served.client.redrive_execution(executionArn=execution)
    left = [succeed(served, "again") for _ in range(2)]
    assert sorted(map(json.dumps, left)) == ["2", "[1, 2]"]
    assert json.loads(ended(served, execution)["output"]) == [["one", "again"], "again"]


def test_stopped_executions_and_failing_ones_go_on_and_may_fail_again(served) -> None:
    stopped = start(served, machine(served, {"A": TASK}))
    served.client.stop_execution(executionArn=stopped)
    served.client.redrive_execution(executionArn=stopped)
    succeed(served, 1)
    assert ended(served, stopped)["status"] == "SUCCEEDED"
    failing = start(served, machine(served, {"A": {"Type": "Fail", "Error": "E"}}, name="f"))
    ended(served, failing)
    for count in (1, 2):
        served.client.redrive_execution(executionArn=failing)
        described = ended(served, failing)
        assert (described["status"], described["redriveCount"]) == ("FAILED", count)


@pytest.mark.slow
def test_an_execution_that_timed_out_has_a_fresh_deadline(served) -> None:
    text = json.dumps({"StartAt": "A", "TimeoutSeconds": 1, "States": {"A": TASK}})
    created = served.client.create_state_machine(name="m", definition=text, roleArn=ROLE)
    execution = start(served, created["stateMachineArn"])
    assert ended(served, execution)["status"] == "TIMED_OUT"
    served.client.redrive_execution(executionArn=execution)
    succeed(served, 1)
    assert ended(served, execution)["status"] == "SUCCEEDED"


def test_a_redrive_goes_on_with_the_definition_of_the_start_after_an_update_and_a_restart(serve_engine) -> None:
    with serve_engine() as server:
        server.client.create_activity(name="work")
        first = {"Type": "Task", "Resource": ACTIVITY, "Next": "B"}
        arn = machine(server, {"A": first, "B": {"Type": "Succeed"}})
        execution = start(server, arn)
        fail(server)
        ended(server, execution)
        later = json.dumps({"StartAt": "C", "States": {"C": {"Type": "Fail"}}})
        server.client.update_state_machine(stateMachineArn=arn, definition=later)
    with serve_engine() as server:
        server.client.redrive_execution(executionArn=execution)
    with serve_engine() as server:
        succeed(server, 1)
        assert ended(server, execution)["status"] == "SUCCEEDED"
        assert types(server, execution)[-3:] == ["SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded"]


def test_a_client_token_is_good_for_one_redrive(served) -> None:
    redrive = served.client.redrive_execution
    execution = start(served, machine(served, {"A": TASK}))
    fail(served)
    ended(served, execution)
    first = redrive(executionArn=execution, clientToken="one")["redriveDate"]
    assert redrive(executionArn=execution, clientToken="one")["redriveDate"] == first
    assert refused(redrive, executionArn=execution, clientToken="two")[0] == "ExecutionNotRedrivable"
    fail(served)
    ended(served, execution)
    assert redrive(executionArn=execution, clientToken="one")["redriveDate"] == first
    assert ended(served, execution)["redriveCount"] == 1
    second = redrive(executionArn=execution, clientToken="two")["redriveDate"]
    assert second > first
    assert redrive(executionArn=execution, clientToken="one")["redriveDate"] == first
    succeed(served, 1)
    ended(served, execution)
    assert redrive(executionArn=execution, clientToken="two")["redriveDate"] == second
    assert refused(redrive, executionArn=execution, clientToken="three") == (
        "ExecutionNotRedrivable",
        f"Execution {execution} invalid for redrive as: Execution is SUCCEEDED and cannot be redriven",
    )
    assert refused(redrive, executionArn=execution, clientToken="t" * 65)[0] == "ValidationException"


def test_only_the_last_ten_client_tokens_are_known(served) -> None:
    redrive = served.client.redrive_execution
    execution = start(served, machine(served, {"A": {"Type": "Fail", "Error": "E"}}))
    dates = [redrive(executionArn=execution, clientToken=str(number))["redriveDate"] for number in range(11)]
    assert redrive(executionArn=execution, clientToken="1")["redriveDate"] == dates[1]
    assert redrive(executionArn=execution, clientToken="0")["redriveDate"] > dates[10]


DAY_MS = 24 * 60 * 60 * 1000
REASONS = {
    "Execution redrivable period exceeded": {"stopped_ms": -14 * DAY_MS - 1000},
    "Execution has exceeded the max execution time": {"started_ms": -365 * DAY_MS - 1000},
    "Execution has exceeded the maximum number of redrives": {"redrive_count": 1000},
    "Execution was started before the launch of RedriveExecution": {"snapshot": None},
}


@pytest.mark.parametrize("reason", REASONS)
def test_an_execution_says_why_it_cannot_be_redriven(served, reason: str) -> None:
    execution = start(served, machine(served, {"A": {"Type": "Fail"}}))
    values = REASONS[reason]
    now = served.engine.clock()
    values = {name: now + value if name.endswith("_ms") else value for name, value in values.items()}
    served.database.write_now(lambda c: c.execute(execution_rows.update().values(**values)))
    described = served.client.describe_execution(executionArn=execution)
    assert (described["redriveStatus"], described["redriveStatusReason"]) == ("NOT_REDRIVABLE", reason)
    assert refused(served.client.redrive_execution, executionArn=execution) == (
        "ExecutionNotRedrivable",
        f"Execution {execution} invalid for redrive as: {reason}",
    )


def test_an_execution_with_a_full_history_cannot_be_redriven(served) -> None:
    execution = start(served, machine(served, {"A": {"Type": "Fail"}}))
    served.database.write_now(
        lambda c: c.execute(history.insert().values(execution_id=1, first_event_id=24_999, event_count=1, body=b"[]"))
    )
    described = served.client.describe_execution(executionArn=execution)
    assert described["redriveStatusReason"] == "Execution has exceeded the maximum history event limit"
    assert refused(served.client.redrive_execution, executionArn=execution)[0] == "ExecutionNotRedrivable"


def test_an_execution_of_a_deleted_machine_cannot_be_redriven(served) -> None:
    arn = machine(served, {"A": {"Type": "Fail"}})
    execution = start(served, arn)
    served.client.delete_state_machine(stateMachineArn=arn)
    assert served.client.describe_execution(executionArn=execution)["redriveStatusReason"] == (
        "State machine is in DELETING status"
    )
    assert refused(served.client.redrive_execution, executionArn=execution)[0] == "ExecutionNotRedrivable"


def test_what_is_no_execution_of_a_standard_machine_is_refused(served) -> None:
    redrive = served.client.redrive_execution
    missing = REALM.execution("m", "missing")
    assert refused(redrive, executionArn=missing) == (
        "ExecutionDoesNotExist",
        f"Execution Does Not Exist: '{missing}'",
    )
    assert refused(redrive, executionArn="not_an_arn") == (
        "InvalidArn",
        "Invalid Arn: 'Invalid ARN prefix: not_an_arn'",
    )
    assert refused(redrive, executionArn=REALM.state_machine("m"))[0] == "InvalidArn"
    assert refused(redrive, executionArn=REALM.express("m", "e", "u"))[0] == "InvalidArn"
    assert refused(redrive, executionArn=REALM.execution("m/L", "e")) == (
        "ValidationException",
        "Labeled Execution ARNs are not supported for this API",
    )
    arn = machine(served, {"A": {"Type": "Pass", "End": True}})
    assert refused(served.client.list_executions, stateMachineArn=arn, redriveFilter="REDRIVEN") == (
        "ValidationException",
        "RedriveFilter cannot be applied to ListExecutions call with StateMachine ARN",
    )


def test_a_redrive_that_loses_a_race_is_refused(served) -> None:
    execution = start(served, machine(served, {"A": TASK}))
    fail(served)
    ended(served, execution)
    redrive = partial(served.engine.redrive_execution, execution, client_token=None)

    async def both():
        return await asyncio.gather(redrive(), redrive())

    assert sorted(done is None for done in served.run(both())) == [False, True]
    assert served.database.read_now(lambda c: executions.find_execution(c, execution)).redrive_count == 1
