"""The definitions of the public conformance cases: all that AWS took compile, all that it refused are refused alike."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from steppe.asl.compile import compile_definition, compile_state
from steppe.base.errors import DefinitionError

FILLED = {"@{partition}": "aws", "@{region}": "us-east-1", "@{account}": "111122223333"}
DEFINING = ("CreateStateMachine", "UpdateStateMachine", "ValidateStateMachineDefinition", "TestState")


@dataclass(frozen=True)
class Recorded:
    """One definition and what AWS said to it: nothing, a message, or diagnostics."""

    file: str
    text: str
    express: bool
    state: bool
    refusal: str | list | None


def filled(text: str) -> str:
    for placeholder, value in FILLED.items():
        text = text.replace(placeholder, value)
    return re.sub(r"@\{([^}]*)\}", lambda found: re.sub(r"\W", "", found.group(1)), text)


def text_of(definition) -> str:
    return filled(definition if isinstance(definition, str) else json.dumps(definition))


def recorded(cases: Path) -> Iterator[Recorded]:
    for path in sorted(cases.rglob("*.json")):
        content = json.loads(path.read_text())
        for case in content.get("cases", [content]):
            if "definition" in case:
                yield Recorded(path.stem, text_of(case["definition"]), case.get("type") == "EXPRESS", False, None)
            for call in case.get("calls", []):
                if call.get("action") in DEFINING and "definition" in call["request"]:
                    yield of_call(path.stem, call)


def of_call(file: str, call) -> Recorded:
    request, error, answer = call["request"], call.get("error") or {}, call.get("response") or {}
    refusal = filled(error["message"]) if error.get("code") == "InvalidDefinition" else None
    if answer.get("result") == "FAIL":
        refusal = answer["diagnostics"]
    text = text_of(request["definition"])
    lone = call["action"] == "TestState" and '"States"' not in text.split('"ItemProcessor"')[0].split('"Branches"')[0]
    return Recorded(file, text, request.get("type") == "EXPRESS", lone, refusal)


@pytest.mark.slow
def test_definitions_are_taken_and_refused_as_on_aws(shared):
    outcomes: Counter[str] = Counter()
    wrong = []
    for case in recorded(shared / "conformance" / "cases"):
        if isinstance(case.refusal, str) and case.refusal.startswith("TestState API does not support"):
            outcomes["refused by the API, not for the definition"] += 1
            continue
        try:
            compile_state(case.text) if case.state else compile_definition(case.text, express=case.express)
            said = None
        except DefinitionError as error:
            said = f"Invalid State Machine Definition: '{error}'"
            if isinstance(case.refusal, list):
                said = [shape(diagnostic) for diagnostic in error.diagnostics]
        if said == case.refusal:
            outcomes["refused as recorded" if said else "compiled"] += 1
        else:
            wrong.append((case.file, said, case.refusal))
    print(dict(outcomes))
    assert wrong == []
    assert outcomes["compiled"] > 700
    assert outcomes["refused as recorded"] > 10


def shape(diagnostic) -> dict[str, str]:
    members = {name: getattr(diagnostic, name) for name in ("code", "location", "message", "severity")}
    return {name: value for name, value in members.items() if value is not None}
