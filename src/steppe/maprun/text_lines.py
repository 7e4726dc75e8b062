"""Lines out of a stream of bytes, for the readers of text formats. Only a line feed ends a line.

Bytes that are only counted are decoded as Latin-1: one character a byte, so that character offsets are byte offsets.
Bytes that are read are decoded as UTF-8, in pieces that end with a line feed, which is never part of another character.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Literal

from steppe.base.quotas import ITEM_BYTES_MAX
from steppe.maprun.item_source import reader_failed


class Lines:
    """An iterator of lines with their line feed (the last one may have none)."""

    def __init__(self, chunks: Iterable[bytes], *, position: int, encoding: Literal["latin-1", "utf-8"]) -> None:
        """`position` is the offset of the first chunk in its object."""
        self.position = position
        """With Latin-1: the offset of what follows the last line that was given out."""
        self.limit = 0
        """Lines beyond this offset raise TooMuch; 0 for no limit."""
        self._chunks = iter(chunks)
        self._encoding = encoding
        self._lines = self._generate()

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def _generate(self) -> Iterator[str]:
        for text in self._texts():
            for line in io.StringIO(text, newline="\n"):
                self.position += len(line)
                if self.limit and self.position > self.limit:
                    raise TooMuch
                yield line

    def _texts(self) -> Iterator[str]:
        """The stream in decoded pieces that end with a line feed, but the last."""
        rest: list[bytes] = []
        size = 0
        for chunk in self._chunks:
            head, feed, tail = chunk.rpartition(b"\n")
            if not feed:
                rest.append(chunk)
                size += len(chunk)
                if size > ITEM_BYTES_MAX:
                    raise reader_failed(f"A line is longer than the {ITEM_BYTES_MAX} bytes that an item may have.")
                continue
            yield self._decode(b"".join([*rest, head, feed]))
            rest, size = [tail], len(tail)
        last = b"".join(rest)
        if last:
            yield self._decode(last)

    def _decode(self, piece: bytes) -> str:
        try:
            return piece.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise reader_failed(f"The file is not UTF-8 text: {error.reason}.") from error


class TooMuch(Exception):
    """The next line ends beyond the limit: the caller took too large a step."""
