"""Every operation of boto3's model over HTTP: its success, each error that it declares, and its pages.

The table in `operation_table.py` is held against the model both ways: no operation and no declared error is missing,
and nothing else stands there. An error that cannot happen here has its reason in the table instead of a request.
"""

import asyncio
import random
import threading

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from operation_table import TABLE, World

from steppe.services.stepfunctions import aliases, state_machines, versions
from steppe.services.stepfunctions.limits import Limits

MODEL = botocore.session.get_session().get_service_model("stepfunctions")
REACHABLE = [(name, error) for name, row in TABLE.items() for error, case in row.errors.items() if callable(case)]
PAGED = [
    name
    for name in MODEL.operation_names
    if "nextToken" in MODEL.operation_model(name).input_shape.members
    and "nextToken" in MODEL.operation_model(name).output_shape.members
]
LIMITED = {
    "StateMachineLimitExceeded": Limits(state_machines=2),
    "ActivityLimitExceeded": Limits(activities=1),
    "ExecutionLimitExceeded": Limits(open_executions=1),
}


@pytest.fixture(scope="module")
def server(serve_in, tmp_path_factory):
    """The API over the engine; Map Runs are those that a test puts in."""
    with serve_in(tmp_path_factory.mktemp("every"), poll_seconds=0.3) as parts:
        yield parts


@pytest.fixture
def small_quotas(monkeypatch):
    """Quotas that a test can reach."""
    monkeypatch.setattr(versions, "VERSIONS_MAX", 2)
    monkeypatch.setattr(aliases, "ALIASES_MAX", 1)
    monkeypatch.setattr("steppe.runtime.activities._POLLERS_MAX", 1)


def call(world: World, operation: str, members: dict) -> dict:
    return getattr(world.sfn, xform_name(operation))(**members)


def test_the_table_has_every_operation_and_every_declared_error_and_nothing_else() -> None:
    declared = {
        name: {shape.name for shape in MODEL.operation_model(name).error_shapes} for name in MODEL.operation_names
    }
    assert {name: set(row.errors) for name, row in TABLE.items()} == declared
    assert sorted(name for name, row in TABLE.items() if row.pages is not None) == sorted(PAGED)
    reasons = [case for row in TABLE.values() for case in row.errors.values() if not callable(case)]
    assert all(isinstance(reason, str) and reason.endswith(".") for reason in reasons)


@pytest.mark.parametrize("operation", TABLE)
def test_it_answers_with_what_the_model_requires(server, operation) -> None:
    world = World(server)
    answer = call(world, operation, TABLE[operation].success(world))
    shape = MODEL.operation_model(operation).output_shape
    members = set(answer) - {"ResponseMetadata"}
    assert set(shape.required_members) <= members <= set(shape.members)


@pytest.mark.parametrize(("operation", "error"), REACHABLE, ids="-".join)
def test_it_refuses_with_each_declared_error(server, serve_in, small_quotas, tmp_path, operation, error) -> None:
    def refusal(parts) -> dict:
        world = World(parts)
        members = TABLE[operation].errors[error](world)
        with pytest.raises(ClientError) as caught:
            call(world, operation, members)
        return caught.value.response

    limits = LIMITED.get(error)
    if limits is None:
        response = refusal(server)
    else:
        with serve_in(tmp_path, limits=limits) as limited:
            response = refusal(limited)
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (error, 400)
    assert response["Error"]["Message"]


@pytest.mark.parametrize("operation", PAGED)
def test_its_pages_hold_everything_once_and_in_order(server, operation) -> None:
    world = World(server)
    members, listed = TABLE[operation].pages(world)
    whole = call(world, operation, members | {"maxResults": 1000})[listed]
    assert len(whole) >= 3
    found, token = [], None
    while token is not None or not found:
        page = call(world, operation, members | {"maxResults": 2} | ({} if token is None else {"nextToken": token}))
        assert len(page[listed]) <= 2
        found += page[listed]
        token = page.get("nextToken")
    assert found == whole
    assert call(world, operation, members | {"maxResults": 0})[listed] == whole
    for wrong in (1001, -1):
        with pytest.raises(ClientError, match="ValidationException"):
            call(world, operation, members | {"maxResults": wrong})


def test_an_update_that_another_one_overtakes_is_refused(server, monkeypatch) -> None:
    world = World(server)
    arn = world.machine()
    check = state_machines.definitions.checked
    overtaken = threading.Event()

    async def slow_check(text, **names):
        program = await check(text, **names)
        if not overtaken.is_set():
            overtaken.set()
            await asyncio.to_thread(
                world.sfn.update_state_machine, stateMachineArn=arn, roleArn="arn:aws:iam::000000000000:role/other"
            )
        return program

    monkeypatch.setattr(state_machines.definitions, "checked", slow_check)
    with pytest.raises(ClientError, match="ConflictException"):
        world.sfn.update_state_machine(stateMachineArn=arn, definition=world.definition("other"))
    assert world.sfn.describe_state_machine(stateMachineArn=arn)["roleArn"].endswith("role/other")


def test_an_alias_routes_by_its_weights_and_the_same_seed_routes_the_same(serve_in, tmp_path) -> None:
    def routed(folder) -> list[str]:
        with serve_in(folder, draw=random.Random(7).randrange) as parts:
            world = World(parts)
            first, second = world.two_versions()
            routing = [
                {"stateMachineVersionArn": first, "weight": 70},
                {"stateMachineVersionArn": second, "weight": 30},
            ]
            alias = world.sfn.create_state_machine_alias(name="live", routingConfiguration=routing)
            arn = alias["stateMachineAliasArn"]
            started = [world.sfn.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(40)]
            shown = [world.sfn.describe_execution(executionArn=execution) for execution in started]
            assert {entry["stateMachineAliasArn"] for entry in shown} == {arn}
            return [entry["stateMachineVersionArn"].rpartition(":")[2] for entry in shown]

    once, again = routed(tmp_path / "1"), routed(tmp_path / "2")
    assert once == again
    drawn = random.Random(7)
    assert once == ["1" if drawn.randrange(100) < 70 else "2" for _ in range(40)]


def test_calls_beyond_the_bucket_of_their_operation_are_throttled(serve_in, tmp_path) -> None:
    with serve_in(tmp_path, throttle={"ListActivities": "2/0.001"}) as parts:
        for _ in range(2):
            parts.client.list_activities()
        with pytest.raises(ClientError) as caught:
            parts.client.list_activities()
        assert caught.value.response["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
        parts.client.list_state_machines()


@pytest.mark.parametrize(
    ("header", "member", "shown"),
    [("Root=1-a", None, "Root=1-a"), ("Root=1-a", "Root=1-b", "Root=1-b"), ("r" * 257, None, None)],
)
def test_the_x_ray_header_comes_as_a_member_or_as_an_http_header(server, header, member, shown) -> None:
    world = World(server)

    def add_header(request, **_) -> None:
        request.headers["X-Amzn-Trace-Id"] = header

    arn = world.machine(tracingConfiguration={"enabled": True})
    server.client.meta.events.register("before-sign.sfn.StartExecution", add_header)
    try:
        given = {} if member is None else {"traceHeader": member}
        execution = world.sfn.start_execution(stateMachineArn=arn, **given)["executionArn"]
    finally:
        server.client.meta.events.unregister("before-sign.sfn.StartExecution", add_header)
    assert world.sfn.describe_execution(executionArn=execution).get("traceHeader") == shown


def test_a_listing_is_newest_first_and_filters_by_status(server) -> None:
    world = World(server)
    arn = world.machine(world.WAIT)
    started = [world.sfn.start_execution(stateMachineArn=arn, name=f"e{i}")["executionArn"] for i in range(4)]
    world.sfn.stop_execution(executionArn=started[1])

    def listed(**members) -> list[str]:
        return [entry["name"] for entry in world.sfn.list_executions(stateMachineArn=arn, **members)["executions"]]

    assert listed() == ["e3", "e2", "e1", "e0"]
    assert listed(statusFilter="RUNNING") == ["e3", "e2", "e0"]
    assert listed(statusFilter="ABORTED") == ["e1"]
    assert listed(statusFilter="FAILED") == []
    with pytest.raises(ClientError, match="RedriveFilter cannot be applied"):
        listed(redriveFilter="REDRIVEN")


def test_an_asynchronous_express_execution_is_seen_in_its_logs_only(server) -> None:
    world = World(server)
    machine = world.express()
    one, other = (world.sfn.start_execution(stateMachineArn=machine, name="same")["executionArn"] for _ in range(2))
    assert one != other
    assert one.split(":")[5] == "express"
    assert one.split(":")[7] == "same"
    for operation in (
        *("describe_execution", "get_execution_history", "stop_execution", "redrive_execution", "list_map_runs"),
        "describe_state_machine_for_execution",
    ):
        with pytest.raises(ClientError, match="InvalidArn"):
            getattr(world.sfn, operation)(executionArn=one)
    with pytest.raises(ClientError, match="StateMachineTypeNotSupported"):
        world.sfn.list_executions(stateMachineArn=machine)


def test_metadata_only_leaves_out_definition_input_and_output(server) -> None:
    world = World(server)
    arn = world.machine()
    execution = world.sfn.start_execution(stateMachineArn=arn)["executionArn"]
    only = {"includedData": "METADATA_ONLY"}
    assert "definition" not in world.sfn.describe_state_machine(stateMachineArn=arn, **only)
    assert "definition" not in world.sfn.describe_state_machine_for_execution(executionArn=execution, **only)
    assert not {"input", "output"} & set(world.sfn.describe_execution(executionArn=execution, **only))
