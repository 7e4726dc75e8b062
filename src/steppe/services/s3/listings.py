"""Listings: ListObjects, ListObjectsV2, and versions (of which every object has one, called "null")."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from urllib.parse import quote

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.objects.object_store import Listing, ObjectStore, ObjectSummary
from steppe.services.s3.bodies import in_thread
from steppe.services.s3.descriptions import quoted
from steppe.wire.request import Request

PAGE_KEYS_MAX = 1000

Encoder = Callable[[str], str]


class Listings:
    """Operations that list keys."""

    def __init__(self, store: ObjectStore, account: str) -> None:
        self._store = store
        self._account = account

    async def list_objects(self, request: Request) -> dict[str, JsonValue]:
        """A page of keys; the next one begins after its last key, or after NextMarker with a delimiter."""
        members = request.input
        encode = _encoder(members)
        marker = members.get("Marker") or ""
        listing, limit = await self._page(members, marker)
        output = self._output(members, listing, limit, encode)
        output["Marker"] = encode(marker)
        output["Contents"] = [self._entry(one, encode, with_owner=True) for one in listing.objects]
        if listing.next_after is not None and members.get("Delimiter"):
            output["NextMarker"] = encode(listing.next_after)
        return output

    async def list_objects_v2(self, request: Request) -> dict[str, JsonValue]:
        """A page of keys; the next one is asked for with NextContinuationToken."""
        members = request.input
        encode = _encoder(members)
        token = members.get("ContinuationToken")
        after = members.get("StartAfter") or "" if token is None else _read_token(token)
        listing, limit = await self._page(members, after)
        output = self._output(members, listing, limit, encode)
        with_owner = bool(members.get("FetchOwner"))
        output["Contents"] = [self._entry(one, encode, with_owner=with_owner) for one in listing.objects]
        output["KeyCount"] = len(listing.objects) + len(listing.prefixes)
        output["ContinuationToken"] = token
        if members.get("StartAfter"):
            output["StartAfter"] = encode(members["StartAfter"])
        if listing.next_after is not None:
            output["NextContinuationToken"] = _token(listing.next_after)
        return output

    async def list_object_versions(self, request: Request) -> dict[str, JsonValue]:
        """A page of objects, each with its only version."""
        members = request.input
        encode = _encoder(members)
        marker = members.get("KeyMarker") or ""
        listing, limit = await self._page(members, marker)
        output = self._output(members, listing, limit, encode)
        output["KeyMarker"] = encode(marker)
        output["VersionIdMarker"] = members.get("VersionIdMarker") or ""
        output["Versions"] = [
            {**self._entry(one, encode, with_owner=True), "VersionId": "null", "IsLatest": True}
            for one in listing.objects
        ]
        if listing.next_after is not None:
            output["NextKeyMarker"] = encode(listing.next_after)
            output["NextVersionIdMarker"] = "null"
        return output

    async def _page(self, members: dict[str, JsonValue], after: str) -> tuple[Listing, int]:
        """A page of the store's keys, and how many were asked for. Reading a folder may take long: in a thread."""
        limit = members.get("MaxKeys", PAGE_KEYS_MAX)
        if limit < 0:
            fields = {"ArgumentName": "max-keys", "ArgumentValue": limit}
            raise ApiError(
                "InvalidArgument", "Argument maxKeys must be an integer between 0 and 2147483647", fields=fields
            )
        limit = min(limit, PAGE_KEYS_MAX)
        listing = await in_thread(
            self._store.list_objects,
            members["Bucket"],
            prefix=members.get("Prefix") or "",
            delimiter=members.get("Delimiter") or "",
            start_after=after,
            limit=limit,
        )
        return listing, limit

    def _output(
        self, members: dict[str, JsonValue], listing: Listing, limit: int, encode: Encoder
    ) -> dict[str, JsonValue]:
        """What all listings say."""
        return {
            "Name": members["Bucket"],
            "Prefix": encode(members.get("Prefix") or ""),
            "Delimiter": encode(members["Delimiter"]) if members.get("Delimiter") else None,
            "MaxKeys": limit,
            "EncodingType": members.get("EncodingType"),
            "IsTruncated": listing.next_after is not None,
            "CommonPrefixes": [{"Prefix": encode(prefix)} for prefix in listing.prefixes],
        }

    def _entry(self, summary: ObjectSummary, encode: Encoder, *, with_owner: bool) -> dict[str, JsonValue]:
        entry = {
            "Key": encode(summary.key),
            "LastModified": summary.modified_ms // 1000 * 1000,
            "ETag": quoted(summary.etag),
            "Size": summary.size_bytes,
            "StorageClass": "STANDARD",
        }
        if with_owner:
            entry["Owner"] = {"ID": self._account}
        return entry


def encoded(text: str) -> str:
    """A key as `encoding-type=url` shows it."""
    return quote(text, safe="/*", errors="surrogatepass")


def _encoder(members: dict[str, JsonValue]) -> Encoder:
    kind = members.get("EncodingType")
    if kind is None:
        return str
    if kind != "url":
        fields = {"ArgumentName": "encoding-type", "ArgumentValue": kind}
        raise ApiError("InvalidArgument", "Invalid Encoding Method specified in Request", fields=fields)
    return encoded


def _token(after: str) -> str:
    return base64.urlsafe_b64encode(b"1" + after.encode("utf-8", "surrogatepass")).decode("ascii")


def _read_token(token: str) -> str:
    try:
        text = base64.urlsafe_b64decode(token.encode("ascii")).decode("utf-8", "surrogatepass")
    except (ValueError, binascii.Error):
        text = ""
    if not text.startswith("1"):
        fields = {"ArgumentName": "continuation-token", "ArgumentValue": token[:200]}
        raise ApiError("InvalidArgument", "The continuation token provided is incorrect", fields=fields)
    return text[1:]
