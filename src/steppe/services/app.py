"""The app: one ASGI callable that serves every API on one port.

A request's service is what its signature's scope says, else what X-Amz-Target says, else S3. The service's protocol
(`steppe.wire`) turns the request into a `Request`, the service's table of operations answers it, the protocol turns the
answer, or the ApiError, back. What a service's table does not have is refused here, by name.

`GET /_steppe/health` answers 200 when the start-up hook is done and `health` says so, else 503. A plain ASGI callable
and no framework: the routes are the AWS protocols' own, and StartExecution is called thousands of times a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Protocol, TypeAlias

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue, dumpb
from steppe.wire import aws_json, query, rest_xml, sigv2, sigv4
from steppe.wire.faults import json_fault, query_fault, xml_fault
from steppe.wire.http import HEADERS_BYTES_MAX, HttpAnswer, HttpRequest, header_text, parse_query
from steppe.wire.model import Directory, directory
from steppe.wire.payload import Payload
from steppe.wire.request import Caller, Operation, Operations, Request, Stream

Message: TypeAlias = MutableMapping[str, JsonValue]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]
Hook: TypeAlias = Callable[[], Awaitable[None]]
Page: TypeAlias = Callable[[HttpRequest], Awaitable[HttpAnswer]]

STREAMED_BODY_BYTES_MAX = 5 * 1024**3
"""S3's limit on one PUT or part."""

DRAIN_BYTES_MAX = 64 * 1024 * 1024
"""What is read of a body that nobody wants, so that the answer arrives; beyond it the connection is closed."""

_log = logging.getLogger(__name__)


class AppSettings(Protocol):
    """The settings that the app needs; `steppe.settings.Settings` has them."""

    @property
    def region(self) -> str:
        """Region of callers who name none."""
        ...

    @property
    def access_keys(self) -> Mapping[str, str]:
        """Secret by access key id; empty: signatures are not verified."""
        ...

    @property
    def body_bytes_max(self) -> int:
        """Limit on a request's body, but for S3's uploads."""
        ...


class Forwarder(Protocol):
    """Who takes requests for services that are not served here: `services.forwarding.Forwarding`."""

    def service(self, signing_name: str) -> str | None:
        """The service that requests signed for this name go to; None when nobody takes them."""
        ...

    async def forward(
        self, service: str, signing_name: str, request: HttpRequest, body: bytes, region: str
    ) -> HttpAnswer:
        """Hand a request on; raises ApiError when that cannot be done."""
        ...


def create_app(
    *,
    settings: AppSettings,
    services: Mapping[str, Operations],
    health: Callable[[], dict[str, JsonValue]],
    pages: Mapping[str, Page] | None = None,
    forwarder: Forwarder | None = None,
    on_startup: Hook | None = None,
    on_shutdown: Hook | None = None,
    now: Callable[[], float] = time.time,
) -> AsgiApp:
    """The ASGI app.

    Args:
        settings: for region, access keys and the limit on bodies.
        services: operations by botocore's service names; JSON services, those of the query protocol, and S3.
        health: what /_steppe/health says beside its status; called per request. A member `ready` that is False makes
            the answer 503.
        pages: further pages below /_steppe/, by path. With access keys they want a signature, for Step Functions.
        forwarder: takes requests for services that are not served here; without it they are refused.
        on_startup: awaited in the server's loop before the first request is taken.
        on_shutdown: awaited when the server stops.
        now: epoch seconds, for the expiry of signatures.
    """
    return _App(settings, services, health, pages or {}, forwarder, on_startup, on_shutdown, now)


class _Exchange:
    """One HTTP request: its message, its body as it comes in, and how the answer goes out."""

    __slots__ = ("_first", "_receive", "_send", "body_done", "disconnected", "request", "request_id")

    def __init__(self, request: HttpRequest, receive: Receive, send: Send) -> None:
        self.request = request
        self._receive = receive
        self._send = send
        self._first: Message | None = None  # what came in and was not looked at yet
        self.body_done = False
        self.disconnected = False
        self.request_id = ""

    async def chunks(self, limit: int) -> AsyncIterator[bytes]:
        """The body's bytes as they come.

        Raises:
            ApiError: EntityTooLarge beyond `limit`; IncompleteBody when the client goes away.
        """
        seen = 0
        while not self.body_done:
            message = await self._receive() if self._first is None else self._first
            self._first = None
            if message["type"] == "http.disconnect":
                self.disconnected = self.body_done = True
                raise ApiError("IncompleteBody", "The request body terminated unexpectedly")
            self.body_done = not message.get("more_body", False)
            chunk: bytes = message.get("body", b"")
            seen += len(chunk)
            if seen > limit:
                raise _too_large(limit)
            if chunk:
                yield chunk

    async def read(self, limit: int) -> bytes:
        """The whole body, bounded."""
        length = self.request.headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            raise _too_large(limit)
        if not self.body_done:
            message = await self._receive()
            whole: bytes = message.get("body", b"")
            if message["type"] == "http.request" and not message.get("more_body", False) and len(whole) <= limit:
                # Nearly every body comes in one piece.
                self.body_done = True
                return whole
            self._first = message
        return b"".join([chunk async for chunk in self.chunks(limit)])

    async def gone(self) -> None:
        """Return when the client has hung up. Once its body is read; may be cancelled."""
        while not self.disconnected:
            message = await self._receive()
            self.disconnected = message["type"] == "http.disconnect"

    async def drain(self) -> bool:
        """Read the rest of a small body that nobody wants; False when it is too much."""
        if self.body_done:
            return True
        length = self.request.headers.get("content-length", "")
        if (not length and "transfer-encoding" not in self.request.headers) or length == "0":
            return True
        if self.request.headers.get("expect") or (length.isdigit() and int(length) > DRAIN_BYTES_MAX):
            return False
        try:
            async for _ in self.chunks(DRAIN_BYTES_MAX):
                pass
        except ApiError:
            return False
        return True

    async def answer(self, answer: HttpAnswer, id_headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send the answer; a HEAD request gets its headers only."""
        headers = [(name.encode("latin-1"), _header_bytes(value)) for name, value in answer.headers]
        given = "content-length" in [name.lower() for name, _ in answer.headers]
        headers += id_headers
        if not self.body_done and not await self.drain():
            headers.append((b"connection", b"close"))
        body = answer.body
        length = len(body) if isinstance(body, bytes) else body.length
        if length is not None and not given and answer.status not in (204, 304):
            headers.append((b"content-length", str(length).encode()))
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if self.request.method == "HEAD" or answer.status in (204, 304):
            await self._send({"type": "http.response.body", "body": b""})
        elif isinstance(body, bytes):
            await self._send({"type": "http.response.body", "body": body})
        else:
            await self._stream(body)

    async def _stream(self, body: Stream) -> None:
        """Send a stream, and stop reading its source as soon as the client is gone."""
        gone = asyncio.ensure_future(self._receive())
        try:
            async for chunk in body.chunks:
                if gone.done() and gone.result()["type"] == "http.disconnect":
                    return
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            close = getattr(body.chunks, "aclose", None)
            if close is not None:
                await close()


class _App:
    """See `create_app`."""

    def __init__(
        self,
        settings: AppSettings,
        services: Mapping[str, Operations],
        health: Callable[[], dict[str, JsonValue]],
        pages: Mapping[str, Page],
        forwarder: Forwarder | None,
        on_startup: Hook | None,
        on_shutdown: Hook | None,
        now: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._services = services
        self._names: Directory = directory(services)
        self._health = health
        self._pages = pages
        self._forwarder = forwarder
        self._on_startup = on_startup
        self._on_shutdown = on_shutdown
        self._now = now
        self._ready = on_startup is None
        # Ids of requests: no two are the same; nobody has to be unable to guess them.
        self._id_prefix, self._id_numbers = os.urandom(8).hex(), itertools.count(1)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(_Exchange(_request(scope), receive, send), scope)
        else:
            # WebSockets: refused before the handshake, which ASGI servers turn into 403.
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if self._on_startup is not None:
                    await self._on_startup()
                self._ready = True
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._ready = False
                if self._on_shutdown is not None:
                    await self._on_shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _serve(self, exchange: _Exchange, scope: Message) -> None:
        request = exchange.request
        exchange.request_id = f"{self._id_prefix}{next(self._id_numbers):016x}"
        try:
            if request.raw_path.startswith("/_steppe/"):
                await exchange.answer(await self._own_page(request), ())
                return
            header_bytes = sum([len(name) + len(value) for name, value in scope["headers"]])
            service, signature = self._service_of(request)
            if self._names.protocols.get(service) == "json":
                await self._serve_json(exchange, service, signature, header_bytes)
            elif self._names.protocols.get(service) == "query":
                await self._serve_query(exchange, service, signature, header_bytes)
            elif service in self._services:
                await self._serve_s3(exchange, signature, header_bytes)
            elif signature is not None and await self._forward(exchange, signature, header_bytes):
                return
            else:
                await self._refuse_service(exchange, service)
        except ConnectionError:
            # The client is gone; there is nobody to tell.
            return

    async def _own_page(self, request: HttpRequest) -> HttpAnswer:
        """Pages of steppe itself, outside of any AWS API."""
        headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
        if (page := self._pages.get(request.raw_path)) is not None:
            try:
                self._verify(request, "stepfunctions", hashlib.sha256(b"").hexdigest())
            except ApiError as error:
                return HttpAnswer(403, headers, dumpb({"message": error.message}))
            return await page(request)
        if request.raw_path != "/_steppe/health":
            return HttpAnswer(404, headers, dumpb({"message": f"no such page: {request.path}"}))
        if request.method not in ("GET", "HEAD"):
            return HttpAnswer(405, (*headers, ("Allow", "GET, HEAD")), dumpb({"message": "only GET"}))
        told = self._health() if self._ready else {}
        if not self._ready or told.get("ready") is False:
            return HttpAnswer(503, headers, dumpb({"status": "starting", **told}))
        return HttpAnswer(200, headers, dumpb({"status": "ok", **told}))

    def _service_of(self, request: HttpRequest) -> tuple[str, sigv4.Signature | None]:
        """The service that a request is for, and its signature as far as it can be read."""
        try:
            signature = sigv4.parse(request)
        except ApiError:
            signature = None
        if signature is not None:
            return self._names.by_signing_name.get(signature.service, signature.service), signature
        target = request.headers.get("x-amz-target")
        if target is not None:
            prefix = target.partition(".")[0]
            return self._names.by_target_prefix.get(prefix, prefix), None
        return "s3", None

    def _verify(self, request: HttpRequest, service: str, payload_hash: str) -> sigv4.ChunkSigner | None:
        """Verify the signature if access keys are configured."""
        if not self._settings.access_keys:
            return None
        secrets, now_seconds = self._settings.access_keys, self._now()
        if service == "s3" and sigv2.is_presigned(request):
            bucket = rest_xml.bucket_of_host(request.headers.get("host", ""))
            sigv2.verify(request, bucket_of_host=bucket, secrets=secrets, now_seconds=now_seconds)
            return None
        signature = sigv4.parse(request)
        return sigv4.verify(request, signature, secrets=secrets, payload_hash=payload_hash, now_seconds=now_seconds)

    def _caller(self, signature: sigv4.Signature | None) -> Caller:
        if signature is None:
            return Caller("", self._settings.region)
        return Caller(signature.access_key, signature.region)

    async def _serve_json(
        self, exchange: _Exchange, service: str, signature: sigv4.Signature | None, header_bytes: int
    ) -> None:
        protocol = aws_json.protocol(service)
        try:
            answer = await self._answer_json(exchange, protocol, signature, header_bytes)
        except ApiError as error:
            answer = json_fault(sigv4.for_json(error), service=service, content_type=protocol.content_type)
        except Exception:
            _log.exception("%s %s failed", service, exchange.request.headers.get("x-amz-target"))
            text = f"Internal error; see the log, request {exchange.request_id}"
            failure = ApiError("InternalFailure", text, status=500)
            answer = json_fault(failure, service=service, content_type=protocol.content_type)
        await exchange.answer(answer, ((b"x-amzn-requestid", exchange.request_id.encode()),))

    async def _answer_json(
        self,
        exchange: _Exchange,
        protocol: aws_json.JsonProtocol,
        signature: sigv4.Signature | None,
        header_bytes: int,
    ) -> HttpAnswer:
        request = exchange.request
        _check_headers(header_bytes)
        body = await exchange.read(self._settings.body_bytes_max)
        if self._settings.access_keys:
            self._verify(request, protocol.service, hashlib.sha256(body).hexdigest())
        name = protocol.operation_of(request.headers.get("x-amz-target", ""))
        operation = self._services[protocol.service].get(name)
        if operation is None:
            raise ApiError("UnknownOperationException", f"{name} of {protocol.service} is not supported by steppe")
        members = protocol.parse(name, body)
        output = await operation(
            Request(
                service=protocol.service,
                operation=name,
                input=members,
                caller=self._caller(signature),
                headers=request.headers,
                gone=exchange.gone,
            )
        )
        return HttpAnswer(200, (("Content-Type", protocol.content_type),), protocol.serialise(name, output))

    async def _serve_query(
        self, exchange: _Exchange, service: str, signature: sigv4.Signature | None, header_bytes: int
    ) -> None:
        request, protocol = exchange.request, query.protocol(service)
        try:
            _check_headers(header_bytes)
            body = await exchange.read(self._settings.body_bytes_max)
            self._verify(request, service, hashlib.sha256(body).hexdigest())
            name = protocol.operation_of(request, body)
            operation = self._services[service].get(name)
            if operation is None:
                raise ApiError("InvalidAction", f"{name} of {service} is not supported by steppe")
            called = Request(service=service, operation=name, input={}, caller=self._caller(signature))
            answer = protocol.answer(name, await operation(called), request_id=exchange.request_id)
        except ApiError as error:
            answer = query_fault(error, request_id=exchange.request_id)
        except Exception:
            _log.exception("%s failed", service)
            text = f"Internal error; see the log, request {exchange.request_id}"
            answer = query_fault(ApiError("InternalFailure", text, status=500), request_id=exchange.request_id)
        await exchange.answer(answer, ((b"x-amzn-requestid", exchange.request_id.encode()),))

    async def _refuse_service(self, exchange: _Exchange, service: str) -> None:
        """Refuse a service that is not served, in the form that its clients most likely read."""
        text = (
            f"steppe does not serve {service[:100]!r}; it serves {', '.join(sorted(self._services))}, "
            "and hands on what --endpoint SERVICE=URL names"
        )
        await self._refuse(exchange, service, ApiError("NotImplemented", text, status=501))

    async def _forward(self, exchange: _Exchange, signature: sigv4.Signature, header_bytes: int) -> bool:
        """Hand a request on to the endpoint of its service; False when none is configured."""
        name = signature.service
        service = None if self._forwarder is None else self._forwarder.service(name)
        if self._forwarder is None or service is None:
            return False
        try:
            _check_headers(header_bytes)
            body = await exchange.read(self._settings.body_bytes_max)
            if self._settings.access_keys:
                self._verify(exchange.request, name, hashlib.sha256(body).hexdigest())
            answer = await self._forwarder.forward(service, name, exchange.request, body, signature.region)
        except ApiError as error:
            await self._refuse(exchange, service, error)
        else:
            await exchange.answer(answer, ())
        return True

    async def _refuse(self, exchange: _Exchange, service: str, error: ApiError) -> None:
        """Refuse a request of a service that is not ours."""
        if service == "s3":
            answer = self._xml_fault(exchange, error)
        elif exchange.request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            answer = query_fault(error, request_id=exchange.request_id)
        else:
            answer = json_fault(error, service="", content_type="application/json")
        await exchange.answer(answer, ((b"x-amzn-requestid", exchange.request_id.encode()),))

    async def _serve_s3(self, exchange: _Exchange, signature: sigv4.Signature | None, header_bytes: int) -> None:
        request = exchange.request
        try:
            _check_headers(header_bytes)
            answer = await self._answer_s3(exchange, signature)
        except ApiError as error:
            answer = self._xml_fault(exchange, error)
        except Exception:
            _log.exception("s3 %s %s failed", request.method, request.raw_path)
            text = "We encountered an internal error. Please try again."
            answer = self._xml_fault(exchange, ApiError("InternalError", text, status=500))
        identity = exchange.request_id.encode()
        await exchange.answer(answer, ((b"x-amz-request-id", identity), (b"x-amz-id-2", identity)))

    async def _answer_s3(self, exchange: _Exchange, signature: sigv4.Signature | None) -> HttpAnswer:
        request = exchange.request
        protocol = rest_xml.protocol("s3")
        content_hash = request.headers.get("x-amz-content-sha256", sigv4.UNSIGNED_PAYLOAD)
        signer = self._verify(request, "s3", content_hash)
        address = rest_xml.address(request)
        name = protocol.route(request, address)
        operation = self._operation_s3(name, request)
        payload = Payload.of(request.headers, exchange.chunks(STREAMED_BODY_BYTES_MAX), signer=signer)
        body = None
        content = b""
        if protocol.streams_input(name):
            body = payload
        else:
            content = await payload.read(self._settings.body_bytes_max)
        members = protocol.parse(name, request, address, content)
        output = await operation(
            Request(
                service="s3",
                operation=name,
                input=members,
                caller=self._caller(signature),
                body=body,
                headers=request.headers,
            )
        )
        return protocol.serialise(name, output)

    def _operation_s3(self, name: str, request: HttpRequest) -> Operation:
        operation = self._services["s3"].get(name)
        if operation is None:
            text = f"A header or query you provided implies functionality that is not implemented: {name}"
            raise ApiError("NotImplemented", text, status=501, fields={"Operation": name})
        return operation

    def _xml_fault(self, exchange: _Exchange, error: ApiError) -> HttpAnswer:
        identity = exchange.request_id
        return xml_fault(error, resource=exchange.request.path, request_id=identity, host_id=identity)


def _request(scope: Message) -> HttpRequest:
    headers: dict[str, str] = {}
    for name_bytes, value in scope["headers"]:
        name = name_bytes.decode("latin-1")
        text = header_text(value)
        headers[name] = f"{headers[name]},{text}" if name in headers else text
    query_string = scope["query_string"].decode("latin-1")
    raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    return HttpRequest(scope["method"], raw_path or "/", query_string, headers, parse_query(query_string))


def _header_bytes(value: str) -> bytes:
    """A header's value as bytes: S3 sends user metadata back as it came, and a line break must not end the header."""
    return value.replace("\r", " ").replace("\n", " ").encode("utf-8", "replace")


def _check_headers(header_bytes: int) -> None:
    if header_bytes > HEADERS_BYTES_MAX:
        text = "Your request header section exceeds the maximum allowed size"
        raise ApiError("RequestHeaderSectionTooLarge", text, fields={"MaxSizeAllowed": HEADERS_BYTES_MAX})


def _too_large(limit: int) -> ApiError:
    text = "Your proposed upload exceeds the maximum allowed size"
    return ApiError("EntityTooLarge", text, fields={"MaxSizeAllowed": limit})
