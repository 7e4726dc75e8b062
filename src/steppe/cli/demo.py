"""`steppe demo`: the article on real files. A table lists images, a query selects them, a Distributed Map copies them.

The state machine is `article.asl.json` beside this file. Running it again on the same data directory works: buckets
are kept, the table is made anew, and only the images of this run are listed. Images are read twice (to store, to
compare) and never held together, whatever their number.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import sys
import urllib.parse
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

from steppe.base import jsonvalue
from steppe.base.errors import ApiError, DefinitionError
from steppe.base.jsonvalue import JsonValue
from steppe.cli.calls import Calls, ensure_state_machine
from steppe.cli.embedded import failure, follow, run_embedded
from steppe.cli.errors import EXIT_FAILED, UserError
from steppe.cli.pictures import draw
from steppe.cli.progress import view
from steppe.settings import Settings
from steppe.wire.request import Stream

IMAGES, TABLES, RESULTS, COPIES = "demo-images", "demo-tables", "demo-results", "demo-copies"
SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svg", ".heic", ".avif", ".ico", ".jxl")
)
CHUNK_BYTES = 1 << 20

CREATE_TABLE = f"""
CREATE EXTERNAL TABLE mytable (key string, source string)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
LOCATION 's3://{TABLES}/mytable/'
TBLPROPERTIES ('skip.header.line.count' = '1')
"""


@dataclass(frozen=True, slots=True)
class Image:
    """One image to copy: its key in the bucket, and a way to read its bytes (again and again)."""

    key: str
    read: Callable[[], Iterator[bytes]]


def demo(settings: Settings, *, images: Path | None, count: int) -> None:
    """Run the article and say what was copied where.

    Args:
        settings: where things are kept.
        images: folder whose images are taken, with its sub-folders; None to draw some.
        count: how many to draw.

    Raises:
        UserError: there are no images, or the run or the comparison failed.
    """
    found = _in_folder(images) if images is not None else lambda: _drawn(count)

    async def work(calls: Calls) -> str:
        try:
            return await _demo(calls, settings, found)
        except (ApiError, DefinitionError) as error:
            raise UserError(f"the demo failed: {error}", exit_code=EXIT_FAILED) from error

    print(run_embedded(settings, work))


async def _demo(calls: Calls, settings: Settings, images: Callable[[], Iterator[Image]]) -> str:
    _say("1. putting the images into a bucket, and a list of them where a table looks for its rows")
    await _prepare_buckets(calls)
    image_count = await _store_images(calls, images)
    await _store_table(calls, images)
    _say(f"   {image_count:,} images")

    _say("2. CREATE EXTERNAL TABLE mytable")
    output = {"ResultConfigurationUpdates": {"OutputLocation": f"s3://{RESULTS}/"}}
    await calls("athena", "UpdateWorkGroup", WorkGroup="primary", ConfigurationUpdates=output)
    for statement in ("DROP TABLE IF EXISTS mytable", CREATE_TABLE):
        await _query(calls, statement)

    _say("3. running the state machine: the query, then a Distributed Map over its result")
    definition = resources.files("steppe.cli").joinpath("article.asl.json").read_text(encoding="utf-8")
    machine_arn = await ensure_state_machine(calls, name="article", definition=definition)
    started = await calls(
        "stepfunctions",
        "StartExecution",
        stateMachineArn=machine_arn,
        name=f"demo-{uuid.uuid4()}",
        input=jsonvalue.dumps({"destination": COPIES, "results": RESULTS}),
    )
    description = await follow(calls, started["executionArn"], view())
    if description["status"] != "SUCCEEDED":
        raise failure(description)

    _say("4. comparing each copy with its image, byte by byte")
    size_bytes = await _compare(calls, images)
    return _story(settings, description, image_count=image_count, size_bytes=size_bytes)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _in_folder(folder: Path) -> Callable[[], Iterator[Image]]:
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder")

    def images() -> Iterator[Image]:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                key = path.relative_to(folder).as_posix()
                if not key.isprintable() or "\\" in key:
                    # A backslash is the table's escape character, which the SQL engine does not read.
                    raise UserError(f"the file name {key!r} cannot stand in a line of a table; rename it")
                yield Image(key, partial(_file_chunks, path))

    if next(images(), None) is None:
        raise UserError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))})")
    return images


def _drawn(count: int) -> Iterator[Image]:
    for number in range(1, count + 1):
        yield Image(f"picture-{number:05}.png", partial(_picture, number))


def _picture(number: int) -> Iterator[bytes]:
    yield draw(number)


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}", exit_code=EXIT_FAILED) from error


async def _prepare_buckets(calls: Calls) -> None:
    for bucket in (IMAGES, TABLES, RESULTS, COPIES):
        try:
            await calls("s3", "CreateBucket", Bucket=bucket)
        except ApiError as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise


async def _store_images(calls: Calls, images: Callable[[], Iterator[Image]]) -> int:
    count = 0
    for image in images():
        await calls("s3", "PutObject", body=_body(image.read()), Bucket=IMAGES, Key=image.key)
        count += 1
    return count


async def _store_table(calls: Calls, images: Callable[[], Iterator[Image]]) -> None:
    """The table's rows: key, and the source as CopyObject wants it: percent-encoded, which no intrinsic can do."""

    def lines() -> Iterator[bytes]:
        yield b"key,source\n"
        for image in images():
            line = io.StringIO()
            csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(
                (image.key, urllib.parse.quote(f"{IMAGES}/{image.key}"))
            )
            yield line.getvalue().encode()

    await calls("s3", "PutObject", body=_body(lines()), Bucket=TABLES, Key="mytable/images.csv")


async def _body(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(0)  # what else runs in this loop gets its turn


async def _query(calls: Calls, statement: str) -> None:
    """Run one statement to its end.

    Raises:
        UserError: it failed; the message is Athena's.
    """
    started = await calls("athena", "StartQueryExecution", QueryString=statement, WorkGroup="primary")
    while True:
        answer = await calls("athena", "GetQueryExecution", QueryExecutionId=started["QueryExecutionId"])
        status = answer["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            return
        if status["State"] in ("FAILED", "CANCELLED"):
            raise UserError(f"{statement.strip()}: {status.get('StateChangeReason')}", exit_code=EXIT_FAILED)
        await asyncio.sleep(0.02)


async def _compare(calls: Calls, images: Callable[[], Iterator[Image]]) -> int:
    """Compare every copy with what was stored; the sum of their sizes in bytes.

    Raises:
        UserError: one differs.
    """
    size_bytes = 0
    for image in images():
        wanted, copied = hashlib.sha256(), hashlib.sha256()
        for chunk in image.read():
            wanted.update(chunk)
            size_bytes += len(chunk)
        answer = await calls("s3", "GetObject", Bucket=COPIES, Key=image.key)
        body: Stream = answer["Body"]
        async for chunk in body.chunks:
            copied.update(chunk)
        if wanted.digest() != copied.digest():
            raise UserError(f"the copy of {image.key} differs from the image", exit_code=EXIT_FAILED)
    return size_bytes


def _story(settings: Settings, description: dict[str, JsonValue], *, image_count: int, size_bytes: int) -> str:
    seconds = (description["stopDate"] - description["startDate"]) / 1000
    arn = description["executionArn"]
    manifest = jsonvalue.loads(description["output"])["ResultWriterDetails"]
    port = settings.port or 4566
    return f"""
{image_count:,} images ({size_bytes / 1e6:,.1f} MB) copied in {seconds:.1f} s, every copy byte-identical.

  images   {_folder(settings, IMAGES)}
  copies   {_folder(settings, COPIES)}
  results  {_folder(settings, RESULTS)}

To look further, serve the same folder and ask it with what you have (the AWS CLI, boto3, ...):

  steppe serve --data-dir {settings.data_dir}
  export AWS_ENDPOINT_URL=http://127.0.0.1:{port} AWS_REGION={settings.region}
  export AWS_ACCESS_KEY_ID=steppe AWS_SECRET_ACCESS_KEY=steppe
  aws stepfunctions get-execution-history --execution-arn {arn}
  aws stepfunctions list-map-runs --execution-arn {arn}
  aws s3 ls s3://{COPIES}/
  aws s3 cp s3://{manifest["Bucket"]}/{manifest["Key"]} -"""


def _folder(settings: Settings, bucket: str) -> Path:
    return settings.data_dir.resolve() / "s3" / bucket
