"""StepFunctionsService: the table of operations, and what goes on beside them.

What is not in the table is refused by name.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from steppe.base.arns import Realm
from steppe.base.jsonvalue import JsonValue
from steppe.services.stepfunctions import (
    activities,
    aliases,
    definitions,
    executions,
    history_events,
    map_runs,
    redrive,
    state_machines,
    tags,
    test_state,
    tokens,
    versions,
)
from steppe.services.stepfunctions.limits import Limits
from steppe.services.stepfunctions.ports import Engine, MapRuns, NoTasks, Parts, Tasks
from steppe.services.throttling import Throttle
from steppe.stores import machines
from steppe.stores.database import Database
from steppe.wire.request import Operations, Request

_OperationFunction: TypeAlias = Callable[[Parts, Request], Awaitable[dict[str, JsonValue]]]

OPERATIONS: Final[dict[str, _OperationFunction]] = {
    "CreateActivity": activities.create_activity,
    "CreateStateMachine": state_machines.create_state_machine,
    "CreateStateMachineAlias": aliases.create_state_machine_alias,
    "DeleteActivity": activities.delete_activity,
    "DeleteStateMachine": state_machines.delete_state_machine,
    "DeleteStateMachineAlias": aliases.delete_state_machine_alias,
    "DeleteStateMachineVersion": versions.delete_state_machine_version,
    "DescribeActivity": activities.describe_activity,
    "DescribeExecution": executions.describe_execution,
    "DescribeMapRun": map_runs.describe_map_run,
    "DescribeStateMachine": state_machines.describe_state_machine,
    "DescribeStateMachineAlias": aliases.describe_state_machine_alias,
    "DescribeStateMachineForExecution": executions.describe_state_machine_for_execution,
    "GetActivityTask": activities.get_activity_task,
    "GetExecutionHistory": history_events.get_execution_history,
    "ListActivities": activities.list_activities,
    "ListExecutions": executions.list_executions,
    "ListMapRuns": map_runs.list_map_runs,
    "ListStateMachineAliases": aliases.list_state_machine_aliases,
    "ListStateMachineVersions": versions.list_state_machine_versions,
    "ListStateMachines": state_machines.list_state_machines,
    "ListTagsForResource": tags.list_tags_for_resource,
    "PublishStateMachineVersion": versions.publish_state_machine_version,
    "RedriveExecution": redrive.redrive_execution,
    "SendTaskFailure": tokens.send_task_failure,
    "SendTaskHeartbeat": tokens.send_task_heartbeat,
    "SendTaskSuccess": tokens.send_task_success,
    "StartExecution": executions.start_execution,
    "StartSyncExecution": executions.start_sync_execution,
    "StopExecution": executions.stop_execution,
    "TagResource": tags.tag_resource,
    "TestState": test_state.test_state,
    "UntagResource": tags.untag_resource,
    "UpdateMapRun": map_runs.update_map_run,
    "UpdateStateMachine": state_machines.update_state_machine,
    "UpdateStateMachineAlias": aliases.update_state_machine_alias,
    "ValidateStateMachineDefinition": definitions.validate_state_machine_definition,
}
"""Every operation that there is, by its API name."""

_DELETIONS_PAGE = 100


class StepFunctionsService:
    """The Step Functions API of one server."""

    def __init__(
        self,
        *,
        database: Database,
        engine: Engine,
        map_runs: MapRuns,
        realm: Realm,
        clock: Callable[[], int],
        tasks: Tasks | None = None,
        test_cases: Callable[[str, str], str | None] | None = None,
        limits: Limits | None = None,
        throttle: Mapping[str, str] | None = None,
        draw: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        """Prepare. All but `throttle`, the buckets by operation (`services.throttling`), is what `Parts` says.

        Raises:
            ThrottleSettingError: a bucket is not written as one.
        """
        self._throttle = Throttle(throttle) if throttle else None
        self._parts = Parts(
            database=database,
            engine=engine,
            map_runs=map_runs,
            realm=realm,
            clock=clock,
            tasks=tasks or NoTasks(),
            test_cases=test_cases,
            limits=limits or Limits(),
            draw=draw,
        )

    def operations(self) -> Operations:
        """The table of operations; the same for every caller."""
        if self._throttle is None:
            return {name: partial(function, self._parts) for name, function in OPERATIONS.items()}
        return {name: partial(self._throttled, self._throttle, function) for name, function in OPERATIONS.items()}

    async def _throttled(
        self, throttle: Throttle, function: _OperationFunction, request: Request
    ) -> dict[str, JsonValue]:
        throttle.take(request.operation)
        return await function(self._parts, request)

    async def start(self) -> None:
        """Go on with the deletions that the last server left unfinished. After the engine has started."""
        page = [""]
        while page:
            after = page[-1]
            page = await self._parts.database.read(partial(machines.deleting, after_arn=after, limit=_DELETIONS_PAGE))
            for arn in page:
                self._parts.begin(asyncio.create_task(state_machines.finish_deletion(self._parts, arn)))

    async def stop(self) -> None:
        """Leave what goes on beside the operations; it goes on after the next start. Before the engine stops."""
        chores = list(self._parts.chores)
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
