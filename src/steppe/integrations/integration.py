"""The ports of the integrations: what carries a task out, and what an AWS API looks like to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from steppe.base.jsonvalue import JsonValue
from steppe.integrations.resource import Resource

Submitted = Callable[[JsonValue], Awaitable[None]]
"""Tells that a job has been accepted, with the service's answer (TaskSubmitted in the history)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCall:
    """One task to carry out.

    Attributes:
        resource: what to call.
        arguments: evaluated Parameters or Arguments: an object, but for a plain function ARN, which takes any value.
        token: the same for every repetition of this attempt of this task: makes a repeated call harmless.
        execution_arn: whose task it is.
        state_name: for messages.
        submitted: called once a `.sync` job is accepted.
        submitted_output: what an earlier `submitted` was given, when the task goes on after a restart; else None.
    """

    resource: Resource
    arguments: JsonValue
    token: str
    execution_arn: str
    state_name: str
    submitted: Submitted
    submitted_output: JsonValue = None


class Integration(Protocol):
    """Carries out the tasks of one service."""

    async def run(self, call: TaskCall) -> JsonValue:
        """The task's result as the state sees it; raises Fault. May be called again for the same token."""
        ...

    async def cancel(self, call: TaskCall) -> None:
        """Nobody waits any more: stop the job if there is one. Best effort, raises nothing."""
        ...


class ApiCaller(Protocol):
    """One AWS API, ours or somebody else's."""

    async def call(self, operation: str, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Call an operation (API name, input members by API name; time stamps in epoch milliseconds, blobs as bytes).

        Returns the output members in the same form, and of an endpoint `ResponseMetadata`: `RequestId`,
        `HTTPStatusCode` and `HTTPHeaders`, a list of name and value. Raises ApiError for the service's refusals, and
        for an endpoint that cannot be reached (code "SdkClientException").
        """
        ...
