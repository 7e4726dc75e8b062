"""Small rules that no other file holds: one test each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steppe.asl.program import ChoiceRule, ChoiceState, Program, SucceedState
from steppe.base.errors import InternalError
from steppe.expr.errors import IntrinsicError
from steppe.interp import context_object, snapshot
from steppe.interp.stimulus import Redrive, TaskSucceeded, TimerFired
from steppe.testing.scripted_tasks import ScriptedTasks, World
from steppe.testing.virtual_clock import START_MS

from .programs import call, machine, program

DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}


def types(world):
    return [event["type"] for event in world.history]


def test_a_task_for_an_activity_that_does_not_exist_ends_the_execution():
    """Observed in September 2026: there is no event of the activity, and no catcher is asked."""
    arn = "arn:aws:states:us-east-1:123456789012:activity:gone"
    states = {
        "A": {"Type": "Task", "Resource": arn, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}], "End": True}
    }
    found = program("A", **states, B={"Type": "Succeed"})
    execution = World.of(replace(found, missing_activities=frozenset([arn])), {}).play()
    assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
    assert execution.cause is not None
    assert execution.cause.endswith(f"(entered at the event id #2). The activity {arn} does not exist.")
    assert execution.event_count == 3


def test_a_redrive_after_an_abort_of_a_pause_goes_on():
    choices = [{"Variable": "$$.Execution.RedriveCount", "NumericEquals": 1, "Next": "End"}]
    loop = {"Type": "Choice", "Choices": choices, "Default": "Loop"}
    states = {"Loop": {"Type": "Pass", "Next": "Check"}, "Check": loop, "End": {"Type": "Succeed"}}
    branches = [
        machine("Loop", **states),
        machine("F", F={"Type": "Wait", "Seconds": 0, "Next": "Bad"}, Bad={"Type": "Fail"}),
    ]
    world = World.of(program("P", P={"Type": "Parallel", "Branches": branches, "End": True}), {})
    assert world.play().status == "FAILED", "the second branch fails while the first one pauses"
    assert types(world)[-2:] == ["ParallelStateFailed", "ExecutionFailed"]
    assert {frame.entered_event == 0 for frame in world.execution.frames.values()} == {False, True}
    before = len(world.history)
    world.give(Redrive())
    assert types(world)[before : before + 2] == ["ExecutionRedriven", "ParallelStateFailed"]


def test_the_deadline_is_outstanding_after_a_crash():
    world = World.of(program("W", timeout=30, W={"Type": "Wait", "Seconds": 60, "End": True}), {})
    world.step()
    world.crash()
    assert world.play().status == "TIMED_OUT"
    assert world.clock.now_ms == START_MS + 30_000


def test_a_timer_of_a_wait_that_fires_early_is_set_again():
    world = World.of(program("W", W={"Type": "Wait", "Seconds": 60, "End": True}), {})
    world.step()
    timer = world.commands[-1]
    world.give(TimerFired(timer.key))
    assert world.commands[-1] == timer
    assert world.execution.status == "RUNNING"
    world.play()
    assert world.clock.now_ms == START_MS + 60_000


def test_a_timer_that_a_task_never_set_changes_nothing():
    world = World.of(program("T", T=call()), {}, ScriptedTasks({"T": [[]]}))
    world.step()
    before = world.execution, list(world.history)
    world.give(TimerFired(f"{world.tasks.calls[0].key}/heartbeat"))
    assert (world.execution, world.history) == before


def test_a_result_that_is_no_json_ends_the_execution():
    world = World.of(program("T", T=call()), {}, ScriptedTasks({"T": [[]]}))
    world.step()
    world.give(TaskSucceeded(world.tasks.calls[0].key, b"bytes"))
    assert world.execution.error == "States.Runtime"


def test_a_condition_that_fails_in_an_unexpected_way_ends_the_execution():
    def refuse(value, scope):
        raise IntrinsicError("no")

    choice = ChoiceState(name="C", type="Choice", language="JSONPath", rules=(ChoiceRule(condition=refuse, next="S"),))
    states = {"C": choice, "S": SucceedState(name="S", type="Succeed", language="JSONPath")}
    execution = World.of(Program(start_at="C", states=states), {}).play()
    assert execution.cause == "An error occurred while executing the state 'C' (entered at the event id #2). no"


@pytest.mark.parametrize("odd", [False, True])
def test_the_last_event_is_the_failure_whichever_event_comes_next(odd):
    choices = [{"Variable": "$$.Execution.Name", "StringEquals": "", "Next": "Never"}]
    states = {
        "A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Choice", "Choices": choices, "Default": "A"},
        "Never": {"Type": "Succeed"},
    }
    if odd:
        states["T"] = {**call(), "Next": "A"}
        del states["T"]["End"]
    world = World.of(program("T" if odd else "A", **states), {}, ScriptedTasks({"T": [[{"succeeded": {}}]]}))
    assert world.play().event_count == 25_000
    assert types(world)[-2].endswith("Entered" if odd else "Exited")


def test_an_item_of_a_map_run_has_key_and_source():
    item = context_object.map_item(3, "v", key="k", source="s3://b/k")
    assert item == {"Index": 3, "Value": "v", "Key": "k", "Source": "s3://b/k"}


def test_a_snapshot_with_a_wait_of_another_kind_is_refused_by_name():
    world = World.of(program("W", W={"Type": "Wait", "Seconds": 60, "End": True}), {})
    world.step()
    changed = snapshot.dump(world.execution).replace(b'"kind":"timer"', b'"kind":"moon"')
    with pytest.raises(InternalError, match="moon"):
        snapshot.load(changed)
