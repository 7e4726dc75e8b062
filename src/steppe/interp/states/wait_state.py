"""Wait: until a number of seconds has gone by, or until a point in time. A time in the past is no wait at all."""

from __future__ import annotations

from steppe.asl.program import NumberField, State, TextSource, WaitState
from steppe.base import jsonvalue, timestamps
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import WAIT_SECONDS_MAX
from steppe.expr.scope import Scope
from steppe.interp import dataflow
from steppe.interp.stimulus import Stimulus
from steppe.interp.thread import Thread
from steppe.interp.working import Run


def start(run: Run, thread: Thread, state: State) -> bool:
    """Find out how long, and wait."""
    assert isinstance(state, WaitState)
    scope = run.scope(thread)
    effective = dataflow.effective_input(state, thread.input, scope)
    if state.seconds is not None:
        due_ms = run.now_ms + _seconds(state.seconds, effective, scope) * 1000
    else:
        assert state.timestamp is not None
        due_ms = _moment(state.timestamp, effective, scope)
    if due_ms <= run.now_ms:
        return _leave(run, thread, state)
    run.wait_until(thread, due_ms, "wait")
    return False


def resume(run: Run, thread: Thread, state: State, stimulus: Stimulus) -> bool:
    """The time has come."""
    return _leave(run, thread, state)


def _leave(run: Run, thread: Thread, state: State) -> bool:
    raw, scope = thread.input, run.scope(thread)
    if state.language == "JSONata":
        output = raw if state.output is None else dataflow.fill(state.output, raw, scope)
        effective = raw
    else:
        effective = dataflow.effective_input(state, raw, scope)
        output = effective if state.output_path is None else dataflow.select(state.output_path, effective, scope)
    assigned = None if state.assign is None else dataflow.fill(state.assign, effective, scope)
    return run.leave(thread, state, output, state.next, assigned)


def _seconds(field: NumberField, value: JsonValue, scope: Scope) -> int:
    if field.constant is not None or field.expression is None:
        return int(field.constant or 0)
    path = field.name.endswith("Path")
    found = dataflow.compute(field.expression, value, scope, field=None if path else field.name)
    shown = found if isinstance(found, str) else jsonvalue.dumps(found)
    if path:
        if isinstance(found, str):
            found = dataflow.number_in(found, kind="integer")
        if not dataflow.is_integer(found):
            raise dataflow.runtime_fault(
                f"The SecondsPath parameter cannot be parsed as a long value: {field.text} == {shown}"
            )
        if found < 0:
            raise dataflow.runtime_fault(
                f"The SecondsPath parameter references a negative value: {field.text} == {shown}"
            )
    elif not dataflow.is_integer(found):
        cause = dataflow.unexpected_type(field.name, field.text, expected="integer", found=found)
        raise dataflow.query_fault(cause, field.name)
    elif found < 0:
        raise dataflow.query_fault(f"The {field.name} field references a negative value: {shown}", field.name)
    return min(int(found), WAIT_SECONDS_MAX)


def _moment(source: TextSource, value: JsonValue, scope: Scope) -> int:
    """Epoch milliseconds of Timestamp or TimestampPath; texts as recorded in 2023 and 2024 (*wait_timestamp*)."""
    if source.expression is None:
        found: JsonValue = source.constant
    else:
        path = source.name.endswith("Path")
        found = dataflow.compute(source.expression, value, scope, field=None if path else source.name)
    moment = timestamps.parse_ms(found) if isinstance(found, str) and timestamps.is_strict(found) else None
    if moment is not None:
        return moment
    shown = found if isinstance(found, str) else jsonvalue.dumps(found)
    format_name = "ISO-8601 extended offset date-time format string"
    if source.name.endswith("Path"):
        raise dataflow.runtime_fault(
            f"The TimestampPath parameter does not reference a valid {format_name}: {source.text} == {shown}"
        )
    if source.expression is not None and not isinstance(found, str):
        cause = dataflow.unexpected_type(source.name, source.text, expected="string", found=found)
        raise dataflow.query_fault(cause, source.name)
    raise dataflow.query_fault(f"The Timestamp field cannot be parsed as an {format_name}: {shown}", source.name)
