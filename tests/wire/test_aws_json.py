import pytest

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import loads
from steppe.wire import aws_json
from steppe.wire.model import service_model

STATES = aws_json.protocol("stepfunctions")
ATHENA = aws_json.protocol("athena")


def test_members_are_typed_and_unknown_ones_ignored():
    body = b'{"stateMachineArn":"arn","name":"n","input":"{}","later":1,"traceHeader":null}'
    assert STATES.parse("StartExecution", body) == {"stateMachineArn": "arn", "name": "n", "input": "{}"}
    assert STATES.parse("ListStateMachines", b"") == {}
    assert STATES.parse("ListStateMachines", b'{"maxResults":5.0}') == {"maxResults": 5}


@pytest.mark.parametrize(
    ("protocol", "operation", "body", "message"),
    [
        (
            STATES,
            "SendTaskSuccess",
            b'{"taskToken":"t"}',
            "1 validation error detected: Value at 'output' failed to satisfy constraint: Member must not be null",
        ),
        (
            STATES,
            "SendTaskSuccess",
            b'{"taskToken":""}',
            "2 validation errors detected: Value '' at 'taskToken' failed to satisfy constraint: Member must have "
            "length greater than or equal to 1; Value at 'output' failed to satisfy constraint: Member must not be "
            "null",
        ),
        (
            STATES,
            "ListMapRuns",
            b'{"executionArn":"","maxResults":1001}',
            "2 validation errors detected: Value '' at 'executionArn' failed to satisfy constraint: Member must have "
            "length greater than or equal to 1; Value '1001' at 'maxResults' failed to satisfy constraint: Member must "
            "have value less than or equal to 1000",
        ),
        (
            STATES,
            "ListExecutions",
            b'{"statusFilter":"succeeded"}',
            "1 validation error detected: Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member "
            "must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
        ),
        (
            STATES,
            "TagResource",
            b'{"resourceArn":"a","tags":[{"key":"k"},{"key":""}]}',
            "1 validation error detected: Value '' at 'tags.2.member.key' failed to satisfy constraint: Member must "
            "have length greater than or equal to 1",
        ),
        (
            ATHENA,
            "GetWorkGroup",
            b'{"WorkGroup":"not a name"}',
            "1 validation error detected: Value 'not a name' at 'workGroup' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [a-zA-Z0-9._-]{1,128}",
        ),
        (
            ATHENA,
            "StartQueryExecution",
            b'{"QueryString":"' + b"x" * 262_145 + b'"}',
            "1 validation error detected: Value at 'queryString' failed to satisfy constraint: Member must have length "
            "less than or equal to 262144",
        ),
    ],
)
def test_broken_constraints_are_told_in_awss_words(protocol, operation, body, message):
    with pytest.raises(ApiError) as refusal:
        protocol.parse(operation, body)
    assert (refusal.value.code, refusal.value.message) == ("ValidationException", message)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff",
        b'{"stateMachineArn":1}',
        b'{"stateMachineArn":{}}',
        b'{"stateMachineArn":["a"]}',
        b'{"stateMachineArn":true}',
        b"[" * 100_000,
    ],
)
def test_what_has_the_wrong_type_is_a_serialization_error(body):
    with pytest.raises(ApiError) as refusal:
        STATES.parse("StartExecution", body)
    assert refusal.value.code == "SerializationException"


def test_outputs_have_known_members_only_and_times_in_seconds():
    output = {"executionArn": "a", "startDate": 1790199887084, "output": None, "internal": 1, "status": "RUNNING"}
    assert STATES.serialise("DescribeExecution", output) == (
        b'{"executionArn":"a","startDate":1790199887.084,"status":"RUNNING"}'
    )
    assert STATES.serialise("StartExecution", {"startDate": 1790199927000}) == b'{"startDate":1790199927}'
    assert STATES.serialise("StartExecution", {"startDate": 1790199927890}) == b'{"startDate":1790199927.89}'
    assert STATES.serialise("TagResource", {}) == b"{}"
    events = {"events": [{"id": 1, "timestamp": 1000, "type": "ExecutionStarted", "x": 1}]}
    assert loads(STATES.serialise("GetExecutionHistory", events)) == {
        "events": [{"id": 1, "timestamp": 1, "type": "ExecutionStarted"}]
    }


@pytest.mark.parametrize("service", ["stepfunctions", "athena", "glue"])
def test_every_operation_compiles_and_takes_any_json(service):
    protocol = aws_json.protocol(service)
    for operation in service_model(service).operation_names:
        for value in ({}, {"a": 1}, [], 7):
            try:
                protocol.check(operation, value)
            except ApiError as error:
                if error.code not in ("ValidationException", "SerializationException"):
                    raise
        assert protocol.serialise(operation, {}) == b"{}"


def test_times_and_blobs_are_read():
    assert ATHENA.check("ListNotebookSessions", {"NotebookId": "a" * 8 + "-aaaa-aaaa-aaaa-" + "a" * 12})["NotebookId"]
    lambda_ = aws_json.JsonProtocol("kms")
    assert lambda_.check("Decrypt", {"CiphertextBlob": "aGk="}) == {"CiphertextBlob": b"hi"}
    with pytest.raises(ApiError):
        lambda_.check("Decrypt", {"CiphertextBlob": "not base64!"})
    logs = aws_json.JsonProtocol("kinesis")
    read = logs.check("ListShards", {"StreamCreationTimestamp": 1.5})
    assert read["StreamCreationTimestamp"] == 1500


def test_an_unknown_operation_is_named():
    with pytest.raises(ApiError, match=r"AWSStepFunctions\.Fly") as refusal:
        STATES.operation_of("AWSStepFunctions.Fly")
    assert refusal.value.code == "UnknownOperationException"
