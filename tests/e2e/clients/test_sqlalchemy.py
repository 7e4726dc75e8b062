"""SQLAlchemy over PyAthena's dialect: reflection, queries, definitions."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote_plus

import pandas as pd
import pytest
import sqlalchemy as sa

from .conftest import BUCKET, Endpoint

URL = (
    f"awsathena+rest://@athena.us-east-1.amazonaws.com:443/shop?s3_staging_dir={quote_plus(f's3://{BUCKET}/alchemy/')}"
)


@pytest.fixture(scope="module", params=["rest", "pandas"])
def engine(request: pytest.FixtureRequest, endpoint: Endpoint) -> Iterator[sa.Engine]:
    """The host of the URL is not asked: where Athena is, the environment says."""
    engine = sa.create_engine(URL.replace("rest", request.param) + "&poll_interval=0.02")
    yield engine
    engine.dispose()


def test_a_table_is_reflected(engine: sa.Engine) -> None:
    people = sa.Table("people", sa.MetaData(schema="shop"), autoload_with=engine)
    kinds = {"id": sa.types.Integer, "name": sa.types.String, "score": sa.types.DOUBLE, "born": sa.types.Date}
    assert [c.name for c in people.columns] == list(kinds)
    assert all(isinstance(people.columns[name].type, kind) for name, kind in kinds.items())
    assert people.c.id.comment == "number"


def test_what_there_is_is_listed(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    assert {"shop", "default"} <= set(inspector.get_schema_names())
    assert {"people", "sales"} <= set(inspector.get_table_names("shop"))
    assert inspector.get_view_names("shop") == ["totals"]
    assert inspector.has_table("people", "shop")
    assert not inspector.has_table("nowhere", "shop")
    assert inspector.get_table_comment("people", "shop") == {"text": "who they are"}
    assert "sum(amount)" in inspector.get_view_definition("totals", "shop").lower()


def test_partition_keys_are_columns_that_say_so(engine: sa.Engine) -> None:
    columns = {c["name"]: c for c in sa.inspect(engine).get_columns("sales", "shop")}
    assert list(columns) == ["person", "amount", "region"]
    assert columns["region"]["dialect_options"]["awsathena_partition"] is True
    assert columns["person"]["dialect_options"]["awsathena_partition"] is None


def test_a_query_is_built_with_parameters(engine: sa.Engine) -> None:
    sales = sa.Table("sales", sa.MetaData(schema="shop"), autoload_with=engine)
    total = sa.func.sum(sales.c.amount).label("total")
    query = sa.select(sales.c.person, total).where(sales.c.region.in_(["north", "south"])).group_by(sales.c.person)
    with engine.connect() as connection:
        rows = connection.execute(query.having(total > 1).order_by(sales.c.person).limit(5)).all()
        assert [tuple(row) for row in rows] == [("ada", 15), ("grace", 20)]
        named = connection.execute(sa.text("select id from people where name = :name"), {"name": "Ada"})
        assert [row[0] for row in named.all()] == [1]


def test_pandas_reads_sql(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        frame = pd.read_sql_query(sa.text("select id, score from people order by id"), connection)
    assert frame["id"].tolist() == [1, 2, 3]


def test_a_table_is_created_and_dropped(engine: sa.Engine) -> None:
    made = sa.Table(
        "alchemical", sa.MetaData(schema="shop"), sa.Column("a", sa.Integer), sa.Column("b", sa.String),
        sa.Column("p", sa.String, awsathena_partition=True),
        awsathena_location=f"s3://{BUCKET}/alchemical/{engine.dialect.driver}/", awsathena_file_format="PARQUET",
    )  # fmt: skip
    made.drop(engine, checkfirst=True)
    made.create(engine)
    assert sa.inspect(engine).has_table("alchemical", "shop")
    with engine.connect() as connection:
        connection.execute(sa.insert(made).values(a=1, b="x", p="q"))
        assert connection.execute(sa.select(made)).all() == [(1, "x", "q")]
    made.drop(engine)
    assert not sa.inspect(engine).has_table("alchemical", "shop")
