"""Multipart uploads of the embedded store: `<root>/.steppe/uploads/<bucket>/<upload id>/`.

There `upload.json` says what is uploaded, and each part is a file named by its number, with a record as objects have
it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from steppe.base.jsonvalue import JsonError, dumpb, loads
from steppe.objects import faults
from steppe.objects.files import FileWriter, copy_bytes, summary_of
from steppe.objects.object_store import Condition, ObjectMetadata, ObjectSummary, PartSummary, UploadSummary
from steppe.objects.records import Record
from steppe.objects.tree import Tree

_UPLOAD_ID = re.compile(r"[0-9a-f]{48}", re.ASCII)
_PART_NAME = re.compile(r"\d{5}", re.ASCII)


class Uploads:
    """The uploads of all buckets of one root."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._folder = f"{tree.hidden}/uploads"

    def create(self, bucket: str, key: str, metadata: ObjectMetadata) -> str:
        """Begin an upload; its id."""
        upload_id = os.urandom(24).hex()
        folder = f"{self._folder}/{bucket}/{upload_id}"
        os.makedirs(folder)
        note = {
            "key": key,
            "content_type": metadata.content_type,
            "headers": dict(metadata.headers),
            "user": dict(metadata.user),
        }
        Path(folder, "upload.json").write_bytes(dumpb(note))
        return upload_id

    def find(self, bucket: str, key: str, upload_id: str) -> UploadSummary:
        """One upload. NoSuchUpload, also when it is another key's."""
        upload = self._read(bucket, upload_id)
        if upload is None or upload.key != key:
            raise faults.no_such_upload(upload_id)
        return upload

    def list_below(self, bucket: str, prefix: str) -> list[UploadSummary]:
        """All uploads of a bucket below a prefix."""
        try:
            names = os.listdir(f"{self._folder}/{bucket}")
        except FileNotFoundError:
            return []
        found = [upload for name in names if (upload := self._read(bucket, name)) and upload.key.startswith(prefix)]
        return sorted(found, key=lambda upload: (upload.key, upload.started_ms, upload.upload_id))

    def part_writer(self, bucket: str, key: str, upload_id: str, part_number: int) -> FileWriter:
        """Begin a part."""
        faults.check_part_number(part_number)
        self.find(bucket, key, upload_id)
        target = self._part_path(bucket, upload_id, part_number)

        def place(path: str, condition: Condition | None) -> None:
            try:
                os.rename(path, target)
            except FileNotFoundError:
                # Completed or aborted while the part was on its way.
                raise faults.no_such_upload(upload_id) from None

        return FileWriter(self._tree, key, ObjectMetadata(), place)

    def list_parts(self, bucket: str, key: str, upload_id: str, *, after: int, limit: int) -> list[PartSummary]:
        """Stored parts in order."""
        self.find(bucket, key, upload_id)
        try:
            names = os.listdir(f"{self._folder}/{bucket}/{upload_id}")
        except FileNotFoundError:
            raise faults.no_such_upload(upload_id) from None
        numbers = sorted(int(name) for name in names if _PART_NAME.fullmatch(name) and int(name) > after)
        parts = (self._part(bucket, upload_id, number) for number in numbers[: max(limit, 0)])
        return [part for part in parts if part is not None]

    def complete(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Iterable[tuple[int, str]],
        *,
        checksums: Mapping[str, str] | None,
        condition: Condition | None,
    ) -> ObjectSummary:
        """Join the named parts into the object, then forget the upload."""
        upload = self.find(bucket, key, upload_id)
        chosen = self._choose(bucket, upload_id, parts)
        md5s = b"".join(bytes.fromhex(part.etag) for part in chosen)
        metadata = replace(upload.metadata, checksums=dict(checksums or {}))
        record = Record(hashlib.md5(md5s, usedforsecurity=False).digest(), len(chosen), metadata)
        target, path = self._tree.temporary()
        try:
            for part in chosen:
                self._append(bucket, upload_id, part, target)
            stat = os.fstat(target)
            self._tree.records.write(target, stat, record)
            self._tree.place(path, bucket, key, condition)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        finally:
            os.close(target)
        self._remove(bucket, upload_id)
        return summary_of(key, stat, record)

    def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Forget an upload and its parts."""
        self.find(bucket, key, upload_id)
        self._remove(bucket, upload_id)

    def forget_bucket(self, bucket: str) -> None:
        """Forget all uploads of a bucket that is gone."""
        shutil.rmtree(f"{self._folder}/{bucket}", ignore_errors=True)

    def _choose(self, bucket: str, upload_id: str, parts: Iterable[tuple[int, str]]) -> list[PartSummary]:
        """The stored parts that a client names, checked."""
        chosen: list[PartSummary] = []
        for number, etag in parts:
            faults.check_part_number(number)
            if chosen and number <= chosen[-1].part_number:
                raise faults.invalid_part_order()
            part = self._part(bucket, upload_id, number)
            if part is None or part.etag != etag:
                raise faults.invalid_part(number, etag)
            chosen.append(part)
        if not chosen:
            raise faults.invalid_part(1, "")
        for part in chosen[:-1]:
            if part.size_bytes < faults.PART_BYTES_MIN:
                raise faults.entity_too_small(part.part_number, part.size_bytes)
        return chosen

    def _append(self, bucket: str, upload_id: str, part: PartSummary, target: int) -> None:
        try:
            source = os.open(self._part_path(bucket, upload_id, part.part_number), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise faults.no_such_upload(upload_id) from None
        try:
            copy_bytes(source, target, start=0, size=part.size_bytes, whole=False)
        finally:
            os.close(source)

    def _part(self, bucket: str, upload_id: str, number: int) -> PartSummary | None:
        try:
            fd = os.open(self._part_path(bucket, upload_id, number), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            record, stat = self._tree.records.read_or_compute(fd, os.fstat(fd))
        finally:
            os.close(fd)
        return PartSummary(
            part_number=number,
            size_bytes=stat.st_size,
            etag=record.etag,
            modified_ms=stat.st_mtime_ns // 1_000_000,
            checksums=record.metadata.checksums,
        )

    def _read(self, bucket: str, upload_id: str) -> UploadSummary | None:
        if not _UPLOAD_ID.fullmatch(upload_id):
            return None
        path = Path(self._folder, bucket, upload_id, "upload.json")
        try:
            note = loads(path.read_bytes())
            started_ms = path.stat().st_mtime_ns // 1_000_000
        except (FileNotFoundError, NotADirectoryError, JsonError):
            # The JSON is not there yet when an upload is listed in the instant it begins.
            return None
        metadata = ObjectMetadata(content_type=note["content_type"], headers=note["headers"], user=note["user"])
        return UploadSummary(key=note["key"], upload_id=upload_id, started_ms=started_ms, metadata=metadata)

    def _remove(self, bucket: str, upload_id: str) -> None:
        # The note goes first: without it the upload is gone, whatever is left of its parts.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self._folder}/{bucket}/{upload_id}/upload.json")
        shutil.rmtree(f"{self._folder}/{bucket}/{upload_id}", ignore_errors=True)

    def _part_path(self, bucket: str, upload_id: str, number: int) -> str:
        return f"{self._folder}/{bucket}/{upload_id}/{number:05d}"
