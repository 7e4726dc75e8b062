"""Seeded runs of one execution through a bad world: crashes, repeats, delays, answers out of order, stops, redrives.

    end = simulate(program, {"order": 7}, answers, seed=1)
    end = simulate(program, {"order": 7}, chance_answers(1), seed=1, troubles=Troubles(stop=0.05, redrives=2))

The world keeps only what the runtime keeps: the execution (as bytes) and its history. A crash loses everything else,
and the outstanding commands are given out again. After every step the execution checks its own invariants, so a seed
that fails says where. A seed that failed once belongs into tests/sim.

Every step is made twice, the second time from the bytes of the execution: both must give the same bytes.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from steppe.asl.program import Program
from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.interp import redrive, snapshot
from steppe.interp.advance import advance, new_execution, outstanding
from steppe.interp.command import CallTask, CancelTask, CancelTimer, Command, StartMapRun, StartTimer, StopMapRun
from steppe.interp.execution import BranchesWait, Execution, MapRunWait, TaskWait
from steppe.interp.history import HistoryEvent
from steppe.interp.stimulus import (
    ActivityStarted,
    MapRunFailed,
    MapRunSucceeded,
    Redrive,
    Start,
    Stimulus,
    Stop,
    TaskFailed,
    TaskHeartbeat,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from steppe.testing.scripted_tasks import identity
from steppe.testing.virtual_clock import VirtualClock

Answers: TypeAlias = Callable[[CallTask | StartMapRun], "Answer"]
"""What a call gives. It must depend on the command alone, as a call may be made more than once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of a call: a value, or an error, or nothing ever.

    Attributes:
        value, error: its end; an error wins.
        submitted: before the end, the call is accepted with this; None: it is not.
        taken: before the end, a worker takes the task (for an activity).
        heartbeats: how many there are before the end.
        silent: the end never comes.
    """

    value: JsonValue = None
    error: str | None = None
    submitted: JsonValue = None
    taken: bool = False
    heartbeats: int = 0
    silent: bool = False

    def stimuli(self, command: CallTask | StartMapRun) -> list[Stimulus]:
        """The answer as the execution hears of it, in order."""
        key = command.key
        if isinstance(command, StartMapRun):
            ended = MapRunSucceeded(key, self.value) if self.error is None else MapRunFailed(key, self.error, "because")
            return [] if self.silent else [ended]
        heard: list[Stimulus] = []
        if self.taken:
            heard.append(ActivityStarted(key, "worker"))
        if self.submitted is not None:
            heard.append(TaskSubmitted(key, self.submitted))
        heard += [TaskHeartbeat(key)] * self.heartbeats
        if not self.silent:
            end = TaskSucceeded(key, self.value) if self.error is None else TaskFailed(key, self.error, "because")
            heard.append(end)
        return heard


VALUES: Final[tuple[JsonValue, ...]] = (None, True, 0, -1, 1.5, "", "text", [], [1, 2], {}, {"a": 1, "b": {"c": [1]}})
ERRORS: Final = ("States.TaskFailed", "States.Timeout", "States.Runtime", "States.DataLimitExceeded", "Odd", "Broken")


def chance_answers(seed: int, *, silent: float = 0.05) -> Answers:
    """Answers by chance: the same for the same seed and command.

    Args:
        seed: of the chance.
        silent: how many calls never end.
    """

    def answer(command: CallTask | StartMapRun) -> Answer:
        chance = random.Random(f"{seed} {command.key}")  # noqa: S311 - a reproducible world is the point
        return Answer(
            value=chance.choice(VALUES) if isinstance(command, CallTask) else [chance.choice(VALUES)],
            error=chance.choice(ERRORS) if chance.random() < 0.35 else None,
            submitted=chance.choice(VALUES) if chance.random() < 0.3 else None,
            taken=chance.random() < 0.5,
            heartbeats=chance.choice((0, 0, 1, 3)),
            silent=chance.random() < silent,
        )

    return answer


@dataclass(slots=True)
class Troubles:
    """How bad the world is: chances per step, from 0 to 1.

    Attributes:
        crash: everything but the saved execution is lost.
        repeat: a stimulus comes twice at once.
        echo: a stimulus comes again much later.
        late_timer: a timer that was cancelled fires all the same; so does a cancelled task answer.
        early_timer: a timer fires before its time.
        stray: something comes that nothing waits for, or of the wrong kind.
        stop: somebody stops the execution.
        redrives: how often an execution that did not succeed is redriven.
        delay_seconds: calls take up to so long.
    """

    crash: float = 0.1
    repeat: float = 0.2
    echo: float = 0.05
    late_timer: float = 0.2
    early_timer: float = 0.0
    stray: float = 0.05
    stop: float = 0.0
    redrives: int = 0
    delay_seconds: float = 20.0


CALM: Final = Troubles(crash=0, repeat=0, echo=0, late_timer=0, stray=0)
"""A world in which all goes well."""


@dataclass(slots=True)
class End:
    """How a simulated run ended.

    Attributes:
        execution: its last value.
        history: all events.
        steps, crashes, redrives: how many there were.
    """

    execution: Execution
    history: list[HistoryEvent] = field(default_factory=list)
    steps: int = 0
    crashes: int = 0
    redrives: int = 0


def simulate(
    program: Program,
    input: JsonValue,
    answers: Answers,
    *,
    seed: int,
    express: bool = False,
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
        express: as an Express execution.
        troubles: how bad the world is.
        stimuli: things that happen besides, each at some time.
        steps_max: a run that takes more has gone astray.

    Raises:
        AssertionError: an invariant is broken, or there is no end.
    """
    world = _World(program, answers, seed, troubles or Troubles(), new_execution(identity(express=express), input, 0))
    clock, chance = world.clock, world.chance
    world.end.execution = new_execution(identity(express=express), input, clock.now_ms)
    clock.at(clock.now_ms, Start())
    for stimulus in stimuli:
        clock.at(clock.now_ms + chance.randrange(60_000), stimulus)
    while world.goes_on():
        assert world.end.steps <= steps_max, f"seed {seed}: no end after {steps_max} steps"
    assert outstanding(program, world.end.execution) == []
    assert not world.open, f"seed {seed}: given out and never taken back: {sorted(world.open)}"
    return world.end


class _World:
    """Everything around one execution."""

    def __init__(self, program: Program, answers: Answers, seed: int, bad: Troubles, execution: Execution) -> None:
        self.program = program
        self.answers = answers
        self.seed = seed
        self.bad = bad
        self.chance = random.Random(seed)  # noqa: S311 - a reproducible world is the point
        self.clock = VirtualClock()
        self.end = End(execution)
        self.open: set[str] = set()
        self.past: list[str] = []

    def goes_on(self) -> bool:
        """Let the next thing happen: whether there was one."""
        end, chance, bad = self.end, self.chance, self.bad
        if end.execution.status != "RUNNING":
            if end.redrives >= bad.redrives or not redrive.redrivable(end.execution):
                return False
            end.redrives += 1
            self.clock.now_ms += chance.randrange(100_000)
            self._step(Redrive())
            return True
        if end.execution.event_count and chance.random() < bad.crash:
            self._crash()
        if chance.random() < bad.stray:
            self._step(self._stray())
        if end.execution.event_count and chance.random() < bad.stop:
            self._step(Stop("Stopped"))
            return True
        happened = self.clock.next()
        if happened is None:
            # Only what is silent for ever may keep an execution waiting when nothing is due: somebody loses patience.
            waits = [frame.wait for frame in end.execution.frames.values()]
            silent = any(isinstance(wait, TaskWait | MapRunWait) for wait in waits)
            assert silent, f"seed {self.seed}: it waits for nothing: {end.execution.frames}"
            happened = Stop("Silence")
        for _ in range(2 if chance.random() < bad.repeat else 1):
            self._step(happened)
        if chance.random() < bad.echo:
            self.clock.at(self.clock.now_ms + chance.randrange(200_000), happened)
        return True

    def _crash(self) -> None:
        self.end.execution = snapshot.load(snapshot.dump(self.end.execution))
        self.end.crashes += 1
        self.clock.clear()
        self._carry_out(outstanding(self.program, self.end.execution))

    def _stray(self) -> Stimulus:
        """Something nobody expects: with a key of now, of before, or of nothing."""
        chance = self.chance
        key = chance.choice([*sorted(self.open), *self.past[-20:], "0/0", "1/2/pause", "execution/timeout"])
        return chance.choice(
            (
                TimerFired(key),
                TimerFired(f"{key}/timeout"),
                TaskHeartbeat(key),
                TaskSubmitted(key, {"again": True}),
                ActivityStarted(key, None),
                Start(),
                Redrive(),
            )
        )

    def _step(self, stimulus: Stimulus) -> None:
        end, clock = self.end, self.clock
        entropy = self.chance.randbytes(8)
        before = end.execution
        step = advance(self.program, before, stimulus, clock.now_ms, entropy)
        again = advance(self.program, snapshot.load(snapshot.dump(before)), stimulus, clock.now_ms, entropy)
        assert snapshot.dump(step.execution) == snapshot.dump(again.execution), "equal arguments, other bytes"
        assert jsonvalue.dumps(step.history) == jsonvalue.dumps(again.history)
        assert step.commands == again.commands
        end.execution = step.execution
        end.history += step.history
        end.steps += 1
        check_events(before.event_count, step.history)
        check(self.program, end.execution, end.history)
        self._carry_out(step.commands)
        self._keep_books(stimulus)

    def _keep_books(self, stimulus: Stimulus) -> None:
        """What was given out and neither taken back nor answered is what the execution waits for, no more, no less."""
        waiting = {command.key for command in outstanding(self.program, self.end.execution)}
        if not isinstance(stimulus, Start | Stop | Redrive) and stimulus.key not in waiting:
            self.open.discard(stimulus.key)
        assert self.open == waiting, f"seed {self.seed}: given out {sorted(self.open)}, waits for {sorted(waiting)}"

    def _carry_out(self, commands: Sequence[Command]) -> None:
        chance, clock, bad = self.chance, self.clock, self.bad
        for command in commands:
            match command:
                case StartTimer(key, due_ms):
                    self.open.add(key)
                    early = chance.random() < bad.early_timer
                    clock.at(due_ms - chance.randrange(5_000) if early else due_ms, TimerFired(key), key=key)
                case CancelTimer(key) | CancelTask(key) | StopMapRun(key, _):
                    self.open.discard(key)
                    self.past.append(key)
                    if chance.random() >= bad.late_timer:
                        clock.cancel(key)
                case CallTask() | StartMapRun():
                    self.open.add(command.key)
                    heard = self.answers(command).stimuli(command)
                    for left, stimulus in enumerate(reversed(heard)):
                        due_ms = clock.now_ms + round(chance.random() * bad.delay_seconds * 1000)
                        # In any order. Whoever cancels the task takes back its end; the rest is on its way.
                        clock.at(due_ms, stimulus, key=command.key if left == 0 else None)


def check(program: Program, execution: Execution, history: Sequence[HistoryEvent]) -> None:
    """The invariants of an execution and its history.

    Raises:
        AssertionError: one is broken.
    """
    assert len(history) == execution.event_count
    assert (execution.stopped_ms is None) == (execution.status == "RUNNING")
    frames = execution.frames
    if execution.status == "SUCCEEDED":
        assert not frames
    children = Counter(frame.parent for frame in frames.values())
    for number, frame in frames.items():
        assert frame.number == number < execution.next_frame
        assert (frame.parent is None) == (number == 0)
        assert frame.state in program.states
        assert frame.parent is None or frame.parent in frames
        if execution.status == "RUNNING":
            assert frame.wait is not None, f"frame {number} waits for nothing"
        if isinstance(frame.wait, BranchesWait) and execution.status == "RUNNING":
            assert children[number] == frame.wait.next_index - len(frame.wait.outputs) > 0
    keys = [command.key for command in outstanding(program, execution)]
    assert len(keys) == len(set(keys))
    ended = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "TIMED_OUT": "TimedOut", "ABORTED": "Aborted"}
    if execution.status != "RUNNING":
        assert history[-1]["type"] == f"Execution{ended[execution.status]}"


def check_events(count_before: int, events: Sequence[HistoryEvent]) -> None:
    """The events of one step: numbered without gaps, each caused by an earlier one, data as JSON text.

    Args:
        count_before: the id of the last event before.
        events: the new ones.

    Raises:
        AssertionError: it is not so.
    """
    for number, event in enumerate(events, start=count_before + 1):
        assert event["id"] == number, event
        assert 0 <= event["previousEventId"] < number, event
        for name, details in event.items():
            if name.endswith("EventDetails"):
                for member in ("input", "output", "parameters"):
                    if member in details:
                        jsonvalue.loads(details[member])
