"""What nobody wants any more: commands are taken back, and the history says which states were aborted.

A thread that is abandoned stays where it is, waiting for nothing, so that a redrive can resume it.

Observed in September 2026: when a branch or iteration fails, every unfinished branch that is in a Task gets
TaskStateAborted, the failed one included, and all these events name the failure as their cause; StateFailed comes after
them. When the whole execution is stopped or times out, there are no such events at all. Events for siblings that are in
a Wait, Map or Parallel state were not observed; ours follow the same rule, from the inside out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from steppe.asl.program import State
from steppe.interp.command import CancelTask, CancelTimer, Command, StopMapRun
from steppe.interp.execution import BranchesWait, MapRunWait, TaskWait, TimerWait
from steppe.interp.thread import Thread

if TYPE_CHECKING:
    from steppe.interp.working import Run


def abandon(run: Run, thread: Thread, cause: int | None = None) -> None:
    """Take back what a thread, and all threads below it, asked of the world.

    Args:
        run: the advance.
        thread: one that has entered its state.
        cause: the id of the event that made it unwanted; None to write no events.
    """
    wait, state = thread.wait, run.states[thread.state]
    match wait:
        case None | MapRunWait(ended=True):
            return
        case TaskWait():
            run.commands.append(CancelTask(wait.key))
            run.commands.extend(timer_cancels(wait))
            thread.wait = None
        case TimerWait():
            run.commands.append(CancelTimer(wait.key))
            thread.wait = None
            if wait.purpose == "pause":
                # It had left one state and not entered the next.
                thread.entered_event = 0
                return
        case MapRunWait():
            thread.wait = replace(wait, ended=True)
            run.commands.append(StopMapRun(wait.command.key, wait.command.map_run_arn))
            if cause is not None:
                run.event("MapRunAborted", cause)
        case _:
            assert isinstance(wait, BranchesWait)
            for child in run.children(thread):
                _abandon_child(run, state, child, cause)
    if cause is not None:
        run.event(f"{state.type}StateAborted", cause)


def abort_children(run: Run, parent: Thread, failed: Thread) -> None:
    """A branch or iteration has failed: it and all others are aborted."""
    state = run.states[parent.state]
    for child in run.children(parent):
        if child is not failed:
            _abandon_child(run, state, child, failed.previous_event)
        elif run.states[child.state].type == "Task":
            run.event("TaskStateAborted", failed.previous_event)


def _abandon_child(run: Run, state: State, child: Thread, cause: int | None) -> None:
    started = child in run.ready
    if started:
        run.ready.remove(child)
    elif child.wait is None:
        # It failed, which its own events have said.
        return
    else:
        abandon(run, child, cause)
    if state.type == "Map" and cause is not None:
        details = {"name": state.name, "index": child.index}
        run.event("MapIterationAborted", cause, "mapIterationAbortedEventDetails", details)


def timer_cancels(wait: TaskWait) -> list[Command]:
    """What takes back the timers of a task."""
    cancels: list[Command] = []
    if wait.timeout_due_ms is not None:
        cancels.append(CancelTimer(f"{wait.key}/timeout"))
    if wait.heartbeat_due_ms is not None:
        cancels.append(CancelTimer(f"{wait.key}/heartbeat"))
    return cancels
