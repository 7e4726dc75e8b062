"""TestState over HTTP: tables of requests and answers, and what a table cannot say."""

import json
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from steppe.base.errors import Fault

ROLE = "arn:aws:iam::000000000000:role/r"
TABLES = Path(__file__).parent / "test_state_cases"
DEFINITIONS = json.loads((TABLES / "definitions.json").read_text())
CASES = [
    pytest.param(case, id=f"{table}: {case['name']}")
    for table in ("refusals", "results", "contexts", "maps")
    for case in json.loads((TABLES / f"{table}.json").read_text())
]
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"


def ask(client, definition, **members):
    answer = client.test_state(definition=json.dumps(definition), **members)
    del answer["ResponseMetadata"]
    return answer


def same(expected, found) -> bool:
    """Whether an answer is as expected: JSON texts stand for their values, None for anything."""
    if expected is None:
        return True
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(same(value, found[name]) for name, value in expected.items())
    return expected == found or (isinstance(found, str) and json.dumps(expected) == json.dumps(json.loads(found)))


@pytest.mark.parametrize("case", CASES)
def test_a_request_is_answered_as_its_table_says(sfn, case) -> None:
    given = case["definition"]
    definition = DEFINITIONS[given] if isinstance(given, str) else given
    if "error" in case:
        code, message = case["error"]
        with pytest.raises(ClientError) as caught:
            ask(sfn, definition, **case["request"])
        error = caught.value.response["Error"]
        assert error["Code"] == code
        assert message in (None, error["Message"])
    else:
        answer = ask(sfn, definition, **case["request"])
        assert same(case["answer"], answer), answer


def test_a_task_that_is_not_mocked_is_called(server, sfn) -> None:
    server.tasks.answers[FUNCTION] = {"a": 1}
    answer = ask(sfn, DEFINITIONS["function"], roleArn=ROLE, input='{"x": 2}', inspectionLevel="DEBUG")
    assert answer["status"] == "SUCCEEDED"
    assert answer["output"] == answer["inspectionData"]["result"] == '{"a":1}'
    assert server.tasks.calls[-1].arguments == {"x": 2}


def test_what_a_called_task_fails_with_is_caught(server, sfn) -> None:
    server.tasks.answers[FUNCTION] = Fault("Broken", "C")
    caught = {**DEFINITIONS["function"], "Catch": [{"ErrorEquals": ["Broken"], "Next": "Mend"}]}
    answer = ask(sfn, caught, roleArn=ROLE)
    assert (answer["status"], answer["error"], answer["nextState"]) == ("CAUGHT_ERROR", "Broken", "Mend")


def test_a_called_task_has_its_timeout(server, sfn) -> None:
    server.tasks.answers[FUNCTION] = None
    answer = ask(sfn, {**DEFINITIONS["function"], "TimeoutSeconds": 1}, roleArn=ROLE)
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Timeout")


def test_a_test_does_not_outlast_its_five_minutes(server, sfn, monkeypatch) -> None:
    monkeypatch.setattr("steppe.services.stepfunctions.test_state.SECONDS_MAX", 0.05)
    server.tasks.answers[FUNCTION] = None
    answer = ask(sfn, DEFINITIONS["function"], roleArn=ROLE)
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Timeout")


def test_a_wait_takes_its_time_and_one_that_is_too_long_none(sfn) -> None:
    begun = time.monotonic()
    answer = ask(sfn, {"Type": "Wait", "SecondsPath": "$.s", "Next": "N"}, input='{"s": 1}')
    assert answer == {"status": "SUCCEEDED", "nextState": "N", "output": '{"s":1}'}
    assert time.monotonic() - begun > 0.9
    answer = ask(sfn, {"Type": "Wait", "Seconds": 301, "End": True})
    assert answer == {"status": "FAILED", "error": "States.Timeout"}
    assert time.monotonic() - begun < 60


def test_the_context_object_is_of_an_execution_that_exists_nowhere(sfn) -> None:
    state = {"Type": "Pass", "Parameters": {"c.$": "$$"}, "End": True}
    context = json.loads(ask(sfn, state)["output"])["c"]
    execution, machine = context["Execution"], context["StateMachine"]
    assert execution["Id"].endswith(f":express:{machine['Name']}:{execution['Name']}")
    assert machine["Id"].endswith(f":stateMachine:{machine['Name']}")
    assert execution["RoleArn"] is None
    assert "RedriveCount" not in execution
    assert context["State"] == {"Name": "StateName", "EnteredTime": execution["StartTime"]}
    assert json.loads(ask(sfn, state, roleArn=ROLE)["output"])["c"]["Execution"]["RoleArn"] == ROLE


def test_a_map_of_very_many_items_is_one_step(sfn) -> None:
    """The iterations are not run one by one: a quarter of a megabyte of items takes no longer than a few do."""
    items = [0] * 100_000
    answer = ask(
        sfn,
        DEFINITIONS["map"],
        input=json.dumps({"items": items}, separators=(",", ":")),
        mock={"result": json.dumps(items, separators=(",", ":"))},
    )
    assert answer["status"] == "SUCCEEDED"
    assert json.loads(answer["output"]) == items
