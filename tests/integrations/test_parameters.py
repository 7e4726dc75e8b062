"""What is said of a task's parameters when a machine is created; rows with `seen` are the service's own answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steppe.asl.resources import Resource, parse_resource
from steppe.asl.validate import diagnose
from steppe.integrations.parameters import ModelledCalls, most_similar

ROWS = json.loads((Path(__file__).parent / "cases" / "parameters.json").read_text())


def resource(name: str) -> Resource:
    parsed = parse_resource(f"arn:aws:states:::{name}")
    assert parsed is not None
    return parsed


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["resource"])
def test_parameters_are_held_against_the_api(row):
    found = ModelledCalls().problems(resource(row["resource"]), row["parameters"], jsonata=row.get("jsonata", False))
    assert found == row["expected"]


@pytest.mark.parametrize(
    ("name", "exists"),
    [
        ("aws-sdk:s3:copyObject", True),
        ("aws-sdk:s3:copyObjekt", False),
        ("aws-sdk:s33:copyObject", False),
        ("aws-sdk:sfn:startExecution", True),
        ("aws-sdk:cloudwatchlogs:putLogEvents", True),
        ("lambda:invoke", True),
    ],
)
def test_an_action_exists_when_the_api_has_it(name, exists):
    assert ModelledCalls().exists(resource(name)) is exists


def test_a_machine_with_a_task_that_cannot_be_called_is_refused_with_the_place():
    task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {}, "End": True}
    text = json.dumps({"StartAt": "T", "States": {"T": task}})
    assert diagnose(text) == []
    assert [str(finding) for finding in diagnose(text, calls=ModelledCalls())] == [
        "SCHEMA_VALIDATION_FAILED: The field 'QueueUrl' is required but was missing at /States/T/Parameters",
        "SCHEMA_VALIDATION_FAILED: The field 'MessageBody' is required but was missing at /States/T/Parameters",
    ]


def test_the_most_similar_name_shares_its_beginning():
    assert most_similar("bucketname", ["Key", "Bucket", "Name"]) == "Bucket"
    assert most_similar("xyz", ["Key", "Bucket"]) == "Key"
    assert most_similar("Kye", ["Bucket", "Key"]) == "Key"
