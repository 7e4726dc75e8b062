"""Succeed: a good end."""

from __future__ import annotations

from steppe.asl.program import State
from steppe.base.jsonvalue import JsonValue
from steppe.expr.scope import Scope
from steppe.interp import dataflow
from steppe.interp.thread import Thread
from steppe.interp.working import Run


def start(run: Run, thread: Thread, state: State) -> bool:
    """Shape the data and end."""
    raw = thread.input
    if state.output is None and state.input_path is None and state.output_path is None:
        return run.leave(thread, state, raw, None)
    return run.leave(thread, state, shape(state, raw, run.scope(thread)), None)


def shape(state: State, raw: JsonValue, scope: Scope) -> JsonValue:
    """The state's output.

    Raises:
        StateFault: a field cannot be evaluated.
    """
    if state.language == "JSONata":
        return raw if state.output is None else dataflow.fill(state.output, raw, scope)
    effective = dataflow.effective_input(state, raw, scope)
    return effective if state.output_path is None else dataflow.select(state.output_path, effective, scope)
