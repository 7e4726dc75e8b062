"""A whole server inside this process, for the commands that run one thing and end: `run` and `demo`.

It listens on loopback too, on a free port: worker processes reach it there.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import uvloop

from steppe.assemble import Server
from steppe.base.jsonvalue import JsonValue
from steppe.cli.calls import Calls
from steppe.cli.data_dir import locked
from steppe.cli.errors import EXIT_FAILED, EXIT_INTERRUPTED, UserError
from steppe.cli.progress import View
from steppe.cli.watch import look
from steppe.settings import Settings
from steppe.stores.database import SchemaMismatch

T = TypeVar("T")

LOOK_SECONDS = 0.25
"""Between two looks at an execution, once it has run for a moment."""


def run_embedded(settings: Settings, work: Callable[[Calls], Awaitable[T]]) -> T:
    """Start a server on the data directory, do `work` with it, stop it. SIGTERM ends it as Ctrl-C does.

    Raises:
        UserError: the data directory cannot be used, or the user interrupted.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with locked(settings.data_dir):
        try:
            return uvloop.run(_run(settings, work))
        except SchemaMismatch as error:
            raise UserError(str(error)) from error
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise UserError("interrupted", exit_code=EXIT_INTERRUPTED) from None


async def _run(settings: Settings, work: Callable[[Calls], Awaitable[T]]) -> T:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with _started(replace(settings, host="127.0.0.1", port=0)) as server:
        return await work(Calls(server))


@asynccontextmanager
async def _started(settings: Settings) -> AsyncIterator[Server]:
    server = Server(settings)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


async def follow(calls: Calls, execution_arn: str, view: View) -> dict[str, JsonValue]:
    """Show an execution until it ends; the answer of DescribeExecution then.

    An interruption stops the execution: who presses Ctrl-C does not want it to go on at the next start.
    """
    pause = 0.02
    try:
        with view:
            while True:
                seen = await look(calls, execution_arn)
                view.show(seen)
                if seen.status != "RUNNING":
                    return seen.description
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, LOOK_SECONDS)
    except asyncio.CancelledError:
        cause = "interrupted at the command line"
        await calls("stepfunctions", "StopExecution", executionArn=execution_arn, error="Interrupted", cause=cause)
        raise


def failure(description: dict[str, JsonValue]) -> UserError:
    """The end of a command whose execution did not succeed: status, error and cause in one line."""
    parts = [description["status"], description.get("error"), description.get("cause")]
    return UserError(": ".join(str(part) for part in parts if part), exit_code=EXIT_FAILED)
