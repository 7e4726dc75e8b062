"""What a request may ask for: features that S3 has and steppe has not are refused by name, never ignored."""

from __future__ import annotations

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.wire.request import Request

_REFUSED = frozenset(
    {
        "BypassGovernanceRetention",
        "CopySourceSSECustomerAlgorithm",
        "CopySourceSSECustomerKey",
        "CopySourceSSECustomerKeyMD5",
        "GrantFullControl",
        "GrantRead",
        "GrantReadACP",
        "GrantWrite",
        "GrantWriteACP",
        "IfMatchInitiatedTime",
        "IfMatchLastModifiedTime",
        "IfMatchSize",
        "MFA",
        "ObjectLockLegalHoldStatus",
        "ObjectLockMode",
        "ObjectLockRetainUntilDate",
        "ObjectOwnership",
        "SSECustomerAlgorithm",
        "SSECustomerKey",
        "SSECustomerKeyMD5",
        "SSEKMSEncryptionContext",
        "SSEKMSKeyId",
        "Tagging",
        "WebsiteRedirectLocation",
        "WriteOffsetBytes",
    }
)
"""Input members that mean a feature which is not there."""

_TAKEN: dict[str, frozenset[JsonValue]] = {
    "ACL": frozenset({"private", "bucket-owner-full-control"}),
    "BucketKeyEnabled": frozenset({False}),
    "ObjectLockEnabledForBucket": frozenset({False}),
    "ServerSideEncryption": frozenset({"AES256"}),
    "StorageClass": frozenset({"STANDARD"}),
    "TaggingDirective": frozenset({"COPY"}),
    "VersionId": frozenset({"null"}),
}
"""Input members of which only these values change nothing; all others are refused."""

_OWNERS = ("ExpectedBucketOwner", "ExpectedSourceBucketOwner")


class Terms:
    """Checks inputs before any operation sees them."""

    __slots__ = ("_account",)

    def __init__(self, account: str) -> None:
        self._account = account

    def check(self, request: Request) -> None:
        """Refuse what cannot be done.

        Raises:
            ApiError: NotImplemented, naming the member; AccessDenied for another expected owner.
        """
        members = request.input
        for name in members.keys() & _REFUSED:
            raise not_implemented(name, members[name])
        for name in members.keys() & _TAKEN.keys():
            value = members[name]
            if value is not None and (not isinstance(value, str | bool) or value not in _TAKEN[name]):
                if name == "VersionId":
                    raise ApiError(
                        "InvalidArgument", "Invalid version id specified", fields={"ArgumentName": "versionId"}
                    )
                raise not_implemented(name, value)
        for name in _OWNERS:
            if members.get(name) not in (None, self._account):
                raise ApiError("AccessDenied", "Access Denied", status=403)


def not_implemented(name: str, value: JsonValue) -> ApiError:
    """The refusal of one input member."""
    text = f"A header you provided implies functionality that is not implemented: {name}={str(value)[:100]}"
    return ApiError("NotImplemented", text, status=501, fields={"Header": name})
