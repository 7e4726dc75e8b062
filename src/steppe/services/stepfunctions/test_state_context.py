"""The context object that a caller of TestState gives: which members it may have.

Source: recorded cases of December 2025 and observations of September 2026 (unknown members, `Map`, `Task`; a given
context replaces the service's, nothing is filled in). The texts about types are ours, in the manner of those about
mocked results.
"""

from __future__ import annotations

from typing import Final

from steppe.asl.program import State, TaskState
from steppe.asl.resources import parse_resource
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonError, JsonValue, loads
from steppe.services.stepfunctions import refusals

_MEMBERS: Final[dict[str, dict[str, str]]] = {
    "Execution": {
        "Id": "string",
        "Input": "any",
        "Name": "string",
        "RoleArn": "string",
        "StartTime": "string",
        "RedriveCount": "number",
        "RedriveTime": "string",
    },
    "State": {"EnteredTime": "string", "Name": "string", "RetryCount": "number"},
    "StateMachine": {"Id": "string", "Name": "string"},
    "Task": {"Token": "string"},
}


def read_context(text: str, state: State) -> JsonValue:
    """The context object.

    Args:
        text: `context` of the request.
        state: under test.

    Raises:
        ApiError: ValidationException.
    """
    try:
        context = loads(text)
    except JsonError:
        raise _invalid("Context object must be valid JSON") from None
    if not isinstance(context, dict):
        raise _invalid("Context object must be a JSON object")
    if "Map" in context:
        raise _invalid("'Map' field is not supported when mocking a Context object")
    for name, members in context.items():
        known = _MEMBERS.get(name)
        if known is None:
            raise _invalid(f"Field '{name}' is not allowed")
        _check(name, members, known)
    if "Task" in context and not _has_token(state):
        raise _invalid(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' "
            "service integration pattern"
        )
    return context


def _check(place: str, members: JsonValue, known: dict[str, str]) -> None:
    if not isinstance(members, dict):
        raise _invalid(f"Field '{place}' must be an object")
    for name, value in members.items():
        kind = known.get(name)
        if kind is None:
            raise _invalid(f"Field '{name}' is not allowed")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if (kind == "string" and not isinstance(value, str)) or (kind == "number" and not number):
            raise _invalid(f"Field '{name}' must be a {kind}")


def _has_token(state: State) -> bool:
    resource = parse_resource(state.resource) if isinstance(state, TaskState) else None
    return resource is not None and resource.pattern != ""


def _invalid(text: str) -> ApiError:
    return refusals.invalid(f"Invalid Context object provided: {text}")
