"""Carries out the rows of `table.py`: sends, waits for jobs, stops them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from steppe.base.errors import ApiError, Fault
from steppe.base.jsonvalue import JsonValue, dumps
from steppe.integrations.aws_sdk import stable_uuid, to_api
from steppe.integrations.caller import Callers
from steppe.integrations.emr_instances import BY_NAME, modify_by_name
from steppe.integrations.integration import TaskCall
from steppe.integrations.optimized import OptimizedService
from steppe.integrations.rows import Action, Document, Job, fill, find
from steppe.integrations.table import ACTIONS, SERVICES
from steppe.integrations.watch import Look, Watch

_MISSING_LOOKS_MAX = 20
"""How often in a row a job that was begun may be unknown to the API that began it before it is given up."""


class TableDriven:
    """The integration behind every resource that has a row."""

    def __init__(self, callers: Callers, watch: Watch) -> None:
        self._watch = watch
        self._services = {
            name: OptimizedService(
                callers, service=row.api, prefix=row.prefix, java_service=row.java, java_exception=row.exception
            )
            for name, row in SERVICES.items()
        }
        self._beginning: dict[str, asyncio.Task[Document]] = {}
        self._missing: dict[tuple[str, ...], int] = {}

    async def run(self, call: TaskCall) -> JsonValue:
        """See `Integration.run`."""
        if call.resource.action in BY_NAME:
            return await modify_by_name(self._services["elasticmapreduce"], call.resource.action, call.arguments)
        action = _row(call)
        service = self._services[action.service]
        if not call.resource.pattern.startswith("sync"):
            return await self._begin(call, action, service)
        assert action.job is not None
        started = call.submitted_output
        if started is None:
            started = await self._begin_job(call, action, service)
            await call.submitted(started)
        return await self._end(call, action.job, service, started)

    async def cancel(self, call: TaskCall) -> None:
        """Stop the job of a `.sync` task, also one that is just being begun."""
        action = _row(call)
        if not call.resource.pattern.startswith("sync") or action.job is None or action.job.stop is None:
            return
        started = call.submitted_output
        beginning = self._beginning.get(call.token)
        try:
            if started is None and beginning is not None:
                started = await asyncio.shield(beginning)
            if started is None:
                return
            operation, places = action.job.stop
            parameters = fill(places, arguments=call.arguments, started=started)
            await self._services[action.service].call(operation, parameters)
        except Fault:
            return  # it was never begun, or has ended, or its service is gone: there is nothing left to stop

    async def close(self) -> None:
        """Break off what is just being begun: the next server begins it again, with the same client token."""
        beginning = list(self._beginning.values())
        for task in beginning:
            task.cancel()
        await asyncio.gather(*beginning, return_exceptions=True)

    async def _begin_job(self, call: TaskCall, action: Action, service: OptimizedService) -> Document:
        """Begin a job so that whoever cancels the task meanwhile still learns which job to stop."""
        beginning = self._beginning[call.token] = asyncio.ensure_future(self._begin(call, action, service))
        beginning.add_done_callback(lambda done: self._begun(call.token, done))
        return await asyncio.shield(beginning)

    def _begun(self, token: str, done: asyncio.Task[Document]) -> None:
        if not done.cancelled():
            done.exception()  # nobody may be left who asks
        if self._beginning.get(token) is done:
            del self._beginning[token]

    async def _begin(self, call: TaskCall, action: Action, service: OptimizedService) -> Document:
        arguments = dict(call.arguments)
        waits, job = call.resource.pattern != "", call.resource.pattern.startswith("sync")
        if job and action.job is not None:
            for name in action.job.refused:
                if name in arguments:
                    raise Fault("States.Runtime", f'The field "{name}" is not supported by Step Functions')
        if action.sent is not None:
            arguments = action.sent(arguments, job)
        if action.idempotent_by and arguments.get(action.idempotent_by) is None:
            arguments[action.idempotent_by] = stable_uuid(call.token)
        operation = action.operation or call.resource.action
        answer = await service.call(operation, arguments, token=call.token, metadata=True)
        return action.answered(answer, waits) if action.answered is not None else answer

    async def _end(self, call: TaskCall, job: Job, service: OptimizedService, started: JsonValue) -> JsonValue:
        """Wait for a job; its result, or the fault that it ended with."""
        try:
            found = await self._watched(call, job, service, started)
        except ApiError as error:
            operation = service.operation(job.describe[0])
            if job.gone and "NotFound" in error.code:
                return {name: value for name, value in started.items() if not name.startswith("Sdk")}
            raise service.fault(error, operation) from error
        result = found if not job.wrap else {job.wrap: found}
        result = result | fill(job.added, arguments=call.arguments, started=started)
        status = find(found, job.status)
        if status not in job.succeeded or (job.good is not None and not job.good(found)):
            raise Fault("States.TaskFailed", dumps(result))
        return result

    async def _watched(self, call: TaskCall, job: Job, service: OptimizedService, started: JsonValue) -> Document:
        operation = service.operation(job.describe[0])
        fixed = fill(job.describe[1], arguments=call.arguments, started=started)
        if not job.ids:
            parameters = to_api(fixed, operation)

            async def look(jobs: Sequence[JsonValue]) -> Mapping[int, JsonValue]:
                answer = await service.look(operation, jobs[0])
                found = answer.get(job.found) if job.found else answer
                return {} if find(found, job.status) in job.running else {0: found if isinstance(found, dict) else {}}

            group: tuple[str, ...] = (service.service, operation.name)
            seen = await self._watch.ended(group, parameters, look=look)
        else:
            identity = find({"Started": started}, job.id)
            group = (service.service, operation.name, dumps(fixed))
            many = self._many(job, service, fixed, group)
            seen = await self._watch.ended(group, identity, look=many, batch_max=job.batch_max)
        assert isinstance(seen, dict)
        return seen

    def _many(self, job: Job, service: OptimizedService, fixed: Document, group: tuple[str, ...]) -> Look:
        """A look at many jobs in one call."""
        operation = service.operation(job.describe[0])

        async def look(jobs: Sequence[JsonValue]) -> Mapping[int, JsonValue]:
            answer = await service.look(operation, to_api(fixed | {job.ids: list(jobs)}, operation))
            listed = answer.get(job.found) or []
            known = {item.get(job.found_id): item for item in listed if isinstance(item, dict)}
            ended: dict[int, JsonValue] = {}
            for position, identity in enumerate(jobs):
                key = (*group, str(identity))
                found = known.get(identity)
                if found is None:
                    self._missing[key] = self._missing.get(key, 0) + 1
                    if self._missing[key] < _MISSING_LOOKS_MAX:
                        continue
                    text = f"{operation.name} does not know {identity} any more"
                    ended[position] = ApiError("SdkClientException", text, status=0)
                elif find(found, job.status) not in job.running:
                    ended[position] = found
                self._missing.pop(key, None)
            return ended

        return look


def _row(call: TaskCall) -> Action:
    """The row of a task.

    Raises:
        Fault: States.Runtime, there is none, or it has not this pattern.
    """
    resource = call.resource
    action = ACTIONS.get((resource.service, resource.action))
    if action is None or (resource.pattern.startswith("sync") and action.job is None):
        raise Fault("States.Runtime", f"The resource {resource.name} is not supported by steppe.")
    return action
