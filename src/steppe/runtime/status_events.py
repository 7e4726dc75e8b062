"""Changes of the status of Standard executions, as the events that Step Functions sends to EventBridge.

    {"version": "0", "id": "...", "detail-type": "Step Functions Execution Status Change", "source": "aws.states",
     "account": "...", "time": "2026-02-26T19:42:21Z", "region": "...", "resources": ["<execution ARN>"],
     "detail": {"executionArn": ..., "status": "RUNNING", ...}}

The rows are written with the change itself (`stores.deliveries`) and removed when the event was taken, so each is sent
at least once, in order; its id is the same every time. As EventBridge does, an event that nobody has taken for a day is
given up. Source: Developer Guide, "Automating Step Functions event delivery with EventBridge"; `detail` says what
DescribeExecution says.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import sqlalchemy as sa

from steppe.base.arns import Realm
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue, dumps
from steppe.base.timestamps import to_text
from steppe.runtime.line_files import Lines
from steppe.stores import deliveries
from steppe.stores.database import Database
from steppe.stores.deliveries import ChangedExecution, StatusEvent

_log = logging.getLogger(__name__)

DETAIL_TYPE = "Step Functions Execution Status Change"
SOURCE = "aws.states"

PAYLOAD_BYTES_MAX = 248 * 1024
"""Of escaped input and output together; what is longer is left out. Developer Guide, "EventBridge payloads"."""

BATCH_MAX = 10
"""Entries of one PutEvents. API Reference, PutEvents."""

GIVE_UP_MS = 24 * 60 * 60 * 1000
"""EventBridge tries for 24 hours to deliver an event. EventBridge User Guide, "Retry policy"."""

_AGAIN_SECONDS = (0.5, 1, 2, 5, 10, 30)
_NAMESPACE = uuid.UUID("6a1c3f52-0d52-4b7e-9a5f-58a2f3a4f0c7")


class NotTakenError(Exception):
    """Events could not be sent; they are sent again."""


class Sender(Protocol):
    """Who takes events."""

    async def send(self, events: Sequence[dict[str, JsonValue]]) -> None:
        """Hand events on, `BATCH_MAX` at most; raises NotTakenError."""
        ...

    async def close(self) -> None:
        """Nothing more is sent."""
        ...


class EventLines:
    """Events as JSON lines of a file."""

    def __init__(self, sink: Lines) -> None:
        self._sink = sink

    async def send(self, events: Sequence[dict[str, JsonValue]]) -> None:
        """See `Sender.send`."""
        text = "".join(f"{dumps(event)}\n" for event in events)
        try:
            await asyncio.to_thread(self._sink.write, "", text.encode("utf-8", "surrogatepass"))
        except OSError as error:
            raise NotTakenError(str(error)) from error

    async def close(self) -> None:
        """See `Sender.close`."""
        self._sink.close()


class Api(Protocol):
    """EventBridge's API: `integrations.integration.ApiCaller`."""

    async def call(self, operation: str, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """The response; raises ApiError."""
        ...


class EventBus:
    """PutEvents on the default bus of an endpoint. AWS itself takes no events with this source from its users."""

    def __init__(self, api: Callable[[], Api]) -> None:
        self._api = api

    async def send(self, events: Sequence[dict[str, JsonValue]]) -> None:
        """See `Sender.send`. An entry that the endpoint refuses for good is logged and given up."""
        entries = [
            {
                "Source": SOURCE,
                "DetailType": DETAIL_TYPE,
                "Time": event["time"],
                "Resources": event["resources"],
                "Detail": dumps(event["detail"]),
            }
            for event in events
        ]
        try:
            answer = await self._api().call("PutEvents", {"Entries": entries})
        except ApiError as error:
            raise NotTakenError(f"{error.code}: {error.message}") from error
        for event, entry in zip(events, answer.get("Entries") or [], strict=False):
            code = entry.get("ErrorCode")
            if code in ("InternalFailure", "InternalException", "ThrottlingException"):
                raise NotTakenError(code)
            if code is not None:
                _log.error("event %s was refused: %s %s", event["id"], code, entry.get("ErrorMessage"))

    async def close(self) -> None:
        """See `Sender.close`."""


class StatusEvents:
    """Sends what has changed. `wake` from the event loop only."""

    def __init__(self, database: Database, sender: Sender, *, realm: Realm, clock: Callable[[], int]) -> None:
        self._database = database
        self._sender = sender
        self._realm = realm
        self._clock = clock
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin, with what an earlier server has left."""
        self._news.set()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Send what is there, as far as that goes at once; the rest after the next start. After the engine."""
        self._stopping.set()
        self._news.set()
        if self._task is not None:
            await self._task
        await self._sender.close()

    def wake(self) -> None:
        """A status has changed."""
        self._news.set()

    async def _run(self) -> None:
        failures, first = 0, True
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                if first:
                    await self._give_up_old()
                    first = False
                while await self._send_some():
                    failures = 0
            except (NotTakenError, sa.exc.SQLAlchemyError) as error:
                if failures == 0:
                    _log.warning("changes of status cannot be told, trying again: %s", error)
                pause = _AGAIN_SECONDS[min(failures, len(_AGAIN_SECONDS) - 1)]
                failures += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)
                self._news.set()
            if self._stopping.is_set():
                return

    async def _give_up_old(self) -> None:
        """Remove what is too old, also of executions that are gone."""
        before_ms = self._clock() - GIVE_UP_MS
        count = await self._database.write(lambda c: deliveries.drop_old_status_events(c, before_ms=before_ms))
        if count:
            _log.error("%d changes of status that nobody took for a day are given up", count)

    async def _send_some(self) -> bool:
        """Send the oldest events; False when there are none."""
        found = await self._database.read(lambda c: deliveries.oldest_status_events(c, limit=BATCH_MAX))
        if not found:
            return False
        if found[0][0].at_ms < self._clock() - GIVE_UP_MS:
            await self._give_up_old()
            return True
        for first, last in _batches(found):
            part = found[first:last]
            await self._sender.send([status_change(event, execution, self._realm) for event, execution in part])
            ids = [event.id for event, _ in part]
            await self._database.write(partial(deliveries.drop_status_events, ids=ids))
        return True


def status_change(event: StatusEvent, execution: ChangedExecution, realm: Realm) -> dict[str, JsonValue]:
    """The event as EventBridge delivers it."""
    output = execution.output if event.status == "SUCCEEDED" else None
    output_fits = output is None or _escaped_bytes(output) <= PAYLOAD_BYTES_MAX
    both = _escaped_bytes(execution.input) + (_escaped_bytes(output) if output is not None and output_fits else 0)
    input_fits = both <= PAYLOAD_BYTES_MAX
    redrivable = event.status not in ("RUNNING", "SUCCEEDED")
    return {
        "version": "0",
        "id": str(uuid.uuid5(_NAMESPACE, f"{execution.arn} {event.id}")),
        "detail-type": DETAIL_TYPE,
        "source": SOURCE,
        "account": realm.account,
        "time": f"{to_text(event.at_ms)[:19]}Z",
        "region": realm.region,
        "resources": [execution.arn],
        "detail": {
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine_arn,
            "name": execution.name,
            "status": event.status,
            "startDate": execution.started_ms,
            "stopDate": event.stopped_ms,
            "input": execution.input if input_fits else None,
            "output": output if output_fits else None,
            "inputDetails": {"included": input_fits},
            "outputDetails": None if output is None else {"included": output_fits},
            "error": event.error,
            "cause": event.cause,
            "stateMachineVersionArn": execution.version_arn,
            "stateMachineAliasArn": execution.alias_arn,
            "redriveCount": event.redrive_count,
            "redriveDate": event.redriven_ms,
            "redriveStatus": "REDRIVABLE" if redrivable else "NOT_REDRIVABLE",
            "redriveStatusReason": None if redrivable else f"Execution is {event.status} and cannot be redriven",
        },
    }


def _batches(found: Sequence[tuple[StatusEvent, ChangedExecution]]) -> list[tuple[int, int]]:
    """Ranges of events that fit one PutEvents: 256 KiB in all. One event alone always fits."""
    ranges: list[tuple[int, int]] = []
    first = size = 0
    for index, (event, execution) in enumerate(found):
        own = 4096 + sum(2 * len(text or "") for text in (execution.input, execution.output, event.cause))
        if index > first and size + own > PAYLOAD_BYTES_MAX:
            ranges.append((first, index))
            first, size = index, 0
        size += own
    return [*ranges, (first, len(found))]


def _escaped_bytes(text: str) -> int:
    return len(dumps(text).encode("utf-8", "surrogatepass")) - 2
