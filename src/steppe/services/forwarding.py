"""Requests for services that are not served here, handed on to the endpoint that the user named for them.

So that one endpoint serves a client everything: a script that makes a queue and a state machine that uses it needs one
AWS_ENDPOINT_URL. Who may call is decided by our own access keys, as for our own services; towards the endpoint the
request is signed anew with the keys of that endpoint. Nothing else of it is changed.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator

import botocore.auth
import botocore.awsrequest
import httpx

from steppe.base.errors import ApiError
from steppe.integrations.caller import ANY_SERVICE, Callers
from steppe.integrations.sdk_names import service_model
from steppe.wire.http import HttpAnswer, HttpRequest
from steppe.wire.request import Stream

_OURS = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-amz-date",
        "x-amz-security-token",
    }
)
"""Headers that belong to one connection or to the signature."""


class Forwarding:
    """Hands requests on."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def service(self, signing_name: str) -> str | None:
        """The service (botocore's name) that requests signed for this name are handed on to; None when there is none.

        A signing name may be that of several services (`bedrock` and `bedrock-runtime`); the endpoint of the first
        one that is named takes them all.
        """
        for name in self._callers.endpoints:
            if name == signing_name or _signing_name(name) == signing_name:
                return name
        return signing_name if ANY_SERVICE in self._callers.endpoints else None

    async def forward(
        self, service: str, signing_name: str, request: HttpRequest, body: bytes, region: str
    ) -> HttpAnswer:
        """The endpoint's answer.

        Raises:
            ApiError: ServiceUnavailable; the endpoint cannot be reached.
        """
        url = (self._callers.endpoint(service) or "").rstrip("/") + (request.raw_path or "/")
        query = "&".join(part for part in request.query_string.split("&") if not part.startswith("X-Amz-"))
        headers = {name: value for name, value in request.headers.items() if name not in _OURS}
        target = url + (f"?{query}" if query else "")
        signed = botocore.awsrequest.AWSRequest(method=request.method, url=target, data=body, headers=headers)
        botocore.auth.SigV4Auth(self._callers.credentials(service), signing_name, region).add_auth(signed)
        ready = signed.prepare()
        client = self._callers.http()
        outgoing = client.build_request(request.method, target, content=body, headers=dict(ready.headers.items()))
        try:
            answer = await client.send(outgoing, stream=True)
        except httpx.HTTPError as error:
            text = f"The endpoint of {service} cannot be reached: {error or type(error).__name__}"
            raise ApiError("ServiceUnavailable", text, status=503) from error
        kept = [
            (k.decode("latin-1"), v.decode("latin-1")) for k, v in answer.headers.raw if k.lower().decode() not in _OURS
        ]
        length = answer.headers.get("content-length")
        stream = Stream(chunks=_chunks(answer), length=int(length) if length and length.isdigit() else None)
        return HttpAnswer(answer.status_code, tuple(kept), stream)


async def _chunks(answer: httpx.Response) -> AsyncIterator[bytes]:
    async with contextlib.aclosing(answer):
        async for chunk in answer.aiter_raw():
            yield chunk


@functools.cache
def _signing_name(service: str) -> str | None:
    model = service_model(service)
    return None if model is None else str(model.signing_name)
