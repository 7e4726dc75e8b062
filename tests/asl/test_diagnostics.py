"""What is found in a definition, as data: each row of cases/diagnostics.json is a definition and all its findings.

`seen_on_aws` marks the rows whose texts were recorded from the service, here or by users who published them. In an
expected text, `@OPS` stands for the names of all comparison operators.
"""

from __future__ import annotations

import json
import pickle

import pytest

from steppe.asl.choice import OPERATORS
from steppe.asl.compile import compile_definition
from steppe.asl.diagnostics import Diagnostic
from steppe.asl.validate import diagnose
from steppe.base.errors import DefinitionError

from .table import ROWS, definition_of


def shown(finding: Diagnostic) -> str:
    return f"WARNING {finding}" if finding.severity == "WARNING" else str(finding)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_a_definition_has_exactly_these_findings(row):
    text, express = definition_of(row), row.get("express", False)
    expected = [line.replace("@OPS", ", ".join(OPERATORS)) for line in row["expected"]]
    assert [shown(finding) for finding in diagnose(text, express=express)] == expected


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_a_definition_compiles_unless_it_has_an_error(row):
    text, express = definition_of(row), row.get("express", False)
    errors = [finding for finding in diagnose(text, express=express) if finding.severity == "ERROR"]
    if not errors:
        assert compile_definition(text, express=express).states
        return
    with pytest.raises(DefinitionError) as caught:
        compile_definition(text, express=express)
    assert caught.value.diagnostics == errors
    assert str(caught.value) == ", ".join(map(str, errors))
    assert pickle.loads(pickle.dumps(caught.value)).diagnostics == errors


def test_a_long_text_is_quoted_up_to_500_characters():
    text = "{" + " " * 600
    finding = diagnose(text)[0]
    assert finding.location == f'[Source: (String)"{text[:500]}"[truncated 101 chars]; line: 1, column: 602]'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 401 + "]" * 401, "Document nesting depth (401) exceeds the maximum allowed (400)"),
        ("[" * 1_000_000, "Document nesting depth (401) exceeds the maximum allowed (400)"),
        ("[" * 401 + '"' + '\\"' * 100_000, "Document nesting depth (401)"),
        ("[]" * 401 + '"' + '\\"' * 100_000, "Trailing token found after the value"),
        ('["", ' + "[]," * 401 + '"' + '\\"' * 100_000, "Unexpected end-of-input: was expecting closing quote"),
        ('["' + "[" * 401 + "\\", "Unexpected end-of-input: was expecting closing quote"),
        ("{} true", "Trailing token found after the value"),
        ('{"a":1e400}', "Numeric value (1e400) out of range"),
        ('{"a":' + "9" * 5_000 + "}", "Number value length (5000) exceeds the maximum allowed (4300)"),
    ],
    ids=[
        "deep",
        "a million brackets",
        "quotes",
        "quotes 2",
        "quotes 3",
        "a lone backslash",
        "two values",
        "infinite",
        "a long number",
    ],
)
def test_hostile_json_is_refused_by_name(text, reason):
    findings = diagnose(text)
    assert [finding.code for finding in findings] == ["INVALID_JSON_DESCRIPTION"]
    assert findings[0].message.startswith(reason)


def wrapped(kind: str, depth: int) -> str:
    """A definition with something nested in something."""
    state = {"Type": "Pass", "End": True}
    if kind == "states":
        for level in range(depth):
            processor = {"StartAt": f"m{level}", "States": {f"m{level}": state}}
            state = {"Type": "Map", "ItemProcessor": processor, "End": True}
    elif kind == "rules":
        rule = {"Variable": "$.a", "IsNull": True}
        for _ in range(depth):
            rule = {"Not": rule}
        state = {"Type": "Choice", "Choices": [{**rule, "Next": "X"}]}
    else:
        value = 1
        for _ in range(depth):
            value = {"a": value}
        state = {"Type": "Pass", "Parameters": value, "End": True}
    return json.dumps({"StartAt": "X", "States": {"X": state}})


@pytest.mark.parametrize(("kind", "depth"), [("states", 100), ("rules", 180), ("template", 390)])
def test_what_nests_too_deep_is_refused_by_name(kind, depth):
    assert "TOO_DEEPLY_NESTED" in {finding.code for finding in diagnose(wrapped(kind, depth))}


def test_many_brackets_beside_each_other_are_not_deep():
    text = json.dumps({"StartAt": "X", "States": {"X": {"Type": "Pass", "Result": [[]] * 1_000, "End": True}}})
    assert diagnose(text) == []


@pytest.mark.parametrize(("kind", "depth"), [("states", 20), ("rules", 40), ("template", 150)])
def test_what_nests_deep_is_taken(kind, depth):
    assert "TOO_DEEPLY_NESTED" not in {finding.code for finding in diagnose(wrapped(kind, depth))}
