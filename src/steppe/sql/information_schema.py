"""information_schema: the catalog's records as tables of a query."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator

from steppe.sql import types as t
from steppe.sql.catalog import CATALOG_NAME, Catalog, Document, read_table
from steppe.sql.errors import QueryError
from steppe.sql.transpile import ScannedTable
from steppe.sql.typed import literal, name
from steppe.sql.types import Type
from steppe.sql.views import is_view, view_definition

_TEXT = t.VARCHAR
_COLUMNS: dict[str, tuple[tuple[str, Type], ...]] = {
    "schemata": (("catalog_name", _TEXT), ("schema_name", _TEXT)),
    "tables": (("table_catalog", _TEXT), ("table_schema", _TEXT), ("table_name", _TEXT), ("table_type", _TEXT)),
    "columns": (
        ("table_catalog", _TEXT), ("table_schema", _TEXT), ("table_name", _TEXT), ("column_name", _TEXT),
        ("ordinal_position", t.BIGINT), ("column_default", _TEXT), ("is_nullable", _TEXT), ("data_type", _TEXT),
    ),
    "views": (("table_catalog", _TEXT), ("table_schema", _TEXT), ("table_name", _TEXT), ("view_definition", _TEXT)),
}  # fmt: skip

Row = tuple[str | int | None, ...]


def information_schema(catalog: Catalog, label: str) -> ScannedTable:
    """One of its tables as it is now.

    Raises:
        QueryError: TABLE_NOT_FOUND.
    """
    columns = _COLUMNS.get(label)
    if columns is None:
        raise QueryError(
            "TABLE_NOT_FOUND", f"{{place}}: Table 'awsdatacatalog.information_schema.{label}' does not exist"
        )
    rows = {"schemata": _schemata, "tables": _tables, "columns": _table_columns, "views": _views}[label](catalog)
    heads = ", ".join(name(label) for label, _ in columns)
    lines = [
        "(" + ", ".join(literal(cell, kind).sql for cell, (_, kind) in zip(row, columns, strict=True)) + ")"
        for row in rows
    ]
    nulls = "(" + ", ".join(f"CAST(NULL AS {t.duckdb(kind)})" for _, kind in columns) + ")"
    filter_sql = "" if lines else " WHERE false"
    sql = f"SELECT * FROM (VALUES {', '.join(lines or [nulls])}) AS v({heads}){filter_sql}"
    return ScannedTable(sql, tuple((label, kind, False) for label, kind in columns))


def all_databases(catalog: Catalog) -> Iterator[Document]:
    """Every database, page by page."""
    after = ""
    while page := catalog.databases(after=after):
        yield from page
        after = page[-1]["Name"]


def all_tables(catalog: Catalog, database: str) -> Iterator[Document]:
    """Every table of a database, page by page."""
    after = ""
    while page := catalog.tables(database, after=after):
        yield from page
        after = page[-1]["Name"]


def _schemata(catalog: Catalog) -> list[Row]:
    names = [str(d["Name"]) for d in all_databases(catalog)]
    return [(CATALOG_NAME, name) for name in [*names, "information_schema"]]


def _tables(catalog: Catalog) -> list[Row]:
    return [
        (
            CATALOG_NAME,
            str(d["Name"]),
            str(table["Name"]),
            "VIEW" if table.get("TableType") == "VIRTUAL_VIEW" else "BASE TABLE",
        )
        for d in all_databases(catalog)
        for table in all_tables(catalog, d["Name"])
    ]


def _table_columns(catalog: Catalog) -> list[Row]:
    rows: list[Row] = []
    for d in all_databases(catalog):
        for document in all_tables(catalog, d["Name"]):
            table = read_table(document)
            for position, column in enumerate([*table.columns, *table.partition_keys], 1):
                rows.append(
                    (CATALOG_NAME, table.database, table.name, column.name, position, None, "YES", str(column.type))
                )
    return rows


def _views(catalog: Catalog) -> list[Row]:
    return [
        (CATALOG_NAME, str(d["Name"]), str(document["Name"]), view_definition(document)["originalSql"])
        for d in all_databases(catalog)
        for document in all_tables(catalog, d["Name"])
        if is_view(document)
    ]
