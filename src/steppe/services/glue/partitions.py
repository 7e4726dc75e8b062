"""Partitions: CreatePartition, GetPartition(s), UpdatePartition, DeletePartition, and all of them in batches."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from steppe.base.errors import ApiError
from steppe.services.glue.expression import Test, compile_filter
from steppe.services.glue.refusals import Document, invalid, missing, read_token, refuse, taken, write_token
from steppe.services.glue.tables import Tables
from steppe.stores.partitions import PartitionStore, partition_key

PAGE_MAX = 1000
_HELD = ("LastAccessTime", "LastAnalyzedTime", "StorageDescriptor", "Parameters")
_READ_AT_ONCE = 2000


class Partitions:
    """Operations on the partitions of a table."""

    def __init__(self, partitions: PartitionStore, tables: Tables, *, account: str, clock: Callable[[], int]) -> None:
        self._partitions = partitions
        self._tables = tables
        self._account = account
        self._clock = clock

    def create_partition(self, members: Document) -> Document:
        """CreatePartition."""
        table = self._table(members)
        if self._partitions.add(*_place(table), [self._made(table, members["PartitionInput"])]):
            raise taken("Partition already exists.")
        return {}

    def batch_create_partition(self, members: Document) -> Document:
        """BatchCreatePartition: those that exist are told, the others are made."""
        table = self._table(members)
        documents, errors = [], []
        for given in members["PartitionInputList"]:
            try:
                documents.append(self._made(table, given))
            except ApiError as error:
                errors.append(_told(given.get("Values") or [], error))
        held = self._partitions.add(*_place(table), documents)
        errors += [_told(documents[at]["Values"], taken("Partition already exists.")) for at in held]
        return {"Errors": errors}

    def get_partition(self, members: Document) -> Document:
        """GetPartition."""
        table = self._table(members)
        found = self._partitions.get(*_place(table), _counted(table, members["PartitionValues"]))
        if found is None:
            raise missing("Cannot find partition.")
        return {"Partition": self._shown(table, found)}

    def batch_get_partition(self, members: Document) -> Document:
        """BatchGetPartition: what is not there is left out."""
        table = self._table(members)
        found = [self._partitions.get(*_place(table), wanted["Values"]) for wanted in members["PartitionsToGet"]]
        shown = [self._shown(table, document) for document in found if document is not None]
        return {"Partitions": shown, "UnprocessedKeys": []}

    def get_partitions(self, members: Document) -> Document:
        """GetPartitions: in the order of their values' text, those that the filter takes, of one segment."""
        refuse(members, "TransactionId", "QueryAsOfTime")
        table = self._table(members)
        keys = {column["Name"].lower(): column.get("Type") or "string" for column in table.get("PartitionKeys") or []}
        expression = (members.get("Expression") or "").strip()
        test = compile_filter(expression, keys) if expression else None
        limit = members.get("MaxResults") or PAGE_MAX
        segment = members.get("Segment")
        if segment is not None and segment["SegmentNumber"] >= segment["TotalSegments"]:
            raise invalid("SegmentNumber must be below TotalSegments")
        found: list[Document] = []
        for document in self._matching(table, list(keys), test, segment, after=read_token(members, str) or ""):
            found.append(document)
            if len(found) > limit:
                break
        more = {"NextToken": write_token(partition_key(found[limit - 1]["Values"]))} if len(found) > limit else {}
        without_columns = bool(members.get("ExcludeColumnSchema"))
        return {"Partitions": [self._shown(table, d, without_columns) for d in found[:limit]], **more}

    def update_partition(self, members: Document) -> Document:
        """UpdatePartition; it may give it other values."""
        self._update(self._table(members), members["PartitionValueList"], members["PartitionInput"])
        return {}

    def batch_update_partition(self, members: Document) -> Document:
        """BatchUpdatePartition: those that cannot be changed are told."""
        table = self._table(members)
        errors = []
        for entry in members["Entries"]:
            try:
                self._update(table, entry["PartitionValueList"], entry["PartitionInput"])
            except ApiError as error:
                told = _told(entry["PartitionValueList"], error)
                errors.append({"PartitionValueList": told["PartitionValues"], "ErrorDetail": told["ErrorDetail"]})
        return {"Errors": errors}

    def delete_partition(self, members: Document) -> Document:
        """DeletePartition; its objects stay."""
        table = self._table(members)
        if self._partitions.drop(*_place(table), [members["PartitionValues"]]):
            raise missing("Cannot find partition.")
        return {}

    def batch_delete_partition(self, members: Document) -> Document:
        """BatchDeletePartition: those that are not there are told, the others are gone."""
        table = self._table(members)
        listed = [wanted["Values"] for wanted in members["PartitionsToDelete"]]
        absent = self._partitions.drop(*_place(table), listed)
        return {"Errors": [_told(listed[at], missing("Cannot find partition.")) for at in absent]}

    def _table(self, members: Document) -> Document:
        return self._tables.find(members["DatabaseName"], members["TableName"])

    def _matching(
        self, table: Document, keys: list[str], test: Test | None, segment: Document | None, *, after: str
    ) -> Iterator[Document]:
        while page := self._partitions.page(*_place(table), after=after, limit=_READ_AT_ONCE):
            for document in page:
                if segment is not None and not _in_segment(document, segment):
                    continue
                if test is None or test(dict(zip(keys, document["Values"], strict=True))):
                    yield document
            after = partition_key(page[-1]["Values"])

    def _made(self, table: Document, given: Document) -> Document:
        values = _counted(table, given.get("Values") or [])
        return {"Values": values, "CreationTime": self._clock() // 1000 * 1000, **_settable(given)}

    def _update(self, table: Document, values: list[str], given: Document) -> None:
        new = _counted(table, given.get("Values") or values)
        settable = _settable(given)

        def change(document: Document) -> Document:
            kept = {key: value for key, value in document.items() if key not in _HELD}
            return {**kept, **settable, "Values": new}

        match self._partitions.change(*_place(table), _counted(table, values), change):
            case "missing":
                raise missing("Cannot find partition.")
            case "exists":
                raise taken("Partition already exists.")

    def _shown(self, table: Document, document: Document, without_columns: bool = False) -> Document:
        shown = {**document, "DatabaseName": table["DatabaseName"], "TableName": table["Name"],
                 "CatalogId": self._account}  # fmt: skip
        if without_columns and shown.get("StorageDescriptor"):
            shown["StorageDescriptor"] = {k: v for k, v in shown["StorageDescriptor"].items() if k != "Columns"}
        return shown


def _place(table: Document) -> tuple[str, str]:
    return table["DatabaseName"], table["Name"]


def _settable(given: Document) -> Document:
    return {key: given[key] for key in _HELD if given.get(key) is not None}


def _counted(table: Document, values: list[str]) -> list[str]:
    """The values, as many as the table has keys.

    Raises:
        ApiError: InvalidInputException, they are more or fewer.
    """
    if len(values) != len(table.get("PartitionKeys") or []):
        raise invalid("The number of partition keys do not match the number of partition values")
    return values


def _in_segment(document: Document, segment: Document) -> bool:
    place = zlib.crc32(partition_key(document["Values"]).encode()) % segment["TotalSegments"]
    return bool(place == segment["SegmentNumber"])


def _told(values: list[str], error: ApiError) -> Document:
    return {"PartitionValues": values, "ErrorDetail": {"ErrorCode": error.code, "ErrorMessage": error.message}}
