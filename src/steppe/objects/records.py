"""What is known of a file beside its bytes: ETag, content type, headers, user metadata, checksums.

A record is kept in the extended attribute `user.steppe` of the file itself, written before the file gets its name, so
that data and record appear together. It begins with the MD5 and a fingerprint of the file's size and time of last
change: when the file is edited in place the fingerprint no longer fits, and the ETag is computed anew. An ordinary
record takes under 64 bytes, which ext4 keeps inside the inode.

Where the file system has no such attributes, or the record is too long for one, it is a file of its own in a folder
outside of the buckets. That file is named by the data file's inode and time of last change, so that here too a new
version of an object comes with its own record. Such records do not follow a folder that is copied elsewhere: the ETag
of a file without a record is the MD5 of its bytes.

The layout: one byte of version, 16 of MD5, 4 of fingerprint, then JSON or nothing:
`[content type, checksums, headers, user metadata, number of parts]`, cut after the last that says anything.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from steppe.base.jsonvalue import JsonError, JsonValue, dumpb, loads
from steppe.objects.object_store import NotAtHandError, ObjectMetadata

ATTRIBUTE = "user.steppe"
HASH_CHUNK_BYTES = 1 << 20

_HERE = b"\x01"
_ELSEWHERE = b"\x02"
_HEAD_BYTES = 21
_NO_METADATA = ObjectMetadata()


@dataclass(frozen=True, slots=True)
class Record:
    """A file's record.

    Attributes:
        md5: 16 bytes: of the file, or of its parts' MD5s.
        part_count: number of parts of a multipart upload; 0 for others.
        metadata: what the writer said.
    """

    md5: bytes
    part_count: int = 0
    metadata: ObjectMetadata = _NO_METADATA

    @property
    def etag(self) -> str:
        """The ETag, without quotes."""
        return f"{self.md5.hex()}-{self.part_count}" if self.part_count else self.md5.hex()


class Records:
    """Reads and writes the records of files below one root.

    Attributes:
        leaves_traces: whether a file that goes may leave a record behind (see `forget`).
    """

    def __init__(self, folder: Path, probe_folder: Path) -> None:
        self._folder = str(folder)
        self._attributes = _has_attributes(probe_folder)
        self.leaves_traces = not self._attributes or folder.exists()

    def write(self, fd: int, stat: os.stat_result, record: Record) -> None:
        """Write the record of an open file that will not change any more; `stat` is of its final state."""
        self.write_encoded(fd, stat, encode(record))

    def write_encoded(self, fd: int, stat: os.stat_result, encoded: bytes) -> None:
        """Write a record that `encode` made, or that `read_encoded` gave for another file with the same bytes."""
        text = b"".join((_HERE, encoded[1:17], _fingerprint(stat), encoded[_HEAD_BYTES:]))
        if self._attributes:
            try:
                os.setxattr(fd, ATTRIBUTE, text)
            except OSError:
                # No room for it (ext4 has one block for all attributes), or not our file to mark.
                with contextlib.suppress(OSError):
                    os.setxattr(fd, ATTRIBUTE, _ELSEWHERE + text[1:_HEAD_BYTES])
            else:
                return
        self.leaves_traces = True
        path = self._path(stat)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
        Path(temporary).write_bytes(text)
        os.replace(temporary, path)

    def read_encoded(self, file: int | str, stat: os.stat_result) -> bytes | None:
        """The record as it is kept, whether or not it fits the file's present state; None when there is none."""
        text: bytes | None = None
        if self._attributes:
            with contextlib.suppress(OSError):
                text = os.getxattr(file, ATTRIBUTE, follow_symlinks=isinstance(file, int))
        if text is None or len(text) < _HEAD_BYTES or text[:1] == _ELSEWHERE:
            try:
                text = Path(self._path(stat)).read_bytes()
            except OSError:
                return None
        return text

    def read(self, file: int | str, stat: os.stat_result) -> Record | None:
        """The record of a file by descriptor or path; None when it has none or its bytes were changed since."""
        text = self.read_fitting(file, stat)
        return None if text is None else decode(text)

    def read_fitting(self, file: int | str, stat: os.stat_result) -> bytes | None:
        """As `read`, encoded: for `write_encoded`."""
        text = self.read_encoded(file, stat)
        if text is None or len(text) < _HEAD_BYTES or text[17:_HEAD_BYTES] != _fingerprint(stat):
            return None
        return text

    def read_or_compute(self, fd: int, stat: os.stat_result, *, patient: bool = True) -> tuple[Record, os.stat_result]:
        """The record of an open file; its MD5 is computed and remembered when nobody did yet.

        That takes some two seconds a GiB; unless `patient`, NotAtHandError is raised for files over 1 MiB instead.

        What the writer said of its type and headers is kept when the bytes were changed in place; checksums are not.
        """
        record = self.read(fd, stat)
        if record is not None:
            return record, stat
        if not patient and stat.st_size > HASH_CHUNK_BYTES:
            raise NotAtHandError
        text = self.read_encoded(fd, stat)
        metadata = decode(text).metadata if text is not None and len(text) >= _HEAD_BYTES else _NO_METADATA
        md5, stat = _hash_file(fd)
        kept = ObjectMetadata(content_type=metadata.content_type, headers=metadata.headers, user=metadata.user)
        record = Record(md5, 0, kept)
        with contextlib.suppress(OSError):
            self.write(fd, stat, record)
        return record, stat

    def forget(self, stat: os.stat_result) -> None:
        """Drop what was kept elsewhere of a file that is gone; what was in its attributes went with it."""
        with contextlib.suppress(OSError):
            os.unlink(self._path(stat))

    def _path(self, stat: os.stat_result) -> str:
        return f"{self._folder}/{stat.st_ino & 255:02x}/{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}"


def encode(record: Record) -> bytes:
    """A record as bytes, with an empty fingerprint."""
    head = b"".join((_HERE, record.md5, b"\0\0\0\0"))
    metadata = record.metadata
    if metadata is _NO_METADATA and not record.part_count:
        return head
    details: list[JsonValue] = [
        metadata.content_type,
        dict(metadata.checksums),
        dict(metadata.headers),
        dict(metadata.user),
        record.part_count,
    ]
    while details and not details[-1]:
        details.pop()
    return head + dumpb([detail or 0 for detail in details]) if details else head


def decode(text: bytes) -> Record:
    """The record behind `encode`'s bytes; one that cannot be read counts as one that says nothing but the MD5."""
    md5 = text[1:17]
    if len(text) == _HEAD_BYTES:
        return Record(md5)
    try:
        details = loads(text[_HEAD_BYTES:])
    except JsonError:
        return Record(md5)
    content_type, checksums, headers, user, part_count = [*details, 0, 0, 0, 0, 0][:5]
    metadata = ObjectMetadata(
        content_type=content_type or None, checksums=checksums or {}, headers=headers or {}, user=user or {}
    )
    return Record(md5, part_count, metadata)


def _fingerprint(stat: os.stat_result) -> bytes:
    return zlib.crc32(b"%d:%d" % (stat.st_size, stat.st_mtime_ns)).to_bytes(4, "big")


def _hash_file(fd: int) -> tuple[bytes, os.stat_result]:
    """The MD5 of an open file and its state, which is the same before and after (else it is read again)."""
    for _ in range(3):
        before = os.fstat(fd)
        md5 = hashlib.md5(usedforsecurity=False)
        offset = 0
        while chunk := os.pread(fd, HASH_CHUNK_BYTES, offset):
            md5.update(chunk)
            offset += len(chunk)
        after = os.fstat(fd)
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            break
    return md5.digest(), after


def _has_attributes(folder: Path) -> bool:
    if not hasattr(os, "setxattr"):
        return False
    probe = folder / f"probe-{os.getpid()}-{os.urandom(4).hex()}"
    probe.touch()
    try:
        os.setxattr(probe, ATTRIBUTE, b"1")
    except OSError:
        return False
    finally:
        probe.unlink()
    return True
