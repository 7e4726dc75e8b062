"""What a Map Run can read: compressed files, Parquet, manifests, flattened listings; and what it refuses, by name."""

from __future__ import annotations

import datetime
import decimal
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness import command
from ranges import WHOLE, items, values

from steppe.base.errors import Fault
from steppe.maprun import compressed, files
from steppe.maprun.item_source import Cut
from steppe.maprun.readers import parquet_file
from steppe.maprun.sources import Places, open_source, reopen_source
from steppe.objects.filesystem import FilesystemObjectStore

CUTS = [Cut(), Cut(items=1), Cut(items=4, multiple=2), Cut(items=1000, size_bytes=1), Cut(items=3, size_bytes=20)]

FIRST_ROW = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(FilesystemObjectStore(tmp_path / "s3"), FilesystemObjectStore(tmp_path / "internal"))
    places.objects.create_bucket("data")
    places.internal.create_bucket(places.bucket)
    return places


def put(places: Places, key: str, body: bytes | str) -> None:
    places.objects.put("data", key, body.encode() if isinstance(body, str) else body)


def opened(places: Places, config, *, key: str | None = None, prefix: str | None = None, **parameters):
    """Open what a reader names; then make it again from its description, as another process would."""
    resource = "s3:getObject" if key is not None else "s3:listObjectsV2"
    place = {"Key": key} if key is not None else {"Prefix": prefix or ""}
    reader = {
        "Resource": resource,
        "Parameters": {"Bucket": "data", **place, **parameters},
        "ReaderConfig": config,
        "MaxItems": 0,
    }
    return open_source(command(reader=reader), places=places, spool_key="run/items.jsonl")


def again(places: Places, source):
    """The same source as a worker has it."""
    other = Places(places.objects, places.internal)
    return reopen_source(json.loads(json.dumps(source.description)), other)


def zstd(body: bytes) -> bytes:
    return pa.Codec("zstd").compress(body, asbytes=True)


COMPRESSED = {
    "a.csv.gz": (b"id\n1\n2\n3\n", FIRST_ROW, gzip.compress),
    "a.csv.GZIP": (b"id\n1\n2\n3\n", FIRST_ROW, gzip.compress),
    "two members.csv.gz": (
        b"id\n1\n2\n3\n",
        FIRST_ROW,
        lambda body: gzip.compress(body[:4]) + gzip.compress(body[4:]),
    ),
    "a.csv.zst": (b"id\n1\n2\n3\n", FIRST_ROW, zstd),
    "a.csv.zstd": (b"id\n1\n2\n3\n", FIRST_ROW, zstd),
    "a.json.gz": (b'[{"id":"1"}, {"id":"2"},{"id":"3"}]', {"InputType": "JSON"}, gzip.compress),
    "a.jsonl.zst": (b'{"id":"1"}\n{"id":"2"}\n{"id":"3"}', {"InputType": "JSONL"}, zstd),
}


@pytest.mark.parametrize("key", COMPRESSED)
@pytest.mark.parametrize("cut", CUTS)
def test_compressed_files_are_read_as_what_they_hold(places, key, cut):
    body, config, compress = COMPRESSED[key]
    put(places, key, compress(body))
    source = opened(places, config, key=key)
    found = [{"id": "1"}, {"id": "2"}, {"id": "3"}]
    assert values(source, cut) == found
    worker = again(places, source)
    assert [item for part in source.split(cut) for item in worker.read(part)] == items(source, cut)
    assert {item[3] for item in items(source)} == {f"s3://data/{key}"}


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 1000])
def test_blocks_of_what_a_compressed_file_holds_are_kept_and_found_again(places, monkeypatch, size):
    """Whatever the last block is: none, a full one, a short one; and after a restart in the middle."""
    monkeypatch.setattr(compressed, "BLOCK_BYTES", 64)
    body = b"".join(b"%d\n" % n for n in range(size))[:size]
    put(places, "rows.jsonl.gz", gzip.compress(body))
    source = opened(places, {"InputType": "JSONL"}, key="rows.jsonl.gz")
    begun = next(source.split(Cut(items=5)), None)
    expected = [int(line) for line in body.split()]
    worker = again(places, source)
    if begun is not None:
        assert [item[2] for item in worker.read(begun)] == expected[:5]
        # Another process goes on: some blocks are there, the others are made.
        rest = [item[2] for part in worker.split(Cut(items=5), begun) for item in worker.read(part)]
        assert rest == expected[5:]
    assert values(again(places, source), Cut(items=7)) == expected


def test_what_is_not_compressed_as_its_name_says_or_is_cut_off_is_refused(places):
    put(places, "plain.csv.gz", "id\n1\n")
    with pytest.raises(Fault, match="is not valid gzip data") as caught:
        values(opened(places, FIRST_ROW, key="plain.csv.gz"))
    assert caught.value.error == "States.ItemReaderFailed"
    put(places, "half.csv.zst", zstd(b"id\n" + bytes(range(48, 58)) * 100_000)[:-20])
    with pytest.raises(Fault, match="is not valid zstd data"):
        values(opened(places, FIRST_ROW, key="half.csv.zst"))


def test_a_bomb_ends_at_its_limit_and_a_huge_line_at_an_items(places, monkeypatch):
    put(places, "zeros.jsonl.gz", gzip.compress(b"0\n" * 4_000_000))
    monkeypatch.setattr(compressed, "EXPANDED_BYTES_MAX", 5_000_000)
    with pytest.raises(Fault, match="holds more than 5000000 bytes when it is decompressed"):
        list(opened(places, {"InputType": "JSONL"}, key="zeros.jsonl.gz").split(WHOLE))
    monkeypatch.undo()
    put(places, "line.jsonl.gz", gzip.compress(b"0" * 20_000_000))
    with pytest.raises(Fault, match="longer than the 8388608 bytes"):
        list(opened(places, {"InputType": "JSONL"}, key="line.jsonl.gz").split(WHOLE))


def parquet(places: Places, key: str, table: pa.Table, **options) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    put(places, key, sink.getvalue().to_pybytes())


DAY = datetime.date(2026, 9, 23)
MOMENT = datetime.datetime(2026, 9, 23, 22, 58, 45, 90_000)

PARQUET_TYPES = [
    (pa.int64(), 2**60, 2**60),
    (pa.uint64(), 2**64 - 1, 2**64 - 1),
    (pa.int8(), -5, -5),
    (pa.bool_(), True, True),
    (pa.string(), "日本", "日本"),
    (pa.large_string(), "x", "x"),
    (pa.float64(), 0.1, 0.1),
    (pa.float64(), float("nan"), "NaN"),
    (pa.float32(), float("-inf"), "-Infinity"),
    (pa.float64(), float("inf"), "Infinity"),
    (pa.decimal128(20, 4), decimal.Decimal("12345678901234.5000"), "12345678901234.5000"),
    (pa.date32(), DAY, "2026-09-23"),
    (pa.timestamp("ms"), MOMENT, "2026-09-23T22:58:45.090"),
    (pa.timestamp("us", tz="UTC"), MOMENT.replace(tzinfo=datetime.UTC), "2026-09-23T22:58:45.090000Z"),
    (pa.time64("us"), datetime.time(1, 2, 3), "01:02:03.000000"),
    (pa.binary(), b"\x00\xff", "AP8="),
    (pa.list_(pa.int64()), [1, None, 3], [1, None, 3]),
    (pa.list_(pa.timestamp("ms")), [MOMENT], ["2026-09-23T22:58:45.090"]),
    (
        pa.struct([("a", pa.date32()), ("b", pa.int64()), ("c", pa.float64())]),
        {"a": DAY, "b": 1, "c": float("nan")},
        {"a": "2026-09-23", "b": 1, "c": "NaN"},
    ),
    (pa.struct([("a", pa.int64())]), {"a": 1}, {"a": 1}),
    (pa.map_(pa.string(), pa.int64()), [("k", 1), ("l", None)], {"k": 1, "l": None}),
    (pa.map_(pa.int64(), pa.binary()), [(1, b"\x00")], {"1": "AA=="}),
    (pa.dictionary(pa.int32(), pa.string()), "word", "word"),
]


@pytest.mark.parametrize(("kind", "value", "expected"), PARQUET_TYPES, ids=lambda value: str(value)[:30])
def test_parquet_values_as_json(places, kind, value, expected):
    table = pa.table({"v": pa.array([value, None], kind), "n": [1, 2]})
    parquet(places, "typed.parquet", table)
    assert values(opened(places, {"InputType": "PARQUET"}, key="typed.parquet")) == [
        {"v": expected, "n": 1},
        {"v": None, "n": 2},
    ]


@pytest.mark.parametrize("cut", [*CUTS, Cut(items=70)])
@pytest.mark.parametrize("group_rows", [1, 10, 64, 1000])
def test_parquet_rows_in_order_whatever_the_groups(places, cut, group_rows):
    parquet(places, "rows.parquet", pa.table({"id": range(200)}), row_group_size=group_rows)
    source = opened(places, {"InputType": "PARQUET"}, key="rows.parquet")
    assert items(source, cut) == [(n, None, {"id": n}, "s3://data/rows.parquet") for n in range(200)]
    worker = again(places, source)
    parts = list(source.split(cut))
    backwards = [item for part in reversed(parts) for item in reversed(list(worker.read(part)))]
    assert [item[2]["id"] for item in backwards] == list(reversed(range(200)))


def test_parquet_shards_are_limited_in_bytes(places):
    parquet(places, "wide.parquet", pa.table({"v": [f"{n:0100000}" for n in range(200)]}), compression="none",
            use_dictionary=False)  # fmt: skip
    source = opened(places, {"InputType": "PARQUET"}, key="wide.parquet")
    assert max(part.item_count for part in source.split(Cut())) < 60
    assert [int(value["v"][-9:]) for value in values(source)] == list(range(200))


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "is not a Parquet file"),
        (b"id\n1\n2\n3\n4\n5\n6\n", "is not a Parquet file"),
        (b"PAR1" + b"\0" * 20 + (12).to_bytes(4, "little") + b"PAR1", "The Parquet file is malformed"),
        (b"PAR1" + (2**31).to_bytes(4, "little") + b"PAR1", "footer of the Parquet file has 2147483648 bytes"),
    ],
)
def test_what_is_no_parquet_file_is_refused(places, body, cause):
    put(places, "x.parquet", body)
    with pytest.raises(Fault, match=cause) as caught:
        opened(places, {"InputType": "PARQUET"}, key="x.parquet")
    assert caught.value.error == "States.ItemReaderFailed"


def test_parquet_that_is_damaged_in_the_middle_is_refused_when_it_is_read(places):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"v": ["x" * 50 + str(n) for n in range(1000)]}), sink, use_dictionary=False)
    body = bytearray(sink.getvalue().to_pybytes())
    body[40:400] = b"\xff" * 360
    put(places, "x.parquet", bytes(body))
    with pytest.raises(Fault, match="malformed"):
        values(opened(places, {"InputType": "PARQUET"}, key="x.parquet"))


def test_parquet_texts_that_are_not_utf_8_are_refused(places):
    field = pa.field("v", pa.string())
    bad = pa.StringArray.from_buffers(1, pa.py_buffer(b"\x00\x00\x00\x00\x02\x00\x00\x00"), pa.py_buffer(b"\xff\xfe"))
    parquet(places, "x.parquet", pa.Table.from_arrays([bad], schema=pa.schema([field])))
    with pytest.raises(Fault, match="The Parquet file is malformed: 'utf-8' codec") as caught:
        values(opened(places, {"InputType": "PARQUET"}, key="x.parquet"))
    assert caught.value.error == "States.ItemReaderFailed"


def test_a_row_group_that_is_too_large_is_refused(places, monkeypatch):
    monkeypatch.setattr(parquet_file, "PARQUET_GROUP_BYTES_MAX", 1000)
    parquet(places, "x.parquet", pa.table({"v": range(1000)}))
    with pytest.raises(Fault, match=r"Row group 0 of the Parquet file has \d+ bytes; 1000 are allowed"):
        opened(places, {"InputType": "PARQUET"}, key="x.parquet")


def test_parquet_types_and_columns_without_a_json_form_are_refused(places):
    parquet(places, "x.parquet", pa.table({"d": pa.array([5], pa.duration("s"))}))
    with pytest.raises(Fault, match="The column d of the Parquet file is of the type duration"):
        opened(places, {"InputType": "PARQUET"}, key="x.parquet")
    parquet(places, "y.parquet", pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]))
    with pytest.raises(Fault, match="columns of the Parquet file cannot contain duplicates"):
        opened(places, {"InputType": "PARQUET"}, key="y.parquet")
    with pytest.raises(Fault, match="VersionId is not supported for Parquet files"):
        opened(places, {"InputType": "PARQUET"}, key="y.parquet", VersionId="null")


def test_the_only_version_of_an_object_is_null(places):
    put(places, "a.csv", "id\n1\n")
    assert values(opened(places, FIRST_ROW, key="a.csv", VersionId="null")) == [{"id": "1"}]
    with pytest.raises(Fault, match="Invalid version id specified"):
        opened(places, FIRST_ROW, key="a.csv", VersionId="BcK42coT2jE1234VHLUvBV1yLNod2OEt")
    with pytest.raises(Fault, match="The parameter VersionId of ItemReader is not supported"):
        opened(places, {}, prefix="", VersionId="null")


MANY = {
    "CSV": lambda rows: "id\n" + "".join(f"{n}\n" for n in rows),
    "JSON": lambda rows: json.dumps([{"id": str(n)} for n in rows]),
    "JSONL": lambda rows: "".join(json.dumps({"id": str(n)}) + "\n" for n in rows),
}


def fill(places: Places, input_type: str, sizes: list[int], prefix: str = "many/") -> list[tuple[str, dict]]:
    """Files of so many items each; what is to be read, as (source, item)."""
    expected = []
    number = 0
    for position, size in enumerate(sizes):
        key = f"{prefix}{position:03}"
        rows = range(number, number + size)
        number += size
        if input_type == "PARQUET":
            parquet(places, key, pa.table({"id": [str(n) for n in rows]}, pa.schema([("id", pa.string())])))
        elif position % 2:
            key += ".gz"
            put(places, key, gzip.compress(MANY[input_type](rows).encode()))
        else:
            put(places, key, MANY[input_type](rows))
        expected += [(f"s3://data/{key}", {"id": str(n)}) for n in rows]
    return expected


@pytest.mark.parametrize("input_type", ["CSV", "JSON", "JSONL", "PARQUET"])
@pytest.mark.parametrize("sizes", [[], [0], [3], [1, 1, 1, 1, 1], [0, 5, 0, 0, 7, 1], [10, 1, 20, 2]])
@pytest.mark.parametrize("cut", CUTS)
def test_a_flattened_listing_is_one_sequence_of_the_items_of_all_files(places, input_type, sizes, cut):
    expected = fill(places, input_type, sizes)
    put(places, "many/", "")  # a folder's marker
    put(places, "other", "not below the prefix")
    config = {"InputType": input_type, "Transformation": "LOAD_AND_FLATTEN"}
    if input_type == "CSV":
        config["CSVHeaderLocation"] = "FIRST_ROW"
    source = opened(places, config, prefix="many/")
    found = items(source, cut)
    assert [(item[3], item[2]) for item in found] == expected
    worker = again(places, source)
    assert [item for part in source.split(cut) for item in worker.read(part)] == found
    for most in (1, 4, 5, 6, 33, 34):
        limited = Cut(items=cut.items, multiple=cut.multiple, size_bytes=cut.size_bytes, items_max=most)
        assert [item for part in source.split(limited) for item in worker.read(part)] == found[:most]


def test_many_small_files_make_few_shards(places, monkeypatch):
    monkeypatch.setattr(files, "_LIST_PIECE", 7)
    expected = fill(places, "JSON", [1] * 100)
    source = opened(places, {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}, prefix="many/")
    assert len(list(source.split(Cut(items=25)))) == 4
    assert [item[2] for item in items(source, Cut(items=25))] == [item for _, item in expected]


def test_members_of_flattened_objects_keep_their_names(places):
    put(places, "many/a", '{"x": 1, "y": 2}')
    put(places, "many/b", '{"z": 3, "x": 4}')
    source = opened(places, {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}, prefix="many/")
    for cut in CUTS:
        assert [item[:3] for item in items(source, cut)] == [(0, "x", 1), (1, "y", 2), (2, "z", 3), (3, "x", 4)]


def test_one_unreadable_file_fails_the_flattened_listing(places):
    put(places, "many/a", "[1]")
    put(places, "many/b", "[1")
    with pytest.raises(Fault, match="malformed"):
        values(opened(places, {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}, prefix="many/"))


def test_a_file_of_a_listing_that_changed_is_refused(places):
    put(places, "many/a", "[1]")
    source = opened(places, {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}, prefix="many/")
    put(places, "many/a", "[2]")
    with pytest.raises(Fault, match="changed while the Map Run was reading it"):
        values(source)


@pytest.mark.parametrize("input_type", ["CSV", "JSON", "JSONL", "PARQUET"])
@pytest.mark.parametrize("line", ["{}\n", '"{}"\r\n', "{}\n\n"])
def test_an_athena_manifest_is_read_with_each_input_type(places, input_type, line):
    expected = fill(places, input_type, [3, 0, 4])
    keys = [found.key for found in places.objects.list_objects("data", prefix="many/").objects]
    put(places, "results/m.csv", "".join(line.format(f"s3://data/{key}") for key in keys))
    config = {"InputType": input_type, "ManifestType": "ATHENA_DATA"}
    if input_type == "CSV":
        config["CSVHeaderLocation"] = "FIRST_ROW"
    source = opened(places, config, key="results/m.csv")
    for cut in CUTS:
        assert [(item[3], item[2]) for item in items(source, cut)] == expected


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("s3://data/gone\n", "Error: NoSuchKey"),
        ("s3://nowhere-here/gone\n", "Error: NoSuchBucket"),
        ("https://data/a\n", "a line that is no S3 address: https://data/a"),
        ("s3://data\n", "no S3 address"),
        ("\x00" * 10_000, "no S3 address"),
        (b"\xff\xfe\n", "no S3 address"),
    ],
)
def test_an_athena_manifest_that_names_no_files_is_refused(places, body, cause):
    put(places, "m.csv", body)
    with pytest.raises(Fault, match=cause) as caught:
        opened(places, {"InputType": "JSON", "ManifestType": "ATHENA_DATA"}, key="m.csv")
    assert caught.value.error == "States.ItemReaderFailed"


def inventory(**fields) -> str:
    manifest = {
        "sourceBucket": "source",
        "destinationBucket": "arn:aws:s3:::data",
        "version": "2016-11-30",
        "creationTimestamp": "1790204286000",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, LastModifiedDate",
        "files": [
            {"key": "inv/1.csv.gz", "size": 1, "MD5checksum": "x"},
            {"key": "inv/2.csv.gz", "size": 1, "MD5checksum": "x"},
        ],
        **fields,
    }
    return json.dumps({name: value for name, value in manifest.items() if value is not None})


@pytest.mark.parametrize("config", [{"InputType": "MANIFEST"}, {"ManifestType": "S3_INVENTORY"},
                                    {"ManifestType": "S3_INVENTORY", "InputType": "MANIFEST"}])  # fmt: skip
def test_the_rows_of_an_inventory_are_items_by_its_schema(places, config):
    put(places, "inv/1.csv.gz", gzip.compress(b'"b","a%20key","5","2026-09-23T22:58:45.000Z"\n"b","c","0",""\n'))
    put(places, "inv/2.csv.gz", gzip.compress(b'"b","d","7"\n'))
    put(places, "manifest.json", inventory())
    found = items(opened(places, config, key="manifest.json"), Cut(items=2))
    assert [item[2] for item in found] == [
        {"Bucket": "b", "Key": "a%20key", "Size": "5", "LastModifiedDate": "2026-09-23T22:58:45.000Z"},
        {"Bucket": "b", "Key": "c", "Size": "0", "LastModifiedDate": ""},
        {"Bucket": "b", "Key": "d", "Size": "7", "LastModifiedDate": ""},
    ]
    assert [item[0] for item in found] == [0, 1, 2]
    assert found[2][3] == "s3://data/inv/2.csv.gz"


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("", "it is not JSON"),
        ("[]", "it is not an object"),
        (inventory(fileFormat="ORC"), "is in the format ORC; only CSV is supported"),
        (inventory(fileFormat="Parquet"), "is in the format Parquet; only CSV is supported"),
        (inventory(fileFormat=None), "in the format None"),
        (inventory(fileSchema=None), "fileSchema or files is missing"),
        (inventory(fileSchema=5), "fileSchema or files is missing"),
        (inventory(files={}), "fileSchema or files is missing"),
        (inventory(files=[{"size": 1}]), "a file has no key"),
        (inventory(files=["x"]), "a file has no key"),
        (inventory(destinationBucket=None), "destinationBucket is missing"),
        (inventory(destinationBucket="data"), "destinationBucket is missing"),
        (inventory(fileSchema="Bucket, Bucket", files=[{"key": "manifest.json"}]), "cannot contain duplicates"),
        (inventory(), "Error: NoSuchKey"),
    ],
)
def test_what_is_no_inventory_is_refused(places, body, cause):
    put(places, "manifest.json", body)
    with pytest.raises(Fault, match=cause) as caught:
        values(opened(places, {"InputType": "MANIFEST"}, key="manifest.json"))
    assert caught.value.error == "States.ItemReaderFailed"


@pytest.mark.parametrize(
    ("config", "place", "cause"),
    [
        ({"InputType": "MANIFEST", "ManifestType": "ATHENA_DATA"}, {"key": "m.csv"}, "InputType MANIFEST is not"),
        ({"InputType": "MANIFEST", "Transformation": "LOAD_AND_FLATTEN"}, {"prefix": "m"}, "InputType MANIFEST is not"),
        ({"InputType": "MANIFEST", "Transformation": "LOAD_AND_FLATTEN"}, {"prefix": "none"}, "InputType MANIFEST is"),
        ({"InputType": "XML"}, {"key": "m.csv"}, "InputType XML is not supported"),
        ({"Transformation": "SORT"}, {"prefix": ""}, "Transformation SORT of s3:listObjectsV2 is not supported"),
    ],
)
def test_combinations_that_mean_nothing_are_refused(places, config, place, cause):
    put(places, "m.csv", "s3://data/m.csv\n")
    with pytest.raises(Fault, match=cause):
        values(opened(places, config, **place))
