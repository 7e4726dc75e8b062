"""Functions that have no exact form in DuckDB's SQL, computed row by row in Python.

A table here says what DuckDB must know of each: types of the arguments and of the result. The compiler writes
`py_<name>(...)`; `row_function_tables.RowFunctions` gives a connection those that a text calls. They are vectorised
over Arrow arrays, so that the way between DuckDB and Python costs half a microsecond a row (docs/decisions/0011); the
functions themselves are plain Python over plain values, without a connection, a clock or chance.

A function never runs long for one row: what could (patterns, pads, repeats) is bounded where it is written, because
DuckDB cannot interrupt Python. Between rows the query's stop signal is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from steppe.base.jsonvalue import JsonValue

ERROR_END = "\x01"
"""Ends the message of a failure inside DuckDB's text, which goes on after it."""


class RowError(Exception):
    """A row that a function refuses, with Trino's error code.

    Raised inside DuckDB, whose text of it `errors.from_duckdb` reads back; TRY makes it NULL.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"!{code}: {message}{ERROR_END}")
        self.code = code
        self.message = message


def invalid(message: str) -> RowError:
    """The usual failure: INVALID_FUNCTION_ARGUMENT."""
    return RowError("INVALID_FUNCTION_ARGUMENT", message)


@dataclass(frozen=True, slots=True)
class RowFunction:
    """One function.

    Attributes:
        parameters: DuckDB's types.
        result: DuckDB's type.
        call: from one row's values to the result.
        with_null: whether `call` is given NULL arguments (as None); else NULL in, NULL out.
        is_volatile: whether equal arguments may give different results.
    """

    parameters: tuple[str, ...]
    result: str
    call: Callable[..., JsonValue]
    with_null: bool = False
    is_volatile: bool = False
