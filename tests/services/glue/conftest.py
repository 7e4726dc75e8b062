"""A served Glue: the operations over a real store, behind HTTP on a free port, and boto3 in front of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import uvicorn
from botocore.config import Config

from steppe.services.app import create_app
from steppe.services.glue.service import glue_operations
from steppe.settings import Settings
from steppe.stores.catalog import CatalogStore
from steppe.stores.database import Database

ACCOUNT = "123456789012"


class Quiet(uvicorn.Server):
    """uvicorn in a thread has no signal handlers."""

    def install_signal_handlers(self) -> None:
        """Leave the signals alone."""


@pytest.fixture(scope="module")
def glue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    folder: Path = tmp_path_factory.mktemp("glue")
    database = Database(folder / "steppe.db")
    CatalogStore(database).ensure_default(int(time.time() * 1000))
    services = {"glue": glue_operations(database, account=ACCOUNT, clock=lambda: int(time.time() * 1000))}
    app = create_app(settings=Settings(account=ACCOUNT), services=services, health=dict)
    server = Quiet(uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    client = boto3.client(
        "glue",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()
    server.should_exit = True
    thread.join(10)
    database.close()
