"""Signature Version 2 in a URL: what boto3 still makes for S3 when asked for a presigned URL in the oldest regions.

Only presigned URLs (`AWSAccessKeyId`, `Expires`, `Signature`); the header form is refused by `sigv4.parse`.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping

from steppe.base.errors import ApiError
from steppe.wire.http import HttpRequest

_SUBRESOURCES = frozenset(
    [
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "defaultObjectAcl",
        "delete",
        "encryption",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "partNumber",
        "policy",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "restore",
        "select",
        "select-type",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
    ]
)
"""Queries that are part of what is signed. Amazon S3 Developer Guide, "Signing and authenticating REST requests"."""


def is_presigned(request: HttpRequest) -> bool:
    """Whether a request carries such a signature."""
    return "AWSAccessKeyId=" in request.query_string and "Signature=" in request.query_string


def verify(request: HttpRequest, *, bucket_of_host: str | None, secrets: Mapping[str, str], now_seconds: float) -> None:
    """Check a presigned URL.

    Args:
        request: as received.
        bucket_of_host: the bucket that the host names, which is signed as the beginning of the path; else None.
        secrets: secret by access key.
        now_seconds: the time, epoch seconds.

    Raises:
        ApiError: InvalidAccessKeyId, AccessDenied (expired), SignatureDoesNotMatch.
    """
    query = dict(request.query)
    secret = secrets.get(query["AWSAccessKeyId"])
    if secret is None:
        text = "The AWS Access Key Id you provided does not exist in our records."
        raise ApiError("InvalidAccessKeyId", text, status=403)
    expires = query.get("Expires", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) < 15):
        raise ApiError("AccessDenied", "Invalid date (should be seconds since epoch)", status=403)
    signed = hmac.digest(secret.encode(), _string_to_sign(request, expires, bucket_of_host).encode(), "sha1")
    given = query.get("Signature", "").encode("utf-8", "replace")
    if not hmac.compare_digest(base64.b64encode(signed), given):
        text = (
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method."
        )
        raise ApiError("SignatureDoesNotMatch", text, status=403)
    if now_seconds > int(expires):
        raise ApiError("AccessDenied", "Request has expired", status=403)


def _string_to_sign(request: HttpRequest, expires: str, bucket_of_host: str | None) -> str:
    headers = request.headers
    amazon = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers) if name.startswith("x-amz-"))
    resource = f"/{bucket_of_host}{request.raw_path}" if bucket_of_host else request.raw_path
    signed = sorted((name, value) for name, value in request.query if name in _SUBRESOURCES)
    if signed:
        resource += "?" + "&".join(f"{name}={value}" if value else name for name, value in signed)
    first = (request.method, headers.get("content-md5", ""), headers.get("content-type", ""), expires)
    return "\n".join(first) + "\n" + amazon + resource
