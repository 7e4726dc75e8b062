"""What people do with dbt on Athena, with the project in shop_project. Run by test_dbt.py, from top to bottom."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import awswrangler as wr
from dbt.cli.main import dbtRunner

PROJECT = Path(tempfile.mkdtemp(dir=os.environ["HOME"])) / "shop"
HIVE = ("recent_orders", "customers", "orders_by_region", "appended", "overwritten")
_RUNNER = dbtRunner()


def prepare() -> None:
    wr.config.athena_query_wait_polling_delay = 0.02
    wr.config.athena_output_location = "s3://lake/results/"
    shutil.copytree(Path(__file__).parent.parent / "shop_project", PROJECT)


def _dbt(*arguments: str) -> None:
    place = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    done = _RUNNER.invoke([*arguments, *place, "--quiet"])
    if done.success:
        return
    results = getattr(done.result, "results", None) or []
    said = [
        f"{r.node.name}: {r.status}: {r.message}" for r in results if r.status not in ("success", "pass", "skipped")
    ]
    raise AssertionError("\n".join(said) or repr(done.exception or done.result))


def _rows(sql: str) -> list[tuple[object, ...]]:
    frame = wr.athena.read_sql_query(sql, database="analytics", ctas_approach=False)
    return [tuple(row) for row in frame.itertuples(index=False)]


def test_debug() -> None:
    _dbt("debug")


def test_seed() -> None:
    _dbt("seed")
    assert _rows("select count(*), count(note), cast(sum(price) as varchar) from orders") == [(4, 3, "42.75")]
    assert wr.catalog.get_table_types("analytics", "orders")["ordered"] == "date"


def test_run() -> None:
    _dbt("run", "--select", *HIVE)
    assert _rows("select name, orders from customers order by name") == [("ada", 2), ("grace", 1), ("linus", 1)]
    assert _rows("select count(*) from recent_orders") == [(3,)]
    assert sorted(v for (v,) in wr.catalog.get_partitions("analytics", "orders_by_region").values()) == [
        "north",
        "south",
    ]


def test_run_again() -> None:
    _dbt("run", "--select", *HIVE)
    assert _rows("select count(*), count(distinct id) from appended") == [(6, 4)]
    assert _rows("select count(*), count(distinct id) from overwritten") == [(4, 4)]
    assert _rows("select count(*) from customers") == [(3,)]


def test_data_tests() -> None:
    _dbt("test", "--exclude", "merged")


def test_a_failing_data_test_fails() -> None:
    wrong = PROJECT / "tests" / "wrong.sql"
    wrong.write_text("select * from {{ ref('customers') }}")
    try:
        _dbt("test", "--select", "wrong")
    except AssertionError as error:
        assert "Got 3 results" in str(error)  # noqa: PT017 - there is no pytest here
        return
    finally:
        wrong.unlink()
    raise AssertionError("it passed")


def test_docs() -> None:
    _dbt("docs", "generate", "--exclude", "merged")
    catalog = json.loads((PROJECT / "target" / "catalog.json").read_text())
    assert catalog["errors"] is None
    assert set(catalog["nodes"]["model.shop.customers"]["columns"]) == {"name", "orders", "spent"}
    assert "source.shop.shop.sales" in catalog["sources"]


def test_merge_into_iceberg() -> None:
    _dbt("run", "--select", "merged")
    _dbt("run", "--select", "merged", "appended", "--full-refresh")
    assert _rows("select count(*), count(distinct id) from merged") == [(4, 4)]
    assert _rows("select count(*) from appended") == [(4,)]


def test_snapshot() -> None:
    _dbt("snapshot")
    _dbt("snapshot")
    assert _rows("select count(*) from order_history") == [(4,)]
