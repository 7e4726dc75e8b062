"""The definitions that `strategies` makes: good ones compile and use the whole language, broken ones are refused."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from steppe.asl.compile import compile_definition
from steppe.asl.model import STATE_KINDS, specs_of
from steppe.asl.validate import diagnose
from steppe.base.errors import DefinitionError

from .strategies import mutated_definitions, states_of, valid_definitions

pytestmark = pytest.mark.slow

SLOW_TO_MAKE = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None, max_examples=30
)


@SLOW_TO_MAKE
@given(
    st.booleans().flatmap(
        lambda express: st.tuples(st.just(express), valid_definitions(express=express, distributed=True))
    )
)
def test_a_valid_definition_compiles(made):
    express, (definition, _) = made
    text = json.dumps(definition)
    assert [finding for finding in diagnose(text, express=express) if finding.severity == "ERROR"] == []
    program = compile_definition(text, express=express)
    assert program.start_at in program.states


@SLOW_TO_MAKE
@given(mutated_definitions())
def test_a_broken_definition_is_refused(made):
    definition, what = made
    with pytest.raises(DefinitionError):
        compile_definition(json.dumps(definition))
    assert what


class EverythingWasSeenError(Exception):
    """Ends the generation early."""


PLACED = {"Type", "Next", "End", "Comment", "QueryLanguage"}
"""Fields that a state gets with its place in a flow."""


@pytest.mark.parametrize("jsonata", [False, True], ids=["JSONPath", "JSONata"])
@pytest.mark.parametrize("kind", STATE_KINDS)
def test_valid_definitions_use_every_field_of_every_kind_in_both_languages(kind, jsonata):
    language = "JSONata" if jsonata else "JSONPath"
    missing = {name for name, spec in specs_of(STATE_KINDS[kind]).items() if spec.only in (None, language)} - PLACED

    @settings(
        max_examples=300,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(states_of(kind, jsonata=jsonata))
    def gather(state):
        missing.difference_update(state)
        if not missing:
            raise EverythingWasSeenError

    with suppress(EverythingWasSeenError):
        gather()
    assert sorted(missing) == []
