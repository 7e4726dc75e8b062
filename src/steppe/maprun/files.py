"""Several files as one source: what a manifest names, or a listing whose objects are loaded and flattened.

Which files there are is written down once, when the source is opened, with the ETag that each has then; so a worker
finds a file by its number, and the items are the same however often they are read. The items of all files are one
sequence: a range may begin in one file and end in another, with whole files between.

A range's start and end are one number each, as for every source: the file's number, and the place in it in the lower
`_PLACE_BITS`. An end stands in the file of the last item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, TypeAlias

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.maprun.item_source import Cut, Item, ItemRange, ItemSource, reader_failed
from steppe.objects.object_store import ObjectStore

_PLACE_BITS: Final = 40
"""Of 63 that a place has: a file may hold 1 TiB, and there may be 8 million files."""

_PLACES: Final = 1 << _PLACE_BITS

_FILES_MAX: Final = 1 << 63 - _PLACE_BITS

_LIST_PIECE: Final = 500
"""Files in one piece of the list: read together, and rarely alone."""

_OPEN_KEPT: Final = 4
"""Opened files that are kept: neighbouring shards share them."""

_ANY_SIZE: Final = 1 << 62

FileEntry: TypeAlias = tuple[str, str, str, int]
"""Bucket, key, ETag, bytes of one file."""


@dataclass(frozen=True, slots=True)
class FileList:
    """The list of files, kept in pieces.

    Attributes:
        store, bucket: where,
        prefix: under these keys.
        count: how many files.
    """

    store: ObjectStore
    bucket: str
    prefix: str
    count: int

    def piece(self, number: int) -> list[FileEntry]:
        """The piece that has a file's entry."""
        body = self.store.read(self.bucket, f"{self.prefix}{number // _LIST_PIECE}")
        return [(bucket, key, etag, size) for bucket, key, etag, size in jsonvalue.loads(body)]


def keep_list(store: ObjectStore, bucket: str, prefix: str, entries: Iterable[FileEntry]) -> FileList:
    """Write a list of files down. Raises Fault when they are more than can be counted."""
    left = iter(entries)
    count = 0
    while some := list(islice(left, _LIST_PIECE)):
        store.put(bucket, f"{prefix}{count // _LIST_PIECE}", jsonvalue.dumpb(some))
        count += len(some)
        if count >= _FILES_MAX:
            raise reader_failed(f"A Map Run cannot read more than {_FILES_MAX} files.")
    return FileList(store, bucket, prefix, count)


class FilesSource:
    """An opened sequence of files."""

    def __init__(
        self, files: FileList, open_file: Callable[[int, FileEntry], ItemSource], description: JsonValue
    ) -> None:
        """`open_file` opens a file by its number and entry; `description` is what makes this source again."""
        self._files = files
        self._open_file = open_file
        self._opened: dict[int, ItemSource] = {}
        self._piece: tuple[int, list[FileEntry]] = (-1, [])
        self.description = description
        self.data_start = 0
        self.unit_bytes = 1

    def split(self, cut: Cut, after: ItemRange | None = None) -> Iterator[ItemRange]:
        """See `ItemSource`."""
        number = 0
        shard = _Shard(0)
        begun: ItemRange | None = None
        if after:
            number, place = divmod(after.end, _PLACES)
            shard = _Shard(after.first_item + after.item_count)
            begun = ItemRange(0, 0, 0, place)
        while number < self._files.count:
            source = self._open(number)
            for piece in self._pieces(source, cut, shard, begun):
                shard = shard.with_piece(number, piece, source.unit_bytes)
                if shard.full(cut):
                    yield shard.range()
                    shard = _Shard(shard.next_item)
            if cut.items_max and shard.next_item >= cut.items_max:
                break
            number, begun = number + 1, None
        if shard.count:
            yield shard.range()

    def read(self, items: ItemRange) -> Iterator[Item]:
        """See `ItemSource`."""
        number, start = divmod(items.start, _PLACES)
        last, end = divmod(items.end, _PLACES)
        if number == last:
            yield from self._open(number).read(replace(items, start=start, end=end))
            return
        index = items.first_item
        left = items.item_count
        while left > 0 and number <= last:
            source = self._open(number)
            for item in self._read_one(source, ItemRange(index, left, start, end), whole=number < last):
                yield item
                index += 1
                left -= 1
            number += 1
            start = -1

    @staticmethod
    def _read_one(source: ItemSource, items: ItemRange, *, whole: bool) -> Iterator[Item]:
        """Items of one file: from `start` (-1: the first one) to the end of the file if `whole`, else to `end`."""
        if not whole:
            yield from source.read(replace(items, start=source.data_start if items.start < 0 else items.start))
            return
        after = None if items.start < 0 else ItemRange(0, 0, 0, items.start)
        index = items.first_item
        for piece in source.split(Cut(items_max=items.item_count), after):
            yield from source.read(replace(piece, first_item=index))
            index += piece.item_count

    def _pieces(self, source: ItemSource, cut: Cut, shard: _Shard, begun: ItemRange | None) -> Iterator[ItemRange]:
        """Ranges of one file: those that fill up the shard that is begun, then as they are cut in a file alone."""
        index = shard.next_item
        count = shard.count
        size = shard.size_bytes
        while count:
            wanted = _rest(cut, count, size, index)
            if wanted is None:
                return
            piece = next(source.split(wanted, begun), None)
            if piece is None:
                return
            yield piece
            begun = ItemRange(0, 0, 0, piece.end)
            index += piece.item_count
            count += piece.item_count
            size += (piece.end - piece.start) * source.unit_bytes
            if _full(cut, count, size):
                count = 0
        if cut.items_max and index >= cut.items_max:
            return
        yield from source.split(replace(cut, items_max=cut.items_max - index if cut.items_max else 0), begun)

    def _open(self, number: int) -> ItemSource:
        source = self._opened.get(number)
        if source is None:
            first = number - number % _LIST_PIECE
            if self._piece[0] != first:
                self._piece = (first, self._files.piece(number))
            source = self._open_file(number, self._piece[1][number - first])
            while len(self._opened) >= _OPEN_KEPT:
                self._opened.pop(next(iter(self._opened), number), None)
            self._opened[number] = source
        return source


@dataclass(frozen=True, slots=True)
class _Shard:
    """A range that is being put together. Counts from `first_item`; `start` and `end` are of this module's kind."""

    first_item: int
    count: int = 0
    size_bytes: int = 0
    start: int = 0
    end: int = 0

    @property
    def next_item(self) -> int:
        return self.first_item + self.count

    def with_piece(self, number: int, piece: ItemRange, unit_bytes: int) -> _Shard:
        """The shard, and a range of a file at its end."""
        if piece.end >= _PLACES:
            raise reader_failed(f"One of the files has more than {_PLACES} bytes.")
        return _Shard(
            self.first_item,
            self.count + piece.item_count,
            self.size_bytes + (piece.end - piece.start) * unit_bytes,
            self.start if self.count else (number << _PLACE_BITS) + piece.start,
            (number << _PLACE_BITS) + piece.end,
        )

    def full(self, cut: Cut) -> bool:
        return _full(cut, self.count, self.size_bytes)

    def range(self) -> ItemRange:
        return ItemRange(self.first_item, self.count, self.start, self.end)


def _full(cut: Cut, count: int, size_bytes: int) -> bool:
    return count >= cut.items or (size_bytes >= cut.size_bytes and count % cut.multiple == 0)


def _rest(cut: Cut, count: int, size_bytes: int, index: int) -> Cut | None:
    """How to cut what fills up a range of `count` items: first to a whole batch, then to its size. None: no more."""
    most = cut.items_max - index if cut.items_max else 0
    if cut.items_max and most <= 0:
        return None
    if count % cut.multiple:
        return Cut(items=cut.multiple - count % cut.multiple, size_bytes=_ANY_SIZE, items_max=most)
    room = max(1, cut.size_bytes - size_bytes)
    return Cut(items=cut.items - count, size_bytes=room, multiple=cut.multiple, items_max=most)
