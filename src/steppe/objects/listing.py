"""Keys of an embedded bucket in order, a page at a time, without walking more of it than the page needs.

A folder's entries are sorted as keys sort: a file as its name, a folder as its name with a slash (so `a-b` comes before
`a/x`, and that before `a0`). Python compares text by code points, which is the order of UTF-8 bytes.

A folder's sorted entries are kept for a while as a snapshot, so that paging through a folder of a million files sorts
it once and not a thousand times. A snapshot is used as long as the folder's time of change says that it is true. Only
for a folder that took long to read, and only to go on in its middle, an older one does: otherwise paging through a
large folder that is being written to would never end.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from steppe.objects.keys import is_piece, path_of_segment, segment_of_name
from steppe.objects.object_store import Listing, ObjectSummary

ENTRIES_KEPT_MAX = 2_000_000
"""Entries of all snapshots together (some 100 bytes each); the newest snapshot is kept whatever its size."""

SLOW_SECONDS = 0.1
STALE_FACTOR = 20
"""A snapshot that took SLOW_SECONDS or more may go on being used for so many times as long as it took."""

RACY_NANOSECONDS = 100_000_000
"""File systems tell times to a tick (4 ms on Linux): a snapshot taken so soon after a change may miss another."""

PIECE_DEPTH_MAX = 8
LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A folder's entries.

    Attributes:
        entries: sorted; a folder's ends with a slash.
        paths: path within the folder for those entries whose name on disk is another.
        read_at, read_seconds: monotonic seconds when it was read, and how long that took.
        changed_ns: the folder's time of change, or -1 where it must not be relied upon.
    """

    entries: list[str]
    paths: Mapping[str, str]
    read_at: float
    read_seconds: float
    changed_ns: int

    def path_of(self, entry: str) -> str:
        """The path of an entry within the folder."""
        return self.paths.get(entry) or entry.rstrip("/")


@dataclass(slots=True)
class Snapshots:
    """The snapshots of recently listed folders; used from several threads."""

    _kept: OrderedDict[str, Snapshot] = field(default_factory=OrderedDict)
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, folder: str, *, continuing: bool) -> Snapshot:
        """A folder's entries; none when it is not there. `continuing`: the listing goes on in the folder's middle."""
        try:
            changed_ns = os.lstat(folder).st_mtime_ns
        except OSError:
            return Snapshot([], {}, 0.0, 0.0, -1)
        kept = self._kept.get(folder)
        if kept is not None:
            age = time.monotonic() - kept.read_at
            slow = kept.read_seconds >= SLOW_SECONDS and age < kept.read_seconds * STALE_FACTOR
            if kept.changed_ns == changed_ns or (continuing and slow):
                return kept
        started, started_ns = time.monotonic(), time.time_ns()
        entries, paths, has_pieces = _read(folder)
        took = time.monotonic() - started
        relied = changed_ns if not has_pieces and changed_ns < started_ns - RACY_NANOSECONDS else -1
        snapshot = Snapshot(entries, paths, started, took, relied)
        self._keep(folder, snapshot)
        return snapshot

    def _keep(self, folder: str, snapshot: Snapshot) -> None:
        with self._lock:
            old = self._kept.pop(folder, None)
            self._count += len(snapshot.entries) - (len(old.entries) if old is not None else 0)
            self._kept[folder] = snapshot
            while self._count > ENTRIES_KEPT_MAX and len(self._kept) > 1:
                self._count -= len(self._kept.popitem(last=False)[1].entries)


def page(
    snapshots: Snapshots,
    bucket_path: str,
    *,
    prefix: str,
    delimiter: str,
    after: str,
    limit: int,
    summarise: Callable[[str, str], ObjectSummary | None],
) -> Listing:
    """One page of a listing: as `walk`, grouped.

    Args:
        snapshots: as for `walk`.
        bucket_path: as for `walk`.
        prefix: as for `walk`.
        delimiter: what groups keys into common prefixes; "" for none.
        after: as for `walk`.
        limit: objects and common prefixes together.
        summarise: (key, path) to what is known of the object; None when it went meanwhile.
    """
    objects: list[ObjectSummary] = []
    prefixes: list[str] = []
    if limit <= 0:
        return Listing(())
    last = after
    for key, path, is_group in _groups(snapshots, bucket_path, prefix, delimiter, after):
        summary = None if is_group else summarise(key, path)
        if not is_group and summary is None:
            continue
        if len(objects) + len(prefixes) >= limit:
            return Listing(tuple(objects), tuple(prefixes), last)
        last = key
        if summary is None:
            prefixes.append(key)
        else:
            objects.append(summary)
    return Listing(tuple(objects), tuple(prefixes))


def _groups(
    snapshots: Snapshots, bucket_path: str, prefix: str, delimiter: str, after: str
) -> Iterator[tuple[str, str, bool]]:
    """Keys and common prefixes in order, as `walk` yields keys and folders."""
    if not delimiter:
        yield from walk(snapshots, bucket_path, prefix=prefix, after=after)
    elif delimiter == "/":
        for key, path, is_folder in walk(snapshots, bucket_path, prefix=prefix, after=after, descend=False):
            if not is_folder or any(True for _ in walk(snapshots, bucket_path, prefix=key, after=after)):
                yield key, path, is_folder
    else:
        yield from _groups_by_text(snapshots, bucket_path, prefix, delimiter, after)


def _groups_by_text(
    snapshots: Snapshots, bucket_path: str, prefix: str, delimiter: str, after: str
) -> Iterator[tuple[str, str, bool]]:
    """As `_groups`, for a delimiter that is not the folders' own; what has a common prefix is jumped over."""
    cursor: str | None = after
    while cursor is not None:
        found, cursor = cursor, None
        for key, path, _ in walk(snapshots, bucket_path, prefix=prefix, after=found):
            end = key.find(delimiter, len(prefix))
            if end < 0:
                yield key, path, False
                continue
            group = key[: end + len(delimiter)]
            if group != after:
                yield group, path, True
            cursor = group + LAST_CHARACTER
            break


@dataclass(slots=True)
class _Frame:
    """A folder on the way: which of its entries comes next. `base` is the beginning of its keys."""

    path: str
    base: str
    snapshot: Snapshot
    index: int


def walk(
    snapshots: Snapshots, bucket_path: str, *, prefix: str, after: str, descend: bool = True
) -> Iterator[tuple[str, str, bool]]:
    """Keys with a prefix that come after `after`, in order, each with its file's path.

    Args:
        snapshots: where folders' entries are kept.
        bucket_path: the bucket's folder.
        prefix: what keys begin with.
        after: exclusive; "" for the first.
        descend: False stops at the first slash behind the prefix: a folder is given as its keys' beginning, with a
            slash, unless that is `after` or before it; it may turn out to have no objects.

    Yields:
        Key, path, whether it is a folder.
    """
    base, _, tail = prefix.rpartition("/")
    base = base + "/" if "/" in prefix else ""
    path = bucket_path + "".join("/" + path_of_segment(segment) for segment in base.split("/")[:-1])
    if not _is_inside(bucket_path, path):
        return
    stack = [_frame(snapshots, path, base, after, tail, descend=descend)]
    while stack:
        frame = stack[-1]
        entries = frame.snapshot.entries
        if frame.index >= len(entries) or (len(stack) == 1 and not entries[frame.index].startswith(tail)):
            stack.pop()
            continue
        entry = entries[frame.index]
        frame.index += 1
        key = frame.base + entry
        inner = f"{frame.path}/{frame.snapshot.path_of(entry)}"
        is_folder = entry.endswith("/")
        if is_folder and descend:
            stack.append(_frame(snapshots, inner, key, after, "", descend=True))
        elif key:
            yield key, inner, is_folder


def _frame(snapshots: Snapshots, path: str, base: str, after: str, tail: str, *, descend: bool) -> _Frame:
    """A folder, at its first entry that has the tail of the prefix and is not wholly at or before `after`."""
    inside = after.startswith(base)
    snapshot = snapshots.of(path, continuing=inside and len(after) > len(base))
    entries = snapshot.entries
    index = bisect_left(entries, tail) if tail else 0
    if inside:
        rest = after[len(base) :]
        head, slash, below = rest.partition("/")
        goes_in = slash and (below or descend)
        index = max(index, bisect_left(entries, head + "/") if goes_in else bisect_right(entries, rest))
    elif after > base:
        index = len(entries)
    return _Frame(path, base, snapshot, index)


def _read(folder: str) -> tuple[list[str], dict[str, str], bool]:
    """A folder's entries, sorted; the paths of those with another name; whether other folders were read for them."""
    entries: list[str] = []
    paths: dict[str, str] = {}
    beside: dict[str, str] = {}
    has_pieces = _scan(folder, "", entries, paths, beside, 0)
    if beside:
        present = set(entries)
        for segment, path in beside.items():
            if segment not in present:
                entries.append(segment)
                paths[segment] = path
    entries.sort()
    return entries, paths, has_pieces


def _scan(
    folder: str, pieces: str, entries: list[str], paths: dict[str, str], beside: dict[str, str], depth: int
) -> bool:
    """Add a folder's entries; with `pieces`, it is one that holds the ends of long segments. Whether it has such."""
    has_pieces = False
    try:
        scanned = os.scandir(folder)
    except OSError:
        return False
    with scanned:
        for found in scanned:
            name = found.name
            if found.is_file(follow_symlinks=False):
                end = ""
            elif found.is_dir(follow_symlinks=False):
                end = "/"
            else:
                continue
            if not pieces and name[0] != "%" and name.isascii():
                entries.append(name + end)
                continue
            path = pieces + name
            if end and is_piece(name):
                has_pieces = True
                if depth < PIECE_DEPTH_MAX:
                    _scan(f"{folder}/{name}", f"{path}/", entries, paths, beside, depth + 1)
                continue
            segment, is_beside = segment_of_name(path)
            if is_beside:
                if not end:
                    beside[segment] = path
            elif segment == name and not pieces:
                entries.append(name + end)
            elif "/" not in segment:
                entries.append(segment + end)
                paths[segment + end] = path
    return has_pieces


def _is_inside(bucket_path: str, path: str) -> bool:
    """Whether no folder on the way from the bucket is a symbolic link."""
    while len(path) > len(bucket_path):
        if os.path.islink(path):
            return False
        path = path.rpartition("/")[0]
    return not os.path.islink(bucket_path)
