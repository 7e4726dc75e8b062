import pytest

from steppe.integrations.sdk_names import botocore_name, exception_name, member_name, pascal


@pytest.mark.parametrize(
    ("api_name", "shown"),
    [
        ("ETag", "ETag"),
        ("MD5OfMessageBody", "Md5OfMessageBody"),
        ("ChecksumCRC32", "ChecksumCRC32"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("stateMachineArn", "StateMachineArn"),
        ("ACL", "Acl"),
        ("x", "X"),
    ],
)
def test_a_member_is_spelled_as_the_java_sdk_spells_it(api_name, shown):
    assert member_name(api_name) == shown


@pytest.mark.parametrize(
    ("service_id", "prefix"),
    [("DynamoDB", "DynamoDb"), ("CloudWatch Logs", "CloudWatchLogs"), ("SFN", "Sfn"), ("S3", "S3"), ("EC2", "Ec2")],
)
def test_a_service_id_becomes_the_prefix_of_error_names(service_id, prefix):
    assert pascal(service_id) == prefix


@pytest.mark.parametrize(
    ("java_name", "name"),
    [
        ("sfn", "stepfunctions"),
        ("applicationautoscaling", "application-autoscaling"),
        ("eventbridge", "events"),
        ("s3", "s3"),
        ("nosuchservice", None),
    ],
)
def test_a_service_is_found_by_its_java_package(java_name, name):
    assert botocore_name(java_name) == name


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ("NoSuchKey", "NoSuchKeyException"),
        ("InvalidRequestException", "InvalidRequestException"),
        ("CacheClusterNotFoundFault", "CacheClusterNotFoundException"),
    ],
)
def test_an_error_shape_becomes_a_java_exception(shape, name):
    assert exception_name(shape) == name
