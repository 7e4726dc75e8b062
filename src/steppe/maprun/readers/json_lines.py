"""JSON Lines: one JSON value a line. Empty lines are no items.

Also the format of what the coordinator spools for itself (items from the state's input, listings of buckets): there a
line may be a pair of member name and value, for an object that is iterated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.maprun.item_source import Cut, Item, ItemRange, SourceObject, described, pinned, reader_failed
from steppe.maprun.text_lines import Lines
from steppe.objects.object_store import ObjectStore

_STEP = 100

_BLANK = " \t\r\n"
"""What an empty line may hold. Not str.isspace: that counts characters which are other bytes when read as UTF-8."""


class JsonLinesSource:
    """An opened JSON Lines file."""

    def __init__(self, source: SourceObject, *, keyed: bool = False) -> None:
        """`keyed`: each line is `[name, value]` of an iterated object."""
        self._source = source
        self._keyed = keyed

    @property
    def description(self) -> JsonValue:
        """See `ItemSource`."""
        return {"kind": "json_lines", "object": self._source.description, "keyed": self._keyed}

    def split(self, cut: Cut, after: ItemRange | None = None) -> Iterator[ItemRange]:
        """See `ItemSource`."""
        position = after.end if after else 0
        index = after.first_item + after.item_count if after else 0
        lines = Lines(self._source.stream(position), position=position, encoding="latin-1")
        texts = iter(lines)
        while not cut.items_max or index < cut.items_max:
            start, count, wanted = lines.position, 0, cut.items
            if cut.items_max:
                wanted = min(wanted, cut.items_max - index)
            while count < wanted and (count % cut.multiple or lines.position - start < cut.size_bytes):
                step = min(_STEP, wanted - count, cut.multiple - count % cut.multiple if cut.multiple > 1 else _STEP)
                read = list(islice(texts, step))
                if not read:
                    wanted = 0
                count += sum(1 for text in read if text.strip(_BLANK))
            if count:
                yield ItemRange(index, count, start, lines.position)
            index += count
            if not wanted:
                return

    def read(self, items: ItemRange) -> Iterator[Item]:
        """See `ItemSource`."""
        lines = Lines(self._source.stream(items.start, items.end), position=items.start, encoding="utf-8")
        index, uri = items.first_item, self._source.uri
        for line in islice((line for line in lines if line.strip(_BLANK)), items.item_count):
            try:
                value = jsonvalue.loads(line)
            except jsonvalue.JsonError as error:
                raise reader_failed(f"Item {index} of the JSON Lines file is not JSON: {error}.") from error
            key = None
            if self._keyed:
                key, value = value
            yield index, key, value, uri
            index += 1


def open_json_lines(source: SourceObject, config: Mapping[str, JsonValue]) -> JsonLinesSource:
    """Open a JSON Lines file; ReaderConfig says no more than its InputType."""
    described(config, {"InputType": str})
    return JsonLinesSource(source)


def reopen_json_lines(store: ObjectStore, description: Mapping[str, JsonValue]) -> JsonLinesSource:
    """The source of a description."""
    return JsonLinesSource(pinned(store, description["object"]), keyed=description["keyed"])
