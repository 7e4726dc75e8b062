"""How a Map Run goes on, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from steppe.base.jsonvalue import JsonValue, loads
from steppe.maprun.pace import Pace, seconds_left
from steppe.services.app import create_app
from steppe.services.progress import PATH, STREAMS_MAX, ProgressStreams
from steppe.settings import Settings
from steppe.wire.http import HttpAnswer, HttpRequest
from steppe.wire.request import Stream

ARN = "arn:aws:states:us-east-1:000000000000:mapRun:m/l:11111111-2222-3333-4444-555555555555"


class Runs:
    """A run that is at other counts at each look."""

    def __init__(self, *counts: tuple[str, int]) -> None:
        self.looks = list(counts)

    async def describe(self, map_run_arn: str) -> dict[str, JsonValue] | None:
        if map_run_arn != ARN:
            return None
        status, done = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        counts = {"succeeded": done, "failed": 0, "timedOut": 0, "aborted": 0, "total": 100}
        return {"mapRunArn": ARN, "status": status, "itemCounts": counts}


def get(query: str = f"mapRunArn={ARN}", method: str = "GET") -> HttpRequest:
    name, _, value = query.partition("=")
    return HttpRequest(method, PATH, query, {}, ((name, value),))


async def events(answer: HttpAnswer) -> list[dict[str, JsonValue]]:
    assert isinstance(answer.body, Stream)
    found = []
    async for chunk in answer.body.chunks:
        name, data = chunk.decode().removesuffix("\n\n").split("\n")
        assert name == "event: progress"
        found.append(loads(data.removeprefix("data: ")))
    return found


def ticking(seconds: float) -> Callable[[], float]:
    now = [0.0]

    def clock() -> float:
        now[0] += seconds
        return now[0]

    return clock


async def test_changes_are_told_with_rate_and_what_is_left_until_the_run_ends() -> None:
    looks = [("RUNNING", 0), ("RUNNING", 0), ("RUNNING", 0), ("RUNNING", 10), ("SUCCEEDED", 100)]
    streams = ProgressStreams(Runs(*looks), clock=ticking(1.0))
    found = await events(await streams.answer(get()))
    assert [event["itemCounts"]["succeeded"] for event in found] == [0, 10, 100]
    assert [event["status"] for event in found] == ["RUNNING", "RUNNING", "SUCCEEDED"]
    assert found[0]["itemsPerSecond"] is found[0]["secondsLeft"] is None
    assert found[1]["itemsPerSecond"] == 5.0
    assert found[1]["secondsLeft"] == 18.0
    assert found[2]["secondsLeft"] is None


async def test_a_server_that_stops_ends_its_streams() -> None:
    streams = ProgressStreams(Runs(("RUNNING", 1)))
    answer = await streams.answer(get())
    task = asyncio.create_task(events(answer))
    await asyncio.sleep(0)
    streams.close()
    assert len(await asyncio.wait_for(task, 5)) <= 1
    assert (await streams.answer(get())).status == 503


async def test_streams_are_bounded() -> None:
    streams = ProgressStreams(Runs(("RUNNING", 1)))
    opened = [(await streams.answer(get())).body for _ in range(STREAMS_MAX)]
    for body in opened:
        assert isinstance(body, Stream)
        await anext(body.chunks)
    assert (await streams.answer(get())).status == 503
    for body in opened:
        await body.chunks.aclose()
    assert (await streams.answer(get())).status == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get("mapRunArn=nonsense"), 400),
        (get("other=1"), 400),
        (get(f"mapRunArn={ARN}6"), 404),
        (get(method="POST"), 405),
    ],
)
async def test_what_is_no_run_is_refused(request_: HttpRequest, status: int) -> None:
    answer = await ProgressStreams(Runs(("RUNNING", 1))).answer(request_)
    assert answer.status == status
    assert isinstance(answer.body, bytes)
    assert "message" in loads(answer.body)


@pytest.mark.parametrize(("keys", "status"), [({}, 200), ({"id": "secret"}, 403)])
async def test_with_access_keys_the_page_wants_a_signature(keys: dict[str, str], status: int) -> None:
    streams = ProgressStreams(Runs(("SUCCEEDED", 100)))
    app = create_app(settings=Settings(access_keys=keys), services={}, health=dict, pages={PATH: streams.answer})
    sent: list[dict[str, JsonValue]] = []

    async def send(message: dict[str, JsonValue]) -> None:
        sent.append(message)

    async def receive() -> dict[str, JsonValue]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": f"mapRunArn={ARN}".encode(),
        "headers": [],
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == status


def test_a_pace_follows_the_last_seconds_and_begins_anew_with_a_redrive() -> None:
    pace = Pace()
    assert pace.note(0.0, 0) is None
    assert [pace.note(float(second), second * 10) for second in range(1, 21)] == [10.0] * 20
    assert pace.note(21.0, 1200) == pytest.approx((1200 - 110) / 10)
    assert pace.note(22.0, 5) is None
    assert seconds_left(done=5, total=5, rate=None) == 0.0
    assert seconds_left(done=4, total=5, rate=0.0) is None
