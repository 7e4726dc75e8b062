"""Results made column by column are those made record by record, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steppe.base import jsonvalue
from steppe.base.arns import Realm
from steppe.base.jsonvalue import dumpb
from steppe.maprun import record_columns
from steppe.maprun.child_names import ChildNames
from steppe.maprun.record_columns import result_texts, shard_table
from steppe.maprun.result_records import ChildArns, RecordShape, child_rows
from steppe.maprun.segments import Segment, SegmentReader, encode
from steppe.objects.memory import MemoryObjectStore
from steppe.stores.map_runs import ShardRecord

KEY = b"a key for names"
REALM = Realm()
NAMES = ChildNames(KEY)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(['"', "\\", "\x7f", "\ud800", "é\u2028"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True)
class Child:
    value: object
    output: object
    status: str = "SUCCEEDED"
    error: str | None = None
    cause: str | None = None
    started_ms: int = 1_790_199_887_084
    redrives: int = 0

    def row(self, index):
        good = self.status == "SUCCEEDED"
        texts = (dumpb(self.value), dumpb(self.output) if good else None)
        times = (self.started_ms, self.started_ms + index)
        fault = (None, None) if good else (self.error, self.cause)
        return (index, 1, NAMES.raw(7, index), self.status, *times, *texts, *fault, self.redrives, b"[]")


CHILDREN = st.lists(
    st.builds(
        Child,
        VALUES,
        VALUES,
        status=st.sampled_from(["SUCCEEDED", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]),
        error=st.none() | st.just("Odd"),
        cause=st.none() | st.text(max_size=5).filter(lambda text: text.isprintable()),
        started_ms=st.sampled_from([0, 1_790_199_887_084, 1_790_199_887_085]),
        redrives=st.integers(0, 2),
    ),
    max_size=6,
)


def shard_of(rows, *, parts):
    """Rows as a shard with segments, and who reads it."""
    store = MemoryObjectStore()
    store.create_bucket("internal")
    segments = []
    for number in range(parts):
        some = rows[number::parts]
        if some:
            body = encode(some)
            store.put("internal", f"segment-{number}", body)
            segments.append(Segment(f"segment-{number}", some[0][0], some[-1][0], len(some), len(body)).dump())
    shard = ShardRecord(first_item=0, item_count=100, range_start=0, range_end=1, segments=segments)
    return shard, SegmentReader(store, "internal")


@settings(deadline=None)
@given(
    children=CHILDREN,
    express=st.booleans(),
    transformation=st.sampled_from(["NONE", "COMPACT", "FLATTEN"]),
    lines=st.booleans(),
    parts=st.integers(1, 3),
    piece_bytes=st.sampled_from([1, 500, 1 << 24]),
)
def test_the_texts_are_those_of_single_records(children, express, transformation, lines, parts, piece_bytes):
    prefix = REALM.express("M/L", "", "")[:-1] if express else REALM.execution("M/L", "")
    arns = ChildArns(run_id=7, prefix=prefix, machine_arn=REALM.state_machine("M/L"), express=express, name_key=KEY)
    shape = RecordShape(arns=arns, transformation=transformation)
    shard, reader = shard_of([child.row(3 * index + 1) for index, child in enumerate(children)], parts=parts)
    expected = {"SUCCEEDED": b"", "FAILED": b""}
    for row in child_rows(reader, shard):
        kind = "SUCCEEDED" if row.status == "SUCCEEDED" else "FAILED"
        expected[kind] += b"".join(text + b"\n" if lines else b"," + text for text in shape.texts(row))
    found = {"SUCCEEDED": b"", "FAILED": b""}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_columns, "_PIECE_BYTES", piece_bytes)
        for texts in result_texts(shard_table(reader, shard), shape, lines=lines):
            found[texts.kind] += texts.joined
            singles = [texts.joined[a:b] for a, b in pairwise([0, *texts.ends])]
            assert b"".join(singles) == texts.joined
            assert all(text.endswith(b"\n") if lines else text.startswith(b",") for text in singles)
    assert found == expected


def test_a_record_is_json_with_what_became_of_the_child():
    arns = ChildArns(
        run_id=7,
        prefix=REALM.execution("M/L", ""),
        machine_arn=REALM.state_machine("M/L"),
        express=False,
        name_key=KEY,
    )
    shard, reader = shard_of([Child({"a": 'b"\\'}, [1]).row(4)], parts=1)
    ((kind, text, _),) = result_texts(
        shard_table(reader, shard), RecordShape(arns=arns, transformation="NONE"), lines=True
    )
    record = jsonvalue.loads(text)
    assert kind == "SUCCEEDED"
    assert (record["Input"], record["Output"], record["Status"]) == ('{"a":"b\\"\\\\"}', "[1]", "SUCCEEDED")
    assert record["ExecutionArn"] == arns.arn(4)
