"""Tables and what they were: CreateTable, GetTable(s), UpdateTable, DeleteTable, SearchTables, table versions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from steppe.base.errors import ApiError
from steppe.services.glue.databases import Databases
from steppe.services.glue.refusals import Document, invalid, missing, read_token, refuse, taken, write_token
from steppe.sql.catalog import name_pattern
from steppe.stores.catalog import CatalogStore

PAGE_MAX = 100
_HELD = ("Description", "Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "StorageDescriptor",
         "PartitionKeys", "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters")  # fmt: skip
_UNSUPPORTED = ("TargetTable", "FederatedTable", "ViewDefinition")
_STORAGE = {"Compressed": False, "NumberOfBuckets": 0, "SortColumns": [], "StoredAsSubDirectories": False}
_SEARCHED = {"Name": "name", "DatabaseName": "databaseName", "TableType": "tableType", "Owner": "owner",
             "Description": "description"}  # fmt: skip
_ORDERS = ("Name", "UpdateTime", "CreateTime", "DatabaseName")


class Tables:
    """Operations on tables."""

    def __init__(self, catalog: CatalogStore, databases: Databases, *, account: str, clock: Callable[[], int]) -> None:
        self._catalog = catalog
        self._databases = databases
        self._account = account
        self._creator = f"arn:aws:iam::{account}:root"
        self._clock = clock

    def create_table(self, members: Document) -> Document:
        """CreateTable."""
        refuse(members, "OpenTableFormatInput", "TransactionId", "PartitionIndexes")
        given = members.get("TableInput")
        if given is None:
            raise invalid("TableInput is needed")
        now = self._clock() // 1000 * 1000
        document = {"DatabaseName": members["DatabaseName"], "Name": given["Name"], "CreateTime": now,
                    "UpdateTime": now, "CreatedBy": self._creator, **_settable(given)}  # fmt: skip
        match self._catalog.create_table(document):
            case "exists":
                raise taken("Table already exists.")
            case "no database":
                self._databases.find(members["DatabaseName"])
        return {}

    def get_table(self, members: Document) -> Document:
        """GetTable."""
        refuse(members, "TransactionId", "QueryAsOfTime")
        return {"Table": self._shown(self.find(members["DatabaseName"], members["Name"]))}

    def get_tables(self, members: Document) -> Document:
        """GetTables, by name, those whose name a regular expression takes as a whole."""
        refuse(members, "TransactionId", "QueryAsOfTime")
        database = members["DatabaseName"]
        self._databases.find(database)
        wanted = _name_pattern(members.get("Expression"))
        limit = members.get("MaxResults") or PAGE_MAX
        found: list[Document] = []
        for document in self._all(database, after=read_token(members, str) or ""):
            if wanted is None or wanted.fullmatch(document["Name"]):
                found.append(document)
                if len(found) > limit:
                    break
        more = {"NextToken": write_token(found[limit - 1]["Name"])} if len(found) > limit else {}
        return {"TableList": [self._shown(document) for document in found[:limit]], **more}

    def update_table(self, members: Document) -> Document:
        """UpdateTable: what is not sent is gone; what the table was is kept as a version, unless SkipArchive."""
        refuse(members, "UpdateOpenTableFormatInput", "TransactionId", "ViewUpdateAction")
        given = members.get("TableInput")
        if given is None:
            raise invalid("TableInput is needed")
        name = members.get("Name") or given["Name"]
        if given["Name"].lower() != name.lower():
            raise invalid("A table cannot be given another name")
        settable, now = _settable(given), self._clock() // 1000 * 1000

        def change(document: Document) -> Document:
            kept = {key: value for key, value in document.items() if key not in _HELD}
            return {**kept, **settable, "UpdateTime": now}

        outcome = self._catalog.change_table(
            members["DatabaseName"],
            name,
            change,
            archive=not members.get("SkipArchive"),
            version=members.get("VersionId"),
        )
        if outcome == "missing":
            self._databases.find(members["DatabaseName"])
            raise missing(f"Table {name.lower()} not found.")
        if outcome == "conflict":
            raise ApiError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
        return {}

    def delete_table(self, members: Document) -> Document:
        """DeleteTable; its objects stay."""
        refuse(members, "TransactionId")
        if not self._catalog.drop_table(members["DatabaseName"], members["Name"]):
            self._databases.find(members["DatabaseName"])
            raise missing(f"Table {members['Name'].lower()} not found.")
        return {}

    def batch_delete_table(self, members: Document) -> Document:
        """BatchDeleteTable: those that are not there are told, the others are gone."""
        refuse(members, "TransactionId")
        database = members["DatabaseName"]
        self._databases.find(database)
        errors = [
            {"TableName": name, "ErrorDetail": _detail(missing(f"Table {name.lower()} not found."))}
            for name in members["TablesToDelete"]
            if not self._catalog.drop_table(database, name)
        ]
        return {"Errors": errors}

    def search_tables(self, members: Document) -> Document:
        """SearchTables: by text and property, over all databases."""
        wanted = [_search_filter(entry) for entry in members.get("Filters") or []]
        text = (members.get("SearchText") or "").strip('"').lower()
        found = [
            document
            for database in self._every_database()
            for document in self._all(database)
            if all(test(document) for test in wanted) and text in _searchable(document)
        ]
        for entry in members.get("SortCriteria") or []:
            field = entry.get("FieldName") or ""
            if field not in _ORDERS:
                raise invalid(f"Cannot sort by {field}; sort by one of {', '.join(_ORDERS)}")
            found.sort(key=lambda d, of=field: d.get(of) or "", reverse=entry.get("Sort") == "DESC")  # type: ignore[misc]
        first, limit = read_token(members, int) or 0, members.get("MaxResults") or PAGE_MAX
        more = {"NextToken": write_token(first + limit)} if len(found) > first + limit else {}
        return {"TableList": [self._shown(document) for document in found[first : first + limit]], **more}

    def get_table_version(self, members: Document) -> Document:
        """GetTableVersion: the present table without VersionId."""
        present = self.find(members["DatabaseName"], members["TableName"])
        wanted = members.get("VersionId") or present["VersionId"]
        for document in self._versions(present):
            if document["VersionId"] == wanted:
                return {"TableVersion": self._version(document)}
        raise missing(f"Table version {wanted} not found.")

    def get_table_versions(self, members: Document) -> Document:
        """GetTableVersions: the present one and those before it, newest first."""
        present = self.find(members["DatabaseName"], members["TableName"])
        limit = members.get("MaxResults") or PAGE_MAX
        before = read_token(members, int)
        found: list[Document] = []
        for document in self._versions(present, before=before):
            found.append(document)
            if len(found) > limit:
                break
        more = {"NextToken": write_token(int(found[limit - 1]["VersionId"]))} if len(found) > limit else {}
        return {"TableVersions": [self._version(document) for document in found[:limit]], **more}

    def delete_table_version(self, members: Document) -> Document:
        """DeleteTableVersion."""
        self._drop_version(members, members["VersionId"])
        return {}

    def batch_delete_table_version(self, members: Document) -> Document:
        """BatchDeleteTableVersion: those that cannot be deleted are told."""
        self.find(members["DatabaseName"], members["TableName"])
        errors = []
        for version in members["VersionIds"]:
            try:
                self._drop_version(members, version)
            except ApiError as error:
                told = {"TableName": members["TableName"], "VersionId": version, "ErrorDetail": _detail(error)}
                errors.append(told)
        return {"Errors": errors}

    def get_partition_indexes(self, members: Document) -> Document:
        """GetPartitionIndexes: a table has none, and CreateTable refuses to make one."""
        self.find(members["DatabaseName"], members["TableName"])
        return {"PartitionIndexDescriptorList": []}

    def find(self, database: str, name: str) -> Document:
        """A table's document.

        Raises:
            ApiError: EntityNotFoundException.
        """
        document = self._catalog.table(database, name)
        if document is None:
            self._databases.find(database)
            raise missing("Entity Not Found")
        return document

    def _drop_version(self, members: Document, version: str) -> None:
        present = self.find(members["DatabaseName"], members["TableName"])
        if version == present["VersionId"]:
            raise invalid("The present version of a table cannot be deleted.")
        number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else -1
        if not self._catalog.drop_version(members["DatabaseName"], members["TableName"], number):
            raise missing(f"Table version {version} not found.")

    def _versions(self, present: Document, *, before: int | None = None) -> Iterator[Document]:
        if before is None:
            yield present
        while page := self._catalog.versions(present["DatabaseName"], present["Name"], before=before):
            yield from page
            before = int(page[-1]["VersionId"])

    def _all(self, database: str, *, after: str = "") -> Iterator[Document]:
        while page := self._catalog.tables(database, after=after, limit=PAGE_MAX):
            yield from page
            after = page[-1]["Name"]

    def _every_database(self) -> Iterator[str]:
        after = ""
        while page := self._catalog.databases(after=after, limit=PAGE_MAX):
            yield from (document["Name"] for document in page)
            after = page[-1]["Name"]

    def _version(self, document: Document) -> Document:
        return {"Table": self._shown(document), "VersionId": document["VersionId"]}

    def _shown(self, document: Document) -> Document:
        shown = {key: value for key, value in document.items() if key != "Tags"}
        shown = {"Retention": 0, **shown, "CatalogId": self._account, "IsRegisteredWithLakeFormation": False,
                 "IsMultiDialectView": False, "IsMaterializedView": False}  # fmt: skip
        if document.get("StorageDescriptor") is not None:
            shown["StorageDescriptor"] = {**_STORAGE, **document["StorageDescriptor"]}
        return shown


def _settable(given: Document) -> Document:
    refuse(given, *_UNSUPPORTED)
    settable = {key: given[key] for key in _HELD if given.get(key) is not None}
    keys = [column["Name"].lower() for column in settable.get("PartitionKeys", [])]
    columns = [column["Name"].lower() for column in (settable.get("StorageDescriptor") or {}).get("Columns") or []]
    names = columns + keys
    if len(set(names)) < len(names):
        raise invalid(f"Column {next(n for n in names if names.count(n) > 1)} is there more than once")
    return settable


def _name_pattern(expression: str | None) -> re.Pattern[str] | None:
    try:
        return name_pattern(expression)
    except (re.error, ValueError) as error:
        raise invalid(f"Expression is no regular expression that can be used: {error}") from None


def _search_filter(entry: Document) -> Callable[[Document], bool]:
    key, value, comparator = entry.get("Key") or "", entry.get("Value") or "", entry.get("Comparator") or "EQUALS"
    if comparator != "EQUALS":
        raise invalid(f"Comparator {comparator} is not supported; text is compared with EQUALS")
    member = next((name for name, shown in _SEARCHED.items() if shown == key), None)

    def test(document: Document) -> bool:
        held = document.get(member) if member else (document.get("Parameters") or {}).get(key)
        return isinstance(held, str) and value.lower() in held.lower()

    return test


def _searchable(document: Document) -> str:
    """The text that SearchText looks for words in."""
    columns = (document.get("StorageDescriptor") or {}).get("Columns") or []
    texts = [document["Name"], document["DatabaseName"], document.get("Description") or ""]
    texts += [text for column in columns for text in (column["Name"], column.get("Comment") or "")]
    return "\n".join(texts).lower()


def _detail(error: ApiError) -> Document:
    return {"ErrorCode": error.code, "ErrorMessage": error.message}
