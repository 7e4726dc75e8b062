"""What the step function promises beside the events: commands, keys, late stimuli, entropy, errors of ours."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steppe.asl.program import Program
from steppe.base.errors import InternalError
from steppe.interp import snapshot
from steppe.interp.advance import BEHAVIOURS, advance, new_execution, outstanding
from steppe.interp.command import CallTask, CancelTask, CancelTimer, StartMapRun, StartTimer, StopMapRun
from steppe.interp.execution import EXECUTION_TIMER
from steppe.interp.stimulus import (
    ActivityStarted,
    MapRunFailed,
    MapRunSucceeded,
    Redrive,
    Start,
    Stop,
    TaskFailed,
    TaskHeartbeat,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from steppe.testing.scripted_tasks import ScriptedTasks, World, identity

from .programs import CALLBACK, call, machine, order_machine, program

DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}


def started(compiled, value=MappingProxyType({}), *, express=False, entropy=b"e"):
    given_value = {} if isinstance(value, MappingProxyType) else value
    execution = new_execution(identity(express=express), given_value, 1_000)
    return advance(compiled, execution, Start(), 1_000, entropy)


def test_a_task_asks_for_the_call_and_its_timers():
    step = started(program("T", T=call(TimeoutSeconds=30, HeartbeatSeconds=10)), {"n": 1})
    asked, timeout, heartbeat = step.commands
    assert (asked.state_name, asked.arguments, asked.task_token) == ("T", {"n": 1}, None)
    assert timeout == StartTimer(f"{asked.key}/timeout", 31_000)
    assert heartbeat == StartTimer(f"{asked.key}/heartbeat", 11_000)


def test_a_finished_task_takes_its_timers_back():
    compiled = program("T", T=call(TimeoutSeconds=30))
    step = started(compiled)
    key = step.commands[0].key
    end = advance(compiled, step.execution, TaskSucceeded(key, "done"), 2_000, b"")
    assert end.commands == [CancelTimer(f"{key}/timeout")]
    assert (end.execution.status, end.execution.output, end.execution.stopped_ms) == ("SUCCEEDED", "done", 2_000)


def test_a_timed_out_task_is_cancelled():
    compiled = program("T", T=call(TimeoutSeconds=30))
    step = started(compiled)
    key = step.commands[0].key
    end = advance(compiled, step.execution, TimerFired(f"{key}/timeout"), 31_000, b"")
    assert CancelTask(key) in end.commands
    assert end.execution.error == "States.Timeout"


@pytest.mark.parametrize("timer", ["timeout", "heartbeat"])
def test_a_timer_that_fires_early_is_set_again(timer):
    compiled = program("T", T=call(TimeoutSeconds=30, HeartbeatSeconds=10))
    step = started(compiled)
    key = step.commands[0].key
    early = advance(compiled, step.execution, TimerFired(f"{key}/{timer}"), 5_000, b"")
    assert (early.execution, early.history) == (step.execution, [])
    assert early.commands == [StartTimer(f"{key}/{timer}", 31_000 if timer == "timeout" else 11_000)]


def test_a_heartbeat_moves_the_deadline_without_a_command():
    compiled = program("T", T={**call(HeartbeatSeconds=10), "Resource": CALLBACK, "Parameters": {}})
    step = started(compiled)
    key = step.commands[0].key
    alive = advance(compiled, step.execution, TaskHeartbeat(key), 9_000, b"")
    assert (alive.commands, alive.history) == ([], [])
    assert StartTimer(f"{key}/heartbeat", 19_000) in outstanding(compiled, alive.execution)


def test_what_was_submitted_is_given_out_again():
    compiled = program("T", T={**call(), "Resource": CALLBACK, "Parameters": {"t.$": "$$.Task.Token"}})
    step = started(compiled)
    asked = step.commands[0]
    assert asked.arguments == {"t": asked.task_token}
    assert outstanding(compiled, step.execution) == [asked]
    submitted = advance(compiled, step.execution, TaskSubmitted(asked.key, {"MessageId": "1"}), 2_000, b"")
    (again,) = outstanding(compiled, submitted.execution)
    assert (again.key, again.task_token, again.submitted) == (asked.key, asked.task_token, {"MessageId": "1"})
    assert (
        advance(compiled, submitted.execution, TaskSubmitted(asked.key, {"MessageId": "2"}), 3_000, b"").history == []
    )


def test_a_taken_activity_is_not_handed_out_twice():
    activity = "arn:aws:states:us-east-1:123456789012:activity:paint"
    compiled = program("T", T={**call(TimeoutSeconds=5), "Resource": activity})
    step = started(compiled)
    (asked,) = step.commands
    assert asked.task_token
    taken = advance(compiled, step.execution, ActivityStarted(asked.key, "ann"), 2_000, b"")
    assert taken.commands == [StartTimer(f"{asked.key}/timeout", 7_000)]
    assert outstanding(compiled, taken.execution)[0].submitted == {"WorkerName": "ann"}
    assert advance(compiled, taken.execution, ActivityStarted(asked.key, "bob"), 2_500, b"").history == []


def test_a_retry_has_a_new_key_and_a_new_token():
    states = {"T": {**call(), "Resource": CALLBACK, "Parameters": {}, "Retry": [{"ErrorEquals": ["States.ALL"]}]}}
    world = World.of(
        program("T", **states), {}, ScriptedTasks({"T": [[{"failed": {"error": "E"}}], [{"succeeded": 1}]]})
    )
    world.play()
    first, second = world.tasks.calls
    assert first.key != second.key
    assert first.task_token != second.task_token


def test_a_full_jitter_is_drawn_from_the_entropy():
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 100, "JitterStrategy": "FULL"}]
    compiled = program("T", T=call(Retry=retry))
    step = started(compiled)
    failed = TaskFailed(step.commands[0].key, "E", None)
    due = [advance(compiled, step.execution, failed, 2_000, bytes([seed])).commands[-1].due_ms for seed in range(50)]
    assert len(set(due)) > 40
    assert all(2_000 <= moment < 102_000 for moment in due)


STRANGE_KEYS = [
    "",
    "/",
    "0",
    "0/",
    "0/3/x",
    "-1/3",
    "99/3",
    "²/3",
    "0" * 40 + "/3",
    "1e3/3",
    "execution/timeout",
    "\ud800/1",
]
KEYED = [
    lambda key: TaskSucceeded(key, 1),
    lambda key: TaskFailed(key, "E", "c"),
    lambda key: TaskSubmitted(key, 1),
    TaskHeartbeat,
    ActivityStarted,
    TimerFired,
    lambda key: MapRunSucceeded(key, []),
    lambda key: MapRunFailed(key, "E", None),
]


@pytest.mark.parametrize("key", STRANGE_KEYS)
@pytest.mark.parametrize("make", KEYED)
def test_a_stimulus_that_nothing_waits_for_changes_nothing(key, make):
    compiled = order_machine()
    step = started(compiled, {"items": [1, 5]})
    assert advance(compiled, step.execution, make(key), 2_000, b"") == (step.execution, [], [])


def test_an_answer_of_the_wrong_kind_changes_nothing():
    compiled = program("T", T=call(TimeoutSeconds=5))
    step = started(compiled)
    key = step.commands[0].key
    for stimulus in (
        MapRunSucceeded(key, []),
        MapRunFailed(key, "E", None),
        TimerFired(key),
        ActivityStarted(key, "w"),
    ):
        assert advance(compiled, step.execution, stimulus, 2_000, b"").history == []


def test_a_late_answer_after_a_retry_is_not_heard():
    compiled = program("T", T=call(TimeoutSeconds=5, Retry=[{"ErrorEquals": ["States.Timeout"]}]))
    step = started(compiled)
    key = step.commands[0].key
    waiting = advance(compiled, step.execution, TimerFired(f"{key}/timeout"), 6_000, b"").execution
    assert advance(compiled, waiting, TaskSucceeded(key, "late"), 6_500, b"") == (waiting, [], [])


@pytest.mark.parametrize(
    "stimulus", [Start(), Stop("E"), TimerFired(EXECUTION_TIMER), TaskSucceeded("0/3", 1), Redrive()]
)
def test_an_execution_that_succeeded_hears_nothing(stimulus):
    compiled = program("P", P={"Type": "Pass", "End": True})
    step = started(compiled)
    assert advance(compiled, step.execution, stimulus, 9_000, b"") == (step.execution, [], [])


def test_a_second_start_and_a_redrive_of_a_running_execution_change_nothing():
    compiled = program("W", W={"Type": "Wait", "Seconds": 5, "End": True})
    step = started(compiled)
    assert advance(compiled, step.execution, Start(), 2_000, b"") == (step.execution, [], [])
    assert advance(compiled, step.execution, Redrive(), 2_000, b"") == (step.execution, [], [])


def test_an_execution_can_be_stopped_before_it_starts():
    compiled = program("P", P={"Type": "Pass", "End": True})
    stopped = advance(compiled, new_execution(identity(), {}, 1_000), Stop(), 2_000, b"")
    assert stopped.execution.status == "ABORTED"
    assert stopped.history[0]["executionAbortedEventDetails"] == {}


def test_a_deadline_gets_a_timer_only_when_the_execution_has_to_wait():
    quick = program("P", timeout=60, P={"Type": "Pass", "End": True})
    assert started(quick).commands == []
    slow = program("W", timeout=60, W={"Type": "Wait", "Seconds": 5, "End": True})
    step = started(slow)
    assert StartTimer(EXECUTION_TIMER, 61_000) in step.commands
    early = advance(slow, step.execution, TimerFired(EXECUTION_TIMER), 5_000, b"")
    assert (early.commands, early.history) == ([StartTimer(EXECUTION_TIMER, 61_000)], [])
    end = advance(slow, step.execution, TimerFired(step.commands[0].key), 6_000, b"")
    assert end.commands == [CancelTimer(EXECUTION_TIMER)]


@pytest.mark.parametrize(("timeout", "due_ms"), [(None, 301_000), (60, 61_000), (900, 301_000)])
def test_an_express_execution_lasts_five_minutes_at_most(timeout, due_ms):
    compiled = program("W", timeout=timeout, express=True, W={"Type": "Wait", "Seconds": 5, "End": True})
    assert StartTimer(EXECUTION_TIMER, due_ms) in started(compiled, express=True).commands


def test_a_redrive_has_a_fresh_deadline():
    compiled = program("T", timeout=60, T=call())
    step = started(compiled)
    timed_out = advance(compiled, step.execution, TimerFired(EXECUTION_TIMER), 61_000, b"")
    assert CancelTask(step.commands[0].key) in timed_out.commands
    again = advance(compiled, timed_out.execution, Redrive(), 500_000, b"")
    assert StartTimer(EXECUTION_TIMER, 560_000) in again.commands
    assert (again.execution.status, again.execution.redrive_count, again.execution.stopped_ms) == ("RUNNING", 1, None)


def test_a_map_run_is_asked_for_with_all_that_is_evaluated_once():
    step = started(
        program(
            "M",
            M={
                "Type": "Map",
                "Label": "Copy",
                "MaxConcurrencyPath": "$.most",
                "ToleratedFailurePercentage": 2.5,
                "Assign": {},
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:getObject",
                    "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItemsPath": "$.items"},
                    "Parameters": {"Bucket.$": "$.bucket", "Key": "k.csv"},
                },
                "ItemBatcher": {"MaxItemsPerBatch": 10, "BatchInput": {"from.$": "$.bucket"}},
                "ItemProcessor": {**DISTRIBUTED, **machine("P", P={"Type": "Pass", "End": True})},
                "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket.$": "$.bucket"}},
                "End": True,
            },
        ),
        {"bucket": "b", "most": 7, "items": 200_000_000},
    )
    (asked,) = step.commands
    assert isinstance(asked, StartMapRun)
    assert asked.map_run_arn.startswith("arn:aws:states:us-east-1:123456789012:mapRun:machine/Copy:")
    assert asked.reader["Parameters"] == {"Bucket": "b", "Key": "k.csv"}
    assert asked.reader["MaxItems"] == 100_000_000
    assert (asked.items, asked.max_concurrency, asked.tolerated_failure_percentage) == (None, 7, 2.5)
    assert (asked.batched, asked.max_items_per_batch, asked.batch_input) == (True, 10, {"from": "b"})
    assert asked.writer["Parameters"] == {"Bucket": "b"}
    assert asked.context["State"]["RetryCount"] == 0
    assert snapshot.load(snapshot.dump(step.execution)) == step.execution


def test_a_stopped_execution_stops_its_map_run():
    states = {"M": {"Type": "Map", "Label": "Copy", "End": True}}
    states["M"]["ItemProcessor"] = {**DISTRIBUTED, **machine("P", P={"Type": "Pass", "End": True})}
    compiled = program("M", **states)
    step = started(compiled, [1, 2])
    (asked,) = step.commands
    assert advance(compiled, step.execution, Stop(), 2_000, b"").commands == [StopMapRun(asked.key, asked.map_run_arn)]


def test_the_context_of_an_express_execution_has_no_redrive_members():
    compiled = program("P", express=True, P={"Type": "Pass", "Parameters": {"c.$": "$$"}, "End": True})
    context = started(compiled, express=True).execution.output["c"]
    assert set(context["Execution"]) == {"Id", "Input", "StartTime", "Name", "RoleArn"}
    assert context["State"] == {"Name": "P", "EnteredTime": "1970-01-01T00:00:01.000Z"}


def test_a_bug_of_ours_raises_with_its_story():
    broken = Program(start_at="Missing", states={})
    with pytest.raises(InternalError) as caught:
        advance(broken, new_execution(identity(), {}, 0), Start(), 0, b"")
    assert "Start for arn:aws:states" in caught.value.story


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_any_input_flows_through(value):
    compiled = program(
        "P",
        P={"Type": "Pass", "Parameters": {"in.$": "$"}, "Next": "C"},
        C={"Type": "Choice", "Choices": [{"Variable": "$.in", "IsNull": True, "Next": "S"}], "Default": "S"},
        S={"Type": "Succeed", "OutputPath": "$.in"},
    )
    step = started(compiled, value)
    assert step.execution.status == "SUCCEEDED"
    assert step.execution.output == value
    assert json.loads(step.history[-1]["executionSucceededEventDetails"]["output"]) == value


def test_a_snapshot_of_another_format_is_refused_by_name():
    with pytest.raises(InternalError, match="format 99"):
        snapshot.load(b'{"format": 99}')
    for hostile in (
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"format": 1}',
        b'{"format": 1, "frames": [{"number": 0}], "identity": {}}',
    ):
        with pytest.raises(InternalError):
            snapshot.load(hostile)


def test_calls_of_one_step_have_keys_of_their_own():
    compiled = program("M", M={"Type": "Map", "ItemProcessor": machine("T", T=call()), "End": True})
    step = started(compiled, list(range(60)))
    assert sum(isinstance(command, CallTask) for command in step.commands) == 40
    assert len({command.key for command in step.commands}) == 40


def test_nothing_can_happen_in_a_state_that_never_waits():
    for kind in ("Pass", "Choice", "Succeed", "Fail"):
        with pytest.raises(AssertionError, match="nothing of this kind"):
            BEHAVIOURS[kind].resume()
