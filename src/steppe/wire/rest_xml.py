"""REST with XML: S3's protocol. Routes a request to its operation, parses inputs, serialises outputs, by the model.

A request is routed by its method, by how much of /bucket/key its address has, and by the queries and headers that an
operation cannot do without; the operation that needs most of what is there wins (PUT with x-amz-copy-source is
CopyObject, with uploadId as well UploadPartCopy). Both address styles are understood: /bucket/key and
bucket.<endpoint>/key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from botocore.model import OperationModel, StructureShape

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.wire.http import HttpAnswer, HttpRequest
from steppe.wire.model import service_model
from steppe.wire.request import Stream
from steppe.wire.rest_values import header_from_text, header_to_text, query_from_text
from steppe.wire.xml_bodies import parse_body, write_body

_VIRTUAL_HOSTS = (
    re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-][a-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|localhost)", re.ASCII),
    re.compile(r"(?P<bucket>.+)\.localhost", re.ASCII),
)
_NOT_ROUTED = frozenset({"WriteGetObjectResponse", "ListDirectoryBuckets", "GetBucketLifecycle", "PutBucketLifecycle"})
"""Other endpoints' operations, and old names of operations that the model has twice."""


@dataclass(frozen=True, slots=True)
class Address:
    """What an address names. `bucket` and `key` are None where it ends before them."""

    bucket: str | None = None
    key: str | None = None


def address(request: HttpRequest) -> Address:
    """Bucket and key of a request, from its host and path.

    Raises:
        ApiError: InvalidURI for a path that is not UTF-8.
    """
    path = request.path
    if "\ufffd" in path and "%EF%BF%BD" not in request.raw_path.upper():
        raise ApiError("InvalidURI", "Couldn't parse the specified URI.")
    bucket = bucket_of_host(request.headers.get("host", ""))
    if bucket is None:
        bucket, _, key = path[1:].partition("/")
    else:
        key = path[1:]
    return Address(bucket or None, key or None)


def bucket_of_host(host: str) -> str | None:
    """The bucket that a virtual-host style address names; None for path style."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    for pattern in _VIRTUAL_HOSTS:
        match = pattern.fullmatch(name)
        if match is not None:
            return match["bucket"]
    return None


@dataclass(frozen=True, slots=True)
class _Route:
    """What an operation cannot do without."""

    operation: str
    queries: frozenset[str]
    literals: tuple[tuple[str, str], ...]
    headers: frozenset[str]

    @property
    def weight(self) -> int:
        return 2 * len(self.queries) + 2 * len(self.literals) + len(self.headers)


@dataclass(slots=True)
class _Bindings:
    """Where an operation's input members come from, and where its output members go."""

    uri: dict[str, str] = field(default_factory=dict)
    query: dict[str, tuple[str, str]] = field(default_factory=dict)
    headers: dict[str, tuple[str, str]] = field(default_factory=dict)
    prefixed: dict[str, str] = field(default_factory=dict)
    payload: str | None = None
    body: StructureShape | None = None
    required: tuple[str, ...] = ()


class RestXmlProtocol:
    """One service's side of the protocol."""

    __slots__ = ("_inputs", "_model", "_outputs", "_routes", "namespace")

    def __init__(self, service: str) -> None:
        self._model = service_model(service)
        self.namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
        self._routes: dict[tuple[str, int], list[_Route]] = {}
        for name in self._model.operation_names:
            if name not in _NOT_ROUTED:
                self._add_route(self._model.operation_model(name))
        for routes in self._routes.values():
            routes.sort(key=lambda route: (-route.weight, route.operation))
        self._inputs: dict[str, _Bindings] = {}
        self._outputs: dict[str, _Bindings] = {}

    def route(self, request: HttpRequest, where: Address) -> str:
        """The operation that a request means.

        Raises:
            ApiError: MethodNotAllowed.
        """
        depth = (where.bucket is not None) + (where.key is not None)
        routes = self._routes.get((request.method, depth))
        if routes:
            query = dict(request.query)
            for route in routes:
                if (
                    route.queries <= query.keys()
                    and route.headers <= request.headers.keys()
                    and all(query.get(name) == value or value == "" for name, value in route.literals)
                ):
                    return route.operation
        text = "The specified method is not allowed against this resource."
        raise ApiError("MethodNotAllowed", text, status=405, fields={"Method": request.method})

    def streams_input(self, operation: str) -> bool:
        """Whether the operation takes its body as a stream."""
        return self._model.operation_model(operation).has_streaming_input

    def parse(self, operation: str, request: HttpRequest, where: Address, body: bytes) -> dict[str, JsonValue]:
        """The members of the operation's input; a streaming payload is not among them.

        Raises:
            ApiError: InvalidArgument, MalformedXML, MissingRequestBodyError, InvalidRequest for what is missing.
        """
        bindings = self._inputs.get(operation)
        if bindings is None:
            shape = self._model.operation_model(operation).input_shape
            bindings = _bindings(shape) if shape is not None else _Bindings()
            bindings.headers = {name.lower(): target for name, target in bindings.headers.items()}
            self._inputs[operation] = bindings
        members: dict[str, JsonValue] = {}
        for member, label in bindings.uri.items():
            members[member] = where.key if label == "Key" else where.bucket
        for name, text in request.query:
            target = bindings.query.get(name)
            if target is not None:
                members[target[0]] = query_from_text(name, text, target[1])
        for name, text in request.headers.items():
            target = bindings.headers.get(name)
            if target is not None:
                members[target[0]] = header_from_text(name, text, target[1])
        for member, prefix in bindings.prefixed.items():
            members[member] = {k[len(prefix) :]: v for k, v in request.headers.items() if k.startswith(prefix)}
        if bindings.body is not None:
            self._parse_body(bindings, body, members)
        for name in bindings.required:
            if members.get(name) is None:
                raise _missing(operation, name, bindings)
        return members

    def serialise(self, operation: str, output: JsonValue) -> HttpAnswer:
        """An operation's output as status, headers and body."""
        model = self._model.operation_model(operation)
        bindings = self._outputs.get(operation)
        if bindings is None:
            shape = model.output_shape
            bindings = self._outputs[operation] = _bindings(shape) if shape is not None else _Bindings()
        headers: list[tuple[str, str]] = []
        status = int(model.http.get("responseCode", 200))
        for name, (member, kind) in bindings.headers.items():
            value = output.get(member)
            if value is not None:
                headers.append((name, header_to_text(value, kind)))
        for member, prefix in bindings.prefixed.items():
            headers.extend((prefix + name, value) for name, value in (output.get(member) or {}).items())
        if "ContentRange" in output and output["ContentRange"] is not None:
            status = 206
        if operation in _NO_CONTENT:
            return HttpAnswer(204, tuple(headers))
        if bindings.payload is not None and bindings.body is None:
            content = output.get(bindings.payload)
            return HttpAnswer(status, tuple(headers), content if isinstance(content, bytes | Stream) else b"")
        body = self._document(operation, bindings, output)
        if body:
            headers.append(("Content-Type", "application/xml"))
        return HttpAnswer(status, tuple(headers), body)

    def _document(self, operation: str, bindings: _Bindings, output: JsonValue) -> bytes:
        shape = bindings.body
        if shape is None:
            return b""
        value = output if bindings.payload is None else output.get(bindings.payload)
        if operation == "GetBucketLocation":
            # S3 answers with the bare element, empty in us-east-1.
            text = output.get("LocationConstraint") or ""
            return f'{_XML}<LocationConstraint xmlns="{self.namespace}">{text}</LocationConstraint>'.encode()
        root = _ROOTS.get(operation) or str(shape.serialization.get("name", shape.name))
        return _XML.encode() + write_body(shape, value or {}, root=root, namespace=self.namespace)

    def _parse_body(self, bindings: _Bindings, body: bytes, members: dict[str, JsonValue]) -> None:
        shape, payload = bindings.body, bindings.payload
        assert shape is not None
        if not body.strip():
            if payload is not None and payload in bindings.required:
                raise ApiError("MissingRequestBodyError", "Request body is empty.")
            return
        value = parse_body(shape, body)
        if payload is None:
            members.update(value)
        else:
            members[payload] = value

    def _add_route(self, model: OperationModel) -> None:
        uri, _, query = model.http["requestUri"].partition("?")
        depth = ("{Bucket}" in uri) + ("{Key+}" in uri)
        literals, queries, headers = [], set(), set()
        for part in filter(None, query.split("&")):
            name, sign, value = part.partition("=")
            if name != "x-id":
                queries.add(name)
                if sign:
                    literals.append((name, value))
        shape = model.input_shape
        for member in shape.required_members if shape is not None else ():
            traits = shape.members[member].serialization if shape is not None else {}
            if traits.get("location") == "querystring":
                queries.add(str(traits["name"]))
            elif traits.get("location") == "header" and str(traits["name"]).lower() in _ROUTING_HEADERS:
                headers.add(str(traits["name"]).lower())
        route = _Route(model.name, frozenset(queries), tuple(literals), frozenset(headers))
        self._routes.setdefault((model.http["method"], depth), []).append(route)


@cache
def protocol(service: str) -> RestXmlProtocol:
    """The protocol of a service, compiled once per process."""
    return RestXmlProtocol(service)


_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ROUTING_HEADERS = frozenset({"x-amz-copy-source", "x-amz-rename-source"})
_NO_CONTENT = frozenset({"DeleteObject", "DeleteBucket", "AbortMultipartUpload"})
_ROOTS = {
    "ListBuckets": "ListAllMyBucketsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "DeleteObjects": "DeleteResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "ListParts": "ListPartsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "UploadPartCopy": "CopyPartResult",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
}
"""Names of documents where S3's differ from the model's shape; clients that check them (Java) want S3's."""


def _bindings(shape: StructureShape) -> _Bindings:
    bindings = _Bindings(payload=shape.serialization.get("payload"), required=tuple(shape.required_members))
    in_body = False
    for member, member_shape in shape.members.items():
        traits = member_shape.serialization
        location, name = traits.get("location"), str(traits.get("name", member))
        kind = member_shape.type_name
        if kind == "timestamp":
            kind = "timestamp " + str(
                traits.get("timestampFormat", "iso8601" if location == "querystring" else "rfc822")
            )
        if location == "uri":
            bindings.uri[member] = name
        elif location == "querystring":
            bindings.query[name] = (member, kind)
        elif location == "header":
            # Inputs are looked up by lower-case name; outputs keep the model's spelling, which is AWS's.
            bindings.headers[name] = (member, kind)
        elif location == "headers":
            bindings.prefixed[member] = name.lower()
        else:
            in_body = True
    if bindings.payload is not None:
        payload = shape.members[bindings.payload]
        bindings.body = payload if isinstance(payload, StructureShape) else None
    elif in_body:
        bindings.body = shape
    return bindings


def _missing(operation: str, name: str, bindings: _Bindings) -> ApiError:
    if name == bindings.payload:
        return ApiError("MissingRequestBodyError", "Request body is empty.")
    return ApiError("InvalidRequest", f"{operation} needs {name}")
