"""Runs query executions: a bounded number at once, in threads, each from QUEUED to its end in the store.

The queue is the store's: what a server leaves unfinished, the next one ends as FAILED and says that it may be tried
again. Results go to the object store as a stream; an object appears whole or not at all, so a query that fails after
its millionth row leaves none.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.objects.object_store import ObjectMetadata, ObjectStore
from steppe.services.athena import prepared
from steppe.services.athena.reuse import earlier_result
from steppe.sql import definitions, explain, results, write_reader
from steppe.sql.catalog import Catalog
from steppe.sql.engines.duckdb_engine import DuckdbEngine, StopSignal
from steppe.sql.errors import MalformedQuery, QueryCancelled, QueryError
from steppe.sql.statement import Statement, classify
from steppe.sql.types import BIGINT, BOOLEAN, VARCHAR, column_info
from steppe.sql.writes import WriteContext, Writing
from steppe.stores.queries import Document, QueryRecord, QueryStore
from steppe.stores.saved_queries import SavedQueryStore

CONCURRENT_MAX = 4
QUEUED_MAX = 2000

_LOST = QueryError("GENERIC_INTERNAL_ERROR", "The server ended while the query was queued or running", retryable=True)
_log = logging.getLogger(__name__)


class _ScanCutoff(Exception):
    """The query's tables are larger than the work group allows."""


class Runner:
    """Takes executions and brings each to an end."""

    def __init__(
        self,
        *,
        store: QueryStore,
        saved: SavedQueryStore,
        objects: ObjectStore,
        catalog: Catalog,
        engine: DuckdbEngine,
        clock: Callable[[], int],
        query_seconds: int,
    ) -> None:
        """Take what executions need.

        Args:
            store: their records.
            saved: prepared statements.
            objects: where results go.
            catalog: what definitions change.
            engine: what runs queries.
            clock: epoch milliseconds.
            query_seconds: how long one may run; 0 for ever.
        """
        self._store = store
        self._saved = saved
        self._objects = objects
        self._catalog = catalog
        self._engine = engine
        self._writing = Writing(catalog, objects, engine)
        self._clock = clock
        self._query_seconds = query_seconds
        self._pool = ThreadPoolExecutor(max_workers=CONCURRENT_MAX, thread_name_prefix="athena-query")
        self._stops: dict[str, StopSignal] = {}
        self._lock = threading.Lock()
        self._closing = False

    def recover(self) -> None:
        """End what an earlier server left."""
        for query_id in self._store.unfinished():
            self._fail(query_id, _LOST, {})

    def is_full(self) -> bool:
        """Whether so many executions wait that no more are taken."""
        with self._lock:
            return len(self._stops) >= QUEUED_MAX

    def submit(self, record: QueryRecord) -> None:
        """Queue a stored execution."""
        with self._lock:
            self._stops[record.id] = StopSignal()
        self._pool.submit(self._run, record)

    def stop(self, query_id: str) -> None:
        """StopQueryExecution: CANCELLED now; the engine ends as soon as it notices."""
        said = "Query cancelled by user"
        self._store.change(query_id, state="CANCELLED", changes={"reason": said, "completed_ms": self._clock()})
        with self._lock:
            signal = self._stops.get(query_id)
        if signal is not None:
            signal.stop()

    def close(self) -> None:
        """Stop everything; what was running stays unfinished in the store, for the next `recover`."""
        self._closing = True
        with self._lock:
            signals = list(self._stops.values())
        for signal in signals:
            signal.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, record: QueryRecord) -> None:
        """One execution. The last resort for errors stands here: a query must end, whatever happens."""
        signal = self._stops[record.id]
        began = self._clock()
        queued = max(1, began - record.submitted_ms)
        times: Document = {"queue_ms": queued, "began_ms": began}
        try:
            if self._closing or not self._store.change(record.id, state="RUNNING", changes=times):
                return
            started = time.monotonic()
            with self._time_limit(signal):
                changes = self._answer(record, signal)
            signal.check()
            changes |= {"engine_ms": max(1, int((time.monotonic() - started) * 1000)), "completed_ms": self._clock()}
            self._store.change(record.id, state="SUCCEEDED", changes=changes)
        except QueryCancelled:
            return  # `stop` has said so in the store, or the server is closing
        except _ScanCutoff:
            said = "Query cancelled! : Bytes scanned limit was exceeded"
            ended = {"reason": said, "completed_ms": self._clock()}
            self._store.change(record.id, state="CANCELLED", changes={**times, **ended})
        except MalformedQuery as error:
            self._fail(record.id, QueryError("SYNTAX_ERROR", error.message), times)
        except QueryError as error:
            self._fail(record.id, error, times)
        except ApiError as error:
            self._fail(record.id, _storage_error(error, record.body["output_location"]), times)
        except Exception:
            _log.exception("query %s failed in a way that nobody expected", record.id)
            self._fail(record.id, QueryError("GENERIC_INTERNAL_ERROR", "internal error"), times)
            raise
        finally:
            with self._lock:
                self._stops.pop(record.id, None)

    @contextlib.contextmanager
    def _time_limit(self, signal: StopSignal) -> Iterator[None]:
        """Ends what takes longer than a query may."""
        if not self._query_seconds:
            yield
            return
        timer = threading.Timer(self._query_seconds, signal.expire, [self._query_seconds])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _fail(self, query_id: str, error: QueryError, changes: Document) -> None:
        described = {"ErrorCategory": 1 if error.retryable else error.category, "ErrorType": error.error_type,
                     "Retryable": error.retryable, "ErrorMessage": str(error)}  # fmt: skip
        ended = {"reason": str(error), "error": described, "completed_ms": self._clock(), "scanned_bytes": 0}
        self._store.change(query_id, state="FAILED", changes={**changes, **ended})

    def _answer(self, record: QueryRecord, signal: StopSignal) -> Document:
        """Run the statement and write its result; what the record then holds more."""
        reused = earlier_result(record, self._store, self._objects, self._clock())
        if reused is not None:
            return reused
        statement = prepared.bound(classify(record.body["query"]), record.body, record.work_group, self._saved)
        bucket, _, key = str(record.body["output_location"]).removeprefix("s3://").partition("/")
        self._objects.head_bucket(bucket)
        database = _database(record.body)
        match statement.family:
            case "query":
                return self._query(statement, record.body, signal, bucket, key)
            case "definition":
                return self._definition(statement, database, signal, bucket, key)
            case "writing":
                return self._written(statement, record.body, signal, bucket, key)
            case "explain":
                return self._explained(statement, database, signal, bucket, key)
            case "prepared":
                prepared.run(statement, record.work_group, self._saved, self._clock())
                self._put(bucket, key, b"", "text/plain")
                return {"columns": [], "scanned_bytes": 0}
            case _:
                raise QueryError("NOT_SUPPORTED", statement.substatement_type.replace("_", " "))

    def _query(self, statement: Statement, body: Document, signal: StopSignal, bucket: str, key: str) -> Document:
        database = _database(body)
        run = self._engine.run(statement, database=database, now_ms=self._clock(), stop=signal)
        planned = time.monotonic()
        try:
            for opened in run:
                planning_ms = max(1, int((time.monotonic() - planned) * 1000))
                if body.get("scan_cutoff") and opened.scanned_bytes > body["scan_cutoff"]:
                    raise _ScanCutoff
                self._put(bucket, key, opened.csv, "text/csv")
                metadata = results.metadata_bytes(self._engine_id(), opened.columns)
                self._put(bucket, key + ".metadata", metadata, "application/octet-stream")
                return {"columns": [asdict(c) for c in opened.columns], "scanned_bytes": opened.scanned_bytes,
                        "planning_ms": planning_ms, "update_count": 0}  # fmt: skip
        finally:
            run.close()  # type: ignore[attr-defined]
        raise QueryError("GENERIC_INTERNAL_ERROR", "the engine gave no result")

    def _explained(self, statement: Statement, database: str, signal: StopSignal, bucket: str, key: str) -> Document:
        asked = explain.read(statement)
        run = self._engine.run(asked.query, database=database, now_ms=self._clock(), stop=signal)
        try:
            opened = next(run)
        finally:
            run.close()  # type: ignore[attr-defined]
        if asked.kind == "validate":
            column, lines = column_info("Valid", BOOLEAN), ["true"]
        else:
            column, lines = column_info("Query Plan", VARCHAR), explain.plan_lines(opened.types, opened.scans)
        # Observed: the one text object with a header, and each line with an end.
        self._put(bucket, key, "".join(f"{line}\n" for line in [column.name, *lines]).encode(), "text/plain")
        metadata = results.metadata_bytes(self._engine_id(), [column])
        self._put(bucket, f"{key}.metadata", metadata, "application/octet-stream")
        return {"columns": [asdict(column)], "scanned_bytes": 0}

    def _written(self, statement: Statement, body: Document, signal: StopSignal, bucket: str, key: str) -> Document:
        """A statement that writes: its manifest and metadata are next to where a query's result would be."""

        def check_scan(scanned_bytes: int) -> None:
            if body.get("scan_cutoff") and scanned_bytes > body["scan_cutoff"]:
                raise _ScanCutoff

        engine_id = self._engine_id()
        context = WriteContext(
            database=_database(body),
            now_ms=self._clock(),
            engine_id=engine_id,
            output=str(body["output_location"]),
            enforced=bool(body.get("enforced")),
            stop=signal,
            check_scan=check_scan,
        )
        done = self._writing.run(write_reader.read(statement), context)
        columns = (column_info("rows", BIGINT),)
        key = key.removesuffix(".csv")
        answer: Document = {"columns": [asdict(c) for c in columns], "scanned_bytes": done.scanned_bytes,
                            "planning_ms": done.planning_ms, "update_count": done.row_count,
                            "written": True}  # fmt: skip
        if done.manifest:
            self._put(bucket, f"{key}-manifest.csv", (f"{uri}\n".encode() for uri in done.objects), "text/csv")
            answer["manifest"] = f"s3://{bucket}/{key}-manifest.csv"
        if done.update is not None:
            metadata = results.metadata_bytes(engine_id, columns, (done.update, done.row_count))
            self._put(bucket, f"{key}.metadata", metadata, "application/octet-stream")
        return answer

    def _definition(self, statement: Statement, database: str, signal: StopSignal, bucket: str, key: str) -> Document:
        now_ms = self._clock()
        done = definitions.run(
            statement,
            catalog=self._catalog,
            objects=self._objects,
            describe=lambda query, schema: self._engine.describe(query, schema, now_ms, signal),
            database=database,
            now_ms=now_ms,
        )
        self._put(bucket, key, "\n".join(done.lines).encode(), "text/plain")
        answer: Document = {"columns": [asdict(c) for c in done.columns], "scanned_bytes": 0}
        if done.substatement is not None:
            answer["substatement_type"] = done.substatement
        if done.columns:
            self._put(
                bucket,
                key + ".metadata",
                results.metadata_bytes(self._engine_id(), done.columns),
                "application/octet-stream",
            )
            if statement.substatement_type not in ("DESCRIBE_TABLE", "SHOW_CREATE_TABLE"):
                answer["update_count"] = 0
        return answer

    def _put(self, bucket: str, key: str, body: bytes | Iterator[bytes], content_type: str) -> None:
        self._objects.put(bucket, key, body, metadata=ObjectMetadata(content_type=content_type))

    def _engine_id(self) -> str:
        """The engine's own name of a query, in Trino's form: `20190513_152236_00114_n7swu`."""
        now = time.gmtime(self._clock() / 1000)
        serial = time.monotonic_ns()
        letters = "".join("abcdefghijkmnpqrstuvwxyz23456789"[serial >> shift & 31] for shift in (20, 25, 30, 35, 40))
        return f"{time.strftime('%Y%m%d_%H%M%S', now)}_{serial // 1000 % 100000:05d}_{letters}"


def _database(body: Document) -> str:
    return str(body["context"].get("Database") or "default").strip("`").lower()


def _storage_error(error: ApiError, location: JsonValue) -> QueryError:
    if error.code == "NoSuchBucket":
        said = (
            "The S3 location provided to save your query results is invalid. Please check your S3 location is correct "
            "and is in the same region and try again."
        )
        return QueryError("", said)
    said = f"writing the result to {location}: {error.code}: {error.message}"
    return QueryError("GENERIC_INTERNAL_ERROR", said, retryable=error.status >= 500)
