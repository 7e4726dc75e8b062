"""Requests for services that are not served here: handed on, signed anew, and only for who may call."""

from dataclasses import dataclass, field

import botocore.auth
import botocore.awsrequest
import httpx
import pytest
from botocore.credentials import Credentials

from steppe.integrations.caller import Callers
from steppe.services.app import create_app
from steppe.services.forwarding import Forwarding


@dataclass
class AppSettings:
    region: str = "us-east-1"
    access_keys: dict = field(default_factory=dict)
    body_bytes_max: int = 10_000


@pytest.fixture
async def client_of(stub):
    made = []

    def client_of(endpoints, access_keys=None):
        callers = Callers(
            local={}, endpoints=endpoints, region="us-east-1", credentials=lambda _service: ("theirs", "secret")
        )
        app = create_app(
            settings=AppSettings(access_keys=access_keys or {}),
            services={},
            health=dict,
            forwarder=Forwarding(callers),
        )
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://steppe")
        made.extend([client.aclose, callers.close])
        return client

    yield client_of
    for close in made:
        await close()


def signed(service, *, secret="mine", path="/", body=b"{}", headers=None):
    request = botocore.awsrequest.AWSRequest("POST", f"http://steppe{path}", data=body, headers=headers or {})
    botocore.auth.SigV4Auth(Credentials("me", secret), service, "eu-west-1").add_auth(request)
    return {"url": path, "content": body, "headers": dict(request.headers.items())}


async def test_a_request_goes_to_its_services_endpoint_under_the_keys_of_the_endpoint(client_of, stub):
    stub.answer = lambda _asked: (202, {"x-own": "1"}, {"QueueUrl": "q"})
    client = client_of({"sqs": stub.url})
    answer = await client.post(
        **signed("sqs", path="/a%20b?x=1&X-Amz-Expires=5", headers={"x-amz-target": "AmazonSQS.X"})
    )
    assert (answer.status_code, answer.headers["x-own"], answer.json()) == (202, "1", {"QueueUrl": "q"})
    (asked,) = stub.asked
    assert (asked.path, asked.body, asked.header("x-amz-target")) == ("/a%20b?x=1", b"{}", "AmazonSQS.X")
    assert "Credential=theirs/" in asked.header("authorization")
    assert "/eu-west-1/sqs/aws4_request" in asked.header("authorization")


@pytest.mark.parametrize(("secret", "status"), [("mine", 200), ("guessed", 403)])
async def test_who_may_call_is_decided_by_our_keys(client_of, stub, secret, status):
    client = client_of({"*": stub.url}, access_keys={"me": "mine"})
    answer = await client.post(**signed("sns", secret=secret, headers={"host": "steppe"}))
    assert answer.status_code == status
    assert len(stub.asked) == (status == 200)


async def test_a_signing_name_that_is_not_the_services_name_finds_its_endpoint(client_of, stub):
    client = client_of({"emr": stub.url})
    assert (await client.post(**signed("elasticmapreduce"))).status_code == 200


async def test_services_without_an_endpoint_are_refused_by_name(client_of, stub):
    answer = await client_of({"sqs": stub.url}).post(**signed("sns"))
    assert answer.status_code == 501
    assert "--endpoint SERVICE=URL" in answer.text


async def test_bodies_are_bounded_and_an_endpoint_that_is_away_is_told(client_of, stub):
    client = client_of({"sqs": "http://127.0.0.1:9"})
    assert (await client.post(**signed("sqs", body=b"x" * 10_001))).status_code == 400
    answer = await client.post(**signed("sqs"))
    assert (answer.status_code, "cannot be reached" in answer.text) == (503, True)
