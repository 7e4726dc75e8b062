"""Mocked integrations, from the configuration file of AWS Step Functions Local (`MockConfigFile.json`).

    {"StateMachines": {"<machine>": {"TestCases": {"<case>": {"<state>": "<response>"}}}},
     "MockedResponses": {"<response>": {"0": {"Return": ...}, "1-2": {"Throw": {"Error": ..., "Cause": ...}}}}}

An execution that is started by `<machine ARN>#<case>` gets, for a Task that the case names, the response whose number
is that of the call among all calls of the state (retries included, from 0), and nothing is called. All other Tasks,
and all other executions, are carried out as always.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonError, JsonValue, loads
from steppe.interp.command import CallTask

_NUMBERS = re.compile(r"(0|[1-9][0-9]{0,5})(?:-(0|[1-9][0-9]{0,5}))?")

Submitted: TypeAlias = Callable[[JsonValue], Awaitable[None]]


class MockError(ValueError):
    """A mock configuration that cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Response:
    """What one call, or several in a row, get: `first` and `last` are their numbers; `fault` is None for a result."""

    first: int
    last: int
    result: JsonValue = None
    fault: tuple[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class MockConfig:
    """A checked configuration: responses by machine, test case and state."""

    machines: Mapping[str, Mapping[str, Mapping[str, tuple[Response, ...]]]]

    def refusal(self, machine: str, test_case: str) -> str | None:
        """Why a test case cannot be run; None when it can."""
        cases = self.machines.get(machine)
        if cases is None:
            return f"The mock configuration has no state machine '{machine}'"
        if test_case not in cases:
            return f"The mock configuration has no test case '{test_case}' for the state machine '{machine}'"
        return None

    def responses(self, machine: str, test_case: str, state: str) -> tuple[Response, ...] | None:
        """What the calls of a state get in a test case; None when it is not mocked."""
        return self.machines.get(machine, {}).get(test_case, {}).get(state)


class Tasks(Protocol):
    """Who carries out tasks that are not mocked: `integrations.task_caller.TaskCaller`."""

    async def run(self, command: CallTask, *, execution_arn: str, submitted: Submitted | None = None) -> JsonValue:
        """The task's result; raises Fault."""
        ...

    async def cancel(self, command: CallTask, *, execution_arn: str) -> None:
        """Stop the task's job, if it has one."""
        ...


class Calls(Protocol):
    """What is remembered of test cases, durably."""

    def test_case(self, execution: str) -> str | None:
        """The test case of an execution, `<machine>:<name>`; None when it is an ordinary one."""
        ...

    async def number(self, execution: str, *, state: str, key: str) -> int:
        """The number of a call among all calls of its state, from 0; the same when it is asked for again."""
        ...

    async def answer(self, task_token: str, result: JsonValue) -> None:
        """Answer the token of a task, once it has been submitted."""
        ...


class MockedTasks:
    """Carries out tasks, but those that a test case mocks."""

    def __init__(self, tasks: Tasks, config: MockConfig, calls: Calls) -> None:
        self._tasks = tasks
        self._config = config
        self._calls = calls

    async def run(self, command: CallTask, *, execution_arn: str, submitted: Submitted | None = None) -> JsonValue:
        """See `TaskCaller.run`."""
        execution = execution_of(execution_arn)
        case = None if execution is None else self._calls.test_case(execution)
        responses = None
        if execution is not None and case is not None:
            responses = self._config.responses(execution.partition(":")[0], case, command.state_name)
        if execution is None or responses is None:
            return await self._tasks.run(command, execution_arn=execution_arn, submitted=submitted)
        number = await self._calls.number(execution, state=command.state_name, key=command.key)
        response = next((one for one in responses if one.first <= number <= one.last), None)
        if response is None:
            text = f"The test case '{case}' has no response for call {number} of the state '{command.state_name}'"
            raise Fault("States.Runtime", text)
        if response.fault is not None:
            raise Fault(*response.fault)
        pattern = command.resource.rpartition(".")[2]
        if pattern == "waitForTaskToken" and command.task_token is not None:
            await self._calls.answer(command.task_token, response.result)
        elif pattern.startswith("sync") and submitted is not None and command.submitted is None:
            await submitted(response.result)
        return response.result

    async def cancel(self, command: CallTask, *, execution_arn: str) -> None:
        """See `TaskCaller.cancel`; a job that was never begun is not stopped."""
        execution = execution_of(execution_arn)
        case = None if execution is None else self._calls.test_case(execution)
        mocked = (
            execution is not None
            and case is not None
            and self._config.responses(execution.partition(":")[0], case, command.state_name) is not None
        )
        if not mocked:
            await self._tasks.cancel(command, execution_arn=execution_arn)


def execution_of(arn: str) -> str | None:
    """`<machine>:<name>` of an execution that a client started; None for a child of a Map Run."""
    parts = arn.split(":")
    if len(parts) < 8 or parts[5] not in ("execution", "express") or "/" in parts[6]:
        return None
    return f"{parts[6]}:{parts[7]}"


def read_mocks(text: str | bytes) -> MockConfig:
    """Check a mock configuration, all of it.

    Raises:
        MockError: it cannot be used; the message names the place.
    """
    try:
        document = loads(text)
    except JsonError as error:
        raise MockError(f"is not JSON: {error}") from error
    top = _members(document, "the document", {"StateMachines", "MockedResponses"})
    given = _object(top.get("MockedResponses", {}), "MockedResponses")
    responses = {name: _responses(steps, f"MockedResponses.{name}") for name, steps in given.items()}
    machines: dict[str, dict[str, dict[str, tuple[Response, ...]]]] = {}
    for machine, body in _object(top.get("StateMachines", {}), "StateMachines").items():
        place = f"StateMachines.{machine}"
        cases = _object(_members(body, place, {"TestCases"}).get("TestCases", {}), f"{place}.TestCases")
        machines[machine] = {}
        for case, states in cases.items():
            where = f"{place}.TestCases.{case}"
            machines[machine][case] = {
                state: _named(response, responses, f"{where}.{state}")
                for state, response in _object(states, where).items()
            }
    return MockConfig(machines)


def _named(name: JsonValue, responses: Mapping[str, tuple[Response, ...]], place: str) -> tuple[Response, ...]:
    if not isinstance(name, str) or name not in responses:
        raise MockError(f"{place}: there is no {name!r} in MockedResponses")
    return responses[name]


def _responses(steps: JsonValue, place: str) -> tuple[Response, ...]:
    found = [_response(numbers, step, f"{place}.{numbers}") for numbers, step in _object(steps, place).items()]
    found.sort(key=lambda response: response.first)
    for before, after in itertools.pairwise(found):
        if after.first <= before.last:
            raise MockError(f"{place}: two responses for call {after.first}")
    if not found or found[0].first != 0:
        raise MockError(f"{place}: has no response for call 0")
    return tuple(found)


def _response(numbers: str, step: JsonValue, place: str) -> Response:
    match = _NUMBERS.fullmatch(numbers)
    if match is None or (match[2] is not None and int(match[2]) < int(match[1])):
        raise MockError(f'{place}: calls are named by a number or a range, as "0" or "1-2"')
    first = int(match[1])
    last = first if match[2] is None else int(match[2])
    members = _members(step, place, {"Return", "Throw"})
    if len(members) != 1:
        raise MockError(f"{place}: has either Return or Throw")
    if "Return" in members:
        return Response(first, last, result=members["Return"])
    thrown = _members(members["Throw"], f"{place}.Throw", {"Error", "Cause"})
    error, cause = thrown.get("Error"), thrown.get("Cause")
    if not isinstance(error, str) or not isinstance(cause, str | None):
        raise MockError(f"{place}.Throw: Error and Cause are texts")
    return Response(first, last, fault=(error, cause))


def _members(document: JsonValue, place: str, known: set[str]) -> Mapping[str, JsonValue]:
    members = _object(document, place)
    unknown = sorted(set(members) - known)
    if unknown:
        raise MockError(f"{place}: unknown member {unknown[0]!r}")
    return members


def _object(document: JsonValue, place: str) -> Mapping[str, JsonValue]:
    if not isinstance(document, dict):
        raise MockError(f"{place}: must be an object")
    return document
