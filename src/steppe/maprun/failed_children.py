"""Children that the worker fails, not the interpreter: before their first state, or because of a bug of ours."""

from __future__ import annotations

from dataclasses import replace

from steppe.base.jsonvalue import JsonValue
from steppe.interp.execution import Execution
from steppe.interp.history import HistoryEvent

_SHOWN_BYTES = 4096
"""How much of an input that is too large the history shows."""


def failed_execution(
    execution: Execution, raw_input: bytes, error: str, cause: str, now_ms: int
) -> tuple[Execution, list[HistoryEvent]]:
    """A child that failed at once, with the two events of such a history.

    Args:
        execution: before its first stimulus.
        raw_input: JSON text of its input; shown in part, and marked as truncated, when it is long.
        error: of the failure,
        cause: and its text.
        now_ms: the time.
    """
    truncated = len(raw_input) > _SHOWN_BYTES
    started: dict[str, JsonValue] = {
        "input": raw_input[:_SHOWN_BYTES].decode("utf-8", "ignore"),
        "inputDetails": {"truncated": truncated},
        "roleArn": execution.identity.role_arn,
    }
    history: list[HistoryEvent] = [
        {
            "timestamp": now_ms,
            "type": "ExecutionStarted",
            "id": 1,
            "previousEventId": 0,
            "executionStartedEventDetails": started,
        },
        {
            "timestamp": now_ms,
            "type": "ExecutionFailed",
            "id": 2,
            "previousEventId": 1,
            "executionFailedEventDetails": {"error": error, "cause": cause},
        },
    ]
    ended = replace(execution, status="FAILED", error=error, cause=cause, stopped_ms=now_ms, event_count=2)
    return ended, history
