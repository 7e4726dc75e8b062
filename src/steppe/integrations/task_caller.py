"""From a CallTask command to the integration that carries it out. Used by the server and by worker processes alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.integrations.athena import Athena
from steppe.integrations.aws_sdk import AwsSdk
from steppe.integrations.caller import Callers
from steppe.integrations.integration import Integration, TaskCall
from steppe.integrations.nested import NestedExecution
from steppe.integrations.resource import Resource, parse
from steppe.interp.command import CallTask


class TaskCaller:
    """Carries out tasks.

    `run` may be cancelled as any coroutine; that leaves a `.sync` job alone (the server may be going down and come
    back). `cancel` is what stops a job.
    """

    def __init__(self, callers: Callers) -> None:
        self._aws_sdk = AwsSdk(callers)
        self._callers = callers
        self._optimized: dict[str, Integration] = {"athena": Athena(callers), "states": NestedExecution(callers)}

    async def run(
        self,
        command: CallTask,
        *,
        execution_arn: str,
        submitted: Callable[[JsonValue], Awaitable[None]] | None = None,
    ) -> JsonValue:
        """The task's result.

        Raises:
            Fault: error name and cause as the state machine sees them.
        """
        call = _task_call(command, execution_arn, submitted)
        return await self._integration(call.resource).run(call)

    async def cancel(self, command: CallTask, *, execution_arn: str) -> None:
        """Stop the job of a task that nobody waits for any more. Raises nothing."""
        try:
            call = _task_call(command, execution_arn, None)
            await self._integration(call.resource).cancel(call)
        except Fault:
            return  # a resource that cannot be called has no job

    def answers_at_once(self, command: CallTask) -> bool:
        """Whether `run` would answer without waiting for another process or thread: S3 on the embedded store."""
        return command.resource.startswith("arn:aws:states:::aws-sdk:s3:") and self._callers.in_process("s3")

    def _integration(self, resource: Resource) -> Integration:
        if resource.sdk:
            return self._aws_sdk
        integration = self._optimized.get(resource.service)
        if integration is None:
            raise Fault("States.Runtime", f"The resource {resource.name} is not supported by steppe yet.")
        return integration


def _task_call(
    command: CallTask, execution_arn: str, submitted: Callable[[JsonValue], Awaitable[None]] | None
) -> TaskCall:
    arguments = command.arguments
    if not isinstance(arguments, dict):
        raise Fault("States.Runtime", f"The parameters of {command.resource} must be an object")
    return TaskCall(
        resource=parse(command.resource),
        arguments=arguments,
        token=f"{execution_arn}#{command.key}",
        submitted=submitted or _nobody_asks,
        submitted_output=command.submitted,
    )


async def _nobody_asks(_output: JsonValue) -> None:
    """A child of a Map Run: its history gets TaskSubmitted from the worker, which does not come back after a crash."""
