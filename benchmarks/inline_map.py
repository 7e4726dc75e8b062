#!/usr/bin/env python3
"""Inline Maps of one Pass: 3,000 items in a Standard execution, 10,000 in an Express one, over HTTP with boto3.

Between client and end are one request, the steps of the interpreter with a commit after each, and the history of a
Standard execution. The naive loop beside it does the same to the items in plain Python: how fast the machine is today.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import ROLE, Memory, client, cpu_seconds, print_table

from steppe.testing.server_process import ServerProcess

DEFINITION = {
    "StartAt": "Map",
    "States": {
        "Map": {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "Mark", "States": {"Mark": {"Type": "Pass", "End": True}}},
            "End": True,
        }
    },
}


def main() -> None:
    """Run all and print."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="steppe-bench-", dir=options.folder))
    try:
        with ServerProcess(folder / "data", "--workers", "1", "--log-level", "warning") as server:
            # StartSyncExecution goes to a host of its own on AWS; here there is one.
            sfn = client(server, "stepfunctions", inject_host_prefix=False)
            for express, count in ((False, options.items), (True, options.express_items)):
                _measure(server, sfn, express=express, count=count, runs=options.runs)
    finally:
        shutil.rmtree(folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=3_000, help="items of the Standard execution (3,000)")
    parser.add_argument("--express-items", type=int, default=10_000, help="items of the Express execution (10,000)")
    parser.add_argument("--runs", type=int, default=3, help="executions of each; the fastest counts (3)")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to put the data (the system's temporary folder)"
    )
    return parser.parse_args()


def _measure(server: ServerProcess, sfn: Any, *, express: bool, count: int, runs: int) -> None:
    kind = "EXPRESS" if express else "STANDARD"
    machine = sfn.create_state_machine(
        name=f"inline-{kind}", definition=json.dumps(DEFINITION), roleArn=ROLE, type=kind
    )["stateMachineArn"]
    items = json.dumps(list(range(count)))
    naive = min(_naive(items) for _ in range(runs))
    best, cpu = float("inf"), float("inf")
    with Memory(server.pid) as memory:
        for _ in range(runs):
            cpu_before = cpu_seconds(server.pid)
            best = min(best, _express(sfn, machine, items) if express else _standard(sfn, machine, items))
            cpu = min(cpu, cpu_seconds(server.pid) - cpu_before)
    print_table(
        f"inline Map over {count:,} items, {kind.title()}",
        [
            ("seconds", f"{best:.3f}"),
            ("items a second", f"{count / best:,.0f}"),
            ("processor time", f"{cpu:.2f} s, {cpu / count * 1e6:.0f} microseconds an item"),
            ("peak memory", f"{memory.peak_bytes / 2**20:,.0f} MiB in {memory.process_count} processes"),
            ("naive loop", f"{naive * 1000:.1f} ms: {naive / best:.2f} of its speed"),
        ],
    )


def _standard(sfn: Any, machine: str, items: str) -> float:
    began = time.perf_counter()
    arn = sfn.start_execution(stateMachineArn=machine, input=items)["executionArn"]
    while (described := sfn.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    if described["status"] != "SUCCEEDED" or described["output"].count(",") != items.count(","):
        raise SystemExit(f"{described['status']}: {described.get('error')}: {described.get('cause')}")
    return seconds


def _express(sfn: Any, machine: str, items: str) -> float:
    began = time.perf_counter()
    ended = sfn.start_sync_execution(stateMachineArn=machine, input=items)
    seconds = time.perf_counter() - began
    if ended["status"] != "SUCCEEDED":
        raise SystemExit(f"{ended['status']}: {ended.get('error')}: {ended.get('cause')}")
    return seconds


def _naive(items: str) -> float:
    """The items through a function, an event written as JSON for each step of each."""
    began = time.perf_counter()
    events = []
    for index, item in enumerate(json.loads(items)):
        for kind in ("MapIterationStarted", "PassStateEntered", "PassStateExited", "MapIterationSucceeded"):
            events.append(json.dumps({"id": len(events), "type": kind, "index": index, "value": item}))
    json.dumps(events)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
