"""The engine over a real database and the real interpreter; only the world outside (tasks, Map Runs) is scripted."""

import asyncio
import json

import pytest

from steppe.base.arns import Realm
from steppe.base.errors import Fault
from steppe.interp.stimulus import MapRunSucceeded
from steppe.runtime.driver import Engine
from steppe.stores.database import Database
from steppe.stores.executions import ExecutionExistsError, find_execution, read_history
from steppe.stores.machines import insert_machine

PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
TASK = {
    "StartAt": "A",
    "States": {
        "A": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:copyObject", "Parameters": {}, "End": True}
    },
}
WAIT = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3600, "End": True}}}
MAP = {
    "StartAt": "M",
    "States": {
        "M": {
            "Type": "Map",
            "ItemProcessor": PASS | {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}},
            "End": True,
        }
    },
}


class World:
    """Tasks that wait until they are answered, and Map Runs that are noted."""

    def __init__(self):
        self.called = asyncio.Queue()
        self.cancelled = []
        self.map_runs = []
        self.stopped_runs = []
        self.told = []
        self.engine = None

    async def run(self, command, *, execution_arn, submitted=None):
        answer = asyncio.get_running_loop().create_future()
        await self.called.put((command, answer, submitted))
        return await answer

    async def cancel(self, command, *, execution_arn):
        self.cancelled.append((command.key, command.submitted))

    async def start(self, command, *, execution_arn, machine):
        self.map_runs.append((execution_arn, command.key, command.map_run_arn, machine.name))

    async def stop_run(self, map_run_arn):
        self.stopped_runs.append(map_run_arn)

    def tell_child(self, arn, stimulus):
        self.told.append((arn, stimulus))


class Place:
    """A data directory in which servers start and die."""

    def __init__(self, path):
        self.path = path
        self.database = None

    def open(self):
        self.database = Database(self.path)
        world = World()
        self.engine = Engine(database=self.database, tasks=world, map_runs=world, realm=Realm())
        return self.engine, world

    async def machine(self, definition, type_="STANDARD"):
        name = f"m{abs(hash(json.dumps(definition)))}"
        arn = Realm().state_machine(name)

        return await self.database.write(
            lambda c: insert_machine(
                c,
                arn=arn,
                name=name,
                type=type_,
                definition=json.dumps(definition),
                role_arn="arn:aws:iam::000000000000:role/r",
                configuration={},
                tags=[],
                now_ms=1,
            )
        )

    async def record(self, arn):
        return await self.database.read(lambda c: find_execution(c, arn))

    async def types(self, arn):
        record = await self.record(arn)
        events, _ = await self.database.read(lambda c: read_history(c, record.id, limit=1000))
        return [event["type"] for event in events]


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path / "steppe.db")
    yield place
    if place.database is not None:
        place.database.close()


async def begin(place, engine, definition, name="one", input_text="{}"):
    machine = await place.machine(definition)
    return await engine.start_execution(machine=machine, name=name, input_text=input_text)


async def test_an_execution_that_needs_nothing_is_done_when_its_start_returns(place):
    engine, _ = place.open()
    started = await begin(place, engine, PASS, input_text='{"a":1}')
    record = await place.record(started.arn)
    assert (record.status, record.output, record.snapshot) == ("SUCCEEDED", '{"a":1}', None)
    assert await place.types(started.arn) == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    await engine.stop()


async def test_a_name_is_taken_once(place):
    engine, _ = place.open()
    machine = await place.machine(PASS)
    await engine.start_execution(machine=machine, name="one", input_text="{}")
    with pytest.raises(ExecutionExistsError):
        await engine.start_execution(machine=machine, name="one", input_text="{}")
    await engine.stop()


async def test_a_task_answers_and_the_execution_ends(place):
    engine, world = place.open()
    started = await begin(place, engine, TASK)
    _, answer, _ = await world.called.get()
    assert (await place.record(started.arn)).status == "RUNNING"
    answer.set_result({"done": True})
    await engine.wait_ended(started.arn)
    assert (await place.record(started.arn)).output == '{"done":true}'
    await engine.stop()


async def test_a_tasks_fault_is_the_executions_error(place):
    engine, world = place.open()
    started = await begin(place, engine, TASK)
    _, answer, _ = await world.called.get()
    answer.set_exception(Fault("S3.NoSuchKeyException", "why"))
    await engine.wait_ended(started.arn)
    record = await place.record(started.arn)
    assert (record.status, record.error, record.cause) == ("FAILED", "S3.NoSuchKeyException", "why")
    await engine.stop()


async def test_a_task_that_was_under_way_at_a_crash_is_asked_for_again_with_the_same_key(place):
    engine, world = place.open()
    started = await begin(place, engine, TASK)
    before, _, _ = await world.called.get()
    await engine.stop()
    place.database.close()

    engine, world = place.open()
    await engine.start()
    again, answer, _ = await world.called.get()
    assert again == before
    answer.set_result({})
    await engine.wait_ended(started.arn)
    assert (await place.types(started.arn)).count("TaskScheduled") == 1
    await engine.stop()


async def test_a_timer_that_was_due_while_nobody_was_there_fires_at_the_start(place):
    engine, _ = place.open()
    started = await begin(place, engine, WAIT)
    assert (await place.record(started.arn)).status == "RUNNING"
    await engine.stop()
    place.database.close()

    engine, _ = place.open()
    now = engine.clock()
    engine._timers._clock = engine.clock = lambda: now + 3_600_001
    await engine.start()
    await asyncio.wait_for(engine.wait_ended(started.arn), 10)
    assert (await place.record(started.arn)).status == "SUCCEEDED"
    await engine.stop()


async def test_stopping_ends_the_task_and_what_comes_later_changes_nothing(place):
    engine, world = place.open()
    started = await begin(place, engine, TASK)
    command, _, _ = await world.called.get()
    await engine.stop_execution(started.arn, error="E", cause="c")
    record = await place.record(started.arn)
    assert (record.status, record.error, record.cause) == ("ABORTED", "E", "c")
    await asyncio.sleep(0)
    assert world.cancelled == [(command.key, None)]
    await engine.stop_execution(started.arn, error="again", cause=None)
    assert (await place.record(started.arn)).error == "E"
    await engine.stop()


async def test_a_map_run_is_started_again_after_a_crash_and_its_result_ends_the_state(place):
    engine, world = place.open()
    started = await begin(place, engine, MAP, input_text="[1,2]")
    (first,) = world.map_runs
    await engine.stop()
    place.database.close()

    engine, world = place.open()
    await engine.start()
    assert world.map_runs == [first]
    engine.post(started.arn, MapRunSucceeded(first[1], [1, 2]))
    await engine.wait_ended(started.arn)
    assert (await place.record(started.arn)).output == "[1,2]"
    await engine.stop()


async def test_stopping_stops_the_map_run(place):
    engine, world = place.open()
    started = await begin(place, engine, MAP, input_text="[1,2]")
    await engine.stop_execution(started.arn, error=None, cause=None)
    assert world.stopped_runs == [world.map_runs[0][2]]
    await engine.stop()


async def test_many_executions_go_on_side_by_side_and_idle_ones_leave_memory(place, monkeypatch):
    monkeypatch.setattr("steppe.runtime.driver._IDLE_MAX", 5)
    engine, world = place.open()
    machine = await place.machine(TASK)
    started = await asyncio.gather(
        *(engine.start_execution(machine=machine, name=f"n{i}", input_text="{}") for i in range(40))
    )
    calls = [await world.called.get() for _ in range(40)]
    for _, answer, _ in calls:
        answer.set_result({"ok": 1})
    await asyncio.gather(*(engine.wait_ended(record.arn) for record in started))
    assert {(await place.record(record.arn)).status for record in started} == {"SUCCEEDED"}
    assert len(engine._live) <= 5
    await engine.stop()


async def test_a_stimulus_for_nobody_is_dropped(place):
    engine, _ = place.open()
    engine.post("arn:aws:states:us-east-1:000000000000:execution:m:gone", MapRunSucceeded("0.1", []))
    await asyncio.sleep(0.05)
    assert engine._live == {}
    await engine.stop()


async def test_who_stops_a_job_knows_which_one(place):
    engine, world = place.open()
    definition = json.loads(json.dumps(TASK).replace("aws-sdk:s3:copyObject", "states:startExecution.sync"))
    started = await begin(place, engine, definition)
    command, _, submitted = await world.called.get()
    await submitted({"ExecutionArn": "job"})
    await engine.stop_execution(started.arn, error=None, cause=None)
    await asyncio.sleep(0)
    assert world.cancelled == [(command.key, {"ExecutionArn": "job"})]
    await engine.stop()


async def test_a_second_start_takes_nothing_from_the_first(place, monkeypatch):
    engine, world = place.open()
    machine = await place.machine(TASK)
    started = await engine.start_execution(machine=machine, name="one", input_text="{}")
    _, answer, _ = await world.called.get()
    monkeypatch.setattr("steppe.runtime.driver._IDLE_MAX", 0)
    engine._forget_idle()
    again = asyncio.create_task(engine.start_execution(machine=machine, name="one", input_text="{}"))
    await asyncio.sleep(0)
    answer.set_result({"ok": 1})
    with pytest.raises(ExecutionExistsError):
        await again
    await asyncio.wait_for(engine.wait_ended(started.arn), 10)
    assert (await place.record(started.arn)).output == '{"ok":1}'
    await engine.stop()
