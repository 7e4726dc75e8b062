"""What Athena calls a statement, and what it refuses to call one."""

from __future__ import annotations

import pytest

from steppe.sql.errors import MalformedQuery
from steppe.sql.statement import classify

KINDS = [
    ("select 1", "DML", "SELECT", "{id}.csv"),
    ("WITH a AS (SELECT 1) SELECT * FROM a", "DML", "SELECT", "{id}.csv"),
    ("/* c */ -- d\n values 1 ; -- end", "DML", "SELECT", "{id}.csv"),
    ("CREATE DATABASE d", "DDL", "CREATE_DATABASE", "{id}.txt"),
    ("create external table t (a int) location 's3://b/'", "DDL", "CREATE_TABLE", "{id}.txt"),
    ("CREATE TABLE t WITH (format = 'PARQUET') AS SELECT 1 a", "DDL", "CREATE_TABLE_AS_SELECT", "tables/{id}"),
    ("CREATE OR REPLACE VIEW v AS SELECT 1", "DDL", "CREATE_VIEW", "{id}.txt"),
    ("MSCK REPAIR TABLE t", "DDL", "MSCK_REPAIR", "{id}.txt"),
    ("SHOW SCHEMAS", "UTILITY", "SHOW_DATABASES", "{id}.txt"),
    ("DESC t", "UTILITY", "DESCRIBE_TABLE", "{id}.txt"),
    ("EXPLAIN SELECT 1", "DML", "EXPLAIN", "{id}.txt"),
]


@pytest.mark.parametrize(("text", "kind", "substatement", "output"), KINDS)
def test_statements_have_athenas_names(text, kind, substatement, output):
    statement = classify(text)
    assert (statement.type, statement.substatement_type, statement.output) == (kind, substatement, output)


@pytest.mark.parametrize(
    "text", ["", "  ;", "-- only", "select 1;; ", "select 1; select 2", "drop", "select 'open", "/* open", "x" * 262145]
)
def test_what_is_no_statement_is_refused(text):
    with pytest.raises(MalformedQuery):
        classify(text)


def test_semicolons_inside_texts_and_comments_do_not_count():
    assert classify("select 'a;b' /* ; */ -- ;").text == "select 'a;b'"
