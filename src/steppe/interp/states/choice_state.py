"""Choice: the first rule that matches says where to go."""

from __future__ import annotations

from typing import NamedTuple

from steppe.asl.program import ChoiceState, State
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import ExpressionError
from steppe.expr.scope import Scope
from steppe.expr.template import Template
from steppe.interp import dataflow
from steppe.interp.thread import Thread
from steppe.interp.working import Run

NOWHERE = "Failed to transition out of the state. The state does not point to a next state."


class Decision(NamedTuple):
    """Where a Choice goes.

    Attributes:
        target: the next state.
        output: the state's output.
        assign: variables to set, of the rule or of the state; what it sees is `effective`.
        effective: the state's effective input.
    """

    target: str
    output: JsonValue
    assign: Template | None
    effective: JsonValue


def start(run: Run, thread: Thread, state: State) -> bool:
    """Find the rule, shape the data, leave."""
    assert isinstance(state, ChoiceState)
    scope = run.scope(thread)
    target, output, assign, effective = decide(state, thread.input, scope)
    assigned = None if assign is None else dataflow.fill(assign, effective, scope)
    return run.leave(thread, state, output, target, assigned)


def decide(state: ChoiceState, raw: JsonValue, scope: Scope) -> Decision:
    """The first rule that matches, and what it makes of the input.

    Raises:
        Fault: a rule or a field cannot be evaluated, or nothing matches.
    """
    effective = raw if state.input_path is None else dataflow.select(state.input_path, raw, scope)
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
    if state.language == "JSONata":
        output = raw if template is None else dataflow.fill(template, raw, scope)
    else:
        output = effective if state.output_path is None else dataflow.select(state.output_path, effective, scope)
    return Decision(target, output, assign, effective)
