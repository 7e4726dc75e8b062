"""Machines in memory: never older than the last change that was told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from steppe.base.errors import ApiError
from steppe.services.stepfunctions.references import look_to_start
from steppe.stores import kept, machines
from steppe.stores.database import Database
from steppe.stores.machines import MachineRecord

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:m"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "steppe.db")
    yield opened
    opened.close()


def create(c: sa.Connection, arn: str = ARN) -> MachineRecord:
    return machines.insert_machine(
        c,
        arn=arn,
        name=arn.rpartition(":")[2],
        type="STANDARD",
        definition="1",
        role_arn="r",
        configuration={},
        tags=[],
        now_ms=1,
    )


def update(c: sa.Connection, definition: str) -> None:
    machine = machines.get_machine(c, ARN)
    assert machine is not None
    machines.update_machine(
        c, machine, definition=definition, role_arn="r", configuration={}, revision_id=definition, now_ms=2
    )


def start(database: Database) -> MachineRecord:
    return look_to_start(database, ARN, lambda below: 0)


async def test_a_machine_is_read_once(database: Database) -> None:
    await database.write(create)
    assert start(database) is start(database)


@pytest.mark.parametrize("small", [True, False])
async def test_each_start_sees_the_last_update(database: Database, small: bool) -> None:
    await database.write(create)
    write: Callable[..., object] = database.write_small if small else database.write
    for number in range(10):
        assert start(database)
        await write(partial(update, definition=str(number)))  # type: ignore[misc]
        assert start(database).definition == str(number)


async def test_updates_that_were_told_are_seen_while_others_are_made(database: Database) -> None:
    await database.write(create)
    told = 0

    async def updates() -> None:
        nonlocal told
        for number in range(2, 60):
            await database.write(partial(update, definition=str(number)))
            told = number

    changing = asyncio.create_task(updates())
    while not changing.done():
        at_least = told
        assert int(start(database).definition) >= at_least
        await asyncio.sleep(0)
    assert start(database).definition == "59"


async def test_tags_and_deletion_are_seen(database: Database) -> None:
    await database.write(create)
    assert start(database).tags == []
    await database.write(partial(machines.set_tags, arn=ARN, tags=[{"key": "a", "value": "b"}]))
    assert start(database).tags == [{"key": "a", "value": "b"}]
    await database.write(partial(machines.mark_deleting, arn=ARN))
    with pytest.raises(ApiError, match="being deleted"):
        start(database)
    await database.write(partial(machines.delete_machine, arn=ARN))
    with pytest.raises(ApiError, match="Does Not Exist"):
        start(database)
    await database.write(create)
    assert start(database).definition == "1"


async def test_few_are_kept(database: Database) -> None:
    for number in range(kept.KEPT_MAX + 5):
        database.kept.put(str(number), number, database.kept.generation)
    assert sum(database.kept.get(str(number)) is not None for number in range(kept.KEPT_MAX + 5)) <= kept.KEPT_MAX


async def test_what_was_read_before_a_change_is_not_kept_after_it(database: Database) -> None:
    await database.write(create)
    before = database.kept.generation
    old = database.look(lambda c: machines.get_machine(c, ARN))
    await database.write(partial(update, definition="2"))
    database.kept.put(ARN, old, before)
    assert start(database).definition == "2"
