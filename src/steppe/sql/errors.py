"""How a statement fails: with one of Athena's error codes and texts, and never with DuckDB's.

QueryError        the statement ran and failed: state FAILED, `<CODE>: <message>`
MalformedQuery    the statement was refused at its start: InvalidRequestException, MALFORMED_QUERY
QueryCancelled    it was stopped
"""

from __future__ import annotations

import re

from steppe.base.errors import SteppeError

# Source: observed-athena.md, sections 11 and 15. What is not there takes the number of its nearest relative.
_ERROR_TYPES = {
    "DIVISION_BY_ZERO": 1001,
    "TYPE_MISMATCH": 1002,
    "SYNTAX_ERROR": 1006,
    "COLUMN_NOT_FOUND": 1006,
    "CATALOG_NOT_FOUND": 1006,
    "INVALID_CAST_ARGUMENT": 1100,
    "INVALID_PARAMETER_USAGE": 1100,
    "INVALID_FUNCTION_ARGUMENT": 1106,
    "TABLE_ALREADY_EXISTS": 1110,
    "NOT_SUPPORTED": 1200,
    "SCHEMA_NOT_FOUND": 1301,
    "TABLE_NOT_FOUND": 1301,
    "FUNCTION_NOT_FOUND": 1303,
    "PERMISSION_DENIED": 1500,
    "FAILED": 1003,
}
_ERROR_TYPE_OTHER = 1006


class QueryError(SteppeError):
    """A statement's failure as Athena reports it.

    Attributes:
        code: Trino's error code, for example "TABLE_NOT_FOUND"; "FAILED" for what Hive refuses; "" for the few
            failures that Athena reports without a code.
        message: the text after the code.
        retryable: whether the same statement may work when it is started again.
    """

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.retryable = retryable

    def __reduce__(self) -> tuple[object, ...]:
        return (_query_error, (self.code, self.message, self.retryable))

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.code else self.message

    @property
    def category(self) -> int:
        """Athena's ErrorCategory: 1 system, 2 user."""
        return 1 if self.code in ("GENERIC_INTERNAL_ERROR", "FAILED") else 2

    @property
    def error_type(self) -> int:
        """Athena's ErrorType number."""
        return _ERROR_TYPES.get(self.code, _ERROR_TYPE_OTHER)


class MalformedQuery(SteppeError):
    """A text that is no statement of Athena; refused before anything is stored."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class QueryCancelled(SteppeError):
    """The statement was stopped by its user, or by the server's end."""


def not_supported(what: str) -> QueryError:
    """The refusal of a construct that Athena has and this engine does not answer exactly; `what` names it."""
    return QueryError("NOT_SUPPORTED", what)


def position(text: str, offset: int | None) -> str:
    """`line L:C` of a character offset in the statement, counted from 1."""
    before = text[: offset or 0]
    return f"line {before.count(chr(10)) + 1}:{len(before) - (before.rfind(chr(10)) + 1) + 1}"


def _query_error(code: str, message: str, retryable: bool) -> QueryError:
    return QueryError(code, message, retryable=retryable)


_TRINO_NUMBERS = {"INT8": "tinyint", "INT16": "smallint", "INT32": "integer", "INT64": "bigint", "INT128": "bigint"}
_OVERFLOW = re.compile(r"Overflow in (\w+) of (\w+) \((.*?)\)", re.DOTALL)
_CONVERSION = re.compile(r"Could not convert string '(.*?)' to (\w+)", re.DOTALL)
_OPERATIONS = {"multiplication": "multiplication", "addition": "addition", "subtraction": "subtraction"}


def from_duckdb(kind: str, text: str) -> QueryError:
    """Athena's error for what DuckDB raised.

    Args:
        kind: name of DuckDB's exception class.
        text: its message.
    """
    raised = re.search(r"Could not convert string '!([A-Z_]+): (.*?)' to BOOL(?:\n|$)", text, re.DOTALL) or re.search(
        r"executing the UDF: \w+: !([A-Z_]+): (.*)\x01", text, re.DOTALL
    )
    if raised:
        return QueryError(raised.group(1), raised.group(2))
    overflow = _OVERFLOW.search(text)
    if overflow:
        name = _TRINO_NUMBERS.get(overflow.group(2), overflow.group(2).lower())
        operation = _OPERATIONS.get(overflow.group(1), overflow.group(1))
        return QueryError("NUMERIC_VALUE_OUT_OF_RANGE", f"{name} {operation} overflow: {overflow.group(3)}")
    if "Division by zero" in text:
        return QueryError("DIVISION_BY_ZERO", "Division by zero")
    if "More than one row returned by a subquery" in text:
        return QueryError("SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows")
    conversion = _CONVERSION.search(text)
    if conversion:
        name = _TRINO_NUMBERS.get(conversion.group(2), conversion.group(2)).upper()
        return QueryError("INVALID_CAST_ARGUMENT", f"Cannot cast '{conversion.group(1)}' to {name}")
    first = text.split("\n", 1)[0].split("Error: ", 1)[-1]
    if kind in ("OutOfRangeException", "ConversionException"):
        return QueryError("NUMERIC_VALUE_OUT_OF_RANGE", first)
    if kind == "OutOfMemoryException":
        return QueryError("EXCEEDED_LOCAL_MEMORY_LIMIT", "Query exceeded the memory limit of the SQL engine")
    if "Malformed JSON" in text:
        said = "Error Parsing a column in the table: Row is not a valid JSON Object"
        return QueryError("HIVE_BAD_DATA", said)
    if kind in ("IOException", "InvalidInputException") and re.search(r"parquet|thrift|file", text, re.IGNORECASE):
        return QueryError("HIVE_CURSOR_ERROR", f"Failed to read file: {_without_paths(first)}")
    if kind == "BinderException" and "GROUP BY" in text:
        column = re.search(r'column "([^"]*)"', text)
        name = column.group(1) if column else ""
        return QueryError(
            "EXPRESSION_NOT_AGGREGATE", f"'{name}' must be an aggregate expression or appear in GROUP BY clause"
        )
    if kind in ("BinderException", "CatalogException", "ParserException", "NotImplementedException"):
        return not_supported(f"this statement has no exact form in the embedded engine ({_without_paths(first)[:200]})")
    return QueryError("GENERIC_INTERNAL_ERROR", _without_paths(first)[:500], retryable=kind == "InternalException")


def _without_paths(text: str) -> str:
    """The text without paths of this machine: a user of the API has no business with them."""
    return re.sub(r"(/[^\s/'\"]+)+/([^\s/'\"]+)", r"\2", text)
