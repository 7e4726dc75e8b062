"""Choice: operators as a table of values, and what a test does when a path names nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steppe.asl.choice import OPERATORS, match_pattern
from steppe.asl.compile import compile_definition
from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.expr.scope import Entropy, Scope

T1, T2, T1_OFFSET = "2026-03-14T01:59:00Z", "2026-03-14T02:00:00Z", "2026-03-14T02:59:00+01:00"
MATCHES = [
    ("StringEquals", "a", "a"),
    ("StringLessThan", "a", "b"),
    ("StringLessThan", "A", "a"),
    ("StringLessThan", "\U0001f600", "\uffff"),
    ("StringGreaterThan", "b", "a"),
    ("StringLessThanEquals", "a", "a"),
    ("StringGreaterThanEquals", "a", "a"),
    ("StringMatches", "log-2026.txt", "log-*.txt"),
    ("NumericEquals", 1, 1.0),
    ("NumericLessThan", 1, 1.5),
    ("NumericGreaterThan", 2, 1),
    ("NumericLessThanEquals", 1, 1),
    ("NumericGreaterThanEquals", 1, 1),
    ("BooleanEquals", True, True),
    ("BooleanEquals", False, False),
    ("TimestampEquals", T1, T1_OFFSET),
    ("TimestampLessThan", T1, T2),
    ("TimestampGreaterThan", T2, T1),
    ("TimestampLessThanEquals", T1, T1),
    ("TimestampGreaterThanEquals", T1, T1),
    ("IsNull", None, True),
    ("IsNull", 0, False),
    ("IsPresent", None, True),
    ("IsNumeric", 1.5, True),
    ("IsNumeric", True, False),
    ("IsString", "", True),
    ("IsString", 1, False),
    ("IsBoolean", False, True),
    ("IsBoolean", 0, False),
    ("IsTimestamp", T1, True),
    ("IsTimestamp", "2026-03-14", False),
    ("IsTimestamp", 1, False),
]
DOES_NOT_MATCH = [
    ("StringEquals", 1, "1"),
    ("StringEquals", None, "a"),
    ("StringLessThan", "b", "a"),
    ("StringMatches", 5, "*"),
    ("NumericEquals", "1", 1),
    ("NumericEquals", True, 1),
    ("NumericLessThan", None, 1),
    ("BooleanEquals", "true", True),
    ("BooleanEquals", 1, True),
    ("TimestampEquals", "2026-03-14t01:59:00z", T1),
    ("TimestampLessThan", "yesterday", T1),
    ("IsNull", None, False),
    ("IsPresent", None, False),
    ("IsNumeric", "1", True),
]


def scope(**variables) -> Scope:
    return Scope(lambda: {"Execution": {"Input": {"a": 1}}}, variables, Entropy(b""), 0, {"input": {"a": 1}})


def condition(rule, *, language="JSONPath"):
    """The compiled test of one rule."""
    states = {"C": {"Type": "Choice", "Choices": [{**rule, "Next": "Z"}]}, "Z": {"Type": "Succeed"}}
    text = jsonvalue.dumps({"QueryLanguage": language, "StartAt": "C", "States": states})
    return compile_definition(text).states["C"].rules[0].condition


@pytest.mark.parametrize(("operator", "value", "operand"), MATCHES)
def test_a_value_matches(operator, value, operand):
    assert condition({"Variable": "$.a", operator: operand})({"a": value}, scope()) is True


@pytest.mark.parametrize(("operator", "value", "operand"), DOES_NOT_MATCH)
def test_a_value_does_not_match(operator, value, operand):
    assert condition({"Variable": "$.a", operator: operand})({"a": value}, scope()) is False


@pytest.mark.parametrize(("operator", "value", "operand"), [row for row in MATCHES if f"{row[0]}Path" in OPERATORS])
def test_a_path_operator_compares_with_what_its_path_names(operator, value, operand):
    test = condition({"Variable": "$.a", f"{operator}Path": "$.b"})
    assert test({"a": value, "b": operand}, scope()) is True
    assert test({"a": value, "b": None}, scope()) is False


def test_every_operator_has_a_row_here():
    told = {row[0] for row in MATCHES}
    assert {name.removesuffix("Path") for name in OPERATORS} == told
    assert len(OPERATORS) == 39


@pytest.mark.parametrize("operator", ["IsNull", "IsString", "StringEqualsPath", "BooleanEquals", "StringMatches"])
def test_a_variable_that_names_nothing_ends_the_execution(operator):
    operand = {"StringEqualsPath": "$.a", "StringMatches": "*"}.get(operator, True)
    test = condition({"Variable": "$.missing", operator: operand})
    with pytest.raises(Fault) as caught:
        test({"a": "x"}, scope())
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == (
        "Invalid path '$.missing': The choice state's condition path references an invalid value."
    )
    assert not caught.value.catchable


def test_an_operand_path_that_names_nothing_ends_the_execution():
    with pytest.raises(Fault, match=r"Invalid path '\$\.gone'"):
        condition({"Variable": "$.a", "NumericEqualsPath": "$.gone"})({"a": 1}, scope())


def test_is_present_asks_whether_a_path_names_something():
    present = condition({"Variable": "$.a.b", "IsPresent": True})
    absent = condition({"Variable": "$.a.b", "IsPresent": False})
    for value, expected in [({"a": {"b": None}}, True), ({"a": {}}, False), ({"a": 1}, False), (5, False)]:
        assert present(value, scope()) is expected
        assert absent(value, scope()) is not expected


def test_and_and_or_stop_as_soon_as_they_know():
    missing = {"Variable": "$.missing", "IsNull": True}
    no, yes = {"Variable": "$.missing", "IsPresent": True}, {"Variable": "$.a", "NumericEquals": 1}
    assert condition({"And": [no, missing]})({"a": 1}, scope()) is False
    assert condition({"Or": [yes, missing]})({"a": 1}, scope()) is True
    assert condition({"And": [yes, {"Not": no}]})({"a": 1}, scope()) is True
    assert condition({"Or": [no, {"Not": yes}]})({"a": 1}, scope()) is False


def test_variables_and_the_context_object_can_be_compared():
    test = condition({"Variable": "$guess", "NumericEqualsPath": "$$.Execution.Input.a"})
    assert test({}, scope(guess=1)) is True
    assert test({}, scope(guess=2)) is False
    with pytest.raises(Fault):
        test({}, scope())


def test_a_jsonata_condition_is_a_boolean():
    assert condition({"Condition": "{% $states.input.a = 1 %}"}, language="JSONata")({}, scope()) is True
    assert condition({"Condition": False}, language="JSONata")({}, scope()) is False
    with pytest.raises(Fault) as caught:
        condition({"Condition": "{% 'x' %}"}, language="JSONata")({}, scope())
    assert caught.value.error == "States.QueryEvaluationError"
    assert caught.value.cause == (
        "The JSONata expression ''x'' specified for the field 'Choices[0]/Condition' returned an unexpected "
        "result type. Expected 'boolean', but was 'string' for value: \"x\""
    )
    with pytest.raises(Fault, match="returned nothing"):
        condition({"Condition": "{% $nothing %}"}, language="JSONata")({}, scope())


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*", ["", "a", "\n"], []),
        ("a*", ["a", "ab"], ["ba", ""]),
        ("*a", ["a", "ba"], ["ab"]),
        ("a*b*c", ["abc", "a--b--c", "abbc"], ["acb", "ab", "ac"]),
        ("a*a", ["aa", "aba"], ["a"]),
        (r"\*", ["*"], ["a", r"\*"]),
        (r"a\\*", [r"a\ b"], ["a*"]),
        (r"\a", ["a"], [r"\a"]),
        ("a\\", ["a\\"], ["a"]),
        ("", [""], ["a"]),
    ],
)
def test_string_matches_knows_stars_and_escapes(pattern, yes, no):
    matches = match_pattern(pattern)
    assert [text for text in yes if not matches(text)] == []
    assert [text for text in no if matches(text)] == []


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_string_matches_agrees_with_a_regular_expression(pattern, text):
    expected = re.fullmatch(pattern.replace("*", ".*"), text) is not None
    assert match_pattern(pattern)(text) is expected


def test_string_matches_takes_no_time_for_many_stars():
    assert match_pattern("*a" * 200 + "*b")("a" * 20_000) is False
