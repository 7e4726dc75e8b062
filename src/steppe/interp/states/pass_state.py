"""Pass: its input, its Parameters or its Result goes on."""

from __future__ import annotations

from steppe.asl.program import PassState, State
from steppe.base.jsonvalue import JsonValue
from steppe.expr.scope import Scope
from steppe.interp import dataflow
from steppe.interp.thread import Thread
from steppe.interp.working import Run


def start(run: Run, thread: Thread, state: State) -> bool:
    """Shape the data and leave."""
    assert isinstance(state, PassState)
    raw = thread.input
    if state.language == "JSONata":
        if state.output is None and state.assign is None:
            return run.leave(thread, state, raw, state.next)
    elif state.parameters is None and state.input_path is None and state.output_path is None and state.assign is None:
        # Most Pass states ever run: nothing to evaluate, so no scope is made.
        result = state.result if state.has_result else raw
        path = state.result_path
        return run.leave(thread, state, raw if path is None else dataflow.write(path, raw, result), state.next)
    scope = run.scope(thread)
    output, seen = shape(state, raw, scope)
    assigned = None if state.assign is None else dataflow.fill(state.assign, seen, scope)
    return run.leave(thread, state, output, state.next, assigned)


def shape(state: PassState, raw: JsonValue, scope: Scope) -> tuple[JsonValue, JsonValue]:
    """The state's output, and what its Assign sees.

    Raises:
        StateFault: a field cannot be evaluated.
    """
    if state.language == "JSONata":
        return raw if state.output is None else dataflow.fill(state.output, raw, scope), raw
    effective = raw if state.input_path is None else dataflow.select(state.input_path, raw, scope)
    if state.has_result:
        result = state.result
    else:
        result = effective if state.parameters is None else dataflow.fill(state.parameters, effective, scope)
    return dataflow.output_of(state, raw, result, scope), result
