"""Succeed: a good end."""

from __future__ import annotations

from steppe.asl.program import State
from steppe.interp import dataflow
from steppe.interp.thread import Thread
from steppe.interp.working import Run


def start(run: Run, thread: Thread, state: State) -> bool:
    """Shape the data and end."""
    raw = thread.input
    if state.language == "JSONata":
        output = raw if state.output is None else dataflow.fill(state.output, raw, run.scope(thread))
    elif state.input_path is None and state.output_path is None:
        output = raw
    else:
        scope = run.scope(thread)
        output = dataflow.effective_input(state, raw, scope)
        if state.output_path is not None:
            output = dataflow.select(state.output_path, output, scope)
    return run.leave(thread, state, output, None)
