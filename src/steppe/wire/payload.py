"""A body on its way in: unwrapped from aws-chunked, measured, and held against every hash that came with it.

`Payload` yields the payload's own bytes; when it is exhausted without an error, all of these held: the length that was
announced, the hash that was signed, Content-MD5, and x-amz-checksum-* from the headers or the trailer. A store must
therefore make an object visible only after the last byte was read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Mapping

from steppe.base.errors import ApiError
from steppe.wire.checksums import ALGORITHMS, Checksum, checksum, text_of
from steppe.wire.chunked import ChunkedDecoder
from steppe.wire.sigv4 import ChunkSigner, is_content_hash

_HEADER_PREFIX = "x-amz-checksum-"
_NOT_VALUES = frozenset({"algorithm", "mode", "type"})


class Payload(AsyncIterator[bytes]):
    """The bytes of one body, verified at the end.

    Attributes:
        length: bytes that the client announced (of the payload, without framing); None when it did not.
        checksums: base64 values by algorithm that the client sent and that held; complete at the end.
    """

    __slots__ = ("_algorithm", "_content_hash", "_decoder", "_expected", "_iterator", "_source", "checksums", "length")

    def __init__(
        self,
        source: AsyncIterator[bytes],
        *,
        length: int | None,
        decoder: ChunkedDecoder | None = None,
        content_hash: str = "",
        expected: Mapping[str, str] | None = None,
        algorithm: str = "",
    ) -> None:
        self._source = source
        self.length = length
        self.checksums: dict[str, str] = {}
        self._decoder = decoder
        self._content_hash = content_hash
        self._expected = dict(expected or {})
        self._algorithm = algorithm
        self._iterator = self._run()

    @classmethod
    def of(
        cls, headers: Mapping[str, str], source: AsyncIterator[bytes], *, signer: ChunkSigner | None = None
    ) -> Payload:
        """The payload of a request with these headers.

        Raises:
            ApiError: headers that contradict each other or that cannot be honoured.
        """
        content_hash = headers.get("x-amz-content-sha256", "")
        expected = _expected_checksums(headers)
        if not content_hash.startswith("STREAMING-"):
            length = _length(headers.get("content-length"))
            hash_ = content_hash if is_content_hash(content_hash) else ""
            return cls(source, length=length, content_hash=hash_, expected=expected)
        signed = content_hash.startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        if not signed and content_hash != "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
            raise ApiError("NotImplemented", f"x-amz-content-sha256 {content_hash!r} is not supported", status=501)
        length = _length(headers.get("x-amz-decoded-content-length"))
        if length is None:
            text = "You must provide the x-amz-decoded-content-length HTTP header."
            raise ApiError("MissingContentLength", text, status=411)
        trailing = _trailing_algorithm(headers)
        if trailing in expected:
            raise _bad("Expecting a single x-amz-checksum- header")
        decoder = ChunkedDecoder(signer if signed else None)
        return cls(source, length=length, decoder=decoder, expected=expected, algorithm=trailing)

    def __aiter__(self) -> Payload:
        return self

    async def __anext__(self) -> bytes:
        return await self._iterator.__anext__()

    async def read(self, limit: int) -> bytes:
        """The whole payload. EntityTooLarge beyond `limit` bytes."""
        text = "Your proposed upload exceeds the maximum allowed size"
        too_large = ApiError("EntityTooLarge", text, fields={"MaxSizeAllowed": limit})
        if self.length is not None and self.length > limit:
            raise too_large
        pieces, size = [], 0
        async for piece in self:
            size += len(piece)
            if size > limit:
                raise too_large
            pieces.append(piece)
        return b"".join(pieces)

    async def _run(self) -> AsyncIterator[bytes]:
        running: dict[str, Checksum] = {name: checksum(name) for name in self._expected}
        if self._algorithm:
            running[self._algorithm] = checksum(self._algorithm)
        hashes = list(running.values())
        signed = hashlib.sha256() if self._content_hash else None
        size = 0
        async for received in self._source:
            for piece in (received,) if self._decoder is None else self._decoder.feed(received):
                size += len(piece)
                if self.length is not None and size > self.length:
                    raise _incomplete(size, self.length)
                for hash_ in hashes:
                    hash_.update(piece)
                if signed is not None:
                    signed.update(piece)
                yield piece
        if self._decoder is not None:
            self._decoder.finish()
            self._take_trailer(self._decoder.trailers)
        if self.length is not None and size != self.length:
            raise _incomplete(size, self.length)
        if signed is not None and signed.hexdigest() != self._content_hash:
            raise _content_mismatch(self._content_hash, signed.hexdigest())
        self._check(running)

    def _take_trailer(self, trailers: Mapping[str, str]) -> None:
        if not self._algorithm:
            return
        value = trailers.get(_HEADER_PREFIX + self._algorithm.lower())
        if value is None:
            text = f"The trailer does not have the header that x-amz-trailer promised for {self._algorithm}"
            raise ApiError("MalformedTrailerError", text)
        self._expected[self._algorithm] = _checked_value(self._algorithm, value)

    def _check(self, running: Mapping[str, Checksum]) -> None:
        for algorithm, value in self._expected.items():
            computed = text_of(running[algorithm].digest())
            if computed != value:
                if algorithm == "MD5":
                    text = "The Content-MD5 you specified did not match what we received."
                    fields = {"ExpectedDigest": value, "CalculatedDigest": computed}
                    raise ApiError("BadDigest", text, fields=fields)
                raise ApiError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
            if algorithm != "MD5":
                self.checksums[algorithm] = computed


async def once(content: bytes) -> AsyncIterator[bytes]:
    """Bytes at hand as a source."""
    if content:
        yield content


def _expected_checksums(headers: Mapping[str, str]) -> dict[str, str]:
    """The checksums that the headers promise, by algorithm; Content-MD5 as "MD5"."""
    expected = {}
    for name, value in headers.items():
        if name.startswith(_HEADER_PREFIX) and name[len(_HEADER_PREFIX) :] not in _NOT_VALUES:
            algorithm = name[len(_HEADER_PREFIX) :].upper()
            if algorithm not in ALGORITHMS:
                raise ApiError("NotImplemented", f"The checksum algorithm {algorithm} is not supported", status=501)
            expected[algorithm] = _checked_value(algorithm, value)
    if len(expected) > 1:
        raise _bad("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    if "content-md5" in headers:
        digest = _decoded(headers["content-md5"])
        if digest is None or len(digest) != hashlib.md5(usedforsecurity=False).digest_size:
            raise ApiError("InvalidDigest", "The Content-MD5 you specified was invalid.")
        expected["MD5"] = headers["content-md5"].strip()
    return expected


def _trailing_algorithm(headers: Mapping[str, str]) -> str:
    names = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()]
    if not names:
        return ""
    if len(names) > 1 or not names[0].startswith(_HEADER_PREFIX):
        raise _bad(f"The value specified in the x-amz-trailer header is not supported: {', '.join(names)[:200]}")
    algorithm = names[0][len(_HEADER_PREFIX) :].upper()
    if algorithm not in ALGORITHMS:
        raise ApiError("NotImplemented", f"The checksum algorithm {algorithm} is not supported", status=501)
    return algorithm


def _checked_value(algorithm: str, value: str) -> str:
    digest = _decoded(value)
    if digest is None or len(digest) != len(checksum(algorithm).digest()):
        raise _bad(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")
    return value.strip()


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None


def _length(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise _bad(f"{text[:50]!r} is not a length")
    return int(text)


def _incomplete(received: int, announced: int) -> ApiError:
    text = "You did not provide the number of bytes specified by the Content-Length HTTP header"
    return ApiError("IncompleteBody", text, fields={"NumberBytesExpected": announced, "NumberBytesProvided": received})


def _content_mismatch(signed: str, computed: str) -> ApiError:
    text = "The provided 'x-amz-content-sha256' header does not match what was computed."
    fields = {"ClientComputedContentSHA256": signed, "S3ComputedContentSHA256": computed}
    return ApiError("XAmzContentSHA256Mismatch", text, fields=fields)


def _bad(text: str) -> ApiError:
    return ApiError("InvalidRequest", text)
