"""A received call, and how a service answers it: what `wire` hands to `services` whatever the protocol was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from steppe.base.jsonvalue import JsonValue


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Attributes:
        access_key: the access key of the signature; "" when the request was not signed.
        region: of the credential scope, else the server's.
    """

    access_key: str = ""
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of one operation.

    Attributes:
        service: botocore's service name, for example "stepfunctions", "s3".
        operation: the API operation, for example "StartExecution".
        input: members of the operation's input shape by their API names, parsed: numbers, booleans, bytes for blobs,
            epoch milliseconds for time stamps.
        caller: who calls.
        body: the streaming payload (S3 PutObject, UploadPart), decoded from aws-chunked; None for all others.
        headers: HTTP headers in lower case; empty for calls inside the process.
        gone: returns when the client has hung up, for operations that make it wait; None for calls inside the process.
    """

    service: str
    operation: str
    input: dict[str, JsonValue]
    caller: Caller = Caller()
    body: AsyncIterator[bytes] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    gone: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer's streaming payload: `chunks` yields the bytes, `length` says how many, `path` the file they are in."""

    chunks: AsyncIterator[bytes]
    length: int | None = None


Operation: TypeAlias = Callable[[Request], Awaitable[dict[str, JsonValue]]]
"""One operation of a service: output members by API name (a `Stream` for a streaming payload); raises ApiError.

Time stamps in the output are epoch milliseconds (int); `wire` renders them as the protocol wants. A member that is
None is left out. Operations are also called without HTTP, by integrations in this process.
"""

Operations: TypeAlias = Mapping[str, Operation]
"""The operations that a service has, by API name. What is missing here is refused by name."""
