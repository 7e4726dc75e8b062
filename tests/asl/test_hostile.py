"""Whatever is done to a definition: it compiles, or is refused with DefinitionError, and nothing else."""

from __future__ import annotations

import copy
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steppe.asl.compile import compile_definition, compile_state
from steppe.asl.positions import locate
from steppe.asl.validate import diagnose
from steppe.base.errors import DefinitionError

from .table import ROWS, definition_of

DEFINITIONS = [json.loads(definition_of(row)) for row in ROWS if "text" not in row]
NAMES = sorted(
    {"Type", "Next", "End", "States", "StartAt", "Choices", "Variable", "Condition", "Retry", "Catch", "ErrorEquals"}
    | {"ItemProcessor", "ItemReader", "ReaderConfig", "QueryLanguage", "Assign", "Output", "Items", "Branches", "Label"}
)
TEXTS = st.sampled_from(["", "$", "$.a", "$$.x", "$v", "{% $x %}", "{%", "States.UUID()", "JSONata", "Map", "X"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10**9) | st.floats(allow_nan=False) | TEXTS | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(value, path=()):
    """Every member and element of a document."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


@st.composite
def mutated(draw):
    """A definition of the table with up to three places changed, removed, renamed or copied elsewhere."""
    document = copy.deepcopy(draw(st.sampled_from(DEFINITIONS)))
    for _ in range(draw(st.integers(1, 3))):
        known = list(places(document))
        if not known:
            break
        path = draw(st.sampled_from(known))
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        change = draw(st.sampled_from(["replace", "remove", "rename", "copy"]))
        if change == "remove":
            del holder[path[-1]]
        elif change == "rename" and isinstance(holder, dict):
            holder[draw(st.sampled_from(NAMES) | st.text(max_size=3))] = holder.pop(path[-1])
        elif change == "copy":
            other = document
            for step in draw(st.sampled_from(known)):
                other = other[step]
            holder[path[-1]] = copy.deepcopy(other)
        else:
            holder[path[-1]] = draw(VALUES)
    return document


def check(text: str) -> None:
    findings = diagnose(text)
    errors = [finding for finding in findings if finding.severity == "ERROR"]
    if errors:
        with pytest.raises(DefinitionError) as caught:
            compile_definition(text)
        assert caught.value.diagnostics == errors
    else:
        assert compile_definition(text).states
    pointers = [finding.pointer for finding in findings if finding.pointer is not None]
    assert set(locate(text, pointers)) == set(pointers)


@given(mutated())
def test_a_changed_definition_compiles_or_is_refused(document):
    check(json.dumps(document))


@given(VALUES)
def test_any_json_compiles_or_is_refused(value):
    check(json.dumps(value))


@given(VALUES)
def test_any_state_compiles_or_is_refused(value):
    for document in (value, {"Type": "Map", **value} if isinstance(value, dict) else value):
        with suppress(DefinitionError):
            assert compile_state(json.dumps(document)).states


@given(st.sampled_from(DEFINITIONS), st.data())
def test_a_damaged_text_compiles_or_is_refused(document, data):
    text = json.dumps(document)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 5)))
    put = data.draw(st.text('{}[]",:\\ \x00\n0-9.eE+ntu\ud800é', max_size=4))
    check(text[:start] + put + text[end:])


@given(st.text(max_size=30))
def test_any_text_compiles_or_is_refused(text):
    check(text)


def test_lone_surrogates_are_kept():
    text = '{"StartAt":"X","States":{"X":{"Type":"Pass","Result":"\\ud800","End":true}}}'
    assert compile_definition(text).states["X"].result == "\ud800"
    assert compile_definition(text.replace("Result", "Comment")).digest
    processor = '{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"P","States":{"P":'
    text = text.replace('"Type":"Pass","Result":"\\ud800"', f'"Type":"Map","ItemProcessor":{processor}@}}}}')
    state = '{"Type":"Pass","Result":"\\ud800","End":true}'
    # A text that is kept is well-formed: the half pair is in it as its escape.
    assert "\\ud800" in compile_definition(text.replace("@", state)).states["X"].processor_definition
