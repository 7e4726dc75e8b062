"""One child in the results of a Map Run: its output, or the record of what became of it. Bytes exactly as recorded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from steppe.base import jsonvalue, timestamps
from steppe.base.jsonvalue import JsonValue
from steppe.maprun import child_names
from steppe.maprun.child_names import ChildNames
from steppe.maprun.segments import SegmentReader, load_segment
from steppe.stores.map_runs import ShardRecord

ROW_COLUMNS: Final = (
    *("item_index", "item_count", "name", "status", "started_ms", "stopped_ms"),
    *("input", "output", "error", "cause", "redrive_count"),
)

_INCLUDED: Final = {"Included": True}


class ChildRow(NamedTuple):
    """A child out of a segment, without its history. Fields as in `segments.SCHEMA`; texts are JSON texts."""

    item_index: int
    item_count: int
    name: bytes
    status: str
    started_ms: int
    stopped_ms: int
    input: str
    output: str | None
    error: str | None
    cause: str | None
    redrive_count: int
    redriven_ms: int | None = None


def child_rows(reader: SegmentReader, shard: ShardRecord) -> list[ChildRow]:
    """The ended children of a shard in item order. One shard's worth: bounded by its items."""
    rows: list[ChildRow] = []
    for _, table in reader.latest([load_segment(segment) for segment in shard.segments], ChildRow._fields):
        rows.extend(ChildRow(*row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True))
    rows.sort(key=lambda row: row.item_index)
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildArns:
    """Names and ARNs of a run's children.

    Attributes:
        run_id: of the run.
        prefix: the ARN up to the name.
        machine_arn: what children show as their state machine.
        express: Express children.
        name_key: the server's key.
    """

    run_id: int
    prefix: str
    machine_arn: str
    express: bool
    name_key: bytes

    def arn(self, item_index: int) -> str:
        """The ARN of the child whose first item that is."""
        arn = self.prefix + self.name(item_index)
        return f"{arn}:{self.second_uuid(item_index)}" if self.express else arn

    def name(self, item_index: int) -> str:
        """Its name."""
        return child_names.text(_names(self.name_key).number(self.run_id, item_index))

    def second_uuid(self, item_index: int) -> str:
        """What an Express child's ARN ends with."""
        return child_names.text(_names(self.name_key).number(self.run_id, item_index | child_names.EXPRESS_FLAG))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordShape:
    """How results look: `transformation` is NONE, COMPACT or FLATTEN."""

    arns: ChildArns
    transformation: str

    def texts(self, row: ChildRow) -> list[bytes]:
        """The results of one child, as JSON texts: one, or with FLATTEN any number."""
        if row.status != "SUCCEEDED" or self.transformation == "NONE" or row.output is None:
            return [self.record(row)]
        if self.transformation == "FLATTEN" and row.output.startswith("["):
            return [jsonvalue.dumpb(element) for element in jsonvalue.loads(row.output)]
        return [row.output.encode()]

    def record(self, row: ChildRow) -> bytes:
        """What became of a child, members in alphabetical order."""
        record: dict[str, JsonValue] = {}
        if row.cause is not None:
            record["Cause"] = row.cause
        if row.error is not None:
            record["Error"] = row.error
        name = child_names.text_of(row.name)
        record["ExecutionArn"] = self.arns.arn(row.item_index) if self.arns.express else self.arns.prefix + name
        record["Input"] = row.input
        record["InputDetails"] = _INCLUDED
        record["Name"] = name
        if row.status == "SUCCEEDED":
            record["Output"] = row.output
        record["OutputDetails"] = _INCLUDED
        record["RedriveCount"] = row.redrive_count
        if row.redriven_ms is not None and not self.arns.express:
            record["RedriveDate"] = _time(row.redriven_ms)
        if not self.arns.express:
            if row.status == "SUCCEEDED":
                record["RedriveStatus"] = "NOT_REDRIVABLE"
                record["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven"
            else:
                record["RedriveStatus"] = "REDRIVABLE_BY_MAP_RUN"
        record["StartDate"] = _time(row.started_ms)
        record["StateMachineArn"] = self.arns.machine_arn
        record["Status"] = row.status
        record["StopDate"] = _time(row.stopped_ms)
        return jsonvalue.dumpb(record)


def pending_record(value: JsonValue) -> bytes:
    """A child that was never started: its input, and no name."""
    return jsonvalue.dumpb({"Input": jsonvalue.dumps(value), "InputDetails": _INCLUDED, "Status": "PENDING"})


# A run's children end by the thousand in the same second, and the key of a server never changes.
_time = lru_cache(maxsize=64)(timestamps.to_text)
_names = lru_cache(maxsize=4)(ChildNames)
