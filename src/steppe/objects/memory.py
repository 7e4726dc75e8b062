"""Objects in memory, for tests and demonstrations: the port's rules without a disk. One thread at a time."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from steppe.objects import faults
from steppe.objects.keys import check_key
from steppe.objects.object_store import (
    BucketSummary,
    Condition,
    Listing,
    ObjectMetadata,
    ObjectSummary,
    PartSummary,
    UploadSummary,
)


@dataclass(slots=True)
class _Upload:
    summary: UploadSummary
    parts: dict[int, tuple[PartSummary, bytes]] = field(default_factory=dict)


@dataclass(slots=True)
class _Bucket:
    created_ms: int
    objects: dict[str, tuple[ObjectSummary, bytes]] = field(default_factory=dict)
    uploads: dict[str, _Upload] = field(default_factory=dict)


class MemoryReader:
    """An opened object."""

    def __init__(self, summary: ObjectSummary, content: bytes) -> None:
        self.summary = summary
        self._content = content

    def read(self, start: int, size: int) -> bytes:
        """At most `size` bytes from `start`."""
        return self._content[start : start + max(size, 0)]

    def close(self) -> None:
        """Nothing to let go of."""


class MemoryWriter:
    """Pieces on their way in; `store` takes them when they are complete."""

    def __init__(self, store: MemoryObjectStore, bucket: str, key: str, upload: tuple[str, int] | None) -> None:
        self._store, self._bucket, self._key, self._upload = store, bucket, key, upload
        self._pieces: list[bytes] = []
        self.metadata = ObjectMetadata()

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._pieces.append(bytes(data))

    def commit(
        self, *, checksums: Mapping[str, str] | None = None, condition: Condition | None = None
    ) -> ObjectSummary:
        """Make it visible."""
        metadata = replace(self.metadata, checksums={**self.metadata.checksums, **(checksums or {})})
        return self._store.take(self._bucket, self._key, b"".join(self._pieces), metadata, condition, self._upload)

    def abort(self) -> None:
        """Forget what was written."""
        self._pieces = []


class MemoryObjectStore:
    """Implements `ObjectStore` in dictionaries."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._ids = itertools.count(1)

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket."""
        faults.check_new_bucket(bucket)
        if bucket in self._buckets:
            raise faults.bucket_exists(bucket)
        self._buckets[bucket] = _Bucket(_now_ms())

    def delete_bucket(self, bucket: str) -> None:
        """Remove an empty bucket."""
        if self._bucket(bucket).objects:
            raise faults.bucket_not_empty(bucket)
        del self._buckets[bucket]

    def list_buckets(self) -> list[BucketSummary]:
        """All buckets."""
        return [BucketSummary(name, self._buckets[name].created_ms) for name in sorted(self._buckets)]

    def head_bucket(self, bucket: str) -> BucketSummary:
        """One bucket."""
        return BucketSummary(bucket, self._bucket(bucket).created_ms)

    def head(self, bucket: str, key: str, *, patient: bool = True) -> ObjectSummary:
        """What is known of an object."""
        return self._object(bucket, key)[0]

    def open(self, bucket: str, key: str, *, patient: bool = True) -> MemoryReader:
        """Open an object."""
        return MemoryReader(*self._object(bucket, key))

    def read(self, bucket: str, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        """A range's bytes."""
        content = self._object(bucket, key)[1]
        if start < 0 or (start >= len(content) and start > 0) or (end is not None and end < start):
            raise faults.invalid_range(len(content))
        return content[start:end]

    def stream(
        self, bucket: str, key: str, *, start: int = 0, end: int | None = None, chunk_bytes: int = 1 << 20
    ) -> Iterator[bytes]:
        """A range in pieces."""
        content = self.read(bucket, key, start=start, end=end)
        return (content[at : at + chunk_bytes] for at in range(0, len(content), chunk_bytes))

    def writer(self, bucket: str, key: str, *, metadata: ObjectMetadata | None = None) -> MemoryWriter:
        """Begin an object."""
        check_key(key)
        self._bucket(bucket)
        writer = MemoryWriter(self, bucket, key, None)
        writer.metadata = metadata or ObjectMetadata()
        return writer

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
        check_key(key)
        self._bucket(bucket)
        content = body if isinstance(body, bytes) else b"".join(body)
        return self.take(bucket, key, content, metadata or ObjectMetadata(), condition, None)

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
        """Copy an object."""
        check_key(key)
        summary, content = self._object(source_bucket, source_key)
        kept = summary.metadata or ObjectMetadata()
        said = kept if metadata is None else replace(metadata, checksums=kept.checksums)
        self._check(bucket, key, condition)
        copied = replace(summary, key=key, modified_ms=_now_ms(), metadata=said)
        self._bucket(bucket).objects[key] = (copied, content)
        return copied

    def delete(self, bucket: str, key: str, *, condition: Condition | None = None) -> None:
        """Remove an object."""
        check_key(key)
        self._check(bucket, key, condition)
        self._bucket(bucket).objects.pop(key, None)

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
        objects: list[ObjectSummary] = []
        prefixes: list[str] = []
        last = start_after
        held = self._bucket(bucket).objects
        for key in sorted(key for key in held if key.startswith(prefix) and key > start_after):
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            group = key[: end + len(delimiter)] if end >= 0 else ""
            if group and (group == start_after or (prefixes and prefixes[-1] == group)):
                continue
            if len(objects) + len(prefixes) >= limit:
                return Listing(tuple(objects), tuple(prefixes), last if limit > 0 else None)
            last = group or key
            if group:
                prefixes.append(group)
            else:
                objects.append(replace(held[key][0], metadata=None))
        return Listing(tuple(objects), tuple(prefixes))

    def create_upload(self, bucket: str, key: str, *, metadata: ObjectMetadata | None = None) -> str:
        """Begin an upload."""
        check_key(key)
        upload_id = f"upload-{next(self._ids)}"
        said = metadata or ObjectMetadata()
        summary = UploadSummary(key=key, upload_id=upload_id, started_ms=_now_ms(), metadata=said)
        self._bucket(bucket).uploads[upload_id] = _Upload(summary)
        return upload_id

    def put_part(self, bucket: str, key: str, upload_id: str, part_number: int, body: bytes | Iterable[bytes]) -> str:
        """Store a part."""
        writer = self.part_writer(bucket, key, upload_id, part_number)
        for piece in (body,) if isinstance(body, bytes) else body:
            writer.write(piece)
        return writer.commit().etag

    def part_writer(self, bucket: str, key: str, upload_id: str, part_number: int) -> MemoryWriter:
        """Begin a part."""
        faults.check_part_number(part_number)
        self._upload(bucket, key, upload_id)
        return MemoryWriter(self, bucket, key, (upload_id, part_number))

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
        """Store a range of an object as a part."""
        self.put_part(bucket, key, upload_id, part_number, self.read(source_bucket, source_key, start=start, end=end))
        return self._upload(bucket, key, upload_id).parts[part_number][0]

    def list_parts(
        self, bucket: str, key: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> list[PartSummary]:
        """Stored parts."""
        parts = self._upload(bucket, key, upload_id).parts
        return [parts[number][0] for number in sorted(parts) if number > after][:limit]

    def find_upload(self, bucket: str, key: str, upload_id: str) -> UploadSummary:
        """One upload."""
        return self._upload(bucket, key, upload_id).summary

    def list_uploads(self, bucket: str, *, prefix: str = "") -> list[UploadSummary]:
        """All uploads below a prefix."""
        found = [u.summary for u in self._bucket(bucket).uploads.values() if u.summary.key.startswith(prefix)]
        return sorted(found, key=lambda upload: (upload.key, upload.started_ms, upload.upload_id))

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
        upload = self._upload(bucket, key, upload_id)
        chosen: list[tuple[PartSummary, bytes]] = []
        for number, etag in parts:
            if chosen and number <= chosen[-1][0].part_number:
                raise faults.invalid_part_order()
            part = upload.parts.get(number)
            if part is None or part[0].etag != etag:
                raise faults.invalid_part(number, etag)
            chosen.append(part)
        if not chosen:
            raise faults.invalid_part(1, "")
        for part_summary, _ in chosen[:-1]:
            if part_summary.size_bytes < faults.PART_BYTES_MIN:
                raise faults.entity_too_small(part_summary.part_number, part_summary.size_bytes)
        md5 = hashlib.md5(b"".join(bytes.fromhex(p.etag) for p, _ in chosen), usedforsecurity=False).hexdigest()
        content = b"".join(content for _, content in chosen)
        self._check(bucket, key, condition)
        summary = ObjectSummary(
            key=key,
            size_bytes=len(content),
            etag=f"{md5}-{len(chosen)}",
            modified_ms=_now_ms(),
            metadata=replace(upload.summary.metadata, checksums=dict(checksums or {})),
        )
        self._bucket(bucket).objects[key] = (summary, content)
        self._bucket(bucket).uploads.pop(upload_id)
        return summary

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Forget an upload."""
        self._upload(bucket, key, upload_id)
        self._bucket(bucket).uploads.pop(upload_id)

    def local_path(self, bucket: str, key: str) -> Path | None:
        """There are no files."""
        self._object(bucket, key)
        return None

    def take(
        self,
        bucket: str,
        key: str,
        content: bytes,
        metadata: ObjectMetadata,
        condition: Condition | None,
        upload: tuple[str, int] | None,
    ) -> ObjectSummary:
        """Store complete content as an object, or as a part of an upload (its id and the part's number)."""
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        summary = ObjectSummary(key=key, size_bytes=len(content), etag=etag, modified_ms=_now_ms(), metadata=metadata)
        if upload is not None:
            part = PartSummary(
                part_number=upload[1],
                size_bytes=len(content),
                etag=etag,
                modified_ms=summary.modified_ms,
                checksums=metadata.checksums,
            )
            self._upload(bucket, key, upload[0]).parts[upload[1]] = (part, content)
        else:
            self._check(bucket, key, condition)
            self._bucket(bucket).objects[key] = (summary, content)
        return summary

    def _bucket(self, bucket: str) -> _Bucket:
        faults.check_bucket(bucket)
        held = self._buckets.get(bucket)
        if held is None:
            raise faults.no_such_bucket(bucket)
        return held

    def _object(self, bucket: str, key: str) -> tuple[ObjectSummary, bytes]:
        check_key(key)
        held = self._bucket(bucket).objects.get(key)
        if held is None:
            raise faults.no_such_key(key)
        return held

    def _upload(self, bucket: str, key: str, upload_id: str) -> _Upload:
        held = self._bucket(bucket).uploads.get(upload_id)
        if held is None or held.summary.key != key:
            raise faults.no_such_upload(upload_id)
        return held

    def _check(self, bucket: str, key: str, condition: Condition | None) -> None:
        held = self._bucket(bucket).objects.get(key)
        faults.check_condition(condition, held[0].etag if held is not None else None, key)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
