"""ResultWriter: the files SUCCEEDED_n, FAILED_n, PENDING_n and the manifest. A job in the worker pool.

It asks the coordinator for the shards page by page, from the first to the last as they are done, and writes as it goes,
so it holds one shard's children and two parts of each file. Files appear whole or not at all, and the manifest last; a
second attempt writes the same keys again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from steppe.base import jsonvalue
from steppe.base.errors import ApiError, Fault
from steppe.base.jsonvalue import JsonValue
from steppe.executors.executor import JobChannel
from steppe.maprun.child_inputs import child_inputs
from steppe.maprun.item_source import ItemRange
from steppe.maprun.plan import CompiledPlan
from steppe.maprun.record_columns import Texts, result_texts, shard_table
from steppe.maprun.result_records import RecordShape, pending_record
from steppe.maprun.segments import SegmentReader
from steppe.maprun.sources import reopen_source
from steppe.maprun.worker import WorkerContext
from steppe.objects.object_store import ObjectMetadata, ObjectStore
from steppe.stores.map_runs import ShardRecord

FILE_BYTES_MAX: Final = 5 * 1024**3
"""Size at which a result file ends and the next begins. Developer Guide, "ResultWriter"."""

_PART_BYTES: Final = 8 * 1024 * 1024
"""Parts of the upload: above S3's least size of 5 MiB, and few enough below its 10,000 for the largest file."""

_KINDS: Final = ("FAILED", "PENDING", "SUCCEEDED")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteJob:
    """What to write.

    Attributes:
        run_id, plan_key, source: as in ShardJob, for the inputs of children that were never started.
        map_run_arn: for the manifest.
        bucket, folder: where; the folder ends with a slash.
        shape: how records look.
        lines: JSON Lines instead of one JSON array a file.
        name_key: seed of the ItemSelector's chance, as when the children would have been started.
        exported: the last redrive whose results are written (0: the first attempt); -1 when there are none: successes
            up to then are in
        succeeded: files that the manifest lists first.
    """

    run_id: int
    plan_key: str
    source: JsonValue
    map_run_arn: str
    bucket: str
    folder: str
    shape: RecordShape
    lines: bool
    name_key: bytes
    exported: int = -1
    succeeded: Sequence[JsonValue] = ()


class Written(NamedTuple):
    """The key of the manifest, and the files of succeeded children that it lists."""

    manifest_key: str
    succeeded: list[JsonValue]


@dataclass(frozen=True, slots=True)
class ShardPage:
    """The next shards in item order; none at the end.

    `pending`: the run has not succeeded: list what was never started.
    """

    shards: Sequence[ShardRecord]
    pending: bool


async def write_results(context: WorkerContext, job: WriteJob, channel: JobChannel) -> Written:
    """Write all files.

    Messages: sends the first item from which it wants shards; gets a ShardPage.

    Raises:
        Fault: States.ResultWriterFailed.
    """
    inbox: asyncio.Queue[ShardPage] = asyncio.Queue()
    channel.on_message(inbox.put_nowait)
    results = _Results(context, job)
    from_item = 0
    try:
        while True:
            channel.send(from_item)
            channel.idle(True)
            page = await inbox.get()
            channel.idle(False)
            if not page.shards:
                return await asyncio.to_thread(results.finish)
            # In the worker's turn, not in a thread: that would have to wait for the interpreter again and again while
            # the worker's other jobs compute.
            async with channel.turn:
                for shard in page.shards:
                    await results.room()
                    results.add(shard, pending=page.pending)
            from_item = page.shards[-1].first_item + page.shards[-1].item_count
    except ApiError as error:
        await asyncio.to_thread(results.abort)
        raise Fault("States.ResultWriterFailed", _refusal(error)) from error
    except asyncio.CancelledError:
        results.abort()
        raise


class _Results:
    """The three files and the manifest."""

    def __init__(self, context: WorkerContext, job: WriteJob) -> None:
        self._context = context
        self._job = job
        self._store = context.places.objects
        self._reader = SegmentReader(context.places.internal, context.places.bucket)
        self._uploads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="result-parts")
        self._files = {kind: _ResultFiles(self._store, job, kind, self._uploads) for kind in _KINDS}
        self._unreadable = False

    async def room(self) -> None:
        """Wait until no part is on its way; a turn of the event loop at least."""
        under_way = [files.under_way for files in self._files.values() if files.under_way is not None]
        if under_way:
            await asyncio.wait([asyncio.wrap_future(part) for part in under_way])
        else:
            await asyncio.sleep(0)

    def add(self, shard: ShardRecord, *, pending: bool) -> None:
        """Write the children of a shard. `pending`: list those that were never started."""
        table = shard_table(self._reader, shard)
        for texts in result_texts(self._not_exported(table), self._job.shape, lines=self._job.lines):
            self._files[texts.kind].add_all(texts)
        if pending and not shard.done and not self._unreadable:
            started = set(table.column("item_index").to_pylist())
            try:
                for text in self._pending(shard, started):
                    self._files["PENDING"].add(text + b"\n" if self._job.lines else b"," + text)
            except Fault:
                # What cannot be read (any more) cannot be listed; the run has failed, and says so, for this reason.
                self._unreadable = True

    def _not_exported(self, table: pa.Table) -> pa.Table:
        """Of a shard's children those that are in no file of an earlier redrive."""
        exported = self._job.exported
        if exported < 0:
            return table
        good = pc.equal(table.column("status"), "SUCCEEDED")
        if "redrive" not in table.column_names:
            return table.filter(pc.invert(good))  # nothing of this shard was redriven yet
        return table.filter(pc.or_(pc.invert(good), pc.greater(table.column("redrive"), exported)))

    def finish(self) -> Written:
        """Complete the files and write the manifest."""
        job = self._job
        files = {kind: self._files[kind].finish() for kind in _KINDS}
        files["SUCCEEDED"] = [*job.succeeded, *files["SUCCEEDED"]]
        manifest = {"DestinationBucket": job.bucket, "MapRunArn": job.map_run_arn, "ResultFiles": files}
        key = f"{job.folder}manifest.json"
        metadata = ObjectMetadata(content_type="application/octet-stream")
        self._store.put(job.bucket, key, jsonvalue.dumpb(manifest), metadata=metadata)
        self._uploads.shutdown()
        return Written(key, files["SUCCEEDED"])

    def abort(self) -> None:
        """Forget the files that are not complete."""
        self._uploads.shutdown()
        for files in self._files.values():
            files.abort()

    def _pending(self, shard: ShardRecord, started: set[int]) -> Iterator[bytes]:
        job = self._job
        compiled: CompiledPlan = self._context.compiled(job.run_id, job.plan_key)
        source = reopen_source(job.source, self._context.places)
        items = ItemRange(shard.first_item, shard.item_count, shard.range_start, shard.range_end)
        inputs = child_inputs(
            compiled, source, items, now_ms=self._context.clock(), name_key=job.name_key, run_id=job.run_id
        )
        for item_index, _, value in inputs:
            if item_index not in started:
                yield pending_record(value)


class _ResultFiles:
    """The files of one kind: the next one begins when one is full.

    A part is hashed and written by another thread while the next one's records are made; never more than one waits, so
    a kind holds two parts at the most.
    """

    def __init__(self, store: ObjectStore, job: WriteJob, kind: str, uploads: ThreadPoolExecutor) -> None:
        self._store = store
        self._uploads = uploads
        self.under_way: Future[str] | None = None
        """The part on its way."""
        self._bucket = job.bucket
        self._name = f"{job.folder}{kind}_"
        self._lines = job.lines
        self._written: list[JsonValue] = []
        self._part = bytearray()
        self._size = 0
        self._upload: str | None = None
        self._parts: list[tuple[int, str]] = []

    def add_all(self, texts: Texts) -> None:
        """Many records."""
        if self._size + len(texts.joined) < FILE_BYTES_MAX:
            self.add(texts.joined)
            return
        begin = 0
        for end in texts.ends:
            self.add(texts.joined[begin:end])
            begin = end

    def add(self, text: bytes) -> None:
        """A record with its line feed, or with a comma in front. Or several that will all be in the same file."""
        part = self._part
        if self._lines or self._size:
            part += text
        elif text:
            part += b"["
            part += memoryview(text)[1:]
        self._size += len(text)
        if len(part) >= _PART_BYTES:
            self._put_part()
            if self._size >= FILE_BYTES_MAX:
                self._complete()

    def finish(self) -> list[JsonValue]:
        """Complete the last file; all of them, as the manifest lists them."""
        if self._size:
            self._complete()
        return self._written

    def abort(self) -> None:
        """Forget the file that is not complete."""
        if self._upload is not None:
            try:
                self._store.abort_upload(self._bucket, self._key, self._upload)
            except ApiError:
                return  # it is gone already, or its bucket is

    @property
    def _key(self) -> str:
        return f"{self._name}{len(self._written)}.{'jsonl' if self._lines else 'json'}"

    def _put_part(self) -> None:
        if self._upload is None:
            metadata = ObjectMetadata(content_type="binary/octet-stream")
            self._upload = self._store.create_upload(self._bucket, self._key, metadata=metadata)
        self._await_part()
        number = len(self._parts) + 1
        self.under_way = self._uploads.submit(
            self._store.put_part, self._bucket, self._key, self._upload, number, bytes(self._part)
        )
        self._part.clear()

    def _await_part(self) -> None:
        if self.under_way is not None:
            self._parts.append((len(self._parts) + 1, self.under_way.result()))
            self.under_way = None

    def _complete(self) -> None:
        if not self._lines:
            self._part += b"]"
            self._size += 1
        if self._part:
            self._put_part()
        self._await_part()
        assert self._upload is not None
        self._store.complete_upload(self._bucket, self._key, self._upload, self._parts)
        self._written.append({"Key": self._key, "Size": self._size})
        self._upload, self._parts, self._size = None, [], 0


def _refusal(error: ApiError) -> str:
    return f"{error.message} (Service: S3, Status Code: {error.status}, Error: {error.code})"
