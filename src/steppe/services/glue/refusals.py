"""How Glue refuses a request, and the members that every operation has."""

from __future__ import annotations

import base64
import binascii

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonError, JsonValue, dumpb, loads

Document = dict[str, JsonValue]


def invalid(message: str) -> ApiError:
    """InvalidInputException."""
    return ApiError("InvalidInputException", message)


def missing(message: str) -> ApiError:
    """EntityNotFoundException."""
    return ApiError("EntityNotFoundException", message)


def taken(message: str) -> ApiError:
    """AlreadyExistsException."""
    return ApiError("AlreadyExistsException", message)


def refuse(members: Document, *names: str) -> None:
    """Refuse members that ask for what this catalog has not.

    Raises:
        ApiError: InvalidInputException, with the member's name.
    """
    for name in names:
        if members.get(name) is not None:
            raise invalid(f"{name} is not supported")


def write_token(position: JsonValue) -> str:
    """A NextToken that leads on from a position."""
    return base64.urlsafe_b64encode(dumpb([position])).decode("ascii")


def read_token(members: Document, kind: type) -> JsonValue:
    """The position in NextToken, or None without one.

    Args:
        members: of the request.
        kind: what the position must be.

    Raises:
        ApiError: InvalidInputException, it is no token of this operation.
    """
    token = members.get("NextToken")
    if not token:
        return None
    try:
        (position,) = loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, UnicodeError, JsonError, ValueError, TypeError):
        raise invalid("Invalid NextToken") from None
    if not isinstance(position, kind):
        raise invalid("Invalid NextToken")
    return position
