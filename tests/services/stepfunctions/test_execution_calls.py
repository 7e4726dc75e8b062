"""StartExecution, StopExecution, DescribeExecution, ListExecutions and their kin."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:"


def shown(answer: dict) -> dict:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_an_execution_is_described_as_aws_does(sfn, create, name) -> None:
    arn = create()
    started = sfn.start_execution(stateMachineArn=arn, name="e.1", input='{"a": 1}', traceHeader="Root=1")
    assert shown(started) == {"executionArn": f"{EXECUTION}{name}:e.1", "startDate": started["startDate"]}
    described = shown(sfn.describe_execution(executionArn=started["executionArn"]))
    assert described == {
        "executionArn": started["executionArn"],
        "stateMachineArn": arn,
        "name": "e.1",
        "status": "SUCCEEDED",
        "startDate": started["startDate"],
        "stopDate": described["stopDate"],
        "input": '{"a": 1}',
        "inputDetails": {"included": True},
        "output": '{"a": 1}',
        "outputDetails": {"included": True},
        "traceHeader": "Root=1",
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    }
    light = sfn.describe_execution(executionArn=started["executionArn"], includedData="METADATA_ONLY")
    assert not {"input", "inputDetails", "output", "outputDetails"} & set(light)


def test_name_and_input_have_defaults(sfn, create) -> None:
    arn = sfn.start_execution(stateMachineArn=create())["executionArn"]
    assert len(arn.rsplit(":", 1)[1]) == 36
    assert sfn.describe_execution(executionArn=arn)["input"] == "{}"


def test_a_repeated_start_of_a_running_execution_answers_the_same(sfn, create, refused, wait_definition) -> None:
    arn = create(wait_definition)
    start = {"stateMachineArn": arn, "name": "e", "input": '{"a": 1}'}
    first = sfn.start_execution(**start)
    assert shown(sfn.start_execution(**start)) == shown(first)
    wanted = ("ExecutionAlreadyExists", f"Execution Already Exists: '{first['executionArn']}'")
    assert refused("start_execution", **start | {"input": '{"a": 2}'}) == wanted
    sfn.stop_execution(executionArn=first["executionArn"])
    assert refused("start_execution", **start) == wanted


def test_of_starts_at_the_same_time_one_makes_the_execution_and_all_answer_it(sfn, create, wait_definition) -> None:
    arn = create(wait_definition)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sfn.start_execution(stateMachineArn=arn, name="e"), range(16)))
    assert len({(a["executionArn"], a["startDate"]) for a in answers}) == 1
    assert len(sfn.list_executions(stateMachineArn=arn)["executions"]) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "not json",
            "com.fasterxml.jackson.core.JsonParseException: Unrecognized token 'not': was expecting (JSON String, "
            "Number, Array, Object or token 'null', 'true' or 'false')\n"
            ' at [Source: (String)"not json"; line: 1, column: 4]',
        ),
        (
            "",
            "com.fasterxml.jackson.databind.exc.MismatchedInputException: No content to map due to end-of-input\n"
            ' at [Source: (String)""; line: 1, column: 0]',
        ),
    ],
)
def test_input_that_is_no_json_is_refused_in_the_parsers_words(create, refused, text, reason) -> None:
    wanted = ("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{reason}'")
    assert refused("start_execution", stateMachineArn=create(), input=text) == wanted


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 5000, "[1,2", '{"a" 1}', '"\x01"', "nul", "1 2", "NaN"])
def test_hostile_input_is_refused(create, refused, text) -> None:
    assert refused("start_execution", stateMachineArn=create(), input=text)[0] == "InvalidExecutionInput"


@pytest.mark.parametrize("text", ["1", "null", '"text"', "[]", '{"a":1,"a":2}', " {} "])
def test_any_json_is_an_input(sfn, create, text) -> None:
    arn = sfn.start_execution(stateMachineArn=create(), input=text)["executionArn"]
    assert sfn.describe_execution(executionArn=arn)["input"] == text


@pytest.mark.parametrize("text", ['"' + "x" * 262_143 + '"', '"' + "ü" * 131_072 + '"'])
def test_an_input_is_limited_in_bytes(create, refused, text) -> None:
    rule = "Member must have length less than or equal to 262144"
    wanted = f"1 validation error detected: Value at 'input' failed to satisfy constraint: {rule}"
    assert refused("start_execution", stateMachineArn=create(), input=text) == ("ValidationException", wanted)


@pytest.mark.parametrize("bad", ["a b", "a/b", "a:b", "a\x7f"])
def test_a_bad_name_is_refused(create, refused, bad) -> None:
    assert refused("start_execution", stateMachineArn=create(), name=bad)[0] == "InvalidName"


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("x", "InvalidArn"),
        (EXECUTION + "m:e", "InvalidArn"),
        (MACHINE + "missing", "StateMachineDoesNotExist"),
        (MACHINE + "missing:1", "StateMachineDoesNotExist"),
        (MACHINE + "missing/label", "ValidationException"),
    ],
)
def test_a_start_of_what_is_no_machine_is_refused(refused, arn, code) -> None:
    assert refused("start_execution", stateMachineArn=arn)[0] == code


def test_a_stopped_execution_shows_why_and_stopping_again_changes_nothing(sfn, create, wait_definition) -> None:
    arn = sfn.start_execution(stateMachineArn=create(wait_definition))["executionArn"]
    running = sfn.describe_execution(executionArn=arn)
    assert running["status"] == "RUNNING"
    assert "stopDate" not in running
    assert running["redriveStatusReason"] == "Execution is RUNNING and cannot be redriven"
    stopped = sfn.stop_execution(executionArn=arn, error="E", cause="C")
    assert shown(sfn.stop_execution(executionArn=arn, error="F")) == shown(stopped)
    described = sfn.describe_execution(executionArn=arn)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "E", "C")
    assert described["stopDate"] == stopped["stopDate"]
    assert described["redriveStatus"] == "REDRIVABLE"
    assert "redriveStatusReason" not in described
    assert "output" not in described


@pytest.mark.parametrize(
    "operation",
    [
        "describe_execution",
        "stop_execution",
        "get_execution_history",
        "describe_state_machine_for_execution",
        "list_map_runs",
    ],
)
def test_an_execution_that_is_not_there_is_named(refused, operation) -> None:
    arn = EXECUTION + "m:missing"
    assert refused(operation, executionArn=arn) == ("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
    assert refused(operation, executionArn="x") == ("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: x'")
    assert refused(operation, executionArn=EXECUTION + "m")[0] in ("InvalidArn", "ExecutionDoesNotExist")


def test_executions_are_listed_newest_first_over_pages_and_by_status(sfn, create, wait_definition) -> None:
    arn = create(wait_definition)
    started = [sfn.start_execution(stateMachineArn=arn, name=f"e{i}")["executionArn"] for i in range(7)]
    for execution in started[::2]:
        sfn.stop_execution(executionArn=execution)
    for status, wanted in ((None, started), ("ABORTED", started[::2]), ("RUNNING", started[1::2]), ("FAILED", [])):
        more = {} if status is None else {"statusFilter": status}
        pages = sfn.get_paginator("list_executions").paginate(
            stateMachineArn=arn, PaginationConfig={"PageSize": 3}, **more
        )
        found = [entry["executionArn"] for page in pages for entry in page["executions"]]
        assert found == wanted[::-1]
    entry = sfn.list_executions(stateMachineArn=arn, maxResults=1)["executions"][0]
    assert entry == {
        "executionArn": started[-1],
        "stateMachineArn": arn,
        "name": "e6",
        "status": "ABORTED",
        "startDate": entry["startDate"],
        "stopDate": entry["stopDate"],
        "redriveCount": 0,
    }


@pytest.mark.parametrize("change", ["token", "filter", "cut", "nonsense"])
def test_a_token_of_another_question_or_a_broken_one_is_refused(sfn, create, refused, change) -> None:
    arn = create()
    for _ in range(3):
        sfn.start_execution(stateMachineArn=arn)
    token = sfn.list_executions(stateMachineArn=arn, maxResults=1)["nextToken"]
    members = {"stateMachineArn": arn, "nextToken": token}
    assert len(sfn.list_executions(**members)["executions"]) == 2
    broken = {
        "token": {"nextToken": ("B" if token[0] == "A" else "A") + token[1:]},
        "filter": {"statusFilter": "SUCCEEDED"},
        "cut": {"nextToken": token[:-3]},
        "nonsense": {"nextToken": "InvalidToken \x00ü"},
    }
    assert refused("list_executions", **members | broken[change]) == ("InvalidToken", "Invalid Token: 'Invalid token'")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "ValidationException"),
        ({"stateMachineArn": MACHINE + "m", "mapRunArn": "x"}, "ValidationException"),
        ({"stateMachineArn": MACHINE + "m", "redriveFilter": "REDRIVEN"}, "ValidationException"),
        ({"stateMachineArn": MACHINE + "m", "statusFilter": "PENDING_REDRIVE"}, "ValidationException"),
        ({"stateMachineArn": MACHINE + "missing"}, "StateMachineDoesNotExist"),
        ({"stateMachineArn": "x"}, "InvalidArn"),
        ({"mapRunArn": MACHINE + "m"}, "InvalidArn"),
        ({"stateMachineArn": MACHINE + "m", "maxResults": 1001}, "ValidationException"),
    ],
)
def test_a_listing_that_makes_no_sense_is_refused(refused, members, code) -> None:
    assert refused("list_executions", **members)[0] == code


def test_the_pinned_definition_stays_after_an_update_and_a_deletion(sfn, create, make_definition) -> None:
    arn = create()
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    before = shown(sfn.describe_state_machine_for_execution(executionArn=execution))
    assert set(before) == {
        *("definition", "name", "roleArn", "stateMachineArn", "updateDate"),
        *("loggingConfiguration", "tracingConfiguration", "encryptionConfiguration"),
    }
    sfn.update_state_machine(stateMachineArn=arn, definition=make_definition("x"))
    later = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    sfn.delete_state_machine(stateMachineArn=arn)
    assert shown(sfn.describe_state_machine_for_execution(executionArn=execution)) == before
    pinned = sfn.describe_state_machine_for_execution(executionArn=later)
    assert json.loads(pinned["definition"])["Comment"] == "x"
    assert "revisionId" in pinned


def test_express_executions_are_run_at_once_and_not_listed(sfn, create, refused) -> None:
    arn = create(type="EXPRESS")
    answer = shown(sfn.start_sync_execution(stateMachineArn=arn, name="e", input='{"a": 1}'))
    assert answer == {
        "executionArn": answer["executionArn"],
        "stateMachineArn": arn,
        "name": "e",
        "status": "SUCCEEDED",
        "startDate": answer["startDate"],
        "stopDate": answer["stopDate"],
        "input": '{"a": 1}',
        "inputDetails": {"included": True},
        "output": '{"a": 1}',
        "outputDetails": {"included": True},
        "billingDetails": {"billedDurationInMilliseconds": 100, "billedMemoryUsedInMB": 64},
    }
    assert answer["executionArn"].split(":")[5] == "express"
    assert sfn.start_sync_execution(stateMachineArn=arn, name="e")["executionArn"] != answer["executionArn"]
    text = "This operation is not supported by this type of state machine"
    assert refused("list_executions", stateMachineArn=arn) == ("StateMachineTypeNotSupported", text)
    for operation in ("describe_execution", "get_execution_history"):
        assert refused(operation, executionArn=answer["executionArn"])[0] == "InvalidArn"


def test_a_standard_machine_cannot_be_run_synchronously(create, refused) -> None:
    assert refused("start_sync_execution", stateMachineArn=create())[0] == "StateMachineTypeNotSupported"
