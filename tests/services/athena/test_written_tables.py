"""CREATE TABLE AS, INSERT INTO and UNLOAD through boto3: what is written, what is described, what is refused."""

from __future__ import annotations

import gzip

import pytest


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
