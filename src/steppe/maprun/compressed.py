"""What a gzip or zstd object holds, as bytes that can be read at any place.

A compressed stream can only be read from its start, and many workers want its middle. So the one pass that the
coordinator makes anyway, to find the shards, also keeps what it sees: in blocks of one size, compressed again, each an
object of ours. The n-th block is found by its number alone. A byte is given to the reader that cuts the shards only
after its block is kept, so every shard that exists can be read; the blocks are always the same, so they may be made
twice. The last one is shorter than the others (perhaps empty): that is how the end is known.

Bounded: a block is held at a time, whatever the object expands to, and what it may expand to has a limit.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import EXPANDED_BYTES_MAX
from steppe.maprun.item_source import SourceObject, reader_failed
from steppe.objects.object_store import ObjectStore

BLOCK_BYTES: Final = 2 * 1024 * 1024
"""Bytes of a block before it is compressed: what a worker reads too much of at each end of a shard."""

_BLOCKS_KEPT: Final = 4
"""Blocks that a worker keeps: neighbouring shards share them."""

_LENGTH_BYTES: Final = 4

_CODECS: Final = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}

# Level 1: as fast as the other side of the pass, and a fifth larger than the default one.
_BLOCK_CODEC: Final = pa.Codec("zstd", 1)


def codec_of(key: str) -> str | None:
    """How an object is compressed, by its key's ending; None when it is not. Developer Guide, "ItemReader"."""
    return _CODECS.get("." + key.lower().rpartition(".")[2])


@dataclass(slots=True)
class CompressedObject:
    """A SourceBytes over a compressed object.

    Attributes:
        source: the object.
        codec: gzip or zstd.
        internal, bucket: where the blocks are kept,
        prefix: under these keys.
    """

    source: SourceObject
    codec: str
    internal: ObjectStore
    bucket: str
    prefix: str
    _front: _Expansion | None = None
    _blocks: dict[int, bytes] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """See `SourceBytes`."""
        return self.source.uri

    @property
    def description(self) -> dict[str, JsonValue]:
        """See `SourceBytes`."""
        return {**self.source.description, "codec": self.codec, "blocks": self.prefix}

    def stream(self, start: int, end: int | None = None) -> Iterator[bytes]:
        """See `SourceBytes`. With an end, only what has been kept is read."""
        number, offset = divmod(start, BLOCK_BYTES)
        position = start
        while end is None or position < end:
            block = self._block(number)
            if block is None:
                if end is not None:
                    return
                block = self._expand(number)
            piece = block[offset : None if end is None else offset + end - position]
            if piece:
                yield piece
            position += len(piece)
            if len(block) < BLOCK_BYTES:
                return
            number, offset = number + 1, 0

    def _block(self, number: int) -> bytes | None:
        """A block that has been kept; None when it has not."""
        block = self._blocks.get(number)
        if block is not None:
            return block
        try:
            body = self.internal.read(self.bucket, self._key(number))
        except ApiError as error:
            if error.code in ("NoSuchKey", "NotFound", "404"):
                return None
            raise
        size = int.from_bytes(body[:_LENGTH_BYTES], "big")
        return self._remember(
            number, _BLOCK_CODEC.decompress(body[_LENGTH_BYTES:], size, asbytes=True) if size else b""
        )

    def _expand(self, number: int) -> bytes:
        """Make the next block of the stream and keep it; a stream that is not there yet is begun again."""
        front = self._front
        if front is None or front.number != number:
            front = self._front = _Expansion(self.source, self.codec)
            while front.number < number:
                front.next_block()
        block = front.next_block()
        body = len(block).to_bytes(_LENGTH_BYTES, "big") + _BLOCK_CODEC.compress(block, asbytes=True)
        self.internal.put(self.bucket, self._key(number), body)
        return self._remember(number, block)

    def _remember(self, number: int, block: bytes) -> bytes:
        while len(self._blocks) >= _BLOCKS_KEPT:
            self._blocks.pop(next(iter(self._blocks), 0), None)
        self._blocks[number] = block
        return block

    def _key(self, number: int) -> str:
        return f"{self.prefix}{number}"


class _Expansion:
    """A compressed object on its way through the decompressor."""

    def __init__(self, source: SourceObject, codec: str) -> None:
        self.number = 0
        """Of the block that comes next."""
        self._source = source
        self._codec = codec
        raw = pa.PythonFile(io.BufferedReader(_Chunks(source.stream(0))), mode="r")
        self._stream = pa.CompressedInputStream(raw, codec) if source.size_bytes else pa.BufferReader(b"")

    def next_block(self) -> bytes:
        """BLOCK_BYTES; fewer only at the end."""
        pieces: list[bytes] = []
        missing = BLOCK_BYTES
        try:
            while missing and (piece := self._stream.read(missing)):
                pieces.append(piece)
                missing -= len(piece)
        except (OSError, pa.ArrowException) as error:
            raise reader_failed(f"The object {self._source.uri} is not valid {self._codec} data.") from error
        self.number += 1
        if self.number * BLOCK_BYTES > EXPANDED_BYTES_MAX:
            raise reader_failed(
                f"The object {self._source.uri} holds more than {EXPANDED_BYTES_MAX} bytes when it is decompressed."
            )
        return b"".join(pieces)


class _Chunks(io.RawIOBase):
    """An iterator of bytes as a file that can only be read forward."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
