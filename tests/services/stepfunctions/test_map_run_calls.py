"""Map Runs and their children through the API."""

import json
from types import SimpleNamespace

import pytest

REALM = "arn:aws:states:us-east-1:000000000000"
COUNTS = dict.fromkeys(
    (
        *("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total"),
        *("resultsWritten", "failuresNotRedrivable", "pendingRedrive"),
    ),
    0,
)
PROCESSOR = {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": True}}}
DEFINITION = json.dumps(
    {
        "StartAt": "M",
        "States": {
            "M": {
                "Type": "Map",
                "Label": "lab",
                "ItemProcessor": PROCESSOR | {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}},
                "End": True,
            }
        },
    }
)


@pytest.fixture
def run(sfn, server, create, name) -> SimpleNamespace:
    """An execution with a Map Run of twelve children, every third of them failed."""
    machine = create(DEFINITION)
    execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    arn = f"{REALM}:mapRun:{name}/lab:11111111-2222-3333-4444-555555555555"
    server.map_runs.runs[arn] = {
        "mapRunArn": arn,
        "executionArn": execution,
        "status": "FAILED",
        "startDate": 1_790_000_000_001,
        "stopDate": 1_790_000_000_002,
        "maxConcurrency": 0,
        "toleratedFailurePercentage": 0.0,
        "toleratedFailureCount": 0,
        "itemCounts": COUNTS,
        "executionCounts": COUNTS,
        "redriveCount": 0,
    }
    children = [f"{REALM}:execution:{name}/lab:c{i}" for i in range(12)]
    for i, child in enumerate(children):
        server.map_runs.children[child] = {
            "executionArn": child,
            "stateMachineArn": f"{machine}/lab",
            "name": f"c{i}",
            "status": "FAILED" if i % 3 == 0 else "SUCCEEDED",
            "startDate": 1_790_000_000_001,
            "stopDate": 1_790_000_000_002,
            "mapRunArn": arn,
            "input": "{}",
            "inputDetails": {"included": True},
            "output": "1",
            "outputDetails": {"included": True},
        }
        server.map_runs.histories[child] = [
            {"timestamp": 1_790_000_000_001, "type": "PassStateEntered", "id": id_, "previousEventId": id_ - 1}
            for id_ in range(1, 6)
        ]
    return SimpleNamespace(arn=arn, execution=execution, machine=machine, children=children)


def test_a_run_is_described_and_listed(sfn, run) -> None:
    described = sfn.describe_map_run(mapRunArn=run.arn)
    assert (described["status"], described["executionArn"]) == ("FAILED", run.execution)
    assert described["itemCounts"] == COUNTS
    listed = sfn.list_map_runs(executionArn=run.execution)["mapRuns"]
    assert [entry["mapRunArn"] for entry in listed] == [run.arn]
    assert sfn.list_map_runs(executionArn=run.children[0])["mapRuns"] == []


def test_runs_that_are_not_there_are_named(refused) -> None:
    arn = f"{REALM}:mapRun:m/l:r"
    wanted = ("ResourceNotFound", f"Resource not found: '{arn}'")
    assert refused("describe_map_run", mapRunArn=arn) == wanted
    assert refused("list_executions", mapRunArn=arn) == wanted
    assert refused("describe_map_run", mapRunArn="x")[0] == "InvalidArn"


@pytest.mark.parametrize("status", [None, "FAILED", "SUCCEEDED", "PENDING_REDRIVE"])
def test_children_are_listed_by_status_over_pages(sfn, run, server, status) -> None:
    more = {} if status is None else {"statusFilter": status}
    pages = sfn.get_paginator("list_executions").paginate(mapRunArn=run.arn, PaginationConfig={"PageSize": 5}, **more)
    found = [entry["executionArn"] for page in pages for entry in page["executions"]]
    assert found == [arn for arn in run.children if status is None or server.map_runs.children[arn]["status"] == status]
    assert sfn.list_executions(stateMachineArn=run.machine)["executions"][0]["executionArn"] == run.execution


def test_a_token_of_one_filter_does_not_fit_another(sfn, run, refused) -> None:
    token = sfn.list_executions(mapRunArn=run.arn, maxResults=5)["nextToken"]
    members = {"mapRunArn": run.arn, "maxResults": 5, "nextToken": token, "statusFilter": "FAILED"}
    assert refused("list_executions", **members)[0] == "InvalidToken"


def test_no_child_has_been_redriven(sfn, run) -> None:
    assert sfn.list_executions(mapRunArn=run.arn, redriveFilter="REDRIVEN")["executions"] == []
    assert len(sfn.list_executions(mapRunArn=run.arn, redriveFilter="NOT_REDRIVEN")["executions"]) == 12


def test_a_child_is_described_by_its_arn(sfn, run) -> None:
    child = sfn.describe_execution(executionArn=run.children[1])
    assert (child["mapRunArn"], child["output"]) == (run.arn, "1")
    light = sfn.describe_execution(executionArn=run.children[1], includedData="METADATA_ONLY")
    assert not {"input", "inputDetails", "output", "outputDetails"} & set(light)


def test_the_machine_of_a_child_is_its_processor(sfn, run, name) -> None:
    pinned = sfn.describe_state_machine_for_execution(executionArn=run.children[1])
    assert pinned["definition"] == json.dumps(PROCESSOR, separators=(",", ":"))
    assert pinned["stateMachineArn"] == f"{run.machine}/lab"
    assert (pinned["name"], pinned["mapRunArn"], pinned["label"]) == (name, run.arn, "lab")
    described = sfn.describe_state_machine(stateMachineArn=f"{run.machine}/lab")
    assert (described["definition"], described["label"]) == (pinned["definition"], "lab")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_the_history_of_a_child_comes_in_pages(sfn, run, reverse, size) -> None:
    pages = sfn.get_paginator("get_execution_history").paginate(
        executionArn=run.children[0], reverseOrder=reverse, PaginationConfig={"PageSize": size}
    )
    ids = [event["id"] for page in pages for event in page["events"]]
    assert ids == ([5, 4, 3, 2, 1] if reverse else [1, 2, 3, 4, 5])


def test_an_express_child_has_a_description_and_no_history(sfn, run, server, refused, name) -> None:
    arn = f"{REALM}:express:{name}/lab:c:11111111-2222-3333-4444-555555555555"
    server.map_runs.children[arn] = server.map_runs.children[run.children[0]] | {"executionArn": arn}
    assert sfn.describe_execution(executionArn=arn)["executionArn"] == arn
    assert refused("get_execution_history", executionArn=arn)[0] == "InvalidArn"


@pytest.mark.parametrize(
    "operation", ["describe_execution", "get_execution_history", "describe_state_machine_for_execution"]
)
def test_a_child_that_is_not_there_is_named(refused, operation) -> None:
    arn = f"{REALM}:execution:m/l:c"
    assert refused(operation, executionArn=arn) == ("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def test_one_child_cannot_be_stopped(run, refused) -> None:
    code, text = refused("stop_execution", executionArn=run.children[0])
    assert code == "ValidationException"
    assert "not supported" in text


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"maxConcurrency": 0}, {"max_concurrency": 0}),
        (
            {"toleratedFailureCount": 7, "toleratedFailurePercentage": 12.5},
            {"tolerated_failure_count": 7, "tolerated_failure_percentage": 12.5},
        ),
    ],
)
def test_a_run_that_is_running_is_updated(sfn, server, run, asked, given) -> None:
    server.map_runs.runs[run.arn]["status"] = "RUNNING"
    answer = sfn.update_map_run(mapRunArn=run.arn, **asked)
    assert set(answer) == {"ResponseMetadata"}
    assert server.map_runs.updates[-1] == given


@pytest.mark.parametrize(
    ("arn", "limits", "code"),
    [
        (None, {}, "ValidationException"),
        (None, {"maxConcurrency": 3}, "ValidationException"),
        (None, {"toleratedFailurePercentage": 100.5}, "ValidationException"),
        (None, {"toleratedFailurePercentage": -1}, "ValidationException"),
        (None, {"maxConcurrency": -1}, "ValidationException"),
        (None, {"toleratedFailureCount": -1}, "ValidationException"),
        (f"{REALM}:mapRun:M/l:11111111-2222-3333-4444-555555555556", {"maxConcurrency": 3}, "ResourceNotFound"),
        (f"{REALM}:stateMachine:M", {"maxConcurrency": 3}, "InvalidArn"),
        ("nonsense", {"maxConcurrency": 3}, "InvalidArn"),
    ],
)
def test_an_update_that_cannot_be(sfn, run, arn, limits, code) -> None:
    with pytest.raises(sfn.exceptions.ClientError) as refused:
        sfn.update_map_run(mapRunArn=arn or run.arn, **limits)
    assert refused.value.response["Error"]["Code"] == code
