"""`steppe serve` as a process of its own: for tests that kill it, and for tests of programs that only know a URL.

with ServerProcess(tmp_path / "data") as server:
    s3 = boto3.client("s3", endpoint_url=server.url, ...)
    server.kill()
    server.start()      # the same data directory again, on another port
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
POLL_SECONDS = 0.02


class ServerProcess:
    """A server on loopback and a free port. Nothing of it is left when the block ends.

    Attributes:
        url: where it answers; changes with every start.
        data_dir: what it keeps.
        log: file with its standard output and standard error, of all starts.
    """

    def __init__(self, data_dir: Path, *options: str) -> None:
        """Prepare; `options` go to `steppe serve` as they are."""
        self.data_dir = data_dir
        self.url = ""
        self.log = data_dir.with_name(data_dir.name + ".log")
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, whatever state it is in."""
        if self._process is not None:
            self.stop()

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it ended instead, or did not get ready in START_SECONDS_MAX; with the end of its log.
        """
        ready = self.data_dir.with_name(self.data_dir.name + ".url")
        ready.unlink(missing_ok=True)
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "steppe", "serve", "--port", "0"]
        command += ["--data-dir", str(self.data_dir), "--ready-file", str(ready), *self._options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603
        deadline = time.monotonic() + START_SECONDS_MAX
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"steppe serve did not get ready:\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(POLL_SECONDS)
        self.url = ready.read_text()

    @property
    def pid(self) -> int:
        """Process id of the server, not of its workers."""
        assert self._process is not None, "not started"
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL to the server alone, as a crash: its workers have to notice by themselves."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """SIGTERM, and wait; the exit code.

        Raises:
            RuntimeError: it did not stop in STOP_SECONDS_MAX (it is killed then).
        """
        assert self._process is not None, "not started"
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for it to end, after a signal; the exit code.

        Raises:
            RuntimeError: it did not end in STOP_SECONDS_MAX (it is killed then).
        """
        assert self._process is not None, "not started"
        try:
            return self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"steppe serve did not end in {STOP_SECONDS_MAX} seconds") from None
        finally:
            self.kill()


def descendants(pid: int) -> set[int]:
    """Process ids below `pid`, read from /proc; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name (second field) may hold anything, a bracket too; the parent's id is the second field after it.
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it ended meanwhile
        children.setdefault(parent, []).append(int(entry.parent.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            found.add(child)
            waiting.append(child)
    return found


def is_running(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return not Path("/proc/self").exists()
