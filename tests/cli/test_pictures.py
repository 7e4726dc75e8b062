"""The drawn pictures are valid PNG files, all of them different."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import pytest

from steppe.cli.pictures import draw


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 8
    while position < len(png):
        (length,) = struct.unpack(">I", png[position : position + 4])
        kind, body = png[position + 4 : position + 8], png[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack(">I", png[position + 8 + length : position + 12 + length])
        assert checksum == zlib.crc32(kind + body)
        yield kind, body
        position += 12 + length


@pytest.mark.parametrize("number", range(1, 21))
def test_a_picture_is_a_valid_png(number: int) -> None:
    png = draw(number)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    (header_kind, header), (data_kind, data), (end_kind, end) = _chunks(png)
    assert (header_kind, data_kind, end_kind, end) == (b"IHDR", b"IDAT", b"IEND", b"")
    width, height, depth, colour, compression, row_filter, interlace = struct.unpack(">IIBBBBB", header)
    assert (depth, colour, compression, row_filter, interlace) == (8, 2, 0, 0, 0)
    assert 96 <= width <= 384
    assert 96 <= height <= 384
    rows = zlib.decompress(data)
    assert len(rows) == height * (1 + 3 * width)
    assert not any(rows[:: 1 + 3 * width])


def test_a_number_gives_the_same_picture_again_and_another_number_another() -> None:
    assert draw(7) == draw(7)
    assert len({draw(number) for number in range(50)}) == 50
