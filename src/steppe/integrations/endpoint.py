"""An AWS API at an endpoint: what to send and how to read the answer come from its published model.

Requests are signed with Signature Version 4 and made again as the AWS SDKs do: three attempts in all, for throttling,
for answers that say the service is unwell, and for connections that break; with growing pauses in between.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.parsers
import botocore.serialize
import httpx
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue

BODY_BYTES_MAX = 8 * 1024 * 1024
"""A streaming answer that a state machine may take in: far over the 256 KiB that its state can hold."""

ATTEMPTS_MAX = 3
"""Of one call, the first included: the default of the AWS SDKs ("standard" mode)."""

_PAUSE_SECONDS = (0.1, 0.4)
"""The longest pause before the second and the third attempt; the real one is a random part of it."""

_UNWELL = frozenset({500, 502, 503, 504})
_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Error codes that the SDKs take for throttling (AWS SDKs reference guide, "Retry behavior")."""

_NO_OUTPUT = StructureShape("NoOutput", {"type": "structure", "members": {}})


class EndpointCaller:
    """Any AWS API at an endpoint, by its published model."""

    def __init__(
        self,
        model: ServiceModel,
        url: str,
        *,
        region: str,
        credentials: botocore.credentials.Credentials,
        client: httpx.AsyncClient,
    ) -> None:
        self._model = model
        self._url = url.rstrip("/")
        protocol = model.metadata["protocol"]
        # What is missing or null is for the service to refuse, in its own words: names and types were checked before.
        self._serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
        self._parser = botocore.parsers.create_parser(protocol)
        name = model.signing_name
        kind = botocore.auth.S3SigV4Auth if name == "s3" else botocore.auth.SigV4Auth
        self._signer = kind(credentials, name, region)
        self._client = client

    async def call(self, operation: str, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """See `ApiCaller.call`."""
        model = self._model.operation_model(operation)
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await self._attempt(model, parameters)
            except ApiError as error:
                error.fields["Attempts"] = attempt
                if attempt == ATTEMPTS_MAX or not may_try_again(error):
                    raise
            await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS[attempt - 1]))  # noqa: S311 - no secret depends on it
        raise AssertionError("the last attempt answers or raises")

    async def _attempt(self, operation: OperationModel, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        request = self._prepare(operation, parameters)
        try:
            response = await self._client.request(
                request.method, request.url, content=_body_bytes(request.body), headers=dict(request.headers.items())
            )
        except httpx.TimeoutException as error:
            # Not made again: whatever was asked for may be under way.
            raise ApiError("SdkClientException", f"Unable to execute HTTP request: {_why(error)}", status=0) from error
        except httpx.HTTPError as error:
            raise unreachable(error) from error
        return self._read(operation, response)

    def _prepare(
        self, operation: OperationModel, parameters: dict[str, JsonValue]
    ) -> botocore.awsrequest.AWSPreparedRequest:
        shape = operation.input_shape
        values = _to_datetimes(parameters, shape) if shape is not None else {}
        serialized = self._serializer.serialize_to_request(values, operation)
        botocore.awsrequest.prepare_request_dict(serialized, endpoint_url=self._url)
        request = botocore.awsrequest.create_request_object(serialized)
        self._signer.add_auth(request)
        prepared: botocore.awsrequest.AWSPreparedRequest = request.prepare()
        return prepared

    def _read(self, operation: OperationModel, response: httpx.Response) -> dict[str, JsonValue]:
        output = operation.output_shape
        body: JsonValue = response.content
        if len(response.content) > BODY_BYTES_MAX:
            raise ApiError("SdkClientException", f"The answer is over {BODY_BYTES_MAX} bytes", status=0)
        raw = {"status_code": response.status_code, "headers": _Headers(response.headers), "body": body}
        try:
            answer = self._parser.parse(raw, output or _NO_OUTPUT)
        except botocore.parsers.ResponseParserError as error:
            raise ApiError("SdkClientException", f"Unable to read the answer: {error}", status=0) from error
        request_id = answer.get("ResponseMetadata", {}).get("RequestId") or response.headers.get("x-amzn-requestid", "")
        if response.status_code >= 300:
            told = answer.get("Error", {})
            code, message = str(told.get("Code", response.status_code)), str(told.get("Message") or "")
            # Services that once spoke the query protocol name an error twice: as the wire did, as the model does.
            fields = {"RequestId": request_id, "Shape": told.get("QueryErrorCode", code)}
            raise ApiError(code, message, status=response.status_code, fields=fields)
        answer.pop("ResponseMetadata", None)
        parsed = _from_datetimes(answer, output) if output is not None else {}
        if output is not None and operation.has_streaming_output:
            parsed[output.serialization["payload"]] = response.content
        assert isinstance(parsed, dict)
        parsed["ResponseMetadata"] = {
            "RequestId": request_id,
            "HTTPStatusCode": response.status_code,
            "HTTPHeaders": [[k.decode("latin-1"), v.decode("latin-1")] for k, v in response.headers.raw],
        }
        return parsed


def may_try_again(error: ApiError) -> bool:
    """Whether a call that failed so may be made again: throttled, the service unwell, or not reached."""
    return error.status in _UNWELL or error.code in _THROTTLED or bool(error.fields.get("Unreachable"))


def throttled(error: ApiError) -> bool:
    """Whether the service asks for fewer calls."""
    return error.code in _THROTTLED or error.status == 429


def unreachable(error: httpx.HTTPError) -> ApiError:
    """A connection that could not be made, or that broke, as the Java SDK says it."""
    text = f"Unable to execute HTTP request: {_why(error)}"
    return ApiError("SdkClientException", text, status=0, fields={"Unreachable": True})


def _why(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


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
