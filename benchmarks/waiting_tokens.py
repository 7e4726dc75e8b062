"""Executions that wait for task tokens: what they cost in memory, and how fast SendTaskSuccess answers.

    python benchmarks/waiting_tokens.py [--executions 2000] [--input-bytes 1000]

Starts executions of a machine whose one task hands out its token (to an object in S3) and waits; then answers all of
them, over one connection, one after the other. Memory is that of the server with its worker, before and while they
wait, and after a restart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from measure import ROLE, Memory, client, cpu_seconds, print_table
from start_execution import WARM_SECONDS, Client

from steppe.testing.server_process import ServerProcess

RESOURCE = "arn:aws:states:::aws-sdk:s3:putObject.waitForTaskToken"
MACHINE = {
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Task",
            "Resource": RESOURCE,
            "Parameters": {"Bucket": "tokens", "Key.$": "$$.Execution.Name", "Body.$": "$$.Task.Token"},
            "HeartbeatSeconds": 3600,
            "End": True,
        }
    },
}


def memory_bytes(server: ServerProcess) -> int:
    """What the server and its worker take now."""
    with Memory(server.pid) as memory:
        time.sleep(0.5)
    return memory.peak_bytes


async def start_all(url: str, arn: str, *, count: int, payload: str) -> None:
    """Start the executions, eight at a time."""

    async def some(first: int) -> None:
        connection = Client(url)
        for number in range(first, count, 8):
            await connection.call("StartExecution", stateMachineArn=arn, name=f"n{number}", input=payload)
        connection.close()

    await asyncio.gather(*(some(first) for first in range(8)))


async def answer_all(url: str, tokens: list[str]) -> list[float]:
    """Answer every token; milliseconds of each answer."""
    connection = Client(url)
    latencies = []
    for token in tokens:
        began = time.perf_counter()
        await connection.call("SendTaskSuccess", taskToken=token, output="{}")
        latencies.append((time.perf_counter() - began) * 1000)
    connection.close()
    return latencies


def tokens_of(server: ServerProcess, count: int) -> list[str]:
    """The tokens, once all have been handed out."""
    folder = server.data_dir / "s3" / "tokens"
    deadline = time.monotonic() + 120
    while sum(1 for path in folder.iterdir() if path.is_file()) < count:
        if time.monotonic() > deadline:
            raise SystemExit("not all tokens are handed out")
        time.sleep(0.1)
    return [json.loads((folder / f"n{number}").read_text()) for number in range(count)]


def ms(latencies: list[float]) -> str:
    """Middle and end of a distribution."""
    ordered = sorted(latencies)
    return f"{ordered[len(ordered) // 2]:.2f} ms (99%: {ordered[len(ordered) * 99 // 100]:.2f} ms)"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=2000)
    parser.add_argument("--input-bytes", type=int, default=1000)
    options = parser.parse_args()
    count = options.executions
    payload = json.dumps({"x": "x" * (options.input_bytes - 8)})
    with (
        tempfile.TemporaryDirectory(prefix="steppe-bench-") as folder,
        ServerProcess(Path(folder) / "data", "--workers", "1") as server,
    ):
        sfn = client(server, "stepfunctions")
        client(server, "s3").create_bucket(Bucket="tokens")
        arn = sfn.create_state_machine(name="waits", definition=json.dumps(MACHINE), roleArn=ROLE)["stateMachineArn"]
        asyncio.run(start_all(server.url, arn, count=1, payload=payload))
        tokens_of(server, 1)
        time.sleep(WARM_SECONDS)
        before = memory_bytes(server)
        other = sfn.create_state_machine(name="many", definition=json.dumps(MACHINE), roleArn=ROLE)["stateMachineArn"]
        asyncio.run(start_all(server.url, other, count=count, payload=payload))
        tokens = tokens_of(server, count)
        waiting = memory_bytes(server)
        server.stop()
        server.start()
        time.sleep(WARM_SECONDS)
        restarted = memory_bytes(server)
        cpu = cpu_seconds(server.pid)
        latencies = asyncio.run(answer_all(server.url, tokens))
        cpu = cpu_seconds(server.pid) - cpu
    print_table(
        f"{count} executions that wait for tokens, inputs of {options.input_bytes} bytes",
        [
            ("memory, all of it, before", f"{before / 2**20:.0f} MiB"),
            ("while they wait", f"{waiting / 2**20:.0f} MiB: {(waiting - before) / 2**20:.0f} more"),
            ("after a restart", f"{restarted / 2**20:.0f} MiB"),
            ("SendTaskSuccess", f"{ms(latencies)}, server {cpu / count * 1e6:.0f} us each"),
        ],
    )


if __name__ == "__main__":
    main()
