"""All row functions by the name that the compiler writes after `py_`, and how a connection gets to know them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import duckdb
import duckdb.func as func
import pyarrow as pa

from steppe.base.jsonvalue import JsonValue
from steppe.sql import row_format, row_hashes, row_json, row_math, row_patterns, row_texts, row_times
from steppe.sql.row_functions import RowError, RowFunction

TABLE: dict[str, RowFunction] = (
    row_hashes.TABLE
    | row_texts.TABLE
    | row_format.TABLE
    | row_patterns.TABLE
    | row_math.TABLE
    | row_json.TABLE
    | row_times.TABLE
)

_ROWS_A_CHECK = 64
"""Rows between two looks at the stop signal."""


_ARROW = {
    "VARCHAR": pa.string(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "DOUBLE": pa.float64(), "BOOLEAN": pa.bool_(),
    "BLOB": pa.binary(), "DATE": pa.date32(), "TIMESTAMP": pa.timestamp("us"), "FLOAT": pa.float32(),
    "DECIMAL(38,0)": pa.decimal128(38, 0), "VARCHAR[]": pa.list_(pa.string()), "BIGINT[]": pa.list_(pa.int64()),
    "DOUBLE[]": pa.list_(pa.float64()),
    "STRUCT(t TIMESTAMP, z VARCHAR)": pa.struct([("t", pa.timestamp("us")), ("z", pa.string())]),
    "STRUCT(t VARCHAR, g VARCHAR[])[]": pa.list_(pa.struct([("t", pa.string()), ("g", pa.list_(pa.string()))])),
    "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
    "MAP(VARCHAR, DOUBLE)": pa.map_(pa.string(), pa.float64()),
    "MAP(DOUBLE, DOUBLE)": pa.map_(pa.float64(), pa.float64()),
    "MAP(VARCHAR, VARCHAR[])": pa.map_(pa.string(), pa.list_(pa.string())),
}  # fmt: skip

_CALLED = re.compile(r"\bpy_(\w+)\(")


class RowFunctions:
    """The row functions of one connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, check: Callable[[], None]) -> None:
        """Take the connection.

        Args:
            connection: where they are to be known.
            check: raises when the query was asked to end.
        """
        self._connection = connection
        self._check = check
        self._known: set[str] = set()

    def provide(self, sql: str) -> None:
        """Make known what a text calls; may be called again, with other texts."""
        for name in sorted(set(_CALLED.findall(sql)) - self._known):
            function = TABLE.get(name)
            if function is None:  # only a user's string can look like a call that is none
                continue
            self._connection.create_function(
                f"py_{name}",
                _vectorised(function, self._check),
                list(function.parameters),
                function.result,
                type=func.ARROW,
                null_handling=func.SPECIAL,
                side_effects=function.is_volatile,
            )
            self._known.add(name)


def _vectorised(function: RowFunction, check: Callable[[], None]) -> Callable[..., pa.Array]:
    """The function over Arrow arrays."""
    call, with_null, kind = function.call, function.with_null, _ARROW[function.result]

    def over(*columns: pa.Array) -> pa.Array:
        results: list[JsonValue] = []
        rows: Sequence[tuple[JsonValue, ...]] = list(zip(*(_values(column) for column in columns), strict=True))
        for index, row in enumerate(rows):
            if index % _ROWS_A_CHECK == 0:
                check()
            results.append(None if not with_null and None in row else _safe(call, row))
        try:
            return pa.array(results, type=kind)
        except UnicodeEncodeError:
            raise RowError("NOT_SUPPORTED", "a text with half of a surrogate pair") from None

    return _TAKING[len(function.parameters)](over)


# DuckDB looks at how many arguments a function names.
_TAKING: dict[int, Callable[[Callable[..., pa.Array]], Callable[..., pa.Array]]] = {
    1: lambda f: lambda a: f(a),
    2: lambda f: lambda a, b: f(a, b),
    3: lambda f: lambda a, b, c: f(a, b, c),
    4: lambda f: lambda a, b, c, d: f(a, b, c, d),
    6: lambda f: lambda a, b, c, d, e, g: f(a, b, c, d, e, g),
    7: lambda f: lambda a, b, c, d, e, g, h: f(a, b, c, d, e, g, h),
}


def _values(column: pa.Array) -> list[JsonValue]:
    values: list[JsonValue] = column.to_pylist(maps_as_pydicts=None)
    return values


def _safe(call: Callable[..., JsonValue], row: tuple[JsonValue, ...]) -> JsonValue:
    """One row; what Python itself refuses (a number too large, a text too deep) is a refusal by name."""
    try:
        return call(*row)
    except (OverflowError, RecursionError, MemoryError) as error:
        raise RowError("NOT_SUPPORTED", f"this value is too large for the function ({type(error).__name__})") from None
