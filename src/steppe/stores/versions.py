"""Versions and aliases of state machines.

A version is a number for a revision; the numbers of one machine count up and are not used twice. An alias is a name
with one or two versions and their weights. All functions take a connection and are used inside `Database.read` or
`Database.write`.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.stores.machines import MachineRecord
from steppe.stores.tables import aliases, state_machines, versions


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A published version; `revision_row` is the revision it stands for."""

    machine_arn: str
    number: int
    revision_row: int
    description: str | None
    created_ms: int

    @property
    def arn(self) -> str:
        """`<machine>:<number>`."""
        return f"{self.machine_arn}:{self.number}"


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """An alias; `routing` is a list of {"stateMachineVersionArn", "weight"}; `id` gives the order of creation."""

    id: int
    arn: str
    machine_arn: str
    name: str
    description: str | None
    routing: list[dict[str, JsonValue]]
    created_ms: int
    updated_ms: int


def publish(c: sa.Connection, machine: MachineRecord, *, description: str | None, now_ms: int) -> VersionRecord:
    """The version of the machine's current revision, made if the newest version stands for another one.

    `machine` is what `machines.get_machine` gave in this transaction.
    """
    newest = list_versions(c, machine.arn, below=None, limit=1)
    if newest and newest[0].revision_row == machine.revision_row:
        return newest[0]
    t = state_machines.c
    number = c.execute(sa.select(t.versions_made).where(t.arn == machine.arn)).scalar_one() + 1
    c.execute(sa.update(state_machines).where(t.arn == machine.arn).values(versions_made=number))
    made = VersionRecord(machine.arn, number, machine.revision_row, description, now_ms)
    c.execute(
        sa.insert(versions).values(
            machine_arn=made.machine_arn,
            number=made.number,
            revision_row=made.revision_row,
            description=made.description,
            created_ms=made.created_ms,
        )
    )
    return made


def versions_made(c: sa.Connection, machine_arn: str) -> int:
    """How many versions the machine ever had: the number of the newest one."""
    t = state_machines.c
    return c.execute(sa.select(t.versions_made).where(t.arn == machine_arn)).scalar() or 0


def version_count(c: sa.Connection, machine_arn: str) -> int:
    """How many versions the machine has."""
    query = sa.select(sa.func.count()).select_from(versions).where(versions.c.machine_arn == machine_arn)
    return int(c.execute(query).scalar_one())


def get_version(c: sa.Connection, machine_arn: str, number: int) -> VersionRecord | None:
    """One version, or None."""
    query = sa.select(versions).where(versions.c.machine_arn == machine_arn, versions.c.number == number)
    row = c.execute(query).first()
    return None if row is None else VersionRecord(*row)


def list_versions(c: sa.Connection, machine_arn: str, *, below: int | None, limit: int) -> list[VersionRecord]:
    """Versions of a machine, newest first, beginning below a number (None: with the newest)."""
    query = sa.select(versions).where(versions.c.machine_arn == machine_arn)
    if below is not None:
        query = query.where(versions.c.number < below)
    return [VersionRecord(*row) for row in c.execute(query.order_by(versions.c.number.desc()).limit(limit))]


def delete_version(c: sa.Connection, machine_arn: str, number: int) -> None:
    """Remove a version, if it is there. Its revision stays: executions may be pinned to it."""
    c.execute(sa.delete(versions).where(versions.c.machine_arn == machine_arn, versions.c.number == number))


def insert_alias(
    c: sa.Connection,
    *,
    arn: str,
    machine_arn: str,
    name: str,
    description: str | None,
    routing: list[dict[str, JsonValue]],
    now_ms: int,
) -> AliasRecord:
    """Keep a new alias. The caller has made sure in this transaction that `arn` is free."""
    c.execute(
        sa.insert(aliases).values(
            arn=arn,
            machine_arn=machine_arn,
            name=name,
            description=description,
            routing=jsonvalue.dumps(routing),
            created_ms=now_ms,
            updated_ms=now_ms,
        )
    )
    made = get_alias(c, arn)
    assert made is not None
    return made


def update_alias(
    c: sa.Connection, arn: str, *, description: str | None, routing: list[dict[str, JsonValue]], now_ms: int
) -> None:
    """Give an alias another description and routing."""
    values = {"description": description, "routing": jsonvalue.dumps(routing), "updated_ms": now_ms}
    c.execute(sa.update(aliases).where(aliases.c.arn == arn).values(values))


def get_alias(c: sa.Connection, arn: str) -> AliasRecord | None:
    """One alias, or None."""
    row = c.execute(sa.select(aliases).where(aliases.c.arn == arn)).first()
    return None if row is None else _alias(tuple(row))


def list_aliases(c: sa.Connection, machine_arn: str, *, after_id: int, limit: int) -> list[AliasRecord]:
    """Aliases of a machine in the order of their creation, beginning after row `after_id`."""
    query = sa.select(aliases).where(aliases.c.machine_arn == machine_arn, aliases.c.id > after_id)
    return [_alias(tuple(row)) for row in c.execute(query.order_by(aliases.c.id).limit(limit))]


def alias_count(c: sa.Connection, machine_arn: str) -> int:
    """How many aliases the machine has."""
    query = sa.select(sa.func.count()).select_from(aliases).where(aliases.c.machine_arn == machine_arn)
    return int(c.execute(query).scalar_one())


def delete_alias(c: sa.Connection, arn: str) -> None:
    """Remove an alias, if it is there."""
    c.execute(sa.delete(aliases).where(aliases.c.arn == arn))


def delete_all(c: sa.Connection, machine_arn: str) -> None:
    """Remove all versions and aliases of a machine that is deleted."""
    c.execute(sa.delete(aliases).where(aliases.c.machine_arn == machine_arn))
    c.execute(sa.delete(versions).where(versions.c.machine_arn == machine_arn))


def _alias(row: tuple[JsonValue, ...]) -> AliasRecord:
    id_, arn, machine_arn, name, description, routing, created_ms, updated_ms = row
    return AliasRecord(id_, arn, machine_arn, name, description, jsonvalue.loads(routing), created_ms, updated_ms)
