"""`http:invoke`: a request to somebody's API, authorized by an EventBridge connection.

Recorded in September 2026: what the connection adds wins over what the task gives under the same name (header names
are compared letter by letter, and both are sent when they differ in case); queries and forms encode a blank as %20;
JSON goes out as `application/json; charset=UTF-8`; a status other than 2xx is an error named after it, with the status
text as its cause and nothing of the body.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import quote

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue, dumpb
from steppe.integrations.caller import Callers
from steppe.integrations.connections import Connection, OAuth, find_connection
from steppe.integrations.http_exchange import METHODS, Answer, pairs, send, text_of, with_query
from steppe.integrations.integration import TaskCall

_JSON = "application/json; charset=UTF-8"
_FORM = "application/x-www-form-urlencoded"

_FORBIDDEN = frozenset(
    {
        "a-im",
        "accept-charset",
        "accept-datetime",
        "accept-encoding",
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-md5",
        "date",
        "expect",
        "forwarded",
        "from",
        "host",
        "http2-settings",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "origin",
        "pragma",
        "proxy-authorization",
        "referer",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "warning",
    }
)
"""Headers that a definition must not set. Developer Guide, "Call HTTPS APIs"; `authorization` as recorded."""

_FORBIDDEN_PREFIXES = ("x-forwarded-", "x-amz-", "x-amzn-")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_PARAMETERS = frozenset(
    {
        "ApiEndpoint",
        "Authentication",
        "Headers",
        "InvocationConfig",
        "Method",
        "QueryParameters",
        "RequestBody",
        "Transform",
    }
)
_ARRAY_FORMATS = ("INDICES", "REPEAT", "COMMAS", "BRACKETS")


class HttpTask:
    """The integration with HTTPS APIs."""

    def __init__(self, callers: Callers, connections: Mapping[str, Connection]) -> None:
        self._callers = callers
        self._connections = connections
        self._tokens: dict[OAuth, tuple[str, float]] = {}

    async def run(self, call: TaskCall) -> JsonValue:
        """See `Integration.run`."""
        arguments = call.arguments
        for name in arguments:
            if name not in _PARAMETERS:
                raise _runtime(f'The field "{name}" is not supported by Step Functions')
        url, method = arguments.get("ApiEndpoint"), arguments.get("Method")
        if not isinstance(url, str) or not re.match(r"https?://[^/]", url):
            raise _runtime("The value for the field 'ApiEndpoint' must be the URL of an HTTPS API")
        if method not in METHODS:
            raise _runtime(f"The value for the field 'Method' must be one of {', '.join(METHODS)}")
        connection = self._connection(arguments)
        kept = dict(connection.query)
        query = [pair for pair in pairs(arguments.get("QueryParameters"), "QueryParameters") if pair[0] not in kept]
        body, kind = _body(arguments.get("RequestBody"), arguments.get("Transform"), connection)
        headers = [*connection.headers]
        named = dict(headers)
        headers += [pair for pair in _task_headers(arguments.get("Headers")) if pair[0] not in named]
        if body and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", kind))
        headers += [("User-Agent", f"Amazon|StepFunctions|HttpInvoke|{self._callers.region}")]
        headers += [("Range", "bytes=0-262144")]
        target = with_query(url, [*query, *connection.query])
        answer = await self._authorized(connection, method, target, headers, body)
        if not 200 <= answer.status < 300:
            raise Fault(f"States.Http.StatusCode.{answer.status}", answer.reason)
        return answer.document()

    async def cancel(self, call: TaskCall) -> None:
        """Nothing to stop: the request was broken off with its connection."""

    def _connection(self, arguments: Mapping[str, JsonValue]) -> Connection:
        for name in ("InvocationConfig", "Authentication"):
            config = arguments.get(name)
            arn = config.get("ConnectionArn") if isinstance(config, dict) else None
            if isinstance(arn, str):
                found = find_connection(self._connections, arn)
                if found is None:
                    short = arn.rpartition(":connection/")[2].split("/")[0]
                    text = (
                        f"The connection {arn} is not known to steppe: add [connections.{short}] to its settings file"
                    )
                    raise Fault("Events.ConnectionResource.ResourceNotFound", text)
                return found
        raise _runtime("The field 'ConnectionArn' is required but was missing")

    async def _authorized(
        self, connection: Connection, method: str, url: str, headers: list[tuple[str, str]], body: bytes
    ) -> Answer:
        """Send with the connection's authorization; a token that the API does not take is fetched anew, once."""
        client = self._callers.http()
        if connection.oauth is None:
            own = [] if connection.authorization is None else [connection.authorization]
            return await send(client, method, url, headers=[*headers, *own], body=body)
        for fresh in (False, True):
            token = await self._token(connection.oauth, fresh=fresh)
            own = [("Authorization", f"Bearer {token}")]
            answer = await send(client, method, url, headers=[*headers, *own], body=body)
            if answer.status not in (401, 407):
                break
        return answer

    async def _token(self, oauth: OAuth, *, fresh: bool) -> str:
        """A token, kept for as long as its issuer says."""
        now = asyncio.get_running_loop().time()
        known = self._tokens.get(oauth)
        if known is not None and not fresh and now < known[1]:
            return known[0]
        form = {"grant_type": "client_credentials", "client_id": oauth.client_id, "client_secret": oauth.client_secret}
        text = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in (form | dict(oauth.body)).items())
        body, url = (b"", with_query(oauth.url, [*(form | dict(oauth.body)).items(), *oauth.query]))
        if oauth.method != "GET":
            body, url = text.encode(), with_query(oauth.url, oauth.query)
        headers = [("Content-Type", _FORM), *oauth.headers]
        answer = await send(self._callers.http(), oauth.method, url, headers=headers, body=body)
        told = answer.body if isinstance(answer.body, dict) else {}
        token = told.get("access_token")
        if answer.status >= 300 or not isinstance(token, str):
            text = f"The authorization endpoint answered {answer.status} and no access_token"
            raise Fault("Events.ConnectionResource.InvalidConnectionState", text)
        lives = told.get("expires_in")
        seconds = float(lives) if isinstance(lives, int | float) and not isinstance(lives, bool) else 60.0
        self._tokens[oauth] = (token, now + max(0.0, seconds - 30))
        return token


def _task_headers(given: JsonValue) -> list[tuple[str, str]]:
    found = pairs(given, "Headers")
    for name, value in found:
        low = name.lower()
        if low in _FORBIDDEN or low.startswith(_FORBIDDEN_PREFIXES):
            raise _runtime(f"The header '{name}' is not supported in an HTTP task")
        if not _HEADER_NAME.fullmatch(name) or "\n" in value or "\r" in value:
            raise _runtime(f"The header '{name[:100]}' is not a valid HTTP header")
    return found


def _body(given: JsonValue, transform: JsonValue, connection: Connection) -> tuple[bytes, str]:
    """The request's body and its type."""
    encoding, array_format = _transform(transform)
    if connection.body:
        if not isinstance(given, dict | None):
            raise _runtime("A RequestBody with body parameters of the connection must be a JSON object")
        given = (given or {}) | dict(connection.body)
    if given is None:
        return b"", _JSON
    if encoding == "URL_ENCODED":
        if not isinstance(given, dict):
            raise _runtime("A RequestBody that is URL-encoded must be a JSON object")
        fields = [field for name, value in given.items() for field in form_fields(name, value, array_format)]
        return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in fields).encode(), _FORM
    if isinstance(given, str):
        return given.encode("utf-8", "replace"), _JSON
    return dumpb(given), _JSON


def form_fields(name: str, value: JsonValue, array_format: str) -> list[tuple[str, str]]:
    """The fields of a form that a value becomes: objects as `a[b]`, arrays in one of four ways."""
    if isinstance(value, dict):
        return [field for k, v in value.items() for field in form_fields(f"{name}[{k}]", v, array_format)]
    if not isinstance(value, list):
        return [(name, text_of(value))]
    if array_format == "COMMAS":
        return [(name, ",".join(text_of(item) for item in value))]
    found = []
    for index, item in enumerate(value):
        suffix = f"[{index}]" if array_format == "INDICES" else "[]" if array_format == "BRACKETS" else ""
        found += form_fields(name + suffix, item, array_format)
    return found


def _transform(given: JsonValue) -> tuple[str, str]:
    if given is None:
        return "NONE", "INDICES"
    if not isinstance(given, dict):
        raise _runtime("The value for the field 'Transform' must be a STRUCTURE")
    encoding = given.get("RequestBodyEncoding", "NONE")
    if encoding not in ("NONE", "URL_ENCODED"):
        raise _runtime(f"The value for the field 'RequestBodyEncoding' must be NONE or URL_ENCODED, not {encoding}")
    options = given.get("RequestEncodingOptions") or {}
    array_format = options.get("ArrayFormat", "INDICES") if isinstance(options, dict) else None
    if array_format not in _ARRAY_FORMATS:
        raise _runtime(f"The value for the field 'ArrayFormat' must be one of {', '.join(_ARRAY_FORMATS)}")
    return encoding, array_format


def _runtime(text: str) -> Fault:
    return Fault("States.Runtime", text)
