"""What a step of an execution leaves to be told to the world outside, in the step's own transaction.

The driver calls `begun` and `saved` with the connection that saves the step, and `settled` once it is durable. Children
of Map Runs do not pass here.
"""

from __future__ import annotations

import sqlalchemy as sa

from steppe.base.jsonvalue import JsonValue
from steppe.interp.execution import Execution
from steppe.runtime.logs import LogDelivery
from steppe.runtime.status_events import StatusEvents
from steppe.stores.deliveries import LogCursor, StatusEvent, add_status_event, begin_log
from steppe.stores.machines import MachineRecord


class Outbox:
    """Where logs and changes of status go; either may be None, for nowhere."""

    def __init__(self, *, logs: LogDelivery | None = None, events: StatusEvents | None = None) -> None:
        self._logs = logs
        self._events = events

    def begun(
        self, c: sa.Connection, row: int, machine: MachineRecord, execution: Execution, *, first_event_id: int
    ) -> None:
        """An execution was started or redriven, and has made its first step."""
        logging = machine.configuration.get("loggingConfiguration") or {}
        if self._logs is not None and logs(machine):
            cursor = LogCursor(
                execution_id=row,
                execution_arn=execution.identity.arn,
                log_group=log_group(logging),
                level=logging["level"],
                with_data=int(bool(logging.get("includeExecutionData"))),
                logged_through=first_event_id - 1,
                redrive_count=execution.redrive_count,
            )
            begin_log(c, cursor)
        if self._events is not None and not execution.identity.express:
            at_ms = execution.redriven_ms or execution.started_ms
            event = StatusEvent(
                execution_id=row,
                status="RUNNING",
                at_ms=at_ms,
                redrive_count=execution.redrive_count,
                redriven_ms=execution.redriven_ms,
            )
            add_status_event(c, event)
        self.saved(c, row, execution)

    def saved(self, c: sa.Connection, row: int, execution: Execution) -> None:
        """An execution has made a step."""
        if self._events is None or execution.identity.express or execution.status == "RUNNING":
            return
        event = StatusEvent(
            execution_id=row,
            status=execution.status,
            at_ms=execution.stopped_ms or execution.started_ms,
            stopped_ms=execution.stopped_ms,
            error=execution.error,
            cause=execution.cause,
            redrive_count=execution.redrive_count,
            redriven_ms=execution.redriven_ms,
        )
        add_status_event(c, event)

    def settled(self, row: int, machine: MachineRecord) -> None:
        """What was saved is durable."""
        if self._logs is not None and logs(machine):
            self._logs.wake(row)
        if self._events is not None and machine.type != "EXPRESS":
            self._events.wake()


def logs(machine: MachineRecord) -> bool:
    """Whether the executions of a revision are logged."""
    logging = machine.configuration.get("loggingConfiguration") or {}
    return bool(logging.get("level", "OFF") != "OFF" and logging.get("destinations"))


def log_group(logging: JsonValue) -> str:
    """The name in `arn:<partition>:logs:<region>:<account>:log-group:<name>:*`."""
    arn: str = logging["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"]
    return arn.split(":", 6)[6].removesuffix(":*")
