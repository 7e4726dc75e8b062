"""Partitioned tables, ALTER TABLE, MSCK REPAIR TABLE, hidden columns and views, through boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from steppe.stores.catalog import CatalogStore

DATA = {
    "t/day=2026-01-01/hour=1/a.csv": "1,x\n2,y\n",
    "t/day=2026-01-01/hour=2/a.csv": "3,z\n",
    "t/day=2026-01-02/hour=1/a.csv": "4,w\n",
    "elsewhere/b.csv": "5,v\n",
    "t/_temporary/day=9/x.csv": "9,no\n",
}


@pytest.fixture(scope="module")
def db(served):
    """A database with a partitioned table over DATA, its partitions repaired."""
    served.run("CREATE DATABASE parts")
    for key, body in DATA.items():
        served.objects.put("data", key, body.encode())
    served.run(
        "CREATE EXTERNAL TABLE parts.t (id int, note string) PARTITIONED BY (day date, hour int) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/t/'"
    )
    execution = served.run("MSCK REPAIR TABLE parts.t")
    assert execution["SubstatementType"] == "MSCK_REPAIR"
    text = served.object(execution["ResultConfiguration"]["OutputLocation"]).decode()
    assert text.split("\n")[1] == "Repair: Added partition to metastore parts.t:day=2026-01-01/hour=1"
    return "parts"


def rows(served, sql):
    return served.cells(sql)[1:]


def lines(served, sql):
    return [row[0] for row in served.cells(sql)]


def test_partitions_are_found_shown_and_part_of_every_row(served, db):
    shown = ["day=2026-01-01/hour=1", "day=2026-01-01/hour=2", "day=2026-01-02/hour=1"]
    assert lines(served, "SHOW PARTITIONS parts.t") == shown
    assert lines(served, "SHOW PARTITIONS parts.t PARTITION (day='2026-01-02')") == shown[2:]
    assert rows(served, "SELECT * FROM parts.t ORDER BY id") == [
        ["1", "x", "2026-01-01", "1"],
        ["2", "y", "2026-01-01", "1"],
        ["3", "z", "2026-01-01", "2"],
        ["4", "w", "2026-01-02", "1"],
    ]


@pytest.mark.parametrize(
    ("where", "ids", "scanned"),
    [
        ("day = DATE '2026-01-02'", ["4"], 4),
        ("hour + 1 = 3", ["3"], 4),
        ("day < DATE '2026-01-02' AND t.hour IN (2, 7) AND id > 0", ["3"], 4),
        ("(day = DATE '2026-01-02' AND id = 4) OR id = 1", ["1", "4"], 16),
        ("day = DATE '2030-01-01'", [], 0),
        ("hour = id", ["1"], 16),
        ("hour IS NULL", [], 0),
    ],
)
def test_only_the_partitions_that_can_matter_are_read(served, db, where, ids, scanned):
    execution = served.run(f"SELECT id FROM parts.t WHERE {where} ORDER BY id")
    body = served.object(execution["ResultConfiguration"]["OutputLocation"]).decode()
    assert [line.strip('"') for line in body.split("\n")[1:-1]] == ids
    assert execution["Statistics"]["DataScannedInBytes"] == scanned


def test_an_outer_join_keeps_the_rows_that_a_condition_on_it_brings_back(served, db):
    sql = (
        "SELECT v.x, t.id FROM (VALUES 1, 100) AS v(x) LEFT JOIN parts.t ON t.id = v.x "
        "WHERE t.hour IS NULL OR t.day = DATE '2026-01-01' ORDER BY 1"
    )
    assert rows(served, sql) == [["1", "1"], ["100", None]]
    only = "SELECT v.x FROM (VALUES 1, 100) AS v(x) LEFT JOIN parts.t ON t.id = v.x WHERE t.hour IS NULL"
    assert rows(served, only) == [["100"]]


def test_hidden_columns_are_there_when_they_are_named(served, db):
    sql = (
        'SELECT id, "$path", "$file_size", "$partition", "$file_modified_time" > TIMESTAMP \'2020-01-01 00:00:00 UTC\' '
        "FROM parts.t WHERE hour = 2"
    )
    path = "s3://data/t/day=2026-01-01/hour=2/a.csv"
    assert rows(served, sql) == [["3", path, "4", "day=2026-01-01/hour=2", "true"]]
    assert served.reason("SELECT id FROM parts.t WHERE $path = 'x'")


def test_partitions_are_added_moved_renamed_and_dropped(served, db):
    served.run(
        "CREATE EXTERNAL TABLE parts.u (id int, note string) PARTITIONED BY (p string) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/none/'"
    )
    execution = served.run("ALTER TABLE parts.u ADD IF NOT EXISTS PARTITION (p='a') LOCATION 's3://data/elsewhere/'")
    assert execution["SubstatementType"] == "ALTER_TABLE_ADD_PARTITION"
    served.run(
        "ALTER TABLE parts.u ADD PARTITION (p='b') PARTITION (p='__HIVE_DEFAULT_PARTITION__') LOCATION 's3://data/elsewhere'"
    )
    again = served.reason("ALTER TABLE parts.u ADD PARTITION (p='a')")
    assert again.endswith("DDLTask. AlreadyExistsException(message:Partition already exists.)")
    assert rows(served, "SELECT id, p FROM parts.u ORDER BY p") == [["5", "a"], ["5", None]]
    served.run("ALTER TABLE parts.u PARTITION (p='b') SET LOCATION 's3://data/elsewhere'")
    served.run("ALTER TABLE parts.u PARTITION (p='b') RENAME TO PARTITION (p='c')")
    assert rows(served, "SELECT p FROM parts.u WHERE p > 'a'") == [["c"]]
    served.run("ALTER TABLE parts.u DROP PARTITION (p='a'), PARTITION (p='c')")
    assert lines(served, "SHOW PARTITIONS parts.u") == ["p=__HIVE_DEFAULT_PARTITION__"]
    assert "Partition not found (p = a)" in served.reason("ALTER TABLE parts.u DROP PARTITION (p='a')")
    served.run("ALTER TABLE parts.u DROP IF EXISTS PARTITION (p='a')")


def test_a_value_that_is_none_of_its_type_fails_the_query(served, db):
    served.run(
        "CREATE EXTERNAL TABLE parts.bad (id int) PARTITIONED BY (n int) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/none/'"
    )
    served.run("ALTER TABLE parts.bad ADD PARTITION (n='x') LOCATION 's3://data/elsewhere/'")
    said = served.reason("SELECT * FROM parts.bad")
    assert said == "HIVE_INVALID_PARTITION_VALUE: Invalid partition value 'x' for integer partition key: n"


def test_columns_and_properties_of_a_table_are_changed(served, db):
    served.run(
        "CREATE EXTERNAL TABLE parts.c (a int) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/elsewhere/'"
    )
    served.run("ALTER TABLE parts.c ADD COLUMNS (b string COMMENT 'two')")
    assert rows(served, "SELECT a, b FROM parts.c") == [["5", "v"]]
    served.run("ALTER TABLE parts.c CHANGE COLUMN b c string")
    served.run("ALTER TABLE parts.c SET TBLPROPERTIES ('skip.header.line.count'='1')")
    assert rows(served, "SELECT * FROM parts.c") == []
    served.run("ALTER TABLE parts.c REPLACE COLUMNS (z string)")
    served.run("ALTER TABLE parts.c SET LOCATION 's3://data/t/day=2026-01-01/hour=1/'")
    assert rows(served, "SELECT * FROM parts.c") == [["2"]]
    assert "Duplicate column name" in served.reason("ALTER TABLE parts.c ADD COLUMNS (z int)")
    assert served.reason("ALTER TABLE parts.c RENAME TO parts.d") == "NOT_SUPPORTED: ALTER TABLE RENAME"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SHOW PARTITIONS parts.plain", "Table plain is not a partitioned table"),
        ("ALTER TABLE parts.t ADD PARTITION (day='2026-01-01')", "doesn't contain all (2) partition columns"),
        ("ALTER TABLE parts.t DROP PARTITION (nope='1')", "Non-Partition column appears"),
        ("ALTER TABLE parts.nope ADD PARTITION (p='1')", "Table not found parts.nope"),
        ("MSCK REPAIR TABLE parts.nope", "Table not found parts.nope"),
    ],
)
def test_what_cannot_be_done_fails_in_hive_s_words(served, db, sql, said):
    served.run("CREATE EXTERNAL TABLE IF NOT EXISTS parts.plain (a int) LOCATION 's3://data/elsewhere/'")
    assert said in served.reason(sql)


def test_views_are_made_read_shown_replaced_and_dropped(served, db):
    served.run("CREATE VIEW parts.v AS SELECT id, day, 1.5 AS half FROM t WHERE hour = 1",
               QueryExecutionContext={"Database": "parts"})  # fmt: skip
    assert rows(served, 'SELECT * FROM "parts"."v" WHERE id > 1 ORDER BY id') == [
        ["2", "2026-01-01", "1.5"],
        ["4", "2026-01-02", "1.5"],
    ]
    assert lines(served, "SHOW VIEWS IN parts") == ["v"]
    assert lines(served, "SHOW CREATE VIEW parts.v")[0] == "CREATE VIEW parts.v AS"
    assert "View already exists: 'awsdatacatalog.parts.v'" in served.reason("CREATE VIEW parts.v AS SELECT 1 AS x")
    served.run("CREATE OR REPLACE VIEW parts.v (one, two) AS SELECT 1, 'b'")
    served.run('CREATE VIEW parts.w AS SELECT two FROM parts."v"')
    assert rows(served, "SELECT * FROM parts.w") == [["b"]]
    listed = rows(served, "SELECT table_name FROM information_schema.views WHERE table_schema = 'parts' ORDER BY 1")
    assert listed == [["v"], ["w"]]
    served.run("DROP VIEW parts.v")
    assert "Failed analyzing stored view 'awsdatacatalog.parts.w'" in served.reason("SELECT * FROM parts.w")
    served.run("DROP VIEW IF EXISTS parts.v")
    assert "View 'awsdatacatalog.parts.v' does not exist" in served.reason("DROP VIEW parts.v")


def test_a_view_over_itself_is_refused(served, db):
    served.run("CREATE VIEW parts.loop AS SELECT 1 AS x")
    served.run("CREATE VIEW parts.back AS SELECT * FROM parts.loop")
    served.run("CREATE OR REPLACE VIEW parts.loop AS SELECT * FROM parts.back")
    assert "Statement is recursive" in served.reason("SELECT * FROM parts.loop")


def test_a_view_that_another_tool_wrote_is_read_and_nonsense_is_told(served, db):
    catalog = CatalogStore(served.database)
    made = catalog.table("parts", "t")
    catalog.create_table({"DatabaseName": "parts", "Name": "odd", "TableType": "VIRTUAL_VIEW",
                          "ViewOriginalText": "SELECT 1", "StorageDescriptor": made["StorageDescriptor"]})  # fmt: skip
    assert "INVALID_VIEW" in served.reason("SELECT * FROM parts.odd")


@pytest.mark.parametrize("sql", ["CREATE VIEW v", "CREATE VIEW v AS", "CREATE VIEW v (a AS SELECT 1", "DROP VIEW",
                                 "ALTER TABLE t", "ALTER TABLE t ADD PARTITION", "ALTER TABLE t ADD PARTITION (a)",
                                 "ALTER TABLE t ADD PARTITION (a='1'", "SHOW PARTITIONS"])  # fmt: skip
def test_what_does_not_parse_is_refused_at_the_start(served, sql):
    with pytest.raises(ClientError) as caught:
        served.start(sql)
    assert caught.value.response["AthenaErrorCode"] == "MALFORMED_QUERY"
