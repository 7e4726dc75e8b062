"""Starting, stopping, starting again; who may listen where; what is found after a restart."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from steppe.testing.server_process import ServerProcess, descendants, is_running

from . import article
from .article import Aws

Connect = Callable[[ServerProcess], Aws]


def _serve(*options: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "steppe", "serve", "--port", "0", *options],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | (environ or {}),
    )


def test_health_answers_with_json_when_the_server_is_ready(server: ServerProcess) -> None:
    with urllib.request.urlopen(f"{server.url}/_steppe/health") as answer:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("application/json")
        assert json.load(answer)


def test_a_second_server_on_the_same_directory_is_refused_and_the_first_goes_on(
    server: ServerProcess, aws: Aws
) -> None:
    second = _serve("--data-dir", str(server.data_dir))
    assert second.returncode == 2
    assert second.stdout == ""
    assert second.stderr.count("\n") == 1
    assert str(server.data_dir) in second.stderr
    assert str(server.pid) in second.stderr
    assert aws.sfn.list_state_machines()["stateMachines"] == []


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = _serve("--port", port, "--data-dir", str(tmp_path / "data"))
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in answer.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_beyond_loopback_needs_access_keys(host: str, tmp_path: Path) -> None:
    answer = _serve("--host", host, "--data-dir", str(tmp_path / "data"))
    assert answer.returncode == 2
    assert "access key" in answer.stderr
    assert host in answer.stderr
    assert not (tmp_path / "data").exists()


def test_with_access_keys_signatures_are_verified(tmp_path: Path) -> None:
    import boto3
    from botocore.exceptions import ClientError

    def client(key: str, secret: str) -> object:
        return boto3.client(
            "stepfunctions",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    with ServerProcess(tmp_path / "data", "--host", "0.0.0.0", "--access-key", "ID1=first-secret") as server:
        good, bad, unknown = client("ID1", "first-secret"), client("ID1", "wrong"), client("ID2", "first-secret")
        assert good.list_state_machines()["stateMachines"] == []
        for refused in (bad, unknown):
            with pytest.raises(ClientError) as error:
                refused.list_state_machines()
            assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
        for each in (good, bad, unknown):
            each.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_server_and_its_workers_within_seconds(number: signal.Signals, tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", "--workers", "2")
    with server:
        processes = {server.pid, *descendants(server.pid)}
        began = time.monotonic()
        os.kill(server.pid, number)
        assert server.wait() == 0
        assert time.monotonic() - began < 10
        deadline = time.monotonic() + 5
        while any(is_running(pid) for pid in processes):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_worker_that_polls_keeps_no_server_from_stopping(server: ServerProcess, connect: Connect) -> None:
    activity = connect(server).sfn.create_activity(name="a")["activityArn"]
    request = {"X-Amz-Target": "AWSStepFunctions.GetActivityTask"}
    waiting = http.client.HTTPConnection(server.url.removeprefix("http://"))
    with contextlib.closing(waiting):
        waiting.request("POST", "/", json.dumps({"activityArn": activity}), request)
        time.sleep(0.2)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10


def test_a_restart_finds_everything_and_goes_on(server: ServerProcess, connect: Connect) -> None:
    aws = connect(server)
    article.prepare(aws, server, 50)
    ended = article.start(aws, article.definition())
    before = article.wait(aws, ended)
    waiting_machine = json.dumps(
        {
            "StartAt": "Wait",
            "States": {"Wait": {"Type": "Wait", "Seconds": 3, "Next": "End"}, "End": {"Type": "Succeed"}},
        }
    )
    waiting = article.start(aws, waiting_machine, name="waiting")
    machines = aws.sfn.list_state_machines()["stateMachines"]
    history = aws.sfn.get_execution_history(executionArn=ended)["events"]
    runs = aws.sfn.list_map_runs(executionArn=ended)["mapRuns"]
    listed = list(article.children(aws, runs[0]["mapRunArn"]))
    assert server.stop() == 0

    server.start()
    aws = connect(server)
    assert aws.sfn.list_state_machines()["stateMachines"] == machines
    after = aws.sfn.describe_execution(executionArn=ended)
    assert {k: v for k, v in after.items() if k != "ResponseMetadata"} == {
        k: v for k, v in before.items() if k != "ResponseMetadata"
    }
    assert aws.sfn.get_execution_history(executionArn=ended)["events"] == history
    assert aws.sfn.list_map_runs(executionArn=ended)["mapRuns"] == runs
    assert list(article.children(aws, runs[0]["mapRunArn"])) == listed
    assert article.query(aws, "select count(*) from mytable")["State"] == "SUCCEEDED"
    assert aws.athena.get_work_group(WorkGroup="primary")["WorkGroup"]["Configuration"]["ResultConfiguration"][
        "OutputLocation"
    ] == (f"s3://{article.RESULTS}/")
    assert article.wait(aws, waiting)["status"] == "SUCCEEDED"


def test_a_folder_of_files_copied_in_is_a_bucket(server: ServerProcess, aws: Aws) -> None:
    folder = article.bucket_folder(server, "dropped-in")
    (folder / "some").mkdir(parents=True)
    (folder / "some" / "file.txt").write_bytes(b"plain")
    assert "dropped-in" in [bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]]
    assert aws.s3.get_object(Bucket="dropped-in", Key="some/file.txt")["Body"].read() == b"plain"
