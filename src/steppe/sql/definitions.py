"""Statements about the catalog: CREATE, DROP, SHOW, DESCRIBE in Hive's grammar, run against the catalog's records.

Every clause is understood or refused. Results are lines of text, as the `.txt` object has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from steppe.objects.object_store import ObjectStore
from steppe.sql import types as t
from steppe.sql.catalog import Catalog, Document
from steppe.sql.definition_reader import Plan, Reader
from steppe.sql.errors import QueryError
from steppe.sql.formatted_description import formatted_description
from steppe.sql.information_schema import all_databases, all_tables
from steppe.sql.partition_definitions import PARTITION_KINDS, PartitionDefinitions
from steppe.sql.statement import Statement
from steppe.sql.types import ColumnInfo, Type, column_info
from steppe.sql.views import is_view, view_definition, view_document


@dataclass(frozen=True, slots=True, kw_only=True)
class TextResult:
    """What a statement about the catalog answers.

    Attributes:
        lines: the rows.
        columns: their description; empty for statements that answer nothing.
        substatement: what kind of statement it turned out to be; None when its words say so.
    """

    lines: tuple[str, ...] = ()
    columns: tuple[ColumnInfo, ...] = ()
    substatement: str | None = None


def check(statement: Statement) -> None:
    """Read a definition without running it, to refuse at the start what does not parse.

    Raises:
        MalformedQuery: it does not.
    """
    try:
        Reader(statement).plan()
    except QueryError:
        return  # what parses and is refused fails when it runs


Describe = Callable[[str, str], Sequence[tuple[str, Type]]]
"""Names and types of a query's columns: of its text, with plain names looked up in a database."""


def run(
    statement: Statement, *, catalog: Catalog, objects: ObjectStore, describe: Describe, database: str, now_ms: int
) -> TextResult:
    """Run a definition.

    Args:
        statement: the definition.
        catalog: what it reads and changes.
        objects: where MSCK REPAIR TABLE looks for partitions.
        describe: what a view's columns are found with.
        database: where plain names are looked up.
        now_ms: epoch milliseconds.

    Raises:
        MalformedQuery: it does not parse.
        QueryError: it fails.
    """
    plan = Reader(statement).plan()
    return _Run(catalog, objects, describe, database, now_ms).run(plan)


def _strings(*names: str) -> tuple[ColumnInfo, ...]:
    return tuple(ColumnInfo(label, "string", 0, 0, False) for label in names)


class _Run:
    """Carries out a plan."""

    def __init__(self, catalog: Catalog, objects: ObjectStore, describe: Describe, database: str, now_ms: int) -> None:
        self._catalog = catalog
        self._describe_query = describe
        self._partitions = PartitionDefinitions(catalog, objects, now_ms)
        self._database = database.lower()
        self._now_ms = now_ms

    def run(self, plan: Plan) -> TextResult:
        if plan["kind"] in PARTITION_KINDS:
            lines = self._partitions.run(plan, self._table(plan))
            shown = plan["kind"] == "show_partitions"
            return TextResult(lines=tuple(lines), columns=_strings("partition") if shown else ())
        method = getattr(self, f"_{plan['kind']}")
        result = method(plan)
        assert isinstance(result, TextResult)
        return result

    def _create_database(self, plan: Plan) -> TextResult:
        document = {"Name": plan["name"], "CreateTime": self._now_ms, **plan["document"]}
        if not self._catalog.create_database(document) and not plan["quiet"]:
            raise _ddl_task(f"AlreadyExistsException(message:Database {plan['name']} already exists)")
        return TextResult()

    def _drop_database(self, plan: Plan) -> TextResult:
        outcome = self._catalog.drop_database(plan["name"], cascade=plan["cascade"])
        if outcome == "missing" and not plan["quiet"]:
            raise QueryError("FAILED", f"SemanticException [Error 10072]: Database does not exist: {plan['name']}")
        if outcome == "not empty":
            raise _ddl_task(
                f"InvalidOperationException(message:Database {plan['name']} is not empty. One or more tables exist.)"
            )
        return TextResult()

    def _create_table(self, plan: Plan) -> TextResult:
        database = plan["database"] or self._database
        document = {
            "DatabaseName": database,
            "CreateTime": self._now_ms,
            "UpdateTime": self._now_ms,
            **plan["document"],
        }
        outcome = self._catalog.create_table(document)
        if outcome == "no database":
            raise QueryError("FAILED", f"SemanticException [Error 10072]: Database does not exist: {database}")
        if outcome == "exists" and not plan["quiet"]:
            raise _ddl_task(f"AlreadyExistsException(message:Table {document['Name']} already exists)")
        return TextResult()

    def _drop_table(self, plan: Plan) -> TextResult:
        database = plan["database"] or self._database
        if not self._catalog.drop_table(database, plan["name"]) and not plan["quiet"]:
            raise QueryError("FAILED", f"SemanticException [Error 10001]: Table not found {database}.{plan['name']}")
        return TextResult()

    def _show_databases(self, plan: Plan) -> TextResult:
        names = [str(d["Name"]) for d in all_databases(self._catalog)]
        return TextResult(lines=tuple(_like(names, plan["like"])), columns=_strings("database_name"))

    def _show_tables(self, plan: Plan) -> TextResult:
        database = plan["database"] or self._database
        if self._catalog.database(database) is None:
            raise QueryError("FAILED", f"SemanticException [Error 10072]: Database does not exist: {database}")
        names = [str(d["Name"]) for d in all_tables(self._catalog, database)]
        return TextResult(lines=tuple(_like(names, plan["like"])), columns=_strings("tab_name"))

    def _table(self, plan: Plan) -> Document:
        database = plan["database"] or self._database
        document = self._catalog.table(database, plan["name"])
        if document is None:
            raise QueryError("FAILED", f"SemanticException [Error 10001]: Table not found {database}.{plan['name']}")
        return document

    # -- ALTER TABLE

    def _changed(self, plan: Plan, change: Callable[[Document], Document]) -> TextResult:
        document = self._table(plan)
        self._catalog.change_table(
            document["DatabaseName"], document["Name"], lambda held: {**change(held), "UpdateTime": self._now_ms}
        )
        return TextResult()

    def _set_properties(self, plan: Plan) -> TextResult:
        return self._changed(plan, lambda d: {**d, "Parameters": {**(d.get("Parameters") or {}), **plan["parameters"]}})

    def _add_columns(self, plan: Plan) -> TextResult:
        return self._with_columns(plan, lambda columns: [*columns, *plan["columns"]])

    def _replace_columns(self, plan: Plan) -> TextResult:
        return self._with_columns(plan, lambda columns: plan["columns"])

    def _change_column(self, plan: Plan) -> TextResult:
        def change(columns: list[Document]) -> list[Document]:
            if plan["old"] not in [column["Name"] for column in columns]:
                raise QueryError("FAILED", f"SemanticException [Error 10002]: Invalid column reference {plan['old']}")
            return [plan["column"] if column["Name"] == plan["old"] else column for column in columns]

        return self._with_columns(plan, change)

    def _with_columns(self, plan: Plan, change: Callable[[list[Document]], list[Document]]) -> TextResult:
        def changed(document: Document) -> Document:
            descriptor = document["StorageDescriptor"]
            columns = change(descriptor["Columns"])
            names = [column["Name"] for column in columns + (document.get("PartitionKeys") or [])]
            for label in names:
                if names.count(label) > 1:
                    raise QueryError("FAILED", f"SemanticException [Error 10036]: Duplicate column name: {label}")
            return {**document, "StorageDescriptor": {**descriptor, "Columns": columns}}

        return self._changed(plan, changed)

    # -- views

    def _create_view(self, plan: Plan) -> TextResult:
        database = plan["database"] or self._database
        columns = list(self._describe_query(plan["query"], database))
        if plan["names"]:
            if len(plan["names"]) != len(columns):
                said = f"Column alias list has {len(plan['names'])} entries but query has {len(columns)} columns"
                raise QueryError("MISMATCHED_COLUMN_ALIASES", f"line 1:1: {said}")
            columns = [(label, kind) for label, (_, kind) in zip(plan["names"], columns, strict=True)]
        labels = [label.lower() for label, _ in columns]
        for label in labels:
            if labels.count(label) > 1:
                raise QueryError("DUPLICATE_COLUMN_NAME", f"line 1:1: Column name '{label}' specified more than once")
        document = view_document(database, plan["name"], plan["query"], columns, self._now_ms)
        outcome = self._catalog.create_table(document)
        if outcome == "no database":
            raise QueryError("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist")
        if outcome == "exists":
            held = self._catalog.table(database, plan["name"]) or {}
            place = f"awsdatacatalog.{database}.{plan['name']}"
            if not is_view(held):
                raise QueryError("TABLE_ALREADY_EXISTS", f"line 1:1: Table already exists: '{place}'")
            if not plan["replace"]:
                raise QueryError("TABLE_ALREADY_EXISTS", f"line 1:1: View already exists: '{place}'")
            self._catalog.change_table(
                database, plan["name"], lambda d: {**document, "CreateTime": d.get("CreateTime", self._now_ms)}
            )
        return TextResult()

    def _view(self, plan: Plan) -> Document | None:
        document = self._catalog.table(plan["database"] or self._database, plan["name"])
        return document if document is not None and is_view(document) else None

    def _drop_view(self, plan: Plan) -> TextResult:
        document = self._view(plan)
        if document is not None:
            self._catalog.drop_table(document["DatabaseName"], document["Name"])
        elif not plan["quiet"]:
            raise self._no_view(plan)
        return TextResult()

    def _no_view(self, plan: Plan) -> QueryError:
        place = f"awsdatacatalog.{plan['database'] or self._database}.{plan['name']}"
        return QueryError("TABLE_NOT_FOUND", f"line 1:1: View '{place}' does not exist")

    def _show_views(self, plan: Plan) -> TextResult:
        database = plan["database"] or self._database
        names = [str(d["Name"]) for d in all_tables(self._catalog, database) if is_view(d)]
        return TextResult(lines=tuple(_like(names, plan["like"])), columns=(column_info("views", t.VARCHAR),))

    def _show_create_view(self, plan: Plan) -> TextResult:
        document = self._view(plan)
        if document is None:
            raise self._no_view(plan)
        said = f"CREATE VIEW {document['DatabaseName']}.{document['Name']} AS\n"
        lines = (said + view_definition(document)["originalSql"]).split("\n")
        return TextResult(lines=tuple(lines), columns=(column_info("create view", t.VARCHAR),))

    def _show_columns(self, plan: Plan) -> TextResult:
        document = self._table(plan)
        if is_view(document):
            return _describe_view(document)
        names = [c["Name"] for c in document["StorageDescriptor"]["Columns"] + document["PartitionKeys"]]
        return TextResult(lines=tuple(label.ljust(20) for label in names), columns=_strings("field"))

    def _show_properties(self, plan: Plan) -> TextResult:
        parameters = self._table(plan).get("Parameters") or {}
        if plan["key"] is not None:
            missing = f"Table {plan['name']} does not have property: {plan['key']}"
            return TextResult(lines=(parameters.get(plan["key"], missing),), columns=_strings("prpt_name"))
        lines = tuple(f"{key}\t{value}" for key, value in sorted(parameters.items()))
        return TextResult(lines=lines, columns=_strings("prpt_name", "prpt_value"))

    def _describe_formatted(self, plan: Plan) -> TextResult:
        return TextResult(
            lines=formatted_description(self._table(plan)), columns=_strings("col_name", "data_type", "comment")
        )

    def _describe(self, plan: Plan) -> TextResult:
        document = self._table(plan)
        if is_view(document):
            return _describe_view(document)

        def line(column: Document) -> str:
            comment = (column.get("Comment") or "").split("\t")[0]
            return "\t".join(str(cell).ljust(20) for cell in (column["Name"], column["Type"], comment))

        lines = [line(c) for c in document["StorageDescriptor"]["Columns"] + document["PartitionKeys"]]
        if document["PartitionKeys"]:
            heading = "\t".join(cell.ljust(20) for cell in ("# col_name", "data_type", "comment"))
            blank = "\t \t "
            lines += [blank, "# Partition Information\t \t ", heading, blank, *map(line, document["PartitionKeys"])]
        return TextResult(lines=tuple(lines), columns=_strings("col_name", "data_type", "comment"))

    def _show_create_table(self, plan: Plan) -> TextResult:
        return TextResult(lines=tuple(_create_text(self._table(plan)).split("\n")), columns=_strings("createtab_stmt"))


def _describe_view(document: Document) -> TextResult:
    columns = [f"{column['name']}\t{column['type']}" for column in view_definition(document).get("columns") or []]
    shown = (column_info("column", t.VARCHAR), column_info("type", t.VARCHAR))
    return TextResult(lines=tuple(columns), columns=shown, substatement="DESC_VIEW")


def _ddl_task(said: str) -> QueryError:
    return QueryError("FAILED", f"Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. {said}")


def _like(names: list[str], pattern: str | None) -> list[str]:
    """Names that a SHOW pattern takes: a regular expression in which a lone `*` stands for anything."""
    if pattern is None:
        return names
    try:
        wanted = re.compile(
            "|".join(
                f"(?:{'.*' if part == '*' else re.sub(r'(?<![.)])[*]', '.*', part)})" for part in pattern.split("|")
            )
        )
    except re.error as error:
        raise QueryError("FAILED", f"SemanticException Invalid pattern '{pattern}': {error}") from None
    return [label for label in names if wanted.fullmatch(label)]


def _create_text(document: Document) -> str:
    descriptor = document["StorageDescriptor"]
    lines = [f"CREATE EXTERNAL TABLE `{document['DatabaseName']}.{document['Name']}`("]

    def column(entry: Document) -> str:
        comment = f" COMMENT '{entry['Comment']}'" if entry.get("Comment") else ""
        return f"  `{entry['Name']}` {entry['Type']}{comment}"

    lines.append(", \n".join(map(column, descriptor["Columns"])) + ")")
    if document["PartitionKeys"]:
        lines += ["PARTITIONED BY ( ", ", \n".join(map(column, document["PartitionKeys"])) + ")"]
    serde = descriptor["SerdeInfo"]
    lines += ["ROW FORMAT SERDE ", f"  '{serde['SerializationLibrary']}' "]
    if serde.get("Parameters"):
        lines += [
            "WITH SERDEPROPERTIES ( ",
            ", \n".join(f"  '{k}'='{v}'" for k, v in sorted(serde["Parameters"].items())) + ") ",
        ]
    lines += [
        "STORED AS INPUTFORMAT ",
        f"  '{descriptor['InputFormat']}' ",
        "OUTPUTFORMAT ",
        f"  '{descriptor['OutputFormat']}'",
    ]
    lines += ["LOCATION", f"  '{descriptor['Location']}'", "TBLPROPERTIES ("]
    own = {k: v for k, v in document["Parameters"].items() if k != "EXTERNAL"}
    lines.append(", \n".join(f"  '{k}'='{v}'" for k, v in sorted(own.items())) + ")")
    return "\n".join(lines)
