"""EXPLAIN, DESCRIBE FORMATTED, and what describes a view."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _tables(served):
    served.run("CREATE DATABASE x")
    served.objects.put("data", "x/t/day=1/a.csv", b"1,a\n")
    served.run(
        "CREATE EXTERNAL TABLE x.t (id int COMMENT 'the key', name string) PARTITIONED BY (day int) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/x/t/' TBLPROPERTIES ('own'='v')"
    )
    served.run("MSCK REPAIR TABLE x.t")
    served.run("CREATE VIEW x.v AS SELECT id, CAST(name AS varchar(3)) AS short FROM x.t")


def test_a_plan_names_the_columns_and_what_is_read(served):
    execution = served.run("EXPLAIN SELECT id, name FROM x.t WHERE day = 1")
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DML", "EXPLAIN")
    place = execution["ResultConfiguration"]["OutputLocation"]
    assert place.endswith(".txt")
    assert served.object(place).decode().startswith("Query Plan\nFragment 0 [SINGLE]\n")
    answer = served.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])
    rows = [row["Data"][0]["VarCharValue"] for row in answer["ResultSet"]["Rows"]]
    assert rows[0] == "Query Plan"
    assert rows[-1] == ""
    assert "    │   Layout: [id:integer, name:varchar]" in rows
    assert "    └─ TableScan[table = awsdatacatalog:x:t]" in rows
    assert "           Input: 1 files, 4B" in rows
    assert "UpdateCount" not in answer


def test_a_query_is_validated(served):
    assert served.cells("EXPLAIN (TYPE VALIDATE) SELECT * FROM x.v") == [["Valid"], ["true"]]
    assert served.reason("EXPLAIN SELECT nothing FROM x.t").startswith("COLUMN_NOT_FOUND: line 1:16")


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("EXPLAIN ANALYZE SELECT 1", "EXPLAIN ANALYZE"),
        ("EXPLAIN (FORMAT JSON) SELECT 1", "EXPLAIN (FORMAT JSON)"),
        ("EXPLAIN (TYPE IO, FORMAT TEXT) SELECT 1", "EXPLAIN (TYPE IO)"),
        ("EXPLAIN INSERT INTO x.t SELECT 1", "EXPLAIN of INSERT"),
        ("DESCRIBE EXTENDED x.t", "DESCRIBE EXTENDED"),
    ],
)
def test_other_forms_are_refused_by_name(served, sql, named):
    assert served.reason(sql) == f"NOT_SUPPORTED: {named}"


def test_a_table_is_described_in_full(served):
    lines = [row[0] for row in served.cells("DESCRIBE FORMATTED x.t")]
    assert lines[2] == "id                  \tint                 \tthe key             "
    assert "# Partition Information\t \t " in lines
    assert "Location:           \ts3://data/x/t/      \t " in lines
    assert "\town                 \tv                   " in lines
    assert any(line.startswith("SerDe Library:      \torg.apache.hadoop.hive.serde2.lazy") for line in lines)
    assert served.cells("SHOW TBLPROPERTIES x.t ('own')") == [["v"]]


@pytest.mark.parametrize("sql", ["DESCRIBE x.v", "DESC x.v", "SHOW COLUMNS IN x.v"])
def test_a_view_is_described_in_trinos_types(served, sql):
    execution = served.run(sql)
    assert (execution["StatementType"], execution["SubstatementType"]) == ("UTILITY", "DESC_VIEW")
    answer = served.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])
    assert [row["Data"][0]["VarCharValue"] for row in answer["ResultSet"]["Rows"]] == [
        "id\tinteger",
        "short\tvarchar(3)",
    ]
    columns = answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(c["Name"], c["Type"]) for c in columns] == [("column", "varchar"), ("type", "varchar")]
