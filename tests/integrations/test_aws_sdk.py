import pytest

from steppe.base.errors import ApiError, Fault
from steppe.integrations.aws_sdk import find_operation, from_api, iso_text, to_api, to_fault
from steppe.integrations.caller import Callers
from steppe.integrations.resource import Resource, parse
from steppe.integrations.task_caller import TaskCaller
from steppe.interp.command import CallTask


def operation(service, action):
    return find_operation(Resource(sdk=True, service=service, action=action, pattern=""))[1]


@pytest.mark.parametrize(
    ("service", "action", "arguments", "parameters"),
    [
        (
            "s3",
            "copyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "s/x"},
            {"Bucket": "b", "Key": "k", "CopySource": "s/x"},
        ),
        (
            "sfn",
            "startExecution",
            {"StateMachineArn": "a", "Input": {"x": 1}},
            {"stateMachineArn": "a", "input": '{"x":1}'},
        ),
        (
            "s3",
            "putObject",
            {"Bucket": "b", "Key": "k", "Body": "hello"},
            {"Bucket": "b", "Key": "k", "Body": b'"hello"'},
        ),
        ("s3", "listObjectsV2", {"Bucket": "b", "MaxKeys": 3}, {"Bucket": "b", "MaxKeys": 3}),
        (
            "s3",
            "headObject",
            {"Bucket": "b", "Key": "k", "IfModifiedSince": "2026-01-02T03:04:05Z"},
            {"Bucket": "b", "Key": "k", "IfModifiedSince": 1767323045000},
        ),
        (
            "dynamodb",
            "putItem",
            {"TableName": "t", "Item": {"a": {"S": "x"}}},
            {"TableName": "t", "Item": {"a": {"S": "x"}}},
        ),
    ],
)
def test_parameters_take_the_form_of_the_api(service, action, arguments, parameters):
    assert to_api(arguments, operation(service, action)) == parameters


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (
            {"Bucket": "b", "Key": "k", "CopySource": "s", "Bogus": 1},
            'The field "Bogus" is not supported by Step Functions',
        ),
        ({"Bucket": "b", "Key": "k"}, "The field 'CopySource' is required but was missing"),
        ({"Bucket": 4, "Key": "k", "CopySource": "s"}, "The value for the field 'Bucket' must be a STRING"),
        (
            {"Bucket": "b", "Key": "k", "CopySource": "s", "Metadata": []},
            "The value for the field 'Metadata' must be a MAP",
        ),
    ],
)
def test_parameters_that_do_not_fit_are_refused_by_name(arguments, cause):
    with pytest.raises(Fault) as raised:
        to_api(arguments, operation("s3", "copyObject"))
    assert (raised.value.error, raised.value.cause) == ("States.Runtime", cause)


def test_results_are_sorted_dates_are_text_and_a_body_comes_last():
    answer = {"Body": b"text", "LastModified": 1790201714000, "ETag": '"e"', "ContentLength": 4, "Metadata": {}}
    shown = from_api(answer, operation("s3", "getObject"), iso_text)
    assert list(shown.items()) == [
        ("ContentLength", 4),
        ("ETag", '"e"'),
        ("LastModified", "2026-09-23T22:15:14Z"),
        ("Metadata", {}),
        ("Body", "text"),
    ]


@pytest.mark.parametrize(
    ("service", "action", "code", "status", "name", "begin"),
    [
        (
            "s3",
            "getObject",
            "NoSuchKey",
            404,
            "S3.NoSuchKeyException",
            "m (Service: S3, Status Code: 404, Request ID: ",
        ),
        ("s3", "listObjects", "NoSuchBucket", 404, "S3.NoSuchBucketException", "m (Service: S3, Status Code: 404, "),
        ("s3", "getObject", "InternalError", 500, "S3.S3Exception", "m (Service: S3, Status Code: 500, "),
        (
            "sfn",
            "sendTaskSuccess",
            "InvalidToken",
            400,
            "Sfn.InvalidTokenException",
            "m (Service: Sfn, Status Code: 400, ",
        ),
        ("dynamodb", "putItem", "ValidationException", 400, "DynamoDb.DynamoDbException", "m (Service: DynamoDb, "),
        ("sqs", "sendMessage", "SdkClientException", 0, "Sqs.SdkClientException", "m"),
    ],
)
def test_an_apis_refusal_becomes_an_error_name(service, action, code, status, name, begin):
    fault = to_fault(ApiError(code, "m", status=status), service, operation(service, action))
    assert fault.error == name
    assert fault.cause.startswith(begin)


@pytest.mark.parametrize(
    ("arn", "parts"),
    [
        ("arn:aws:states:::aws-sdk:s3:copyObject", (True, "s3", "copyObject", "")),
        ("arn:aws:states:::athena:startQueryExecution.sync", (False, "athena", "startQueryExecution", "sync")),
        ("arn:aws:states:::states:startExecution.sync:2", (False, "states", "startExecution", "sync:2")),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", (False, "sqs", "sendMessage", "waitForTaskToken")),
    ],
)
def test_a_resource_is_taken_apart(arn, parts):
    resource = parse(arn)
    assert (resource.sdk, resource.service, resource.action, resource.pattern) == parts
    assert resource.name in arn


@pytest.mark.parametrize("service", ["nosuchservice", "s3"])
def test_an_unknown_service_or_action_is_refused_by_name(service):
    with pytest.raises(Fault, match=f"aws-sdk:{service}:dance is not recognized"):
        find_operation(Resource(sdk=True, service=service, action="dance", pattern=""))


async def seen_parameters(resource, arguments):
    """What a service of this process is given for a task."""
    seen = []

    async def operation(request):
        seen.append(request.input)
        return {"executionArn": "arn", "startDate": 1}

    operations = {"PutObject": operation, "StartExecution": operation}
    local = {"s3": operations, "stepfunctions": operations}
    callers = Callers(local=local, endpoints={}, region="us-east-1", credentials=lambda _service: ("", ""))
    command = CallTask(key="0/3", state_name="A", resource=f"arn:aws:states:::{resource}", arguments=arguments)
    await TaskCaller(callers).run(command, execution_arn="arn")
    return seen[0]


async def test_an_s3_object_is_sent_as_the_java_sdk_sends_it():
    seen = await seen_parameters("aws-sdk:s3:putObject", {"Bucket": "b", "Key": "k", "Body": True})
    assert seen == {
        "Bucket": "b",
        "Key": "k",
        "Body": b"true",
        "ContentType": "text/plain; charset=UTF-8",
        "ChecksumCRC32": "/fxMjQ==",
    }


@pytest.mark.parametrize(("given", "sent"), [({"a": 1}, '{"a":1}'), ('{"b": 2}', '{"b": 2}'), ([], "[]"), (None, None)])
async def test_a_nested_execution_gets_its_input_as_text(given, sent):
    arguments = {"StateMachineArn": "m", "Input": given}
    first = await seen_parameters("states:startExecution", arguments)
    second = await seen_parameters("states:startExecution", arguments)
    assert first.get("input") == sent
    assert first["name"] == second["name"], "a task that is carried out twice starts one child"
