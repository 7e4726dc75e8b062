"""The objects under a prefix, one item an object, as Step Functions shows what ListObjectsV2 answers.

A listing changes while it is read, so the coordinator writes it down once (`list_items` into a spool of JSON Lines).
Everything after that reads the spool: each object is one item, exactly once, also when the run goes on after a crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from steppe.base.jsonvalue import JsonValue
from steppe.maprun.item_source import described, guard, reader_failed
from steppe.objects.object_store import ObjectStore, ObjectSummary


def list_items(
    store: ObjectStore, bucket: str, *, prefix: str, config: Mapping[str, JsonValue], items_max: int
) -> Iterator[JsonValue]:
    """Items of the objects in key order.

    Args:
        store: where the bucket is.
        bucket: its name.
        prefix: which keys; "" for all.
        config: ReaderConfig; only `Transformation: NONE` says something that is done here.
        items_max: stop after so many; 0 for no limit.

    Raises:
        Fault: the bucket does not exist, or the configuration asks for what is not supported.
    """
    transformation = described(config, {"Transformation": str}).get("Transformation", "NONE")
    if transformation != "NONE":
        raise reader_failed(f"Transformation {transformation} of s3:listObjectsV2 is not supported.")
    for found in islice(_objects(store, bucket, prefix), items_max or None):
        yield _item(found)


def list_files(store: ObjectStore, bucket: str, *, prefix: str) -> Iterator[tuple[str, str, str, int]]:
    """Bucket, key, ETag and bytes of the objects in key order, to be loaded: without those that only mark a folder.

    Raises:
        Fault: the bucket does not exist.
    """
    for found in _objects(store, bucket, prefix):
        if found.size_bytes or not found.key.endswith("/"):
            yield bucket, found.key, found.etag, found.size_bytes


def _objects(store: ObjectStore, bucket: str, prefix: str) -> Iterator[ObjectSummary]:
    after: str | None = ""
    while after is not None:
        with guard():
            listing = store.list_objects(bucket, prefix=prefix, start_after=after)
        yield from listing.objects
        after = listing.next_after


def _item(found: ObjectSummary) -> JsonValue:
    """An item as recorded in September 2026: `Etag` so spelled and with quotes inside, seconds as a float."""
    return {
        "Etag": f'"{found.etag}"',
        "Key": found.key,
        "LastModified": float(found.modified_ms // 1000),
        "Size": found.size_bytes,
        "StorageClass": "STANDARD",
    }
