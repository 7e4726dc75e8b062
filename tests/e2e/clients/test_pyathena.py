"""PyAthena, unmodified: cursors, parameters, work groups, errors."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import fs
from pyathena import aio_connect, connect
from pyathena.arrow.async_cursor import AsyncArrowCursor
from pyathena.arrow.cursor import ArrowCursor
from pyathena.async_cursor import AsyncCursor, AsyncDictCursor
from pyathena.cursor import Cursor, DictCursor
from pyathena.error import DatabaseError, OperationalError, ProgrammingError
from pyathena.pandas.async_cursor import AsyncPandasCursor
from pyathena.pandas.cursor import PandasCursor
from pyathena.pandas.util import to_sql
from pyathena.s3fs.async_cursor import AsyncS3FSCursor
from pyathena.s3fs.cursor import S3FSCursor

from .conftest import BUCKET, Endpoint

RESULTS = f"s3://{BUCKET}/pyathena/"
PEOPLE = "select id, name, score, born from people order by id"
ROWS = [
    (1, "Ada", 36.5, datetime.date(1815, 12, 10)),
    (2, "Grace", 85.0, datetime.date(1906, 12, 9)),
    (3, None, None, None),
]
Open = Callable[..., Any]


@pytest.fixture
def cursor_of(endpoint: Endpoint) -> Iterator[Open]:
    """Makes a cursor of a class; closed with its connection when the test ends."""
    opened: list[Any] = []

    def make(kind: type, **options: Any) -> Any:
        settings = {"s3_staging_dir": RESULTS, "schema_name": "shop", "poll_interval": 0.02, "region_name": "us-east-1"}
        connection = connect(cursor_class=kind, **(settings | options))
        opened.append(connection)
        cursor = connection.cursor()
        opened.append(cursor)
        return cursor

    yield make
    for one in reversed(opened):
        one.close()


def test_the_cursor_gives_rows_as_python_values(cursor_of: Open) -> None:
    cursor = cursor_of(Cursor)
    assert cursor.execute(PEOPLE).fetchall() == ROWS
    assert [column[:2] for column in cursor.description] == [
        ("id", "integer"), ("name", "varchar"), ("score", "double"), ("born", "date")
    ]  # fmt: skip
    assert cursor.state == "SUCCEEDED"
    assert cursor.data_scanned_in_bytes > 0
    assert cursor.output_location.startswith(RESULTS)


def test_the_dict_cursor_names_the_columns(cursor_of: Open) -> None:
    cursor = cursor_of(DictCursor)
    assert cursor.execute("select id, name from people where id = 1").fetchone() == {"id": 1, "name": "Ada"}


@pytest.mark.parametrize("kind", [AsyncCursor, AsyncDictCursor, AsyncS3FSCursor])
def test_the_cursors_in_threads_give_the_same(kind: type, cursor_of: Open) -> None:
    _, future = cursor_of(kind).execute(PEOPLE)
    rows = future.result(30).fetchall()
    assert [tuple(row.values()) if isinstance(row, dict) else row for row in rows] == ROWS


def test_the_cursor_that_reads_the_file_gives_the_same(cursor_of: Open) -> None:
    assert cursor_of(S3FSCursor).execute(PEOPLE).fetchall() == ROWS


@pytest.mark.parametrize("kind", [PandasCursor, AsyncPandasCursor])
def test_the_pandas_cursors_make_a_data_frame(kind: type, cursor_of: Open) -> None:
    answer = cursor_of(kind).execute(PEOPLE)
    frame = (answer[1].result(30) if isinstance(answer, tuple) else answer).as_pandas()
    assert list(frame["id"]) == [1, 2, 3]
    assert list(frame["name"][:2]) == ["Ada", "Grace"]
    assert frame["score"].isna().tolist() == [False, False, True]
    assert str(frame["born"].dtype).startswith("datetime64")


def test_a_data_frame_comes_in_chunks(cursor_of: Open) -> None:
    chunks = cursor_of(PandasCursor).execute("select * from unnest(sequence(1, 2500)) as t(n)", chunksize=1000)
    assert [len(chunk) for chunk in chunks.as_pandas()] == [1000, 1000, 500]


@pytest.mark.parametrize("kind", [ArrowCursor, AsyncArrowCursor])
def test_the_arrow_cursors_make_a_table(
    kind: type, endpoint: Endpoint, cursor_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They read through PyArrow, which knows no setting for the endpoint but this argument (docs/clients.md)."""
    monkeypatch.setattr(fs, "S3FileSystem", partial(fs.S3FileSystem, endpoint_override=endpoint.server.url))
    answer = cursor_of(kind).execute(PEOPLE)
    table = (answer[1].result(30) if isinstance(answer, tuple) else answer).as_arrow()
    assert table.column("id").to_pylist() == [1, 2, 3]
    assert table.schema.field("score").type == pa.float64()
    assert table.column("name").to_pylist()[:2] == ["Ada", "Grace"]


VALUES = {
    "boolean": ("true", True),
    "bigint": ("9223372036854775807", 2**63 - 1),
    "decimal": ("decimal '1.50'", Decimal("1.50")),
    "real": ("real '1.5'", 1.5),
    "timestamp": ("timestamp '2020-02-03 04:05:06.789'", datetime.datetime(2020, 2, 3, 4, 5, 6, 789000)),
    "time": ("time '04:05:06.789'", datetime.time(4, 5, 6, 789000)),
    "binary": ("X'00ff'", b"\x00\xff"),
    "json": ("json_parse('{\"a\": [1]}')", {"a": [1]}),
    "array": ("array[1, 2]", [1, 2]),
    "map": ("map(array['a'], array[1])", {"a": "1"}),
    "row": ("cast(row(1, 'x') as row(a integer, b varchar))", {"a": "1", "b": "x"}),
    "null": ("cast(null as integer)", None),
    "quotes": ("'say \"it\", twice' || chr(10) || 'ok'", 'say "it", twice\nok'),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_of_each_type_comes_back(kind: str, cursor_of: Open) -> None:
    expression, expected = VALUES[kind]
    assert cursor_of(Cursor).execute(f"select {expression} as v").fetchone() == (expected,)


def test_parameters_in_the_text_are_quoted(cursor_of: Open) -> None:
    cursor = cursor_of(Cursor)
    sql = "select %(who)s as who, id from people where name = %(name)s or id in %(ids)s order by id"
    cursor.execute(sql, {"who": "it's", "name": "Ada", "ids": [2]})
    assert cursor.fetchall() == [("it's", 1), ("it's", 2)]


def test_parameters_of_the_request_stand_for_question_marks(cursor_of: Open) -> None:
    cursor = cursor_of(Cursor)
    cursor.execute("select id from people where name = ? and id = ?", ["'Ada'", "1"], paramstyle="qmark")
    assert cursor.fetchall() == [(1,)]


def test_many_rows_come_in_pages(cursor_of: Open) -> None:
    cursor = cursor_of(Cursor)
    cursor.execute("select n from unnest(sequence(1, 3000)) as t(n) order by n")
    assert cursor.fetchmany(2) == [(1,), (2,)]
    assert [n for (n,) in cursor] == list(range(3, 3001))


def test_definitions_and_lists_are_statements_as_others(cursor_of: Open) -> None:
    cursor = cursor_of(Cursor)
    cursor.execute(f"create external table made_here (a int) location 's3://{BUCKET}/made/'")
    assert ("made_here",) in cursor.execute("show tables").fetchall()
    assert [row[0].split()[0] for row in cursor.execute("describe made_here").fetchall()] == ["a"]
    assert cursor.execute("show partitions sales").fetchall() == [("region=north",), ("region=south",)]
    assert "CREATE EXTERNAL TABLE" in cursor.execute("show create table made_here").fetchone()[0]
    cursor.execute("drop table made_here")
    assert cursor.execute("show tables 'made*'").fetchall() == []


def test_an_earlier_result_is_used_again(cursor_of: Open) -> None:
    cursor = cursor_of(Cursor, result_reuse_enable=True, result_reuse_minutes=10)
    first = cursor.execute("select max(id) from people").fetchall()
    assert cursor.reused_previous_result is False
    assert cursor.execute("select max(id) from people").fetchall() == first
    assert cursor.reused_previous_result is True


def test_the_client_finds_an_earlier_query_itself(cursor_of: Open) -> None:
    cursor = cursor_of(Cursor)
    cursor.execute("select 17 as seventeen")
    earlier = cursor.query_id
    assert cursor.execute("select 17 as seventeen", cache_size=20).fetchall() == [(17,)]
    assert cursor.query_id == earlier


def test_a_work_group_says_where_results_go(endpoint: Endpoint, cursor_of: Open) -> None:
    place = {"ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/of-the-group/"}}
    endpoint.aws.athena.create_work_group(Name="pyathena", Configuration=place)
    cursor = cursor_of(Cursor, s3_staging_dir="", work_group="pyathena")
    assert cursor.execute("select 1").fetchall() == [(1,)]
    assert cursor.output_location.startswith(f"s3://{BUCKET}/of-the-group/")


def test_metadata_is_read_through_the_cursor(cursor_of: Open) -> None:
    cursor = cursor_of(Cursor)
    people = cursor.get_table_metadata("people")
    assert [(column.name, column.type) for column in people.columns][:2] == [("id", "int"), ("name", "string")]
    assert {table.name for table in cursor.list_table_metadata()} >= {"people", "sales", "totals"}
    assert "shop" in {database.name for database in cursor.list_databases("awsdatacatalog")}


def test_a_query_is_cancelled(cursor_of: Open) -> None:
    cursor = cursor_of(AsyncCursor)
    slow = "select count(*) from unnest(sequence(1, 10000)) a(x), unnest(sequence(1, 10000)) b(y), "
    query_id, future = cursor.execute(slow + "unnest(sequence(1, 100)) c(z) where sqrt(x * y * z) < 0")
    cursor.cancel(query_id).result(30)
    assert future.result(30).state == "CANCELLED"


ERRORS = {
    "syntax": ("selec 1", DatabaseError, "mismatched input 'selec'"),
    "no table": ("select * from nowhere", OperationalError, "TABLE_NOT_FOUND: "),
    "no column": ("select nothing from people", OperationalError, "COLUMN_NOT_FOUND: "),
    "division": ("select id / (id - id) from people", OperationalError, "DIVISION_BY_ZERO: "),
}


@pytest.mark.parametrize("what", ERRORS)
def test_errors_are_of_the_type_that_callers_catch(what: str, cursor_of: Open) -> None:
    sql, kind, said = ERRORS[what]
    with pytest.raises(kind, match=said):
        cursor_of(Cursor).execute(sql)


def test_rows_of_nothing_are_refused_by_the_client(cursor_of: Open) -> None:
    with pytest.raises(ProgrammingError):
        cursor_of(Cursor).fetchall()


def test_the_cursors_of_asyncio_give_the_same(endpoint: Endpoint) -> None:
    async def rows() -> list[Any]:
        async with await aio_connect(s3_staging_dir=RESULTS, schema_name="shop", poll_interval=0.02) as connection:
            cursor = connection.cursor()
            await cursor.execute(PEOPLE)
            return list(await cursor.fetchall())

    assert asyncio.run(rows()) == ROWS


@pytest.mark.filterwarnings("ignore:engine='auto' is deprecated")
@pytest.mark.parametrize("kind", [PandasCursor, AsyncPandasCursor])
def test_unloaded_results_are_data_frames(kind: type, cursor_of: Open) -> None:
    answer = cursor_of(kind, cursor_kwargs={"unload": True}).execute(PEOPLE)
    frame = (answer[1].result(30) if isinstance(answer, tuple) else answer).as_pandas()
    assert sorted(frame["id"]) == [1, 2, 3]


@pytest.mark.parametrize("kind", [ArrowCursor, AsyncArrowCursor])
def test_unloaded_results_are_tables(
    kind: type, endpoint: Endpoint, cursor_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fs, "S3FileSystem", partial(fs.S3FileSystem, endpoint_override=endpoint.server.url))
    answer = cursor_of(kind, cursor_kwargs={"unload": True}).execute(PEOPLE)
    table = (answer[1].result(30) if isinstance(answer, tuple) else answer).as_arrow()
    assert sorted(table.column("id").to_pylist()) == [1, 2, 3]
    assert table.schema.field("born").type == pa.date32()


def test_tables_are_made_of_queries_and_added_to(cursor_of: Open) -> None:
    cursor = cursor_of(Cursor)
    cursor.execute("create table from_a_query with (format = 'PARQUET') as select id, name from people where id < 3")
    cursor.execute("insert into from_a_query values (7, 'seven')")
    assert cursor.execute("select id from from_a_query order by id").fetchall() == [(1,), (2,), (7,)]
    cursor.execute("drop table from_a_query")


def test_a_data_frame_becomes_a_table(endpoint: Endpoint, cursor_of: Open) -> None:
    frame = cursor_of(PandasCursor).execute(PEOPLE).as_pandas()
    connection = cursor_of(Cursor).connection
    to_sql(frame, "from_a_frame", connection, f"s3://{BUCKET}/frame/", schema="shop", if_exists="replace")
    assert cursor_of(Cursor).execute("select count(*), max(score) from from_a_frame").fetchone() == (3, 85.0)
