"""What was kept long enough goes, with all that belongs to it; what dead attempts left goes when a run has ended."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa
from harness import EXECUTION, KEY, REALM, Harness, command, machine, now_ms, task

from steppe.interp.stimulus import MapRunSucceeded
from steppe.maprun.child_names import ChildNames, text
from steppe.maprun.retention import Retention
from steppe.maprun.sources import INTERNAL_BUCKET
from steppe.stores import executions, map_runs, task_tokens
from steppe.stores.tables import executions as executions_table
from steppe.stores.tables import history, shards
from steppe.stores.tables import map_runs as runs_table
from steppe.stores.tables import task_tokens as tokens_table
from steppe.stores.task_tokens import NewToken

DAY_MS = 24 * 60 * 60 * 1000
WRITER = {"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "data"}}}
WRITTEN = {"Parameters": {"Bucket": "data", "Prefix": "out"}, "Transformation": "NONE", "OutputType": "JSON"}


def retention(harness: Harness, *, at_ms: int, keep_days: int = 90) -> Retention:
    return Retention(
        database=harness.database,
        internal=harness.internal,
        bucket=INTERNAL_BUCKET,
        name_key=KEY,
        keep_ms=keep_days * DAY_MS,
        clock=lambda: at_ms,
    )


def internal_keys(harness: Harness) -> list[str]:
    return [found.key for found in harness.internal.list_objects(INTERNAL_BUCKET).objects]


async def count(harness: Harness, table: sa.Table) -> int:
    return await harness.database.read(lambda c: c.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


async def keep(harness: Harness, arn: str, *, started_ms: int, stopped_ms: int | None) -> None:
    """An execution with two events and a token."""

    def write(c: sa.Connection) -> None:
        values = {
            "arn": arn,
            "machine_arn": REALM.state_machine("M"),
            "revision_row": 1,
            "name": arn.rpartition(":")[2],
            "status": "RUNNING" if stopped_ms is None else "FAILED",
            "started_ms": started_ms,
            "stopped_ms": stopped_ms,
            "input": "{}",
        }
        row = c.execute(sa.insert(executions_table).values(**values)).inserted_primary_key[0]
        body = {"execution_id": row, "first_event_id": 1, "event_count": 2, "body": b"[]"}
        c.execute(sa.insert(history).values(**body))
        token = NewToken(token=arn, execution_arn=arn, command_key="0/1", resource="r", queued=False)
        task_tokens.insert_tokens(c, [token])

    await harness.database.write(write)


async def test_executions_go_with_all_that_is_theirs_and_only_when_it_is_time(tmp_path: Path) -> None:
    async with Harness(tmp_path) as harness:
        # By number: ended long ago; began long ago and runs; began long ago and ended lately; ended long ago; new.
        for number, (started, stopped) in enumerate([(0, 1), (0, None), (0, 95), (2, 3), (96, 97)]):
            stopped_ms = None if stopped is None else stopped * DAY_MS
            await keep(harness, REALM.execution("M", f"e{number}"), started_ms=started * DAY_MS, stopped_ms=stopped_ms)
        swept = await retention(harness, at_ms=100 * DAY_MS).sweep()
        assert (swept.executions, swept.tokens) == (2, 2)
        left = await harness.database.read(
            lambda c: [e for e in range(5) if executions.find_execution(c, REALM.execution("M", f"e{e}"))]
        )
        assert left == [1, 2, 4]
        assert await count(harness, history) == 3
        assert await count(harness, tokens_table) == 3
        assert (await retention(harness, at_ms=100 * DAY_MS).sweep()).executions == 0


async def test_many_executions_go_in_steps(tmp_path: Path) -> None:
    async with Harness(tmp_path) as harness:
        for number in range(250):
            await keep(harness, REALM.execution("M", f"e{number}"), started_ms=number, stopped_ms=number)
        assert (await retention(harness, at_ms=100 * DAY_MS).sweep()).executions == 250
        assert await count(harness, history) == await count(harness, tokens_table) == 0


async def test_a_map_run_goes_with_its_objects_and_rows(tmp_path: Path) -> None:
    async with Harness(tmp_path) as harness:
        wish, other = command(items=list(range(3000))), command(items=[1])
        definition = machine(task("now"))
        for one in (wish, other):
            assert isinstance(await harness.run(definition, one), MapRunSucceeded)
        assert len(internal_keys(harness)) > 6
        child = (await harness.all_children(other.map_run_arn))[0]["executionArn"]
        assert (await retention(harness, at_ms=now_ms() + 89 * DAY_MS).sweep()).map_runs == 0
        assert (await harness.runs.describe_child(child)) is not None
        assert (await retention(harness, at_ms=now_ms() + 91 * DAY_MS).sweep()).map_runs == 2
        assert internal_keys(harness) == []
        assert await count(harness, shards) == await count(harness, runs_table) == 0
        assert await harness.runs.describe(wish.map_run_arn) is None
        assert await harness.runs.describe_child(child) is None


async def test_a_map_run_stays_as_long_as_its_execution(tmp_path: Path) -> None:
    async with Harness(tmp_path) as harness:
        wish = command(items=[1])
        await keep(harness, EXECUTION, started_ms=0, stopped_ms=None)
        await harness.run(machine(task("now")), wish)
        assert (await retention(harness, at_ms=now_ms() + 900 * DAY_MS).sweep()).map_runs == 0


async def test_a_map_run_of_a_child_goes_after_the_childs_own(tmp_path: Path) -> None:
    async with Harness(tmp_path) as harness:
        definition = machine(task("now"))
        wish, nested = command(items=[1]), command(items=[2])
        await harness.run(definition, wish)
        parent = await harness.database.read(lambda c: map_runs.find_run(c, wish.map_run_arn))
        assert parent is not None
        name = text(ChildNames(KEY).number(parent.id, 0))
        await harness.run(definition, nested)
        run = await harness.database.read(lambda c: map_runs.find_run(c, nested.map_run_arn))
        assert run is not None
        of_child = replace(run, execution_arn=REALM.execution("M/L", name))
        long_ago = replace(of_child, started_ms=1, stopped_ms=2)
        await harness.database.write(lambda c: map_runs.save_run(c, long_ago))
        assert (await retention(harness, at_ms=now_ms() + 89 * DAY_MS).sweep()).map_runs == 0
        assert (await retention(harness, at_ms=now_ms() + 91 * DAY_MS).sweep()).map_runs == 2


async def test_what_dead_attempts_left_goes_when_the_run_has_ended(tmp_path: Path) -> None:
    definition = machine(task("note"), **WRITER)
    wish = command(items=[{"id": n, "seconds": 0.1} for n in range(100)], writer=WRITTEN)
    async with Harness(tmp_path) as harness:
        harness.objects.create_bucket("data")
        await harness.start(definition, wish)
        while (await harness.runs.describe(wish.map_run_arn))["itemCounts"]["total"] < 100:  # noqa: ASYNC110 - it changes in a thread
            await asyncio.sleep(0.005)
    async with Harness(tmp_path) as harness:
        run_id = wish.map_run_arn.rpartition(":")[2]
        # As attempts leave them that die before they are heard.
        dead = f"map-runs/{run_id}/segments/000000000000-00000000-0-0-0.parquet"
        later = f"map-runs/{run_id}/segments/000000000000-00000000-1-0-0.parquet"
        for key in (dead, later):
            harness.internal.put(INTERNAL_BUCKET, key, b"PAR1")
        harness.objects.create_upload("data", f"out/{run_id}/SUCCEEDED_7.json")
        harness.objects.create_upload("data", f"out/{run_id}/Redrive-1/SUCCEEDED_0.json")
        assert isinstance(await harness.run(definition, wish), MapRunSucceeded)
        for _ in range(200):
            if dead not in internal_keys(harness) and len(harness.objects.list_uploads("data")) == 1:
                break
            await asyncio.sleep(0.02)
        assert dead not in internal_keys(harness)
        # What a redrive may be writing already is left alone.
        assert later in internal_keys(harness)
        assert [found.key for found in harness.objects.list_uploads("data")] == [
            f"out/{run_id}/Redrive-1/SUCCEEDED_0.json"
        ]
        assert len(await harness.all_children(wish.map_run_arn)) == 100
        children = await harness.all_children(wish.map_run_arn)
        assert all([await harness.runs.child_history(child["executionArn"]) for child in children[:5]])
