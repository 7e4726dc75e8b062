"""Conditional requests and ranges: when the answer is 412, 304, 416 or a part of the object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import formatdate

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.objects import faults
from steppe.objects.object_store import Condition, ObjectSummary
from steppe.services.s3.descriptions import quoted, unquoted

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_COPY_RANGE = re.compile(r"bytes=(\d+)-(\d+)", re.ASCII)
_DIGITS_MAX = 18


def check_read(summary: ObjectSummary, members: Mapping[str, JsonValue], prefix: str = "") -> None:
    """Hold a read's conditions against the object: HTTP's rules of precedence (RFC 9110, section 13.2.2).

    Args:
        summary: the object.
        members: the input.
        prefix: "CopySource" for the conditions on a copy's source, where "not modified" fails as well.

    Raises:
        ApiError: PreconditionFailed, or NotModified (304).
    """
    modified_ms = summary.modified_ms // 1000 * 1000
    if_match, if_none_match = members.get(f"{prefix}IfMatch"), members.get(f"{prefix}IfNoneMatch")
    unmodified_since = members.get(f"{prefix}IfUnmodifiedSince")
    modified_since = members.get(f"{prefix}IfModifiedSince")
    if if_match is not None:
        if not _names(if_match, summary.etag):
            raise faults.precondition_failed("If-Match")
    elif unmodified_since is not None and modified_ms > unmodified_since:
        raise faults.precondition_failed("If-Unmodified-Since")
    if if_none_match is not None:
        unchanged = _names(if_none_match, summary.etag)
    else:
        unchanged = modified_since is not None and modified_ms <= modified_since
    if unchanged:
        if prefix:
            raise faults.precondition_failed("If-None-Match" if if_none_match is not None else "If-Modified-Since")
        fields = {"ETag": quoted(summary.etag), "Last-Modified": formatdate(modified_ms // 1000, usegmt=True)}
        raise ApiError("NotModified", "Not Modified", status=304, fields=fields)


def write_condition(members: Mapping[str, JsonValue]) -> Condition | None:
    """The condition under which a write or a delete takes an object's place; None for none.

    Raises:
        ApiError: NotImplemented for an If-None-Match that is not `*`, as S3 does.
    """
    if_match, if_none_match = members.get("IfMatch"), members.get("IfNoneMatch")
    if if_none_match is not None and if_none_match.strip() != "*":
        text = "A header you provided implies functionality that is not implemented: If-None-Match"
        raise ApiError("NotImplemented", text, status=501, fields={"Header": "If-None-Match"})
    if if_match is None and if_none_match is None:
        return None
    return Condition(absent=if_none_match is not None, etag=unquoted(if_match) if if_match is not None else None)


def range_of(text: str | None, size_bytes: int) -> tuple[int, int] | None:
    """The range that a Range header means: start and end (exclusive); None for the whole object.

    What is no single range of bytes is not looked at, as S3 does.

    Raises:
        ApiError: InvalidRange when it has nothing in common with the object.
    """
    match = _RANGE.fullmatch(text.replace(" ", "")) if text else None
    if match is None or not any(match.groups()) or max(map(len, match.groups())) > _DIGITS_MAX:
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size_bytes - int(last), 0), size_bytes
    else:
        start, end = int(first), min(int(last) + 1, size_bytes) if last else size_bytes
        if last and int(last) < start:
            return None
    if start >= size_bytes or start >= end:
        error = faults.invalid_range(size_bytes)
        error.fields |= {"RangeRequested": text, "Content-Range": f"bytes */{size_bytes}"}
        raise error
    return start, end


def copy_range(text: str | None, size_bytes: int) -> tuple[int, int | None]:
    """The range of UploadPartCopy, which is stricter. InvalidArgument, InvalidRange."""
    if text is None:
        return 0, None
    match = _COPY_RANGE.fullmatch(text.strip())
    if match is None or max(map(len, match.groups())) > _DIGITS_MAX or int(match[1]) > int(match[2]):
        message = "The x-amz-copy-source-range value must be of the form bytes=first-last"
        fields = {"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": text[:100]}
        raise ApiError("InvalidArgument", message, fields=fields)
    if int(match[2]) >= size_bytes:
        message = f"Range specified is not valid for source object of size: {size_bytes}"
        fields = {"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": text[:100]}
        raise ApiError("InvalidArgument", message, fields=fields)
    return int(match[1]), int(match[2]) + 1


def _names(header: str, etag: str) -> bool:
    """Whether a list of ETags has this one, or is `*`."""
    return header.strip() == "*" or any(unquoted(part) == etag for part in header.split(","))
