"""Partitions and their filter, through boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from steppe.base.errors import ApiError
from steppe.services.glue.expression import compile_filter

KEYS = [{"Name": "day", "Type": "date"}, {"Name": "hour", "Type": "int"}, {"Name": "Region", "Type": "string"}]


def partition(day, hour, region):
    return {"Values": [day, str(hour), region], "StorageDescriptor": {"Location": f"s3://b/{day}/{hour}/{region}/"}}


@pytest.fixture
def place(glue):
    glue.create_database(DatabaseInput={"Name": "logs"})
    glue.create_table(DatabaseName="logs", TableInput={"Name": "t", "PartitionKeys": KEYS})
    yield {"DatabaseName": "Logs", "TableName": "T"}
    glue.delete_database(Name="logs")


def test_partitions_are_made_in_batches_and_those_that_exist_are_told(glue, place):
    first = [partition("2026-01-01", hour, "eu") for hour in range(3)]
    assert glue.batch_create_partition(**place, PartitionInputList=first)["Errors"] == []
    again = [partition("2026-01-01", 2, "eu"), partition("2026-01-02", 0, "us"), {"Values": ["x"]}]
    errors = glue.batch_create_partition(**place, PartitionInputList=again)["Errors"]
    told = {tuple(e["PartitionValues"]): e["ErrorDetail"]["ErrorCode"] for e in errors}
    assert told == {("2026-01-01", "2", "eu"): "AlreadyExistsException", ("x",): "InvalidInputException"}
    found = glue.get_partition(**place, PartitionValues=["2026-01-02", "0", "us"])["Partition"]
    assert found["StorageDescriptor"] == {"Location": "s3://b/2026-01-02/0/us/"}
    assert (found["DatabaseName"], found["TableName"], found["CatalogId"]) == ("logs", "t", "123456789012")
    with pytest.raises(ClientError, match="Partition already exists"):
        glue.create_partition(**place, PartitionInput=again[1])


def test_partitions_are_paged_filtered_and_split_into_segments(glue, place):
    listed = [partition(f"2026-01-{day:02}", hour, "eu") for day in range(1, 11) for hour in (0, 5, 12)]
    glue.batch_create_partition(**place, PartitionInputList=listed)
    pages = glue.get_paginator("get_partitions").paginate(
        **place, Expression="day >= '2026-01-09' AND hour > 3", PaginationConfig={"PageSize": 3}
    )
    found = [p["Values"][:2] for page in pages for p in page["Partitions"]]
    assert found == [["2026-01-09", "12"], ["2026-01-09", "5"], ["2026-01-10", "12"], ["2026-01-10", "5"]]
    segments = [
        {tuple(p["Values"]) for p in glue.get_partitions(
            **place, Segment={"SegmentNumber": n, "TotalSegments": 3})["Partitions"]}
        for n in range(3)
    ]  # fmt: skip
    assert sum(map(len, segments)) == len(set.union(*segments)) == 30


def test_columns_can_be_left_out(glue, place):
    given = {**partition("2026-01-01", 1, "eu"), "Parameters": {"a": "b"}}
    given["StorageDescriptor"]["Columns"] = [{"Name": "x", "Type": "int"}]
    glue.create_partition(**place, PartitionInput=given)
    (whole,) = glue.get_partitions(**place)["Partitions"]
    assert whole["StorageDescriptor"]["Columns"] == [{"Name": "x", "Type": "int"}]
    (short,) = glue.get_partitions(**place, ExcludeColumnSchema=True)["Partitions"]
    assert "Columns" not in short["StorageDescriptor"]


def test_partitions_are_changed_and_deleted(glue, place):
    glue.batch_create_partition(**place, PartitionInputList=[partition("d", n, "eu") for n in range(4)])
    glue.update_partition(**place, PartitionValueList=["d", "0", "eu"], PartitionInput=partition("e", 0, "eu"))
    entries = [
        {"PartitionValueList": ["d", "1", "eu"], "PartitionInput": {"Values": ["d", "2", "eu"]}},
        {"PartitionValueList": ["d", "9", "eu"], "PartitionInput": {"Values": ["d", "9", "eu"]}},
        {
            "PartitionValueList": ["d", "3", "eu"],
            "PartitionInput": {"Values": ["d", "3", "eu"], "Parameters": {"a": "1"}},
        },
    ]
    errors = glue.batch_update_partition(**place, Entries=entries)["Errors"]
    assert [e["ErrorDetail"]["ErrorCode"] for e in errors] == ["AlreadyExistsException", "EntityNotFoundException"]
    wanted = [{"Values": ["e", "0", "eu"]}, {"Values": ["d", "3", "eu"]}, {"Values": ["no", "0", "eu"]}]
    found = glue.batch_get_partition(**place, PartitionsToGet=wanted)["Partitions"]
    assert [p["Values"][0] for p in found] == ["e", "d"]
    assert found[1]["Parameters"] == {"a": "1"}
    gone = glue.batch_delete_partition(**place, PartitionsToDelete=wanted)["Errors"]
    assert [e["PartitionValues"] for e in gone] == [["no", "0", "eu"]]
    glue.delete_partition(**place, PartitionValues=["d", "1", "eu"])
    with pytest.raises(ClientError, match="Cannot find partition"):
        glue.get_partition(**place, PartitionValues=["d", "1", "eu"])


ROW = {"day": "2026-01-02", "hour": "10", "region": "eu-west", "none": "__HIVE_DEFAULT_PARTITION__"}
TYPES = {"day": "date", "hour": "int", "region": "string", "none": "string", "list": "array<int>"}


@pytest.mark.parametrize(
    ("expression", "taken"),
    [
        ("day = '2026-01-02'", True),
        ("day = date '2026-01-02' and HOUR = 10", True),
        ("hour > 9", True),
        ("hour > '9'", True),
        ("9 < hour", True),
        ("'2026-01-01' >= day", False),
        ("region <> 'us'", True),
        ("region != 'eu-west'", False),
        ("region in ('us', 'eu-west')", True),
        ("region NOT IN ('us', 'eu-west')", False),
        ("hour between 3 and 10", True),
        ("hour not between 3 and 10", False),
        ("region like 'eu%'", True),
        ("region like '_u-%t'", True),
        ("region not like '%a%b%'", True),
        ("not (hour = 1 or region = 'x') and `day` <= '2026-02-01'", True),
        ('`day` <= "day"', None),
        ("not hour = 1", True),
        ("hour = 1 or hour = 10 and region = 'x'", False),
        ("(hour = 1 or hour = 10) and region = 'eu-west'", True),
        ("none is null and day is not null", True),
        ("none = 'x'", False),
        ("none not like 'x'", False),
        ("none is not null", False),
        ("region = 'it''s'", False),
        ("hour = -1.50", False),
        ("hour = 'ten'", None),
        ("hour = nan", None),
        ("hour = 'NaN'", None),
        ("list = '1'", None),
        ("nosuch = 1", None),
        ("1 = 1", None),
        ("hour", None),
        ("hour = ", None),
        ("hour not = 1", None),
        ("hour = 1 hour", None),
        ("hour = 1 ;", None),
        ("(" * 60 + "hour = 1" + ")" * 60, None),
        ("region like '" + "%a" * 200 + "'", False),
    ],
)
def test_a_filter_compares_as_the_key_s_type_says(expression, taken):
    if taken is None:
        with pytest.raises(ApiError) as caught:
            compile_filter(expression, TYPES)(ROW)
        assert caught.value.code == "InvalidInputException"
    else:
        assert compile_filter(expression, TYPES)(ROW) is taken
