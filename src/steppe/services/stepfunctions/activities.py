"""Activities: create, describe, delete, list, and the long poll of workers for tasks."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa

from steppe.base import arns
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue, dumps
from steppe.base.names import check_name
from steppe.runtime.activities import TooManyPollers
from steppe.services.stepfunctions.configuration import DEFAULT, check_encryption
from steppe.services.stepfunctions.paging import next_token, page_size, place_of
from steppe.services.stepfunctions.ports import Parts
from steppe.services.stepfunctions.tags import merged
from steppe.stores import activities
from steppe.stores.activities import ActivityRecord
from steppe.wire.request import Request

_ENCRYPTION = DEFAULT["encryptionConfiguration"]


async def create_activity(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Create an activity; a repeat answers what the first call did, other tags are ignored."""
    members = request.input
    name = check_name(members["name"])
    arn = parts.realm.activity(name)
    check_encryption(members.get("encryptionConfiguration") or _ENCRYPTION)
    wanted = ActivityRecord(arn, name, parts.clock(), merged([], members.get("tags") or [], arn))

    def create(c: sa.Connection) -> ActivityRecord:
        known = activities.get_activity(c, arn)
        if known is None:
            parts.limits.check_activities(c)
            activities.insert_activity(c, wanted)
        return known or wanted

    activity = await parts.database.write(create)
    return {"activityArn": activity.arn, "creationDate": activity.created_ms}


async def describe_activity(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """One activity."""
    arn = request.input["activityArn"]
    arns.expect(arn, "activity")
    activity = await parts.database.read(lambda c: activities.get_activity(c, arn))
    if activity is None:
        raise _missing(arn)
    return {
        "activityArn": activity.arn,
        "name": activity.name,
        "creationDate": activity.created_ms,
        "encryptionConfiguration": _ENCRYPTION,
    }


async def delete_activity(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Delete an activity. May be repeated."""
    arn = request.input["activityArn"]
    arns.expect(arn, "activity")
    await parts.database.write(lambda c: activities.delete_activity(c, arn))
    return {}


async def list_activities(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """All activities, in order of their names."""
    limit = page_size(request.input.get("maxResults"))
    after = place_of(request.input.get("nextToken"), "ListActivities")
    found = await parts.database.read(lambda c: activities.list_activities(c, after_name=after or "", limit=limit + 1))
    return {
        "activities": [
            {"activityArn": activity.arn, "name": activity.name, "creationDate": activity.created_ms}
            for activity in found[:limit]
        ],
        "nextToken": next_token("ListActivities", found[limit - 1].name) if len(found) > limit else None,
    }


async def get_activity_task(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Wait for a task of an activity; empty when there is none for a minute (observed September 2026)."""
    arn = request.input["activityArn"]
    arns.expect(arn, "activity")
    if await parts.database.read(lambda c: activities.get_activity(c, arn)) is None:
        raise _missing(arn)
    gone = None if request.gone is None else asyncio.ensure_future(request.gone())
    try:
        task = await parts.engine.next_activity_task(arn, worker_name=request.input.get("workerName"), gone=gone)
    except TooManyPollers:
        # Text not seen.
        text = "The maximum number of workers concurrently polling for activity tasks has been reached"
        raise ApiError("ActivityWorkerLimitExceeded", f"Activity Worker Limit Exceeded: '{text}'") from None
    finally:
        if gone is not None:
            gone.cancel()
    if task is None:
        return {}
    token, value = task
    return {"taskToken": token, "input": dumps(value)}


def _missing(arn: str) -> ApiError:
    return ApiError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")
