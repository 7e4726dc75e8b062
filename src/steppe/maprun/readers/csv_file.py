"""CSV with its header in the first row or given by the definition. Values are strings; nothing is guessed.

The same parser (the standard library's, in C) cuts the file and reads the ranges, so both agree on where a row ends, on
quoted line breaks, doubled quotes and backslashes alike. Rules, as documented or recorded: a short row is filled up
with empty strings, what is beyond the header is dropped, a backslash escapes the next character and is dropped itself,
both line ends are taken. Empty lines are no items. An unterminated quote, or text after a closing quote, is malformed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Final

from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import CSV_HEADER_BYTES_MAX, ITEM_BYTES_MAX
from steppe.maprun.item_source import Cut, Item, ItemRange, SourceBytes, described, reader_failed
from steppe.maprun.text_lines import Lines, TooMuch

# The parser's own limit on one field is a setting of the whole process.
csv.field_size_limit(ITEM_BYTES_MAX)

DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}

_STEP = 100
"""Rows parsed at once when cutting."""

_STEP_BYTES = ITEM_BYTES_MAX
"""Bytes that such a step may take; beyond it, rows are looked at one by one."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class CsvSource:
    """An opened CSV file."""

    def __init__(self, source: SourceBytes, *, headers: list[str], delimiter: str, data_start: int) -> None:
        """`data_start` is the offset of the first data row."""
        self._source = source
        self._headers = headers
        self._delimiter = delimiter
        self.data_start = data_start
        self.unit_bytes = 1

    @property
    def description(self) -> JsonValue:
        """See `ItemSource`."""
        return {
            "kind": "csv",
            "object": self._source.description,
            "headers": self._headers,
            "delimiter": self._delimiter,
            "data_start": self.data_start,
        }

    def split(self, cut: Cut, after: ItemRange | None = None) -> Iterator[ItemRange]:
        """See `ItemSource`."""
        position = after.end if after else self.data_start
        index = after.first_item + after.item_count if after else 0
        step_max = _STEP
        while True:
            lines = Lines(self._source.stream(position), position=position, encoding="latin-1")
            try:
                for items in self._cut(lines, cut, index, step_max):
                    yield items
                    position, index, step_max = items.end, items.first_item + items.item_count, _STEP
                return
            except TooMuch:
                if step_max == 1:
                    raise reader_failed(
                        f"A row that begins at byte {position} or later is longer than {ITEM_BYTES_MAX} bytes."
                    ) from None
                step_max = 1

    def read(self, items: ItemRange) -> Iterator[Item]:
        """See `ItemSource`."""
        lines = Lines(self._source.stream(items.start, items.end), position=items.start, encoding="utf-8")
        headers, width, uri = self._headers, len(self._headers), self._source.uri
        index, end = items.first_item, items.first_item + items.item_count
        try:
            for row in self._rows(lines):
                if not row:
                    continue
                if index == end:
                    return
                if len(row) < width:
                    row += [""] * (width - len(row))
                yield index, None, dict(zip(headers, row, strict=False)), uri
                index += 1
        except csv.Error as error:
            raise _malformed(error) from error

    def _cut(self, lines: Lines, cut: Cut, index: int, step_max: int) -> Iterator[ItemRange]:
        rows = self._rows(lines)
        row_bytes = cut.size_bytes  # of a row as the last step had them: nothing is known of the first one
        while not cut.items_max or index < cut.items_max:
            start, count, wanted = lines.position, 0, cut.items
            if cut.items_max:
                wanted = min(wanted, cut.items_max - index)
            while count < wanted and (count % cut.multiple or lines.position - start < cut.size_bytes):
                step = min(step_max, wanted - count, max(1, (start + cut.size_bytes - lines.position) // row_bytes))
                if cut.multiple > 1:
                    step = min(step, cut.multiple - count % cut.multiple)
                before = lines.position
                lines.limit = before + _STEP_BYTES
                try:
                    read = list(islice(rows, step))
                except csv.Error as error:
                    raise _malformed(error) from error
                if not read:
                    wanted = 0
                count += len(read) - read.count([])
                row_bytes = (lines.position - before) // step + 1
            if count:
                yield ItemRange(index, count, start, lines.position)
            index += count
            if not wanted:
                return

    def _rows(self, lines: Lines) -> Iterator[list[str]]:
        return _parse(lines, self._delimiter)


def open_csv(source: SourceBytes, config: Mapping[str, JsonValue]) -> CsvSource:
    """Open a CSV file.

    Args:
        source: the file.
        config: ReaderConfig: InputType, CSVHeaderLocation, CSVHeaders, CSVDelimiter.

    Raises:
        Fault: the header has duplicates (AWS's text), is too long, or the configuration cannot be used.
    """
    known = {"InputType": str, "CSVHeaderLocation": str, "CSVHeaders": list, "CSVDelimiter": str}
    config = described(config, known)
    delimiter = DELIMITERS.get(config.get("CSVDelimiter", "COMMA"))
    if delimiter is None:
        raise reader_failed(f"CSVDelimiter must be one of {', '.join(DELIMITERS)}.")
    match config.get("CSVHeaderLocation"):
        case "FIRST_ROW":
            headers, data_start = _first_row(source, delimiter)
        case "GIVEN":
            headers, data_start = config.get("CSVHeaders") or [], _beginning(source)[1]
            if not headers or not all(isinstance(name, str) for name in headers):
                raise reader_failed("CSVHeaders must be an array of one string or more.")
        case _:
            raise reader_failed("CSVHeaderLocation must be FIRST_ROW or GIVEN.")
    if sum(len(name.encode("utf-8", "surrogatepass")) for name in headers) > CSV_HEADER_BYTES_MAX:
        raise reader_failed(f"CSV headers cannot have more than {CSV_HEADER_BYTES_MAX} bytes.")
    if len(set(headers)) != len(headers):
        raise reader_failed("CSV headers cannot contain duplicates.")
    return CsvSource(source, headers=headers, delimiter=delimiter, data_start=data_start)


def reopen_csv(source: SourceBytes, description: Mapping[str, JsonValue]) -> CsvSource:
    """The source of a description."""
    return CsvSource(
        source,
        headers=description["headers"],
        delimiter=description["delimiter"],
        data_start=description["data_start"],
    )


def _beginning(source: SourceBytes) -> tuple[Iterator[bytes], int]:
    """The file from behind its byte order mark, if it has one, and where that is."""
    chunks = source.stream(0)
    first = next(chunks, b"")
    start = len(_BYTE_ORDER_MARK) if first.startswith(_BYTE_ORDER_MARK) else 0
    return chain((first[start:],), chunks), start


def _first_row(source: SourceBytes, delimiter: str) -> tuple[list[str], int]:
    """The header, and where the data begins. A file without any row has neither."""
    chunks, start = _beginning(source)
    lines = Lines(chunks, position=start, encoding="latin-1")
    lines.limit = start + 64 * CSV_HEADER_BYTES_MAX
    try:
        row = next((row for row in _parse(lines, delimiter) if row), [])
        return [name.encode("latin-1").decode("utf-8") for name in row], lines.position
    except csv.Error as error:
        raise _malformed(error) from error
    except TooMuch:
        raise reader_failed(f"CSV headers cannot have more than {CSV_HEADER_BYTES_MAX} bytes.") from None
    except UnicodeDecodeError as error:
        raise reader_failed("The first row of the file is not UTF-8 text.") from error


def _parse(lines: Lines, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, quotechar='"', escapechar="\\", doublequote=True, strict=True)


def _malformed(error: csv.Error) -> Exception:
    text = str(error)
    if "unexpected end of data" in text:
        text = "a quoted field has no end"
    elif "new-line character" in text:
        text = "a carriage return without a line feed stands outside of quotes"
    return reader_failed(f"The CSV file is malformed: {text}.")
