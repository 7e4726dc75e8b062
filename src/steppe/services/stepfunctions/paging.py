"""Page sizes and tokens.

A token is opaque to its user: the place where the page before ended, with a checksum over it and over what was asked.
A token that was changed, cut, or taken from another question is refused, as AWS does; it holds nothing to keep secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonError, JsonValue, canonical, dumpb, loads

PAGE_SIZE_DEFAULT = 100
"""API Reference, ListExecutions, parameter `maxResults`; 0 means the default as well."""

_CHECKSUM_BYTES = 9


def page_size(wanted: int | None) -> int:
    """How many entries a page has at most."""
    return wanted or PAGE_SIZE_DEFAULT


def next_token(scope: JsonValue, place: JsonValue) -> str:
    """The token for the page after `place`.

    Args:
        scope: what is asked; the same for all pages of one list.
        place: where the page ended, as JSON.
    """
    return base64.urlsafe_b64encode(_checksum(scope, place) + dumpb(place)).decode().rstrip("=")


def place_of(token: str | None, scope: JsonValue) -> JsonValue:
    """The place that a token stands for; None without a token.

    Raises:
        ApiError: InvalidToken.
    """
    if token is None:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        place = loads(raw[_CHECKSUM_BYTES:])
    except (ValueError, binascii.Error, JsonError):
        raise invalid_token() from None
    if raw[:_CHECKSUM_BYTES] != _checksum(scope, place):
        raise invalid_token()
    return place


def invalid_token() -> ApiError:
    """The refusal of a token."""
    return ApiError("InvalidToken", "Invalid Token: 'Invalid token'")


def _checksum(scope: JsonValue, place: JsonValue) -> bytes:
    return hashlib.blake2b(canonical([scope, place]), digest_size=_CHECKSUM_BYTES, person=b"steppe-page").digest()
