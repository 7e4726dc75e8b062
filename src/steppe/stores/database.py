"""The database: one writer with group commit, many readers.

Writes go through one thread. It takes everything that waits and commits once: a thousand small writes cost one commit,
and a piece that fails takes nobody down with it. A write's future is resolved after the commit, never before. A piece
of work may be run twice (the first run rolled back), so it changes nothing but the database. A few small rows are
committed in the event loop's own thread (`write_small`): that takes less than to wake up another thread and be woken by
it, and is put off to the writing thread whenever it would have to wait. Either way one transaction is open at a time.

SQLite in write-ahead-log mode is the embedded database. A commit is in the operating system's hands when it is told: it
survives the end of the process in any way. The log is forced to the disk at checkpoints only (`synchronous=NORMAL`), so
the end of the machine may take the last second of commits with it, whole commits and the newest ones only; what is left
is consistent. Checkpoints of what was committed in an event loop are made by the writing thread: no loop waits for a
disk. Work is written as functions of a SQLAlchemy connection:

    rows = await database.read(lambda c: c.execute(select(...)).all())
    await database.write(lambda c: c.execute(insert(...)))
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import sqlalchemy as sa

from steppe.base.errors import InternalError
from steppe.base.jsonvalue import JsonValue
from steppe.stores.kept import Kept
from steppe.stores.tables import MIGRATIONS, SCHEMA_VERSION, metadata, schema_info

_log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

_BATCH_MAX = 512
"""Pieces of work in one commit: enough to spread a commit thin, few enough that nobody waits long for it."""


_CHECKPOINT_PIECES = 500
"""Small pieces between two checkpoints: each changes about six pages, so they are some 12 MiB in the log."""

_UNCHECKED_PIECES_MAX = 4 * _CHECKPOINT_PIECES
"""Small pieces in the log at most: beyond, they wait for the checkpoint, lest the log outruns a slow disk."""


class SchemaMismatch(RuntimeError):
    """The data directory was written by a version of steppe that this one cannot read."""


class Database:
    """An open database. Close it to let the writer finish what is queued.

    Attributes:
        kept: rows in memory; of the event loop that looks at them.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the database in the file `path`.

        Raises:
            SchemaMismatch: the file was written by another version.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(
            f"sqlite:///{path}",
            poolclass=sa.pool.QueuePool,
            pool_size=8,
            max_overflow=8,
            connect_args={"check_same_thread": False, "timeout": 30},
        )
        sa.event.listen(self._engine, "connect", _prepare_sqlite)
        sa.event.listen(self._engine, "begin", _begin)
        with self._engine.begin() as connection:
            metadata.create_all(connection)
            _bring_up_to_date(connection, path)
        self._at_hand = self._autocommit()
        self._at_hand_lock = threading.Lock()
        self._small = self._engine.connect()
        self._small.exec_driver_sql("PRAGMA busy_timeout=0")
        self._small.exec_driver_sql("PRAGMA wal_autocheckpoint=0")
        self._small.rollback()
        self.kept = Kept()
        self._gathered: dict[asyncio.AbstractEventLoop, list[_Piece]] = {}
        self._small_pieces = 0
        self._checkpoint_ordered = False
        self._turn = threading.Lock()
        self._writer_wants_turn = False
        self._readers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="store-read")
        self._queue: queue.SimpleQueue[_Piece | _Order] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_loop, name="store-write", daemon=True)
        self._writer.start()
        self._closed = False

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a reading connection, in a thread; it sees the last commit."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, work)

    def read_now(self, work: Work[T]) -> T:
        """As `read`, in this thread."""
        with self._engine.connect() as connection:
            return work(connection)

    def look(self, work: Work[T]) -> T:
        """Run `work` at once, in this thread: for a few rows that are found by their keys.

        Such a read takes less than handing it to a thread and waking up again. Each statement sees the last commit.
        Not for lists, nor for what may take longer than an event loop can stand still.
        """
        with self._at_hand_lock:
            return work(self._at_hand)

    async def write(self, work: Work[T]) -> T:
        """Run `work` in the writer's next transaction; returns after the commit."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._put(work, _Awaited(loop, answer))
        return await answer

    async def write_small(self, work: Work[T]) -> T:
        """As `write`, for a few small rows: what gathers in one round of the event loop is one transaction there."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        gathered = self._gathered.get(loop)
        if gathered is None:
            gathered = self._gathered[loop] = []
            loop.call_soon(self._commit_gathered, loop)
        gathered.append((work, _Awaited(loop, answer)))
        return await answer

    def write_now(self, work: Work[T]) -> T:
        """As `write`, blocking this thread. Never from an event loop."""
        return self.submit(work).result()

    def submit(self, work: Work[T]) -> Future[T]:
        """Queue `work`; the future is resolved after the commit, or fails with what `work` raised."""
        future: Future[JsonValue] = Future()
        self._put(work, future)
        return future

    def _put(self, work: Work[JsonValue], waiting: _Waiting) -> None:
        if self._closed:
            raise InternalError("the database is closed", story="a write was submitted after close()")
        self._queue.put((work, waiting))

    def _commit_gathered(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what was given to `write_small`; what does not succeed at once is left to the writing thread."""
        batch = self._gathered.pop(loop)
        too_far = self._small_pieces >= _UNCHECKED_PIECES_MAX
        if self._closed or too_far or self._writer_wants_turn or not self._turn.acquire(blocking=False):
            self._hand_over(batch)
            return
        try:
            with self._small.begin():
                results = [work(self._small) for work, _ in batch]
            self.kept.committed(self._small)
        except Exception:  # the writing thread runs each by itself, and tells what is wrong with it
            self._hand_over(batch)
            return
        finally:
            self._turn.release()
        _tell_here([(waiting, None, result) for (_, waiting), result in zip(batch, results, strict=True)])
        self._small_pieces += len(batch)
        if self._small_pieces >= _CHECKPOINT_PIECES and not self._checkpoint_ordered:
            self._checkpoint_ordered = True
            self._queue.put(_Order.CHECKPOINT)

    def _hand_over(self, batch: list[_Piece]) -> None:
        for work, waiting in batch:
            try:
                self._put(work, waiting)
            except InternalError as closed:
                _tell_here([(waiting, closed, None)])

    def close(self) -> None:
        """Finish the queued writes and close all connections. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(_Order.END)
        self._writer.join()
        self._readers.shutdown()
        with self._at_hand_lock:
            self._at_hand.close()
        self._small.close()
        self._engine.dispose()

    def _write_loop(self) -> None:
        with self._engine.connect() as connection, self._autocommit() as log:
            while True:
                taken = [self._queue.get()]
                while len(taken) < _BATCH_MAX and taken[-1] is not _Order.END:
                    try:
                        taken.append(self._queue.get_nowait())
                    except queue.Empty:
                        break
                batch = [entry for entry in taken if not isinstance(entry, _Order)]
                if batch:
                    with self._its_turn():
                        self._commit(connection, batch)
                if _Order.CHECKPOINT in taken:
                    self._checkpoint(log)
                if taken[-1] is _Order.END:
                    return

    @contextlib.contextmanager
    def _its_turn(self) -> Iterator[None]:
        """Hold the turn to write; whoever would take it without waiting lets the writing thread go first."""
        self._writer_wants_turn = True
        with self._turn:
            self._writer_wants_turn = False
            yield

    def _checkpoint(self, log: sa.Connection) -> None:
        """Bring what is in the log into the database's file, for the log to begin anew.

        The bulk beside those who write. The rest, for which the log has to stand still, when nobody does.
        """
        try:
            log.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            with self._its_turn():
                log.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
        except sa.exc.OperationalError:  # a full or failing disk: the log grows, and the next one tries again
            _log.exception("the write-ahead log cannot be moved into the database")
        finally:
            self._small_pieces = 0
            self._checkpoint_ordered = False

    def _autocommit(self) -> sa.Connection:
        """A connection whose statements see and are transactions of their own."""
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _commit(self, connection: sa.Connection, batch: list[_Piece]) -> None:
        """One transaction for the batch; then, and only then, tell those who wait.

        Savepoints for every piece would cost more than the pieces. So the batch runs without, and only when something
        fails is it rolled back and run again, each piece in a transaction of its own.
        """
        try:
            with connection.begin():
                results = [work(connection) for work, _ in batch]
            self.kept.committed(connection)
        except Exception as error:  # handed to the one who asked
            if len(batch) == 1:
                _tell([(batch[0][1], error, None)])
                return
            for piece in batch:
                self._commit(connection, [piece])
            return
        _tell([(waiting, None, result) for (_, waiting), result in zip(batch, results, strict=True)])


@dataclass(frozen=True, slots=True)
class _Awaited:
    """Someone in an event loop who waits."""

    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[JsonValue]


class _Order(enum.Enum):
    """What the writing thread is told beside pieces of work."""

    CHECKPOINT = enum.auto()
    END = enum.auto()


_Waiting: TypeAlias = _Awaited | Future[JsonValue]
_Piece: TypeAlias = tuple[Work[JsonValue], _Waiting]
_Outcome: TypeAlias = tuple[_Waiting, BaseException | None, JsonValue]
"""Who waits, what was raised or None, what was returned."""


def _tell(outcomes: Sequence[_Outcome]) -> None:
    """Tell those who wait; an event loop is woken once for all of its own."""
    loops: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        waiting, error, result = outcome
        if isinstance(waiting, _Awaited):
            loops.setdefault(waiting.loop, []).append(outcome)
        elif error is not None:
            waiting.set_exception(error)
        else:
            waiting.set_result(result)
    for loop, own in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_tell_here, own)


def _tell_here(outcomes: Sequence[_Outcome]) -> None:
    for waiting, error, result in outcomes:
        assert isinstance(waiting, _Awaited)
        if waiting.answer.done():
            continue  # cancelled meanwhile
        if error is not None:
            waiting.answer.set_exception(error)
        else:
            waiting.answer.set_result(result)


def _begin(connection: sa.Connection) -> None:
    """Say BEGIN: pysqlite opens transactions by itself, and only at the first write."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.connection.cursor().execute("BEGIN")


def _bring_up_to_date(connection: sa.Connection, path: Path) -> None:
    """Bring tables that an older version made to what this one knows."""
    version = connection.execute(sa.select(schema_info.c.version)).scalar()
    if version is None:
        connection.execute(sa.insert(schema_info).values(version=SCHEMA_VERSION))
        return
    while version in MIGRATIONS:
        for statement in MIGRATIONS[version]:
            connection.exec_driver_sql(statement)
        version += 1
        connection.execute(sa.update(schema_info).values(version=version))
    if version != SCHEMA_VERSION:
        raise SchemaMismatch(f"{path} has schema version {version}, this steppe knows {SCHEMA_VERSION}")


def _prepare_sqlite(connection: JsonValue, _record: JsonValue) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "cache_size=-16384",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
