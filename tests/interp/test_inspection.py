"""One state tested by itself: a table of states, what is answered to them, and what is to be seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steppe.asl.compile import compile_state
from steppe.interp.execution import Identity
from steppe.interp.inspection import STATE_NAME, Outcome, Trial

CASES = json.loads((Path(__file__).parent / "inspection_cases" / "states.json").read_text())
NOW_MS = 1_790_000_000_000
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"


def trial_of(case: dict) -> Trial:
    return Trial(
        compile_state(json.dumps(case["definition"])).states[STATE_NAME],
        identity=Identity("arn:e", "e", MACHINE, "m", None, express=True),
        input=case["input"],
        variables=case.get("variables", {}),
        context=case.get("context"),
        now_ms=NOW_MS,
        entropy=b"chance",
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_state_ends_as_the_table_says(case: dict) -> None:
    trial = trial_of(case)
    trial.count_retries(case.get("retries", 0))
    if "succeed" in case:
        trial.succeed(case["succeed"])
    elif "fail" in case:
        trial.fail(*case["fail"])
    elif "fire" in case:
        assert trial.wait is not None
        trial.fire(NOW_MS + case["fire"] * 1000)
    assert trial.wait is None
    outcome = trial.outcome()
    members = (name for name in Outcome.__slots__ if name not in ("output", "has_output"))
    found = {name: getattr(outcome, name) for name in members if getattr(outcome, name)}
    found |= {name: 0 for name in ("retry_index", "catch_index") if getattr(outcome, name) == 0}
    if outcome.has_output:
        found["output"] = outcome.output
    assert found == case["outcome"]
    if "seen" in case:
        assert trial.seen == case["seen"]


def test_what_nobody_waits_for_changes_nothing() -> None:
    """Answers to a state that is over, or that waits for something else."""
    wait = trial_of({"definition": {"Type": "Wait", "Seconds": 5, "End": True}, "input": {}})
    wait.succeed(1)
    wait.fail("E", None)
    assert wait.wait is not None
    branches = trial_of(next(case for case in CASES if case["name"].startswith("the iterations")))
    branches.fire(NOW_MS + 1)
    assert branches.wait is not None


def test_a_task_says_what_it_asks_for() -> None:
    trial = trial_of(next(case for case in CASES if case["name"].startswith("a task shows")))
    assert trial.call is not None
    assert trial.call.arguments == {"FunctionName": "f"}
    trial.succeed({"a": 2})
    assert trial.call is None
