"""Rows on their way into objects: Parquet and ORC files, lines; one file a partition, and the next when one is large.

Bytes go straight into the object store's writers, so nothing is to be seen before `commit`, and nothing is left when a
statement fails, is stopped or dies. What is held is a group of rows and a file's own buffers.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import orc

from steppe.objects.object_store import ObjectMetadata, ObjectStore, ObjectWriter
from steppe.sql.errors import QueryError
from steppe.sql.formats import ENDINGS, LINE_FORMATS
from steppe.sql.results import string_bytes

PARTITIONS_MAX = 100
"""Partitions that one statement may write. Source: Athena User Guide, page on CTAS and INSERT INTO with partitions."""

_FILE_BYTES = 128 * 1024 * 1024
_GROUP_ROWS = 250_000
_GROUP_BYTES = 32 * 1024 * 1024
_GZIP_LEVEL = 4
_UNSAFE = "\"#%'*/:=?\\{[]^"
_SAFE = "".join(chr(code) for code in range(32, 127) if chr(code) not in _UNSAFE)


class _Sink:
    """An object's writer as the binary file that pyarrow wants; counts the bytes."""

    def __init__(self, writer: ObjectWriter) -> None:
        self._writer = writer
        self.size_bytes = 0
        self.closed = False

    def write(self, data: bytes | memoryview | pa.Buffer) -> int:
        """Append bytes."""
        piece = bytes(data)
        self._writer.write(piece)
        self.size_bytes += len(piece)
        return len(piece)

    def tell(self) -> int:
        """Bytes so far."""
        return self.size_bytes

    def flush(self) -> None:
        """Nothing is held here."""

    def close(self) -> None:
        """The object's writer stays open: who has it commits it."""
        self.closed = True


class _RowFile(Protocol):
    """A file that takes batches of rows."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        ...

    def close(self) -> None:
        """Write what is left; the file is whole after it."""
        ...


class _ColumnFile:
    """Parquet or ORC: batches are gathered into what is worth a row group or a stripe."""

    def __init__(self, file: pq.ParquetWriter | orc.ORCWriter, append: Callable[[pa.Table], None]) -> None:
        self._file, self._append = file, append
        self._held: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep a batch; write all when they are enough."""
        self._held.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            self._append(pa.Table.from_batches(self._held))
        self._held, self._rows, self._bytes = [], 0, 0

    def close(self) -> None:
        """Write what is held and the footer."""
        self._flush()
        self._file.close()


class _LineFile:
    """Lines, made by DuckDB: the one column of a batch."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def write(self, batch: pa.RecordBatch) -> None:
        """Append the lines of a batch."""
        self._stream.write(string_bytes(batch.column(0)))

    def close(self) -> None:
        """The end of the compressed stream."""
        self._stream.close()


class _Stream(Protocol):
    """Where lines go."""

    def write(self, data: bytes, /) -> int | None:
        """Append bytes."""
        ...

    def close(self) -> None:
        """Write the rest."""
        ...


class _Gzip:
    """zlib and not pyarrow, whose streams know only the slowest level."""

    def __init__(self, sink: _Sink) -> None:
        self._sink = sink
        self._compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)

    def write(self, data: bytes, /) -> None:
        """Append bytes."""
        self._sink.write(self._compressor.compress(data))

    def close(self) -> None:
        """Write the rest."""
        self._sink.write(self._compressor.flush())


def _stream(sink: _Sink, codec: str) -> _Stream:
    if codec == "none":
        return sink
    if codec == "gzip":
        return _Gzip(sink)
    return pa.CompressedOutputStream(pa.PythonFile(sink, mode="w"), codec)  # type: ignore[no-any-return]


def _parquet(sink: _Sink, schema: pa.Schema, codec: str) -> _RowFile:
    level = _GZIP_LEVEL if codec == "gzip" else None
    file = pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression=codec, compression_level=level)
    return _ColumnFile(file, lambda table: file.write_table(table, row_group_size=_GROUP_ROWS))


def _orc(sink: _Sink, schema: pa.Schema, codec: str) -> _RowFile:
    file = orc.ORCWriter(pa.PythonFile(sink, mode="w"), compression=codec)
    file.write(schema.empty_table())  # a file without rows has its columns too
    return _ColumnFile(file, file.write)


def _lines(sink: _Sink, schema: pa.Schema, codec: str) -> _RowFile:
    del schema
    return _LineFile(_stream(sink, codec))


_FILES: dict[str, Callable[[_Sink, pa.Schema, str], _RowFile]] = {
    "PARQUET": _parquet, "ORC": _orc, "JSON": _lines, "TEXTFILE": _lines,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Open:
    """A file that is being written, and the object that it becomes."""

    uri: str
    writer: ObjectWriter
    sink: _Sink
    file: _RowFile


class FileWriters:
    """Writes the rows of one statement. Rows of one partition come one after the other."""

    def __init__(
        self, objects: ObjectStore, *, folder_of: Callable[[tuple[str, ...]], str], kind: str, codec: str, stem: str
    ) -> None:
        """Begin with nothing.

        Args:
            objects: where to.
            folder_of: `s3://bucket/prefix/` of a partition's values; of none: the table's own.
            kind: the name of one of `formats.FORMATS`.
            codec: our name of its compression.
            stem: what the names of the files begin with.
        """
        self._objects = objects
        self._folder_of = folder_of
        self._kind, self._codec, self._stem = kind, codec, stem
        self._open: _Open | None = None
        self._done: list[_Open] = []
        self.row_count = 0
        self.partitions: list[tuple[str, ...]] = []

    def write(self, batches: Iterable[pa.RecordBatch], key_count: int) -> None:
        """Write all rows.

        Args:
            batches: the rows; the last `key_count` columns are the texts of their partition's values, by which they
                are in order.
            key_count: number of partition keys.

        Raises:
            QueryError: they belong to too many partitions.
        """
        for batch in batches:
            if batch.num_rows == 0:
                continue
            self.row_count += batch.num_rows
            data = batch.select(range(batch.num_columns - key_count)) if key_count else batch
            for values, start, length in _runs(batch, key_count):
                self._append(values, data.slice(start, length))

    def _append(self, values: tuple[str, ...], rows: pa.RecordBatch) -> None:
        if not self.partitions or self.partitions[-1] != values:
            self._finish_file()
            if values and len(self.partitions) == PARTITIONS_MAX:
                said = f"Exceeded limit of {PARTITIONS_MAX} open writers for partitions/buckets"
                raise QueryError("HIVE_TOO_MANY_OPEN_PARTITIONS", said)
            self.partitions.append(values)
        if self._open is None:
            self._open = self._begin(values, rows.schema)
        self._open.file.write(rows)
        if self._open.sink.size_bytes >= _FILE_BYTES:
            self._finish_file()

    def _begin(self, values: tuple[str, ...], schema: pa.Schema) -> _Open:
        ending = ENDINGS.get(self._codec, "") if self._kind in LINE_FORMATS else ""
        uri = f"{self._folder_of(values)}{self._stem}_{uuid.uuid4()}{ending}"
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        metadata = ObjectMetadata(content_type="application/octet-stream")
        writer = self._objects.writer(bucket, key, metadata=metadata)
        try:
            sink = _Sink(writer)
            return _Open(uri, writer, sink, _FILES[self._kind](sink, schema, self._codec))
        except BaseException:
            writer.abort()
            raise

    def _finish_file(self) -> None:
        if self._open is not None:
            done, self._open = self._open, None
            self._done.append(done)
            done.file.close()

    def commit(self) -> list[str]:
        """Make everything visible; the objects as `s3://bucket/key`."""
        self._finish_file()
        for done in self._done:
            done.writer.commit()
        return [done.uri for done in self._done]

    def abort(self) -> None:
        """Forget what is not committed. May be called at any time."""
        for done in [*self._done, *([self._open] if self._open is not None else [])]:
            done.writer.abort()


def _runs(batch: pa.RecordBatch, key_count: int) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """The values, beginning and length of each run of rows of one partition."""
    if not key_count:
        yield (), 0, batch.num_rows
        return
    keys = batch.columns[-key_count:]
    changed = pa.array([False] * (batch.num_rows - 1), pa.bool_())
    for column in keys:
        changed = pc.or_(changed, pc.not_equal(column.slice(1), column.slice(0, batch.num_rows - 1)))
    starts = [0, *(at + 1 for at in pc.indices_nonzero(changed).to_pylist()), batch.num_rows]
    for start, end in pairwise(starts):
        yield tuple(column[start].as_py() for column in keys), start, end - start


def partition_folder(keys: Sequence[str], values: Sequence[str]) -> str:
    """`key=value/` of each key, escaped as Hive does: what a path could not hold, by its number."""
    return "".join(f"{key}={quote(value, safe=_SAFE)}/" for key, value in zip(keys, values, strict=True))
