"""One step of an execution: `advance(program, execution, stimulus, now_ms, entropy) -> Advance`.

A step takes what has happened (a stimulus), runs the program until everything in it waits for the world again, and says
what it needs (commands) and what came to pass (history events). It does no I/O, reads no clock and draws no chance,
so the same arguments give the same bytes; the runtime commits all three together, and carries the commands out
afterwards.

    execution = new_execution(identity, {"order": 7}, started_ms=now)
    execution, history, commands = advance(program, execution, Start(), now, entropy)
    ...                                                    # a command's answer comes back as a stimulus
    execution, history, commands = advance(program, execution, TaskSucceeded(key, output), now, entropy)

Nothing that a definition or its data can do raises here: faults end up in a Catch or in a failed Execution.
InternalError is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn, TypeAlias

from steppe.asl.program import Program, State, TaskState
from steppe.base.errors import Fault, InternalError
from steppe.base.jsonvalue import JsonValue
from steppe.interp import dataflow, redrive
from steppe.interp.abandon import abandon
from steppe.interp.command import Command, StartTimer
from steppe.interp.execution import (
    EXECUTION_TIMER,
    Execution,
    Frame,
    Identity,
    MapRunWait,
    TaskWait,
    TimerWait,
)
from steppe.interp.history import HistoryEvent
from steppe.interp.states import (
    choice_state,
    fail_state,
    map_state,
    parallel_state,
    pass_state,
    succeed_state,
    task_state,
    wait_state,
)
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
from steppe.interp.thread import Thread
from steppe.interp.working import EXPRESS_SECONDS_MAX, LIMIT_CAUSE, TRUNCATED_NOT, Behaviour, HistoryFull, Run


class Advance(NamedTuple):
    """What one step gives; committed together.

    Attributes:
        execution: the new value.
        history: the new events, in order.
        commands: what is asked of the world, in order.
    """

    execution: Execution
    history: list[HistoryEvent]
    commands: list[Command]


def new_execution(identity: Identity, input: JsonValue, started_ms: int) -> Execution:
    """An execution before its first stimulus, which is `Start`.

    Args:
        identity: names and ARNs.
        input: its input, a JSON value; never changed.
        started_ms: when it starts.
    """
    return Execution(identity=identity, input=input, started_ms=started_ms, frames=_NO_FRAMES)


def advance(program: Program, execution: Execution, stimulus: Stimulus, now_ms: int, entropy: bytes) -> Advance:
    """Take an execution one step further.

    Args:
        program: the compiled definition it was started with.
        execution: where it stands.
        stimulus: what has happened. One that nothing waits for (a repeat, a late answer) changes nothing.
        now_ms: the time of the step, epoch milliseconds; all its events have it.
        entropy: the chance of the step, drawn by the runtime and kept with the stimulus. A few bytes are enough.

    Returns:
        The new execution, the new events, the commands.

    Raises:
        InternalError: a bug of ours.
    """
    if execution.status != "RUNNING":
        if not (isinstance(stimulus, Redrive) and redrive.redrivable(execution)):
            return Advance(execution, [], [])
        execution = redrive.reopen(execution, now_ms)
    elif isinstance(stimulus, Redrive):
        return Advance(execution, [], [])
    run = Run(program, execution, BEHAVIOURS, now_ms, entropy)
    try:
        try:
            if not _take(run, stimulus):
                return Advance(execution, [], [])
            while run.ready:
                thread = run.ready.popleft()
                if run.must_pause():
                    run.wait_until(thread, now_ms, "pause")
                else:
                    _run_thread(run, thread)
        except HistoryFull:
            run.fail(Fault(dataflow.RUNTIME, LIMIT_CAUSE), run.event_count)
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise _bug(execution, stimulus, error) from error
    if run.status == "RUNNING" and run.deadline_ms is None:
        _start_deadline(run)
    step = Advance(run.freeze(), run.history, run.commands)
    run.close()
    return step


def outstanding(program: Program, execution: Execution) -> list[Command]:
    """The commands of all that an execution still waits for, to be given out again after a crash.

    Args:
        program: the definition.
        execution: any; one that has ended waits for nothing.

    Returns:
        Commands with the keys they had before, so that giving them out twice is harmless.
    """
    if execution.status != "RUNNING":
        return []
    asked: list[Command] = []
    if execution.deadline_ms is not None:
        asked.append(StartTimer(EXECUTION_TIMER, execution.deadline_ms))
    for number in sorted(execution.frames):
        frame = execution.frames[number]
        match frame.wait:
            case TaskWait() as wait:
                state = program.states[frame.state]
                assert isinstance(state, TaskState)
                asked.extend(task_state.commands(state, wait))
            case TimerWait(key=key, due_ms=due_ms):
                asked.append(StartTimer(key, due_ms))
            case MapRunWait(command=command):
                asked.append(command)
    return asked


def _take(run: Run, stimulus: Stimulus) -> bool:
    """Apply a stimulus: whether it was for something."""
    match stimulus:
        case Start():
            return _start(run)
        case Stop(error, cause):
            return _stop(run, error, cause)
        case TimerFired(key) if key == EXECUTION_TIMER:
            return _expire(run)
        case Redrive():
            return redrive.resume(run)
        case _:
            return _answer(run, stimulus)


def _start(run: Run) -> bool:
    execution = run.execution
    if execution.event_count:
        return False
    details = {
        "input": run.text(execution.input),
        "inputDetails": TRUNCATED_NOT,
        "roleArn": execution.identity.role_arn,
    }
    run.event("ExecutionStarted", 0, "executionStartedEventDetails", details)
    # The first state has no cause: AWS gives it previousEventId 0, not the id of ExecutionStarted.
    root = Thread(0, None, 0, run.program.start_at, execution.input, 0)
    run.threads[0] = root
    run.ready.append(root)
    return True


def _stop(run: Run, error: str | None, cause: str | None) -> bool:
    if run.has_thread(0):
        abandon(run, run.root())
    details = {name: value for name, value in (("error", error), ("cause", cause)) if value is not None}
    run.end("ABORTED", "ExecutionAborted", 0, "executionAbortedEventDetails", details)
    run.error, run.cause = error, cause
    return True


def _expire(run: Run) -> bool:
    """The execution's own deadline, or a timer that fired early."""
    due_ms = run.deadline_ms
    if due_ms is None:
        return False
    if run.now_ms < due_ms:
        run.commands.append(StartTimer(EXECUTION_TIMER, due_ms))
        return True
    run.deadline_ms = None
    abandon(run, run.root())
    details = {"error": "States.Timeout"}
    # No event of the state in progress, no cause, the error in the event only: observed in August and September 2026.
    run.end("TIMED_OUT", "ExecutionTimedOut", 0, "executionTimedOutEventDetails", details)
    return True


def _start_deadline(run: Run) -> None:
    """The first time that an execution has to wait, its deadline gets a timer: most children never need one."""
    seconds = run.program.timeout_seconds
    if run.execution.identity.express:
        seconds = EXPRESS_SECONDS_MAX if seconds is None else min(seconds, EXPRESS_SECONDS_MAX)
    if seconds is not None:
        # A redrive gets a fresh deadline: observed in September 2026.
        begun_ms = run.execution.redriven_ms or run.execution.started_ms
        run.deadline_ms = begun_ms + seconds * 1000
        run.commands.append(StartTimer(EXECUTION_TIMER, run.deadline_ms))


_EXPECTED: Final[dict[type, tuple[type, ...]]] = {
    TaskSubmitted: (TaskWait,),
    TaskSucceeded: (TaskWait,),
    TaskFailed: (TaskWait,),
    TaskHeartbeat: (TaskWait,),
    ActivityStarted: (TaskWait,),
    TimerFired: (TaskWait, TimerWait),
    MapRunSucceeded: (MapRunWait,),
    MapRunFailed: (MapRunWait,),
}


def _answer(run: Run, stimulus: Stimulus) -> bool:
    """A stimulus with a key: find the thread that waits for it."""
    assert not isinstance(stimulus, Start | Stop | Redrive)
    number, _, _ = stimulus.key.partition("/")
    if not (number.isascii() and number.isdigit() and len(number) < 10 and run.has_thread(int(number))):
        return False
    frame = run.frames[int(number)]
    wait = frame.wait
    if not isinstance(wait, _EXPECTED[type(stimulus)]):
        return False
    match wait:
        case TaskWait(key=key):
            expected = (f"{key}/timeout", f"{key}/heartbeat") if isinstance(stimulus, TimerFired) else (key,)
        case TimerWait(key=key):
            expected = (key,)
        case _:
            assert isinstance(wait, MapRunWait)
            expected = (wait.command.key,)
    if stimulus.key not in expected:
        return False
    thread = run.thread(int(number))
    if isinstance(wait, TimerWait):
        _timer(run, thread, wait)
    else:
        _go(run, thread, lambda state: BEHAVIOURS[state.type].resume(run, thread, state, stimulus))
    return True


def _timer(run: Run, thread: Thread, wait: TimerWait) -> None:
    if run.now_ms < wait.due_ms:
        run.commands.append(StartTimer(wait.key, wait.due_ms))
        return
    thread.wait = None
    match wait.purpose:
        case "pause":
            run.ready.append(thread)
        case "retry":
            _go(run, thread, lambda state: BEHAVIOURS[state.type].start(run, thread, state))
        case _:
            fired = TimerFired(wait.key)
            _go(run, thread, lambda state: BEHAVIOURS[state.type].resume(run, thread, state, fired))


_Work: TypeAlias = Callable[[State], bool]


def _go(run: Run, thread: Thread, work: _Work) -> None:
    """Do something in a thread's state; when the thread goes on, it is ready."""
    state = run.states[thread.state]
    try:
        gone_on = work(state)
    except Fault as fault:
        gone_on = run.fault(thread, state, fault)
    if gone_on:
        run.ready.append(thread)


def _run_thread(run: Run, thread: Thread) -> None:
    """Enter the thread's state, and the next, until it waits, ends or fails."""
    behaviours = run.behaviours
    while True:
        try:
            state = run.enter(thread)
            gone_on = behaviours[state.type].start(run, thread, state)
        except Fault as fault:
            # Also of the entry: the input of a branch or an iteration was computed and may have no JSON form.
            gone_on = run.fault(thread, run.states[thread.state], fault)
        if not gone_on:
            return
        if run.must_pause():
            run.ready.append(thread)
            return


def _bug(execution: Execution, stimulus: Stimulus, error: BaseException) -> InternalError:
    story = (
        f"{type(stimulus).__name__} for {execution.identity.arn} after event {execution.event_count}, "
        f"{len(execution.frames)} frames: {type(error).__name__}: {error}"
    )
    return InternalError("The interpreter failed", story=story)


def _never(*_: object) -> NoReturn:
    raise AssertionError("nothing of this kind can happen in this kind of state")


_NO_FRAMES: Final = MappingProxyType[int, Frame]({})

BEHAVIOURS: Final = {
    "Pass": Behaviour(pass_state.start, _never, _never, _never),
    "Choice": Behaviour(choice_state.start, _never, _never, _never),
    "Succeed": Behaviour(succeed_state.start, _never, _never, _never),
    "Fail": Behaviour(fail_state.start, _never, _never, _never),
    "Wait": Behaviour(wait_state.start, wait_state.resume, _never, _never),
    "Task": Behaviour(task_state.start, task_state.resume, _never, _never),
    "Parallel": Behaviour(parallel_state.start, _never, parallel_state.child_done, parallel_state.child_failed),
    "Map": Behaviour(map_state.start, map_state.resume, map_state.child_done, map_state.child_failed),
}
"""What each kind of state does."""
