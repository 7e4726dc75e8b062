"""What a task calls: Resources taken apart, and tasks held against an API that a `CallCheck` stands for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steppe.asl.compile import compile_state
from steppe.asl.resources import Resource, parse_resource
from steppe.asl.validate import diagnose
from steppe.base.errors import DefinitionError

CASES = Path(__file__).parent / "cases"
RESOURCES = json.loads((CASES / "resources.json").read_text())
CALLS = json.loads((CASES / "calls.json").read_text())


class Api:
    """Has every action but `gone`, and finds fault with every parameter."""

    def exists(self, resource: Resource) -> bool:
        return resource.action != "gone"

    def problems(self, resource, parameters, *, jsonata):
        return [f"{resource.name} {'JSONata' if jsonata else 'JSONPath'} {name}" for name in parameters]


@pytest.mark.parametrize("row", RESOURCES, ids=lambda row: row["arn"])
def test_a_resource_is_taken_apart(row):
    parsed = parse_resource(row["arn"])
    assert parsed == (Resource(*row["parsed"]) if row["parsed"] else None)
    assert parsed is None or parsed.name == row["name"]


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row["name"])
def test_a_task_is_held_against_the_api(row):
    machine = {"StartAt": "X", "States": {"X": {"Type": "Task", "End": True, **row["state"]}}}
    if row.get("wrap"):
        machine = {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [machine], "End": True}}}
    if row.get("jsonata"):
        machine["QueryLanguage"] = "JSONata"
    assert [str(finding) for finding in diagnose(json.dumps(machine), calls=Api())] == row["expected"]


def test_a_lone_state_is_held_against_the_api():
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"Odd": 1}, "End": True}
    with pytest.raises(DefinitionError, match="lambda:invoke JSONPath Odd at /States/X/Parameters"):
        compile_state(json.dumps(state), name="X", calls=Api())
    assert compile_state(json.dumps(state), name="X").states
