"""The service's quotas, and what keeps a step bounded."""

from __future__ import annotations

import pytest

from steppe.base.jsonvalue import DEPTH_MAX
from steppe.interp import snapshot
from steppe.interp.working import PAUSE_EVENTS
from steppe.testing.scripted_tasks import World

from .programs import machine, program

HALF = "{% $pad('x', 150000) %}"


def loop(**fields):
    choices = [{"Variable": "$$.Execution.Name", "StringEquals": "", "Next": "Never"}]
    states = {"A": {"Type": "Pass", "Next": "B", **fields}, "B": {"Type": "Choice", "Choices": choices, "Default": "A"}}
    return {**states, "Never": {"Type": "Succeed"}}


def test_a_long_computation_pauses_so_that_its_history_can_be_written():
    world = World.of(program("A", **loop()), {})
    world.step()
    assert world.execution.status == "RUNNING"
    assert PAUSE_EVENTS <= len(world.history) < PAUSE_EVENTS + 10


def test_a_large_value_pauses_sooner():
    states = loop(QueryLanguage="JSONata", Output="{% {'n': $states.input.n + 1, 'x': $pad('', 200000, 'x')} %}")
    world = World.of(program("A", **states), {"n": 0})
    world.step()
    assert world.execution.status == "RUNNING"
    assert len(world.history) < 500


def test_an_endless_express_execution_ends_at_its_deadline():
    world = World.of(program("A", express=True, **loop()), {}, express=True)
    for _ in range(8):
        world.step()
    assert world.execution.event_count > 25_000
    world.clock.now_ms += 300_000
    assert world.play().status == "TIMED_OUT"


def test_a_pause_survives_a_stop_and_a_redrive():
    world = World.of(program("A", **loop()), {})
    world.step()
    paused = world.execution.event_count
    world.crash()
    world.step()
    assert world.execution.event_count > paused


def test_at_most_forty_iterations_run_at_once():
    states = {
        "M": {"Type": "Map", "ItemProcessor": machine("W", W={"Type": "Wait", "Seconds": 1, "End": True}), "End": True}
    }
    world = World.of(program("M", **states), list(range(100)))
    world.step()
    assert len(world.execution.frames) == 41
    assert world.play().output == list(range(100))


def test_an_inline_map_over_many_items_pauses_between_its_iterations():
    states = {"M": {"Type": "Map", "ItemProcessor": machine("P", P={"Type": "Pass", "End": True}), "End": True}}
    world = World.of(program("M", express=True, **states), list(range(20_000)), express=True)
    world.step()
    assert len(world.history) < PAUSE_EVENTS + 200
    while world.execution.status == "RUNNING":
        world.crash()
        world.step()
    assert world.execution.output == list(range(20_000))


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def test_an_input_of_the_greatest_depth_survives_a_crash():
    states = {"W": {"Type": "Wait", "Seconds": 5, "Next": "P"}, "P": {"Type": "Pass", "End": True}}
    world = World.of(program("W", **states), nested(DEPTH_MAX))
    world.step()
    assert snapshot.load(snapshot.dump(world.execution)) == world.execution
    assert world.play().output == nested(DEPTH_MAX)


@pytest.mark.parametrize("levels", [DEPTH_MAX - 1, DEPTH_MAX])
def test_a_value_that_could_not_be_read_again_is_not_made(levels):
    deeper = {"Type": "Pass", "Parameters": {"x.$": "$"}, "OutputPath": "$", "End": True}
    execution = World.of(program("P", P=deeper), nested(levels)).play()
    fits = levels < DEPTH_MAX
    assert execution.status == ("SUCCEEDED" if fits else "FAILED")
    assert fits or "nests deeper than 400 levels" in execution.cause


def test_the_input_of_an_iteration_that_could_not_be_read_again_ends_the_execution():
    selector = {"Type": "Map", "ItemSelector": {"x.$": "$"}, "End": True}
    selector["ItemProcessor"] = machine("P", P={"Type": "Pass", "End": True})
    execution = World.of(program("M", M=selector), nested(DEPTH_MAX)).play()
    assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
