"""An execution as bytes and back: what the store keeps between two steps.

JSON with a format number. It holds everything that is in the value, so `load(dump(execution)) == execution`; frames
are a list, because JSON has no numbers as names. A newer format is refused by name instead of being misread.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Final

from steppe.base import jsonvalue
from steppe.base.errors import InternalError
from steppe.base.jsonvalue import JsonValue
from steppe.interp.command import StartMapRun
from steppe.interp.execution import BranchesWait, Execution, Frame, Identity, MapRunWait, TaskWait, TimerWait, Wait

FORMAT: Final = 1
"""Raise it when an older steppe could not read what this one writes, and teach `load` the old form."""

_LEVELS: Final = 100
"""How deep in a snapshot a value stands, and more: a value of the greatest depth, wrapped a bit, must be read again."""

_LONG_INTEGER: Final = re.compile(rb"[0-9]{19}")

_EXECUTION: Final = tuple(field.name for field in fields(Execution) if field.name not in ("identity", "frames"))
_IDENTITY: Final = tuple(field.name for field in fields(Identity))
_FRAME: Final = tuple(field.name for field in fields(Frame) if field.name not in ("wait", "attempts"))
_TASK: Final = tuple(field.name for field in fields(TaskWait))
_TIMER: Final = tuple(field.name for field in fields(TimerWait))
_RUN: Final = tuple(field.name for field in fields(MapRunWait))
_MAP_RUN: Final = tuple(field.name for field in fields(StartMapRun))


def dump(execution: Execution) -> bytes:
    """The bytes of an execution."""
    document = {
        "format": FORMAT,
        "identity": _members(execution.identity, _IDENTITY),
        **_members(execution, _EXECUTION),
        "frames": [_frame(execution.frames[number]) for number in sorted(execution.frames)],
    }
    return jsonvalue.dumpb(document)


def load(snapshot: bytes) -> Execution:
    """The execution of such bytes.

    Raises:
        InternalError: they are none, or of a format that this version does not know.
    """
    try:
        document = _document(snapshot)
        found = document["format"]
        if found != FORMAT:
            raise InternalError(f"A snapshot of format {found} cannot be read; this version reads {FORMAT}")
        frames = {frame["number"]: _frame_of(frame) for frame in document["frames"]}
        identity = Identity(**document["identity"])
        values = {name: document[name] for name in _EXECUTION if name in document}
        return Execution(identity=identity, frames=frames, **values)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InternalError("A snapshot cannot be read", story=f"{type(error).__name__}: {error}") from error


def _document(snapshot: bytes) -> JsonValue:
    if _LONG_INTEGER.search(snapshot):
        # The quick parser makes a double of an integer beyond 64 bits, which a definition may hold: an execution would
        # go on with another value than it had.
        return json.loads(snapshot)
    return jsonvalue.loads(snapshot, depth_max=jsonvalue.DEPTH_MAX + _LEVELS)


def _members(value: object, names: tuple[str, ...]) -> dict[str, JsonValue]:
    return {name: getattr(value, name) for name in names}


def _frame(frame: Frame) -> JsonValue:
    document = _members(frame, _FRAME)
    document["variables"] = dict(frame.variables)
    document["attempts"] = list(frame.attempts)
    document["wait"] = None if frame.wait is None else _wait(frame.wait)
    return document


def _wait(wait: Wait) -> JsonValue:
    match wait:
        case TaskWait():
            return {"kind": "task", **_members(wait, _TASK)}
        case TimerWait():
            return {"kind": "timer", **_members(wait, _TIMER)}
        case MapRunWait():
            return {"kind": "map_run", **_members(wait, _RUN), "command": _members(wait.command, _MAP_RUN)}
        case _:
            assert isinstance(wait, BranchesWait)
            return {
                "kind": "branches",
                "items": list(wait.items),
                "effective_input": wait.effective_input,
                "outputs": [list(pair) for pair in wait.outputs],
                "next_index": wait.next_index,
                "concurrency": wait.concurrency,
            }


def _frame_of(document: JsonValue) -> Frame:
    values = {name: document[name] for name in _FRAME if name in document}
    return Frame(**values, attempts=tuple(document["attempts"]), wait=_wait_of(document["wait"]))


def _wait_of(document: JsonValue) -> Wait | None:
    if document is None:
        return None
    kind = document.pop("kind")
    if kind == "task":
        return TaskWait(**document)
    if kind == "timer":
        return TimerWait(**document)
    if kind == "map_run":
        return MapRunWait(**{**document, "command": StartMapRun(**document["command"])})
    if kind == "branches":
        return BranchesWait(
            items=tuple(document["items"]),
            effective_input=document["effective_input"],
            outputs=tuple((index, output) for index, output in document["outputs"]),
            next_index=document["next_index"],
            concurrency=document["concurrency"],
        )
    raise InternalError(f"A snapshot names a wait of kind {kind}")
