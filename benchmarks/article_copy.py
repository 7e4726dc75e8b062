#!/usr/bin/env python3
"""The article's copy over many objects, beside a boto3 script that copies the same objects with a pool of threads.

Both use the same server: the article runs inside it (query, Distributed Map, copies, results), the script sends it one
CopyObject an object over HTTP, as it would to any S3 endpoint.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from measure import ROLE, Memory, client, print_table, stopwatch, wait_for_end

from steppe.testing.server_process import ServerProcess

BUCKETS = IMAGES, TABLES, RESULTS, COPIES, COPIES_BOTO3 = "images", "tables", "results", "copies", "copies-boto3"
DEFINITION = Path(__file__).resolve().parent.parent / "examples" / "article.asl.json"


def main() -> None:
    """Run both and print."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="steppe-bench-", dir=options.folder))
    try:
        with ServerProcess(folder / "data", "--workers", str(options.workers), "--log-level", "warning") as server:
            _prepare(server, count=options.objects, size_bytes=options.bytes)
            with Memory(server.pid) as memory:
                article_seconds = _article(server, options.objects)
            boto3_seconds = _boto3(server, options.objects, threads=options.threads)
    finally:
        if not options.keep:
            shutil.rmtree(folder)
    count = options.objects
    print_table(
        f"copy of {count:,} objects of {options.bytes:,} bytes",
        [
            (
                "the article",
                f"{count / article_seconds:,.0f} objects a second ({article_seconds:.1f} s with the query)",
            ),
            ("peak memory", f"{memory.peak_bytes / 2**20:,.0f} MiB in {memory.process_count} processes"),
            (
                f"boto3, {options.threads} threads",
                f"{count / boto3_seconds:,.0f} objects a second ({boto3_seconds:.1f} s)",
            ),
            ("ratio", f"{boto3_seconds / article_seconds:.2f}"),
        ],
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=10_000, help="how many objects (10,000)")
    parser.add_argument("--bytes", type=int, default=20_000, help="size of each (20,000)")
    parser.add_argument("--threads", type=int, default=32, help="threads of the boto3 script (32)")
    parser.add_argument("--workers", type=int, default=0, help="worker processes; 0 is one a core")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to put the data (the system's temporary folder)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the data where it is")
    return parser.parse_args()


def _prepare(server: ServerProcess, *, count: int, size_bytes: int) -> None:
    s3, athena = client(server, "s3"), client(server, "athena")
    for bucket in BUCKETS:
        s3.create_bucket(Bucket=bucket)
    folder = server.data_dir / "s3" / IMAGES
    for number in range(count):
        path = folder / _key(number)
        if number % 1000 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(8, "big") * (size_bytes // 8))
    rows = "".join(f"{_key(number)},{IMAGES}/{_key(number)}\n" for number in range(count))
    s3.put_object(Bucket=TABLES, Key="mytable/list.csv", Body=rows.encode())
    athena.update_work_group(
        WorkGroup="primary", ConfigurationUpdates={"ResultConfigurationUpdates": {"OutputLocation": f"s3://{RESULTS}/"}}
    )
    statement = (
        "CREATE EXTERNAL TABLE mytable (key string, source string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        f"LOCATION 's3://{TABLES}/mytable/'"
    )
    query_id = athena.start_query_execution(QueryString=statement)["QueryExecutionId"]
    while (state := _state(athena, query_id)) != "SUCCEEDED":
        if state in ("FAILED", "CANCELLED"):
            raise SystemExit(f"{statement}: {state}")
        time.sleep(0.05)


def _key(number: int) -> str:
    return f"{number // 1000:04}/image-{number:07}.png"


def _state(athena: Any, query_id: str) -> str:
    return str(athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]["State"])


def _article(server: ServerProcess, count: int) -> float:
    sfn = client(server, "stepfunctions")
    machine = sfn.create_state_machine(name="article", definition=DEFINITION.read_text(), roleArn=ROLE)
    started = sfn.start_execution(
        stateMachineArn=machine["stateMachineArn"], input=json.dumps({"destination": COPIES, "results": RESULTS})
    )
    description = wait_for_end(sfn, started["executionArn"])
    run = sfn.describe_map_run(mapRunArn=json.loads(description["output"])["MapRunArn"])
    assert run["itemCounts"]["succeeded"] == count, run["itemCounts"]
    return float((description["stopDate"] - description["startDate"]).total_seconds())


def _boto3(server: ServerProcess, count: int, *, threads: int) -> float:
    s3 = client(server, "s3", connections=threads)

    def copy(number: int) -> None:
        key = _key(number)
        s3.copy_object(Bucket=COPIES_BOTO3, Key=key, CopySource={"Bucket": IMAGES, "Key": key})

    with stopwatch() as seconds, ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(copy, range(count)):
            pass
    return seconds[0]


if __name__ == "__main__":
    main()
