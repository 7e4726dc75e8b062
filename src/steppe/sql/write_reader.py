"""CREATE TABLE AS, INSERT INTO and UNLOAD, read: what is written, where to, and the query that gives the rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from steppe.sql.grammar import parse_query
from steppe.sql.statement import Statement, classify
from steppe.sql.words import Words

Property = str | int | bool | list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePlan:
    """A statement that writes.

    Attributes:
        kind: which of the three.
        query: gives the rows; its positions are those of the whole statement.
        place: `line L:C` of the target's name.
        database: None when the name is plain. With `name` the target of CREATE TABLE AS and INSERT.
        quiet: IF NOT EXISTS.
        columns: INSERT's list, or the names that CREATE TABLE AS gives; empty for none.
        comment: of the table.
        properties: WITH (...), names in lower case.
        with_data: False for WITH NO DATA.
        location: UNLOAD's target.
    """

    kind: Literal["ctas", "insert", "unload"]
    query: Statement
    place: str = "line 1:1"
    database: str | None = None
    name: str = ""
    quiet: bool = False
    columns: tuple[str, ...] = ()
    comment: str | None = None
    properties: dict[str, Property] = field(default_factory=dict)
    with_data: bool = True
    location: str = ""


def read(statement: Statement) -> WritePlan:
    """Read a statement that writes.

    Raises:
        MalformedQuery: it does not parse, or its query does not.
    """
    words = Words(statement, 1)
    match statement.tokens[0].upper:
        case "CREATE":
            plan = _create(words, statement)
        case "INSERT":
            plan = _insert(words, statement)
        case _:
            plan = _unload(words, statement)
    parse_query(plan.query)
    return plan


def _create(words: Words, statement: Statement) -> WritePlan:
    words.expect("TABLE")
    quiet = words.optional("IF", "NOT", "EXISTS")
    place = words.place()
    database, name = words.name()
    columns = _names(words)
    comment = words.string() if words.optional("COMMENT") else None
    properties = _properties(words) if words.optional("WITH") else {}
    words.expect("AS")
    end, with_data = len(words.tokens), True
    last = [token.upper for token in words.tokens[-3:]]
    if last[-2:] == ["WITH", "DATA"]:
        end -= 2
    elif last == ["WITH", "NO", "DATA"]:
        end, with_data = end - 3, False
    return WritePlan(
        kind="ctas",
        query=_query(statement, words, end),
        place=place,
        database=database,
        name=name,
        quiet=quiet,
        columns=columns,
        comment=comment,
        properties=properties,
        with_data=with_data,
    )


def _insert(words: Words, statement: Statement) -> WritePlan:
    words.expect("INTO")
    place = words.place()
    database, name = words.name()
    # A bracket may open a list of columns or the query.
    begins_query = words.peek() == "(" and [t.upper for t in words.tokens[words.at + 1 : words.at + 2]] in (
        ["SELECT"], ["WITH"], ["VALUES"], ["TABLE"], ["("],
    )  # fmt: skip
    columns = () if begins_query else _names(words)
    query = _query(statement, words, len(words.tokens))
    return WritePlan(kind="insert", query=query, place=place, database=database, name=name, columns=columns)


def _unload(words: Words, statement: Statement) -> WritePlan:
    if words.peek() != "(":
        raise words.mismatch("'('")
    start, depth = words.at, 0
    while not words.ended():
        depth += (words.peek() == "(") - (words.peek() == ")")
        words.at += 1
        if depth == 0:
            break
    end = words.at
    words.expect("TO")
    location = words.string()
    properties = _properties(words) if words.optional("WITH") else {}
    if not words.ended():
        raise words.mismatch("<EOF>")
    query = _query(statement, Words(statement, start), end)
    return WritePlan(kind="unload", query=query, location=location, properties=properties)


def _query(statement: Statement, words: Words, end: int) -> Statement:
    """The tokens up to `end` as a statement; what stands before them becomes blanks, so that positions stay."""
    if words.at >= end:
        words.at = end
        raise words.mismatch("<query>")
    start = words.tokens[words.at].start
    before = re.sub(r"[^\n]", " ", statement.text[:start])
    query = classify(before + statement.text[start : words.tokens[end - 1].end])
    if query.family != "query":
        raise words.mismatch("<query>")
    return query


def _names(words: Words) -> tuple[str, ...]:
    """[(name, ...)]."""
    if not words.optional("("):
        return ()
    found = [words.identifier()]
    while words.optional(","):
        found.append(words.identifier())
    words.expect(")")
    return tuple(found)


def _properties(words: Words) -> dict[str, Property]:
    """(name = value, ...)."""
    found: dict[str, Property] = {}
    words.expect("(")
    while True:
        label = words.identifier()
        words.expect("=")
        found[label] = _value(words)
        if not words.optional(","):
            break
    words.expect(")")
    return found


def _value(words: Words) -> Property:
    if words.optional("ARRAY"):
        words.expect("[")
        items: list[str] = []
        if not words.optional("]"):
            items.append(words.string())
            while words.optional(","):
                items.append(words.string())
            words.expect("]")
        return items
    if words.peek() in ("TRUE", "FALSE"):
        words.at += 1
        return words.tokens[words.at - 1].upper == "TRUE"
    if not words.ended() and words.tokens[words.at].kind == "number":
        said = words.next("number", expecting="<number>").text
        return int(said) if said.isdigit() and len(said) < 19 else said
    return words.string()
