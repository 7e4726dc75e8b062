"""Executions: start, stop, describe, list. Children of Map Runs are answered out of their runs."""

from __future__ import annotations

import asyncio
import uuid

import sqlalchemy as sa

from steppe.asl.jsontext import read as read_json
from steppe.base import arns
from steppe.base.arns import StatesArn
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonError, JsonValue, loads
from steppe.base.names import check_name
from steppe.base.quotas import PAYLOAD_BYTES_MAX
from steppe.services.stepfunctions import definitions, redrive, references, refusals
from steppe.services.stepfunctions.paging import next_token, page_size, place_of
from steppe.services.stepfunctions.ports import Parts
from steppe.services.stepfunctions.state_machines import described
from steppe.stores import executions, machines, mocks, versions
from steppe.stores.executions import ExecutionEntry, ExecutionExistsError, ExecutionRecord
from steppe.stores.machines import MachineRecord
from steppe.wire.request import Request

SYNC_SECONDS_MAX = 300
"""How long StartSyncExecution waits: an Express execution takes five minutes at most. Developer Guide, "Quotas"."""

_NESTING_MAX = 100
_TRACE_HEADER_MAX = 256
_INCLUDED = {"included": True}


async def start_execution(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Start an execution of a machine, a version or an alias.

    Standard: a repeat with the name and the input of an execution that runs answers what the first call did; a name is
    not free again after the end. Source: API Reference, StartExecution; recorded August 2024.
    """
    record = await _started(parts, request)
    return {"executionArn": record.arn, "startDate": record.started_ms}


async def start_sync_execution(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Start an Express execution, wait for its end, and answer with its output."""
    machine = await parts.database.read(lambda c: references.to_start(c, request.input["stateMachineArn"], parts.draw))
    if machine.type != "EXPRESS":
        raise refusals.machine_type()
    started = await _started(parts, request)
    try:
        await asyncio.wait_for(parts.engine.wait_ended(started.arn), SYNC_SECONDS_MAX)
    except TimeoutError:
        await parts.engine.stop_execution(started.arn, error="States.Timeout", cause=None)
    record = await parts.database.read(lambda c: executions.find_execution(c, started.arn, with_snapshot=False))
    assert record is not None
    assert record.stopped_ms is not None
    data = request.input.get("includedData") != "METADATA_ONLY"
    billed_ms = max(1, -(-(record.stopped_ms - record.started_ms) // 100)) * 100
    return {
        "executionArn": record.arn,
        "stateMachineArn": record.machine_arn,
        "name": record.name,
        "startDate": record.started_ms,
        "stopDate": record.stopped_ms,
        # An Express execution that is cut short has timed out: nobody can abort it.
        "status": "TIMED_OUT" if record.status == "ABORTED" else record.status,
        "error": record.error,
        "cause": record.cause,
        **(_data("input", record.input) if data else {}),
        # Recorded of an execution that failed: the details are there without an output.
        **({"output": record.output, "outputDetails": _INCLUDED} if data else {}),
        "traceHeader": record.trace_header,
        # Recorded September 2026 for a Pass: durations are rounded up to 100 ms, memory to 64 MB.
        "billingDetails": {"billedDurationInMilliseconds": billed_ms, "billedMemoryUsedInMB": 64},
    }


async def stop_execution(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """End an execution as ABORTED; one that has ended already answers when it did."""
    members = request.input
    arn = members["executionArn"]
    parsed = arns.expect(arn, "execution")
    if parsed.label is not None:
        raise refusals.invalid(f"Stopping one child of a Map Run is not supported by steppe: '{arn}'")
    await find(parts, arn)
    await parts.engine.stop_execution(arn, error=members.get("error"), cause=members.get("cause"))
    record = await find(parts, arn)
    return {"stopDate": record.stopped_ms}


async def describe_execution(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """One Standard execution, or one child of a Map Run."""
    arn = request.input["executionArn"]
    data = request.input.get("includedData") != "METADATA_ONLY"
    parsed = execution_arn(arn)
    if parsed.label is not None:
        child = await parts.map_runs.describe_child(arn)
        if child is None:
            raise refusals.execution_missing(arn)
        hidden = () if data else ("input", "inputDetails", "output", "outputDetails")
        return {name: value for name, value in child.items() if name not in hidden}
    now_ms = parts.clock()

    def look(c: sa.Connection) -> tuple[ExecutionRecord, dict[str, JsonValue]]:
        found = executions.find_execution(c, arn, with_snapshot=False)
        if found is None:
            raise refusals.execution_missing(arn)
        return found, redrive.members(c, found, now_ms)

    record, redriving = parts.database.look(look)
    return {
        "executionArn": record.arn,
        "stateMachineArn": record.machine_arn,
        "name": record.name,
        "status": record.status,
        "startDate": record.started_ms,
        "stopDate": record.stopped_ms,
        **(_data("input", record.input) if data else {}),
        **(_data("output", record.output) if data else {}),
        "error": record.error,
        "cause": record.cause,
        "traceHeader": record.trace_header,
        "stateMachineVersionArn": record.version_arn,
        "stateMachineAliasArn": record.alias_arn,
        **redriving,
    }


async def describe_state_machine_for_execution(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """The definition and settings that an execution is pinned to; of a child its processor alone."""
    arn = request.input["executionArn"]
    parsed = execution_arn(arn)
    map_run_arn = None
    if parsed.label is not None:
        child = await parts.map_runs.describe_child(arn)
        if child is None:
            raise refusals.execution_missing(arn)
        map_run_arn = child["mapRunArn"]
    root = await _root(parts, arn)
    machine = await parts.database.read(lambda c: machines.get_revision(c, root.revision_row))
    answer: dict[str, JsonValue] = {
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "updateDate": machine.updated_ms,
    } | described(machine, request.input)
    if parsed.label is None:
        return answer
    state = await definitions.distributed_map(machine, parsed.label)
    if state is None:
        raise refusals.execution_missing(arn)
    own = {
        "stateMachineArn": f"{machine.arn}/{parsed.label}",
        "mapRunArn": map_run_arn,
        "label": parsed.label,
        "variableReferences": None,
    }
    hidden = request.input.get("includedData") == "METADATA_ONLY"
    return answer | own | {"definition": None if hidden else state.processor_definition}


async def list_executions(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Executions of a machine, version, alias or Map Run, newest first."""
    members = request.input
    arn: str | None = members.get("stateMachineArn")
    map_run_arn: str | None = members.get("mapRunArn")
    status, redriven = members.get("statusFilter"), members.get("redriveFilter")
    if (arn is None) == (map_run_arn is None):
        raise refusals.invalid("Either a state machine ARN or a Map Run ARN must be specified, and not both")
    scope = ["ListExecutions", arn or map_run_arn, status, redriven]
    limit = page_size(members.get("maxResults"))
    place = place_of(members.get("nextToken"), scope)
    if arn is None:
        assert map_run_arn is not None
        return await _list_children(parts, map_run_arn, status, redriven, limit, place, scope)
    if redriven is not None:  # observed September 2026
        raise refusals.invalid("RedriveFilter cannot be applied to ListExecutions call with StateMachine ARN")
    if status == "PENDING_REDRIVE":
        raise refusals.invalid("The status PENDING_REDRIVE needs a Map Run ARN")
    named = await parts.database.read(lambda c: _named(c, arn))
    found = await parts.database.read(
        lambda c: executions.list_executions(
            c, **named, status=status, limit=limit + 1, cursor=None if place is None else tuple(place)
        )
    )
    last = found[limit - 1] if len(found) > limit else None
    return {
        "executions": [_entry(entry) for entry in found[:limit]],
        "nextToken": None if last is None else next_token(scope, [last.started_ms, last.id]),
    }


def execution_arn(arn: str) -> StatesArn:
    """An ARN of a Standard execution or of a child of a Map Run.

    Raises:
        ApiError: InvalidArn; also for Express executions that no Map Run started: AWS shows them in logs only.
    """
    parsed = arns.expect(arn, "execution", "express")
    if parsed.name is None or (parsed.kind == "express" and parsed.label is None):
        raise arns.invalid(arn)
    return parsed


async def find(parts: Parts, arn: str) -> ExecutionRecord:
    """An execution that is no child.

    Raises:
        ApiError: ExecutionDoesNotExist.
    """
    record = await parts.database.read(lambda c: executions.find_execution(c, arn, with_snapshot=False))
    if record is None:
        raise refusals.execution_missing(arn)
    return record


async def _started(parts: Parts, request: Request) -> ExecutionRecord:
    members = request.input
    given_name, input_text = members.get("name"), members.get("input")
    name = str(uuid.uuid4()) if given_name is None else check_name(given_name)
    if input_text is None:
        input_text = "{}"
    machine = references.look_to_start(parts.database, members["stateMachineArn"], parts.draw)
    check_input(input_text)
    arn = parts.realm.execution(machine.name, name)
    named = given_name is not None and machine.type == "STANDARD"
    known = await _known(parts, arn) if named else None
    if known is None:
        if machine.type == "STANDARD":
            parts.database.look(parts.limits.check_executions)
        await _note_test_case(parts, machine, name)
        try:
            return await parts.engine.start_execution(
                machine=machine, name=name, input_text=input_text, trace_header=_trace_header(request)
            )
        except ExecutionExistsError:
            # Somebody took the name between our look and the start.
            known = await _known(parts, arn)
            assert known is not None
    if known.status != "RUNNING" or known.input != input_text:
        raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
    return known


def _trace_header(request: Request) -> str | None:
    """The X-Ray header: the member, else the HTTP header of a call over HTTP, which must be as the member may be."""
    given: str | None = request.input.get("traceHeader")
    header = request.headers.get("x-amzn-trace-id", "") if given is None else ""
    return header if header and header.isascii() and len(header) <= _TRACE_HEADER_MAX else given


async def _note_test_case(parts: Parts, machine: MachineRecord, name: str) -> None:
    """Remember that the execution runs as a test case with mocked integrations, before its first task is called.

    Raises:
        ApiError: ValidationException; there is no such test case, or no mock configuration.
    """
    execution, case = f"{machine.name}:{name}", machine.test_case
    if parts.test_cases is None:
        if case is not None:
            raise refusals.invalid(
                f"The test case '{case}' needs a mock configuration: start steppe with --mock-config"
            )
        return
    if case is None:
        if parts.database.look(lambda c: mocks.test_case_of(c, execution)) is not None:
            await parts.database.write(lambda c: mocks.forget_test_case(c, execution))
        return
    refusal = parts.test_cases(machine.name, case)
    if refusal is None and '"DISTRIBUTED"' in machine.definition:
        refusal = "The children of a Distributed Map cannot be mocked: run the test case with an inline Map"
    if refusal is not None:
        raise refusals.invalid(refusal)
    await parts.database.write(lambda c: mocks.set_test_case(c, execution, case))


async def _known(parts: Parts, arn: str) -> ExecutionRecord | None:
    return parts.database.look(lambda c: executions.find_execution(c, arn, with_snapshot=False))


def check_input(text: str) -> None:
    """An execution's input must be JSON, and not too long.

    Raises:
        ApiError: ValidationException, InvalidExecutionInput.
    """
    if len(text) * 4 > PAYLOAD_BYTES_MAX and len(text.encode("utf-8", "surrogatepass")) > PAYLOAD_BYTES_MAX:
        rule = f"Member must have length less than or equal to {PAYLOAD_BYTES_MAX}"
        raise refusals.invalid(f"1 validation error detected: Value at 'input' failed to satisfy constraint: {rule}")
    try:
        loads(text)
    except JsonError as error:
        raise ApiError(
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{_why(text, error)}'"
        ) from None


def _why(text: str, error: JsonError) -> str:
    """What the service's JSON parser (a Java library) says about a text, with the name of its exception."""
    if not text.strip():
        kind, message = "databind.exc.MismatchedInputException", "No content to map due to end-of-input"
        return f'com.fasterxml.jackson.{kind}: {message}\n at [Source: (String)"{text}"; line: 1, column: 0]'
    _, found = read_json(text)
    bad = found is not None and found.code == "INVALID_JSON_DESCRIPTION"
    return f"com.fasterxml.jackson.core.JsonParseException: {found.message}" if found and bad else str(error)


def _data(member: str, text: str | None) -> dict[str, JsonValue]:
    return {} if text is None else {member: text, f"{member}Details": _INCLUDED}


async def _root(parts: Parts, arn: str) -> ExecutionRecord:
    """The execution that a user started, of which this one is (a child of a child of ...) a child."""
    for _ in range(_NESTING_MAX):
        if arns.parse(arn).label is None:
            return await find(parts, arn)
        child = await parts.map_runs.describe_child(arn)
        run = None if child is None else await parts.map_runs.describe(child["mapRunArn"])
        if run is None:
            break
        arn = run["executionArn"]
    raise refusals.execution_missing(arn)


def _named(c: sa.Connection, arn: str) -> dict[str, str]:
    """Which list of executions an ARN asks for, as arguments of `stores.executions.list_executions`.

    Raises:
        ApiError: StateMachineDoesNotExist, ResourceNotFound, StateMachineTypeNotSupported.
    """
    parsed = references.qualified(arn)
    machine = machines.get_machine(c, references.machine_arn(parsed))
    if machine is None:
        raise refusals.machine_missing(arn)
    if machine.type == "EXPRESS":
        raise refusals.machine_type()
    if parsed.name is None:
        return {"machine_arn": arn}
    if references.version_number(parsed) is not None:
        if references.find_version(c, parsed) is None:
            raise refusals.resource_missing(arn)
        return {"version_arn": arn}
    if versions.get_alias(c, arn) is None:
        raise refusals.resource_missing(arn)
    return {"alias_arn": arn}


def _entry(entry: ExecutionEntry) -> dict[str, JsonValue]:
    return {
        "executionArn": entry.arn,
        "stateMachineArn": entry.machine_arn,
        "name": entry.name,
        "status": entry.status,
        "startDate": entry.started_ms,
        "stopDate": entry.stopped_ms,
        "stateMachineVersionArn": entry.version_arn,
        "stateMachineAliasArn": entry.alias_arn,
        "redriveCount": entry.redrive_count,
        "redriveDate": entry.redriven_ms,
    }


async def _list_children(
    parts: Parts,
    map_run_arn: str,
    status: str | None,
    redriven: str | None,
    limit: int,
    place: JsonValue,
    scope: JsonValue,
) -> dict[str, JsonValue]:
    arns.expect(map_run_arn, "mapRun")
    if await parts.map_runs.describe(map_run_arn) is None:
        raise refusals.resource_missing(map_run_arn)
    found, token = await parts.map_runs.list_children(
        map_run_arn,
        status=status,
        redriven=None if redriven is None else redriven == "REDRIVEN",
        limit=limit,
        token=place,
    )
    return {"executions": found, "nextToken": None if token is None else next_token(scope, token)}
