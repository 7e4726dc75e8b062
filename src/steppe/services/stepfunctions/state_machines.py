"""State machines: create, update, delete, describe, list."""

from __future__ import annotations

import asyncio
import re
import uuid

import sqlalchemy as sa

from steppe.base import arns
from steppe.base.arns import StatesArn
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.base.names import check_name
from steppe.services.stepfunctions import configuration, definitions, references, refusals
from steppe.services.stepfunctions.paging import next_token, page_size, place_of
from steppe.services.stepfunctions.ports import Parts
from steppe.services.stepfunctions.tags import merged
from steppe.services.stepfunctions.versions import published
from steppe.stores import executions, machines, versions
from steppe.stores.machines import MachineRecord
from steppe.stores.versions import VersionRecord
from steppe.wire.request import Request

_ROLE = re.compile(r"arn:[a-z0-9-]+:iam::\d{12}:role/[!-~]+")
_STOP_PAGE = 100


async def create_state_machine(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Create a machine; an exact repeat answers what the first call did.

    A repeat is measured by name, definition, type, configuration, `publish` and version description; another role or
    other tags are ignored. Source: API Reference, CreateStateMachine; observed September 2026.
    """
    members = request.input
    name = check_name(members["name"])
    check_role(members["roleArn"])
    publish, description = _publication(members)
    arn = parts.realm.state_machine(name)
    kind = members.get("type") or "STANDARD"
    configured = configuration.configured(members, configuration.DEFAULT)
    tags = merged([], members.get("tags") or [], arn)
    program = await definitions.checked(members["definition"], machine_arn=arn, express=kind == "EXPRESS")
    configured |= _references(program.variable_references)
    now_ms = parts.clock()

    def create(c: sa.Connection) -> tuple[MachineRecord, VersionRecord | None]:
        _purge(c, arn)
        known = machines.get_machine(c, arn)
        if known is not None:
            same = (known.definition, known.type, known.configuration) == (members["definition"], kind, configured)
            return known, _repeat(c, known, same=same, publish=publish, description=description)
        parts.limits.check_machines(c)
        made = machines.insert_machine(
            c,
            arn=arn,
            name=name,
            type=kind,
            definition=members["definition"],
            role_arn=members["roleArn"],
            configuration=configured,
            tags=tags,
            now_ms=now_ms,
        )
        return made, versions.publish(c, made, description=description, now_ms=now_ms) if publish else None

    machine, version = await parts.database.write(create)
    return {
        "stateMachineArn": machine.arn,
        "creationDate": machine.created_ms,
        "stateMachineVersionArn": None if version is None else version.arn,
    }


async def update_state_machine(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Change definition, role or configuration. What changes nothing makes no revision."""
    members = request.input
    arn = members["stateMachineArn"]
    references.unqualified(arn)
    if not any(members.get(name) is not None for name in ("definition", "roleArn", *configuration.MEMBERS)):
        text = (
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration "
            "must be specified"
        )
        raise ApiError("MissingRequiredParameter", text)
    publish, description = _publication(members)
    if members.get("roleArn") is not None:
        check_role(members["roleArn"])
    definition = members.get("definition")
    variables: dict[str, JsonValue] = {}
    checked_row: int | None = None
    if definition is not None:
        machine = await parts.database.read(lambda c: references.changeable(c, arn))
        program = await definitions.checked(definition, machine_arn=arn, express=machine.type == "EXPRESS")
        variables = _references(program.variable_references)
        checked_row = machine.revision_row
    now_ms, revision_id = parts.clock(), str(uuid.uuid4())

    def update(c: sa.Connection) -> tuple[MachineRecord, VersionRecord | None]:
        machine = references.changeable(c, arn)
        if checked_row not in (None, machine.revision_row):
            # Updated, or deleted and made anew, while the definition was checked (text not seen).
            text = "Failed to update the State Machine: another request has changed it at the same time."
            raise ApiError("ConflictException", text)
        kept = variables if definition is not None else _kept_references(machine)
        text = machine.definition if definition is None else definition
        role_arn = members.get("roleArn") or machine.role_arn
        configured = configuration.configured(members, machine.configuration) | kept
        if (text, role_arn, configured) != (machine.definition, machine.role_arn, machine.configuration):
            machine = machines.update_machine(
                c,
                machine,
                definition=text,
                role_arn=role_arn,
                configuration=configured,
                revision_id=revision_id,
                now_ms=now_ms,
            )
        version = published(c, machine, description=description, now_ms=now_ms) if publish else None
        return machine, version

    machine, version = await parts.database.write(update)
    return {
        "updateDate": now_ms,
        "revisionId": machine.revision_id,
        "stateMachineVersionArn": None if version is None else version.arn,
    }


async def delete_state_machine(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Delete a machine with its versions and aliases; running executions are stopped first. May be repeated."""
    arn = request.input["stateMachineArn"]
    parsed = references.qualified(arn)
    if parsed.name is not None:
        raise refusals.invalid(
            f"DeleteStateMachine takes the ARN of a state machine, not of a version or alias: '{arn}'"
        )

    def delete(c: sa.Connection) -> bool:
        if machines.get_machine(c, arn) is None:
            return False
        machines.mark_deleting(c, arn)
        versions.delete_all(c, arn)
        _purge(c, arn)
        return machines.get_machine(c, arn) is not None

    if await parts.database.write(delete):
        parts.begin(asyncio.create_task(finish_deletion(parts, arn)))
    return {}


async def finish_deletion(parts: Parts, arn: str) -> None:
    """Stop the executions of a machine that is being deleted, then remove it."""
    while True:
        page = await parts.database.read(
            lambda c: executions.list_executions(c, machine_arn=arn, status="RUNNING", limit=_STOP_PAGE)
        )
        for entry in page:
            await parts.engine.stop_execution(entry.arn, error=None, cause=None)
        if len(page) < _STOP_PAGE:
            break
    await parts.database.write(lambda c: _purge(c, arn))


async def describe_state_machine(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """A machine, one of its versions, or one of its Distributed Map states."""
    arn = request.input["stateMachineArn"]
    parsed = arns.expect(arn, "stateMachine")

    def find(c: sa.Connection) -> tuple[MachineRecord, VersionRecord | None]:
        machine = machines.get_machine(c, references.machine_arn(parsed))
        if machine is None:
            raise refusals.machine_missing(arn)
        if parsed.name is None:
            return machine, None
        version = references.find_version(c, parsed)
        if version is None:
            raise refusals.machine_missing(arn)
        return machines.get_revision(c, version.revision_row), version

    machine, version = await parts.database.read(find)
    answer = {
        "stateMachineArn": arn,
        "name": machine.name,
        "status": machine.status,
        "type": machine.type,
        "creationDate": machine.created_ms if version is None else version.created_ms,
        "description": None if version is None else version.description,
    } | described(machine, request.input)
    return answer if parsed.label is None else answer | await _map_described(machine, parsed, arn)


async def list_state_machines(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """All machines, in order of their names."""
    limit = page_size(request.input.get("maxResults"))
    after = place_of(request.input.get("nextToken"), "ListStateMachines")
    entries = await parts.database.read(lambda c: machines.list_machines(c, after_name=after or "", limit=limit + 1))
    more = len(entries) > limit
    return {
        "stateMachines": [
            {
                "stateMachineArn": entry.arn,
                "name": entry.name,
                "type": entry.type,
                "creationDate": entry.created_ms,
            }
            for entry in entries[:limit]
        ],
        "nextToken": next_token("ListStateMachines", entries[limit - 1].name) if more else None,
    }


def described(machine: MachineRecord, members: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """What both DescribeStateMachine and DescribeStateMachineForExecution show of a revision."""
    data = members.get("includedData") != "METADATA_ONLY"
    return {
        "definition": machine.definition if data else None,
        "roleArn": machine.role_arn,
        "revisionId": machine.revision_id,
        **{name: machine.configuration.get(name) for name in configuration.MEMBERS},
        "variableReferences": machine.configuration.get("variableReferences") if data else None,
    }


def check_role(role_arn: str) -> None:
    """A role's ARN must look like one; whether there is such a role is not looked at.

    Raises:
        ApiError: InvalidArn.
    """
    if not _ROLE.fullmatch(role_arn):
        raise ApiError("InvalidArn", f"Invalid Role Arn: '{role_arn}'")


async def _map_described(machine: MachineRecord, parsed: StatesArn, arn: str) -> dict[str, JsonValue]:
    state = await definitions.distributed_map(machine, parsed.label or "")
    if state is None:
        raise refusals.machine_missing(arn)
    return {"definition": state.processor_definition, "label": parsed.label, "variableReferences": None}


def _publication(members: dict[str, JsonValue]) -> tuple[bool, str | None]:
    publish, description = bool(members.get("publish")), members.get("versionDescription")
    if description is not None and not publish:
        raise refusals.invalid("Version description can only be set when publish is true")
    return publish, description


def _repeat(
    c: sa.Connection, known: MachineRecord, *, same: bool, publish: bool, description: str | None
) -> VersionRecord | None:
    """What a repeated CreateStateMachine answers as its version, or why it is no repeat.

    Raises:
        ApiError: StateMachineDeleting, StateMachineAlreadyExists.
    """
    if known.status == "DELETING":
        raise refusals.machine_deleting(known.arn)
    was_published = versions.versions_made(c, known.arn) > 0
    if not same or was_published != publish:
        raise ApiError("StateMachineAlreadyExists", f"State Machine Already Exists: '{known.arn}'")
    if not publish:
        return None
    first = versions.get_version(c, known.arn, 1)
    if first is not None and first.description != description:
        text = "This state machine was already created with a published version using a different description."
        raise ApiError("StateMachineAlreadyExists", f"State Machine Already Exists: {text}")
    # Version 1 may be deleted by now; the answer to the first call named it all the same.
    return first or VersionRecord(known.arn, 1, known.revision_row, description, known.created_ms)


def _purge(c: sa.Connection, arn: str) -> None:
    """Remove a machine that is being deleted as soon as none of its executions runs."""
    machine = machines.get_machine(c, arn)
    if machine is not None and machine.status == "DELETING" and not executions.has_running(c, arn):
        machines.delete_machine(c, arn)


def _references(found: JsonValue) -> dict[str, JsonValue]:
    return {"variableReferences": {state: list(names) for state, names in found.items()}} if found else {}


def _kept_references(machine: MachineRecord) -> dict[str, JsonValue]:
    return {name: value for name, value in machine.configuration.items() if name == "variableReferences"}
