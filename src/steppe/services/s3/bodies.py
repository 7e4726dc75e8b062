"""Bytes into and out of a store, streaming: small ones at once, large ones through threads.

A small write or read costs tens of microseconds on a file system, less than handing it to a thread and back; a large
one would keep the event loop from everybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import ParamSpec, TypeVar

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.objects.object_store import (
    Condition,
    NotAtHandError,
    ObjectReader,
    ObjectStore,
    ObjectSummary,
    ObjectWriter,
)
from steppe.wire.checksums import ALGORITHMS, checksum, text_of
from steppe.wire.payload import Payload, once
from steppe.wire.request import Request, Stream

INLINE_BYTES_MAX = 256 * 1024
"""Up to here the event loop does the work itself."""

PIECE_BYTES = 1 << 20
OBJECT_BYTES_MAX = 5 * 1024**3

_Result = TypeVar("_Result")
_Parameters = ParamSpec("_Parameters")


def payload_of(request: Request) -> Payload:
    """The body of an upload: the streamed one, or the `Body` member of a call within the process.

    Raises:
        ApiError: MissingContentLength, EntityTooLarge, and what the payload's headers get wrong.
    """
    body = request.body
    if body is None:
        return _payload_of_member(request.input)
    if not isinstance(body, Payload):
        return Payload(body, length=None)
    if body.length is None:
        text = "You must provide the Content-Length HTTP header."
        raise ApiError("MissingContentLength", text, status=411)
    if body.length > OBJECT_BYTES_MAX:
        text = "Your proposed upload exceeds the maximum allowed object size."
        fields = {"ProposedSize": body.length, "MaxSizeAllowed": OBJECT_BYTES_MAX}
        raise ApiError("EntityTooLarge", text, fields=fields)
    return body


async def write(writer: ObjectWriter, payload: Payload, condition: Condition | None = None) -> ObjectSummary:
    """Write a payload and make it visible; nothing is left of it when anything goes wrong."""
    try:
        if payload.length is not None and payload.length <= INLINE_BYTES_MAX:
            async for piece in payload:
                writer.write(piece)
        else:
            await _write_in_threads(writer, payload)
        if condition is None:
            return writer.commit(checksums=payload.checksums)
        # A condition may wait for a lock.
        return await in_thread(writer.commit, checksums=payload.checksums, condition=condition)
    finally:
        writer.abort()


def stream_of(reader: ObjectReader, start: int, end: int) -> Stream:
    """A range of an opened object as an answer's payload; closes the object when it is through or dropped."""
    return Stream(chunks=_chunks(reader, start, end), length=end - start)


async def opened(store: ObjectStore, bucket: str, key: str) -> ObjectReader:
    """Open an object; from a thread if that takes long (nobody knows the MD5 of a file that was copied in)."""
    try:
        return store.open(bucket, key, patient=False)
    except NotAtHandError:
        return await in_thread(store.open, bucket, key)


async def head(store: ObjectStore, bucket: str, key: str) -> ObjectSummary:
    """What is known of an object, as `opened`."""
    try:
        return store.head(bucket, key, patient=False)
    except NotAtHandError:
        return await in_thread(store.head, bucket, key)


async def in_thread(
    call: Callable[_Parameters, _Result], *arguments: _Parameters.args, **options: _Parameters.kwargs
) -> _Result:
    """Call something that may take long without holding up the event loop."""
    return await asyncio.to_thread(call, *arguments, **options)


async def _write_in_threads(writer: ObjectWriter, payload: Payload) -> None:
    pieces: list[bytes] = []
    size = 0
    async for piece in payload:
        pieces.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            await in_thread(writer.write, b"".join(pieces))
            pieces, size = [], 0
    if pieces:
        await in_thread(writer.write, b"".join(pieces))


async def _chunks(reader: ObjectReader, start: int, end: int) -> AsyncIterator[bytes]:
    try:
        if end - start <= INLINE_BYTES_MAX:
            if end > start:
                yield reader.read(start, end - start)
            return
        while start < end:
            piece = await in_thread(reader.read, start, min(PIECE_BYTES, end - start))
            if not piece:
                raise ApiError("InternalError", "The object's file became shorter while it was read", status=500)
            start += len(piece)
            yield piece
    finally:
        reader.close()


def _payload_of_member(members: dict[str, JsonValue]) -> Payload:
    body = members.get("Body")
    if isinstance(body, Stream):
        return Payload(body.chunks, length=body.length, expected={})
    content = body.encode() if isinstance(body, str) else bytes(body or b"")
    headers = {"content-length": str(len(content))}
    algorithm = members.get("ChecksumAlgorithm")
    if algorithm is not None and algorithm in ALGORITHMS:
        running = checksum(algorithm)
        running.update(content)
        headers[f"x-amz-checksum-{algorithm.lower()}"] = text_of(running.digest())
    for name in ALGORITHMS:
        if members.get(f"Checksum{name}") is not None:
            headers[f"x-amz-checksum-{name.lower()}"] = members[f"Checksum{name}"]
    if members.get("ContentMD5") is not None:
        headers["content-md5"] = members["ContentMD5"]
    return Payload.of(headers, once(content))
