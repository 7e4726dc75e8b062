"""Definitions that hypothesis makes, run in a bad world: no internal error, no hang, no broken invariant.

`STEPPE_SIM_EXAMPLES` makes it a long run: `STEPPE_SIM_EXAMPLES=5000 pytest tests/sim`.
"""

from __future__ import annotations

import json
import os
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from asl.strategies import INPUTS, changed_definitions, valid_definitions
from steppe.asl.compile import compile_definition
from steppe.base.errors import DefinitionError
from steppe.interp import redrive, working
from steppe.testing.simulation import CALM, Troubles, chance_answers, simulate

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("STEPPE_SIM_EXAMPLES", "25"))
MANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
ROUGH = Troubles(crash=0.15, echo=0.1, early_timer=0.2, stray=0.2, stop=0.02, redrives=2)
SEEDS = st.integers(0, 2**32)


def compiled(definition, *, express=False):
    """The program; what is refused is no case here (that valid definitions are not is a test of the strategies)."""
    try:
        return compile_definition(json.dumps(definition), express=express)
    except DefinitionError:
        reject()


@MANY
@given(valid_definitions(distributed=True), SEEDS)
def test_any_definition_in_a_bad_world_keeps_its_invariants(made, seed):
    definition, value = made
    simulate(compiled(definition), value, chance_answers(seed), seed=seed, troubles=ROUGH)


@MANY
@given(valid_definitions(express=True), SEEDS)
def test_any_express_definition_in_a_bad_world_keeps_its_invariants(made, seed):
    definition, value = made
    program = compiled(definition, express=True)
    end = simulate(program, value, chance_answers(seed), seed=seed, express=True, troubles=ROUGH)
    assert end.execution.redrive_count == end.redrives


@MANY
@given(changed_definitions(), INPUTS | st.none() | st.integers() | st.lists(INPUTS, max_size=2), SEEDS)
def test_a_changed_definition_is_refused_or_runs(definition, value, seed):
    try:
        program = compile_definition(json.dumps(definition))
    except DefinitionError:
        return
    # It may have become a loop, which only the limit on events ends: a lower one ends it as well, and sooner.
    with patch.object(working, "HISTORY_EVENTS_MAX", 2_000), patch.object(redrive, "HISTORY_EVENTS_MAX", 2_000):
        simulate(program, value, chance_answers(seed), seed=seed, troubles=ROUGH)


@MANY
@given(valid_definitions(distributed=True), SEEDS)
def test_the_same_world_twice_gives_the_same_history(made, seed):
    definition, value = made
    program = compiled(definition)
    answers = chance_answers(seed, silent=0)
    calm = simulate(program, value, answers, seed=seed, troubles=CALM)
    assert calm.crashes == 0
    again = simulate(program, value, answers, seed=seed, troubles=CALM)
    assert calm.history == again.history
