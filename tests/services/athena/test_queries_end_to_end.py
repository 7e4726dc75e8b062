"""StartQueryExecution to GetQueryResults with boto3, and the objects that a query leaves."""

from __future__ import annotations

import hashlib
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError


def test_a_query_over_a_csv_table_leaves_athenas_csv(served):
    served.objects.put("data", "sales/part.csv", b"north,10\nsouth,14\n")
    served.run("CREATE DATABASE IF NOT EXISTS shop")
    served.run(
        "CREATE EXTERNAL TABLE shop.sales (category string, total int) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/sales/'"
    )
    execution = served.run("SELECT category, sum(total) AS total FROM shop.sales GROUP BY category ORDER BY category")
    written = served.object(execution["ResultConfiguration"]["OutputLocation"])
    assert written == b'"category","total"\n"north","10"\n"south","14"\n'
    assert hashlib.md5(written).hexdigest() == "77e6fab2801f6a159948b035b2939667"  # recorded on AWS
    assert execution["Statistics"]["DataScannedInBytes"] == 18
    assert len(served.object(execution["ResultConfiguration"]["OutputLocation"] + ".metadata")) == 116
    assert served.cells("SHOW TABLES IN shop") == [["sales"]]


def test_the_query_of_the_article_reads_a_table_of_the_default_database(served):
    served.objects.put("data", "list/a.csv", b's3://b/one.png\ns3://b/two "2".png\n')
    served.run(
        "CREATE EXTERNAL TABLE mytable (uri string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/list'"
    )
    served.athena.update_work_group(
        WorkGroup="primary",
        ConfigurationUpdates={"ResultConfigurationUpdates": {"OutputLocation": "s3://results"}},
    )
    query_id = served.athena.start_query_execution(QueryString="select * from mytable", WorkGroup="primary")[
        "QueryExecutionId"
    ]
    execution = served.wait(query_id)
    assert execution["ResultConfiguration"]["OutputLocation"] == f"s3://results/{query_id}.csv"
    assert served.objects.read("results", f"{query_id}.csv") == b'"uri"\n"s3://b/one.png"\n"s3://b/two ""2"".png"\n'


def test_null_the_empty_string_and_quotes_are_told_apart(served):
    assert served.csv(
        """SELECT 1 AS id, 'say "hi", ok' AS note, '' AS "empty", CAST(NULL AS varchar) AS missing"""
    ) == (b'"id","note","empty","missing"\n"1","say ""hi"", ok","",\n')
    assert served.cells("SELECT '' AS a, NULL AS b, 'x\ny' AS c") == [["a", "b", "c"], ["", None, "x\ny"]]


def test_results_are_paged_with_the_header_counted_and_a_token_on_every_full_page(served):
    query_id = served.run("SELECT x FROM UNNEST(sequence(1, 2500)) AS t(x) ORDER BY x")["QueryExecutionId"]
    sizes, token = [], {}
    for _ in range(3):
        page = served.athena.get_query_results(QueryExecutionId=query_id, **token)
        sizes.append(len(page["ResultSet"]["Rows"]))
        assert page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"][0]["Type"] == "bigint"
        token = {"NextToken": page.get("NextToken")}
    assert sizes == [1000, 1000, 501]
    assert token == {"NextToken": None}
    whole = served.athena.get_query_results(QueryExecutionId=served.run("SELECT 1")["QueryExecutionId"], MaxResults=2)
    assert len(whole["ResultSet"]["Rows"]) == 2
    query_id = served.run("SELECT 1")["QueryExecutionId"]
    token = served.athena.get_query_results(QueryExecutionId=query_id, MaxResults=2)["NextToken"]
    assert served.athena.get_query_results(QueryExecutionId=query_id, NextToken=token)["ResultSet"]["Rows"] == []


def test_no_rows_leave_a_header_only(served):
    assert served.csv("SELECT 1 AS a WHERE false") == b'"a"\n'


def test_opencsv_and_parquet_tables_are_read(served, tmp_path):
    served.objects.put("data", "quoted/a.csv", b'h1,h2\n"a, b","1"\nplain,\n"say ""x""",3\n')
    served.objects.put("data", "quoted/_hidden", b"nonsense")
    served.run(
        "CREATE EXTERNAL TABLE quoted (name string, n int) "
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
        "WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '\"') LOCATION 's3://data/quoted/' "
        "TBLPROPERTIES ('skip.header.line.count' = '1')"
    )
    assert served.cells("SELECT * FROM quoted ORDER BY n") == [
        ["name", "n"],
        ["a, b", "1"],
        ['say "x"', "3"],
        ["plain", None],
    ]
    table = pa.table({"ID": pa.array([1, 2], pa.int32()), "Name": ["x", None], "extra": [1.5, 2.5]})
    pq.write_table(table, tmp_path / "p.parquet")
    served.objects.put("data", "columns/p.parquet", (tmp_path / "p.parquet").read_bytes())
    served.run(
        "CREATE EXTERNAL TABLE columns_ (name string, id bigint, absent double) STORED AS PARQUET LOCATION 's3://data/columns/'"
    )
    assert served.cells("SELECT * FROM columns_ ORDER BY id") == [
        ["name", "id", "absent"],
        ["x", "1", None],
        [None, "2", None],
    ]


def test_lazy_simple_reads_as_hive_does(served):
    import gzip

    served.objects.put("data", "lazy/a.csv", b"1,a,2024-01-02,true\nx,\\N,bad,maybe\n3\n4,d,2024-01-03,FALSE,extra\n")
    served.objects.put("data", "lazy/b.csv.gz", gzip.compress(b'5,"q",,\n'))
    served.run(
        "CREATE EXTERNAL TABLE lazy_ (n int, s string, d date, b boolean) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/lazy/'"
    )
    rows = served.cells("SELECT * FROM lazy_ ORDER BY n")[1:]
    assert rows == [
        ["1", "a", "2024-01-02", "true"],
        ["3", None, None, None],
        ["4", "d", "2024-01-03", "false"],
        ["5", '"q"', None, None],
        [None, None, None, None],
    ]


def test_an_unreadable_parquet_file_fails_by_name_and_the_service_goes_on(served):
    served.objects.put("data", "broken/p.parquet", b"this is no parquet file at all")
    served.run("CREATE EXTERNAL TABLE broken_ (a int) STORED AS PARQUET LOCATION 's3://data/broken/'")
    assert served.reason("SELECT * FROM broken_") == "HIVE_BAD_DATA: Not valid Parquet file: s3://data/broken/p.parquet"
    assert served.csv("SELECT 1 AS a") == b'"a"\n"1"\n'


REASONS = [
    (
        "SELECT * FROM nowhere",
        "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.default.nowhere' does not exist",
        1301,
    ),
    ("SELECT * FROM no.t", "SCHEMA_NOT_FOUND: line 1:15: Schema 'no' does not exist", 1301),
    (
        "SELECT missing_column",
        "COLUMN_NOT_FOUND: line 1:8: Column 'missing_column' cannot be resolved or requester is not authorized to "
        "access requested resources",
        1006,
    ),
    ("SELECT nosuch(1)", "FUNCTION_NOT_FOUND: line 1:8: Function 'nosuch' not registered", 1303),
    ("SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero", 1001),
    ("SELECT CAST('abc' AS integer)", "INVALID_CAST_ARGUMENT: Cannot cast 'abc' to INTEGER", 1100),
    ("SELECT 2147483647 + 1", "NUMERIC_VALUE_OUT_OF_RANGE: integer addition overflow: 2147483647 + 1", 1006),
    (
        "SELECT (SELECT x FROM (VALUES 1, 2) t(x))",
        "SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows",
        1006,
    ),
    ("INSERT INTO t VALUES 1", "TABLE_NOT_FOUND: line 1:13: Table 'awsdatacatalog.default.t' does not exist", 1301),
    ("DROP TABLE nowhere", "FAILED: SemanticException [Error 10001]: Table not found default.nowhere", 1003),
]


@pytest.mark.parametrize(("sql", "reason", "number"), REASONS, ids=[r[0] for r in REASONS])
def test_failures_carry_athenas_code_and_text(served, sql, reason, number):
    execution = served.wait(served.start(sql))
    status = execution["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("FAILED", reason)
    assert (status["AthenaError"]["ErrorType"], status["AthenaError"]["Retryable"]) == (number, False)
    assert "QueryPlanningTimeInMillis" not in execution["Statistics"]
    with pytest.raises(ClientError, match="Query did not finish successfully"):
        served.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])


REFUSALS = [
    ("SELEC 1", "line 1:1: mismatched input 'SELEC'. Expecting: "),
    ("SELECT 1; SELECT 2", "Only one sql statement is allowed. Got: "),
    ("SELECT FROM WHERE", "mismatched input"),
    ("COPY t TO 'x'", "line 1:1: mismatched input 'COPY'"),
    ("ATTACH '/tmp/x.db'", "line 1:1: mismatched input 'ATTACH'"),
    ("INSTALL httpfs", "line 1:1: mismatched input 'INSTALL'"),
    ("SET memory_limit = '1TB'", "line 1:1: mismatched input 'SET'"),
    ("PRAGMA version", "line 1:1: mismatched input 'PRAGMA'"),
    ("CREATE TABLE t (n int)", "No location was specified for table. An S3 location must be specified"),
    ('DROP TABLE "t"', "no viable alternative at input"),
]


@pytest.mark.parametrize(("sql", "message"), REFUSALS, ids=[r[0] for r in REFUSALS])
def test_what_is_no_statement_is_refused_at_the_start(served, sql, message):
    with pytest.raises(ClientError) as refused:
        served.start(sql)
    assert message in refused.value.response["Error"]["Message"]
    assert refused.value.response["AthenaErrorCode"] == "MALFORMED_QUERY"


ESCAPES = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    'SELECT * FROM "/etc/passwd"',
    "SELECT * FROM duckdb_settings()",
    "SELECT read_text('/etc/passwd')",
    "SELECT getenv('HOME')",
    "SELECT current_setting('memory_limit')",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM information_schema.duckdb_tables",
]


@pytest.mark.parametrize("sql", ESCAPES)
def test_a_query_reads_nothing_but_tables(served, sql):
    try:
        reason = served.reason(sql)
    except ClientError as refused:
        reason = refused.response["AthenaErrorCode"]
    codes = ("NOT_SUPPORTED", "TABLE_NOT_FOUND", "FUNCTION_NOT_FOUND", "SCHEMA_NOT_FOUND", "MALFORMED_QUERY")
    assert reason.split(":")[0] in codes


def test_the_same_token_starts_one_query_and_other_arguments_are_refused(served):
    token = uuid.uuid4().hex
    first = served.start("SELECT 1", ClientRequestToken=token)
    assert served.start("SELECT 1", ClientRequestToken=token) == first
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        served.start("SELECT 2", ClientRequestToken=token)


def test_locations_and_groups_are_checked_at_the_start(served):
    with pytest.raises(ClientError, match="outputLocation is not a valid S3 path"):
        served.start("SELECT 1", ResultConfiguration={"OutputLocation": "http://x"})
    with pytest.raises(ClientError, match="WorkGroup is not found"):
        served.start("SELECT 1", WorkGroup="none")
    assert "The S3 location provided to save your query results is invalid" in served.reason(
        "SELECT 1", ResultConfiguration={"OutputLocation": "s3://no-such-bucket/x/"}
    )


def test_a_long_query_can_be_stopped(served):
    many = "UNNEST(sequence(1, 50000))"
    sql = f"SELECT count(*) FROM {many} a(x) CROSS JOIN {many} b(y) WHERE a.x * b.y % 7 = 3"
    query_id = served.start(sql)
    served.athena.stop_query_execution(QueryExecutionId=query_id)
    status = served.wait(query_id)["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
    assert "AthenaError" not in status
    with pytest.raises(ClientError, match="Could not find results"):
        served.athena.get_query_results(QueryExecutionId=query_id)


def test_executions_are_listed_newest_first_and_fetched_in_batches(served):
    ids = [served.start("SELECT 1") for _ in range(3)]
    listed = served.athena.list_query_executions(MaxResults=3)
    assert listed["QueryExecutionIds"] == ids[::-1]
    unknown = str(uuid.uuid4())
    answer = served.athena.batch_get_query_execution(QueryExecutionIds=[ids[0], unknown])
    assert [e["QueryExecutionId"] for e in answer["QueryExecutions"]] == [ids[0]]
    assert answer["UnprocessedQueryExecutionIds"][0]["QueryExecutionId"] == unknown


def test_the_catalog_is_seen_through_the_api(served):
    served.run(
        "CREATE EXTERNAL TABLE IF NOT EXISTS seen (a int, b struct<x:int,y:array<string>>) STORED AS PARQUET LOCATION 's3://data/seen/'"
    )
    table = served.athena.get_table_metadata(CatalogName="awsdatacatalog", DatabaseName="default", TableName="SEEN")[
        "TableMetadata"
    ]
    assert [c["Type"] for c in table["Columns"]] == ["int", "struct<x:int,y:array<string>>"]
    assert table["Parameters"]["location"] == "s3://data/seen/"
    place = {"CatalogName": "AwsDataCatalog", "DatabaseName": "default"}
    for expression in ("see.*", "SEE*", "*ee*"):
        listed = served.athena.list_table_metadata(**place, Expression=expression)
        assert [t["Name"] for t in listed["TableMetadataList"]] == ["seen"]
    with pytest.raises(ClientError, match="Expression"):
        served.athena.list_table_metadata(**place, Expression="(a+)+")
    names = [d["Name"] for d in served.athena.list_databases(CatalogName="AwsDataCatalog")["DatabaseList"]]
    assert "default" in names
    with pytest.raises(ClientError, match="Entity Not Found"):
        served.athena.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="default", TableName="none")
    assert served.cells("DESCRIBE seen")[0] == ["\t".join(cell.ljust(20) for cell in ("a", "int", ""))]


def test_what_is_not_supported_in_a_table_is_named(served):
    table = "CREATE EXTERNAL TABLE refused_ (a int) {} LOCATION 's3://data/refused/'"
    assert served.reason(table.format("STORED AS AVRO")) == "NOT_SUPPORTED: STORED AS AVRO"
    assert served.reason(table.format("ROW FORMAT SERDE 'com.amazonaws.glue.serde.GrokSerDe'")).startswith(
        "NOT_SUPPORTED: SerDe"
    )


def test_the_scan_cut_off_of_the_group_cancels(served):
    served.objects.put("data", "big/a.csv", b"0123456789\n" * 1_000_000)
    served.run("CREATE EXTERNAL TABLE big_ (s string) ROW FORMAT DELIMITED LOCATION 's3://data/big/'")
    group = {"WorkGroup": "primary"}
    served.athena.update_work_group(**group, ConfigurationUpdates={"BytesScannedCutoffPerQuery": 10_000_000})
    status = served.wait(served.start("SELECT count(*) FROM big_"))["Status"]
    assert status["StateChangeReason"] == "Query cancelled! : Bytes scanned limit was exceeded"
    served.athena.update_work_group(**group, ConfigurationUpdates={"RemoveBytesScannedCutoffPerQuery": True})
    assert served.cells("SELECT count(*) FROM big_")[1] == ["1000000"]
