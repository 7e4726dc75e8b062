"""Versions and aliases: published, routed to, listed, deleted. Texts were recorded on AWS."""

import json
from collections import Counter

import pytest

ROLE = "arn:aws:iam::000000000000:role/r"


def shown(answer: dict) -> dict:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.fixture
def versions(sfn, create, make_definition) -> list[str]:
    """A machine's ARN and two versions of it."""
    arn = create(publish=True, versionDescription="first")
    updated = sfn.update_state_machine(stateMachineArn=arn, definition=make_definition("2"), publish=True)
    assert updated["stateMachineVersionArn"] == f"{arn}:2"
    return [arn, f"{arn}:1", f"{arn}:2"]


def routing(**weights: int) -> list[dict]:
    return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in weights.items()]


def test_a_repeated_create_with_publish_answers_version_one(sfn, versions, name, make_definition, refused) -> None:
    given = {"name": name, "definition": make_definition("2"), "roleArn": ROLE, "publish": True}
    again = sfn.create_state_machine(**given, versionDescription="first")
    assert again["stateMachineVersionArn"] == versions[1]
    text = "This state machine was already created with a published version using a different description."
    wanted = ("StateMachineAlreadyExists", f"State Machine Already Exists: {text}")
    assert refused("create_state_machine", **given, versionDescription="other") == wanted
    wanted = ("StateMachineAlreadyExists", f"State Machine Already Exists: '{versions[0]}'")
    assert refused("create_state_machine", **given | {"publish": False}) == wanted


def test_a_version_is_described_as_it_was_published(sfn, versions) -> None:
    first, second = (sfn.describe_state_machine(stateMachineArn=arn) for arn in versions[1:])
    assert (first["stateMachineArn"], first["description"]) == (versions[1], "first")
    assert "revisionId" not in first
    assert "description" not in second
    assert second["revisionId"] == sfn.describe_state_machine(stateMachineArn=versions[0])["revisionId"]
    assert json.loads(second["definition"])["Comment"] == "2"


def test_a_revision_is_published_once(sfn, versions, refused, make_definition) -> None:
    again = sfn.publish_state_machine_version(stateMachineArn=versions[0], description="x")
    assert again["stateMachineVersionArn"] == versions[2]
    same = sfn.update_state_machine(stateMachineArn=versions[0], definition=make_definition("2"), publish=True)
    assert same["stateMachineVersionArn"] == versions[2]
    old = sfn.describe_state_machine(stateMachineArn=versions[0])["revisionId"]
    new = sfn.update_state_machine(stateMachineArn=versions[0], definition=make_definition("3"))["revisionId"]
    text = (
        f"Failed to publish the State Machine version for revision {old}. The current State Machine revision is {new}."
    )
    wanted = ("ConflictException", text)
    assert refused("publish_state_machine_version", stateMachineArn=versions[0], revisionId=old) == wanted
    third = sfn.publish_state_machine_version(stateMachineArn=versions[0], revisionId=new)
    assert third["stateMachineVersionArn"] == f"{versions[0]}:3"


def test_versions_are_listed_newest_first_and_their_numbers_are_not_used_again(sfn, versions, make_definition) -> None:
    arn = versions[0]
    for number in range(3, 8):
        sfn.update_state_machine(stateMachineArn=arn, definition=make_definition(str(number)), publish=True)
    sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:7")
    sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:7")
    assert sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == f"{arn}:8"
    listed, token = [], {}
    while True:
        page = sfn.list_state_machine_versions(stateMachineArn=arn, maxResults=3, **token)
        listed += [version["stateMachineVersionArn"] for version in page["stateMachineVersions"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert listed == [f"{arn}:{number}" for number in (8, 6, 5, 4, 3, 2, 1)]


@pytest.mark.parametrize("suffix", [":2", ":3", ":01", ":0", ":99999999999999999999", ":name"])
def test_a_version_cannot_be_updated(versions, refused, suffix) -> None:
    arn = versions[0] + suffix
    wanted = ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
    assert refused("update_state_machine", stateMachineArn=arn, roleArn=ROLE) == wanted


@pytest.mark.parametrize("suffix", [":3", ":01", ":0", ":99999999999999999999", ":name"])
def test_a_version_that_is_not_there_cannot_be_described_or_started(versions, refused, suffix) -> None:
    arn = versions[0] + suffix
    wanted = ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
    assert refused("describe_state_machine", stateMachineArn=arn) == wanted
    assert refused("start_execution", stateMachineArn=arn) == wanted


def test_starts_show_the_version_and_alias_that_they_named(sfn, versions) -> None:
    arn, first, second = versions
    alias = sfn.create_state_machine_alias(name="live", routingConfiguration=routing(**{first: 100}))
    alias_arn = alias["stateMachineAliasArn"]
    assert alias_arn == f"{arn}:live"
    by = {key: sfn.start_execution(stateMachineArn=key)["executionArn"] for key in (arn, first, second, alias_arn)}
    expected = {arn: (None, None), first: (first, None), second: (second, None), alias_arn: (first, alias_arn)}
    for key, execution in by.items():
        described = sfn.describe_execution(executionArn=execution)
        assert described["stateMachineArn"] == arn
        names = (described.get("stateMachineVersionArn"), described.get("stateMachineAliasArn"))
        assert names == expected[key]
    listed = {
        key: [entry["executionArn"] for entry in sfn.list_executions(stateMachineArn=key)["executions"]]
        for key in (arn, first, second, alias_arn)
    }
    assert listed == {
        arn: list(by.values())[::-1],
        first: [by[alias_arn], by[first]],
        second: [by[second]],
        alias_arn: [by[alias_arn]],
    }
    sfn.delete_state_machine_alias(stateMachineAliasArn=alias_arn)
    sfn.delete_state_machine_version(stateMachineVersionArn=first)
    pinned = sfn.describe_state_machine_for_execution(executionArn=by[alias_arn])
    assert json.loads(pinned["definition"])["Comment"] == ""
    assert sfn.describe_execution(executionArn=by[alias_arn])["stateMachineAliasArn"] == alias_arn


def test_an_alias_of_two_versions_starts_both(sfn, versions) -> None:
    arn, first, second = versions
    sfn.create_state_machine_alias(name="both", routingConfiguration=routing(**{first: 50, second: 50}))
    seen = Counter(
        sfn.describe_execution(executionArn=sfn.start_execution(stateMachineArn=f"{arn}:both")["executionArn"])[
            "stateMachineVersionArn"
        ]
        for _ in range(40)
    )
    assert set(seen) == {first, second}
    sfn.update_state_machine_alias(
        stateMachineAliasArn=f"{arn}:both", routingConfiguration=routing(**{first: 0, second: 100})
    )
    execution = sfn.start_execution(stateMachineArn=f"{arn}:both")["executionArn"]
    assert sfn.describe_execution(executionArn=execution)["stateMachineVersionArn"] == second


def test_aliases_are_described_updated_and_listed(sfn, versions, refused) -> None:
    arn, first, second = versions
    for name in ("b", "a", "c"):
        sfn.create_state_machine_alias(name=name, routingConfiguration=routing(**{first: 100}), description="d")
    sfn.update_state_machine_alias(stateMachineAliasArn=f"{arn}:a", routingConfiguration=routing(**{second: 100}))
    described = shown(sfn.describe_state_machine_alias(stateMachineAliasArn=f"{arn}:a"))
    assert described == {
        "stateMachineAliasArn": f"{arn}:a",
        "name": "a",
        "description": "d",
        "routingConfiguration": routing(**{second: 100}),
        "creationDate": described["creationDate"],
        "updateDate": described["updateDate"],
    }
    assert described["updateDate"] > described["creationDate"]

    def listed(key: str, **more) -> list[str]:
        page = sfn.list_state_machine_aliases(stateMachineArn=key, **more)
        found = [alias["stateMachineAliasArn"].rsplit(":", 1)[1] for alias in page["stateMachineAliases"]]
        return found + (listed(key, **more | {"nextToken": page["nextToken"]}) if "nextToken" in page else [])

    assert listed(arn) == listed(arn, maxResults=1) == listed(arn, maxResults=2) == ["b", "a", "c"]
    assert listed(first, maxResults=1) == ["b", "c"]
    assert listed(second) == ["a"]
    members = {"stateMachineArn": arn, "nextToken": "InvalidToken"}
    wanted = ("InvalidToken", "Invalid Token: 'Invalid token'")
    assert refused("list_state_machine_aliases", **members) == wanted
    text = (
        "Version to be deleted must not be referenced by an alias. "
        "Current list of aliases referencing this version: [b, c]"
    )
    assert refused("delete_state_machine_version", stateMachineVersionArn=first) == ("ConflictException", text)


def test_a_repeated_alias_is_the_same_or_a_conflict(sfn, versions, refused) -> None:
    _, first, second = versions
    given = {"name": "live", "routingConfiguration": routing(**{first: 100}), "description": "d"}
    made = sfn.create_state_machine_alias(**given)
    assert shown(sfn.create_state_machine_alias(**given)) == shown(made)
    text = (
        "Failed to create alias because an alias with the same name and a different routing configuration already "
        "exists."
    )
    for other in ({"routingConfiguration": routing(**{second: 100})}, {"description": "e"}):
        assert refused("create_state_machine_alias", **given | other) == ("ConflictException", text)


def test_deleting_an_alias_may_be_repeated(sfn, versions, refused) -> None:
    arn = sfn.create_state_machine_alias(name="live", routingConfiguration=routing(**{versions[1]: 100}))[
        "stateMachineAliasArn"
    ]
    for _ in range(2):
        assert shown(sfn.delete_state_machine_alias(stateMachineAliasArn=arn)) == {}
    wanted = ("ResourceNotFound", f"Resource not found: '{arn}'")
    assert refused("describe_state_machine_alias", stateMachineAliasArn=arn) == wanted


def test_a_routing_that_leads_nowhere_is_refused_with_aws_texts(sfn, versions, refused) -> None:
    arn, first, second = versions
    other = "arn:aws:states:us-east-1:000000000000:stateMachine:other:1"
    begin = "Routing configuration must contain"
    cases = [
        (routing(**{arn: 100}), f"{begin} state machine version ARNs. Received: [{arn}]"),
        (
            routing(**{first: 50, second: 49}),
            "Sum of routing configuration weights must equal 100. Received: [99]",
        ),
        (
            routing(**{first: 50, other: 50}),
            f"{begin} state machine version ARNs for the same state machine. Received: [{first}, {other}]",
        ),
        (
            routing(**{first: 50}) * 2,
            f"{begin} distinct state machine version ARNs. Received: [{first}, {first}]",
        ),
    ]
    for given, text in cases:
        members = {"name": "live", "routingConfiguration": given}
        assert refused("create_state_machine_alias", **members) == ("ValidationException", text)
    with pytest.raises(sfn.exceptions.ValidationException) as caught:
        sfn.create_state_machine_alias(name="live", routingConfiguration=cases[0][0])
    assert caught.value.response["reason"] == "INVALID_ROUTING_CONFIGURATION"
    missing = {"name": "live", "routingConfiguration": routing(**{f"{arn}:9": 100})}
    assert refused("create_state_machine_alias", **missing)[0] == "ResourceNotFound"


def test_deletion_of_the_machine_takes_versions_and_aliases_along(sfn, versions, refused) -> None:
    arn, first, _ = versions
    sfn.create_state_machine_alias(name="live", routingConfiguration=routing(**{first: 100}))
    sfn.delete_state_machine(stateMachineArn=arn)
    assert refused("describe_state_machine", stateMachineArn=first)[0] == "StateMachineDoesNotExist"
    assert refused("describe_state_machine_alias", stateMachineAliasArn=f"{arn}:live")[0] == "ResourceNotFound"
