"""The query protocol, as botocore reads and writes it."""

from __future__ import annotations

import botocore.parsers
import httpx
import pytest

from steppe.services.app import create_app
from steppe.services.sts.service import sts_operations
from steppe.settings import Settings
from steppe.wire.model import service_model

FORM = {"content-type": "application/x-www-form-urlencoded", "x-amz-date": "20260922T000000Z"}
SIGNED = FORM | {
    "authorization": "AWS4-HMAC-SHA256 Credential=AK/20260922/us-east-1/sts/aws4_request, "
    "SignedHeaders=host, Signature=" + "0" * 64
}


@pytest.fixture
async def client():
    services = {"sts": sts_operations(account="111122223333")}
    app = create_app(settings=Settings(body_bytes_max=10_000), services=services, health=dict)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        yield client


async def test_an_answer_is_what_botocore_reads(client):
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    answer = await client.post("/", headers=SIGNED, content=body)
    shape = service_model("sts").operation_model("GetCallerIdentity").output_shape
    response = {"status_code": answer.status_code, "headers": answer.headers, "body": answer.content}
    read = botocore.parsers.create_parser("query").parse(response, shape)
    identity = {"Account": "111122223333", "UserId": "111122223333", "Arn": "arn:aws:iam::111122223333:root"}
    assert {k: read[k] for k in identity} == identity
    assert read["ResponseMetadata"]["RequestId"] == answer.headers["x-amzn-requestid"]


async def test_the_operation_may_stand_in_the_url(client):
    answer = await client.get("/?Action=GetCallerIdentity&Version=2011-06-15", headers=SIGNED)
    assert "<Account>111122223333</Account>" in answer.text


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"", "MissingAction", "Missing Action"),
        (b"Action=%3Cx%3E", "InvalidAction", "&lt;x&gt;"),
        (b"\xff\x00", "MissingAction", "Missing Action"),
        (b"Action=AssumeRole", "InvalidAction", "AssumeRole of sts is not supported by steppe"),
    ],
)
async def test_what_is_not_there_is_refused_by_name(client, body, code, said):
    answer = await client.post("/", headers=SIGNED, content=body)
    assert answer.status_code == 400
    assert f"<Code>{code}</Code>" in answer.text
    assert said in answer.text
