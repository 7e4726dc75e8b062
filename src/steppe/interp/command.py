"""All that an execution can ask of the world. Carried out at least once: `key` makes a repeat harmless.

The waits inside an `Execution` are its outbox: `advance.outstanding(program, execution)` gives the commands of all that
it still waits for, so after a crash they are simply given out again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from steppe.base.jsonvalue import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTask:
    """Call what a Task's Resource names.

    Attributes:
        key: of the wait; comes back in TaskSubmitted, TaskSucceeded, TaskFailed.
        state_name: for messages.
        resource: the ARN of the Task.
        arguments: evaluated Parameters or Arguments (the effective input when the state has none).
        credentials: evaluated Credentials, or None.
        task_token: the token of a `.waitForTaskToken` task (also in the context object as `$$.Task.Token`), or None.
        submitted: the output of an earlier TaskSubmitted, when the command is given out again after a crash; else None.
            For an activity that a worker has taken, `{"WorkerName": name or null}`: it must not be handed out again.
    """

    key: str
    state_name: str
    resource: str
    arguments: JsonValue
    credentials: JsonValue = None
    task_token: str | None = None
    submitted: JsonValue = None


@dataclass(frozen=True, slots=True)
class CancelTask:
    """Nobody waits for the task any more (timeout, abort, a failed sibling): stop its job where that is possible."""

    key: str


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Send TimerFired(key) at `due_ms` (epoch milliseconds) or later."""

    key: str
    due_ms: int


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """The timer is not wanted any more. TimerFired for it would change nothing."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartMapRun:
    """Run a Distributed Map. Everything that can be evaluated once has been; what is per item is in the Program.

    Attributes:
        key: of the wait; comes back in MapRunSucceeded or MapRunFailed.
        map_run_arn: made by the interpreter.
        state_name: the MapState in the Program: its processor, item_selector, execution_type and label.
        input: the state's effective input, what `$` is in ItemSelector.
        context: the context object of the Map state (Execution, StateMachine, State), to which Map.Item is added
            per item. variables: what ItemSelector can see.
        items: the items when there is no reader: an array, or an object whose members are iterated; else None.
        reader: None, or {"Resource": "s3:getObject", "Parameters": {...}, "ReaderConfig": {...}, "MaxItems": n or 0}.
        max_concurrency: 0 for no limit of its own.
        tolerated_failure_count, tolerated_failure_percentage: None when the definition has none.
        max_items_per_batch, max_input_bytes_per_batch: None when not set; both None without ItemBatcher.
        batch_input: evaluated BatchInput, or None.
        redrive_count: how often this Map Run was redriven. Above 0 it exists already, under the same ARN and another
            key: its children that did not succeed run again, and those that were never started.
        writer: None, or {"Parameters": {"Bucket", "Prefix"?} or None, "Transformation", "OutputType"}.
    """

    key: str
    map_run_arn: str
    state_name: str
    input: JsonValue
    context: JsonValue
    variables: JsonValue
    items: JsonValue = None
    reader: JsonValue = None
    max_concurrency: int = 0
    tolerated_failure_count: int | None = None
    tolerated_failure_percentage: float | None = None
    batched: bool = False
    max_items_per_batch: int | None = None
    max_input_bytes_per_batch: int | None = None
    batch_input: JsonValue = None
    writer: JsonValue = None
    redrive_count: int = 0


@dataclass(frozen=True, slots=True)
class StopMapRun:
    """The Map Run is not wanted any more: it becomes ABORTED, its running children too."""

    key: str
    map_run_arn: str


Command: TypeAlias = CallTask | CancelTask | StartTimer | CancelTimer | StartMapRun | StopMapRun
