"""What a Map Run notes about its redrives: how often, when, and which results are written already. Pure.

A redrive goes on with the same run: its rows are opened again (`stores.map_runs.reopen_run`), its workers run the
children that did not succeed and those that were never started, and write segments that name the redrive. A child's row
in a later segment replaces the one in an earlier segment; see `segments.SegmentReader.latest`.
"""

from __future__ import annotations

from dataclasses import replace

from steppe.base.jsonvalue import JsonValue
from steppe.stores.map_runs import RunRecord

_NOTES: JsonValue = {"count": 0, "redriven_ms": None, "exported": -1, "succeeded": []}
"""count, redriven_ms: of the redrives so far. exported: the last one (0: the first attempt) whose result files were
written. succeeded: all files of succeeded children so far, as a manifest lists them."""


def redrive_count(run: RunRecord) -> int:
    """How often a run was redriven."""
    return int(_notes(run)["count"])


def redriven_ms(run: RunRecord) -> int | None:
    """When it was redriven last, epoch milliseconds."""
    moment: int | None = _notes(run)["redriven_ms"]
    return moment


def exported(run: RunRecord) -> tuple[int, list[JsonValue]]:
    """The last redrive whose results were written (-1: none, 0: the first attempt), and their files of successes."""
    notes = _notes(run)
    return int(notes["exported"]), list(notes["succeeded"])


def reopened(run: RunRecord, *, command_key: str, count: int, now_ms: int) -> RunRecord:
    """A run that has ended as it runs again."""
    return replace(
        run,
        command_key=command_key,
        status="RUNNING",
        stopped_ms=None,
        ending=None,
        counts=None,
        outcome=None,
        redrive={**_notes(run), "count": count, "redriven_ms": now_ms},
    )


def with_export(run: RunRecord, succeeded: list[JsonValue]) -> RunRecord:
    """A run whose result files are written. `succeeded`: those of succeeded children, of earlier attempts too."""
    notes = _notes(run)
    return replace(run, redrive={**notes, "exported": notes["count"], "succeeded": succeeded})


def _notes(run: RunRecord) -> JsonValue:
    return run.redrive or _NOTES
