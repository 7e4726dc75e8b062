"""StartExecution to SUCCEEDED: executions of a one-Pass machine a second, over HTTP, durable, next to MiniStack.

    python benchmarks/start_execution.py [--seconds 5] [--clients 16] [--alone]

Each client starts an execution and asks DescribeExecution until it has SUCCEEDED, over one connection, again and again.
The clients are coroutines that write ready-made requests, so that they take little of the processor that the servers
need. Both servers are measured in the same run, one after the other. `server` is the processor time of the server for
one execution: the figure to compare on a busy machine. With --alone steppe only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from measure import ROLE, cpu_seconds, print_table

from steppe.testing.server_process import ServerProcess

MACHINE = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
SCOPE = "Credential=bench/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0"

WARM_SECONDS = 3.0
"""Worker processes are still starting when a server answers for the first time."""


class Client:
    """One connection, one request at a time."""

    def __init__(self, url: str) -> None:
        """Prepare for a server."""
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None

    async def call(self, operation: str, **members: object) -> dict[str, object]:
        """The answer of an operation.

        Raises:
            SystemExit: it was refused.
        """
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        body = json.dumps(members).encode()
        head = (
            f"POST / HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"X-Amz-Target: AWSStepFunctions.{operation}\r\nAuthorization: AWS4-HMAC-SHA256 {SCOPE}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        raw = await self._reader.readuntil(b"\r\n\r\n")
        lines = raw.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        answer = await self._reader.readexactly(int(headers["content-length"]))
        if " 200 " not in lines[0]:
            raise SystemExit(f"{operation}: {lines[0]} {answer.decode(errors='replace')[:500]}")
        found: dict[str, object] = json.loads(answer)
        return found

    def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.close()


@dataclass(frozen=True)
class Figures:
    """What came out of one server."""

    executions: int
    seconds: float
    server_seconds: float
    latencies_ms: list[float]

    def row(self, name: str) -> tuple[str, str]:
        """A line of the table."""
        ordered = sorted(self.latencies_ms)
        middle, late = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
        return name, (
            f"{self.executions / self.seconds:7.0f} a second, {middle:.1f} ms (99%: {late:.1f} ms), "
            f"server {self.server_seconds / self.executions * 1e6:.0f} us each"
        )


async def measure(url: str, pid: int, *, clients: int, seconds: float) -> Figures:
    """Start executions and see them succeed for a while."""
    first = Client(url)
    arn = (await first.call("CreateStateMachine", name="one-pass", definition=json.dumps(MACHINE), roleArn=ROLE))[
        "stateMachineArn"
    ]
    await first.call("StartExecution", stateMachineArn=arn)
    first.close()
    await asyncio.sleep(WARM_SECONDS)
    latencies: list[float] = []
    began, cpu = time.perf_counter(), cpu_seconds(pid)

    async def work() -> None:
        client = Client(url)
        while time.perf_counter() - began < seconds:
            start = time.perf_counter()
            execution = (await client.call("StartExecution", stateMachineArn=arn))["executionArn"]
            while (await client.call("DescribeExecution", executionArn=execution))["status"] != "SUCCEEDED":  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            latencies.append((time.perf_counter() - start) * 1000)
        client.close()

    await asyncio.gather(*(work() for _ in range(clients)))
    return Figures(len(latencies), time.perf_counter() - began, cpu_seconds(pid) - cpu, latencies)


@contextlib.contextmanager
def ministack(services: str = "stepfunctions") -> Iterator[tuple[str, int]]:
    """MiniStack with some services on a free port of the loopback address: its URL and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "SERVICES": services, "LOG_LEVEL": "ERROR"}
    command = [str(Path(sys.executable).with_name("ministack"))]
    process = subprocess.Popen(command, env=os.environ | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        else:
            raise SystemExit("MiniStack does not answer")
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="steppe-bench-") as folder,
        ServerProcess(Path(folder) / "data", "--workers", "1") as server,
    ):
        ours = asyncio.run(measure(server.url, server.pid, clients=options.clients, seconds=options.seconds))
        rows.append(ours.row("steppe"))
    if not options.alone:
        with ministack() as (url, pid):
            theirs = asyncio.run(measure(url, pid, clients=options.clients, seconds=options.seconds))
        rows.append(theirs.row("MiniStack"))
        ratio = (ours.executions / ours.seconds) / (theirs.executions / theirs.seconds)
        rows.append(("ratio", f"{ratio:.1f} times"))
    print_table(f"StartExecution to SUCCEEDED, {options.clients} clients", rows)


if __name__ == "__main__":
    main()
