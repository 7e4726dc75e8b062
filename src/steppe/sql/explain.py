"""EXPLAIN: what a query gives and what it reads, in Trino's words; the embedded engine's own plan is not shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from steppe.sql.errors import not_supported
from steppe.sql.grammar import parse_query
from steppe.sql.statement import Statement, classify
from steppe.sql.types import Type
from steppe.sql.words import Words


@dataclass(frozen=True, slots=True)
class Explanation:
    """EXPLAIN, taken apart: the query, and whether its plan is asked for or only whether it is valid."""

    query: Statement
    kind: Literal["plan", "validate"] = "plan"


@dataclass(frozen=True, slots=True)
class TableScan:
    """A table that a query reads: its names, and how much of it."""

    database: str
    table: str
    file_count: int
    size_bytes: int


def read(statement: Statement) -> Explanation:
    """Read an EXPLAIN.

    Raises:
        MalformedQuery: it does not parse, or its query does not.
        QueryError: NOT_SUPPORTED with the option's name.
    """
    words = Words(statement, 1)
    if words.optional("ANALYZE"):
        raise not_supported("EXPLAIN ANALYZE")
    kind: Literal["plan", "validate"] = "plan"
    following = [token.upper for token in statement.tokens[words.at + 1 : words.at + 2]]
    if words.peek() == "(" and following in (["FORMAT"], ["TYPE"]):
        words.expect("(")
        while True:
            option, value = words.identifier().upper(), words.identifier().upper()
            if (option, value) == ("TYPE", "VALIDATE"):
                kind = "validate"
            elif (option, value) not in (("FORMAT", "TEXT"), ("TYPE", "LOGICAL"), ("TYPE", "DISTRIBUTED")):
                raise not_supported(f"EXPLAIN ({option} {value})")
            if not words.optional(","):
                break
        words.expect(")")
    if words.ended():
        raise words.mismatch("<query>")
    start = words.tokens[words.at].start
    query = classify(re.sub(r"[^\n]", " ", statement.text[:start]) + statement.text[start:])
    if query.family != "query":
        raise not_supported(f"EXPLAIN of {query.substatement_type.replace('_', ' ')}")
    parse_query(query)
    return Explanation(query, kind)


def plan_lines(columns: Sequence[tuple[str, Type]], scans: Sequence[TableScan]) -> list[str]:
    """The plan, a line a row."""
    names = ", ".join(label for label, _ in columns)
    layout = ", ".join(f"{label}:{kind}" for label, kind in columns)
    lines = ["Fragment 0 [SINGLE]", f"    Output layout: [{names}]", f"    Output[columnNames = [{names}]]"]
    lines.append(f"    │   Layout: [{layout}]")
    if not scans:
        lines.append("    └─ Values[]")
    for at, scan in enumerate(scans, 1):
        last = at == len(scans)
        lines.append(f"    {'└─' if last else '├─'} TableScan[table = awsdatacatalog:{scan.database}:{scan.table}]")
        lines.append(f"    {' ' if last else '│'}      Input: {scan.file_count} files, {scan.size_bytes}B")
    return [*lines, "", ""]
