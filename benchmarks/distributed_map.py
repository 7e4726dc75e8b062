#!/usr/bin/env python3
"""A Distributed Map over a large CSV, beside a naive loop over the same file in the same run.

Every row becomes a Standard child execution of three states (Pass, Choice, Succeed), durable and listable, and
ResultWriter is on; with --express they are Express executions. The naive loop reads with csv.DictReader, does the same
work in plain Python and writes one JSON line a row; nothing of it survives a crash or can be asked for. It says how
fast this machine is today.

With --pages the finished run is asked for pages, children and counts while another run is going on. With --ministack
MiniStack (from PyPI) runs the same definition over as many rows, in the same run, without ResultWriter.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import csv
import datetime
import json
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measure import ROLE, Memory, client, cpu_seconds, folder_bytes, print_table, stopwatch, wait_for_end
from start_execution import ministack

from steppe.testing.server_process import ServerProcess

BUCKET = "bench"
LIMIT = 500
COUNTRIES = ("DE", "FR", "MN")

DEFINITION = {
    "StartAt": "Map",
    "States": {
        "Map": {
            "Type": "Map",
            "Label": "Rows",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
                "Parameters": {"Bucket": BUCKET, "Key": "rows.csv"},
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Shape",
                "States": {
                    "Shape": {
                        "Type": "Pass",
                        "Parameters": {"order.$": "$.id", "customer.$": "$.customer", "amount.$": "$.amount"},
                        "Next": "Large",
                    },
                    "Large": {
                        "Type": "Choice",
                        "Choices": [
                            {"Variable": "$.amount", "StringGreaterThanEquals": f"{LIMIT:06}", "Next": "Review"}
                        ],
                        "Default": "Accept",
                    },
                    "Review": {"Type": "Succeed"},
                    "Accept": {"Type": "Succeed"},
                },
            },
            "ResultWriter": {
                "Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": BUCKET, "Prefix": "results"},
            },
            "End": True,
        }
    },
}


def main() -> None:
    """Run both and print."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="steppe-bench-", dir=options.folder))
    try:
        source = folder / "rows.csv"
        _write_rows(source, options.rows)
        cpu_before = time.process_time()
        naive_seconds = _naive(source, folder / "naive.jsonl")
        naive_cpu = time.process_time() - cpu_before
        print_table(
            f"naive loop over {options.rows:,} rows",
            [
                ("rows a second", f"{options.rows / naive_seconds:,.0f}"),
                ("seconds", f"{naive_seconds:.1f}"),
                ("processor time", f"{naive_cpu:.1f} s, {naive_cpu / options.rows * 1e6:.0f} microseconds a row"),
            ],
        )
        found = _steppe(source, folder / "data", options)
        ran_seconds = found.pop("_seconds")
        found["ratio to the naive loop"] = f"{naive_seconds / ran_seconds:.2f}"
        kind = "Express" if options.express else "Standard"
        print_table(f"Distributed Map over {options.rows:,} rows, {kind} children", list(found.items()))
        if options.ministack:
            rate = options.rows / ran_seconds
            print_table(f"MiniStack over {options.ministack:,} rows", _ministack(folder, options.ministack, rate))
    finally:
        if not options.keep:
            shutil.rmtree(folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the CSV (1,000,000)")
    parser.add_argument("--express", action="store_true", help="Express children")
    parser.add_argument("--pages", action="store_true", help="ask for pages during another run of a fifth of the rows")
    parser.add_argument("--ministack", type=int, default=0, metavar="ROWS", help="MiniStack over so many rows")
    parser.add_argument("--workers", type=int, default=0, help="worker processes; 0 is one a core")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to put the data (the system's temporary folder)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the data where it is")
    return parser.parse_args()


def _write_rows(path: Path, count: int) -> None:
    chance = random.Random(1)
    with path.open("w", newline="") as file:
        file.write("id,customer,amount,country,comment\n")
        for number in range(count):
            amount = chance.randrange(1000)
            file.write(f"{number},customer-{number % 9973},{amount:06},{COUNTRIES[number % 3]},a short comment\n")


def _naive(source: Path, target: Path) -> float:
    with stopwatch() as seconds, source.open(newline="") as rows, target.open("w") as out:
        for index, row in enumerate(csv.DictReader(rows)):
            shaped = {"order": row["id"], "customer": row["customer"], "amount": row["amount"]}
            end = "Review" if shaped["amount"] >= f"{LIMIT:06}" else "Accept"
            now = datetime.datetime.now(datetime.UTC).isoformat()
            record = {"index": index, "status": "SUCCEEDED", "start": now, "input": row, "end": end, "output": shaped}
            out.write(json.dumps(record) + "\n")
    return seconds[0]


def _definition(*, express: bool = False, writer: bool = True, key: str = "rows.csv") -> str:
    definition: Any = copy.deepcopy(DEFINITION)
    state = definition["States"]["Map"]
    state["ItemReader"]["Parameters"]["Key"] = key
    if express:
        state["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] = "EXPRESS"
    if not writer:
        del state["ResultWriter"]
    return json.dumps(definition)


def _steppe(source: Path, data_dir: Path, options: argparse.Namespace) -> dict[str, Any]:
    rows = options.rows
    with ServerProcess(data_dir, "--workers", str(options.workers), "--log-level", "warning") as server:
        sfn, s3 = client(server, "stepfunctions"), client(server, "s3")
        s3.create_bucket(Bucket=BUCKET)
        os.link(source, data_dir / "s3" / BUCKET / "rows.csv")
        before_bytes = folder_bytes(data_dir)
        machine = sfn.create_state_machine(name="bench", definition=_definition(express=options.express), roleArn=ROLE)
        cpu_before = cpu_seconds(server.pid)
        with Memory(server.pid) as memory, stopwatch() as seconds:
            execution_arn = sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
            ran_seconds = _wait_for_children(sfn, execution_arn, rows)
            description = wait_for_end(sfn, execution_arn)
        used_seconds = cpu_seconds(server.pid) - cpu_before
        output = json.loads(description["output"])
        _check(sfn, output["MapRunArn"], rows, express=options.express)
        result_bytes = folder_bytes(data_dir / "s3" / BUCKET / "results")
        state_bytes = folder_bytes(data_dir) - before_bytes - result_bytes
        run_seconds = (description["stopDate"] - description["startDate"]).total_seconds()
        pages = _pages(sfn, s3, source, output["MapRunArn"], rows) if options.pages else {}
    return {
        "rows a second": f"{rows / run_seconds:,.0f}",
        "seconds": f"{run_seconds:.1f} (children ended after {ran_seconds:.1f}, the client saw {seconds[0]:.1f})",
        "processor time": f"{used_seconds:.1f} s, {used_seconds / rows * 1e6:.0f} microseconds a row",
        "peak memory": f"{memory.peak_bytes / 2**20:,.0f} MiB in {memory.process_count} processes",
        "bytes on disk a child": f"{state_bytes / rows:,.0f} (and {result_bytes / rows:,.0f} in result files)",
        **pages,
        "_seconds": run_seconds,
    }


def _pages(sfn: Any, s3: Any, source: Path, map_run_arn: str, rows: int) -> dict[str, str]:
    """How long answers about a finished run take, median and slowest, while another run is going on."""
    with source.open("rb") as file:
        part = file.read(source.stat().st_size // 5).rpartition(b"\n")[0]
    s3.put_object(Bucket=BUCKET, Key="other.csv", Body=part)
    other = sfn.create_state_machine(name="other", definition=_definition(key="other.csv"), roleArn=ROLE)
    arn = sfn.start_execution(stateMachineArn=other["stateMachineArn"])["executionArn"]
    time.sleep(0.5)
    chance = random.Random(2)
    taken: dict[str, list[float]] = {"DescribeMapRun": [], "ListExecutions": [], "a child's history": []}
    token: dict[str, str] = {}
    while sfn.describe_execution(executionArn=arn)["status"] == "RUNNING" and len(taken["ListExecutions"]) < 200:
        with _timed(taken["DescribeMapRun"]):
            sfn.describe_map_run(mapRunArn=map_run_arn)
        with _timed(taken["ListExecutions"]):
            page = sfn.list_executions(mapRunArn=map_run_arn, maxResults=100, **token)
        token = {"nextToken": page["nextToken"]} if "nextToken" in page else {}
        child = chance.choice(page["executions"])["executionArn"]
        with _timed(taken["a child's history"]):
            sfn.get_execution_history(executionArn=child)
        time.sleep(0.02)
    wait_for_end(sfn, arn)
    return {
        f"{name} meanwhile": f"{statistics.median(times) * 1000:.0f} ms, the slowest {max(times) * 1000:.0f}"
        for name, times in taken.items()
        if times
    }


@contextlib.contextmanager
def _timed(taken: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    taken.append(time.perf_counter() - began)


def _ministack(folder: Path, rows: int, our_rate: float) -> list[tuple[str, str]]:
    """The same children in MiniStack. Its runs have no ResultWriter here, ours have."""
    source = folder / "peer.csv"
    _write_rows(source, rows)
    with ministack("s3,stepfunctions") as (url, pid):
        sfn, s3 = client(url, "stepfunctions"), client(url, "s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.upload_file(str(source), BUCKET, "rows.csv")
        machine = sfn.create_state_machine(name="bench", definition=_definition(writer=False), roleArn=ROLE)
        cpu_before = cpu_seconds(pid)
        with Memory(pid) as memory, stopwatch() as seconds:
            arn = sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
            while sfn.describe_execution(executionArn=arn)["status"] == "RUNNING":
                time.sleep(0.25)
        ended = sfn.describe_execution(executionArn=arn)
        used_seconds = cpu_seconds(pid) - cpu_before
    return [
        ("ended as", f"{ended['status']} {ended.get('error', '')}"),
        ("rows a second", f"{rows / seconds[0]:,.0f}"),
        ("processor time", f"{used_seconds:.1f} s, {used_seconds / rows * 1e6:.0f} microseconds a row"),
        ("peak memory", f"{memory.peak_bytes / 2**20:,.0f} MiB"),
        ("steppe is faster", f"{our_rate * seconds[0] / rows:.1f} times"),
    ]


def _wait_for_children(sfn: Any, execution_arn: str, rows: int) -> float:
    """Wait until all children have ended and only results are to be written; seconds since the start of the Map Run."""
    while sfn.describe_execution(executionArn=execution_arn)["status"] == "RUNNING":
        for run in sfn.list_map_runs(executionArn=execution_arn)["mapRuns"]:
            counts = sfn.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
            if counts["succeeded"] == rows:
                now = datetime.datetime.now(datetime.UTC)
                return float((now - run["startDate"]).total_seconds())
        time.sleep(0.25)
    return float("nan")


def _check(sfn: Any, map_run_arn: str, rows: int, *, express: bool) -> None:
    """The children are there: counted, and when they are Standard ones listed, described, with their history."""
    counts = sfn.describe_map_run(mapRunArn=map_run_arn)["itemCounts"]
    assert counts["total"] == counts["succeeded"] == rows, counts
    if express:
        return
    page = sfn.list_executions(mapRunArn=map_run_arn, maxResults=1000)["executions"]
    assert len(page) == min(rows, 1000)
    child = sfn.describe_execution(executionArn=page[-1]["executionArn"])
    assert child["status"] == "SUCCEEDED"
    events = sfn.get_execution_history(executionArn=page[-1]["executionArn"])["events"]
    assert events[-1]["type"] == "ExecutionSucceeded"


if __name__ == "__main__":
    main()
