"""State machines in the database, and the revisions that executions are pinned to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from steppe.stores import executions, machines
from steppe.stores.database import Database
from steppe.stores.machines import MachineRecord


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "steppe.db")
    yield opened
    opened.close()


def create(database: Database, name: str) -> MachineRecord:
    return database.write_now(
        lambda c: machines.insert_machine(
            c,
            arn=f"arn:{name}",
            name=name,
            type="STANDARD",
            definition="{}",
            role_arn="role",
            configuration={"tracingConfiguration": {"enabled": True}},
            tags=[{"key": "a", "value": ""}],
            now_ms=5,
        )
    )


def update(database: Database, arn: str, definition: str, now_ms: int) -> MachineRecord:
    def work(c):
        machine = machines.get_machine(c, arn)
        assert machine is not None
        return machines.update_machine(
            c,
            machine,
            definition=definition,
            role_arn="role2",
            configuration={},
            revision_id=f"r{now_ms}",
            now_ms=now_ms,
        )

    return database.write_now(work)


def test_a_created_machine_is_found_as_it_was_given(database: Database) -> None:
    made = create(database, "m")
    assert made == database.read_now(lambda c: machines.get_machine(c, "arn:m"))
    assert (made.revision, made.revision_id, made.created_ms, made.updated_ms) == (1, None, 5, 5)
    assert made.configuration == {"tracingConfiguration": {"enabled": True}}
    assert made.tags == [{"key": "a", "value": ""}]
    assert database.read_now(lambda c: machines.get_machine(c, "arn:other")) is None


def test_an_old_revision_stays_as_it_was_after_an_update(database: Database) -> None:
    first = create(database, "m")
    second = update(database, "arn:m", '{"x":1}', 8)
    assert (second.revision, second.revision_id, second.created_ms, second.updated_ms) == (2, "r8", 5, 8)
    assert database.read_now(lambda c: machines.get_revision(c, first.revision_row)) == first
    assert database.read_now(lambda c: machines.get_machine(c, "arn:m")) == second


def test_deletion_keeps_the_revisions_that_executions_are_pinned_to(database: Database) -> None:
    first = create(database, "m")
    record = executions.new_record(first, arn="e", name="e", started_ms=6, input_text="{}")
    database.write_now(lambda c: executions.insert_execution(c, record))
    second = update(database, "arn:m", '{"x":1}', 8)
    third = update(database, "arn:m", '{"x":2}', 9)
    database.write_now(lambda c: machines.delete_machine(c, "arn:m"))
    database.write_now(lambda c: machines.delete_machine(c, "arn:m"))
    kept = database.read_now(lambda c: machines.get_revision(c, first.revision_row))
    assert (kept.name, kept.definition, kept.status) == ("m", "{}", "DELETING")
    with pytest.raises(LookupError):
        database.read_now(lambda c: machines.get_revision(c, second.revision_row))
    assert create(database, "m").revision_row > third.revision_row


def test_machines_are_listed_in_name_order_by_pages(database: Database) -> None:
    for name in ("b", "a", "C", "d"):
        create(database, name)
    first = database.read_now(lambda c: machines.list_machines(c, after_name="", limit=3))
    second = database.read_now(lambda c: machines.list_machines(c, after_name=first[-1].name, limit=3))
    assert [entry.name for entry in first + second] == ["C", "a", "b", "d"]


def test_machines_being_deleted_are_known(database: Database) -> None:
    create(database, "a")
    create(database, "b")
    database.write_now(lambda c: machines.mark_deleting(c, "arn:b"))
    assert database.read_now(lambda c: machines.deleting(c, after_arn="", limit=10)) == ["arn:b"]
    machine = database.read_now(lambda c: machines.get_machine(c, "arn:b"))
    assert machine is not None
    assert machine.status == "DELETING"
