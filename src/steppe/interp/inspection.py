"""One state tested by itself: what its data becomes at each step, and where it would go.

    trial = Trial(state, identity=..., input={...}, variables={}, context=None, now_ms=now, entropy=seed)
    trial.wait                       # what it waits for: a task, a timer, branches, a Map Run; None when it is over
    trial.succeed(result)            # or trial.fail(error, cause), trial.fire(now_ms)
    trial.outcome()

Nothing is evaluated twice and nothing is evaluated here: a Trial runs the interpreter on a program of that one state.
Its fields are wrapped so that they note what goes through them (a field that the state does not have is noted too: it
passes its value on); all its transitions lead to states that wait for ever, and so does each branch of a Parallel, so
that the answer of the outside can be given in their place; a Map always asks for a Map Run. An execution that is not
tested pays nothing for it.

Which notes are shown for which kind of state: recorded cases of November 2025, observations of September 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from steppe.asl.program import (
    ChoiceState,
    Isolation,
    MapState,
    NumberField,
    ParallelState,
    PassState,
    Program,
    State,
    TaskState,
    WaitState,
)
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.expr.scope import Entropy, Expression, Scope
from steppe.expr.template import Template
from steppe.interp import advance, context_object, dataflow, faults
from steppe.interp.command import CallTask
from steppe.interp.execution import BranchesWait, Execution, Frame, Identity, MapRunWait, TaskWait, TimerWait, Wait
from steppe.interp.history import HistoryEvent
from steppe.interp.states import map_state
from steppe.interp.states.task_state import TOKEN_BYTES, parse_resource
from steppe.interp.stimulus import (
    MapRunFailed,
    MapRunSucceeded,
    Start,
    Stimulus,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
)

TrialStatus: TypeAlias = Literal["SUCCEEDED", "FAILED", "RETRIABLE", "CAUGHT_ERROR"]

STATE_NAME: Final = "StateName"
"""What the service calls a state under test, also one that was chosen by its name."""

# Names of the states around the one under test. No state of a definition can be called so.
_SETUP: Final = "\0setup"
_CHILD: Final = "\0child"
_END: Final = "\0end"
_NEXT: Final = "\0next/"
_CATCH: Final = "\0catch/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a test ended.

    Attributes:
        status: as the API says.
        output: the state's output; None beside FAILED and RETRIABLE (see `has_output`).
        has_output: tells an output of null from none.
        error, cause: of the fault, whatever became of it; None where there is none.
        next_state: where the state leads; None at an end, or when it failed.
        variables: after the state; empty when it failed.
        retry_index, retry_delay_seconds: of the retrier that takes the fault.
        catch_index: of the catcher that took it.
    """

    status: TrialStatus
    output: JsonValue = None
    has_output: bool = False
    error: str | None = None
    cause: str | None = None
    next_state: str | None = None
    variables: Mapping[str, JsonValue] | None = None
    retry_index: int | None = None
    retry_delay_seconds: int | None = None
    catch_index: int | None = None


class Trial:
    """A state under test.

    Attributes:
        state: as it was given.
        seen: what was noted, by the API's names (`input`, `afterInputPath`, ...), as far as the state came.
        context, variables: what the state's expressions see.
        call: what the Task asks for; None for other kinds of state, and when it asks for nothing.
    """

    def __init__(
        self,
        state: State,
        *,
        identity: Identity,
        input: JsonValue,
        variables: Mapping[str, JsonValue],
        context: JsonValue,
        now_ms: int,
        entropy: bytes,
    ) -> None:
        """Run the state until it waits for something or is over.

        Args:
            state: compiled; its name does not matter.
            identity: names and ARNs, for the context object.
            input: the state's input.
            variables: those that are set before it.
            context: the context object; None to make one.
            now_ms: when it is entered.
            entropy: the chance of the test.
        """
        self.state = state
        self.seen: dict[str, JsonValue] = {"input": input}
        self._retries = 0
        self._before: tuple[int, ...] = ()
        self._history: list[HistoryEvent] = []
        self._now_ms = now_ms
        self._entropy = entropy
        execution = advance.new_execution(identity, input, now_ms)
        given = _made_context(execution, state, now_ms, entropy) if context is None else context
        self._program = _program(state, variables, given, self.seen)
        self._execution = execution
        self.context, self.variables = given, variables
        self.call: CallTask | None = None
        self._tell(Start())

    @property
    def wait(self) -> Wait | None:
        """What the state waits for; None when the test is over."""
        return None if self._over() else self._root().wait

    def count_retries(self, count: int) -> None:
        """So many retries have been made by the retrier that will take the fault."""
        self._retries = count

    def succeed(self, result: JsonValue) -> None:
        """What the state waits for is done: a task's result, a Map's, the outputs of all branches."""
        match self.wait:
            case TaskWait(key=key):
                self._tell(TaskSucceeded(key, result))
            case MapRunWait(command=command):
                self._tell(MapRunSucceeded(command.key, result))
            case BranchesWait() as wait:
                child = self._children()[0]
                assert isinstance(child.wait, TaskWait)
                # All other children are done by now, whatever order they would have taken.
                others = tuple((index, output) for index, output in enumerate(result) if index != child.index)
                root = replace(self._root(), wait=replace(wait, outputs=others, next_index=len(result)))
                self._execution = replace(self._execution, frames={0: root, child.number: child})
                self._tell(TaskSucceeded(child.wait.key, result[child.index]))

    def fail(self, error: str | None, cause: str | None) -> None:
        """What the state waits for has failed."""
        self._before = self._attempts(error, cause)
        frames = {**self._execution.frames, 0: replace(self._root(), attempts=self._before)}
        wait = self.wait
        self._execution = replace(self._execution, frames=frames)
        match wait:
            case TaskWait(key=key):
                self._tell(TaskFailed(key, error, cause))
            case MapRunWait(command=command):
                self._tell(MapRunFailed(command.key, error or "", cause))
            case BranchesWait():
                child = self._children()[0]
                assert isinstance(child.wait, TaskWait)
                self._tell(TaskFailed(child.wait.key, error, cause))

    def fire(self, now_ms: int) -> None:
        """The time has come that a Wait state or a task's TimeoutSeconds named."""
        self._now_ms = now_ms
        match self.wait:
            case TaskWait(key=key):
                self._tell(TimerFired(f"{key}/timeout"))
            case TimerWait(key=key):
                self._tell(TimerFired(key))

    def outcome(self) -> Outcome:
        """How the test ended. Only when it is over (`wait` is None)."""
        execution = self._execution
        if execution.status == "FAILED":
            return Outcome(status="FAILED", error=execution.error, cause=execution.cause)
        if execution.status == "SUCCEEDED":
            return Outcome(status="SUCCEEDED", output=execution.output, has_output=True, variables=self.variables)
        root = self._root()
        if root.state == STATE_NAME:
            return self._retried(root)
        fault = self._fault() if root.state.startswith(_CATCH) else None
        index = None if fault is None else int(root.state.removeprefix(_CATCH))
        if index is not None and self.state.language == "JSONPath":
            self.seen["afterResultPath"] = root.input
        return Outcome(
            status="SUCCEEDED" if fault is None else "CAUGHT_ERROR",
            output=root.input,
            has_output=True,
            error=None if fault is None else fault.error,
            cause=None if fault is None else fault.cause,
            next_state=_target(self.state, root.state),
            variables=root.variables,
            catch_index=index,
        )

    def _retried(self, root: Frame) -> Outcome:
        """A retrier has taken the fault."""
        wait, fault = root.wait, self._fault()
        assert isinstance(wait, TimerWait)
        before = self._before or (0,) * len(root.attempts)
        index = next(index for index, attempts in enumerate(root.attempts) if attempts != before[index])
        return Outcome(
            status="RETRIABLE",
            error=fault.error,
            cause=fault.cause,
            retry_index=index,
            retry_delay_seconds=(wait.due_ms - self._now_ms) // 1000,
        )

    def _tell(self, stimulus: Stimulus) -> None:
        step = advance.advance(self._program, self._execution, stimulus, self._now_ms, self._entropy)
        self._execution, self._history = step.execution, step.history
        self.call = next((command for command in step.commands if isinstance(command, CallTask)), None)

    def _root(self) -> Frame:
        return self._execution.frames[0]

    def _children(self) -> list[Frame]:
        return [frame for number, frame in sorted(self._execution.frames.items()) if number]

    def _over(self) -> bool:
        if self._execution.status != "RUNNING":
            return True
        root = self._root()
        return root.state != STATE_NAME or (isinstance(root.wait, TimerWait) and root.wait.purpose == "retry")

    def _attempts(self, error: str | None, cause: str | None) -> tuple[int, ...]:
        """The retries made before: by the first retrier that names the error, as the API defines it."""
        retriers = self.state.retriers
        fault = Fault(error, cause)
        first = next((index for index, retrier in enumerate(retriers) if faults.matches(retrier.errors, fault)), -1)
        return tuple(self._retries if index == first else 0 for index in range(len(retriers)))

    def _fault(self) -> Fault:
        """What was retried or caught: the history tells it, but for an output that is too large."""
        for event in reversed(self._history):
            for details in event.values():
                if isinstance(details, dict) and "error" in details:
                    return Fault(details["error"], details.get("cause"))
        return dataflow.data_limit(STATE_NAME)


def _made_context(execution: Execution, state: State, now_ms: int, entropy: bytes) -> JsonValue:
    """The context object that the service makes. It has no `Map`, also for a state inside of one."""
    token = None
    if isinstance(state, TaskState) and parse_resource(state.resource).token:
        token = Entropy(entropy + b"token").take(TOKEN_BYTES).hex()
    return context_object.build(
        execution,
        state_name=STATE_NAME,
        state_type=state.type,
        entered_ms=now_ms,
        retry_count=0,
        task_token=token,
    )


def _program(
    state: State, variables: Mapping[str, JsonValue], context: JsonValue, seen: dict[str, JsonValue]
) -> Program:
    """The state under test, and the states around it."""
    states: dict[str, State] = {STATE_NAME: _led_nowhere(_noted(state, seen))}
    ends = [_END, *(f"{_CATCH}{index}" for index in range(len(state.catchers)))]
    if isinstance(state, ChoiceState):
        targets = [*([] if state.default is None else [state.default]), *(rule.next for rule in state.rules)]
        ends += [_NEXT + target for target in targets]
    for name in ends:
        forever = NumberField(name="Seconds", constant=1)
        states[name] = WaitState(name=name, type="Wait", language="JSONata", seconds=forever)
    states[_CHILD] = TaskState(name=_CHILD, type="Task", language="JSONata", resource="arn:aws:states:::test:state")
    start_at = STATE_NAME
    if variables:
        start_at = _SETUP
        assigned = Template(True, (), lambda value, scope: variables)
        states[_SETUP] = PassState(name=_SETUP, type="Pass", language="JSONata", assign=assigned, next=STATE_NAME)
    return Program(start_at=start_at, states=states, isolation=Isolation(context=context))


def _led_nowhere(state: State) -> State:
    """The state with all its transitions, branches and iterations leading to states that wait for ever."""
    catchers = tuple(replace(catcher, next=f"{_CATCH}{index}") for index, catcher in enumerate(state.catchers))
    state = replace(state, name=STATE_NAME, next=_END, catchers=catchers)
    if isinstance(state, ChoiceState):
        rules = tuple(replace(rule, next=_NEXT + rule.next) for rule in state.rules)
        return replace(state, rules=rules, default=None if state.default is None else _NEXT + state.default)
    if isinstance(state, ParallelState):
        return replace(state, branches=(_CHILD,) * len(state.branches))
    if isinstance(state, MapState) and not state.distributed:
        return _as_map_run(state)
    return state


def _as_map_run(state: MapState) -> State:
    """An inline Map that asks for a Map Run: all iterations are one thing to wait for, also when there are none."""

    def items(value: JsonValue, scope: Scope) -> JsonValue:
        found = value if state.items is None else state.items(value, scope)
        if isinstance(found, dict):
            raise map_state.no_array(state, found)
        return found

    return replace(state, distributed=True, items=items)


def _target(state: State, name: str) -> str | None:
    """Where a state that has left for one of our states would have gone."""
    if name.startswith(_CATCH):
        return state.catchers[int(name.removeprefix(_CATCH))].next
    return name.removeprefix(_NEXT) if name.startswith(_NEXT) else state.next


# What is noted


def _noted(state: State, seen: dict[str, JsonValue]) -> State:
    """The state with fields that note what goes through them."""
    if state.language == "JSONata":
        return _noted_jsonata(state, seen)
    if state.type == "Fail":
        seen["afterInputPath"] = seen["input"]
        return state
    output_path = _output_path(state, seen)
    if state.type == "Parallel":
        return replace(state, result_selector=_selector(state, seen), output_path=output_path)
    input_path = _noting(state.input_path, seen, after="afterInputPath")
    if isinstance(state, PassState):
        if state.has_result:
            return replace(state, input_path=_literal(state, seen), output_path=output_path)
        parameters = _template(_noting(state.parameters, seen, after="afterParameters", also="afterResultSelector"))
        return replace(state, input_path=input_path, parameters=parameters, output_path=output_path)
    if isinstance(state, TaskState):
        return replace(
            state,
            input_path=input_path,
            parameters=_template(_noting(state.parameters, seen, after="afterParameters")),
            result_selector=_selector(state, seen),
            output_path=output_path,
        )
    if isinstance(state, MapState):
        selector = _selector(state, seen)
        return replace(state, input_path=input_path, result_selector=selector, output_path=output_path)
    return replace(state, input_path=input_path)


def _noted_jsonata(state: State, seen: dict[str, JsonValue]) -> State:
    if not isinstance(state, TaskState):
        return state

    def output(value: JsonValue, scope: Scope) -> JsonValue:
        assert scope.states is not None
        seen["result"] = scope.states["result"]
        return seen["result"] if state.output is None else state.output(value, scope)

    parameters = _template(_noting(state.parameters, seen, after="afterArguments"))
    return replace(state, parameters=parameters, output=_template(output))


def _noting(inner: Expression | None, seen: dict[str, JsonValue], *, after: str, also: str = "") -> Expression:
    """An expression that notes what it gives; without an inner one it gives what it is given."""

    def noting(value: JsonValue, scope: Scope) -> JsonValue:
        found = value if inner is None else inner(value, scope)
        seen[after] = found
        if also:
            seen[also] = found
        return found

    return noting


def _output_path(state: State, seen: dict[str, JsonValue]) -> Expression:
    """OutputPath; what it is given is what ResultPath has made."""

    def noting(value: JsonValue, scope: Scope) -> JsonValue:
        seen["afterResultPath"] = value
        return value if state.output_path is None else state.output_path(value, scope)

    return noting


def _selector(state: State, seen: dict[str, JsonValue]) -> Template:
    """ResultSelector; what it is given is the result of a Task."""
    noting = _noting(state.result_selector, seen, after="afterResultSelector")
    if state.type != "Task":
        return _template(noting)
    result = _noting(None, seen, after="result")
    return _template(lambda value, scope: noting(result(value, scope), scope))


def _literal(state: PassState, seen: dict[str, JsonValue]) -> Expression:
    """InputPath of a Pass with a Result: the service shows the result instead."""

    def noting(value: JsonValue, scope: Scope) -> JsonValue:
        effective = value if state.input_path is None else state.input_path(value, scope)
        seen["result"] = seen["afterResultSelector"] = state.result
        return effective

    return noting


def _template(evaluate: Expression) -> Template:
    return Template(False, (), evaluate)
