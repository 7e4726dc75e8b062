"""Tags, activities, and ValidateStateMachineDefinition."""

import json

import pytest

ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:"


def shown(answer: dict) -> dict:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def tags(*pairs: tuple[str, str]) -> list[dict]:
    return [{"key": key, "value": value} for key, value in pairs]


def test_tags_are_added_replaced_and_removed(sfn, create) -> None:
    arn = create(tags=tags(("a", "1"), ("mode", "x")))
    sfn.tag_resource(resourceArn=arn, tags=tags(("Mode", "y"), ("a", "2"), ("empty", ""), ("k", "1"), ("k", "1")))
    wanted = tags(("a", "2"), ("mode", "x"), ("Mode", "y"), ("empty", ""), ("k", "1"))
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == wanted
    assert shown(sfn.untag_resource(resourceArn=arn, tagKeys=["a", "unknown", "mode", "a"])) == {}
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == wanted[2:]
    assert shown(sfn.tag_resource(resourceArn=arn, tags=[])) == {}


def test_a_resource_has_at_most_fifty_tags(create, refused) -> None:
    arn = create(tags=tags(*((f"k{i}", "") for i in range(50))))
    assert refused("tag_resource", resourceArn=arn, tags=tags(("one more", "")))[0] == "TooManyTags"


def test_versions_have_no_tags(create, refused) -> None:
    arn = create(publish=True) + ":1"
    wanted = ("ResourceNotFound", f"Resource not found: '{arn}'")
    assert refused("tag_resource", resourceArn=arn, tags=tags(("a", "b"))) == wanted
    assert refused("list_tags_for_resource", resourceArn=arn) == wanted


def test_system_tags_are_not_the_users(create, refused) -> None:
    wanted = ("AccessDeniedException", "Caller is an end user and not allowed to mutate system tags")
    assert refused("tag_resource", resourceArn=create(), tags=tags(("aws:a", "b"))) == wanted


def test_an_activity_is_created_described_tagged_and_deleted(sfn, name, refused) -> None:
    made = sfn.create_activity(name=name, tags=tags(("a", "1")))
    assert made["activityArn"] == ACTIVITY + name
    assert shown(sfn.create_activity(name=name)) == shown(made)
    assert shown(sfn.describe_activity(activityArn=ACTIVITY + name)) == {
        "activityArn": ACTIVITY + name,
        "name": name,
        "creationDate": made["creationDate"],
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    assert sfn.list_tags_for_resource(resourceArn=ACTIVITY + name)["tags"] == tags(("a", "1"))
    for _ in range(2):
        assert shown(sfn.delete_activity(activityArn=ACTIVITY + name)) == {}
    wanted = ("ActivityDoesNotExist", f"Activity Does Not Exist: '{ACTIVITY}{name}'")
    assert refused("describe_activity", activityArn=ACTIVITY + name) == wanted


def test_activities_are_listed_over_pages(sfn, name) -> None:
    names = [f"{name}-{i}" for i in range(5)]
    for each in names:
        sfn.create_activity(name=each)
    pages = sfn.get_paginator("list_activities").paginate(PaginationConfig={"PageSize": 2})
    found = [activity["name"] for page in pages for activity in page["activities"]]
    assert [each for each in found if each in names] == names


@pytest.mark.parametrize("bad", ["a b", "a:b", "a\\b", 'a"b', "\x00a", "a\x1f", "a~b", "a|b", "a{b", "a&b", "a%b"])
def test_a_bad_name_of_an_activity_is_refused(refused, bad) -> None:
    assert refused("create_activity", name=bad) == ("InvalidName", f"Invalid Name: '{bad}'")


def test_a_bad_arn_of_an_activity_is_refused(refused) -> None:
    wanted = ("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: no_an_activity_arn'")
    assert refused("describe_activity", activityArn="no_an_activity_arn") == wanted


def test_a_good_definition_has_no_findings(sfn, make_definition) -> None:
    answer = shown(sfn.validate_state_machine_definition(definition=make_definition(), type="EXPRESS"))
    assert answer == {"result": "OK", "diagnostics": [], "truncated": False}


def broken(count: int) -> str:
    states = {f"S{i}": {"Type": "Wait", "Seconds": -1, "End": True} for i in range(count)}
    return json.dumps({"StartAt": "S0", "States": states})


def test_findings_have_code_text_and_place(sfn) -> None:
    answer = shown(sfn.validate_state_machine_definition(definition=broken(1)))
    assert answer == {
        "result": "FAIL",
        "diagnostics": [
            {
                "severity": "ERROR",
                "code": "SCHEMA_VALIDATION_FAILED",
                "message": "Minimum value is 0",
                "location": "/States/S0/Seconds",
            }
        ],
        "truncated": False,
    }


@pytest.mark.parametrize(("members", "count"), [({}, 100), ({"maxResults": 0}, 100), ({"maxResults": 7}, 7)])
def test_findings_are_cut_and_it_is_said(sfn, members, count) -> None:
    answer = sfn.validate_state_machine_definition(definition=broken(150), **members)
    assert (len(answer["diagnostics"]), answer["truncated"]) == (count, True)


def test_warnings_are_shown_on_demand_and_do_not_fail(sfn) -> None:
    text = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"value": "$.x"}, "End": True}}})
    quiet = sfn.validate_state_machine_definition(definition=text)
    assert (quiet["result"], quiet["diagnostics"]) == ("OK", [])
    loud = sfn.validate_state_machine_definition(definition=text, severity="WARNING")
    assert loud["result"] == "OK"
    assert [(d["code"], d["severity"]) for d in loud["diagnostics"]] == [("NO_DOLLAR", "WARNING")]
