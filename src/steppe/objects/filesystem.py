"""The embedded object store: buckets are folders, objects are plain files, whoever can read files can read them.

A folder that was copied below the root is a bucket, the files in it are objects. How keys become paths is in `keys`,
how files appear and go in `tree`, what is known of a file beside its bytes in `records`, how listings are made in
`listing`. Any number of processes may use a root at the same time.

The ETag of a copy of a multipart object is the source's (S3 computes the MD5 of the whole; that would move every byte
through this process).
"""

from __future__ import annotations

import contextlib
import os
import stat as stat_bits
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from steppe.base.errors import ApiError
from steppe.objects import faults
from steppe.objects.files import (
    FileReader,
    FileWriter,
    checked_range,
    copy_file,
    summary_of,
)
from steppe.objects.keys import check_key
from steppe.objects.listing import Snapshots, page, walk
from steppe.objects.object_store import (
    BucketSummary,
    Condition,
    Listing,
    ObjectMetadata,
    ObjectSummary,
    PartSummary,
    UploadSummary,
)
from steppe.objects.tree import Tree
from steppe.objects.uploads import Uploads

_NOTHING_SAID = ObjectMetadata()


class FilesystemObjectStore:
    """Implements `ObjectStore` on a folder."""

    def __init__(self, root: Path) -> None:
        self._tree = Tree(root)
        self._records = self._tree.records
        self._snapshots = Snapshots()
        self._uploads = Uploads(self._tree)

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket's folder."""
        faults.check_new_bucket(bucket)
        try:
            os.mkdir(self._tree.bucket_path(bucket))
        except FileExistsError:
            self._tree.require_bucket(bucket)
            raise faults.bucket_exists(bucket) from None
        Path(self._note_path(bucket)).touch()

    def delete_bucket(self, bucket: str) -> None:
        """Remove an empty bucket; folders without files in them do not count."""
        self._tree.require_bucket(bucket)
        folder = self._tree.bucket_path(bucket)
        if any(True for _ in walk(self._snapshots, folder, prefix="", after="")):
            raise faults.bucket_not_empty(bucket)
        try:
            _remove_empty(folder)
        except OSError:
            # A file that is no object (a symbolic link, a socket), or an object that came this moment.
            raise faults.bucket_not_empty(bucket) from None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._note_path(bucket))
        self._uploads.forget_bucket(bucket)

    def list_buckets(self) -> list[BucketSummary]:
        """All folders below the root that can be buckets."""
        with os.scandir(self._tree.root) as entries:
            names = [e.name for e in entries if e.is_dir(follow_symlinks=False) and faults.is_bucket_folder(e.name)]
        return [BucketSummary(name, self._created_ms(name)) for name in sorted(names)]

    def head_bucket(self, bucket: str) -> BucketSummary:
        """One bucket."""
        self._tree.require_bucket(bucket)
        return BucketSummary(bucket, self._created_ms(bucket))

    def head(self, bucket: str, key: str, *, patient: bool = True) -> ObjectSummary:
        """What is known of an object."""
        path, stat = self._tree.find(bucket, key)
        record = self._records.read(path, stat)
        if record is not None:
            return summary_of(key, stat, record)
        fd, stat = self._tree.open(bucket, key)
        try:
            record, stat = self._records.read_or_compute(fd, stat, patient=patient)
        finally:
            os.close(fd)
        return summary_of(key, stat, record)

    def open(self, bucket: str, key: str, *, patient: bool = True) -> FileReader:
        """Open an object."""
        fd, stat = self._tree.open(bucket, key)
        try:
            record, stat = self._records.read_or_compute(fd, stat, patient=patient)
        except BaseException:
            os.close(fd)
            raise
        return FileReader(fd, summary_of(key, stat, record))

    def read(self, bucket: str, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        """A range's bytes."""
        fd, stat = self._tree.open(bucket, key)
        reader = FileReader(fd, ObjectSummary(key=key, size_bytes=stat.st_size, etag="", modified_ms=0))
        start, end = checked_range(stat.st_size, start, end)
        try:
            return reader.read(start, end - start)
        finally:
            reader.close()

    def stream(
        self, bucket: str, key: str, *, start: int = 0, end: int | None = None, chunk_bytes: int = 1 << 20
    ) -> Iterator[bytes]:
        """A range in pieces."""
        fd, stat = self._tree.open(bucket, key)
        reader = FileReader(fd, ObjectSummary(key=key, size_bytes=stat.st_size, etag="", modified_ms=0))
        start, end = checked_range(stat.st_size, start, end)
        return _pieces(reader, start, end, chunk_bytes)

    def writer(self, bucket: str, key: str, *, metadata: ObjectMetadata | None = None) -> FileWriter:
        """Begin an object."""
        check_key(key)
        self._tree.require_bucket(bucket)
        place = self._tree.place
        return FileWriter(
            self._tree, key, metadata or _NOTHING_SAID, lambda path, condition: place(path, bucket, key, condition)
        )

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes | Iterable[bytes],
        *,
        metadata: ObjectMetadata | None = None,
        condition: Condition | None = None,
    ) -> ObjectSummary:
        """Store an object."""
        writer = self.writer(bucket, key, metadata=metadata)
        try:
            for piece in (body,) if isinstance(body, bytes) else body:
                writer.write(piece)
            return writer.commit(condition=condition)
        finally:
            writer.abort()

    def copy(
        self,
        bucket: str,
        key: str,
        *,
        source_bucket: str,
        source_key: str,
        metadata: ObjectMetadata | None = None,
        condition: Condition | None = None,
    ) -> ObjectSummary:
        """Copy an object with its record."""
        check_key(key)
        source = self._tree.open(source_bucket, source_key)
        try:
            stat, record = copy_file(
                self._tree,
                source,
                metadata=metadata,
                place=lambda path: self._tree.place(path, bucket, key, condition),
            )
        finally:
            os.close(source[0])
        return summary_of(key, stat, record)

    def delete(self, bucket: str, key: str, *, condition: Condition | None = None) -> None:
        """Remove an object."""
        self._tree.remove(bucket, key, condition)

    def list_objects(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        start_after: str = "",
        limit: int = 1000,
    ) -> Listing:
        """One page of keys."""
        self._tree.require_bucket(bucket)
        return page(
            self._snapshots,
            self._tree.bucket_path(bucket),
            prefix=prefix,
            delimiter=delimiter,
            after=start_after,
            limit=limit,
            summarise=self._summary_at,
        )

    def create_upload(self, bucket: str, key: str, *, metadata: ObjectMetadata | None = None) -> str:
        """Begin an upload."""
        check_key(key)
        self._tree.require_bucket(bucket)
        return self._uploads.create(bucket, key, metadata or _NOTHING_SAID)

    def put_part(self, bucket: str, key: str, upload_id: str, part_number: int, body: bytes | Iterable[bytes]) -> str:
        """Store a part."""
        writer = self.part_writer(bucket, key, upload_id, part_number)
        try:
            for piece in (body,) if isinstance(body, bytes) else body:
                writer.write(piece)
            return writer.commit().etag
        finally:
            writer.abort()

    def part_writer(self, bucket: str, key: str, upload_id: str, part_number: int) -> FileWriter:
        """Begin a part."""
        self._tree.require_bucket(bucket)
        return self._uploads.part_writer(bucket, key, upload_id, part_number)

    def copy_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        part_number: int,
        *,
        source_bucket: str,
        source_key: str,
        start: int = 0,
        end: int | None = None,
    ) -> PartSummary:
        """Store a range of an object as a part. Its MD5 is needed, so its bytes are read."""
        pieces = self.stream(source_bucket, source_key, start=start, end=end)
        writer = self.part_writer(bucket, key, upload_id, part_number)
        try:
            for piece in pieces:
                writer.write(piece)
            done = writer.commit()
        finally:
            writer.abort()
        return PartSummary(
            part_number=part_number, size_bytes=done.size_bytes, etag=done.etag, modified_ms=done.modified_ms
        )

    def list_parts(
        self, bucket: str, key: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> list[PartSummary]:
        """Stored parts."""
        self._tree.require_bucket(bucket)
        return self._uploads.list_parts(bucket, key, upload_id, after=after, limit=limit)

    def find_upload(self, bucket: str, key: str, upload_id: str) -> UploadSummary:
        """One upload."""
        self._tree.require_bucket(bucket)
        return self._uploads.find(bucket, key, upload_id)

    def list_uploads(self, bucket: str, *, prefix: str = "") -> list[UploadSummary]:
        """All uploads of a bucket below a prefix."""
        self._tree.require_bucket(bucket)
        return self._uploads.list_below(bucket, prefix)

    def complete_upload(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Iterable[tuple[int, str]],
        *,
        checksums: Mapping[str, str] | None = None,
        condition: Condition | None = None,
    ) -> ObjectSummary:
        """Make the object of the parts."""
        self._tree.require_bucket(bucket)
        return self._uploads.complete(bucket, key, upload_id, parts, checksums=checksums, condition=condition)

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Forget an upload."""
        self._tree.require_bucket(bucket)
        self._uploads.abort(bucket, key, upload_id)

    def local_path(self, bucket: str, key: str) -> Path | None:
        """The object's file. NoSuchBucket, NoSuchKey."""
        return Path(self._tree.find(bucket, key)[0])

    def _summary_at(self, key: str, path: str) -> ObjectSummary | None:
        """What a listing shows of a file; None when it went since its folder was read."""
        try:
            stat = os.lstat(path)
            record = self._records.read(path, stat) if stat_bits.S_ISREG(stat.st_mode) else None
            if record is None:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    stat = os.fstat(fd)
                    if not stat_bits.S_ISREG(stat.st_mode):
                        return None
                    record, stat = self._records.read_or_compute(fd, stat)
                finally:
                    os.close(fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:
            raise ApiError("AccessDenied", f"The file of {key!r} cannot be read", status=403) from None
        return summary_of(key, stat, record, with_metadata=False)

    def _note_path(self, bucket: str) -> str:
        return f"{self._tree.hidden}/buckets/{bucket}"

    def _created_ms(self, bucket: str) -> int:
        """When a bucket was made; a folder that was copied in counts from when it was first seen."""
        note = self._note_path(bucket)
        try:
            return os.stat(note).st_mtime_ns // 1_000_000
        except FileNotFoundError:
            Path(note).touch()
            return os.stat(note).st_mtime_ns // 1_000_000


def _pieces(reader: FileReader, start: int, end: int, chunk_bytes: int) -> Iterator[bytes]:
    try:
        while start < end:
            piece = reader.read(start, min(chunk_bytes, end - start))
            if not piece:
                return
            start += len(piece)
            yield piece
    finally:
        reader.close()


def _remove_empty(folder: str) -> None:
    """Remove a folder that has nothing but folders in it. OSError when it has more."""
    for path, _, _ in os.walk(folder, topdown=False, followlinks=False):
        os.rmdir(path)
