"""Rules about a whole machine: names, targets, an end, reachability.

    diagnose(text)     everything that can be said of a definition, for ValidateStateMachineDefinition

The service reports what is wrong with fields first, then transitions to states that do not exist, then a missing end,
then states that nothing leads to (measured by users in August 2026; a missing end hides the last).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from steppe.asl.diagnostics import Diagnostic, Pointer, located
from steppe.asl.model import Choice, Fail, Fallible, Flow, Map, Parallel, State, StateMachine, Step, Succeed
from steppe.asl.parse import parse
from steppe.asl.resources import CallCheck

MISSING_TRANSITION_TARGET = "MISSING_TRANSITION_TARGET"

_Transition: TypeAlias = tuple[str, Pointer]


def diagnose(text: str, *, express: bool = False, calls: CallCheck | None = None) -> list[Diagnostic]:
    """Every finding about a definition, warnings included, in the service's order.

    Args:
        text: of the definition.
        express: whether it is for an Express state machine.
        calls: knows what the AWS APIs take; None to leave the parameters of tasks alone.
    """
    machine, findings = parse(text, express=express, calls=calls)
    return findings if machine is None else [*findings, *validate(machine)]


def validate(machine: StateMachine) -> list[Diagnostic]:
    """The findings about a whole machine; those about its fields are `parse`'s."""
    every_flow = list(flows(machine))
    findings = [*_duplicates(every_flow), *_labels(every_flow)]
    for flow in every_flow:
        findings += _missing_targets(flow)
    if _has_end(machine):
        for flow in every_flow:
            findings += _unreachable(flow)
    else:
        findings.append(Diagnostic("ERROR", "MISSING_END_STATE", "Workflow has no terminal state"))
    return findings


def validate_inside(state: State) -> list[Diagnostic]:
    """As `validate`, for what is inside of one state; where the state itself leads to is not looked at."""
    every_flow = [inner for flow in flows_of(state) for inner in flows(flow)]
    findings = [*_duplicates(every_flow), *_labels(every_flow)]
    for check in (_missing_targets, _unreachable):
        for flow in every_flow:
            findings += check(flow)
    return findings


def flows(flow: Flow) -> Iterator[Flow]:
    """A flow and all flows inside it, in the order of the text."""
    yield flow
    for state in (flow.states or {}).values():
        for inner in flows_of(state):
            yield from flows(inner)


def flows_of(state: State) -> tuple[Flow, ...]:
    """The flows that a state holds: branches, or a Map's processor."""
    if isinstance(state, Parallel):
        return state.branches
    if isinstance(state, Map) and state.processor is not None:
        return (state.processor,)
    return ()


def transitions(state: State) -> Iterator[_Transition]:
    """Where a state can go, and where in the text that is said."""
    at = state.pointer
    if isinstance(state, Choice):
        for rule in state.choices:
            if rule.next is not None:
                yield rule.next, (*rule.pointer, "Next")
        if state.default is not None:
            yield state.default, (*at, "Default")
    if isinstance(state, Step) and state.next is not None:
        yield state.next, (*at, "Next")
    if isinstance(state, Fallible):
        for catcher in state.catch:
            if catcher.next is not None:
                yield catcher.next, (*catcher.pointer, "Next")


def _duplicates(every_flow: list[Flow]) -> Iterator[Diagnostic]:
    """State names are unique over the whole definition, Distributed Maps included."""
    seen: set[str] = set()
    for flow in every_flow:
        for name, state in (flow.states or {}).items():
            if name in seen:
                yield located("ERROR", "DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", state.pointer)
            seen.add(name)


def _labels(every_flow: list[Flow]) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for flow in every_flow:
        for state in (flow.states or {}).values():
            if isinstance(state, Map) and state.label is not None:
                if state.label in seen:
                    message = f"Duplicate Label name: {state.label}"
                    yield located("ERROR", "DUPLICATE_LABEL_NAME", message, (*state.pointer, "Label"))
                seen.add(state.label)


def _missing_targets(flow: Flow) -> Iterator[Diagnostic]:
    """Transitions, StartAt among them, that lead to no state of the flow. The text says 'Next' whatever the field."""
    if not flow.states:
        return
    targets = [(flow.start_at, (*flow.pointer, "StartAt"))] if flow.start_at is not None else []
    for target, pointer in [*targets, *(t for state in flow.states.values() for t in transitions(state))]:
        if target not in flow.states:
            yield located("ERROR", MISSING_TRANSITION_TARGET, f"Missing 'Next' target: {target}", pointer)


def _has_end(machine: StateMachine) -> bool:
    """Whether a state of the top level ends the execution. States that are wrong in themselves might."""
    states = (machine.states or {}).values()
    unknown = not states or any(state.type is None for state in states)
    return unknown or any(isinstance(state, Succeed | Fail) or _ends(state) for state in states)


def _ends(state: State) -> bool:
    # A state with neither Next nor End has been reported; it is not reported twice.
    return isinstance(state, Step) and (state.end is True or state.next is None)


def _unreachable(flow: Flow) -> Iterator[Diagnostic]:
    """States that no way from StartAt leads to. Without a StartAt nothing can be said."""
    states = flow.states or {}
    if flow.start_at is None:
        return
    reached: set[str] = set()
    waiting = [flow.start_at]
    while waiting:
        name = waiting.pop()
        if name in states and name not in reached:
            reached.add(name)
            waiting += [target for target, _ in transitions(states[name])]
    for name, state in states.items():
        if name not in reached:
            yield located("ERROR", MISSING_TRANSITION_TARGET, f'State "{name}" is not reachable.', state.pointer)
