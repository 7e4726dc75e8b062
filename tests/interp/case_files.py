"""The files of tests/cases, and how a case is played and compared.

A file directly in tests/cases is one case with its whole history. A file in a folder there is a table: cases of one
subject, each with its outcome, and as much of the history as it is about.

    {"shows": "...", "source": "where the expected values come from",
     "let": {"work": "arn:aws:lambda:..."},                        "@work" stands for it anywhere in the cases
     "cases": [{"name": "...", "states": {"A": {...}}, "input": {}, "outcome": {...}, "events": [...]}]}

A case has

* `definition`, or `states` (the first one is where it starts), `jsonata` and `timeout`, which make one;
* `input` ({} when left out), `express`, `tasks` and `map_runs` (scripts, see steppe.testing.scripted_tasks), `stimuli`;
* `outcome`: status, output, error, cause and, where it matters, the seconds it took;
* `events`: the history, an event a text: "7<3 PassStateEntered A": id, previousEventId, type, the name of the state or
  the index of the iteration where the event has one; or `history`: `[id, previousEventId, type, details]`, all details;
* `details`: by event id, members that the details of an event must have among others;
* `long`: it has so many events that it is played once only, straight through.

JSON texts in details are written as JSON; the `...Details: {"truncated": false}` members are left out. In expected
values `{"$any": true}` stands for anything, `{"$match": "..."}` for a text of that form. `{"$repeat": ["x", 5]}` is a
long text, anywhere.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from steppe.asl.compile import compile_definition
from steppe.base import jsonvalue
from steppe.interp.stimulus import Redrive, Stop
from steppe.testing.scripted_tasks import ScriptedTasks, World

FOLDER = Path(__file__).parent.parent / "cases"
TEXTS = ("input", "output", "parameters")
MEMBERS = {
    "name", "shows", "definition", "states", "jsonata", "timeout", "express", "input", "tasks", "map_runs", "stimuli",
    "outcome", "events", "history", "details", "long",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A case and where it stands."""

    id: str
    body: dict

    @property
    def definition(self):
        body = self.body
        if "definition" in body:
            return body["definition"]
        definition = {"StartAt": next(iter(body["states"])), "States": body["states"]}
        if body.get("jsonata"):
            definition["QueryLanguage"] = "JSONata"
        if "timeout" in body:
            definition["TimeoutSeconds"] = body["timeout"]
        return definition

    def world(self):
        """A world in which the case is about to start."""
        body = self.body
        express = body.get("express", False)
        tasks = ScriptedTasks(body.get("tasks", {}), body.get("map_runs", {}))
        program = compile_definition(json.dumps(self.definition), express=express)
        world = World.of(program, body.get("input", {}), tasks, express=express)
        for stimulus in body.get("stimuli", []):
            due_ms = world.clock.now_ms + round(stimulus["at"] * 1000)
            match stimulus:
                case {"stop": fault}:
                    world.clock.at(due_ms, Stop(fault.get("error"), fault.get("cause")))
                case {"redrive": _}:
                    world.clock.at(due_ms, Redrive())
        return world


def tables():
    """Every table: its name and its content."""
    for path in sorted(FOLDER.glob("*/*.json")):
        yield str(path.relative_to(FOLDER).with_suffix("")), json.loads(path.read_text())


def cases():
    """Every case there is."""
    for path in sorted(FOLDER.glob("*.json")):
        yield Case(path.stem, json.loads(path.read_text()))
    for name, table in tables():
        for body in table["cases"]:
            yield Case(f"{name}:{body['name']}", written_out(body, table.get("let", {})))


def written_out(value, names):
    """A value of a table with its names and long texts written out."""
    match value:
        case {"$repeat": [text, count]}:
            return text * count
        case dict():
            return {key: written_out(part, names) for key, part in value.items()}
        case list():
            return [written_out(part, names) for part in value]
        case str() if value.startswith("@"):
            return names[value[1:]]
    return value


def outcome(world):
    execution = world.execution
    found = {"status": execution.status}
    if execution.status == "SUCCEEDED":
        found["output"] = execution.output
    found |= {name: getattr(execution, name) for name in ("error", "cause") if getattr(execution, name) is not None}
    found["seconds"] = (world.clock.now_ms - execution.started_ms) / 1000
    return found


def details(event):
    """The details of an event, JSON texts as JSON."""
    for key, value in event.items():
        if key.endswith("EventDetails"):
            return {name: shown(name, part) for name, part in value.items() if not name.endswith("Details")}
    return {}


def shown(name, part):
    if name == "assignedVariables":
        return {variable: json.loads(text) for variable, text in part.items()}
    return json.loads(part) if name in TEXTS else part


def line(event):
    """An event in the long form."""
    return [event["id"], event["previousEventId"], event["type"], details(event)]


def short(event):
    """An event in the short form."""
    found = details(event)
    if event["type"].startswith("MapIteration"):
        name = f" {found['index']}"
    else:
        name = f" {found['name']}" if "name" in found else ""
    return f"{event['id']}<{event['previousEventId']} {event['type']}{name}"


def same(expected, found):
    """Whether a value is as a case says."""
    match expected:
        case {"$any": True}:
            return True
        case {"$match": pattern}:
            return isinstance(found, str) and re.fullmatch(pattern, found) is not None
        case dict() if isinstance(found, dict):
            return expected.keys() == found.keys() and all(same(part, found[name]) for name, part in expected.items())
        case list() if isinstance(found, list):
            return len(expected) == len(found) and all(map(same, expected, found))
    return jsonvalue.equal(expected, found)
