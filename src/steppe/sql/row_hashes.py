"""Hashes, checksums and the encodings of bytes that DuckDB has not; see `row_functions`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import zlib
from collections.abc import Callable

from steppe.sql.row_functions import RowFunction, invalid

_M64 = 0xFFFFFFFFFFFFFFFF
_P1, _P2, _P3, _P4, _P5 = (
    0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5,
)  # fmt: skip


def _rotate(value: int, count: int) -> int:
    return (value << count | value >> 64 - count) & _M64


def _round(state: int, lane: int) -> int:
    return _rotate((state + lane * _P2) & _M64, 31) * _P1 & _M64


def xxhash64(data: bytes) -> int:
    """XXH64 with seed 0, as an unsigned number. Source: the algorithm's public specification."""
    at, size = 0, len(data)
    if size >= 32:
        lanes = [(_P1 + _P2) & _M64, _P2, 0, -_P1 & _M64]
        while at + 32 <= size:
            lanes = [_round(s, v) for s, v in zip(lanes, struct.unpack_from("<4Q", data, at), strict=True)]
            at += 32
        state = sum(_rotate(s, r) for s, r in zip(lanes, (1, 7, 12, 18), strict=True)) & _M64
        for lane in lanes:
            state = ((state ^ _round(0, lane)) * _P1 + _P4) & _M64
    else:
        state = _P5
    state = (state + size) & _M64
    while at + 8 <= size:
        (lane,) = struct.unpack_from("<Q", data, at)
        state = (_rotate(state ^ _round(0, lane), 27) * _P1 + _P4) & _M64
        at += 8
    if at + 4 <= size:
        (half,) = struct.unpack_from("<I", data, at)
        state = (_rotate(state ^ half * _P1 & _M64, 23) * _P2 + _P3) & _M64
        at += 4
    for byte in data[at:]:
        state = _rotate(state ^ byte * _P5 & _M64, 11) * _P1 & _M64
    state = (state ^ state >> 33) * _P2 & _M64
    state = (state ^ state >> 29) * _P3 & _M64
    return state ^ state >> 32


def _murmur_mix(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & _M64
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & _M64
    return value ^ value >> 33


def _murmur3(data: bytes) -> bytes:
    """MurmurHash3, 128 bits for 64-bit machines, seed 0. Source: the algorithm's public reference."""
    one, two = 0x87C37B91114253D5, 0x4CF5AD432745937F
    first = second = 0
    whole = len(data) // 16 * 16
    for at in range(0, whole, 16):
        a, b = struct.unpack_from("<2Q", data, at)
        first ^= _rotate(a * one & _M64, 31) * two & _M64
        first = ((_rotate(first, 27) + second) * 5 + 0x52DCE729) & _M64
        second ^= _rotate(b * two & _M64, 33) * one & _M64
        second = ((_rotate(second, 31) + first) * 5 + 0x38495AB5) & _M64
    tail = data[whole:].ljust(16, b"\0")
    a, b = struct.unpack("<2Q", tail)
    second ^= _rotate(b * two & _M64, 33) * one & _M64
    first ^= _rotate(a * one & _M64, 31) * two & _M64
    first, second = first ^ len(data), second ^ len(data)
    first = (first + second) & _M64
    second = (second + first) & _M64
    first, second = _murmur_mix(first), _murmur_mix(second)
    first = (first + second) & _M64
    second = (second + first) & _M64
    return struct.pack("<2Q", first, second)


def _signature(algorithm: str) -> RowFunction:
    return RowFunction(("BLOB", "BLOB"), "BLOB", lambda data, key: hmac.digest(key, data, algorithm))


def _unpacked(layout: str, size: int, what: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        if len(data) != size:
            raise invalid(f"expected {size}-byte input, but got instead: {len(data)}")
        return struct.unpack(layout, data)[0]

    del what
    return read


def _from_base32(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    try:
        return base64.b32decode(data + b"=" * (-len(data) % 8))
    except binascii.Error as error:
        raise invalid(str(error)) from None


def _from_base64(url: bool) -> Callable[[str | bytes], bytes]:
    def read(value: str | bytes) -> bytes:
        data = (value.encode() if isinstance(value, str) else value).rstrip(b"=")
        try:
            return base64.b64decode(data + b"=" * (-len(data) % 4), b"-_" if url else None, validate=True)
        except binascii.Error:
            raise invalid("Illegal base64 character, or input byte array has wrong 4-byte ending unit") from None

    return read


def _from_utf8(data: bytes, replacement: str) -> str:
    if len(replacement) > 1:
        raise invalid("Replacement character string must empty or a single character")
    shown = data.decode("utf-8", "replace")
    return shown if replacement == "�" else shown.replace("�", replacement)


def _pad(data: bytes, size: int, filling: bytes, *, left: bool) -> bytes:
    if not 0 <= size <= 2147483647:
        raise invalid("Target length must be in the range [0..2147483647]")
    if not filling:
        raise invalid("Padding bytes must not be empty")
    if size > _SIZE_MAX:
        raise invalid(f"Padding to more than {_SIZE_MAX} bytes is not supported here")
    if size <= len(data):
        return data[:size]
    missing = size - len(data)
    pad = (filling * (missing // len(filling) + 1))[:missing]
    return pad + data if left else data + pad


_SIZE_MAX = 1 << 20


def _part(data: bytes, start: int, length: int = 1 << 31) -> bytes:
    """A part of bytes: from 1, or from the end when negative."""
    if start == 0 or length <= 0:
        return b""
    at = start - 1 if start > 0 else len(data) + start
    return data[at : at + length] if 0 <= at < len(data) else b""


TABLE: dict[str, RowFunction] = {
    "sha512": RowFunction(("BLOB",), "BLOB", lambda data: hashlib.sha512(data).digest()),
    "crc32": RowFunction(("BLOB",), "BIGINT", zlib.crc32),
    "xxhash64": RowFunction(("BLOB",), "BLOB", lambda data: xxhash64(data).to_bytes(8, "big")),
    "murmur3": RowFunction(("BLOB",), "BLOB", _murmur3),
    **{f"hmac_{name}": _signature(name) for name in ("md5", "sha1", "sha256", "sha512")},
    "to_base32": RowFunction(("BLOB",), "VARCHAR", lambda data: base64.b32encode(data).decode()),
    "from_base32": RowFunction(("VARCHAR",), "BLOB", _from_base32),
    "to_base64url": RowFunction(("BLOB",), "VARCHAR", lambda data: base64.urlsafe_b64encode(data).decode()),
    "from_base64url": RowFunction(("VARCHAR",), "BLOB", _from_base64(True)),
    "from_base64": RowFunction(("VARCHAR",), "BLOB", _from_base64(False)),
    "to_big_endian_64": RowFunction(("BIGINT",), "BLOB", lambda value: struct.pack(">q", value)),
    "to_big_endian_32": RowFunction(("INTEGER",), "BLOB", lambda value: struct.pack(">i", value)),
    "from_big_endian_64": RowFunction(("BLOB",), "BIGINT", _unpacked(">q", 8, "bigint")),
    "from_big_endian_32": RowFunction(("BLOB",), "INTEGER", _unpacked(">i", 4, "integer")),
    "to_ieee754_64": RowFunction(("DOUBLE",), "BLOB", lambda value: struct.pack(">d", value)),
    "to_ieee754_32": RowFunction(("FLOAT",), "BLOB", lambda value: struct.pack(">f", value)),
    "from_ieee754_64": RowFunction(("BLOB",), "DOUBLE", _unpacked(">d", 8, "double")),
    "from_ieee754_32": RowFunction(("BLOB",), "FLOAT", _unpacked(">f", 4, "real")),
    "from_utf8": RowFunction(("BLOB", "VARCHAR"), "VARCHAR", _from_utf8),
    "lpad_bytes": RowFunction(("BLOB", "BIGINT", "BLOB"), "BLOB", lambda d, n, p: _pad(d, n, p, left=True)),
    "rpad_bytes": RowFunction(("BLOB", "BIGINT", "BLOB"), "BLOB", lambda d, n, p: _pad(d, n, p, left=False)),
    "substr_bytes": RowFunction(("BLOB", "BIGINT", "BIGINT"), "BLOB", _part),
    "reverse_bytes": RowFunction(("BLOB",), "BLOB", lambda data: data[::-1]),
}  # fmt: skip
