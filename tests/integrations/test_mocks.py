"""Mock configurations of AWS Step Functions Local: what is taken, and what is refused where."""

import json

import pytest

from steppe.base.errors import Fault
from steppe.integrations.mocks import MockedTasks, MockError, execution_of, read_mocks
from steppe.interp.command import CallTask

GOOD = {
    "StateMachines": {"m": {"TestCases": {"Retries": {"A": "flaky"}, "Plain": {}}}},
    "MockedResponses": {
        "flaky": {
            "0": {"Throw": {"Error": "Lambda.ServiceException", "Cause": "first"}},
            "1-2": {"Throw": {"Error": "Lambda.TooManyRequestsException", "Cause": "again"}},
            "3": {"Return": {"StatusCode": 200}},
        }
    },
}
ARN = "arn:aws:states:us-east-1:000000000000:execution:m:e"


def changed(path, value):
    document = json.loads(json.dumps(GOOD))
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return json.dumps(document)


FLAKY = ("MockedResponses", "flaky")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "the document: must be an object"),
        (changed(("Machines",), {}), "unknown member 'Machines'"),
        (changed(("StateMachines", "m", "TestCases", "Retries", "A"), "other"), "Retries.A: there is no 'other'"),
        (changed(("StateMachines", "m", "Cases"), {}), "StateMachines.m: unknown member 'Cases'"),
        (changed(("StateMachines", "m", "TestCases"), []), "TestCases: must be an object"),
        (changed((*FLAKY, "2-1"), {"Return": 1}), "flaky.2-1: calls are named"),
        (changed((*FLAKY, "-1"), {"Return": 1}), "calls are named"),
        (changed((*FLAKY, "2"), {"Return": 1}), "flaky: two responses for call 2"),
        (changed((*FLAKY, "4"), {}), "either Return or Throw"),
        (changed((*FLAKY, "4"), {"Return": 1, "Throw": {"Error": "a"}}), "either Return or Throw"),
        (changed((*FLAKY, "4"), {"Throw": {"Cause": "c"}}), "Error and Cause are texts"),
        (changed((*FLAKY, "4"), {"Throw": {"Error": "E", "Cause": 5}}), "Error and Cause are texts"),
        (changed(FLAKY, {"1": {"Return": 1}}), "no response for call 0"),
        (changed(FLAKY, {}), "no response for call 0"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_with_the_place(text, reason):
    with pytest.raises(MockError, match=reason.replace("(", r"\(")):
        read_mocks(text)


def test_machines_and_cases_that_are_not_there_are_named():
    config = read_mocks(json.dumps(GOOD))
    assert config.refusal("m", "Plain") is None
    assert "no state machine 'other'" in config.refusal("other", "Plain")
    assert "no test case 'Nice'" in config.refusal("m", "Nice")


class Memory:
    """What is remembered of test cases, for as long as the test runs."""

    def __init__(self, case):
        self.case = case
        self.calls = []
        self.answered = []

    def test_case(self, execution):
        return self.case if execution == "m:e" else None

    async def number(self, _execution, *, state, key):
        if (state, key) not in self.calls:
            self.calls.append((state, key))
        return self.calls.index((state, key))

    async def answer(self, task_token, result):
        self.answered.append((task_token, result))


class Real:
    """The integrations that are called when nothing is mocked."""

    def __init__(self):
        self.cancelled = []

    async def run(self, _command, *, execution_arn, submitted=None):
        return "real"

    async def cancel(self, command, *, execution_arn):
        self.cancelled.append(command.key)


def task(key, resource="arn:aws:states:::lambda:invoke", state="A", token=None):
    return CallTask(key=key, state_name=state, resource=resource, arguments={}, task_token=token)


async def test_the_calls_of_a_state_get_their_responses_in_turn_and_a_repeated_call_its_own():
    tasks = MockedTasks(Real(), read_mocks(json.dumps(GOOD)), Memory("Retries"))
    errors = []
    for key in ("0/3", "0/6", "0/6", "0/9"):
        with pytest.raises(Fault) as raised:
            await tasks.run(task(key), execution_arn=ARN)
        errors.append(raised.value.error.partition(".")[2])
    assert errors == [
        "ServiceException",
        "TooManyRequestsException",
        "TooManyRequestsException",
        "TooManyRequestsException",
    ]
    assert await tasks.run(task("0/12"), execution_arn=ARN) == {"StatusCode": 200}
    with pytest.raises(Fault, match="no response for call 4 of the state 'A'"):
        await tasks.run(task("0/15"), execution_arn=ARN)


async def test_a_mocked_job_is_submitted_and_a_mocked_callback_answers_its_token():
    one = changed(FLAKY, {"0-9": {"Return": {"n": 1}}})
    memory, submitted = Memory("Retries"), []
    tasks = MockedTasks(Real(), read_mocks(one), memory)

    async def note(output):
        submitted.append(output)

    job = task("0/3", "arn:aws:states:::glue:startJobRun.sync")
    assert await tasks.run(job, execution_arn=ARN, submitted=note) == {"n": 1}
    await tasks.run(task("0/6", "arn:aws:states:::sqs:sendMessage.waitForTaskToken", token="t"), execution_arn=ARN)
    assert submitted == [{"n": 1}]
    assert memory.answered == [("t", {"n": 1})]


@pytest.mark.parametrize(("case", "state"), [(None, "A"), ("Retries", "B"), ("Plain", "A")])
async def test_what_is_not_mocked_is_called(case, state):
    real = Real()
    tasks = MockedTasks(real, read_mocks(json.dumps(GOOD)), Memory(case))
    assert await tasks.run(task("0/3", state=state), execution_arn=ARN) == "real"
    await tasks.cancel(task("0/3", state=state), execution_arn=ARN)
    assert real.cancelled == ["0/3"]


async def test_a_mocked_job_is_not_stopped():
    real = Real()
    tasks = MockedTasks(real, read_mocks(json.dumps(GOOD)), Memory("Retries"))
    await tasks.cancel(task("0/3"), execution_arn=ARN)
    assert real.cancelled == []


@pytest.mark.parametrize(
    ("arn", "execution"),
    [
        (ARN, "m:e"),
        ("arn:aws:states:us-east-1:000000000000:express:m:e:uuid", "m:e"),
        ("arn:aws:states:us-east-1:000000000000:execution:m/map:e", None),
        ("arn:aws:states:us-east-1:000000000000:stateMachine:m", None),
    ],
)
def test_an_execution_is_known_by_machine_and_name(arn, execution):
    assert execution_of(arn) == execution
