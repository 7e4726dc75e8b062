"""Thread: the mutable twin of a Frame, for as long as one advance lasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from steppe.base.jsonvalue import JsonValue
from steppe.expr.scope import Scope
from steppe.interp.execution import BranchesWait, Frame, TaskWait, Wait


class Thread:
    """The mutable twin of a Frame; the fields of the same name mean the same.

    Attributes:
        scope: what the expressions of the state see; None until one asks.
        task_token: of the task, for the context object.
        done, next_index: outputs and next_index of a BranchesWait while they change: thousands of iterations may end in
            one advance, and a new tuple for each would cost the square of their number. None: they have not changed.
    """

    __slots__ = (
        "attempts",
        "done",
        "entered_cause",
        "entered_event",
        "entered_ms",
        "index",
        "input",
        "next_index",
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
        self.done: list[tuple[int, JsonValue]] | None = None
        self.next_index = 0

    def wait_for_branches(self, wait: BranchesWait) -> None:
        """Wait for branches or iterations that have just been started."""
        self.wait = wait
        self.done = list(wait.outputs)
        self.next_index = wait.next_index

    def branch_done(self, index: int, output: JsonValue) -> list[tuple[int, JsonValue]]:
        """Keep the output of a branch or iteration; gives all there are, in order of completion."""
        if self.done is None:
            assert isinstance(self.wait, BranchesWait)
            self.wait_for_branches(self.wait)
        assert self.done is not None
        self.done.append((index, output))
        return self.done

    def results(self) -> list[JsonValue]:
        """The outputs of all branches or iterations, in their order."""
        return [output for _, output in sorted(self.done or (), key=lambda pair: pair[0])]


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
    wait = thread.wait
    if thread.done is not None and isinstance(wait, BranchesWait):
        wait = replace(wait, outputs=tuple(thread.done), next_index=thread.next_index)
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
        wait=wait,
    )
