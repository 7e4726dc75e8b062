"""Buckets: made, found, listed, removed; and what S3 says of a bucket on which nothing was configured."""

from __future__ import annotations

import base64
import binascii
from typing import ClassVar

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.objects.object_store import ObjectStore
from steppe.wire.request import Operation, Request

BUCKETS_PAGE_MAX = 10_000
_FIRST_REGION = "us-east-1"


class Buckets:
    """Operations on buckets.

    Attributes:
        UNSET: by operation, what S3 answers when nothing was configured: an output, or an error's code and text.
    """

    UNSET: ClassVar[dict[str, dict[str, JsonValue] | tuple[str, str]]] = {
        "GetBucketVersioning": {},
        "GetBucketLogging": {},
        "GetBucketNotificationConfiguration": {},
        "GetBucketAccelerateConfiguration": {},
        "GetBucketRequestPayment": {"Payer": "BucketOwner"},
        "GetObjectTagging": {"TagSet": []},
        "GetBucketTagging": ("NoSuchTagSet", "The TagSet does not exist"),
        "GetBucketPolicy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
        "GetBucketCors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
        "GetBucketWebsite": (
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
        ),
        "GetBucketLifecycleConfiguration": (
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
        ),
        "GetBucketReplication": (
            "ReplicationConfigurationNotFoundError",
            "The replication configuration was not found",
        ),
        "GetObjectLockConfiguration": (
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
        ),
        "GetPublicAccessBlock": (
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
    }

    def __init__(self, store: ObjectStore, region: str, account: str) -> None:
        self._store = store
        self._region = region
        self._account = account

    async def create_bucket(self, request: Request) -> dict[str, JsonValue]:
        """Make a bucket. In us-east-1 S3 lets its owner make it again; elsewhere that is an error."""
        bucket = request.input["Bucket"]
        configuration = request.input.get("CreateBucketConfiguration") or {}
        wanted = configuration.get("LocationConstraint")
        if wanted not in (None, "", self._region):
            text = f"The {wanted} location constraint is incompatible: this server's region is {self._region}."
            raise ApiError("IllegalLocationConstraintException", text)
        for name in ("Location", "Bucket", "Tags"):
            if configuration.get(name):
                text = f"CreateBucketConfiguration.{name} is not implemented"
                raise ApiError("NotImplemented", text, status=501)
        try:
            self._store.create_bucket(bucket)
        except ApiError as error:
            if error.code != "BucketAlreadyOwnedByYou" or self._region != _FIRST_REGION:
                raise
        first = self._region == _FIRST_REGION
        location = f"/{bucket}" if first else f"http://{bucket}.s3.amazonaws.com/"
        return {"Location": location, "BucketArn": f"arn:aws:s3:::{bucket}"}

    async def delete_bucket(self, request: Request) -> dict[str, JsonValue]:
        """Remove an empty bucket."""
        self._store.delete_bucket(request.input["Bucket"])
        return {}

    async def head_bucket(self, request: Request) -> dict[str, JsonValue]:
        """Whether a bucket is there, and where."""
        bucket = self._store.head_bucket(request.input["Bucket"])
        return {
            "BucketArn": f"arn:aws:s3:::{bucket.name}",
            "BucketRegion": self._region,
            "AccessPointAlias": False,
        }

    async def list_buckets(self, request: Request) -> dict[str, JsonValue]:
        """All buckets, by name, a page at a time if asked."""
        members = request.input
        prefix = members.get("Prefix") or ""
        limit = members.get("MaxBuckets") or BUCKETS_PAGE_MAX
        if not 1 <= limit <= BUCKETS_PAGE_MAX:
            fields = {"ArgumentName": "max-buckets", "ArgumentValue": limit}
            raise ApiError("InvalidArgument", "max-buckets must be from 1 to 10000", fields=fields)
        after = _read_token(members.get("ContinuationToken"))
        found = [b for b in self._store.list_buckets() if b.name.startswith(prefix) and b.name > after]
        if members.get("BucketRegion") not in (None, self._region):
            found = []
        page = found[:limit]
        entries = [{"Name": b.name, "CreationDate": b.created_ms, "BucketRegion": self._region} for b in page]
        token = base64.urlsafe_b64encode(page[-1].name.encode()).decode() if len(found) > limit else None
        return {
            "Buckets": entries,
            "Owner": {"ID": self._account},
            "ContinuationToken": token,
            "Prefix": members.get("Prefix"),
        }

    async def get_bucket_location(self, request: Request) -> dict[str, JsonValue]:
        """Where a bucket is; S3 says nothing for us-east-1."""
        self._store.head_bucket(request.input["Bucket"])
        return {"LocationConstraint": None if self._region == _FIRST_REGION else self._region}

    async def get_acl(self, request: Request) -> dict[str, JsonValue]:
        """The access list that every bucket and object has: its owner may do everything."""
        if "Key" in request.input:
            self._store.head(request.input["Bucket"], request.input["Key"])
        else:
            self._store.head_bucket(request.input["Bucket"])
        owner = {"ID": self._account}
        return {
            "Owner": owner,
            "Grants": [{"Grantee": {"Type": "CanonicalUser", **owner}, "Permission": "FULL_CONTROL"}],
        }

    def unset(self, operation: str) -> Operation:
        """The operation that reads a configuration which cannot be made here, and so never was."""
        answer = self.UNSET[operation]

        async def read(request: Request) -> dict[str, JsonValue]:
            bucket = request.input["Bucket"]
            self._store.head_bucket(bucket)
            if "Key" in request.input:
                self._store.head(bucket, request.input["Key"])
            if isinstance(answer, tuple):
                raise ApiError(answer[0], answer[1], status=404, fields={"BucketName": bucket})
            return dict(answer)

        return read


def _read_token(token: str | None) -> str:
    if token is None:
        return ""
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (ValueError, binascii.Error):
        raise ApiError("InvalidArgument", "The continuation token provided is incorrect") from None
