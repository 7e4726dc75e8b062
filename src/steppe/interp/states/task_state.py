"""Task: something outside does the work, and the history tells its stages.

The events depend on what the Resource names:

    arn:...:lambda:...             LambdaFunctionScheduled, LambdaFunctionStarted,
    LambdaFunctionSucceeded/Failed/TimedOut arn:...:activity:...           ActivityScheduled, ActivityStarted (when
    a worker takes it), ActivitySucceeded/... arn:...:states:::service:api   TaskScheduled, TaskStarted,
    TaskSubmitted (.sync, .waitForTaskToken), TaskSucceeded/...

Timers: TimeoutSeconds and HeartbeatSeconds count from the Started event, so for an activity from when a worker takes it
(Developer Guide, "Task state"). A heartbeat only moves the deadline in the TaskWait; the timer that was set before
fires early once and is set again, which saves a command per heartbeat.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace as _replace
from functools import lru_cache
from typing import NamedTuple

from steppe.asl.program import NumberField, State, TaskState
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import WAIT_SECONDS_MAX
from steppe.expr.scope import Scope
from steppe.interp import dataflow, faults
from steppe.interp.abandon import timer_cancels
from steppe.interp.command import CallTask, CancelTask, Command, StartTimer
from steppe.interp.execution import TaskWait
from steppe.interp.stimulus import (
    ActivityStarted,
    Stimulus,
    TaskFailed,
    TaskHeartbeat,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from steppe.interp.thread import Thread
from steppe.interp.working import TRUNCATED_NOT, Run

TOKEN_BYTES = 96
ERROR_CHARACTERS_MAX = 256
CAUSE_CHARACTERS_MAX = 32_768


class Resource(NamedTuple):
    """A Resource, as the history shows it.

    Attributes:
        kind: prefix of the event types: "Task", "LambdaFunction" or "Activity".
        detail: prefix of the names of their details: "task", "lambdaFunction", "activity".
        type, name: `resourceType` and `resource` of a service integration; "" and the ARN otherwise.
        token: whether the task has a task token.
    """

    kind: str
    detail: str
    type: str
    name: str
    token: bool


@lru_cache(maxsize=256)
def parse_resource(arn: str) -> Resource:
    """Take a Resource apart: `arn:aws:states:::aws-sdk:s3:getObject` is type `aws-sdk:s3`, name `getObject`."""
    parts = arn.split(":", 5)
    if len(parts) == 6 and parts[2] == "states" and parts[5].startswith("activity:"):
        return Resource("Activity", "activity", "", arn, True)
    if len(parts) == 6 and parts[2] == "states" and not parts[4]:
        service, version = (parts[5][:-2], ":2") if parts[5].endswith(".sync:2") else (parts[5], "")
        kind, _, name = service.rpartition(":")
        # A job (.sync) has a token as well: recorded in July 2024, startExecution.sync ended by SendTaskSuccess.
        return Resource("Task", "task", kind, name + version, name.endswith((".waitForTaskToken", ".sync")))
    return Resource("LambdaFunction", "lambdaFunction", "", arn, False)


def start(run: Run, thread: Thread, state: State) -> bool:
    """Evaluate what the task needs and give it out."""
    assert isinstance(state, TaskState)
    resource = parse_resource(state.resource)
    thread.scope = None
    if state.resource in run.program.missing_activities:
        # No event of the activity: observed in September 2026.
        raise dataflow.runtime_fault(f"The activity {state.resource} does not exist.")
    thread.task_token = b64encode(run.entropy.take(TOKEN_BYTES)).decode() if resource.token else None
    raw, scope = thread.input, run.scope(thread)
    effective = dataflow.effective_input(state, raw, scope)
    timeout = _seconds(state.timeout, effective, scope)
    heartbeat = _seconds(state.heartbeat, effective, scope)
    arguments = dataflow.arguments(state, effective, scope)
    credentials = None if state.credentials is None else dataflow.fill(state.credentials, effective, scope)
    _schedule(run, thread, resource, arguments, credentials, timeout, heartbeat)
    key = f"{thread.number}/{thread.previous_event}"
    wait = TaskWait(
        key=key,
        arguments=arguments,
        credentials=credentials,
        task_token=thread.task_token,
        timeout_seconds=timeout,
        heartbeat_seconds=heartbeat,
    )
    if resource.kind != "Activity":
        details = {"resourceType": resource.type, "resource": resource.name} if resource.type else None
        _event(run, thread, resource, "Started", details)
        wait = _with_clock(wait, run.now_ms)
    thread.wait = wait
    run.commands.extend(commands(state, wait))
    return False


def commands(state: TaskState, wait: TaskWait) -> list[Command]:
    """What a task asks for: the call, and its timers."""
    asked: list[Command] = [
        CallTask(
            key=wait.key,
            state_name=state.name,
            resource=state.resource,
            arguments=wait.arguments,
            credentials=wait.credentials,
            task_token=wait.task_token,
            submitted=wait.submitted,
        )
    ]
    if wait.timeout_due_ms is not None:
        asked.append(StartTimer(f"{wait.key}/timeout", wait.timeout_due_ms))
    if wait.heartbeat_due_ms is not None:
        asked.append(StartTimer(f"{wait.key}/heartbeat", wait.heartbeat_due_ms))
    return asked


def resume(run: Run, thread: Thread, state: State, stimulus: Stimulus) -> bool:
    """Something happened to the task."""
    assert isinstance(state, TaskState)
    wait = thread.wait
    assert isinstance(wait, TaskWait)
    resource = parse_resource(state.resource)
    match stimulus:
        case TaskSubmitted(_, output):
            if wait.submitted is None and resource.kind == "Task":
                details = {"output": run.text(output), "outputDetails": TRUNCATED_NOT}
                _event(run, thread, resource, "Submitted", details)
                thread.wait = _replace(wait, submitted={} if output is None else output)
            return False
        case ActivityStarted(_, worker_name):
            return _taken(run, thread, wait, resource, worker_name)
        case TaskHeartbeat():
            if wait.heartbeat_seconds is not None and wait.heartbeat_due_ms is not None:
                thread.wait = _replace(wait, heartbeat_due_ms=run.now_ms + wait.heartbeat_seconds * 1000)
            return False
        case TaskSucceeded(_, output):
            _end_clock(run, thread, wait)
            return _succeeded(run, thread, state, resource, output)
        case TaskFailed(_, error, cause):
            _end_clock(run, thread, wait)
            return _failed(run, thread, state, resource, Fault(error, cause))
        case _:
            assert isinstance(stimulus, TimerFired)
            return _timed_out(run, thread, state, resource, wait, stimulus.key)


def _seconds(field: NumberField | None, value: JsonValue, scope: Scope) -> int | None:
    if field is None:
        return None
    seconds = dataflow.number(field, value, scope, kind="integer")
    if seconds <= 0:
        # Not recorded; in the manner of the recorded refusals of other fields.
        raise dataflow.runtime_fault(
            f'The {field.name} field refers to value "{seconds}" which is not positive: {field.text}'
        )
    return min(int(seconds), WAIT_SECONDS_MAX)


def _schedule(
    run: Run,
    thread: Thread,
    resource: Resource,
    arguments: JsonValue,
    credentials: JsonValue,
    timeout: int | None,
    heartbeat: int | None,
) -> None:
    """Write the Scheduled event."""
    text = run.payload(arguments, resource.type or resource.name)
    details: dict[str, JsonValue]
    if resource.type:
        region = run.execution.identity.machine_arn.split(":", 4)[3]
        details = {"resourceType": resource.type, "resource": resource.name, "region": region, "parameters": text}
    else:
        details = {"resource": resource.name, "input": text, "inputDetails": TRUNCATED_NOT}
    if timeout is not None:
        details["timeoutInSeconds"] = timeout
    if heartbeat is not None and resource.kind != "LambdaFunction":
        details["heartbeatInSeconds"] = heartbeat
    if isinstance(credentials, dict) and isinstance(credentials.get("RoleArn"), str) and resource.kind != "Activity":
        details["taskCredentials"] = {"roleArn": credentials["RoleArn"]}
    _write(run, thread, resource, "Scheduled", details)


def _event(run: Run, thread: Thread, resource: Resource, stage: str, details: dict[str, JsonValue] | None) -> None:
    """Write an event of a stage; those of service integrations repeat type and resource."""
    if details is not None and resource.type and "resource" not in details:
        details = {"resourceType": resource.type, "resource": resource.name, **details}
    _write(run, thread, resource, stage, details)


def _write(run: Run, thread: Thread, resource: Resource, stage: str, details: dict[str, JsonValue] | None) -> None:
    key = "" if details is None else f"{resource.detail}{stage}EventDetails"
    thread.previous_event = run.event(f"{resource.kind}{stage}", thread.previous_event, key, details)


def _taken(run: Run, thread: Thread, wait: TaskWait, resource: Resource, worker_name: str | None) -> bool:
    """A worker has taken the activity's task: the clock starts."""
    if resource.kind != "Activity" or wait.submitted is not None:
        return False
    _event(run, thread, resource, "Started", {} if worker_name is None else {"workerName": worker_name})
    started = _with_clock(_replace(wait, submitted={"WorkerName": worker_name}), run.now_ms)
    thread.wait = started
    if started.timeout_due_ms is not None:
        run.commands.append(StartTimer(f"{wait.key}/timeout", started.timeout_due_ms))
    if started.heartbeat_due_ms is not None:
        run.commands.append(StartTimer(f"{wait.key}/heartbeat", started.heartbeat_due_ms))
    return False


def _with_clock(wait: TaskWait, now_ms: int) -> TaskWait:
    """The wait of a task that starts now."""
    timeout, heartbeat = wait.timeout_seconds, wait.heartbeat_seconds
    if timeout is None and heartbeat is None:
        return wait
    return _replace(
        wait,
        timeout_due_ms=None if timeout is None else now_ms + timeout * 1000,
        heartbeat_due_ms=None if heartbeat is None else now_ms + heartbeat * 1000,
    )


def _end_clock(run: Run, thread: Thread, wait: TaskWait) -> None:
    """The task has ended: nobody waits any more."""
    run.commands.extend(timer_cancels(wait))
    thread.wait = None
    thread.scope = None


def _timed_out(run: Run, thread: Thread, state: TaskState, resource: Resource, wait: TaskWait, key: str) -> bool:
    """A timer of the task fired: early (set again), or in time (the task has failed)."""
    heartbeat = key == f"{wait.key}/heartbeat"
    due_ms = wait.heartbeat_due_ms if heartbeat else wait.timeout_due_ms
    if due_ms is None:
        return False
    if run.now_ms < due_ms:
        run.commands.append(StartTimer(key, due_ms))
        return False
    _end_clock(run, thread, wait)
    run.commands.append(CancelTask(wait.key))
    _event(run, thread, resource, "TimedOut", {"error": faults.TIMEOUT})
    return run.fault(thread, state, faults.HeartbeatFault() if heartbeat else Fault(faults.TIMEOUT, None))


def _failed(run: Run, thread: Thread, state: TaskState, resource: Resource, fault: Fault) -> bool:
    """Write the Failed event and let the state's Retry and Catch look at the fault."""
    error = fault.error if fault.error is None else fault.error[:ERROR_CHARACTERS_MAX]
    cause = fault.cause if fault.cause is None else fault.cause[:CAUSE_CHARACTERS_MAX]
    details = {name: value for name, value in (("error", error), ("cause", cause)) if value is not None}
    _event(run, thread, resource, "Failed", details)
    return run.fault(thread, state, Fault(error, cause, catchable=fault.error != dataflow.RUNTIME))


def _succeeded(run: Run, thread: Thread, state: TaskState, resource: Resource, result: JsonValue) -> bool:
    """Write the Succeeded event, shape the result, leave."""
    try:
        text = run.payload(result, resource.type or resource.name)
    except Fault as fault:
        return _failed(run, thread, state, resource, fault)
    _event(run, thread, resource, "Succeeded", {"output": text, "outputDetails": TRUNCATED_NOT})
    return run.conclude(thread, state, result)
