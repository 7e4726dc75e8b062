"""Work groups, what they hold, and their tags, through boto3."""

from __future__ import annotations

import uuid

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:athena:us-east-1:000000000000:workgroup/"


def refused(call, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def group(served):
    name = f"g{uuid.uuid4().hex[:8]}"
    served.athena.create_work_group(
        Name=name,
        Configuration={"ResultConfiguration": {"OutputLocation": "s3://results/enforced"}},
        Tags=[{"Key": "team", "Value": "a"}],
    )
    yield name
    served.athena.delete_work_group(WorkGroup=name, RecursiveDeleteOption=True)


def test_a_group_enforces_its_location_unless_told_otherwise(served, group):
    execution = served.run("SELECT 1", WorkGroup=group)
    assert execution["ResultConfiguration"]["OutputLocation"].startswith("s3://results/enforced/")
    shown = served.athena.get_work_group(WorkGroup=group)["WorkGroup"]
    assert shown["Configuration"]["EnforceWorkGroupConfiguration"] is True
    assert shown["Configuration"]["EngineVersion"]["EffectiveEngineVersion"] == "Athena engine version 3"
    assert "Tags" not in shown
    assert "Description" not in shown
    again = refused(served.athena.create_work_group, Name=group)
    assert again == ("InvalidRequestException", "WorkGroup is already created")


def test_a_disabled_group_starts_nothing(served, group):
    served.athena.update_work_group(WorkGroup=group, State="DISABLED")
    said = refused(served.athena.start_query_execution, QueryString="SELECT 1", WorkGroup=group)
    assert said == ("InvalidRequestException", f"WorkGroup {group} is disabled.")


def test_a_location_is_removed(served, group):
    served.athena.update_work_group(
        WorkGroup=group, ConfigurationUpdates={"ResultConfigurationUpdates": {"RemoveOutputLocation": True}}
    )
    shown = served.athena.get_work_group(WorkGroup=group)["WorkGroup"]["Configuration"]
    assert shown["ResultConfiguration"] == {}


def test_what_a_group_cannot_do_is_refused_by_name(served):
    said = refused(
        served.athena.create_work_group, Name="x", Configuration={"ExecutionRole": "arn:aws:iam::000000000000:role/r"}
    )
    assert said == ("InvalidRequestException", "ExecutionRole is not supported")
    assert refused(served.athena.get_work_group, WorkGroup="x")[1] == "WorkGroup is not found."


def test_a_group_that_holds_something_is_deleted_only_with_it(served):
    served.athena.create_work_group(Name="holder")
    served.athena.create_prepared_statement(StatementName="st", WorkGroup="holder", QueryStatement="SELECT ?")
    assert refused(served.athena.delete_work_group, WorkGroup="holder")[1] == "WorkGroup is not empty"
    served.athena.delete_work_group(WorkGroup="holder", RecursiveDeleteOption=True)
    served.athena.create_work_group(Name="holder")
    served.athena.delete_work_group(WorkGroup="holder")
    assert refused(served.athena.delete_work_group, WorkGroup="primary")[0] == "InvalidRequestException"


def test_groups_have_tags(served, group):
    served.athena.tag_resource(ResourceARN=ARN + group, Tags=[{"Key": "cost", "Value": "b"}])
    served.athena.untag_resource(ResourceARN=ARN + group, TagKeys=["team"])
    assert served.athena.list_tags_for_resource(ResourceARN=ARN + group)["Tags"] == [{"Key": "cost", "Value": "b"}]
    nameless = refused(served.athena.tag_resource, ResourceARN=ARN + group, Tags=[{"Value": "b"}])
    assert nameless == ("InvalidRequestException", "A tag needs a Key")
    said = refused(served.athena.list_tags_for_resource, ResourceARN=ARN + "nope")
    assert said[0] == "ResourceNotFoundException"
    assert refused(served.athena.list_tags_for_resource, ResourceARN="arn:aws:s3:::b")[0] == "InvalidRequestException"


def test_engine_versions(served):
    versions = served.athena.list_engine_versions()["EngineVersions"]
    assert [v["SelectedEngineVersion"] for v in versions] == ["AUTO", "Athena engine version 3"]


def test_named_queries_are_kept_changed_and_listed(served, group):
    given = {"Name": "n", "Database": "default", "QueryString": "SELECT 1", "WorkGroup": group}
    token = str(uuid.uuid4())
    first = served.athena.create_named_query(**given, ClientRequestToken=token)["NamedQueryId"]
    assert served.athena.create_named_query(**given, ClientRequestToken=token)["NamedQueryId"] == first
    other = refused(served.athena.create_named_query, **{**given, "Name": "m"}, ClientRequestToken=token)
    assert other == ("InvalidRequestException", "Idempotent parameters do not match")
    second = served.athena.create_named_query(**given, Description="d")["NamedQueryId"]
    listed = served.athena.get_paginator("list_named_queries").paginate(
        WorkGroup=group, PaginationConfig={"PageSize": 1}
    )
    assert {i for page in listed for i in page["NamedQueryIds"]} == {first, second}
    served.athena.update_named_query(NamedQueryId=second, Name="x", QueryString="SELECT 2", Description="")
    found = served.athena.batch_get_named_query(NamedQueryIds=[first, second, "nope"])
    assert {q["NamedQueryId"]: q["QueryString"] for q in found["NamedQueries"]} == {
        first: "SELECT 1",
        second: "SELECT 2",
    }
    assert found["UnprocessedNamedQueryIds"][0]["NamedQueryId"] == "nope"
    served.athena.delete_named_query(NamedQueryId=first)
    assert refused(served.athena.get_named_query, NamedQueryId=first)[0] == "InvalidRequestException"
    assert served.athena.list_named_queries()["NamedQueryIds"] == []


def test_prepared_statements_belong_to_their_group(served, group):
    athena = served.athena
    for name in ("one", "two"):
        athena.create_prepared_statement(StatementName=name, WorkGroup=group, QueryStatement="SELECT ?")
    again = refused(athena.create_prepared_statement, StatementName="one", WorkGroup=group, QueryStatement="SELECT 2")
    assert again[0] == "InvalidRequestException"
    athena.update_prepared_statement(
        StatementName="two", WorkGroup=group, QueryStatement="SELECT ? + 1", Description="more"
    )
    found = athena.get_prepared_statement(StatementName="two", WorkGroup=group)["PreparedStatement"]
    assert (found["QueryStatement"], found["WorkGroupName"], found["Description"]) == ("SELECT ? + 1", group, "more")
    one = athena.get_prepared_statement(StatementName="one", WorkGroup=group)["PreparedStatement"]
    assert one["QueryStatement"] == "SELECT ?"
    listed = athena.list_prepared_statements(WorkGroup=group, MaxResults=1)
    assert [s["StatementName"] for s in listed["PreparedStatements"]] == ["one"]
    more = athena.list_prepared_statements(WorkGroup=group, MaxResults=1, NextToken=listed["NextToken"])
    assert [s["StatementName"] for s in more["PreparedStatements"]] == ["two"]
    assert "NextToken" not in more
    batch = athena.batch_get_prepared_statement(PreparedStatementNames=["one", "none"], WorkGroup=group)
    assert [s["StatementName"] for s in batch["UnprocessedPreparedStatementNames"]] == ["none"]
    said = refused(athena.get_prepared_statement, StatementName="one", WorkGroup="primary")
    assert said == (
        "ResourceNotFoundException",
        "No Prepared Statement with statement name one exists in WorkGroup primary",
    )
    athena.delete_prepared_statement(StatementName="one", WorkGroup=group)
    assert (
        refused(athena.delete_prepared_statement, StatementName="one", WorkGroup=group)[0]
        == "ResourceNotFoundException"
    )
