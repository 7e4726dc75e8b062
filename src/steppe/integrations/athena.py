"""`athena:startQueryExecution[.sync]`, `getQueryExecution`, `getQueryResults`, `stopQueryExecution`.

The `.sync` form waits for the query and answers `{"QueryExecution": {...}}`, dates in epoch milliseconds. The query is
started with the task's token as its ClientRequestToken, so that a task which is carried out twice runs one query.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from steppe.base.errors import ApiError, Fault
from steppe.base.jsonvalue import JsonValue, dumps
from steppe.integrations.caller import Callers
from steppe.integrations.integration import TaskCall
from steppe.integrations.optimized import OptimizedService
from steppe.integrations.watch import Watch

ACTIONS = frozenset({"startQueryExecution", "getQueryExecution", "getQueryResults", "stopQueryExecution"})

_GROUP = ("athena", "BatchGetQueryExecution")
_BATCH_MAX = 50
"""Queries one BatchGetQueryExecution can be about."""

_RESTARTS_MAX = 3
"""How often a query that its engine lost (a restart of the server) is started again within one task."""


class Athena:
    """The optimized integration with Athena."""

    def __init__(self, callers: Callers, watch: Watch) -> None:
        self._service = OptimizedService(callers, service="athena", prefix="Athena", java_service="AmazonAthena")
        self._watch = watch

    async def run(self, call: TaskCall) -> JsonValue:
        """See `Integration.run`."""
        action = call.resource.action
        if action not in ACTIONS or call.resource.pattern not in ("", "sync"):
            raise Fault("States.Runtime", f"The resource {call.resource.name} is not supported by steppe yet.")
        if action != "startQueryExecution":
            return await self._service.call(action, call.arguments, metadata=True)
        if call.resource.pattern == "":
            return await self._start(call, attempt=0)
        return await self._run_query(call)

    async def cancel(self, call: TaskCall) -> None:
        """Stop the query of a `.sync` task, as AWS does when the execution stops or the task times out."""
        if call.resource.pattern == "sync" and isinstance(call.submitted_output, dict):
            query = call.submitted_output.get("QueryExecutionId")
            try:
                await self._service.call("stopQueryExecution", {"QueryExecutionId": query})
            except Fault:
                return  # it has ended, or its service is gone: there is nothing left to stop

    async def _run_query(self, call: TaskCall) -> JsonValue:
        """Start the query unless it has been, and wait for its end."""
        started = call.submitted_output
        if started is None:
            started = await self._start(call, attempt=0)
            await call.submitted(started)
        for attempt in range(1, _RESTARTS_MAX + 1):
            execution = await self._wait(started["QueryExecutionId"])
            status = execution["Status"]
            if status["State"] == "SUCCEEDED":
                return {"QueryExecution": execution}
            lost = status.get("AthenaError", {}).get("Retryable") and execution.get("SubstatementType") == "SELECT"
            if status["State"] == "CANCELLED" or not lost or attempt == _RESTARTS_MAX:
                break
            # The engine lost the query (its server was restarted) and says it may be tried again. A SELECT changes
            # nothing, so the task goes on instead of failing for what is not its fault.
            started = await self._start(call, attempt=attempt)
        raise Fault("States.TaskFailed", dumps(execution))

    async def _start(self, call: TaskCall, *, attempt: int) -> dict[str, JsonValue]:
        token = hashlib.sha256(f"{call.token}#{attempt}".encode()).hexdigest()
        return await self._service.call(
            "startQueryExecution", {"ClientRequestToken": token} | call.arguments, metadata=True
        )

    async def _wait(self, query_id: str) -> dict[str, JsonValue]:
        operation = self._service.operation("BatchGetQueryExecution")
        try:
            seen = await self._watch.ended(_GROUP, query_id, look=self._look, batch_max=_BATCH_MAX)
        except ApiError as error:
            raise self._service.fault(error, operation) from error
        assert isinstance(seen, dict)
        return seen

    async def _look(self, queries: Sequence[JsonValue]) -> Mapping[int, JsonValue]:
        operation = self._service.operation("BatchGetQueryExecution")
        answer = await self._service.look(operation, {"QueryExecutionIds": list(queries)})
        known = {execution["QueryExecutionId"]: execution for execution in answer.get("QueryExecutions", [])}
        refused = {entry.get("QueryExecutionId"): entry for entry in answer.get("UnprocessedQueryExecutionIds", [])}
        ended: dict[int, JsonValue] = {}
        for position, query in enumerate(queries):
            if query in refused:
                entry = refused[query]
                ended[position] = ApiError(entry.get("ErrorCode", ""), entry.get("ErrorMessage", ""))
            elif query in known and known[query]["Status"]["State"] not in ("QUEUED", "RUNNING"):
                ended[position] = known[query]
        return ended
