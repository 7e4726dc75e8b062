"""ListMapRuns and DescribeMapRun."""

from __future__ import annotations

from steppe.base import arns
from steppe.base.jsonvalue import JsonValue
from steppe.services.stepfunctions import executions, refusals
from steppe.services.stepfunctions.paging import next_token, page_size, place_of
from steppe.services.stepfunctions.ports import Parts
from steppe.wire.request import Request


async def list_map_runs(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """The Map Runs that an execution started."""
    arn = request.input["executionArn"]
    parsed = executions.execution_arn(arn)
    scope = ["ListMapRuns", arn]
    limit = page_size(request.input.get("maxResults"))
    place = place_of(request.input.get("nextToken"), scope)
    if parsed.label is None:
        await executions.find(parts, arn)
    elif await parts.map_runs.describe_child(arn) is None:
        raise refusals.execution_missing(arn)
    found, token = await parts.map_runs.list_runs(arn, limit=limit, token=place)
    return {"mapRuns": found, "nextToken": None if token is None else next_token(scope, token)}


async def describe_map_run(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Settings and counts of a Map Run."""
    arn = request.input["mapRunArn"]
    arns.expect(arn, "mapRun")
    found = await parts.map_runs.describe(arn)
    if found is None:
        raise refusals.resource_missing(arn)
    return found
