"""A history event as the line that Step Functions puts into CloudWatch Logs.

    {"details":{"name":"A"},"redrive_count":"0","id":"2","type":"PassStateEntered","previous_event_id":"0",
     "event_timestamp":"1787541942901","execution_arn":"arn:..."}

Every number and truth value is a text, the details are sorted by name. Source: lines that users published in August
2026 (without data) and July 2024 (with data); the members in this order in the newer ones.
"""

from __future__ import annotations

from dataclasses import replace

from steppe.base.jsonvalue import JsonValue, dumps
from steppe.interp.history import HistoryEvent
from steppe.stores.deliveries import LogCursor

PAYLOAD_BYTES_MAX = 248 * 1024
"""Of an escaped input or output in a line; what is longer is cut. Developer Guide, "Using CloudWatch Logs"."""

FATAL = frozenset({"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"})
"""The types of events on level FATAL. Developer Guide, "Log levels"."""

_ERROR_ENDINGS = ("Aborted", "Failed", "TimedOut")
_DATA = frozenset(
    {"input", "inputDetails", "output", "outputDetails", "assignedVariables", "assignedVariablesDetails", "parameters"}
)
_PAYLOADS = ("input", "output")


def is_logged(event_type: str, level: str) -> bool:
    """Whether a level logs a type of event.

    ERROR is every type that says that something failed, and FailStateEntered: the guide's table in one rule, which also
    holds for types that are newer than the table (those of activities and Map Runs).
    """
    if level == "ALL":
        return True
    if level == "FATAL":
        return event_type in FATAL
    return event_type.endswith(_ERROR_ENDINGS) or event_type in ("FailStateEntered", "EvaluationFailed")


def lines(cursor: LogCursor, events: list[HistoryEvent]) -> tuple[bytes, LogCursor]:
    """The lines of the events after a cursor, and the cursor after them."""
    made: list[str] = []
    for event in events:
        redriven = event.get("executionRedrivenEventDetails")
        if redriven is not None:
            cursor = replace(cursor, redrive_count=redriven["redriveCount"])
        if is_logged(event["type"], cursor.level):
            made.append(dumps(_line(cursor, event)))
    after = replace(cursor, logged_through=events[-1]["id"]) if events else cursor
    return "".join(f"{text}\n" for text in made).encode("utf-8", "surrogatepass"), after


def _line(cursor: LogCursor, event: HistoryEvent) -> dict[str, JsonValue]:
    details: dict[str, JsonValue] = next(
        (value for member, value in event.items() if member.endswith("EventDetails")), {}
    )
    return {
        "details": _details(details, with_data=bool(cursor.with_data)),
        "redrive_count": str(cursor.redrive_count),
        "id": str(event["id"]),
        "type": event["type"],
        "previous_event_id": str(event["previousEventId"]),
        "event_timestamp": str(event["timestamp"]),
        "execution_arn": cursor.execution_arn,
    }


def _details(details: dict[str, JsonValue], *, with_data: bool) -> dict[str, JsonValue]:
    shown = {name: value for name, value in details.items() if with_data or name not in _DATA}
    for name in _PAYLOADS:
        text = shown.get(name)
        if isinstance(text, str) and len(text) * 6 > PAYLOAD_BYTES_MAX:
            cut = _cut(text)
            if cut != text:
                shown |= {name: cut, f"{name}Details": {"truncated": True}}
    return {name: _as_text(shown[name]) for name in sorted(shown) if shown[name] is not None}


def _cut(text: str) -> str:
    """The beginning of a text that fits a line; found by halving, since escapes make every character count its own."""
    if _escaped_bytes(text) <= PAYLOAD_BYTES_MAX:
        return text
    low, high = 0, min(len(text), PAYLOAD_BYTES_MAX)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _escaped_bytes(text[:middle]) <= PAYLOAD_BYTES_MAX else (low, middle - 1)
    return text[:low]


def _escaped_bytes(text: str) -> int:
    return len(dumps(text).encode("utf-8", "surrogatepass")) - 2


def _as_text(value: JsonValue) -> JsonValue:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return {name: _as_text(part) for name, part in sorted(value.items())}
    if isinstance(value, list):
        return [_as_text(part) for part in value]
    return value if isinstance(value, str) else str(value)
