"""Versions of state machines: publish, list, delete."""

from __future__ import annotations

import sqlalchemy as sa

from steppe.base import arns
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.services.stepfunctions import references
from steppe.services.stepfunctions.paging import next_token, page_size, place_of
from steppe.services.stepfunctions.ports import Parts
from steppe.stores import versions
from steppe.stores.machines import MachineRecord
from steppe.stores.versions import VersionRecord
from steppe.wire.request import Request

VERSIONS_MAX = 1000
"""Versions of one machine. Developer Guide, "Quotas"."""

ALIASES_MAX = 100
"""Aliases of one machine. Developer Guide, "Quotas"."""


async def publish_state_machine_version(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Make a version of the current revision; the version that it has already is answered again."""
    members = request.input
    arn = members["stateMachineArn"]
    references.unqualified(arn)
    wanted, now_ms = members.get("revisionId"), parts.clock()

    def publish(c: sa.Connection) -> VersionRecord:
        machine = references.changeable(c, arn)
        current = machine.revision_id or "INITIAL"
        if wanted is not None and wanted != current:
            text = (
                f"Failed to publish the State Machine version for revision {wanted}. "
                f"The current State Machine revision is {current}."
            )
            raise ApiError("ConflictException", text)
        return published(c, machine, description=members.get("description"), now_ms=now_ms)

    version = await parts.database.write(publish)
    return {"creationDate": version.created_ms, "stateMachineVersionArn": version.arn}


async def list_state_machine_versions(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """The versions of a machine, newest first."""
    arn = request.input["stateMachineArn"]
    references.unqualified(arn)
    scope = ["ListStateMachineVersions", arn]
    limit = page_size(request.input.get("maxResults"))
    below = place_of(request.input.get("nextToken"), scope)

    def read(c: sa.Connection) -> list[VersionRecord]:
        references.find_machine(c, arn)
        return versions.list_versions(c, arn, below=below, limit=limit + 1)

    found = await parts.database.read(read)
    return {
        "stateMachineVersions": [
            {"stateMachineVersionArn": version.arn, "creationDate": version.created_ms} for version in found[:limit]
        ],
        "nextToken": next_token(scope, found[limit - 1].number) if len(found) > limit else None,
    }


async def delete_state_machine_version(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Delete a version that no alias names. May be repeated; its executions stay as they are."""
    arn = request.input["stateMachineVersionArn"]
    parsed = references.qualified(arn)
    number = references.version_number(parsed)
    if number is None:
        raise arns.invalid(arn)
    machine_arn = references.machine_arn(parsed)

    def delete(c: sa.Connection) -> None:
        named = [
            alias.name
            for alias in versions.list_aliases(c, machine_arn, after_id=0, limit=ALIASES_MAX)
            if any(entry["stateMachineVersionArn"] == arn for entry in alias.routing)
        ]
        if named:
            text = (
                "Version to be deleted must not be referenced by an alias. "
                f"Current list of aliases referencing this version: [{', '.join(named)}]"
            )
            raise ApiError("ConflictException", text)
        versions.delete_version(c, machine_arn, number)

    await parts.database.write(delete)
    return {}


def published(c: sa.Connection, machine: MachineRecord, *, description: str | None, now_ms: int) -> VersionRecord:
    """The version of a machine's current revision, made if there is none.

    Raises:
        ApiError: ServiceQuotaExceededException.
    """
    made = versions.publish(c, machine, description=description, now_ms=now_ms)
    if versions.version_count(c, machine.arn) > VERSIONS_MAX:
        text = f"A state machine can have at most {VERSIONS_MAX} versions: '{machine.arn}'"
        raise ApiError("ServiceQuotaExceededException", text)
    return made
