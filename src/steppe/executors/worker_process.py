"""A worker process: `python -m steppe.executors.worker_process <socket> <lifeline>`, started by `local`.

It gets the factory of its context, then jobs, over the socket. It dies with its parent, whatever happens to that: a
thread waits on the lifeline, a pipe whose other end only the parent holds, and leaves when that end is gone; so neither
a long computation nor a blocked call can keep an orphan alive. Ctrl-C reaches the whole terminal group and is the
parent's to act on.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading

import uvloop

from steppe.base.jsonvalue import JsonValue
from steppe.executors import frames
from steppe.executors.job_host import JobHost, ReportKind

_GC_THRESHOLD = 50_000
"""Allocations between young collections: jobs make many short-lived values and no cycles to speak of."""


def main() -> None:
    """Serve jobs until the parent closes the socket or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, args=(int(sys.argv[2]),), name="lifeline", daemon=True).start()
    uvloop.run(_serve(socket.socket(fileno=int(sys.argv[1]))))


def _leave_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(3)


async def _serve(connection: socket.socket) -> None:
    reader, writer = await asyncio.open_connection(sock=connection)
    factory, arguments = await frames.receive(reader)
    context = factory(*arguments)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 50)

    def emit(kind: ReportKind, job_id: int, value: JsonValue) -> None:
        writer.write(frames.pack_error(job_id, value) if kind == "raised" else frames.pack((kind, job_id, value)))

    host = JobHost(context=context, emit=emit)
    writer.write(frames.pack(("ready", 0, None)))
    while True:
        try:
            kind, job_id, value = await frames.receive(reader)
        except EOFError:
            break
        match kind:
            case "start":
                host.start(job_id, *value)
            case "message":
                host.deliver(job_id, value)
            case "cancel":
                host.cancel(job_id)
    # The parent has closed on purpose: there is nobody left to report to, and nothing here that must be kept.
    os._exit(0)


if __name__ == "__main__":
    main()
