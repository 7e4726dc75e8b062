"""CreateStateMachine, UpdateStateMachine, DeleteStateMachine, DescribeStateMachine, ListStateMachines."""

import json
import time

import pytest

ROLE = "arn:aws:iam::000000000000:role/r"
ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:"


def shown(answer: dict) -> dict:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_a_created_machine_is_described_with_aws_defaults(sfn, name, pass_definition) -> None:
    made = sfn.create_state_machine(name=name, definition=pass_definition, roleArn=ROLE)
    assert set(shown(made)) == {"stateMachineArn", "creationDate"}
    assert made["stateMachineArn"] == ARN + name
    assert shown(sfn.describe_state_machine(stateMachineArn=ARN + name)) == {
        "stateMachineArn": ARN + name,
        "name": name,
        "status": "ACTIVE",
        "type": "STANDARD",
        "definition": pass_definition,
        "roleArn": ROLE,
        "creationDate": made["creationDate"],
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
        "tracingConfiguration": {"enabled": False},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }


def test_an_exact_repeat_answers_the_same_whatever_role_and_tags(sfn, name, pass_definition) -> None:
    first = sfn.create_state_machine(name=name, definition=pass_definition, roleArn=ROLE)
    again = sfn.create_state_machine(
        name=name, definition=pass_definition, roleArn=ROLE + "2", tags=[{"key": "a", "value": "b"}]
    )
    assert shown(first) == shown(again)
    assert sfn.describe_state_machine(stateMachineArn=ARN + name)["roleArn"] == ROLE
    assert sfn.list_tags_for_resource(resourceArn=ARN + name)["tags"] == []


@pytest.mark.parametrize("other", ["definition", "type", "publish"])
def test_a_repeat_with_something_else_is_refused(create, refused, name, make_definition, other) -> None:
    create()
    members = {"name": name, "definition": make_definition(), "roleArn": ROLE}
    members |= {"definition": make_definition("x")} if other == "definition" else {}
    members |= {"type": "EXPRESS"} if other == "type" else {"publish": True} if other == "publish" else {}
    wanted = ("StateMachineAlreadyExists", f"State Machine Already Exists: '{ARN}{name}'")
    assert refused("create_state_machine", **members) == wanted


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        ({"name": "a b"}, "InvalidName", "Invalid Name: 'a b'"),
        ({"roleArn": "role"}, "InvalidArn", "Invalid Role Arn: 'role'"),
        (
            {"definition": "{}"},
            "InvalidDefinition",
            "Invalid State Machine Definition: "
            "'SCHEMA_VALIDATION_FAILED: These fields are required: [StartAt, States] at /'",
        ),
        (
            {"loggingConfiguration": {"level": "ALL"}},
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Must specify exactly one Log Destination.",
        ),
        (
            {"loggingConfiguration": {"destinations": [{}, {}]}},
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Must specify exactly one Log Destination.",
        ),
        *(
            (
                {"loggingConfiguration": {"level": "ALL", "destinations": [destination]}},
                "InvalidLoggingConfiguration",
                f"Invalid Logging Configuration: {text}",
            )
            for destination, text in (
                ({}, "Must set valid CloudWatch Log Group ARN."),
                ({"cloudWatchLogsLogGroup": {}}, "Must set valid CloudWatch Log Group ARN."),
                (
                    {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:s3:::logs"}},
                    "Provided ARN is not CloudWatch Logs Log Group ARN.",
                ),
                (
                    {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:/a"}},
                    "Log Group ARN must be provided with '*' qualifier.",
                ),
                (
                    {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:a b:*"}},
                    "Must set valid CloudWatch Log Group ARN.",
                ),
            )
        ),
        (
            {"encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"}},
            "InvalidEncryptionConfiguration",
            "Invalid Encryption Configuration: customer managed KMS keys are not supported by steppe",
        ),
        (
            {"versionDescription": "d"},
            "ValidationException",
            "Version description can only be set when publish is true",
        ),
        (
            {"tags": [{"key": "aws:x", "value": ""}]},
            "AccessDeniedException",
            "Caller is an end user and not allowed to mutate system tags",
        ),
    ],
)
def test_what_cannot_be_created_is_refused_with_its_reason(refused, name, pass_definition, members, code, text) -> None:
    given = {"name": name, "definition": pass_definition, "roleArn": ROLE} | members
    assert refused("create_state_machine", **given) == (code, text)


def test_an_incomplete_logging_configuration_is_filled_in(sfn, create, name) -> None:
    create(loggingConfiguration={"destinations": []})
    described = sfn.describe_state_machine(stateMachineArn=ARN + name)
    wanted = {"level": "OFF", "includeExecutionData": False, "destinations": []}
    assert described["loggingConfiguration"] == wanted


def test_updates_make_revisions_only_when_something_changes(sfn, create, make_definition) -> None:
    arn = create()
    same = sfn.update_state_machine(stateMachineArn=arn, definition=make_definition())
    assert "revisionId" not in same
    first = sfn.update_state_machine(stateMachineArn=arn, roleArn=ROLE + "2")["revisionId"]
    second = sfn.update_state_machine(stateMachineArn=arn, definition=make_definition("x"))["revisionId"]
    third = sfn.update_state_machine(stateMachineArn=arn, definition=make_definition("x"), roleArn=ROLE + "2")
    assert first != second == third["revisionId"]
    described = sfn.describe_state_machine(stateMachineArn=arn)
    assert (described["revisionId"], described["roleArn"]) == (second, ROLE + "2")
    assert json.loads(described["definition"])["Comment"] == "x"


@pytest.mark.parametrize("members", [{}, {"publish": True}, {"versionDescription": "d"}])
def test_an_update_of_nothing_is_refused(create, refused, members) -> None:
    text = (
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"
    )
    wanted = ("MissingRequiredParameter", text)
    assert refused("update_state_machine", stateMachineArn=create(), **members) == wanted


@pytest.mark.parametrize(
    ("operation", "members"), [("describe_state_machine", {}), ("update_state_machine", {"roleArn": ROLE})]
)
def test_a_machine_that_is_not_there_is_named(refused, name, operation, members) -> None:
    wanted = ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{ARN}{name}'")
    assert refused(operation, stateMachineArn=ARN + name, **members) == wanted


@pytest.mark.parametrize(
    ("arn", "text"),
    [
        ("not_a_valid_arn", "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"),
        ("arn:aws:states", "Invalid Arn: 'arn:aws:states'"),
        (
            "arn:aws:states:us-east-1:000000000000:activity:a",
            "Invalid Arn: 'Resource type not valid in this context: activity'",
        ),
    ],
)
def test_a_text_that_is_no_machine_arn_is_refused(refused, arn, text) -> None:
    assert refused("describe_state_machine", stateMachineArn=arn) == ("InvalidArn", text)


def test_deletion_may_be_repeated_and_frees_the_name(sfn, create, refused, make_definition) -> None:
    arn = create()
    assert shown(sfn.delete_state_machine(stateMachineArn=arn)) == {}
    assert shown(sfn.delete_state_machine(stateMachineArn=arn)) == {}
    assert refused("start_execution", stateMachineArn=arn)[0] == "StateMachineDoesNotExist"
    assert create(make_definition("x")) == arn
    assert "revisionId" not in sfn.describe_state_machine(stateMachineArn=arn)


def test_deletion_stops_running_executions_and_keeps_what_they_show(sfn, create, wait_definition) -> None:
    arn = create(wait_definition)
    started = [sfn.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(3)]
    sfn.delete_state_machine(stateMachineArn=arn)
    deadline = time.monotonic() + 5
    while any(m["stateMachineArn"] == arn for m in sfn.list_state_machines(maxResults=1000)["stateMachines"]):
        assert time.monotonic() < deadline
    for execution in started:
        assert sfn.describe_execution(executionArn=execution)["status"] == "ABORTED"
        pinned = sfn.describe_state_machine_for_execution(executionArn=execution)
        assert pinned["definition"] == wait_definition


def test_a_deletion_that_was_cut_short_is_finished_after_the_next_start(
    sfn, server, create, refused, wait_definition
) -> None:
    from steppe.stores import machines

    arn = create(wait_definition)
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    server.database.write_now(lambda c: machines.mark_deleting(c, arn))
    assert sfn.describe_state_machine(stateMachineArn=arn)["status"] == "DELETING"
    assert refused("start_execution", stateMachineArn=arn)[0] == "StateMachineDeleting"
    assert refused("update_state_machine", stateMachineArn=arn, roleArn=ROLE)[0] == "StateMachineDeleting"
    server.run(server.service.start())
    deadline = time.monotonic() + 5
    while sfn.describe_execution(executionArn=execution)["status"] == "RUNNING":
        assert time.monotonic() < deadline


def test_machines_are_listed_in_name_order_over_pages(sfn, name, pass_definition) -> None:
    names = [f"{name}-{letter}" for letter in "edcba"]
    for each in names:
        sfn.create_state_machine(name=each, definition=pass_definition, roleArn=ROLE)
    listed = []
    for page in sfn.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2}):
        assert len(page["stateMachines"]) <= 2
        listed += page["stateMachines"]
    assert [m["name"] for m in listed if m["name"] in names] == sorted(names)
    assert [m["name"] for m in listed] == sorted(m["name"] for m in listed)
    assert set(listed[0]) == {"name", "stateMachineArn", "creationDate", "type"}


def test_metadata_only_leaves_the_definition_out(sfn, create) -> None:
    described = sfn.describe_state_machine(stateMachineArn=create(), includedData="METADATA_ONLY")
    assert "definition" not in described
    assert described["roleArn"] == ROLE


def test_variable_references_are_shown_of_machine_and_execution(sfn, create) -> None:
    text = json.dumps(
        {
            "StartAt": "A",
            "States": {
                "A": {"Type": "Pass", "Assign": {"v": 0}, "Next": "B"},
                "B": {"Type": "Pass", "InputPath": "$v", "End": True},
            },
        }
    )
    arn = create(text)
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    wanted = {"B": ["v"]}
    assert sfn.describe_state_machine(stateMachineArn=arn)["variableReferences"] == wanted
    pinned = sfn.describe_state_machine_for_execution(executionArn=execution)
    assert pinned["variableReferences"] == wanted
    updated = sfn.update_state_machine(stateMachineArn=arn, roleArn=ROLE + "2")
    assert "revisionId" in updated
    assert sfn.describe_state_machine(stateMachineArn=arn)["variableReferences"] == wanted
