"""What a Map under test iterates over: its items, what ItemSelector and ItemBatcher make of them, and what is shown.

The parts that do it for Map Runs do it here: the readers, over a store that holds nothing but the data that the caller
gives, and the batcher.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from steppe.asl.program import MapState
from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonError, JsonValue
from steppe.expr.scope import Entropy, Scope
from steppe.interp import context_object, dataflow
from steppe.interp.command import StartMapRun
from steppe.interp.execution import MapRunWait
from steppe.interp.inspection import Trial
from steppe.maprun.batcher import BatchRule, batch_items
from steppe.maprun.item_source import Cut, reader_failed
from steppe.maprun.sources import STATE_DATA, Places, open_source
from steppe.objects.memory import MemoryObjectStore

EXCEEDED: Final = ("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")
"""Error and cause, as recorded of TestState."""

_BUCKET: Final = "items"
_KEY: Final = "data"
_READ_AS_FILES: Final = ("CSV", "JSON", "JSONL")

_Item = tuple[int, str | None, JsonValue, str | None]


@dataclass(slots=True)
class Iterations:
    """What a Map does.

    Attributes:
        count: of the iterations: items, or batches of them.
        tolerated_count, tolerated_percentage: None when the definition has none.
    """

    count: int = 0
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None

    def too_many(self, failures: int) -> bool:
        """Whether so many failed iterations fail the Map. Without a threshold none do: recorded."""
        if self.tolerated_count is not None and failures > self.tolerated_count:
            return True
        percentage = self.tolerated_percentage
        return percentage is not None and failures * 100 > percentage * self.count


def iterations(state: MapState, trial: Trial, *, data: str | None, entropy: bytes, now_ms: int) -> Iterations:
    """The iterations of a Map that has its items.

    Args:
        state: the Map.
        trial: it waits for the Map Run.
        data: what the reader reads.
        entropy: the chance of ItemSelector.
        now_ms: its time.

    Raises:
        Fault: the data cannot be read, ItemSelector cannot be evaluated, or an item fits no batch. What was found
            until then is in `trial.seen`.
    """
    found, wait, seen = Iterations(), trial.wait, trial.seen
    assert isinstance(wait, MapRunWait)
    command = wait.command
    found.tolerated_count = command.tolerated_failure_count
    found.tolerated_percentage = command.tolerated_failure_percentage
    items = list(_items(state, command, data))
    if found.tolerated_count is not None:
        seen["toleratedFailureCount"] = found.tolerated_count
    if found.tolerated_percentage is not None:
        seen["toleratedFailurePercentage"] = float(found.tolerated_percentage)
    seen["maxConcurrency"] = command.max_concurrency
    _show_items(state, command, items, seen)
    inputs = list(_selected(state, trial, items, command.input, entropy=entropy, now_ms=now_ms))
    if state.item_selector is not None:
        seen["afterItemSelector"] = Listed(tuple(value for _, value in inputs))
    found.count = len(inputs)
    if command.batched:
        rule = BatchRule(
            items_max=command.max_items_per_batch,
            size_bytes_max=command.max_input_bytes_per_batch,
            batch_input=command.batch_input,
        )
        batches = [batch for _, _, batch in batch_items(inputs, rule)]
        seen["afterItemBatcher"] = Listed(tuple(map(_shown_batch, batches)))
        found.count = len(batches)
    return found


@dataclass(frozen=True, slots=True)
class Listed:
    """An array that the service writes with a blank after the commas between its elements."""

    elements: tuple[JsonValue, ...]

    def text(self) -> str:
        """As it is shown."""
        return f"[{', '.join(map(jsonvalue.dumps, self.elements))}]"


def _shown_batch(batch: JsonValue) -> JsonValue:
    """A batch as the inspection shows it: its items as texts. Observed in September 2026."""
    return {**batch, "Items": [jsonvalue.dumps(item) for item in batch["Items"]]}


def _show_items(state: MapState, command: StartMapRun, items: list[_Item], seen: dict[str, JsonValue]) -> None:
    values = [value for _, _, value, _ in items]
    if command.reader is not None:
        if "ItemsPointer" in command.reader["ReaderConfig"]:
            keyed = bool(items) and items[0][1] is not None
            seen["afterItemsPointer"] = {key: value for _, key, value, _ in items} if keyed else values
    elif state.language == "JSONPath":
        given = command.items
        seen["afterItemsPath"] = given if isinstance(given, dict) else Listed(tuple(values))


def _items(state: MapState, command: StartMapRun, data: str | None) -> Iterator[_Item]:
    """The items of a Map Run.

    Raises:
        Fault: States.ItemReaderFailed.
    """
    if command.reader is None:
        given = command.items
        pairs = given.items() if isinstance(given, dict) else ((None, item) for item in given)
        # An inline Map's items have no Source.
        source = STATE_DATA if state.distributed else None
        for index, (key, item) in enumerate(pairs):
            yield index, key, item, source
        return
    config = command.reader["ReaderConfig"]
    most = command.reader["MaxItems"]
    if most < 0:
        raise reader_failed("field MaxItems must be positive")
    if config.get("InputType") not in _READ_AS_FILES:
        yield from _array(data or "", most)
        return
    store = MemoryObjectStore()
    store.create_bucket(_BUCKET)
    store.put(_BUCKET, _KEY, (data or "").encode("utf-8", "surrogatepass"))
    known = {name: value for name, value in config.items() if name not in ("Transformation", "ManifestType")}
    reader = {
        "Resource": "s3:getObject",
        "Parameters": {"Bucket": _BUCKET, "Key": _KEY},
        "ReaderConfig": known,
        "MaxItems": most,
    }
    places = Places(objects=store, internal=store, bucket=_BUCKET)
    opened = open_source(replace(command, reader=reader), places=places, spool_key="spool")
    for part in opened.split(Cut(items_max=most)):
        yield from opened.read(part)


def _array(data: str, most: int) -> Iterator[_Item]:
    """What no file holds (a listing, a manifest, Parquet) is given as a JSON array."""
    try:
        items = jsonvalue.loads(data)
    except JsonError as error:
        raise reader_failed(f"The data of ItemReader is not valid JSON: {error}") from None
    if not isinstance(items, list):
        raise reader_failed("The data of ItemReader must be a JSON array.")
    for index, item in enumerate(items[:most] if most else items):
        yield index, None, item, None


def _selected(
    state: MapState, trial: Trial, items: list[_Item], effective: JsonValue, *, entropy: bytes, now_ms: int
) -> Iterator[tuple[int, JsonValue]]:
    selector = state.item_selector
    for index, key, item, source in items:
        value = item
        if selector is not None:
            shown = context_object.map_item(index, item, key=key, source=source)
            value = dataflow.fill(selector, effective, _scope(trial, state, entropy, now_ms, shown))
        yield index, value


def _scope(trial: Trial, state: MapState, entropy: bytes, now_ms: int, item: JsonValue) -> Scope:
    context = {**trial.context, "Map": {"Item": item}}
    states = {"input": trial.seen["input"]} if state.language == "JSONata" else None
    return Scope(lambda: context, trial.variables, Entropy(entropy), now_ms, states)
