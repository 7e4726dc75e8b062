"""`states:startExecution`, its `.sync` (Input and Output as JSON text) and `.sync:2` (as JSON)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from steppe.base.errors import ApiError, Fault
from steppe.base.jsonvalue import JsonValue, dumps, loads
from steppe.integrations.aws_sdk import stable_uuid
from steppe.integrations.caller import Callers
from steppe.integrations.integration import TaskCall
from steppe.integrations.optimized import OptimizedService
from steppe.integrations.watch import Watch

GROUP = ("stepfunctions", "DescribeExecution")
"""Of the jobs that are watched: executions, by ARN."""

_EXISTS = re.compile(r"Execution Already Exists: '([^']+)'")


class NestedExecution:
    """The optimized integration with Step Functions itself."""

    def __init__(self, callers: Callers, watch: Watch) -> None:
        self._watch = watch
        self._service = OptimizedService(
            callers, service="stepfunctions", prefix="StepFunctions", java_service="AWSStepFunctions"
        )

    async def run(self, call: TaskCall) -> JsonValue:
        """See `Integration.run`."""
        resource = call.resource
        if resource.action != "startExecution":
            raise Fault("States.Runtime", f"The resource {resource.name} is not supported by steppe yet.")
        started = call.submitted_output
        if started is None:
            arguments = dict(call.arguments)
            if arguments.get("Input") is None:  # recorded: a null Input is none, the child gets {}
                arguments.pop("Input", None)
            elif not isinstance(arguments["Input"], str):
                arguments["Input"] = dumps(arguments["Input"])
            started = await self._start(call, arguments)
            if resource.pattern == "":
                return started
            await call.submitted(started)
        if resource.pattern == "waitForTaskToken":
            return started
        ended = await self._wait(started["ExecutionArn"])
        if resource.pattern == "sync:2":
            for member in ("Input", "Output"):
                if member in ended:
                    ended[member] = loads(ended[member])
        if ended["Status"] != "SUCCEEDED":
            raise Fault("States.TaskFailed", dumps(ended))
        return ended

    async def _start(self, call: TaskCall, arguments: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Start the child, or find the one that this task started before a crash.

        Without a name AWS gives the child a random UUID; ours is made of the task's token, so that a task which is
        carried out twice starts one child.
        """
        own = arguments.get("Name") is None
        if own:
            arguments["Name"] = stable_uuid(call.token)
        try:
            return await self._service.call("startExecution", arguments, metadata=True)
        except Fault as fault:
            found = _EXISTS.match(fault.cause or "") if own else None
            if found is None or fault.error != "StepFunctions.ExecutionAlreadyExistsException":
                raise
            described = await self._service.call("describeExecution", {"ExecutionArn": found[1]})
            return {name: described[name] for name in ("ExecutionArn", "StartDate")}

    async def cancel(self, call: TaskCall) -> None:
        """Stop the child of a `.sync` task."""
        if call.resource.pattern.startswith("sync") and isinstance(call.submitted_output, dict):
            try:
                await self._service.call("stopExecution", {"ExecutionArn": call.submitted_output.get("ExecutionArn")})
            except Fault:
                return  # it has ended: there is nothing left to stop

    async def _wait(self, arn: str) -> dict[str, JsonValue]:
        try:
            seen = await self._watch.ended(GROUP, arn, look=self._look)
        except ApiError as error:
            raise self._service.fault(error, self._service.operation("DescribeExecution")) from error
        assert isinstance(seen, dict)
        return seen

    async def _look(self, arns: Sequence[JsonValue]) -> Mapping[int, JsonValue]:
        operation = self._service.operation("DescribeExecution")
        execution = await self._service.look(operation, {"executionArn": arns[0]})
        return {} if execution["Status"] in ("RUNNING", "PENDING_REDRIVE") else {0: execution}
