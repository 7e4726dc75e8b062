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

from .strategies import at, mutated_definitions, states_in, valid_definitions

SLOW_TO_MAKE = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None, max_examples=50
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


def test_valid_definitions_use_every_kind_and_field_in_both_languages():
    missing = {
        (language, kind, name)
        for kind, node in STATE_KINDS.items()
        for name, spec in specs_of(node).items()
        for language in ("JSONPath", "JSONata")
        if spec.only in (None, language)
    }

    @settings(
        max_examples=1_000,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(valid_definitions(distributed=True, depth=1))
    def gather(made):
        definition, _ = made
        for path in states_in(definition):
            state = at(definition, path)
            machine_jsonata = definition.get("QueryLanguage") == "JSONata"
            language = "JSONata" if machine_jsonata or state.get("QueryLanguage") == "JSONata" else "JSONPath"
            missing.difference_update((language, state["Type"], name) for name in state)
        if not missing:
            raise EverythingWasSeenError

    with suppress(EverythingWasSeenError):
        gather()
    assert sorted(missing) == []
