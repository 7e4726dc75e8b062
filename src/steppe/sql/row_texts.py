"""Functions over texts, URLs and sizes that DuckDB has not; see `row_functions`."""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import quote_plus, unquote_to_bytes

from steppe.sql.row_functions import RowError, RowFunction, invalid

TEXT_MAX = 1 << 20
"""Characters that a pad may make; ours."""

_SOUNDEX = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "01230120022455012623010202", strict=True))


def _soundex(value: str) -> str:
    """American Soundex, in which H and W do not part equal codes."""
    letters = [sign for sign in value.upper() if sign.isalpha()]
    strange = next((sign for sign in letters if sign not in _SOUNDEX), None)
    if strange is not None:
        raise invalid(f"The character is not mapped: {strange}")
    if not letters:
        return ""
    code, last = letters[0], _SOUNDEX[letters[0]]
    for sign in letters[1:]:
        if sign in "HW":
            continue
        digit = _SOUNDEX[sign]
        if digit not in ("0", last):
            code += digit
        last = digit
    return code[:4].ljust(4, "0")


def _normalize(value: str, form: str) -> str:
    if form not in ("NFC", "NFD", "NFKC", "NFKD"):
        raise invalid(f"Normalization form must be one of [NFD, NFC, NFKD, NFKC], found {form}")
    return unicodedata.normalize(form, value)  # type: ignore[arg-type]


def _pad(value: str, size: int, filling: str, *, left: bool) -> str:
    if not 0 <= size <= 2147483647:
        raise invalid("Target length must be in the range [0..2147483647]")
    if not filling:
        raise invalid("Padding string must not be empty")
    if size <= len(value):
        return value[:size]
    if size > TEXT_MAX:
        raise RowError("NOT_SUPPORTED", f"a pad to more than {TEXT_MAX} characters")
    missing = size - len(value)
    pad = (filling * (missing // len(filling) + 1))[:missing]
    return pad + value if left else value + pad


def _translate(value: str, source: str, target: str) -> str:
    """The first of several equal signs of `source` counts; those without a counterpart are taken out."""
    table: dict[int, str | None] = {}
    for index, sign in enumerate(source):
        table.setdefault(ord(sign), target[index] if index < len(target) else None)
    return value.translate(table)


def _strpos(value: str, part: str, instance: int) -> int:
    """Position of the n-th occurrence from the front, or from the back when negative; occurrences may overlap."""
    if instance == 0:
        raise invalid("'instance' must not be a positive or negative number.")
    if not part:
        return 1
    at, left = -1 if instance > 0 else len(value), abs(instance)
    while left:
        at = value.find(part, at + 1) if instance > 0 else value.rfind(part, 0, max(0, at - 1 + len(part)))
        if at < 0 or (instance < 0 and at == 0 and left > 1):
            return at + 1 if at >= 0 and left == 1 else 0
        left -= 1
    return at + 1


def _split_part(value: str, delimiter: str, index: int) -> str | None:
    if index <= 0:
        raise invalid("Index must be greater than zero")
    if not delimiter:  # every character is a part of its own
        return value[index - 1] if index <= len(value) else None
    parts = value.split(delimiter, index)
    return parts[index - 1] if index <= len(parts) else None


def _codepoints_hex(value: str) -> str:
    return value.encode("utf-16-be").hex().upper()


def _format_number(value: int) -> str:
    """Three significant digits and a unit of thousands."""
    size, unit = float(value), ""
    for letter in "KMBTQ":
        if abs(size) < 1000:
            break
        size, unit = size / 1000, letter
    digits = 2 if size < 10 else 1 if size < 100 else 0
    shown = str(Decimal(size).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return ("-0" if shown == "-0" else shown) + unit


_SIZES = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")


def _data_size(value: str) -> Decimal:
    match = re.fullmatch(r"([0-9.]+)(.*)", value, re.DOTALL)
    bad = invalid(f"Invalid data size: '{value}'")
    if not match or match.group(2) not in _SIZES or not re.fullmatch(r"\d+\.?\d*|\.\d+", match.group(1)):
        raise bad
    size = int(Decimal(match.group(1)[:100]) * 1024 ** _SIZES.index(match.group(2)))
    if size >= 10**38:
        raise RowError("NUMERIC_VALUE_OUT_OF_RANGE", f"Value out of range: '{value}' ('{size}B')")
    return Decimal(size)


_DURATIONS = {"ns": "0.000001", "us": "0.001", "ms": "1", "s": "1000", "m": "60000", "h": "3600000", "d": "86400000"}


def _duration(value: str) -> int:
    """Milliseconds of a text like 42.8ms, rounded half up."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*", value)
    if not match:
        raise invalid(f"duration is not a valid data duration string: {value}")
    if match.group(2) not in _DURATIONS:
        raise invalid(f"Unknown time unit: {match.group(2)}")
    exact = Decimal(match.group(1)[:100]) * Decimal(_DURATIONS[match.group(2)])
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


# -- URLs. Source: RFC 2396 as java.net.URI reads it: what it cannot read is NULL, a part that is not there is ''.

_URI = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.\-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_UNFIT = re.compile(r'[\x00-\x20<>"{}|\\^`\x7f]|%(?![0-9A-Fa-f]{2})')
_AUTHORITY = re.compile(r"(?:[^@\[\]]*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]*)(?::(\d*))?")


def _url(value: str) -> tuple[str | None, ...] | None:
    """Scheme, host, port, path, query and fragment, undecoded; None when it is no URI."""
    match = _URI.fullmatch(value)
    if match is None or _UNFIT.search(value) or re.search(r"[\[\]]", match.group(3) or ""):
        return None
    scheme, authority, path, query, fragment = match.groups()
    if scheme is not None and not authority and not path and query is None:
        return None
    host = port = None
    found = _AUTHORITY.fullmatch(authority) if authority else None
    if found is not None:
        host, port = found.group(1) or None, found.group(2) or None
    return scheme, host, port, path, query, fragment


def _decoded(value: str) -> str:
    return unquote_to_bytes(value).decode("utf-8", "replace")


def _url_part(index: int) -> RowFunction:
    def part(value: str) -> str | None:
        parts = _url(value)
        if parts is None:
            return None
        found = parts[index] or ""
        return _decoded(found) if index >= 3 else found

    return RowFunction(("VARCHAR",), "VARCHAR", part)


def _url_port(value: str) -> int | None:
    parts = _url(value)
    return int(parts[2]) if parts is not None and parts[2] else None


def _url_parameter(value: str, name: str) -> str | None:
    parts = _url(value)
    if parts is None or parts[4] is None:
        return None
    for argument in parts[4].split("&"):
        key, _, said = argument.partition("=")
        if key == name:
            return _url_decode(said)
    return None


def _url_decode(value: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", value):
        raise invalid("URLDecoder: Illegal hex characters in escape (%) pattern")
    return _decoded(value.replace("+", " "))


def _split_to_multimap(value: str, entries: str, pair: str) -> list[tuple[str, list[str]]]:
    if not entries or not pair:
        raise invalid(f"{'entry' if not entries else 'key-value'}Delimiter is empty")
    if entries == pair:
        raise invalid("entryDelimiter and keyValueDelimiter must not be the same")
    found: dict[str, list[str]] = {}
    items = value.split(entries)
    for index, item in enumerate(items):
        if not item and index == len(items) - 1:
            break
        key, delimiter, said = item.partition(pair)
        if not delimiter or pair in said:
            raise invalid("Key-value delimiter must appear exactly once in each entry. Bad input: " + item)
        found.setdefault(key, []).append(said)
    return sorted(found.items())


def _split_to_map(value: str, entries: str, pair: str) -> list[tuple[str, str]]:
    found = _split_to_multimap(value, entries, pair)
    twice = next((key for key, values in found if len(values) > 1), None)
    if twice is not None:
        raise invalid(
            f"Duplicate keys ({twice}) are not allowed. Specifying a lambda to resolve conflicts can avoid this error"
        )
    return [(key, values[0]) for key, values in found]


_ONE, _THREE = ("VARCHAR",), ("VARCHAR", "VARCHAR", "VARCHAR")

TABLE: dict[str, RowFunction] = {
    "soundex": RowFunction(_ONE, "VARCHAR", _soundex),
    "normalize": RowFunction(("VARCHAR", "VARCHAR"), "VARCHAR", _normalize),
    "lpad": RowFunction(("VARCHAR", "BIGINT", "VARCHAR"), "VARCHAR", lambda v, n, p: _pad(v, n, p, left=True)),
    "rpad": RowFunction(("VARCHAR", "BIGINT", "VARCHAR"), "VARCHAR", lambda v, n, p: _pad(v, n, p, left=False)),
    "translate": RowFunction(_THREE, "VARCHAR", _translate),
    "strpos": RowFunction(("VARCHAR", "VARCHAR", "BIGINT"), "BIGINT", _strpos),
    "split_part": RowFunction(("VARCHAR", "VARCHAR", "BIGINT"), "VARCHAR", _split_part),
    "char2hexint": RowFunction(_ONE, "VARCHAR", _codepoints_hex),
    "format_number": RowFunction(("BIGINT",), "VARCHAR", _format_number),
    "parse_data_size": RowFunction(_ONE, "DECIMAL(38,0)", _data_size),
    "parse_duration": RowFunction(_ONE, "BIGINT", _duration),
    "url_protocol": _url_part(0), "url_host": _url_part(1), "url_path": _url_part(3), "url_query": _url_part(4),
    "url_fragment": _url_part(5),
    "url_port": RowFunction(_ONE, "BIGINT", _url_port),
    "url_parameter": RowFunction(("VARCHAR", "VARCHAR"), "VARCHAR", _url_parameter),
    "url_encode": RowFunction(_ONE, "VARCHAR", lambda value: quote_plus(value, safe="*").replace("~", "%7E")),
    "url_decode": RowFunction(_ONE, "VARCHAR", _url_decode),
    "split_to_map": RowFunction(_THREE, "MAP(VARCHAR, VARCHAR)", _split_to_map),
    "split_to_multimap": RowFunction(_THREE, "MAP(VARCHAR, VARCHAR[])", _split_to_multimap),
}  # fmt: skip
