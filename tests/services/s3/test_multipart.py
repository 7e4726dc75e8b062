import hashlib
import os

import pytest
from botocore.exceptions import ClientError

from steppe.wire.checksums import checksum, text_of

PART = 5 * 1024 * 1024


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    assert refusal.value.response["Error"]["Code"] == code, refusal.value


def test_an_upload_by_hand(client, bucket):
    at = {"Bucket": bucket, "Key": "big/é"}
    begun = client.create_multipart_upload(**at, ContentType="video/mp4", Metadata={"a": "b"})
    upload = {**at, "UploadId": begun["UploadId"]}
    bodies = [os.urandom(PART), os.urandom(PART + 1), b"end"]
    etags = [client.upload_part(**upload, PartNumber=n, Body=body)["ETag"] for n, body in enumerate(bodies, 1)]
    assert [one["Key"] for one in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["big/é"]
    page = client.list_parts(**upload, MaxParts=2)
    assert ([one["Size"] for one in page["Parts"]], page["IsTruncated"]) == ([PART, PART + 1], True)
    rest = client.list_parts(**upload, PartNumberMarker=page["NextPartNumberMarker"])
    assert [one["PartNumber"] for one in rest["Parts"]] == [3]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    wrong = {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": '"0"'}]}}
    refused("InvalidPart", client.complete_multipart_upload, **upload, **wrong)
    refused("MalformedXML", client.complete_multipart_upload, **upload, MultipartUpload={"Parts": []})
    done = client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    expected = hashlib.md5(b"".join(hashlib.md5(body).digest() for body in bodies)).hexdigest()
    assert done["ETag"] == f'"{expected}-3"'
    found = client.get_object(**at)
    assert (found["ContentType"], found["Metadata"]) == ("video/mp4", {"a": "b"})
    assert found["Body"].read() == b"".join(bodies)
    refused("NoSuchUpload", client.upload_part, **upload, PartNumber=1, Body=b"")
    refused("NoSuchUpload", client.abort_multipart_upload, **upload)


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [("CRC32", "FULL_OBJECT"), ("CRC32C", "FULL_OBJECT"), ("CRC64NVME", "FULL_OBJECT"), ("SHA256", "COMPOSITE")],
)
def test_the_checksum_of_an_upload_is_made_of_its_parts(client, bucket, algorithm, kind):
    at = {"Bucket": bucket, "Key": "k"}
    begun = client.create_multipart_upload(**at, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    upload, member = {**at, "UploadId": begun["UploadId"]}, f"Checksum{algorithm}"
    bodies, parts, digests = [os.urandom(PART), b"end"], [], []
    whole = checksum(algorithm)
    for number, body in enumerate(bodies, 1):
        running = checksum(algorithm)
        running.update(body)
        whole.update(body)
        digests.append(running.digest())
        value = text_of(running.digest())
        etag = client.upload_part(**upload, PartNumber=number, Body=body, **{member: value})["ETag"]
        parts.append({"PartNumber": number, "ETag": etag, member: value})
    done = client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    if kind == "FULL_OBJECT":
        expected = text_of(whole.digest())
    else:
        both = checksum(algorithm)
        both.update(b"".join(digests))
        expected = f"{text_of(both.digest())}-2"
    assert (done[member], done["ChecksumType"]) == (expected, kind)
    assert client.get_object(**at, ChecksumMode="ENABLED")["Body"].read() == b"".join(bodies)


def test_parts_can_be_copied(client, served, bucket):
    served.store.put(bucket, "source", b"s" * PART + b"tail")
    at = {"Bucket": bucket, "Key": "copy"}
    upload = {**at, "UploadId": client.create_multipart_upload(**at)["UploadId"]}
    source = {"CopySource": f"{bucket}/source"}
    ranges = [f"bytes=0-{PART - 1}", f"bytes={PART}-{PART + 1}"]
    parts = []
    for number, asked in enumerate(ranges, 1):
        part = client.upload_part_copy(**upload, **source, PartNumber=number, CopySourceRange=asked)
        parts.append({"PartNumber": number, "ETag": part["CopyPartResult"]["ETag"]})
    beyond = {"CopySourceRange": f"bytes=0-{PART + 100}"}
    refused("InvalidArgument", client.upload_part_copy, **upload, **source, PartNumber=3, **beyond)
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert served.store.read(bucket, "copy") == b"s" * PART + b"ta"


def test_small_parts_and_wrong_order_are_refused(client, bucket):
    at = {"Bucket": bucket, "Key": "k"}
    upload = {**at, "UploadId": client.create_multipart_upload(**at)["UploadId"]}
    etag = client.upload_part(**upload, PartNumber=1, Body=b"small")["ETag"]
    client.upload_part(**upload, PartNumber=2, Body=b"small")
    parts = [{"PartNumber": n, "ETag": etag} for n in (1, 2)]
    refused("EntityTooSmall", client.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts})
    refused("InvalidPartOrder", client.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts[::-1]})
    refused("InvalidArgument", client.upload_part, **upload, PartNumber=10_001, Body=b"")
    client.abort_multipart_upload(**upload)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
