"""Choice: the first rule that matches says where to go."""

from __future__ import annotations

from steppe.asl.program import ChoiceState, State
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import ExpressionError
from steppe.expr.template import Template
from steppe.interp import dataflow
from steppe.interp.thread import Thread
from steppe.interp.working import Run

NOWHERE = "Failed to transition out of the state. The state does not point to a next state."


def start(run: Run, thread: Thread, state: State) -> bool:
    """Find the rule, shape the data, leave."""
    assert isinstance(state, ChoiceState)
    raw, scope = thread.input, run.scope(thread)
    effective = dataflow.effective_input(state, raw, scope)
    target, assign, template = state.default, state.assign, state.output
    for index, rule in enumerate(state.rules):
        try:
            matched = rule.condition(effective, scope)
        except Fault as fault:
            raise dataflow.condition_fault(fault, index) from None
        except ExpressionError as error:
            raise dataflow.expression_fault(error) from None
        if matched:
            target, assign, template = rule.next, rule.assign, rule.output
            break
    if target is None:
        # The language calls this States.NoChoiceMatched; the service said States.Runtime in September 2026.
        raise dataflow.runtime_fault(NOWHERE)
    output = _output(state, template, effective, run, thread)
    assigned = None if assign is None else dataflow.fill(assign, effective, scope)
    return run.leave(thread, state, output, target, assigned)


def _output(state: ChoiceState, template: Template | None, effective: JsonValue, run: Run, thread: Thread) -> JsonValue:
    if state.language == "JSONata":
        return thread.input if template is None else dataflow.fill(template, thread.input, run.scope(thread))
    return effective if state.output_path is None else dataflow.select(state.output_path, effective, run.scope(thread))
