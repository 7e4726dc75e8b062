"""Multipart uploads: begun, filled part by part, completed or aborted, and listed.

The checksum algorithm that an upload was begun with is kept with it. On completion the object's checksum is made of
the parts' (COMPOSITE: the checksum of their checksums, with their number; FULL_OBJECT: for CRCs, computed from them),
if every part has one: parts that are copies have none, and then the object has none.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.objects import faults
from steppe.objects.object_store import ObjectMetadata, ObjectStore, PartSummary
from steppe.services.s3.bodies import head, in_thread, payload_of, write
from steppe.services.s3.conditions import check_read, copy_range, write_condition
from steppe.services.s3.descriptions import checksum_members, metadata_of, quoted, unquoted
from steppe.services.s3.listings import encoded
from steppe.services.s3.objects import copy_source
from steppe.services.s3.terms import not_implemented
from steppe.wire.checksums import ALGORITHMS, COMPOSITE_ONLY, FULL_OBJECT_ONLY, checksum, combine, text_of
from steppe.wire.request import Request
from steppe.wire.xml_bodies import malformed

PAGE_MAX = 1000
_ALGORITHM, _TYPE = "x-amz-checksum-algorithm", "x-amz-checksum-type"
_FULL_OBJECT = frozenset({"CRC32", "CRC32C", "CRC64NVME"})


class Multipart:
    """Operations on multipart uploads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def create_multipart_upload(self, request: Request) -> dict[str, JsonValue]:
        """Begin an upload."""
        members = request.input
        algorithm, kind = _checksum_choice(members)
        metadata = metadata_of(request)
        if algorithm is not None:
            metadata = replace(metadata, headers={**metadata.headers, _ALGORITHM: algorithm, _TYPE: kind})
        upload_id = self._store.create_upload(members["Bucket"], members["Key"], metadata=metadata)
        return {
            "Bucket": members["Bucket"],
            "Key": members["Key"],
            "UploadId": upload_id,
            "ServerSideEncryption": "AES256",
            "ChecksumAlgorithm": algorithm,
            "ChecksumType": kind if algorithm is not None else None,
        }

    async def upload_part(self, request: Request) -> dict[str, JsonValue]:
        """Store a part."""
        members = request.input
        payload = payload_of(request)
        writer = self._store.part_writer(members["Bucket"], members["Key"], members["UploadId"], members["PartNumber"])
        summary = await write(writer, payload)
        output = {"ETag": quoted(summary.etag), "ServerSideEncryption": "AES256"}
        return output | {f"Checksum{name}": value for name, value in payload.checksums.items()}

    async def upload_part_copy(self, request: Request) -> dict[str, JsonValue]:
        """Store a part that is an object, or a range of one."""
        members = request.input
        source_bucket, source_key = copy_source(members["CopySource"])
        source = await head(self._store, source_bucket, source_key)
        check_read(source, members, "CopySource")
        start, end = copy_range(members.get("CopySourceRange"), source.size_bytes)
        part = await in_thread(
            self._store.copy_part,
            members["Bucket"],
            members["Key"],
            members["UploadId"],
            members["PartNumber"],
            source_bucket=source_bucket,
            source_key=source_key,
            start=start,
            end=end,
        )
        result = {"ETag": quoted(part.etag), "LastModified": part.modified_ms // 1000 * 1000}
        return {"CopyPartResult": result, "ServerSideEncryption": "AES256"}

    async def complete_multipart_upload(self, request: Request) -> dict[str, JsonValue]:
        """Make the object of the named parts."""
        members = request.input
        bucket, key, upload_id = members["Bucket"], members["Key"], members["UploadId"]
        named = (members.get("MultipartUpload") or {}).get("Parts") or []
        if not named or any(part.get("PartNumber") is None or part.get("ETag") is None for part in named):
            raise malformed()
        upload = self._store.find_upload(bucket, key, upload_id)
        stored = await in_thread(self._parts, bucket, key, upload_id)
        _check_parts(named, stored, members.get("MpuObjectSize"))
        checksums = _object_checksums(upload.metadata, [stored[part["PartNumber"]] for part in named])
        for name, value in checksums.items():
            if members.get(f"Checksum{name}") not in (None, value):
                raise ApiError("BadDigest", f"The {name} you specified did not match the calculated checksum.")
        summary = await in_thread(
            self._store.complete_upload,
            bucket,
            key,
            upload_id,
            [(part["PartNumber"], unquoted(part["ETag"])) for part in named],
            checksums=checksums,
            condition=write_condition(members),
        )
        host = request.headers.get("host")
        return {
            "Location": f"http://{host}/{bucket}/{encoded(key)}" if host else f"/{bucket}/{encoded(key)}",
            "Bucket": bucket,
            "Key": key,
            "ETag": quoted(summary.etag),
            "ServerSideEncryption": "AES256",
            **checksum_members(checksums),
        }

    async def abort_multipart_upload(self, request: Request) -> dict[str, JsonValue]:
        """Forget an upload and its parts."""
        members = request.input
        await in_thread(self._store.abort_upload, members["Bucket"], members["Key"], members["UploadId"])
        return {}

    async def list_parts(self, request: Request) -> dict[str, JsonValue]:
        """A page of an upload's parts."""
        members = request.input
        bucket, key, upload_id = members["Bucket"], members["Key"], members["UploadId"]
        limit = _limit(members, "MaxParts", "max-parts")
        marker = _marker(members.get("PartNumberMarker"))
        parts = await in_thread(self._store.list_parts, bucket, key, upload_id, after=marker, limit=limit + 1)
        upload = self._store.find_upload(bucket, key, upload_id)
        page = parts[:limit]
        return {
            "Bucket": bucket,
            "Key": key,
            "UploadId": upload_id,
            "PartNumberMarker": marker,
            "NextPartNumberMarker": page[-1].part_number if page else 0,
            "MaxParts": limit,
            "IsTruncated": len(parts) > limit,
            "StorageClass": "STANDARD",
            "ChecksumAlgorithm": upload.metadata.headers.get(_ALGORITHM),
            "ChecksumType": upload.metadata.headers.get(_TYPE),
            "Parts": [
                {
                    "PartNumber": part.part_number,
                    "LastModified": part.modified_ms // 1000 * 1000,
                    "ETag": quoted(part.etag),
                    "Size": part.size_bytes,
                    **{f"Checksum{name}": value for name, value in part.checksums.items()},
                }
                for part in page
            ],
        }

    async def list_multipart_uploads(self, request: Request) -> dict[str, JsonValue]:
        """A page of a bucket's uploads."""
        members = request.input
        limit = _limit(members, "MaxUploads", "max-uploads")
        if members.get("Delimiter"):
            raise not_implemented("Delimiter", members["Delimiter"])
        encode = encoded if members.get("EncodingType") == "url" else str
        after = (members.get("KeyMarker") or "", members.get("UploadIdMarker") or "")
        prefix = members.get("Prefix") or ""
        uploads = await in_thread(self._store.list_uploads, members["Bucket"], prefix=prefix)
        if after[0]:
            uploads = [
                upload
                for upload in uploads
                if upload.key > after[0] or (after[1] and upload.key == after[0] and upload.upload_id > after[1])
            ]
        uploads.sort(key=lambda upload: (upload.key, upload.upload_id))
        page = uploads[:limit]
        output: dict[str, JsonValue] = {
            "Bucket": members["Bucket"],
            "KeyMarker": encode(after[0]),
            "UploadIdMarker": after[1],
            "Prefix": encode(prefix),
            "MaxUploads": limit,
            "EncodingType": members.get("EncodingType"),
            "IsTruncated": len(uploads) > limit,
            "Uploads": [
                {
                    "Key": encode(upload.key),
                    "UploadId": upload.upload_id,
                    "Initiated": upload.started_ms // 1000 * 1000,
                    "StorageClass": "STANDARD",
                    "ChecksumAlgorithm": upload.metadata.headers.get(_ALGORITHM),
                    "ChecksumType": upload.metadata.headers.get(_TYPE),
                }
                for upload in page
            ],
        }
        if len(uploads) > limit and page:
            output |= {"NextKeyMarker": encode(page[-1].key), "NextUploadIdMarker": page[-1].upload_id}
        return output

    def _parts(self, bucket: str, key: str, upload_id: str) -> dict[int, PartSummary]:
        parts = self._store.list_parts(bucket, key, upload_id, limit=faults.PART_NUMBER_MAX)
        return {part.part_number: part for part in parts}


def _checksum_choice(members: Mapping[str, JsonValue]) -> tuple[str | None, str]:
    """The algorithm of an upload and how the object's checksum is made of the parts'."""
    algorithm, kind = members.get("ChecksumAlgorithm"), members.get("ChecksumType")
    if algorithm is None:
        if kind is not None:
            raise ApiError("InvalidRequest", "The x-amz-checksum-type header needs x-amz-checksum-algorithm.")
        return None, ""
    algorithm = str(algorithm).upper()
    if algorithm not in ALGORITHMS:
        raise not_implemented("ChecksumAlgorithm", algorithm)
    kind = kind or ("FULL_OBJECT" if algorithm in FULL_OBJECT_ONLY else "COMPOSITE")
    wrong = FULL_OBJECT_ONLY if kind == "COMPOSITE" else COMPOSITE_ONLY
    if (
        kind not in ("COMPOSITE", "FULL_OBJECT")
        or algorithm in wrong
        or (kind == "FULL_OBJECT" and algorithm not in _FULL_OBJECT)
    ):
        text = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        raise ApiError("InvalidRequest", text)
    return algorithm, kind


def _check_parts(named: list[dict[str, JsonValue]], stored: Mapping[int, PartSummary], size: int | None) -> None:
    """Hold what a client says of the parts against what is stored: ETags, checksums, and the size of all."""
    for part in named:
        found = stored.get(part["PartNumber"])
        if found is None or found.etag != unquoted(part["ETag"]):
            raise faults.invalid_part(part["PartNumber"], unquoted(part["ETag"]))
        for name, value in found.checksums.items():
            if part.get(f"Checksum{name}") not in (None, value):
                raise faults.invalid_part(part["PartNumber"], unquoted(part["ETag"]))
    total = sum(stored[part["PartNumber"]].size_bytes for part in named)
    if size is not None and size != total:
        text = f"The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: {total}"
        raise ApiError("InvalidRequest", text)


def _object_checksums(metadata: ObjectMetadata, parts: list[PartSummary]) -> dict[str, str]:
    """The object's checksum, made of the parts'; none when the upload has no algorithm or a part has no checksum."""
    algorithm = metadata.headers.get(_ALGORITHM)
    if algorithm is None or any(algorithm not in part.checksums for part in parts):
        return {}
    digests = [base64.b64decode(part.checksums[algorithm]) for part in parts]
    if metadata.headers.get(_TYPE) == "FULL_OBJECT":
        sizes = [part.size_bytes for part in parts]
        return {algorithm: text_of(combine(algorithm, zip(digests, sizes, strict=True)))}
    running = checksum(algorithm)
    running.update(b"".join(digests))
    return {algorithm: f"{text_of(running.digest())}-{len(parts)}"}


def _limit(members: Mapping[str, JsonValue], member: str, name: str) -> int:
    limit = members.get(member, PAGE_MAX)
    if not isinstance(limit, int) or limit < 0:
        fields = {"ArgumentName": name, "ArgumentValue": str(limit)}
        raise ApiError("InvalidArgument", f"Provided {name} not an integer or within integer range", fields=fields)
    return min(limit, PAGE_MAX)


def _marker(text: JsonValue) -> int:
    if text is None:
        return 0
    digits = str(text)
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        fields = {"ArgumentName": "part-number-marker", "ArgumentValue": digits[:50]}
        raise ApiError("InvalidArgument", "Provided part-number-marker not an integer", fields=fields)
    return int(digits)
