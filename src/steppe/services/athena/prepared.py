"""PREPARE, EXECUTE and DEALLOCATE: statements about the prepared statements of the query's work group."""

from __future__ import annotations

from dataclasses import replace

from steppe.sql import parameters
from steppe.sql.errors import QueryError
from steppe.sql.statement import Statement, classify
from steppe.stores.queries import Document
from steppe.stores.saved_queries import SavedQueryStore


def check(statement: Statement) -> None:
    """Read a statement about prepared statements without running it.

    Raises:
        MalformedQuery: it does not parse.
    """
    match statement.substatement_type:
        case "PREPARE":
            parameters.read_prepare(statement)
        case "EXECUTE":
            parameters.read_execute(statement)
        case _:
            parameters.read_deallocate(statement)


def bound(statement: Statement, body: Document, group: str, saved: SavedQueryStore) -> Statement:
    """The statement that runs: parameters in place, EXECUTE replaced by what was prepared.

    Raises:
        QueryError: the wrong number of parameters, or nothing was prepared under the name.
    """
    values = body.get("parameters") or []
    if statement.substatement_type != "EXECUTE":
        return statement if statement.substatement_type == "PREPARE" else parameters.bind(statement, values)
    execute = parameters.read_execute(statement)
    held = saved.prepared(group, execute.name)
    if held is None:
        raise _unknown(execute.name)
    chosen = values if execute.values is None else execute.values
    inner = parameters.bind(classify(held["QueryStatement"]), chosen)
    if inner.family == "prepared":
        raise QueryError("NOT_SUPPORTED", f"{inner.substatement_type} as a prepared statement")
    return replace(inner, output=statement.output)


def run(statement: Statement, group: str, saved: SavedQueryStore, now_ms: int) -> None:
    """Carry out PREPARE or DEALLOCATE.

    Raises:
        QueryError: there is no statement of the name.
    """
    if statement.substatement_type == "PREPARE":
        prepare = parameters.read_prepare(statement)
        document = {"StatementName": prepare.name, "QueryStatement": prepare.text, "WorkGroupName": group,
                    "LastModifiedTime": now_ms}  # fmt: skip
        if not saved.add_prepared(document, replace=False):
            saved.add_prepared(document, replace=True)
    else:
        name = parameters.read_deallocate(statement)
        if not saved.drop_prepared(group, name):
            raise _unknown(name)


def _unknown(name: str) -> QueryError:
    return QueryError("NOT_FOUND", f"Prepared statement not found: {name}")
