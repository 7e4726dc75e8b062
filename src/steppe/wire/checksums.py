"""The checksums that S3 knows, as running hashes: CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5.

CRC32 is zlib's. The other two CRCs have no home in the standard library; a loop over bytes in Python does about 8 MiB a
second, so long inputs are cut into lanes that advance together: the state of all lanes is one long byte string for each
byte of the register, a table look-up is `bytes.translate`, an exclusive or is one operation on a big integer. The
lanes' results are then joined as CRCs are (a CRC is linear: that of a concatenation is the first one, pushed through as
many zero bytes as the second part is long, xor the second one). That does 30 to 60 MiB a second.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable
from functools import cache
from typing import Protocol

LANE_BYTES = 256
LANED_FROM_BYTES = 16 * 1024


class Checksum(Protocol):
    """A running checksum."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""
        ...

    def digest(self) -> bytes:
        """The checksum so far, big-endian, as S3 encodes it in base64."""
        ...


ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5")
"""Names as in `x-amz-checksum-algorithm`."""

FULL_OBJECT_ONLY = frozenset({"CRC64NVME"})
COMPOSITE_ONLY = frozenset({"SHA1", "SHA256"})


def checksum(algorithm: str) -> Checksum:
    """A new running checksum.

    Raises:
        KeyError: not one of ALGORITHMS.
    """
    if algorithm == "CRC32":
        return _Crc32()
    if algorithm in _POLYNOMIALS:
        return _Crc(algorithm)
    name = {"SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512", "MD5": "md5"}[algorithm]
    return hashlib.new(name, usedforsecurity=False)


def text_of(digest: bytes) -> str:
    """A digest as headers and documents carry it."""
    return base64.b64encode(digest).decode("ascii")


def combine(algorithm: str, parts: Iterable[tuple[bytes, int]]) -> bytes:
    """The CRC of a whole from the CRCs of its parts and their lengths in bytes (multipart, type FULL_OBJECT)."""
    width = _WIDTHS[algorithm]
    register = 0
    for digest, length in parts:
        register = _push_zeros(algorithm, register, length) ^ int.from_bytes(digest, "big")
    return register.to_bytes(width, "big")


# Reflected polynomials: CRC32 (IEEE 802.3), CRC32C (Castagnoli), CRC64NVME (NVM Express).
_POLYNOMIALS = {"CRC32C": 0x82F63B78, "CRC64NVME": 0x9A6C9329AC4BC9B5}
_WIDTHS = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8}


class _Crc32:
    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _Crc:
    __slots__ = ("_algorithm", "_register", "_table", "_width")

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._width = _WIDTHS[algorithm]
        self._table = _table(algorithm)
        self._register = (1 << 8 * self._width) - 1

    def update(self, data: bytes, /) -> None:
        start = 0
        if len(data) >= LANED_FROM_BYTES:
            start = len(data) // LANE_BYTES * LANE_BYTES
            self._register = _laned(self._algorithm, self._register, data, start // LANE_BYTES)
        register, table = self._register, self._table
        for byte in data[start:]:
            register = table[(register ^ byte) & 255] ^ (register >> 8)
        self._register = register

    def digest(self) -> bytes:
        return (self._register ^ ((1 << 8 * self._width) - 1)).to_bytes(self._width, "big")


@cache
def _table(algorithm: str) -> tuple[int, ...]:
    """The register after one byte, for each value of the byte."""
    polynomial = _POLYNOMIALS.get(algorithm, 0xEDB88320)
    table = []
    for byte in range(256):
        register = byte
        for _ in range(8):
            register = (register >> 1) ^ polynomial if register & 1 else register >> 1
        table.append(register)
    return tuple(table)


@cache
def _byte_tables(algorithm: str) -> tuple[bytes, ...]:
    """`_table` taken apart: one translation table for each byte of the register, lowest first."""
    table = _table(algorithm)
    return tuple(bytes(entry >> 8 * place & 255 for entry in table) for place in range(_WIDTHS[algorithm]))


@cache
def _lane_tables(algorithm: str) -> tuple[tuple[int, ...], ...]:
    """For each byte of the register and value of it: what a lane's worth of zero bytes makes of it."""
    width = _WIDTHS[algorithm]
    return tuple(
        tuple(_push_zeros(algorithm, value << 8 * place, LANE_BYTES) for value in range(256)) for place in range(width)
    )


def _laned(algorithm: str, register: int, data: bytes, lanes: int) -> int:
    """The register after `lanes` lanes at the start of `data`."""
    width, tables = _WIDTHS[algorithm], _byte_tables(algorithm)
    end = lanes * LANE_BYTES
    state = [0] * width
    for offset in range(LANE_BYTES):
        step = int.from_bytes(data[offset:end:LANE_BYTES], "little")
        index = (state[0] ^ step).to_bytes(lanes, "little")
        shifted = [*state[1:], 0]
        state = [above ^ int.from_bytes(index.translate(t), "little") for above, t in zip(shifted, tables, strict=True)]
    columns = [part.to_bytes(lanes, "little") for part in state]
    pushes = _lane_tables(algorithm)
    for row in zip(*columns, strict=True):
        moved = 0
        for table in pushes:
            moved ^= table[register & 255]
            register >>= 8
        register = moved ^ int.from_bytes(bytes(row), "little")
    return register


def _push_zeros(algorithm: str, register: int, length: int) -> int:
    """The register after `length` zero bytes, by repeated squaring of the one-byte step as a matrix over GF(2)."""
    power = 0
    while length and register:
        if length & 1:
            register = _apply(_zero_matrix(algorithm, power), register)
        length >>= 1
        power += 1
    return register


def _apply(matrix: tuple[int, ...], register: int) -> int:
    result = 0
    place = 0
    while register:
        if register & 1:
            result ^= matrix[place]
        register >>= 1
        place += 1
    return result


@cache
def _zero_matrix(algorithm: str, power: int) -> tuple[int, ...]:
    """What 2**power zero bytes do to each bit of the register."""
    bits = range(8 * _WIDTHS[algorithm])
    if power == 0:
        table = _table(algorithm)
        return tuple(table[(1 << bit) & 255] ^ ((1 << bit) >> 8) for bit in bits)
    half = _zero_matrix(algorithm, power - 1)
    return tuple(_apply(half, _apply(half, 1 << bit)) for bit in bits)
