"""Shards that end where a batch ends, for batches that are limited in bytes.

Where a batch ends depends on every item before it. So one pass, in the coordinator's thread, makes the items (reads
them and applies ItemSelector) only to measure them, and cuts the source behind whole batches; workers make the items
again and run the children, in parallel. The batches are those of one sequence, as if nothing had been cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from steppe.base.errors import InternalError
from steppe.maprun.batcher import BatchRule, batch_items
from steppe.maprun.child_inputs import selected_items
from steppe.maprun.item_source import Cut, ItemRange, ItemSource
from steppe.maprun.plan import CompiledPlan

_BATCHES_WANTED: Final = 8
"""Batches of a measured range: what is measured behind the last whole one is measured again."""

_GROWTH_MAX: Final = 16

_ANY_SIZE: Final = 1 << 62


def batch_ranges(
    compiled: CompiledPlan,
    source: ItemSource,
    cut: Cut,
    after: ItemRange | None,
    *,
    now_ms: int,
    run_id: int,
    name_key: bytes,
) -> Iterator[ItemRange]:
    """Ranges of whole batches in item order, or those that follow `after`.

    Args:
        compiled: the run's plan, with a batch rule.
        source: where the items are.
        cut: about how large the ranges are to be.
        after: the last range that was made before.
        now_ms: time for expressions in ItemSelector.
        run_id: makes their chance, with
        name_key: as for `child_inputs`: the items are measured as they will be made.

    Raises:
        Fault: as `child_inputs`, and as `ItemSource.split`.
    """
    rule = compiled.batch_rule
    assert rule is not None
    growth = 1
    while True:
        wanted = Cut(items=cut.items * growth, size_bytes=cut.size_bytes * growth, items_max=cut.items_max)
        part = next(source.split(wanted, after), None)
        if part is None:
            return
        items = selected_items(compiled, source, part, now_ms=now_ms, run_id=run_id, name_key=name_key)
        batches, whole = _whole_batches(items, rule)
        if whole:
            if whole < part.item_count:
                exactly = Cut(items=whole, size_bytes=_ANY_SIZE, items_max=cut.items_max)
                part = next(source.split(exactly, after))
            if part.item_count != whole:
                raise InternalError(f"{part.item_count} items instead of {whole}", story=f"after {after}")
            yield part
            after = part
            if batches < _BATCHES_WANTED and growth < _GROWTH_MAX:
                growth *= 2
        elif next(islice(source.split(wanted, part), 1), None) is None:
            # The rest of the source is one batch.
            yield part
            return
        else:
            growth *= 2


def _whole_batches(items: Iterator[tuple[int, object]], rule: BatchRule) -> tuple[int, int]:
    """How many batches are whole, and how many items they have: the last one is not, unless it has all it may have."""
    batches = whole = last = 0
    for _, count, _ in batch_items(items, rule):
        whole += last
        batches += 1
        last = count
    if last and last == rule.items_max:
        return batches, whole + last
    return max(0, batches - 1), whole
