"""TestState: one state, run by itself by the interpreter that runs executions (`interp.inspection`).

The order here: what the request says of itself, the definition, what the state's kind allows, the mocked result and
context, then the test. Texts: recorded cases of November and December 2025, observations of September 2026; those in
their manner that nobody has seen are marked.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from typing import Final

from steppe.asl.compile import compile_definition, compile_state
from steppe.asl.program import MapState, ParallelState, Program, State, TaskState
from steppe.asl.resources import is_activity, parse_resource
from steppe.base import jsonvalue
from steppe.base.errors import ApiError, DefinitionError, Fault
from steppe.base.jsonvalue import JsonError, JsonValue
from steppe.interp.execution import Identity, TaskWait, TimerWait
from steppe.interp.inspection import STATE_NAME, Outcome, Trial
from steppe.services.stepfunctions import refusals, test_state_map
from steppe.services.stepfunctions.definitions import CALLS
from steppe.services.stepfunctions.executions import check_input
from steppe.services.stepfunctions.ports import Parts
from steppe.services.stepfunctions.state_machines import check_role
from steppe.services.stepfunctions.test_state_context import read_context
from steppe.services.stepfunctions.test_state_map import EXCEEDED, Listed
from steppe.services.stepfunctions.test_state_mock import read_result
from steppe.wire.request import Request

SECONDS_MAX: Final = 300
"""How long a test may take: then the state has failed with States.Timeout. API Reference, TestState."""

_CONFIGURATION: Final = {
    "retrierRetryCount": "RetrierRetryCount",
    "errorCausedByState": "ErrorCausedByState",
    "mapIterationFailureCount": "MapIterationFailureCount",
    "mapItemReaderData": "MapItemReaderData",
}
_MOCKED: Final = (TaskState, MapState, ParallelState)


async def test_state(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Run one state with the given input, and tell what became of it."""
    members = request.input
    _check_request(members)
    state, names = await asyncio.to_thread(_compiled, members)
    _check_state(state, names, members)
    mock = members.get("mock") or {}
    result = None
    if "result" in mock:
        result = read_result(state, mock["result"], mock.get("fieldValidationMode") or "STRICT")
    context = read_context(members["context"], state) if members.get("context") is not None else None
    text = members.get("input", "{}")
    check_input(text)
    seed, now_ms = secrets.token_bytes(32), parts.clock()
    trial = await asyncio.to_thread(
        Trial,
        state,
        identity=_identity(parts, members),
        input=jsonvalue.loads(text),
        variables=_variables(members),
        context=context,
        now_ms=now_ms,
        entropy=seed,
    )
    configuration = members.get("stateConfiguration") or {}
    trial.count_retries(configuration.get("retrierRetryCount") or 0)
    if mock:
        await asyncio.to_thread(_answer, state, trial, members, result, seed, now_ms)
    else:
        await _carry_out(parts, trial, now_ms)
    outcome = Outcome(status="FAILED", error="States.Timeout") if trial.wait is not None else trial.outcome()
    return _told(trial, outcome, inspected=members.get("inspectionLevel", "INFO") != "INFO")


# What the request says of itself


def _check_request(members: dict[str, JsonValue]) -> None:
    """Raises ApiError: ValidationException, InvalidArn."""
    if members.get("roleArn") is not None:
        check_role(members["roleArn"])
    mock = members.get("mock")
    if mock is None:
        given = [name for name in _CONFIGURATION if (members.get("stateConfiguration") or {}).get(name) is not None]
        spoken = [_CONFIGURATION[name] for name in given]
        if members.get("context") is not None:
            spoken.append("Context")
        if spoken:
            raise refusals.invalid(f"TestState does not support {spoken[0]} when a mock is not specified.")
        return
    if members.get("revealSecrets"):
        raise refusals.invalid("TestState does not support RevealSecrets when a mock is specified.")
    if "result" in mock and "errorOutput" in mock:
        raise refusals.invalid("A test mock should have only one of the following fields: [result, errorOutput].")
    if "result" not in mock and "errorOutput" not in mock:
        raise refusals.invalid("One of the following fields is required for a test mock: [result, errorOutput].")
    if "errorOutput" in mock and mock["errorOutput"].get("error") is None:
        raise refusals.invalid("An error was not specified in the mocked error output.")


def _compiled(members: dict[str, JsonValue]) -> tuple[State, frozenset[str]]:
    """The state under test, and the names of the other states of the definition.

    Raises:
        ApiError: InvalidDefinition; ValidationException, the machine has no such state.
    """
    name, text = members.get("stateName"), members["definition"]
    try:
        if name is None:
            program = compile_state(text, name=STATE_NAME, calls=CALLS)
        else:
            program = compile_definition(text, calls=CALLS)
    except DefinitionError as error:
        raise refusals.definition(error.diagnostics) from None
    states = _states(program)
    state = states.get(STATE_NAME if name is None else name)
    if state is None:
        raise refusals.invalid("State not found in definition")
    return state, frozenset(states)


def _states(program: Program) -> dict[str, State]:
    """All states of a definition, those of Distributed Map processors too: their names are unique."""
    found = dict(program.states)
    for state in program.states.values():
        if isinstance(state, MapState) and state.processor is not None:
            found |= _states(state.processor)
    return found


# What the state's kind allows


def _check_state(state: State, names: frozenset[str], members: dict[str, JsonValue]) -> None:
    """Raises ApiError: ValidationException, InvalidDefinition."""
    configuration = members.get("stateConfiguration") or {}
    if members.get("mock") is not None:
        if not isinstance(state, _MOCKED):
            raise refusals.invalid(f"State type '{state.type}' is not supported when a mock is specified")
        _check_configuration(state, names, configuration)
        return
    if isinstance(state, MapState | ParallelState):
        raise ApiError(
            "InvalidDefinition",
            "TestState API does not support Map or Parallel states. Supported state types include: "
            "[Task, Wait, Pass, Succeed, Fail, Choice]",
        )
    if isinstance(state, TaskState):
        resource = parse_resource(state.resource)
        if is_activity(state.resource) or (resource is not None and resource.pattern):
            # Documented, text not seen.
            raise ApiError(
                "InvalidDefinition",
                "TestState API does not support Activity tasks, or '.sync' or '.waitForTaskToken' service integration "
                "patterns, when a mock is not specified",
            )
        if members.get("roleArn") is None:
            raise refusals.invalid("RoleArn must be specified when testing a Task state")


def _check_configuration(state: State, names: frozenset[str], configuration: dict[str, JsonValue]) -> None:
    """Raises ApiError: ValidationException. Only the first and the last text have been seen."""
    processor = state.processor if isinstance(state, MapState) else None
    is_map = isinstance(state, MapState)
    if configuration.get("mapIterationFailureCount") is not None and not is_map:
        raise refusals.invalid("MapIterationFailureCount is only supported when testing a Map state.")
    if configuration.get("mapItemReaderData") is not None and not is_map:
        raise refusals.invalid("MapItemReaderData is only supported when testing a Map state.")
    source = configuration.get("errorCausedByState")
    if source is not None:
        if not isinstance(state, MapState | ParallelState):
            raise refusals.invalid("ErrorCausedByState is only supported when testing a Map or Parallel state.")
        inside = names if processor is None else names | frozenset(_states(processor))
        if source not in inside:
            raise refusals.invalid(
                "ErrorCausedByState must be the name of a state in the tested Map or Parallel state."
            )
    if isinstance(state, MapState) and state.reader is not None and configuration.get("mapItemReaderData") is None:
        raise refusals.invalid("ItemReader data must be specified when testing a Map state with ItemReader specified.")


def _variables(members: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The variables that are set before the state (texts not seen)."""
    text = members.get("variables")
    if text is None:
        return {}
    try:
        variables = jsonvalue.loads(text)
    except JsonError:
        raise refusals.invalid("Variables must be valid JSON") from None
    if not isinstance(variables, dict):
        raise refusals.invalid("Variables must be a JSON object")
    return variables


def _identity(parts: Parts, members: dict[str, JsonValue]) -> Identity:
    """An execution that exists nowhere; its ARN has the form observed, without the last part of a real one."""
    name, machine = str(uuid.uuid4()), str(uuid.uuid4())
    role_arn: JsonValue = members.get("roleArn")  # null in the context object when there is none: observed
    return Identity(
        arn=parts.realm.express(machine, name, "")[:-1],
        name=name,
        machine_arn=parts.realm.state_machine(machine),
        machine_name=machine,
        role_arn=role_arn,
        express=True,
    )


# The test


def _answer(
    state: State, trial: Trial, members: dict[str, JsonValue], result: JsonValue, seed: bytes, now_ms: int
) -> None:
    """Give the mocked result or error to a state that has come so far as to wait for it.

    Raises:
        ApiError: ValidationException.
    """
    if trial.wait is None:
        return
    error = members["mock"].get("errorOutput")
    configuration = members.get("stateConfiguration") or {}
    if isinstance(state, MapState):
        failures = configuration.get("mapIterationFailureCount")
        data = configuration.get("mapItemReaderData")
        try:
            found = test_state_map.iterations(state, trial, data=data, entropy=seed, now_ms=now_ms)
        except Fault as fault:
            trial.fail(fault.error, fault.cause)
            return
        if failures is not None and failures > found.count:
            raise refusals.invalid(
                "Map iteration failure count must be less than or equal to the number of Map iterations"
            )
        if error is None and failures is not None and found.too_many(failures):
            trial.fail(*EXCEEDED)
            return
        if error is None and isinstance(result, list) and len(result) != found.count:
            raise refusals.invalid("Input array does not equal the mocked result array's size")
    if error is not None:
        trial.fail(error["error"], error.get("cause"))
    else:
        trial.succeed(result)


async def _carry_out(parts: Parts, trial: Trial, now_ms: int) -> None:
    """Do what the state waits for, for as long as a test may take. What takes longer is left: the trial still waits."""
    match trial.wait:
        case TimerWait(due_ms=due_ms):
            seconds = (due_ms - now_ms) / 1000
            # What would take too long is known beforehand; nobody is kept waiting for it.
            if seconds <= SECONDS_MAX:
                await asyncio.sleep(max(0.0, seconds))
                trial.fire(due_ms)
        case TaskWait(timeout_due_ms=due_ms):
            call = trial.call
            assert call is not None
            seconds = SECONDS_MAX if due_ms is None else min(SECONDS_MAX, (due_ms - now_ms) / 1000)
            try:
                async with asyncio.timeout(seconds):
                    result = await parts.tasks.run(call, execution_arn=trial.context["Execution"]["Id"])
            except TimeoutError:
                if due_ms is not None and seconds < SECONDS_MAX:
                    trial.fire(due_ms)
            except Fault as fault:
                trial.fail(fault.error, fault.cause)
            else:
                trial.succeed(result)


# The answer


def _told(trial: Trial, outcome: Outcome, *, inspected: bool) -> dict[str, JsonValue]:
    answer: dict[str, JsonValue] = {
        "output": jsonvalue.dumps(outcome.output) if outcome.has_output else None,
        "error": outcome.error,
        "cause": outcome.cause,
        "inspectionData": _inspection_data(trial, outcome) if inspected else None,
        "nextState": outcome.next_state,
        "status": outcome.status,
    }
    return {name: value for name, value in answer.items() if value is not None}


def _inspection_data(trial: Trial, outcome: Outcome) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = {}
    for name, value in trial.seen.items():
        if isinstance(value, Listed):
            shown[name] = value.text()
        else:
            shown[name] = value if name in _PLAIN else jsonvalue.dumps(value)
    if outcome.variables:
        shown["variables"] = jsonvalue.dumps(dict(outcome.variables))
    details = {
        "catchIndex": outcome.catch_index,
        "retryIndex": outcome.retry_index,
        "retryBackoffIntervalSeconds": outcome.retry_delay_seconds,
    }
    if details := {name: value for name, value in details.items() if value is not None}:
        shown["errorDetails"] = details
    return shown


_PLAIN: Final = frozenset({"maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage"})
"""Members of the inspection data that are numbers; all others are JSON texts."""
