"""DESCRIBE FORMATTED: a table's whole record, in the lines that Hive gives."""

from __future__ import annotations

import time

from steppe.sql.catalog import Document

_WIDTH = 20
_BLANK = "\t \t "


def formatted_description(document: Document) -> tuple[str, ...]:
    """The rows of DESCRIBE FORMATTED."""
    descriptor = document.get("StorageDescriptor") or {}
    serde = descriptor.get("SerdeInfo") or {}
    keys = document.get("PartitionKeys") or []
    lines = [_row("# col_name", "data_type", "comment"), _BLANK, *map(_column, descriptor.get("Columns") or [])]
    if keys:
        heading = _row("# col_name", "data_type", "comment")
        lines += [_BLANK, "# Partition Information\t \t ", heading, _BLANK, *map(_column, keys)]
    created = time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime((document.get("CreateTime") or 0) / 1000))
    lines += [
        _BLANK,
        "# Detailed Table Information\t \t ",
        _pair("Database:", document["DatabaseName"]),
        _pair("Owner:", document.get("Owner") or "hadoop"),
        _pair("CreateTime:", created),
        _pair("LastAccessTime:", "UNKNOWN"),
        _pair("Protect Mode:", "None"),
        _pair("Retention:", str(document.get("Retention") or 0)),
        _pair("Location:", descriptor.get("Location") or ""),
        _pair("Table Type:", document.get("TableType") or ""),
        "Table Parameters:\t \t ",
        *_properties(document.get("Parameters") or {}),
        _BLANK,
        "# Storage Information\t \t ",
        _pair("SerDe Library:", serde.get("SerializationLibrary") or ""),
        _pair("InputFormat:", descriptor.get("InputFormat") or ""),
        _pair("OutputFormat:", descriptor.get("OutputFormat") or ""),
        _pair("Compressed:", "Yes" if descriptor.get("Compressed") else "No"),
        _pair("Num Buckets:", str(descriptor.get("NumberOfBuckets", -1))),
        _pair("Bucket Columns:", str(descriptor.get("BucketColumns") or [])),
        _pair("Sort Columns:", str(descriptor.get("SortColumns") or [])),
        "Storage Desc Params:\t \t ",
        *_properties(serde.get("Parameters") or {}),
    ]
    return tuple(lines)


def _row(*cells: str) -> str:
    return "\t".join(cell.ljust(_WIDTH) for cell in cells)


def _column(column: Document) -> str:
    return _row(column["Name"], column.get("Type") or "", (column.get("Comment") or "").split("\t")[0])


def _pair(label: str, value: str) -> str:
    return f"{label.ljust(_WIDTH)}\t{value.ljust(_WIDTH)}\t "


def _properties(held: Document) -> list[str]:
    return [f"\t{key.ljust(_WIDTH)}\t{str(value).ljust(_WIDTH)}" for key, value in sorted(held.items())]
