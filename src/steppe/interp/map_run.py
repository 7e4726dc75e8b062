"""Distributed Map: everything that is evaluated once is evaluated here; a Map Run does the rest.

Order, as the recorded failures show it: MaxConcurrency and the items before MapStateStarted, then the tolerated
failures, then reader, batcher and writer; when one of these cannot be evaluated, no Map Run exists.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from steppe.asl.program import MapState, NumberField
from steppe.base import arns
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import MAP_ITEMS_MAX
from steppe.expr.scope import Scope
from steppe.interp import dataflow
from steppe.interp.command import StartMapRun
from steppe.interp.execution import MapRunWait
from steppe.interp.stimulus import MapRunFailed, MapRunSucceeded, Stimulus
from steppe.interp.thread import Thread
from steppe.interp.working import Run

EXITED_NAMES_RUN_STARTED: Final = True
"""Whether MapStateExited names MapRunStarted as its cause. Of the recordings, the sixteen up to August 2024 name
MapRunSucceeded, all seven from November 2024 on and those of September 2026 name MapRunStarted. The service has
changed; we follow it as it is now."""


def begin(run: Run, thread: Thread, state: MapState, items: JsonValue, effective: JsonValue, most: int) -> bool:
    """MapStateStarted has been written: start the Map Run.

    Args:
        run: the advance.
        thread: in the state.
        state: the Map state.
        items: an array or object to iterate over; None when a reader finds them.
        effective: what `$` is in ItemSelector, BatchInput and the parameters of reader and writer.
        most: MaxConcurrency; 0 for no limit of its own.
    """
    scope = run.scope(thread)
    count, percentage = _tolerated(state, effective, scope)
    batcher, writer = state.batcher, state.writer
    reader = _reader(state, effective, scope)
    batch_items = None if batcher is None else _limit(batcher.max_items, effective, scope)
    batch_bytes = None if batcher is None else _limit(batcher.max_input_bytes, effective, scope)
    batch_input = None
    if batcher is not None and batcher.batch_input is not None:
        batch_input = dataflow.fill(batcher.batch_input, effective, scope)
    written = None
    if writer is not None:
        written = {
            "Parameters": None if writer.parameters is None else dataflow.fill(writer.parameters, effective, scope),
            "Transformation": writer.transformation,
            "OutputType": writer.output_type,
        }
    arn = _map_run_arn(run, state)
    cause = thread.previous_event
    thread.previous_event = run.event("MapRunStarted", cause, "mapRunStartedEventDetails", {"mapRunArn": arn})
    command = StartMapRun(
        key=f"{thread.number}/{thread.previous_event}",
        map_run_arn=arn,
        state_name=state.name,
        input=effective,
        context=scope.context_object(),
        variables=dict(run.visible(thread)),
        items=items,
        reader=reader,
        max_concurrency=most,
        tolerated_failure_count=count,
        tolerated_failure_percentage=percentage,
        batched=batcher is not None,
        max_items_per_batch=batch_items,
        max_input_bytes_per_batch=batch_bytes,
        batch_input=batch_input,
        writer=written,
    )
    thread.wait = MapRunWait(command=command, started_event=thread.previous_event, state_event=cause)
    run.commands.append(command)
    return False


def resume(run: Run, thread: Thread, state: MapState, stimulus: Stimulus) -> bool:
    """The Map Run has ended."""
    wait = thread.wait
    assert isinstance(wait, MapRunWait)
    match stimulus:
        case MapRunSucceeded(_, result):
            ended = run.event("MapRunSucceeded", thread.previous_event)
            run.event("MapStateSucceeded", ended)
            thread.previous_event = wait.started_event if EXITED_NAMES_RUN_STARTED else ended
            thread.wait = None
            thread.scope = None
            return run.conclude(thread, state, result)
        case _:
            assert isinstance(stimulus, MapRunFailed)
            error, cause = stimulus.error, stimulus.cause
            details = {name: value for name, value in (("error", error), ("cause", cause)) if value is not None}
            thread.previous_event = run.event(
                "MapRunFailed", thread.previous_event, "mapRunFailedEventDetails", details
            )
            thread.wait = replace(wait, ended=True)
            thread.scope = None
            fault = Fault(error, cause, catchable=error != dataflow.RUNTIME)
            return run.fault(thread, state, fault)


def redrive(run: Run, thread: Thread, wait: MapRunWait) -> None:
    """Go on with a Map Run that ended with the execution: the same run, another key. Events as observed in 2026."""
    count = wait.command.redrive_count + 1
    details = {"mapRunArn": wait.command.map_run_arn, "redriveCount": count}
    redriven = run.event("MapRunRedriven", wait.state_event, "mapRunRedrivenEventDetails", details)
    thread.previous_event = redriven
    command = replace(wait.command, key=f"{thread.number}/{redriven}", redrive_count=count)
    thread.wait = MapRunWait(command=command, started_event=redriven, state_event=wait.state_event)
    run.commands.append(command)


def _tolerated(state: MapState, value: JsonValue, scope: Scope) -> tuple[int | None, float | None]:
    """ToleratedFailureCount and ToleratedFailurePercentage. Texts: recorded cases of June 2024."""
    count = percentage = None
    if state.tolerated_failure_count is not None:
        count = dataflow.number(state.tolerated_failure_count, value, scope, kind="integer")
        if count < 0:
            raise dataflow.runtime_fault("ToleratedFailureCount cannot be negative.")
    if state.tolerated_failure_percentage is not None:
        percentage = dataflow.number(state.tolerated_failure_percentage, value, scope, kind="float")
        if not 0 <= percentage <= 100:
            raise dataflow.runtime_fault("ToleratedFailurePercentage must be between 0 and 100.")
    return count, percentage


def _reader(state: MapState, value: JsonValue, scope: Scope) -> JsonValue:
    """The reader of a StartMapRun. A MaxItems below zero is the reader's to refuse: the Map Run exists by then."""
    reader = state.reader
    if reader is None:
        return None
    most = 0 if reader.max_items is None else dataflow.number(reader.max_items, value, scope, kind="integer")
    return {
        "Resource": reader.resource,
        "Parameters": dataflow.fill(reader.parameters, value, scope),
        "ReaderConfig": dict(reader.config),
        "MaxItems": min(int(most), MAP_ITEMS_MAX),
    }


def _limit(field: NumberField | None, value: JsonValue, scope: Scope) -> int | None:
    """A limit of the batcher: at least 1."""
    if field is None:
        return None
    limit = int(dataflow.number(field, value, scope, kind="integer"))
    if limit < 1:
        # Not recorded; in the manner of the recorded refusals of other fields.
        raise dataflow.runtime_fault(f"{field.name.removesuffix('Path')} must be positive.")
    return limit


def _map_run_arn(run: Run, state: MapState) -> str:
    parts = run.execution.identity.machine_arn.split(":")
    realm = arns.Realm(parts[1], parts[3], parts[4])
    return realm.map_run(run.execution.identity.machine_name, state.label, run.entropy.uuid4())
