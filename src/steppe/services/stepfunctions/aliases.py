"""Aliases of state machines: one or two versions with weights, under a name that a start can use."""

from __future__ import annotations

import sqlalchemy as sa

from steppe.base import arns
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.services.stepfunctions import references, refusals
from steppe.services.stepfunctions.paging import next_token, page_size, place_of
from steppe.services.stepfunctions.ports import Parts
from steppe.services.stepfunctions.versions import ALIASES_MAX
from steppe.stores import versions
from steppe.stores.versions import AliasRecord
from steppe.wire.request import Request

_ROUTING = "INVALID_ROUTING_CONFIGURATION"


async def create_state_machine_alias(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Create an alias; an exact repeat answers what the first call did."""
    members = request.input
    routing = members["routingConfiguration"]
    machine_arn = _machine_of(routing)
    arn = f"{machine_arn}:{members['name']}"
    description, now_ms = members.get("description"), parts.clock()

    def create(c: sa.Connection) -> AliasRecord:
        references.changeable(c, machine_arn)
        _check_versions(c, routing)
        known = versions.get_alias(c, arn)
        if known is not None:
            if (known.routing, known.description) != (routing, description):
                text = (
                    "Failed to create alias because an alias with the same name and a different routing "
                    "configuration already exists."
                )
                raise ApiError("ConflictException", text)
            return known
        if versions.alias_count(c, machine_arn) >= ALIASES_MAX:
            text = f"A state machine can have at most {ALIASES_MAX} aliases: '{machine_arn}'"
            raise ApiError("ServiceQuotaExceededException", text)
        return versions.insert_alias(
            c,
            arn=arn,
            machine_arn=machine_arn,
            name=members["name"],
            description=description,
            routing=routing,
            now_ms=now_ms,
        )

    alias = await parts.database.write(create)
    return {"stateMachineAliasArn": alias.arn, "creationDate": alias.created_ms}


async def update_state_machine_alias(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Change the description or the routing of an alias; what is not given stays."""
    members = request.input
    arn = members["stateMachineAliasArn"]
    machine_arn = references.machine_arn(references.qualified(arn))
    description, routing = members.get("description"), members.get("routingConfiguration")
    if description is None and routing is None:
        text = "Either the description or the routing configuration must be specified"
        raise refusals.invalid(text, reason="MISSING_REQUIRED_PARAMETER")
    if routing is not None and _machine_of(routing) != machine_arn:
        raise _same_machine_wanted(routing)
    now_ms = parts.clock()

    def update(c: sa.Connection) -> None:
        alias = _find(c, arn)
        references.changeable(c, machine_arn)
        if routing is not None:
            _check_versions(c, routing)
        versions.update_alias(
            c,
            arn,
            description=alias.description if description is None else description,
            routing=alias.routing if routing is None else routing,
            now_ms=now_ms,
        )

    await parts.database.write(update)
    return {"updateDate": now_ms}


async def describe_state_machine_alias(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """One alias."""
    arn = request.input["stateMachineAliasArn"]
    references.qualified(arn)
    alias = await parts.database.read(lambda c: _find(c, arn))
    return {
        "stateMachineAliasArn": alias.arn,
        "name": alias.name,
        "description": alias.description,
        "routingConfiguration": alias.routing,
        "creationDate": alias.created_ms,
        "updateDate": alias.updated_ms,
    }


async def list_state_machine_aliases(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """The aliases of a machine, or those that name one of its versions, in order of creation."""
    arn = request.input["stateMachineArn"]
    parsed = references.qualified(arn)
    machine_arn = references.machine_arn(parsed)
    scope = ["ListStateMachineAliases", arn]
    limit = page_size(request.input.get("maxResults"))
    after = place_of(request.input.get("nextToken"), scope)

    def read(c: sa.Connection) -> list[AliasRecord]:
        references.changeable(c, machine_arn)
        if parsed.name is not None and references.find_version(c, parsed) is None:
            raise refusals.resource_missing(arn)
        return versions.list_aliases(c, machine_arn, after_id=after or 0, limit=ALIASES_MAX)

    # A machine has few aliases (a quota), so all that follow are read and then filtered.
    found = [
        alias
        for alias in await parts.database.read(read)
        if parsed.name is None or any(entry["stateMachineVersionArn"] == arn for entry in alias.routing)
    ]
    return {
        "stateMachineAliases": [
            {"stateMachineAliasArn": alias.arn, "creationDate": alias.created_ms} for alias in found[:limit]
        ],
        "nextToken": next_token(scope, found[limit - 1].id) if len(found) > limit else None,
    }


async def delete_state_machine_alias(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Delete an alias. May be repeated."""
    arn = request.input["stateMachineAliasArn"]
    references.qualified(arn)
    await parts.database.write(lambda c: versions.delete_alias(c, arn))
    return {}


def _find(c: sa.Connection, arn: str) -> AliasRecord:
    alias = versions.get_alias(c, arn)
    if alias is None:
        raise refusals.resource_missing(arn)
    return alias


def _machine_of(routing: list[dict[str, JsonValue]]) -> str:
    """The machine whose versions a routing names.

    Raises:
        ApiError: InvalidArn; ValidationException for what is wrong with the routing itself.
    """
    listed = [entry["stateMachineVersionArn"] for entry in routing]
    parsed = [references.qualified(arn) for arn in listed]
    received = f"Received: [{', '.join(listed)}]"
    unversioned = [arn for arn, parts in zip(listed, parsed, strict=True) if references.version_number(parts) is None]
    if unversioned:
        text = f"Routing configuration must contain state machine version ARNs. Received: [{', '.join(unversioned)}]"
        raise refusals.invalid(text, reason=_ROUTING)
    if len(set(listed)) < len(listed):
        text = f"Routing configuration must contain distinct state machine version ARNs. {received}"
        raise refusals.invalid(text, reason=_ROUTING)
    machines = {references.machine_arn(parts) for parts in parsed}
    if len(machines) > 1:
        raise _same_machine_wanted(routing)
    total = sum(entry["weight"] for entry in routing)
    if total != 100:
        text = f"Sum of routing configuration weights must equal 100. Received: [{total}]"
        raise refusals.invalid(text, reason=_ROUTING)
    return machines.pop()


def _same_machine_wanted(routing: list[dict[str, JsonValue]]) -> ApiError:
    received = ", ".join(entry["stateMachineVersionArn"] for entry in routing)
    text = (
        "Routing configuration must contain state machine version ARNs for the same state machine. "
        f"Received: [{received}]"
    )
    return refusals.invalid(text, reason=_ROUTING)


def _check_versions(c: sa.Connection, routing: list[dict[str, JsonValue]]) -> None:
    """Every version of the routing must be there.

    Raises:
        ApiError: ResourceNotFound.
    """
    for entry in routing:
        arn = entry["stateMachineVersionArn"]
        if references.find_version(c, arns.parse(arn)) is None:
            raise refusals.resource_missing(arn)
