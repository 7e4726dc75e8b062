"""Which reader a Map Run needs: from the command's items or reader to an opened source, and again from a description.

What is not a file of items (the state's own items, a listing) is first spooled: written as JSON Lines to an object of
ours, whole or not at all. Then it is a source like any other, with byte ranges that can be read again and again. What
names files (manifests, a listing to be loaded and flattened) becomes a list of them, kept likewise (`maprun.files`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from steppe.base import jsonvalue
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.interp.command import StartMapRun
from steppe.maprun.compressed import CompressedObject, codec_of
from steppe.maprun.files import FileEntry, FileList, FilesSource, keep_list
from steppe.maprun.item_source import ItemSource, SourceBytes, SourceObject, pin, pinned, reader_failed
from steppe.maprun.manifests import read_athena_manifest, read_inventory
from steppe.maprun.readers.csv_file import open_csv, reopen_csv
from steppe.maprun.readers.json_array import open_json, reopen_json
from steppe.maprun.readers.json_lines import JsonLinesSource, open_json_lines, reopen_json_lines
from steppe.maprun.readers.object_list import list_files, list_items
from steppe.maprun.readers.parquet_file import open_parquet, reopen_parquet
from steppe.objects.object_store import ObjectStore

INTERNAL_BUCKET: Final = "steppe-internal"
"""Where Map Runs keep what is theirs, in the internal store."""

STATE_DATA: Final = "STATE_DATA"
"""`$$.Map.Item.Source` of items that come from the state's input."""

_SPOOL_BYTES = 256 * 1024

_SOURCES_KEPT: Final = 8
"""Sources with a state worth keeping that a process keeps between shards."""

_PINNING_THREADS: Final = 16
"""Files of a manifest that are looked up at once: on a remote store each takes a round trip."""

_OPEN: Final[dict[str, Callable[[SourceBytes, JsonValue], ItemSource]]] = {
    "CSV": open_csv,
    "JSON": open_json,
    "JSONL": open_json_lines,
}

_REOPEN: Final[dict[str, Callable[[SourceBytes, JsonValue], ItemSource]]] = {
    "csv": reopen_csv,
    "json": reopen_json,
    "json_lines": reopen_json_lines,
}


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are.

    Attributes:
        objects: the users' buckets.
        internal: where Map Runs keep what is theirs (segments, spools, plans), and in which bucket.
        account: whose buckets they are, for ExpectedBucketOwner.
        opened: sources that this process keeps between shards, by description: those that know more than it says.
    """

    objects: ObjectStore
    internal: ObjectStore
    bucket: str = INTERNAL_BUCKET
    account: str = "000000000000"
    opened: dict[bytes, ItemSource] = field(default_factory=dict, compare=False, repr=False)


def open_source(command: StartMapRun, *, places: Places, spool_key: str) -> ItemSource:
    """Open what a Map Run reads. Reads no more than has to be known at once; spools what has to be.

    Args:
        command: the Map Run's start.
        places: the stores.
        spool_key: where to spool, in the internal bucket; other things that are kept get longer keys.

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
        bucket, prefix = given["Bucket"], given.get("Prefix", "")
        if config.get("Transformation") == "LOAD_AND_FLATTEN":
            del config["Transformation"]
            return _open_files(places, spool_key, config, list_files(places.objects, bucket, prefix=prefix))
        items = list_items(places.objects, bucket, prefix=prefix, config=config, items_max=max_items)
        return _spool(items, places, spool_key, uri=f"s3://{bucket}")
    if reader.get("Resource") != "s3:getObject":
        raise reader_failed(f"The resource {reader.get('Resource')} of ItemReader is not supported.")
    given = _parameters(parameters, {"Bucket": str, "Key": str}, places.account)
    source = pin(places.objects, given["Bucket"], given["Key"])
    input_type, manifest_type = config.get("InputType"), config.pop("ManifestType", None)
    if manifest_type == "S3_INVENTORY" or (manifest_type is None and input_type == "MANIFEST"):
        return _open_inventory(source, places, spool_key)
    if manifest_type == "ATHENA_DATA":
        files = _pin_all(places.objects, read_athena_manifest(source))
        return _open_files(places, spool_key, config, files)
    if input_type == "PARQUET" and "VersionId" in given:
        raise reader_failed("VersionId is not supported for Parquet files.")
    return _open_file(source, config, places, f"{spool_key}.blocks/")


def reopen_source(description: JsonValue, places: Places) -> ItemSource:
    """The source that a description is of."""
    if description["kind"] in _REOPEN and "codec" not in description["object"]:
        internal = description.get("spooled", False)
        bytes_ = pinned(places.internal if internal else places.objects, description["object"])
        return _REOPEN[description["kind"]](bytes_, description)
    name = jsonvalue.dumpb(description)
    source = places.opened.get(name)
    if source is None:
        source = _reopen(description, places)
        while len(places.opened) >= _SOURCES_KEPT:
            places.opened.pop(next(iter(places.opened), b""), None)
        places.opened[name] = source
    return source


def _reopen(description: JsonValue, places: Places) -> ItemSource:
    if description["kind"] == "files":
        return _files_source(description, places)
    place = description["object"]
    source = pinned(places.objects, place)
    if description["kind"] == "parquet":
        return reopen_parquet(source, description)
    expanded = CompressedObject(source, place["codec"], places.internal, places.bucket, place["blocks"])
    return _REOPEN[description["kind"]](expanded, description)


def _open_file(source: SourceObject, config: JsonValue, places: Places, blocks: str) -> ItemSource:
    """Open one data file. `blocks` is where a compressed one is kept."""
    input_type = config.get("InputType", "")
    if input_type == "PARQUET":
        # Compressed inside: such files are written with names that end with ".gz".
        return open_parquet(source, config)
    opener = _OPEN.get(input_type)
    if opener is None:
        raise reader_failed(f"InputType {input_type} is not supported for a data file.")
    codec = codec_of(source.key)
    if codec is None:
        return opener(source, config)
    return opener(CompressedObject(source, codec, places.internal, places.bucket, blocks), config)


def _open_inventory(source: SourceObject, places: Places, spool_key: str) -> ItemSource:
    inventory = read_inventory(source)
    config = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": inventory.columns}
    files = _pin_all(places.objects, ((inventory.bucket, key) for key in inventory.keys))
    return _open_files(places, spool_key, config, files)


def _open_files(places: Places, spool_key: str, config: JsonValue, files: Iterable[FileEntry]) -> ItemSource:
    """Keep the list of the files; the source over all of them."""
    prefix = f"{spool_key}.files/"
    kept = keep_list(places.internal, places.bucket, prefix, files)
    description = {"kind": "files", "prefix": prefix, "count": kept.count, "config": config}
    source = _files_source(description, places)
    if kept.count == 0 and config.get("InputType") not in (*_OPEN, "PARQUET"):
        raise reader_failed(f"InputType {config.get('InputType')} is not supported for a data file.")
    return source


def _files_source(description: JsonValue, places: Places) -> FilesSource:
    prefix = description["prefix"]
    files = FileList(places.internal, places.bucket, prefix, description["count"])

    def open_file(number: int, entry: FileEntry) -> ItemSource:
        bucket, key, etag, size_bytes = entry
        source = SourceObject(places.objects, bucket, key, etag, size_bytes, f"s3://{bucket}/{key}")
        return _open_file(source, description["config"], places, f"{prefix}{number}.blocks/")

    return FilesSource(files, open_file, description)


def _pin_all(store: ObjectStore, places: Iterable[tuple[str, str]]) -> Iterator[FileEntry]:
    """The entries of the files of a manifest, in its order."""
    left = iter(places)
    with ThreadPoolExecutor(_PINNING_THREADS, thread_name_prefix="pin-files") as threads:
        while some := list(islice(left, 100 * _PINNING_THREADS)):
            for source in threads.map(lambda place: pin(store, *place), some):
                yield source.bucket, source.key, source.etag, source.size_bytes


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
        if name not in names and name != "ExpectedBucketOwner" and not (name == "VersionId" and "Key" in names):
            raise reader_failed(f"The parameter {name} of ItemReader is not supported.")
        if not isinstance(value, str):
            raise reader_failed(f"The parameter {name} of ItemReader must be a string.")
    for name in names:
        if name != "Prefix" and not parameters.get(name):
            raise reader_failed(f"The parameter {name} of ItemReader is missing.")
    if parameters.get("ExpectedBucketOwner", account) != account:
        raise reader_failed("Access Denied (Service: S3, Status Code: 403, Error: AccessDenied)")
    # Buckets here keep no versions: an object has the one that S3 calls "null" in such buckets.
    if parameters.get("VersionId", "null") != "null":
        raise reader_failed("Invalid version id specified (Service: S3, Status Code: 400, Error: InvalidArgument)")
    return dict(parameters)
