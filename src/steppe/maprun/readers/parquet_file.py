"""Parquet: one item a row, an object by column names. Ranges are counted in rows; the footer alone says how many.

A row group can only be decoded from its beginning, and shards are smaller than groups. So a reader keeps where it is in
a group: a worker that takes the shards of a group in order decodes it once, and skips what other workers take. What
costs, making JSON of the columns, is done for the worker's own rows only.

How values become JSON (AWS does not say; ours): numbers, texts, booleans and nulls as they are; decimals as texts, with
all their digits; dates, times and timestamps as ISO 8601 texts (with Z when they are in UTC); bytes as Base64; lists,
structures and maps as arrays and objects; NaN and the infinities, which JSON has not, as the texts of those names.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import PARQUET_FOOTER_BYTES_MAX, PARQUET_GROUP_BYTES_MAX
from steppe.maprun.item_source import Cut, Item, ItemRange, SourceObject, described, reader_failed
from steppe.objects.object_store import ObjectReader

_MAGIC: Final = b"PAR1"

_BATCH_ROWS_MAX: Final = 1000

_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Decoded at once: rows that are large on average come in smaller batches."""

_CURSORS_KEPT: Final = 2

_Convert: TypeAlias = Callable[[JsonValue], JsonValue] | None


class ParquetSource:
    """An opened Parquet file."""

    def __init__(self, source: SourceObject, *, group_rows: list[int], unit_bytes: int) -> None:
        """`group_rows` is the number of rows of each group, `unit_bytes` the average row's size."""
        self._source = source
        self._group_rows = group_rows
        self._group_starts = [0, *accumulate(group_rows)]
        self._cursors: dict[int, _Cursor] = {}
        self.unit_bytes = unit_bytes
        self.data_start = 0

    @property
    def description(self) -> JsonValue:
        """See `ItemSource`."""
        return {
            "kind": "parquet",
            "object": self._source.description,
            "group_rows": self._group_rows,
            "unit_bytes": self.unit_bytes,
        }

    def split(self, cut: Cut, after: ItemRange | None = None) -> Iterator[ItemRange]:
        """See `ItemSource`. Reads nothing."""
        row = after.end if after else 0
        index = after.first_item + after.item_count if after else 0
        end = self._group_starts[-1]
        if cut.items_max:
            end = min(end, row + cut.items_max - index)
        fitting = -(-cut.size_bytes // self.unit_bytes)
        fitting += -fitting % cut.multiple
        while row < end:
            count = min(cut.items, fitting, end - row)
            yield ItemRange(index, count, row, row + count)
            row, index = row + count, index + count

    def read(self, items: ItemRange) -> Iterator[Item]:
        """See `ItemSource`."""
        index, uri = items.first_item, self._source.uri
        row, end = items.start, min(items.end, self._group_starts[-1])
        while row < end:
            group = next(n for n, start in enumerate(self._group_starts) if row < start) - 1
            here = row - self._group_starts[group]
            until = min(end, self._group_starts[group + 1]) - self._group_starts[group]
            cursor = self._cursors.pop(group, None)
            if cursor is None or cursor.row > here:
                cursor = _Cursor(self._source, group, self.unit_bytes)
            for value in cursor.rows(here, until):
                yield index, None, value, uri
                index += 1
            if until < self._group_rows[group]:
                while len(self._cursors) >= _CURSORS_KEPT:
                    self._cursors.pop(next(iter(self._cursors), group), None)
                self._cursors[group] = cursor
            row = self._group_starts[group] + until


def open_parquet(source: SourceObject, config: Mapping[str, JsonValue]) -> ParquetSource:
    """Open a Parquet file; ReaderConfig says no more than its InputType.

    Raises:
        Fault: it is none, its footer or a row group is larger than AWS takes, or a column's type has no JSON form.
    """
    described(config, {"InputType": str})
    with _opened(source) as file:
        metadata = file.metadata
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        # Columns of a group are not asked for: in pyarrow 26 what a forged footer says of them ends the process.
        for number, group in enumerate(groups):
            if group.total_byte_size > PARQUET_GROUP_BYTES_MAX:
                raise reader_failed(
                    f"Row group {number} of the Parquet file has {group.total_byte_size} bytes; "
                    f"{PARQUET_GROUP_BYTES_MAX} are allowed."
                )
        names = file.schema_arrow.names
        if len(set(names)) != len(names):
            raise reader_failed("The columns of the Parquet file cannot contain duplicates.")
        for column in file.schema_arrow:
            _shape(column.type, column.name)
        rows = [group.num_rows for group in groups]
        size = sum(group.total_byte_size for group in groups)
    return ParquetSource(source, group_rows=rows, unit_bytes=max(1, size // max(1, sum(rows))))


def reopen_parquet(source: SourceObject, description: Mapping[str, JsonValue]) -> ParquetSource:
    """The source of a description."""
    return ParquetSource(source, group_rows=description["group_rows"], unit_bytes=description["unit_bytes"])


class _Cursor:
    """A place in a row group that is being decoded."""

    def __init__(self, source: SourceObject, group: int, row_bytes: int) -> None:
        self.row = 0
        """Of the group: the next one that can be read."""
        self._rows = self._decode(source, group, max(1, min(_BATCH_ROWS_MAX, _BATCH_BYTES // row_bytes)))
        self._batch: pa.RecordBatch | None = None
        self._batch_start = 0

    def rows(self, start: int, end: int) -> Iterator[JsonValue]:
        """Rows of the group, none before `row`."""
        while start < end:
            batch = self._batch
            if batch is None or start >= self._batch_start + batch.num_rows:
                self._batch_start += batch.num_rows if batch is not None else 0
                self._batch = next(self._rows, None)
                if self._batch is None:
                    raise reader_failed("The Parquet file has fewer rows than its footer says.")
                continue
            offset = start - self._batch_start
            some = batch.slice(offset, end - start)
            with _faults():
                values = _values(some)
            start += some.num_rows
            self.row = start
            yield from values

    @staticmethod
    def _decode(source: SourceObject, group: int, batch_rows: int) -> Iterator[pa.RecordBatch]:
        with _opened(source) as file:
            yield from file.iter_batches(batch_size=batch_rows, row_groups=[group], use_threads=False)


class _File(io.RawIOBase):
    """An object as a file that can be read at any place."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader
        self._size = reader.summary.size_bytes
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def size(self) -> int:
        return self._size

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            size = self._size - self._position
        data = self._reader.read(self._position, size)
        self._position += len(data)
        return data


@contextmanager
def _opened(source: SourceObject) -> Iterator[pq.ParquetFile]:
    """The file, its footer read."""
    reader = source.open()
    try:
        with _faults():
            _check_footer(reader)
            yield pq.ParquetFile(pa.PythonFile(_File(reader), mode="r"), pre_buffer=False, buffer_size=1 << 20)
    finally:
        reader.close()


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what the library says of a damaged file into faults. Texts that are no UTF-8 are found late, as values."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise reader_failed(f"The Parquet file is malformed: {reason[:200]}") from error


def _check_footer(reader: ObjectReader) -> None:
    size = reader.summary.size_bytes
    tail = reader.read(max(0, size - 8), 8)
    if size < 12 or tail[4:] != _MAGIC:
        raise reader_failed("The file is not a Parquet file.")
    length = int.from_bytes(tail[:4], "little")
    if length > PARQUET_FOOTER_BYTES_MAX:
        raise reader_failed(
            f"The footer of the Parquet file has {length} bytes; {PARQUET_FOOTER_BYTES_MAX} are allowed."
        )


def _values(batch: pa.RecordBatch) -> list[JsonValue]:
    """The rows of a batch as objects."""
    columns = []
    for column, field in zip(batch.columns, batch.schema, strict=True):
        target, convert = _shape(field.type, field.name)
        values = (column if target == field.type else column.cast(target)).to_pylist()
        columns.append(values if convert is None else [convert(value) for value in values])
    names = batch.schema.names
    if not columns:
        return [{} for _ in range(batch.num_rows)]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _shape(kind: pa.DataType, name: str) -> tuple[pa.DataType, _Convert]:
    """What a column is cast to before it becomes Python values, and what is done to each of these."""
    types = pa.types
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_null(kind):
        return kind, None
    if types.is_string(kind) or types.is_large_string(kind):
        return kind, None
    if types.is_floating(kind):
        return kind, _number
    if types.is_decimal(kind) or types.is_date(kind) or types.is_time(kind):
        return pa.string(), None
    if types.is_timestamp(kind):
        return pa.string(), _timestamp
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return kind, _base64
    if types.is_dictionary(kind):
        return _shape(kind.value_type, name)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        target, inner = _shape(kind.value_type, name)
        make = pa.large_list if types.is_large_list(kind) else pa.list_
        shaped = make(target) if not types.is_fixed_size_list(kind) else pa.list_(target, kind.list_size)
        return (kind if target == kind.value_type else shaped), _each(inner)
    if types.is_struct(kind):
        return _structure(kind, name)
    if types.is_map(kind):
        key, key_convert = _shape(kind.key_type, name)
        item, item_convert = _shape(kind.item_type, name)
        same = key == kind.key_type and item == kind.item_type
        return (kind if same else pa.map_(key, item)), _mapping(key_convert, item_convert)
    raise reader_failed(f"The column {name} of the Parquet file is of the type {kind}, which has no JSON form.")


def _structure(kind: pa.StructType, name: str) -> tuple[pa.DataType, _Convert]:
    shapes = {member.name: _shape(member.type, f"{name}.{member.name}") for member in kind}
    converts = {member: convert for member, (_, convert) in shapes.items() if convert is not None}
    target = kind
    if any(shapes[member.name][0] != member.type for member in kind):
        target = pa.struct([pa.field(member, shape[0]) for member, shape in shapes.items()])

    def convert(value: JsonValue) -> JsonValue:
        if value is None:
            return None
        return {member: converts[member](one) if member in converts else one for member, one in value.items()}

    return target, convert if converts else None


def _each(inner: _Convert) -> _Convert:
    if inner is None:
        return None
    return lambda value: None if value is None else [inner(one) for one in value]


def _mapping(key_convert: _Convert, item_convert: _Convert) -> _Convert:
    def convert(value: JsonValue) -> JsonValue:
        if value is None:
            return None
        return {
            _member(key_convert(key) if key_convert else key): item_convert(item) if item_convert else item
            for key, item in value
        }

    return convert


def _member(key: JsonValue) -> str:
    """A map's key as the name of a member."""
    if isinstance(key, bool):
        return "true" if key else "false"
    return key if isinstance(key, str) else str(key)


def _number(value: JsonValue) -> JsonValue:
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _timestamp(value: JsonValue) -> JsonValue:
    return None if value is None else value.replace(" ", "T", 1)


def _base64(value: JsonValue) -> JsonValue:
    return None if value is None else base64.b64encode(value).decode()
