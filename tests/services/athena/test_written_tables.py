"""CREATE TABLE AS, INSERT INTO and UNLOAD through boto3: what is written, what is described, what is refused."""

# A statement and its failure stay on one line.
# ruff: noqa: E501

from __future__ import annotations

import gzip
import time

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module", autouse=True)
def _database(served):
    served.run("CREATE DATABASE w")


def keys(served, prefix: str, bucket: str = "data") -> list[str]:
    return [entry.key for entry in served.objects.list_objects(bucket, prefix=prefix).objects]


def test_a_table_is_made_of_a_query_with_its_manifest_and_its_metadata(served):
    execution = served.run("CREATE TABLE w.first AS SELECT 1 AS n, 'a' AS s UNION ALL SELECT 2, NULL")
    query_id, place = execution["QueryExecutionId"], execution["ResultConfiguration"]["OutputLocation"]
    assert place == f"s3://results/out/tables/{query_id}"
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
    manifest = execution["Statistics"]["DataManifestLocation"]
    assert manifest == f"{place}-manifest.csv"
    (line,) = served.object(manifest).decode().splitlines()
    assert line.startswith(f"{place}/")
    assert len(served.object(f"{place}.metadata")) == 81
    assert served.cells("SELECT n, s FROM w.first ORDER BY n") == [["n", "s"], ["1", "a"], ["2", None]]
    results = served.athena.get_query_results(QueryExecutionId=query_id)
    assert (results["UpdateCount"], results["ResultSet"]["Rows"]) == (2, [])
    (column,) = results["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert (column["Name"], column["Type"], column["Precision"]) == ("rows", "bigint", 19)


def test_rows_are_inserted(served):
    served.run("CREATE TABLE w.grown WITH (format='TEXTFILE') AS SELECT 1 AS n, VARCHAR 'a' AS s")
    execution = served.run("INSERT INTO w.grown (s) VALUES 'b', 'c'")
    place = execution["ResultConfiguration"]["OutputLocation"]
    assert place == f"s3://results/out/{execution['QueryExecutionId']}"
    assert len(served.object(f"{place}.metadata")) == 75
    assert served.cells("SELECT n, s FROM w.grown ORDER BY s")[1:] == [["1", "a"], [None, "b"], [None, "c"]]


def test_a_query_is_unloaded(served):
    execution = served.run(
        "UNLOAD (SELECT 1 AS n, ARRAY['x'] AS a, CAST(ROW(1, 'q') AS ROW(id integer, t varchar)) AS r)\n"
        "TO 's3://data/unloaded/'\n WITH (format = 'JSON')"
    )
    (key,) = keys(served, "unloaded/")
    assert key.endswith(".gz")
    assert gzip.decompress(served.objects.read("data", key)) == b'{"n":1,"a":["x"],"r":{"id":1,"t":"q"}}\n'
    assert served.object(execution["Statistics"]["DataManifestLocation"]) == f"s3://data/{key}\n".encode()


def test_partitions_are_written_and_registered(served):
    select = "SELECT x AS v, CAST(x % 3 AS varchar) AS p, DATE '2024-01-01' AS d FROM UNNEST(sequence(1, 7)) AS t(x)"
    served.run(
        f"CREATE TABLE w.parts WITH (partitioned_by = ARRAY['p', 'd'], external_location='s3://data/parts') AS {select}"
    )
    assert [key.rsplit("/", 1)[0] for key in keys(served, "parts/")] == [f"parts/p={p}/d=2024-01-01" for p in "012"]
    assert served.cells("SHOW PARTITIONS w.parts") == [[f"p={p}/d=2024-01-01"] for p in "012"]
    served.run("INSERT INTO w.parts (d, v, p) VALUES (DATE '2024-02-02', 50, 'a/b=c'), (NULL, 51, '')")
    assert served.cells("SELECT v, p, d FROM w.parts WHERE v > 6 ORDER BY v")[1:] == [
        ["7", "1", "2024-01-01"], ["50", "a/b=c", "2024-02-02"], ["51", None, None],
    ]  # fmt: skip
    assert any("/p=a%2Fb%3Dc/" in f"/{key}" for key in keys(served, "parts/"))


def test_a_hundred_partitions_and_no_more_are_written_at_once(served):
    many = "SELECT x AS v, x AS p FROM UNNEST(sequence(1, {})) AS t(x)"
    served.run(f"CREATE TABLE w.hundred WITH (partitioned_by=ARRAY['p']) AS {many.format(100)}")
    place = "WITH (partitioned_by=ARRAY['p'], external_location='s3://data/toomany/')"
    assert served.reason(f"CREATE TABLE w.toomany {place} AS {many.format(101)}") == (
        "HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers for partitions/buckets. You may need to manually "
        "clean the data at location 's3://data/toomany' before retrying. Athena will not delete data in your account."
    )
    assert keys(served, "toomany/") == []
    assert served.reason("SELECT * FROM w.toomany").startswith("TABLE_NOT_FOUND")


def test_tables_are_made_without_data_and_only_where_there_are_none(served):
    execution = served.run("CREATE TABLE w.empty AS SELECT 1 AS n, 'a' AS s WITH NO DATA")
    assert "DataManifestLocation" not in execution["Statistics"]
    assert served.cells("DESCRIBE w.empty") == [["n                   \tint                 \t                    "],
                                                ["s                   \tvarchar(1)          \t                    "]]  # fmt: skip
    assert served.cells("SELECT * FROM w.empty") == [["n", "s"]]
    served.run("CREATE TABLE IF NOT EXISTS w.empty AS SELECT 2 AS other")
    assert served.reason("CREATE TABLE w.empty AS SELECT 1 AS n").startswith(
        "TABLE_ALREADY_EXISTS: line 1:14: Destination table 'awsdatacatalog.w.empty' already exists. You may need"
    )
    served.objects.put("data", "occupied/x", b"x")
    assert served.reason("CREATE TABLE w.o WITH (external_location='s3://data/occupied/') AS SELECT 1 n").startswith(
        "HIVE_PATH_ALREADY_EXISTS: Target directory for table 'w.o' already exists: s3://data/occupied/. You may"
    )
    assert served.reason("UNLOAD (SELECT 1 n) TO 's3://data/occupied'").startswith("HIVE_PATH_ALREADY_EXISTS")


REFUSED = [
    ("CREATE TABLE w.r AS SELECT 1", "MISSING_COLUMN_NAME: line 1:8: Column name not specified at position 1"),
    ("CREATE TABLE w.r AS SELECT 1 a, 2 A", "DUPLICATE_COLUMN_NAME: line 1:1: Column name 'a' specified more than once"),
    ("CREATE TABLE w.r AS SELECT NULL AS a", "COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown at position: a"),
    ("CREATE TABLE w.r AS SELECT current_timestamp AS a", "NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone"),
    ("CREATE TABLE w.r AS SELECT uuid() AS a", "NOT_SUPPORTED: Unsupported Hive type: uuid"),
    ("CREATE TABLE w.r AS SELECT ROW(1, 2) AS a", "NOT_SUPPORTED: Anonymous row type is not supported in Hive."),
    ("CREATE TABLE w.r AS SELECT missing AS a", "COLUMN_NOT_FOUND: line 1:28: Column 'missing' cannot be resolved"),
    ("CREATE TABLE w.r AS SELECT 1/0 AS a", "DIVISION_BY_ZERO: Division by zero. You may need to manually"),
    ("CREATE TABLE nowhere.r AS SELECT 1 AS a", "SCHEMA_NOT_FOUND: line 1:14: Schema 'nowhere' does not exist"),
    ("CREATE TABLE w.r WITH (odd=1) AS SELECT 1 a", "INVALID_TABLE_PROPERTY: line 1:1: Catalog 'awsdatacatalog' table"),
    ("CREATE TABLE w.r WITH (format='AVRO') AS SELECT 1 a", "NOT_SUPPORTED: format AVRO"),
    ("CREATE TABLE w.r WITH (table_type='ICEBERG') AS SELECT 1 a", "NOT_SUPPORTED: Iceberg tables"),
    ("CREATE TABLE w.r WITH (bucketed_by=ARRAY['a'], bucket_count=2) AS SELECT 1 a", "NOT_SUPPORTED: property bucketed_by"),
    ("CREATE TABLE w.r WITH (write_compression='LZO') AS SELECT 1 a", "NOT_SUPPORTED: compression LZO"),
    ("CREATE TABLE w.r WITH (orc_compression='ZLIB') AS SELECT 1 a", "INVALID_TABLE_PROPERTY: Cannot specify orc_compression"),
    ("CREATE TABLE w.r WITH (partitioned_by=ARRAY['a']) AS SELECT 1 a, 2 b", "HIVE_COLUMN_ORDER_MISMATCH: Partition keys"),
    ("CREATE TABLE w.r WITH (partitioned_by=ARRAY['z']) AS SELECT 1 a", "INVALID_TABLE_PROPERTY: Partition columns [z] not"),
    ("CREATE TABLE w.r WITH (partitioned_by=ARRAY['a']) AS SELECT 1 a", "INVALID_TABLE_PROPERTY: Table contains only"),
    ("CREATE TABLE w.r WITH (external_location='/etc/x') AS SELECT 1 a", "INVALID_TABLE_PROPERTY: External location is not"),
    ("CREATE TABLE w.r WITH (external_location='s3://nobucket/x') AS SELECT 1 a", "HIVE_FILESYSTEM_ERROR: Error accessing S3"),
    ("INSERT INTO w.missing VALUES 1", "TABLE_NOT_FOUND: line 1:13: Table 'awsdatacatalog.w.missing' does not exist"),
    ("INSERT INTO w.into_ VALUES ('a', 1)", "TYPE_MISMATCH: line 1:13: Insert query has mismatched column types: "
     "Table: [integer, varchar(2)], Query: [varchar(1), integer]"),
    ("INSERT INTO w.into_ VALUES 1", "TYPE_MISMATCH: line 1:13: Insert query has mismatched column types"),
    ("INSERT INTO w.into_ (n, n) VALUES (1, 2)", "DUPLICATE_COLUMN_NAME"),
    ("INSERT INTO w.into_ (z) VALUES 1", "COLUMN_NOT_FOUND: line 1:13: Insert column name does not exist in target table: z"),
    ("INSERT INTO w.into_ VALUES (1, 'abc')", "INVALID_CAST_ARGUMENT: Cannot truncate non-space characters when casting from "
     "varchar(3) to varchar(2) on INSERT"),
    ("INSERT INTO w.quoted VALUES 'a'", "NOT_SUPPORTED: INSERT INTO a table with SerDe org.apache.hadoop.hive.serde2.OpenCSV"),
    ("UNLOAD (SELECT 1 AS a) TO 's3://data/u1/' WITH (format='CSV')", "NOT_SUPPORTED: format CSV"),
    ("UNLOAD (SELECT 1 AS a) TO '/tmp/u1/'", "INVALID_TABLE_PROPERTY: External location is not a valid S3 path: /tmp/u1/"),
    ("UNLOAD (SELECT 1 AS a) TO 's3://../etc/'", "HIVE_"),
    ("UPDATE w.into_ SET n = 1", "NOT_SUPPORTED: UPDATE"),
]  # fmt: skip


@pytest.fixture(scope="module")
def targets(served):
    served.run("CREATE TABLE w.into_ (n, s) AS SELECT 1, CAST('ab' AS varchar(2))")
    served.run("CREATE EXTERNAL TABLE w.quoted (a string) ROW FORMAT SERDE "
               "'org.apache.hadoop.hive.serde2.OpenCSVSerde' LOCATION 's3://data/quoted/'")  # fmt: skip


@pytest.mark.parametrize(("sql", "reason"), REFUSED)
def test_what_cannot_be_written_is_said_and_nothing_is_left(served, targets, sql, reason):
    assert served.reason(sql).startswith(reason)
    assert served.reason("SELECT * FROM w.r").startswith("TABLE_NOT_FOUND")


@pytest.mark.parametrize("sql", [
    "CREATE TABLE w.x AS", "CREATE TABLE w.x WITH (a) AS SELECT 1", "INSERT INTO", "INSERT INTO w.x", "UNLOAD SELECT 1",
    "UNLOAD (SELECT 1)", "UNLOAD (SELECT 1 TO 's3://a/b'", "INSERT INTO w.x DROP TABLE w.x", "CREATE TABLE w.x AS (DROP)",
    "UNLOAD (SELECT 1) TO 's3://a/' WITH (format = 1 2)", "INSERT OVERWRITE w.x SELECT 1",
])  # fmt: skip
def test_what_does_not_parse_is_refused_at_the_start(served, sql):
    with pytest.raises(ClientError) as caught:
        served.start(sql)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"
    assert "mismatched input" in str(caught.value) or "Only one" in str(caught.value)


def test_a_group_that_prescribes_locations_refuses_another_one(served):
    served.athena.create_work_group(
        Name="strict", Configuration={"ResultConfiguration": {"OutputLocation": "s3://results/strict/"}}
    )
    sql = "CREATE TABLE w.strict WITH (external_location='s3://data/strict/') AS SELECT 1 AS n"
    assert served.reason(sql, WorkGroup="strict").startswith("The Create Table As Select query failed because it was")
    execution = served.run("CREATE TABLE w.strict AS SELECT 1 AS n", WorkGroup="strict")
    assert execution["Statistics"]["DataManifestLocation"].startswith("s3://results/strict/tables/")


def test_a_statement_that_is_stopped_leaves_nothing(served):
    query_id = served.start(
        "CREATE TABLE w.stopped WITH (format='TEXTFILE', write_compression='NONE', external_location='s3://data/stopped/') AS "
        "SELECT a.x + b.x AS n FROM UNNEST(sequence(1, 50000)) AS a(x), UNNEST(sequence(1, 50000)) AS b(x)"
    )
    time.sleep(0.3)
    served.athena.stop_query_execution(QueryExecutionId=query_id)
    assert served.wait(query_id)["Status"]["State"] == "CANCELLED"
    deadline = time.monotonic() + 10
    while any(served.service._runner._stops) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert keys(served, "stopped/") == []
    assert served.reason("SELECT * FROM w.stopped").startswith("TABLE_NOT_FOUND")


def test_parameters_and_prepared_statements_write_too(served):
    served.run("CREATE TABLE w.prepared AS SELECT CAST(? AS integer) AS n", ExecutionParameters=["5"])
    served.run("PREPARE more FROM INSERT INTO w.prepared SELECT ?")
    served.run("EXECUTE more USING 6")
    assert served.cells("SELECT n FROM w.prepared ORDER BY n")[1:] == [["5"], ["6"]]


def test_nothing_is_written_for_no_rows(served):
    execution = served.run("INSERT INTO w.first SELECT 1, 'a' WHERE false")
    assert "DataManifestLocation" not in execution["Statistics"]
    results = served.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])
    assert results["UpdateCount"] == 0
    execution = served.run("UNLOAD (SELECT 1 AS a WHERE false) TO 's3://data/unloaded-empty/'")
    assert served.object(execution["Statistics"]["DataManifestLocation"]) == b""
