"""How Athena refuses a request."""

from __future__ import annotations

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue


def invalid(message: str, code: str = "INVALID_INPUT") -> ApiError:
    """InvalidRequestException with its AthenaErrorCode (and the older member of the same value)."""
    return ApiError("InvalidRequestException", message, fields={"AthenaErrorCode": code, "ErrorCode": code})


def text_of(members: dict[str, JsonValue], member: str, *, needed: bool = False) -> str | None:
    """A text member, or None when it is not there.

    Raises:
        ApiError: it is not a text, or it is needed and not there.
    """
    value = members.get(member)
    if value is None and not needed:
        return None
    if not isinstance(value, str) or (needed and not value):
        label = member[:1].lower() + member[1:]
        rule = "Member must not be null" if value is None else "Member must be a text of at least one character"
        raise invalid(f"1 validation error detected: Value at '{label}' failed to satisfy constraint: {rule}")
    return value


def object_of(members: dict[str, JsonValue], member: str) -> dict[str, JsonValue]:
    """A structure member; {} when it is not there."""
    value = members.get(member)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(
            f"1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must be a structure"
        )
    return value


def count_of(members: dict[str, JsonValue], *, default: int, most: int, least: int = 1) -> int:
    """MaxResults within its bounds."""
    value = members.get("MaxResults")
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise invalid(
            f"1 validation error detected: Value '{value}' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to {least}"
        )
    if value > most:
        raise invalid(f"MaxResults is more than maximum allowed length {most}.")
    return value or default
