"""The interpreter in a bad world: whatever happens on the way, the outcome is that of the calls."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steppe.interp.command import CallTask
from steppe.interp.stimulus import Redrive, Stop
from steppe.testing.simulation import Answer, Troubles, simulate

from .programs import order_machine

PROGRAM = order_machine()
CALM = Troubles(crash=0, repeat=0, late_timer=0)


def answers(command):
    """What a call gives depends on what it was called with, so a repeat gives the same."""
    if not isinstance(command, CallTask):
        return Answer(value=[item * 10 for item in command.items])
    if command.task_token:
        return Answer(value="yes")
    number, attempt = command.arguments["n"], command.arguments["try"]
    if number % 4 == 1 and attempt < 2:
        return Answer(error="Busy")
    if number % 4 == 2:
        return Answer(error="Broken")
    return Answer(value=number * number)


@pytest.mark.parametrize("seed", range(40))
def test_crashes_repeats_and_delays_do_not_change_the_output(seed):
    items = [(seed * 7 + number * 3) % 9 for number in range(seed % 8)]
    calm = simulate(PROGRAM, {"items": items}, answers, seed=seed, troubles=CALM)
    rough = simulate(PROGRAM, {"items": items}, answers, seed=seed)
    assert calm.execution.status == rough.execution.status == "SUCCEEDED"
    assert calm.execution.output == rough.execution.output
    assert sorted(event["type"] for event in calm.history) == sorted(event["type"] for event in rough.history)


@pytest.mark.parametrize("seed", range(20))
def test_a_failure_in_a_bad_world_is_the_failure_of_the_call(seed):
    def broken(command):
        if isinstance(command, CallTask) and not command.task_token and command.arguments["n"] == 7:
            return Answer(error="Fatal")
        return answers(command)

    end = simulate(PROGRAM, {"items": [3, 7, 4, 8, 5]}, broken, seed=seed)
    assert (end.execution.status, end.execution.error) == ("FAILED", "Fatal")


@pytest.mark.parametrize("seed", range(20))
def test_a_stop_ends_it_wherever_it_stands(seed):
    end = simulate(PROGRAM, {"items": [3, 4, 5]}, answers, seed=seed, stimuli=[Stop("E", "c")])
    assert end.execution.status in ("ABORTED", "SUCCEEDED")
    if end.execution.status == "ABORTED":
        assert end.history[-1]["type"] == "ExecutionAborted"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 12), max_size=9), st.integers(0, 2**32))
def test_any_items_and_any_seed_end_in_item_order(items, seed):
    end = simulate(PROGRAM, {"items": items}, answers, seed=seed, stimuli=[Redrive()])
    each = end.execution.output["each"]
    assert [one if one == "nothing" else one["got"] for one in each] == [
        "nothing" if item % 4 == 2 else item * item for item in items
    ]
    assert end.execution.output["runs"] == [item * 10 for item in items]
