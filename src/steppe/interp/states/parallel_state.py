"""Parallel: every branch runs with the same input; the outputs, in branch order, are the result."""

from __future__ import annotations

from steppe.asl.program import ParallelState, State
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.interp import dataflow
from steppe.interp.abandon import abort_children
from steppe.interp.execution import BranchesWait
from steppe.interp.thread import Thread
from steppe.interp.working import Run


def start(run: Run, thread: Thread, state: State) -> bool:
    """Start all branches."""
    assert isinstance(state, ParallelState)
    thread.scope = None
    scope = run.scope(thread)
    effective = dataflow.effective_input(state, thread.input, scope)
    value = dataflow.arguments(state, effective, scope)
    thread.previous_event = run.event("ParallelStateStarted", thread.previous_event)
    count = len(state.branches)
    thread.wait_for_branches(
        BranchesWait(items=(None,) * count, effective_input=None, next_index=count, concurrency=count)
    )
    for index, first in enumerate(state.branches):
        run.spawn(thread, index, first, value, thread.previous_event)
    return False


def child_done(run: Run, thread: Thread, state: State, child: Thread, output: JsonValue) -> bool:
    """A branch ended well; the last one to end completes the state."""
    wait = thread.wait
    assert isinstance(wait, BranchesWait)
    outputs = thread.branch_done(child.index, output)
    run.drop(child)
    if len(outputs) < len(wait.items):
        return False
    # Both of the next two events name the last branch's last event as their cause.
    thread.previous_event = child.previous_event
    run.event("ParallelStateSucceeded", thread.previous_event)
    thread.scope = None
    return run.conclude(thread, state, thread.results())


def child_failed(run: Run, thread: Thread, state: State, child: Thread, fault: Fault) -> bool:
    """A branch failed, and the state with it; the other branches are aborted."""
    abort_children(run, thread, child)
    thread.previous_event = child.previous_event
    return run.fault(thread, state, fault)
