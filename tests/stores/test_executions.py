"""Executions in the database: found, listed newest first, their history read in pages."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from steppe.stores import executions
from steppe.stores.database import Database
from steppe.stores.executions import ExecutionExistsError, ExecutionRecord

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:m"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "steppe.db")
    yield opened
    opened.close()


def record(name: str, *, started_ms: int = 1, **more) -> ExecutionRecord:
    arn = f"arn:aws:states:us-east-1:000000000000:execution:m:{name}"
    values = {"machine_arn": MACHINE, "revision_row": 1, "input": "{}"} | more
    return ExecutionRecord(arn=arn, name=name, started_ms=started_ms, **values)


def insert(database: Database, *records: ExecutionRecord) -> list[int]:
    return database.write_now(lambda c: [executions.insert_execution(c, each) for each in records])


def save(database: Database, execution_id: int, events: list, status: str = "RUNNING") -> None:
    database.write_now(
        lambda c: executions.save_progress(
            c,
            execution_id=execution_id,
            snapshot=b"s" if status == "RUNNING" else None,
            status=status,
            stopped_ms=None if status == "RUNNING" else 9,
            output=None,
            error=None,
            cause=None,
            events=events,
        )
    )


def test_what_was_inserted_is_found(database: Database) -> None:
    kept = record("a", snapshot=b"\x00\x01", trace_header="Root=1", version_arn="v", alias_arn="l", input='{"a": 1}')
    (row,) = insert(database, kept)
    found = database.read_now(lambda c: executions.find_execution(c, kept.arn))
    assert found == record(
        "a", id=row, snapshot=b"\x00\x01", trace_header="Root=1", version_arn="v", alias_arn="l", input='{"a": 1}'
    )
    light = database.read_now(lambda c: executions.find_execution(c, kept.arn, with_snapshot=False))
    assert light is not None
    assert light.snapshot == b""
    assert light.trace_header == "Root=1"


def test_an_arn_is_taken_once_and_others_in_the_same_commit_are_kept(database: Database) -> None:
    insert(database, record("a"))
    futures = [
        database.submit(lambda c, name=name: executions.insert_execution(c, record(name))) for name in ("b", "a", "d")
    ]
    assert isinstance(futures[1].exception(), ExecutionExistsError)
    assert futures[0].result() != futures[2].result()
    assert database.read_now(lambda c: executions.find_execution(c, record("d").arn)) is not None


def test_running_executions_come_with_their_snapshots_in_pages(database: Database) -> None:
    rows = insert(database, *(record(f"e{i}", snapshot=b"s") for i in range(7)))
    save(database, rows[3], [], status="SUCCEEDED")
    first = database.read_now(lambda c: executions.running(c, limit=4))
    second = database.read_now(lambda c: executions.running(c, after_id=first[-1].id, limit=4))
    assert [each.name for each in first + second] == ["e0", "e1", "e2", "e4", "e5", "e6"]
    assert all(each.snapshot == b"s" for each in first)


def test_the_search_for_running_executions_uses_the_partial_index(database: Database) -> None:
    statements: list[str] = []
    engine = database._engine
    sa.event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    database.read_now(lambda c: executions.running(c, after_id=5, limit=10))
    plan = database.read_now(lambda c: c.exec_driver_sql("EXPLAIN QUERY PLAN " + statements[-1], (5, 10, 0)).all())
    assert "executions_running" in str(plan)


@pytest.mark.parametrize("status", [None, "FAILED"])
def test_listing_is_newest_first_without_gap_or_repeat_over_pages(database: Database, status: str | None) -> None:
    # Many share a time stamp: the row decides then.
    records = [record(f"e{i:03d}", started_ms=i // 7, status=("RUNNING", "FAILED")[i % 2]) for i in range(100)]
    insert(database, *records, record("other", machine_arn="another"))
    names, cursor = [], None
    while True:
        page = database.read_now(
            lambda c, cursor=cursor: executions.list_executions(
                c, machine_arn=MACHINE, status=status, limit=9, cursor=cursor
            )
        )
        names += [entry.name for entry in page]
        if len(page) < 9:
            break
        cursor = (page[-1].started_ms, page[-1].id)
    assert names == [each.name for each in reversed(records) if status in (None, each.status)]


def test_listing_by_version_and_alias(database: Database) -> None:
    insert(database, record("a", version_arn="v"), record("b", version_arn="v", alias_arn="l"), record("c"))
    by_version = database.read_now(lambda c: executions.list_executions(c, version_arn="v", limit=5))
    by_alias = database.read_now(lambda c: executions.list_executions(c, alias_arn="l", limit=5))
    assert [entry.name for entry in by_version] == ["b", "a"]
    assert [entry.name for entry in by_alias] == ["b"]


def events(first: int, count: int) -> list:
    return [{"id": i, "previousEventId": i - 1, "type": "T", "timestamp": i} for i in range(first, first + count)]


@pytest.mark.parametrize("sizes", [[0], [1], [256], [257], [5, 1, 700, 1, 1, 30], [1] * 40, [2000]])
@pytest.mark.parametrize("limit", [1, 3, 100, 256, 1000])
def test_history_pages_cover_every_event_once_in_both_directions(
    database: Database, sizes: list[int], limit: int
) -> None:
    if limit == 1 and sum(sizes) > 300:
        limit = 7
    (row, other) = insert(database, record("a"), record("b"))
    save(database, other, events(1, 10))
    total = 0
    for size in sizes:
        save(database, row, events(total + 1, size))
        total += size
    for reverse in (False, True):
        ids: list[int] = []
        after = None
        while True:
            page, after = database.read_now(
                lambda c, after=after, reverse=reverse: executions.read_history(
                    c, row, reverse=reverse, after=after, limit=limit
                )
            )
            ids += [event["id"] for event in page]
            assert len(page) == limit or after is None
            if after is None:
                break
        expected = list(range(1, total + 1))
        assert ids == (expected[::-1] if reverse else expected)


def test_a_page_reads_only_the_rows_it_needs(database: Database) -> None:
    (row,) = insert(database, record("a"))
    save(database, row, events(1, 25_000))
    reads: list[str] = []
    sa.event.listen(database._engine, "before_cursor_execute", lambda *args: reads.append(args[2]))
    for reverse in (False, True):
        for after in (None, random.Random(5).randrange(2_000, 20_000)):
            reads.clear()
            database.read_now(
                lambda c, after=after, reverse=reverse: executions.read_history(
                    c, row, reverse=reverse, after=after, limit=100
                )
            )
            assert sum("history.body" in statement for statement in reads) <= 2
