"""Databases, tables, their versions and tags, through boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

COLUMNS = [{"Name": "id", "Type": "bigint"}, {"Name": "note", "Type": "string", "Comment": "free text"}]
STORAGE = {"Columns": COLUMNS, "Location": "s3://b/t/", "SerdeInfo": {"SerializationLibrary": "x.Y"}}


def refused(call, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def shop(glue):
    glue.create_database(DatabaseInput={"Name": "Shop", "Description": "sold things"})
    yield "shop"
    glue.delete_database(Name="shop")


def test_a_database_is_found_in_any_case_with_what_aws_adds(glue, shop):
    found = glue.get_database(Name="SHOP")["Database"]
    assert found["Name"] == "shop"
    assert found["Description"] == "sold things"
    assert found["CatalogId"] == "123456789012"
    assert found["CreateTableDefaultPermissions"][0]["Permissions"] == ["ALL"]
    assert refused(glue.create_database, DatabaseInput={"Name": "sHop"})[0] == "AlreadyExistsException"


def test_an_update_of_a_database_drops_what_is_not_sent(glue, shop):
    glue.update_database(Name=shop, DatabaseInput={"Name": shop, "Parameters": {"a": "1"}})
    found = glue.get_database(Name=shop)["Database"]
    assert "Description" not in found
    assert found["Parameters"] == {"a": "1"}


@pytest.mark.parametrize(
    ("operation", "members", "message"),
    [
        ("get_database", {"Name": "Nope"}, "Database nope not found."),
        ("update_database", {"Name": "nope", "DatabaseInput": {"Name": "nope"}}, "Database nope not found."),
        ("delete_database", {"Name": "nope"}, "Database nope not found."),
        ("get_tables", {"DatabaseName": "nope"}, "Database nope not found."),
        ("get_table", {"DatabaseName": "nope", "Name": "t"}, "Database nope not found."),
        ("get_table", {"DatabaseName": "default", "Name": "t"}, "Entity Not Found"),
        ("create_table", {"DatabaseName": "nope", "TableInput": {"Name": "t"}}, "Database nope not found."),
        ("update_table", {"DatabaseName": "default", "TableInput": {"Name": "t"}}, "Table t not found."),
        ("delete_table", {"DatabaseName": "default", "Name": "T"}, "Table t not found."),
        ("get_partitions", {"DatabaseName": "default", "TableName": "t"}, "Entity Not Found"),
        ("get_tags", {"ResourceArn": "arn:aws:glue:us-east-1:123456789012:database/nope"}, "Entity Not Found"),
    ],
)
def test_what_is_not_there_is_an_entity_not_found(glue, operation, members, message):
    assert refused(getattr(glue, operation), **members) == ("EntityNotFoundException", message)


def test_another_account_is_refused(glue):
    assert refused(glue.get_databases, CatalogId="999999999999")[0] == "AccessDeniedException"


def test_a_table_comes_back_as_it_was_sent_with_what_aws_adds(glue, shop):
    glue.create_table(
        DatabaseName="SHOP",
        TableInput={"Name": "Sales", "StorageDescriptor": STORAGE, "PartitionKeys": [{"Name": "day", "Type": "date"}],
                    "TableType": "EXTERNAL_TABLE", "Parameters": {"classification": "csv"}},
    )  # fmt: skip
    table = glue.get_table(DatabaseName=shop, Name="SALES")["Table"]
    assert (table["Name"], table["DatabaseName"], table["VersionId"]) == ("sales", "shop", "0")
    assert table["StorageDescriptor"] == {**STORAGE, "Compressed": False, "NumberOfBuckets": 0, "SortColumns": [],
                                          "StoredAsSubDirectories": False}  # fmt: skip
    assert (table["Retention"], table["IsRegisteredWithLakeFormation"]) == (0, False)
    again = refused(glue.create_table, DatabaseName=shop, TableInput={"Name": "sales"})
    assert again == ("AlreadyExistsException", "Table already exists.")


def test_versions_are_what_a_table_was(glue, shop):
    glue.create_table(DatabaseName=shop, TableInput={"Name": "t", "Parameters": {"a": "1", "n": "0"}})
    for number in range(1, 5):
        glue.update_table(DatabaseName=shop, TableInput={"Name": "t", "Parameters": {"n": str(number)}})
    glue.update_table(DatabaseName=shop, TableInput={"Name": "t", "Parameters": {"n": "5"}}, SkipArchive=True)
    assert glue.get_table(DatabaseName=shop, Name="t")["Table"]["Parameters"] == {"n": "5"}
    pages = glue.get_paginator("get_table_versions").paginate(
        DatabaseName=shop, TableName="t", PaginationConfig={"PageSize": 2}
    )
    versions = [version for page in pages for version in page["TableVersions"]]
    assert [v["VersionId"] for v in versions] == ["5", "3", "2", "1", "0"]
    assert versions[-1]["Table"]["Parameters"] == {"a": "1", "n": "0"}
    glue.delete_table_version(DatabaseName=shop, TableName="t", VersionId="2")
    answer = glue.batch_delete_table_version(DatabaseName=shop, TableName="t", VersionIds=["1", "2", "5", "x"])
    codes = {e["VersionId"]: e["ErrorDetail"]["ErrorCode"] for e in answer["Errors"]}
    assert codes == {"2": "EntityNotFoundException", "5": "InvalidInputException", "x": "EntityNotFoundException"}
    found = glue.get_table_version(DatabaseName=shop, TableName="t", VersionId="3")["TableVersion"]["Table"]
    assert found["Parameters"] == {"n": "3"}


def test_an_update_of_another_version_is_a_conflict(glue, shop):
    glue.create_table(DatabaseName=shop, TableInput={"Name": "t"})
    said = refused(glue.update_table, DatabaseName=shop, TableInput={"Name": "t"}, VersionId="7")
    assert said[0] == "ConcurrentModificationException"


def test_tables_are_paged_by_name_and_filtered_by_a_regular_expression(glue, shop):
    for name in ("sales", "salt", "b", "a"):
        glue.create_table(DatabaseName=shop, TableInput={"Name": name})
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=shop, PaginationConfig={"PageSize": 1})
    assert [t["Name"] for page in pages for t in page["TableList"]] == ["a", "b", "sales", "salt"]
    named = glue.get_tables(DatabaseName=shop, Expression="SAL.*")["TableList"]
    assert [t["Name"] for t in named] == ["sales", "salt"]
    for pattern in ("sale*", "*ale*", "*les", "[s]ales"):
        assert [t["Name"] for t in glue.get_tables(DatabaseName=shop, Expression=pattern)["TableList"]] == ["sales"]
    assert refused(glue.get_tables, DatabaseName=shop, Expression="(a+)+")[0] == "InvalidInputException"
    assert refused(glue.get_tables, DatabaseName=shop, NextToken="bm9uc2Vuc2U=")[0] == "InvalidInputException"
    gone = glue.batch_delete_table(DatabaseName=shop, TablesToDelete=["a", "zzz", "b"])["Errors"]
    assert [e["TableName"] for e in gone] == ["zzz"]


def test_tables_are_searched_by_text_and_property(glue, shop):
    glue.create_table(DatabaseName=shop, TableInput={"Name": "t", "StorageDescriptor": STORAGE})
    glue.create_table(DatabaseName=shop, TableInput={"Name": "u", "Parameters": {"classification": "orc"}})
    assert [t["Name"] for t in glue.search_tables(SearchText="free text")["TableList"]] == ["t"]
    filters = [{"Key": "classification", "Value": "orc"}, {"Key": "databaseName", "Value": "shop"}]
    assert [t["Name"] for t in glue.search_tables(Filters=filters)["TableList"]] == ["u"]
    criteria = [{"FieldName": "Name", "Sort": "DESC"}]
    filters = [{"Key": "databaseName", "Value": "shop"}]
    found = glue.search_tables(Filters=filters, SortCriteria=criteria, MaxResults=1)
    assert [t["Name"] for t in found["TableList"]] == ["u"]
    assert [t["Name"] for t in glue.search_tables(
        Filters=filters, SortCriteria=criteria, NextToken=found["NextToken"])["TableList"]] == ["t"]  # fmt: skip


def test_tags_of_a_database_and_a_table_do_not_show_in_them(glue, shop):
    glue.create_table(DatabaseName=shop, TableInput={"Name": "t"})
    for place in ("database/shop", "table/shop/t"):
        arn = f"arn:aws:glue:us-east-1:123456789012:{place}"
        glue.tag_resource(ResourceArn=arn, TagsToAdd={"team": "a", "cost": "b"})
        glue.untag_resource(ResourceArn=arn, TagsToRemove=["cost"])
        assert glue.get_tags(ResourceArn=arn)["Tags"] == {"team": "a"}
    assert glue.get_table(DatabaseName=shop, Name="t")["Table"]["VersionId"] == "0"


@pytest.mark.parametrize(
    "given",
    [
        {"Name": "t", "TargetTable": {"CatalogId": "1"}},
        {"Name": "t", "StorageDescriptor": {"Columns": [{"Name": "a"}, {"Name": "A"}]}},
        {"Name": "t", "StorageDescriptor": {"Columns": [{"Name": "a"}]}, "PartitionKeys": [{"Name": "a"}]},
    ],
)
def test_what_cannot_be_kept_is_refused(glue, shop, given):
    assert refused(glue.create_table, DatabaseName=shop, TableInput=given)[0] == "InvalidInputException"
