"""Values in headers and queries: text to what operations see, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime

from steppe.base import timestamps
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue

_INTEGER_DIGITS_MAX = 19


def query_from_text(name: str, text: str, kind: str) -> JsonValue:
    """A query parameter's value. InvalidArgument when it does not fit."""
    return _from_text(name, text, kind)


def header_from_text(name: str, text: str, kind: str) -> JsonValue:
    """A header's value. InvalidArgument when it does not fit; a time that cannot be read is None, as HTTP wants it."""
    if kind.startswith("timestamp"):
        return _http_time(text)
    if kind == "list":
        return [part.strip() for part in text.split(",") if part.strip()]
    return _from_text(name, text.strip(), kind)


def header_to_text(value: JsonValue, kind: str) -> str:
    """A value as a header says it."""
    if isinstance(value, str):
        return value
    if kind == "timestamp iso8601":
        return timestamps.to_text(value)
    if kind.startswith("timestamp"):
        return formatdate(value // 1000, usegmt=True)
    if kind == "boolean":
        return "true" if value else "false"
    return str(value)


def _from_text(name: str, text: str, kind: str) -> JsonValue:
    if kind in ("integer", "long"):
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _INTEGER_DIGITS_MAX):
            raise _bad(name, text, f"Provided {name} not an integer or within integer range")
        number = int(text)
        if kind == "integer" and not -(1 << 31) <= number < 1 << 31:
            raise _bad(name, text, f"Provided {name} not an integer or within integer range")
        return number
    if kind == "boolean":
        if text.lower() not in ("true", "false"):
            raise _bad(name, text, f"Invalid {name}")
        return text.lower() == "true"
    if kind.startswith("timestamp"):
        value = timestamps.parse_ms(text)
        if value is None:
            value = _http_time(text)
        if value is None:
            raise _bad(name, text, f"Invalid {name}")
        return value
    return text


def _http_time(text: str) -> int | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return timestamps.parse_ms(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1000
    except OverflowError:
        return None


def _bad(name: str, text: str, message: str) -> ApiError:
    return ApiError("InvalidArgument", message, fields={"ArgumentName": name, "ArgumentValue": text[:200]})
