"""A served Athena: the service over real stores, behind HTTP on a free port, and boto3 in front of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
import uvicorn
from botocore.config import Config

from steppe.objects.filesystem import FilesystemObjectStore
from steppe.services.app import create_app
from steppe.services.athena.service import AthenaService
from steppe.settings import Settings
from steppe.stores.database import Database


class Quiet(uvicorn.Server):
    """uvicorn in a thread has no signal handlers."""

    def install_signal_handlers(self) -> None:
        """Leave the signals alone."""


@dataclass
class Served:
    """The running service and what a test needs of it."""

    url: str
    objects: FilesystemObjectStore
    athena: object
    service: AthenaService
    database: Database

    def start(self, sql: str, **members: object) -> str:
        members.setdefault("ResultConfiguration", {"OutputLocation": "s3://results/out/"})
        return self.athena.start_query_execution(QueryString=sql, **members)["QueryExecutionId"]

    def wait(self, query_id: str, seconds: float = 30) -> dict:
        end = time.monotonic() + seconds
        while True:
            execution = self.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return execution
            assert time.monotonic() < end, f"{query_id} did not end"
            time.sleep(0.005)

    def run(self, sql: str, **members: object) -> dict:
        execution = self.wait(self.start(sql, **members))
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"].get("StateChangeReason")
        return execution

    def reason(self, sql: str, **members: object) -> str:
        execution = self.wait(self.start(sql, **members))
        assert execution["Status"]["State"] == "FAILED", execution["Status"]
        return execution["Status"]["StateChangeReason"]

    def object(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.objects.read(bucket, key)

    def csv(self, sql: str, **members: object) -> bytes:
        return self.object(self.run(sql, **members)["ResultConfiguration"]["OutputLocation"])

    def cells(self, sql: str) -> list[list[str | None]]:
        query_id = self.run(sql)["QueryExecutionId"]
        pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id)
        return [[c.get("VarCharValue") for c in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data: Path = tmp_path_factory.mktemp("athena")
    settings = Settings(data_dir=data, sql_threads=2, sql_memory_mib=1024)
    database, objects = Database(data / "steppe.db"), FilesystemObjectStore(data / "s3")
    objects.create_bucket("results")
    objects.create_bucket("data")
    service = AthenaService(database=database, objects=objects, settings=settings, data_dir=data, clock=now_ms)
    asyncio.run(service.start())
    app = create_app(settings=settings, services={"athena": service.operations()}, health=dict)
    server = Quiet(uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    client = boto3.client(
        "athena", endpoint_url=url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s",
        config=Config(retries={"max_attempts": 1}),
    )  # fmt: skip
    yield Served(url, objects, client, service, database)
    client.close()
    server.should_exit = True
    thread.join()
    asyncio.run(service.stop())
    database.close()
