"""Items into the inputs of children: pure. With ItemBatcher a child gets an object around several items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import PAYLOAD_BYTES_MAX

ChildInput: TypeAlias = tuple[int, int, JsonValue]
"""What a child is started with: its first item's index, how many items, its input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRule:
    """ItemBatcher, evaluated.

    Attributes:
        items_max: items of a batch, 1 or more; None for no limit.
        size_bytes_max: UTF-8 bytes of the encoded child input, BatchInput and all; None for no limit but that of every
            input: a batch of too many bytes is made of fewer items then.
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
        Fault: one item alone is over `size_bytes_max`. AWS's name and text for it are not known.
    """
    frame: dict[str, JsonValue] = {} if rule.batch_input is None else {"BatchInput": rule.batch_input}
    if rule.size_bytes_max is None:
        return _by_count(items, rule, frame)
    return _by_size(items, rule, rule.size_bytes_max, frame)


def _by_size(
    items: Iterable[tuple[int, JsonValue]], rule: BatchRule, size_bytes_max: int, frame: dict[str, JsonValue]
) -> Iterator[ChildInput]:
    frame_bytes = jsonvalue.size_bytes({**frame, "Items": []})
    batch: list[JsonValue] = []
    first, size = 0, frame_bytes
    for index, item in items:
        item_bytes = jsonvalue.size_bytes(item)
        if frame_bytes + item_bytes > size_bytes_max:
            raise Fault(
                "States.DataLimitExceeded",
                f"Item {index} needs a batch of {frame_bytes + item_bytes} bytes, and MaxInputBytesPerBatch is "
                f"{size_bytes_max}.",
            )
        if batch and size + item_bytes + 1 > size_bytes_max:
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


def _by_count(
    items: Iterable[tuple[int, JsonValue]], rule: BatchRule, frame: dict[str, JsonValue]
) -> Iterator[ChildInput]:
    """Batches of a number of items. Their bytes are looked at once a batch: nearly all of them fit."""
    batch: list[JsonValue] = []
    first = 0
    for index, item in items:
        if not batch:
            first = index
        batch.append(item)
        if len(batch) == rule.items_max:
            count = _fitting(batch, frame)
            yield first, count, {**frame, "Items": batch[:count]}
            first, batch = first + count, batch[count:]
    while batch:
        count = _fitting(batch, frame)
        yield first, count, {**frame, "Items": batch[:count]}
        first, batch = first + count, batch[count:]


def _fitting(batch: list[JsonValue], frame: dict[str, JsonValue]) -> int:
    """How many of these items an input can hold: 1 at least, which is too large for its child then."""
    if jsonvalue.size_bytes({**frame, "Items": batch}) <= PAYLOAD_BYTES_MAX:
        return len(batch)
    size = jsonvalue.size_bytes({**frame, "Items": []}) - 1
    for count, item in enumerate(batch):
        size += jsonvalue.size_bytes(item) + 1
        if size > PAYLOAD_BYTES_MAX:
            return max(1, count)
    return len(batch)
