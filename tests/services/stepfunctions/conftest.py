"""The Step Functions API over HTTP: real app, real database, and stand-ins for what runs executions and Map Runs.

The engine here ends an execution of Pass states at once and leaves one with a Wait state running: enough for the API,
which only starts, stops and shows executions. The clock moves a millisecond a look, so that every time is its own.
"""

import asyncio
import contextlib
import itertools
import json
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError

from steppe.base.arns import Realm
from steppe.runtime.driver import Engine
from steppe.services.app import create_app
from steppe.services.stepfunctions.service import StepFunctionsService
from steppe.settings import Settings
from steppe.stores import executions
from steppe.stores.database import Database

REALM = Realm("aws", "us-east-1", "000000000000")
ROLE = "arn:aws:iam::000000000000:role/r"


class StandInEngine:
    """Keeps executions in the real database. `event_count` is how long the histories are that it writes."""

    def __init__(self, database: Database, clock) -> None:
        self.database = database
        self.clock = clock
        self.event_count = 3

    async def start_execution(self, *, machine, name, input_text, trace_header=None):
        arn = REALM.execution(machine.name, name)
        if machine.type == "EXPRESS":
            arn = REALM.express(machine.name, name, str(uuid.uuid4()))
        record = executions.new_record(
            machine, arn=arn, name=name, started_ms=self.clock(), input_text=input_text, trace_header=trace_header
        )
        waits = '"Wait"' in machine.definition
        events = [
            {
                "timestamp": record.started_ms,
                "type": "PassStateEntered",
                "id": i,
                "previousEventId": i - 1,
                "stateEnteredEventDetails": {"name": f"S{i}", "input": "{}", "inputDetails": {"truncated": False}},
            }
            for i in range(1, self.event_count + 1)
        ]

        def insert(c):
            row = executions.insert_execution(c, record)
            self._save(c, row, "RUNNING" if waits else "SUCCEEDED", events, output=input_text)

        await self.database.write(insert)
        return record

    async def stop_execution(self, arn, *, error, cause):
        def stop(c):
            record = executions.find_execution(c, arn)
            if record.status == "RUNNING":
                self._save(c, record.id, "ABORTED", [], error=error, cause=cause)

        await self.database.write(stop)

    async def wait_ended(self, arn):
        pass

    def _save(self, c, row, status, events, output=None, error=None, cause=None):
        ended = status != "RUNNING"
        executions.save_progress(
            c,
            execution_id=row,
            snapshot=None if status == "SUCCEEDED" else b"s",
            status=status,
            stopped_ms=self.clock() if ended else None,
            output=output if status == "SUCCEEDED" else None,
            error=error,
            cause=cause,
            events=events,
        )


class StandInMapRuns:
    """Runs and children that a test puts in: answers by ARN."""

    def __init__(self) -> None:
        self.runs: dict[str, dict] = {}
        self.children: dict[str, dict] = {}
        self.histories: dict[str, list] = {}
        self.updates: list[dict] = []

    def tell_child(self, arn, stimulus):
        pass

    async def describe(self, map_run_arn):
        return self.runs.get(map_run_arn)

    async def update(self, map_run_arn, **limits):
        run = self.runs[map_run_arn]
        self.updates.append({name: value for name, value in limits.items() if value is not None})
        return run["status"] == "RUNNING"

    async def list_runs(self, execution_arn, *, limit, token):
        found = [
            {
                "executionArn": execution_arn,
                "mapRunArn": arn,
                "stateMachineArn": "m/l",
                "startDate": run["startDate"],
                "stopDate": run.get("stopDate"),
            }
            for arn, run in self.runs.items()
            if run["executionArn"] == execution_arn
        ]
        return self._page(found, limit, token)

    async def list_children(self, map_run_arn, *, status, redriven, limit, token):
        members = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate", "mapRunArn")
        found = [
            {member: child[member] for member in members} | {"itemCount": 1}
            for child in self.children.values()
            if child["mapRunArn"] == map_run_arn and status in (None, child["status"]) and not redriven
        ]
        return self._page(found, limit, token)

    async def describe_child(self, arn):
        return self.children.get(arn)

    async def child_history(self, arn):
        return self.histories.get(arn)

    def _page(self, found, limit, token):
        first = int(token or 0)
        more = len(found) > first + limit
        return found[first : first + limit], str(first + limit) if more else None


class StandInTasks:
    """Tasks that answer with what a test has put in, by Resource: a value, a Fault to raise, or None to never end."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.calls: list = []

    async def run(self, command, *, execution_arn, submitted=None):
        self.calls.append(command)
        answer = self.answers[command.resource]
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextlib.contextmanager
def serving(build) -> Iterator[SimpleNamespace]:
    """Serve what `build()` (awaited in the server's loop) gives: a namespace with `service` and `close`."""
    loop = asyncio.new_event_loop()
    parts = loop.run_until_complete(build())
    app = create_app(settings=Settings(port=0), services={"stepfunctions": parts.service.operations()}, health=dict)
    http = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=lambda: loop.run_until_complete(http.serve()))
    thread.start()
    while not http.started:
        thread.join(0.01)
        assert thread.is_alive()
    parts.url = f"http://127.0.0.1:{http.servers[0].sockets[0].getsockname()[1]}"
    parts.run = lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)
    parts.client = boto3.client(
        "stepfunctions",
        endpoint_url=parts.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        # Without boto3's own validation (ours is tested), repeats, and `sync-` before the host's name.
        config=Config(
            parameter_validation=False, retries={"max_attempts": 0}, inject_host_prefix=False, max_pool_connections=20
        ),
    )
    try:
        yield parts
    finally:
        parts.client.close()
        http.should_exit = True
        thread.join()
        loop.run_until_complete(parts.close())
        loop.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """The API over the stand-ins, its `database`, and `run` to call into its event loop."""

    async def build() -> SimpleNamespace:
        database = Database(Path(tmp_path_factory.mktemp("sfn")) / "steppe.db")
        times = itertools.count(1_790_000_000_000)
        engine, map_runs, tasks = StandInEngine(database, times.__next__), StandInMapRuns(), StandInTasks()
        service = StepFunctionsService(
            database=database, engine=engine, map_runs=map_runs, realm=REALM, clock=times.__next__, tasks=tasks
        )

        async def close() -> None:
            await service.stop()
            database.close()

        return SimpleNamespace(
            database=database, engine=engine, map_runs=map_runs, tasks=tasks, service=service, close=close
        )

    with serving(build) as parts:
        yield parts


@pytest.fixture(scope="module")
def sfn(server):
    """boto3's client of the served API."""
    return server.client


class NoTasks:
    """Tasks that never end."""

    async def run(self, command, *, execution_arn, submitted=None):
        await asyncio.Event().wait()

    async def cancel(self, command, *, execution_arn):
        pass


@pytest.fixture(scope="session")
def serve_in():
    """Serve the API over the engine itself and a data directory: a function of the folder, and options of the API."""

    def serve(folder: Path, *, poll_seconds: float = 60, **options):
        async def build() -> SimpleNamespace:
            database = Database(folder / "steppe.db")
            map_runs = StandInMapRuns()
            engine = Engine(database=database, tasks=NoTasks(), map_runs=map_runs, realm=REALM)
            engine.poll_seconds = poll_seconds
            service = StepFunctionsService(
                database=database, engine=engine, map_runs=map_runs, realm=REALM, clock=engine.clock, **options
            )
            await engine.start()
            await service.start()

            async def close() -> None:
                await service.stop()
                await engine.stop()
                database.close()

            return SimpleNamespace(service=service, engine=engine, database=database, map_runs=map_runs, close=close)

        return serving(build)

    return serve


@pytest.fixture
def serve_engine(serve_in, tmp_path):
    """As `serve_in`, over one data directory; may be entered again after it was left."""
    return partial(serve_in, tmp_path)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return "n-" + uuid.uuid4().hex[:12]


@pytest.fixture
def pass_definition() -> str:
    return definition()


@pytest.fixture
def wait_definition() -> str:
    return json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 1000, "End": True}}})


def definition(comment: str = "") -> str:
    return json.dumps({"Comment": comment, "StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


@pytest.fixture
def make_definition():
    """A valid definition for every comment."""
    return definition


@pytest.fixture
def create(sfn, name):
    """Create a machine with the test's name; returns its ARN."""

    def create_machine(text: str | None = None, **members) -> str:
        values = {"name": name, "definition": text or definition(), "roleArn": ROLE} | members
        return sfn.create_state_machine(**values)["stateMachineArn"]

    return create_machine


@pytest.fixture
def refused(sfn):
    """Call an operation that must be refused; returns (code, message)."""

    def call(operation: str, **members) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            getattr(sfn, operation)(**members)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    return call
