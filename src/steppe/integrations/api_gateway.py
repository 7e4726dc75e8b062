"""`apigateway:invoke[.waitForTaskToken]`: a request to an API behind Amazon API Gateway.

The task names the API's host, and that is where the request goes, by HTTPS; with an endpoint for `execute-api` in the
settings it goes there, with the API's host in its Host header.
"""

from __future__ import annotations

import botocore.auth
import botocore.awsrequest

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue, dumpb, dumps
from steppe.integrations.caller import Callers
from steppe.integrations.http_exchange import METHODS, pairs, send, with_query
from steppe.integrations.integration import TaskCall

_SIGNED_AS = "execute-api"
_AUTH_TYPES = ("NO_AUTH", "IAM_ROLE", "RESOURCE_POLICY")


class ApiGateway:
    """The optimized integration with Amazon API Gateway."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def run(self, call: TaskCall) -> JsonValue:
        """See `Integration.run`."""
        arguments = call.arguments
        host, method = arguments.get("ApiEndpoint"), arguments.get("Method")
        if not isinstance(host, str) or not host or "/" in host.removeprefix("https://").removeprefix("http://"):
            raise Fault("States.Runtime", "The value for the field 'ApiEndpoint' must be the host of an API")
        if method not in METHODS:
            raise Fault("States.Runtime", f"The value for the field 'Method' must be one of {', '.join(METHODS)}")
        auth = arguments.get("AuthType", "NO_AUTH")
        if auth not in _AUTH_TYPES:
            raise Fault("States.Runtime", f"The value for the field 'AuthType' must be one of {', '.join(_AUTH_TYPES)}")
        configured = self._callers.endpoints.get(_SIGNED_AS)
        base = configured or (host if "://" in host else f"https://{host}")
        steps = [part.strip("/") for part in (arguments.get("Stage"), arguments.get("Path")) if isinstance(part, str)]
        url = "/".join([base.rstrip("/"), *(step for step in steps if step)])
        url = with_query(url, pairs(arguments.get("QueryParameters"), "QueryParameters"))
        headers = pairs(arguments.get("Headers"), "Headers")
        if configured is not None:
            headers.append(("Host", host.partition("://")[2] or host))
        given = arguments.get("RequestBody")
        body = b"" if given is None else dumpb(given)
        if body and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "application/json"))
        if auth != "NO_AUTH":
            headers = self._signed(method, url, headers, body)
        answer = await send(self._callers.http(), method, url, headers=headers, body=body)
        if not 200 <= answer.status < 300:
            cause = answer.body if isinstance(answer.body, str) else dumps(answer.body)
            raise Fault(f"ApiGateway.{answer.status}", cause or answer.reason)
        return answer.document()

    async def cancel(self, call: TaskCall) -> None:
        """Nothing to stop: a request either has been answered or will be."""

    def _signed(self, method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> list[tuple[str, str]]:
        request = botocore.awsrequest.AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        keys = self._callers.credentials(_SIGNED_AS)
        botocore.auth.SigV4Auth(keys, _SIGNED_AS, self._callers.region).add_auth(request)
        return list(request.headers.items())
