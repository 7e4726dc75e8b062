"""The article over 10,000 objects, driven with boto3 alone."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from steppe.testing.server_process import ServerProcess

from . import article
from .article import ARTICLE, EXAMPLE, Aws

COUNT = 10_000


def test_the_example_has_the_fragments_of_the_article_unchanged() -> None:
    if not ARTICLE.exists():
        pytest.skip("../shared is not beside this checkout: nothing to compare the example with")
    reader, query = article.fragments()
    states = json.loads(EXAMPLE.read_text())["States"]
    assert states["Query"] == query
    assert states["DistributedMapState"]["ItemReader"] == reader["ItemReader"]


def test_the_article_copies_ten_thousand_objects_and_every_child_can_be_looked_at(
    server: ServerProcess, aws: Aws
) -> None:
    article.prepare(aws, server, COUNT)
    execution_arn = article.start(aws, article.definition())
    description = article.wait(aws, execution_arn)
    map_run_arn = article.check_recorded_once(aws, execution_arn, description, COUNT)
    article.check_copies(server, COUNT)

    sample = aws.s3.get_object(Bucket=article.TARGET, Key=article.image_key(4321))
    assert sample["Body"].read() == article.image_bytes(4321)
    listed = sum(len(p["Contents"]) for p in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=article.TARGET))
    assert listed == COUNT

    _check_manifest(aws, description, map_run_arn)
    _check_parent_history(aws, execution_arn, map_run_arn)

    entries = list(article.children(aws, map_run_arn))
    assert {entry["status"] for entry in entries} == {"SUCCEEDED"}
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(lambda entry: _check_child(aws, entry, map_run_arn), entries))
    assert sorted(keys) == sorted(article.image_key(n) for n in range(COUNT))


def _check_manifest(aws: Aws, description: dict[str, Any], map_run_arn: str) -> None:
    output = json.loads(description["output"])
    run_id = map_run_arn.rsplit(":", 1)[1]
    assert output == {
        "MapRunArn": map_run_arn,
        "ResultWriterDetails": {"Bucket": article.RESULTS, "Key": f"copies/{run_id}/manifest.json"},
    }
    answer = aws.s3.get_object(Bucket=article.RESULTS, Key=f"copies/{run_id}/manifest.json")
    manifest = json.loads(answer["Body"].read())
    assert manifest["DestinationBucket"] == article.RESULTS
    assert manifest["MapRunArn"] == map_run_arn
    assert sorted(manifest["ResultFiles"]) == ["FAILED", "PENDING", "SUCCEEDED"]
    record = next(article.result_records(aws, description["output"], "SUCCEEDED"))
    assert list(record) == sorted(record)
    assert record["InputDetails"] == record["OutputDetails"] == {"Included": True}
    assert record["RedriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"


def _check_parent_history(aws: Aws, execution_arn: str, map_run_arn: str) -> None:
    pages = aws.sfn.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
    events = [event for page in pages for event in page["events"]]
    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "MapStateEntered",
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert events[9]["mapRunStartedEventDetails"] == {"mapRunArn": map_run_arn}


def _check_child(aws: Aws, entry: dict[str, Any], map_run_arn: str) -> str:
    """Describe one child and read its history; the key it copied."""
    child = aws.sfn.describe_execution(executionArn=entry["executionArn"])
    assert child["status"] == "SUCCEEDED"
    assert child["mapRunArn"] == entry["mapRunArn"] == map_run_arn
    assert child["name"] == entry["name"] == entry["executionArn"].rsplit(":", 1)[1]
    assert child["startDate"] <= child["stopDate"]
    row = json.loads(child["input"])
    assert row["bucket"] == article.SOURCE
    assert "ETag" in json.loads(child["output"])["CopyObjectResult"]
    events = aws.sfn.get_execution_history(executionArn=entry["executionArn"])["events"]
    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert events[0]["executionStartedEventDetails"]["input"] == child["input"]
    scheduled = events[2]["taskScheduledEventDetails"]
    assert (scheduled["resourceType"], scheduled["resource"]) == ("aws-sdk:s3", "copyObject")
    assert json.loads(scheduled["parameters"])["Key"] == row["key"]
    assert events[6]["executionSucceededEventDetails"]["output"] == child["output"]
    return str(row["key"])
