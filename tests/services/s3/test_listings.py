import pytest
from botocore.exceptions import ClientError

from steppe.testing.object_store_contract import HOSTILE_KEYS


def test_more_than_a_thousand_keys_come_in_pages(client, served, bucket):
    keys = [f"{number % 3}/{number:05}" for number in range(2345)]
    for key in keys:
        served.store.put(bucket, key, b"")
    first = client.list_objects_v2(Bucket=bucket, MaxKeys=5000)
    assert (first["KeyCount"], first["MaxKeys"], first["IsTruncated"]) == (1000, 1000, True)
    for operation in ("list_objects_v2", "list_objects", "list_object_versions"):
        pages = client.get_paginator(operation).paginate(Bucket=bucket)
        member = "Versions" if "versions" in operation else "Contents"
        assert [one["Key"] for page in pages for one in page[member]] == sorted(keys)
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2}
    )
    assert [one["Prefix"] for page in pages for one in page["CommonPrefixes"]] == ["0/", "1/", "2/"]


def test_listings_say_what_they_were_asked(client, served, bucket):
    for key in ("a/1", "a/2", "b c+é", "d"):
        served.store.put(bucket, key, b"123")
    page = client.list_objects_v2(Bucket=bucket, Prefix="a/", StartAfter="a/1", FetchOwner=True)
    assert (page["Prefix"], page["StartAfter"], page["KeyCount"]) == ("a/", "a/1", 1)
    (entry,) = page["Contents"]
    assert (entry["Key"], entry["Size"], entry["StorageClass"]) == ("a/2", 3, "STANDARD")
    assert entry["Owner"]["ID"]
    page = client.list_objects(Bucket=bucket, Delimiter="/", MaxKeys=1)
    assert (page["NextMarker"], page["CommonPrefixes"], page.get("Contents")) == ("a/", [{"Prefix": "a/"}], None)
    page = client.list_objects(Bucket=bucket, Delimiter="/", Marker="a/", EncodingType="url")
    assert [one["Key"] for one in page["Contents"]] == ["b%20c%2B%C3%A9", "d"]
    assert client.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0


@pytest.mark.parametrize(
    "options",
    [{"MaxKeys": -1}, {"MaxKeys": "many"}, {"ContinuationToken": "nonsense"}, {"EncodingType": "base64"}],
)
def test_wrong_arguments_are_refused(client, bucket, options):
    with pytest.raises(ClientError) as refusal:
        client.list_objects_v2(Bucket=bucket, **options)
    assert refusal.value.response["Error"]["Code"] == "InvalidArgument"


def test_hostile_keys_go_over_the_wire_and_stay_in_their_bucket(client, served, bucket):
    keys = [key for key in HOSTILE_KEYS if key not in (".", "..")]
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert [one["Key"] for one in client.list_objects_v2(Bucket=bucket)["Contents"]] == sorted(keys)
    for key in keys:
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    wanted = [{"Key": key} for key in keys if key.isprintable() and key.isascii()]
    assert len(client.delete_objects(Bucket=bucket, Delete={"Objects": wanted})["Deleted"]) == len(wanted)
    for key in keys:
        client.delete_object(Bucket=bucket, Key=key)
    client.delete_bucket(Bucket=bucket)
