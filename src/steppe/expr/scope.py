"""What an expression can see beside the value it is applied to, and where its chance comes from.

The pure ring may not draw a random number, so the runtime draws a seed per advance and stores it with the stimulus;
`Entropy` stretches it. The same seed gives the same UUIDs again when the advance is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TypeAlias

from steppe.base.jsonvalue import JsonValue

_BLOCK_BYTES = 64
_NOT_BUILT = object()


class Entropy:
    """A deterministic stream of bytes from a seed.

    Args:
        seed: any number of bytes, drawn by the runtime.
    """

    __slots__ = ("_block_index", "_key", "_left", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._key = b""  # made when chance is first asked for: most expressions never do
        self._block_index = 0
        self._left = b""

    def take(self, count: int) -> bytes:
        """The next bytes of the stream."""
        if not self._key:
            self._key = blake2b(self._seed, digest_size=_BLOCK_BYTES).digest()
        while len(self._left) < count:
            block = blake2b(self._block_index.to_bytes(8, "big"), key=self._key, digest_size=_BLOCK_BYTES).digest()
            self._left += block
            self._block_index += 1
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def uuid4(self) -> str:
        """A version 4 UUID, in its usual text form."""
        raw = bytearray(self.take(16))
        raw[6] = raw[6] & 0x0F | 0x40
        raw[8] = raw[8] & 0x3F | 0x80
        text = raw.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def random(self) -> float:
        """A number from 0 (included) to 1 (excluded), with all 53 bits of a double."""
        return (int.from_bytes(self.take(7), "big") >> 3) / (1 << 53)


@dataclass(slots=True)
class Scope:
    """What an expression can see beside its input.

    Attributes:
        context: builds the context object (`$$`, `$states.context`); called at most once per Scope, and only if an
            expression asks.
        variables: workflow variables by name, without the dollar.
        entropy: the source of UUIDs and random numbers.
        now_ms: the time of the advance, epoch milliseconds.
        states: members of JSONata's `$states` beside `context`: input, result, errorOutput; None for none.
        derived: room for what an evaluator derives from this scope and needs again; nobody else looks at it.
    """

    context: Callable[[], JsonValue]
    variables: Mapping[str, JsonValue]
    entropy: Entropy
    now_ms: int
    states: Mapping[str, JsonValue] | None = None
    derived: dict[str, tuple[JsonValue, JsonValue]] | None = field(default=None, init=False, repr=False, compare=False)
    _context_object: JsonValue = field(default=_NOT_BUILT, init=False, repr=False, compare=False)

    def context_object(self) -> JsonValue:
        """The context object, built at the first call."""
        if self._context_object is _NOT_BUILT:
            self._context_object = self.context()
        return self._context_object


Expression: TypeAlias = Callable[[JsonValue, Scope], JsonValue]
"""(what `$` names, scope) -> value. Raises ExpressionError."""
