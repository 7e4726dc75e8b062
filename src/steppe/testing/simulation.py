"""Seeded runs of one execution through a bad world: crashes, repeats, delays, answers out of order.

    end = simulate(program, {"order": 7}, answers, seed=1)

The world keeps only what the runtime keeps: the execution (as bytes) and its history. A crash loses everything else,
and the outstanding commands are given out again. After every step the execution checks its own invariants, so a seed
that fails says where. A seed that failed once belongs into tests/sim.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from steppe.asl.program import Program
from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.interp import snapshot
from steppe.interp.advance import advance, new_execution, outstanding
from steppe.interp.command import CallTask, CancelTimer, Command, StartMapRun, StartTimer
from steppe.interp.execution import BranchesWait, Execution
from steppe.interp.history import HistoryEvent
from steppe.interp.stimulus import MapRunFailed, MapRunSucceeded, Start, Stimulus, TaskFailed, TaskSucceeded, TimerFired
from steppe.testing.scripted_tasks import identity
from steppe.testing.virtual_clock import VirtualClock

Answers: TypeAlias = Callable[[CallTask | StartMapRun], "Answer"]
"""What a call gives. It must depend on the command alone, as a call may be made more than once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a call: a value, or an error."""

    value: JsonValue = None
    error: str | None = None

    def stimulus(self, command: CallTask | StartMapRun) -> Stimulus:
        """The answer as the execution hears of it."""
        key = command.key
        if isinstance(command, CallTask):
            return TaskSucceeded(key, self.value) if self.error is None else TaskFailed(key, self.error, "because")
        return MapRunSucceeded(key, self.value) if self.error is None else MapRunFailed(key, self.error, "because")


@dataclass(slots=True)
class Troubles:
    """How bad the world is: chances per step, from 0 to 1."""

    crash: float = 0.1
    repeat: float = 0.2
    late_timer: float = 0.2
    delay_seconds: float = 20.0


@dataclass(slots=True)
class End:
    """How a simulated run ended.

    Attributes:
        execution: its last value.
        history: all events.
        steps, crashes: how many there were.
    """

    execution: Execution
    history: list[HistoryEvent] = field(default_factory=list)
    steps: int = 0
    crashes: int = 0


def simulate(
    program: Program,
    input: JsonValue,
    answers: Answers,
    *,
    seed: int,
    troubles: Troubles | None = None,
    stimuli: Sequence[Stimulus] = (),
    steps_max: int = 20_000,
) -> End:
    """Run an execution to its end.

    Args:
        program: what it runs.
        input: its input.
        answers: what its calls give.
        seed: of all that happens by chance.
        troubles: how bad the world is.
        stimuli: things that happen besides, each at some time.
        steps_max: a run that takes more has gone astray.

    Raises:
        AssertionError: an invariant is broken, or there is no end.
    """
    chance = random.Random(seed)  # noqa: S311 - a reproducible world is the point
    bad = troubles or Troubles()
    clock = VirtualClock()
    end = End(new_execution(identity(), input, clock.now_ms))
    clock.at(clock.now_ms, Start())
    for stimulus in stimuli:
        clock.at(clock.now_ms + chance.randrange(60_000), stimulus)
    while end.execution.status == "RUNNING":
        if chance.random() < bad.crash and end.execution.event_count:
            end.execution = snapshot.load(snapshot.dump(end.execution))
            end.crashes += 1
            clock.clear()
            _carry_out(outstanding(program, end.execution), clock, answers, chance, bad)
        happened = clock.next()
        assert happened is not None, f"seed {seed}: it waits for nothing: {end.execution.frames}"
        for _ in range(2 if chance.random() < bad.repeat else 1):
            _step(program, end, happened, clock, answers, chance, bad)
        assert end.steps <= steps_max, f"seed {seed}: no end after {steps_max} steps"
    assert outstanding(program, end.execution) == []
    return end


def _step(
    program: Program,
    end: End,
    stimulus: Stimulus,
    clock: VirtualClock,
    answers: Answers,
    chance: random.Random,
    bad: Troubles,
) -> None:
    entropy = chance.randbytes(8)
    before = end.execution
    step = advance(program, before, stimulus, clock.now_ms, entropy)
    again = advance(program, snapshot.load(snapshot.dump(before)), stimulus, clock.now_ms, entropy)
    assert snapshot.dump(step.execution) == snapshot.dump(again.execution), "equal arguments, other bytes"
    assert jsonvalue.dumps(step.history) == jsonvalue.dumps(again.history)
    assert step.commands == again.commands
    end.execution = step.execution
    end.history += step.history
    end.steps += 1
    check(program, end.execution, end.history)
    _carry_out(step.commands, clock, answers, chance, bad)


def check(program: Program, execution: Execution, history: Sequence[HistoryEvent]) -> None:
    """The invariants of an execution and its history.

    Raises:
        AssertionError: one is broken.
    """
    assert [event["id"] for event in history] == list(range(1, execution.event_count + 1))
    assert all(0 <= event["previousEventId"] < event["id"] for event in history)
    assert (execution.stopped_ms is None) == (execution.status == "RUNNING")
    frames = execution.frames
    if execution.status == "SUCCEEDED":
        assert not frames
    for number, frame in frames.items():
        assert frame.number == number < execution.next_frame
        assert (frame.parent is None) == (number == 0)
        assert frame.state in program.states
        assert frame.parent is None or frame.parent in frames
        if execution.status == "RUNNING":
            assert frame.wait is not None, f"frame {number} waits for nothing"
        if isinstance(frame.wait, BranchesWait) and execution.status == "RUNNING":
            children = sum(child.parent == number for child in frames.values())
            assert children == frame.wait.next_index - len(frame.wait.outputs) > 0
    keys = [command.key for command in outstanding(program, execution)]
    assert len(keys) == len(set(keys))


def _carry_out(
    commands: Sequence[Command], clock: VirtualClock, answers: Answers, chance: random.Random, bad: Troubles
) -> None:
    for command in commands:
        match command:
            case StartTimer(key, due_ms):
                clock.at(due_ms, TimerFired(key), key=key)
            case CancelTimer(key):
                if chance.random() >= bad.late_timer:
                    clock.cancel(key)
            case CallTask() | StartMapRun():
                delay_ms = round(chance.random() * bad.delay_seconds * 1000)
                clock.at(clock.now_ms + delay_ms, answers(command).stimulus(command))
            case _:
                pass
