"""Map: find the items, then iterate inline, or start a Map Run (`interp.map_run`).

The order of evaluation, and of its events, is that of the recorded failures: MaxConcurrency, then the items, then
MapStateStarted.

Inline, at most MaxConcurrency iterations run at once, and never more than the service's quota. The first ones are
caused by MapStateStarted, each later one by the last event of the iteration whose end made room for it.
"""

from __future__ import annotations

from steppe.asl.program import MapState, State
from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import ITERATIONS_CONCURRENT_MAX
from steppe.expr.scope import Scope
from steppe.interp import context_object, dataflow, map_run
from steppe.interp.abandon import abort_children
from steppe.interp.execution import BranchesWait
from steppe.interp.stimulus import Stimulus
from steppe.interp.thread import Thread
from steppe.interp.working import Run


def start(run: Run, thread: Thread, state: State) -> bool:
    """Evaluate, write MapStateStarted, begin."""
    assert isinstance(state, MapState)
    thread.scope = None
    scope = run.scope(thread)
    effective = dataflow.effective_input(state, thread.input, scope)
    most = _max_concurrency(state, effective, scope)
    items = None
    length = 0
    if state.reader is None:
        items = _items(state, effective, scope)
        length = len(items)
    details = {"length": length}
    thread.previous_event = run.event("MapStateStarted", thread.previous_event, "mapStateStartedEventDetails", details)
    if state.distributed:
        return map_run.begin(run, thread, state, items, effective, most)
    return _iterate(run, thread, state, items, effective, most)


def resume(run: Run, thread: Thread, state: State, stimulus: Stimulus) -> bool:
    """The Map Run has ended."""
    assert isinstance(state, MapState)
    return map_run.resume(run, thread, state, stimulus)


def _max_concurrency(state: MapState, value: JsonValue, scope: Scope) -> int:
    if state.max_concurrency is None:
        return 0
    most = int(dataflow.number(state.max_concurrency, value, scope, kind="integer"))
    if most < 0:
        # Not recorded; in the manner of the recorded refusals of other fields.
        raise dataflow.runtime_fault("MaxConcurrency cannot be negative.")
    return most


def _items(state: MapState, value: JsonValue, scope: Scope) -> JsonValue:
    """What to iterate over: an array; in a Distributed Map an object as well.

    Texts: recorded cases of November 2024 (scenarios/*map_state_items*) and of TestState.
    """
    jsonata = state.language == "JSONata"
    found = value
    if state.items is not None:
        found = dataflow.compute(state.items, value, scope, field="Items" if jsonata else None)
    if isinstance(found, list) or (state.distributed and isinstance(found, dict)):
        return found
    raise no_array(state, found)


def no_array(state: MapState, found: JsonValue) -> Fault:
    """What a Map fails with when this is what it should iterate over."""
    if state.language != "JSONata":
        shown = state.items_text.replace("$$", "$", 1) if state.items_text.startswith("$$") else state.items_text
        return dataflow.runtime_fault(f'Reference path "{shown}" must point to array.')
    if state.items is None:
        return dataflow.query_fault(f"Map state input must be an array but was: {jsonvalue.dumps(found)}", None)
    cause = dataflow.unexpected_type("Items", state.items_text, expected="array", found=found)
    return dataflow.query_fault(cause, "Items")


def _iterate(run: Run, thread: Thread, state: MapState, items: JsonValue, effective: JsonValue, most: int) -> bool:
    """MapStateStarted has been written: start the first iterations.

    Args:
        run: the advance.
        thread: in the state.
        state: the Map state.
        items: what to iterate over.
        effective: what `$` is in ItemSelector.
        most: MaxConcurrency; 0 for no limit of its own.
    """
    concurrency = min(most or ITERATIONS_CONCURRENT_MAX, ITERATIONS_CONCURRENT_MAX)
    first = min(concurrency, len(items))
    thread.wait_for_branches(
        BranchesWait(items=tuple(items), effective_input=effective, next_index=first, concurrency=concurrency)
    )
    if not items:
        return _complete(run, thread, state)
    for index in range(first):
        start_iteration(run, thread, state, index, thread.previous_event)
    return False


def child_done(run: Run, thread: Thread, state: State, child: Thread, output: JsonValue) -> bool:
    """An iteration ended well: start the next one, or complete the state."""
    wait = thread.wait
    assert isinstance(wait, BranchesWait)
    assert isinstance(state, MapState)
    details = {"name": state.name, "index": child.index}
    last = run.event("MapIterationSucceeded", child.previous_event, "mapIterationSucceededEventDetails", details)
    outputs = thread.branch_done(child.index, output)
    cause = child.previous_event
    run.drop(child)
    index = thread.next_index
    if index < len(wait.items):
        thread.next_index += 1
        start_iteration(run, thread, state, index, cause)
        return False
    if len(outputs) < len(wait.items):
        return False
    thread.previous_event = last
    return _complete(run, thread, state)


def child_failed(run: Run, thread: Thread, state: State, child: Thread, fault: Fault) -> bool:
    """An iteration failed, and the state with it; the other iterations are aborted."""
    details = {"name": state.name, "index": child.index}
    run.event("MapIterationFailed", child.previous_event, "mapIterationFailedEventDetails", details)
    abort_children(run, thread, child)
    # The failed state, not MapIterationFailed, is the cause of what follows: recorded in 2023
    # (scenarios/*map_state_retry*).
    thread.previous_event = child.previous_event
    return run.fault(thread, state, fault)


def start_iteration(run: Run, thread: Thread, state: MapState, index: int, cause: int) -> None:
    """Start one iteration.

    Args:
        run: the advance.
        thread: in the Map state.
        state: the Map state.
        index: of the item.
        cause: the id of the event that made room for it.

    Raises:
        StateFault: ItemSelector cannot be evaluated.
    """
    wait = thread.wait
    assert isinstance(wait, BranchesWait)
    item = value = wait.items[index]
    if state.item_selector is not None:
        scope = run.new_scope(thread, {"input": thread.input}, map_item=context_object.map_item(index, item))
        value = dataflow.fill(state.item_selector, wait.effective_input, scope)
    details = {"name": state.name, "index": index}
    started = run.event("MapIterationStarted", cause, "mapIterationStartedEventDetails", details)
    run.spawn(thread, index, state.start_at, value, started)


def _complete(run: Run, thread: Thread, state: MapState) -> bool:
    # MapStateSucceeded is nobody's cause: MapStateExited names the same event as it does.
    run.event("MapStateSucceeded", thread.previous_event)
    thread.scope = None
    return run.conclude(thread, state, thread.results())
