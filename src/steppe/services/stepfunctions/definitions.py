"""Definitions at the API's border: text in, findings or a checked definition out. Compiling is `steppe.asl`'s."""

from __future__ import annotations

import asyncio

from steppe.asl.compile import compile_definition
from steppe.asl.program import MapState, Program
from steppe.asl.validate import diagnose
from steppe.base.errors import DefinitionError
from steppe.base.jsonvalue import JsonValue
from steppe.services.stepfunctions import refusals
from steppe.services.stepfunctions.ports import Parts
from steppe.stores.machines import MachineRecord
from steppe.wire.request import Request

DIAGNOSTICS_MAX = 100
"""API Reference, ValidateStateMachineDefinition, parameter `maxResults`: the default and the most; 0 means it too."""


async def validate_state_machine_definition(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """All findings about a definition. Warnings never make it fail, and are shown on demand only."""
    members = request.input
    express = members.get("type") == "EXPRESS"
    found = await asyncio.to_thread(diagnose, members["definition"], express=express)
    failed = any(diagnostic.severity == "ERROR" for diagnostic in found)
    if members.get("severity", "ERROR") == "ERROR":
        found = [diagnostic for diagnostic in found if diagnostic.severity == "ERROR"]
    most = members.get("maxResults") or DIAGNOSTICS_MAX
    return {
        "result": "FAIL" if failed else "OK",
        "diagnostics": [
            {
                "severity": diagnostic.severity,
                "code": diagnostic.code,
                "message": diagnostic.message,
                "location": diagnostic.location,
            }
            for diagnostic in found[:most]
        ],
        "truncated": len(found) > most,
    }


async def checked(text: str, *, machine_arn: str, express: bool) -> Program:
    """Compile a definition that is about to be kept.

    Raises:
        ApiError: InvalidDefinition, with all errors.
    """
    try:
        return await asyncio.to_thread(compile_definition, text, express=express, label_seed=machine_arn)
    except DefinitionError as error:
        raise refusals.definition(error.diagnostics) from None


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
