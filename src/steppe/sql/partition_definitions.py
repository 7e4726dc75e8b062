"""Definitions about the partitions of one table: ALTER TABLE ... PARTITION, SHOW PARTITIONS, MSCK REPAIR TABLE."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import unquote

from steppe.base.errors import ApiError
from steppe.objects.object_store import ObjectStore
from steppe.sql.catalog import Catalog, Document, partition_documents
from steppe.sql.definition_reader import Plan
from steppe.sql.errors import QueryError
from steppe.sql.table_files import location_parts

PARTITION_KINDS = frozenset({
    "add_partitions", "drop_partitions", "rename_partition", "set_location", "show_partitions", "repair_table",
})  # fmt: skip

_ADDED_AT_ONCE = 500
_DDL_TASK = "Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask."


class PartitionDefinitions:
    """Carries out the plans of `PARTITION_KINDS`."""

    def __init__(self, catalog: Catalog, objects: ObjectStore, now_ms: int) -> None:
        self._catalog = catalog
        self._objects = objects
        self._now_ms = now_ms

    def run(self, plan: Plan, table: Document) -> list[str]:
        """Carry out a plan for a table; the lines of its answer.

        Raises:
            QueryError: it fails.
        """
        keys = [column["Name"] for column in table.get("PartitionKeys") or []]
        if plan["kind"] == "set_location" and plan["values"] is None:
            return self._set_table_location(plan, table)
        if not keys:
            raise QueryError("FAILED", f"{_DDL_TASK} Table {table['Name']} is not a partitioned table")
        match plan["kind"]:
            case "add_partitions":
                return self._add(plan, table, keys)
            case "drop_partitions":
                return self._drop(plan, table, keys)
            case "rename_partition" | "set_location":
                return self._change(plan, table, keys)
            case "show_partitions":
                wanted = _matching(keys, plan["values"])
                return [_label(keys, d["Values"]) for d in self._all(table) if wanted(d["Values"])]
            case _:
                return self._repair(table, keys)

    def _set_table_location(self, plan: Plan, table: Document) -> list[str]:
        location_parts(plan["location"])

        def change(document: Document) -> Document:
            descriptor = {**document["StorageDescriptor"], "Location": plan["location"]}
            return {**document, "StorageDescriptor": descriptor, "UpdateTime": self._now_ms}

        self._catalog.change_table(table["DatabaseName"], table["Name"], change)
        return []

    def _add(self, plan: Plan, table: Document, keys: list[str]) -> list[str]:
        documents = []
        for entry in plan["partitions"]:
            values = _complete(keys, entry["values"])
            location = entry.get("location") or _default_location(table, keys, values)
            location_parts(location)
            documents.append(self._document(table, values, location))
        place = (table["DatabaseName"], table["Name"])
        if not plan["quiet"] and any(self._catalog.partitions.get(*place, d["Values"]) for d in documents):
            raise QueryError("FAILED", f"{_DDL_TASK} AlreadyExistsException(message:Partition already exists.)")
        self._catalog.partitions.add(*place, documents)
        return []

    def _drop(self, plan: Plan, table: Document, keys: list[str]) -> list[str]:
        place = (table["DatabaseName"], table["Name"])
        for entry in plan["partitions"]:
            wanted = _matching(keys, entry["values"])
            found = [document["Values"] for document in self._all(table) if wanted(document["Values"])]
            if not found and not plan["quiet"]:
                said = ", ".join(f"{key} = {value}" for key, value in entry["values"].items())
                raise QueryError("FAILED", f"SemanticException [Error 10006]: Partition not found ({said})")
            self._catalog.partitions.drop(*place, found)
        return []

    def _change(self, plan: Plan, table: Document, keys: list[str]) -> list[str]:
        values = _complete(keys, plan["values"])

        def change(document: Document) -> Document:
            if plan["kind"] == "rename_partition":
                return {**document, "Values": _complete(keys, plan["to"])}
            location_parts(plan["location"])
            descriptor = {**(document.get("StorageDescriptor") or {}), "Location": plan["location"]}
            return {**document, "StorageDescriptor": descriptor}

        match self._catalog.partitions.change(table["DatabaseName"], table["Name"], values, change):
            case "missing":
                said = ", ".join(f"{key} = {value}" for key, value in zip(keys, values, strict=True))
                raise QueryError("FAILED", f"SemanticException [Error 10006]: Partition not found ({said})")
            case "exists":
                raise QueryError("FAILED", f"{_DDL_TASK} AlreadyExistsException(message:Partition already exists.)")
        return []

    def _all(self, table: Document) -> Iterator[Document]:
        return partition_documents(self._catalog, table["DatabaseName"], table["Name"])

    def _document(self, table: Document, values: list[str], location: str) -> Document:
        descriptor = {**table["StorageDescriptor"], "Location": location}
        return {"Values": values, "CreationTime": self._now_ms, "StorageDescriptor": descriptor, "Parameters": {}}

    # -- MSCK REPAIR TABLE

    def _repair(self, table: Document, keys: list[str]) -> list[str]:
        """Add the partitions whose folders are there: one level of `key=value` a key, in the order of the keys."""
        bucket, prefix = location_parts(table["StorageDescriptor"].get("Location") or "")
        place = (table["DatabaseName"], table["Name"])
        missing: list[str] = []
        lines: list[str] = []
        batch: list[Document] = []

        def add() -> None:
            held = set(self._catalog.partitions.add(*place, batch))
            for at, document in enumerate(batch):
                if at not in held:
                    label = _label(keys, document["Values"])
                    missing.append(f"{table['Name']}:{label}")
                    lines.append(f"Repair: Added partition to metastore {place[0]}.{table['Name']}:{label}")
            batch.clear()

        for folder, values in self._folders(bucket, prefix, keys):
            batch.append(self._document(table, values, f"s3://{bucket}/{folder}"))
            if len(batch) == _ADDED_AT_ONCE:
                add()
        add()
        return ["\t".join(["Partitions not in metastore:", *missing]), *lines] if missing else []

    def _folders(self, bucket: str, prefix: str, keys: list[str]) -> Iterator[tuple[str, list[str]]]:
        if not keys:
            yield prefix, []
            return
        for folder in self._subfolders(bucket, prefix):
            label, _, value = folder[len(prefix) : -1].partition("=")
            if label.lower() == keys[0] and value:
                for path, rest in self._folders(bucket, folder, keys[1:]):
                    yield path, [unquote(value), *rest]

    def _subfolders(self, bucket: str, prefix: str) -> Iterator[str]:
        after = ""
        try:
            while True:
                page = self._objects.list_objects(bucket, prefix=prefix, delimiter="/", start_after=after)
                yield from page.prefixes
                if page.next_after is None:
                    return
                after = page.next_after
        except ApiError as error:
            raise QueryError("FAILED", f"{_DDL_TASK} {error.code}: {error.message}") from None


def _label(keys: list[str], values: list[str]) -> str:
    return "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))


def _default_location(table: Document, keys: list[str], values: list[str]) -> str:
    base = str(table["StorageDescriptor"].get("Location") or "").rstrip("/")
    return f"{base}/{_label(keys, values)}"


def _check(keys: list[str], values: dict[str, str]) -> None:
    for key in values:
        if key not in keys:
            said = f"Non-Partition column appears in the partition specification:  {key}"
            raise QueryError("FAILED", f"SemanticException [Error 10098]: {said}")


def _complete(keys: list[str], values: dict[str, str]) -> list[str]:
    """The values in the order of the keys, a value for each."""
    _check(keys, values)
    for key in keys:
        if key not in values:
            said = f"partition spec {values} doesn't contain all ({len(keys)}) partition columns"
            raise QueryError("FAILED", f"SemanticException {said}")
    return [values[key] for key in keys]


def _matching(keys: list[str], values: dict[str, str]) -> Callable[[list[str]], bool]:
    """The test whether a partition has the given values; there need not be one for each key."""
    _check(keys, values)
    wanted = [(keys.index(key), value) for key, value in values.items()]
    return lambda held: all(held[at] == value for at, value in wanted)
