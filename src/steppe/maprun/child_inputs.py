"""From the items of a shard to the inputs of its children: ItemSelector for each item, then batches."""

from __future__ import annotations

from collections.abc import Iterator

from steppe.base.jsonvalue import JsonValue
from steppe.expr.scope import Entropy, Scope
from steppe.interp import context_object, dataflow
from steppe.maprun.batcher import ChildInput, batch_items
from steppe.maprun.item_source import Item, ItemRange, ItemSource
from steppe.maprun.plan import CompiledPlan


def child_inputs(
    compiled: CompiledPlan, source: ItemSource, items: ItemRange, *, now_ms: int, run_id: int, name_key: bytes
) -> Iterator[ChildInput]:
    """The children of a shard in item order, made one by one as they are asked for.

    Args:
        compiled: the run's plan.
        source: where the items are.
        items: the shard.
        now_ms: time for expressions in ItemSelector.
        run_id: makes their chance, with
        name_key: a shard that is run again makes the same inputs.

    Raises:
        Fault: the source cannot be read, the selector cannot be evaluated, or an item fits no batch.
    """
    selected = selected_items(compiled, source, items, now_ms=now_ms, run_id=run_id, name_key=name_key)
    if compiled.batch_rule is not None:
        return batch_items(selected, compiled.batch_rule)
    return ((index, 1, value) for index, value in selected)


def selected_items(
    compiled: CompiledPlan, source: ItemSource, items: ItemRange, *, now_ms: int, run_id: int, name_key: bytes
) -> Iterator[tuple[int, JsonValue]]:
    """The items of a shard, each with its index, after ItemSelector. Arguments and faults as of `child_inputs`."""
    seed = b"%b:%d:%d" % (name_key, run_id, items.first_item)
    selector = compiled.item_selector
    if selector is None:
        for index, _, value, _ in source.read(items):
            yield index, value
        return
    command = compiled.plan.command
    # A selector without expressions gives every child the same input.
    states = {"input": command.input} if compiled.jsonata else None
    entropy = Entropy(seed)
    for item in source.read(items):
        scope = Scope(_Context(command.context, item), command.variables, entropy, now_ms, states)
        yield item[0], dataflow.fill(selector, command.input, scope)


class _Context:
    """Builds the context object of one item when an expression asks for it."""

    __slots__ = ("_base", "_item")

    def __init__(self, base: JsonValue, item: Item) -> None:
        self._base = base
        self._item = item

    def __call__(self) -> JsonValue:
        index, key, value, source = self._item
        return {**self._base, "Map": {"Item": context_object.map_item(index, value, key=key, source=source)}}
