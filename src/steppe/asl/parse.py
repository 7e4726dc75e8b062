"""From the text of a definition to its syntax tree, with every wrong field reported.

`parse` reads the declarations of `model`: for each object it reports what may not be there, what is missing and what
excludes each other (at the object), then checks the fields in the order in which they are written. A wrong field is
left out of the tree and never stops the rest. What concerns the machine as a whole (targets, reachability, names) is
`validate`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from steppe.asl import jsontext, rules
from steppe.asl.choice_rules import parse_choice_rule
from steppe.asl.diagnostics import Diagnostic
from steppe.asl.fields import INVALID, check_field, wrong_type
from steppe.asl.maps import check_batcher, check_map, check_reader, check_writer
from steppe.asl.model import (
    STATE_KINDS,
    Catcher,
    ChoiceRule,
    Fail,
    Flow,
    ItemBatcher,
    ItemReader,
    Map,
    Node,
    Processor,
    QueryLanguage,
    ReaderConfig,
    ResultWriter,
    Spec,
    State,
    StateMachine,
    Step,
    Task,
    Wait,
    specs_of,
)
from steppe.asl.place import Place, Surroundings
from steppe.asl.resources import CallCheck, is_activity, parse_resource, refusal
from steppe.base.jsonvalue import JsonValue

STATE_DEPTH_MAX: Final = 25
"""`States` within `States`; ours, so that no definition can exhaust the stack. The service has a limit that it does not
tell."""

STATE_NAME_LENGTH_MAX: Final = 80
"""Characters. Amazon States Language specification, "States"."""

_KindT = TypeVar("_KindT", bound=Node)
_Object = dict[str, JsonValue]


def parse(
    text: str, *, express: bool = False, calls: CallCheck | None = None
) -> tuple[StateMachine | None, list[Diagnostic]]:
    """Read a definition.

    Args:
        text: of the definition.
        express: whether it is for an Express state machine.
        calls: knows what the AWS APIs take; None to leave the parameters of tasks alone.

    Returns:
        The tree, without the fields that are wrong, and what was found wrong. No tree when the text is no JSON object.
    """
    value, failure = jsontext.read(text)
    if value is None:
        return None, [failure] if failure else []
    language = _language(value, "JSONPath")
    place = Place(Surroundings(language, language, express, calls=calls))
    return parse_block(StateMachine, value, place), place.findings


def parse_lone_state(text: str, name: str, *, calls: CallCheck | None = None) -> tuple[Flow | None, list[Diagnostic]]:
    """Read the text of one state as the only state of a flow; as `parse` in everything else."""
    value, failure = jsontext.read(text)
    if value is None:
        return None, [failure] if failure else []
    place = Place(Surroundings(calls=calls), pointer=("States", name))
    state = parse_state(name, value, place)
    return (Flow(pointer=(), start_at=name, states={name: state}) if state else None), place.findings


def parse_state(name: str, value: JsonValue, place: Place) -> State | None:
    """Read one state at its place."""
    if not isinstance(value, dict):
        wrong_type(place, "[OBJECT]")
        return None
    if not 1 <= len(name) <= STATE_NAME_LENGTH_MAX:
        limit = f" exceeds the {STATE_NAME_LENGTH_MAX}-character limit allowed by the service" if name else ""
        place.error(f"Invalid State name: {name[:100]}{limit}", "INVALID_STATE_NAME")
    machine_language = place.around.machine_language
    language = _language(value, machine_language)
    place = place.with_(language=language, state_length=len(place.pointer))
    kind = STATE_KINDS.get(value["Type"]) if isinstance(value.get("Type"), str) else None
    if kind is None:
        return _unknown_state(name, value, place)
    downgraded = machine_language == "JSONata" and value.get("QueryLanguage") == "JSONPath"
    if downgraded:
        place.error("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
    return parse_block(kind, value, place, {"name": name, "language": language}, any_language=downgraded)


def _unknown_state(name: str, value: _Object, place: Place) -> State:
    """A state whose Type is missing or wrong: nothing else can be said of it, but its transitions count."""
    if "Type" not in value:
        place.error("These fields are required: [Type]")
    elif not isinstance(value["Type"], str):
        wrong_type(place.at("Type"), "[STRING]")
    else:
        place.at("Type").error(f"The field 'Type' should have one of these values: [{', '.join(STATE_KINDS)}]")
    target, end = value.get("Next"), value.get("End")
    return Step(
        pointer=place.pointer,
        name=name,
        language=place.language,
        next=target if isinstance(target, str) else None,
        end=end if isinstance(end, bool) else None,
    )


def _language(value: _Object, inherited: QueryLanguage) -> QueryLanguage:
    """The query language that an object's fields are in.

    The service takes everything but the exact text "JSONPath" for JSONata, and reports a wrong value besides (measured
    by users in September 2026).
    """
    if "QueryLanguage" not in value:
        return inherited
    return "JSONPath" if value["QueryLanguage"] == "JSONPath" else "JSONata"


# Blocks


def parse_block(
    kind: type[_KindT],
    value: JsonValue,
    place: Place,
    known: Mapping[str, JsonValue] | None = None,
    *,
    any_language: bool = False,
) -> _KindT | None:
    """Read an object that `model` declares.

    Args:
        kind: the class to make.
        value: what is written.
        place: where.
        known: further attributes.
        any_language: leave out what would be said about fields of the other query language.
    """
    if not isinstance(value, dict):
        wrong_type(place, "[OBJECT]")
        return None
    specs = specs_of(kind)
    _check_names(specs, value, place, any_language)
    _check_groups(kind, value, place)
    attributes: dict[str, JsonValue] = dict(known or {})
    for name, member in value.items():
        found = specs.get(name)
        if found is None or found.only not in (None, place.language):
            continue
        checked = _check(found.rule, member, place.at(name))
        if checked is not INVALID:
            attributes[found.attribute] = checked
    node = kind(pointer=place.pointer, **attributes)
    check = _CHECKS.get(kind)
    if check is not None:
        check(node, value, place)
    return node


def _check_names(specs: Mapping[str, Spec], value: _Object, place: Place, any_language: bool) -> None:
    """Report the fields that may not be in an object, and those that are missing."""
    language = place.language
    for name in value:
        found = specs.get(name)
        if found is None:
            place.error_of(name, f"Field '{name}' is not supported")
        elif found.only not in (None, language) and not any_language:
            wrong = f"The QueryLanguage is set to '{language}', but field '{name}' is only supported for the "
            place.error_of(name, f"{wrong}'{found.only}' QueryLanguage")
    missing = [s.name for s in specs.values() if s.required and s.only in (None, language) and s.name not in value]
    if missing:
        place.error(f"These fields are required: [{', '.join(missing)}]")


_SECONDS = ("TimeoutSeconds", "TimeoutSecondsPath")
_HEARTBEAT = ("HeartbeatSeconds", "HeartbeatSecondsPath")
_GROUPS: Final[Mapping[type, tuple[tuple[bool, tuple[str, ...]], ...]]] = {
    Step: ((True, ("Next", "End")),),
    Wait: ((True, ("SecondsPath", "Seconds", "TimestampPath", "Timestamp")),),
    Fail: ((False, ("Error", "ErrorPath")), (False, ("Cause", "CausePath"))),
    Task: ((False, _SECONDS), (False, _HEARTBEAT)),
    Map: (
        (True, ("ItemProcessor", "Iterator")),
        (False, ("ItemSelector", "Parameters")),
        (False, ("MaxConcurrency", "MaxConcurrencyPath")),
        (False, ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath")),
        (False, ("ToleratedFailureCount", "ToleratedFailureCountPath")),
    ),
    ReaderConfig: ((False, ("MaxItems", "MaxItemsPath")),),
    ItemBatcher: (
        (False, ("MaxItemsPerBatch", "MaxItemsPerBatchPath")),
        (False, ("MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath")),
    ),
}
"""Fields that exclude each other, by class (a class has those of its bases too); True: one of them has to be there."""


def _check_groups(kind: type, value: _Object, place: Place) -> None:
    for base in kind.__mro__:
        for needed, names in _GROUPS.get(base, ()):
            # `End: false` says nothing: the service wants a Next beside it.
            present = [name for name in names if name in value and not (name == "End" and value[name] is False)]
            if len(present) > 1:
                place.error(f"There should only be one of the following fields: [{', '.join(names)}]")
            elif needed and not present:
                place.error(f"This object should have only one of the following fields: [{', '.join(names)}]")


def _check(rule: rules.Rule, value: JsonValue, place: Place) -> JsonValue:
    """Apply any rule."""
    match rule:
        case rules.Block(kind):
            block = _processor(value, place) if kind is Processor else parse_block(kind, value, place)
            return INVALID if block is None else block
        case rules.Blocks(kind, empty):
            return _blocks(kind, empty, value, place)
        case rules.States():
            return _states(value, place)
        case rules.ChoiceRules():
            return _choices(value, place)
        case rules.ErrorNames():
            return _error_names(value, place)
        case _:
            return check_field(rule, value, place)


def _blocks(kind: type[Node], empty: bool, value: JsonValue, place: Place) -> JsonValue:
    if not isinstance(value, list):
        return wrong_type(place, "[ARRAY]")
    if not value and not empty:
        place.error("Value cannot be empty")
        return INVALID
    inner = place.with_(has_error_output=kind is Catcher)
    # The language of a Parallel does not reach into its branches.
    inner = inner.with_(language=place.around.machine_language) if kind is Flow else inner
    parsed = [parse_block(kind, element, inner.at(index)) for index, element in enumerate(value)]
    if kind is not Flow:
        _check_catch_all_is_last(value, place)
    return tuple(node for node in parsed if node is not None)


def _error_names(value: JsonValue, place: Place) -> JsonValue:
    names = check_field(rules.Texts(), value, place)
    if isinstance(names, tuple) and "States.ALL" in names and len(names) > 1:
        place.error("States.ALL must appear alone and at end of list")
    return names


def _check_catch_all_is_last(entries: list[JsonValue], place: Place) -> None:
    for index, entry in enumerate(entries[:-1]):
        names = entry.get("ErrorEquals") if isinstance(entry, dict) else None
        if names == ["States.ALL"]:
            place.at(index, "ErrorEquals").error("States.ALL must appear alone and at end of list")


def _states(value: JsonValue, place: Place) -> JsonValue:
    if not isinstance(value, dict):
        return wrong_type(place, "[OBJECT]")
    if not value:
        place.error("Value cannot be empty")
        return INVALID
    if place.around.state_depth >= STATE_DEPTH_MAX:
        place.error(f"States are nested deeper than {STATE_DEPTH_MAX} levels", "TOO_DEEPLY_NESTED")
        return INVALID
    inner = place.with_(state_depth=place.around.state_depth + 1, has_error_output=False)
    states = {name: parse_state(name, state, inner.at(name)) for name, state in value.items()}
    return {name: state for name, state in states.items() if state is not None}


def _choices(value: JsonValue, place: Place) -> JsonValue:
    if not isinstance(value, list):
        return wrong_type(place, "[ARRAY]")
    if not value:
        place.error("Value cannot be empty")
        return INVALID
    parsed = [_choice(element, place.at(index)) for index, element in enumerate(value)]
    return tuple(rule for rule in parsed if rule is not None)


def _choice(value: JsonValue, place: Place) -> ChoiceRule | None:
    """One rule: its test is read by `choice_rules`, the rest is declared."""
    if not isinstance(value, dict):
        wrong_type(place, "[OBJECT]")
        return None
    test, rest = parse_choice_rule(value, place)
    return parse_block(ChoiceRule, rest, place, {"test": test})


def _processor(value: JsonValue, place: Place) -> Processor | None:
    """ItemProcessor: its states are in the machine's language, and those of Express children in Express executions."""
    config = value.get("ProcessorConfig") if isinstance(value, dict) else None
    children = config.get("ExecutionType") if isinstance(config, dict) else None
    inner = place.with_(language=place.around.machine_language)
    if isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED":
        if place.around.express:
            reason = "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines"
            place.at("ProcessorConfig", "Mode").error(reason)
        if children == "EXPRESS":
            inner = inner.with_(express=True)
    return parse_block(Processor, value, inner, {"source": value})


# What declarations cannot say


def _check_task(task: Task, value: _Object, place: Place) -> None:
    if task.resource is not None:
        reason = refusal(task.resource, express=place.around.express, calls=place.around.calls)
        if reason is not None:
            place.at("Resource").error(reason)
        else:
            _check_call(task, task.resource, value, place)
    timeout, heartbeat = task.timeout_seconds, task.heartbeat_seconds
    too_long = isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout
    if too_long and place.around.calls is not None:
        # The language's specification asks for it; the service's text was not seen. A kept definition runs on.
        place.at("HeartbeatSeconds").error("HeartbeatSeconds must be smaller than TimeoutSeconds")
    if task.credentials is not None and task.resource is not None:
        document = task.credentials.document
        if is_activity(task.resource):
            place.at("Credentials").error("The field 'Credentials' is not supported for activities")
        elif isinstance(document, dict) and not document.keys() & {"RoleArn", "RoleArn.$"}:
            place.at("Credentials").error("The field 'RoleArn' is required but was missing")


def _check_call(task: Task, arn: str, value: _Object, place: Place) -> None:
    """What is called, when somebody is there who knows: only then, so that a kept definition runs on."""
    calls, resource = place.around.calls, parse_resource(arn)
    if calls is None or resource is None:
        return
    jsonata = place.language == "JSONata"
    field, given = ("Arguments", task.arguments) if jsonata else ("Parameters", task.parameters)
    if not value.keys() & {"Arguments", "Parameters"}:
        # Also for an action that needs none of its parameters (measured by users in 2025 and September 2026).
        place.at("Resource").error(f"{field} field is required for resource ARN: {arn}")
    elif given is not None and isinstance(given.document, dict):
        for problem in calls.problems(resource, given.document, jsonata=jsonata):
            place.at(field).error(problem)


_CHECKS: Final[Mapping[type, Callable[..., None]]] = {
    Task: _check_task,
    Map: check_map,
    ItemReader: check_reader,
    ItemBatcher: check_batcher,
    ResultWriter: check_writer,
}
"""Checks of a whole block, after its fields."""
