"""Partition projection: the partitions that a table's properties give, and what a query reads of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

TODAY = datetime.now(UTC)


@pytest.fixture(scope="module", autouse=True)
def _tables(served):
    served.run("CREATE DATABASE proj")
    for ago in range(4):
        day = (TODAY - timedelta(days=ago)).strftime("%Y/%m/%d")
        for kind in ("web", "app"):
            served.objects.put("data", f"proj/{kind}/{day}/a.csv", f"{kind}{ago}\n".encode())
    served.run(
        "CREATE EXTERNAL TABLE proj.logs (line string) PARTITIONED BY (kind string, day string) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://data/proj/' TBLPROPERTIES ("
        "'projection.enabled'='true', 'projection.kind.type'='enum', 'projection.kind.values'='web,app,none', "
        "'projection.day.type'='date', 'projection.day.format'='yyyy/MM/dd', 'projection.day.range'='NOW-2DAYS,NOW', "
        "'storage.location.template'='s3://data/proj/${kind}/${day}/')"
    )
    for number in (1, 2, 12):
        served.objects.put("data", f"numbered/tenant=t{number % 2}/n={number:03d}/a.csv", f"{number}\n".encode())
    served.run(
        "CREATE EXTERNAL TABLE proj.numbered (v int) PARTITIONED BY (tenant string, n int) "
        "LOCATION 's3://data/numbered/' TBLPROPERTIES ("
        "'projection.enabled'='true', 'projection.tenant.type'='injected', 'projection.n.type'='integer', "
        "'projection.n.range'='0,999', 'projection.n.digits'='3')"
    )


def test_dates_count_from_now_and_enums_are_combined_with_them(served):
    found = served.cells("SELECT line FROM proj.logs ORDER BY 1")[1:]
    assert found == [["app0"], ["app1"], ["app2"], ["web0"], ["web1"], ["web2"]]
    day = (TODAY - timedelta(days=1)).strftime("%Y/%m/%d")
    assert served.cells(f"SELECT line, day FROM proj.logs WHERE day = '{day}' AND kind <> 'app'")[1:] == [["web1", day]]


def test_an_injected_key_needs_its_value(served):
    assert served.cells("SELECT v, n FROM proj.numbered WHERE tenant = 't0' ORDER BY 1")[1:] == [
        ["2", "2"],
        ["12", "12"],
    ]
    assert served.cells("SELECT v FROM proj.numbered WHERE tenant IN ('t0', 't1') AND n BETWEEN 1 AND 2")[1:]
    assert served.reason("SELECT v FROM proj.numbered WHERE n = 1").startswith(
        "CONSTRAINT_VIOLATION: For the injected projected partition column tenant, the WHERE clause"
    )


def test_rows_are_inserted_where_the_template_says(served):
    served.run("INSERT INTO proj.numbered VALUES (77, 'mine', 7)")
    assert served.cells("SELECT v, n FROM proj.numbered WHERE tenant = 'mine'")[1:] == []  # n=7 is not n=007
    served.run("INSERT INTO proj.logs VALUES ('new', 'none', '1999/01/01')")
    (key,) = [o.key for o in served.objects.list_objects("data", prefix="proj/none/").objects]
    assert key.startswith("proj/none/1999/01/01/")


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ("'projection.k.type'='enum'", "it has no property projection.k.values"),
        ("'projection.k.type'='odd'", "it has an unknown type odd"),
        ("'projection.x.type'='odd'", "it has no property projection.k.type"),
        ("'projection.k.type'='integer','projection.k.range'='1'", "it has a wrong range, interval or number"),
        ("'projection.k.type'='integer','projection.k.range'='0,9999999999'", "it has more than 1000000 values"),
        ("'projection.k.type'='date','projection.k.format'='yyyy-MM-dd','projection.k.range'='soon,NOW'",
         "it has a wrong range soon,NOW"),
        ("'projection.k.type'='date','projection.k.format'='EEE','projection.k.range'='NOW,NOW'",
         "EEE in projection date format EEE"),
    ],
)  # fmt: skip
def test_wrong_properties_are_named(served, properties, reason):
    served.run("DROP TABLE IF EXISTS proj.wrong")
    served.run(
        "CREATE EXTERNAL TABLE proj.wrong (v int) PARTITIONED BY (k string) LOCATION 's3://data/nothing/' "
        f"TBLPROPERTIES ('projection.enabled'='true', {properties})"
    )
    assert reason in served.reason("SELECT * FROM proj.wrong")
