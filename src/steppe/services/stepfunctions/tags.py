"""TagResource, UntagResource, ListTagsForResource: tags of state machines and activities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import sqlalchemy as sa

from steppe.base import arns
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.services.stepfunctions import refusals
from steppe.services.stepfunctions.ports import Parts
from steppe.stores import activities, machines
from steppe.wire.request import Request

TAGS_MAX = 50
"""Tags of one resource. Developer Guide, "Quotas"."""

Tags = Sequence[dict[str, str]]


async def tag_resource(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Add tags; a key that is there gets the new value and keeps its place."""
    arn = request.input["resourceArn"]
    given = request.input["tags"]
    await parts.database.write(lambda c: _change(c, arn, lambda tags: merged(tags, given, arn)))
    return {}


async def untag_resource(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Remove tags by key; unknown keys are ignored."""
    arn = request.input["resourceArn"]
    keys = set(request.input["tagKeys"])
    _refuse_system_keys(keys)
    await parts.database.write(lambda c: _change(c, arn, lambda tags: [tag for tag in tags if tag["key"] not in keys]))
    return {}


async def list_tags_for_resource(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """All tags of a resource."""
    arn = request.input["resourceArn"]
    return {"tags": list(await parts.database.read(lambda c: _tags(c, arn)))}


def merged(tags: Tags, given: Iterable[dict[str, str]], arn: str) -> list[dict[str, str]]:
    """Tags with others added; of two with one key the later value counts. Keys are case-sensitive.

    Raises:
        ApiError: TooManyTags; AccessDeniedException for a key that only AWS sets.
    """
    values = {tag["key"]: tag["value"] for tag in tags}
    for tag in given:
        key = tag.get("key")
        if key is None:
            raise refusals.invalid("Tag key must not be null")
        values[key] = tag.get("value") or ""
    _refuse_system_keys(values)
    if len(values) > TAGS_MAX:
        text = f"A resource can have at most {TAGS_MAX} tags: '{arn}'"
        raise ApiError("TooManyTags", text, fields={"resourceName": arn})
    return [{"key": key, "value": value} for key, value in values.items()]


def _refuse_system_keys(keys: Iterable[str]) -> None:
    if any(key.startswith("aws:") for key in keys):
        raise ApiError("AccessDeniedException", "Caller is an end user and not allowed to mutate system tags")


def _change(c: sa.Connection, arn: str, change: Callable[[Tags], Tags]) -> None:
    changed = change(_tags(c, arn))
    keep = machines.set_tags if arns.parse(arn).kind == "stateMachine" else activities.set_tags
    keep(c, arn, changed)


def _tags(c: sa.Connection, arn: str) -> Tags:
    """The tags of a machine or an activity.

    Raises:
        ApiError: ResourceNotFound, also for versions, aliases and executions: they have no tags.
    """
    kind = arns.expect(arn, "stateMachine", "activity").kind
    record = machines.get_machine(c, arn) if kind == "stateMachine" else activities.get_activity(c, arn)
    if record is None:
        raise refusals.resource_missing(arn)
    return record.tags
