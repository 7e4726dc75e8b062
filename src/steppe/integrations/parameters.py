"""What the service says of a task's parameters when a state machine is created: `CallCheck` by botocore's models.

Of an `aws-sdk` action the service looks first for the members that the request has to have, and when one is missing
says nothing else. Then it reads the parameters into the request object of the AWS SDK for Java and stops at the first
thing that does not fit; the texts are those of that library. Values that an expression will give are not looked at. Of
an optimised integration it looks for the required members only, as far as anybody has seen.

Source: raw answers of ValidateStateMachineDefinition of September 2026 (17 of `aws-sdk`, 4 of `ecs:runTask`), and texts
that users published in 2025 and 2026. What is marked as not seen is what the same library says elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from steppe.asl.resources import Resource
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue, dumps
from steppe.expr.jsonata import is_expression
from steppe.integrations.aws_sdk import find_operation, member_table
from steppe.integrations.sdk_names import member_name

_OPTIMISED_SERVICES: Final = {"states": "sfn", "elasticmapreduce": "emr", "emr-containers": "emrcontainers"}
"""`aws-sdk` names of the services of optimised integrations, where they are not the same."""

_OWN_ACTIONS: Final = {"apigateway", "bedrock", "eks", "elasticmapreduce", "http"}
"""Optimised integrations whose actions are not the API's, or not with its parameters."""

_RUN_TASK_FORBIDDEN: Final = ("Count", "StartedBy")
"""Members that `ecs:runTask.sync` sets itself (seen in September 2026)."""


class _Misfit(Exception):
    """The first value that does not fit its shape: how it leaves the recursion."""


class ModelledCalls:
    """`CallCheck` by the models of the AWS APIs that botocore ships."""

    def exists(self, resource: Resource) -> bool:
        """See `CallCheck.exists`. Optimised integrations are a table of `steppe.asl.resources`."""
        return not resource.sdk or _operation(resource) is not None

    def problems(self, resource: Resource, parameters: Mapping[str, JsonValue], *, jsonata: bool) -> list[str]:
        """See `CallCheck.problems`."""
        forbidden = []
        if resource.name == "ecs:runTask.sync":
            names = {_plain(name, jsonata) for name in parameters}
            forbidden = [name for name in _RUN_TASK_FORBIDDEN if name in names]
        if forbidden:
            return [f"The field '{name}' is not supported by Step Functions" for name in forbidden]
        operation = _operation(resource)
        if operation is None or operation.input_shape is None:
            return []
        missing = _missing(operation, parameters, jsonata)
        if missing or not resource.sdk:
            return [f"The field '{name}' is required but was missing" for name in missing]
        try:
            _Reader(jsonata, _java_package(resource), operation).read_request(parameters)
        except _Misfit as misfit:
            return [str(misfit)]
        return []


def _operation(resource: Resource) -> OperationModel | None:
    """The API operation that is called; None when it is not known."""
    if not resource.sdk:
        if resource.service in _OWN_ACTIONS:
            return None
        service = _OPTIMISED_SERVICES.get(resource.service, resource.service)
        resource = Resource(sdk=True, service=service.replace("-", ""), action=resource.action, pattern="")
    try:
        return find_operation(resource)[1]
    except Fault:
        return None


def _plain(name: str, jsonata: bool) -> str:
    """A member's name without what says that it is computed."""
    return name if jsonata else name.removesuffix(".$")


def _missing(operation: OperationModel, parameters: Mapping[str, JsonValue], jsonata: bool) -> list[str]:
    """The members that have to be there and are not. A body that is streamed is one of them."""
    shape = operation.input_shape
    assert shape is not None
    required = [name for name in shape.required_members if not shape.members[name].metadata.get("idempotencyToken")]
    body = _streamed_body(operation)
    if body is not None:
        required.append(body)
    table = member_table(shape)
    given = {table.get(_plain(name, jsonata)) for name in parameters}
    return [member_name(name) for name in required if name not in given]


def _streamed_body(operation: OperationModel) -> str | None:
    """The member that is sent as a stream and so is no part of Java's request object."""
    shape = operation.input_shape
    payload = shape.serialization.get("payload") if shape is not None else None
    if shape is None or payload is None or not shape.members[payload].serialization.get("streaming"):
        return None
    return str(payload)


def _java_package(resource: Resource) -> str:
    return f"software.amazon.awssdk.services.{resource.service}.model"


class _Reader:
    """Holds parameters against shapes as the service's reader does, and stops at the first misfit."""

    def __init__(self, jsonata: bool, package: str, operation: OperationModel) -> None:
        self._jsonata = jsonata
        self._package = package
        self._operation = operation

    def read_request(self, parameters: Mapping[str, JsonValue]) -> None:
        """Read the whole input.

        Raises:
            _Misfit: with the service's text.
        """
        shape = self._operation.input_shape
        assert shape is not None
        body = _streamed_body(self._operation)
        table = member_table(shape)
        for name, value in parameters.items():
            plain = _plain(name, self._jsonata)
            member = table.get(plain)
            if member is None:
                known = [member_name(m) for m in shape.members if m != body]
                suggestion = f". Did you mean '{most_similar(plain, known)}'?" if known else ""
                raise _Misfit(f'The field "{plain}" is not supported by Step Functions{suggestion}')
            if name == plain and member != body:
                self._read(value, shape.members[member], plain)

    def _read(self, value: JsonValue, shape: Shape, field: str) -> None:
        if value is None or (self._jsonata and isinstance(value, str) and is_expression(value)):
            return
        if isinstance(shape, StructureShape):
            if not shape.is_document_type:
                self._read_structure(value, shape)
        elif isinstance(shape, ListShape):
            if not isinstance(value, list):
                raise _not_of(value, "java.util.ArrayList<java.lang.Object>")
            for element in value:
                self._read(element, shape.member, field)
        elif isinstance(shape, MapShape):
            if not isinstance(value, dict):
                raise _not_of(value, "java.util.LinkedHashMap<java.lang.String,java.lang.Object>")
            for name, member in value.items():
                if self._jsonata or not name.endswith(".$"):
                    self._read(member, shape.value, name)
        else:
            _read_scalar(value, shape.type_name, field)

    def _read_structure(self, value: JsonValue, shape: StructureShape) -> None:
        if not isinstance(value, dict):
            raise _no_constructor(value, f"{self._package}.{shape.name}$BuilderImpl")
        table = member_table(shape)
        for name, member in value.items():
            plain = _plain(name, self._jsonata)
            if plain not in table:
                raise _Misfit(f'The field "{plain}" is not supported by Step Functions')
            if name == plain:
                self._read(member, shape.members[table[plain]], plain)


_BOOLEANS: Final = ("true", "True", "TRUE", "false", "False", "FALSE", "", "null")
"""Texts that are taken for a boolean, blanks around them left out."""

_NUMBERS: Final = {"integer": "INTEGER", "long": "LONG", "float": "FLOAT", "double": "DOUBLE"}


def _read_scalar(value: JsonValue, kind: str, field: str) -> None:
    if kind == "boolean":
        _read_boolean(value)
    elif kind in _NUMBERS:
        whole = kind in ("integer", "long")
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise _Misfit(f"The value for the field '{field}' must be {_article(_NUMBERS[kind])}")
    elif kind == "string" and not isinstance(value, str | dict | list):
        # JSON may stand for a text that holds JSON (`Input` of sfn:startExecution).
        raise _Misfit(f"The value for the field '{field}' must be a STRING")


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "INTEGER" else f"a {kind}"


def _read_boolean(value: JsonValue) -> None:
    if isinstance(value, int) or (isinstance(value, str) and value.strip() in _BOOLEANS):
        return
    if isinstance(value, str):
        only = 'only "true" or "false" recognized'
        raise _Misfit(f"Cannot deserialize value of type `java.lang.Boolean` from String {dumps(value)}: {only}")
    raise _not_of(value, "java.lang.Boolean")


def _not_of(value: JsonValue, kind: str) -> _Misfit:
    """A value that no rule makes into this Java type. Seen for a fraction given for a boolean, not for the others."""
    found, token = _java_form(value)
    return _Misfit(f"Cannot deserialize value of type `{kind}` from {found} value (token `JsonToken.{token}`)")


def _no_constructor(value: JsonValue, kind: str) -> _Misfit:
    """Something else where an object has to stand. Seen for a text, not for the others."""
    if isinstance(value, list):
        return _not_of(value, kind)
    if isinstance(value, str):
        argument, shown = "String", f"String value ('{value}')"
    elif isinstance(value, bool):
        argument, shown = "boolean/Boolean", f"boolean value ({dumps(value)})"
    else:
        argument = "int/Int" if isinstance(value, int) else "double/Double"
        shown = f"Number value ({dumps(value)})"
    reason = f"no {argument}-argument constructor/factory method to deserialize from {shown}"
    return _Misfit(f"Cannot construct instance of `{kind}` (although at least one Creator exists): {reason}")


def _java_form(value: JsonValue) -> tuple[str, str]:
    """How the library names a JSON value, and its token."""
    if isinstance(value, bool):
        return "Boolean", f"VALUE_{dumps(value).upper()}"
    if isinstance(value, str):
        return "String", "VALUE_STRING"
    if isinstance(value, int):
        return "Integer", "VALUE_NUMBER_INT"
    if isinstance(value, float):
        return "Floating-point", "VALUE_NUMBER_FLOAT"
    return ("Object", "START_OBJECT") if isinstance(value, dict) else ("Array", "START_ARRAY")


def most_similar(name: str, known: list[str]) -> str:
    """The known name that is most like another, by Jaro and Winkler; the first of equals.

    The service suggests one however little it is like ("Bucket" for "Bogus"); how it chooses was not seen, and this
    fits what was.
    """
    return max(known, key=lambda other: _jaro_winkler(name.lower(), other.lower()))


def _jaro_winkler(left: str, right: str) -> float:
    """From 0 (nothing in common) to 1 (the same)."""
    reach = max(max(len(left), len(right)) // 2 - 1, 0)
    taken: set[int] = set()
    pairs = []
    for index, character in enumerate(left):
        for other in range(max(0, index - reach), min(len(right), index + reach + 1)):
            if other not in taken and right[other] == character:
                taken.add(other)
                pairs.append((index, other))
                break
    if not pairs:
        return 0.0
    matches = len(pairs)
    in_order = zip((left[i] for i, _ in pairs), (right[i] for i in sorted(taken)), strict=True)
    swaps = sum(a != b for a, b in in_order) / 2
    jaro = (matches / len(left) + matches / len(right) + (matches - swaps) / matches) / 3
    prefix = 0
    while prefix < 4 and left[prefix : prefix + 1] == right[prefix : prefix + 1] != "":
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro)
