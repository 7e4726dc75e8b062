"""The short cut gives what `advance` gives, byte for byte, or nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asl import strategies
from steppe.asl.compile import compile_definition
from steppe.base import jsonvalue
from steppe.interp import straight
from steppe.interp.advance import advance, new_execution
from steppe.interp.execution import Identity
from steppe.interp.stimulus import Start
from steppe.interp.straight import STATES_MAX, Straight

from . import case_files
from .programs import machine, program

ROLE = 'arn:aws:iam::123456789012:role/a "100%" role'
CHILD = Identity(
    "arn:aws:states:us-east-1:123456789012:execution:M/L:n",
    "n",
    "arn:aws:states:us-east-1:123456789012:stateMachine:M/L",
    "M",
    ROLE,
    False,
    True,
)
PASS = {"Type": "Pass", "End": True}
DONE = {"Type": "Succeed"}


def ends(compiled, values, *, now_ms=1_790_199_887_084):
    """What the short cut makes of each value, held against `advance`; None where it gives nothing."""
    shortcut = Straight(compiled, ROLE)
    found = []
    for value in values:
        begun = new_execution(CHILD, value, now_ms)
        execution, history, commands = advance(compiled, begun, Start(), now_ms, b"seed")
        end = shortcut.run(value, now_ms, lambda begun=begun: (begun, b"seed"))
        if end is not None:
            texts = (jsonvalue.dumpb(value), jsonvalue.dumpb(execution.output), jsonvalue.dumpb(history))
            assert end == texts
            assert (execution.status, commands) == ("SUCCEEDED", [])
        found.append(end)
        now_ms += 1
    return found


@st.composite
def ways(draw):
    """A machine of the kinds of states that the short cut knows, and some inputs."""
    jsonata = draw(st.booleans())
    making = strategies.Making(machine_jsonata=jsonata, jsonata=jsonata)
    names = [f"{chr(65 + n)} 100%" for n in range(draw(st.integers(1, 4)))]
    states = {}
    for place, name in enumerate(names):
        later = names[place + 1 :]
        if later and draw(st.booleans()):
            states[name] = {"Type": "Choice", **strategies._choice(draw, making, later)}
        elif later or draw(st.booleans()):
            states[name] = {"Type": "Pass", **strategies._pass(draw, making, later)}
            states[name] |= {"Next": later[0]} if later else {"End": True}
        else:
            states[name] = {"Type": "Succeed", **strategies._some(draw, strategies._shape(making))}
    language = "JSONata" if jsonata else "JSONPath"
    return machine(names[0], language=language, **states), draw(st.lists(strategies.INPUTS, min_size=1, max_size=3))


@settings(deadline=None)
@given(ways())
def test_any_way_of_a_made_machine_gives_the_same_bytes(made):
    definition, values = made
    ends(compile_definition(json.dumps(definition)), values)


@pytest.mark.parametrize("case", list(case_files.cases()), ids=lambda case: case.id)
def test_the_cases_of_the_interpreter_give_the_same_bytes(case):
    compiled = compile_definition(json.dumps(case.definition), express=case.body.get("express", False))
    ends(compiled, [case.body.get("input", {})] * 2)


SHAPES = {
    "nothing is changed": {"A": {**PASS}},
    "the input is shaped": {"A": {**PASS, "InputPath": "$.o", "Parameters": {"n.$": "$.n"}, "ResultPath": "$.r"}},
    "parameters replace it": {"A": {**PASS, "Parameters": {"k.$": "$.t", "l": 'a "%" \\ é'}}},
    "a result is put in": {"A": {**PASS, "Result": {"x": 1}, "ResultPath": "$.r"}},
    "a result is thrown away": {"A": {**PASS, "Result": 1, "ResultPath": None}},
    "chance and context are used": {
        "A": {"Type": "Pass", "Parameters": {"u.$": "States.UUID()", "s.$": "$$.State.Name"}, "Next": "B"},
        "B": {**PASS, "Parameters": {"u.$": "States.UUID()", "s.$": "$$.Execution.Id", "b.$": "$$.State.EnteredTime"}},
    },
    "a Choice leads on": {
        "A": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "B"}], "Default": "C"},
        "B": DONE,
        "C": PASS,
    },
    "a Choice has paths": {
        "A": {
            "Type": "Choice",
            "InputPath": "$.o",
            "OutputPath": "$.n",
            "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "B"}],
            "Default": "C",
        },
        "B": {**DONE, "OutputPath": "$"},
        "C": {**DONE, "InputPath": None},
    },
}


@pytest.mark.parametrize("states", SHAPES.values(), ids=SHAPES)
def test_it_goes_all_the_way_where_nothing_is_in_the_way(states):
    values = [{"n": n, "o": {"n": n}, "t": 'é\u2028"\\\n%b'} for n in (1, 2, 1 << 70)]
    assert None not in ends(program("A", **states), values)


def test_expressions_of_jsonata_see_what_they_see_in_a_step():
    states = {
        "A": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $random() < 0.5 %}", "Next": "B", "Output": "{% $random() %}"}],
            "Default": "C",
            "Output": {"id": "{% $uuid() %}", "in": "{% $states.input %}"},
        },
        "B": {"Type": "Pass", "End": True},
        "C": {"Type": "Pass", "Output": {"name": "{% $states.context.State.Name %}"}, "Next": "D"},
        "D": {"Type": "Succeed", "Output": "{% $states.input.name %}"},
    }
    assert None not in ends(program("A", language="JSONata", **states), [{"n": n} for n in range(4)])


LEFT = {
    "a Task": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Wait", "Seconds": 1, "End": True}},
    "a Fail": {"A": {"Type": "Fail", "Error": "E"}},
    "variables": {"A": {**PASS, "Assign": {"x": 1}}},
    "variables of a Choice": {
        "A": {"Type": "Choice", "Assign": {"x": 1}, "Choices": [{"Variable": "$.n", "IsNull": True, "Next": "B"}]},
        "B": DONE,
    },
    "variables of a rule": {
        "A": {"Type": "Choice", "Choices": [{"Variable": "$.n", "IsNull": False, "Assign": {"x": 1}, "Next": "B"}]},
        "B": DONE,
    },
    "no rule that matches": {
        "A": {"Type": "Choice", "Choices": [{"Variable": "$.n", "IsNull": True, "Next": "B"}]},
        "B": DONE,
    },
    "a path that names nothing": {"A": {**PASS, "InputPath": "$.none"}},
    "an output that is too large": {"A": {**PASS, "Parameters": {"a.$": "$.long", "b.$": "$.long"}}},
}


@pytest.mark.parametrize("states", LEFT.values(), ids=LEFT)
def test_what_is_not_straight_is_left_to_advance(states):
    assert ends(program("A", **states), [{"n": 1, "long": "x" * 40_000}]) == [None]


def test_half_of_a_surrogate_pair_gives_the_same_bytes():
    assert all(ends(program("A", A=PASS), ["\ud800", {"\udfff": "é\ud800"}]))


def test_a_large_input_is_left_to_advance():
    assert ends(program("A", A=PASS), ["x" * 70_000]) == [None]


def test_it_says_when_no_execution_can_go_straight():
    assert not Straight(program("A", A=LEFT["a Fail"]["A"]), ROLE).possible
    assert Straight(program("A", A=PASS), ROLE).possible


def test_a_long_way_is_left_to_advance():
    rule = {"Variable": "$.n", "NumericLessThan": STATES_MAX, "Next": "B"}
    compiled = program(
        "A",
        A={"Type": "Choice", "Choices": [rule], "Default": "C"},
        B={"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "A"},
        C=DONE,
    )
    short, long = ends(compiled, [{"n": STATES_MAX - 3}, {"n": 0}])
    assert short is not None
    assert long is None


@pytest.mark.parametrize("limit", ["_NODES_MAX", "_WAYS_MAX"])
def test_ways_beyond_those_that_can_be_remembered_are_left_to_advance(monkeypatch, limit):
    monkeypatch.setattr(straight, limit, 2)
    rules = [{"Variable": "$.n", "NumericEquals": n, "Next": f"B{n}"} for n in range(4)]
    states = {f"B{n}": DONE for n in range(4)}
    compiled = program("A", A={"Type": "Choice", "Choices": rules}, **states)
    found = ends(compiled, [{"n": n} for n in (0, 1, 2, 3, 0)])
    assert found[0] is not None
    assert found[3] is None
    assert found[4] is not None
