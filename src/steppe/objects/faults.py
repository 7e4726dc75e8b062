"""S3's refusals, in the words S3 uses, for all implementations of the port."""

from __future__ import annotations

import re

from steppe.base.errors import ApiError
from steppe.objects.object_store import Condition

PART_BYTES_MIN = 5 * 1024 * 1024
"""Every part of an upload but the last. User Guide, "Multipart upload limits"."""

PART_NUMBER_MAX = 10_000

_BUCKET_NAME = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9-]|\.(?!\.))+[a-z0-9]", re.ASCII)
_BUCKET_FOLDER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}", re.ASCII)


def check_new_bucket(bucket: str) -> None:
    """S3's rules on the name of a bucket that is made. InvalidBucketName."""
    if not 3 <= len(bucket) <= 63 or not _BUCKET_NAME.fullmatch(bucket):
        raise invalid_bucket_name(bucket)


def check_bucket(bucket: str) -> None:
    """What may be looked for as a bucket: wider, since folders that were copied in are buckets too. NoSuchBucket."""
    if not _BUCKET_FOLDER.fullmatch(bucket):
        raise no_such_bucket(bucket)


def is_bucket_folder(name: str) -> bool:
    """Whether a folder of this name can be a bucket."""
    return _BUCKET_FOLDER.fullmatch(name) is not None


def check_part_number(part_number: int) -> None:
    """InvalidArgument unless 1 to 10,000."""
    if not 1 <= part_number <= PART_NUMBER_MAX:
        text = "Part number must be an integer between 1 and 10000, inclusive"
        fields = {"ArgumentName": "partNumber", "ArgumentValue": str(part_number)}
        raise ApiError("InvalidArgument", text, fields=fields)


def check_condition(condition: Condition | None, etag: str | None, key: str) -> None:
    """Hold a condition against the object in place; `etag` is None when there is none.

    Raises:
        ApiError: PreconditionFailed, or NoSuchKey when If-Match finds nothing.
    """
    if condition is None:
        return
    if condition.absent and etag is not None:
        raise precondition_failed("If-None-Match")
    if condition.etag is not None:
        if etag is None:
            raise no_such_key(key)
        if condition.etag not in ("*", etag):
            raise precondition_failed("If-Match")


def invalid_bucket_name(bucket: str) -> ApiError:
    """The refusal of a name for a new bucket."""
    return ApiError("InvalidBucketName", "The specified bucket is not valid.", fields={"BucketName": bucket})


def no_such_bucket(bucket: str) -> ApiError:
    """The bucket is not there."""
    fields = {"BucketName": bucket}
    return ApiError("NoSuchBucket", "The specified bucket does not exist", status=404, fields=fields)


def bucket_exists(bucket: str) -> ApiError:
    """The bucket is there already."""
    text = "Your previous request to create the named bucket succeeded and you already own it."
    return ApiError("BucketAlreadyOwnedByYou", text, status=409, fields={"BucketName": bucket})


def bucket_not_empty(bucket: str) -> ApiError:
    """The bucket has objects."""
    text = "The bucket you tried to delete is not empty"
    return ApiError("BucketNotEmpty", text, status=409, fields={"BucketName": bucket})


def no_such_key(key: str) -> ApiError:
    """The object is not there."""
    return ApiError("NoSuchKey", "The specified key does not exist.", status=404, fields={"Key": key})


def no_such_upload(upload_id: str) -> ApiError:
    """The multipart upload is not there."""
    text = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed."
    )
    return ApiError("NoSuchUpload", text, status=404, fields={"UploadId": upload_id})


def precondition_failed(header: str) -> ApiError:
    """A condition did not hold."""
    text = "At least one of the pre-conditions you specified did not hold"
    return ApiError("PreconditionFailed", text, status=412, fields={"Condition": header})


def invalid_range(size_bytes: int) -> ApiError:
    """A range that begins beyond the end."""
    fields = {"ActualObjectSize": size_bytes}
    return ApiError("InvalidRange", "The requested range is not satisfiable", status=416, fields=fields)


def invalid_part(part_number: int, etag: str) -> ApiError:
    """A part that is not there, or not under this ETag."""
    text = (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag."
    )
    return ApiError("InvalidPart", text, fields={"PartNumber": part_number, "ETag": etag})


def invalid_part_order() -> ApiError:
    """Parts that are not named in ascending order."""
    text = "The list of parts was not in ascending order. The parts list must be specified in order by part number."
    return ApiError("InvalidPartOrder", text)


def entity_too_small(part_number: int, size_bytes: int) -> ApiError:
    """A part that is too small and not the last."""
    text = "Your proposed upload is smaller than the minimum allowed size"
    fields = {"PartNumber": part_number, "ProposedSize": size_bytes, "MinSizeAllowed": PART_BYTES_MIN}
    return ApiError("EntityTooSmall", text, fields=fields)
