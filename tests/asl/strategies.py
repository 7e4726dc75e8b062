"""Hypothesis strategies that make state machines.

    valid_definitions()     (definition, input): it compiles and always ends; every field of every kind of state occurs
    mutated_definitions()   (definition, what was broken): one thing in it has to be reported
    changed_definitions()   a valid definition with a few places changed at random: anything may come of it

States lead only to later ones, so an execution of a valid definition ends whatever its tasks answer. It need not
succeed: a path may name nothing, a Fail may be reached.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

Json = dict[str, Any]

ARN = "arn:aws:states:::"
LAMBDA = "arn:aws:lambda:us-east-1:111122223333:function:f"
ACTIVITY = "arn:aws:states:us-east-1:111122223333:activity:work"
ERRORS = ("States.TaskFailed", "States.Timeout", "States.Runtime", "States.HeartbeatTimeout", "Odd", "Broken")
KINDS = ("Pass", "Task", "Choice", "Wait", "Parallel", "Map")


@dataclass(frozen=True)
class Making:
    """What is known where a part of a definition is made.

    Attributes:
        machine_jsonata, jsonata: the language of the machine and of the state.
        express: whether for an Express machine.
        distributed: whether Distributed Maps may be made.
        depth: how many levels of Parallel and Map may still be made.
        variable: whether the variable `v` is set for certain.
        names: counts the states: names are unique over a machine.
    """

    machine_jsonata: bool = False
    jsonata: bool = False
    express: bool = False
    distributed: bool = False
    depth: int = 2
    variable: bool = False
    names: list[str] = field(default_factory=list)

    def name(self) -> str:
        """A new state's name."""
        self.names.append(f"S{len(self.names)}")
        return self.names[-1]


# Data

INPUTS = st.fixed_dictionaries(
    {
        "a": st.integers(0, 3),
        "b": st.sampled_from(["", "text", "two words", "é"]),
        "c": st.lists(st.integers(0, 9), max_size=3),
        "d": st.fixed_dictionaries({"e": st.booleans() | st.none() | st.floats(-1, 1)}),
        "t": st.just("2026-03-14T01:59:00Z"),
        "n": st.just(1),
    }
)
"""Every path that a definition reads names something in these."""

_PATHS = ("$", "$.a", "$.b", "$.c", "$.d.e", "$.d['e']", "$.t")
_CONTEXT = ("$$.Execution.Name", "$$.State.Name", "$$.Execution.Input.a")
_CALLS = (
    "States.Format('{} and {}', $.a, $.b)",
    "States.Array($.a, 1, 'x', null)",
    "States.ArrayLength($.c)",
    "States.JsonToString($)",
    "States.StringToJson('[1, 2]')",
    "States.MathAdd($.a, -1)",
    "States.UUID()",
    "States.Hash($.b, 'SHA-256')",
    "States.Base64Encode($.b)",
    "States.ArrayUnique($.c)",
)
_EXPRESSIONS = (
    "{% $states.input %}",
    "{% $states.input.a + 1 %}",
    "{% $states.context.Execution.Name %}",
    "{% $string($states.input.b) & 'x' %}",
    "{% [1..3].($ * 2) %}",
    "{% {'k': $states.input.a} %}",
    "{% $uuid() %}",
    "{% $hash('x', 'MD5') %}",
    "{% $partition([1, 2, 3], 2) %}",
)
_LITERALS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "a b", "ü"])


def _values(making: Making) -> SearchStrategy[Any]:
    """A value of a template: literal or computed. In JSONPath it belongs to a name that ends in `.$` when computed."""
    if making.jsonata:
        return st.sampled_from([*_EXPRESSIONS, *(["{% $v %}"] if making.variable else [])]) | _LITERALS
    return _LITERALS


def _paths(making: Making) -> SearchStrategy[str]:
    return st.sampled_from([*_PATHS, *_CONTEXT, *_CALLS, *(["$v", "$v.x"] if making.variable else [])])


@st.composite
def _objects(draw: DrawFn, making: Making, names: tuple[str, ...] = ("x", "y", "z")) -> Json:
    """An object as a payload template."""
    made: Json = {}
    for name in draw(st.lists(st.sampled_from(names), max_size=3, unique=True)):
        if making.jsonata or draw(st.booleans()):
            made[name] = draw(_values(making) | st.lists(_values(making), max_size=2))
        else:
            made[f"{name}.$"] = draw(_paths(making))
    return made


def _documents(making: Making) -> SearchStrategy[Any]:
    """What Output may be: any value with expressions in it."""
    return _values(making) | _objects(making) | st.lists(_values(making), max_size=2)


def _some(draw: DrawFn, fields: dict[str, SearchStrategy[Any]]) -> Json:
    """Some of the fields: few, most of the time."""
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True)) if fields else []
    return {name: draw(fields[name]) for name in chosen}


# Fields that several kinds share


def _shape(making: Making) -> dict[str, SearchStrategy[Any]]:
    if making.jsonata:
        return {"Output": _documents(making)}
    paths = st.none() | st.sampled_from(["$", "$.d", "$$.Execution.Input", *(["$v"] if making.variable else [])])
    return {"InputPath": paths, "OutputPath": paths}


def _assign(making: Making) -> dict[str, SearchStrategy[Any]]:
    return {"Assign": _objects(making, ("v", "w", "long_name"))}


def _result(making: Making) -> dict[str, SearchStrategy[Any]]:
    if making.jsonata:
        return {}
    return {"ResultPath": st.none() | st.sampled_from(["$", "$.r", "$.r.s", "$.d.f"]), "Parameters": _objects(making)}


@st.composite
def _retriers(draw: DrawFn) -> list[Json]:
    fields = {
        "IntervalSeconds": st.integers(1, 3),
        "MaxAttempts": st.integers(0, 2),
        "BackoffRate": st.sampled_from([1, 1.5, 2.0]),
        "JitterStrategy": st.sampled_from(["NONE", "FULL"]),
        "Comment": st.just("again"),
    }
    made = [
        {"ErrorEquals": errors, **_some(draw, fields)}
        for errors in draw(st.lists(st.lists(st.sampled_from(ERRORS), min_size=1, max_size=2), max_size=2))
    ]
    if draw(st.booleans()):
        made.append({"ErrorEquals": ["States.ALL"], **_some(draw, fields), "MaxDelaySeconds": 5})
    return made


@st.composite
def _catchers(draw: DrawFn, making: Making, later: list[str]) -> list[Json]:
    inner = making
    fields: dict[str, SearchStrategy[Any]] = {**_assign(inner), "Comment": st.just("caught")}
    if making.jsonata:
        fields["Output"] = _documents(inner) | st.just("{% $states.errorOutput %}")
    else:
        fields["ResultPath"] = st.none() | st.sampled_from(["$", "$.error"])
    made = []
    for errors in [*draw(st.lists(st.sampled_from(ERRORS).map(lambda e: [e]), max_size=2)), ["States.ALL"]]:
        made.append({"ErrorEquals": errors, "Next": draw(st.sampled_from(later)), **_some(draw, fields)})
    return made


def _fallible(draw: DrawFn, making: Making, later: list[str]) -> Json:
    made: Json = {}
    if draw(st.booleans()):
        made["Retry"] = draw(_retriers())
    if later and draw(st.booleans()):
        made["Catch"] = draw(_catchers(making, later))
    if not making.jsonata and draw(st.integers(0, 3)) == 0:
        made["ResultSelector"] = draw(_objects(making))
    return made


# Kinds of states. Each takes the states that it may lead to besides the next one.


def _pass(draw: DrawFn, making: Making, later: list[str]) -> Json:
    fields = {**_shape(making), **_assign(making), **_result(making)}
    if not making.jsonata:
        fields["Result"] = _LITERALS | st.just({"x": [1, 2]})
    return _some(draw, fields)


def _numbers(draw: DrawFn, making: Making, name: str, literal: int, path: str = "$.n") -> Json:
    """A numeric field as a literal, a path or an expression."""
    if making.jsonata:
        return {name: draw(st.sampled_from([literal, f"{{% {literal} %}}"]))}
    return draw(st.sampled_from([{name: literal}, {f"{name}Path": path}]))


def _task(draw: DrawFn, making: Making, later: list[str]) -> Json:
    calls: list[tuple[str, Json]] = [
        (LAMBDA, draw(_objects(making))),
        (f"{ARN}lambda:invoke", {"FunctionName": "f", "Payload": draw(_objects(making))}),
        (f"{ARN}aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"}),
        (f"{ARN}aws-sdk:dynamodb:listTables", {}),
    ]
    if not making.express:
        token = {"t": "{% $states.context.Task.Token %}"} if making.jsonata else {"t.$": "$$.Task.Token"}
        calls += [
            (ACTIVITY, draw(_objects(making))),
            (f"{ARN}lambda:invoke.waitForTaskToken", {"FunctionName": "f", "Payload": token}),
            (f"{ARN}states:startExecution.sync:2", {"StateMachineArn": "m", "Input": draw(_objects(making))}),
            (f"{ARN}athena:startQueryExecution.sync", {"QueryString": "SELECT 1"}),
        ]
    resource, parameters = draw(st.sampled_from(calls))
    shared = _result(making)
    shared.pop("Parameters", None)
    made = {"Resource": resource, **_some(draw, {**_shape(making), **_assign(making), **shared})}
    made |= _fallible(draw, making, later)
    if parameters or draw(st.booleans()):
        made["Arguments" if making.jsonata else "Parameters"] = parameters
    if draw(st.booleans()):
        made |= _numbers(draw, making, "TimeoutSeconds", 9)
        if draw(st.booleans()):
            # Below the literal time-out: the service compares literals when the machine is created.
            made |= _numbers(draw, making, "HeartbeatSeconds", 4)
    if resource != ACTIVITY and draw(st.integers(0, 4)) == 0:
        made["Credentials"] = {"RoleArn": "arn:aws:iam::111122223333:role/r"}
    return made


@st.composite
def _tests(draw: DrawFn, making: Making, depth: int = 2) -> Json:
    """What a choice rule asks."""
    if making.jsonata:
        return {"Condition": draw(st.sampled_from([True, False, "{% $states.input.a > 1 %}", "{% true %}"]))}
    how = draw(st.integers(0, 5)) if depth else 5
    if how == 0:
        return {"Not": draw(_tests(making, depth - 1))}
    if how in (1, 2):
        parts = draw(st.lists(_tests(making, depth - 1), min_size=1, max_size=2))
        return {"And" if how == 1 else "Or": parts}
    comparisons = [
        {"Variable": "$.a", "NumericGreaterThan": 1},
        {"Variable": "$.a", "NumericLessThanEqualsPath": "$.n"},
        {"Variable": "$.b", "StringMatches": "t*"},
        {"Variable": "$.b", "StringEqualsPath": "$.b"},
        {"Variable": "$.t", "TimestampLessThan": "2026-03-15T00:00:00Z"},
        {"Variable": "$.d.e", "BooleanEquals": True},
        {"Variable": "$.missing", "IsPresent": False},
        {"Variable": "$$.Execution.Name", "IsString": True},
        {"Variable": "$.d.e", "IsNull": True},
    ]
    return {**draw(st.sampled_from(comparisons))}


def _choice(draw: DrawFn, making: Making, later: list[str]) -> Json:
    """Its first rule leads to the next state, so that this one is reached; the caller gives at least one."""
    fields: dict[str, SearchStrategy[Any]] = {**_assign(making), "Comment": st.just("if so")}
    if making.jsonata:
        fields["Output"] = _documents(making)
    targets = [later[0], *draw(st.lists(st.sampled_from(later), max_size=2))]
    rules = [{**draw(_tests(making)), "Next": target, **_some(draw, fields)} for target in targets]
    made: Json = {"Choices": rules, **_some(draw, _shape(making))}
    if draw(st.booleans()):
        made |= _some(draw, _assign(making))
    if len(later) > 1 or draw(st.booleans()):
        # The last of them: a state that ends may stand between.
        made["Default"] = later[1] if len(later) > 1 else later[0]
    return made


def _wait(draw: DrawFn, making: Making, later: list[str]) -> Json:
    made = _some(draw, {**_shape(making), **_assign(making)})
    if draw(st.booleans()):
        return made | _numbers(draw, making, "Seconds", draw(st.integers(0, 2)))
    if making.jsonata:
        return made | {"Timestamp": draw(st.sampled_from(["2026-03-14T01:59:00Z", "{% $states.input.t %}"]))}
    return made | draw(st.sampled_from([{"Timestamp": "2026-03-14T01:59:00Z"}, {"TimestampPath": "$.t"}]))


def _parallel(draw: DrawFn, making: Making, later: list[str]) -> Json:
    made = _some(draw, {**_shape(making), **_assign(making), **_result(making)})
    if making.jsonata and draw(st.booleans()):
        made["Arguments"] = draw(_objects(making))
    inner = replace(making, depth=making.depth - 1)
    return made | _fallible(draw, making, later) | {"Branches": draw(st.lists(_flows(inner), min_size=1, max_size=3))}


def _map(draw: DrawFn, making: Making, later: list[str]) -> Json:
    fields = {**_shape(making), **_assign(making)}
    fields["ItemSelector" if making.jsonata or draw(st.booleans()) else "Parameters"] = _objects(making)
    if making.jsonata:
        fields["Items"] = st.sampled_from([[1, "{% $states.input.a %}"], "{% [1, 2] %}", []])
    else:
        fields["ItemsPath"] = st.sampled_from(["$.c", "$$.Execution.Input.c"])
        fields["ResultPath"] = st.none() | st.just("$.r")
    made = _some(draw, fields) | _fallible(draw, making, later)
    if not making.jsonata and "ItemsPath" not in made:
        made["ItemsPath"] = "$.c"
    if draw(st.booleans()):
        made |= _numbers(draw, making, "MaxConcurrency", draw(st.integers(0, 2)))
    if making.distributed and draw(st.integers(0, 2)):
        return made | _distributed(draw, making)
    processor = draw(_flows(replace(making, depth=making.depth - 1)))
    if draw(st.integers(0, 4)) == 0:
        return made | {"Iterator": processor}
    mode = draw(st.sampled_from([{}, {"ProcessorConfig": {"Mode": "INLINE"}}]))
    return made | {"ItemProcessor": {**mode, **processor}}


def _distributed(draw: DrawFn, making: Making) -> Json:
    """The fields of a Distributed Map."""
    kind = draw(st.sampled_from(["STANDARD", "EXPRESS"]))
    inner = replace(making, depth=making.depth - 1, express=making.express or kind == "EXPRESS", variable=False)
    flow = draw(_flows(inner))
    made: Json = {"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}, **flow}}
    given = "Arguments" if making.jsonata else "Parameters"
    if draw(st.booleans()):
        made |= _numbers(
            draw, making, draw(st.sampled_from(["ToleratedFailureCount", "ToleratedFailurePercentage"])), 1
        )
    if draw(st.booleans()):
        batcher = _numbers(draw, making, "MaxItemsPerBatch", 2)
        made["ItemBatcher"] = {**batcher, "BatchInput": draw(_objects(making))}
    if draw(st.booleans()):
        made["ResultWriter"] = {"Resource": f"{ARN}s3:putObject", given: {"Bucket": "b", "Prefix": "p"}}
    if draw(st.booleans()):
        made["Label"] = f"L{len(making.names)}"
    if draw(st.booleans()):
        config = draw(
            st.sampled_from(
                [
                    {"InputType": "JSON"},
                    {"InputType": "JSONL", "MaxItems": 5},
                    {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
                    {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x"], "CSVDelimiter": "TAB"},
                ]
            )
        )
        made["ItemReader"] = {
            "Resource": f"{ARN}s3:getObject",
            given: {"Bucket": "b", "Key": "k"},
            "ReaderConfig": config,
        }
    return made


def _fail(draw: DrawFn, making: Making) -> Json:
    made: Json = {"Type": "Fail"}
    if draw(st.booleans()):
        computed = {"Error": "{% 'E' & 'x' %}"} if making.jsonata else {"ErrorPath": "$.b"}
        made |= draw(st.sampled_from([{"Error": "Odd"}, computed]))
    if draw(st.booleans()):
        computed = {"Cause": "{% 'why' %}"} if making.jsonata else {"CausePath": "States.Format('{}', $.a)"}
        made |= draw(st.sampled_from([{"Cause": "because"}, computed]))
    return made


_MAKERS: dict[str, Callable[[DrawFn, Making, list[str]], Json]] = {
    "Pass": _pass,
    "Task": _task,
    "Choice": _choice,
    "Wait": _wait,
    "Parallel": _parallel,
    "Map": _map,
}


@st.composite
def states_of(draw: DrawFn, kind: str, *, jsonata: bool) -> Json:
    """One state of a kind, without what says where it leads to; it may be caught by, or choose, a state "Later"."""
    making = Making(jsonata, jsonata, distributed=True, depth=1)
    if kind == "Fail":
        return _fail(draw, making)
    if kind == "Succeed":
        return _some(draw, _shape(making))
    return _MAKERS[kind](draw, making, ["Later"])


# Flows and machines


def _last(draw: DrawFn, making: Making) -> Json:
    """A state that ends its flow."""
    simple = ["Succeed", "Fail", "Pass", "Task", "Wait"]
    kind = draw(st.sampled_from(simple + (["Parallel", "Map"] if making.depth > 0 else [])))
    if kind == "Fail":
        return _fail(draw, making)
    if kind == "Succeed":
        return {"Type": "Succeed", **_some(draw, _shape(making))}
    return {"Type": kind, **_MAKERS[kind](draw, making, []), "End": True}


@st.composite
def _flows(draw: DrawFn, making: Making) -> Json:
    """StartAt and States: a chain in which every state is reached, with some short cuts."""
    names = [making.name() for _ in range(draw(st.integers(1, 4)))]
    states: Json = {}
    kinds = [kind for kind in KINDS if making.depth > 0 or kind not in ("Parallel", "Map")]
    after_choice = False
    for index, name in enumerate(names):
        jsonata = making.machine_jsonata or draw(st.integers(0, 3)) == 0
        here = replace(making, jsonata=jsonata)
        later = names[index + 1 :]
        # Behind a Choice with a second way a state may end the flow before its last state.
        ends = not later or (after_choice and draw(st.booleans()))
        after_choice = False
        if ends:
            state = _last(draw, here)
        else:
            kind = draw(st.sampled_from(kinds))
            state = {"Type": kind, **_MAKERS[kind](draw, here, later)}
            if kind == "Choice":
                after_choice = len(later) > 1
            else:
                state["Next"] = later[0]
        if jsonata and not making.machine_jsonata:
            state["QueryLanguage"] = "JSONata"
        elif not jsonata and draw(st.integers(0, 5)) == 0:
            state["QueryLanguage"] = "JSONPath"
        if draw(st.integers(0, 5)) == 0:
            state["Comment"] = "why"
        states[name] = state
    return {"StartAt": names[0], "States": states}


@st.composite
def valid_definitions(
    draw: DrawFn, *, express: bool = False, distributed: bool = False, depth: int = 2
) -> tuple[Json, Json]:
    """A state machine that compiles, and an input for it.

    Args:
        express: whether for an Express state machine: nothing waits for a job, a token or an activity.
        distributed: whether there may be Distributed Maps.
        depth: levels of Parallel and Map inside each other.
    """
    jsonata = draw(st.booleans())
    making = Making(jsonata, jsonata, express, distributed and not express, depth, variable=False)
    first = making.name()
    setting = {"v": {"x": 1}, "w": "text"} if jsonata else {"v.$": "$.d", "w": "text"}
    machine = draw(_flows(replace(making, variable=True)))
    # Where the variable is not set, an execution that reads it fails; the definition is good all the same.
    if draw(st.booleans()):
        machine["States"] = {
            first: {"Type": "Pass", "Assign": setting, "Next": machine["StartAt"]},
            **machine["States"],
        }
        machine["StartAt"] = first
    if jsonata or draw(st.integers(0, 3)) == 0:
        machine["QueryLanguage"] = "JSONata" if jsonata else "JSONPath"
    machine |= _some(
        draw,
        {"Comment": st.just("made"), "TimeoutSeconds": st.integers(50, 60), "Version": st.just("1.0")},
    )
    return machine, draw(INPUTS)


# Broken ones


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every member and element of a document."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    """What stands at a place."""
    for step in path:
        value = value[step]
    return value


def states_in(document: Json) -> list[tuple[str | int, ...]]:
    """The places of all states, nested ones included."""
    return [
        path for path in places(document) if len(path) > 1 and path[-2] == "States" and "Type" in at(document, path)
    ]


def _broken(state: Json) -> dict[str, Json]:
    """Ways to make a state wrong, by what is wrong: fields to set; None takes one away."""
    ways: dict[str, Json] = {
        "a field that does not exist": {"Bogus": 1},
        "a Type that does not exist": {"Type": "Passs"},
        "a Type that is no text": {"Type": 5},
        "a Comment that is no text": {"Comment": ["x"]},
        "a QueryLanguage that does not exist": {"QueryLanguage": "SQL"},
        "a field of another kind of state": {"Branches" if state["Type"] != "Parallel" else "Seconds": []},
        "no Type": {"Type": None},
    }
    if "Next" in state:
        ways |= {"a target that does not exist": {"Next": "Nowhere"}, "Next and End": {"End": True}}
        ways["neither Next nor End"] = {"Next": None}
    if state["Type"] == "Task":
        ways |= {"a Resource that is no ARN": {"Resource": "f"}, "no Resource": {"Resource": None}}
        ways["no time at all"] = {"TimeoutSeconds": 0}
        ways["Retry that is no list"] = {"Retry": {"ErrorEquals": ["States.ALL"]}}
        ways["Catch without Next"] = {"Catch": [{"ErrorEquals": ["States.ALL"]}]}
        ways["Retry without errors"] = {"Retry": [{"ErrorEquals": []}]}
        ways["Retry for a fraction of a time"] = {"Retry": [{"ErrorEquals": ["a"], "MaxAttempts": 1.5}]}
    if state["Type"] == "Choice":
        ways |= {"no Choices": {"Choices": None}, "empty Choices": {"Choices": []}}
        ways["a rule without Next"] = {"Choices": [{"Variable": "$.a", "IsNull": True}]}
        ways["a rule without a test"] = {"Choices": [{"Next": "S1"}]}
    if state["Type"] == "Wait":
        ways["two times"] = {"Seconds": 1, "Timestamp": "2026-03-14T01:59:00Z", "SecondsPath": "$.a"}
        ways["no time"] = dict.fromkeys(("Seconds", "SecondsPath", "Timestamp", "TimestampPath"))
    if state["Type"] == "Parallel":
        ways |= {"no Branches": {"Branches": []}, "a branch without states": {"Branches": [{"StartAt": "x"}]}}
    if state["Type"] == "Map":
        ways |= {"no processor": {"ItemProcessor": None, "Iterator": None}, "a negative": {"MaxConcurrency": -1}}
    if state["Type"] in ("Pass", "Task", "Parallel", "Map"):
        ways["an expression that is none"] = {"Assign": {"x": "{% ( %}", "y.$": "$["}}
        ways["a variable that cannot be"] = {"Assign": {"states": 1}}
    return ways


@st.composite
def mutated_definitions(draw: DrawFn) -> tuple[Json, str]:
    """A valid definition in which one thing is broken: it has to be refused."""
    machine, _ = draw(valid_definitions(distributed=True))
    document = copy.deepcopy(machine)
    whole: dict[str, Json] = {
        "no StartAt": {"StartAt": None},
        "a StartAt that does not exist": {"StartAt": "Nowhere"},
        "no States": {"States": None},
        "empty States": {"States": {}},
        "a Version that does not exist": {"Version": "2.0"},
        "a TimeoutSeconds below 0": {"TimeoutSeconds": -1},
        "a field that does not exist": {"Bogus": None, "bogus": 1},
    }
    if draw(st.integers(0, 3)) == 0:
        what = draw(st.sampled_from(sorted(whole)))
        changes, target = whole[what], document
    else:
        target = at(document, draw(st.sampled_from(states_in(document))))
        ways = _broken(target)
        what = draw(st.sampled_from(sorted(ways)))
        changes = ways[what]
    for name, value in changes.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = value
    return document, what


NAMES = (
    *("Type", "Next", "End", "States", "StartAt", "Choices", "Variable", "Condition", "Retry", "Catch", "ErrorEquals"),
    *("ItemProcessor", "ItemReader", "ReaderConfig", "QueryLanguage", "Assign", "Output", "Items", "Branches", "Label"),
)
_TEXTS = st.sampled_from(["", "$", "$.a", "$$.x", "$v", "{% $x %}", "{%", "States.UUID()", "JSONata", "Map", "X"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10**9) | st.floats(allow_nan=False) | _TEXTS | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)
"""Any JSON, with the language's own words in it."""


@st.composite
def changed(draw: DrawFn, document: Any) -> Any:
    """A document with up to three places replaced, removed, renamed or copied elsewhere."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        known = list(places(document))
        if not known:
            break
        path = draw(st.sampled_from(known))
        holder = at(document, path[:-1])
        change = draw(st.sampled_from(["replace", "remove", "rename", "copy"]))
        if change == "remove":
            del holder[path[-1]]
        elif change == "rename" and isinstance(holder, dict):
            holder[draw(st.sampled_from(NAMES) | st.text(max_size=3))] = holder.pop(path[-1])
        elif change == "copy":
            holder[path[-1]] = copy.deepcopy(at(document, draw(st.sampled_from(known))))
        else:
            holder[path[-1]] = draw(VALUES)
    return document


@st.composite
def changed_definitions(draw: DrawFn) -> Any:
    """A valid definition with up to three places changed: it may compile or not."""
    machine, _ = draw(valid_definitions(distributed=True))
    return draw(changed(machine))
