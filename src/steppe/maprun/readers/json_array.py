"""A JSON array or object, streamed: the document itself, or the one that `ItemsPointer` selects.

The boundaries of elements are found by the standard library's decoder (in C) over a sliding window of the file, decoded
as Latin-1, so that its positions are byte offsets. A range is read by putting brackets around its bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import ITEM_BYTES_MAX
from steppe.maprun.item_source import Cut, Item, ItemRange, SourceBytes, described, reader_failed

_START_BYTES_MAX: Final = 16 * 1024 * 1024
"""Where the selected array or object must begin. Developer Guide, "ItemReader"."""

_HELD_BYTES_MAX: Final = 16 * 1024 * 1024
"""Bytes of a range that are held at once; a longer one (of one batch of large items) is read in parts."""

_POINTER_CHARACTERS_MAX: Final = 2000

_SPACE = re.compile(r"[ \t\n\r]*")

_NUMBER_TAIL: Final = 3
"""Characters after a number that do not yet make it another one."""

_BYTE_ORDER_MARK = "\xef\xbb\xbf"


class JsonSource:
    """An opened JSON file."""

    def __init__(self, source: SourceBytes, *, data_start: int, is_object: bool) -> None:
        """`data_start` is the offset behind the opening bracket."""
        self._source = source
        self.data_start = data_start
        self.unit_bytes = 1
        self._is_object = is_object

    @property
    def description(self) -> JsonValue:
        """See `ItemSource`."""
        return {
            "kind": "json",
            "object": self._source.description,
            "data_start": self.data_start,
            "is_object": self._is_object,
        }

    def split(self, cut: Cut, after: ItemRange | None = None) -> Iterator[ItemRange]:
        """See `ItemSource`."""
        position = after.end if after else self.data_start
        index = after.first_item + after.item_count if after else 0
        window = _Window(self._source.stream(position), position)
        first = index
        # A range may begin at an element as well as at the comma before it.
        last = after is not None and window.peek() == ","
        start = -1
        while (not cut.items_max or index < cut.items_max) and self._to_element(window, follows=last):
            last = True
            if start < 0:
                start = window.offset
            self._skip_element(window)
            index += 1
            count = index - first
            if count >= cut.items or (window.offset - start >= cut.size_bytes and count % cut.multiple == 0):
                yield ItemRange(first, count, start, window.offset)
                first, start = index, -1
        if index > first:
            yield ItemRange(first, index - first, start, window.offset)

    def read(self, items: ItemRange) -> Iterator[Item]:
        """See `ItemSource`."""
        if items.end - items.start <= _HELD_BYTES_MAX:
            return self._read(items)
        before = ItemRange(items.first_item, 0, 0, items.start)
        parts = self.split(Cut(items_max=items.first_item + items.item_count), before)
        return (item for part in parts for item in self._read(part))

    def _read(self, items: ItemRange) -> Iterator[Item]:
        body = b"".join(self._source.stream(items.start, items.end))
        index, uri = items.first_item, self._source.uri
        try:
            values = jsonvalue.loads(b"{%b}" % body if self._is_object else b"[%b]" % body)
        except jsonvalue.JsonError as error:
            raise _malformed(items.start, str(error)) from error
        if not self._is_object:
            for value in values:
                yield index, None, value, uri
                index += 1
            return
        pairs = values.items() if len(values) == items.item_count else _pairs(body, items.start)
        for key, value in pairs:
            yield index, key, value, uri
            index += 1

    def _to_element(self, window: _Window, *, follows: bool) -> bool:
        """Stand at the next element; False at the closing bracket."""
        closing = "}" if self._is_object else "]"
        character = window.peek()
        if follows and character == ",":
            window.position += 1
            window.peek()
            return True
        if character == closing:
            return False
        if follows:
            raise _malformed(window.offset, f"',' or '{closing}' is missing")
        return True

    def _skip_element(self, window: _Window) -> None:
        if self._is_object:
            window.name()
        window.skip_value()


def open_json(source: SourceBytes, config: Mapping[str, JsonValue]) -> JsonSource:
    """Open a JSON file.

    Args:
        source: the file.
        config: ReaderConfig: InputType, ItemsPointer.

    Raises:
        Fault: nothing to iterate there (AWS's text), or malformed as far as it had to be read.
    """
    config = described(config, {"InputType": str, "ItemsPointer": str})
    pointer = config.get("ItemsPointer", "")
    window = _Window(source.stream(0), 0)
    if window.peek() == _BYTE_ORDER_MARK[0] and window.text.startswith(_BYTE_ORDER_MARK):
        window.position = len(_BYTE_ORDER_MARK)
    for token in _tokens(pointer):
        if not _descend(window, token):
            raise reader_failed(f"The ItemsPointer {pointer} leads to nothing in the file.")
    character = window.peek()
    if character not in ("[", "{"):
        if not character:
            raise _malformed(window.offset, "the file is empty")
        window.skip_value()
        raise reader_failed("Attempting to map over non-iterable node.")
    return JsonSource(source, data_start=window.offset + 1, is_object=character == "{")


def reopen_json(source: SourceBytes, description: Mapping[str, JsonValue]) -> JsonSource:
    """The source of a description."""
    return JsonSource(source, data_start=description["data_start"], is_object=description["is_object"])


class _Window:
    """The part of a file around one position, as Latin-1 text."""

    def __init__(self, chunks: Iterator[bytes], base: int) -> None:
        self.text = ""
        self.position = 0
        self._base = base
        self._chunks = chunks
        self._decode = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode

    @property
    def offset(self) -> int:
        """The byte offset of the position."""
        return self._base + self.position

    def peek(self) -> str:
        """Go to the next character that is no space; it, or "" at the end."""
        while True:
            match = _SPACE.match(self.text, self.position)
            assert match is not None
            self.position = match.end()
            if self.position < len(self.text):
                return self.text[self.position]
            if not self._fill():
                return ""

    def skip_value(self) -> None:
        """Go behind the value at the position."""
        self._value()

    def name(self) -> str:
        """Read a member's name and go to its value."""
        self.peek()
        start = self.offset
        name = self._value() if self.peek() == '"' else None
        # As Latin-1 the decoder got the boundaries right and the characters wrong.
        raw = self.text[start - self._base : self.position].encode("latin-1")
        if not isinstance(name, str) or self.peek() != ":":
            raise _malformed(start, "a member's name is missing")
        self.position += 1
        self.peek()
        return name if name.isascii() else str(jsonvalue.loads(raw))

    def _value(self) -> JsonValue:
        while True:
            try:
                value, end = self._decode(self.text, self.position)
            except RecursionError:
                raise _malformed(self.offset, "it nests too deep") from None
            except (ValueError, IndexError) as error:
                # Perhaps it only goes on in the next piece.
                if len(self.text) - self.position > ITEM_BYTES_MAX:
                    raise reader_failed(
                        f"The value at byte {self.offset} of the JSON file is malformed, or longer than the "
                        f"{ITEM_BYTES_MAX} bytes that an item may have."
                    ) from None
                if not self._fill():
                    raise _malformed(self.offset, str(error).partition(":")[0]) from None
                continue
            # What ends with the window, or like half a number ("1" of "1e+5"), may go on in the next piece.
            if end + _NUMBER_TAIL <= len(self.text) or not self._fill():
                self.position = end
                return value

    def _fill(self) -> bool:
        """Add the next piece, forget what is behind the position; False at the end of the file."""
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self.text = self.text[self.position :] + chunk.decode("latin-1")
        self._base += self.position
        self.position = 0
        return True


def _descend(window: _Window, token: str) -> bool:
    """Go to the member or element that a token of a JSON Pointer names; False when it is not there."""
    opening = window.peek()
    if opening not in ("{", "["):
        return False
    window.position += 1
    index = 0
    while window.peek() not in ("", "}", "]"):
        name = window.name() if opening == "{" else str(index)
        if name == token:
            return True
        window.skip_value()
        if window.offset > _START_BYTES_MAX:
            raise reader_failed(f"The items must begin within the first {_START_BYTES_MAX} bytes of the file.")
        if window.peek() == ",":
            window.position += 1
        index += 1
    return False


def _tokens(pointer: str) -> list[str]:
    if not pointer:
        return []
    if not pointer.startswith("/") or len(pointer) >= _POINTER_CHARACTERS_MAX:
        raise reader_failed(
            f"ItemsPointer must begin with '/' and have less than {_POINTER_CHARACTERS_MAX} characters."
        )
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def _pairs(body: bytes, start: int) -> Iterator[tuple[str, JsonValue]]:
    """Members in order, with those whose name comes twice: a Python dict cannot tell."""
    window = _Window(iter([body]), start)
    while window.peek():
        name = window.name()
        begin = window.position
        window.skip_value()
        yield name, jsonvalue.loads(window.text[begin : window.position].encode("latin-1"))
        if window.peek() == ",":
            window.position += 1


def _malformed(offset: int, reason: str) -> Fault:
    return reader_failed(f"The JSON file is malformed at byte {offset}: {reason}.")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
