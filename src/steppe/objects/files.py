"""Objects as open files: one being read, one being written, one being copied."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from steppe.base.errors import ApiError
from steppe.objects import faults
from steppe.objects.object_store import Condition, ObjectMetadata, ObjectSummary
from steppe.objects.records import Record, Records, decode, encode
from steppe.objects.tree import Tree

SMALL_BYTES_MAX = 64 * 1024
"""Up to here a copy through this process is cheaper than asking the kernel for one."""

_FICLONE = 0x40049409
_NO_COPY = frozenset({errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM})


def summary_of(key: str, stat: os.stat_result, record: Record, *, with_metadata: bool = True) -> ObjectSummary:
    """What is known of a file as an object."""
    return ObjectSummary(
        key=key,
        size_bytes=stat.st_size,
        etag=record.etag,
        modified_ms=stat.st_mtime_ns // 1_000_000,
        metadata=record.metadata if with_metadata else None,
    )


class FileReader:
    """An opened object. Closes its file when it is dropped."""

    __slots__ = ("_fd", "summary")

    def __init__(self, fd: int, summary: ObjectSummary) -> None:
        self._fd = fd
        self.summary = summary

    def read(self, start: int, size: int) -> bytes:
        """At most `size` bytes from `start`; fewer only at the end."""
        if size <= 0:
            return b""
        first = os.pread(self._fd, size, start)
        if len(first) == size or not first:
            return first
        # Linux reads at most 2 GiB at once; the end is where nothing comes.
        pieces, count = [first], len(first)
        while count < size and (piece := os.pread(self._fd, size - count, start + count)):
            pieces.append(piece)
            count += len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file. May be called twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


class FileWriter:
    """A file on its way to become an object or a part: written outside of the buckets, named by `place`."""

    __slots__ = ("_fd", "_key", "_md5", "_metadata", "_path", "_place", "_records")

    def __init__(
        self,
        tree: Tree,
        key: str,
        metadata: ObjectMetadata,
        place: Callable[[str, Condition | None], None],
    ) -> None:
        self._key = key
        self._metadata = metadata
        self._place = place
        self._records: Records = tree.records
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._fd, self._path = tree.temporary()

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._md5.update(data)
        write_all(self._fd, data)

    def commit(
        self, *, checksums: Mapping[str, str] | None = None, condition: Condition | None = None
    ) -> ObjectSummary:
        """Give the file its record and its name."""
        metadata = self._metadata
        if checksums:
            metadata = replace(metadata, checksums={**metadata.checksums, **checksums})
        stat = os.fstat(self._fd)
        record = Record(self._md5.digest(), 0, metadata)
        self._records.write(self._fd, stat, record)
        self._place(self._path, condition)
        self._path = ""
        self.abort()
        return summary_of(self._key, stat, record)

    def abort(self) -> None:
        """Forget what was written. May be called twice, and after `commit`."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        if self._path:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
            self._path = ""

    def __del__(self) -> None:
        # Only a constructor that failed leaves the slots empty.
        if hasattr(self, "_path"):
            self.abort()


def write_all(fd: int, data: bytes) -> None:
    """Write all bytes; the kernel may take fewer at a time."""
    written = os.write(fd, data)
    if written < len(data):
        rest = memoryview(data)[written:]
        while rest:
            rest = rest[os.write(fd, rest) :]


def copy_bytes(source: int, target: int, *, start: int, size: int, whole: bool) -> None:
    """Append a range of one file to another, as cheaply as the file system can.

    A whole file is cloned (Btrfs, XFS: no bytes move) or copied in the kernel, small ones through this process.

    Raises:
        ApiError: the source got shorter meanwhile.
    """
    if size > SMALL_BYTES_MAX:
        if whole:
            try:
                fcntl.ioctl(target, _FICLONE, source)
            except OSError:
                pass
            else:
                return
        done = _copy_in_kernel(source, target, start, size)
        start, size = start + done, size - done
    while size > 0:
        piece = os.pread(source, min(size, 1 << 20), start)
        if not piece:
            raise ApiError("InternalError", "The source of the copy became shorter while it was read", status=500)
        write_all(target, piece)
        start, size = start + len(piece), size - len(piece)


def copy_file(
    tree: Tree, source: tuple[int, os.stat_result], *, metadata: ObjectMetadata | None, place: Callable[[str], None]
) -> tuple[os.stat_result, Record]:
    """Copy an open file with its record; `metadata` takes the place of the source's, but for the checksums."""
    fd, stat = source
    records = tree.records
    encoded = records.read_fitting(fd, stat)
    if encoded is None:
        record, stat = records.read_or_compute(fd, stat)
    else:
        record = decode(encoded)
    if metadata is not None:
        encoded = None
        record = Record(record.md5, record.part_count, replace(metadata, checksums=record.metadata.checksums))
    target, path = tree.temporary()
    try:
        copy_bytes(fd, target, start=0, size=stat.st_size, whole=True)
        copied = os.fstat(target)
        records.write_encoded(target, copied, encoded or encode(record))
        place(path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
    finally:
        os.close(target)
    return copied, record


def checked_range(size_bytes: int, start: int, end: int | None) -> tuple[int, int]:
    """A range within an object. InvalidRange when it begins behind the end of a non-empty one."""
    end = size_bytes if end is None else min(end, size_bytes)
    if start < 0 or (start >= size_bytes and start > 0) or end < start:
        raise faults.invalid_range(size_bytes)
    return start, end


def _copy_in_kernel(source: int, target: int, start: int, size: int) -> int:
    """Copy as much as the kernel can between these two files; how much that was."""
    done = 0
    if hasattr(os, "copy_file_range"):
        while done < size:
            try:
                count = os.copy_file_range(source, target, size - done, offset_src=start + done)
            except OSError as error:
                if error.errno in _NO_COPY:
                    break
                raise
            if not count:
                break
            done += count
    return done
