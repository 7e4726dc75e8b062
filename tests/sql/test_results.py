"""The metadata object's recorded sizes, and rows read back from a CSV however its bytes are cut."""

from __future__ import annotations

from steppe.sql import types as t
from steppe.sql.results import header_line, metadata_bytes, read_lines, read_rows
from steppe.sql.types import Type, column_info

QUERY_ID = "20190513_152236_00114_n7swu"


def size(*columns: tuple[str, Type]) -> int:
    return len(metadata_bytes(QUERY_ID, [column_info(name, kind) for name, kind in columns]))


def test_metadata_has_the_sizes_recorded_on_aws():
    assert size(("_col0", t.BIGINT)) == 67
    assert size(("category", t.VARCHAR), ("total", t.BIGINT)) == 116
    assert size(
        ("null_value", t.VARCHAR), ("empty_value", Type("varchar", 0)), ("decimal_value", t.decimal(6, 2)),
        ("integer_value", t.BIGINT), ("flag", t.BOOLEAN), ("day_value", t.DATE), ("timestamp_value", t.TIMESTAMP),
        ("char_value", Type("char", 5)), ("array_value", t.array(t.INTEGER)),
        ("map_value", t.map_of(t.VARCHAR, t.INTEGER)), ("row_value", t.row(t.INTEGER)),
    ) == 541  # fmt: skip


def test_rows_are_read_back_however_the_bytes_are_cut():
    written = header_line(["a", 'b"']) + b'"1",\n,""\n"x,\n""y""","\xc3\xa9"\n'
    want = [["a", 'b"'], ["1", None], [None, ""], ['x,\n"y"', "é"]]
    for width in range(1, len(written) + 1):
        pieces = [written[i : i + width] for i in range(0, len(written), width)]
        rows = list(read_rows(pieces))
        assert [row for row, _ in rows] == want
        assert sum(length for _, length in rows) == len(written)


def test_lines_without_a_last_line_end_are_read_back():
    assert [row for row, _ in read_lines([b"a\nb", b"c\n\nd"])] == [["a"], ["bc"], [""], ["d"]]
    assert list(read_lines([b""])) == []
