"""The schema, once.

Times are epoch milliseconds; documents are JSON text; `body` columns are bytes that one file owns.
"""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 3

MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "ALTER TABLE executions ADD COLUMN redrive_count INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE executions ADD COLUMN redriven_ms BIGINT",
    ),
    2: (
        "ALTER TABLE map_runs ADD COLUMN redrive TEXT",
        *(
            f"ALTER TABLE shards ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"
            for name in (
                *("waiting_items_failed", "waiting_items_timed_out", "waiting_items_aborted"),
                *("waiting_failed", "waiting_timed_out", "waiting_aborted", "stuck_items", "stuck"),
            )
        ),
    ),
}
"""What brings the tables of a version to the next one. New tables need nothing: they are made when they are missing."""

metadata = sa.MetaData()

schema_info = sa.Table("schema_info", metadata, sa.Column("version", sa.Integer, nullable=False))

server_secrets = sa.Table(
    "server_secrets",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)

state_machines = sa.Table(
    "state_machines",
    metadata,
    sa.Column("arn", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("revision_row", sa.Integer, nullable=False),
    sa.Column("versions_made", sa.Integer, nullable=False, default=0),
    sa.Column("tags", sa.Text, nullable=False, default="[]"),
)

revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("machine_arn", sa.Text, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("machine_created_ms", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("revision_id", sa.Text),
    sa.Column("definition", sa.Text, nullable=False),
    sa.Column("role_arn", sa.Text, nullable=False),
    sa.Column("configuration", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("machine_arn", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("revision_row", sa.Integer, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)

aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("machine_arn", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("routing", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.Index("aliases_by_machine", "machine_arn", "id"),
)

activities = sa.Table(
    "activities",
    metadata,
    sa.Column("arn", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("tags", sa.Text, nullable=False, default="[]"),
)

executions = sa.Table(
    "executions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("machine_arn", sa.Text, nullable=False),
    sa.Column("version_arn", sa.Text),
    sa.Column("alias_arn", sa.Text),
    sa.Column("revision_row", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("stopped_ms", sa.BigInteger),
    sa.Column("input", sa.Text, nullable=False),
    sa.Column("output", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("cause", sa.Text),
    sa.Column("trace_header", sa.Text),
    sa.Column("snapshot", sa.LargeBinary),
    sa.Column("redrive_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("redriven_ms", sa.BigInteger),
    sa.Index("executions_by_machine", "machine_arn", "started_ms", "id"),
    sa.Index("executions_by_status", "machine_arn", "status", "started_ms", "id"),
    sa.Index(
        "executions_by_version", "version_arn", "started_ms", "id", sqlite_where=sa.text("version_arn IS NOT NULL")
    ),
    sa.Index("executions_by_alias", "alias_arn", "started_ms", "id", sqlite_where=sa.text("alias_arn IS NOT NULL")),
    sa.Index("executions_running", "id", sqlite_where=sa.text("status = 'RUNNING'")),
)

history = sa.Table(
    "history",
    metadata,
    sa.Column("execution_id", sa.Integer, primary_key=True),
    sa.Column("first_event_id", sa.Integer, primary_key=True),
    sa.Column("event_count", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

redrives = sa.Table(
    "redrives",
    metadata,
    sa.Column("execution_id", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("client_token", sa.Text),
    sa.Column("redriven_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

task_tokens = sa.Table(
    "task_tokens",
    metadata,
    # The order of activity tasks is the order of these numbers: never given twice.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("execution_arn", sa.Text, nullable=False),
    sa.Column("command_key", sa.Text, nullable=False),
    sa.Column("resource", sa.Text, nullable=False),
    # Whether an activity's task waits for a worker.
    sa.Column("queued", sa.Boolean, nullable=False),
    # Of children of Map Runs only: what the child was told about the task, as a JSON array, and whether it is over.
    sa.Column("told", sa.Text, nullable=False, server_default="[]"),
    sa.Column("over", sa.Boolean, nullable=False, server_default="0"),
    sa.Index("task_tokens_queued", "resource", "id", sqlite_where=sa.text("queued = 1")),
    sa.Index("task_tokens_queued_of_execution", "execution_arn", sqlite_where=sa.text("queued = 1")),
    sqlite_autoincrement=True,
)

map_runs = sa.Table(
    "map_runs",
    metadata,
    # The number is part of the names of the run's children: never given twice.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("execution_arn", sa.Text, nullable=False),
    sa.Column("command_key", sa.Text, nullable=False),
    sa.Column("child_machine_arn", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("stopped_ms", sa.BigInteger),
    sa.Column("plan_key", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("scanned_all", sa.Boolean, nullable=False),
    sa.Column("ending", sa.Text),
    sa.Column("counts", sa.Text),
    sa.Column("outcome", sa.Text),
    sa.Column("redrive", sa.Text),
    sa.UniqueConstraint("execution_arn", "command_key"),
    sqlite_autoincrement=True,
)

shards = sa.Table(
    "shards",
    metadata,
    sa.Column("map_run_id", sa.Integer, primary_key=True),
    sa.Column("first_item", sa.BigInteger, primary_key=True),
    sa.Column("item_count", sa.Integer, nullable=False),
    sa.Column("range_start", sa.BigInteger, nullable=False),
    sa.Column("range_end", sa.BigInteger, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False, default=False),
    sa.Column("segments", sa.Text, nullable=False, default="[]"),
    sa.Column("items_succeeded", sa.Integer, nullable=False, default=0),
    sa.Column("items_failed", sa.Integer, nullable=False, default=0),
    sa.Column("items_timed_out", sa.Integer, nullable=False, default=0),
    sa.Column("items_aborted", sa.Integer, nullable=False, default=0),
    sa.Column("succeeded", sa.Integer, nullable=False, default=0),
    sa.Column("failed", sa.Integer, nullable=False, default=0),
    sa.Column("timed_out", sa.Integer, nullable=False, default=0),
    sa.Column("aborted", sa.Integer, nullable=False, default=0),
    sa.Column("execution_count", sa.Integer, nullable=False, default=0),
    sa.Column("output_bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("waiting_items_failed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("waiting_items_timed_out", sa.Integer, nullable=False, server_default="0"),
    sa.Column("waiting_items_aborted", sa.Integer, nullable=False, server_default="0"),
    sa.Column("waiting_failed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("waiting_timed_out", sa.Integer, nullable=False, server_default="0"),
    sa.Column("waiting_aborted", sa.Integer, nullable=False, server_default="0"),
    sa.Column("stuck_items", sa.Integer, nullable=False, server_default="0"),
    sa.Column("stuck", sa.Integer, nullable=False, server_default="0"),
    sa.Index("shards_pending", "map_run_id", "first_item", sqlite_where=sa.text("done = 0")),
    sqlite_with_rowid=False,
)

query_executions = sa.Table(
    "query_executions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("sequence", sa.Integer, nullable=False, unique=True),
    sa.Column("work_group", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("request_token", sa.Text, unique=True),
    sa.Column("submitted_ms", sa.BigInteger, nullable=False),
    sa.Column("reuse_key", sa.Text),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("query_executions_by_reuse", "reuse_key", "sequence", sqlite_where=sa.text("reuse_key IS NOT NULL")),
    sa.Index("query_executions_by_group", "work_group", "sequence"),
)

work_groups = sa.Table(
    "work_groups",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

catalog_databases = sa.Table(
    "catalog_databases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

catalog_tables = sa.Table(
    "catalog_tables",
    metadata,
    sa.Column("database", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

catalog_versions = sa.Table(
    "catalog_versions",
    metadata,
    sa.Column("database", sa.Text, primary_key=True),
    sa.Column("table", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

catalog_partitions = sa.Table(
    "catalog_partitions",
    metadata,
    sa.Column("database", sa.Text, primary_key=True),
    sa.Column("table", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

named_queries = sa.Table(
    "named_queries",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("work_group", sa.Text, nullable=False),
    sa.Column("request_token", sa.Text, unique=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("named_queries_by_group", "work_group", "id"),
)

prepared_statements = sa.Table(
    "prepared_statements",
    metadata,
    sa.Column("work_group", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

mocked_executions = sa.Table(
    "mocked_executions",
    metadata,
    sa.Column("execution", sa.Text, primary_key=True),
    sa.Column("test_case", sa.Text, nullable=False),
)

mocked_calls = sa.Table(
    "mocked_calls",
    metadata,
    sa.Column("execution", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Index("mocked_calls_by_state", "execution", "state"),
)

log_cursors = sa.Table(
    "log_cursors",
    metadata,
    sa.Column("execution_id", sa.Integer, primary_key=True),
    sa.Column("execution_arn", sa.Text, nullable=False),
    sa.Column("log_group", sa.Text, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("with_data", sa.Integer, nullable=False),
    sa.Column("logged_through", sa.Integer, nullable=False),
    sa.Column("redrive_count", sa.Integer, nullable=False),
)

status_events = sa.Table(
    "status_events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("execution_id", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("stopped_ms", sa.BigInteger),
    sa.Column("error", sa.Text),
    sa.Column("cause", sa.Text),
    sa.Column("redrive_count", sa.Integer, nullable=False),
    sa.Column("redriven_ms", sa.BigInteger),
    sqlite_autoincrement=True,
)
