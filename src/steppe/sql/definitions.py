"""Statements about the catalog: CREATE, DROP, SHOW, DESCRIBE in Hive's grammar, run against the catalog's records.

Every clause is understood or refused. Results are lines of text, as the `.txt` object has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from steppe.sql.catalog import Catalog, Document
from steppe.sql.definition_reader import Plan, Reader
from steppe.sql.errors import QueryError
from steppe.sql.information_schema import all_databases, all_tables
from steppe.sql.statement import Statement
from steppe.sql.types import ColumnInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class TextResult:
    """What a statement about the catalog answers.

    Attributes:
        lines: the rows.
        columns: their description; empty for statements that answer nothing.
    """

    lines: tuple[str, ...] = ()
    columns: tuple[ColumnInfo, ...] = ()


def check(statement: Statement) -> None:
    """Read a definition without running it, to refuse at the start what does not parse.

    Raises:
        MalformedQuery: it does not.
    """
    try:
        Reader(statement).plan()
    except QueryError:
        return  # what parses and is refused fails when it runs


def run(statement: Statement, *, catalog: Catalog, database: str, now_ms: int) -> TextResult:
    """Run a definition.

    Raises:
        MalformedQuery: it does not parse.
        QueryError: it fails.
    """
    plan = Reader(statement).plan()
    return _Run(catalog, database, now_ms).run(plan)


def _strings(*names: str) -> tuple[ColumnInfo, ...]:
    return tuple(ColumnInfo(label, "string", 0, 0, False) for label in names)


class _Run:
    """Carries out a plan."""

    def __init__(self, catalog: Catalog, database: str, now_ms: int) -> None:
        self._catalog = catalog
        self._database = database.lower()
        self._now_ms = now_ms

    def run(self, plan: Plan) -> TextResult:
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

    def _show_columns(self, plan: Plan) -> TextResult:
        document = self._table(plan)
        names = [c["Name"] for c in document["StorageDescriptor"]["Columns"] + document["PartitionKeys"]]
        return TextResult(lines=tuple(label.ljust(20) for label in names), columns=_strings("field"))

    def _show_properties(self, plan: Plan) -> TextResult:
        parameters = self._table(plan).get("Parameters") or {}
        lines = tuple(f"{key}\t{value}" for key, value in sorted(parameters.items()))
        return TextResult(lines=lines, columns=_strings("prpt_name", "prpt_value"))

    def _describe(self, plan: Plan) -> TextResult:
        document = self._table(plan)

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
