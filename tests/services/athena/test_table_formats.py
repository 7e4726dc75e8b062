"""Tables in every format: what is written is read back, and what others wrote is read as its SerDe does."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import zlib

import pyarrow as pa
import pytest
from pyarrow import orc

ALL_TYPES = """
SELECT CAST(1 AS tinyint) AS a, CAST(2 AS smallint) AS b, 3 AS c, BIGINT '4' AS d, REAL '1.5' AS e, 2.5E0 AS f,
 DECIMAL '12.340' AS g, true AS h, VARCHAR 'x y' AS i, CAST('ab' AS varchar(5)) AS j, CAST('c' AS char(3)) AS k,
 DATE '2024-02-29' AS l, TIMESTAMP '2024-02-29 01:02:03.045' AS m, ARRAY[1, NULL, 3] AS n,
 MAP(ARRAY['p', 'q'], ARRAY[1, NULL]) AS o, CAST(ROW(7, 'z') AS ROW(id integer, label varchar)) AS p,
 ARRAY[CAST(ROW(1, ARRAY['u', 'v']) AS ROW(x integer, y array(varchar)))] AS q
UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
"""


@pytest.fixture(scope="module", autouse=True)
def _database(served):
    served.run("CREATE DATABASE f")


@pytest.mark.parametrize("kind", ["PARQUET", "ORC", "JSON", "TEXTFILE"])
def test_every_type_comes_back_as_it_was_written(served, kind):
    served.run(f"CREATE TABLE f.all_{kind} WITH (format = '{kind}') AS {ALL_TYPES}")
    wanted = served.cells(f"SELECT * FROM ({ALL_TYPES}) ORDER BY a")
    assert served.cells(f"SELECT * FROM f.all_{kind} ORDER BY a") == wanted
    types = "SELECT typeof(g), typeof(j), typeof(k), typeof(m), typeof(p), typeof(q) FROM "
    assert served.cells(f"{types} f.all_{kind} LIMIT 1") == served.cells(f"{types} ({ALL_TYPES}) LIMIT 1")


@pytest.mark.parametrize(
    ("kind", "codec"),
    [("PARQUET", c) for c in ("NONE", "SNAPPY", "GZIP", "ZSTD", "LZ4")]
    + [("ORC", c) for c in ("NONE", "SNAPPY", "ZLIB", "ZSTD", "LZ4")]
    + [(k, c) for k in ("JSON", "TEXTFILE") for c in ("NONE", "GZIP", "ZSTD", "BZIP2")],
)
def test_every_compression_is_written_and_read(served, kind, codec):
    table = f"f.c_{kind}_{codec}"
    served.run(
        f"CREATE TABLE {table} WITH (format='{kind}', write_compression='{codec}') AS SELECT 1 AS n, VARCHAR 'q' AS s"
    )
    assert served.cells(f"SELECT * FROM {table}") == [["n", "s"], ["1", "q"]]


TABLES = [
    # name, columns, clauses, file name, its bytes, the rows of SELECT *
    (
        "openx",
        "id int, name string, tags array<string>, info struct<a:int,b:string>, m map<string,double>, d date, "
        "t timestamp",
        "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'",
        "a.json",
        b'{"id":1,"Name":"x\\"y","tags":["p",null],"info":{"A":5,"b":"q"},"m":{"k":1.5},"d":"2024-01-02","t":"2024-01-02T03:04:05Z"}\n'
        b'\n{"ID":"2","name":{"z":1}}\n',
        [
            ["1", 'x"y', "[p, null]", "{a=5, b=q}", "{k=1.5}", "2024-01-02", "2024-01-02 03:04:05.000"],
            ["2", '{"z":1}', None, None, None, None, None],
            [None] * 7,
        ],
    ),
    (
        "forgiving",
        "id int",
        "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' WITH SERDEPROPERTIES ('ignore.malformed.json'='true')",
        "a.json",
        b'{"id":1}\nnonsense\n[1]\n',
        [["1"], [None], [None]],
    ),
    (
        "mapped",
        "ts string, a_b int",
        "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' "
        "WITH SERDEPROPERTIES ('mapping.ts'='TimeStamp', 'dots.in.keys'='true')",
        "a.json.gz",
        gzip.compress(b'{"TimeStamp":"now","a.b":3}\n'),
        [["now", "3"]],
    ),
    (
        "hcat",
        "id int, ok boolean, v varchar(2)",
        "ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'",
        "a.json",
        b'{"id":1,"ok":true,"v":"abc"}\n{"id":null}\n',
        [["1", "true", "ab"], [None, None, None]],
    ),
    (
        "regex",
        "ip string, code int, rest string",
        r"ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe' WITH SERDEPROPERTIES "
        r"('input.regex'='([^ ]+) (\\d+)(?: (.+))?')",
        "a.log",
        b"1.2.3.4 200 hello\n5.6.7.8 404\n\nodd\n",
        [["1.2.3.4", "200", "hello"], ["5.6.7.8", "404", None], [None] * 3, [None] * 3],
    ),
    (
        "blank",
        "a string, b int",
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ','",
        "a.csv",
        b"x,1\n\ny,2\r\n\\N,3,4\n",
        [["", None], ["x", "1"], ["y", "2"], [None, "3"]],
    ),
    (
        "escaped",
        "a string, b string",
        r"ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' ESCAPED BY '\\'",
        "a.csv",
        rb"x\,y,\N" + b"\n" + rb"p\\q,r" + b"\n",
        [["p\\q", "r"], ["x,y", None]],
    ),
    (
        "nested",
        "a array<array<int>>, m map<string,int>, s struct<x:int,y:string>",
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' COLLECTION ITEMS TERMINATED BY ';' MAP KEYS TERMINATED BY ':'",
        "a.csv",
        b"1:2;3,k:1;l:x,7;t\n,,\n",
        [["[]", "{}", "{x=null, y=null}"], ["[[1, 2], [3]]", "{k=1, l=null}", "{x=7, y=t}"]],
    ),
    (
        "opencsv",
        "a string, b string, c bigint",
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'",
        "a.csv",
        b'"x\\"y","p""q",1\nplain,"a,b",\na\\"b,,2\n',
        [['a"b', "", "2"], ["plain", "a,b", None], ['x"y', 'p"q', "1"]],
    ),
]


@pytest.mark.parametrize(("label", "columns", "clauses", "file", "body", "rows"), TABLES, ids=[t[0] for t in TABLES])
def test_rows_are_read_as_the_serde_reads_them(served, label, columns, clauses, file, body, rows):
    served.objects.put("data", f"{label}/{file}", body)
    served.run(f"CREATE EXTERNAL TABLE f.{label} ({columns}) {clauses} LOCATION 's3://data/{label}/'")
    found = served.cells(f"SELECT * FROM f.{label} ORDER BY 1")[1:]
    assert found == rows
    assert served.cells(f"SELECT count(*) FROM f.{label} WHERE \"$path\" LIKE '%{file}'") == [
        ["_col0"],
        [str(len(rows))],
    ]


def framed(codec: str, body: bytes) -> bytes:
    packed = pa.compress(body, codec=codec, asbytes=True)
    return struct.pack(">II", len(body), len(packed)) + packed


@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        (".bz2", bz2.compress),
        (".deflate", zlib.compress),
        (".snappy", lambda body: framed("snappy", body)),
        (".lz4", lambda body: framed("lz4_raw", body)),
        (".zst", lambda body: pa.compress(body, codec="zstd", asbytes=True)),
    ],
)
def test_lines_are_read_in_hadoops_compressions(served, ending, pack):
    place = f"packed{ending[1:]}"
    body = b"".join(b"%d,n%d\n" % (i, i) for i in range(5000))
    served.objects.put("data", f"{place}/x{ending}", pack(body))
    served.run(
        f"CREATE EXTERNAL TABLE f.{place} (a int, b string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        f"LOCATION 's3://data/{place}/'"
    )
    assert served.cells(f"SELECT count(*), sum(a), max(b) FROM f.{place}")[1] == ["5000", "12497500", "n999"]
    served.objects.put("data", f"{place}/x{ending}", b"no such thing")
    assert "x" + ending in served.reason(f"SELECT count(*) FROM f.{place}")


def test_columns_of_orc_and_parquet_are_found_by_name(served):
    sink = io.BytesIO()
    orc.write_table(pa.table({"B": [1, 2], "gone": ["x", "y"]}), sink)
    served.objects.put("data", "evolved/a", sink.getvalue())
    sink = io.BytesIO()
    orc.write_table(pa.table({"a": ["new"], "b": [3]}), sink)
    served.objects.put("data", "evolved/b", sink.getvalue())
    served.run("CREATE EXTERNAL TABLE f.evolved (a string, b bigint) STORED AS ORC LOCATION 's3://data/evolved/'")
    assert served.cells("SELECT a, b FROM f.evolved ORDER BY b")[1:] == [[None, "1"], [None, "2"], ["new", "3"]]
    served.objects.put("data", "evolved/b", b"not ORC")
    assert served.reason("SELECT * FROM f.evolved") == "HIVE_BAD_DATA: Not a valid ORC file: s3://data/evolved/b"


@pytest.mark.parametrize(
    ("kind", "line", "reason"),
    [
        (
            "id int",
            b'{"id":"x"}',
            "HIVE_BAD_DATA: Error Parsing a column in the table: column id, type integer, value x",
        ),
        ("id array<int>", b'{"id":1}', "HIVE_BAD_DATA: Error Parsing a column in the table: column id"),
        ("id int", b'{"id":', "HIVE_BAD_DATA: Error Parsing a column in the table: Row is not a valid JSON Object"),
        ("id int", b"[1]", "HIVE_BAD_DATA: Error Parsing a column in the table: Row is not a valid JSON Object"),
    ],
)
def test_bad_json_ends_the_query(served, kind, line, reason):
    served.objects.put("data", "badjson/a.json", line + b"\n")
    served.run("DROP TABLE IF EXISTS f.badjson")
    served.run(
        f"CREATE EXTERNAL TABLE f.badjson ({kind}) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' "
        "LOCATION 's3://data/badjson/'"
    )
    assert served.reason("SELECT * FROM f.badjson").startswith(reason)
