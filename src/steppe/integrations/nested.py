"""`states:startExecution`, its `.sync` (Input and Output as JSON text) and `.sync:2` (as JSON)."""

from __future__ import annotations

import hashlib
import uuid

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue, dumps, loads
from steppe.integrations.caller import Callers
from steppe.integrations.integration import TaskCall
from steppe.integrations.optimized import OptimizedService
from steppe.integrations.patterns import wait_for_end


class NestedExecution:
    """The optimized integration with Step Functions itself."""

    def __init__(self, callers: Callers) -> None:
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
            # Without a name AWS gives the child a random UUID; ours is made of the task's token, so that a task which
            # is carried out twice starts one child.
            arguments.setdefault(
                "Name", str(uuid.UUID(bytes=hashlib.sha256(call.token.encode()).digest()[:16], version=4))
            )
            started = await self._service.call("startExecution", arguments)
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

    async def cancel(self, call: TaskCall) -> None:
        """Stop the child of a `.sync` task."""
        if call.resource.pattern.startswith("sync") and isinstance(call.submitted_output, dict):
            try:
                await self._service.call("stopExecution", {"ExecutionArn": call.submitted_output.get("ExecutionArn")})
            except Fault:
                return  # it has ended: there is nothing left to stop

    async def _wait(self, arn: str) -> dict[str, JsonValue]:
        return await wait_for_end(
            lambda: self._service.call("describeExecution", {"ExecutionArn": arn}),
            runs=lambda execution: execution["Status"] in ("RUNNING", "PENDING_REDRIVE"),
        )
