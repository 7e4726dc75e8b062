"""From an ARN to the state machine that it names: the machine itself, a version, or an alias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa

from steppe.base import arns
from steppe.base.arns import StatesArn
from steppe.base.jsonvalue import JsonValue
from steppe.services.stepfunctions import refusals
from steppe.stores import machines, versions
from steppe.stores.database import Database
from steppe.stores.machines import MachineRecord
from steppe.stores.versions import VersionRecord


def unqualified(arn: str) -> StatesArn:
    """An ARN of a state machine itself.

    Raises:
        ApiError: InvalidArn, ValidationException for a label, StateMachineDoesNotExist for a version or alias.
    """
    parsed = qualified(arn)
    if parsed.name is not None:
        raise refusals.machine_missing(arn)
    return parsed


def qualified(arn: str) -> StatesArn:
    """An ARN of a state machine, a version or an alias.

    Raises:
        ApiError: InvalidArn, ValidationException for a label.
    """
    parsed = arns.expect(arn, "stateMachine")
    if parsed.label is not None:
        raise refusals.labeled(arn)
    return parsed


def machine_arn(parsed: StatesArn) -> str:
    """The ARN of the machine itself."""
    return parsed.realm.state_machine(parsed.machine_name)


def version_number(parsed: StatesArn) -> int | None:
    """The number of a version's ARN; None for an alias and for a machine. Aliases cannot be all digits."""
    name = parsed.name
    if name is None or not (name.isascii() and name.isdigit()) or name.startswith("0"):
        return None
    # A number beyond the store's integers is no version of ours.
    return int(name) if len(name) <= 9 else 0


def find_machine(c: sa.Connection, arn: str) -> MachineRecord:
    """A machine by its own ARN.

    Raises:
        ApiError: StateMachineDoesNotExist.
    """
    machine = machines.get_machine(c, arn)
    if machine is None:
        raise refusals.machine_missing(arn)
    return machine


def changeable(c: sa.Connection, arn: str) -> MachineRecord:
    """A machine that is not being deleted.

    Raises:
        ApiError: StateMachineDoesNotExist, StateMachineDeleting.
    """
    machine = find_machine(c, arn)
    if machine.status == "DELETING":
        raise refusals.machine_deleting(arn)
    return machine


def find_version(c: sa.Connection, parsed: StatesArn) -> VersionRecord | None:
    """The version that an ARN names, or None."""
    number = version_number(parsed)
    return None if number is None else versions.get_version(c, machine_arn(parsed), number)


def look_to_start(database: Database, arn: str, draw: Callable[[int], int]) -> MachineRecord:
    """As `to_start`, out of memory when the machine has not changed since the last start by its own ARN."""
    known: MachineRecord | None = database.kept.get(arn)
    if known is not None:
        return known
    generation = database.kept.generation
    machine = database.look(lambda c: to_start(c, arn, draw))
    if machine.arn == arn:
        database.kept.put(arn, machine, generation)
    return machine


def to_start(c: sa.Connection, arn: str, draw: Callable[[int], int]) -> MachineRecord:
    """The revision that a start by this ARN runs, with `version_arn`, `alias_arn` and `test_case` as it goes.

    `draw` gives a random number below its argument, which decides between the versions of an alias.

    `<ARN>#<test case>` is how AWS Step Functions Local starts an execution with mocked integrations.

    Raises:
        ApiError: StateMachineDoesNotExist, StateMachineDeleting.
    """
    arn, _, test_case = arn.partition("#")
    parsed = qualified(arn)
    machine = machines.get_machine(c, machine_arn(parsed))
    if machine is None:
        raise refusals.machine_missing(arn)
    if machine.status == "DELETING":
        raise refusals.machine_deleting(arn)
    if parsed.name is None:
        return replace(machine, test_case=test_case) if test_case else machine
    version, alias_arn = find_version(c, parsed), None
    alias = None if version is not None else versions.get_alias(c, arn)
    if alias is not None:
        alias_arn = alias.arn
        routed = arns.parse(_routed(alias.routing, draw(100)))
        version = find_version(c, routed)
    if version is None:
        raise refusals.machine_missing(arn)
    revision = machines.get_revision(c, version.revision_row)
    return replace(revision, version_arn=version.arn, alias_arn=alias_arn, test_case=test_case or None)


def _routed(routing: list[dict[str, JsonValue]], number: int) -> str:
    """The version that a number below 100 leads to; the weights add up to 100."""
    for entry in routing:
        if number < entry["weight"]:
            return str(entry["stateMachineVersionArn"])
        number -= entry["weight"]
    return str(routing[-1]["stateMachineVersionArn"])
