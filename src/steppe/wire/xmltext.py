"""Text in XML documents: what must be written as a reference."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[&<>\"\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def escape(text: str) -> str:
    """Text for an element or attribute.

    Control characters become numeric references, as S3 does; XML 1.0 has no right way to say them, which is what
    `encoding-type=url` is for.
    """
    return _SPECIAL.sub(_reference, text) if _SPECIAL.search(text) else text


def _reference(match: re.Match[str]) -> str:
    character = match.group()
    return _NAMED.get(character) or f"&#x{ord(character):x};"
