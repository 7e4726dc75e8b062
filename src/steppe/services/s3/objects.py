"""Objects: put, read, described, copied, removed."""

from __future__ import annotations

from urllib.parse import unquote

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.objects.object_store import ObjectMetadata, ObjectStore, ObjectSummary
from steppe.services.s3.bodies import INLINE_BYTES_MAX, head, in_thread, opened, payload_of, stream_of, write
from steppe.services.s3.conditions import check_read, range_of, write_condition
from steppe.services.s3.descriptions import checksum_members, description, metadata_of, quoted
from steppe.services.s3.terms import not_implemented
from steppe.wire.request import Request
from steppe.wire.xml_bodies import malformed

DELETE_KEYS_MAX = 1000
_COPY_CONDITIONS = ("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince")


class Objects:
    """Operations on objects."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put_object(self, request: Request) -> dict[str, JsonValue]:
        """Store an object. Answers the checksum that was sent; computes none of its own (S3 adds CRC64NVME)."""
        members = request.input
        payload = payload_of(request)
        condition = write_condition(members)
        writer = self._store.writer(members["Bucket"], members["Key"], metadata=metadata_of(request))
        summary = await write(writer, payload, condition)
        return {
            "ETag": quoted(summary.etag),
            "ServerSideEncryption": "AES256",
            **checksum_members(payload.checksums),
        }

    async def get_object(self, request: Request) -> dict[str, JsonValue]:
        """An object's bytes, or a range of them, and what is known of it."""
        members = request.input
        reader = await opened(self._store, members["Bucket"], members["Key"])
        try:
            summary = reader.summary
            output, start, end = _reading(summary, members)
        except BaseException:
            reader.close()
            raise
        output["Body"] = stream_of(reader, start, end)
        return output

    async def head_object(self, request: Request) -> dict[str, JsonValue]:
        """What is known of an object."""
        members = request.input
        return _reading(await head(self._store, members["Bucket"], members["Key"]), members)[0]

    async def copy_object(self, request: Request) -> dict[str, JsonValue]:
        """Copy an object within the store, without its bytes passing through here."""
        members = request.input
        bucket, key = members["Bucket"], members["Key"]
        source_bucket, source_key = copy_source(members["CopySource"])
        replaces = members.get("MetadataDirective", "COPY") == "REPLACE"
        if (bucket, key) == (source_bucket, source_key) and not replaces:
            text = (
                "This copy request is illegal because it is trying to copy an object to itself without changing the "
                "object's metadata, storage class, website redirect location or encryption attributes."
            )
            raise ApiError("InvalidRequest", text)
        source = await head(self._store, source_bucket, source_key)
        if any(f"CopySource{name}" in members for name in _COPY_CONDITIONS):
            check_read(source, members, "CopySource")
        algorithm = members.get("ChecksumAlgorithm")
        if algorithm is not None and algorithm not in (source.metadata or ObjectMetadata()).checksums:
            raise not_implemented("ChecksumAlgorithm", algorithm)
        metadata = metadata_of(request) if replaces else None
        condition = write_condition(members)
        if source.size_bytes <= INLINE_BYTES_MAX and condition is None:
            summary = self._store.copy(
                bucket, key, source_bucket=source_bucket, source_key=source_key, metadata=metadata
            )
        else:
            summary = await in_thread(
                self._store.copy,
                bucket,
                key,
                source_bucket=source_bucket,
                source_key=source_key,
                metadata=metadata,
                condition=condition,
            )
        result = {"ETag": quoted(summary.etag), "LastModified": summary.modified_ms // 1000 * 1000}
        if summary.metadata is not None:
            result |= checksum_members(summary.metadata.checksums)
        return {"CopyObjectResult": result, "ServerSideEncryption": "AES256"}

    async def delete_object(self, request: Request) -> dict[str, JsonValue]:
        """Remove an object; no error when it is not there."""
        members = request.input
        condition = write_condition(members)
        if condition is None:
            self._store.delete(members["Bucket"], members["Key"])
        else:
            await in_thread(self._store.delete, members["Bucket"], members["Key"], condition=condition)
        return {}

    async def delete_objects(self, request: Request) -> dict[str, JsonValue]:
        """Remove up to 1,000 objects; each has its own outcome."""
        members = request.input
        wanted = members["Delete"].get("Objects") or []
        if not 1 <= len(wanted) <= DELETE_KEYS_MAX:
            raise malformed()
        self._store.head_bucket(members["Bucket"])
        return await in_thread(self._delete_all, members["Bucket"], wanted, bool(members["Delete"].get("Quiet")))

    async def get_object_attributes(self, request: Request) -> dict[str, JsonValue]:
        """The attributes of an object that were asked for."""
        members = request.input
        summary = await head(self._store, members["Bucket"], members["Key"])
        metadata = summary.metadata or ObjectMetadata()
        attributes: dict[str, JsonValue] = {
            "ETag": summary.etag,
            "Checksum": checksum_members(metadata.checksums) or None,
            "ObjectSize": summary.size_bytes,
            "StorageClass": "STANDARD",
            "ObjectParts": None,
        }
        _, dash, count = summary.etag.partition("-")
        if dash:
            attributes["ObjectParts"] = {"TotalPartsCount": int(count)}
        output: dict[str, JsonValue] = {"LastModified": summary.modified_ms // 1000 * 1000}
        for name in members["ObjectAttributes"]:
            if name not in attributes:
                raise ApiError("InvalidArgument", "Invalid attribute name specified.", fields={"ArgumentValue": name})
            output[name] = attributes[name]
        return output

    def _delete_all(self, bucket: str, wanted: list[dict[str, JsonValue]], quiet: bool) -> dict[str, JsonValue]:
        deleted: list[JsonValue] = []
        errors: list[JsonValue] = []
        for entry in wanted:
            key = entry["Key"]
            try:
                for name in entry.keys() - {"Key", "ETag"}:
                    if not (name == "VersionId" and entry[name] == "null"):
                        raise not_implemented(name, entry[name])
                self._store.delete(bucket, key, condition=write_condition({"IfMatch": entry.get("ETag")}))
            except ApiError as error:
                errors.append({"Key": key, "Code": error.code, "Message": error.message})
            else:
                deleted.append({"Key": key})
        return {"Deleted": [] if quiet else deleted, "Errors": errors}


def copy_source(text: JsonValue) -> tuple[str, str]:
    """Bucket and key of a copy's source, as `bucket/key`, percent-encoded, with or without a leading slash.

    Raises:
        ApiError: InvalidArgument; NotImplemented for an ARN.
    """
    if not isinstance(text, str):
        raise _bad_copy_source(str(text))
    if text.startswith("arn:"):
        raise not_implemented("CopySource", text)
    path, _, query = text.partition("?versionId=")
    if query not in ("", "null"):
        raise ApiError("InvalidArgument", "Invalid version id specified", fields={"ArgumentName": "versionId"})
    bucket, slash, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not slash or not key:
        raise _bad_copy_source(text)
    return bucket, key


def _bad_copy_source(text: str) -> ApiError:
    message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
    fields = {"ArgumentName": "x-amz-copy-source", "ArgumentValue": text[:200]}
    return ApiError("InvalidArgument", message, fields=fields)


def _reading(summary: ObjectSummary, members: dict[str, JsonValue]) -> tuple[dict[str, JsonValue], int, int]:
    """Output members of a read without its body, and the range to send."""
    if members.get("PartNumber") is not None and (members["PartNumber"] != 1 or "-" in summary.etag):
        raise not_implemented("PartNumber", members["PartNumber"])
    check_read(summary, members)
    output = description(summary, members)
    wanted = range_of(members.get("Range"), summary.size_bytes)
    start, end = wanted or (0, summary.size_bytes)
    if wanted is not None:
        output["ContentRange"] = f"bytes {start}-{end - 1}/{summary.size_bytes}"
    elif members.get("ChecksumMode") == "ENABLED" and summary.metadata is not None:
        output |= checksum_members(summary.metadata.checksums)
    output["ContentLength"] = end - start
    return output, start, end
