"""Result rows as Athena writes them: the CSV, the text object, the metadata object, and the cells read back.

DuckDB itself makes the lines of the CSV, so that a row costs no Python; what leaves here are the bytes of its string
buffers. GetQueryResults reads cells out of the same object: the texts are made once.
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: S608

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from steppe.sql.casts import as_text
from steppe.sql.typed import Typed, name
from steppe.sql.types import ColumnInfo

_QUOTED = frozenset({"varchar", "char", "json", "array", "map", "row"})
"""Types whose texts can hold a double quote."""


def header_line(names: Sequence[str]) -> bytes:
    """The first line of a result CSV."""
    return (",".join('"' + label.replace('"', '""') + '"' for label in names) + "\n").encode("utf-8", "replace")


def line_sql(columns: Sequence[tuple[str, Typed]]) -> str:
    """One VARCHAR with a row's whole line, its line end included; NULL is nothing, the empty string is `""`."""
    cells = []
    for _, value in columns:
        shown = as_text(value)
        if value.type.name in _QUOTED:
            shown = f"replace({shown}, '\"', '\"\"')"
        cells.append(f"'\"' || {shown} || '\"'")
    return "concat(" + ", ',', ".join(cells) + ", chr(10))"


def lines_query(query_sql: str, columns: Sequence[tuple[str, Typed]]) -> str:
    """A query that gives the lines of the CSV of another query, in its order."""
    return f"SELECT {line_sql(columns)} AS {name('line')} FROM ({query_sql}) AS answer"


def string_bytes(column: pa.Array) -> bytes:
    """All texts of an Arrow string array, one after the other, without making a Python object of each."""
    _, offsets, characters = column.buffers()
    if characters is None or offsets is None:
        return b""
    view = memoryview(offsets).cast("q" if str(column.type) == "large_string" else "i")
    first, last = view[column.offset], view[column.offset + len(column)]
    return bytes(memoryview(characters)[first:last])


def metadata_bytes(query_id: str, columns: Sequence[ColumnInfo], update: tuple[str, int] | None = None) -> bytes:
    """The `.metadata` object: a protocol-buffer message. Source: `observed-athena.md`, section 3.2.

    Args:
        query_id: the engine's name of the query.
        columns: of the result.
        update: of a statement that writes: the engine's name of it and the number of rows.
    """
    written = _text(2, update[0]) + _number(3, update[1]) if update is not None else b""
    return _text(1, query_id) + written + b"".join(_bytes(4, _column(column)) for column in columns)


_WITH_PRECISION = frozenset({
    "tinyint", "smallint", "integer", "bigint", "float", "double", "decimal", "varchar", "char", "varbinary", "time",
    "timestamp", "time with time zone", "timestamp with time zone",
})  # fmt: skip
_WITH_CASE = frozenset({"boolean", "interval day to second", "interval year to month"})


def _column(column: ColumnInfo) -> bytes:
    parts = _text(1, "hive") + _text(4, column.name) + _text(5, column.name) + _text(6, column.type)
    if column.type in _WITH_PRECISION:
        parts += _number(7, column.precision)
    if column.type in _WITH_PRECISION or column.type == "date":
        parts += _number(8, column.scale)
    parts += _number(9, 3)
    if column.type in _WITH_PRECISION or column.type == "date" or column.type in _WITH_CASE:
        parts += _number(10, int(column.case_sensitive))
    return parts


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode("utf-8", "replace"))


_CELL = re.compile(rb'"((?:[^"]|"")*)"([,\n])|([,\n])')


def read_rows(chunks: Iterable[bytes]) -> Iterator[tuple[list[str | None], int]]:
    """The rows of a result CSV, with how many bytes each took.

    Args:
        chunks: the object's bytes from the beginning of a row on.

    Yields:
        The cells (None for NULL) and the length of the row in bytes.
    """
    pending, row, used = b"", [], 0
    for chunk in chunks:
        pending += chunk
        at = 0
        while match := _CELL.match(pending, at):
            quoted, end, bare = match.groups()
            row.append(None if bare is not None else quoted.replace(b'""', b'"').decode("utf-8", "replace"))
            used += match.end() - at
            at = match.end()
            if (end or bare) == b"\n":
                yield row, used
                row, used = [], 0
        pending = pending[at:]


def read_lines(chunks: Iterable[bytes]) -> Iterator[tuple[list[str | None], int]]:
    """The rows of a text result, one cell each; the last line has no line end."""
    pending = b""
    for chunk in chunks:
        pending += chunk
        *lines, pending = pending.split(b"\n")
        for line in lines:
            yield [line.decode("utf-8", "replace")], len(line) + 1
    if pending:
        yield [pending.decode("utf-8", "replace")], len(pending)
