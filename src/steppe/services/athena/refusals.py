"""How Athena refuses a request."""

from __future__ import annotations

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue


def invalid(message: str, code: str = "INVALID_INPUT") -> ApiError:
    """InvalidRequestException with its AthenaErrorCode (and the older member of the same value)."""
    return ApiError("InvalidRequestException", message, fields={"AthenaErrorCode": code, "ErrorCode": code})


def violated(member: str, rule: str, value: JsonValue = None) -> ApiError:
    """InvalidRequestException in the words of a broken constraint of the API's model."""
    shown = "" if value is None else f" '{value}'"
    at = f"Value{shown} at '{member}' failed to satisfy constraint"
    return invalid(f"1 validation error detected: {at}: Member must {rule}")


def text_of(members: dict[str, JsonValue], member: str, *, needed: bool = False) -> str | None:
    """A text member, or None when it is not there.

    Raises:
        ApiError: it is not a text, or it is needed and not there.
    """
    value = members.get(member)
    if value is None and not needed:
        return None
    if not isinstance(value, str) or (needed and not value):
        rule = "not be null" if value is None else "be a text of at least one character"
        raise violated(member[:1].lower() + member[1:], rule)
    return value


def object_of(members: dict[str, JsonValue], member: str) -> dict[str, JsonValue]:
    """A structure member; {} when it is not there."""
    value = members.get(member)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise violated(member[:1].lower() + member[1:], "be a structure")
    return value


def count_of(members: dict[str, JsonValue], *, default: int, most: int, least: int = 1) -> int:
    """MaxResults within its bounds."""
    value = members.get("MaxResults")
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise violated("maxResults", f"have value greater than or equal to {least}", value)
    if value > most:
        raise invalid(f"MaxResults is more than maximum allowed length {most}.")
    return value or default
