"""The working copy of an execution inside one `advance`: mutable, thawed where it is touched, frozen at the end.

An Execution is a value and stays one. But one advance may go through thousands of states, and a new value per state
would cost more than the states do. So `advance` makes a Run, the states work on its Threads (the mutable twins of
Frames), and what was touched is frozen into the new Execution.

The Run also knows what all states share: history events and their ids, commands, entering and leaving a state, faults,
the quotas. It does not know what kinds of states do: `BEHAVIOURS`, given by `advance`, says that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from steppe.asl.program import Catcher, Program, State
from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonError, JsonValue
from steppe.base.quotas import HISTORY_EVENTS_MAX
from steppe.expr.scope import Entropy, Scope
from steppe.interp import context_object, dataflow, faults
from steppe.interp.abandon import abandon
from steppe.interp.command import CancelTimer, Command, StartTimer
from steppe.interp.dataflow import StateFault
from steppe.interp.execution import (
    EXECUTION_TIMER,
    BranchesWait,
    Execution,
    Frame,
    Status,
    TimerWait,
)
from steppe.interp.history import HistoryEvent
from steppe.interp.thread import Thread, freeze, thaw

if TYPE_CHECKING:
    from steppe.interp.stimulus import Stimulus

TRUNCATED_NOT: Final = {"truncated": False}
"""Shared by all events; nobody changes an event."""

EXPRESS_SECONDS_MAX: Final = 300
"""An Express execution lasts five minutes at most. Developer Guide, "Quotas"."""

_TYPES: Final = ("Pass", "Choice", "Succeed", "Fail", "Wait", "Task", "Parallel", "Map")
_ENTERED: Final = {kind: f"{kind}StateEntered" for kind in _TYPES}
_EXITED: Final = {kind: f"{kind}StateExited" for kind in _TYPES}

PAUSE_EVENTS: Final = 5_000
PAUSE_CHARACTERS: Final = 16 * 1024 * 1024
"""After so many events, or characters of JSON in them, an advance stops and asks to be called again at once. Without it
a loop of Pass states over a large value would fill the memory, and one of an Express execution would never end."""

LIMIT_CAUSE: Final = f"The execution reached the maximum number of history events ({HISTORY_EVENTS_MAX})."


class HistoryFull(Exception):
    """The next event would be the last one allowed: the execution ends with it."""


class Behaviour(NamedTuple):
    """What a kind of state does. Each function says whether the thread has gone on to another state.

    Attributes:
        start: called after the state was entered, and again for each retry.
        resume: called with a stimulus for what the thread waits for.
        child_done: a branch or iteration ended well, with this output.
        child_failed: a branch or iteration failed.
    """

    start: Callable[[Run, Thread, State], bool]
    resume: Callable[[Run, Thread, State, Stimulus], bool]
    child_done: Callable[[Run, Thread, State, Thread, JsonValue], bool]
    child_failed: Callable[[Run, Thread, State, Thread, Fault], bool]


class Run:
    """One advance at work. See the module's docstring."""

    __slots__ = (
        "_characters",
        "_entropy",
        "_seed",
        "_text",
        "_value",
        "behaviours",
        "cause",
        "commands",
        "deadline_ms",
        "error",
        "event_count",
        "events_max",
        "execution",
        "frames",
        "history",
        "next_frame",
        "now_ms",
        "output",
        "program",
        "ready",
        "states",
        "status",
        "threads",
    )

    def __init__(
        self, program: Program, execution: Execution, behaviours: Mapping[str, Behaviour], now_ms: int, seed: bytes
    ) -> None:
        self.program = program
        self.states = program.states
        self.execution = execution
        self.behaviours = behaviours
        self.now_ms = now_ms
        self._seed = seed
        self._entropy: Entropy | None = None
        self.history: list[HistoryEvent] = []
        self.commands: list[Command] = []
        self.threads: dict[int, Thread] = {}
        self.frames: Mapping[int, Frame] = execution.frames
        self.ready: deque[Thread] = deque()
        self.event_count = execution.event_count
        self.events_max = 1 << 62 if execution.identity.express else HISTORY_EVENTS_MAX
        self.next_frame = execution.next_frame
        self.status: Status = execution.status
        self.output: JsonValue = None
        self.error: str | None = None
        self.cause: str | None = None
        self.deadline_ms = execution.deadline_ms
        # The text of the value that flows on unchanged from event to event: made once.
        self._value: JsonValue = self
        self._text = ""
        self._characters = 0

    # Threads

    def thread(self, number: int) -> Thread:
        """A thread by number, thawed when it is first asked for."""
        thread = self.threads.get(number)
        if thread is None:
            thread = self.threads[number] = thaw(self.frames[number])
        return thread

    def has_thread(self, number: int) -> bool:
        """Whether the execution has (or, in this advance, still has) this frame."""
        return number in self.threads or number in self.frames

    def spawn(self, parent: Thread, index: int, state: str, value: JsonValue, cause: int) -> Thread:
        """A new thread for a branch or an iteration; it runs after those that are ready already."""
        thread = Thread(self.next_frame, parent.number, index, state, value, cause)
        self.next_frame += 1
        self.threads[thread.number] = thread
        self.ready.append(thread)
        return thread

    def children(self, parent: Thread) -> list[Thread]:
        """The threads of a Parallel or Map state, in the order they were started."""
        numbers = {number for number, frame in self.frames.items() if frame.parent == parent.number}
        numbers.update(number for number, thread in self.threads.items() if thread.parent == parent.number)
        return [self.thread(number) for number in sorted(numbers)]

    def _forget_children(self, thread: Thread) -> None:
        if isinstance(thread.wait, BranchesWait):
            for child in self.children(thread):
                self.drop(child)

    def drop(self, thread: Thread) -> None:
        """Forget a thread and all below it."""
        self._forget_children(thread)
        self.threads.pop(thread.number, None)
        if thread.number in self.frames:
            if self.frames is self.execution.frames:
                self.frames = dict(self.frames)
            del self.frames[thread.number]  # type: ignore[attr-defined]

    # What expressions see

    @property
    def entropy(self) -> Entropy:
        """The chance of this advance."""
        if self._entropy is None:
            self._entropy = Entropy(self._seed)
        return self._entropy

    def scope(self, thread: Thread) -> Scope:
        """What the expressions of a thread's state see; the same one until the state is left or tried again."""
        if thread.scope is None:
            thread.scope = self.new_scope(thread, {"input": thread.input})
        return thread.scope

    def new_scope(self, thread: Thread, states: Mapping[str, JsonValue], *, map_item: JsonValue = None) -> Scope:
        """A scope with other members of `$states`, or with an item."""
        return Scope(
            context=lambda: self.context(thread, map_item),
            variables=self.visible(thread),
            entropy=self.entropy,
            now_ms=self.now_ms,
            states=states,
        )

    def context(self, thread: Thread, map_item: JsonValue = None) -> JsonValue:
        """The context object at a thread's state."""
        isolation = self.program.isolation
        if isolation is not None:
            return isolation.context
        state = self.states[thread.state]
        return context_object.build(
            self.execution,
            state_name=state.name,
            state_type=state.type,
            entered_ms=thread.entered_ms,
            retry_count=thread.retry_count,
            task_token=thread.task_token,
            map_item=self.map_item(thread) if map_item is None else map_item,
        )

    def map_item(self, thread: Thread) -> JsonValue:
        """The `Map.Item` of the nearest iteration around a thread, or None."""
        while thread.parent is not None:
            parent = self.thread(thread.parent)
            if self.states[parent.state].type == "Map" and isinstance(parent.wait, BranchesWait):
                return context_object.map_item(thread.index, parent.wait.items[thread.index])
            thread = parent
        return None

    def visible(self, thread: Thread) -> Mapping[str, JsonValue]:
        """All variables that a thread sees: its own and those of the frames around it."""
        if thread.parent is None:
            return thread.variables
        outer = self.visible(self.thread(thread.parent))
        return {**outer, **thread.variables} if thread.variables else outer

    def assign(self, thread: Thread, state: State, values: JsonValue) -> None:
        """Set variables in a thread's frame, within the quotas.

        Raises:
            StateFault: the quotas.
        """
        sizes = {name: len(self.text(value).encode("utf-8", "surrogatepass")) for name, value in values.items()}
        own = thread.variables_bytes + sum(sizes.values())
        own -= sum(jsonvalue.size_bytes(thread.variables[name]) for name in values if name in thread.variables)
        total, around = own, thread
        while around.parent is not None:
            around = self.thread(around.parent)
            total += around.variables_bytes
        dataflow.check_assigned(sizes, total=total, state_name=state.name)
        thread.variables = {**thread.variables, **values}
        thread.variables_bytes = own

    # History

    def text(self, value: JsonValue) -> str:
        """The JSON text of a value, made once while the same object flows on.

        Raises:
            StateFault: the value has no JSON form (a number that JSON does not have), or none that could be read again.
        """
        if value is self._value:
            return self._text
        try:
            text = jsonvalue.dumps_readable(value)
        except JsonError as error:
            raise dataflow.runtime_fault(f"The value cannot be written as JSON: {error}") from None
        self._value = value
        self._text = text
        return text

    def payload(self, value: JsonValue, name: str) -> str:
        """The JSON text of an input or output, within the quota.

        Raises:
            Fault: States.DataLimitExceeded, naming the state or task.
        """
        text = self.text(value)
        if len(text) > dataflow.SAFE_CHARACTERS and dataflow.too_large(text):
            raise dataflow.data_limit(name)
        return text

    def event(self, kind: str, previous: int, key: str = "", details: JsonValue = None) -> int:
        """Add an event to the history.

        Args:
            kind: its type.
            previous: the id of the event that caused it.
            key: the name of its details; "" for none.
            details: the details.

        Returns:
            Its id.

        Raises:
            HistoryFull: only one more event is allowed.
        """
        number = self.event_count + 1
        if number >= self.events_max:
            raise HistoryFull
        self.event_count = number
        if key:
            self.history.append(
                {"timestamp": self.now_ms, "type": kind, "id": number, "previousEventId": previous, key: details}
            )
        else:
            self.history.append({"timestamp": self.now_ms, "type": kind, "id": number, "previousEventId": previous})
        return number

    def must_pause(self) -> bool:
        """Whether this advance has done enough: see PAUSE_EVENTS."""
        return len(self.history) >= PAUSE_EVENTS or self._characters >= PAUSE_CHARACTERS

    # Entering and leaving

    def enter(self, thread: Thread) -> State:
        """A thread enters its state."""
        state = self.states[thread.state]
        value = thread.input
        text = self._text if value is self._value else self.text(value)
        self._characters += len(text)
        thread.entered_cause = cause = thread.previous_event
        # `event`, written out: half of all events are made here and in `leave`, and a call costs as much as the dict.
        number = self.event_count + 1
        if number >= self.events_max:
            raise HistoryFull
        self.event_count = thread.entered_event = thread.previous_event = number
        self.history.append(
            {
                "timestamp": self.now_ms,
                "type": _ENTERED[state.type],
                "id": number,
                "previousEventId": cause,
                "stateEnteredEventDetails": {"name": state.name, "input": text, "inputDetails": TRUNCATED_NOT},
            }
        )
        thread.entered_ms = self.now_ms
        thread.attempts = ()
        thread.retry_count = 0
        thread.scope = None
        thread.task_token = None
        return state

    def leave(
        self,
        thread: Thread,
        state: State,
        output: JsonValue,
        next_state: str | None,
        assigned: JsonValue = None,
    ) -> bool:
        """A thread leaves its state with an output, and goes on or ends.

        Args:
            thread: which.
            state: from where.
            output: the state's output.
            next_state: where to; None at an end.
            assigned: what Assign gave, not yet set; None for nothing.

        Returns:
            Whether the thread has gone on to `next_state`.

        Raises:
            Fault: States.DataLimitExceeded: the output or the variables are too large.
        """
        text = self._text if output is self._value else self.text(output)
        if len(text) > dataflow.SAFE_CHARACTERS and dataflow.too_large(text):
            raise dataflow.data_limit(state.name)
        details: dict[str, JsonValue] = {"name": state.name, "output": text, "outputDetails": TRUNCATED_NOT}
        if assigned:
            self.assign(thread, state, assigned)
            details["assignedVariables"] = {name: self.text(assigned[name]) for name in sorted(assigned)}
            details["assignedVariablesDetails"] = TRUNCATED_NOT
            self._value, self._text = output, text
        if thread.wait is not None:
            self._forget_children(thread)
            thread.wait = None
        number = self.event_count + 1
        if number >= self.events_max:
            raise HistoryFull
        self.history.append(
            {
                "timestamp": self.now_ms,
                "type": _EXITED[state.type],
                "id": number,
                "previousEventId": thread.previous_event,
                "stateExitedEventDetails": details,
            }
        )
        self.event_count = thread.previous_event = number
        if next_state is None:
            self.finish(thread, output)
            return False
        thread.state = next_state
        thread.input = output
        return True

    def finish(self, thread: Thread, output: JsonValue) -> None:
        """A thread has come to its end: the execution has succeeded, or a branch or iteration is done."""
        if thread.parent is None:
            details = {"output": self.text(output), "outputDetails": TRUNCATED_NOT}
            self.end(
                "SUCCEEDED", "ExecutionSucceeded", thread.previous_event, "executionSucceededEventDetails", details
            )
            self.output = output
            return
        parent = self.thread(thread.parent)
        state = self.states[parent.state]
        try:
            gone_on = self.behaviours[state.type].child_done(self, parent, state, thread, output)
        except Fault as fault:
            gone_on = self.fault(parent, state, fault)
        if gone_on:
            self.ready.append(parent)

    def conclude(self, thread: Thread, state: State, result: JsonValue) -> bool:
        """A Task, Map or Parallel state has its result: shape it and leave.

        Returns:
            Whether the thread has gone on.

        Raises:
            Fault: a field cannot be evaluated, or the output is too large.
        """
        raw = thread.input
        if state.language == "JSONata":
            scope = self.new_scope(thread, {"input": raw, "result": result})
            output = result if state.output is None else dataflow.fill(state.output, raw, scope)
            seen = raw
        else:
            scope = self.scope(thread)
            seen = result if state.result_selector is None else dataflow.fill(state.result_selector, result, scope)
            output = dataflow.output_of(state, raw, seen, scope)
        assigned = None if state.assign is None else dataflow.fill(state.assign, seen, scope)
        return self.leave(thread, state, output, state.next, assigned)

    # Faults

    def fault(self, thread: Thread, state: State, fault: Fault) -> bool:
        """A state has failed: retry it, catch it, or let its thread fail.

        Returns:
            Whether the thread has gone on to the state that a Catch names.
        """
        if isinstance(fault, StateFault):
            fault = self._placed(thread, state, fault)
        if not fault.catchable:
            self.fail(fault, thread.previous_event)
            return False
        retry = faults.find_retry(state.retriers, thread.attempts, fault)
        if retry is not None:
            self._wait_for_retry(thread, state, retry)
            return False
        if state.type in ("Map", "Parallel"):
            thread.previous_event = self.event(f"{state.type}StateFailed", thread.previous_event)
        catcher = faults.find_catcher(state.catchers, fault)
        if catcher is not None:
            try:
                return self._caught(thread, state, catcher, fault)
            except StateFault as another:
                # A Catch that cannot be evaluated is not caught by its own state.
                fault = self._placed(thread, state, another)
            except Fault as another:
                fault = another
        self._thread_failed(thread, fault)
        return False

    def _placed(self, thread: Thread, state: State, fault: StateFault) -> Fault:
        """The fault with its place in front of the cause; its EvaluationFailed event is written."""
        cause = fault.cause
        if fault.error != dataflow.DATA_LIMIT_EXCEEDED and self.program.isolation is None:
            cause = f"{faults.place(state.name, thread.entered_event)}{cause}"
        if fault.evaluation:
            # The cause of the event is what came before the state was entered, not the entry itself: so in 15 of the 18
            # recorded ones (November 2024 and later). The three others are Wait states.
            cause_event = thread.previous_event
            if cause_event == thread.entered_event and state.type != "Wait":
                cause_event = thread.entered_cause
            details = {"error": fault.error, "cause": cause, "location": fault.location, "state": state.name}
            if fault.location is None:
                del details["location"]
            thread.previous_event = self.event("EvaluationFailed", cause_event, "evaluationFailedEventDetails", details)
        return Fault(fault.error, cause, catchable=fault.catchable)

    def _wait_for_retry(self, thread: Thread, state: State, retry: faults.Retry) -> None:
        self._forget_children(thread)
        attempts = list(thread.attempts or (0,) * len(state.retriers))
        attempts[retry.retrier] += 1
        thread.attempts = tuple(attempts)
        thread.retry_count += 1
        due_ms = self.now_ms + faults.delay_ms(state.retriers[retry.retrier], retry.attempt, self.entropy)
        self.wait_until(thread, due_ms, "retry")

    def _caught(self, thread: Thread, state: State, catcher: Catcher, fault: Fault) -> bool:
        error_output = faults.error_output(fault)
        if state.language == "JSONata":
            scope = self.new_scope(thread, {"input": thread.input, "errorOutput": error_output})
            output = error_output if catcher.output is None else dataflow.fill(catcher.output, thread.input, scope)
        else:
            scope = self.new_scope(thread, {})
            path = catcher.result_path
            output = thread.input if path is None else dataflow.write(path, thread.input, error_output)
        assigned = None if catcher.assign is None else dataflow.fill(catcher.assign, error_output, scope)
        return self.leave(thread, state, output, catcher.next, assigned)

    def _thread_failed(self, thread: Thread, fault: Fault) -> None:
        if thread.parent is None:
            self.fail(fault, thread.previous_event)
            return
        parent = self.thread(thread.parent)
        state = self.states[parent.state]
        if self.behaviours[state.type].child_failed(self, parent, state, thread, fault):
            self.ready.append(parent)

    def fail(self, fault: Fault, previous: int) -> None:
        """The execution fails."""
        abandon(self, self.root())
        details = {"error": fault.error, "cause": fault.cause}
        self.end(
            "FAILED",
            "ExecutionFailed",
            previous,
            "executionFailedEventDetails",
            {name: value for name, value in details.items() if value is not None},
        )
        self.error, self.cause = fault.error, fault.cause

    def root(self) -> Thread:
        """The thread of the execution itself."""
        return self.thread(0)

    def end(self, status: Status, kind: str, previous: int, key: str, details: JsonValue) -> None:
        """The execution ends with this event."""
        self.event_count += 1
        self.history.append(
            {"timestamp": self.now_ms, "type": kind, "id": self.event_count, "previousEventId": previous, key: details}
        )
        self.status = status
        self.ready.clear()
        if self.deadline_ms is not None:
            self.commands.append(CancelTimer(EXECUTION_TIMER))
            self.deadline_ms = None

    # Waiting

    def wait_until(self, thread: Thread, due_ms: int, purpose: str) -> None:
        """A thread waits for a time."""
        key = f"{thread.number}/{self.event_count}/{purpose}"
        thread.wait = TimerWait(key=key, due_ms=due_ms, purpose=purpose)  # type: ignore[arg-type]
        self.commands.append(StartTimer(key, due_ms))

    # The end of the advance

    def close(self) -> None:
        """Let go of what refers to itself (a scope knows its thread, a thread its scope).

        A Map Run advances by the hundred thousand: what is freed at once is still in the processor's cache when the
        next child is made, and the collector of cycles has nothing to find.
        """
        for thread in self.threads.values():
            thread.scope = None

    def freeze(self) -> Execution:
        """The new execution."""
        old = self.execution
        running = self.status == "RUNNING"
        if self.status == "SUCCEEDED":
            frames: Mapping[int, Frame] = {}
        else:
            frames = {**self.frames, **{number: freeze(thread) for number, thread in self.threads.items()}}
        return Execution(
            identity=old.identity,
            input=old.input,
            started_ms=old.started_ms,
            stopped_ms=None if running else self.now_ms,
            status=self.status,
            output=self.output,
            error=jsonvalue.well_formed(self.error),
            cause=jsonvalue.well_formed(self.cause),
            frames=frames,
            next_frame=self.next_frame,
            event_count=self.event_count,
            redrive_count=old.redrive_count,
            redriven_ms=old.redriven_ms,
            deadline_ms=self.deadline_ms,
        )
