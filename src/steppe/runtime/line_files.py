"""Files that lines are appended to, whole lines only, and standard output in their place.

A process that is killed within a write leaves the beginning of a line. Whoever opens the file next cuts it off: its
line was not reported as written, and is written again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Protocol

_OPEN_MAX = 64
_NAME_MAX = 200
_TAIL_BYTES = 65536


class Lines(Protocol):
    """Where lines go."""

    def write(self, name: str, lines: bytes) -> None:
        """Append whole lines to what has this name; they are the system's when this returns. May raise OSError."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class LineFolder:
    """A file `<name>.jsonl` in a folder for every name; `/`, which is in most names of log groups, becomes `+`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, int] = OrderedDict()

    def write(self, name: str, lines: bytes) -> None:
        """See `Lines.write`."""
        descriptor = self._open.get(name)
        if descriptor is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = self._open[name] = open_whole(self._folder / file_name(name))
            if len(self._open) > _OPEN_MAX:
                os.close(self._open.popitem(last=False)[1])
        else:
            self._open.move_to_end(name)
        write_all(descriptor, lines)

    def close(self) -> None:
        """Close the files."""
        while self._open:
            os.close(self._open.popitem()[1])


class LineFile:
    """One file for all names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def write(self, name: str, lines: bytes) -> None:
        """See `Lines.write`."""
        if self._descriptor is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = open_whole(self._path)
        write_all(self._descriptor, lines)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class StandardOutput:
    """The process's standard output."""

    def write(self, name: str, lines: bytes) -> None:
        """See `Lines.write`."""
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()

    def close(self) -> None:
        """Standard output is not ours to close."""


def file_name(name: str) -> str:
    """The file's name for a log group: its own, cut where a file system would refuse it."""
    plain = name.replace("/", "+")
    if len(plain) > _NAME_MAX:
        plain = f"{plain[:_NAME_MAX]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return f"{plain}.jsonl"


def open_whole(path: Path) -> int:
    """A descriptor to append to a file that ends with a whole line; what follows its last line break is cut off."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        end = os.fstat(descriptor).st_size
        place = end
        while place > 0:
            start = max(0, place - _TAIL_BYTES)
            found = os.pread(descriptor, place - start, start).rfind(b"\n")
            if found >= 0:
                place = start + found + 1
                break
            place = start
        if place < end:
            os.ftruncate(descriptor, place)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def write_all(descriptor: int, lines: bytes) -> None:
    """Write everything; when that fails, nothing of it is left, so that it can be written again."""
    end = os.fstat(descriptor).st_size
    rest = memoryview(lines)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        os.ftruncate(descriptor, end)
        raise
