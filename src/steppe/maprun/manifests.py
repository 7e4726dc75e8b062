"""Files that name files: S3 inventories, and what Athena writes beside the results of UNLOAD, CTAS and INSERT."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.maprun.item_source import SourceObject, reader_failed

_MANIFEST_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of an inventory's manifest.json: names of some 400,000 data files, more than any inventory has."""

_URI_BYTES_MAX: Final = 4096

_BUCKET_ARN: Final = re.compile(r"arn:[^:]+:s3:::([^/:]+)")


@dataclass(frozen=True, slots=True)
class Inventory:
    """What an inventory's manifest.json says: where its files are, their keys, and their columns."""

    bucket: str
    keys: list[str]
    columns: list[str]


def read_inventory(source: SourceObject) -> Inventory:
    """Read the manifest of an S3 inventory. Only the CSV format is known, as on AWS.

    Raises:
        Fault: it is none, or one of another format.
    """
    if source.size_bytes > _MANIFEST_BYTES_MAX:
        raise _no_inventory(source, f"it has more than {_MANIFEST_BYTES_MAX} bytes")
    try:
        manifest = jsonvalue.loads(b"".join(source.stream(0)))
    except jsonvalue.JsonError as error:
        raise _no_inventory(source, f"it is not JSON: {error}") from error
    if not isinstance(manifest, dict):
        raise _no_inventory(source, "it is not an object")
    file_format, schema, files = (manifest.get(name) for name in ("fileFormat", "fileSchema", "files"))
    if file_format != "CSV":
        raise reader_failed(
            f"The S3 inventory {source.uri} is in the format {str(file_format)[:20]}; only CSV is supported."
        )
    if not isinstance(schema, str) or not schema.strip() or not isinstance(files, list):
        raise _no_inventory(source, "fileSchema or files is missing")
    keys: JsonValue = [file.get("key") if isinstance(file, dict) else None for file in files]
    if not all(isinstance(key, str) and key for key in keys):
        raise _no_inventory(source, "a file has no key")
    return Inventory(
        _destination(source, manifest.get("destinationBucket")), keys, [name.strip() for name in schema.split(",")]
    )


def read_athena_manifest(source: SourceObject) -> Iterator[tuple[str, str]]:
    """Bucket and key of each line of a data manifest of Athena.

    Raises:
        Fault: a line is no address of an object.
    """
    rest = b""
    for chunk in source.stream(0):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield from _address(source, line)
        if len(rest) > _URI_BYTES_MAX:
            break
    yield from _address(source, rest)


def _address(source: SourceObject, line: bytes) -> Iterator[tuple[str, str]]:
    text = line.decode("utf-8", "replace").strip().strip('"')
    if not text:
        return
    scheme, _, place = text.partition("://")
    bucket, _, key = place.partition("/")
    if scheme != "s3" or not bucket or not key:
        raise reader_failed(f"The Athena manifest {source.uri} has a line that is no S3 address: {text[:200]}")
    yield bucket, key


def _destination(source: SourceObject, arn: JsonValue) -> str:
    """The bucket of `destinationBucket`, an ARN."""
    found = _BUCKET_ARN.fullmatch(arn) if isinstance(arn, str) else None
    if found is None:
        raise _no_inventory(source, "destinationBucket is missing")
    return found.group(1)


def _no_inventory(source: SourceObject, reason: str) -> Fault:
    return reader_failed(f"The object {source.uri} is not the manifest of an S3 inventory: {reason}.")
