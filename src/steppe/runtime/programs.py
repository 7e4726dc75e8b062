"""Compiled definitions that executions share, each with the machine it was compiled of."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from steppe.asl.compile import compile_definition
from steppe.asl.program import Program, TaskState
from steppe.runtime.tokens import is_activity
from steppe.stores.activities import get_activity
from steppe.stores.database import Database
from steppe.stores.machines import MachineRecord

_PROGRAMS_MAX = 256
"""Compiled definitions kept: a definition of ordinary size is tens of kilobytes compiled."""


class Programs:
    """The programs in use, the longest unused forgotten first."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._programs: OrderedDict[int, Program] = OrderedDict()
        # The machine of each program: thousands of executions share one text of their definition.
        self._machines: dict[int, MachineRecord] = {}
        self._activity_arns: dict[str, frozenset[str]] = {}

    def machine(self, revision_row: int) -> MachineRecord | None:
        """The machine of a program that is kept, or None."""
        return self._machines.get(revision_row)

    def program(self, machine: MachineRecord) -> Program:
        """The compiled definition of a revision.

        Raises:
            DefinitionError: never for what CreateStateMachine accepted with this version of steppe.
        """
        known = self._programs.get(machine.revision_row)
        if known is None:
            known = compile_definition(machine.definition, express=machine.type == "EXPRESS", label_seed=machine.arn)
            self._programs[machine.revision_row] = known
            self._machines[machine.revision_row] = machine
            if len(self._programs) > _PROGRAMS_MAX:
                forgotten, _ = self._programs.popitem(last=False)
                del self._machines[forgotten]
        else:
            self._programs.move_to_end(machine.revision_row)
        return known

    def as_it_is_now(self, program: Program) -> Program:
        """A program that knows which of its activities do not exist."""
        named = self._activity_arns.get(program.digest)
        if named is None:
            resources = (state.resource for state in program.states.values() if isinstance(state, TaskState))
            named = self._activity_arns[program.digest] = frozenset(filter(is_activity, resources))
            if len(self._activity_arns) > _PROGRAMS_MAX:
                del self._activity_arns[next(iter(self._activity_arns))]
        if not named:
            return program
        missing = self._database.look(lambda c: frozenset(arn for arn in named if get_activity(c, arn) is None))
        return replace(program, missing_activities=missing) if missing else program
