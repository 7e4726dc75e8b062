"""Thread: the mutable twin of a Frame, for as long as one advance lasts."""

from __future__ import annotations

from collections.abc import Mapping

from steppe.base.jsonvalue import JsonValue
from steppe.expr.scope import Scope
from steppe.interp.execution import Frame, TaskWait, Wait


class Thread:
    """The mutable twin of a Frame; the fields of the same name mean the same."""

    __slots__ = (
        "attempts",
        "entered_cause",
        "entered_event",
        "entered_ms",
        "index",
        "input",
        "number",
        "parent",
        "previous_event",
        "retry_count",
        "scope",
        "state",
        "task_token",
        "variables",
        "variables_bytes",
        "wait",
    )

    def __init__(self, number: int, parent: int | None, index: int, state: str, value: JsonValue, cause: int) -> None:
        self.number = number
        self.parent = parent
        self.index = index
        self.state = state
        self.input = value
        self.previous_event = cause
        self.entered_ms = 0
        self.entered_event = 0
        self.entered_cause = 0
        self.variables: Mapping[str, JsonValue] = {}
        self.variables_bytes = 0
        self.attempts: tuple[int, ...] = ()
        self.retry_count = 0
        self.wait: Wait | None = None
        self.scope: Scope | None = None
        self.task_token: str | None = None


def thaw(frame: Frame) -> Thread:
    """The thread of a frame."""
    thread = Thread(frame.number, frame.parent, frame.index, frame.state, frame.input, frame.previous_event)
    thread.entered_ms = frame.entered_ms
    thread.entered_event = frame.entered_event
    thread.entered_cause = frame.entered_cause
    thread.variables = frame.variables
    thread.variables_bytes = frame.variables_bytes
    thread.attempts = frame.attempts
    thread.retry_count = frame.retry_count
    thread.wait = frame.wait
    if isinstance(frame.wait, TaskWait):
        thread.task_token = frame.wait.task_token
    return thread


def freeze(thread: Thread) -> Frame:
    """The frame of a thread."""
    return Frame(
        number=thread.number,
        parent=thread.parent,
        index=thread.index,
        state=thread.state,
        input=thread.input,
        entered_ms=thread.entered_ms,
        entered_event=thread.entered_event,
        entered_cause=thread.entered_cause,
        previous_event=thread.previous_event,
        variables=thread.variables,
        variables_bytes=thread.variables_bytes,
        attempts=thread.attempts,
        retry_count=thread.retry_count,
        wait=thread.wait,
    )
