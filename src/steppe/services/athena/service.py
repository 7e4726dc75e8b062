"""The Athena service, put together: stores, engine, runner, and the table of operations."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from steppe.base.jsonvalue import JsonValue
from steppe.objects.object_store import ObjectStore
from steppe.services.athena.data_catalogs import DataCatalogs
from steppe.services.athena.named_queries import NamedQueries
from steppe.services.athena.prepared_statements import PreparedStatements
from steppe.services.athena.query_executions import QueryExecutions
from steppe.services.athena.runner import CONCURRENT_MAX, Runner
from steppe.services.athena.work_groups import WorkGroups
from steppe.sql.engines.duckdb_engine import DuckdbEngine
from steppe.stores.catalog import CatalogStore
from steppe.stores.database import Database
from steppe.stores.queries import QueryStore
from steppe.stores.saved_queries import SavedQueryStore
from steppe.wire.request import Operation, Operations, Request

_KEPT_MS = 45 * 24 * 3600 * 1000
"""How long an ended execution is kept. User Guide, "Service quotas"."""

_MEMORY_MIB_LEAST = 64

Blocking = Callable[[dict[str, JsonValue]], dict[str, JsonValue]]


class AthenaSettings(Protocol):
    """The settings that the service needs; `steppe.settings.Settings` has them."""

    @property
    def athena_output_location(self) -> str:
        """Where results of work group `primary` go until it is given another location; "" for nowhere."""
        ...

    @property
    def sql_threads(self) -> int:
        """Threads of one query; 0 means one a core."""
        ...

    @property
    def sql_memory_mib(self) -> int:
        """Memory of the engine as a whole, in MiB."""
        ...

    @property
    def sql_seconds(self) -> int:
        """How long a query may run; 0 for ever."""
        ...

    @property
    def account(self) -> str:
        """The account that the catalog belongs to."""
        ...


class AthenaService:
    """Athena's operations over one data directory. Start once, stop once."""

    def __init__(
        self,
        *,
        database: Database,
        objects: ObjectStore,
        settings: AthenaSettings,
        data_dir: Path,
        clock: Callable[[], int],
    ) -> None:
        """Put the service together; nothing runs before `start`.

        Args:
            database: where executions, work groups and the catalog are kept.
            objects: where tables lie and results go.
            settings: athena_output_location, sql_threads, sql_memory_mib, account.
            data_dir: queries spill below it.
            clock: epoch milliseconds.
        """
        self._clock = clock
        self._queries = QueryStore(database)
        self._catalog = CatalogStore(database)
        # The setting bounds the engine as a whole: what runs at once shares it.
        engine = DuckdbEngine(
            objects=objects,
            catalog=self._catalog,
            scratch=data_dir / "sql-scratch",
            threads=settings.sql_threads or os.cpu_count() or 1,
            memory_mib=max(_MEMORY_MIB_LEAST, settings.sql_memory_mib // CONCURRENT_MAX),
        )
        saved = SavedQueryStore(database)
        self._runner = Runner(
            store=self._queries,
            saved=saved,
            objects=objects,
            catalog=self._catalog,
            engine=engine,
            clock=clock,
            query_seconds=settings.sql_seconds,
        )
        self._groups = WorkGroups(
            self._queries,
            saved,
            account=settings.account,
            output_location=settings.athena_output_location,
            clock=clock,
        )
        self._named = NamedQueries(saved, self._groups)
        self._prepared = PreparedStatements(saved, self._groups, clock)
        self._executions = QueryExecutions(
            store=self._queries, groups=self._groups, runner=self._runner, objects=objects, clock=clock
        )
        self._catalogs = DataCatalogs(self._catalog, account=settings.account)
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="athena-api")

    async def start(self) -> None:
        """Make what is always there, and end what an earlier server left."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._prepare)

    def _prepare(self) -> None:
        self._catalog.ensure_default(self._clock())
        self._groups.ensure_primary()
        self._runner.recover()
        self._queries.forget(submitted_before_ms=self._clock() - _KEPT_MS)

    async def stop(self) -> None:
        """Stop running queries; they are FAILED, and may be tried again, after the next start."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._runner.close)
        self._threads.shutdown(wait=True)

    def operations(self) -> Operations:
        """The operations by API name."""
        executions, groups, catalogs = self._executions, self._groups, self._catalogs
        named, prepared = self._named, self._prepared
        table: dict[str, Blocking] = {
            "StartQueryExecution": executions.start_query_execution,
            "GetQueryExecution": executions.get_query_execution,
            "GetQueryResults": executions.get_query_results,
            "GetQueryRuntimeStatistics": executions.get_query_runtime_statistics,
            "StopQueryExecution": executions.stop_query_execution,
            "BatchGetQueryExecution": executions.batch_get_query_execution,
            "ListQueryExecutions": executions.list_query_executions,
            "CreateWorkGroup": groups.create_work_group,
            "GetWorkGroup": groups.get_work_group,
            "ListWorkGroups": groups.list_work_groups,
            "UpdateWorkGroup": groups.update_work_group,
            "DeleteWorkGroup": groups.delete_work_group,
            "ListEngineVersions": groups.list_engine_versions,
            "TagResource": groups.tag_resource,
            "UntagResource": groups.untag_resource,
            "ListTagsForResource": groups.list_tags_for_resource,
            "CreateNamedQuery": named.create_named_query,
            "GetNamedQuery": named.get_named_query,
            "BatchGetNamedQuery": named.batch_get_named_query,
            "ListNamedQueries": named.list_named_queries,
            "UpdateNamedQuery": named.update_named_query,
            "DeleteNamedQuery": named.delete_named_query,
            "CreatePreparedStatement": prepared.create_prepared_statement,
            "GetPreparedStatement": prepared.get_prepared_statement,
            "BatchGetPreparedStatement": prepared.batch_get_prepared_statement,
            "ListPreparedStatements": prepared.list_prepared_statements,
            "UpdatePreparedStatement": prepared.update_prepared_statement,
            "DeletePreparedStatement": prepared.delete_prepared_statement,
            "GetDataCatalog": catalogs.get_data_catalog,
            "ListDataCatalogs": catalogs.list_data_catalogs,
            "ListDatabases": catalogs.list_databases,
            "GetDatabase": catalogs.get_database,
            "ListTableMetadata": catalogs.list_table_metadata,
            "GetTableMetadata": catalogs.get_table_metadata,
        }
        return {name: self._in_thread(body) for name, body in table.items()}

    def _in_thread(self, body: Blocking) -> Operation:
        async def operation(request: Request) -> dict[str, JsonValue]:
            return await asyncio.get_running_loop().run_in_executor(self._threads, body, request.input)

        return operation
