"""Execution: one run as a value. A change makes a new value; only `runtime` makes it durable.

A Frame is one thread of states: the root, a branch of a Parallel, an iteration of an inline Map. Each frame is in one
state, and either runs (inside `advance` only) or waits for something. What it waits for is in the frame, so an Execution
alone says what it asked of the world: see `advance.outstanding`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from steppe.base.jsonvalue import JsonValue

Status: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


@dataclass(frozen=True, slots=True)
class Identity:
    """What does not change while an execution runs. Children of one Map Run share all of it but arn and name.

    Attributes:
        arn, name: of the execution.
        machine_arn: for a child of a Map Run with its label.
        machine_name: as the context object shows it: without label.
        role_arn: of the state machine at the start.
        express: an Express execution: no redrive members.
        map_run: the execution is a child of a Map Run.
    """

    arn: str
    name: str
    machine_arn: str
    machine_name: str
    role_arn: str
    express: bool = False
    map_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution.

    Attributes:
        identity: names and ARNs.
        input: the execution's input.
        started_ms, stopped_ms: epoch milliseconds; stopped_ms is None while it runs.
        status: as the API says.
        output: the output when SUCCEEDED, else None.
        error, cause: when FAILED, TIMED_OUT or ABORTED; None where AWS gives none.
        frames: waiting frames by number; empty when the execution has ended. Frame 0 is the root.
        next_frame: the next free frame number.
        event_count: the id of the last history event.
        redrive_count: how often it was redriven.
    """

    identity: Identity
    input: JsonValue
    started_ms: int
    stopped_ms: int | None = None
    status: Status = "RUNNING"
    output: JsonValue = None
    error: str | None = None
    cause: str | None = None
    frames: Mapping[int, Frame] = field(default_factory=dict)
    next_frame: int = 1
    event_count: int = 0
    redrive_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One thread of states that waits. The interpreter owns the fields; nobody else reads them."""

    number: int
