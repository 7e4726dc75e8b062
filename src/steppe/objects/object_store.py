"""The port to objects: buckets, keys, bytes, and what is known about them.

Synchronous on purpose: the embedded store is a file system, whose calls do not wait; who needs many slow calls at once
(a remote S3 endpoint) runs them in threads or uses `remote`'s own asynchronous path. An implementation may be used from
several processes at the same time and keeps no state that another process would have to know.

Errors are `ApiError`s with S3's codes (NoSuchBucket, NoSuchKey, PreconditionFailed, InvalidRange, ...).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMetadata:
    """What a writer says about an object beside its bytes.

    Attributes:
        content_type: as sent; None when the writer said nothing.
        headers: other stored system headers by lower-case name (cache-control, content-encoding, ...).
        user: user metadata without the `x-amz-meta-` prefix, names in lower case.
        checksums: base64 values by algorithm name (CRC32, CRC32C, CRC64NVME, SHA1, SHA256).
    """

    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    user: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSummary:
    """One stored object.

    Attributes:
        key: the object's key.
        size_bytes: length.
        etag: without quotes; 32 hexadecimal digits, or those with `-<parts>`.
        modified_ms: epoch milliseconds of the last write.
        metadata: None in listings.
    """

    key: str
    size_bytes: int
    etag: str
    modified_ms: int
    metadata: ObjectMetadata | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of keys in UTF-8 byte order.

    Attributes:
        objects: the objects of the page.
        prefixes: common prefixes (with a delimiter), in order.
        next_after: pass as `start_after` to continue; None when nothing follows.
    """

    objects: tuple[ObjectSummary, ...]
    prefixes: tuple[str, ...] = ()
    next_after: str | None = None


@dataclass(frozen=True, slots=True)
class BucketSummary:
    """A bucket and when it was made, in epoch milliseconds."""

    name: str
    created_ms: int


class NotAtHandError(Exception):
    """What was asked takes as long as reading the object; to be asked again by who can wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must hold of the object in place when another takes it.

    Attributes:
        absent: there must be none (`If-None-Match: *`).
        etag: it must be there and have this ETag, without quotes; "*" for any. None for no condition.
    """

    absent: bool = False
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSummary:
    """A multipart upload that was begun and neither completed nor aborted."""

    key: str
    upload_id: str
    started_ms: int
    metadata: ObjectMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSummary:
    """A stored part of an upload. `checksums` as in ObjectMetadata."""

    part_number: int
    size_bytes: int
    etag: str
    modified_ms: int
    checksums: Mapping[str, str] = field(default_factory=dict)


class ObjectReader(Protocol):
    """One version of an object, opened: what replaces it meanwhile is not seen. Used from one thread at a time."""

    @property
    def summary(self) -> ObjectSummary:
        """The object, with its metadata."""
        ...

    def read(self, start: int, size: int) -> bytes:
        """At most `size` bytes from `start`; fewer only at the end."""
        ...

    def close(self) -> None:
        """Let go of it. May be called twice."""
        ...


class ObjectWriter(Protocol):
    """An object or part on its way in, not visible before `commit`. May be used from one thread at a time."""

    def write(self, data: bytes) -> None:
        """Append bytes."""
        ...

    def commit(
        self, *, checksums: Mapping[str, str] | None = None, condition: Condition | None = None
    ) -> ObjectSummary:
        """Make it visible, whole; `checksums` join the metadata's. PreconditionFailed, NoSuchBucket, NoSuchUpload."""
        ...

    def abort(self) -> None:
        """Forget what was written. May be called twice, and after `commit`."""
        ...


class ObjectStore(Protocol):
    """Objects in buckets. Every implementation passes `steppe.testing.object_store_contract`."""

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket. BucketAlreadyOwnedByYou when it is there."""
        ...

    def delete_bucket(self, bucket: str) -> None:
        """Remove an empty bucket. NoSuchBucket, BucketNotEmpty."""
        ...

    def list_buckets(self) -> list[BucketSummary]:
        """All buckets by name."""
        ...

    def head_bucket(self, bucket: str) -> BucketSummary:
        """One bucket. NoSuchBucket."""
        ...

    def head(self, bucket: str, key: str, *, patient: bool = True) -> ObjectSummary:
        """What is known of an object. NoSuchBucket, NoSuchKey; NotAtHandError unless `patient`."""
        ...

    def read(self, bucket: str, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        """Bytes `start` to before `end` (None: to the last). For small pieces: see `stream` for whole objects."""
        ...

    def stream(
        self, bucket: str, key: str, *, start: int = 0, end: int | None = None, chunk_bytes: int = 1 << 20
    ) -> Iterator[bytes]:
        """The same range in pieces, never held whole. The object is opened before the first piece is asked for."""
        ...

    def open(self, bucket: str, key: str, *, patient: bool = True) -> ObjectReader:
        """Open an object: its metadata and its bytes belong together, whatever is written meanwhile. As `head`."""
        ...

    def writer(self, bucket: str, key: str, *, metadata: ObjectMetadata | None = None) -> ObjectWriter:
        """Begin an object that is written piece by piece. NoSuchBucket."""
        ...

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes | Iterable[bytes],
        *,
        metadata: ObjectMetadata | None = None,
        condition: Condition | None = None,
    ) -> ObjectSummary:
        """Store an object, whole or not at all; a reader sees the old one or the new one."""
        ...

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
        """Copy within the store, without moving bytes through this process where the file system can.

        metadata: None keeps the source's.
        """
        ...

    def delete(self, bucket: str, key: str, *, condition: Condition | None = None) -> None:
        """Remove an object; no error when it is not there. NoSuchBucket."""
        ...

    def list_objects(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        start_after: str = "",
        limit: int = 1000,
    ) -> Listing:
        """Keys after `start_after` (exclusive), at most `limit` objects and prefixes together."""
        ...

    def create_upload(self, bucket: str, key: str, *, metadata: ObjectMetadata | None = None) -> str:
        """Begin a multipart upload; its id."""
        ...

    def put_part(self, bucket: str, key: str, upload_id: str, part_number: int, body: bytes | Iterable[bytes]) -> str:
        """Store one part (1 to 10,000), again if it is there; its ETag without quotes. NoSuchUpload."""
        ...

    def part_writer(self, bucket: str, key: str, upload_id: str, part_number: int) -> ObjectWriter:
        """Begin a part that is written piece by piece. NoSuchUpload."""
        ...

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
        """Store a part that is a range of another object, as `read` counts it."""
        ...

    def list_parts(
        self, bucket: str, key: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> list[PartSummary]:
        """At most `limit` parts with numbers beyond `after`, in order. NoSuchUpload."""
        ...

    def find_upload(self, bucket: str, key: str, upload_id: str) -> UploadSummary:
        """One upload. NoSuchUpload."""
        ...

    def list_uploads(self, bucket: str, *, prefix: str = "") -> list[UploadSummary]:
        """All uploads below a prefix, by key, then by when they were begun."""
        ...

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
        """Make the object of the named parts (number, ETag), in that order.

        NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall.
        """
        ...

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Forget an upload and its parts. NoSuchUpload."""
        ...

    def local_path(self, bucket: str, key: str) -> Path | None:
        """The plain file that holds the object, for those who read files (DuckDB, pyarrow); None if there is none."""
        ...
