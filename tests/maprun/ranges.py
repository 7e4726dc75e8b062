"""Reading a source as a Map Run does: cut into ranges, each read for itself, and gone on with after any of them."""

from __future__ import annotations

from steppe.maprun.item_source import Cut

WHOLE = Cut()


def items(source, cut: Cut = WHOLE) -> list:
    """All items, range by range; and the ranges are what `split` says when it goes on after any of them."""
    ranges = list(source.split(cut))
    found = []
    for number, part in enumerate(ranges):
        read = list(source.read(part))
        assert [item[0] for item in read] == list(range(part.first_item, part.first_item + part.item_count))
        assert part.item_count % cut.multiple == 0 or part is ranges[-1]
        if number < 3:
            rest = list(source.split(cut, part))
            assert [item for part in rest for item in source.read(part)] == [
                item for part in ranges[number + 1 :] for item in source.read(part)
            ]
        found += read
    return found


def values(source, cut: Cut = WHOLE) -> list:
    """The items alone."""
    return [item[2] for item in items(source, cut)]
