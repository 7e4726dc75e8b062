"""What a Program holds: defaults, nesting, labels, references."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from steppe.asl.compile import compile_definition, compile_state, generated_label
from steppe.base.errors import DefinitionError
from steppe.expr.errors import ExpressionError
from steppe.expr.scope import Entropy, Scope

LAMBDA = "arn:aws:states:::lambda:invoke"
PASS = {"Type": "Pass", "End": True}


def scope(**variables) -> Scope:
    return Scope(lambda: {"Execution": {"Id": "e"}}, variables, Entropy(b""), 0, {"input": {"n": 5}})


def machine(states, **fields) -> str:
    return json.dumps({"StartAt": next(iter(states)), "States": states, **fields})


def one(state, **fields):
    """The only state of a machine, compiled."""
    return compile_definition(machine({"X": state}, **fields)).states["X"]


def distributed(processor_states, **fields):
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": next(iter(processor_states)),
        "States": processor_states,
    }
    return {"Type": "Map", "ItemProcessor": processor, "End": True, **fields}


def test_a_machine_keeps_its_own_fields():
    text = machine({"X": PASS}, TimeoutSeconds=7, Comment="why")
    program = compile_definition(text)
    assert (program.start_at, program.timeout_seconds, program.comment) == ("X", 7, "why")
    assert program.digest == hashlib.sha256(text.encode()).hexdigest()


def test_a_state_without_fields_has_the_defaults():
    state = one(PASS)
    assert (state.input_path, state.output_path, state.parameters, state.result_selector) == (None,) * 4
    assert state.result_path.steps == ()
    assert (state.next, state.assign, state.output, state.retriers, state.catchers) == (None, None, None, (), ())
    assert (state.has_result, state.language) == (False, "JSONPath")


def test_null_paths_mean_something_else_than_none():
    state = one(
        {"Type": "Pass", "InputPath": None, "OutputPath": None, "ResultPath": None, "Result": None, "End": True}
    )
    assert state.input_path({"a": 1}, scope()) == {}
    assert state.output_path({"a": 1}, scope()) == {}
    assert state.result_path is None
    assert (state.result, state.has_result) == (None, False)


def test_paths_and_templates_are_callables():
    state = one({"Type": "Pass", "InputPath": "$.a", "OutputPath": "$x", "Parameters": {"b.$": "$.c"}, "End": True})
    assert state.input_path({"a": 1}, scope()) == 1
    assert state.output_path(None, scope(x=2)) == 2
    assert state.parameters({"c": 3}, scope()) == {"b": 3}


def test_a_task_has_its_times_retriers_and_catchers():
    state = one(
        {
            "Type": "Task",
            "Resource": LAMBDA,
            "TimeoutSeconds": 9,
            "HeartbeatSecondsPath": "$.beat",
            "Credentials": {"RoleArn.$": "$.role"},
            "ResultSelector": {"r.$": "$.x"},
            "Retry": [
                {"ErrorEquals": ["a", "b"]},
                {
                    "ErrorEquals": ["States.ALL"],
                    "IntervalSeconds": 0,
                    "MaxAttempts": 0,
                    "BackoffRate": 1.5,
                    "MaxDelaySeconds": 60,
                    "JitterStrategy": "FULL",
                },
            ],
            "Catch": [
                {"ErrorEquals": ["a"], "Next": "X", "ResultPath": None},
                {"ErrorEquals": ["b"], "Next": "X", "ResultPath": "$.error", "Assign": {"e.$": "$.Error"}},
                {"ErrorEquals": ["States.ALL"], "Next": "X"},
            ],
            "End": True,
        }
    )
    assert (state.timeout.name, state.timeout.constant) == ("TimeoutSeconds", 9)
    assert (state.heartbeat.name, state.heartbeat.text) == ("HeartbeatSecondsPath", "$.beat")
    assert state.heartbeat.expression({"beat": 3}, scope()) == 3
    assert state.credentials({"role": "r"}, scope()) == {"RoleArn": "r"}
    first, second = state.retriers
    assert (first.errors, first.interval_seconds, first.max_attempts, first.backoff_rate) == (("a", "b"), 1, 3, 2.0)
    assert (first.max_delay_seconds, first.jitter_full) == (None, False)
    assert (second.interval_seconds, second.max_attempts, second.backoff_rate) == (0, 0, 1.5)
    assert (second.max_delay_seconds, second.jitter_full) == (60, True)
    discarding, keeping, replacing = state.catchers
    assert discarding.result_path is None
    assert keeping.result_path.steps == ("error",)
    assert keeping.assign({"Error": "b"}, scope()) == {"e": "b"}
    assert replacing.result_path.steps == ()


def test_jsonata_numbers_texts_and_templates_are_computed():
    state = one(
        {
            "Type": "Task",
            "Resource": LAMBDA,
            "Arguments": {"a": "{% $states.input.n %}"},
            "TimeoutSeconds": "{% $states.input.n * 2 %}",
            "Output": "{% $x %}",
            "Assign": {"y": "{% $x + 1 %}"},
            "End": True,
        },
        QueryLanguage="JSONata",
    )
    assert state.language == "JSONata"
    assert state.parameters(None, scope()) == {"a": 5}
    assert (state.timeout.text, state.timeout.constant) == ("$states.input.n * 2", None)
    assert state.timeout.expression(None, scope()) == 10
    assert (state.output(None, scope(x=1)), state.assign(None, scope(x=1))) == (1, {"y": 2})


def test_errors_of_jsonata_name_the_place_inside_the_state():
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "X", "Output": {"a": ["{% $gone %}"]}}]
    state = one({"Type": "Task", "Resource": LAMBDA, "Catch": catch, "End": True}, QueryLanguage="JSONata")
    with pytest.raises(ExpressionError) as caught:
        state.catchers[0].output(None, scope())
    assert caught.value.field == "Catch[0]/Output/a[0]"


@pytest.mark.parametrize(
    ("fields", "name", "constant"),
    [
        ({"Seconds": 0}, "Seconds", 0),
        ({"SecondsPath": "$.s"}, "SecondsPath", None),
        ({"Timestamp": "2030-01-01T00:00:00Z"}, "Timestamp", "2030-01-01T00:00:00Z"),
        ({"TimestampPath": "$.t"}, "TimestampPath", None),
    ],
)
def test_wait_has_one_of_four(fields, name, constant):
    state = one({"Type": "Wait", **fields, "End": True})
    assert [source is None for source in (state.seconds, state.timestamp)].count(True) == 1
    source = state.seconds or state.timestamp
    assert (source.name, source.constant, source.expression is None) == (name, constant, constant is not None)


def test_fail_has_literals_paths_or_calls():
    state = one({"Type": "Fail", "Error": "E", "CausePath": "States.Format('{}!', $.c)"})
    assert (state.error.name, state.error.constant) == ("Error", "E")
    assert state.cause.expression({"c": "x"}, scope()) == "x!"
    assert one({"Type": "Fail"}).error is None
    computed = one({"Type": "Fail", "Error": "{% $e %}", "Cause": "plain"}, QueryLanguage="JSONata")
    assert (computed.error.text, computed.cause.constant) == ("$e", "plain")


def test_choice_has_rules_and_what_belongs_to_default():
    rule = {"Variable": "$.a", "IsPresent": True, "Next": "Y", "Assign": {"v.$": "$.a"}}
    states = {"X": {"Type": "Choice", "Choices": [rule], "Default": "Y", "Assign": {"w": 1}}, "Y": {"Type": "Succeed"}}
    state = compile_definition(machine(states)).states["X"]
    assert (state.default, state.rules[0].next, state.next) == ("Y", "Y", None)
    assert state.assign({}, scope()) == {"w": 1}
    assert state.rules[0].assign({"a": 4}, scope()) == {"v": 4}


def test_states_of_branches_and_inline_processors_are_in_the_one_program():
    inner = {"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": PASS}}, "End": True}
    branches = [{"StartAt": "A", "States": {"A": inner}}, {"StartAt": "B", "States": {"B": PASS}}]
    program = compile_definition(machine({"X": {"Type": "Parallel", "Branches": branches, "End": True}}))
    assert set(program.states) == {"X", "A", "B", "I"}
    assert program.states["X"].branches == ("A", "B")
    assert (program.states["A"].start_at, program.states["A"].distributed) == ("I", False)
    assert program.states["A"].processor is None


def test_a_distributed_map_has_a_program_of_its_own():
    state = distributed(
        {"T": PASS},
        ItemReader={
            "Resource": "arn:aws:states:::s3:getObject",
            "Parameters": {"Bucket.$": "$.b"},
            "ReaderConfig": {
                "InputType": "CSV",
                "CSVHeaderLocation": "GIVEN",
                "CSVHeaders": ["a", "b"],
                "MaxItemsPath": "$.n",
            },
        },
        ItemBatcher={"MaxItemsPerBatch": 3, "MaxInputBytesPerBatchPath": "$.m", "BatchInput": {"x.$": "$.y"}},
        ResultWriter={"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "p"}},
        ItemSelector={"v.$": "$$.Map.Item.Value"},
        MaxConcurrency=10,
        ToleratedFailurePercentage=2.5,
        ToleratedFailureCountPath="$.t",
        Label="L",
    )
    program = compile_definition(machine({"X": state}))
    assert set(program.states) == {"X"}
    found = program.states["X"]
    assert (found.distributed, found.execution_type, found.label, found.start_at) == (True, "STANDARD", "L", "")
    assert set(found.processor.states) == {"T"}
    assert json.loads(found.processor_definition) == {"StartAt": "T", "States": {"T": PASS}}
    assert " " not in found.processor_definition
    assert (found.reader.resource, found.reader.max_items.name) == ("s3:getObject", "MaxItemsPath")
    assert found.reader.config == {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"]}
    assert found.reader.parameters({"b": 1}, scope()) == {"Bucket": 1}
    assert (found.batcher.max_items.constant, found.batcher.max_input_bytes.text) == (3, "$.m")
    assert found.batcher.batch_input({"y": 1}, scope()) == {"x": 1}
    assert (found.writer.transformation, found.writer.output_type) == ("NONE", "JSON")
    assert found.writer.parameters(None, scope()) == {"Bucket": "b", "Prefix": "p"}
    assert (found.max_concurrency.constant, found.tolerated_failure_percentage.constant) == (10, 2.5)
    assert found.tolerated_failure_count.name == "ToleratedFailureCountPath"
    assert found.parameters is None


def test_a_map_in_jsonata_has_items_and_arguments():
    state = distributed(
        {"T": PASS},
        Items="{% $states.input.list %}",
        ItemReader={"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": {"Bucket": "{% $b %}"}},
        ResultWriter={"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSONL"}},
        MaxConcurrency="{% 3 %}",
    )
    found = one(state, QueryLanguage="JSONata")
    assert found.items_text == "{% $states.input.list %}"
    assert found.reader.parameters(None, scope(b="x")) == {"Bucket": "x"}
    assert (found.reader.config, found.reader.max_items) == ({}, None)
    assert (found.writer.parameters, found.writer.transformation, found.writer.output_type) == (
        None,
        "FLATTEN",
        "JSONL",
    )
    assert found.max_concurrency.expression(None, scope()) == 3
    literal = one(distributed({"T": PASS}, Items=[1, "{% 2 %}"]), QueryLanguage="JSONata")
    assert literal.items(None, scope()) == [1, 2]
    assert literal.items_text == '[1,"{% 2 %}"]'


def test_the_older_spellings_of_a_map_work():
    state = {
        "Type": "Map",
        "Iterator": {"StartAt": "I", "States": {"I": PASS}},
        "Parameters": {"v.$": "$$.Execution.Id"},
        "ItemsPath": "$.list",
        "End": True,
    }
    found = one(state)
    assert (found.start_at, found.parameters, found.items_text) == ("I", None, "$.list")
    assert found.item_selector(None, scope()) == {"v": "e"}
    assert found.items({"list": [1]}, scope()) == [1]
    plain = one({"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": PASS}}, "End": True})
    assert (plain.items, plain.items_text, plain.item_selector, plain.max_concurrency) == (None, "$", None, None)


def test_maps_are_found_inside_the_processors_of_others():
    inner = distributed({"T": PASS}, Label="inner")
    middle = {"Type": "Map", "ItemProcessor": {"StartAt": "Inner", "States": {"Inner": inner}}, "End": True}
    program = compile_definition(machine({"X": distributed({"Middle": middle})}))
    assert program.find_map("X") is program.states["X"]
    assert program.find_map("Middle").distributed is False
    assert program.find_map("Inner").label == "inner"
    assert program.find_map("T") is None
    assert program.find_map("nowhere") is None


def test_a_generated_label_is_a_stable_uuid_of_version_3():
    label = compile_definition(machine({"X": distributed({"T": PASS})}), label_seed="arn").states["X"].label
    assert label == generated_label("arn", "X")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", label)
    assert len({label, generated_label("arn", "Y"), generated_label("arn2", "X")}) == 3


def test_variable_references_are_those_of_each_state_inside_and_out():
    states = {
        "A": {"Type": "Pass", "Assign": {"x": 1, "y": 2}, "Next": "M"},
        "M": distributed(
            {
                "C": {
                    "Type": "Choice",
                    "Choices": [
                        {"Not": {"Variable": "$v", "NumericEqualsPath": "$w"}, "Next": "Z", "Assign": {"a.$": "$u"}},
                        {"And": [{"Variable": "$t.a", "IsPresent": True}], "Next": "Z"},
                    ],
                    "Default": "Z",
                },
                "Z": {"Type": "Succeed"},
            },
            ItemReader={
                "Resource": "arn:aws:states:::s3:getObject",
                "Parameters": {"Bucket.$": "$bucket"},
                "ReaderConfig": {"InputType": "JSON", "MaxItemsPath": "$x"},
            },
            ItemSelector={"a": [{"b.$": "States.Format('{}{}', $y, $x)"}]},
            Catch=[{"ErrorEquals": ["States.ALL"], "Next": "J", "Assign": {"z.$": "$old"}}],
            End=None,
        ),
        "J": {
            "Type": "Pass",
            "QueryLanguage": "JSONata",
            "Output": "{% ($local := $one; $local + $two + $states.input.a) %}",
            "End": True,
        },
    }
    del states["M"]["End"]
    states["M"]["Next"] = "J"
    assert dict(compile_definition(machine(states)).variable_references) == {
        "M": ("bucket", "old", "x", "y"),
        "C": ("t", "u", "v", "w"),
        "J": ("one", "two"),
    }


def test_a_jsonata_condition_refers_to_variables():
    states = {
        "C": {"Type": "Choice", "Choices": [{"Condition": "{% $a > 1 %}", "Next": "Z"}]},
        "Z": {"Type": "Succeed"},
    }
    program = compile_definition(machine(states, QueryLanguage="JSONata"))
    assert dict(program.variable_references) == {"C": ("a",)}


def test_a_state_can_be_compiled_by_itself():
    task = {"Type": "Task", "Resource": LAMBDA, "Next": "Elsewhere", "Catch": [{"ErrorEquals": ["a"], "Next": "There"}]}
    program = compile_state(json.dumps(task))
    assert program.start_at == "StateName"
    assert program.states["StateName"].next == "Elsewhere"
    inner = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Gone"}, "B": PASS}}
    for text, expected in [
        ('{"Type":"Nope"}', "The field 'Type' should have one of these values"),
        ("[]", "Definition must be a valid JSON object at null"),
        (json.dumps({"Type": "Map", "ItemProcessor": inner, "End": True}), "Missing 'Next' target: Gone"),
    ]:
        with pytest.raises(DefinitionError, match=re.escape(expected)):
            compile_state(text)
    with pytest.raises(DefinitionError, match="at /States/S/Seconds"):
        compile_state('{"Type":"Wait","Seconds":-1,"End":true}', name="S")
