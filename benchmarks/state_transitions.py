"""State transitions a second in one process: a compiled Program and `interp.advance`, nothing else.

    python benchmarks/state_transitions.py [--seconds 1.0]

Each line is a machine of ten states that do one kind of work, in JSONPath and in JSONata, against plain Python that
does the same work without an interpreter, and for paths against jsonpath-ng. All times are processor time of this
process, so that a busy machine changes the figures less; the ratios of one run are what counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from jsonpath_ng.parser import parse as parse_ng
from measure import print_table

from steppe.asl.compile import compile_definition
from steppe.base.jsonvalue import dumps
from steppe.expr.jsonata import compile_jsonata
from steppe.expr.jsonpath import compile_path
from steppe.expr.scope import Entropy, Scope
from steppe.interp.advance import advance, new_execution
from steppe.interp.execution import Identity
from steppe.interp.stimulus import Start

STATES = 10
ORDER: Any = {
    "order": {"id": 7, "customer": {"name": "Ada", "city": "London"}, "lines": [{"price": 5}, {"price": 15}]},
    "limit": 10,
}
IDENTITY = Identity(
    arn="arn:aws:states:us-east-1:000000000000:execution:bench:one",
    name="one",
    machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:bench",
    machine_name="bench",
    role_arn="arn:aws:iam::000000000000:role/bench",
)

JSONPATH: dict[str, dict[str, Any]] = {
    "reference paths": {"Type": "Pass", "InputPath": "$.order.customer.name", "ResultPath": "$.name"},
    "template": {
        "Type": "Pass",
        "Parameters": {
            "id.$": "$.order.id",
            "to": {"name.$": "$.order.customer.name", "city.$": "$.order.customer.city"},
            "kind": "order",
            "first.$": "$.order.lines[0].price",
        },
        "ResultPath": "$.made",
    },
    "intrinsics": {
        "Type": "Pass",
        "Parameters": {
            "text.$": "States.Format('{} of {}', $.order.customer.name, States.ArrayLength($.order.lines))",
            "sum.$": "States.MathAdd($.order.id, 1)",
        },
        "ResultPath": "$.made",
    },
    "choice": {
        "Type": "Choice",
        "Choices": [
            {"And": [{"Variable": "$.order.id", "NumericGreaterThan": 10}], "Next": "@"},
            {"Variable": "$.order.customer.city", "StringEquals": "London", "Next": "@"},
        ],
    },
}

JSONATA: dict[str, dict[str, Any]] = {
    "reference paths": {"Type": "Pass", "Assign": {"name": "{% $states.input.order.customer.name %}"}},
    "template": {
        "Type": "Pass",
        "Assign": {
            "made": {
                "id": "{% $states.input.order.id %}",
                "to": {
                    "name": "{% $states.input.order.customer.name %}",
                    "city": "{% $states.input.order.customer.city %}",
                },
                "kind": "order",
                "first": "{% $states.input.order.lines[0].price %}",
            }
        },
    },
    "intrinsics": {
        "Type": "Pass",
        "Assign": {
            "text": "{% $states.input.order.customer.name & ' of ' & $count($states.input.order.lines) %}",
            "sum": "{% $states.input.order.id + 1 %}",
        },
    },
    "choice": {
        "Type": "Choice",
        "Choices": [
            {"Condition": "{% $states.input.order.id > 10 %}", "Next": "@"},
            {"Condition": "{% $states.input.order.customer.city = 'London' %}", "Next": "@"},
        ],
    },
}


def plain_paths(value: Any) -> Any:
    """What the machine of reference paths does."""
    return {**value, "name": value["order"]["customer"]["name"]}


def plain_template(value: Any) -> Any:
    """What the machine of templates does."""
    order = value["order"]
    customer = order["customer"]
    to = {"name": customer["name"], "city": customer["city"]}
    return {**value, "made": {"id": order["id"], "to": to, "kind": "order", "first": order["lines"][0]["price"]}}


def plain_intrinsics(value: Any) -> Any:
    """What the machine of intrinsic functions does."""
    order = value["order"]
    text = f"{order['customer']['name']} of {len(order['lines'])}"
    return {**value, "made": {"text": text, "sum": order["id"] + 1}}


def plain_choice(value: Any) -> Any:
    """What the machine of choices does."""
    order = value["order"]
    return value if order["id"] > 10 or order["customer"]["city"] == "London" else None


PLAIN: dict[str, Callable[[Any], Any]] = {
    "reference paths": plain_paths,
    "template": plain_template,
    "intrinsics": plain_intrinsics,
    "choice": plain_choice,
}


def definition(state: dict[str, Any], language: str) -> str:
    """A machine of STATES copies of a state."""
    states: dict[str, Any] = {"End": {"Type": "Succeed"}}
    for number in range(STATES):
        after = "End" if number == STATES - 1 else f"S{number + 1}"
        copy = {**state}
        if state["Type"] == "Choice":
            copy["Choices"] = [{**rule, "Next": after} for rule in state["Choices"]]
            copy["Default"] = after
        else:
            copy["Next"] = after
        states[f"S{number}"] = copy
    return dumps({"QueryLanguage": language, "StartAt": "S0", "States": states})


def rate(work: Callable[[], object], seconds: float) -> float:
    """How often a second of processor time `work` can be done."""
    count, batch, began = 0, 1, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        for _ in range(batch):
            work()
        count += batch
        batch = min(batch * 2, 1_000)
    return count / spent


def transitions(state: dict[str, Any], language: str, seconds: float) -> float:
    """State transitions a second, the last `Succeed` left out of the count."""
    program = compile_definition(definition(state, language))
    ended = advance(program, new_execution(IDENTITY, ORDER, 0), Start(), 0, b"seed").execution
    if ended.status != "SUCCEEDED":
        raise SystemExit(f"{ended.error}: {ended.cause}")
    run = lambda: advance(program, new_execution(IDENTITY, ORDER, 0), Start(), 0, b"seed")  # noqa: E731
    return rate(run, seconds) * STATES


def main() -> None:
    """Measure, print three tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=1.0, help="processor time for each measurement")
    seconds = options.parse_args().seconds
    rows = []
    for name, plain in PLAIN.items():
        python = rate(lambda plain=plain: plain(ORDER), seconds)  # type: ignore[misc]
        for language, states in (("JSONPath", JSONPATH), ("JSONata", JSONATA)):
            found = transitions(states[name], language, seconds)
            rows.append((f"{name}, {language}", f"{found:>9,.0f}   1/{python / found:,.1f} of plain Python"))
    print_table("State transitions a second, with history events", rows)

    scope = Scope(dict, {}, Entropy(b""), 0, {"input": ORDER})
    text = "$.order.customer.name"
    look_up = rate(lambda: ORDER["order"]["customer"]["name"], seconds)
    path, expression = compile_path(text).evaluate, compile_jsonata("$states.input.order.customer.name").evaluate
    parsed = parse_ng(text)
    compared = (
        ("plain dictionary look-ups", look_up),
        ("compiled reference path", rate(lambda: path(ORDER, scope), seconds)),
        ("compiled JSONata path", rate(lambda: expression(None, scope), seconds)),
        ("jsonpath-ng, parsed before", rate(lambda: parsed.find(ORDER)[0].value, seconds)),
    )
    print_table(
        f"{text}: evaluations a second",
        [(name, f"{found:>12,.0f}   {look_up / found:,.1f} times the look-ups") for name, found in compared],
    )

    source = "$states.input.order.lines[price > 10].{'p': price * 2}"
    compiling = (
        ("steppe, JSONPath", rate(lambda: compile_path("$.order.lines[?(@.price > 10)].price"), seconds)),
        ("jsonpath-ng", rate(lambda: parse_ng("$.order.lines[*].price"), seconds)),
        ("steppe, JSONata", rate(lambda: compile_jsonata(source), seconds)),
    )
    print_table("Expressions compiled a second", [(name, f"{found:>9,.0f}") for name, found in compiling])


if __name__ == "__main__":
    main()
