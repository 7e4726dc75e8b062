"""Requests that no SDK makes: broken framing, false lengths, huge headers, changed chunks. The server goes on."""

import datetime
import hashlib
import hmac
import os
import socket
import time

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS_KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
UNSIGNED = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}


class RawS3Auth(SigV4Auth):
    """Signs as S3 wants it: the path is not encoded twice, the payload's hash is the header's."""

    def _normalize_url_path(self, path):
        return path

    def payload(self, request):
        return request.headers["x-amz-content-sha256"]


def signed(served, method, path, headers):
    request = AWSRequest(method, served.url() + path, headers={"Host": f"127.0.0.1:{served.port}", **headers})
    RawS3Auth(Credentials(ACCESS_KEY, SECRET), "s3", "us-east-1").add_auth(request)
    return dict(request.headers)


def exchange(served, method, path, headers, *pieces, sign=True, shut=False):
    """Send exactly these bytes; everything that comes back."""
    headers = signed(served, method, path, headers) if sign else headers
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(head.encode())
        for piece in pieces:
            connection.sendall(piece)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while received := connection.recv(65536):
                answer += received
                if b"\r\n\r\n" in answer and (b"</Error>" in answer or b"content-length: 0" in answer):
                    break
        except (TimeoutError, ConnectionResetError):
            pass
        return answer


def still_there(client, bucket, key, content):
    """The server goes on, and the object is the one it was."""
    assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == content


@pytest.fixture
def before(client, bucket):
    client.put_object(Bucket=bucket, Key="k", Body=b"before")
    return bucket


def test_a_body_that_ends_early_leaves_the_old_object(served, client, before):
    exchange(served, "PUT", f"/{before}/k", {**UNSIGNED, "Content-Length": "1000"}, b"only this", shut=True)
    exchange(served, "PUT", f"/{before}/k", {**UNSIGNED, "Content-Length": "9000000"}, os.urandom(3_000_000), shut=True)
    still_there(client, before, "k", b"before")
    deadline = time.monotonic() + 5
    while os.listdir(f"{served.store._tree.hidden}/writing") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert os.listdir(f"{served.store._tree.hidden}/writing") == []


CHUNKED = {
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-decoded-content-length": "5",
    "x-amz-trailer": "x-amz-checksum-crc32",
    "content-encoding": "aws-chunked",
}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", b"200 OK"),
        (b"3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", b"200 OK"),
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", b"BadDigest"),
        (b"5\r\nhello\r\n0\r\n\r\n", b"MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\nno colon here\r\n\r\n", b"MalformedTrailerError"),
        (b"5\r\nhello\r\n", b"IncompleteBody"),
        (b"5\r\nhel", b"IncompleteBody"),
        (b"9\r\nhello\r\n0\r\n\r\n", b"IncompleteBody"),
        (b"3\r\nhello\r\n0\r\n\r\n", b"IncompleteBody"),
        (b"4\r\nhell\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", b"IncompleteBody"),
        (b"6\r\nhello!\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", b"IncompleteBody"),
        (b"zz\r\nhello\r\n0\r\n\r\n", b"IncompleteBody"),
        (b"ffffffffffffffffffff\r\nhello\r\n0\r\n\r\n", b"IncompleteBody"),
        (b"x" * 5000, b"IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n" + b"a:b\r\n" * 20000, b"IncompleteBody"),
        (b"", b"IncompleteBody"),
    ],
)
def test_chunked_bodies(served, client, before, body, code):
    answer = exchange(served, "PUT", f"/{before}/k", {**CHUNKED, "Content-Length": str(len(body))}, body)
    assert code in answer, answer
    still_there(client, before, "k", b"hello" if code == b"200 OK" else b"before")


def signed_chunks(served, path, chunks, *, change=lambda body: body):
    """A body in the signed chunked form, as the header's signature continues."""
    frame = len(";chunk-signature=") + 64 + 4
    length = sum(len(f"{len(chunk):x}") + frame + len(chunk) for chunk in [*chunks, b""])
    headers = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": str(sum(map(len, chunks))),
        "Content-Length": str(length),
    }
    headers = signed(served, "PUT", path, headers)
    stamp, previous = headers["X-Amz-Date"], headers["Authorization"].rpartition("=")[2]
    key = b"AWS4" + SECRET.encode()
    for part in (stamp[:8], "us-east-1", "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    body = b""
    for chunk in [*chunks, b""]:
        scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
        hashes = f"{hashlib.sha256(b'').hexdigest()}\n{hashlib.sha256(chunk).hexdigest()}"
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n{previous}\n{hashes}"
        previous = hmac.new(key, text.encode(), "sha256").hexdigest()
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + b"\r\n"
    return exchange(served, "PUT", path, headers, change(body), sign=False)


def test_signed_chunks_are_verified_one_by_one(served, client, before):
    path = f"/{before}/k"
    assert b"200 OK" in signed_chunks(served, path, [b"a" * 70_000, b"b" * 10])
    still_there(client, before, "k", b"a" * 70_000 + b"b" * 10)
    for change in (
        lambda body: body.replace(b"a" * 10, b"A" * 10, 1),
        lambda body: body[:-5] + b"0" + body[-4:],
        lambda body: body.replace(b"b" * 10, b"c" * 10),
    ):
        answer = signed_chunks(served, path, [b"a" * 70_000, b"b" * 10], change=change)
        assert b"SignatureDoesNotMatch" in answer
    still_there(client, before, "k", b"a" * 70_000 + b"b" * 10)


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "code"),
    [
        ("PUT", "/{b}/k", {**UNSIGNED, "x-amz-content-sha256": "0" * 64}, b"x", b"XAmzContentSHA256Mismatch"),
        ("PUT", "/{b}/k", {**UNSIGNED, "x-amz-meta-long": "v" * 60_000}, b"x", b"MetadataTooLarge"),
        (
            "PUT",
            "/{b}/k",
            {"x-amz-content-sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"},
            b"x",
            b"NotImplemented",
        ),
        ("PUT", "/{b}/" + "k" * 1025, UNSIGNED, b"x", b"KeyTooLongError"),
        ("PUT", "/{b}/%FF%FE", UNSIGNED, b"x", b"InvalidURI"),
        ("POST", "/{b}?delete", UNSIGNED, b"<!DOCTYPE a [<!ENTITY x 'y'>]><Delete/>", b"MalformedXML"),
        ("POST", "/{b}?delete", UNSIGNED, b"<Delete>", b"MalformedXML"),
        ("POST", "/{b}?delete", UNSIGNED, b"", b"MissingRequestBodyError"),
        ("POST", "/{b}?delete", UNSIGNED, b"<Delete>" + b"<x>" * 100_000, b"MalformedXML"),
        ("POST", "/{b}?delete", UNSIGNED, b"x" * 2_000_000, b"EntityTooLarge"),
        ("POST", "/{b}", UNSIGNED, b"", b"MethodNotAllowed"),
        ("PATCH", "/{b}/k", UNSIGNED, b"", b"MethodNotAllowed"),
        ("PUT", "/{b}/k", {**UNSIGNED, "x-amz-copy-source": "%00"}, b"", b"InvalidArgument"),
        ("GET", "/{b}/k?partNumber=x", UNSIGNED, b"", b"InvalidArgument"),
        ("GET", "/..%2f..%2fetc/passwd", UNSIGNED, b"", b"NoSuchBucket"),
        ("GET", "/{b}/..%2f..%2f.steppe%2fbuckets%2f{b}", UNSIGNED, b"", b"NoSuchKey"),
        ("GET", "/.steppe/buckets", UNSIGNED, b"", b"NoSuchBucket"),
    ],
)
def test_wrong_requests_get_s3s_errors(served, client, before, method, path, headers, body, code):
    path = path.replace("{b}", before)
    answer = exchange(served, method, path, {**headers, "Content-Length": str(len(body))}, body)
    assert code in answer, answer
    assert b"x-amz-request-id" in answer.lower()
    still_there(client, before, "k", b"before")


def test_an_upload_without_a_length_is_refused(served, client, before):
    answer = exchange(
        served, "PUT", f"/{before}/k", {**UNSIGNED, "Transfer-Encoding": "chunked"}, b"5\r\nhello\r\n0\r\n\r\n"
    )
    assert b"MissingContentLength" in answer
    still_there(client, before, "k", b"before")


def test_too_many_headers_are_refused(served, client, before):
    headers = {**UNSIGNED, **{f"x-filler-{number}": "v" * 4000 for number in range(14)}}
    exchange(served, "GET", f"/{before}/k", {**headers, "x-more": "v" * 20_000})
    still_there(client, before, "k", b"before")


def test_a_header_that_was_added_after_signing_is_refused(served, before):
    headers = signed(served, "PUT", f"/{before}/k", UNSIGNED)
    headers["x-amz-copy-source"] = f"/{before}/other"
    answer = exchange(served, "PUT", f"/{before}/k", {**headers, "Content-Length": "0"}, sign=False)
    assert b"HeadersNotSigned" in answer


def test_an_old_signature_is_refused(served, before, monkeypatch):
    class Earlier(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) - datetime.timedelta(minutes=16)

    import botocore.auth

    earlier = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=16)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: earlier.replace(tzinfo=None))
    assert b"RequestTimeTooSkewed" in exchange(served, "GET", f"/{before}/k", UNSIGNED)


def test_head_answers_have_no_body(served, client, before):
    answer = exchange(served, "HEAD", f"/{before}/missing", {**UNSIGNED, "Connection": "close"})
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 404 " in head
    assert body == b""


def test_a_client_that_hangs_up_while_it_is_sent_an_object_is_forgotten(served, client, before):
    client.put_object(Bucket=before, Key="big", Body=bytes(30_000_000))
    for _ in range(3):
        headers = signed(served, "GET", f"/{before}/big", UNSIGNED)
        with httpx.stream("GET", f"{served.url()}/{before}/big", headers=headers, timeout=10) as answer:
            next(answer.iter_raw())
    still_there(client, before, "k", b"before")


def test_many_clients_put_read_and_remove_one_key_at_once(served, client, before):
    import threading

    bodies = {hashlib.md5(body).hexdigest(): body for body in (b"a" * 10, b"b" * 400_000)}
    failures = []

    def work(number):
        mine = served.client()
        try:
            for _ in range(15):
                if number % 3 == 0:
                    mine.put_object(Bucket=before, Key="race/k", Body=list(bodies.values())[number % 2])
                elif number % 3 == 1:
                    mine.delete_object(Bucket=before, Key="race/k")
                else:
                    try:
                        found = mine.get_object(Bucket=before, Key="race/k")
                        assert found["Body"].read() == bodies[found["ETag"].strip('"')]
                    except mine.exceptions.NoSuchKey:
                        pass
                for one in mine.list_objects_v2(Bucket=before, Prefix="race").get("Contents", []):
                    assert one["ETag"].strip('"') in bodies
        except BaseException as error:
            failures.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
