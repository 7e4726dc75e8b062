"""JSON Lines: one JSON value a line. Empty lines are no items.

Also the format of what the coordinator spools for itself (items from the state's input, listings of buckets): there a
line may be a pair of member name and value, for an object that is iterated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.maprun.item_source import Cut, Item, ItemRange, SourceBytes, described, reader_failed
from steppe.maprun.text_lines import Lines

_STEP = 100

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_BLANK = " \t\r\n"
"""What an empty line may hold. Not str.isspace: that counts characters which are other bytes when read as UTF-8."""


class JsonLinesSource:
    """An opened JSON Lines file."""

    def __init__(self, source: SourceBytes, *, keyed: bool = False, data_start: int = 0) -> None:
        """`keyed`: each line is `[name, value]` of an iterated object."""
        self._source = source
        self._keyed = keyed
        self.data_start = data_start
        self.unit_bytes = 1

    @property
    def description(self) -> JsonValue:
        """See `ItemSource`."""
        return {
            "kind": "json_lines",
            "object": self._source.description,
            "keyed": self._keyed,
            "data_start": self.data_start,
        }

    def split(self, cut: Cut, after: ItemRange | None = None) -> Iterator[ItemRange]:
        """See `ItemSource`."""
        position = after.end if after else self.data_start
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


def open_json_lines(source: SourceBytes, config: Mapping[str, JsonValue]) -> JsonLinesSource:
    """Open a JSON Lines file; ReaderConfig says no more than its InputType."""
    described(config, {"InputType": str})
    marked = next(source.stream(0), b"").startswith(_BYTE_ORDER_MARK)
    return JsonLinesSource(source, data_start=len(_BYTE_ORDER_MARK) if marked else 0)


def reopen_json_lines(source: SourceBytes, description: Mapping[str, JsonValue]) -> JsonLinesSource:
    """The source of a description."""
    return JsonLinesSource(source, keyed=description["keyed"], data_start=description["data_start"])
