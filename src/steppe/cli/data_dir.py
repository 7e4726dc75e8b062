"""One process at a time keeps a data directory: an advisory lock on a file in it, which ends with the process.

Two servers on one directory would both drive the same executions. The kernel drops the lock however the process ends,
so there is nothing to clean up after a crash. The file says who holds it, for the message to the second one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steppe.cli.errors import UserError


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Make the directory if need be and hold it while the block runs.

    Raises:
        UserError: another process holds it (named by pid), or it cannot be made.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UserError(f"cannot use the data directory {data_dir}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            raise UserError(
                f"the data directory {data_dir.resolve()} is in use by another steppe (process {holder}); "
                "stop that one, or take another directory with --data-dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
