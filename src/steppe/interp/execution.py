"""Execution: one run as a value. A change makes a new value; only `runtime` makes it durable.

A Frame is one thread of states: the root, a branch of a Parallel, an iteration of an inline Map. Each frame is in one
state, and either runs (inside `advance` only) or waits for something. What it waits for is in the frame, so an
Execution alone says what it asked of the world: see `advance.outstanding`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from steppe.base.jsonvalue import JsonValue
from steppe.interp.command import StartMapRun

Status: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]

EXECUTION_TIMER = "execution/timeout"
"""The key of the timer that ends the whole execution."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What does not change while an execution runs. Children of one Map Run share all of it but arn and name.

    Attributes:
        arn, name: of the execution.
        machine_arn: for a child of a Map Run with its label.
        machine_name: as the context object shows it: without label.
        role_arn: of the state machine at the start.
        express: an Express execution: no redrive members.
        map_run: the execution is a child of a Map Run.
    """

    arn: str
    name: str
    machine_arn: str
    machine_name: str
    role_arn: str
    express: bool = False
    map_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution.

    Attributes:
        identity: names and ARNs.
        input: the execution's input.
        started_ms, stopped_ms: epoch milliseconds; stopped_ms is None while it runs.
        status: as the API says.
        output: the output when SUCCEEDED, else None.
        error, cause: when FAILED, TIMED_OUT or ABORTED; None where AWS gives none.
        frames: waiting frames by number. Frame 0 is the root. When the execution has SUCCEEDED, none; when it FAILED,
            TIMED_OUT or was ABORTED, the frames a redrive would resume (they wait for nothing then).
        next_frame: the next free frame number.
        event_count: the id of the last history event.
        redrive_count: how often it was redriven.
        redriven_ms: the time of the last redrive; None before the first.
        deadline_ms: when the whole execution times out; None as long as no timer was asked for.
    """

    identity: Identity
    input: JsonValue
    started_ms: int
    stopped_ms: int | None = None
    status: Status = "RUNNING"
    output: JsonValue = None
    error: str | None = None
    cause: str | None = None
    frames: Mapping[int, Frame] = field(default_factory=dict)
    next_frame: int = 1
    event_count: int = 0
    redrive_count: int = 0
    redriven_ms: int | None = None
    deadline_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One thread of states that waits. The interpreter owns the fields; nobody else reads them.

    Attributes:
        number: its number in the execution.
        parent: the number of the frame whose Parallel or Map state started it; None for the root.
        index: the branch, or the iteration.
        state: the name of the state it is in.
        input: the state's input.
        entered_ms, entered_event: when the state was entered, and the id of that event.
        entered_cause: the previousEventId of that event.
        previous_event: the id of its last event: the cause of its next one.
        variables: those assigned in this frame; what outer frames assigned is seen through `parent`.
        variables_bytes: their size, against the quota on all variables.
        attempts: retries used by each retrier of the state, in their order; empty when none was used.
        retry_count: all retries of the state so far, as `$$.State.RetryCount`.
        wait: what it waits for. None when the execution has failed and the frame could be resumed by a redrive.
    """

    number: int
    parent: int | None = None
    index: int = 0
    state: str
    input: JsonValue
    entered_ms: int = 0
    entered_event: int = 0
    entered_cause: int = 0
    previous_event: int = 0
    variables: Mapping[str, JsonValue] = field(default_factory=dict)
    variables_bytes: int = 0
    attempts: tuple[int, ...] = ()
    retry_count: int = 0
    wait: Wait | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWait:
    """A task was given out.

    Attributes:
        key: of the CallTask. Its timers have the keys `<key>/timeout` and `<key>/heartbeat`.
        arguments, credentials, task_token: as in the CallTask.
        submitted: the output of TaskSubmitted; for an activity that a worker has taken `{"WorkerName": name or null}`.
        timeout_seconds, heartbeat_seconds: None when not set.
        timeout_due_ms, heartbeat_due_ms: None when the clock does not run (not set, or an activity nobody has taken).
    """

    key: str
    arguments: JsonValue
    credentials: JsonValue = None
    task_token: str | None = None
    submitted: JsonValue = None
    timeout_seconds: int | None = None
    heartbeat_seconds: int | None = None
    timeout_due_ms: int | None = None
    heartbeat_due_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerWait:
    """A Wait state, a retry's delay, or a pause of a long computation.

    Attributes:
        key: of the StartTimer.
        due_ms: epoch milliseconds.
        purpose: "wait" goes on after the Wait state, "retry" runs the state again, "pause" enters the state.
    """

    key: str
    due_ms: int
    purpose: Literal["wait", "retry", "pause"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRunWait:
    """A Map Run is on its way, or has failed together with the execution.

    Attributes:
        command: what started it.
        started_event: the id of MapRunStarted, or of the last MapRunRedriven.
        state_event: the id of MapStateStarted.
        ended: whether it has ended; kept for a redrive, which goes on with the same Map Run.
    """

    command: StartMapRun
    started_event: int
    state_event: int
    ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchesWait:
    """The branches of a Parallel, or the iterations of an inline Map, run as frames of their own.

    Attributes:
        items: what each child starts with is made from these: one a branch (the same value), or the Map's items.
        effective_input: what `$` is in ItemSelector.
        outputs: output of each child by its index, as a pair in order of completion.
        next_index: the next child to start.
        concurrency: how many may run at once.
    """

    items: tuple[JsonValue, ...]
    effective_input: JsonValue
    outputs: tuple[tuple[int, JsonValue], ...] = ()
    next_index: int = 0
    concurrency: int = 0


Wait: TypeAlias = TaskWait | TimerWait | MapRunWait | BranchesWait
