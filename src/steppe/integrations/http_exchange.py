"""One HTTP exchange with somebody's API, as the tasks see it that are no AWS calls: bounded, text or JSON only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonError, JsonValue, dumps, loads

RESPONSE_BYTES_MAX = 262_144
"""What a state can hold; HTTP tasks ask for no more (their Range header, recorded in September 2026)."""

SECONDS_MAX = 60.0
"""Developer Guide, "Call HTTPS APIs": an HTTP task ends after 60 seconds whatever its TimeoutSeconds."""

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")

_NOT_TEXT = ("image/", "video/", "audio/", "application/octet-stream", "application/zip", "application/pdf")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: header values by name, the body as JSON where it says that it is, else as text."""

    status: int
    reason: str
    headers: Mapping[str, list[str]]
    body: JsonValue

    def document(self) -> dict[str, JsonValue]:
        """The result of a task."""
        return {
            "Headers": dict(self.headers),
            "ResponseBody": self.body,
            "StatusCode": self.status,
            "StatusText": self.reason,
        }


async def send(
    client: httpx.AsyncClient, method: str, url: str, *, headers: Iterable[tuple[str, str]], body: bytes
) -> Answer:
    """Send a request and read its answer; redirects are answers.

    Raises:
        Fault: States.Http.Socket, the other side cannot be reached or is too slow; States.DataLimitExceeded and
            States.Runtime, an answer that no state can hold.
    """
    try:
        request = client.build_request(
            method, url, headers=[*headers], content=body or None, timeout=httpx.Timeout(SECONDS_MAX, connect=10)
        )
    except (httpx.InvalidURL, UnicodeEncodeError, ValueError) as error:
        raise Fault("States.Runtime", f"The request cannot be made: {error}") from error
    try:
        response = await client.send(request, stream=True)
        try:
            content = await _content(response)
        finally:
            await response.aclose()
    except httpx.HTTPError as error:
        raise Fault("States.Http.Socket", f"{str(error) or type(error).__name__}: {method} {url}") from error
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Answer(response.status_code, response.reason_phrase, _headers(response), _body(kind, content))


def with_query(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """A URL with further query parameters, blanks as %20 (recorded in September 2026)."""
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    return url + (("&" if "?" in url else "?") + query if query else "")


def pairs(given: JsonValue, field: str) -> list[tuple[str, str]]:
    """Names and values of an object of texts, numbers and lists of them, a pair for each.

    Raises:
        Fault: States.Runtime; `field` is anything else.
    """
    if given is None:
        return []
    if not isinstance(given, dict):
        raise Fault("States.Runtime", f"The value for the field '{field}' must be a MAP")
    found = []
    for name, value in given.items():
        for item in value if isinstance(value, list) else [value]:
            found.append((name, text_of(item)))
    return found


def text_of(value: JsonValue) -> str:
    """A value as it stands in a header, a query or a form: text as it is, all else as JSON."""
    return value if isinstance(value, str) else dumps(value)


async def _content(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > RESPONSE_BYTES_MAX:
            text = f"The HTTP response has more than {RESPONSE_BYTES_MAX} bytes."
            raise Fault("States.DataLimitExceeded", text)
        parts.append(chunk)
    return b"".join(parts)


def _headers(response: httpx.Response) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in response.headers.raw:
        found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return found


def _body(kind: str, content: bytes) -> JsonValue:
    if kind.startswith(_NOT_TEXT) and content:
        raise Fault("States.Runtime", f"A response of the type {kind} is not supported")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise Fault("States.Runtime", "The response body is not valid UTF-8") from None
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return loads(text)
        except JsonError:
            return text
    return text
