"""HTTP messages as the protocols see them: what came in (without its body) and what goes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_plus

from steppe.wire.request import Stream

HEADERS_BYTES_MAX = 64 * 1024
"""All header lines of one request together. S3 takes 8 KiB; other services' session tokens make it more."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request's first line and headers.

    Attributes:
        method: upper case.
        raw_path: as sent, percent-encoded, without the query.
        query_string: as sent, without the question mark.
        headers: values by lower-case name; repeated headers are joined with a comma.
        query: decoded (name, value) pairs, in the order sent; a name without "=" has the value "".
    """

    method: str
    raw_path: str
    query_string: str
    headers: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = field(default=())

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.raw_path)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What goes back over HTTP.

    Attributes:
        status: HTTP status.
        headers: (name, value) pairs, names as they go out; the content length and request id are added by the server.
        body: bytes, or a `Stream` that yields them.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Stream = field(default=b"")


def parse_query(query_string: str) -> tuple[tuple[str, str], ...]:
    """The decoded pairs of a query. A plus sign is a space, as S3 takes it."""
    if not query_string:
        return ()
    pairs = (part.partition("=") for part in query_string.split("&") if part)
    return tuple((unquote_plus(name), unquote_plus(value)) for name, _, value in pairs)


def header_text(value: bytes) -> str:
    """A header's text: UTF-8 where it is (S3's user metadata), else Latin-1, in which any bytes are text."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
