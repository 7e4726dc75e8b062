"""The port of readers: a source of items is cut into ranges once, and each range is read where its children run.

The coordinator opens a source (which finds out what has to be known once: header, first element, ETag), keeps its
`description` with the Map Run, and calls `split`. Workers make the source again from the description and call `read`.
Ranges are in bytes of an object (rows of a Parquet file), so any range can be read without the ones before it.

What a reader refuses is a Fault `States.ItemReaderFailed`; S3's refusals become one as well (`guard`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from steppe.base.errors import ApiError, Fault
from steppe.base.jsonvalue import JsonValue
from steppe.objects.object_store import ObjectReader, ObjectStore

SHARD_ITEMS: Final = 1000
"""Items of a shard: enough that a shard's own cost (a message, a row, a file) disappears, few enough to lose."""

SHARD_BYTES: Final = 4 * 1024 * 1024
"""Source bytes after which a shard ends although it has fewer items: what a worker may hold at once."""


Item: TypeAlias = tuple[int, str | None, JsonValue, str]
"""One item: its index among the items read, its name in an object that is iterated, itself, where it is from.

A bare tuple, as everything that is made once a child."""


@dataclass(frozen=True, slots=True)
class ItemRange:
    """Consecutive items of a source.

    Attributes:
        first_item: index of the first one.
        item_count: how many, 1 or more.
        start, end: where the source has them, end exclusive; each source counts in its own way (`unit_bytes`).
    """

    first_item: int
    item_count: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Cut:
    """How a source is to be cut.

    Attributes:
        items: items of a range, a multiple of `multiple`.
        size_bytes: a range ends at the first multiple beyond it.
        multiple: ranges have a multiple of so many items (but the last one), so that batches do not straddle them.
        items_max: the source ends after so many items (MaxItems); 0 for no limit.
    """

    items: int = SHARD_ITEMS
    size_bytes: int = SHARD_BYTES
    multiple: int = 1
    items_max: int = 0


class ItemSource(Protocol):
    """An opened source."""

    @property
    def data_start(self) -> int:
        """Where the first item may begin, as a range counts it."""
        ...

    @property
    def unit_bytes(self) -> int:
        """Bytes of the source for a step from a range's start to its end: 1, or the average row of a file of rows."""
        ...

    @property
    def description(self) -> JsonValue:
        """What makes the source again, as JSON: `kind` and the fields of that kind."""
        ...

    def split(self, cut: Cut, after: ItemRange | None = None) -> Iterator[ItemRange]:
        """All ranges in item order, or those that follow `after`. Reads the source as a stream, once.

        Raises:
            Fault: States.ItemReaderFailed, when the source is malformed or has changed.
        """
        ...

    def read(self, items: ItemRange) -> Iterator[Item]:
        """The items of one range, as many as it says.

        Raises:
            Fault: States.ItemReaderFailed.
        """
        ...


class SourceBytes(Protocol):
    """What a reader of text reads: an object, or what a compressed one holds."""

    @property
    def uri(self) -> str:
        """What `$$.Map.Item.Source` says."""
        ...

    @property
    def description(self) -> dict[str, JsonValue]:
        """What finds it again."""
        ...

    def stream(self, start: int, end: int | None = None) -> Iterator[bytes]:
        """Bytes from `start`, to before `end` or to the last one."""
        ...


@dataclass(frozen=True, slots=True)
class SourceObject:
    """The object that a source reads, pinned to what it was when the Map Run began.

    Attributes:
        store: where it is.
        bucket, key: its place.
        etag: as first seen; a source that changed under a run would give other items at the same indexes.
        size_bytes: its length.
        uri: what `$$.Map.Item.Source` says.
    """

    store: ObjectStore
    bucket: str
    key: str
    etag: str
    size_bytes: int
    uri: str

    def stream(self, start: int, end: int | None = None) -> Iterator[bytes]:
        """Bytes of the object. Refused when the object is not the one that was pinned."""
        with guard():
            if self.store.head(self.bucket, self.key).etag != self.etag:
                raise self._changed()
            if start >= self.size_bytes or (end is not None and start >= end):
                return
            yield from self.store.stream(self.bucket, self.key, start=start, end=end)

    def open(self) -> ObjectReader:
        """The object for reads at any place; to be closed. Refused when it is not the one that was pinned."""
        with guard():
            reader = self.store.open(self.bucket, self.key)
        if reader.summary.etag != self.etag:
            reader.close()
            raise self._changed()
        return reader

    def _changed(self) -> Fault:
        return reader_failed(f"The object s3://{self.bucket}/{self.key} changed while the Map Run was reading it.")

    @property
    def description(self) -> dict[str, JsonValue]:
        """All but the store."""
        return {
            "bucket": self.bucket,
            "key": self.key,
            "etag": self.etag,
            "size_bytes": self.size_bytes,
            "uri": self.uri,
        }


def pin(store: ObjectStore, bucket: str, key: str) -> SourceObject:
    """The object as it is now. Raises Fault when it is not there."""
    with guard():
        found = store.head(bucket, key)
    return SourceObject(store, bucket, key, found.etag, found.size_bytes, f"s3://{bucket}/{key}")


def pinned(store: ObjectStore, description: Mapping[str, JsonValue]) -> SourceObject:
    """The object of a description."""
    fields = ("bucket", "key", "etag", "size_bytes", "uri")
    return SourceObject(store, *(description[name] for name in fields))


def reader_failed(cause: str) -> Fault:
    """The fault of everything that goes wrong with a source."""
    return Fault("States.ItemReaderFailed", cause)


@contextmanager
def guard() -> Iterator[None]:
    """Turn S3's refusals into faults of the reader."""
    try:
        yield
    except ApiError as error:
        raise reader_failed(
            f"{error.message} (Service: S3, Status Code: {error.status}, Error: {error.code})"
        ) from error


def described(description: JsonValue, names: Mapping[str, type]) -> dict[str, JsonValue]:
    """Check what a user's ReaderConfig says: known names only, each of its type.

    Raises:
        Fault: an unknown field, or a value of another type.
    """
    for name, value in description.items():
        kind = names.get(name)
        if kind is None:
            raise reader_failed(f"The field {name} of ReaderConfig is not supported here.")
        if not isinstance(value, kind):
            raise reader_failed(f"The field {name} of ReaderConfig must be of type {kind.__name__}.")
    return dict(description)
