"""`aws-sdk:<service>:<action>`: any operation of any AWS API, by its published model.

Parameters and results are spelled as the AWS SDK for Java spells them (`sdk_names`). Observed on AWS and done here:
members come back in alphabetical order, a streaming body last; time stamps are ISO 8601 text; an input blob holds the
JSON text of what was given (`hello` is stored as the seven bytes `"hello"`), an output blob is its text.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import uuid
import zlib
from collections.abc import Callable, Mapping
from typing import TypeAlias

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from steppe.base.errors import ApiError, Fault
from steppe.base.jsonvalue import JsonValue, dumpb
from steppe.base.timestamps import parse_ms, to_text
from steppe.integrations.caller import Callers
from steppe.integrations.integration import TaskCall
from steppe.integrations.resource import Resource
from steppe.integrations.sdk_names import (
    botocore_name,
    capitalised,
    exception_name,
    member_name,
    pascal,
    service_model,
)

Moment: TypeAlias = Callable[[int], JsonValue]
"""How a time stamp (epoch milliseconds) is shown."""

Naming: TypeAlias = Callable[[str], str]
"""How a member of the API is called in a state machine."""


class AwsSdk:
    """The integration behind every `aws-sdk:` resource."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def run(self, call: TaskCall) -> JsonValue:
        """See `Integration.run`. With a task token, the answer is what TaskSubmitted shows."""
        resource = call.resource
        if resource.pattern not in ("", "waitForTaskToken"):
            raise Fault("States.Runtime", f"The resource {resource.name} is not supported: aws-sdk has no .sync")
        service, operation = find_operation(resource)
        try:
            parameters = _with_defaults(to_api(call.arguments, operation, token=call.token), operation)
            answer = await self._callers.of(service).call(operation.name, parameters)
        except ApiError as error:
            raise to_fault(error, service, operation) from error
        return from_api(answer, operation, iso_text)

    async def cancel(self, call: TaskCall) -> None:
        """Nothing to stop: a request either has been answered or will be."""


@functools.lru_cache(maxsize=1024)
def find_operation(resource: Resource) -> tuple[str, OperationModel]:
    """Botocore's service name and the operation that a resource names.

    Raises:
        Fault: States.Runtime, there is no such service or operation.
    """
    service = botocore_name(resource.service)
    model = service_model(service) if service else None
    if service is None or model is None:
        raise Fault("States.Runtime", f"The resource {resource.name} is not recognized: unknown service.")
    wanted = resource.action.lower()
    for name in model.operation_names:
        if name.lower() == wanted:
            return service, model.operation_model(name)
    raise Fault("States.Runtime", f"The resource {resource.name} is not recognized: unknown action.")


def to_api(arguments: Mapping[str, JsonValue], operation: OperationModel, *, token: str = "") -> dict[str, JsonValue]:
    """A state's parameters as the operation's input.

    Args:
        arguments: members by the name that a state machine uses.
        operation: what will be called.
        token: of the task. Members that make a call idempotent and were not given get a value made of it, so that a
            task which is carried out twice (after a crash) does its work once.

    Raises:
        Fault: States.Runtime, a parameter that the operation does not have or of another type.
    """
    shape = operation.input_shape
    if shape is None:
        return {}
    value = _to_shape(arguments, shape, "")
    tokens, required = _special_members(shape)
    for name in tokens:
        if value.get(name) is None:
            value[name] = stable_uuid(token) if token else str(uuid.uuid4())
    for name, in_path in required:
        if value.get(name) is not None:
            continue
        # A null is sent as no member, and the service says what it thinks of that (recorded in November 2025).
        names = member_table(shape)
        if in_path or name not in {names[given] for given in arguments}:
            raise Fault("States.Runtime", f"The field '{member_name(name)}' is required but was missing")
    assert isinstance(value, dict)
    return value


@functools.lru_cache(maxsize=4096)
def _special_members(shape: StructureShape) -> tuple[tuple[str, ...], tuple[tuple[str, bool], ...]]:
    """The members that make a call idempotent, and the required ones with whether they stand in the path."""
    tokens = tuple(name for name, member in shape.members.items() if member.metadata.get("idempotencyToken"))
    in_path = {name: shape.members[name].serialization.get("location") == "uri" for name in shape.required_members}
    return tokens, tuple(in_path.items())


def stable_uuid(token: str) -> str:
    """A UUID that is the same for the same task."""
    return str(uuid.UUID(bytes=hashlib.sha256(token.encode()).digest()[:16], version=4))


def from_api(
    answer: Mapping[str, JsonValue], operation: OperationModel, moment: Moment, naming: Naming = member_name
) -> dict[str, JsonValue]:
    """An operation's output as a state sees it."""
    shape = operation.output_shape
    if shape is None:
        return {}
    payload = shape.serialization.get("payload") if operation.has_streaming_output else None
    plain = {k: v for k, v in answer.items() if k != payload}
    result = _from_shape(plain, shape, moment, naming)
    assert isinstance(result, dict)
    if payload is not None and payload in answer:
        result[naming(payload)] = _text(answer[payload])
    return result


def iso_text(epoch_ms: int) -> str:
    """A time stamp in the results of `aws-sdk` tasks: as Java's Instant prints it, without empty milliseconds."""
    text = to_text(epoch_ms)
    return text[:-5] + "Z" if epoch_ms % 1000 == 0 else text


def to_fault(error: ApiError, service: str, operation: OperationModel) -> Fault:
    """An API's refusal as an error name and cause: `S3.NoSuchKeyException`.

    The name is the Java exception class: of the error when the model knows it, else the service's general one.
    """
    prefix = pascal(operation.service_model.service_id)
    if error.code == "SdkClientException":
        return Fault(f"{prefix}.SdkClientException", error.message)
    code = error.fields.get("Shape", error.code)
    known = {shape.name for shape in operation.error_shapes} | {
        shape for shape in operation.service_model.shape_names if shape == code
    }
    modelled = code in known or code == "AccessDenied"
    name = exception_name(code) if modelled else f"{prefix}Exception"
    request_id = error.fields.get("RequestId") or str(uuid.uuid4())
    details = f"Service: {prefix}, Status Code: {error.status}, Request ID: {request_id}"
    if service == "s3":
        return Fault(f"{prefix}.{name}", f"{error.message} ({details}, Extended Request ID: {uuid.uuid4()})")
    # Recorded since November 2025; S3's and DynamoDB's recordings are older and lack it.
    attempts = "" if service == "dynamodb" else f" (SDK Attempt Count: {error.fields.get('Attempts', 1)})"
    return Fault(f"{prefix}.{name}", f"{error.message} ({details}){attempts}")


def _with_defaults(parameters: dict[str, JsonValue], operation: OperationModel) -> dict[str, JsonValue]:
    """What the Java SDK adds by itself. Recorded in 2025: text as the type of an S3 object, and its CRC-32."""
    if operation.name != "PutObject" or operation.service_model.service_name != "s3":
        return parameters
    added: dict[str, JsonValue] = {"ContentType": "text/plain; charset=UTF-8"}
    if not any(name.startswith("Checksum") for name in parameters):
        checksum = zlib.crc32(parameters.get("Body", b""))
        added["ChecksumCRC32"] = base64.b64encode(checksum.to_bytes(4, "big")).decode()
    return added | parameters


def _to_shape(value: JsonValue, shape: Shape, place: str) -> JsonValue:
    """One value in the form of its shape; `place` is the field's path for messages."""
    if value is None:
        return None
    if isinstance(shape, StructureShape):
        if shape.is_document_type:
            return value
        if not isinstance(value, Mapping):
            raise _mismatch(place, "STRUCTURE")
        names = member_table(shape)
        result = {}
        for key, inner in value.items():
            api_name = names.get(key)
            if api_name is None:
                raise Fault("States.Runtime", f'The field "{key}" is not supported by Step Functions')
            converted = _to_shape(inner, shape.members[api_name], key)
            if converted is not None:
                result[api_name] = converted
        return result
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise _mismatch(place, "LIST")
        return [_to_shape(item, shape.member, place) for item in value]
    if isinstance(shape, MapShape):
        if not isinstance(value, Mapping):
            raise _mismatch(place, "MAP")
        return {k: _to_shape(v, shape.value, place) for k, v in value.items()}
    return _to_scalar(value, shape, place)


def _to_scalar(value: JsonValue, shape: Shape, place: str) -> JsonValue:
    kind = shape.type_name
    if kind == "blob":
        return dumpb(value)
    if kind == "boolean":
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise _mismatch(place, "BOOLEAN")
    if kind in ("integer", "long", "float", "double"):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return int(value) if kind in ("integer", "long") and float(value).is_integer() else value
        raise _mismatch(place, "NUMBER")
    if kind == "timestamp":
        moment = parse_ms(value) if isinstance(value, str) else None
        if moment is None:
            raise _mismatch(place, "TIMESTAMP")
        return moment
    if not isinstance(value, str):
        # Observed: members that hold JSON text (Input, Output, Payload) take JSON and are given its text.
        if isinstance(value, dict | list):
            return dumpb(value).decode()
        raise _mismatch(place, "STRING")
    return value


def _from_shape(value: JsonValue, shape: Shape, moment: Moment, naming: Naming) -> JsonValue:
    if value is None:
        return None
    if isinstance(shape, StructureShape) and not shape.is_document_type:
        named = {
            naming(k): _from_shape(v, shape.members[k], moment, naming)
            for k, v in value.items()
            if v is not None and k in shape.members
        }
        return dict(sorted(named.items()))
    if isinstance(shape, ListShape):
        return [_from_shape(item, shape.member, moment, naming) for item in value]
    if isinstance(shape, MapShape):
        return {k: _from_shape(v, shape.value, moment, naming) for k, v in sorted(value.items())}
    if shape.type_name == "timestamp":
        return moment(value)
    if shape.type_name == "blob":
        return _text(value)
    return value


def _text(blob: JsonValue) -> str:
    return blob.decode("utf-8", "replace") if isinstance(blob, bytes) else str(blob)


@functools.lru_cache(maxsize=4096)
def member_table(shape: StructureShape) -> Mapping[str, str]:
    """API member names by the names that state machines use: `aws-sdk:` and optimized spelling, and the API's own."""
    names = {name: name for name in shape.members} | {capitalised(name): name for name in shape.members}
    return names | {member_name(name): name for name in shape.members}


def _mismatch(place: str, kind: str) -> Fault:
    return Fault("States.Runtime", f"The value for the field '{place}' must be a {kind}")
