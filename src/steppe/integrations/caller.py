"""Who answers an API call: a service in this process, or an endpoint that the user named.

The models that botocore ships say how to send and read any operation; the calls are asynchronous HTTP. No endpoint is
ever guessed: what is neither served here nor configured fails with a message that says how to configure it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.parsers
import botocore.serialize
import httpx
from botocore.awsrequest import AWSPreparedRequest
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.integrations.integration import ApiCaller
from steppe.integrations.sdk_names import service_model
from steppe.wire.request import Operations, Request, Stream

_BODY_BYTES_MAX = 8 * 1024 * 1024
"""A streaming answer that a state machine may take in: far over the 256 KiB that its state can hold."""

_NO_OUTPUT = StructureShape("NoOutput", {"type": "structure", "members": {}})


class InProcessCaller:
    """A service of this process: no HTTP, no signing, no copies."""

    def __init__(self, service: str, operations: Operations) -> None:
        self._service = service
        self._operations = operations

    async def call(self, operation: str, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """See `ApiCaller.call`."""
        carry_out = self._operations.get(operation)
        if carry_out is None:
            raise ApiError("NotImplemented", f"steppe does not support {operation} of {self._service} yet", status=501)
        answer = await carry_out(Request(service=self._service, operation=operation, input=parameters))
        for name, value in answer.items():
            if isinstance(value, Stream):
                answer = {**answer, name: await _collect(value)}
        return answer


class EndpointCaller:
    """Any AWS API at an endpoint, by its published model, signed with Signature Version 4."""

    def __init__(
        self, model: ServiceModel, url: str, *, region: str, access_key: str, secret_key: str, client: httpx.AsyncClient
    ) -> None:
        self._model = model
        self._url = url.rstrip("/")
        protocol = model.metadata["protocol"]
        self._serializer = botocore.serialize.create_serializer(protocol)
        self._parser = botocore.parsers.create_parser(protocol)
        name = model.signing_name
        credentials = botocore.credentials.Credentials(access_key, secret_key)
        kind = botocore.auth.S3SigV4Auth if name == "s3" else botocore.auth.SigV4Auth
        self._signer = kind(credentials, name, region)
        self._client = client

    async def call(self, operation: str, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """See `ApiCaller.call`."""
        operation_model = self._model.operation_model(operation)
        request = self._prepare(operation_model, parameters)
        try:
            response = await self._client.request(
                request.method, request.url, content=_body_bytes(request.body), headers=dict(request.headers.items())
            )
        except httpx.HTTPError as error:
            raise ApiError("SdkClientException", f"Unable to execute HTTP request: {error}", status=0) from error
        return self._read(operation_model, response)

    def _prepare(
        self, operation: OperationModel, parameters: dict[str, JsonValue]
    ) -> botocore.awsrequest.AWSPreparedRequest:
        shape = operation.input_shape
        values = _to_datetimes(parameters, shape) if shape is not None else {}
        serialized = self._serializer.serialize_to_request(values, operation)
        botocore.awsrequest.prepare_request_dict(serialized, endpoint_url=self._url)
        request = botocore.awsrequest.create_request_object(serialized)
        self._signer.add_auth(request)
        prepared: AWSPreparedRequest = request.prepare()
        return prepared

    def _read(self, operation: OperationModel, response: httpx.Response) -> dict[str, JsonValue]:
        output = operation.output_shape
        body: JsonValue = response.content
        if len(response.content) > _BODY_BYTES_MAX:
            raise ApiError("SdkClientException", f"The answer is over {_BODY_BYTES_MAX} bytes", status=0)
        answer = self._parser.parse(
            {"status_code": response.status_code, "headers": _Headers(response.headers), "body": body},
            output or _NO_OUTPUT,
        )
        if response.status_code >= 300:
            error = answer.get("Error", {})
            raise ApiError(
                str(error.get("Code", response.status_code)), str(error.get("Message", "")), status=response.status_code
            )
        answer.pop("ResponseMetadata", None)
        parsed = _from_datetimes(answer, output) if output is not None else {}
        if output is not None and operation.has_streaming_output:
            parsed[output.serialization["payload"]] = response.content
        assert isinstance(parsed, dict)
        return parsed


class Callers:
    """All the APIs that tasks can call, by botocore service name."""

    def __init__(
        self,
        *,
        local: Mapping[str, Operations],
        endpoints: Mapping[str, str],
        region: str,
        credentials: Callable[[], tuple[str, str]],
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            local: services of this process; looked at when a call is made, so it may still be filled after this.
            endpoints: URL by service name; an endpoint wins over a local service.
            region: for signatures.
            credentials: access key and secret for the endpoints.
        """
        self._callers: dict[str, ApiCaller] = {}
        self._local = local
        self._endpoints = dict(endpoints)
        self._region = region
        self._credentials = credentials
        self._client: httpx.AsyncClient | None = None

    def of(self, service: str) -> ApiCaller:
        """The caller of a service.

        Raises:
            ApiError: SdkClientException; neither served nor configured.
        """
        caller = self._callers.get(service)
        if caller is not None:
            return caller
        if self.in_process(service):
            caller = self._callers[service] = InProcessCaller(service, self._local[service])
            return caller
        url = self._endpoints.get(service)
        model = service_model(service)
        if url is None or model is None:
            raise ApiError(
                "SdkClientException",
                f"steppe does not serve {service} and no endpoint is configured for it: "
                f"start it with --endpoint {service}=URL, or set STEPPE_ENDPOINTS={service}=URL",
                status=0,
            )
        if self._client is None:
            # Many children wait at once: the pool must not be the thing they wait for.
            limits = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
            self._client = httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(900, connect=10), trust_env=False)
        access_key, secret_key = self._credentials()
        caller = EndpointCaller(
            model, url, region=self._region, access_key=access_key, secret_key=secret_key, client=self._client
        )
        self._callers[service] = caller
        return caller

    def in_process(self, service: str) -> bool:
        """Whether the service answers in this process."""
        return service in self._local and service not in self._endpoints

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()


def _body_bytes(body: JsonValue) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body if isinstance(body, bytes | bytearray) else body.read())


class _Headers(dict[str, str]):
    """Headers that are found in any case, as botocore's parsers expect."""

    def __init__(self, headers: httpx.Headers) -> None:
        super().__init__({k.lower(): v for k, v in headers.items()})

    def __contains__(self, key: object) -> bool:
        return super().__contains__(str(key).lower())

    def __getitem__(self, key: str) -> str:
        return super().__getitem__(key.lower())

    def get(self, key: str, default: JsonValue = None) -> JsonValue:
        return super().get(key.lower(), default)


async def _collect(stream: Stream) -> bytes:
    if stream.length is not None and stream.length > _BODY_BYTES_MAX:
        await asyncio.sleep(0)
        raise ApiError("SdkClientException", f"The object of {stream.length} bytes does not fit a state", status=0)
    parts: list[bytes] = []
    size = 0
    async for chunk in stream.chunks:
        size += len(chunk)
        if size > _BODY_BYTES_MAX:
            raise ApiError("SdkClientException", "The object does not fit a state", status=0)
        parts.append(chunk)
    return b"".join(parts)


def _to_datetimes(value: JsonValue, shape: Shape) -> JsonValue:
    """Epoch milliseconds to what botocore serializes, wherever the shape says time stamp."""
    return _convert(value, shape, lambda ms: datetime.fromtimestamp(ms / 1000, UTC))


def _from_datetimes(value: JsonValue, shape: Shape) -> JsonValue:
    """What botocore parsed to epoch milliseconds."""
    return _convert(value, shape, lambda moment: round(moment.timestamp() * 1000))


def _convert(value: JsonValue, shape: Shape, moment: Callable[[JsonValue], JsonValue]) -> JsonValue:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {
            k: _convert(v, shape.members[k], moment) for k, v in value.items() if k in shape.members and v is not None
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_convert(v, shape.member, moment) for v in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {k: _convert(v, shape.value, moment) for k, v in value.items()}
    return moment(value) if shape.type_name == "timestamp" else value
