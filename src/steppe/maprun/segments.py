"""Segments: finished children as Parquet files in the internal bucket, a row a child.

A segment is written once, whole, by one attempt at one shard, and counts only when the shard's row names it. Its rows
are in the order in which children ended, which is item order where nothing waits. Columns: see SCHEMA, and where a
segment has them EXTRA; `history` is the
JSON array of the child's history events, `input` and `output` are JSON text. Parquet because a segment is a table too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.interp.history import HistoryEvent
from steppe.objects.object_store import ObjectStore

SCHEMA: Final = pa.schema(
    [
        ("item_index", pa.int64()),
        ("item_count", pa.int32()),
        ("name", pa.binary(16)),
        ("status", pa.string()),
        ("started_ms", pa.int64()),
        ("stopped_ms", pa.int64()),
        ("input", pa.string()),
        ("output", pa.string()),
        ("error", pa.string()),
        ("cause", pa.string()),
        ("redrive_count", pa.int32()),
        ("history", pa.binary()),
    ]
)

EXTRA: Final = pa.schema([("snapshot", pa.binary()), ("redriven_ms", pa.int64())])
"""Columns of a segment with children that did not succeed, or were redriven: what a redrive goes on with (an execution
as bytes; empty when it cannot be redriven; null when it has to be run anew), and when it was redriven last."""

_DELTA: Final = dict.fromkeys(("item_index", "started_ms", "stopped_ms"), "DELTA_BINARY_PACKED")


Row: TypeAlias = tuple[int, int, bytes, str, int, int, bytes, bytes | None, str | None, str | None, int, bytes]
"""A finished child, in the order of SCHEMA. A bare tuple: a worker makes tens of thousands a second."""


Extra: TypeAlias = tuple[bytes | None, int | None]
"""The columns of EXTRA, for one child."""


def encode(rows: Sequence[Row], extras: Mapping[int, Extra] | None = None) -> bytes:
    """One row or more as a Parquet file. `extras`: by item index, for the rows that have any."""
    arrays = [
        # Bytes that are known to be UTF-8 become text without being looked at again.
        pa.array(column, pa.binary()).view(pa.string())
        if name in ("input", "output")
        else pa.array(column, SCHEMA.field(name).type)
        for name, column in zip(SCHEMA.names, zip(*rows, strict=True), strict=True)
    ]
    schema = SCHEMA
    if extras:
        schema = pa.schema([*SCHEMA, *EXTRA])
        found = [extras.get(row[0], (None, None)) for row in rows]
        arrays += [pa.array([extra[n] for extra in found], EXTRA.field(n).type) for n in range(len(EXTRA))]
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=schema),
        sink,
        compression="zstd",
        compression_level=1,
        use_dictionary=["status", "error", "cause"],
        write_statistics=["item_index"],
        column_encoding=_DELTA,
        store_schema=False,
    )
    body: bytes = sink.getvalue().to_pybytes()
    return body


@dataclass(frozen=True, slots=True)
class Segment:
    """A written segment, as a shard's row lists it.

    Attributes:
        key: in the internal bucket.
        first_item, last_item: least and greatest `item_index` in it.
        rows: children in it.
        size_bytes: length of the file.
        redrive: written by which redrive of the run; 0 for none. A child's row of a later one replaces its earlier one.
    """

    key: str
    first_item: int
    last_item: int
    rows: int
    size_bytes: int
    redrive: int = 0

    def dump(self) -> JsonValue:
        """As a JSON array."""
        plain = [self.key, self.first_item, self.last_item, self.rows, self.size_bytes]
        return [*plain, self.redrive] if self.redrive else plain


def _redrive(segment: Segment) -> int:
    return segment.redrive


def load_segment(value: JsonValue) -> Segment:
    """From what `Segment.dump` gave."""
    return Segment(*value)


def dump_history(events: list[HistoryEvent]) -> bytes:
    """The `history` column: events as a JSON array."""
    return jsonvalue.dumpb(events)


class SegmentReader:
    """Reads segments, some columns of them. Used by one thread at a time."""

    def __init__(self, store: ObjectStore, bucket: str, *, kept_bytes_max: int = 0) -> None:
        """`kept_bytes_max`: decoded columns to keep for those who come back; 0 for who reads everything once."""
        self._store = store
        self._bucket = bucket
        self._kept_bytes_max = kept_bytes_max
        self._kept: OrderedDict[tuple[str, tuple[str, ...]], pa.Table] = OrderedDict()
        self._kept_bytes = 0

    def table(self, segment: Segment, columns: Sequence[str]) -> pa.Table:
        """The named columns of a segment."""
        place = (segment.key, tuple(columns))
        table = self._kept.get(place)
        if table is not None:
            self._kept.move_to_end(place)
            return table
        body = pa.py_buffer(self._store.read(self._bucket, segment.key))
        # Not read_table: that goes through the dataset machinery, which takes longer to come up than the page to read.
        table = pq.ParquetFile(pa.BufferReader(body)).read(columns=list(columns), use_threads=False)
        if not self._kept_bytes_max:
            return table
        self._kept[place] = table
        self._kept_bytes += table.nbytes
        while self._kept_bytes > self._kept_bytes_max and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.nbytes
        return table

    def latest(self, segments: Sequence[Segment], columns: Sequence[str]) -> Iterator[tuple[Segment, pa.Table]]:
        """The named columns of a shard's segments, without the rows that a redrive has replaced."""
        if not any(segment.redrive for segment in segments):
            yield from ((segment, self.table(segment, columns)) for segment in segments)
            return
        newer: set[int] = set()
        for _, group in groupby(sorted(segments, key=_redrive, reverse=True), _redrive):
            found: set[int] = set()
            for segment in group:
                table = self.table(segment, columns)
                indexes = self.table(segment, ("item_index",)).column(0)
                if newer:
                    table = table.filter(pc.invert(pc.is_in(indexes, pa.array(newer, pa.int64()))))
                found.update(indexes.to_pylist())
                yield segment, table
            newer |= found

    def rows(self, segment: Segment, columns: Sequence[str]) -> Iterator[tuple[JsonValue, ...]]:
        """The rows of a segment as tuples of the named columns."""
        table = self.table(segment, columns)
        return zip(*(column.to_pylist() for column in table.columns), strict=True)

    def find(
        self, segments: Sequence[Segment], item_index: int, columns: Sequence[str]
    ) -> tuple[Segment, dict[str, JsonValue]] | None:
        """The latest row of the child whose first item is `item_index`, and where; None when no segment has it.

        Columns of EXTRA that the segment has not got are not in the row.
        """
        for segment in sorted(segments, key=_redrive, reverse=True):
            if segment.first_item <= item_index <= segment.last_item:
                indexes = self.table(segment, ("item_index",)).column(0).to_pylist()
                if item_index in indexes:
                    row = self.table(segment, columns).slice(indexes.index(item_index), 1)
                    return segment, row.to_pylist()[0]
        return None
