"""Runs that failed once, in bad worlds around the one they failed in. A new one goes into kept.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steppe.asl.compile import compile_definition
from steppe.testing.simulation import Troubles, chance_answers, simulate

KEPT = json.loads((Path(__file__).parent / "kept.json").read_text())["runs"]
ROUGH = Troubles(crash=0.3, echo=0.1, early_timer=0.2, stray=0.2, stop=0.05, redrives=2)


@pytest.mark.parametrize("run", KEPT, ids=lambda run: run["was"])
@pytest.mark.parametrize("further", range(5))
def test_what_failed_once_goes_well(run, further):
    program = compile_definition(json.dumps(run["definition"]))
    seed = run["seed"] + further
    simulate(program, run["input"], chance_answers(seed), seed=seed, troubles=ROUGH)


def test_a_deep_input_goes_well():
    """A value of the greatest depth could not be read back from a snapshot."""
    value = json.loads("[" * 400 + "]" * 400)
    states = {"W": {"Type": "Wait", "Seconds": 5, "Next": "P"}, "P": {"Type": "Pass", "ResultPath": "$", "End": True}}
    program = compile_definition(json.dumps({"StartAt": "W", "States": states}))
    simulate(program, value, chance_answers(1), seed=1, troubles=ROUGH)
