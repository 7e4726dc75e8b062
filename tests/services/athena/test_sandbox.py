"""What a statement must not do: read or write outside the object store, load code, take all memory or all time."""

# A statement stays on one line.
# ruff: noqa: E501

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

REFUSALS = (
    "NOT_SUPPORTED", "TABLE_NOT_FOUND", "FUNCTION_NOT_FOUND", "SCHEMA_NOT_FOUND", "MALFORMED_QUERY", "HIVE_INVALID_METADATA",
    "INVALID_TABLE_PROPERTY", "HIVE_FILESYSTEM_ERROR", "INVALID_INPUT", "HIVE_WRITER_CLOSE_ERROR", "SYNTAX_ERROR",
)  # fmt: skip


def refusal(served, sql: str) -> str:
    try:
        return served.reason(sql).split(":")[0]
    except ClientError as refused:
        return refused.response["AthenaErrorCode"]


@pytest.mark.parametrize("sql", [
    "SELECT * FROM TABLE(read_csv('/etc/passwd'))", "SELECT * FROM read_blob('/etc/passwd')", "SELECT glob('/etc/*')",
    "SELECT * FROM parquet_scan('/etc/passwd')", "SELECT * FROM read_ndjson_objects('/etc/passwd')",
    "SELECT * FROM 's3://data/x.csv'", "SELECT * FROM 'https://example.com/x.parquet'", "FROM '/etc/passwd'",
    "SELECT * FROM steppe_files_1", "SELECT * FROM temp.steppe_files_1", "SELECT query('SELECT 1')",
    "SELECT * FROM sniff_csv('/etc/passwd')", "SELECT * FROM duckdb_secrets()", "SELECT * FROM duckdb_extensions()",
])  # fmt: skip
def test_no_function_and_no_name_reads_a_file(served, sql):
    assert refusal(served, sql) in REFUSALS


@pytest.mark.parametrize("sql", [
    "INSTALL httpfs", "LOAD httpfs", "ATTACH '/etc/passwd'", "COPY t TO '/tmp/x'", "SET memory_limit='1TB'",
    "PRAGMA version", "EXPORT DATABASE '/tmp/x'", "SELECT 1; INSTALL httpfs", "CALL pragma_version()",
    "SELECT set_config('threads', '1')", "UNLOAD (INSTALL httpfs) TO 's3://data/x/'", "EXPLAIN INSTALL httpfs",
    "CREATE VIEW v AS INSTALL httpfs", "PREPARE p FROM INSTALL httpfs",
])  # fmt: skip
def test_nothing_is_installed_and_no_setting_is_changed(served, sql):
    assert refusal(served, sql) in REFUSALS


@pytest.mark.parametrize(
    "place", ["file:///etc/", "/etc/", "s3://../../etc/", "s3://data/../../../../../../etc/", "s3:///etc/"]
)
def test_no_location_leads_out_of_the_store(served, place):
    served.run("DROP TABLE IF EXISTS outside")
    try:
        served.run(f"CREATE EXTERNAL TABLE outside (line string) LOCATION '{place}'")
    except (AssertionError, ClientError):
        return  # refused when it was made
    try:
        assert served.cells("SELECT * FROM outside") == [["line"]]
    except AssertionError:
        assert refusal(served, "SELECT * FROM outside") in REFUSALS


@pytest.mark.parametrize(
    "place", ["file:///tmp/out/", "/tmp/out/", "s3://../out/", "s3://data/../../out/", "s3://data/a/../../../out/"]
)
def test_nothing_is_written_out_of_the_store(served, tmp_path_factory, place):
    root = Path(served.objects._tree.root)
    outside = {path for path in root.parent.rglob("*") if root not in path.parents and "out" in path.name}
    for sql in (
        f"UNLOAD (SELECT 1 AS n) TO '{place}'",
        f"CREATE TABLE o WITH (external_location='{place}') AS SELECT 1 AS n",
    ):
        served.wait(served.start(sql))
    # A key may hold two dots: it names an object as any other does.
    dotted = place.startswith("s3://data/")
    assert bool(served.objects.list_objects("data", prefix=place.removeprefix("s3://data/")).objects) == dotted
    assert {path for path in root.parent.rglob("*") if root not in path.parents and "out" in path.name} == outside
    assert not os.path.exists("/tmp/out")


def test_a_symbolic_link_in_a_bucket_is_no_object(served, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    folder = Path(served.objects._tree.root) / "data" / "linked"
    folder.mkdir()
    (folder / "a.csv").symlink_to(secret)
    served.run("CREATE EXTERNAL TABLE linked (line string) LOCATION 's3://data/linked/'")
    assert served.cells("SELECT * FROM linked") == [["line"]]


def test_a_query_that_wants_all_memory_is_refused(served):
    reason = served.reason("SELECT cardinality(array_agg(rpad(CAST(a.x AS varchar), 5000, 'x'))) FROM UNNEST(sequence(1, 50000)) AS "
                           "a(x), UNNEST(sequence(1, 100)) AS b(x)")  # fmt: skip
    assert reason == "EXCEEDED_LOCAL_MEMORY_LIMIT: Query exceeded the memory limit of the SQL engine"


def test_a_query_that_takes_too_long_is_ended(served, monkeypatch):
    monkeypatch.setattr(served.service._runner, "_query_seconds", 1)
    began = time.monotonic()
    slow = "SELECT count(*) FROM UNNEST(sequence(1, 50000)) AS a(x), UNNEST(sequence(1, 50000)) AS b(x) WHERE a.x % 7 = b.x % 11"
    assert served.reason(slow) == "EXCEEDED_TIME_LIMIT: Query exceeded the maximum execution time limit of 0.02m"
    assert time.monotonic() - began < 20


def test_writing_counts_what_it_scans(served):
    served.objects.put("data", "big/a.csv", b"x" * 99 + b"\n" + b"y" * (11 * 1024 * 1024) + b"\n")
    served.run("CREATE EXTERNAL TABLE big (line string) LOCATION 's3://data/big/'")
    served.athena.create_work_group(Name="cut", Configuration={
        "EnforceWorkGroupConfiguration": False, "BytesScannedCutoffPerQuery": 10_000_000})  # fmt: skip
    ended = served.wait(served.start("CREATE TABLE small AS SELECT count(*) AS n FROM big", WorkGroup="cut"))
    assert (ended["Status"]["State"], ended["Status"]["StateChangeReason"]) == (
        "CANCELLED", "Query cancelled! : Bytes scanned limit was exceeded",
    )  # fmt: skip
    assert served.reason("SELECT * FROM small").startswith("TABLE_NOT_FOUND")
