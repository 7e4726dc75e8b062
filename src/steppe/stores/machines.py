"""State machines: their current state, and every revision an execution may be pinned to.

A revision is what CreateStateMachine and UpdateStateMachine make: definition, role and configuration, never changed
afterwards. An execution names its revision's row, so it shows and runs what it was started with, also after the machine
has been updated or deleted. Versions and aliases are in `steppe.stores.versions`.

All functions take a connection and are used inside `Database.read` or `Database.write`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.stores.kept import forget_kept
from steppe.stores.prepared import Prepared
from steppe.stores.tables import executions, revisions, state_machines


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRecord:
    """A state machine in one of its revisions.

    Attributes:
        arn, name, type: of the machine; type is STANDARD or EXPRESS.
        status: ACTIVE; DELETING while the executions of a deleted machine end, and in a revision of one that is gone.
        created_ms: when the machine was created.
        revision: 1 for the first, then counting.
        revision_id: None for the first revision, then a UUID.
        tags: list of {"key": ..., "value": ...}, in the order they were set.
        definition: the text as it was given.
        role_arn: of the revision.
        configuration: members of the API by name: loggingConfiguration, tracingConfiguration, encryptionConfiguration.
        revision_row: the revision's row, which executions are pinned to.
        updated_ms: when the revision was made.
        version_arn, alias_arn: by which a start named the machine; None for a start by the machine's own ARN.
        test_case: of the mock configuration, by which a start named the machine; None for an ordinary start.
    """

    arn: str
    name: str
    type: str
    status: str
    created_ms: int
    revision: int
    revision_id: str | None
    definition: str
    role_arn: str
    configuration: dict[str, JsonValue]
    revision_row: int
    updated_ms: int
    tags: Sequence[dict[str, str]] = field(default_factory=list)
    version_arn: str | None = None
    alias_arn: str | None = None
    test_case: str | None = None


@dataclass(frozen=True, slots=True)
class MachineEntry:
    """What a listing shows of a machine."""

    arn: str
    name: str
    type: str
    created_ms: int


def insert_machine(
    c: sa.Connection,
    *,
    arn: str,
    name: str,
    type: str,
    definition: str,
    role_arn: str,
    configuration: dict[str, JsonValue],
    tags: Sequence[dict[str, str]],
    now_ms: int,
) -> MachineRecord:
    """Create a machine with its first revision. The caller has made sure in this transaction that `arn` is free."""
    row = _insert_revision(
        c,
        machine_arn=arn,
        name=name,
        type=type,
        machine_created_ms=now_ms,
        revision=1,
        revision_id=None,
        definition=definition,
        role_arn=role_arn,
        configuration=configuration,
        now_ms=now_ms,
    )
    c.execute(
        sa.insert(state_machines).values(
            arn=arn,
            name=name,
            type=type,
            status="ACTIVE",
            created_ms=now_ms,
            revision_row=row,
            versions_made=0,
            tags=jsonvalue.dumps(list(tags)),
        )
    )
    forget_kept(c)
    record = get_machine(c, arn)
    assert record is not None
    return record


def get_machine(c: sa.Connection, arn: str) -> MachineRecord | None:
    """The machine in its current revision; None when there is none."""
    row = _CURRENT.first(c, {"wanted": arn})
    return None if row is None else _record(row)


def get_revision(c: sa.Connection, revision_row: int) -> MachineRecord:
    """The machine as it was in one revision; tags and status are today's.

    Raises:
        LookupError: there is no such row. Rows are kept as long as executions name them.
    """
    row = _REVISION.first(c, {"wanted": revision_row})
    if row is None:
        raise LookupError(f"there is no revision row {revision_row}")
    return _record(row)


def update_machine(
    c: sa.Connection,
    machine: MachineRecord,
    *,
    definition: str,
    role_arn: str,
    configuration: dict[str, JsonValue],
    revision_id: str,
    now_ms: int,
) -> MachineRecord:
    """Make a new revision the current one. `machine` is what `get_machine` gave in this transaction."""
    row = _insert_revision(
        c,
        machine_arn=machine.arn,
        name=machine.name,
        type=machine.type,
        machine_created_ms=machine.created_ms,
        revision=machine.revision + 1,
        revision_id=revision_id,
        definition=definition,
        role_arn=role_arn,
        configuration=configuration,
        now_ms=now_ms,
    )
    c.execute(sa.update(state_machines).where(state_machines.c.arn == machine.arn).values(revision_row=row))
    forget_kept(c)
    record = get_machine(c, machine.arn)
    assert record is not None
    return record


def machine_count(c: sa.Connection) -> int:
    """How many machines there are."""
    return c.execute(sa.select(sa.func.count()).select_from(state_machines)).scalar() or 0


def list_machines(c: sa.Connection, *, after_name: str, limit: int) -> list[MachineEntry]:
    """Machines in order of their names, beginning after `after_name` ("" for the first)."""
    t = state_machines.c
    query = sa.select(t.arn, t.name, t.type, t.created_ms).where(t.name > after_name).order_by(t.name).limit(limit)
    return [MachineEntry(*row) for row in c.execute(query)]


def set_tags(c: sa.Connection, arn: str, tags: Sequence[dict[str, str]]) -> None:
    """Replace the tags of a machine."""
    c.execute(sa.update(state_machines).where(state_machines.c.arn == arn).values(tags=jsonvalue.dumps(list(tags))))
    forget_kept(c)


def mark_deleting(c: sa.Connection, arn: str) -> None:
    """The machine takes no starts any more; it goes when its executions have ended."""
    c.execute(sa.update(state_machines).where(state_machines.c.arn == arn).values(status="DELETING"))
    forget_kept(c)


def delete_machine(c: sa.Connection, arn: str) -> None:
    """Remove a machine, and the revisions that no execution is pinned to. Its executions stay.

    The current revision stays as well: a start that read the machine a moment ago may be about to pin it. Nothing
    happens when there is no such machine.
    """
    current = sa.select(state_machines.c.revision_row).where(state_machines.c.arn == arn).scalar_subquery()
    pinned = sa.exists().where(executions.c.machine_arn == arn, executions.c.revision_row == revisions.c.id)
    c.execute(sa.delete(revisions).where(revisions.c.machine_arn == arn, revisions.c.id < current, ~pinned))
    c.execute(sa.delete(state_machines).where(state_machines.c.arn == arn))
    forget_kept(c)


def deleting(c: sa.Connection, *, after_arn: str, limit: int) -> list[str]:
    """ARNs of machines whose deletion has begun, in order, beginning after `after_arn`."""
    t = state_machines.c
    query = sa.select(t.arn).where(t.status == "DELETING", t.arn > after_arn).order_by(t.arn).limit(limit)
    return list(c.execute(query).scalars())


_COLUMNS = (
    revisions.c.machine_arn,
    revisions.c.name,
    revisions.c.type,
    state_machines.c.status,
    revisions.c.machine_created_ms,
    revisions.c.revision,
    revisions.c.revision_id,
    revisions.c.definition,
    revisions.c.role_arn,
    revisions.c.configuration,
    revisions.c.id,
    revisions.c.created_ms,
    state_machines.c.tags,
)

# Built once: putting a statement together costs more than SQLite takes to carry it out.
_CURRENT = Prepared(
    sa.select(*_COLUMNS)
    .select_from(sa.join(state_machines, revisions, state_machines.c.revision_row == revisions.c.id))
    .where(state_machines.c.arn == sa.bindparam("wanted"))
)
_REVISION = Prepared(
    sa.select(*_COLUMNS)
    .select_from(sa.outerjoin(revisions, state_machines, state_machines.c.arn == revisions.c.machine_arn))
    .where(revisions.c.id == sa.bindparam("wanted"))
)


def _record(row: Sequence[JsonValue]) -> MachineRecord:
    """A row of `_COLUMNS`. What comes from the machine is None when the machine is gone."""
    arn, name, kind, status, created_ms, revision, revision_id, definition, role_arn, configuration, id_, ms, tags = row
    return MachineRecord(
        arn=arn,
        name=name,
        type=kind,
        status=status or "DELETING",
        created_ms=created_ms,
        revision=revision,
        revision_id=revision_id,
        definition=definition,
        role_arn=role_arn,
        configuration=jsonvalue.loads(configuration),
        revision_row=id_,
        updated_ms=ms,
        tags=jsonvalue.loads(tags) if tags else [],
    )


def _insert_revision(c: sa.Connection, *, configuration: dict[str, JsonValue], now_ms: int, **values: JsonValue) -> int:
    made = c.execute(
        sa.insert(revisions).values(configuration=jsonvalue.dumps(configuration), created_ms=now_ms, **values)
    )
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])
