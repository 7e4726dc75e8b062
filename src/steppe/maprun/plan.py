"""The plan of a Map Run: all that coordinator and workers have to know, and that does not change while it runs.

It is written once, to the internal bucket, before the run begins, and read once by every worker that takes part. A
worker keeps what it made of it (`CompiledPlan`) for the shards to come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from steppe.asl.compile import compile_definition
from steppe.asl.program import MapState, Program
from steppe.base import arns, jsonvalue
from steppe.base.errors import InternalError
from steppe.expr.template import Template
from steppe.interp.command import StartMapRun
from steppe.interp.straight import Straight
from steppe.maprun.batcher import BatchRule


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """A Map Run's plan.

    Attributes:
        execution_arn: whose Map state it is.
        machine_name, role_arn, definition, express: of the state machine, as the execution was started with it.
        command: the interpreter's wish.
    """

    execution_arn: str
    machine_name: str
    role_arn: str
    definition: str
    express: bool
    command: StartMapRun

    def dump(self) -> bytes:
        """As JSON."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["command"] = {field.name: getattr(self.command, field.name) for field in fields(self.command)}
        return jsonvalue.dumpb(plain)

    @property
    def map_run_arn(self) -> str:
        """The run's ARN."""
        return self.command.map_run_arn

    @property
    def label(self) -> str:
        """The Map state's label, given or generated."""
        return arns.parse(self.map_run_arn).label or ""

    @property
    def child_machine_arn(self) -> str:
        """What is shown as the children's state machine."""
        return arns.parse(self.map_run_arn).realm.state_machine(f"{self.machine_name}/{self.label}")

    @property
    def children_batch_items(self) -> int:
        """Items of a full batch where that is known before they are read; else 1."""
        if not self.command.batched or self.command.max_input_bytes_per_batch is not None:
            return 1
        return self.command.max_items_per_batch or 1


def load_plan(body: bytes) -> RunPlan:
    """From what `RunPlan.dump` gave."""
    plain = jsonvalue.loads(body)
    return RunPlan(**{**plain, "command": StartMapRun(**plain["command"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPlan:
    """What a worker makes of a plan.

    Attributes:
        plan: itself.
        program: the children's.
        straight: the short cut for those of them that neither wait nor fail.
        item_selector: None when there is none.
        batch_rule: None without ItemBatcher.
        express: Express children.
        jsonata: the Map state's query language is JSONata.
        child_arn_prefix: the children's ARN up to their name.
        child_machine_arn: their state machine.
    """

    plan: RunPlan
    program: Program
    straight: Straight
    item_selector: Template | None
    batch_rule: BatchRule | None
    express: bool
    jsonata: bool
    child_arn_prefix: str
    child_machine_arn: str


def compile_plan(plan: RunPlan) -> CompiledPlan:
    """Compile the definition and find the Map state in it."""
    program = compile_definition(plan.definition, express=plan.express)
    state = find_map(program, plan.command.state_name)
    if state is None or state.processor is None:
        raise InternalError(f"no Distributed Map {plan.command.state_name!r}", story=f"plan of {plan.map_run_arn}")
    command = plan.command
    express = state.execution_type == "EXPRESS"
    realm = arns.parse(plan.map_run_arn).realm
    place = f"{plan.machine_name}/{plan.label}"
    rule = BatchRule(
        items_max=command.max_items_per_batch,
        size_bytes_max=command.max_input_bytes_per_batch,
        batch_input=command.batch_input,
    )
    return CompiledPlan(
        plan=plan,
        program=state.processor,
        straight=Straight(state.processor, plan.role_arn),
        item_selector=state.item_selector,
        batch_rule=rule if command.batched else None,
        express=express,
        jsonata=state.language == "JSONata",
        child_arn_prefix=realm.express(place, "", "")[:-1] if express else realm.execution(place, ""),
        child_machine_arn=realm.state_machine(place),
    )


def find_map(program: Program, state_name: str) -> MapState | None:
    """The Distributed Map of that name, wherever it stands: names are unique over a whole definition."""
    return next((state for state in _maps(program) if state.name == state_name), None)


def _maps(program: Program) -> Iterator[MapState]:
    for state in program.states.values():
        if isinstance(state, MapState) and state.distributed:
            yield state
            if state.processor is not None:
                yield from _maps(state.processor)
