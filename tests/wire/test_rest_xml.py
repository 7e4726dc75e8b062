import pytest

from steppe.base.errors import ApiError
from steppe.wire import rest_xml
from steppe.wire.http import HttpRequest, parse_query

S3 = rest_xml.protocol("s3")


def request(method, target, **headers):
    path, _, query = target.partition("?")
    headers = {"host": "127.0.0.1:4566"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest(method, path, query, headers, parse_query(query))


@pytest.mark.parametrize(
    ("method", "target", "headers", "operation"),
    [
        ("GET", "/", {}, "ListBuckets"),
        ("GET", "/?x-id=ListBuckets", {}, "ListBuckets"),
        ("PUT", "/b", {}, "CreateBucket"),
        ("PUT", "/b/", {}, "CreateBucket"),
        ("HEAD", "/b", {}, "HeadBucket"),
        ("DELETE", "/b", {}, "DeleteBucket"),
        ("GET", "/b", {}, "ListObjects"),
        ("GET", "/b?prefix=x&unknown=1", {}, "ListObjects"),
        ("GET", "/b?list-type=2", {}, "ListObjectsV2"),
        ("GET", "/b?list-type=1", {}, "ListObjects"),
        ("GET", "/b?location", {}, "GetBucketLocation"),
        ("GET", "/b?location=", {}, "GetBucketLocation"),
        ("GET", "/b?uploads", {}, "ListMultipartUploads"),
        ("GET", "/b?versions&prefix=a", {}, "ListObjectVersions"),
        ("GET", "/b?analytics", {}, "ListBucketAnalyticsConfigurations"),
        ("GET", "/b?analytics&id=1", {}, "GetBucketAnalyticsConfiguration"),
        ("GET", "/b?lifecycle", {}, "GetBucketLifecycleConfiguration"),
        ("POST", "/b?delete", {}, "DeleteObjects"),
        ("GET", "/b/k/k", {}, "GetObject"),
        ("GET", "/b/k?x-id=GetObject", {}, "GetObject"),
        ("GET", "/b/k?uploadId=1", {}, "ListParts"),
        ("GET", "/b/k?tagging", {}, "GetObjectTagging"),
        ("GET", "/b/k?attributes", {"x_amz_object_attributes": "ETag"}, "GetObjectAttributes"),
        ("HEAD", "/b/k", {}, "HeadObject"),
        ("PUT", "/b/k", {}, "PutObject"),
        ("PUT", "/b/k", {"x_amz_copy_source": "b/k"}, "CopyObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=2", {}, "UploadPart"),
        ("PUT", "/b/k?partNumber=1&uploadId=2", {"x_amz_copy_source": "b/k"}, "UploadPartCopy"),
        ("POST", "/b/k?uploads", {}, "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=2", {}, "CompleteMultipartUpload"),
        ("DELETE", "/b/k?uploadId=2", {}, "AbortMultipartUpload"),
        ("DELETE", "/b/k", {}, "DeleteObject"),
    ],
)
def test_a_request_is_routed_to_its_operation(method, target, headers, operation):
    found = request(method, target, **headers)
    assert S3.route(found, rest_xml.address(found)) == operation


@pytest.mark.parametrize(
    ("host", "path", "bucket", "key"),
    [
        ("127.0.0.1:4566", "/b/k/", "b", "k/"),
        ("localhost:4566", "/b", "b", None),
        ("localhost", "/", None, None),
        ("b.localhost:4566", "/k", "b", "k"),
        ("my.dotted.bucket.localhost:4566", "/", "my.dotted.bucket", None),
        ("s3.localhost:4566", "/b/k", "b", "k"),
        ("b.s3.localhost:4566", "/k", "b", "k"),
        ("b.s3.amazonaws.com", "/k", "b", "k"),
        ("b.c.s3.eu-north-1.amazonaws.com", "/k", "b.c", "k"),
        ("s3.eu-north-1.amazonaws.com", "/b/k", "b", "k"),
        ("s3-eu-west-1.amazonaws.com", "/b/k", "b", "k"),
        ("[::1]:4566", "/b/k", "b", "k"),
        ("127.0.0.1", "/b/a%2Fb%20c+d%25", "b", "a/b c+d%"),
        ("127.0.0.1", "/b//k//", "b", "/k//"),
    ],
)
def test_an_address_names_bucket_and_key(host, path, bucket, key):
    assert rest_xml.address(HttpRequest("GET", path, "", {"host": host})) == rest_xml.Address(bucket, key)


def test_members_come_from_path_query_headers_and_body():
    found = request(
        "PUT",
        "/b/k?partNumber=7&uploadId=u%2Fv",
        x_amz_meta_colour="blue",
        content_type="text/plain",
        if_modified_since="Thu, 24 Sep 2026 02:56:17 GMT",
    )
    where = rest_xml.address(found)
    assert S3.parse("UploadPart", found, where, b"") == {"Bucket": "b", "Key": "k", "PartNumber": 7, "UploadId": "u/v"}
    put = S3.parse("PutObject", found, where, b"")
    assert (put["Metadata"], put["ContentType"]) == ({"colour": "blue"}, "text/plain")
    assert S3.parse("GetObject", found, where, b"")["IfModifiedSince"] == 1790218577000
    body = (
        b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a&amp;b</Key></Object>'
        b"<Object><Key> c </Key></Object><Quiet>true</Quiet><Unknown/></Delete>"
    )
    members = S3.parse("DeleteObjects", found, where, body)
    assert members["Delete"] == {"Objects": [{"Key": "a&b"}, {"Key": " c "}], "Quiet": True}


def test_outputs_go_to_headers_and_documents():
    answer = S3.serialise(
        "ListObjectsV2",
        {
            "Name": "b",
            "IsTruncated": False,
            "KeyCount": 1,
            "Contents": [{"Key": "a<&>\x01", "LastModified": 1790218577000, "Size": 1}],
            "CommonPrefixes": [{"Prefix": "p/"}],
            "Prefix": None,
        },
    )
    assert answer.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<IsTruncated>false</IsTruncated><Contents><Key>a&lt;&amp;&gt;&#x1;</Key>"
        b"<LastModified>2026-09-24T02:56:17.000Z</LastModified><Size>1</Size></Contents><Name>b</Name>"
        b"<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes><KeyCount>1</KeyCount></ListBucketResult>"
    )
    answer = S3.serialise("HeadObject", {"LastModified": 1790218577084, "ETag": '"x"', "Metadata": {"a": "b"}})
    assert dict(answer.headers) == {
        "Last-Modified": "Thu, 24 Sep 2026 02:56:17 GMT",
        "ETag": '"x"',
        "x-amz-meta-a": "b",
    }
    location = S3.serialise("GetBucketLocation", {"LocationConstraint": "eu-north-1"}).body
    assert location.endswith(b">eu-north-1</LocationConstraint>")
    assert S3.serialise("DeleteObject", {}).status == 204


@pytest.mark.parametrize(
    "body", [b"<a", b"\xff\xfe", b"<!DOCTYPE x><Delete/>", b"<Delete><Quiet>maybe</Quiet></Delete>"]
)
def test_broken_documents_are_malformed(body):
    found = request("POST", "/b?delete")
    with pytest.raises(ApiError) as refusal:
        S3.parse("DeleteObjects", found, rest_xml.address(found), body)
    assert refusal.value.code == "MalformedXML"
