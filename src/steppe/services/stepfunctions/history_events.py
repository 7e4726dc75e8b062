"""GetExecutionHistory: the events of an execution or of a Standard child of a Map Run, in pages."""

from __future__ import annotations

from steppe.base import arns
from steppe.base.jsonvalue import JsonValue
from steppe.interp.history import HistoryEvent
from steppe.services.stepfunctions import executions, refusals
from steppe.services.stepfunctions.paging import next_token, page_size, place_of
from steppe.services.stepfunctions.ports import Parts
from steppe.stores.executions import read_history
from steppe.wire.request import Request

_DATA_MEMBERS = frozenset(
    {"input", "inputDetails", "output", "outputDetails", "assignedVariables", "assignedVariablesDetails"}
)
"""Members of an event's details that hold execution data."""


async def get_execution_history(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """A page of a history, forwards or backwards, with or without the data in it."""
    members = request.input
    arn, reverse = members["executionArn"], bool(members.get("reverseOrder"))
    parsed = executions.execution_arn(arn)
    if parsed.kind == "express":
        # Observed September 2026: also for Express children, whose descriptions are answered.
        raise arns.invalid(arn)
    scope = ["GetExecutionHistory", arn, reverse]
    limit = page_size(members.get("maxResults"))
    after = place_of(members.get("nextToken"), scope)
    if parsed.label is not None:
        history = await parts.map_runs.child_history(arn)
        if history is None:
            raise refusals.execution_missing(arn)
        events, following = _page(history, reverse=reverse, after=after, limit=limit)
    else:
        record = await executions.find(parts, arn)
        events, following = await parts.database.read(
            lambda c: read_history(c, record.id, reverse=reverse, after=after, limit=limit)
        )
    if members.get("includeExecutionData") is False:
        events = [_without_data(event) for event in events]
    return {"events": events, "nextToken": None if following is None else next_token(scope, following)}


def _page(
    history: list[HistoryEvent], *, reverse: bool, after: int | None, limit: int
) -> tuple[list[HistoryEvent], int | None]:
    """A page of a history that is at hand: ids count from 1 without gaps, so an id is a place."""
    if reverse:
        end = len(history) if after is None else max(0, after - 1)
        page = history[max(0, end - limit) : end][::-1]
        more = end > limit
    else:
        first = 0 if after is None else after
        page = history[first : first + limit]
        more = len(history) > first + limit
    return page, page[-1]["id"] if more and page else None


def _without_data(event: HistoryEvent) -> HistoryEvent:
    return {
        member: {name: part for name, part in value.items() if name not in _DATA_MEMBERS}
        if isinstance(value, dict)
        else value
        for member, value in event.items()
    }
