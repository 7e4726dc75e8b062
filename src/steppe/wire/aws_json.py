"""AWS JSON 1.0 and 1.1: bodies of Step Functions, Athena and Glue, both ways, as the service's model says.

For each operation two closures are compiled at its first use: one turns a body into the members of `Request.input`
(types checked, constraints gathered, time stamps to epoch milliseconds, blobs from base64, unknown members ignored),
the other turns an operation's output into JSON (None and unknown members left out, epoch milliseconds to seconds).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from botocore.model import ListShape, MapShape, Shape, StructureShape

from steppe.base import timestamps
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonError, JsonValue, dumpb, loads, well_formed
from steppe.wire.constraints import NOT_NULL, Check, Findings, checks_of, member_name
from steppe.wire.model import service_model

Reader: TypeAlias = Callable[[JsonValue, str, Findings], JsonValue]
"""(value, the member's path as AWS spells it, findings) -> the value as operations see it."""

Writer: TypeAlias = Callable[[JsonValue], JsonValue]


class JsonProtocol:
    """One service's side of the protocol: parses inputs, serialises outputs."""

    __slots__ = ("_model", "_readers", "_writers", "content_type", "service")

    def __init__(self, service: str) -> None:
        self.service = service
        self._model = service_model(service)
        self.content_type = f"application/x-amz-json-{self._model.metadata.get('jsonVersion', '1.1')}"
        self._readers: dict[str, Reader] = {}
        self._writers: dict[str, Writer] = {}

    def operation_of(self, target: str) -> str:
        """The operation that an X-Amz-Target header names.

        Raises:
            ApiError: UnknownOperationException, naming what was asked for.
        """
        operation = target.rpartition(".")[2]
        if operation not in self._model.operation_names:
            raise ApiError(
                "UnknownOperationException", f"Unknown operation: {target[:200]!r} of service {self.service}"
            )
        return operation

    def parse(self, operation: str, body: bytes) -> dict[str, JsonValue]:
        """The members of the operation's input.

        Raises:
            ApiError: SerializationException for what is no JSON object or has a wrong type, ValidationException for
                what breaks the model's constraints (all findings in one).
        """
        try:
            value = loads(body) if body else {}
        except JsonError:
            raise ApiError("SerializationException", "The request body is not valid JSON") from None
        return self.check(operation, value)

    def check(self, operation: str, value: JsonValue) -> dict[str, JsonValue]:
        """As `parse`, for a body that is parsed already."""
        reader = self._readers.get(operation)
        if reader is None:
            shape = self._model.operation_model(operation).input_shape
            reader = self._readers[operation] = _reader(shape, {}) if shape is not None else _read_nothing
        findings = Findings()
        members: dict[str, JsonValue] = reader(value, "", findings)
        if findings.texts:
            findings.raise_any()
        return members

    def serialise(self, operation: str, output: JsonValue) -> bytes:
        """The JSON body of an operation's output."""
        writer = self._writers.get(operation)
        if writer is None:
            shape = self._model.operation_model(operation).output_shape
            writer = self._writers[operation] = _writer(shape, {}) if shape is not None else _write_nothing
        return dumpb(writer(output))


@cache
def protocol(service: str) -> JsonProtocol:
    """The protocol of a service, compiled once per process."""
    return JsonProtocol(service)


def _wrong_type(value: JsonValue, wanted: str) -> ApiError:
    """Coral's words for a JSON value of the wrong kind."""
    if isinstance(value, dict):
        return ApiError("SerializationException", "Start of structure or map found where not expected.")
    if isinstance(value, list):
        return ApiError("SerializationException", "Start of list found where not expected")
    if isinstance(value, bool):
        kind = "TRUE_VALUE" if value else "FALSE_VALUE"
    else:
        kind = (
            "STRING_VALUE"
            if isinstance(value, str)
            else "DECIMAL_VALUE"
            if isinstance(value, float)
            else "NUMBER_VALUE"
        )
    return ApiError("SerializationException", f"{kind} can not be converted to {wanted}")


def _read_nothing(value: JsonValue, path: str, findings: Findings) -> JsonValue:
    if not isinstance(value, dict):
        raise _wrong_type(value, "a Structure")
    return {}


def _write_nothing(value: JsonValue) -> JsonValue:
    return {}


def _reader(shape: Shape, known: dict[str, list[Reader]]) -> Reader:
    """Compile the reader of a shape; `known` breaks the circles of recursive shapes."""
    if shape.name in known:
        cell = known[shape.name]
        return cell[0] if cell else lambda value, path, findings: cell[0](value, path, findings)
    cell = known[shape.name] = []
    if isinstance(shape, StructureShape):
        reader = _structure_reader(shape, known)
    elif isinstance(shape, ListShape):
        reader = _list_reader(shape, known)
    elif isinstance(shape, MapShape):
        reader = _map_reader(shape, known)
    else:
        reader = _scalar_reader(shape, _SCALARS[shape.type_name])
    cell.append(reader)
    return reader


def _structure_reader(shape: StructureShape, known: dict[str, list[Reader]]) -> Reader:
    if shape.metadata.get("document"):
        return lambda value, path, findings: value
    members = {name: (_reader(member, known), member_name(name)) for name, member in shape.members.items()}
    required = tuple((name, member_name(name)) for name in shape.required_members)

    def read(value: JsonValue, path: str, findings: Findings) -> JsonValue:
        if not isinstance(value, dict):
            raise _wrong_type(value, "a Structure")
        prefix = path + "." if path else ""
        found = {}
        for name, inner in value.items():
            member = members.get(name)
            if member is not None and inner is not None:
                found[name] = member[0](inner, prefix + member[1], findings)
        for name, spelled in required:
            if name not in found:
                findings.add(prefix + spelled, None, NOT_NULL)
        return found

    return read


def _list_reader(shape: ListShape, known: dict[str, list[Reader]]) -> Reader:
    element = _reader(shape.member, known)
    checks = checks_of(shape)

    def read(value: JsonValue, path: str, findings: Findings) -> JsonValue:
        if not isinstance(value, list):
            raise _wrong_type(value, "a List")
        _apply(checks, value, path, findings, sensitive=True)
        found = []
        for number, inner in enumerate(value, 1):
            where = f"{path}.{number}.member"
            if inner is None:
                findings.add(where, None, NOT_NULL)
            else:
                found.append(element(inner, where, findings))
        return found

    return read


def _map_reader(shape: MapShape, known: dict[str, list[Reader]]) -> Reader:
    key_reader, value_reader = _reader(shape.key, known), _reader(shape.value, known)
    checks = checks_of(shape)

    def read(value: JsonValue, path: str, findings: Findings) -> JsonValue:
        if not isinstance(value, dict):
            raise _wrong_type(value, "a Map")
        _apply(checks, value, path, findings, sensitive=True)
        return {
            key_reader(key, f"{path}.key", findings): value_reader(inner, f"{path}.{key}.member", findings)
            for key, inner in value.items()
            if inner is not None
        }

    return read


def _scalar_reader(shape: Shape, convert: Callable[[JsonValue], JsonValue]) -> Reader:
    checks = checks_of(shape)
    if not checks:
        return lambda value, path, findings: convert(value)
    sensitive = bool(shape.metadata.get("sensitive"))

    def read(value: JsonValue, path: str, findings: Findings) -> JsonValue:
        found = convert(value)
        for check in checks:
            rule = check(found)
            if rule is not None:
                findings.add(path, found, rule, sensitive=sensitive)
        return found

    return read


def _apply(checks: tuple[Check, ...], value: JsonValue, path: str, findings: Findings, *, sensitive: bool) -> None:
    for check in checks:
        rule = check(value)
        if rule is not None:
            findings.add(path, value, rule, sensitive=sensitive)


def _string(value: JsonValue) -> JsonValue:
    if type(value) is not str:
        raise _wrong_type(value, "a String")
    if well_formed(value) != value:
        raise ApiError("SerializationException", "A text has half of a surrogate pair")
    return value


def _integer(value: JsonValue) -> JsonValue:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int:
        raise _wrong_type(value, "an Integer")
    if not -(1 << 63) <= value < 1 << 63:
        raise ApiError("SerializationException", "Number is out of range of a Long")
    return value


def _number(value: JsonValue) -> JsonValue:
    if type(value) is int or type(value) is float:
        return float(value)
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise _wrong_type(value, "a Float")


def _boolean(value: JsonValue) -> JsonValue:
    if type(value) is not bool:
        raise _wrong_type(value, "a Boolean")
    return value


def _timestamp(value: JsonValue) -> JsonValue:
    if type(value) is int or type(value) is float:
        milliseconds = value * 1000
        if abs(milliseconds) < 1 << 62:
            return round(milliseconds)
    elif type(value) is str:
        parsed = timestamps.parse_ms(value)
        if parsed is not None:
            return parsed
    raise _wrong_type(value, "a Timestamp")


def _blob(value: JsonValue) -> JsonValue:
    if type(value) is not str:
        raise _wrong_type(value, "a Blob")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ApiError("SerializationException", "Invalid base64 text in a Blob") from None


_SCALARS: dict[str, Callable[[JsonValue], JsonValue]] = {
    "string": _string,
    "character": _string,
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "blob": _blob,
}


def _writer(shape: Shape, known: dict[str, list[Writer]]) -> Writer:
    if shape.name in known:
        cell = known[shape.name]
        return cell[0] if cell else lambda value: cell[0](value)
    cell = known[shape.name] = []
    if isinstance(shape, StructureShape):
        writer = _structure_writer(shape, known)
    elif isinstance(shape, ListShape):
        element = _writer(shape.member, known)
        writer = (lambda value: value) if element is _as_it_is else (lambda value: [element(v) for v in value])
    elif isinstance(shape, MapShape):
        inner = _writer(shape.value, known)
        writer = lambda value: {k: inner(v) for k, v in value.items() if v is not None}  # noqa: E731
    else:
        writer = _WRITERS.get(shape.type_name, _as_it_is)
    cell.append(writer)
    return writer


def _structure_writer(shape: StructureShape, known: dict[str, list[Writer]]) -> Writer:
    if shape.metadata.get("document"):
        return _as_it_is
    members = {name: _writer(member, known) for name, member in shape.members.items()}

    def write(value: JsonValue) -> JsonValue:
        written = {}
        for name, inner in value.items():
            if inner is not None:
                member = members.get(name)
                if member is not None:
                    written[name] = inner if member is _as_it_is else member(inner)
        return written

    return write


def _as_it_is(value: JsonValue) -> JsonValue:
    return value


def _epoch_seconds(value: JsonValue) -> JsonValue:
    return value // 1000 if value % 1000 == 0 else value / 1000


def _base64_text(value: JsonValue) -> JsonValue:
    return base64.b64encode(value).decode("ascii")


_WRITERS: dict[str, Writer] = {"timestamp": _epoch_seconds, "blob": _base64_text}
