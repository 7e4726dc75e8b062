"""Pictures for the demo: real PNG files, drawn row by row with nothing but the standard library.

A picture is a band of colour, shifted from row to row along a wave, with a disc before it. Rows are made by cutting and
joining bytes, never pixel by pixel, so that a few hundred take a second or two. The same number gives the same picture.
"""

from __future__ import annotations

import colorsys
import math
import random
import struct
import zlib


def draw(number: int) -> bytes:
    """The PNG file of picture `number`: 8 bits a channel, RGB, 96 to 384 pixels a side."""
    chance = random.Random(number)  # noqa: S311 - a picture, not a secret
    width, height = chance.randrange(96, 385, 8), chance.randrange(96, 385, 8)
    hue = chance.random()
    band = _band(width, hue, hue + chance.uniform(0.1, 0.5))
    waves, swing, slant = chance.uniform(0.5, 4), chance.uniform(0.05, 0.4) * width, chance.uniform(-1, 1)
    disc = _Disc(width, height, chance)
    rows = bytearray()
    for y in range(height):
        shift = int(swing * math.sin(2 * math.pi * waves * y / height) + slant * y) % (2 * width)
        row = band[3 * shift : 3 * (shift + width)]
        rows += b"\0" + disc.over(row, y)  # a row begins with its filter: none
    return _png(width, height, bytes(rows))


def _band(width: int, hue_from: float, hue_to: float) -> bytes:
    """Colours there and back again, so that a window of `width` pixels has no seam at any of 2 * width places."""
    there = b"".join(_colour(hue_from + (hue_to - hue_from) * x / width, 0.35 + 0.6 * x / width) for x in range(width))
    back = b"".join(there[3 * x : 3 * x + 3] for x in range(width - 1, -1, -1))
    return there + back + there


def _colour(hue: float, value: float) -> bytes:
    return bytes(int(255 * channel) for channel in colorsys.hsv_to_rgb(hue % 1, 0.65, value))


class _Disc:
    def __init__(self, width: int, height: int, chance: random.Random) -> None:
        self._radius = min(width, height) * chance.uniform(0.12, 0.38)
        self._x, self._y = chance.uniform(0.25, 0.75) * width, chance.uniform(0.25, 0.75) * height
        self._hue = chance.random()

    def over(self, row: bytes, y: int) -> bytes:
        """The row with the disc's part of it painted over."""
        height = y - self._y
        if abs(height) >= self._radius:
            return row
        half = math.sqrt(self._radius**2 - height**2)
        start, end = max(0, int(self._x - half)), min(len(row) // 3, int(self._x + half))
        paint = _colour(self._hue, 0.75 - 0.25 * height / self._radius)
        return row[: 3 * start] + paint * (end - start) + row[3 * end :]


def _png(width: int, height: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
