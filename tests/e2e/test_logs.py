"""Logs and changes of status over kill -9: every line whole, every durable event logged, every change told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from steppe.testing.server_process import ServerProcess

from .article import Aws

GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/vendedlogs/states/kills:*"
LOGGING = {
    "level": "ALL",
    "includeExecutionData": True,
    "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": GROUP}}],
}
DEFINITION = {
    "StartAt": "A",
    "States": {
        "A": {"Type": "Pass", "Next": "W"},
        "W": {"Type": "Wait", "Seconds": 1, "Next": "B"},
        "B": {"Type": "Pass", "End": True},
    },
}


def _objects(path: Path) -> list[dict]:
    text = path.read_text() if path.exists() else ""
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_logs_and_changes_of_status_survive_kills(tmp_path: Path, connect: Callable[[ServerProcess], Aws]) -> None:
    config = tmp_path / "steppe.toml"
    changes = tmp_path / "changes.jsonl"
    config.write_text(f"status_events = {json.dumps(str(changes))}\n")
    with ServerProcess(tmp_path / "data", "--workers", "1", "--config", str(config)) as server:
        started = []
        for round_ in range(2):
            aws = connect(server)
            if round_ == 0:
                machine = aws.sfn.create_state_machine(
                    name="kills",
                    definition=json.dumps(DEFINITION),
                    roleArn="arn:aws:iam::000000000000:role/r",
                    loggingConfiguration=LOGGING,
                )["stateMachineArn"]
            started += [
                aws.sfn.start_execution(stateMachineArn=machine, input=json.dumps("x" * 2000))["executionArn"]
                for _ in range(15)
            ]
            # Right after the answer, then in the middle of what goes on.
            time.sleep(0.6 * round_)
            server.kill()
            server.start()
        aws = connect(server)
        deadline = time.monotonic() + 60
        while any(aws.sfn.describe_execution(executionArn=arn)["status"] == "RUNNING" for arn in started):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        histories = {arn: aws.sfn.get_execution_history(executionArn=arn)["events"] for arn in started}
        assert server.stop() == 0
    logged: dict[str, set[tuple[str, str]]] = {}
    for line in _objects(tmp_path / "data" / "logs" / "+aws+vendedlogs+states+kills.jsonl"):
        logged.setdefault(line["execution_arn"], set()).add((line["id"], line["type"]))
    assert logged == {arn: {(str(e["id"]), e["type"]) for e in events} for arn, events in histories.items()}
    told: dict[str, list[str]] = {}
    seen = set()
    for event in _objects(changes):
        if event["id"] not in seen:
            seen.add(event["id"])
            told.setdefault(event["detail"]["executionArn"], []).append(event["detail"]["status"])
    assert told == {arn: ["RUNNING", "SUCCEEDED"] for arn in started}
