"""Who answers an API call: a service in this process, or an endpoint that the user named.

No endpoint is ever guessed: what is neither served here nor configured fails with a message that says how to configure
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import botocore.credentials
import httpx

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.integrations.endpoint import BODY_BYTES_MAX, EndpointCaller
from steppe.integrations.integration import ApiCaller
from steppe.integrations.sdk_names import service_model
from steppe.wire.request import Operations, Request, Stream

ANY_SERVICE = "*"
"""In `endpoints` and `endpoint_keys`: every service that is neither served here nor named."""

_CONNECTIONS_MAX = 1000
_CALL_SECONDS_MAX = 900
"""A synchronous Lambda function may take a quarter of an hour before it answers."""


class InProcessCaller:
    """A service of this process: no HTTP, no signing, no copies. What it does not do, an endpoint may."""

    def __init__(self, service: str, operations: Operations, otherwise: Callable[[], ApiCaller]) -> None:
        self._service = service
        self._operations = operations
        self._otherwise = otherwise

    async def call(self, operation: str, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """See `ApiCaller.call`."""
        carry_out = self._operations.get(operation)
        if carry_out is None:
            return await self._otherwise().call(operation, parameters)
        model = service_model(self._service)
        shape = None if model is None else model.operation_model(operation).input_shape
        for name in shape.required_members if shape is not None else ():
            if parameters.get(name) is None:
                rule = "failed to satisfy constraint: Member must not be null"
                text = f"1 validation error detected: Value null at '{name[:1].lower()}{name[1:]}' {rule}"
                raise ApiError("ValidationException", text)
        answer = await carry_out(Request(service=self._service, operation=operation, input=parameters))
        for name, value in answer.items():
            if isinstance(value, Stream):
                answer = {**answer, name: await _collect(value)}
        return answer


class Callers:
    """All the APIs that tasks can call, by botocore service name."""

    def __init__(
        self,
        *,
        local: Mapping[str, Operations],
        endpoints: Mapping[str, str],
        region: str,
        credentials: Callable[[str], tuple[str, ...]],
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            local: services of this process; looked at when a call is made, so it may still be filled after this.
            endpoints: URL by service name; an endpoint wins over a local service, but for that of ANY_SERVICE.
            region: for signatures.
            credentials: access key id, secret and perhaps session token for a service's endpoint.
        """
        self._callers: dict[str, ApiCaller] = {}
        self._local = local
        self.endpoints = dict(endpoints)
        self.region = region
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
            caller = InProcessCaller(service, self._local[service], lambda: self._at_endpoint(service))
        else:
            caller = self._at_endpoint(service)
        self._callers[service] = caller
        return caller

    def _at_endpoint(self, service: str) -> ApiCaller:
        url = self.endpoint(service)
        model = service_model(service)
        if url is None or model is None:
            raise ApiError(
                "SdkClientException",
                f"steppe does not serve {self._missing(service)} and no endpoint is configured for it: "
                f"start it with --endpoint {service}=URL, or set STEPPE_ENDPOINTS={service}=URL",
                status=0,
            )
        return EndpointCaller(model, url, region=self.region, credentials=self.credentials(service), client=self.http())

    def _missing(self, service: str) -> str:
        return f"this operation of {service}" if service in self._local else service

    def endpoint(self, service: str) -> str | None:
        """Where the calls to a service that does not answer in this process go; None for nowhere."""
        return self.endpoints.get(service) or self.endpoints.get(ANY_SERVICE)

    def credentials(self, service: str) -> botocore.credentials.Credentials:
        """The keys for a service's endpoint."""
        return botocore.credentials.Credentials(*self._credentials(service))

    def http(self) -> httpx.AsyncClient:
        """The connections that all calls share. Proxies of the environment are not used: endpoints are exact."""
        if self._client is None:
            # Many children wait at once: the pool must not be the thing they wait for.
            limits = httpx.Limits(max_connections=_CONNECTIONS_MAX, max_keepalive_connections=100)
            timeout = httpx.Timeout(_CALL_SECONDS_MAX, connect=10)
            self._client = httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False)
        return self._client

    def in_process(self, service: str) -> bool:
        """Whether the service answers in this process."""
        return service in self._local and service not in self.endpoints

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()


async def _collect(stream: Stream) -> bytes:
    if stream.length is not None and stream.length > BODY_BYTES_MAX:
        await asyncio.sleep(0)
        raise ApiError("SdkClientException", f"The object of {stream.length} bytes does not fit a state", status=0)
    parts: list[bytes] = []
    size = 0
    async for chunk in stream.chunks:
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise ApiError("SdkClientException", "The object does not fit a state", status=0)
        parts.append(chunk)
    return b"".join(parts)
