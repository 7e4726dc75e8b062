"""The data catalog through Athena's API: AwsDataCatalog, its databases and tables."""

from __future__ import annotations

import re
import uuid

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.services.athena.refusals import count_of, invalid, text_of
from steppe.sql.catalog import name_pattern
from steppe.stores.catalog import CatalogStore, Document

_NAMES = ("awsdatacatalog", "hive")


class DataCatalogs:
    """Operations that read the catalog."""

    def __init__(self, catalog: CatalogStore, *, account: str) -> None:
        self._catalog = catalog
        self._account = account

    def get_data_catalog(self, members: Document) -> Document:
        """GetDataCatalog."""
        self._check(text_of(members, "Name", needed=True))
        return {"DataCatalog": {"Name": "AwsDataCatalog", "Type": "GLUE", "Parameters": {"catalog-id": self._account}}}

    def list_data_catalogs(self, members: Document) -> Document:
        """ListDataCatalogs."""
        return {"DataCatalogsSummary": [{"CatalogName": "AwsDataCatalog", "Type": "GLUE"}]}

    def list_databases(self, members: Document) -> Document:
        """ListDatabases, by name."""
        self._check(text_of(members, "CatalogName", needed=True))
        limit = count_of(members, default=50, most=50)
        found = self._catalog.databases(after=text_of(members, "NextToken") or "", limit=limit + 1)
        more = {"NextToken": found[limit - 1]["Name"]} if len(found) > limit else {}
        return {"DatabaseList": [_database(d) for d in found[:limit]], **more}

    def get_database(self, members: Document) -> Document:
        """GetDatabase."""
        self._check(text_of(members, "CatalogName", needed=True))
        return {"Database": _database(self._database(text_of(members, "DatabaseName", needed=True) or ""))}

    def list_table_metadata(self, members: Document) -> Document:
        """ListTableMetadata, by name, with a regular expression."""
        self._check(text_of(members, "CatalogName", needed=True))
        database = text_of(members, "DatabaseName", needed=True) or ""
        self._database(database)
        wanted = _expression(text_of(members, "Expression"))
        limit = count_of(members, default=50, most=50)
        found: list[Document] = []
        after = text_of(members, "NextToken") or ""
        while len(found) <= limit:
            page = self._catalog.tables(database, after=after, limit=200)
            if not page:
                break
            found += [d for d in page if wanted is None or wanted.fullmatch(d["Name"])]
            after = page[-1]["Name"]
        more = {"NextToken": found[limit - 1]["Name"]} if len(found) > limit else {}
        return {"TableMetadataList": [table_metadata(d) for d in found[:limit]], **more}

    def get_table_metadata(self, members: Document) -> Document:
        """GetTableMetadata."""
        self._check(text_of(members, "CatalogName", needed=True))
        database = text_of(members, "DatabaseName", needed=True) or ""
        document = self._catalog.table(database, text_of(members, "TableName", needed=True) or "")
        if document is None:
            raise _not_found("Entity Not Found")
        return {"TableMetadata": table_metadata(document)}

    def _check(self, name: str | None) -> None:
        if (name or "").lower() not in _NAMES:
            raise invalid(f"Data catalog {name} was not found")

    def _database(self, name: str) -> Document:
        document = self._catalog.database(name)
        if document is None:
            raise _not_found(f"Database {name} not found.")
        return document


def _not_found(said: str) -> ApiError:
    request = f"Request ID: {uuid.uuid4()}; Proxy: null"
    detail = f"(Service: AmazonDataCatalog; Status Code: 400; Error Code: EntityNotFoundException; {request})"
    return ApiError("MetadataException", f"{said} {detail}")


def _expression(said: str | None) -> re.Pattern[str] | None:
    try:
        return name_pattern(said)
    except (re.error, ValueError) as error:
        raise invalid(f"Expression is not a regular expression: {error}") from None


def _database(document: Document) -> Document:
    return {key: document[key] for key in ("Name", "Description", "Parameters") if document.get(key)}


def table_metadata(document: Document) -> Document:
    """A table's record as Athena shows it: flat parameters. Source: `observed-athena.md`, section 7.1."""
    descriptor: JsonValue = document.get("StorageDescriptor") or {}
    serde = descriptor.get("SerdeInfo") or {}
    parameters = dict(document.get("Parameters") or {})
    parameters |= {f"serde.param.{key}": value for key, value in (serde.get("Parameters") or {}).items()}
    named = {
        "inputformat": descriptor.get("InputFormat"),
        "outputformat": descriptor.get("OutputFormat"),
        "location": descriptor.get("Location"),
        "serde.serialization.lib": serde.get("SerializationLibrary"),
    }
    parameters |= {key: value for key, value in named.items() if value}
    return {
        "Name": document["Name"],
        "CreateTime": document.get("CreateTime", 0) // 1000 * 1000,
        "TableType": document.get("TableType") or "EXTERNAL_TABLE",
        "Columns": descriptor.get("Columns") or [],
        "PartitionKeys": document.get("PartitionKeys") or [],
        "Parameters": parameters,
    }
