"""Pickled messages over a stream: four bytes of length, then the pickle. Both ends are ours, of the same version."""

from __future__ import annotations

import asyncio
import pickle
from struct import Struct

from steppe.base.errors import InternalError
from steppe.base.jsonvalue import JsonValue

_LENGTH = Struct("!I")


def pack(message: JsonValue) -> bytes:
    """One message as bytes on the wire."""
    body = pickle.dumps(message, protocol=5)
    return _LENGTH.pack(len(body)) + body


def pack_error(job_id: int, error: BaseException) -> bytes:
    """The report that a job raised. An error that cannot travel is told as an InternalError with its text."""
    try:
        body = pickle.dumps(error, protocol=5)
        pickle.loads(body)  # noqa: S301 - our own bytes: some exceptions pickle well and fail when they are made again
    except Exception:  # whatever a foreign exception's own pickling raises
        return pack(
            ("raised", job_id, InternalError(f"{type(error).__name__}: {error}", story="a job failed in a worker"))
        )
    return pack(("raised", job_id, error))


async def receive(reader: asyncio.StreamReader) -> JsonValue:
    """The next message.

    Raises:
        EOFError: the other end is gone.
    """
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise EOFError("the other end is gone") from error
    return pickle.loads(body)  # noqa: S301 - from our own process, over a socket that nobody else has
