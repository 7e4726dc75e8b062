"""What a state says when it cannot be evaluated: error, cause, EvaluationFailed, and whether a Map Run exists."""

from __future__ import annotations

import pytest

from steppe.asl.program import Retrier
from steppe.base.errors import Fault
from steppe.expr.scope import Entropy
from steppe.interp import faults
from steppe.interp.stimulus import Redrive
from steppe.testing.scripted_tasks import ScriptedTasks, World

from .programs import call, machine, program

DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
INNER = machine("P", P={"Type": "Pass", "End": True})


def wait(**fields):
    return {"Type": "Wait", "End": True, **fields}


def inline(**fields):
    return {"Type": "Map", "ItemProcessor": INNER, "End": True, **fields}


def distributed(**fields):
    return {"Type": "Map", "Label": "L", "ItemProcessor": {**DISTRIBUTED, **INNER}, "End": True, **fields}


ISO = "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string"


def iso(value):
    return f"{ISO}: $.t == {value}"


PATHS = [
    (wait(SecondsPath="$.s"), {"s": "x"}, "The SecondsPath parameter cannot be parsed as a long value: $.s == x"),
    (wait(SecondsPath="$.s"), {"s": 1.5}, "The SecondsPath parameter cannot be parsed as a long value: $.s == 1.5"),
    (wait(SecondsPath="$.s"), {"s": True}, "The SecondsPath parameter cannot be parsed as a long value: $.s == true"),
    (wait(SecondsPath="$.s"), {"s": -1}, "The SecondsPath parameter references a negative value: $.s == -1"),
    (wait(SecondsPath="$.s"), {}, "Invalid path '$.s' : No results for path: $['s']"),
    (wait(TimestampPath="$.t"), {"t": 5}, iso(5)),
    (wait(TimestampPath="$.t"), {"t": "2026-01-01t00:00:00z"}, iso("2026-01-01t00:00:00z")),
    (
        call(TimeoutSecondsPath="$.t"),
        {"t": "soon"},
        'The TimeoutSecondsPath field refers to value "soon" which is not a valid integer: $.t',
    ),
    (
        call(TimeoutSecondsPath="$.t"),
        {"t": 0},
        'The TimeoutSecondsPath field refers to value "0" which is not positive: $.t',
    ),
    (inline(MaxConcurrencyPath="$.m", ItemsPath="$.i"), {"m": -1, "i": []}, "MaxConcurrency cannot be negative."),
    (
        inline(MaxConcurrencyPath="$.m", ItemsPath="$.i"),
        {"m": [1], "i": []},
        'The MaxConcurrencyPath field refers to value "[1]" which is not a valid integer: $.m',
    ),
    (inline(ItemsPath="$.i"), {"i": {"a": 1}}, 'Reference path "$.i" must point to array.'),
    (inline(ItemsPath="$$"), {}, 'Reference path "$" must point to array.'),
    (
        distributed(ItemsPath="$.i", ToleratedFailureCountPath="$.c"),
        {"i": [], "c": 1.5},
        'The ToleratedFailureCountPath field refers to value "1.5" which is not a valid integer: $.c',
    ),
    (
        distributed(ItemsPath="$.i", ItemBatcher={"MaxItemsPerBatchPath": "$.b"}),
        {"i": [], "b": 0},
        "MaxItemsPerBatch must be positive.",
    ),
    (
        {"Type": "Fail", "ErrorPath": "$.e"},
        {"e": {"a": 1}},
        'The ErrorPath field refers to value "{"a":1}" which is not a valid string: $.e',
    ),
    (
        {"Type": "Choice", "Choices": [{"Variable": "$.x", "NumericEquals": 1, "Next": "P"}], "Default": "P"},
        {},
        "Invalid path '$.x': The choice state's condition path references an invalid value.",
    ),
]


@pytest.mark.parametrize(("state", "value", "cause"), PATHS)
def test_a_path_that_names_nothing_useful_ends_the_execution(state, value, cause):
    states = {"S": state, "P": {"Type": "Pass", "End": True}} if state["Type"] == "Choice" else {"S": state}
    execution = World.of(program("S", **states), value).play()
    prefix = "An error occurred while executing the state 'S' (entered at the event id #2). "
    assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
    assert execution.cause == prefix + cause


def expected(kind, was, value):
    return f"returned an unexpected result type. Expected '{kind}', but was '{was}' for value: {value}"


QUERIES = [
    (wait(Seconds="{% 'x' %}"), "Seconds", expected("integer", "string", '"x"')),
    (wait(Seconds="{% -1 %}"), "Seconds", "The Seconds field references a negative value: -1"),
    (wait(Timestamp="{% 7 %}"), "Timestamp", expected("string", "number", "7")),
    (
        wait(Timestamp="{% 'now' %}"),
        "Timestamp",
        "cannot be parsed as an ISO-8601 extended offset date-time format string: now",
    ),
    (call(TimeoutSeconds="{% {'a': 1} %}"), "TimeoutSeconds", expected("integer", "object", '{"a":1}')),
    ({"Type": "Fail", "Cause": "{% [true] %}"}, "Cause", expected("string", "array", "[true]")),
    (distributed(Items="{% null %}"), "Items", expected("array", "null", "null")),
    (distributed(Items=[], ToleratedFailurePercentage="{% true %}"), "ToleratedFailurePercentage", "'boolean'"),
]


@pytest.mark.parametrize(("state", "location", "cause"), QUERIES)
def test_a_jsonata_value_of_the_wrong_kind_is_an_evaluation_failure(state, location, cause):
    world = World.of(program("S", language="JSONata", S=state), {})
    execution = world.play()
    assert execution.error == "States.QueryEvaluationError"
    assert cause in execution.cause
    failed = next(event for event in world.history if event["type"] == "EvaluationFailed")
    assert failed["evaluationFailedEventDetails"]["location"] == location
    assert failed["evaluationFailedEventDetails"]["cause"] == execution.cause


@pytest.mark.parametrize(("seconds", "due"), [("7", 7), (7.0, 7), ("+3", 3), (99_999_999_999, 99_999_999)])
def test_a_path_may_name_a_number_in_a_text(seconds, due):
    world = World.of(program("W", W=wait(SecondsPath="$.s")), {"s": seconds})
    started = world.clock.now_ms
    world.play()
    assert world.clock.now_ms - started == due * 1000


def test_a_distributed_map_iterates_an_object():
    world = World.of(
        program("M", M=distributed()), {"a": 1, "b": 2}, ScriptedTasks(map_runs={"M": [[{"succeeded": []}]]})
    )
    assert world.play().status == "SUCCEEDED"
    assert world.history[2]["mapStateStartedEventDetails"] == {"length": 2}
    assert world.tasks.calls[0].items == {"a": 1, "b": 2}


def test_a_failure_in_assign_of_a_catch_is_not_caught_again():
    catch = [{"ErrorEquals": ["States.ALL"], "Assign": {"x": "{% $nothing %}"}, "Next": "P"}]
    states = {"T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "f"}}}
    states["T"] |= {"Catch": catch, "End": True}
    states["P"] = {"Type": "Pass", "End": True}
    world = World.of(
        program("T", language="JSONata", **states), {}, ScriptedTasks({"T": [[{"failed": {"error": "E"}}]]})
    )
    assert world.play().error == "States.QueryEvaluationError"
    assert [event["type"] for event in world.history][-2:] == ["EvaluationFailed", "ExecutionFailed"]


def test_an_output_of_a_catch_that_is_too_large_fails():
    catch = [{"ErrorEquals": ["States.ALL"], "Output": "{% $pad('', 262143, 'x') %}", "Next": "P"}]
    states = {"B": {"Type": "Parallel", "Branches": [machine("F", F={"Type": "Fail"})], "Catch": catch, "End": True}}
    states["P"] = {"Type": "Pass", "End": True}
    assert World.of(program("B", language="JSONata", **states), {}).play().error == "States.DataLimitExceeded"


def test_a_runtime_error_in_a_branch_ends_the_execution_at_once():
    branches = [
        machine("A", A={"Type": "Pass", "InputPath": "$.no", "End": True}),
        machine("W", W=wait(Seconds=5)),
    ]
    states = {"B": {"Type": "Parallel", "Branches": branches, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "P"}]}}
    states["B"]["End"] = True
    states["P"] = {"Type": "Pass", "End": True}
    world = World.of(program("B", **states), {})
    world.play()
    # Measured on AWS in September 2026: no ParallelStateFailed, no aborted siblings.
    assert [event["type"] for event in world.history][-2:] == ["PassStateEntered", "ExecutionFailed"]
    assert world.history[-1]["previousEventId"] == 4


def selector(path):
    return inline(ItemsPath="$.i", MaxConcurrency=1, ItemSelector={"v.$": path})


def test_an_item_selector_that_fails_later_on_is_evaluated_again_by_a_redrive():
    states = {"M": selector("States.ArrayGetItem($$.Map.Item.Value, 0)")}
    world = World.of(program("M", **states), {"i": [[1], [], [3]]})
    assert world.play().error == "States.Runtime"
    world.give(Redrive())
    assert world.execution.status == "FAILED"
    assert world.execution.redrive_count == 1


def test_a_parallel_whose_output_failed_is_run_again_by_a_redrive():
    branches = [machine("A", A={"Type": "Pass", "End": True})]
    world = World.of(program("B", B={"Type": "Parallel", "Branches": branches, "OutputPath": "$.no", "End": True}), {})
    world.play()
    before = len(world.history)
    world.give(Redrive())
    assert [event["type"] for event in world.history[before : before + 2]] == [
        "ExecutionRedriven",
        "ParallelStateStarted",
    ]
    assert world.execution.status == "FAILED"


def test_a_redrive_enters_branches_that_had_no_turn():
    branches = [
        machine("A", A={"Type": "Fail", "Error": "E"}),
        machine("B", B={"Type": "Pass", "End": True}),
        machine("C", C={"Type": "Pass", "End": True}),
    ]
    world = World.of(program("P", P={"Type": "Parallel", "Branches": branches, "End": True}), {})
    world.play()
    world.give(Redrive())
    names = [event.get("stateEnteredEventDetails", {}).get("name") for event in world.history]
    assert names.count("A") == 1
    assert world.execution.error == "E"


def test_delays_grow_up_to_a_year_and_no_further():
    retrier = Retrier(errors=("E",), interval_seconds=10, backoff_rate=1e300, max_attempts=99)
    assert faults.delay_ms(retrier, 0, Entropy(b"")) == 10_000
    assert faults.delay_ms(retrier, 50, Entropy(b"")) == faults.DELAY_SECONDS_MAX * 1000


@pytest.mark.parametrize(
    ("errors", "fault", "taken"),
    [
        (("States.ALL",), Fault("Any"), True),
        (("States.ALL",), Fault(None), True),
        (("States.ALL",), Fault("States.DataLimitExceeded"), False),
        (("States.DataLimitExceeded",), Fault("States.DataLimitExceeded"), True),
        (("States.TaskFailed",), Fault("Any"), True),
        (("States.TaskFailed",), Fault("States.Timeout"), False),
        (("States.Timeout",), faults.HeartbeatFault(), True),
        (("States.HeartbeatTimeout",), faults.HeartbeatFault(), True),
        (("States.HeartbeatTimeout",), Fault("States.Timeout"), False),
        (("Other", "Any"), Fault("Any"), True),
        (("Other",), Fault("Any"), False),
        ((), Fault(None), False),
    ],
)
def test_error_equals(errors, fault, taken):
    assert faults.matches(errors, fault) is taken
