"""Logs and changes of status over the real engine and database; failures of disks and endpoints are scripted."""

import asyncio
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import httpx
import pytest

from steppe.base.arns import Realm
from steppe.base.errors import ApiError
from steppe.runtime import line_files, log_lines, logs, status_events
from steppe.runtime.driver import Engine
from steppe.runtime.event_posts import EventPosts
from steppe.runtime.line_files import LineFile, LineFolder, StandardOutput, file_name
from steppe.runtime.logs import LogDelivery
from steppe.runtime.outbox import Outbox
from steppe.runtime.status_events import EventBus, EventLines, NotTakenError, StatusEvents
from steppe.stores import deliveries
from steppe.stores.database import Database
from steppe.stores.deliveries import LogCursor
from steppe.stores.machines import get_machine, insert_machine

REALM = Realm()
GROUP = "/aws/vendedlogs/states/m"
FAILING = {
    "StartAt": "A",
    "States": {"A": {"Type": "Pass", "Next": "F"}, "F": {"Type": "Fail", "Error": "E", "Cause": "C"}},
}
PASSING = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
WAITING = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
TASK = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True}}}


class NoWorld:
    """Tasks never end, Map Runs are never started."""

    async def run(self, command, *, execution_arn, submitted=None):
        await asyncio.Event().wait()

    async def cancel(self, command, *, execution_arn):
        pass

    def tell_child(self, arn, stimulus):
        pass


class Failing:
    """A sink that fails as often as it is told to."""

    def __init__(self, inner, failures: int) -> None:
        self.inner, self.failures = inner, failures

    def write(self, name, lines) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError(28, "No space left on device")
        self.inner.write(name, lines)

    def close(self) -> None:
        self.inner.close()


class Taken:
    """A sender that keeps what it takes, and refuses as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.events, self.offered, self.failures = [], [], failures

    async def send(self, events) -> None:
        self.offered.append([event["id"] for event in events])
        if self.failures:
            self.failures -= 1
            raise NotTakenError("not now")
        self.events += events

    async def close(self) -> None:
        pass


class Place:
    """A data directory in which servers start and die."""

    def __init__(self, folder) -> None:
        self.folder = folder

    def open(self, *, sink=None, sender=None, clock=None, delivering: bool = True) -> SimpleNamespace:
        database = Database(self.folder / "steppe.db")
        delivery = LogDelivery(database, sink or LineFolder(self.folder / "logs"))
        events = None
        if sender is not None:
            times = {} if clock is None else {"clock": clock}
            events = StatusEvents(database, sender, realm=REALM, **({"clock": lambda: 0} | times))
        outbox = Outbox(logs=delivery, events=events)
        world = NoWorld()
        engine = Engine(database=database, tasks=world, map_runs=world, realm=REALM, outbox=outbox)
        if delivering:
            delivery.start()
            if events is not None:
                events.start()

        async def close() -> None:
            await engine.stop()
            await delivery.stop()
            if events is not None:
                await events.stop()
            database.close()

        async def crash() -> None:
            await engine.stop()
            database.close()

        return SimpleNamespace(
            database=database, engine=engine, logs=delivery, events=events, close=close, crash=crash, world=world
        )

    def lines(self) -> list[dict]:
        path = self.folder / "logs" / file_name(GROUP)
        if not path.exists():
            return []
        text = path.read_text()
        assert not text or text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]


async def machine(database, definition, *, level="ALL", data=True, type_="STANDARD"):
    name = f"m{abs(hash((json.dumps(definition), level, data, type_)))}"
    destination = {
        "cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:*"}
    }
    logging = {"level": level, "includeExecutionData": data, "destinations": [destination]}
    known = await database.read(lambda c: get_machine(c, REALM.state_machine(name)))
    return known or await database.write(
        lambda c: insert_machine(
            c,
            arn=REALM.state_machine(name),
            name=name,
            type=type_,
            definition=json.dumps(definition),
            role_arn="arn:aws:iam::000000000000:role/r",
            configuration={"loggingConfiguration": logging},
            tags=[],
            now_ms=1,
        )
    )


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)


async def run(server, definition, name="e", input_text="{}", **logging):
    made = await machine(server.database, definition, **logging)
    return await server.engine.start_execution(machine=made, name=name, input_text=input_text)


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - looks at files, which nobody tells of
            await asyncio.sleep(0.005)


async def test_a_line_has_the_form_of_cloudwatch_logs(place) -> None:
    server = place.open()
    record = await run(server, FAILING, input_text='{"a": 1}')
    await server.close()
    stamp = str(record.started_ms)
    frame = {"redrive_count": "0", "event_timestamp": stamp, "execution_arn": record.arn}
    given = {"input": '{"a":1}', "inputDetails": {"truncated": "false"}}
    passed = {"output": '{"a":1}', "outputDetails": {"truncated": "false"}}
    role = {"roleArn": "arn:aws:iam::000000000000:role/r"}
    wanted = [
        ("1", "ExecutionStarted", "0", given | role),
        ("2", "PassStateEntered", "0", given | {"name": "A"}),
        ("3", "PassStateExited", "2", passed | {"name": "A"}),
        ("4", "FailStateEntered", "3", given | {"name": "F"}),
        ("5", "ExecutionFailed", "4", {"cause": "C", "error": "E"}),
    ]
    assert place.lines() == [
        frame | {"id": id_, "type": type_, "previous_event_id": previous, "details": details}
        for id_, type_, previous, details in wanted
    ]
    first = next(iter((place.folder / "logs").iterdir())).read_text().splitlines()[0]
    order = ["details", "redrive_count", "id", "type", "previous_event_id", "event_timestamp", "execution_arn"]
    assert list(json.loads(first)) == order


@pytest.mark.parametrize(
    ("level", "type_", "wanted"),
    [
        ("ALL", "EXPRESS", ["1", "2", "3", "4", "5"]),
        ("ERROR", "STANDARD", ["4", "5"]),
        ("FATAL", "STANDARD", ["5"]),
        ("OFF", "STANDARD", []),
    ],
)
async def test_a_level_picks_the_events_and_data_can_be_left_out(place, level, type_, wanted) -> None:
    server = place.open()
    await run(server, FAILING, level=level, type_=type_, data=False)
    await server.close()
    assert [line["id"] for line in place.lines()] == wanted
    assert not any({"input", "output", "inputDetails"} & set(line["details"]) for line in place.lines())


def test_the_table_of_levels_in_the_guide_is_kept() -> None:
    table = {
        "ALL ERROR FATAL": "ExecutionAborted ExecutionFailed ExecutionTimedOut",
        "ALL ERROR": (
            "FailStateEntered LambdaFunctionFailed LambdaFunctionScheduleFailed LambdaFunctionStartFailed "
            "LambdaFunctionTimedOut MapIterationAborted MapIterationFailed MapStateAborted MapStateFailed "
            "ParallelStateAborted ParallelStateFailed TaskFailed TaskStartFailed TaskStateAborted TaskSubmitFailed "
            "TaskTimedOut WaitStateAborted"
        ),
        "ALL": (
            "ChoiceStateEntered ChoiceStateExited ExecutionStarted ExecutionSucceeded LambdaFunctionScheduled "
            "LambdaFunctionSucceeded MapIterationStarted MapIterationSucceeded MapStateStarted ParallelStateSucceeded "
            "TaskScheduled TaskSubmitted WaitStateExited"
        ),
    }
    for levels, types in table.items():
        for name in types.split():
            assert [lvl for lvl in ("ALL", "ERROR", "FATAL") if log_lines.is_logged(name, lvl)] == levels.split(), name


async def test_what_a_server_has_not_logged_the_next_one_logs_once(place) -> None:
    first = place.open(delivering=False)
    for number in range(70):
        await run(first, PASSING, name=f"e{number}")
    waiting = await run(first, WAITING, name="w")
    await first.crash()
    assert place.lines() == []
    second = place.open()
    await second.engine.start()
    await until(lambda: len(place.lines()) == 70 * 4 + 2)
    await second.engine.stop_execution(waiting.arn, error="E", cause=None)
    await second.close()
    told = [(line["execution_arn"], line["id"]) for line in place.lines()]
    assert len(set(told)) == len(told) == 70 * 4 + 3
    third = place.open()
    assert third.database.read_now(lambda c: deliveries.logged_executions(c, after_id=0, limit=10)) == []
    await third.close()
    assert len(place.lines()) == len(told)


async def test_a_line_that_was_cut_by_a_crash_is_cut_off_and_written_whole(place) -> None:
    path = place.folder / "logs" / file_name(GROUP)
    path.parent.mkdir()
    path.write_bytes(b'{"whole":"1"}\n{"details":{"na' + b"x" * 100_000)
    server = place.open()
    await run(server, PASSING)
    await server.close()
    assert [line.get("id") for line in place.lines()] == [None, "1", "2", "3", "4"]
    path.write_bytes(b"x" * 200_000)
    line_files.write_all(line_files.open_whole(path), b"{}\n")
    assert path.read_bytes() == b"{}\n"


async def test_a_full_disk_delays_the_log_and_not_the_execution(place, monkeypatch) -> None:
    monkeypatch.setattr(logs, "_AGAIN_SECONDS", 0.01)
    sink = Failing(LineFolder(place.folder / "logs"), failures=3)
    server = place.open(sink=sink)
    record = await run(server, PASSING)
    assert record.status == "SUCCEEDED"
    await until(lambda: len(place.lines()) == 4)
    await server.close()
    assert [line["id"] for line in place.lines()] == ["1", "2", "3", "4"]


async def test_more_executions_than_are_noted_are_all_logged(place, monkeypatch) -> None:
    monkeypatch.setattr(logs, "_WAITING_MAX", 2)
    server = place.open()
    for number in range(10):
        await run(server, PASSING, name=f"e{number}")
    await until(lambda: len(place.lines()) == 40)
    await server.close()


async def test_a_redriven_execution_is_logged_on_with_its_count(place, monkeypatch) -> None:
    server = place.open()
    record = await run(server, TASK)
    await server.engine.stop_execution(record.arn, error=None, cause=None)
    await until(lambda: len(place.lines()) == 5)
    await server.engine.redrive_execution(record.arn, client_token=None)
    await server.close()
    shown = [(line["type"], line["redrive_count"]) for line in place.lines()]
    assert shown[4:6] == [("ExecutionAborted", "0"), ("ExecutionRedriven", "1")]
    assert {count for _, count in shown[5:]} == {"1"}
    assert [line["id"] for line in place.lines()] == [str(i + 1) for i in range(len(shown))]


def test_a_payload_that_is_too_long_is_cut_to_what_fits() -> None:
    cursor = LogCursor(execution_id=1, execution_arn="a", log_group="g", level="ALL", with_data=True)
    event = {"id": 1, "previousEventId": 0, "timestamp": 1, "type": "PassStateEntered"}
    for text in ("x" * 300_000, '"' * 200_000, "ä" * 200_000):
        details = {"name": "A", "input": text, "inputDetails": {"truncated": False}}
        line, after = log_lines.lines(cursor, [event | {"stateEnteredEventDetails": details}])
        shown = json.loads(line)["details"]
        assert shown["inputDetails"] == {"truncated": "true"}
        assert text.startswith(shown["input"])
        escaped = len(json.dumps(shown["input"], ensure_ascii=False).encode()) - 2
        assert log_lines.PAYLOAD_BYTES_MAX - 8 <= escaped <= log_lines.PAYLOAD_BYTES_MAX
        assert after == replace(cursor, logged_through=1)


def test_names_of_log_groups_become_names_of_files_in_the_folder(tmp_path) -> None:
    folder = LineFolder(tmp_path)
    names = ["/a/b", "..", "../../x", "n" * 512, "n" * 511 + "m", *(f"g{i}" for i in range(70))]
    for _ in range(2):
        for name in names:
            folder.write(name, b"{}\n")
    folder.close()
    written = list(tmp_path.iterdir())
    assert len(written) == len(names)
    assert all(path.read_bytes() == b"{}\n" * 2 for path in written)


def test_standard_output_takes_lines(capfdbinary) -> None:
    output = StandardOutput()
    output.write("g", b"{}\n")
    output.close()
    assert capfdbinary.readouterr().out == b"{}\n"


async def test_changes_of_status_are_told_in_order_as_eventbridge_shapes_them(place) -> None:
    sender = Taken()
    server = place.open(sender=sender)
    record = await run(server, WAITING, input_text='{"a": 1}')
    await run(server, PASSING, type_="EXPRESS")  # Express executions send no events
    await server.engine.stop_execution(record.arn, error="E", cause="C")
    await server.engine.redrive_execution(record.arn, client_token=None)
    await server.close()
    begun, aborted, redriven = sender.events
    assert begun | {"id": "", "time": ""} == {
        "version": "0",
        "id": "",
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "000000000000",
        "time": "",
        "region": "us-east-1",
        "resources": [record.arn],
        "detail": {
            "executionArn": record.arn,
            "stateMachineArn": record.machine_arn,
            "name": "e",
            "status": "RUNNING",
            "startDate": record.started_ms,
            "stopDate": None,
            "input": '{"a": 1}',
            "output": None,
            "inputDetails": {"included": True},
            "outputDetails": None,
            "error": None,
            "cause": None,
            "stateMachineVersionArn": None,
            "stateMachineAliasArn": None,
            "redriveCount": 0,
            "redriveDate": None,
            "redriveStatus": "NOT_REDRIVABLE",
            "redriveStatusReason": "Execution is RUNNING and cannot be redriven",
        },
    }
    assert (aborted["detail"]["status"], aborted["detail"]["error"], aborted["detail"]["cause"]) == (
        "ABORTED",
        "E",
        "C",
    )
    assert aborted["detail"]["redriveStatus"] == "REDRIVABLE"
    assert aborted["detail"]["stopDate"] >= record.started_ms
    assert (redriven["detail"]["status"], redriven["detail"]["redriveCount"]) == ("RUNNING", 1)


async def test_events_that_nobody_took_are_told_again_with_the_same_id_also_after_a_crash(place, monkeypatch) -> None:
    monkeypatch.setattr(status_events, "_AGAIN_SECONDS", (0.01,))
    first = place.open(sender=Taken(), delivering=False)
    for number in range(12):
        await run(first, PASSING, name=f"e{number}")
    await first.crash()
    sender = Taken(failures=2)
    second = place.open(sender=sender)
    await until(lambda: len(sender.events) == 24)
    await second.close()
    assert sender.offered[0] == sender.offered[1] == sender.offered[2]
    assert all(len(ids) <= 10 for ids in sender.offered)
    told = [(event["detail"]["name"], event["detail"]["status"]) for event in sender.events]
    assert told == [(f"e{i}", status) for i in range(12) for status in ("RUNNING", "SUCCEEDED")]
    assert len({event["id"] for event in sender.events}) == 24


async def test_events_are_given_up_after_a_day(place, caplog) -> None:
    first = place.open(sender=Taken(), delivering=False)
    record = await run(first, PASSING)
    await first.crash()
    sender = Taken()
    second = place.open(sender=sender, clock=lambda: record.started_ms + 25 * 60 * 60 * 1000)
    await second.close()
    assert sender.events == []
    assert "2 changes of status that nobody took for a day are given up" in caplog.text


async def test_payloads_that_are_too_long_for_an_event_are_left_out(place) -> None:
    sender = Taken()
    server = place.open(sender=sender)
    for number, size in enumerate((130_000, 255_000)):
        await run(server, PASSING, name=f"e{number}", input_text=json.dumps("x" * size))
    await server.close()
    shown = [
        (event["detail"]["status"], event["detail"]["inputDetails"], event["detail"]["outputDetails"])
        for event in sender.events
    ]
    yes, no = {"included": True}, {"included": False}
    assert shown == [("RUNNING", yes, None), ("SUCCEEDED", no, yes), ("RUNNING", no, None), ("SUCCEEDED", no, no)]
    assert [event["detail"]["output"] is None for event in sender.events] == [True, False, True, True]


async def test_events_go_to_a_file(place) -> None:
    path = place.folder / "events" / "changes.jsonl"
    server = place.open(sender=EventLines(Failing(LineFile(path), failures=1)))
    await run(server, PASSING)
    await until(path.exists)
    await server.close()
    told = [json.loads(line)["detail"]["status"] for line in path.read_text().splitlines()]
    assert told == ["RUNNING", "SUCCEEDED"]


async def test_events_are_posted_to_a_url_until_it_takes_them(place, monkeypatch) -> None:
    monkeypatch.setattr(status_events, "_AGAIN_SECONDS", (0.01,))
    bodies, answers = [], iter([503, 200, 500])

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(next(answers, 204))
            self.end_headers()

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            server = place.open(sender=EventPosts(f"http://127.0.0.1:{http.server_port}/hook", lambda: client))
            await run(server, PASSING)
            await until(lambda: len(bodies) >= 5)
            await server.close()
            with pytest.raises(NotTakenError):
                await EventPosts("http://127.0.0.1:1/", lambda: client).send([{}])
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
    statuses = [body["detail"]["status"] for body in bodies]
    assert statuses == ["RUNNING", "RUNNING", "SUCCEEDED", "RUNNING", "SUCCEEDED"]


async def test_events_are_put_on_the_bus_of_an_endpoint(place, monkeypatch, caplog) -> None:
    monkeypatch.setattr(status_events, "_AGAIN_SECONDS", (0.01,))
    ok, refused, busy = {"EventId": "1"}, {"ErrorCode": "NotAuthorizedForSource"}, {"ErrorCode": "ThrottlingException"}
    answers = iter([ApiError("InternalException", "not now"), [busy, ok], [ok, refused]])
    calls = []

    class Bus:
        async def call(self, operation, parameters):
            calls.append((operation, parameters["Entries"]))
            answer = next(answers)
            if isinstance(answer, ApiError):
                raise answer
            return {"FailedEntryCount": 1, "Entries": answer}

    first = place.open(sender=Taken(), delivering=False)
    record = await run(first, PASSING)
    await first.crash()
    second = place.open(sender=EventBus(lambda: Bus()))
    await until(lambda: len(calls) == 3)
    await second.close()
    assert calls[0] == calls[1] == calls[2]
    operation, (entry, _) = calls[0]
    assert operation == "PutEvents"
    assert (entry["Source"], entry["DetailType"]) == ("aws.states", "Step Functions Execution Status Change")
    assert entry["Resources"] == [record.arn]
    assert json.loads(entry["Detail"])["status"] == "RUNNING"
    assert "NotAuthorizedForSource" in caplog.text
