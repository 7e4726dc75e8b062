"""The logs of executions: events that are durable, as lines, in the file of their log group.

Nothing is queued in memory but the rows of executions that have something new: the lines are made of the history in
the database, from the cursor of the execution (`stores.deliveries`) on. So executions never wait for their logs, a disk
that is full only delays them, and after a crash the next server goes on where the cursors are. A line may be written
twice then, as in CloudWatch Logs.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import sqlalchemy as sa

from steppe.runtime.line_files import Lines
from steppe.runtime.log_lines import lines
from steppe.stores import deliveries
from steppe.stores.database import Database
from steppe.stores.deliveries import LogCursor

_log = logging.getLogger(__name__)

_WAITING_MAX = 10_000
"""Executions noted as having something new; beyond it all that are logged are looked at."""

_BATCH_EXECUTIONS = 64
_BATCH_BYTES = 1024 * 1024
_GATHER_SECONDS = 0.02
"""What comes this close together is read and written at once."""

_AGAIN_SECONDS = 1.0


class LogDelivery:
    """Writes what is new of logged executions. `wake` from the event loop only."""

    def __init__(self, database: Database, sink: Lines) -> None:
        self._database = database
        self._sink = sink
        self._waiting: dict[int, None] = {}
        self._after: int | None = 0  # of a walk over all logged executions; None when there is none to do
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin, with what an earlier server has left."""
        self._news.set()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Write what is there to write, as far as that goes at once, and end. After the engine has stopped."""
        self._stopping = True
        self._news.set()
        if self._task is not None:
            await self._task
        self._sink.close()

    def wake(self, execution_id: int) -> None:
        """An execution has new events."""
        self._waiting[execution_id] = None
        if len(self._waiting) > _WAITING_MAX:
            self._waiting.clear()
            self._after = 0
        self._news.set()

    async def _run(self) -> None:
        while not self._stopping:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(_GATHER_SECONDS)
            try:
                await self._deliver_all()
            except (OSError, sa.exc.SQLAlchemyError):
                _log.exception("logs of executions cannot be written; trying again")
                self._after = 0
                await asyncio.sleep(_AGAIN_SECONDS)
                self._news.set()

    async def _deliver_all(self) -> None:
        while self._waiting or self._after is not None:
            if not self._waiting:
                assert self._after is not None
                page = partial(deliveries.logged_executions, after_id=self._after, limit=_BATCH_EXECUTIONS)
                rows = await self._database.read(page)
                self._after = rows[-1] if rows else None
                self._waiting |= dict.fromkeys(rows)
            batch = list(self._waiting)[:_BATCH_EXECUTIONS]
            for row in batch:
                del self._waiting[row]
            try:
                left = await self._deliver(batch)
            except BaseException:
                self._waiting |= dict.fromkeys(batch)
                raise
            self._waiting |= dict.fromkeys(left)

    async def _deliver(self, rows: list[int]) -> list[int]:
        """Log what is new of some executions, a bounded part of it; returns those that have more."""
        by_group, cursors, left = await self._database.read(partial(_new_lines, rows=rows))
        await asyncio.to_thread(self._write, by_group)

        def advance(c: sa.Connection) -> None:
            for cursor in cursors:
                deliveries.advance_log(c, cursor)

        if cursors:
            await self._database.write(advance)
        return left

    def _write(self, by_group: dict[str, list[bytes]]) -> None:
        for group, parts in by_group.items():
            text = b"".join(parts)
            if text:
                self._sink.write(group, text)


def _new_lines(c: sa.Connection, rows: list[int]) -> tuple[dict[str, list[bytes]], list[LogCursor], list[int]]:
    """New lines by log group, the cursors after them, and the executions of which more is left."""
    by_group: dict[str, list[bytes]] = {}
    cursors: list[LogCursor] = []
    left: list[int] = []
    size_bytes = 0
    for number, row in enumerate(rows):
        if size_bytes > _BATCH_BYTES:
            return by_group, cursors, left + rows[number:]
        cursor = deliveries.find_log_cursor(c, row)
        if cursor is None:
            continue
        parts = by_group.setdefault(cursor.log_group, [])
        while events := deliveries.events_to_log(c, cursor):
            text, cursor = lines(cursor, events)
            parts.append(text)
            size_bytes += len(text)
            if size_bytes > _BATCH_BYTES:
                left.append(row)  # there may be more of it
                break
        cursors.append(cursor)
    return by_group, cursors, left
