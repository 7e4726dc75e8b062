"""Workers, tokens and what is refused, over HTTP and the engine itself."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/r"
FOREIGN = "AQ" * 64


@pytest.fixture
def served(serve_engine):
    """The API, with one activity and a machine that has a task for it."""
    with serve_engine() as server:
        server.engine.poll_seconds = 5.0
        server.activity = server.client.create_activity(name="work")["activityArn"]
        yield server


def machine(server, name: str = "m", **task) -> str:
    state = {"Type": "Task", "Resource": server.activity, "End": True} | task
    text = json.dumps({"StartAt": "A", "States": {"A": state, "F": {"Type": "Pass", "End": True}}})
    if "Catch" not in task:
        text = json.dumps({"StartAt": "A", "States": {"A": state}})
    return server.client.create_state_machine(name=name, definition=text, roleArn=ROLE)["stateMachineArn"]


def start(server, arn: str, value=None) -> str:
    return server.client.start_execution(stateMachineArn=arn, input=json.dumps(value or {}))["executionArn"]


def poll(server, worker: str | None = "w") -> dict:
    names = {} if worker is None else {"workerName": worker}
    answer = server.client.get_activity_task(activityArn=server.activity, **names)
    return {name: answer[name] for name in answer if name != "ResponseMetadata"}


def ended(server, arn: str) -> dict:
    deadline = time.monotonic() + 10
    while (described := server.client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return described


def events(server, arn: str) -> list[tuple]:
    """Types, causes and details."""
    found = server.client.get_execution_history(executionArn=arn)["events"]
    return [
        (e["type"], e["previousEventId"], next((v for k, v in e.items() if k.endswith("Details")), None)) for e in found
    ]


def refused(call, **members) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_worker_takes_a_task_and_ends_it(served) -> None:
    execution = start(served, machine(served, TimeoutSeconds=100, HeartbeatSeconds=50), {"order": 7})
    task = poll(served)
    assert json.loads(task["input"]) == {"order": 7}
    assert served.client.send_task_heartbeat(taskToken=task["taskToken"])["ResponseMetadata"]["HTTPStatusCode"] == 200
    served.client.send_task_success(taskToken=task["taskToken"], output='{"done": true}')
    assert json.loads(ended(served, execution)["output"]) == {"done": True}
    told = events(served, execution)
    assert [kind for kind, _, _ in told[2:5]] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
    assert told[2][2]["timeoutInSeconds"] == 100
    assert told[2][2]["heartbeatInSeconds"] == 50
    assert told[3] == ("ActivityStarted", 3, {"workerName": "w"})


def test_a_worker_may_have_no_name(served) -> None:
    execution = start(served, machine(served))
    served.client.send_task_success(taskToken=poll(served, None)["taskToken"], output="1")
    ended(served, execution)
    assert events(served, execution)[3] == ("ActivityStarted", 3, {}) or events(served, execution)[3][2] is None


def test_a_failed_task_shows_error_and_cause(served) -> None:
    arn = machine(served)
    execution = start(served, arn)
    served.client.send_task_failure(taskToken=poll(served)["taskToken"], error="E", cause="C")
    described = ended(served, execution)
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "E", "C")
    bare = start(served, arn)
    served.client.send_task_failure(taskToken=poll(served)["taskToken"])
    described = ended(served, bare)
    assert (described["status"], described.get("error"), described.get("cause")) == ("FAILED", None, None)


def test_who_polls_first_is_answered_at_once_when_a_task_comes(served) -> None:
    arn = machine(served)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(poll, served)
        time.sleep(0.2)
        begun = time.monotonic()
        start(served, arn, {"n": 1})
        assert json.loads(waiting.result()["input"]) == {"n": 1}
        assert time.monotonic() - begun < 2


def test_tasks_go_out_in_their_order_each_to_one_worker(served) -> None:
    arn = machine(served)
    for number in range(30):
        start(served, arn, {"n": number})
    assert [json.loads(poll(served)["input"])["n"] for _ in range(3)] == [0, 1, 2]
    with ThreadPoolExecutor(8) as pool:
        taken = [json.loads(task["input"])["n"] for task in pool.map(lambda _: poll(served), range(27))]
    assert sorted(taken) == list(range(3, 30))


def test_an_empty_poll_ends_without_a_token(served) -> None:
    served.engine.poll_seconds = 0.05
    assert poll(served) == {}


def test_a_client_that_hangs_up_takes_no_task_with_it(served) -> None:
    impatient = boto3.client(
        "stepfunctions",
        endpoint_url=served.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(read_timeout=0.3, retries={"max_attempts": 0}),
    )
    with pytest.raises(Exception, match="Read timeout"):
        impatient.get_activity_task(activityArn=served.activity)
    impatient.close()
    time.sleep(0.1)
    start(served, machine(served), {"n": 1})
    assert json.loads(poll(served)["input"]) == {"n": 1}


def test_a_task_that_nobody_wants_any_more_is_not_handed_out(served) -> None:
    arn = machine(served)
    stopped, wanted = start(served, arn, {"n": 1}), start(served, arn, {"n": 2})
    served.client.stop_execution(executionArn=stopped)
    assert json.loads(poll(served)["input"]) == {"n": 2}
    served.client.stop_execution(executionArn=wanted)


@pytest.mark.slow
def test_the_clock_of_a_task_runs_from_when_it_was_taken(served) -> None:
    arn = machine(served, TimeoutSeconds=1)
    execution = start(served, arn)
    time.sleep(1.2)
    task = poll(served)
    described = ended(served, execution)
    assert described["error"] == "States.Timeout"
    assert [kind for kind, _, _ in events(served, execution)[2:5]] == [
        "ActivityScheduled",
        "ActivityStarted",
        "ActivityTimedOut",
    ]
    late = refused(served.client.send_task_success, taskToken=task["taskToken"], output="{}")
    assert late == ("TaskTimedOut", f"Task Timed Out: '{served.activity}'")


@pytest.mark.slow
def test_heartbeats_keep_a_task_alive_and_their_end_ends_it(served) -> None:
    execution = start(served, machine(served, TimeoutSeconds=60, HeartbeatSeconds=1))
    token = poll(served)["taskToken"]
    for _ in range(4):
        time.sleep(0.5)
        served.client.send_task_heartbeat(taskToken=token)
    assert served.client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    assert ended(served, execution)["error"] == "States.Timeout"


def test_a_retried_task_has_a_new_token_and_the_old_one_is_over(served) -> None:
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 1, "MaxAttempts": 1, "MaxDelaySeconds": 2}]
    start(served, machine(served, Retry=retry))
    first = poll(served)["taskToken"]
    served.client.send_task_failure(taskToken=first, error="E")
    second = poll(served)["taskToken"]
    assert first != second
    for call in (served.client.send_task_heartbeat, served.client.send_task_failure):
        assert refused(call, taskToken=first)[0] == "TaskTimedOut"
    served.client.send_task_success(taskToken=second, output="{}")


def test_outputs_and_tokens_are_refused_as_on_aws(served) -> None:
    execution = start(served, machine(served))
    token, client = poll(served)["taskToken"], served.client
    unknown = ("InvalidToken", "Invalid Token: 'Invalid token'")
    assert refused(client.send_task_success, taskToken=token, output="not-json") == (
        "InvalidOutput",
        "Invalid Output: 'not-json' is not valid JSON.",
    )
    assert refused(client.send_task_success, taskToken=FOREIGN, output="not-json") == unknown
    assert refused(client.send_task_failure, taskToken=token[:-4] + "AAAA") == unknown
    assert refused(client.send_task_heartbeat, taskToken="é not one") == unknown
    assert refused(client.send_task_heartbeat, taskToken="\ud83d not one")[0] == "SerializationException"
    assert refused(client.send_task_success, taskToken="", output="not-json") == (
        "ValidationException",
        "1 validation error detected: Value '' at 'taskToken' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1",
    )
    missing = "1 validation error detected: Value at 'output' failed to satisfy constraint: Member must not be null"
    assert refused(client.send_task_success, taskToken=FOREIGN) == ("ValidationException", missing)
    for text in ("x" * 262_145, json.dumps("\u00e9" * 200_000, ensure_ascii=False)):
        code, message = refused(client.send_task_success, taskToken=token, output=text)
        assert code == "ValidationException"
        assert "less than or equal to 262144" in message
    assert refused(client.send_task_failure, taskToken=token, error="e" * 257)[0] == "ValidationException"
    client.send_task_success(taskToken=token, output='{"x": 1}')
    ended(served, execution)
    over = ("TaskTimedOut", f"Task Timed Out: '{served.activity}'")
    assert refused(client.send_task_success, taskToken=token, output="{}") == over
    assert refused(client.send_task_heartbeat, taskToken=token) == over
    assert refused(client.send_task_failure, taskToken=token, error="E") == over
    assert refused(client.send_task_success, taskToken=token, output="not-json")[0] == "InvalidOutput"
    client.delete_activity(activityArn=served.activity)
    assert refused(client.send_task_heartbeat, taskToken=token)[0] == "TaskDoesNotExist"


def test_a_poll_is_refused_as_on_aws(served) -> None:
    client = served.client
    gone = served.activity + "-not"
    assert refused(client.get_activity_task, activityArn=gone) == (
        "ActivityDoesNotExist",
        f"Activity Does Not Exist: '{gone}'",
    )
    assert refused(client.get_activity_task, activityArn="no_arn") == (
        "InvalidArn",
        "Invalid Arn: 'Invalid ARN prefix: no_arn'",
    )
    assert refused(client.get_activity_task, activityArn=served.activity, workerName="w" * 81)[0] == (
        "ValidationException"
    )


def test_an_execution_fails_when_the_activity_of_its_task_is_missing(served) -> None:
    arn = machine(served)
    served.client.delete_activity(activityArn=served.activity)
    execution = start(served, arn)
    described = ended(served, execution)
    assert (described["error"], described["redriveStatus"]) == ("States.Runtime", "REDRIVABLE")
    assert described["cause"] == (
        "An error occurred while executing the state 'A' (entered at the event id #2). "
        f"The activity {served.activity} does not exist."
    )
    assert [kind for kind, _, _ in events(served, execution)] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "ExecutionFailed",
    ]
    served.client.create_activity(name="work")
    served.client.redrive_execution(executionArn=execution)
    served.client.send_task_success(taskToken=poll(served)["taskToken"], output="1")
    assert ended(served, execution)["output"] == "1"


def test_more_workers_than_may_wait_are_refused(served, monkeypatch) -> None:
    monkeypatch.setattr("steppe.runtime.activities._POLLERS_MAX", 2)
    served.engine.poll_seconds = 0.5
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(poll, served) for _ in range(2)]
        time.sleep(0.2)
        assert refused(served.client.get_activity_task, activityArn=served.activity)[0] == "ActivityWorkerLimitExceeded"
        assert [each.result() for each in waiting] == [{}, {}]


def test_only_one_of_many_answers_counts(served) -> None:
    execution = start(served, machine(served))
    token = poll(served)["taskToken"]
    barrier = threading.Barrier(6)

    def send(number: int) -> str:
        barrier.wait()
        try:
            served.client.send_task_success(taskToken=token, output=str(number))
        except ClientError as error:
            return error.response["Error"]["Code"]
        return str(number)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert answers.count("TaskTimedOut") == 5
    assert ended(served, execution)["output"] in answers


def test_tasks_and_tokens_live_through_a_restart(serve_engine) -> None:
    with serve_engine() as server:
        server.activity = server.client.create_activity(name="work")["activityArn"]
        arn = machine(server)
        executions = [start(server, arn, {"n": number}) for number in range(3)]
        taken = poll(server)["taskToken"]
    with serve_engine() as server:
        server.activity = server.client.create_activity(name="work")["activityArn"]
        server.client.send_task_success(taskToken=taken, output='"first"')
        rest = [poll(server) for _ in range(2)]
        assert [json.loads(task["input"]) for task in rest] == [{"n": 1}, {"n": 2}]
        for task in rest:
            server.client.send_task_success(taskToken=task["taskToken"], output=task["input"])
        assert [ended(server, execution)["output"] for execution in executions] == ['"first"', '{"n":1}', '{"n":2}']
