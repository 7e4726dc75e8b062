"""All that can happen to an execution. A stimulus whose key nothing waits for (any more) changes nothing.

A `key` names one wait of one execution: the interpreter makes it, a command carries it out, a stimulus brings it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from steppe.base.jsonvalue import JsonValue


@dataclass(frozen=True, slots=True)
class Start:
    """The execution begins: its first stimulus."""


@dataclass(frozen=True, slots=True)
class TaskSubmitted:
    """A `.sync` or `.waitForTaskToken` task has been accepted; `output` is the service's answer."""

    key: str
    output: JsonValue


@dataclass(frozen=True, slots=True)
class TaskSucceeded:
    """A task is done. `output` is its result as the state sees it."""

    key: str
    output: JsonValue


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """A task failed, as the integration or the worker says. None where AWS gives none."""

    key: str
    error: str | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class TaskHeartbeat:
    """The worker of a task is alive: the heartbeat's deadline starts anew."""

    key: str


@dataclass(frozen=True, slots=True)
class ActivityStarted:
    """A worker has taken the activity's task."""

    key: str
    worker_name: str | None = None


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time of a StartTimer has come."""

    key: str


@dataclass(frozen=True, slots=True)
class MapRunSucceeded:
    """A Map Run ended well. `result`: the array of outputs, or what ResultWriter leaves (MapRunArn, ...Details)."""

    key: str
    result: JsonValue


@dataclass(frozen=True, slots=True)
class MapRunFailed:
    """A Map Run failed."""

    key: str
    error: str
    cause: str | None


@dataclass(frozen=True, slots=True)
class Stop:
    """StopExecution: the execution ends as ABORTED."""

    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Redrive:
    """RedriveExecution: an execution that FAILED, TIMED_OUT or was ABORTED goes on where it stopped."""


Stimulus: TypeAlias = (
    Start
    | TaskSubmitted
    | TaskSucceeded
    | TaskFailed
    | TaskHeartbeat
    | ActivityStarted
    | TimerFired
    | MapRunSucceeded
    | MapRunFailed
    | Stop
    | Redrive
)
