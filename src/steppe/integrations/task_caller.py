"""From a CallTask command to the integration that carries it out. Used by the server and by worker processes alike."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.integrations import nested
from steppe.integrations.api_gateway import ApiGateway
from steppe.integrations.athena import Athena
from steppe.integrations.aws_sdk import AwsSdk
from steppe.integrations.caller import Callers
from steppe.integrations.connections import Connection
from steppe.integrations.eks import EksTask
from steppe.integrations.http_task import HttpTask
from steppe.integrations.integration import Integration, TaskCall
from steppe.integrations.lambda_invoke import FUNCTION, LambdaInvoke
from steppe.integrations.nested import NestedExecution
from steppe.integrations.resource import Resource, parse
from steppe.integrations.table_driven import TableDriven
from steppe.integrations.watch import Watch
from steppe.interp.command import CallTask

_FUNCTION = re.compile(r"arn:[^:]+:lambda:[^:]*:[^:]*:function:.+")


class TaskCaller:
    """Carries out tasks.

    `run` may be cancelled as any coroutine; that leaves a `.sync` job alone (the server may be going down and come
    back). `cancel` is what stops a job.
    """

    def __init__(self, callers: Callers, *, connections: Mapping[str, Connection] | None = None) -> None:
        """Prepare.

        Args:
            callers: who answers API calls.
            connections: EventBridge connections for HTTP tasks, by name.
        """
        self._callers = callers
        self._watch = Watch()
        self._aws_sdk = AwsSdk(callers)
        self._rows = TableDriven(callers, self._watch)
        self._eks = EksTask(callers, self._watch, self._rows)
        self._modules: dict[str, Integration] = {
            "apigateway": ApiGateway(callers),
            "athena": Athena(callers, self._watch),
            "eks": self._eks,
            "http": HttpTask(callers, connections or {}),
            "lambda": LambdaInvoke(callers),
            "states": NestedExecution(callers, self._watch),
        }

    async def run(
        self,
        command: CallTask,
        *,
        execution_arn: str,
        submitted: Callable[[JsonValue], Awaitable[None]] | None = None,
    ) -> JsonValue:
        """The task's result; of a task with a token, the answer of the call that was to hand the token on.

        Raises:
            Fault: error name and cause as the state machine sees them.
        """
        call = _task_call(command, execution_arn, submitted)
        if call.resource.pattern == "waitForTaskToken" and command.submitted is not None:
            return command.submitted  # the token has been handed on before a restart
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

    def execution_ended(self, execution_arn: str) -> None:
        """An execution of this server has ended: a task that waits for it need not find out by looking."""
        self._watch.nudge(nested.GROUP, execution_arn)

    async def close(self) -> None:
        """Stop watching jobs."""
        await self._rows.close()
        await self._watch.close()
        await self._eks.close()

    def _integration(self, resource: Resource) -> Integration:
        if resource.sdk:
            return self._aws_sdk
        if resource.action == FUNCTION:
            return self._modules["lambda"]
        return self._modules.get(resource.service, self._rows)


def _task_call(
    command: CallTask, execution_arn: str, submitted: Callable[[JsonValue], Awaitable[None]] | None
) -> TaskCall:
    if _FUNCTION.fullmatch(command.resource):
        resource = Resource(sdk=False, service=command.resource, action=FUNCTION, pattern="")
    else:
        resource = parse(command.resource)
        if not isinstance(command.arguments, dict):
            raise Fault("States.Runtime", f"The parameters of {command.resource} must be an object")
    return TaskCall(
        resource=resource,
        arguments=command.arguments,
        token=f"{execution_arn}#{command.key}",
        execution_arn=execution_arn,
        state_name=command.state_name,
        submitted=submitted or _nobody_asks,
        submitted_output=command.submitted,
    )


async def _nobody_asks(_output: JsonValue) -> None:
    """A child of a Map Run: its history gets TaskSubmitted from the worker, which does not come back after a crash."""
