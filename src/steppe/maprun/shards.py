"""What coordinator and workers say to each other about a shard. All of it is pickled; nothing here does anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from steppe.base.jsonvalue import JsonValue
from steppe.interp.command import CallTask, CancelTask, StartMapRun, StopMapRun
from steppe.interp.stimulus import Stimulus
from steppe.maprun.item_source import ItemRange
from steppe.maprun.ledger import Entry
from steppe.maprun.segments import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardJob:
    """One attempt at a shard, to a worker.

    Attributes:
        run_id: of the Map Run.
        plan_key: where its plan is.
        source: description of the items' source.
        items: the shard.
        segments: what earlier attempts left: the children in them are done.
        segment_prefix: keys of this attempt's segments begin with it; no other attempt's do.
        name_key: the server's key of children's names.
        limit: children that may run at once.
        failures_left: items that may fail before the shard stops by itself; None for no limit.
        careful: an earlier attempt took its worker down: say which child is begun, before it is.
        condemned: children that did so too often: they fail without being run.
        redrive: which redrive of the run this is; 0 for none. Children of earlier ones that did not succeed run again.
        whole_before: children of the shard, when all had ended before the redrive: none is started. Else 0.
    """

    run_id: int
    plan_key: str
    source: JsonValue
    items: ItemRange
    segments: tuple[Segment, ...]
    segment_prefix: str
    name_key: bytes
    limit: int
    failures_left: int | None
    careful: bool = False
    condemned: frozenset[int] = frozenset()
    redrive: int = 0
    whole_before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReport:
    """A segment has been written; it counts once the coordinator has committed it.

    Attributes:
        segment: which.
        booked: what it holds, by status.
        output_bytes: JSON text of the outputs of its children.
        stopped_ms: the latest end in it.
    """

    segment: Segment
    booked: Entry
    output_bytes: int
    stopped_ms: int


@dataclass(frozen=True, slots=True)
class RunningReport:
    """How many of a shard's children run now: executions, and the items in them."""

    executions: int
    items: int


@dataclass(frozen=True, slots=True)
class Answer:
    """To a FindChild or ListRunning."""

    request_id: int
    children: list[RunningChild]


@dataclass(frozen=True, slots=True)
class Beginning:
    """The child that is begun next, in a careful attempt."""

    item_index: int


@dataclass(frozen=True, slots=True)
class ChildAsks:
    """A child asks for what its worker cannot carry out. The outcome comes back as a Deliver.

    `execution_arn` is the child's. `command` is a Map Run of its own, or a task with a token, whose answer may come
    from anywhere.
    """

    execution_arn: str
    command: StartMapRun | StopMapRun | CallTask | CancelTask


FromWorker: TypeAlias = SegmentReport | RunningReport | Answer | Beginning | ChildAsks


@dataclass(frozen=True, slots=True)
class StopChildren:
    """Start no more children. Those that run are aborted; Express ones only if `express`."""

    express: bool


@dataclass(frozen=True, slots=True)
class SetLimit:
    """The shard may run so many children at once now."""

    limit: int


@dataclass(frozen=True, slots=True)
class SetFailuresLeft:
    """So many items more may fail before the shard stops by itself now; None for no limit."""

    failures_left: int | None


@dataclass(frozen=True, slots=True)
class FindChild:
    """Ask for one child that runs, with its history so far."""

    request_id: int
    item_index: int


@dataclass(frozen=True, slots=True)
class ListRunning:
    """Ask for the children that run, the youngest first, without histories."""

    request_id: int
    limit: int


@dataclass(frozen=True, slots=True)
class Deliver:
    """Something has happened to a child that runs; dropped when it does not (any more)."""

    item_index: int
    stimulus: Stimulus


ToWorker: TypeAlias = StopChildren | SetLimit | SetFailuresLeft | FindChild | ListRunning | Deliver


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningChild:
    """A child that has not ended.

    Attributes:
        item_index, item_count: its items.
        started_ms: when it began.
        input: JSON text.
        history: its events so far, as a JSON array; empty bytes when they were not asked for.
        redrive_count, redriven_ms: how often it was redriven, and when last.
    """

    item_index: int
    item_count: int
    started_ms: int
    input: bytes
    history: bytes = b""
    redrive_count: int = 0
    redriven_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardEnd:
    """What a ShardJob returns.

    Attributes:
        report: the last segment, not reported before; None when nothing was left to write.
        whole: every child of the shard has ended in a segment of this or an earlier attempt.
        executions: children of the whole shard; 0 when it stopped early.
        exceeded: it stopped by itself, because more items failed than might.
        error, cause: what is wrong with the source or the ItemSelector; error is None when nothing is.
    """

    report: SegmentReport | None
    whole: bool
    executions: int = 0
    exceeded: bool = False
    error: str | None = None
    cause: str | None = None
