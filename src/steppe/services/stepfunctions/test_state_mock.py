"""Mocked results: whether one could be what the state's work gives.

The result of a service integration is held against the output shape of the API that it comes from, with the names that
the integration uses. Source: Developer Guide, "Testing state machines with TestState API"; recorded cases of December
2025 (texts; integers have ranges, text has none; unknown members are accepted in every mode).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from botocore.model import ListShape, MapShape, Shape, StructureShape

from steppe.asl.program import MapState, ParallelState, State, TaskState
from steppe.asl.resources import Resource, parse_resource
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonError, JsonValue, loads
from steppe.integrations.sdk_names import botocore_name, capitalised, member_name, service_model
from steppe.services.stepfunctions import refusals

_SERVICES: Final = {"states": "stepfunctions", "elasticmapreduce": "emr"}
"""Botocore's names of the services behind optimized integrations, where they differ."""

_JOBS: Final = {
    ("states", "startExecution"): "DescribeExecution",
    ("athena", "startQueryExecution"): "GetQueryExecution",
}
"""What a `.sync` task gives: the last answer of the API that tells about the job. Of others the form is not known."""

_MAXIMA: Final = {"MemorySize": 10_240}
"""Ranges as TestState has them, where the published models have moved on: 32,768 MB in Lambda's of 2026, but 10,241
was refused in December 2025."""

_NUMBERS: Final = frozenset({"integer", "long", "float", "double", "bigdecimal"})

_DEPTH_MAX: Final = 64


class _Api(NamedTuple):
    shape: Shape
    naming: Callable[[str], str]
    free: frozenset[str]


def read_result(state: State, text: str, mode: str) -> JsonValue:
    """The mocked result of a state.

    Args:
        state: under test.
        text: `mock.result`.
        mode: `fieldValidationMode`.

    Raises:
        ApiError: ValidationException; it is no JSON, or not what the state's work gives.
    """
    try:
        result = loads(text)
    except JsonError:
        raise refusals.invalid("Mocked result must be valid JSON") from None
    if isinstance(state, MapState) and state.writer is not None:
        if not isinstance(result, dict):
            raise refusals.invalid("Mocked result must be a JSON object.")
    elif isinstance(state, MapState | ParallelState):
        if not isinstance(result, list):
            raise refusals.invalid("Mocked result must be an array.")
        if isinstance(state, ParallelState) and len(result) != len(state.branches):
            raise refusals.invalid(
                "Mocked result must contain the same number of items as number of Parallel branches."
            )
    elif isinstance(state, TaskState) and mode != "NONE":
        _check_task(state.resource, result, strict=mode == "STRICT")
    return result


def _check_task(arn: str, result: JsonValue, *, strict: bool) -> None:
    resource = parse_resource(arn)
    # A function, an activity and a callback may give any JSON.
    if resource is None or resource.pattern == "waitForTaskToken":
        return
    if not isinstance(result, dict):
        raise refusals.invalid("Mocked result must be a valid JSON object.")
    api = _api(resource)
    if api is not None:
        _check(result, api.shape, "", api, strict=strict, depth=0)


def _api(resource: Resource) -> _Api | None:
    """The shape of what a resource gives; None when it is not known."""
    service = botocore_name(resource.service) if resource.sdk else _SERVICES.get(resource.service, resource.service)
    model = service_model(service) if service else None
    if model is None:
        return None
    action, free = resource.action, frozenset[str]()
    if resource.pattern:
        job = _JOBS.get((resource.service, action))
        if job is None:
            return None
        # With .sync:2 the child's input and output are JSON, not its text.
        action, free = job, frozenset({"Input", "Output"}) if resource.pattern == "sync:2" else free
    wanted = action.lower()
    name = next((name for name in model.operation_names if name.lower() == wanted), None)
    shape = model.operation_model(name).output_shape if name else None
    return _Api(shape, member_name if resource.sdk else capitalised, free) if shape is not None else None


def _check(value: JsonValue, shape: Shape, field: str, api: _Api, *, strict: bool, depth: int) -> None:
    """Hold a value against its shape; `field` is the nearest member's name.

    Raises:
        ApiError: ValidationException.
    """
    if depth > _DEPTH_MAX:
        raise _mismatch(f"Field '{field}' nests too deep")
    if isinstance(shape, StructureShape):
        if shape.is_document_type:
            return
        if not isinstance(value, dict):
            raise _mismatch(f"Field '{field}' must be an object")
        if strict:
            missing = next((n for n in map(api.naming, shape.required_members) if n not in value), None)
            if missing is not None:
                raise _mismatch(f"Required field '{missing}' is missing")
        for api_name, member in shape.members.items():
            name = api.naming(api_name)
            if name in value and name not in api.free:
                _check(value[name], member, name, api, strict=strict, depth=depth + 1)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise _mismatch(f"Field '{field}' must be an array")
        for element in value:
            _check(element, shape.member, field, api, strict=strict, depth=depth + 1)
    elif isinstance(shape, MapShape):
        if not isinstance(value, dict):
            raise _mismatch(f"Field '{field}' must be an object")
        for key, element in value.items():
            _check(element, shape.value, key, api, strict=strict, depth=depth + 1)
    else:
        _check_scalar(value, shape, field)


def _check_scalar(value: JsonValue, shape: Shape, field: str) -> None:
    if shape.type_name == "boolean":
        if not isinstance(value, bool):
            raise _mismatch(f"Field '{field}' must be a boolean")
    elif shape.type_name in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _mismatch(f"Field '{field}' must be a number")
        low, high = shape.metadata.get("min"), _MAXIMA.get(shape.name, shape.metadata.get("max"))
        if low is not None and value < low:
            raise _mismatch(f"Field '{field}' is less than the minimum value")
        if high is not None and value > high:
            raise _mismatch(f"Field '{field}' exceeds the maximum value")
    elif not isinstance(value, str):
        # Blobs are text, and so are dates.
        raise _mismatch(f"Field '{field}' must be a string")


def _mismatch(text: str) -> ApiError:
    return refusals.invalid(f"Mock result schema validation error: {text}")
