"""A server's worth of Map Runs without the server: database, object stores, executor, and who hears of outcomes."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from steppe.base.arns import Realm
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.executors.inline import InlineExecutor
from steppe.executors.local import LocalExecutor
from steppe.interp.command import CallTask, StartMapRun
from steppe.interp.stimulus import MapRunFailed, MapRunSucceeded, Stimulus
from steppe.maprun.runs import MapRuns
from steppe.maprun.sources import Places
from steppe.maprun.worker import WorkerContext
from steppe.objects.filesystem import FilesystemObjectStore
from steppe.stores.database import Database
from steppe.stores.machines import MachineRecord

REALM = Realm()
KEY = b"a key for names"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:M:e"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Tasks:
    """Tasks by the last part of their resource's ARN."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.at_once = 0

    def answers_at_once(self, command: CallTask) -> bool:
        return command.resource.endswith(":now")

    async def run(
        self,
        command: CallTask,
        *,
        execution_arn: str,
        submitted: Callable[[JsonValue], Awaitable[None]] | None = None,
    ) -> JsonValue:
        kind = command.resource.rpartition(":")[2]
        match kind:
            case "now":
                return command.arguments
            case "sleep":
                # How many of these are in progress, over all processes: a file each while one is.
                mark = self.folder / f"busy-{uuid.uuid4()}"
                mark.touch()
                try:
                    with (self.folder / "most").open("a") as most:
                        most.write(f"{len(list(self.folder.glob('busy-*')))}\n")
                    await asyncio.sleep(command.arguments.get("seconds", 0.01))
                finally:
                    mark.unlink()
                return {"slept": command.arguments}
            case "sleep-light":
                await asyncio.sleep(0.1)
                return {}
            case "fail":
                raise Fault("My.Error", "because")
            case "broken-until":
                item = command.arguments["input"]
                if command.arguments["redrives"] < int(item["good_after"]):
                    raise Fault("My.Error", "because")
                await asyncio.sleep(item.get("seconds", 0))
                return item
            case "die":
                if command.arguments.get("die"):
                    import os
                    import signal

                    os.kill(os.getpid(), signal.SIGKILL)
                return {}
            case "note":
                with (self.folder / "notes").open("a") as notes:
                    notes.write(f"{command.arguments['id']}\n")
                if seconds := command.arguments.get("seconds"):
                    await asyncio.sleep(seconds)
                return {}
        raise Fault("States.Runtime", f"no task {kind}")

    async def cancel(self, command: CallTask, *, execution_arn: str) -> None:
        pass


def context(folder: str) -> WorkerContext:
    root = Path(folder)
    places = Places(FilesystemObjectStore(root / "s3"), FilesystemObjectStore(root / "internal"))
    return WorkerContext(places, Tasks(folder), now_ms)


class Harness:
    """One start of a server on a folder."""

    def __init__(self, folder: Path, *, workers: int = 0) -> None:
        self.folder = folder
        self.database = Database(folder / "steppe.db")
        self.objects = FilesystemObjectStore(folder / "s3")
        self.internal = FilesystemObjectStore(folder / "internal")
        if workers:
            self.executor = LocalExecutor(workers=workers, factory=context, arguments=(str(folder),))
        else:
            self.executor = InlineExecutor(lambda: context(str(folder)))
        self.outcomes: dict[str, Stimulus] = {}
        self._told = asyncio.Event()
        self.runs = MapRuns(
            database=self.database,
            objects=self.objects,
            segments=self.internal,
            executor=self.executor,
            realm=REALM,
            clock=now_ms,
            name_key=KEY,
            on_outcome=self._outcome,
        )

    def _outcome(self, arn: str, stimulus: Stimulus) -> None:
        self.outcomes[stimulus.key] = stimulus
        self._told.set()

    async def __aenter__(self) -> Harness:
        await self.executor.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.runs.close()
        await self.executor.close()
        self.database.close()

    async def start(self, machine: MachineRecord, command: StartMapRun) -> None:
        await self.runs.start(command, execution_arn=EXECUTION, machine=machine)

    async def outcome(self, command: StartMapRun, seconds: float = 60) -> Stimulus:
        while command.key not in self.outcomes:
            self._told.clear()
            await asyncio.wait_for(self._told.wait(), seconds)
        return self.outcomes[command.key]

    async def run(self, machine: MachineRecord, command: StartMapRun) -> Stimulus:
        await self.start(machine, command)
        return await self.outcome(command)

    async def result(self, machine: MachineRecord, command: StartMapRun) -> JsonValue:
        outcome = await self.run(machine, command)
        assert isinstance(outcome, MapRunSucceeded), outcome
        return outcome.result

    async def fault(self, machine: MachineRecord, command: StartMapRun) -> tuple[str, str | None]:
        outcome = await self.run(machine, command)
        assert isinstance(outcome, MapRunFailed), outcome
        return outcome.error, outcome.cause

    async def all_children(self, arn: str, **wanted: JsonValue) -> list[dict[str, JsonValue]]:
        children, token = [], None
        while True:
            page, token = await self.runs.list_children(arn, token=token, **wanted)
            children += page
            if token is None:
                return children

    def put(self, key: str, body: bytes, bucket: str = "data") -> None:
        if bucket not in {found.name for found in self.objects.list_buckets()}:
            self.objects.create_bucket(bucket)
        self.objects.put(bucket, key, body)


PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}

THREE = {
    "StartAt": "Mark",
    "States": {
        "Mark": {"Type": "Pass", "Result": "seen", "ResultPath": "$.mark", "Next": "Which"},
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.id", "StringEquals": "none", "Next": "Bad"}],
            "Default": "Done",
        },
        "Bad": {"Type": "Fail", "Error": "Bad"},
        "Done": {"Type": "Succeed"},
    },
}


def machine(processor: JsonValue, *, express: bool = False, **fields: JsonValue) -> MachineRecord:
    """A state machine of one Distributed Map."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS" if express else "STANDARD"}
    state = {
        "Type": "Map",
        "Label": "L",
        "ItemProcessor": {"ProcessorConfig": config, **processor},
        "End": True,
        **fields,
    }
    return MachineRecord(
        arn=REALM.state_machine("M"),
        name="M",
        type="STANDARD",
        status="ACTIVE",
        created_ms=0,
        revision=1,
        revision_id=None,
        definition=json.dumps({"StartAt": "Map", "States": {"Map": state}}),
        role_arn="arn:aws:iam::000000000000:role/r",
        configuration={},
        revision_row=1,
        updated_ms=0,
    )


def command(**fields: JsonValue) -> StartMapRun:
    """What the interpreter would ask for; `key` is its own for each."""
    run_id = str(uuid.uuid4())
    base = StartMapRun(
        key=f"0/{run_id}",
        map_run_arn=REALM.map_run("M", "L", run_id),
        state_name="Map",
        input={"from": "the state"},
        context={"Execution": {"Id": EXECUTION}, "StateMachine": {"Name": "M"}, "State": {"Name": "Map"}},
        variables={},
    )
    return replace(base, **fields)


def reader(key: str, input_type: str = "CSV", *, max_items: int = 0, **config: JsonValue) -> JsonValue:
    """A reader of one object of bucket `data`."""
    if input_type == "CSV":
        config = {"CSVHeaderLocation": "FIRST_ROW", **config}
    return {
        "Resource": "s3:getObject",
        "Parameters": {"Bucket": "data", "Key": key},
        "ReaderConfig": {"InputType": input_type, **config},
        "MaxItems": max_items,
    }


def task(kind: str, **fields: JsonValue) -> JsonValue:
    """A processor of one task."""
    state = {
        "Type": "Task",
        "Resource": f"arn:aws:lambda:us-east-1:000000000000:function:{kind}",
        "End": True,
        **fields,
    }
    return {"StartAt": "T", "States": {"T": state}}
