"""How fast Map Runs go without the server around them: coordinator, worker processes, segments, database.

    python benchmarks/map_run_workers.py [--rows 1000000] [--workers 2] [--express] [--layers]

Prints children a second, peak memory of all processes, bytes on disk a child; with --layers also the cost of one child
by layer, measured in this process.
"""
# ruff: noqa: D102, B023 - small parts of one script; the closures of `layers` are called at once

from __future__ import annotations

import argparse
import asyncio
import csv
import gc
import importlib
import io
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from steppe.base.arns import Realm
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.executors.local import LocalExecutor
from steppe.interp.advance import advance, new_execution
from steppe.interp.command import CallTask, StartMapRun
from steppe.interp.execution import Execution, Identity
from steppe.interp.stimulus import Start, Stimulus
from steppe.maprun.child_names import ChildNames
from steppe.maprun.item_source import Cut, ItemRange, pin
from steppe.maprun.plan import RunPlan, compile_plan
from steppe.maprun.readers.csv_file import open_csv
from steppe.maprun.record_columns import result_texts, shard_table
from steppe.maprun.result_records import ChildArns, RecordShape
from steppe.maprun.runs import MapRuns
from steppe.maprun.segments import Row, Segment, SegmentReader, dump_history, encode, json_text
from steppe.maprun.sources import Places
from steppe.maprun.worker import WorkerContext
from steppe.objects.filesystem import FilesystemObjectStore
from steppe.stores.database import Database
from steppe.stores.machines import MachineRecord
from steppe.stores.map_runs import ShardRecord

REALM = Realm()

PROCESSOR = {
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


class NoTasks:
    """The children of the benchmark call nothing."""

    async def run(
        self,
        command: CallTask,
        *,
        execution_arn: str,
        submitted: Callable[[JsonValue], Awaitable[None]] | None = None,
    ) -> JsonValue:
        raise Fault("States.Runtime", command.resource)

    async def cancel(self, command: CallTask, *, execution_arn: str) -> None:
        return

    def answers_at_once(self, command: CallTask) -> bool:
        return False


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def context(folder: str) -> WorkerContext:
    root = Path(folder)
    places = Places(FilesystemObjectStore(root / "s3"), FilesystemObjectStore(root / "internal"))
    return WorkerContext(places, NoTasks(), now_ms)


def athena_csv(rows: int) -> list[bytes]:
    """A CSV as Athena writes it, in pieces: every value quoted, about 40 bytes a row."""
    pieces = [b'"id","key","size"\n']
    for start in range(0, rows, 10_000):
        lines = (f'"{n}","images/{n:08d}.png","{n * 7919 % 1000003}"' for n in range(start, min(rows, start + 10_000)))
        pieces.append("\n".join(lines).encode() + b"\n")
    return pieces


def machine(*, express: bool) -> MachineRecord:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS" if express else "STANDARD"}
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
        "Parameters": {"Bucket": "data", "Key": "rows.csv"},
    }
    state = {
        "Type": "Map",
        "Label": "L",
        "ItemReader": reader,
        "ItemProcessor": {"ProcessorConfig": config, **PROCESSOR},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "data"}},
        "End": True,
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
        role_arn="arn:aws:iam::000000000000:role/bench",
        configuration={},
        revision_row=1,
        updated_ms=0,
    )


def command(*, export: bool) -> StartMapRun:
    writer = {"Parameters": {"Bucket": "data", "Prefix": "out"}, "Transformation": "COMPACT", "OutputType": "JSON"}
    return StartMapRun(
        key="0/4",
        map_run_arn=REALM.map_run("M", "L", "40663f35-0000-4000-8000-000000000000"),
        state_name="Map",
        input={},
        context={},
        variables={},
        reader={
            "Resource": "s3:getObject",
            "Parameters": {"Bucket": "data", "Key": "rows.csv"},
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "MaxItems": 0,
        },
        writer=writer if export else {"Parameters": None, "Transformation": "COMPACT", "OutputType": "JSON"},
    )


class Memory:
    """Peak of the memory of some processes together, shared pages counted once (PSS), sampled in a thread."""

    def __init__(self, pids: Callable[[], list[int]]) -> None:
        self._pids = pids
        self._stop = threading.Event()
        self.peak = 0
        self.last: dict[int, int] = {}
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._stop.wait(0.25):
            now = {pid: _pss(pid) for pid in self._pids()}
            if sum(now.values()) > self.peak:
                self.peak, self.last = sum(now.values()), now

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def _pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


async def run(folder: Path, *, rows: int, workers: int, express: bool, export: bool) -> None:
    objects = FilesystemObjectStore(folder / "s3")
    objects.create_bucket("data")
    objects.put("data", "rows.csv", iter(athena_csv(rows)))
    database = Database(folder / "steppe.db")
    # Workers find the factory by its module's name, which must not be __main__.
    sys.path.insert(0, str(Path(__file__).parent))
    factory = importlib.import_module("map_run_workers").context
    executor = LocalExecutor(workers=workers, factory=factory, arguments=(str(folder),))
    outcome: asyncio.Future[Stimulus] = asyncio.get_running_loop().create_future()
    runs = MapRuns(
        database=database,
        objects=objects,
        segments=FilesystemObjectStore(folder / "internal"),
        executor=executor,
        realm=REALM,
        clock=now_ms,
        name_key=b"bench",
        on_outcome=lambda _, stimulus: outcome.set_result(stimulus),
    )
    await executor.start()
    await asyncio.sleep(1.5)  # a server's workers are there when the first run begins
    memory = Memory(lambda: [os.getpid(), *executor.pids])
    wish = command(export=export)
    cpu = time.process_time()
    began = time.perf_counter()
    await runs.start(wish, execution_arn=REALM.execution("M", "e"), machine=machine(express=express))
    ended = await outcome
    seconds = time.perf_counter() - began
    memory.stop()
    counts = (await runs.describe(wish.map_run_arn) or {})["executionCounts"]
    disk = sum(f.stat().st_size for f in (folder / "internal").rglob("*") if f.is_file())
    disk += (folder / "steppe.db").stat().st_size
    print(f"outcome        {type(ended).__name__} {str(ended)[:150]}")
    print(f"children       {counts['succeeded']:,} succeeded of {counts['total']:,}")
    print(f"wall           {seconds:.2f} s   coordinator's cpu {time.process_time() - cpu:.2f} s")
    print(f"rate           {counts['total'] / seconds:,.0f} children a second")
    print(
        f"memory (PSS)   {memory.peak / 2**20:.0f} MiB   " + " ".join(f"{v / 2**20:.0f}" for v in memory.last.values())
    )
    print(f"disk           {disk / max(counts['total'], 1):.0f} bytes a child")
    for label, ask in (
        ("page of 100", runs.list_children(wish.map_run_arn, limit=100)),
        ("page, FAILED", runs.list_children(wish.map_run_arn, status="FAILED", limit=100)),
        ("describe run", runs.describe(wish.map_run_arn)),
    ):
        asked = time.perf_counter()
        answer = await ask
        print(f"{label:14} {(time.perf_counter() - asked) * 1000:.1f} ms")
        if label == "page of 100":
            page = answer
    asked = time.perf_counter()
    await runs.child_history(page[0][50]["executionArn"])
    print(f"child history  {(time.perf_counter() - asked) * 1000:.1f} ms")
    await runs.close()
    await executor.close()
    database.close()


def _no_child() -> tuple[Execution, bytes]:
    raise AssertionError("nothing in these children asks for context or chance")


def layers(folder: Path, *, rows: int = 50_000) -> None:
    """Processor time of one child, layer by layer, in microseconds, a shard of a thousand at a time."""
    objects = FilesystemObjectStore(folder / "s3")
    objects.create_bucket("data")
    objects.put("data", "rows.csv", iter(athena_csv(rows)))
    source = open_csv(pin(objects, "data", "rows.csv"), {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"})
    spent: dict[str, float] = {}

    def timed(label: str, work: Callable[[], JsonValue]) -> JsonValue:
        began = time.process_time()
        value = work()
        spent[label] = spent.get(label, 0.0) + time.process_time() - began
        return value

    record = machine(express=False)
    compiled = compile_plan(
        RunPlan(
            execution_arn=REALM.execution("M", "e"),
            machine_name="M",
            role_arn=record.role_arn,
            definition=record.definition,
            express=False,
            command=command(export=False),
        )
    )
    names, straight = ChildNames(b"bench"), compiled.straight
    machine_arn, role = compiled.child_machine_arn, record.role_arn
    identity = Identity(compiled.child_arn_prefix + "n", "n", machine_arn, "M", role, False, True)
    arns = ChildArns(
        run_id=1, prefix=compiled.child_arn_prefix, machine_arn=machine_arn, express=False, name_key=b"bench"
    )
    shape = RecordShape(arns=arns, transformation="NONE")
    reader = SegmentReader(objects, "data")

    def by_steps(value: JsonValue) -> tuple[bytes, bytes, bytes]:
        execution, history, _ = advance(compiled.program, new_execution(identity, value, 1), Start(), 1, b"seed")
        return json_text(value), json_text(execution.output), dump_history(history)

    # As worker processes have it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    ranges: list[ItemRange] = timed("scan into shards (coordinator)", lambda: list(source.split(Cut())))
    for part in ranges:
        items = timed("read rows", lambda: list(source.read(part)))
        bare = timed("names", lambda: [names.raw(1, item[0]) for item in items])
        ends = timed("run, JSON, history", lambda: [straight.run(item[2], 1, _no_child) for item in items])
        assert ends == timed("(the same by `advance`)", lambda: [by_steps(item[2]) for item in items])
        segment: list[Row] = [
            (item[0], 1, name, "SUCCEEDED", 1, 1, end.input, end.output, None, None, 0, end.history)
            for item, name, end in zip(items, bare, ends, strict=True)
        ]
        body = timed("Parquet, zstd", lambda: encode(segment))
        timed("put", lambda: objects.put("data", "segment", body))
        shard = ShardRecord(
            first_item=part.first_item,
            item_count=part.item_count,
            range_start=part.start,
            range_end=part.end,
            segments=[Segment("segment", items[0][0], items[-1][0], len(items), len(body)).dump()],
        )
        timed("results", lambda: list(result_texts(shard_table(reader, shard), shape, lines=False)))
    aside = spent.pop("(the same by `advance`)")

    def naive() -> None:
        out = io.StringIO()
        text = io.StringIO("".join(piece.decode() for piece in athena_csv(rows)))
        for row in csv.DictReader(text):
            row["mark"] = "seen"
            out.write(json.dumps(row) + "\n")

    total = sum(spent.values())
    for label, seconds in spent.items():
        print(f"  {label:34} {seconds / rows * 1e6:6.2f} us")
    print(f"  {'together':34} {total / rows * 1e6:6.2f} us")
    print(f"  {'run, JSON, history by `advance`':34} {aside / rows * 1e6:6.2f} us")
    began = time.process_time()
    naive()
    print(f"  {'yardstick: csv.DictReader and json':34} {(time.process_time() - began) / rows * 1e6:6.2f} us")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--express", action="store_true")
    parser.add_argument("--export", action="store_true", help="write results with ResultWriter")
    parser.add_argument("--layers", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.layers:
            layers(Path(folder) / "layers")
        asyncio.run(
            run(Path(folder), rows=given.rows, workers=given.workers, express=given.express, export=given.export)
        )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
