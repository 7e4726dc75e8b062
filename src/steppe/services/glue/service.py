"""The Glue Data Catalog's operations over one database. It is the catalog that Athena's statements read and write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.services.glue.databases import Databases
from steppe.services.glue.partitions import Partitions
from steppe.services.glue.tables import Tables
from steppe.services.glue.tags import Tags
from steppe.stores.catalog import CatalogStore
from steppe.stores.database import Database
from steppe.wire.request import Operation, Operations, Request

Blocking = Callable[[dict[str, JsonValue]], dict[str, JsonValue]]


def glue_operations(database: Database, *, account: str, clock: Callable[[], int]) -> Operations:
    """The operations by API name.

    Args:
        database: where the catalog is kept.
        account: its owner; a CatalogId that names another is refused.
        clock: epoch milliseconds.
    """
    catalog = CatalogStore(database)
    databases = Databases(catalog, account=account, clock=clock)
    tables = Tables(catalog, databases, account=account, clock=clock)
    partitions = Partitions(catalog.partitions, tables, account=account, clock=clock)
    tags = Tags(catalog)
    table: dict[str, Blocking] = {
        "CreateDatabase": databases.create_database,
        "GetDatabase": databases.get_database,
        "GetDatabases": databases.get_databases,
        "UpdateDatabase": databases.update_database,
        "DeleteDatabase": databases.delete_database,
        "GetUserDefinedFunctions": databases.get_user_defined_functions,
        "CreateTable": tables.create_table,
        "GetTable": tables.get_table,
        "GetTables": tables.get_tables,
        "UpdateTable": tables.update_table,
        "DeleteTable": tables.delete_table,
        "BatchDeleteTable": tables.batch_delete_table,
        "SearchTables": tables.search_tables,
        "GetTableVersion": tables.get_table_version,
        "GetTableVersions": tables.get_table_versions,
        "GetPartitionIndexes": tables.get_partition_indexes,
        "DeleteTableVersion": tables.delete_table_version,
        "BatchDeleteTableVersion": tables.batch_delete_table_version,
        "CreatePartition": partitions.create_partition,
        "BatchCreatePartition": partitions.batch_create_partition,
        "GetPartition": partitions.get_partition,
        "GetPartitions": partitions.get_partitions,
        "BatchGetPartition": partitions.batch_get_partition,
        "UpdatePartition": partitions.update_partition,
        "BatchUpdatePartition": partitions.batch_update_partition,
        "DeletePartition": partitions.delete_partition,
        "BatchDeletePartition": partitions.batch_delete_partition,
        "TagResource": tags.tag_resource,
        "UntagResource": tags.untag_resource,
        "GetTags": tags.get_tags,
    }
    return {name: _operation(body, account) for name, body in table.items()}


def _operation(body: Blocking, account: str) -> Operation:
    async def operation(request: Request) -> dict[str, JsonValue]:
        named = request.input.get("CatalogId")
        if named is not None and named != account:
            raise ApiError("AccessDeniedException", f"Catalog {named} is another account's; this one has {account}")
        return await asyncio.to_thread(body, request.input)

    return operation
