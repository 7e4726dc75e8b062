import io
import socket
import threading
from dataclasses import dataclass

import boto3
import pytest
import uvicorn
from botocore.config import Config

from steppe.objects.filesystem import FilesystemObjectStore
from steppe.services import s3
from steppe.services.app import create_app
from steppe.settings import Settings

ACCESS_KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@dataclass
class Served:
    """A server in a thread, and clients for it."""

    port: int
    store: FilesystemObjectStore

    def url(self, host="127.0.0.1"):
        return f"http://{host}:{self.port}"

    def client(self, *, style="path", host="127.0.0.1", access_key=ACCESS_KEY, secret=SECRET, **options):
        config = Config(
            retries={"max_attempts": 0}, s3={"addressing_style": style}, parameter_validation=False, **options
        )
        return boto3.client(
            "s3",
            endpoint_url=self.url(host),
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret,
            config=config,
        )


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    store = FilesystemObjectStore(tmp_path_factory.mktemp("s3"))
    app = create_app(
        settings=Settings(access_keys={ACCESS_KEY: SECRET}, body_bytes_max=1024 * 1024),
        services={"s3": s3.operations(store, region="us-east-1")},
        health=dict,
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield Served(server.servers[0].sockets[0].getsockname()[1], store)
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def client(served):
    client = served.client()
    yield client
    client.close()


@pytest.fixture
def bucket(client, request):
    """An empty bucket."""
    name = f"bucket-{abs(hash(request.node.nodeid)) % 10**12}"
    client.create_bucket(Bucket=name)
    return name


@pytest.fixture
def local_names(monkeypatch):
    """Resolves every *.localhost, which not every machine's resolver does."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host, *rest, **options):
        return resolve("127.0.0.1" if str(host).endswith("localhost") else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def upload(client, bucket):
    """Puts an object through the SDK's transfer manager."""

    def put(key, content, **options):
        client.upload_fileobj(io.BytesIO(content), bucket, key, **options)

    return put
