"""What the benchmarks share: a server with clients, the memory of a tree of processes, sizes of folders, a table."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from steppe.testing.server_process import ServerProcess, descendants

SAMPLE_SECONDS = 0.1
ROLE = "arn:aws:iam::000000000000:role/benchmark"


def client(server: ServerProcess | str, service: str, *, connections: int = 10, **config: Any) -> Any:
    """A boto3 client of a server, or of a URL; `config` is for botocore's Config."""
    return boto3.client(
        service,
        endpoint_url=server if isinstance(server, str) else server.url,
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=Config(max_pool_connections=connections, read_timeout=600, **config),
    )


class Memory:
    """Peak of the memory that a process and all below it take together, in bytes.

    Proportional set size: a page shared by several processes counts once. Read from /proc every SAMPLE_SECONDS.
    """

    def __init__(self, pid: int) -> None:
        """Prepare to watch `pid` and what it starts."""
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_bytes = 0
        self.process_count = 0

    def __enter__(self) -> Memory:
        """Begin to sample."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop sampling."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            processes = {self._pid, *descendants(self._pid)}
            self.peak_bytes = max(self.peak_bytes, sum(map(_pss_bytes, processes)))
            self.process_count = max(self.process_count, len(processes))
            if self._stop.wait(SAMPLE_SECONDS):
                return


def _pss_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and all that runs below it have used so far.

    On a busy machine it says more than the clock does: seconds of work, not of waiting for a turn.
    """
    ticks = 0
    for process in (pid, *descendants(pid)):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def folder_bytes(folder: Path) -> int:
    """Sum of the sizes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextlib.contextmanager
def stopwatch() -> Iterator[list[float]]:
    """A list that has the seconds of the block as its one entry after it."""
    seconds: list[float] = []
    began = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - began)


def wait_for_end(sfn: Any, execution_arn: str) -> dict[str, Any]:
    """Wait for an execution to end; its description.

    Raises:
        SystemExit: it did not succeed.
    """
    while True:
        description: dict[str, Any] = sfn.describe_execution(executionArn=execution_arn)
        if description["status"] == "SUCCEEDED":
            return description
        if description["status"] != "RUNNING":
            raise SystemExit(f"{description['status']}: {description.get('error')}: {description.get('cause')}")
        time.sleep(0.25)


def print_table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Lines of name and value."""
    width = max(len(name) for name, _ in rows)
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")
