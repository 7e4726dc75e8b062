"""Definitions at the API's border: text in, findings or a checked definition out. Compiling is `steppe.asl`'s."""

from __future__ import annotations

import asyncio

from steppe.asl.compile import compile_definition
from steppe.asl.diagnostics import Diagnostic
from steppe.asl.program import MapState, Program
from steppe.asl.validate import diagnose
from steppe.base.errors import DefinitionError
from steppe.base.jsonvalue import JsonValue
from steppe.integrations.parameters import ModelledCalls
from steppe.services.stepfunctions import refusals
from steppe.services.stepfunctions.ports import Parts
from steppe.stores.machines import MachineRecord
from steppe.wire.request import Request

DIAGNOSTICS_MAX = 100
"""API Reference, ValidateStateMachineDefinition, parameter `maxResults`: the default and the most; 0 means it too."""

CALLS = ModelledCalls()
"""What a new definition's tasks are held against."""


async def validate_state_machine_definition(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """All findings about a definition. Warnings never make it fail, and are shown on demand only."""
    members = request.input
    express = members.get("type") == "EXPRESS"
    found = await asyncio.to_thread(diagnose, members["definition"], express=express, calls=CALLS)
    failed = any(diagnostic.severity == "ERROR" for diagnostic in found)
    if members.get("severity", "ERROR") == "ERROR":
        found = [diagnostic for diagnostic in found if diagnostic.severity == "ERROR"]
    most = members.get("maxResults") or DIAGNOSTICS_MAX
    return {
        "result": "FAIL" if failed else "OK",
        "diagnostics": [_shown(diagnostic) for diagnostic in found[:most]],
        "truncated": len(found) > most,
    }


def _shown(diagnostic: Diagnostic) -> dict[str, JsonValue]:
    """A finding as the API shows it; one about the whole definition has no location."""
    members: dict[str, JsonValue] = {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
    }
    return members if diagnostic.location is None else {**members, "location": diagnostic.location}


async def checked(text: str, *, machine_arn: str, express: bool) -> Program:
    """Compile a definition that is about to be kept.

    Raises:
        ApiError: InvalidDefinition, with the errors (no more than ValidateStateMachineDefinition would show).
    """
    try:
        return await asyncio.to_thread(compile_definition, text, express=express, label_seed=machine_arn, calls=CALLS)
    except DefinitionError as error:
        raise refusals.definition(error.diagnostics[:DIAGNOSTICS_MAX]) from None


async def distributed_map(machine: MachineRecord, label: str) -> MapState | None:
    """The Distributed Map state with this label, at any depth of a kept definition; None when there is none."""
    express = machine.type == "EXPRESS"
    program = await asyncio.to_thread(compile_definition, machine.definition, express=express, label_seed=machine.arn)
    return _map_state(program, label)


def _map_state(program: Program, label: str) -> MapState | None:
    programs = [program]
    while programs:
        for state in programs.pop().states.values():
            if isinstance(state, MapState) and state.distributed:
                if state.label == label:
                    return state
                assert state.processor is not None
                programs.append(state.processor)
    return None
