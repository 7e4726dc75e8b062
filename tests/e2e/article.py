"""The state machine of the article for tests: its two fragments as they stand, in a machine that copies objects."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from steppe.testing.server_process import ServerProcess

CHECKOUT = Path(__file__).resolve().parents[2]
ARTICLE = CHECKOUT.parent / "shared" / "article.md"
EXAMPLE = CHECKOUT / "examples" / "article.asl.json"

SOURCE, TARGET, TABLES, RESULTS = "source-images", "copied-images", "table-data", "query-results"
ROLE = "arn:aws:iam::000000000000:role/article"
RUN_SECONDS_MAX = 240
TERMINAL = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


def fragments() -> tuple[dict[str, Any], dict[str, Any]]:
    """The article's reader and query; from the example where the article's text is not beside the checkout."""
    if ARTICLE.exists():
        reader, query = (
            json.loads(block) for block in re.findall(r"```json\n(.*?)```", ARTICLE.read_text(), re.DOTALL)
        )
        return reader, query
    states = json.loads(EXAMPLE.read_text())["States"]
    return {"ItemReader": states["DistributedMapState"]["ItemReader"]}, states["Query"]


def definition(*, child: dict[str, Any] | None = None, **fields: Any) -> str:
    """Query, then the map over its result; `fields` are further members of the map."""
    reader, query = fragments()
    copy = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:copyObject",
        "Parameters": {
            "Bucket": TARGET,
            "Key.$": "$.key",
            "CopySource.$": "States.Format('{}/{}', $.bucket, $.key)",
        },
        "End": True,
    }
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "CopyObject",
        "States": {"CopyObject": child or copy},
    }
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": RESULTS, "Prefix": "copies"}}
    distributed_map = {"Type": "Map", **reader, "ItemProcessor": processor, "ResultWriter": writer, "End": True}
    states = {"Query": query, "DistributedMapState": distributed_map | fields}
    return json.dumps({"StartAt": "Query", "States": states})


@dataclass
class Aws:
    """boto3 clients of one endpoint."""

    url: str
    _made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """The client of a service, made once."""
        if service not in self._made:
            config = Config(retries={"max_attempts": 2}, max_pool_connections=16, read_timeout=120)
            self._made[service] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=config,
            )
        return self._made[service]

    @property
    def s3(self) -> Any:
        return self.client("s3")

    @property
    def sfn(self) -> Any:
        return self.client("stepfunctions")

    @property
    def athena(self) -> Any:
        return self.client("athena")

    def close(self) -> None:
        for client in self._made.values():
            client.close()


def image_bytes(number: int) -> bytes:
    """Bytes that are this image's alone, 40 to some 700 of them."""
    return (f"image {number}\n".encode() * (3 + number % 50))[: 40 + number % 661]


def image_key(number: int) -> str:
    return f"images/{number % 100:02}/{number:06}.png"


def prepare(aws: Aws, server: ServerProcess, count: int) -> None:
    """Buckets, `count` images as plain files in the bucket's folder, a table that lists them, an output location."""
    for bucket in (SOURCE, TARGET, TABLES, RESULTS):
        aws.s3.create_bucket(Bucket=bucket)
    folder = bucket_folder(server, SOURCE)
    for part in range(100):
        (folder / "images" / f"{part:02}").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / image_key(number)).write_bytes(image_bytes(number))
    rows = "".join(f"{SOURCE},{image_key(number)}\n" for number in range(count))
    aws.s3.put_object(Bucket=TABLES, Key="mytable/list.csv", Body=rows.encode())
    aws.athena.update_work_group(
        WorkGroup="primary", ConfigurationUpdates={"ResultConfigurationUpdates": {"OutputLocation": f"s3://{RESULTS}/"}}
    )
    state = query(
        aws,
        "CREATE EXTERNAL TABLE mytable (bucket string, key string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        f"LOCATION 's3://{TABLES}/mytable/'",
    )
    assert state["State"] == "SUCCEEDED", state


def bucket_folder(server: ServerProcess, bucket: str) -> Path:
    """Where a bucket's objects lie as plain files."""
    return server.data_dir / "s3" / bucket


def query(aws: Aws, sql: str) -> dict[str, Any]:
    """Run one statement to its end; the status."""
    query_id = aws.athena.start_query_execution(QueryString=sql)["QueryExecutionId"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = aws.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
        if status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
            return status
        time.sleep(0.02)
    raise AssertionError(f"the query does not end: {status}")


def start(aws: Aws, text: str, *, name: str = "article") -> str:
    """Create a state machine and start it; the execution's ARN."""
    machine = aws.sfn.create_state_machine(name=name, definition=text, roleArn=ROLE)["stateMachineArn"]
    return aws.sfn.start_execution(stateMachineArn=machine, name=f"{name}-run")["executionArn"]


def wait(aws: Aws, execution_arn: str) -> dict[str, Any]:
    """Wait for the end of an execution; its description."""
    deadline = time.monotonic() + RUN_SECONDS_MAX
    while time.monotonic() < deadline:
        description = aws.sfn.describe_execution(executionArn=execution_arn)
        if description["status"] in TERMINAL:
            return description
        time.sleep(0.1)
    runs = aws.sfn.list_map_runs(executionArn=execution_arn)["mapRuns"]
    counts = [aws.sfn.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"] for run in runs]
    raise AssertionError(f"not ended after {RUN_SECONDS_MAX} s: {counts}")


def children(aws: Aws, map_run_arn: str) -> Iterator[dict[str, Any]]:
    """All children of a Map Run, page after page."""
    for page in aws.sfn.get_paginator("list_executions").paginate(
        mapRunArn=map_run_arn, PaginationConfig={"PageSize": 1000}
    ):
        yield from page["executions"]


def result_records(aws: Aws, output: str, status: str) -> Iterator[dict[str, Any]]:
    """The records that ResultWriter left, found by the output of the execution."""
    place = json.loads(output)["ResultWriterDetails"]
    manifest = json.loads(aws.s3.get_object(Bucket=place["Bucket"], Key=place["Key"])["Body"].read())
    for file in manifest["ResultFiles"][status]:
        body = aws.s3.get_object(Bucket=manifest["DestinationBucket"], Key=file["Key"])["Body"].read()
        assert len(body) == file["Size"]
        yield from json.loads(body)


def check_copies(server: ServerProcess, count: int) -> None:
    """Every image is copied, whole, and nothing else is there."""
    folder = bucket_folder(server, TARGET)
    wrong = [n for n in range(count) if not _same(folder / image_key(n), image_bytes(n))]
    assert not wrong, f"{len(wrong)} copies are missing or differ, the first is {image_key(wrong[0])}"
    found = {path.relative_to(folder).as_posix() for path in (folder / "images").rglob("*") if path.is_file()}
    assert found == {image_key(n) for n in range(count)}


def check_recorded_once(aws: Aws, execution_arn: str, description: dict[str, Any], count: int) -> str:
    """One Map Run with `count` succeeded children, each listed once and written once; the Map Run's ARN."""
    assert description["status"] == "SUCCEEDED", description
    runs = aws.sfn.list_map_runs(executionArn=execution_arn)["mapRuns"]
    assert len(runs) == 1
    map_run = aws.sfn.describe_map_run(mapRunArn=runs[0]["mapRunArn"])
    assert map_run["status"] == "SUCCEEDED"
    zero = ("pending", "running", "failed", "timedOut", "aborted", "failuresNotRedrivable", "pendingRedrive")
    expected = {"total": count, "succeeded": count, "resultsWritten": count} | dict.fromkeys(zero, 0)
    assert map_run["itemCounts"] == expected
    assert map_run["executionCounts"] == expected
    listed = [child["executionArn"] for child in children(aws, map_run["mapRunArn"])]
    assert len(listed) == len(set(listed)) == count
    records = list(result_records(aws, description["output"], "SUCCEEDED"))
    assert len(records) == count
    assert {record["ExecutionArn"] for record in records} == set(listed)
    assert {json.loads(record["Input"])["key"] for record in records} == {image_key(n) for n in range(count)}
    assert not list(result_records(aws, description["output"], "FAILED"))
    assert not list(result_records(aws, description["output"], "PENDING"))
    return str(map_run["mapRunArn"])


def _same(path: Path, wanted: bytes) -> bool:
    return path.is_file() and path.read_bytes() == wanted
