"""Views as the catalog keeps them: Presto's form, which other tools write and read. Source: athena.md, section 5."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence

from steppe.base.jsonvalue import JsonError, dumpb, loads
from steppe.sql.catalog import CATALOG_NAME, Document
from steppe.sql.errors import QueryError
from steppe.sql.types import Type, hive

_TEXT = re.compile(r"\s*/\*\s*Presto View:\s*([A-Za-z0-9+/=\s]+?)\s*\*/\s*")

_WITHOUT_HIVE_TYPE = ("time", "time with time zone", "timestamp with time zone", "json", "uuid", "ipaddress", "unknown",
                      "interval day to second", "interval year to month")  # fmt: skip


def is_view(document: Document) -> bool:
    """Whether a table's record is a view's."""
    return document.get("TableType") == "VIRTUAL_VIEW"


def view_document(database: str, name: str, query: str, columns: Sequence[tuple[str, Type]], now_ms: int) -> Document:
    """The record of a view.

    Args:
        database: where it is, and where the query's plain names are looked up.
        name: its name.
        query: the text after AS.
        columns: of its result.
        now_ms: epoch milliseconds.
    """
    definition = {
        "originalSql": query,
        "catalog": CATALOG_NAME,
        "schema": database,
        "columns": [{"name": label, "type": str(kind)} for label, kind in columns],
    }
    encoded = base64.b64encode(dumpb(definition)).decode("ascii")
    return {
        "DatabaseName": database,
        "Name": name,
        "CreateTime": now_ms,
        "UpdateTime": now_ms,
        "TableType": "VIRTUAL_VIEW",
        "Retention": 0,
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */",
        "StorageDescriptor": {
            "Columns": [{"Name": label, "Type": _hive(kind)} for label, kind in columns],
            "Location": "",
            "SerdeInfo": {},
        },
    }


def view_definition(document: Document) -> Document:
    """originalSql, schema, columns of a view's record.

    Raises:
        QueryError: INVALID_VIEW, the record has another form.
    """
    match = _TEXT.fullmatch(document.get("ViewOriginalText") or "")
    place = f"{document['DatabaseName']}.{document['Name']}"
    try:
        definition = loads(base64.b64decode(match.group(1))) if match else None
    except (binascii.Error, JsonError, ValueError):
        definition = None
    if not isinstance(definition, dict) or not isinstance(definition.get("originalSql"), str):
        raise QueryError("INVALID_VIEW", f"View data of {place} is not in Presto's form")
    return definition


def _hive(kind: Type) -> str:
    """Hive's name of a column's type; what Hive has no type for is a text there, as the definition says what it is."""
    return "string" if kind.name in _WITHOUT_HIVE_TYPE else hive(kind)
