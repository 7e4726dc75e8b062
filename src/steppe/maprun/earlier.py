"""What earlier attempts at a shard left: children that are done, and those that a redrive runs again. In a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from steppe.base import jsonvalue
from steppe.base.quotas import HISTORY_EVENTS_MAX
from steppe.interp import redrive, snapshot
from steppe.interp.advance import new_execution
from steppe.interp.execution import Execution, Identity
from steppe.interp.history import HistoryEvent
from steppe.interp.stimulus import Redrive, Start
from steppe.maprun.ledger import Entry, tally_of
from steppe.maprun.segments import EXTRA, SCHEMA, Extra, Row, Segment, SegmentReader
from steppe.objects.object_store import ObjectStore

_KEPT_BYTES_MAX: Final = 32 * 1024 * 1024
"""Decoded segments kept while their children are begun again: those of one segment come one after the other."""

_COLUMNS: Final = (*SCHEMA.names, *EXTRA.names)


class Again(NamedTuple):
    """A child to be run again.

    Attributes:
        execution: as it stood, or before its first stimulus.
        stimulus: what happens to it first.
        history: its events so far.
        raw_input: JSON text of its input.
    """

    execution: Execution
    stimulus: Redrive | Start
    history: list[HistoryEvent]
    raw_input: bytes


class Earlier:
    """What the registered segments of a shard have."""

    def __init__(self, reader: SegmentReader, segments: Sequence[Segment], redrive_count: int) -> None:
        """Read which children there are. `redrive_count`: which redrive of the run this is, 0 for none."""
        self._reader = reader
        self._segments = segments
        self.done: set[int] = set()
        """First items of the children that are not run (again)."""
        self.again: dict[int, tuple[int, str]] = {}
        """Item count and status of those that this redrive runs again, by first item, in item order."""
        again: dict[int, tuple[int, str]] = {}
        for segment, table in reader.latest(segments, ("item_index", "item_count", "status")):
            rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
            if segment.redrive == redrive_count:
                self.done.update(index for index, _, _ in rows)
                continue
            for index, item_count, status in rows:
                if status == "SUCCEEDED":
                    self.done.add(index)
                else:
                    again[index] = (item_count, status)
        self.again.update(sorted(again.items()))

    def begin_again(self, index: int, identity: Identity, now_ms: int) -> Again | None:
        """How a child is run again: one of a Standard run where it stopped, any other from its beginning.

        Returns None for a child that cannot be: it stays what it is.
        """
        found = self._reader.find(self._segments, index, _COLUMNS)
        assert found is not None, "it was read from these segments"
        row = found[1]
        kept = row.get("snapshot")
        if kept == b"":
            return None
        raw: bytes = row["input"].encode()
        if kept is not None and not identity.express:
            return Again(snapshot.load(kept), Redrive(), jsonvalue.loads(row["history"]), raw)
        execution = replace(
            new_execution(identity, jsonvalue.loads(raw), now_ms),
            started_ms=now_ms if identity.express else row["started_ms"],
            redrive_count=row["redrive_count"] + 1,
            redriven_ms=now_ms,
        )
        return Again(execution, Start(), [], raw)

    def booked(self, rows: Sequence[Row], extras: dict[int, Extra]) -> Entry:
        """What a segment of such rows adds to the books."""
        again = [(row[1], self.again[row[0]][1]) for row in rows if row[0] in self.again]
        stuck = [row[1] for row in rows if extras.get(row[0], (None, None))[0] == b""]
        return Entry(
            items=tally_of(_items((row[1], row[3]) for row in rows)),
            executions=tally_of(Counter(row[3] for row in rows)),
            again_items=tally_of(_items(again)),
            again_executions=tally_of(Counter(status for _, status in again)),
            stuck_items=sum(stuck),
            stuck=len(stuck),
        )


def open_earlier(store: ObjectStore, bucket: str, segments: Sequence[Segment], redrive_count: int) -> Earlier:
    """The Earlier of a shard, whose segments are in `bucket` of `store`."""
    return Earlier(SegmentReader(store, bucket, kept_bytes_max=_KEPT_BYTES_MAX), segments, redrive_count)


def extra_of(execution: Execution) -> Extra:
    """What the segment keeps of an ended child so that it can be redriven."""
    redriven_ms = execution.redriven_ms
    if execution.status == "SUCCEEDED" or execution.identity.express:
        return None, redriven_ms
    if execution.status == "FAILED" and execution.event_count >= HISTORY_EVENTS_MAX:
        return b"", redriven_ms
    return snapshot.dump(execution) if redrive.redrivable(execution) else None, redriven_ms


def _items(rows: Iterable[tuple[int, str]]) -> Counter[str]:
    items: Counter[str] = Counter()
    for item_count, status in rows:
        items[status] += item_count
    return items
