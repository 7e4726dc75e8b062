import datetime
import hashlib
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from steppe.base.errors import ApiError
from steppe.wire import sigv4
from steppe.wire.http import HttpRequest, parse_query

SECRETS = {"AK/with/slash": "SK"}
CREDENTIALS = Credentials("AK/with/slash", "SK")


def now():
    """The time by which botocore signs; asked anew in each test, since a suite takes longer than a URL may live."""
    return datetime.datetime.now(datetime.UTC).timestamp()


def received(request):
    parts = urlsplit(request.url)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    headers.setdefault("host", parts.netloc)
    return HttpRequest(request.method, parts.path or "/", parts.query, headers, parse_query(parts.query))


def signed_json(body=b"{}"):
    request = AWSRequest("POST", "http://127.0.0.1:4566/", {"X-Amz-Target": "AWSStepFunctions.X"}, body)
    botocore.auth.SigV4Auth(CREDENTIALS, "states", "eu-north-1").add_auth(request)
    return received(request)


def check(request, *, body=b"{}", late_seconds=0, secrets=SECRETS):
    payload_hash = hashlib.sha256(body).hexdigest()
    signature = sigv4.parse(request)
    return sigv4.verify(
        request, signature, secrets=secrets, payload_hash=payload_hash, now_seconds=now() + late_seconds
    )


def test_what_botocore_signs_is_accepted():
    request = signed_json()
    signature = sigv4.parse(request)
    assert (signature.access_key, signature.region, signature.service) == ("AK/with/slash", "eu-north-1", "states")
    check(request)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"body": b"{ }"}, "SignatureDoesNotMatch"),
        ({"secrets": {"AK/with/slash": "other"}}, "SignatureDoesNotMatch"),
        ({"secrets": {"another": "SK"}}, "InvalidAccessKeyId"),
        ({"late_seconds": 16 * 60}, "RequestTimeTooSkewed"),
        ({"late_seconds": -16 * 60}, "RequestTimeTooSkewed"),
    ],
)
def test_what_is_wrong_is_refused(options, code):
    with pytest.raises(ApiError) as refusal:
        check(signed_json(), **options)
    assert refusal.value.code == code
    assert sigv4.for_json(refusal.value).status == 400


def test_a_header_outside_of_the_signature_is_refused():
    request = signed_json()
    request.headers["x-amz-extra"] = "1"
    with pytest.raises(ApiError) as refusal:
        check(request)
    assert refusal.value.fields["HeadersNotSigned"] == "x-amz-extra"


def test_a_presigned_url_lives_as_long_as_it_says():
    request = AWSRequest("GET", "http://h/b/k%20%C3%A9?x=a%20b&list-type=2")
    botocore.auth.S3SigV4QueryAuth(CREDENTIALS, "s3", "us-east-1", expires=60).add_auth(request)
    found = received(request)

    def verify(late_seconds):
        signature = sigv4.parse(found)
        seconds = now() + late_seconds
        sigv4.verify(found, signature, secrets=SECRETS, payload_hash="UNSIGNED-PAYLOAD", now_seconds=seconds)

    verify(0)
    with pytest.raises(ApiError, match="expired"):
        verify(120)
    with pytest.raises(ApiError, match="not valid yet"):
        verify(-3600)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "AWS AK:sig",
        "Bearer x",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=x",
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/s3/aws5, SignedHeaders=host, Signature=x",
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/s3/aws4_request, Signature=x",
    ],
)
def test_a_malformed_header_is_refused(header):
    with pytest.raises(ApiError):
        sigv4.parse(HttpRequest("GET", "/", "", {"authorization": header}))


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_or_query_breaks_the_parser(header, query):
    request = HttpRequest("GET", "/", query, {"authorization": "AWS4-HMAC-SHA256 " + header}, parse_query(query))
    for call in (sigv4.parse, check):
        with pytest.raises(ApiError):
            call(request)


def test_an_unsigned_request_is_refused():
    with pytest.raises(ApiError, match="Access Denied"):
        check(HttpRequest("GET", "/", "", {"host": "h"}))
