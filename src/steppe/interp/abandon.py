"""What nobody wants any more: commands are taken back, and the history says which states were aborted.

A thread that is abandoned stays where it is, waiting for nothing, so that a redrive can resume it.

How AWS orders the events of an abort was not recorded. Ours go from the inside out, in the order of branches: each
names the last event of what it aborts as its cause.
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


def abandon(run: Run, thread: Thread, *, silent: bool = False) -> int:
    """Take back what a thread, and all threads below it, asked of the world.

    Args:
        run: the advance.
        thread: one that has entered its state.
        silent: write no events.

    Returns:
        The id of the thread's last event.
    """
    wait, state = thread.wait, run.states[thread.state]
    last = thread.previous_event
    match wait:
        case None:
            return last
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
                return last
        case MapRunWait(ended=True):
            return last
        case MapRunWait():
            thread.wait = replace(wait, ended=True)
            run.commands.append(StopMapRun(wait.command.key, wait.command.map_run_arn))
            if not silent:
                last = run.event("MapRunAborted", last)
        case BranchesWait():
            for child in run.children(thread):
                last = _abandon_child(run, state, child, last, silent=silent)
    if not silent:
        last = run.event(f"{state.type}StateAborted", last)
    thread.previous_event = last
    return last


def abort_siblings(run: Run, parent: Thread, failed: Thread) -> None:
    """A branch or iteration has failed: the others are not wanted any more."""
    state = run.states[parent.state]
    for child in run.children(parent):
        if child is not failed:
            _abandon_child(run, state, child, failed.previous_event, silent=False)


def _abandon_child(run: Run, state: State, child: Thread, cause: int, *, silent: bool) -> int:
    if child.wait is None:
        # Either it failed, which its own events have said, or it was started and had no turn yet.
        if child not in run.ready:
            return cause
        run.ready.remove(child)
    ended = abandon(run, child, silent=silent)
    if state.type == "Map" and not silent:
        details = {"name": state.name, "index": child.index}
        ended = run.event("MapIterationAborted", ended, "mapIterationAbortedEventDetails", details)
    return ended


def timer_cancels(wait: TaskWait) -> list[Command]:
    """What takes back the timers of a task."""
    cancels: list[Command] = []
    if wait.timeout_due_ms is not None:
        cancels.append(CancelTimer(f"{wait.key}/timeout"))
    if wait.heartbeat_due_ms is not None:
        cancels.append(CancelTimer(f"{wait.key}/heartbeat"))
    return cancels
