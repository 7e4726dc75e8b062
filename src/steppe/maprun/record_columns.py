"""The results of a shard's children made all at once, column by column, without a Python object a child.

A run's results are as many bytes as its children have inputs and outputs, written once more; made record by record they
would cost as much as running the children. The bytes are those of `result_records`, which has the rule; here are the
children that succeeded, which are nearly all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from steppe.base import jsonvalue, timestamps
from steppe.maprun.result_records import ROW_COLUMNS, ChildArns, ChildRow, RecordShape
from steppe.maprun.segments import Segment, SegmentReader, load_segment
from steppe.stores.map_runs import ShardRecord

_PIECE_BYTES: Final = 16 * 1024 * 1024
"""Of the columns of a shard that are worked on at once: a shard of large items is taken in pieces."""


def shard_table(reader: SegmentReader, shard: ShardRecord) -> pa.Table:
    """The ended children of a shard in item order: ROW_COLUMNS, and after a redrive `redriven_ms` and `redrive`."""
    segments = [load_segment(segment) for segment in shard.segments]
    if any(segment.redrive for segment in segments):
        found = reader.latest(segments, (*ROW_COLUMNS, "redriven_ms"))
        tables = [_with_redrive(segment, table) for segment, table in found]
    else:
        tables = [reader.table(segment, ROW_COLUMNS) for segment in segments]
    if not tables:
        return pa.table({name: [] for name in ROW_COLUMNS})
    table = pa.concat_tables(tables).combine_chunks()
    indexes = table.column("item_index")
    if not pc.all(pc.less(indexes[:-1], indexes[1:])).as_py():
        table = table.take(pc.sort_indices(indexes))
    return table


def _with_redrive(segment: Segment, table: pa.Table) -> pa.Table:
    """The rows of a segment with the columns of all segments of a shard that was redriven."""
    if "redriven_ms" not in table.column_names:
        table = table.append_column("redriven_ms", pa.nulls(table.num_rows, pa.int64()))
    return table.append_column("redrive", pa.array([segment.redrive] * table.num_rows, pa.int32()))


class Texts(NamedTuple):
    """Results of some children, in order.

    Attributes:
        kind: SUCCEEDED or FAILED.
        joined: their texts.
        ends: the offset of each one's end.
    """

    kind: str
    joined: bytes
    ends: Sequence[int]


def result_texts(table: pa.Table, shape: RecordShape, *, lines: bool) -> Iterator[Texts]:
    """The results of children, by kind and in order.

    Args:
        table: as `shard_table` gives it.
        shape: how they look.
        lines: each text ends with a line feed; else each begins with a comma.
    """
    for piece in _pieces(table):
        good = pc.equal(piece.column("status"), "SUCCEEDED")
        whole = pc.all(good).as_py()
        succeeded = piece if whole else piece.filter(good)
        if succeeded.num_rows and (shape.transformation == "FLATTEN" or "redriven_ms" in table.column_names):
            yield _one_by_one("SUCCEEDED", succeeded, shape, lines=lines)
        elif succeeded.num_rows:
            yield _joined(succeeded, shape, lines=lines)
        if not whole:
            yield _one_by_one("FAILED", piece.filter(pc.invert(good)), shape, lines=lines)


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    count = max(1, table.num_rows * _PIECE_BYTES // max(table.nbytes, _PIECE_BYTES))
    for start in range(0, table.num_rows, count):
        yield table.slice(start, count)


def _one_by_one(kind: str, table: pa.Table, shape: RecordShape, *, lines: bool) -> Texts:
    names = [name for name in ChildRow._fields if name in table.column_names]
    rows = zip(*(table.column(name).to_pylist() for name in names), strict=True)
    form = b"%b\n" if lines else b",%b"
    texts = [form % text for row in rows for text in shape.texts(ChildRow(*row))]
    return Texts(kind, b"".join(texts), list(accumulate(map(len, texts))))


def _joined(table: pa.Table, shape: RecordShape, *, lines: bool) -> Texts:
    """The texts of children that succeeded, transformation NONE or COMPACT."""
    parts = [_binary(table, "output")] if shape.transformation == "COMPACT" else _record(table, shape)
    parts = [*parts, b"\n"] if lines else [b",", *parts]
    joined = pc.binary_join_element_wise(*(_scalar(p) if isinstance(p, bytes) else p for p in parts), b"")
    offsets, data = joined.buffers()[1:]
    # What a kernel has made begins at the beginning of its buffers.
    ends = memoryview(offsets).cast("i")[1 : len(joined) + 1]
    return Texts("SUCCEEDED", memoryview(data)[: ends[-1]].tobytes(), ends)


def _record(table: pa.Table, shape: RecordShape) -> list[pa.Array | bytes]:
    """What the record of a child that succeeded consists of: `RecordShape.record`, in columns."""
    shown = shape.arns
    name = _uuids(table)
    redrive = (
        b","
        if shown.express
        else b',"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":%b,'
        % (jsonvalue.dumpb("Execution is SUCCEEDED and cannot be redriven"))
    )
    machine = jsonvalue.dumpb(shown.machine_arn)
    return [
        b'{"ExecutionArn":"%b' % jsonvalue.dumpb(shown.prefix)[1:-1],
        *name,
        *([b":", _second_uuids(table, shown)] if shown.express else []),
        b'","Input":"',
        _escaped(_binary(table, "input")),
        b'","InputDetails":{"Included":true},"Name":"',
        *name,
        b'","Output":"',
        _escaped(_binary(table, "output")),
        b'","OutputDetails":{"Included":true},"RedriveCount":',
        pc.cast(table.column("redrive_count").combine_chunks(), pa.string()).cast(pa.binary()),
        redrive + b'"StartDate":"',
        _times(table, "started_ms"),
        b'","StateMachineArn":%b,"Status":"SUCCEEDED","StopDate":"' % machine,
        _times(table, "stopped_ms"),
        b'"}',
    ]


def _scalar(text: bytes) -> pa.Scalar:
    return pa.scalar(text, pa.binary())


def _binary(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name).combine_chunks()
    return column.cast(pa.binary())


def _escaped(texts: pa.Array) -> pa.Array:
    """JSON texts as the inside of JSON strings. They have no control characters, so two characters are all."""
    data = texts.buffers()[2]
    if data is not None and b"\\" in memoryview(data).tobytes():
        texts = pc.replace_substring(texts, b"\\", b"\\\\")
    return pc.replace_substring(texts, b'"', b'\\"')


def _uuids(table: pa.Table) -> list[pa.Array | bytes]:
    """The names as text, in pieces."""
    names = table.column("name").combine_chunks()
    count = len(names)
    raw = memoryview(names.buffers()[1])[names.offset * 16 : (names.offset + count) * 16]
    digits = pa.Array.from_buffers(pa.binary(32), count, [None, pa.py_buffer(raw.hex().encode())])
    first, *others = (
        pc.binary_slice(digits, start, stop).cast(pa.binary())
        for start, stop in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    )
    return [first, *(part for other in others for part in (b"-", other))]


def _second_uuids(table: pa.Table, shown: ChildArns) -> pa.Array:
    texts = [shown.second_uuid(index).encode() for index in table.column("item_index").to_pylist()]
    return pa.array(texts, pa.binary())


def _times(table: pa.Table, name: str) -> pa.Array:
    """Moments as text: each is made once, a shard's children share few of them."""
    moments = pc.dictionary_encode(table.column(name).combine_chunks())
    texts = [timestamps.to_text(moment).encode() for moment in moments.dictionary.to_pylist()]
    return pa.array(texts, pa.binary()).take(moments.indices)
