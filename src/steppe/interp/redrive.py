"""Redrive: an execution that did not succeed goes on where it stopped.

When an execution fails, its frames stay in it, waiting for nothing: the state that failed, the branches and iterations
that were aborted, and the Parallel and Map states around them with the outputs they have. A redrive runs the innermost
ones again. As observed in September 2026: no second entry event, retries count from 0 again, finished branches keep
their results, a Map Run goes on under its ARN, deadlines are fresh.
"""

from __future__ import annotations

from dataclasses import replace

from steppe.asl.program import MapState
from steppe.base.errors import Fault
from steppe.base.quotas import HISTORY_EVENTS_MAX
from steppe.interp import map_run
from steppe.interp.execution import BranchesWait, Execution, MapRunWait
from steppe.interp.states import map_state
from steppe.interp.thread import Thread
from steppe.interp.working import Run


def redrivable(execution: Execution) -> bool:
    """Whether an execution can be redriven: it has ended without success, and its history has room."""
    ended = execution.status in ("FAILED", "TIMED_OUT", "ABORTED")
    return ended and bool(execution.frames) and execution.event_count < HISTORY_EVENTS_MAX


def reopen(execution: Execution, now_ms: int) -> Execution:
    """The execution as it runs again: input and start are those of the first time."""
    return replace(
        execution,
        status="RUNNING",
        stopped_ms=None,
        error=None,
        cause=None,
        redrive_count=execution.redrive_count + 1,
        redriven_ms=now_ms,
        deadline_ms=None,
    )


def resume(run: Run) -> bool:
    """Write ExecutionRedriven and run what had stopped."""
    details = {"redriveCount": run.execution.redrive_count}
    redriven = run.event("ExecutionRedriven", run.event_count, "executionRedrivenEventDetails", details)
    for number in sorted(run.frames):
        if run.status == "RUNNING" and run.has_thread(number):
            _resume(run, run.thread(number), redriven)
    return True


def _resume(run: Run, thread: Thread, redriven: int) -> None:
    state = run.states[thread.state]
    wait = thread.wait
    if isinstance(wait, BranchesWait):
        done = len(wait.outputs) == len(wait.items)
        if not done:
            if isinstance(state, MapState):
                _restart_iterations(run, thread, state, wait)
            return
        # All children had ended well, and then the state itself failed.
    elif isinstance(wait, MapRunWait):
        map_run.redrive(run, thread, wait)
        return
    elif thread.entered_event == 0:
        run.ready.append(thread)
        return
    thread.wait = None
    thread.attempts = ()
    thread.retry_count = 0
    thread.scope = None
    # As observed: a task is scheduled again by its state's entry, a Fail state fails again by the redrive.
    thread.previous_event = redriven if state.type == "Fail" else thread.entered_event
    try:
        gone_on = run.behaviours[state.type].start(run, thread, state)
    except Fault as fault:
        gone_on = run.fault(thread, state, fault)
    if gone_on:
        run.ready.append(thread)


def _restart_iterations(run: Run, thread: Thread, state: MapState, wait: BranchesWait) -> None:
    """Iterations whose ItemSelector failed left no frame behind: start them again."""
    known = {index for index, _ in wait.outputs} | {child.index for child in run.children(thread)}
    try:
        for index in range(wait.next_index):
            if index not in known:
                map_state.start_iteration(run, thread, state, index, thread.previous_event)
    except Fault as fault:
        run.fault(thread, state, fault)
