"""Types in three spellings, and which type two of them share."""

from __future__ import annotations

import pytest

from steppe.sql import types as t

SPELLINGS = [
    ("int", "integer"),
    ("string", "varchar"),
    ("varchar(10)", "varchar(10)"),
    ("float", "real"),
    ("binary", "varbinary"),
    ("decimal(5,2)", "decimal(5,2)"),
    ("array<map<string,int>>", "array(map(varchar, integer))"),
    ("struct<a:int,b:struct<c:string>>", "row(a integer, b row(c varchar))"),
]


@pytest.mark.parametrize(("hive", "trino"), SPELLINGS)
def test_hive_and_trino_spell_the_same_type(hive, trino):
    kind = t.parse_hive(hive)
    assert str(kind) == trino
    assert t.parse_trino(trino) == kind
    assert t.parse_hive(t.hive(kind)) == kind


@pytest.mark.parametrize(
    "text", ["", "nonsense", "array<int", "decimal(50,2)", "int)", "map<int>", "array<" * 60 + "int" + ">" * 60]
)
def test_what_is_no_type_is_refused(text):
    with pytest.raises(t.TypeTextError):
        t.parse_hive(text)


COMMON = [
    ("integer", "bigint", "bigint"),
    ("bigint", "double", "double"),
    ("decimal(5,2)", "integer", "decimal(12,2)"),
    ("varchar(3)", "varchar", "varchar"),
    ("date", "timestamp(3)", "timestamp(3)"),
    ("array(integer)", "array(double)", "array(double)"),
    ("integer", "varchar", None),
    ("boolean", "integer", None),
]


@pytest.mark.parametrize(("left", "right", "joint"), COMMON)
def test_two_types_share_the_one_that_trino_coerces_to(left, right, joint):
    found = t.common(t.parse_trino(left), t.parse_trino(right))
    assert (str(found) if found is not None else None) == joint
    assert t.common(t.parse_trino(right), t.parse_trino(left)) == found
