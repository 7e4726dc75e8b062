"""What a Map Run leaves: the state's result as one array, or ResultWriter's files and a reference to their manifest.

Both go over the shards in item order and over the segments of each; nothing but one shard's children is held at once.
The files are begun while children still run: see `export`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import PAYLOAD_BYTES_MAX
from steppe.maprun.export import Export
from steppe.maprun.parts import Parts
from steppe.maprun.plan import RunPlan
from steppe.maprun.redrive import with_export
from steppe.maprun.result_records import RecordShape, child_rows
from steppe.maprun.segments import SegmentReader
from steppe.stores import map_runs
from steppe.stores.map_runs import RunRecord, ShardRecord

_PAGE: Final = 64
"""Shards read from the database at once."""


class Results(NamedTuple):
    """What the Map state's result is, and the run with a note of the files that were written."""

    result: JsonValue
    run: RunRecord


async def collect_results(run: RunRecord, plan: RunPlan, parts: Parts, export: Export) -> Results:
    """The result of a Map Run whose children have all ended, or will not be run.

    Args:
        run: with `ending` when it does not succeed: then only exported results are made.
        plan: of the run.
        parts: of the server.
        export: of the run; it may have been begun.

    Returns:
        The result is None when there is none (the run does not succeed).

    Raises:
        Fault: States.DataLimitExceeded, States.ResultWriterFailed.
    """
    writer = plan.command.writer or {}
    if writer.get("Parameters") is None:
        return Results(None if run.ending is not None else await _inline(run, plan, parts), run)
    if run.source is None:
        return Results(None, run)  # nothing was ever read: there is nothing to export
    key, succeeded = await export.finish(run)
    details = {"Bucket": writer["Parameters"]["Bucket"], "Key": key}
    return Results({"MapRunArn": run.arn, "ResultWriterDetails": details}, with_export(run, succeeded))


async def _inline(run: RunRecord, plan: RunPlan, parts: Parts) -> JsonValue:
    """The array of outputs. What is known to be too large is not read."""
    writer = plan.command.writer or {}
    shape = RecordShape(arns=parts.child_arns(run), transformation=writer.get("Transformation", "COMPACT"))
    totals = await parts.database.read(lambda c: map_runs.totals(c, run.id, batch_items=1))
    # FLATTEN takes two bytes of brackets off an output, and an empty array leaves nothing at all.
    at_least = (
        totals.output_bytes - 2 * sum(totals.children) if shape.transformation == "FLATTEN" else totals.output_bytes
    )
    if shape.transformation != "NONE" and at_least > PAYLOAD_BYTES_MAX:
        raise _too_large(plan)
    reader = SegmentReader(parts.places.internal, parts.places.bucket)
    result: list[JsonValue] = []
    size = 1
    page = await _page(parts, run.id, 0)
    while page:
        for shard in page:
            for row in await parts.in_thread(child_rows, reader, shard):
                for text in shape.texts(row):
                    size += len(text) + 1
                    result.append(jsonvalue.loads(text))
                if size > PAYLOAD_BYTES_MAX:
                    raise _too_large(plan)
        page = await _page(parts, run.id, page[-1].first_item + page[-1].item_count)
    return result


async def _page(parts: Parts, run_id: int, from_item: int) -> list[ShardRecord]:
    return await parts.database.read(lambda c: map_runs.shards_in_order(c, run_id, from_item=from_item, limit=_PAGE))


def _too_large(plan: RunPlan) -> Fault:
    return Fault(
        "States.DataLimitExceeded",
        f"The state/task '{plan.command.state_name}' returned a result with a size exceeding the maximum number of "
        "bytes service limit.",
    )
