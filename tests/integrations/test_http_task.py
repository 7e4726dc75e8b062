"""HTTP tasks and API Gateway, against a server that shows what it was sent."""

import asyncio
import threading

import pytest

from steppe.base.errors import Fault
from steppe.integrations.connections import read_connections
from steppe.integrations.http_task import form_fields
from steppe.interp.command import CallTask


async def run(tasks, resource, **arguments):
    command = CallTask(
        key="0/1", state_name="A", resource=f"arn:aws:states:::{resource}", arguments=arguments, task_token="t"
    )
    return await tasks.run(command, execution_arn="arn:aws:states:us-east-1:0:execution:m:e")


def http(tasks, stub, connection="key", *, path="/echo", method="POST", **arguments):
    arn = f"arn:aws:events:us-east-1:000000000000:connection/{connection}/11111111-2222"
    return run(
        tasks,
        "http:invoke",
        ApiEndpoint=stub.url + path,
        Method=method,
        Authentication={"ConnectionArn": arn},
        **arguments,
    )


async def test_what_the_connection_adds_wins_over_the_task(tasks, stub):
    result = await http(
        tasks,
        stub,
        "basic",
        Headers={"X-Shared": "other-case", "x-shared": "of-task", "x-own": "1"},
        QueryParameters={"shared": "of task", "own": "a+b & c"},
        RequestBody={"shared": {"nested": 1}, "own": [1, "two"]},
    )
    (asked,) = stub.asked
    assert asked.path == "/echo?own=a%2Bb%20%26%20c&shared=of%20connection"
    assert asked.json == {"shared": "of-connection", "own": [1, "two"]}
    assert asked.header("x-shared") == "of-connection,other-case"
    assert asked.header("authorization") == "Basic dXNlcjpwYXNz"
    assert asked.header("content-type") == "application/json; charset=UTF-8"
    assert asked.header("range") == "bytes=0-262144"
    assert asked.header("user-agent") == "Amazon|StepFunctions|HttpInvoke|us-east-1"
    assert (result["StatusCode"], result["StatusText"], result["ResponseBody"]) == (200, "OK", {})
    assert result["Headers"]["Content-Type"] == ["application/json"]


async def test_a_status_that_is_no_success_is_the_error_and_its_text_the_cause(tasks, stub):
    stub.answer = lambda _: (429, {}, {"reason": "slow down"})
    with pytest.raises(Fault) as raised:
        await http(tasks, stub)
    assert (raised.value.error, raised.value.cause) == ("States.Http.StatusCode.429", "Too Many Requests")
    assert stub.asked[0].header("x-api-key") == "k1"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, {"Content-Type": "text/plain"}, b"x" * 262_145), "States.DataLimitExceeded"),
        ((200, {"Content-Type": "text/plain"}, b"\xff"), "States.Runtime"),
        ((200, {"Content-Type": "image/png"}, b"png"), "States.Runtime"),
        ((302, {"Location": "/elsewhere"}, b""), "States.Http.StatusCode.302"),
    ],
)
async def test_answers_that_no_state_can_hold_are_errors(tasks, stub, answer, error):
    stub.answer = lambda _: answer
    with pytest.raises(Fault) as raised:
        await http(tasks, stub)
    assert raised.value.error == error


@pytest.mark.parametrize("name", ["Authorization", "host", "X-Amz-Date", "x-forwarded-for", "Transfer-Encoding", "a b"])
async def test_headers_that_are_not_for_tasks_are_refused_before_anything_is_sent(tasks, stub, name):
    with pytest.raises(Fault) as raised:
        await http(tasks, stub, Headers={name: "x"})
    assert raised.value.error == "States.Runtime"
    assert not stub.asked


@pytest.mark.parametrize(
    ("array_format", "fields"),
    [
        ("INDICES", [("a[0]", "1"), ("a[1][b]", "x")]),
        ("REPEAT", [("a", "1"), ("a[b]", "x")]),
        ("BRACKETS", [("a[]", "1"), ("a[][b]", "x")]),
        ("COMMAS", [("a", '1,{"b":"x"}')]),
    ],
)
def test_forms_have_arrays_in_four_ways(array_format, fields):
    assert form_fields("a", [1, {"b": "x"}], array_format) == fields


async def test_a_form_is_sent_as_one(tasks, stub):
    transform = {"RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": {"ArrayFormat": "REPEAT"}}
    await http(tasks, stub, RequestBody={"a": ["x y", True], "b": {"c": None}}, Transform=transform)
    assert stub.asked[0].body == b"a=x%20y&a=true&b%5Bc%5D=null"
    assert stub.asked[0].header("content-type") == "application/x-www-form-urlencoded"


async def test_a_token_is_fetched_once_and_again_when_the_api_refuses_it(tasks, stub):
    issued = []

    def answer(asked):
        if asked.path == "/token":
            issued.append(asked.body)
            return 200, {}, {"access_token": f"t{len(issued)}", "expires_in": 3600}
        return (401 if asked.header("authorization") == "Bearer t1" and len(stub.asked) > 3 else 200), {}, {}

    stub.answer = answer
    await http(tasks, stub, "oauth")
    await http(tasks, stub, "oauth")
    assert len(issued) == 1
    assert issued[0] == b"grant_type=client_credentials&client_id=client&client_secret=secret&scope=all"
    await http(tasks, stub, "oauth")
    assert stub.asked[-1].header("authorization") == "Bearer t2"


async def test_a_connection_that_steppe_was_not_given_says_where_it_goes(tasks, stub):
    with pytest.raises(Fault, match=r"add \[connections.stripe\]") as raised:
        await http(tasks, stub, "stripe")
    assert raised.value.error == "Events.ConnectionResource.ResourceNotFound"


async def test_nobody_at_the_other_end_is_a_socket_error(tasks, stub):
    stub.url = "http://127.0.0.1:9"
    with pytest.raises(Fault) as raised:
        await http(tasks, stub)
    assert raised.value.error == "States.Http.Socket"


@pytest.mark.parametrize(
    "arguments",
    [
        {"ApiEndpoint": "ftp://x"},
        {"ApiEndpoint": 5},
        {"Method": "BREW"},
        {"Headers": "x"},
        {"QueryParameters": [1]},
        {"Transform": {"RequestBodyEncoding": "GZIP"}},
        {"Transform": 7},
        {"Authentication": None},
        {"Body": {}},
    ],
    ids=str,
)
async def test_wrong_parameters_are_refused(tasks, stub, arguments):
    good = {
        "ApiEndpoint": stub.url,
        "Method": "POST",
        "Authentication": {"ConnectionArn": "arn:aws:events:us-east-1:0:connection/key/1"},
        "RequestBody": {},
    }
    with pytest.raises(Fault) as raised:
        await run(tasks, "http:invoke", **(good | arguments))
    assert raised.value.error == "States.Runtime"
    assert not stub.asked


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "AuthorizationType is API_KEY"),
        ("text", "not a table"),
        ({"AuthorizationType": "BASIC"}, "BasicAuthParameters"),
        (
            {"AuthorizationType": "API_KEY", "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "a"}}},
            "ApiKeyValue",
        ),
        ({"AuthorizationType": "API_KEY", "Kind": 1}, "unknown member 'Kind'"),
    ],
    ids=str,
)
def test_a_connection_that_is_not_complete_is_told_with_the_member_that_is_wrong(document, reason):
    with pytest.raises(ValueError, match=reason):
        read_connections({"c": document})


async def test_api_gateway_answers_in_the_form_of_the_integration(tasks, stub):
    stub.answer = lambda _: (200, {"X-Own": "1"}, {"id": 7})
    result = await run(
        tasks,
        "apigateway:invoke",
        ApiEndpoint=stub.url,
        Method="GET",
        Stage="prod",
        Path="/orders/7",
        Headers={"x-token": ["t1"]},
        QueryParameters={"full": ["yes"]},
        AuthType="IAM_ROLE",
    )
    assert stub.asked[0].path == "/prod/orders/7?full=yes"
    assert "/execute-api/aws4_request" in stub.asked[0].header("authorization")
    assert stub.asked[0].header("x-token") == "t1"
    assert (result["ResponseBody"], result["StatusCode"], result["Headers"]["X-Own"]) == ({"id": 7}, 200, ["1"])
    stub.answer = lambda _: (403, {}, {"message": "Forbidden"})
    with pytest.raises(Fault) as raised:
        await run(
            tasks, "apigateway:invoke.waitForTaskToken", ApiEndpoint=stub.url, Method="POST", RequestBody={"a": 1}
        )
    assert (raised.value.error, raised.value.cause) == ("ApiGateway.403", '{"message":"Forbidden"}')


async def test_a_request_that_is_cancelled_is_broken_off(tasks, stub):
    arrived, gate = threading.Event(), threading.Event()

    def answer(_asked):
        arrived.set()
        gate.wait(5)
        return 200, {}, {}

    stub.answer = answer
    task = asyncio.create_task(http(tasks, stub))
    await asyncio.to_thread(arrived.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
