"""JSONata as data: results, failures in the service's words, bounds, what is no expression."""

from __future__ import annotations

import sys
from pathlib import Path as File

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steppe.base import jsonvalue
from steppe.expr import jsonata_engine
from steppe.expr.errors import JsonataError, JsonataSyntaxError, to_fault, type_name
from steppe.expr.jsonata import (
    EXPRESSION_LENGTH_MAX,
    UNDEFINED,
    compile_jsonata,
    is_expression,
    unexpected_type,
    unwrapped,
)
from steppe.expr.jsonata_engine import MEMORY_EXCEEDED, STACK_OVERFLOW, TIME_EXCEEDED
from steppe.expr.scope import Entropy, Scope

from .test_jsonpath import JSON, _told

TABLE = orjson.loads((File(__file__).parent / "cases" / "jsonata.json").read_bytes())


def scope(seed: bytes = b"seed") -> Scope:
    states = {"input": TABLE["input"], "result": {"r": 1}}
    return Scope(lambda: TABLE["context"], TABLE["variables"], Entropy(seed), 1_700_000_000_123, states)


def run(text: str):
    return compile_jsonata(text)(None, scope())


@pytest.mark.parametrize(("text", "expected"), TABLE["results"], ids=repr)
def test_an_expression_gives_plain_json(text, expected):
    before = jsonvalue.dumpb(TABLE["input"])
    result = run(text)
    assert jsonvalue.canonical(result) == jsonvalue.canonical(expected)
    assert _is_plain(result)
    assert jsonvalue.dumpb(TABLE["input"]) == before


def _is_plain(value) -> bool:
    if type(value) is dict:
        return all(map(_is_plain, value.values()))
    return all(map(_is_plain, value)) if type(value) is list else type(value) in (str, int, float, bool, type(None))


@pytest.mark.parametrize(("text", "outcome"), TABLE["failures"], ids=repr)
def test_a_failure_is_told_in_the_service_s_words(text, outcome):
    with pytest.raises(JsonataError) as caught:
        run(text)
    fault = to_fault(caught.value, field="Output/x")
    assert fault.error == "States.QueryEvaluationError"
    assert fault.catchable
    assert fault.cause == f"The JSONata expression '{text}' specified for the field 'Output/x' {outcome}"
    assert caught.value.undefined is ("(undefined)" in outcome)


def outcome_of(text: str) -> str:
    with pytest.raises(JsonataError) as caught:
        run(text)
    return caught.value.outcome


@pytest.mark.parametrize("text", TABLE["memory"])
def test_memory_is_bounded(text):
    assert outcome_of(text) == f"threw an error during evaluation: {MEMORY_EXCEEDED}"


@pytest.mark.parametrize("text", [*TABLE["deep"], "1" + "+1" * 200])
def test_depth_is_bounded(text):
    assert outcome_of(text) == f"threw an error during evaluation: {STACK_OVERFLOW}"


@pytest.mark.parametrize(
    "text", ["($f := function($x) { $f($x + 1) }; $f(1))", "$map([1..9999], function($x) { $sum([1..9999]) })"]
)
def test_time_is_bounded_by_steps(monkeypatch, text):
    monkeypatch.setattr(jsonata_engine, "STEPS_MAX", 10_000)
    assert outcome_of(text) == f"threw an error during evaluation: {TIME_EXCEEDED}"


def test_all_that_is_made_counts_even_if_each_part_is_small(monkeypatch):
    monkeypatch.setattr(jsonata_engine, "ALLOCATED_BYTES_MAX", 1_000_000)
    text = "($s := $pad('', 9000); $count($map([1..200], function($i) { $s & $i })))"
    assert outcome_of(text) == f"threw an error during evaluation: {MEMORY_EXCEEDED}"


def test_python_s_own_limit_counts_as_depth():
    limit = sys.getrecursionlimit()
    expression = compile_jsonata("($f := function($n) { 1 + $f($n + 1) }; $f(0))")
    sys.setrecursionlimit(200)
    try:
        with pytest.raises(JsonataError, match="Stack overflow"):
            expression.evaluate(None, scope())
    finally:
        sys.setrecursionlimit(limit)
    assert limit < 10_000, "the library's setting is undone"


@pytest.mark.parametrize(("text", "code", "reason"), TABLE["wrong"], ids=repr)
def test_what_is_no_expression_is_refused_with_the_validator_s_code(text, code, reason):
    with pytest.raises(JsonataSyntaxError) as caught:
        compile_jsonata(text)
    assert (caught.value.code, caught.value.reason) == (code, reason)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "!",
        "*/",
        "(" * 5_000,
        "1" + "+1" * 5_000,
        "'" + "x" * EXPRESSION_LENGTH_MAX + "'",
        "$contains('a', /(/)",
    ],
)
def test_hostile_texts_are_refused(text):
    with pytest.raises(JsonataSyntaxError) as caught:
        compile_jsonata(text)
    assert caught.value.reason


@pytest.mark.parametrize(("text", "names"), TABLE["variables_of"], ids=repr)
def test_an_expression_knows_its_variables(text, names):
    assert compile_jsonata(text).variables == set(names)


def test_an_expression_knows_what_it_reads_of_states():
    assert compile_jsonata("$states.input.a & $states.context.b").states == {"input", "context"}
    assert compile_jsonata("$keys($states)").states is None
    assert compile_jsonata("1").states == frozenset()


def test_the_context_object_is_built_only_for_those_who_read_it():
    built = []
    lazy = Scope(lambda: built.append(1) or {"a": [1]}, {}, Entropy(b""), 0, {"input": {"a": [1]}})
    compile_jsonata("$states.input.a[0]").evaluate(None, lazy)
    assert built == []
    compile_jsonata("$states.context.a[0]").evaluate(None, lazy)
    compile_jsonata("$states.context.a").evaluate(None, lazy)
    assert built == [1]


def test_states_without_members_has_the_context_object_alone():
    bare = Scope(lambda: {"a": 1}, {}, Entropy(b""), 0)
    assert compile_jsonata("$states").evaluate(None, bare) == {"context": {"a": 1}}
    assert compile_jsonata("$states.context.a").evaluate(None, bare) == 1
    with pytest.raises(JsonataError):
        compile_jsonata("$states.input").evaluate(None, bare)


def test_a_scope_whose_members_change_is_seen():
    changing = scope()
    expression = compile_jsonata("$states.result.a[0]")
    changing.states = {"result": {"a": [1]}}
    assert expression.evaluate(None, changing) == 1
    changing.states = {"result": {"a": [None]}}
    assert expression.evaluate(None, changing) is None


def test_chance_and_time_come_from_the_scope():
    expression = compile_jsonata("[$uuid(), $random(), $shuffle([1..20]), $millis()]")
    assert expression.evaluate(None, scope()) == expression.evaluate(None, scope())
    assert expression.evaluate(None, scope()) != expression.evaluate(None, scope(b"other"))


def test_a_result_that_needs_no_change_is_shared():
    shared = scope()
    assert compile_jsonata("$states.input").evaluate(None, shared) is TABLE["input"]
    whole = Scope(dict, {"x": {"f": 2.0}}, Entropy(b""), 0)
    assert repr(compile_jsonata("$x").evaluate(None, whole)) == "{'f': 2}"


@pytest.mark.parametrize("text", TABLE["anchored"])
def test_a_name_that_has_a_context_item_is_accepted(text):
    assert compile_jsonata(text).text == text


@pytest.mark.parametrize(("text", "names"), TABLE["each_name_once"].items())
def test_every_name_at_the_top_level_is_told_once(text, names):
    with pytest.raises(JsonataSyntaxError) as caught:
        compile_jsonata(text)
    reasons = [caught.value.reason, *caught.value.others]
    assert [reason.split("'")[1] for reason in reasons] == names


def test_with_a_context_item_names_at_the_top_level_read_it():
    for text, value, expected in (
        ("a.b", {"a": {"b": 1}}, 1),
        ("$", [1, None], [1, None]),
        ("$$.a", {"a": None}, None),
        ("$count($)", [1, 2], 2),
        ("$exists($)", UNDEFINED, False),
        ("$exists($)", None, True),
    ):
        assert compile_jsonata(text, context_item=True).evaluate(value, scope()) == expected


def test_numbers_that_json_has_not_are_texts():
    odd = Scope(dict, {"x": float("inf"), "y": float("nan"), "z": float("-inf"), "big": 1e300}, Entropy(b""), 0)
    told = compile_jsonata("[$x, $y, $z, $big]").evaluate(None, odd)
    assert told == ["Infinity", "NaN", "-Infinity", 1e300]
    assert [compile_jsonata(f"${name}").evaluate(None, odd) for name in ("x", "y", "z", "big")] == told


def test_a_field_can_say_that_a_value_has_the_wrong_type():
    expression = compile_jsonata("$ItemsVar")
    error = unexpected_type(expression, "array", {"foo": "bar"})
    assert to_fault(error, field="Items").cause == (
        "The JSONata expression '$ItemsVar' specified for the field 'Items' returned an unexpected result type. "
        "Expected 'array', but was 'object' for value: {\"foo\":\"bar\"}"
    )
    shown = [type_name(value) for value in (None, True, 1, 1.5, "x", [], {})]
    assert shown == ["null", "boolean", "number", "number", "string", "array", "object"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [("{% 1 %}", True), ("{%%}", True), ("{%}", False), (" {% 1 %}", False), ("{% 1", False), ("x", False)],
)
def test_an_expression_is_marked_from_end_to_end(text, answer):
    assert is_expression(text) is answer


def test_the_marks_and_blanks_are_taken_off():
    assert unwrapped("{%  $x \n%}") == "$x"


def test_an_error_about_a_value_without_json_form_is_told_all_the_same():
    assert outcome_of("-$sum").endswith("D1002: Cannot negate a non-numeric value: ?")
    assert outcome_of("{null: 1}").endswith("must evaluate to a string; got: null")


@pytest.mark.parametrize(
    "work",
    [
        "$string($v.list)",
        "$sum($v.list)",
        "$sort($v.list)",
        "$distinct($v.list)",
        "$v.list = $v.list",
        "$v.**",
        "$replace($v.text, 'x', 'yy')",
        "$keys($v.objects)",
        "$fromMillis(0)",
    ],
)
def test_work_within_functions_counts_as_well(monkeypatch, work):
    value = {"list": list(range(1_000)), "text": "x" * 1_000, "objects": [{"a": 1}] * 1_000}
    scope = Scope(dict, {"v": value}, Entropy(b""), 0)
    expression = compile_jsonata(f"$map([1..100], function($i) {{ {work} }})")
    monkeypatch.setattr(jsonata_engine, "STEPS_MAX", 2_000)
    with pytest.raises(JsonataError, match=TIME_EXCEEDED):
        expression.evaluate(None, scope)
    assert compile_jsonata(work).evaluate(None, scope) is not None


def test_half_a_character_has_no_place_in_an_address():
    assert "D3140: Malformed URL passed to $encodeUrl()" in outcome_of(r"$encodeUrl('\ud800')")


def test_a_number_of_python_alone_is_refused():
    odd = Scope(dict, {"x": float("inf"), "big": [1.7e308, 1.7e308], "huge": [10**400, 1]}, Entropy(b""), 0)
    with pytest.raises(JsonataError, match="memory limit"):
        compile_jsonata("$range(1, $x, 1)").evaluate(None, odd)
    assert compile_jsonata("[$sum($big), $average($huge)]").evaluate(None, odd) == ["Infinity", "Infinity"]


TOKENS = [
    "$states",
    ".input",
    ".a",
    "$v",
    "$",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "1",
    "'x'",
    "+",
    "&",
    ":=",
    "?",
    ":",
    "~>",
    "$sum",
    "$map",
    "function($q){$q}",
    ",",
    "*",
    "**",
    "^",
    "@$i",
    "#$j",
    "|",
    "%",
    "null",
    "in",
    "/x/",
    "..",
    "-",
]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(TOKENS), max_size=9))
def test_no_expression_makes_an_internal_error(tokens):
    try:
        expression = compile_jsonata(" ".join(tokens).replace(" .", "."))
        assert _is_plain(expression.evaluate(None, scope()))
    except (JsonataSyntaxError, JsonataError) as error:
        _told(error)


@given(JSON)
def test_a_value_goes_through_unharmed(value):
    through = Scope(dict, {"x": value}, Entropy(b""), 0, {"input": [value]})
    for text in (
        "$x",
        "{'k': $x}.k" if isinstance(value, dict) else "$x",
        "$lookup({'k': $x}, 'k')" if isinstance(value, dict) else "$x",
    ):
        assert jsonvalue.equal(compile_jsonata(text).evaluate(None, through), value)
