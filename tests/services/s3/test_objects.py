import datetime
import hashlib
import io
import os

import httpx
import pytest
from botocore.exceptions import ClientError

DAY = datetime.timedelta(days=1)


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    assert refusal.value.response["Error"]["Code"] == code, refusal.value
    return refusal.value.response


@pytest.mark.parametrize(
    ("style", "host"), [("path", "127.0.0.1"), ("virtual", "localhost"), ("virtual", "s3.localhost")]
)
def test_an_object_comes_back_with_everything_that_was_said_of_it(served, bucket, local_names, style, host):
    client = served.client(style=style, host=host)
    key = "folder/a b+c%d~é日本\u2028.txt"
    said = {
        "ContentType": "text/plain; charset=utf-8",
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="x"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "sv",
        "Metadata": {"colour": "blue", "with-dash": "a, b"},
    }
    put = client.put_object(Bucket=bucket, Key=key, Body=b"hello", **said)
    assert put["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert put["ChecksumCRC32"] == "NhCmhg=="
    for found in (client.get_object(Bucket=bucket, Key=key), client.head_object(Bucket=bucket, Key=key)):
        assert {name: found[name] for name in said} == said
        assert (found["ContentLength"], found["ETag"]) == (5, put["ETag"])
        assert abs(found["LastModified"] - datetime.datetime.now(datetime.UTC)) < DAY
    assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == b"hello"
    assert client.list_objects_v2(Bucket=bucket)["Contents"][0]["Key"] == key
    client.delete_object(Bucket=bucket, Key=key)
    client.delete_object(Bucket=bucket, Key=key)
    refused("NoSuchKey", client.get_object, Bucket=bucket, Key=key)
    refused("404", client.head_object, Bucket=bucket, Key=key)
    client.close()


def test_missing_things_are_named(client, bucket):
    assert refused("NoSuchKey", client.get_object, Bucket=bucket, Key="no/such")["Error"]["Key"] == "no/such"
    answer = refused("NoSuchBucket", client.get_object, Bucket="not-there", Key="k")
    assert (answer["Error"]["BucketName"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("not-there", 404)
    refused("NoSuchBucket", client.put_object, Bucket="not-there", Key="k", Body=b"x" * 1_000_000)
    refused("NoSuchBucket", client.list_objects_v2, Bucket="not-there")
    refused("404", client.head_bucket, Bucket="not-there")
    refused("BucketNotEmpty", lambda: client.put_object(Bucket=bucket, Key="k") and client.delete_bucket(Bucket=bucket))


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=0-0", 206, b"0"),
        ("bytes=2-5", 206, b"2345"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=-100", 206, b"0123456789"),
        ("bytes=5-1000", 206, b"56789"),
        ("bytes=5-4", 200, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("items=0-1", 200, b"0123456789"),
        ("bytes=", 200, b"0123456789"),
        ("bytes=99999999999999999999-", 200, b"0123456789"),
    ],
)
def test_ranges(client, bucket, asked, status, body):
    client.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    found = client.get_object(Bucket=bucket, Key="digits", Range=asked)
    assert (found["ResponseMetadata"]["HTTPStatusCode"], found["Body"].read()) == (status, body)
    assert client.head_object(Bucket=bucket, Key="digits", Range=asked)["ContentLength"] == len(body)
    assert ("ContentRange" in found) == (status == 206)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(client, bucket, asked):
    client.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    answer = refused("InvalidRange", client.get_object, Bucket=bucket, Key="digits", Range=asked)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 416
    assert answer["Error"]["ActualObjectSize"] == "10"


def test_conditional_reads(client, bucket):
    etag = client.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    modified = client.head_object(Bucket=bucket, Key="k")["LastModified"]
    table = [
        ({"IfMatch": etag}, None),
        ({"IfMatch": "*"}, None),
        ({"IfMatch": f'"{"0" * 32}", {etag}'}, None),
        ({"IfMatch": '"other"'}, "PreconditionFailed"),
        ({"IfNoneMatch": '"other"'}, None),
        ({"IfNoneMatch": etag}, "304"),
        ({"IfModifiedSince": modified - DAY}, None),
        ({"IfModifiedSince": modified}, "304"),
        ({"IfUnmodifiedSince": modified}, None),
        ({"IfUnmodifiedSince": modified - DAY}, "PreconditionFailed"),
        ({"IfMatch": etag, "IfUnmodifiedSince": modified - DAY}, None),
        ({"IfNoneMatch": '"other"', "IfModifiedSince": modified}, None),
    ]
    for conditions, code in table:
        if code is None:
            assert client.get_object(Bucket=bucket, Key="k", **conditions)["Body"].read() == b"1"
        else:
            refused(code, client.get_object, Bucket=bucket, Key="k", **conditions)
            refused("412" if code != "304" else code, client.head_object, Bucket=bucket, Key="k", **conditions)


def test_conditional_writes(client, bucket):
    first = client.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", client.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    refused("PreconditionFailed", client.put_object, Bucket=bucket, Key="k", Body=b"2", IfMatch='"0"')
    refused("NoSuchKey", client.put_object, Bucket=bucket, Key="none", Body=b"2", IfMatch=first)
    refused("NotImplemented", client.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch=first)
    client.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=first)
    refused("PreconditionFailed", client.delete_object, Bucket=bucket, Key="k", IfMatch=first)
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_copies(client, bucket):
    put = client.put_object(Bucket=bucket, Key="sö urce+%", Body=b"abc", ContentType="image/png", Metadata={"a": "b"})
    source = {"Bucket": bucket, "Key": "sö urce+%"}
    copied = client.copy_object(Bucket=bucket, Key="to/copy", CopySource=source)["CopyObjectResult"]
    assert copied["ETag"] == put["ETag"]
    assert copied["ChecksumCRC32"] == put["ChecksumCRC32"]
    found = client.get_object(Bucket=bucket, Key="to/copy")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"abc", "image/png", {"a": "b"})
    client.copy_object(
        Bucket=bucket, Key="to/copy", CopySource=source, MetadataDirective="REPLACE", Metadata={"c": "d"}
    )
    found = client.head_object(Bucket=bucket, Key="to/copy")
    assert (found["ContentType"], found["Metadata"]) == ("binary/octet-stream", {"c": "d"})
    refused("InvalidRequest", client.copy_object, Bucket=bucket, Key="sö urce+%", CopySource=source)
    missing = {"Bucket": bucket, "Key": "missing"}
    refused("NoSuchKey", client.copy_object, Bucket=bucket, Key="x", CopySource=missing)
    refused("InvalidArgument", client.copy_object, Bucket=bucket, Key="x", CopySource="nonsense")
    unchanged = {"CopySourceIfNoneMatch": put["ETag"]}
    refused("PreconditionFailed", client.copy_object, Bucket=bucket, Key="x", CopySource=source, **unchanged)
    refused("NoSuchBucket", client.copy_object, Bucket="not-there", Key="x", CopySource=source)


def test_many_objects_are_removed_in_one_call(client, bucket):
    for number in range(5):
        client.put_object(Bucket=bucket, Key=f"k {number}&<>", Body=b"")
    wanted = [{"Key": f"k {number}&<>"} for number in range(5)] + [{"Key": "never there"}]
    answer = client.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert answer["Deleted"] == wanted
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)
    assert "Deleted" not in client.delete_objects(Bucket=bucket, Delete={"Objects": wanted, "Quiet": True})
    refused("MalformedXML", client.delete_objects, Bucket=bucket, Delete={"Objects": []})
    refused("MalformedXML", client.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": "k"}] * 1001})


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_a_checksum_that_was_sent_is_verified_and_kept(client, served, bucket, algorithm):
    from steppe.wire.checksums import checksum, text_of

    content = os.urandom(100_000)
    running = checksum(algorithm)
    running.update(content)
    right, member = text_of(running.digest()), f"Checksum{algorithm}"
    put = client.put_object(Bucket=bucket, Key="k", Body=content, **{member: right})
    assert (put[member], put["ChecksumType"]) == (right, "FULL_OBJECT")
    assert client.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[member] == right
    assert member not in client.head_object(Bucket=bucket, Key="k")
    attributes = client.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectSize"])
    assert (attributes["Checksum"][member], attributes["ObjectSize"]) == (right, len(content))
    wrong = text_of(bytes(len(running.digest())))
    refused("BadDigest", client.put_object, Bucket=bucket, Key="k", Body=b"other", **{member: wrong})
    refused("InvalidRequest", client.put_object, Bucket=bucket, Key="k", Body=b"other", **{member: "short"})
    refused("BadDigest", client.put_object, Bucket=bucket, Key="k", Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    refused("InvalidDigest", client.put_object, Bucket=bucket, Key="k", Body=b"x", ContentMD5="nonsense")
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == content


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize(("style", "host"), [("path", "127.0.0.1"), ("virtual", "localhost")])
def test_presigned_urls(served, bucket, local_names, version, style, host):
    client = served.client(style=style, host=host, signature_version=version)
    at = {"Bucket": bucket, "Key": "folder/k é+"}
    body = b"through a URL"
    assert (
        httpx.put(client.generate_presigned_url("put_object", Params=at), content=body, timeout=10).status_code == 200
    )
    url = client.generate_presigned_url("get_object", Params={**at, "ResponseContentType": "text/x"})
    found = httpx.get(url, timeout=10)
    assert (found.content, found.headers["content-type"]) == (body, "text/x")
    changed = url.replace("text", "html")
    assert "SignatureDoesNotMatch" in httpx.get(changed, timeout=10).text
    expired = client.generate_presigned_url("get_object", Params=at, ExpiresIn=-100 if version == "s3" else 1)
    if version == "s3":
        assert "Request has expired" in httpx.get(expired, timeout=10).text
    client.close()


@pytest.mark.parametrize(
    ("access_key", "secret", "code"),
    [("AKIDEXAMPLE", "wrong", "SignatureDoesNotMatch"), ("unknown", "x", "InvalidAccessKeyId")],
)
def test_wrong_keys_are_refused(served, bucket, access_key, secret, code):
    client = served.client(access_key=access_key, secret=secret)
    refused(code, client.list_buckets)
    refused(code, client.put_object, Bucket=bucket, Key="k", Body=b"x" * 500_000)
    client.close()
    assert httpx.get(f"{served.url()}/{bucket}", timeout=10).status_code == 403


def test_features_that_are_not_there_are_refused_by_name(client, bucket):
    table = [
        ({"Tagging": "a=b"}, "Tagging"),
        ({"StorageClass": "GLACIER"}, "StorageClass"),
        ({"ServerSideEncryption": "aws:kms"}, "ServerSideEncryption"),
        ({"ACL": "public-read"}, "ACL"),
    ]
    for options, name in table:
        answer = refused("NotImplemented", client.put_object, Bucket=bucket, Key="k", Body=b"", **options)
        assert answer["Error"]["Header"] == name
    client.put_object(Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="AES256", ACL="private")
    operations = {
        "PutBucketVersioning": lambda: client.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
        ),
        "PutObjectTagging": lambda: client.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": []}),
        "GetBucketInventoryConfiguration": lambda: client.get_bucket_inventory_configuration(Bucket=bucket, Id="x"),
    }
    for name, call in operations.items():
        assert refused("NotImplemented", call)["Error"]["Operation"] == name


def test_what_was_never_configured_is_answered_as_s3_does(client, bucket):
    assert "Status" not in client.get_bucket_versioning(Bucket=bucket)
    assert client.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert client.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
    refused("NoSuchTagSet", client.get_bucket_tagging, Bucket=bucket)
    refused("NoSuchBucketPolicy", client.get_bucket_policy, Bucket=bucket)


def test_buckets_are_made_and_listed(client, bucket):
    made = client.create_bucket(Bucket=bucket)
    assert (made["Location"], made["BucketArn"]) == (f"/{bucket}", f"arn:aws:s3:::{bucket}")
    assert client.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert bucket in [one["Name"] for one in client.list_buckets()["Buckets"]]
    page = client.list_buckets(Prefix="bucket-", MaxBuckets=1)
    assert len(page["Buckets"]) == 1
    refused("InvalidBucketName", client.create_bucket, Bucket="Not_A_Bucket")
    elsewhere = {"LocationConstraint": "eu-north-1"}
    refused(
        "IllegalLocationConstraintException", client.create_bucket, Bucket="x-y-z", CreateBucketConfiguration=elsewhere
    )
    refused("NoSuchBucket", client.delete_bucket, Bucket="x-y-z")


def test_user_metadata_has_a_limit(client, bucket):
    client.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"m": "v" * 2047})
    assert client.head_object(Bucket=bucket, Key="k")["Metadata"] == {"m": "v" * 2047}
    refused("MetadataTooLarge", client.put_object, Bucket=bucket, Key="k", Body=b"", Metadata={"m": "v" * 2048})


def test_large_objects_stream_both_ways(client, bucket, upload):
    content = os.urandom(20_000_000)
    upload("big", content)
    head = client.head_object(Bucket=bucket, Key="big", ChecksumMode="ENABLED")
    assert head["ETag"].endswith('-3"')
    assert (head["ChecksumCRC32"][-2:], head["ChecksumType"]) == ("-3", "COMPOSITE")
    back = io.BytesIO()
    client.download_fileobj(bucket, "big", back)
    assert back.getvalue() == content
    client.put_object(Bucket=bucket, Key="one piece", Body=content)
    assert client.get_object(Bucket=bucket, Key="one piece")["Body"].read() == content


def test_a_large_file_that_was_copied_in_is_read_and_copied(served, client, bucket):
    content = os.urandom(3_000_000)
    served.store.put(bucket, "x", b"")
    (served.store.local_path(bucket, "x").parent / "copied in").write_bytes(content)
    etag = f'"{hashlib.md5(content).hexdigest()}"'
    client.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "copied in"})
    for key in ("copied in", "copy"):
        found = client.get_object(Bucket=bucket, Key=key)
        assert (found["ETag"], found["Body"].read()) == (etag, content)
