"""Items into the inputs of children: pure. With ItemBatcher a child gets an object around several items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue

ChildInput: TypeAlias = tuple[int, int, JsonValue]
"""What a child is started with: its first item's index, how many items, its input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRule:
    """ItemBatcher, evaluated.

    Attributes:
        items_max: items of a batch, 1 or more; None for no limit.
        size_bytes_max: UTF-8 bytes of the encoded child input, BatchInput and all; None for no limit.
        batch_input: BatchInput; None when there is none.
    """

    items_max: int | None = None
    size_bytes_max: int | None = None
    batch_input: JsonValue = None


def batch_items(items: Iterable[tuple[int, JsonValue]], rule: BatchRule) -> Iterator[ChildInput]:
    """Group items into batches.

    Args:
        items: (index, selected item) in item order; read lazily, once.
        rule: the limits.

    Yields:
        ChildInput, in item order, never without items; the last may be short.

    Raises:
        Fault: one item alone is over the limit in bytes. AWS's name and text for it are not known.
    """
    frame: dict[str, JsonValue] = {} if rule.batch_input is None else {"BatchInput": rule.batch_input}
    frame_bytes = jsonvalue.size_bytes({**frame, "Items": []})
    batch: list[JsonValue] = []
    first, size = 0, frame_bytes
    for index, item in items:
        if rule.size_bytes_max is not None:
            item_bytes = jsonvalue.size_bytes(item)
            if frame_bytes + item_bytes > rule.size_bytes_max:
                raise Fault(
                    "States.DataLimitExceeded",
                    f"Item {index} needs a batch of {frame_bytes + item_bytes} bytes, and MaxInputBytesPerBatch is "
                    f"{rule.size_bytes_max}.",
                )
            if batch and size + item_bytes + 1 > rule.size_bytes_max:
                yield first, len(batch), {**frame, "Items": batch}
                batch = []
            size = (size + 1 if batch else frame_bytes) + item_bytes
        if not batch:
            first = index
        batch.append(item)
        if len(batch) == rule.items_max:
            yield first, len(batch), {**frame, "Items": batch}
            batch = []
    if batch:
        yield first, len(batch), {**frame, "Items": batch}
