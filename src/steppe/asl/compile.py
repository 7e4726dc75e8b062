"""From a definition's text to a Program: checked, defaults filled in, every expression compiled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from steppe.asl import model, program
from steppe.asl.choice import compile_test
from steppe.asl.diagnostics import Diagnostic
from steppe.asl.maps import integration_of
from steppe.asl.model import ABSENT, Filled, Source
from steppe.asl.parse import parse, parse_lone_state
from steppe.asl.program import NumberField, Program, TextSource
from steppe.asl.resources import CallCheck
from steppe.asl.validate import flows, flows_of, validate, validate_inside
from steppe.base import jsonvalue
from steppe.base.errors import DefinitionError
from steppe.base.jsonvalue import JsonValue
from steppe.expr.reference_path import ReferencePath, compile_reference
from steppe.expr.scope import Expression, Scope
from steppe.expr.template import Template

_ROOT: Final = compile_reference("$")


def compile_definition(
    text: str, *, express: bool = False, label_seed: str = "", calls: CallCheck | None = None
) -> Program:
    """Compile a definition.

    Args:
        text: of the definition.
        express: whether it is for an Express state machine, where less is allowed.
        label_seed: what the labels of Distributed Maps without one are made from, besides the state's name: the same
            seed gives the same labels. The state machine's ARN is a good one.
        calls: knows what the AWS APIs take. Only a definition that is new is held against it: one that is kept runs on
            when an API has changed.

    Raises:
        DefinitionError: it is wrong; with all diagnostics of severity ERROR, in the service's order.
    """
    machine, findings = parse(text, express=express, calls=calls)
    if machine is not None:
        findings = [*findings, *validate(machine)]
    return _checked(machine, findings, text, label_seed)


def compile_state(
    text: str, *, name: str = "StateName", label_seed: str = "", calls: CallCheck | None = None
) -> Program:
    """Compile one state by itself, for TestState: a Program of that state, whose transitions may lead nowhere.

    Args:
        text: of the state, not of a machine.
        name: what the state is called, in the Program and in locations.
        label_seed: as in `compile_definition`.
        calls: as in `compile_definition`.

    Raises:
        DefinitionError: it is wrong; with all diagnostics of severity ERROR.
    """
    machine, findings = parse_lone_state(text, name, calls=calls)
    if machine is not None:
        findings = [*findings, *validate_inside(machine.states[name])]
    return _checked(machine, findings, text, label_seed)


def _checked(machine: model.Flow | None, findings: list[Diagnostic], text: str, label_seed: str) -> Program:
    errors = [finding for finding in findings if finding.severity == "ERROR"]
    if errors or machine is None:
        raise DefinitionError(errors)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return _program(machine, digest, label_seed)


def _program(flow: model.Flow, digest: str, label_seed: str) -> Program:
    """The Program of a whole machine, or of a Distributed Map's processor."""
    states: dict[str, program.State] = {}
    _add_states(flow, states, label_seed)
    machine = flow if isinstance(flow, model.StateMachine) else None
    return Program(
        start_at=flow.start_at or "",
        states=states,
        timeout_seconds=machine.timeout_seconds if machine else None,
        digest=digest,
        comment=(machine.comment or "") if machine else "",
        variable_references=_variable_references(flow),
    )


def _add_states(flow: model.Flow, states: dict[str, program.State], label_seed: str) -> None:
    """Compile the states of a flow and of the flows in it, except those of Distributed Maps."""
    for name, state in flow.states.items():
        states[name] = _map(state, label_seed) if isinstance(state, model.Map) else _COMPILERS[type(state)](state)
        if not (isinstance(state, model.Map) and state.distributed):
            for inner in flows_of(state):
                _add_states(inner, states, label_seed)


def _variable_references(flow: model.Flow) -> Mapping[str, tuple[str, ...]]:
    """The workflow variables that each state reads, by state; states that read none are left out."""
    references: dict[str, tuple[str, ...]] = {}
    for inner in flows(flow):
        for name, state in inner.states.items():
            found = tuple(sorted(set(_variables(state))))
            if found:
                references[name] = found
    return references


def _variables(part: JsonValue) -> Iterator[str]:
    """Names of the variables in a part of the tree, without the states inside it."""
    if isinstance(part, Source | Filled):
        yield from part.variables
    elif isinstance(part, tuple):
        for element in part:
            yield from _variables(element)
    elif isinstance(part, model.ChoiceRule):
        assert part.test is not None
        yield from _tested(part.test)
        yield from _variables((part.assign, part.output))
    elif isinstance(part, model.Node) and not isinstance(part, model.Flow):
        for spec in model.specs_of(type(part)).values():
            value = getattr(part, spec.attribute)
            if value is not None and value is not ABSENT and not isinstance(value, str):
                yield from _variables(value)


def _tested(test: model.ChoiceTest) -> Iterator[str]:
    """Names of the variables that a choice rule's test reads."""
    if isinstance(test, model.Comparison):
        yield from _variables((test.variable, test.operand))
    elif isinstance(test, model.Junction):
        for part in test.tests:
            yield from _tested(part)
    elif isinstance(test, model.Negation):
        yield from _tested(test.test)
    else:
        yield from _variables(test.value)


# Parts


def _template(filled: Filled | None) -> Template | None:
    return filled.template if filled is not None else None


def _number(name: str, value: JsonValue, path: Source | None = None) -> NumberField | None:
    """A numeric field from its literal or expression, or from its `...Path` twin."""
    if path is not None:
        return NumberField(name=f"{name}Path", text=path.text, expression=path.expression)
    if isinstance(value, Source):
        return NumberField(name=name, text=value.text, expression=value.expression)
    return None if value is None else NumberField(name=name, constant=value)


def _text(name: str, value: str | Source | None, path: Source | None) -> TextSource | None:
    if path is not None:
        return TextSource(name=f"{name}Path", text=path.text, expression=path.expression)
    if isinstance(value, Source):
        return TextSource(name=name, text=value.text, expression=value.expression)
    return None if value is None else TextSource(name=name, constant=value)


def _empty_object(value: JsonValue, scope: Scope) -> JsonValue:
    """What `InputPath: null` and `OutputPath: null` select."""
    return {}


def _selection(path: Source | model.Absent | None) -> Expression | None:
    if path is ABSENT:
        return None
    return path.expression if isinstance(path, Source) else _empty_object


def _result_path(path: ReferencePath | model.Absent | None) -> ReferencePath | None:
    return _ROOT if isinstance(path, model.Absent) else path


def _retrier(retrier: model.Retrier) -> program.Retrier:
    given: dict[str, JsonValue] = {
        "interval_seconds": retrier.interval_seconds,
        "max_attempts": retrier.max_attempts,
        "backoff_rate": retrier.backoff_rate,
        "max_delay_seconds": retrier.max_delay_seconds,
    }
    return program.Retrier(
        errors=retrier.error_equals or (),
        jitter_full=retrier.jitter_strategy == "FULL",
        **{name: value for name, value in given.items() if value is not None},
    )


def _catcher(catcher: model.Catcher) -> program.Catcher:
    return program.Catcher(
        errors=catcher.error_equals or (),
        next=catcher.next or "",
        result_path=_result_path(catcher.result_path),
        assign=_template(catcher.assign),
        output=_template(catcher.output),
    )


def _common(state: model.State) -> dict[str, JsonValue]:
    """The attributes of `program.State`, from whatever of them the kind of state has."""
    attributes: dict[str, JsonValue] = {
        "name": state.name,
        "type": state.type,
        "language": state.language,
        "result_path": _ROOT,
    }
    if isinstance(state, model.Shaped):
        attributes["input_path"] = _selection(state.input_path)
        attributes["output_path"] = _selection(state.output_path)
        attributes["output"] = _template(state.output)
    if isinstance(state, model.Step | model.Choice):
        attributes["assign"] = _template(state.assign)
    if isinstance(state, model.Step):
        attributes["next"] = state.next
    if isinstance(state, model.Resulting):
        attributes["parameters"] = _template(state.parameters)
        attributes["result_path"] = _result_path(state.result_path)
    if isinstance(state, model.Fallible):
        attributes["result_selector"] = _template(state.result_selector)
        attributes["retriers"] = tuple(map(_retrier, state.retry))
        attributes["catchers"] = tuple(map(_catcher, state.catch))
    if isinstance(state, model.Task | model.Parallel) and state.arguments is not None:
        attributes["parameters"] = state.arguments.template
    return attributes


# States


def _pass(state: model.Pass) -> program.State:
    # Recorded in September 2026: a Result of null is as no Result, the input goes on.
    has_result = state.result is not ABSENT and state.result is not None
    return program.PassState(**_common(state), result=state.result if has_result else None, has_result=has_result)


def _succeed(state: model.Succeed) -> program.State:
    return program.SucceedState(**_common(state))


def _fail(state: model.Fail) -> program.State:
    return program.FailState(
        **_common(state),
        error=_text("Error", state.error, state.error_path),
        cause=_text("Cause", state.cause, state.cause_path),
    )


def _choice(state: model.Choice) -> program.State:
    rules = tuple(
        program.ChoiceRule(
            condition=compile_test(rule.test),
            next=rule.next or "",
            assign=_template(rule.assign),
            output=_template(rule.output),
        )
        for rule in state.choices
        if rule.test is not None
    )
    return program.ChoiceState(**_common(state), rules=rules, default=state.default)


def _wait(state: model.Wait) -> program.State:
    return program.WaitState(
        **_common(state),
        seconds=_number("Seconds", state.seconds, state.seconds_path),
        timestamp=_text("Timestamp", state.timestamp, state.timestamp_path),
    )


def _task(state: model.Task) -> program.State:
    return program.TaskState(
        **_common(state),
        resource=state.resource or "",
        timeout=_number("TimeoutSeconds", state.timeout_seconds, state.timeout_seconds_path),
        heartbeat=_number("HeartbeatSeconds", state.heartbeat_seconds, state.heartbeat_seconds_path),
        credentials=_template(state.credentials),
    )


def _parallel(state: model.Parallel) -> program.State:
    return program.ParallelState(**_common(state), branches=tuple(branch.start_at or "" for branch in state.branches))


_COMPILERS: Final[Mapping[type[model.State], Callable[..., program.State]]] = {
    model.Pass: _pass,
    model.Succeed: _succeed,
    model.Fail: _fail,
    model.Choice: _choice,
    model.Wait: _wait,
    model.Task: _task,
    model.Parallel: _parallel,
}


# Map


def _map(state: model.Map, label_seed: str) -> program.State:
    attributes = _common(state)
    # Parameters of a Map is the older name of ItemSelector.
    selector = attributes.pop("parameters", None)
    attributes["item_selector"] = _template(state.item_selector) or selector
    attributes |= _items(state)
    attributes["max_concurrency"] = _number("MaxConcurrency", state.max_concurrency, state.max_concurrency_path)
    attributes["tolerated_failure_count"] = _number(
        "ToleratedFailureCount", state.tolerated_count, state.tolerated_count_path
    )
    attributes["tolerated_failure_percentage"] = _number(
        "ToleratedFailurePercentage", state.tolerated_percentage, state.tolerated_percentage_path
    )
    processor = state.processor
    assert processor is not None
    if not state.distributed:
        return program.MapState(**attributes, start_at=processor.start_at or "")
    source = processor.source
    definition = jsonvalue.dumps({"StartAt": source["StartAt"], "States": source["States"]})
    digest = hashlib.sha256(definition.encode("utf-8", "surrogatepass")).hexdigest()
    config = processor.config
    return program.MapState(
        **attributes,
        distributed=True,
        processor=_program(processor, digest, label_seed),
        processor_definition=definition,
        execution_type=(config.execution_type if config else None) or "STANDARD",
        label=state.label or generated_label(label_seed, state.name),
        reader=_reader(state.item_reader),
        batcher=_batcher(state.item_batcher),
        writer=_writer(state.result_writer),
    )


def _items(state: model.Map) -> dict[str, JsonValue]:
    if state.items_path is not None:
        return {"items": state.items_path.expression, "items_text": state.items_path.text}
    if state.items is not None:
        document = state.items.document
        text = document if isinstance(document, str) else jsonvalue.dumps(document)
        return {"items": state.items.template.evaluate, "items_text": text}
    return {}


def _reader(reader: model.ItemReader | None) -> program.ItemReader | None:
    if reader is None:
        return None
    parameters = reader.parameters or reader.arguments
    assert parameters is not None
    assert reader.resource is not None
    config = reader.config
    written: dict[str, JsonValue] = {}
    if config is not None:
        for name, spec in model.specs_of(model.ReaderConfig).items():
            value = getattr(config, spec.attribute)
            if value is not None and name not in ("MaxItems", "MaxItemsPath", "Comment"):
                written[name] = list(value) if isinstance(value, tuple) else value
    return program.ItemReader(
        resource=integration_of(reader.resource) or "",
        parameters=parameters.template,
        config=written,
        max_items=_number("MaxItems", config.max_items, config.max_items_path) if config else None,
    )


def _batcher(batcher: model.ItemBatcher | None) -> program.ItemBatcher | None:
    if batcher is None:
        return None
    return program.ItemBatcher(
        max_items=_number("MaxItemsPerBatch", batcher.max_items, batcher.max_items_path),
        max_input_bytes=_number("MaxInputBytesPerBatch", batcher.max_bytes, batcher.max_bytes_path),
        batch_input=_template(batcher.batch_input),
    )


def _writer(writer: model.ResultWriter | None) -> program.ResultWriter | None:
    if writer is None:
        return None
    config = writer.config
    return program.ResultWriter(
        parameters=_template(writer.parameters or writer.arguments),
        transformation=(config.transformation if config else None) or "NONE",
        output_type=(config.output_type if config else None) or "JSON",
    )


def generated_label(label_seed: str, state_name: str) -> str:
    """The label of a Distributed Map that has none: a UUID of version 3, as the service makes them.

    The service's are made from something that we do not know, so only the form is the same.
    """
    digest = hashlib.md5(f"{label_seed}\0{state_name}".encode("utf-8", "surrogatepass"), usedforsecurity=False)
    raw = bytearray(digest.digest())
    raw[6] = raw[6] & 0x0F | 0x30
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
