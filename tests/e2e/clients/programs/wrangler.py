"""What people do with awswrangler, against the endpoint in the environment. Run by test_awswrangler.py."""

from __future__ import annotations

import datetime
from decimal import Decimal

import awswrangler as wr
import boto3
import pandas as pd
from awswrangler.exceptions import QueryFailed

LAKE = "s3://lake/wrangler"
PEOPLE = "select id, name, score, born from people order by id"
FRAME = pd.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "name": ["Ada", "Grace", None, 'with, "comma"'],
        "score": [36.5, 85.0, None, -1.0],
        "flag": [True, False, True, False],
        "price": [Decimal("1.50"), Decimal("2.25"), None, Decimal("-3.00")],
        "born": [datetime.date(1815, 12, 10), datetime.date(1906, 12, 9), None, datetime.date(2000, 1, 1)],
        "seen": pd.to_datetime(["2020-01-02 03:04:05.678", "2021-01-01 00:00:00.000", None, "2022-02-02 12:00:00.000"]),
        "region": ["north", "south", "north", "south"],
    }
)


def prepare() -> None:
    wr.config.athena_query_wait_polling_delay = 0.02
    wr.config.athena_output_location = "s3://lake/results/"
    wr.catalog.create_database("wrangler", exist_ok=True, description="written by awswrangler")


def _read(sql: str, **options: object) -> pd.DataFrame:
    return wr.athena.read_sql_query(sql, database="shop", **({"ctas_approach": False} | options))


def _rows(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    return [tuple(None if pd.isna(v) else v for v in row) for row in frame.itertuples(index=False)]


def test_a_query_is_a_data_frame() -> None:
    frame = _read(PEOPLE)
    assert frame["id"].tolist() == [1, 2, 3]
    assert frame["born"][0] == datetime.date(1815, 12, 10)
    assert frame["score"].isna().tolist() == [False, False, True]
    assert frame.query_metadata["Status"]["State"] == "SUCCEEDED"


def test_a_query_comes_in_chunks() -> None:
    chunks = list(_read("select n from unnest(sequence(1, 25)) as t(n)", chunksize=10))
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]


def test_parameters_are_quoted() -> None:
    frame = _read(
        "select id from people where name = :name and contains(:ids, id)", params={"name": "Ada", "ids": [1, 2]}
    )
    assert frame["id"].tolist() == [1]


def test_parameters_of_the_request_stand_for_question_marks() -> None:
    frame = _read("select id from people where name = ?", params=["'Ada'"], paramstyle="qmark")
    assert frame["id"].tolist() == [1]


def test_a_prepared_statement_is_executed() -> None:
    wr.athena.create_prepared_statement(sql="select name from people where id = ?", statement_name="by_id")
    assert [s["StatementName"] for s in wr.athena.list_prepared_statements()] == ["by_id"]
    assert _read('execute "by_id"', params=["2"], paramstyle="qmark")["name"].tolist() == ["Grace"]
    wr.athena.delete_prepared_statement(statement_name="by_id")
    assert wr.athena.list_prepared_statements() == []


def test_an_earlier_result_is_used_again() -> None:
    cache = {"max_cache_seconds": 900}
    first = _read("select sum(id) as s from people", athena_cache_settings=cache)
    again = _read("select sum(id) as s from people", athena_cache_settings=cache)
    assert first["s"].tolist() == again["s"].tolist() == [6]
    assert first.query_metadata["QueryExecutionId"] == again.query_metadata["QueryExecutionId"]


def test_a_statement_is_started_and_waited_for() -> None:
    query_id = wr.athena.start_query_execution("select 1 as one, 'x' as two", database="shop")
    assert wr.athena.wait_query(query_id)["Status"]["State"] == "SUCCEEDED"
    assert wr.athena.get_query_execution(query_id)["Query"] == "select 1 as one, 'x' as two"
    assert wr.athena.get_query_results(query_id)["one"].tolist() == [1]
    assert wr.athena.get_query_columns_types(query_id) == {"one": "integer", "two": "varchar"}
    assert query_id in wr.athena.list_query_executions()
    assert len(wr.athena.get_query_executions([query_id])) == 1
    assert wr.athena.start_query_execution("select 2", database="shop", wait=True)["Status"]["State"] == "SUCCEEDED"


def test_a_query_is_stopped() -> None:
    slow = "select count(*) from unnest(sequence(1, 10000)) a(x), unnest(sequence(1, 10000)) b(y) where sqrt(x * y) < 0"
    query_id = wr.athena.start_query_execution(slow, database="shop")
    wr.athena.stop_query_execution(query_id)
    try:
        wr.athena.wait_query(query_id)
    except wr.exceptions.QueryCancelled:
        return
    raise AssertionError("it was not cancelled")


def test_a_failed_query_says_why() -> None:
    try:
        _read("select * from nowhere")
    except QueryFailed as error:
        assert "TABLE_NOT_FOUND" in str(error)  # noqa: PT017 - there is no pytest here
        return
    raise AssertionError("it did not fail")


def test_a_work_group_is_looked_up() -> None:
    assert wr.athena.get_work_group("primary")["WorkGroup"]["Name"] == "primary"


def test_a_named_query_is_looked_up() -> None:
    made = boto3.client("athena").create_named_query(Name="n", Database="shop", QueryString="select 3 as three")
    assert wr.athena.get_named_query_statement(made["NamedQueryId"]) == "select 3 as three"


def test_statements_about_tables_are_read() -> None:
    described = wr.athena.describe_table("sales", database="shop")
    assert described["Column Name"].tolist()[:2] == ["person", "amount"]
    assert wr.athena.show_create_table("sales", database="shop").startswith("CREATE EXTERNAL TABLE `shop.sales`(")
    assert wr.athena.generate_create_query("sales", database="shop").startswith("CREATE EXTERNAL TABLE")
    assert wr.athena.repair_table("sales", database="shop") == "SUCCEEDED"


def test_a_table_is_read_whole() -> None:
    frame = wr.athena.read_sql_table("people", database="shop", ctas_approach=False)
    assert len(frame) == 3


def test_the_result_of_ctas_is_a_data_frame() -> None:
    frame = _read(PEOPLE, ctas_approach=True)
    assert frame["id"].tolist() == [1, 2, 3]
    assert frame["born"][0] == datetime.date(1815, 12, 10)
    assert not [t for t in wr.catalog.tables(database="shop")["Table"] if t.startswith("temp_table")]


def test_the_result_of_ctas_comes_in_chunks() -> None:
    chunks = list(_read("select n from unnest(sequence(1, 25)) as t(n)", ctas_approach=True, chunksize=10))
    assert sum(len(chunk) for chunk in chunks) == 25


def test_the_result_of_unload_is_a_data_frame() -> None:
    frame = _read(PEOPLE, unload_approach=True, s3_output=f"{LAKE}/unloaded/one/")
    assert sorted(frame["id"].tolist()) == [1, 2, 3]


def test_unload_writes_files() -> None:
    wr.athena.unload("select * from people", path=f"{LAKE}/unloaded/two/", database="shop", file_format="PARQUET")
    assert len(wr.s3.read_parquet(f"{LAKE}/unloaded/two/", path_ignore_suffix="manifest.csv")) == 3


def test_a_table_is_made_of_a_query() -> None:
    made = wr.athena.create_ctas_table(
        "select id, name from people", database="shop", ctas_table="copied", ctas_database="wrangler",
        s3_output=f"{LAKE}/copied/", wait=True, data_source="AwsDataCatalog",
    )  # fmt: skip
    assert made["ctas_table"] == "copied"


def test_a_data_set_is_written_and_read() -> None:
    written = wr.s3.to_parquet(
        FRAME, path=f"{LAKE}/facts/", dataset=True, database="wrangler", table="facts", partition_cols=["region"],
        mode="overwrite", glue_table_settings={"description": "facts", "columns_comments": {"id": "number"}},
    )  # fmt: skip
    assert sorted(written["partitions_values"].values()) == [["north"], ["south"]]
    sql = "select * from facts where region = 'north' order by id"
    frame = wr.athena.read_sql_query(sql, database="wrangler", ctas_approach=False)
    assert frame["id"].tolist() == [1, 3]
    assert frame["price"].tolist() == [Decimal("1.50"), None]
    assert frame["seen"][0] == pd.Timestamp("2020-01-02 03:04:05.678")
    assert frame["born"][0] == datetime.date(1815, 12, 10)
    assert frame["flag"].tolist() == [True, True]


def test_a_data_set_grows_and_partitions_are_replaced() -> None:
    place = {"path": f"{LAKE}/grown/", "dataset": True, "database": "wrangler", "table": "grown"}
    frame = FRAME[["id", "region"]]
    wr.s3.to_parquet(frame, partition_cols=["region"], mode="overwrite", **place)
    wr.s3.to_parquet(frame.assign(region="east"), partition_cols=["region"], mode="append", **place)
    south = frame[frame.region == "south"].assign(id=99)
    wr.s3.to_parquet(south, partition_cols=["region"], mode="overwrite_partitions", **place)
    sql = "select region, count(*) as n, max(id) as m from grown group by region order by region"
    read = wr.athena.read_sql_query(sql, database="wrangler", ctas_approach=False)
    assert _rows(read) == [("east", 4, 4), ("north", 2, 3), ("south", 2, 99)]
    wider = frame.assign(region="west", more="m")
    wr.s3.to_parquet(wider, partition_cols=["region"], mode="append", schema_evolution=True, **place)
    sql = "select count(more) as c, count(*) as n from grown"
    assert _rows(wr.athena.read_sql_query(sql, database="wrangler", ctas_approach=False)) == [(4, 12)]


def test_a_data_set_with_projection_needs_no_partitions() -> None:
    frame = pd.DataFrame({"v": [1, 2], "day": ["2024-01-01", "2024-01-02"]})
    wr.s3.to_parquet(
        frame, path=f"{LAKE}/projected/", dataset=True, database="wrangler", table="projected", partition_cols=["day"],
        athena_partition_projection_settings={
            "projection_types": {"day": "date"},
            "projection_ranges": {"day": "2024-01-01,2024-01-31"},
            "projection_formats": {"day": "yyyy-MM-dd"},
        },
    )  # fmt: skip
    sql = "select v from projected where day = '2024-01-02'"
    assert wr.athena.read_sql_query(sql, database="wrangler", ctas_approach=False)["v"].tolist() == [2]


def _written_as_text(table: str) -> None:
    sql = f"select id, score from {table} order by id"
    read = wr.athena.read_sql_query(sql, database="wrangler", ctas_approach=False)
    assert read["id"].tolist() == [1, 2, 3, 4]
    assert read["score"].isna().tolist() == [False, False, True, False]


def test_csv_is_a_table_too() -> None:
    where = {"dataset": True, "database": "wrangler", "table": "as_csv", "mode": "overwrite"}
    wr.s3.to_csv(FRAME[["id", "score"]], path=f"{LAKE}/csv/", index=False, **where)
    _written_as_text("as_csv")


def test_json_is_a_table_too() -> None:
    where = {"dataset": True, "database": "wrangler", "table": "as_json", "mode": "overwrite"}
    wr.s3.to_json(FRAME[["id", "score"]], path=f"{LAKE}/json/", orient="records", lines=True, index=False, **where)
    _written_as_text("as_json")


def test_the_catalog_is_looked_through() -> None:
    assert "shop" in wr.catalog.databases()["Database"].tolist()
    assert "shop" in [d["Name"] for d in wr.catalog.get_databases()]
    assert "people" in wr.catalog.tables(database="shop")["Table"].tolist()
    assert "people" in wr.catalog.tables(search_text="people")["Table"].tolist()
    assert [t["Name"] for t in wr.catalog.get_tables(database="shop", name_prefix="peo")] == ["people"]
    assert [t["Name"] for t in wr.catalog.get_tables(database="shop", name_contains="ale")] == ["sales"]
    assert [t["Name"] for t in wr.catalog.search_tables(text="people") if t["DatabaseName"] == "shop"] == ["people"]
    assert wr.catalog.table(database="shop", table="sales")["Partition"].tolist() == [False, False, True]
    assert wr.catalog.does_table_exist(database="shop", table="people")
    assert not wr.catalog.does_table_exist(database="shop", table="nowhere")
    assert wr.catalog.get_table_types(database="shop", table="sales") == {
        "person": "string", "amount": "bigint", "region": "string"
    }  # fmt: skip
    assert wr.catalog.get_table_types(database="shop", table="nowhere") is None
    assert wr.catalog.get_table_location(database="shop", table="people") == "s3://lake/people/"
    assert wr.catalog.get_table_parameters(database="shop", table="people")["comment"] == "who they are"
    assert wr.catalog.get_columns_comments(database="shop", table="people")["id"] == "number"


def test_partitions_are_listed_added_and_deleted() -> None:
    of = {"database": "shop", "table": "sales"}
    found = wr.catalog.get_partitions(**of)
    assert {k.rstrip("/"): v for k, v in found.items()} == {
        "s3://lake/sales/region=north": ["north"], "s3://lake/sales/region=south": ["south"]
    }  # fmt: skip
    assert list(wr.catalog.get_csv_partitions(**of, expression="region = 'north'").values()) == [["north"]]
    wr.catalog.create_parquet_table(
        database="wrangler", table="parts", path=f"{LAKE}/parts/", columns_types={"v": "bigint"},
        partitions_types={"y": "int", "m": "string"}, mode="overwrite",
    )  # fmt: skip
    parts = {f"{LAKE}/parts/y=2020/m={month:02}/": ["2020", f"{month:02}"] for month in range(1, 13)}
    mine = {"database": "wrangler", "table": "parts"}
    wr.catalog.add_parquet_partitions(**mine, partitions_values=parts)
    wr.catalog.add_parquet_partitions(**mine, partitions_values=parts)
    assert len(wr.catalog.get_parquet_partitions(**mine)) == 12
    assert len(wr.catalog.get_parquet_partitions(**mine, expression="y = 2020 AND m > '10'")) == 2
    wr.catalog.delete_partitions(**mine, partitions_values=[["2020", "01"], ["2020", "02"]])
    assert len(wr.catalog.get_parquet_partitions(**mine)) == 10
    assert len(wr.catalog.delete_all_partitions(**mine)) == 10


def test_tables_are_changed_and_deleted() -> None:
    of = {"database": "wrangler", "table": "changed"}
    wr.catalog.create_csv_table(**of, path=f"{LAKE}/changed/", columns_types={"a": "int"}, mode="overwrite")
    wr.catalog.add_column(**of, column_name="b", column_type="string", column_comment="second")
    assert wr.catalog.get_table_types(**of) == {"a": "int", "b": "string"}
    wr.catalog.delete_column(**of, column_name="a")
    assert wr.catalog.get_table_types(**of) == {"b": "string"}
    assert wr.catalog.upsert_table_parameters(**of, parameters={"x": "1"})["x"] == "1"
    wr.catalog.overwrite_table_parameters(**of, parameters={"y": "2"})
    assert wr.catalog.get_table_parameters(**of) == {"y": "2"}
    versions = {v["VersionId"] for v in wr.catalog.get_table_versions(**of)}
    assert versions >= {"0", "4"}
    assert wr.catalog.get_table_number_of_versions(**of) == len(versions)
    assert wr.catalog.delete_table_if_exists(**of)
    assert not wr.catalog.delete_table_if_exists(**of)


def test_databases_are_made_and_deleted() -> None:
    wr.catalog.create_database("gone", description="soon")
    try:
        wr.catalog.create_database("gone")
    except wr.exceptions.AlreadyExists:
        wr.catalog.delete_database("gone")
        assert "gone" not in wr.catalog.databases()["Database"].tolist()
        return
    raise AssertionError("it was made twice")


def test_objects_are_copied_listed_and_deleted() -> None:
    wr.s3.to_csv(FRAME, f"{LAKE}/objects/a.csv", index=False)
    assert wr.s3.does_object_exist(f"{LAKE}/objects/a.csv")
    assert wr.s3.list_objects(f"{LAKE}/objects/") == [f"{LAKE}/objects/a.csv"]
    wr.s3.copy_objects([f"{LAKE}/objects/a.csv"], f"{LAKE}/objects", f"{LAKE}/copies")
    assert wr.s3.size_objects(f"{LAKE}/copies/a.csv")[f"{LAKE}/copies/a.csv"] > 100
    assert len(wr.s3.read_csv(f"{LAKE}/copies/a.csv")) == 4
    assert wr.s3.list_directories("s3://lake/sales/") == [
        "s3://lake/sales/region=north/",
        "s3://lake/sales/region=south/",
    ]
    wr.s3.delete_objects(f"{LAKE}/objects/")
    assert wr.s3.list_objects(f"{LAKE}/objects/") == []
    assert "lake" in wr.s3.list_buckets()


def test_who_calls_is_told() -> None:
    assert wr.sts.get_account_id() == "000000000000"
    assert wr.sts.get_current_identity_arn().startswith("arn:aws:iam::000000000000:")
