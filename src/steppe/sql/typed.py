"""A piece of DuckDB's SQL with the Trino type that its value has, and the small pieces all others are made of.

Everything that the compiler writes is written here or in the files that import this: user text reaches DuckDB only as
a quoted string or a quoted name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from steppe.base.jsonvalue import JsonValue
from steppe.sql import types as t
from steppe.sql.types import Type


class _NotConstant:
    """The value of a piece that is known only when the query runs."""


NOT_CONSTANT: Final = _NotConstant()


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression.

    Attributes:
        sql: DuckDB's text; may be put anywhere a value may stand, without more brackets.
        type: Trino's type of the value.
        constant: the value when it is a literal (or folded): None, bool, int, float, str, bytes; else NOT_CONSTANT.
        literal_digits: of a timestamp literal: how many fraction digits it was written with; else None.
    """

    sql: str
    type: Type
    constant: JsonValue = NOT_CONSTANT
    literal_digits: int | None = None

    def with_type(self, kind: Type) -> Typed:
        """The same value under another type that DuckDB holds in the same way."""
        return replace(self, type=kind)


def text(value: str) -> str:
    """A DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """A DuckDB quoted name."""
    return '"' + value.replace('"', '""') + '"'


def null(kind: Type) -> Typed:
    """NULL of a type."""
    return Typed(f"CAST(NULL AS {t.duckdb(kind)})", kind, None)


def varchar(value: str) -> Typed:
    """A string literal; its type has its length."""
    return Typed(text(value), Type("varchar", len(value)), value)


def integer(value: int) -> Typed:
    """An integer literal: integer where it fits, else bigint."""
    kind = t.INTEGER if -(2**31) <= value < 2**31 else t.BIGINT
    return Typed(f"CAST({value} AS {t.duckdb(kind)})", kind, value)


def literal(value: JsonValue, kind: Type) -> Typed:
    """A value that Python computed, as a literal of a type."""
    if value is None:
        return null(kind)
    match kind.name:
        case "varbinary":
            return Typed(f"unhex('{value.hex()}')", kind, value)
        case "array":
            inner = ", ".join(literal(item, kind.children[0]).sql for item in value)
            return Typed(f"CAST([{inner}] AS {t.duckdb(kind)})", kind)
        case "map":
            keys = literal(list(value), t.array(kind.children[0])).sql
            values = literal(list(value.values()), t.array(kind.children[1])).sql
            return Typed(f"map({keys}, {values})", kind)
        case "timestamp with time zone":
            return Typed(f"struct_pack(t := CAST({text(value[0])} AS TIMESTAMP), z := {text(value[1])})", kind)
        case "varchar" | "char" | "json":
            return Typed(text(value), kind, value)
        case _:
            return Typed(f"CAST({text(str(value))} AS {t.duckdb(kind)})", kind, value)


def failing(code: str, *parts: str) -> str:
    """A value of any type that cannot be computed: it ends the query with Trino's error `code`.

    DuckDB's own `error()` cannot stand inside `TRY`; a cast that fails can, and as the result of a CASE it fails for
    the rows that reach it only. It must never stand in a condition: DuckDB evaluates constant conditions early and
    reorders conjunctions. `errors.from_duckdb` reads the text back.

    Args:
        code: for example "INVALID_CAST_ARGUMENT".
        parts: SQL expressions of type VARCHAR; concatenated they are the message.
    """
    return f"([])[CAST(CAST(concat({text(f'!{code}: ')}, {', '.join(parts)}) AS BOOLEAN) AS INTEGER)]"


def computed(value: Typed) -> Typed:
    """A value that may fail, where it is asked whether it is NULL.

    DuckDB takes a constant that fails for NULL there and does not compute it; out of a lambda it is computed.
    """
    if "([])[" not in value.sql:
        return value
    return replace(value, sql=f"list_transform([{value.sql}], lambda computed: computed)[1]")


def guarded(condition: str, value: str, code: str, *parts: str) -> str:
    """`value` where `condition` holds; else the query fails. A NULL condition gives NULL."""
    return f"CASE WHEN {condition} THEN {value} WHEN NOT ({condition}) THEN {failing(code, *parts)} END"
