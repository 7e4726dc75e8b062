"""Names of children."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from steppe.maprun.child_names import ChildNames, text

NAMES = ChildNames(b"one key")


@given(st.integers(1, 2**40 - 1), st.integers(0, 2**40 - 1))
def test_a_name_says_run_and_item_to_those_who_have_the_key(run_id, index):
    name = text(NAMES.number(run_id, index))
    assert uuid.UUID(name).version == 3
    assert uuid.UUID(name).variant == uuid.RFC_4122
    assert NAMES.read(name) == (run_id, index)
    assert ChildNames(b"another key").read(name) is None


@given(st.uuids(version=3) | st.uuids(version=4) | st.text())
def test_a_name_that_was_made_up_says_nothing(name):
    assert NAMES.read(str(name)) is None


def test_names_of_neighbours_look_nothing_alike():
    names = [text(NAMES.number(1, index)) for index in range(1000)]
    assert len({name[:8] for name in names}) > 990
    assert len({name[-8:] for name in names}) > 990


def test_only_the_canonical_form_is_a_name():
    name = text(NAMES.number(1, 1))
    assert NAMES.read(name.upper()) is None
    assert NAMES.read(name.replace("-", "")) is None
    assert NAMES.read(name + "\n") is None
