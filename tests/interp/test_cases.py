"""Every case of tests/cases: definition, input and script of outcomes in, history and outcome out. See `case_files`."""

from __future__ import annotations

import pytest

from steppe.base import jsonvalue
from steppe.interp import snapshot, working
from steppe.interp.advance import advance, outstanding

from .case_files import MEMBERS, cases, details, line, outcome, same, short, tables

CASES = list(cases())
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
each_brief_case = pytest.mark.parametrize(
    "case", [case for case in CASES if not case.body.get("long")], ids=lambda case: case.id
)


@each_case
def test_an_execution_goes_as_its_case_says(case):
    world = case.world()
    while world.step():
        pass
    agrees(case, world)


@each_brief_case
def test_it_goes_the_same_way_when_it_is_restored_before_each_step(case):
    """Each step is made twice, once from the bytes of the execution: same events, commands and bytes."""
    world = case.world()
    count = 0
    while (stimulus := world.clock.next()) is not None:
        before, now_ms, entropy = world.execution, world.clock.now_ms, count.to_bytes(8, "big")
        restored = snapshot.load(snapshot.dump(before))
        assert restored == before
        assert outstanding(world.program, restored) == outstanding(world.program, before)
        again = advance(world.program, restored, stimulus, now_ms, entropy)
        events, commands = len(world.history), len(world.commands)
        world.give(stimulus)
        assert jsonvalue.dumps(again.history) == jsonvalue.dumps(world.history[events:])
        assert again.commands == world.commands[commands:]
        assert snapshot.dump(again.execution) == snapshot.dump(world.execution)
        world.execution = again.execution
        count += 1
    agrees(case, world)


@each_brief_case
def test_its_outcome_is_the_same_when_it_pauses_after_each_state(case, monkeypatch):
    """Where a long computation stops to be saved is no matter, but for the order in which branches write events."""
    monkeypatch.setattr(working, "PAUSE_EVENTS", 1)
    world = case.world()
    while world.step():
        pass
    expected = {name: case.body["outcome"].get(name) for name in ("status", "output", "error")}
    found = outcome(world)
    assert all(same(value, found.get(name)) for name, value in expected.items()), found


def agrees(case, world):
    """Compare what happened with what the case says."""
    body = case.body
    found = outcome(world)
    if "seconds" not in body["outcome"]:
        del found["seconds"]
    told = "\n".join(short(event) for event in world.history)
    assert same(body["outcome"], found), f"{found}\n{told}"
    if "history" in body:
        for wanted, event in zip(body["history"], world.history, strict=False):
            assert same(wanted, line(event)), f"\n  wanted {wanted}\n  found  {line(event)}"
        assert len(world.history) == len(body["history"]), told
    if "events" in body:
        assert [short(event) for event in world.history] == body["events"]
    for number, members in body.get("details", {}).items():
        had = details(world.history[int(number) - 1])
        assert all(name in had and same(value, had[name]) for name, value in members.items()), had


def test_every_case_and_table_says_what_it_shows():
    assert CASES
    assert all(case.body["shows"].endswith(".") for case in CASES if ":" not in case.id)
    assert all(table["shows"].endswith(".") and table["source"].endswith(".") for _, table in tables())
    assert len({case.id for case in CASES}) == len(CASES)
    for case in CASES:
        assert case.body.keys() <= MEMBERS, case.id
