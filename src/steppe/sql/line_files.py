"""Files of lines: how they are compressed, and those that DuckDB's reader would read otherwise than Hive does.

DuckDB reads lines fast but has its own mind about blank ones, escapes and compressions. A file with such things is
first turned into Parquet, a column of text a field, in the query's own directory: slower, and exactly as the SerDe
splits lines. Memory is bounded by a line and a group of rows.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from steppe.sql.errors import QueryError, not_supported
from steppe.sql.table_files import DataFile

LINE_BYTES_MAX = 2 * 1024 * 1024
"""The longest line that is read."""

DIRECT = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd"}
"""Endings of compressions that DuckDB reads itself."""

_CONVERTED = {".bz2": "bz2", ".snappy": "snappy", ".lz4": "lz4_raw", ".deflate": "deflate"}
_UNREADABLE = (".lzo", ".xz", ".zip", ".br")
_PIECE_BYTES = 1024 * 1024
_BLOCK_BYTES_MAX = 64 * 1024 * 1024
_GROUP_ROWS = 50_000
_GROUP_BYTES = 16 * 1024 * 1024

Split = Callable[[str], Sequence[str | None]]
"""A line as its fields."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def compression_of(uri: str) -> str:
    """What an object is compressed with, by its ending; "none" for nothing.

    Raises:
        QueryError: NOT_SUPPORTED for what cannot be read.
    """
    lowered = uri.lower()
    if lowered.endswith(_UNREADABLE):
        raise not_supported(f"compression of {uri}")
    return next((kind for ending, kind in (DIRECT | _CONVERTED).items() if lowered.endswith(ending)), "none")


def pieces(file: DataFile, check: Callable[[], None]) -> Iterator[bytes]:
    """The file's bytes without compression.

    Raises:
        QueryError: HIVE_CURSOR_ERROR, it is damaged.
    """
    kind = compression_of(file.uri)
    try:
        if kind in ("snappy", "lz4_raw"):
            with file.path.open("rb") as raw:
                yield from _hadoop_blocks(raw, kind, check)
        elif kind == "deflate":
            with file.path.open("rb") as raw:
                yield from _inflated(raw, check)
        else:
            with pa.input_stream(str(file.path), compression=None if kind == "none" else kind) as stream:
                while piece := stream.read(_PIECE_BYTES):
                    check()
                    yield piece
    except (OSError, pa.ArrowException, zlib.error, struct.error) as error:
        raise QueryError("HIVE_CURSOR_ERROR", f"Failed to read file: {file.uri}") from error


def _hadoop_blocks(raw: _Readable, kind: str, check: Callable[[], None]) -> Iterator[bytes]:
    """Hadoop's frames: the length of a block, then compressed chunks, each after its length."""
    while head := raw.read(4):
        check()
        (left,) = struct.unpack(">I", head)
        while left > 0:
            (size,) = struct.unpack(">I", raw.read(4))
            if size > _BLOCK_BYTES_MAX or left > _BLOCK_BYTES_MAX:
                raise OSError("a block is too large")
            chunk = raw.read(size)
            length = _snappy_length(chunk) if kind == "snappy" else left
            piece = pa.decompress(chunk, decompressed_size=min(length, left), codec=kind, asbytes=True)
            if not piece:
                raise OSError("a chunk without data")
            left -= len(piece)
            yield piece


def _snappy_length(chunk: bytes) -> int:
    """The varint at the beginning of a Snappy chunk: how long it is without compression."""
    length = shift = 0
    for byte in chunk[:5]:
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return length
    raise OSError("a chunk without a length")


def _inflated(raw: _Readable, check: Callable[[], None]) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    while piece := raw.read(_PIECE_BYTES):
        check()
        while piece:
            yield inflater.decompress(piece, _PIECE_BYTES)
            piece = inflater.unconsumed_tail
    yield inflater.flush()


class _Raw(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Some bytes; 0 at the end."""
        while not self._rest:
            piece = next(self._source, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def lines(file: DataFile, check: Callable[[], None]) -> Iterator[str]:
    """The file's lines, as Hadoop cuts them: a line feed, a carriage return, or both, end one.

    Raises:
        QueryError: HIVE_CURSOR_ERROR, the file is damaged or a line is too long.
    """
    reader = io.BufferedReader(_Raw(pieces(file, check)), _PIECE_BYTES)
    with io.TextIOWrapper(reader, encoding="utf-8", errors="replace", newline=None) as stream:
        while line := stream.readline(LINE_BYTES_MAX + 1):
            if len(line) > LINE_BYTES_MAX:
                raise QueryError(
                    "HIVE_CURSOR_ERROR", f"a line of {file.uri} is longer than {LINE_BYTES_MAX} characters"
                )
            yield line.removesuffix("\n")


def is_plain(file: DataFile, signs: Sequence[bytes], check: Callable[[], None]) -> bool:
    """Whether DuckDB's reader takes the file as it is: it knows the compression, and no line is blank.

    Args:
        file: the file.
        signs: bytes that must not be in it.
        check: raises when the query was stopped.
    """
    if compression_of(file.uri) not in (*DIRECT.values(), "none"):
        return False
    last = b"\n"
    for piece in pieces(file, check):
        found = last + piece
        if any(sign in found for sign in (b"\n\n", b"\n\r", b"\r\r", *signs)):
            return False
        last = piece[-1:]
    return True


def converted(
    file: DataFile, columns: Sequence[str], split: Split, *, skip: int, folder: Path, check: Callable[[], None]
) -> Path:
    """The file as Parquet with a text column for each field; missing ones are NULL, further ones are dropped.

    Args:
        file: what is read.
        columns: names of the columns.
        split: cuts a line; may raise QueryError.
        skip: how many lines come before the first row.
        folder: where the new file goes.
        check: raises when the query was stopped.
    """
    path = folder / f"{file.path.name[:40]}-{len(list(folder.iterdir()))}.parquet"
    schema = pa.schema([(label, pa.string()) for label in columns])
    width, size = len(columns), 0
    rows: list[Sequence[str | None]] = []
    with pq.ParquetWriter(path, schema, compression="snappy") as writer:

        def flush() -> None:
            arrays = [pa.array([row[i] if i < len(row) else None for row in rows], pa.string()) for i in range(width)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            rows.clear()

        for at, line in enumerate(lines(file, check)):
            if at < skip:
                continue
            rows.append(split(line))
            size += len(line)
            if len(rows) >= _GROUP_ROWS or size >= _GROUP_BYTES:
                flush()
                size = 0
        flush()
    return path


def whole_line(line: str) -> Sequence[str | None]:
    """The line as one field."""
    return (line,)


def delimited(delimiter: str, escape: str | None, null: str) -> Split:
    """How LazySimpleSerDe cuts a line.

    Args:
        delimiter: between fields.
        escape: takes the meaning of the character after it; None for none.
        null: the field that stands for NULL, before escapes are taken away.
    """

    def plain(line: str) -> Sequence[str | None]:
        return [None if field == null else field for field in line.split(delimiter)]

    def escaped(line: str) -> Sequence[str | None]:
        fields: list[str | None] = []
        raw: list[str] = []
        clean: list[str] = []
        characters = iter(line)
        for character in characters:
            if character == delimiter:
                fields.append(None if "".join(raw) == null else "".join(clean))
                raw, clean = [], []
                continue
            raw.append(character)
            if character == escape:
                character = next(characters, "")
                raw.append(character)
            clean.append(character)
        fields.append(None if "".join(raw) == null else "".join(clean))
        return fields

    return plain if escape is None else escaped


def open_csv(separator: str, quote: str, escape: str, uri: str) -> Split:
    """How OpenCSVSerde cuts a line: the rules of opencsv 2.3, which the SerDe wraps."""

    def cut(line: str) -> Sequence[str | None]:
        fields: list[str | None] = []
        cell: list[str] = []
        quoted = in_field = False
        at, end = 0, len(line)
        while at < end:
            character = line[at]
            following = line[at + 1] if at + 1 < end else ""
            if character == escape:
                # At the beginning of a field, and before other characters, the escape itself is dropped.
                if (quoted or in_field) and following in (quote, escape) and following:
                    cell.append(following)
                    at += 1
            elif character == quote:
                if (quoted or in_field) and following == quote:
                    cell.append(following)
                    at += 1
                else:
                    if at > 2 and line[at - 1] != separator and following and following != separator:
                        if cell and not "".join(cell).strip():
                            cell = []
                        else:
                            cell.append(character)
                    quoted = not quoted
                in_field = not in_field
            elif character == separator and not quoted:
                fields.append("".join(cell))
                cell, in_field = [], False
            else:
                cell.append(character)
                in_field = True
            at += 1
        if quoted:
            raise QueryError("HIVE_BAD_DATA", f"Un-terminated quoted field at end of CSV line in {uri}")
        fields.append("".join(cell))
        return fields

    return cut
