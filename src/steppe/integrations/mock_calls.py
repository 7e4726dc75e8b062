"""What is remembered of test cases with mocked integrations (`mocks.Calls`), in the store."""

from __future__ import annotations

import asyncio
import logging

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue, dumps
from steppe.integrations.caller import Callers
from steppe.stores import mocks
from steppe.stores.database import Database

_log = logging.getLogger(__name__)


class StoredCalls:
    """See `mocks.Calls`."""

    def __init__(self, database: Database, callers: Callers) -> None:
        self._database = database
        self._callers = callers
        self._answering: set[asyncio.Task[None]] = set()

    def test_case(self, execution: str) -> str | None:
        """See `mocks.Calls.test_case`."""
        return self._database.look(lambda c: mocks.test_case_of(c, execution))

    async def number(self, execution: str, *, state: str, key: str) -> int:
        """See `mocks.Calls.number`."""
        return await self._database.write(lambda c: mocks.call_number(c, execution, state=state, key=key))

    async def answer(self, task_token: str, result: JsonValue) -> None:
        """Answer as whoever has the token would, as soon as the caller has said that the task is submitted."""
        answering = asyncio.create_task(self._answer(task_token, dumps(result)))
        self._answering.add(answering)
        answering.add_done_callback(self._answering.discard)

    async def _answer(self, task_token: str, output: str) -> None:
        stepfunctions = self._callers.of("stepfunctions")
        try:
            await stepfunctions.call("SendTaskSuccess", {"taskToken": task_token, "output": output})
        except ApiError as error:
            _log.warning("a mocked task was not answered: %s", error)  # it has timed out or was stopped meanwhile
