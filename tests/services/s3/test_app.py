import asyncio

import httpx
import pytest

from steppe.base.errors import ApiError, InternalError
from steppe.objects.memory import MemoryObjectStore
from steppe.services import s3
from steppe.services.app import create_app
from steppe.settings import Settings

JSON = {"content-type": "application/x-amz-json-1.0"}


async def start(request):
    return {"executionArn": request.input["stateMachineArn"], "startDate": 1500}


async def refuse(request):
    raise ApiError("InvalidRequestException", "no", fields={"AthenaErrorCode": "INVALID_INPUT"})


async def break_down(request):
    raise InternalError("a bug")


@pytest.fixture
def app():
    services = {
        "stepfunctions": {"StartExecution": start, "StopExecution": break_down},
        "athena": {"GetWorkGroup": refuse},
        "s3": s3.operations(MemoryObjectStore(), region="us-east-1"),
    }
    return create_app(settings=Settings(body_bytes_max=10_000), services=services, health=lambda: {"version": "1"})


@pytest.fixture
async def client(app):
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def target(name):
    return {**JSON, "x-amz-target": name}


async def test_a_json_service_answers(client):
    answer = await client.post(
        "/", headers=target("AWSStepFunctions.StartExecution"), content=b'{"stateMachineArn":"a"}'
    )
    assert (answer.status_code, answer.json()) == (200, {"executionArn": "a", "startDate": 1.5})
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    assert answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("name", "body", "status", "kind", "text"),
    [
        (
            "AWSStepFunctions.StartExecution",
            b"{}",
            400,
            "com.amazon.coral.validate#ValidationException",
            "'stateMachineArn'",
        ),
        ("AWSStepFunctions.Fly", b"{}", 400, "com.amazon.coral.service#UnknownOperationException", "Fly"),
        (
            "AWSStepFunctions.TagResource",
            b"{}",
            400,
            "com.amazon.coral.service#UnknownOperationException",
            "TagResource",
        ),
        (
            "AWSStepFunctions.StartExecution",
            b"x" * 20_000,
            400,
            "com.amazonaws.swf.service.v2.model#EntityTooLarge",
            "exceeds",
        ),
        (
            "AWSStepFunctions.StopExecution",
            b'{"executionArn":"a"}',
            500,
            "com.amazon.coral.service#InternalFailure",
            "request",
        ),
        ("AmazonSNS.Publish", b"{}", 501, "NotImplemented", "AmazonSNS"),
    ],
)
async def test_errors_are_the_protocols_own(client, name, body, status, kind, text, caplog):
    answer = await client.post("/", headers=target(name), content=body)
    assert (answer.status_code, answer.json()["__type"]) == (status, kind)
    assert text in answer.json()["message"]
    if status == 500:
        assert "a bug" in caplog.text


async def test_athena_spells_message_with_a_capital(client):
    answer = await client.post("/", headers=target("AmazonAthena.GetWorkGroup"), content=b'{"WorkGroup":"w"}')
    assert answer.json() == {"__type": "InvalidRequestException", "Message": "no", "AthenaErrorCode": "INVALID_INPUT"}
    assert answer.headers["x-amzn-errortype"] == "InvalidRequestException"


async def test_a_service_of_the_query_protocol_is_refused_in_its_own_form(client):
    scope = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=x"
    headers = {"authorization": scope, "content-type": "application/x-www-form-urlencoded"}
    answer = await client.post("/", headers=headers, content=b"Action=GetCallerIdentity")
    assert answer.status_code == 501
    assert "<Code>NotImplemented</Code>" in answer.text
    assert "'sts'" in answer.text


async def test_everything_else_is_s3(client):
    assert (await client.put("/a-bucket")).status_code == 200
    assert (await client.put("/a-bucket/key", content=b"hello")).status_code == 200
    assert (await client.get("/a-bucket/key")).content == b"hello"
    missing = await client.get("/a-bucket/none")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/xml")
    assert f"<RequestId>{missing.headers['x-amz-request-id']}</RequestId>" in missing.text
    head = await client.head("/a-bucket/none")
    assert (head.status_code, head.content) == (404, b"")


async def test_health_is_told_when_the_app_has_started():
    started = asyncio.Event()

    async def on_startup():
        started.set()

    app = create_app(settings=Settings(), services={}, health=lambda: {"version": "1"}, on_startup=on_startup)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/_steppe/health")).status_code == 503
        inbox, outbox = asyncio.Queue(), asyncio.Queue()
        life = asyncio.create_task(app({"type": "lifespan"}, inbox.get, outbox.put))
        await inbox.put({"type": "lifespan.startup"})
        assert (await outbox.get())["type"] == "lifespan.startup.complete"
        assert started.is_set()
        answer = await client.get("/_steppe/health")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": "1"})
        assert (await client.post("/_steppe/health")).status_code == 405
        assert (await client.get("/_steppe/other")).status_code == 404
        await inbox.put({"type": "lifespan.shutdown"})
        await life
        assert (await client.get("/_steppe/health")).status_code == 503


async def test_s3_is_called_within_the_process_without_http():
    from steppe.wire.request import Request

    table = s3.operations(MemoryObjectStore(), region="us-east-1")

    async def call(operation, **members):
        return await table[operation](Request(service="s3", operation=operation, input=members))

    await call("CreateBucket", Bucket="a-bucket")
    put = await call(
        "PutObject", Bucket="a-bucket", Key="k", Body=b"hello", ChecksumAlgorithm="CRC32", Metadata={"A": "b"}
    )
    assert put["ChecksumCRC32"] == "NhCmhg=="
    copied = await call("CopyObject", Bucket="a-bucket", Key="c", CopySource="a-bucket/k")
    assert copied["CopyObjectResult"]["ETag"] == put["ETag"]
    found = await call("GetObject", Bucket="a-bucket", Key="c")
    assert b"".join([chunk async for chunk in found["Body"].chunks]) == b"hello"
    assert (found["ContentLength"], found["Metadata"]) == (5, {"a": "b"})
    with pytest.raises(ApiError):
        await call("PutObject", Bucket="a-bucket", Key="k", Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    listed = await call("ListObjectsV2", Bucket="a-bucket")
    assert [one["Key"] for one in listed["Contents"]] == ["c", "k"]


async def test_health_waits_for_what_says_that_it_is_not_ready():
    app = create_app(settings=Settings(), services={}, health=lambda: {"ready": False})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        answer = await client.get("/_steppe/health")
    assert (answer.status_code, answer.json()) == (503, {"status": "starting", "ready": False})
