"""The table of S3 operations. What is not in it is refused by the app as NotImplemented, by name."""

from __future__ import annotations

from steppe.objects.object_store import ObjectStore
from steppe.services.s3.buckets import Buckets
from steppe.services.s3.listings import Listings
from steppe.services.s3.multipart import Multipart
from steppe.services.s3.objects import Objects
from steppe.services.s3.terms import Terms
from steppe.wire.request import Operation, Operations, Request


def operations(store: ObjectStore, *, region: str, account: str = "000000000000") -> Operations:
    """S3's operations on a store.

    Args:
        store: where buckets and objects are.
        region: where buckets say they are.
        account: who owns them; ExpectedBucketOwner is held against it.
    """
    buckets, objects = Buckets(store, region, account), Objects(store)
    listings, multipart = Listings(store, account), Multipart(store)
    terms = Terms(account)
    table: dict[str, Operation] = {
        "CreateBucket": buckets.create_bucket,
        "DeleteBucket": buckets.delete_bucket,
        "HeadBucket": buckets.head_bucket,
        "ListBuckets": buckets.list_buckets,
        "GetBucketLocation": buckets.get_bucket_location,
        "GetBucketAcl": buckets.get_acl,
        "PutObject": objects.put_object,
        "GetObject": objects.get_object,
        "HeadObject": objects.head_object,
        "CopyObject": objects.copy_object,
        "DeleteObject": objects.delete_object,
        "DeleteObjects": objects.delete_objects,
        "GetObjectAttributes": objects.get_object_attributes,
        "GetObjectAcl": buckets.get_acl,
        "ListObjects": listings.list_objects,
        "ListObjectsV2": listings.list_objects_v2,
        "ListObjectVersions": listings.list_object_versions,
        "CreateMultipartUpload": multipart.create_multipart_upload,
        "UploadPart": multipart.upload_part,
        "UploadPartCopy": multipart.upload_part_copy,
        "CompleteMultipartUpload": multipart.complete_multipart_upload,
        "AbortMultipartUpload": multipart.abort_multipart_upload,
        "ListParts": multipart.list_parts,
        "ListMultipartUploads": multipart.list_multipart_uploads,
    }
    table |= {name: buckets.unset(name) for name in buckets.UNSET}
    return {name: _on_terms(terms, operation) for name, operation in table.items()}


def _on_terms(terms: Terms, operation: Operation) -> Operation:
    """The operation, after what its input asks for was checked to be possible at all."""

    async def checked(request: Request) -> dict[str, object]:
        terms.check(request)
        return await operation(request)

    return checked
