"""Calls of our own services inside this process, for the commands that run something: no HTTP, no signing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from steppe.assemble import Server
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.wire.request import Request

ROLE_ARN = "arn:aws:iam::000000000000:role/steppe"
"""AWS wants a role for every state machine; nothing here assumes it."""


class Calls:
    """The operations of a started server, called by service and API name with the members of the API's input."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __call__(
        self, service: str, operation: str, *, body: AsyncIterator[bytes] | None = None, **members: JsonValue
    ) -> dict[str, JsonValue]:
        """Call one operation.

        Raises:
            ApiError: as the service refuses it.
        """
        request = Request(service=service, operation=operation, input=members, body=body)
        return await self._server.client(service)[operation](request)


async def ensure_state_machine(calls: Calls, *, name: str, definition: str) -> str:
    """The ARN of the Standard state machine `name` with this definition; one of that name is brought up to date.

    Raises:
        ApiError: the definition or the name is refused.
    """
    try:
        made = await calls("stepfunctions", "CreateStateMachine", name=name, definition=definition, roleArn=ROLE_ARN)
        return str(made["stateMachineArn"])
    except ApiError as error:
        if error.code != "StateMachineAlreadyExists":
            raise
    async for machine in _state_machines(calls):
        if machine["name"] == name:
            arn = str(machine["stateMachineArn"])
            await calls("stepfunctions", "UpdateStateMachine", stateMachineArn=arn, definition=definition)
            return arn
    raise ApiError("StateMachineDoesNotExist", f"State machine {name!r} was deleted while it was being updated")


def machine_name(stem: str) -> str:
    """A state machine name made of a file's name: what AWS forbids in names becomes "-"."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:80] or "definition"


async def _state_machines(calls: Calls) -> AsyncIterator[dict[str, JsonValue]]:
    token = None
    while True:
        page = await calls("stepfunctions", "ListStateMachines", **({"nextToken": token} if token else {}))
        for machine in page["stateMachines"]:
            yield machine
        token = page.get("nextToken")
        if not token:
            return
