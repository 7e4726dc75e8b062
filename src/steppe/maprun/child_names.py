"""Names of child executions: UUIDs that say which run and which item, to those who have the server's key.

A name is a UUID in the form of version 3, as AWS gives children. Its 122 free bits are a mixed-up number made of run,
first item and check bits; the mixing is a bijection under a key, so nothing has to be stored to find a child by its
name, and a name that was made up fails the check. This hides nothing that matters: it makes names look like names, and
spreads them. Mixing costs about a microsecond.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

EXPRESS_FLAG: Final = 1 << 39
"""Added to the item index for the second UUID in an Express child's ARN; no run has so many items."""

_RUN_BITS: Final = 40
_ITEM_BITS: Final = 40
_CHECK_BITS: Final = 122 - _RUN_BITS - _ITEM_BITS
_HALF: Final = 61
_MASK: Final = (1 << 122) - 1
_LOW: Final = (1 << 62) - 1

_UUID = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-3([0-9a-f]{3})-([89ab][0-9a-f]{3})-([0-9a-f]{12})")


class ChildNames:
    """Makes and reads names under one key."""

    def __init__(self, key: bytes) -> None:
        """`key` is a secret of the server, of any length, the same for as long as children are kept."""
        stream = b"".join(blake2b(bytes([n]), key=key[:64], digest_size=64).digest() for n in range(2))
        odd = [int.from_bytes(stream[n * 16 : n * 16 + 16], "big") & _MASK | 1 for n in range(3)]
        self._first, self._second, self._third = odd
        self._undo = [pow(number, -1, 1 << 122) for number in odd]
        self._offset = int.from_bytes(stream[48:64], "big") & _MASK
        self._check = int.from_bytes(stream[64:72], "big") & ((1 << _CHECK_BITS) - 1)

    def number(self, run_id: int, item_index: int) -> int:
        """A name as the 128 bits of its UUID."""
        # A half-width shift under xor is its own inverse, a product with an odd number has one: all can be undone.
        mixed = ((run_id << _ITEM_BITS | item_index) << _CHECK_BITS | self._check) + self._offset & _MASK
        mixed = mixed * self._first & _MASK
        mixed ^= mixed >> _HALF
        mixed = mixed * self._second & _MASK
        mixed ^= mixed >> _HALF
        mixed = mixed * self._third & _MASK
        mixed ^= mixed >> _HALF
        # 48 bits, version 3, 12 bits, variant 2, 62 bits: the layout of a UUID.
        return mixed >> 74 << 80 | 3 << 76 | (mixed >> 62 & 0xFFF) << 64 | 2 << 62 | mixed & _LOW

    def raw(self, run_id: int, item_index: int) -> bytes:
        """A name as the 16 bytes of its UUID."""
        return self.number(run_id, item_index).to_bytes(16, "big")

    def read(self, name: str) -> tuple[int, int] | None:
        """(run id, item index) of a name; None for what is no name of ours."""
        match = _UUID.fullmatch(name)
        if match is None:
            return None
        high, low = int(match[1] + match[2] + match[3], 16), int(match[4] + match[5], 16)
        mixed = high << 62 | low & _LOW
        for undo in reversed(self._undo):
            mixed ^= mixed >> _HALF
            mixed = mixed * undo & _MASK
        plain = mixed - self._offset & _MASK
        if plain & ((1 << _CHECK_BITS) - 1) != self._check:
            return None
        plain >>= _CHECK_BITS
        return plain >> _ITEM_BITS, plain & ((1 << _ITEM_BITS) - 1)


def text(number: int) -> str:
    """The UUID of 128 bits, as text."""
    return text_of(number.to_bytes(16, "big"))


def text_of(raw: bytes) -> str:
    """The UUID of 16 bytes, as text."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
