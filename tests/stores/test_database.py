"""Who commits when: the writing thread, and the event loop for a few small rows."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from steppe.base.errors import InternalError
from steppe.stores import database as under_test
from steppe.stores.database import Database
from steppe.stores.tables import server_secrets as rows


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "steppe.db")
    yield opened
    opened.close()


def insert(name: str) -> Callable[[sa.Connection], str]:
    """A piece of work: a row, and the name of the thread that inserts it."""

    def work(c: sa.Connection) -> str:
        c.execute(sa.insert(rows).values(name=name, value=b""))
        return threading.current_thread().name

    return work


def names(c: sa.Connection) -> list[str]:
    return list(c.execute(sa.select(rows.c.name).order_by(rows.c.name)).scalars())


def outside(path: Path) -> list[str]:
    """What another process would see: only what is committed."""
    with sqlite3.connect(path) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM server_secrets ORDER BY name")]


async def test_small_writes_are_committed_in_this_thread_when_they_return(database: Database, tmp_path: Path) -> None:
    assert await database.write_small(insert("a")) == threading.current_thread().name
    assert outside(tmp_path / "steppe.db") == ["a"]
    assert database.look(names) == await database.read(names) == ["a"]


async def test_small_writes_of_one_round_are_one_transaction(database: Database) -> None:
    commits: list[int] = []
    sa.event.listen(database._engine, "commit", lambda _: commits.append(1))
    await asyncio.gather(*(database.write_small(insert(f"{number:03}")) for number in range(100)))
    assert len(commits) == 1
    assert len(database.look(names)) == 100


async def test_a_small_write_that_fails_takes_nobody_down_with_it(database: Database) -> None:
    await database.write(insert("taken"))
    outcomes = await asyncio.gather(
        *(database.write_small(insert(name)) for name in ("a", "taken", "b")), return_exceptions=True
    )
    assert isinstance(outcomes[1], sa.exc.IntegrityError)
    assert database.look(names) == ["a", "b", "taken"]


async def test_a_small_write_does_not_wait_in_the_loop_for_the_writing_thread(database: Database) -> None:
    held, going = threading.Event(), threading.Event()

    def hold(c: sa.Connection) -> None:
        going.set()
        assert held.wait(10)

    slow = asyncio.create_task(database.write(hold))
    await asyncio.to_thread(going.wait, 10)
    small = asyncio.create_task(database.write_small(insert("a")))
    await asyncio.sleep(0.01)  # the loop goes on
    assert not small.done()
    held.set()
    assert await small == "store-write"
    await slow


async def test_the_writing_thread_gets_its_turn_among_small_writes_without_a_pause(database: Database) -> None:
    ended = False

    async def on_and_on(who: int) -> None:
        number = 0
        while not ended:
            await database.write_small(insert(f"{who} {number}"))
            number += 1

    busy = [asyncio.create_task(on_and_on(who)) for who in range(4)]
    began = time.monotonic()
    for number in range(20):
        await database.write(insert(f"large {number}"))
    assert time.monotonic() - began < 10
    ended = True
    await asyncio.gather(*busy)


async def test_small_writes_do_not_let_the_log_grow(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "_CHECKPOINT_PIECES", 10)
    monkeypatch.setattr(under_test, "_UNCHECKED_PIECES_MAX", 20)
    value = b"x" * 20_000
    for number in range(500):
        await database.write_small(
            lambda c, number=number: c.execute(sa.insert(rows).values(name=str(number), value=value))
        )
    # What the writing thread commits itself is in the log for 1,000 pages of 4 KiB, SQLite's own rule.
    assert (tmp_path / "steppe.db-wal").stat().st_size < 6_000_000
    assert len(database.look(names)) == 500


async def test_a_small_write_to_a_closed_database_is_refused(tmp_path: Path) -> None:
    database = Database(tmp_path / "steppe.db")
    database.close()
    with pytest.raises(InternalError, match="closed"):
        await database.write_small(insert("a"))


async def test_a_small_write_that_nobody_waits_for_any_more_is_kept(database: Database) -> None:
    task = asyncio.create_task(database.write_small(insert("a")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.write(insert("b"))
    assert database.look(names) == ["a", "b"]
