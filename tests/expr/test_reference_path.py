"""Reference paths: what a write makes, what it shares, what is in its way."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steppe.expr.errors import NoMatchError, PathSyntaxError, ReferencePathConflictError, to_fault
from steppe.expr.reference_path import compile_reference
from steppe.expr.scope import Entropy, Scope

from .test_jsonpath import JSON

SCOPE = Scope(lambda: {"c": 1}, {"v": 2}, Entropy(b""), 0)


@pytest.mark.parametrize(
    ("text", "document", "written"),
    [
        ("$", {"a": 1}, "new"),
        ("$.a", {}, {"a": "new"}),
        ("$.a", {"a": 1, "b": 2}, {"a": "new", "b": 2}),
        ("$.a.b.c", {"x": 1}, {"x": 1, "a": {"b": {"c": "new"}}}),
        ("$['a']['b c']", {"a": {"d": 1}}, {"a": {"d": 1, "b c": "new"}}),
        ("$[1].payload", [1, {"id": 7}, 4], [1, {"id": 7, "payload": "new"}, 4]),
        ("$.a[0]", {"a": [1, 2]}, {"a": ["new", 2]}),
        ("$.a[0][1]", {"a": [[1, 2]]}, {"a": [[1, "new"]]}),
    ],
)
def test_a_write_makes_a_new_document(text, document, written):
    before = copy.deepcopy(document)
    assert compile_reference(text).write(document, "new") == written
    assert document == before


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("$.child", 4),
        ("$.child", None),
        ("$.child", [1]),
        ("$.a.b", {"a": 4}),
        ("$.a.b", {"a": None}),
        ("$.a[0]", {"a": {}}),
        ("$.a[0]", {}),
        ("$.a[2]", {"a": [1, 2]}),
        ("$[0].a", [1]),
    ],
)
def test_what_is_in_the_way_is_a_conflict(text, document):
    with pytest.raises(ReferencePathConflictError):
        compile_reference(text).write(document, 1)


def test_a_conflict_is_worded_as_the_service_does():
    with pytest.raises(ReferencePathConflictError) as caught:
        compile_reference("$.child").write(4, 1)
    fault = to_fault(caught.value)
    assert (fault.error, fault.cause) == (
        "States.ReferencePathConflict",
        "Unable to apply ReferencePath $.child to input 4",
    )


def test_a_write_shares_what_is_not_on_its_way():
    document = {"a": {"b": 1}, "big": {"x": []}}
    assert compile_reference("$.a.b").write(document, 2)["big"] is document["big"]


@pytest.mark.parametrize(
    "text", ["$.a[*]", "$..a", "$.a[0,1]", "$['a','b']", "$.a[-1]", "$.a[0:1]", "$[?(@.a)]", "$$.a", "$v", "x"]
)
def test_what_names_several_places_is_refused(text):
    with pytest.raises(PathSyntaxError):
        compile_reference(text)


def test_the_context_object_and_variables_can_be_read():
    assert compile_reference("$$.c", allow_context=True).read(None, SCOPE) == 1
    assert compile_reference("$v", allow_variables=True).read(None, SCOPE) == 2
    with pytest.raises(NoMatchError):
        compile_reference("$.x").read({}, SCOPE)


@given(JSON, JSON, st.lists(st.sampled_from(["a", "b", 0, 1]), max_size=4))
def test_what_was_written_can_be_read(document, value, steps):
    text = "$" + "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in steps)
    path = compile_reference(text)
    before = copy.deepcopy(document)
    try:
        written = path.write(document, value)
    except ReferencePathConflictError:
        return
    assert path.read(written, SCOPE) == value
    assert document == before
