"""Which reader a Map Run needs: from the command's items or reader to an opened source, and again from a description.

What is not a file of items (the state's own items, a listing) is first spooled: written as JSON Lines to an object of
ours, whole or not at all. Then it is a source like any other, with byte ranges that can be read again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from steppe.base import jsonvalue
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.interp.command import StartMapRun
from steppe.maprun.item_source import ItemSource, SourceObject, pin, reader_failed
from steppe.maprun.readers.csv_file import open_csv, reopen_csv
from steppe.maprun.readers.json_array import open_json, reopen_json
from steppe.maprun.readers.json_lines import JsonLinesSource, open_json_lines, reopen_json_lines
from steppe.maprun.readers.object_list import list_items
from steppe.objects.object_store import ObjectStore

INTERNAL_BUCKET: Final = "steppe-internal"
"""Where Map Runs keep what is theirs, in the internal store."""

STATE_DATA: Final = "STATE_DATA"
"""`$$.Map.Item.Source` of items that come from the state's input."""

_SPOOL_BYTES = 256 * 1024

_OPEN: Final[dict[str, Callable[[SourceObject, JsonValue], ItemSource]]] = {
    "CSV": open_csv,
    "JSON": open_json,
    "JSONL": open_json_lines,
}

_REOPEN: Final[dict[str, Callable[[ObjectStore, JsonValue], ItemSource]]] = {
    "csv": reopen_csv,
    "json": reopen_json,
    "json_lines": reopen_json_lines,
}

_COMPRESSED: Final = (".gz", ".gzip", ".zst", ".zstd")


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are.

    Attributes:
        objects: the users' buckets.
        internal: where Map Runs keep what is theirs (segments, spools, plans), and in which bucket.
        account: whose buckets they are, for ExpectedBucketOwner.
    """

    objects: ObjectStore
    internal: ObjectStore
    bucket: str = INTERNAL_BUCKET
    account: str = "000000000000"


def open_source(command: StartMapRun, *, places: Places, spool_key: str) -> ItemSource:
    """Open what a Map Run reads. Reads no more than has to be known at once; spools what has to be.

    Args:
        command: the Map Run's start.
        places: the stores.
        spool_key: where to spool, in the internal bucket.

    Raises:
        Fault: States.ItemReaderFailed.
    """
    if command.reader is None:
        return _spool_items(command.items, places, spool_key)
    reader = command.reader
    config = dict(reader.get("ReaderConfig") or {})
    parameters = reader.get("Parameters")
    max_items = reader.get("MaxItems") or 0
    if max_items < 0:
        raise reader_failed("field MaxItems must be positive")
    if reader.get("Resource") == "s3:listObjectsV2":
        given = _parameters(parameters, {"Bucket": str, "Prefix": str}, places.account)
        items = list_items(
            places.objects, given["Bucket"], prefix=given.get("Prefix", ""), config=config, items_max=max_items
        )
        return _spool(items, places, spool_key, uri=f"s3://{given['Bucket']}")
    if reader.get("Resource") != "s3:getObject":
        raise reader_failed(f"The resource {reader.get('Resource')} of ItemReader is not supported.")
    given = _parameters(parameters, {"Bucket": str, "Key": str}, places.account)
    opener = _OPEN.get(config.get("InputType", ""))
    if opener is None:
        raise reader_failed(f"InputType {config.get('InputType')} is not supported by steppe yet.")
    if given["Key"].lower().endswith(_COMPRESSED):
        raise reader_failed("Compressed files are not supported by steppe yet.")
    return opener(pin(places.objects, given["Bucket"], given["Key"]), config)


def reopen_source(description: JsonValue, places: Places) -> ItemSource:
    """The source that a description is of."""
    internal = description["object"]["bucket"] == places.bucket and description.get("spooled", False)
    return _REOPEN[description["kind"]](places.internal if internal else places.objects, description)


def _spool_items(items: JsonValue, places: Places, key: str) -> ItemSource:
    """Spool an array, or the members of an object as pairs."""
    if isinstance(items, dict):
        return _spool(([name, value] for name, value in items.items()), places, key, uri=STATE_DATA, keyed=True)
    return _spool(items or [], places, key, uri=STATE_DATA)


def _spool(items: Iterable[JsonValue], places: Places, key: str, *, uri: str, keyed: bool = False) -> _SpooledSource:
    """Write the items down, unless an earlier attempt has: an object is put whole, so when it is there it is all."""
    try:
        places.internal.head(places.bucket, key)
    except ApiError as error:
        if error.code not in ("NoSuchKey", "NotFound", "404"):
            raise
        places.internal.put(places.bucket, key, _pieces(items))
    return _SpooledSource(replace(pin(places.internal, places.bucket, key), uri=uri), keyed=keyed)


class _SpooledSource(JsonLinesSource):
    """JSON Lines in the internal bucket: the description says so."""

    @property
    def description(self) -> JsonValue:
        """See `ItemSource`."""
        return {**super().description, "spooled": True}


def _pieces(items: Iterable[JsonValue]) -> Iterator[bytes]:
    """JSON Lines in pieces of a size worth writing."""
    lines = (jsonvalue.dumpb(item) for item in items)
    piece: list[bytes] = []
    size = 0
    while some := list(islice(lines, 100)):
        piece += some
        size += sum(map(len, some))
        if size >= _SPOOL_BYTES:
            yield b"\n".join(piece) + b"\n"
            piece, size = [], 0
    if piece:
        yield b"\n".join(piece) + b"\n"


def _parameters(parameters: JsonValue, names: dict[str, type], account: str) -> dict[str, JsonValue]:
    """The reader's request to S3: known members, of their types, Bucket and Key present."""
    if not isinstance(parameters, dict):
        raise reader_failed("The parameters of ItemReader must be an object.")
    for name, value in parameters.items():
        if name == "VersionId":
            raise reader_failed("VersionId of s3:getObject is not supported by steppe yet.")
        if name != "ExpectedBucketOwner" and name not in names:
            raise reader_failed(f"The parameter {name} of ItemReader is not supported.")
        if not isinstance(value, str):
            raise reader_failed(f"The parameter {name} of ItemReader must be a string.")
    for name in names:
        if name != "Prefix" and not parameters.get(name):
            raise reader_failed(f"The parameter {name} of ItemReader is missing.")
    if parameters.get("ExpectedBucketOwner", account) != account:
        raise reader_failed("Access Denied (Service: S3, Status Code: 403, Error: AccessDenied)")
    return dict(parameters)
