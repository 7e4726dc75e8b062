"""Readers: whatever is cut, and however, the items are those of the file, in order, exactly once."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ranges import items, values

from steppe.base.errors import Fault
from steppe.maprun.item_source import Cut, pin
from steppe.maprun.readers.csv_file import open_csv
from steppe.maprun.readers.json_array import open_json
from steppe.maprun.readers.json_lines import open_json_lines
from steppe.maprun.sources import Places, reopen_source
from steppe.objects.filesystem import FilesystemObjectStore

FIRST_ROW = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    store = FilesystemObjectStore(Path(tmp_path_factory.mktemp("s3")))
    store.create_bucket("data")
    return store


def opened(store, body: bytes, opener, config):
    store.put("data", "file", body)
    source = opener(pin(store, "data", "file"), config)
    again = reopen_source(json.loads(json.dumps(source.description)), Places(store, store))
    assert again.description == source.description
    return again


CSV_CASES = {
    "quoted as Athena does": ('"id","name"\n"1","a"\n"2","b"\n', [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]),
    "line break in quotes": (
        'id,name\n1,"three\nnewline"\n2,b\n',
        [{"id": "1", "name": "three\nnewline"}, {"id": "2", "name": "b"}],
    ),
    "crlf": ("id,name\r\n1,a\r\n2,b\r\n", [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]),
    "no last line end": ("id,name\n1,a", [{"id": "1", "name": "a"}]),
    "short row": ("id,name,x\n1\n", [{"id": "1", "name": "", "x": ""}]),
    "long row": ("id\n1,2,3\n", [{"id": "1"}]),
    "empty field": ("id,name\n,\n", [{"id": "", "name": ""}]),
    "empty header": ("id,\n1,2\n", [{"id": "1", "": "2"}]),
    "doubled quote": ('id\n"two ""quoted"""\n', [{"id": 'two "quoted"'}]),
    "quote inside an unquoted field": ('id,n\n5" pipe,1\nx,2\n', [{"id": '5" pipe', "n": "1"}, {"id": "x", "n": "2"}]),
    "backslashes": (
        r"""id,n
a\,b,"c\"d"
\\,\x
""",
        [{"id": "a,b", "n": 'c"d'}, {"id": "\\", "n": "x"}],
    ),
    "blank lines are no items": ("id\n\n1\n\n\n2\n\n", [{"id": "1"}, {"id": "2"}]),
    "header only": ("id,name\n", []),
    "header without line end": ("id,name", []),
    "empty file": ("", []),
    "byte order mark": ("\ufeffid\n1\n", [{"id": "1"}]),
    "byte order mark before a quote": ('\ufeff"id"\n1\n', [{"id": "1"}]),
    "beyond Latin-1": (
        "näme,日本\nä,語\n€,\u0085\u00a0\u2028\n",
        [{"näme": "ä", "日本": "語"}, {"näme": "€", "日本": "\u0085\u00a0\u2028"}],
    ),
    "values stay strings": ("a,b,c\n1,true,Null\n", [{"a": "1", "b": "true", "c": "Null"}]),
}


@pytest.mark.parametrize("name", CSV_CASES)
@pytest.mark.parametrize("cut", [Cut(), Cut(items=1), Cut(items=2, multiple=2), Cut(items=1000, size_bytes=1)])
def test_csv(store, name, cut):
    text, expected = CSV_CASES[name]
    assert values(opened(store, text.encode(), open_csv, FIRST_ROW), cut) == expected


def test_csv_item_has_its_index_and_source(store):
    (item,) = items(opened(store, b"id\n1\n", open_csv, FIRST_ROW))
    assert item == (0, None, {"id": "1"}, "s3://data/file")


@pytest.mark.parametrize(
    ("delimiter", "character"), [("PIPE", "|"), ("SEMICOLON", ";"), ("SPACE", " "), ("TAB", "\t"), ("COMMA", ",")]
)
def test_csv_delimiters_and_given_headers(store, delimiter, character):
    config = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"], "CSVDelimiter": delimiter}
    assert values(opened(store, f"1{character}2\n".encode(), open_csv, config)) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("body", "config", "cause"),
    [
        (b"a,b,a\n1,2,3\n", FIRST_ROW, "CSV headers cannot contain duplicates."),
        (b"1\n", {**FIRST_ROW, "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x", "x"]}, "CSV headers cannot contain"),
        (b'a\n"never ends\n', FIRST_ROW, "The CSV file is malformed: a quoted field has no end."),
        (b'a\n"x"y\n', FIRST_ROW, "malformed"),
        (b"a\n1\rb\n", FIRST_ROW, "a carriage return without a line feed"),
        (b"a\n\xff\xfe\n", FIRST_ROW, "not UTF-8"),
        (b"\xff\n1\n", FIRST_ROW, "not UTF-8"),
        (b"x" * 20_000 + b"\n1\n", FIRST_ROW, "CSV headers cannot have more than 10240 bytes."),
        (b"x" * 2_000_000, FIRST_ROW, "CSV headers cannot have more than 10240 bytes."),
        (b'a\n"' + b"x" * 9_000_000 + b'"\n', FIRST_ROW, "longer than"),
        (b'a\n"' + b"x\n" * 5_000_000 + b'"\n', FIRST_ROW, "longer than"),
        (b"a\n" + b"1\n" * 500 + b"y" * 9_000_000 + b"\n", FIRST_ROW, "longer than"),
        (b"a\n", {"InputType": "CSV", "CSVHeaderLocation": "LAST_ROW"}, "CSVHeaderLocation must be"),
        (b"a\n", {**FIRST_ROW, "CSVDelimiter": "COLON"}, "CSVDelimiter must be one of"),
        (b"a\n", {**FIRST_ROW, "ItemsPointer": "/a"}, "ItemsPointer of ReaderConfig is not supported"),
        (b"a\n", {**FIRST_ROW, "CSVHeaders": "a"}, "CSVHeaders of ReaderConfig must be of type list"),
    ],
)  # fmt: skip
def test_csv_that_cannot_be_read_is_a_fault(store, body, config, cause):
    with pytest.raises(Fault, match=cause) as caught:
        values(opened(store, body, open_csv, config))
    assert caught.value.error == "States.ItemReaderFailed"


@given(st.lists(st.lists(st.text('ab,"\n\\é', max_size=6), min_size=2, max_size=2), max_size=30), st.integers(1, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_csv_as_the_standard_library_writes_it(store, rows, count):
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, doublequote=True, escapechar="\\", lineterminator="\n")
    writer.writerows([["one", "two"], *rows])
    source = opened(store, text.getvalue().encode(), open_csv, FIRST_ROW)
    assert values(source, Cut(items=count)) == [dict(zip(["one", "two"], row, strict=True)) for row in rows]


def test_csv_of_large_rows_is_cut_by_bytes(store):
    body = b"a\n" + b"".join(b"%d,%b\n" % (n, b"x" * 300_000) for n in range(40))
    source = opened(store, body, open_csv, FIRST_ROW)
    ranges = list(source.split(Cut()))
    assert all(part.end - part.start < 5_000_000 for part in ranges)
    assert len(values(source)) == 40


@pytest.mark.parametrize("opener", ["csv", "json", "lines"])
@pytest.mark.parametrize(("items_max", "count"), [(0, 25), (1, 1), (10, 10), (24, 24), (25, 25), (26, 25)])
def test_max_items(store, opener, items_max, count):
    if opener == "csv":
        source = opened(store, b"id\n" + b"".join(b"%d\n" % n for n in range(25)), open_csv, FIRST_ROW)
    elif opener == "json":
        source = opened(store, json.dumps(list(range(25))).encode(), open_json, {"InputType": "JSON"})
    else:
        source = opened(store, b"".join(b"%d\n" % n for n in range(25)), open_json_lines, {"InputType": "JSONL"})
    assert len(values(source, Cut(items=4, multiple=2, items_max=items_max))) == count


JSON_CASES = {
    "array": ("[1, \"a\" ,null,\n{\"b\":[2]},[ ]]", "", [1, "a", None, {"b": [2]}, []]),
    "empty": (" [ ] ", "", []),
    "pointer": ('{"x":{"y":[9]},"data":{"n":1,"items":[1,2]},"z":0}', "/data/items", [1, 2]),
    "pointer into an array": ("[[0],[1,2]]", "/1", [1, 2]),
    "pointer with escapes": ('{"a/b":{"c~d":[7]}}', "/a~1b/c~0d", [7]),
    "pointer to a name beyond ASCII": ('{"é\\u00e9":[7]}', "/éé", [7]),
    "strings beyond Latin-1": ('["日本 ]",  "\\u00e9,["]', "", ["日本 ]", "é,["]),
    "byte order mark": ("\ufeff[1]", "", [1]),
}  # fmt: skip


@pytest.mark.parametrize("name", JSON_CASES)
@pytest.mark.parametrize("cut", [Cut(), Cut(items=1), Cut(items=2, multiple=2), Cut(items=1000, size_bytes=1)])
def test_json(store, name, cut):
    text, pointer, expected = JSON_CASES[name]
    config = {"InputType": "JSON", **({"ItemsPointer": pointer} if pointer else {})}
    assert values(opened(store, text.encode(), open_json, config), cut) == expected


@pytest.mark.parametrize("count", [1, 2, 100])
def test_members_of_an_object_have_keys_even_twice(store, count):
    body = '{"a": 1, "é": {"x": [2]}, "a": "again, \\" ,"}'
    source = opened(store, body.encode(), open_json, {"InputType": "JSON"})
    assert [item[1:3] for item in items(source, Cut(items=count))] == [
        ("a", 1),
        ("é", {"x": [2]}),
        ("a", 'again, " ,'),
    ]


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(JSON_VALUES, max_size=20), st.integers(1, 7), st.integers(1, 50), st.booleans(), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_json_in_pieces_of_any_size(store, array, count, chunk, ascii_only, indented):
    text = json.dumps(array, ensure_ascii=ascii_only, indent=2 if indented else None).encode("utf-8", "surrogatepass")
    try:
        text.decode()
    except UnicodeDecodeError:
        return
    source = opened(store, text, open_json, {"InputType": "JSON"})
    real = FilesystemObjectStore.stream
    FilesystemObjectStore.stream = lambda self, *a, **k: real(self, *a, **{**k, "chunk_bytes": chunk})
    try:
        assert values(source, Cut(items=count)) == array
    finally:
        FilesystemObjectStore.stream = real


@pytest.mark.parametrize(
    ("body", "pointer", "cause"),
    [
        (b"5", "", "Attempting to map over non-iterable node."),
        (b'"text"', "", "Attempting to map over non-iterable node."),
        (b'{"a":1}', "/a", "Attempting to map over non-iterable node."),
        (b"", "", "the file is empty"),
        (b"[1,2", "", "malformed"),
        (b"[1 2]", "", "malformed"),
        (b"[1,]", "", "malformed"),
        (b'{"a" 1}', "", "malformed"),
        (b"{1:2}", "", "malformed"),
        (b"[NaN]", "", "malformed"),
        (b"[" * 100_000, "", "malformed|nests"),
        (b"[1" + b"[" * 500 + b"]" * 500 + b"]", "", "malformed|nests"),
        (b'["' + b"x" * 9_000_000, "", "longer than the 8388608 bytes"),
        (b'{"a":1}', "/b", "leads to nothing"),
        (b"[1]", "b", "must begin with"),
        (b'{"a":"' + b"x" * 17_000_000 + b'","b":[1]}', "/b", "longer than the 8388608 bytes"),
        (b'{"a":[' + b'"x",' * 5_000_000 + b'0],"b":[1]}', "/b", "longer than the 8388608 bytes"),
        (
            b"{" + b",".join(b'"%d":"%s"' % (n, b"x" * 1_000_000) for n in range(18)) + b',"b":[1]}',
            "/b",
            "first 16777216 bytes",
        ),
    ],
)
def test_json_that_cannot_be_read_is_a_fault(store, body, pointer, cause):
    with pytest.raises(Fault, match=cause) as caught:
        values(opened(store, body, open_json, {"InputType": "JSON", "ItemsPointer": pointer}))
    assert caught.value.error == "States.ItemReaderFailed"


def test_json_lines(store):
    source = opened(
        store,
        '{"a":1}\r\n\n \n[2]\n"é"\n5'.encode(),
        open_json_lines,
        {"InputType": "JSONL"},
    )
    for cut in (Cut(), Cut(items=1), Cut(items=2)):
        assert values(source, cut) == [{"a": 1}, [2], "é", 5]


def test_a_byte_order_mark_is_no_part_of_the_first_item(store):
    source = opened(store, b"\xef\xbb\xbf[1]\n[2]\n", open_json_lines, {"InputType": "JSONL"})
    assert values(source) == [[1], [2]]
    given = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"]}
    assert values(opened(store, b"\xef\xbb\xbf1\n2\n", open_csv, given)) == [{"a": "1"}, {"a": "2"}]


@pytest.mark.parametrize("body", [b"{\n", b"1,2\n", b"\xc2\xa0\n", b"\xff\n", b"[" * 5000 + b"\n"])
def test_json_lines_that_are_not_json_are_a_fault(store, body):
    with pytest.raises(Fault) as caught:
        values(opened(store, body, open_json_lines, {"InputType": "JSONL"}))
    assert caught.value.error == "States.ItemReaderFailed"


def test_a_source_that_changed_is_refused(store):
    source = opened(store, b"id\n1\n2\n", open_csv, FIRST_ROW)
    ranges = list(source.split(Cut()))
    store.put("data", "file", b"id\n3\n4\n")
    with pytest.raises(Fault, match="changed while the Map Run was reading it"):
        list(source.read(ranges[0]))
