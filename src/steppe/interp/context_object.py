"""The context object: what `$$` and `$states.context` name.

Built only when an expression asks for it (`Scope.context`), because most states never do. What stands in it depends
on the place: `State.RetryCount` in states that can have retries, `Task.Token` in tasks that wait for a callback or
a job, `Map.Item` in an ItemSelector and in the iterations of an inline Map. A child of a Map Run has none of its
parent's.

Source: recorded cases of 2024 (base, context_object) and September 2026.
"""

from __future__ import annotations

from typing import Final

from steppe.base import timestamps
from steppe.base.jsonvalue import JsonValue
from steppe.interp.execution import Execution

RETRYING: Final = frozenset({"Task", "Parallel", "Map"})
"""State types whose context has `RetryCount`."""


def build(
    execution: Execution,
    *,
    state_name: str,
    state_type: str,
    entered_ms: int,
    retry_count: int,
    task_token: str | None = None,
    map_item: JsonValue = None,
) -> JsonValue:
    """The context object at one place of an execution.

    Args:
        execution: names, input, start and redrives.
        state_name: the state.
        state_type: its type.
        entered_ms: when it was entered.
        retry_count: retries of the state so far.
        task_token: of the task; None when it has none.
        map_item: the `Map.Item` object (`Index`, `Value`, ...); None outside of iterations.

    Returns:
        A new object; the execution's input in it is shared, not copied.
    """
    identity = execution.identity
    run: dict[str, JsonValue] = {
        "Id": identity.arn,
        "Input": execution.input,
        "StartTime": timestamps.to_text(execution.started_ms),
        "Name": identity.name,
        "RoleArn": identity.role_arn,
    }
    # An Express execution cannot be redriven, but an Express child of a Map Run is counted when its run is: observed in
    # September 2026, with RedriveCount and without RedriveTime.
    if not identity.express or identity.map_run:
        run["RedriveCount"] = execution.redrive_count
        if execution.redriven_ms is not None and not identity.express:
            run["RedriveTime"] = timestamps.to_text(execution.redriven_ms)
    state: dict[str, JsonValue] = {"Name": state_name, "EnteredTime": timestamps.to_text(entered_ms)}
    if state_type in RETRYING:
        state["RetryCount"] = retry_count
    context: dict[str, JsonValue] = {
        "Execution": run,
        "StateMachine": {"Id": identity.machine_arn, "Name": identity.machine_name},
        "State": state,
    }
    if map_item is not None:
        context["Map"] = {"Item": map_item}
    if task_token is not None:
        context["Task"] = {"Token": task_token}
    return context


def map_item(index: int, value: JsonValue, *, key: str | None = None, source: str | None = None) -> JsonValue:
    """The `Map.Item` object.

    Args:
        index: position among the items, from 0.
        value: the item.
        key: the member's name when an object is iterated; else None.
        source: `STATE_DATA` or an S3 URI in a Map Run; None in an inline Map, which has no such member.
    """
    item: dict[str, JsonValue] = {"Index": index, "Value": value}
    if key is not None:
        item["Key"] = key
    if source is not None:
        item["Source"] = source
    return item
