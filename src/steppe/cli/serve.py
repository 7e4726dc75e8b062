"""`steppe serve`: the server until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path

import uvloop

from steppe.assemble import Server
from steppe.cli.data_dir import locked
from steppe.cli.errors import UserError
from steppe.settings import Settings
from steppe.stores.database import SchemaMismatch

_GC_THRESHOLD = 20_000
"""Allocations between young collections: requests make many short-lived values and hardly a cycle."""

STOP_SECONDS_MAX = 20
"""How long a clean stop may take. What is not done by then is done at the next start, as after a crash."""


def serve(settings: Settings, *, ready_file: Path | None, log_level: str) -> None:
    """Serve until SIGINT or SIGTERM; a second signal ends the process at once.

    Args:
        settings: where to listen and what to keep where.
        ready_file: gets the server's URL, whole, when it answers; None for nobody who waits.
        log_level: a name that `logging` knows.

    Raises:
        UserError: the directory is in use or from another version, or the port cannot be had.
    """
    logging.basicConfig(
        stream=sys.stderr, level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    with locked(settings.data_dir):
        try:
            uvloop.run(_serve(settings, ready_file))
        except SchemaMismatch as error:
            raise UserError(str(error)) from error


async def _serve(settings: Settings, ready_file: Path | None) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    try:
        server = Server(settings)
    except OSError as error:
        raise UserError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}") from error
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop_or_end, stop)
    await server.start()
    _settle_garbage()
    _announce(server.url, settings)
    if ready_file is not None:
        _write_whole(ready_file, server.url)
    await stop.wait()
    print("stopping", file=sys.stderr)
    try:
        await asyncio.wait_for(server.stop(), STOP_SECONDS_MAX)
    except TimeoutError:
        logging.getLogger("steppe.cli").warning("not stopped after %s seconds; ending all the same", STOP_SECONDS_MAX)
        os._exit(0)


def _settle_garbage() -> None:
    """What was loaded stays: to look through it for garbage again and again costs requests a tenth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 50)


def _stop_or_end(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(1)
    stop.set()


def _announce(url: str, settings: Settings) -> None:
    key, secret = next(iter(settings.access_keys.items()), ("steppe", "steppe"))
    shown = secret if not settings.access_keys else "<its secret>"
    print(f"steppe is ready at {url} (data directory {settings.data_dir.resolve()})")
    print(f"  export AWS_ENDPOINT_URL={url} AWS_REGION={settings.region}")
    print(f"  export AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={shown}", flush=True)


def _write_whole(path: Path, text: str) -> None:
    """Whoever polls for the file reads all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".draft")
    draft.write_text(text)
    draft.replace(path)
