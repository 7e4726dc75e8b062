"""Fail: a bad end, with an error and a cause of the definition's own."""

from __future__ import annotations

from steppe.asl.program import FailState, State
from steppe.base.errors import Fault
from steppe.interp import dataflow
from steppe.interp.thread import Thread
from steppe.interp.working import Run


def start(run: Run, thread: Thread, state: State) -> bool:
    """Raise the state's fault."""
    assert isinstance(state, FailState)
    scope = run.scope(thread)
    error = None if state.error is None else dataflow.named_text(state.error, thread.input, scope)
    cause = None if state.cause is None else dataflow.named_text(state.cause, thread.input, scope)
    raise Fault(error, cause)
