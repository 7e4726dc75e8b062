"""Every file of tests/cases: definition, input and script of outcomes in, history and outcome out.

A history line is `[id, previousEventId, type, details]`; JSON texts in the details are written as JSON, and the
`...Details: {"truncated": false}` members are left out. `{"$any": true}` stands for a value made from chance.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steppe.asl.compile import compile_definition
from steppe.base import jsonvalue
from steppe.interp import snapshot
from steppe.interp.stimulus import Redrive, Stop
from steppe.testing.scripted_tasks import ScriptedTasks, World

CASES = sorted((Path(__file__).parent.parent / "cases").glob("*.json"))
TEXTS = ("input", "output", "parameters")


def played(case, *, crash_each_step=False):
    """The world after a case."""
    express = case.get("express", False)
    program = compile_definition(json.dumps(case["definition"]), express=express)
    world = World.of(
        program, case["input"], ScriptedTasks(case.get("tasks", {}), case.get("map_runs", {})), express=express
    )
    for stimulus in case.get("stimuli", []):
        due_ms = world.clock.now_ms + round(stimulus["at"] * 1000)
        match stimulus:
            case {"stop": fault}:
                world.clock.at(due_ms, Stop(fault.get("error"), fault.get("cause")))
            case {"redrive": _}:
                world.clock.at(due_ms, Redrive())
    while world.step():
        if crash_each_step:
            world.execution = snapshot.load(snapshot.dump(world.execution))
    return world


def outcome(world):
    execution = world.execution
    found = {"status": execution.status}
    if execution.status == "SUCCEEDED":
        found["output"] = execution.output
    found |= {name: getattr(execution, name) for name in ("error", "cause") if getattr(execution, name) is not None}
    found["seconds"] = (world.clock.now_ms - execution.started_ms) / 1000
    return found


def line(event):
    """An event in the form of the files."""
    details = {}
    for key, value in event.items():
        if key.endswith("EventDetails"):
            details = {name: shown(name, part) for name, part in value.items() if not name.endswith("Details")}
    return [event["id"], event["previousEventId"], event["type"], details]


def shown(name, part):
    if name == "assignedVariables":
        return {variable: json.loads(text) for variable, text in part.items()}
    return json.loads(part) if name in TEXTS else part


def same(expected, found):
    """Whether a value is as a case says."""
    if expected == {"$any": True}:
        return True
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(same(part, found[name]) for name, part in expected.items())
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    return jsonvalue.equal(expected, found)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("crash_each_step", [False, True], ids=["straight", "restored after each step"])
def test_an_execution_goes_as_its_case_says(path, crash_each_step):
    case = json.loads(path.read_text())
    world = played(case, crash_each_step=crash_each_step)
    found = [line(event) for event in world.history]
    for number, (wanted, got) in enumerate(zip(case["history"], found, strict=False)):
        assert same(wanted, got), f"{case['shows']}: event {number + 1}\n  wanted {wanted}\n  found  {got}"
    assert len(found) == len(case["history"]), found[len(case["history"]) :]
    assert same(case["outcome"], outcome(world)), outcome(world)


def test_every_case_says_what_it_shows():
    assert CASES
    assert all(json.loads(path.read_text())["shows"].endswith(".") for path in CASES)
