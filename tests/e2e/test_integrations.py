"""Each integration pattern over a crash: kill -9 while the task waits, start again, and the execution completes.

All executions wait at once when the server is killed; each test then looks at the one of its pattern. The services are
one stub: what it was asked says what was done twice and what was not.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from steppe.base.jsonvalue import JsonValue
from steppe.testing.http_stub import Answer, Asked, HttpStub
from steppe.testing.server_process import ServerProcess

from .article import Aws

ROLE = "arn:aws:iam::000000000000:role/any"
SECONDS_MAX = 30
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:slow"


@dataclass
class Cloud:
    """What the stub pretends to be: jobs go on until `done`, functions answer once `open` is set."""

    done: bool = False
    open: threading.Event = field(default_factory=threading.Event)
    tokens: list[str] = field(default_factory=list)

    def answer(self, asked: Asked) -> Answer:
        """Answer as Lambda, SQS, AWS Batch, ECS and Glue do."""
        if asked.path.endswith("/invocations"):
            self.open.wait(SECONDS_MAX)
            return 200, {"X-Amz-Executed-Version": "$LATEST"}, {"answered": asked.json}
        document = asked.json
        if asked.operation == "SendMessage":
            self.tokens.append(json.loads(document["MessageBody"])["token"])
            return 200, {}, {"MessageId": "m1", "MD5OfMessageBody": "x"}
        if asked.path == "/v1/submitjob":
            return 200, {}, {"jobId": f"job-{document['jobName']}", "jobName": document["jobName"]}
        if asked.path == "/v1/describejobs":
            state = "SUCCEEDED" if self.done else "RUNNING"
            return 200, {}, {"jobs": [{"jobId": name, "status": state, "createdAt": 5} for name in document["jobs"]]}
        if asked.operation == "RunTask":
            return 200, {}, {"tasks": [self._task("RUNNING")], "failures": []}
        if asked.operation == "DescribeTasks":
            return 200, {}, {"tasks": [self._task("STOPPED" if self.done else "RUNNING")], "failures": []}
        if asked.operation == "StartJobRun":
            return 200, {}, {"JobRunId": "jr_1"}
        if asked.operation == "GetJobRun":
            return 200, {}, {"JobRun": {"Id": "jr_1", "JobRunState": "RUNNING", "StartedOn": 1700000000}}
        return 200, {}, {}

    def _task(self, status: str) -> JsonValue:
        containers = [{"name": "work", "exitCode": 0}] if status == "STOPPED" else []
        return {"taskArn": "arn:t", "clusterArn": "arn:c", "lastStatus": status, "containers": containers}


def machine(resource: str, parameters: JsonValue) -> JsonValue:
    state = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
    return {"StartAt": "A", "States": {"A": state}}


HAND_OVER = {"QueueUrl": "https://sqs/q", "MessageBody": {"token.$": "$$.Task.Token"}}
MACHINES: dict[str, JsonValue] = {
    "function": machine(FUNCTION, {"n": 1}),
    "response": machine("arn:aws:states:::lambda:invoke", {"FunctionName": "slow", "Payload": {"n": 2}}),
    "batch": machine("arn:aws:states:::batch:submitJob.sync", {"JobName": "a", "JobQueue": "q", "JobDefinition": "d"}),
    "ecs": machine("arn:aws:states:::ecs:runTask.sync", {"Cluster": "c", "TaskDefinition": "d"}),
    "token": machine("arn:aws:states:::sqs:sendMessage.waitForTaskToken", HAND_OVER),
    "child": machine("arn:aws:states:::sqs:sendMessage.waitForTaskToken", HAND_OVER),
}


def _wait(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not reached():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.02)


class Crashed:
    """A server that was killed while every execution waited, and started again."""

    def __init__(self, server: ServerProcess, stub: HttpStub, cloud: Cloud) -> None:
        self.server, self.stub, self.cloud = server, stub, cloud
        self.aws = Aws(server.url)
        arns = {name: self._machine(name, definition) for name, definition in MACHINES.items()}
        parent = machine("arn:aws:states:::states:startExecution.sync:2", {"StateMachineArn": arns["child"]})
        arns["parent"] = self._machine("parent", parent)
        self.executions = {
            name: self.aws.sfn.start_execution(stateMachineArn=arn, input="{}", name="e")["executionArn"]
            for name, arn in arns.items()
            if name != "child"
        }
        _wait(lambda: all(self.waits(name) for name in self.executions))
        self.executions["child"] = self._submitted("parent")["ExecutionArn"]
        _wait(lambda: self.waits("child"))  # otherwise its message may be sent again: it was not known to be sent
        self.asked_before = len(stub.asked)
        server.kill()
        self.aws.close()
        server.start()
        self.aws = Aws(server.url)

    def _machine(self, name: str, definition: JsonValue) -> str:
        made = self.aws.sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
        return str(made["stateMachineArn"])

    def waits(self, name: str) -> bool:
        """Whether the task has been begun: a job or a message submitted, a function called."""
        if name in ("function", "response"):
            return sum("/invocations" in asked.path for asked in self.stub.asked) >= 2
        return self._submitted(name) is not None

    def _submitted(self, name: str) -> JsonValue:
        """What TaskSubmitted of an execution holds; None while there is none."""
        events = self.aws.sfn.get_execution_history(executionArn=self.executions[name])["events"]
        outputs = [e["taskSubmittedEventDetails"]["output"] for e in events if e["type"] == "TaskSubmitted"]
        return json.loads(outputs[0]) if outputs else None

    def asked_since(self, what: str) -> int:
        """How often an operation or a path was asked for since the crash."""
        return sum(what in (asked.operation, asked.path) for asked in self.stub.asked[self.asked_before :])

    def output(self, name: str) -> JsonValue:
        """The output of an execution that succeeds."""
        arn = self.executions[name]
        _wait(lambda: self.aws.sfn.describe_execution(executionArn=arn)["status"] != "RUNNING")
        described = self.aws.sfn.describe_execution(executionArn=arn)
        assert described["status"] == "SUCCEEDED", described
        return json.loads(described["output"])


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashed]:
    cloud = Cloud()
    folder: Path = tmp_path_factory.mktemp("crashed")
    with HttpStub() as stub:
        stub.answer = cloud.answer
        with ServerProcess(folder / "data", "--workers", "1", "--endpoint", f"*={stub.url}") as server:
            scene = Crashed(server, stub, cloud)
            yield scene
            scene.aws.close()
            cloud.open.set()


def test_a_request_whose_answer_was_lost_is_made_again(crashed: Crashed) -> None:
    path = "/2015-03-31/functions/slow/invocations"
    _wait(lambda: crashed.asked_since(path) == 1)
    crashed.cloud.open.set()
    assert crashed.output("response")["Payload"] == {"answered": {"n": 2}}
    assert crashed.output("function") == {"answered": {"n": 1}}


@pytest.mark.parametrize(
    ("name", "start", "status"), [("batch", "/v1/submitjob", "Status"), ("ecs", "RunTask", "LastStatus")]
)
def test_a_job_that_was_submitted_is_not_begun_again_and_its_end_is_seen(
    crashed: Crashed, name: str, start: str, status: str
) -> None:
    crashed.cloud.done = True
    assert crashed.output(name)[status] in ("SUCCEEDED", "STOPPED")
    assert crashed.asked_since(start) == 0


def test_a_token_that_was_handed_over_is_not_handed_over_again_and_can_be_answered(crashed: Crashed) -> None:
    for token in crashed.cloud.tokens:
        crashed.aws.sfn.send_task_success(taskToken=token, output='{"by": "token"}')
    assert crashed.output("token") == {"by": "token"}
    assert crashed.asked_since("SendMessage") == 0
    ended = crashed.output("parent")
    assert (ended["Status"], ended["Output"]) == ("SUCCEEDED", {"by": "token"})


def test_a_job_is_stopped_when_its_execution_is(crashed: Crashed) -> None:
    arn = crashed._machine("glue", machine("arn:aws:states:::glue:startJobRun.sync", {"JobName": "j"}))
    crashed.executions["glue"] = crashed.aws.sfn.start_execution(stateMachineArn=arn)["executionArn"]
    _wait(lambda: crashed.waits("glue"))
    crashed.aws.sfn.stop_execution(executionArn=crashed.executions["glue"])
    _wait(lambda: crashed.asked_since("BatchStopJobRun"))
    stopped = next(asked for asked in crashed.stub.asked if asked.operation == "BatchStopJobRun")
    assert stopped.json == {"JobName": "j", "JobRunIds": ["jr_1"]}


def test_requests_for_other_services_are_handed_on_and_signed_anew(crashed: Crashed) -> None:
    batch = crashed.aws.client("batch")
    answer = batch.describe_jobs(jobs=["some"])
    assert answer["jobs"][0]["jobId"] == "some"
    asked = crashed.stub.asked[-1]
    assert "/us-east-1/batch/aws4_request" in asked.header("authorization")
    assert asked.header("host") == crashed.stub.url.removeprefix("http://")


def test_test_cases_of_a_mock_configuration_run_without_services_also_over_a_crash(tmp_path: Path) -> None:
    config = tmp_path / "MockConfigFile.json"
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}]
    definition = machine("arn:aws:states:::lambda:invoke", {"FunctionName": "none"})
    definition["States"]["A"] |= {"Retry": retry, "Next": "B"}
    del definition["States"]["A"]["End"]
    definition["States"]["B"] = machine("arn:aws:states:::sqs:sendMessage.waitForTaskToken", HAND_OVER)["States"]["A"]
    thrown = {"Throw": {"Error": "Lambda.ServiceException", "Cause": "not yet"}}
    responses = {"late": {"0-1": thrown, "2": {"Return": {"StatusCode": 200}}}, "told": {"0": {"Return": {"n": 1}}}}
    cases = {"m": {"TestCases": {"Retries": {"A": "late", "B": "told"}}}}
    config.write_text(json.dumps({"StateMachines": cases, "MockedResponses": responses}))
    with ServerProcess(tmp_path / "data", "--workers", "1", "--mock-config", str(config)) as server:
        aws = Aws(server.url)
        made = aws.sfn.create_state_machine(name="m", definition=json.dumps(definition), roleArn=ROLE)
        arn = made["stateMachineArn"]
        with pytest.raises(aws.sfn.exceptions.ClientError, match="no test case 'Other'"):
            aws.sfn.start_execution(stateMachineArn=f"{arn}#Other")
        started = aws.sfn.start_execution(stateMachineArn=f"{arn}#Retries", name="e")["executionArn"]
        plain = aws.sfn.start_execution(stateMachineArn=arn, name="plain")["executionArn"]
        _wait(
            lambda: "TaskFailed" in {e["type"] for e in aws.sfn.get_execution_history(executionArn=started)["events"]}
        )
        server.kill()
        aws.close()
        server.start()
        aws = Aws(server.url)
        _wait(lambda: aws.sfn.describe_execution(executionArn=started)["status"] != "RUNNING")
        described = aws.sfn.describe_execution(executionArn=started)
        assert (described["status"], described.get("output")) == ("SUCCEEDED", '{"n":1}')
        events = aws.sfn.get_execution_history(executionArn=started)["events"]
        assert [e["type"] for e in events].count("TaskFailed") == 2
        failed = aws.sfn.get_execution_history(executionArn=plain)["events"]
        causes = [e["taskFailedEventDetails"]["cause"] for e in failed if e["type"] == "TaskFailed"]
        assert "--endpoint lambda=URL" in causes[0]
        aws.close()
