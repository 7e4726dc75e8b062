"""Small rules that no other file holds: one test each."""

from __future__ import annotations

import pytest

from steppe.asl.program import ChoiceRule, ChoiceState, Program, SucceedState
from steppe.base.errors import InternalError
from steppe.expr.errors import IntrinsicError
from steppe.interp import context_object, snapshot
from steppe.interp.command import StopMapRun
from steppe.interp.stimulus import Redrive, TaskHeartbeat, TaskSucceeded, TimerFired
from steppe.testing.scripted_tasks import ScriptedTasks, World
from steppe.testing.virtual_clock import START_MS

from .programs import call, machine, program

DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}


def types(world):
    return [event["type"] for event in world.history]


def test_a_failing_sibling_aborts_a_map_run():
    runs = {"Type": "Map", "Label": "L", "End": True}
    runs["ItemProcessor"] = {**DISTRIBUTED, **machine("P", P={"Type": "Pass", "End": True})}
    late = machine("W", W={"Type": "Wait", "Seconds": 1, "Next": "F"}, F={"Type": "Fail", "Error": "E"})
    branches = [machine("M", M=runs), late]
    world = World.of(program("B", B={"Type": "Parallel", "Branches": branches, "End": True}), [1])
    world.tasks.map_runs = {"M": [[], [{"succeeded": []}]]}
    world.play()
    started = world.tasks.calls[0]
    assert StopMapRun(started.key, started.map_run_arn) in world.commands
    assert types(world)[-5:] == [
        "FailStateEntered",
        "MapRunAborted",
        "MapStateAborted",
        "ParallelStateFailed",
        "ExecutionFailed",
    ]
    world.give(Redrive())
    again = world.tasks.calls[1]
    assert (again.map_run_arn, again.redrive_count) == (started.map_run_arn, 1)
    assert again.key != started.key


def test_a_redrive_enters_the_branches_that_had_no_turn():
    """The first branch fails in its first moment, before the second was entered."""
    first = {"Type": "Pass", "End": True}
    first["Output"] = "{% $states.context.Execution.RedriveCount = 0 ? $nothing : 'now' %}"
    branches = [machine("A", A=first), machine("B", B={"Type": "Pass", "End": True})]
    both = {"Type": "Parallel", "Branches": branches, "End": True}
    world = World.of(program("P", language="JSONata", P=both), {"n": 1})
    assert world.play().status == "FAILED"
    assert "B" not in str(world.history)
    world.give(Redrive())
    assert world.play().output == ["now", {"n": 1}]


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


def test_a_redrive_of_a_fail_state_fails_again_without_a_second_entry():
    world = World.of(program("F", F={"Type": "Fail", "Error": "E", "Cause": "c"}), {})
    world.play()
    world.give(Redrive())
    events = [(event["type"], event["previousEventId"]) for event in world.history]
    assert events[1:] == [
        ("FailStateEntered", 0),
        ("ExecutionFailed", 2),
        ("ExecutionRedriven", 3),
        ("ExecutionFailed", 4),
    ]


def test_a_map_of_jsonata_without_items_takes_its_input():
    inline = {"Type": "Map", "ItemProcessor": machine("P", P={"Type": "Pass", "End": True}), "End": True}
    compiled = program("M", language="JSONata", M=inline)
    assert World.of(compiled, [1, 2]).play().output == [1, 2]
    cause = World.of(compiled, {"a": 1}).play().cause
    assert cause.endswith(' Map state input must be an array but was: {"a":1}')


def test_a_choice_of_jsonata_has_an_output_of_its_rule():
    choices = [{"Condition": True, "Next": "S", "Output": "{% 'rule' %}"}]
    states = {
        "C": {"Type": "Choice", "Choices": choices, "Default": "S", "Output": "default"},
        "S": {"Type": "Succeed"},
    }
    assert World.of(program("C", language="JSONata", **states), {}).play().output == "rule"


def test_a_result_with_assign_is_seen_by_it():
    states = {"P": {"Type": "Pass", "Result": {"a": 7}, "Assign": {"x.$": "$.a"}, "Next": "Q"}}
    states["Q"] = {"Type": "Pass", "Parameters": {"x.$": "$x"}, "End": True}
    assert World.of(program("P", **states), {}).play().output == {"x": 7}


def test_the_deadline_is_outstanding_after_a_crash():
    world = World.of(program("W", timeout=30, W={"Type": "Wait", "Seconds": 60, "End": True}), {})
    world.step()
    world.crash()
    assert world.play().status == "TIMED_OUT"
    assert world.clock.now_ms == START_MS + 30_000


def test_an_empty_assign_sets_nothing():
    states = {"P": {"Type": "Pass", "Assign": {}, "InputPath": "$.a", "End": True}}
    world = World.of(program("P", **states), {"a": [1]})
    assert world.play().output == [1]
    assert "assignedVariables" not in world.history[2]["stateExitedEventDetails"]


def test_a_timer_of_a_wait_that_fires_early_is_set_again():
    world = World.of(program("W", W={"Type": "Wait", "Seconds": 60, "End": True}), {})
    world.step()
    timer = world.commands[-1]
    world.give(TimerFired(timer.key))
    assert world.commands[-1] == timer
    assert world.execution.status == "RUNNING"
    world.play()
    assert world.clock.now_ms == START_MS + 60_000


def test_a_wait_until_a_time_takes_jsonata_output_and_assign():
    states = {
        "W": {
            "Type": "Wait",
            "Timestamp": "2026-09-21T14:13:30Z",
            "Output": {"was": "{% $states.input %}"},
            "Assign": {"x": 1},
            "Next": "P",
        },
        "P": {"Type": "Pass", "End": True},
    }
    world = World.of(program("W", language="JSONata", **states), 5)
    assert world.play().output == {"was": 5}
    assert world.clock.now_ms == START_MS + 10_000


def test_a_wait_of_jsonpath_selects_its_output():
    states = {"W": {"Type": "Wait", "Seconds": 1, "InputPath": "$.a", "OutputPath": "$.b", "End": True}}
    assert World.of(program("W", **states), {"a": {"b": 2}}).play().output == 2


def test_a_negative_count_of_tolerated_failures_is_refused():
    runs = {"Type": "Map", "Label": "L", "ItemsPath": "$.i", "ToleratedFailureCountPath": "$.n", "End": True}
    runs["ItemProcessor"] = {**DISTRIBUTED, **machine("P", P={"Type": "Pass", "End": True})}
    execution = World.of(program("M", M=runs), {"i": [], "n": -1}).play()
    assert execution.cause.endswith(" ToleratedFailureCount cannot be negative.")


def test_a_heartbeat_and_a_timer_that_a_task_never_had_change_nothing():
    world = World.of(program("T", T=call()), {}, ScriptedTasks({"T": [[]]}))
    world.step()
    before, key = world.execution, world.tasks.calls[0].key
    for stimulus in (TaskHeartbeat(key), TimerFired(f"{key}/timeout"), TimerFired(f"{key}/heartbeat")):
        world.give(stimulus)
    assert world.execution == before


def test_the_heartbeat_of_an_activity_counts_from_its_start():
    activity = {**call(HeartbeatSeconds=5), "Resource": "arn:aws:states:us-east-1:123456789012:activity:paint"}
    script = ScriptedTasks({"T": [[{"after": 100, "activity_started": "ann"}]]})
    world = World.of(program("T", T=activity), {}, script)
    assert world.play().error == "States.Timeout"
    assert world.clock.now_ms == START_MS + 105_000
    assert types(world)[-2] == "ActivityTimedOut"


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


def test_a_jsonata_condition_names_its_rule():
    choices = [{"Condition": "{% false %}", "Next": "S"}, {"Condition": "{% 1 %}", "Next": "S"}]
    states = {"C": {"Type": "Choice", "Choices": choices, "Default": "S"}, "S": {"Type": "Succeed"}}
    world = World.of(program("C", language="JSONata", **states), {})
    world.play()
    assert world.history[2]["evaluationFailedEventDetails"]["location"] == "Choices[1]/Condition"


def test_a_choice_selects_its_output():
    choices = [{"Variable": "$.a", "NumericEquals": 1, "Next": "S"}]
    choice = {"Type": "Choice", "Choices": choices, "Default": "S", "OutputPath": "$.a"}
    assert World.of(program("C", C=choice, S={"Type": "Succeed", "InputPath": "$"}), {"a": 1}).play().output == 1


def test_a_jsonata_pass_without_fields_is_its_input():
    states = {"P": {"Type": "Pass", "Next": "S"}, "S": {"Type": "Succeed"}}
    assert World.of(program("P", language="JSONata", **states), [1]).play().output == [1]


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
