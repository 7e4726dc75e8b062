"""What all Map Runs of a server share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from steppe.executors.executor import Executor
from steppe.maprun.result_records import ChildArns
from steppe.maprun.sources import Places
from steppe.stores.database import Database
from steppe.stores.map_runs import RunRecord

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What all Map Runs of a server share.

    Attributes:
        database, places, executor: where things are kept, and where children run.
        clock: epoch milliseconds.
        name_key: the server's key of children's names.
        boot: text that no other start of a server has: keeps segments of a dead one's attempts apart from ours.
        threads: for what blocks.
    """

    database: Database
    places: Places
    executor: Executor
    clock: Callable[[], int]
    name_key: bytes
    boot: str
    threads: ThreadPoolExecutor

    def in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Run what blocks."""
        return asyncio.get_running_loop().run_in_executor(self.threads, lambda: work(*args, **kwargs))

    def child_arns(self, run: RunRecord) -> ChildArns:
        """Names and ARNs of a run's children."""
        express = bool(run.settings["express"])
        kind = "express" if express else "execution"
        return ChildArns(
            run_id=run.id,
            prefix=run.child_machine_arn.replace(":stateMachine:", f":{kind}:", 1) + ":",
            machine_arn=run.child_machine_arn,
            express=express,
            name_key=self.name_key,
        )
