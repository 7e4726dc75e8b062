"""aws-chunked bodies: the framing around an upload that is signed piece by piece or followed by its checksum.

    <size in hex>[;chunk-signature=<hex>]CRLF <bytes> CRLF ... 0[;chunk-signature=<hex>]CRLF
    [<trailing header>:<value>CRLF]... CRLF

A decoder without I/O: it is fed what arrives and gives what it decoded, never holding a whole chunk.
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from steppe.base.errors import ApiError
from steppe.wire.sigv4 import ChunkSigner

LINE_BYTES_MAX = 1024
TRAILER_BYTES_MAX = 16 * 1024
_HEADER = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?", re.ASCII)
_SIGNATURE_HEADER = b"x-amz-trailer-signature"


class ChunkedDecoder:
    """Decodes one body.

    Attributes:
        trailers: trailing headers by lower-case name; complete when `finish` returns.
    """

    __slots__ = ("_buffer", "_hash", "_left", "_signature", "_signer", "_stage", "_trailer_lines", "trailers")

    def __init__(self, signer: ChunkSigner | None = None) -> None:
        self.trailers: dict[str, str] = {}
        self._signer = signer
        self._buffer = bytearray()
        self._stage: Literal["header", "bytes", "end of chunk", "trailer", "done"] = "header"
        self._left = 0
        self._hash = hashlib.sha256()
        self._signature = ""
        self._trailer_lines: list[bytes] = []

    def feed(self, received: bytes) -> list[bytes]:
        """Take what arrived; the decoded pieces it completes.

        Raises:
            ApiError: IncompleteBody for broken framing, SignatureDoesNotMatch for a chunk that was changed.
        """
        buffer = self._buffer
        buffer += received
        pieces: list[bytes] = []
        while buffer or self._stage == "bytes":
            if self._stage == "bytes":
                if self._left == 0:
                    self._end_chunk()
                    continue
                if not buffer:
                    break
                piece = bytes(buffer[: self._left])
                del buffer[: len(piece)]
                self._left -= len(piece)
                if self._signer is not None:
                    self._hash.update(piece)
                pieces.append(piece)
            elif self._stage == "done":
                raise _broken("bytes after the end of the body")
            elif not self._take_line():
                break
        return pieces

    def finish(self) -> None:
        """The body ended. IncompleteBody when it ended too early."""
        if self._stage == "trailer" and not self._buffer and not self._trailer_lines:
            # Some clients leave out the last empty line after a body without trailers.
            return
        if self._stage != "done":
            raise _broken("it ends within a chunk")

    def _take_line(self) -> bool:
        """Take one line out of the buffer and act on it; False when it is not there yet."""
        buffer = self._buffer
        limit = TRAILER_BYTES_MAX if self._stage == "trailer" else LINE_BYTES_MAX
        end = buffer.find(b"\n", 0, limit)
        if end < 0:
            if len(buffer) >= limit:
                raise _broken("a line is too long")
            return False
        line = bytes(buffer[:end]).rstrip(b"\r")
        del buffer[: end + 1]
        if self._stage == "header":
            self._start_chunk(line)
        elif self._stage == "end of chunk":
            if line:
                raise _broken("a chunk is longer than it says")
            self._stage = "header"
        elif line:
            self._trailer_lines.append(line)
            if sum(map(len, self._trailer_lines)) > TRAILER_BYTES_MAX:
                raise _broken("the trailer is too long")
        else:
            self._end_trailer()
        return True

    def _start_chunk(self, line: bytes) -> None:
        match = _HEADER.fullmatch(line)
        if match is None or (self._signer is not None and match[2] is None):
            raise _broken("a chunk's header is malformed")
        self._left = int(match[1], 16)
        self._signature = (match[2] or b"").decode("ascii")
        if self._left:
            self._stage = "bytes"
            self._hash = hashlib.sha256()
        else:
            self._check_signature(hashlib.sha256())
            self._stage = "trailer"

    def _end_chunk(self) -> None:
        self._check_signature(self._hash)
        self._stage = "end of chunk"

    def _check_signature(self, content: hashlib._Hash) -> None:
        if self._signer is not None:
            self._signer.check_chunk(content.hexdigest(), self._signature)

    def _end_trailer(self) -> None:
        self._stage = "done"
        signature = ""
        signed = b""
        for line in self._trailer_lines:
            name, colon, value = line.partition(b":")
            if not colon:
                raise ApiError("MalformedTrailerError", "The request contained trailing data that was not well-formed.")
            if name.strip().lower() == _SIGNATURE_HEADER:
                signature = value.strip().decode("ascii", "replace")
                continue
            signed += name.strip().lower() + b":" + value.strip() + b"\n"
            self.trailers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
        if self._signer is not None and self._trailer_lines:
            self._signer.check_trailer(signed, signature)


def _broken(reason: str) -> ApiError:
    text = f"The request body is not valid aws-chunked encoding: {reason}"
    return ApiError("IncompleteBody", text)
