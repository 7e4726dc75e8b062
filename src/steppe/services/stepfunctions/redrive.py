"""RedriveExecution, and what DescribeExecution says about it.

Texts: observed in September 2026 (running, succeeded, too many events), else the API Reference's list of reasons under
DescribeExecution; the one for too many redrives was not seen.
"""

from __future__ import annotations

import sqlalchemy as sa

from steppe.base import arns
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import HISTORY_EVENTS_MAX
from steppe.services.stepfunctions import refusals
from steppe.services.stepfunctions.ports import Parts
from steppe.stores import executions, machines
from steppe.stores.executions import ExecutionRecord
from steppe.wire.request import Request

REDRIVES_MAX = 1000
"""Redrives of one execution. Developer Guide, "Redriving executions"."""

_DAY_MS = 24 * 60 * 60 * 1000
REDRIVABLE_MS = 14 * _DAY_MS
"""How long after its end an execution can be redriven. API Reference, RedriveExecution."""

OPEN_MS_MAX = 365 * _DAY_MS
"""How long an execution may last, from its first start. Developer Guide, "Quotas"."""

TOKENS_KEPT = 10
TOKEN_MS = 15 * 60 * 1000
"""Client tokens are good for 15 minutes, the last ten of an execution. API Reference, RedriveExecution."""


async def redrive_execution(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Have an execution that failed, timed out or was aborted go on where it stopped.

    A repeat with the client token of an earlier redrive answers what that one did, whatever became of the execution
    since (observed September 2026).
    """
    arn, client_token = request.input["executionArn"], request.input.get("clientToken")
    parsed = arns.expect(arn, "execution", "express")
    if parsed.label is not None:
        raise refusals.invalid("Labeled Execution ARNs are not supported for this API")
    if parsed.kind == "express" or parsed.name is None:
        raise arns.invalid(arn)
    now_ms = parts.clock()

    def look(c: sa.Connection) -> tuple[ExecutionRecord, int | None, str | None]:
        record = executions.find_execution(c, arn, with_snapshot=False)
        if record is None:
            raise refusals.execution_missing(arn)
        done_ms = None
        if client_token is not None:
            done_ms = executions.find_redrive(
                c,
                execution_id=record.id,
                client_token=client_token,
                since_ms=now_ms - TOKEN_MS,
                latest=TOKENS_KEPT,
            )
        return record, done_ms, refusal(c, record, now_ms)

    record, redriven_ms, reason = await parts.database.read(look)
    if redriven_ms is None and reason is None:
        parts.database.look(parts.limits.check_executions)
        redriven_ms = await parts.engine.redrive_execution(arn, client_token=client_token)
        # Somebody else was faster.
        reason = "Execution is RUNNING and cannot be redriven"
    if redriven_ms is None:
        raise ApiError("ExecutionNotRedrivable", f"Execution {record.arn} invalid for redrive as: {reason}")
    return {"redriveDate": redriven_ms}


def members(c: sa.Connection, record: ExecutionRecord, now_ms: int) -> dict[str, JsonValue]:
    """What DescribeExecution says about redriving."""
    reason = refusal(c, record, now_ms)
    return {
        "redriveCount": record.redrive_count,
        "redriveDate": record.redriven_ms,
        "redriveStatus": "REDRIVABLE" if reason is None else "NOT_REDRIVABLE",
        "redriveStatusReason": reason,
    }


def refusal(c: sa.Connection, record: ExecutionRecord, now_ms: int) -> str | None:
    """Why an execution cannot be redriven; None when it can."""
    if record.status in ("RUNNING", "SUCCEEDED") or record.stopped_ms is None:
        return f"Execution is {record.status} and cannot be redriven"
    # ExecutionRedriven and at least one more event must have room.
    if executions.event_count(c, record.id) >= HISTORY_EVENTS_MAX - 1:
        return "Execution has exceeded the maximum history event limit"
    if now_ms - record.started_ms > OPEN_MS_MAX:
        return "Execution has exceeded the max execution time"
    if now_ms - record.stopped_ms > REDRIVABLE_MS:
        return "Execution redrivable period exceeded"
    if record.redrive_count >= REDRIVES_MAX:
        return "Execution has exceeded the maximum number of redrives"
    if machines.get_revision(c, record.revision_row).status == "DELETING":
        return "State machine is in DELETING status"
    if record.snapshot is None:
        # Ended before executions were kept for this, or by a failure of our own.
        return "Execution was started before the launch of RedriveExecution"
    return None
