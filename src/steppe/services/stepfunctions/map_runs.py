"""ListMapRuns, DescribeMapRun and UpdateMapRun."""

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


async def update_map_run(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Other limits for a Map Run that runs. The texts of the refusals were not seen."""
    members = request.input
    arn = members["mapRunArn"]
    arns.expect(arn, "mapRun")
    limits = {name: members.get(name) for name in _LIMITS}
    if all(value is None for value in limits.values()):
        raise refusals.invalid(
            f"At least one of {', '.join(_LIMITS)} must be given", reason="MISSING_REQUIRED_PARAMETER"
        )
    found = await parts.map_runs.describe(arn)
    if found is None:
        raise refusals.resource_missing(arn)
    updated = await parts.map_runs.update(
        arn,
        max_concurrency=limits["maxConcurrency"],
        tolerated_failure_count=limits["toleratedFailureCount"],
        tolerated_failure_percentage=limits["toleratedFailurePercentage"],
    )
    if not updated:
        raise refusals.invalid(f"Map Run is not running and cannot be updated: '{arn}'")
    return {}


_LIMITS = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")
