"""Definitions that several tests of the interpreter share."""

from __future__ import annotations

import json

from steppe.asl.compile import compile_definition

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:work"
CALLBACK = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"


def machine(start, *, language=None, timeout=None, **states):
    definition = {"StartAt": start, "States": states}
    if language:
        definition["QueryLanguage"] = language
    if timeout:
        definition["TimeoutSeconds"] = timeout
    return definition


def program(start, *, express=False, **rest):
    return compile_definition(json.dumps(machine(start, **rest)), express=express)


def call(**fields):
    return {"Type": "Task", "Resource": FUNCTION, "End": True, **fields}


def order_machine():
    """Every kind of state, nested, with retries, catches and variables."""
    return program(
        "Read",
        Read={"Type": "Pass", "Assign": {"limit": 2, "items.$": "$.items"}, "Next": "Each"},
        Each={
            "Type": "Map",
            "ItemsPath": "$items",
            "MaxConcurrency": 3,
            "ItemSelector": {"n.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index"},
            "ItemProcessor": machine(
                "Size",
                Size={
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.n", "NumericGreaterThanPath": "$limit", "Next": "Pause"}],
                    "Default": "Work",
                },
                Pause={"Type": "Wait", "SecondsPath": "$.n", "Next": "Work"},
                Work=call(
                    Parameters={"n.$": "$.n", "try.$": "$$.State.RetryCount"},
                    TimeoutSeconds=36_000,
                    ResultPath="$.got",
                    Retry=[{"ErrorEquals": ["Busy"], "MaxAttempts": 2, "JitterStrategy": "FULL"}],
                    Catch=[{"ErrorEquals": ["Broken"], "ResultPath": "$.fault", "Next": "Give up"}],
                ),
                **{"Give up": {"Type": "Pass", "Result": "nothing", "End": True}},
            ),
            "ResultPath": "$.each",
            "Next": "Both",
        },
        Both={
            "Type": "Parallel",
            "Branches": [
                machine("Ask", Ask={**call(Parameters={"token.$": "$$.Task.Token"}), "Resource": CALLBACK}),
                machine("Rest", Rest={"Type": "Wait", "Seconds": 5, "End": True}),
            ],
            "ResultSelector": {"answer.$": "$[0]"},
            "ResultPath": "$.both",
            "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.fault", "Next": "Runs"}],
            "Next": "Runs",
        },
        Runs={
            "Type": "Map",
            "Label": "Runs",
            "ItemsPath": "$items",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                **machine("Item", Item={"Type": "Pass", "End": True}),
            },
            "ResultPath": "$.runs",
            "Next": "Done",
        },
        Done={"Type": "Succeed"},
    )
