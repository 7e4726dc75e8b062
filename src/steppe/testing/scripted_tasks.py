"""Tasks and Map Runs that answer from a script, and a world that plays an execution against them.

A script is data, so that a test can be a file. For each state, a list of calls; for each call, a list of answers:

    {"Order": [[{"after": 2, "failed": {"error": "Busy"}}],
               [{"after": 1, "submitted": {"JobId": "7"}}, {"after": 30, "succeeded": {"ok": true}}]]}

`after` is in seconds since the call, 0 when left out. Answers: `submitted`, `succeeded`, `failed`, `heartbeat`,
`activity_started` (for tasks), `succeeded`, `failed` (for Map Runs). An empty list never answers. A call without a
script is an error of the test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steppe.asl.program import Program
from steppe.base.jsonvalue import JsonValue
from steppe.interp.advance import advance, new_execution, outstanding
from steppe.interp.command import CallTask, CancelTask, CancelTimer, Command, StartMapRun, StartTimer, StopMapRun
from steppe.interp.execution import Execution, Identity
from steppe.interp.history import HistoryEvent
from steppe.interp.stimulus import (
    ActivityStarted,
    MapRunFailed,
    MapRunSucceeded,
    Start,
    Stimulus,
    TaskFailed,
    TaskHeartbeat,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from steppe.testing.virtual_clock import VirtualClock

ROLE = "arn:aws:iam::123456789012:role/steppe"


def identity(machine: str = "machine", name: str = "run", *, express: bool = False) -> Identity:
    """An identity for tests: account 123456789012 in us-east-1."""
    prefix = "arn:aws:states:us-east-1:123456789012"
    arn = f"{prefix}:express:{machine}:{name}:{name}" if express else f"{prefix}:execution:{machine}:{name}"
    return Identity(arn, name, f"{prefix}:stateMachine:{machine}", machine, ROLE, express=express)


@dataclass(slots=True)
class ScriptedTasks:
    """Answers calls and Map Runs from a script, each state's in order.

    Attributes:
        tasks, map_runs: the script: state name -> calls -> answers.
        calls: the commands that were answered, in order.
    """

    tasks: Mapping[str, Sequence[Sequence[JsonValue]]] = field(default_factory=dict)
    map_runs: Mapping[str, Sequence[Sequence[JsonValue]]] = field(default_factory=dict)
    calls: list[CallTask | StartMapRun] = field(default_factory=list)
    _used: dict[str, int] = field(default_factory=dict)

    def answers(self, command: CallTask | StartMapRun) -> list[tuple[int, Stimulus]]:
        """What comes back for a command: milliseconds after the call, and the stimulus.

        Raises:
            LookupError: the script has no such call: the test is wrong, or the interpreter is.
        """
        script = self.tasks if isinstance(command, CallTask) else self.map_runs
        name = command.state_name
        number = self._used.get(name, 0)
        if number >= len(script.get(name, ())):
            raise LookupError(f"call {number + 1} of state '{name}' is not in the script")
        self._used[name] = number + 1
        self.calls.append(command)
        task = isinstance(command, CallTask)
        return [
            (round(step.get("after", 0) * 1000), _stimulus(command.key, step, task)) for step in script[name][number]
        ]


def _stimulus(key: str, step: JsonValue, task: bool) -> Stimulus:
    match step:
        case {"succeeded": value}:
            return TaskSucceeded(key, value) if task else MapRunSucceeded(key, value)
        case {"failed": fault} if task:
            return TaskFailed(key, fault.get("error"), fault.get("cause"))
        case {"failed": fault}:
            return MapRunFailed(key, fault["error"], fault.get("cause"))
        case {"submitted": value}:
            return TaskSubmitted(key, value)
        case {"heartbeat": _}:
            return TaskHeartbeat(key)
        case {"activity_started": worker}:
            return ActivityStarted(key, worker)
        case _:
            raise LookupError(f"the script says {step}")


@dataclass(slots=True)
class World:
    """One execution, its clock and its tasks. `play` runs it to its end, `step` by one stimulus.

    Attributes:
        program: what it runs.
        execution: where it stands.
        tasks: who answers.
        clock: its time.
        history: all events so far.
        commands: all commands so far.
    """

    program: Program
    execution: Execution
    tasks: ScriptedTasks = field(default_factory=ScriptedTasks)
    clock: VirtualClock = field(default_factory=VirtualClock)
    history: list[HistoryEvent] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    _steps: int = 0

    @classmethod
    def of(
        cls, program: Program, input: JsonValue, tasks: ScriptedTasks | None = None, *, express: bool = False
    ) -> World:
        """A world in which an execution is about to start."""
        world = cls(program, _ABSENT, tasks or ScriptedTasks())
        world.execution = new_execution(identity(express=express), input, world.clock.now_ms)
        world.clock.at(world.clock.now_ms, Start())
        return world

    def play(self, *, steps_max: int = 100_000) -> Execution:
        """Run until the execution has ended, or waits for what never comes."""
        for _ in range(steps_max):
            if self.execution.status != "RUNNING" or not self.step():
                return self.execution
        raise AssertionError(f"no end after {steps_max} steps")

    def step(self) -> bool:
        """One stimulus: whether there was one."""
        stimulus = self.clock.next()
        if stimulus is None:
            return False
        self.give(stimulus)
        return True

    def give(self, stimulus: Stimulus) -> None:
        """Advance by a stimulus and carry out its commands."""
        entropy = self._steps.to_bytes(8, "big")
        self._steps += 1
        self.execution, history, commands = advance(self.program, self.execution, stimulus, self.clock.now_ms, entropy)
        self.history += history
        self.commands += commands
        for command in commands:
            self.carry_out(command)

    def crash(self) -> None:
        """Lose all that was on its way, and give the outstanding commands out again."""
        self.clock.clear()
        for command in outstanding(self.program, self.execution):
            self.carry_out(command)

    def carry_out(self, command: Command) -> None:
        """Do what a command says, with the script's answers."""
        match command:
            case StartTimer(key, due_ms):
                self.clock.at(due_ms, TimerFired(key), key=key)
            case CancelTimer(key):
                self.clock.cancel(key)
            case CallTask() | StartMapRun():
                for after_ms, stimulus in self.tasks.answers(command):
                    self.clock.at(self.clock.now_ms + after_ms, stimulus)
            case CancelTask() | StopMapRun():
                # What was called may still answer; the execution does not listen any more.
                pass


_ABSENT = new_execution(identity(), None, 0)
