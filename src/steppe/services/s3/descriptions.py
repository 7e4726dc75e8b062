"""What S3 says of an object and a writer says of one: input members to metadata, metadata to output members."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.objects.object_store import ObjectMetadata, ObjectSummary
from steppe.wire.request import Request

USER_METADATA_BYTES_MAX = 2048
"""Names and values of an object's user metadata. User Guide, "Working with object metadata"."""

DEFAULT_CONTENT_TYPE = "binary/octet-stream"

_HEADERS = {
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
    "ContentEncoding": "content-encoding",
    "ContentLanguage": "content-language",
    "Expires": "expires",
}
_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}


def metadata_of(request: Request) -> ObjectMetadata:
    """The metadata that a request gives a new object.

    Raises:
        ApiError: MetadataTooLarge.
    """
    members = request.input
    headers = {}
    for member, name in _HEADERS.items():
        # A time that S3 cannot read is kept as it was sent; the input member holds only what could be read.
        value = request.headers.get(name) if member == "Expires" and request.headers else members.get(member)
        if member == "ContentEncoding" and value is not None:
            value = ",".join(part.strip() for part in value.split(",") if part.strip() != "aws-chunked")
        if value is not None and value != "":
            headers[name] = formatdate(value / 1000, usegmt=True) if isinstance(value, int | float) else str(value)
    user = {name.lower(): value for name, value in (members.get("Metadata") or {}).items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in user.items())
    if size > USER_METADATA_BYTES_MAX:
        text = "Your metadata headers exceed the maximum allowed metadata size"
        fields = {"Size": size, "MaxSizeAllowed": USER_METADATA_BYTES_MAX}
        raise ApiError("MetadataTooLarge", text, fields=fields)
    return ObjectMetadata(content_type=members.get("ContentType"), headers=headers, user=user)


def description(summary: ObjectSummary, members: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The output members of GetObject and HeadObject that tell of the object; `members` may override headers."""
    metadata = summary.metadata or ObjectMetadata()
    output: dict[str, JsonValue] = {
        "AcceptRanges": "bytes",
        "LastModified": summary.modified_ms // 1000 * 1000,
        "ETag": quoted(summary.etag),
        "ContentType": metadata.content_type or DEFAULT_CONTENT_TYPE,
        "ServerSideEncryption": "AES256",
        "Metadata": dict(metadata.user),
    }
    for member, name in _HEADERS.items():
        if name in metadata.headers:
            output[member] = metadata.headers[name]
    for override, member in _OVERRIDES.items():
        if members.get(override) is not None:
            output[member] = members[override]
    return output


def checksum_members(checksums: Mapping[str, str]) -> dict[str, JsonValue]:
    """Checksums as output members; those of a multipart upload's parts together end in their number."""
    output: dict[str, JsonValue] = {f"Checksum{name}": value for name, value in checksums.items()}
    if output:
        composite = any("-" in value for value in checksums.values())
        output["ChecksumType"] = "COMPOSITE" if composite else "FULL_OBJECT"
    return output


def quoted(etag: str) -> str:
    """An ETag as S3 shows it."""
    return f'"{etag}"'


def unquoted(etag: str) -> str:
    """An ETag without its quotes, as clients may or may not send them."""
    return etag.strip().removeprefix("W/").strip('"')
