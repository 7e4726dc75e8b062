"""Batches limited in bytes are those of one sequence, wherever the source is cut and whoever runs the shards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import PASS, Harness, command, machine, reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.maprun.batch_cut import batch_ranges
from steppe.maprun.batcher import BatchRule, batch_items
from steppe.maprun.child_inputs import child_inputs
from steppe.maprun.item_source import Cut, pin
from steppe.maprun.plan import RunPlan, compile_plan
from steppe.maprun.readers.json_lines import open_json_lines
from steppe.objects.filesystem import FilesystemObjectStore

READER = {
    "ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject",
        "Parameters": {"Bucket": "data", "Key": "x"},
        "ReaderConfig": {"InputType": "JSONL"},
    }
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    store = FilesystemObjectStore(Path(tmp_path_factory.mktemp("s3")))
    store.create_bucket("data")
    return store


def plan(rule: BatchRule, **fields):
    record = machine(PASS, **READER, ItemBatcher={"MaxItemsPerBatch": 1}, **fields)
    wish = command(
        batched=True,
        max_items_per_batch=rule.items_max,
        max_input_bytes_per_batch=rule.size_bytes_max,
        batch_input=rule.batch_input,
    )
    return compile_plan(
        RunPlan(
            execution_arn="e",
            machine_name="M",
            role_arn="r",
            definition=record.definition,
            express=False,
            command=wish,
        )
    )


def cut_and_read(store, lines, rule, cut, **fields):
    """What children get, shard by shard; and the same when the cutting goes on after any shard."""
    store.put("data", "x", "".join(json.dumps(line) + "\n" for line in lines).encode())
    source = open_json_lines(pin(store, "data", "x"), {"InputType": "JSONL"})
    compiled = plan(rule, **fields)
    chance = {"now_ms": 0, "run_id": 1, "name_key": b"k"}
    parts = list(batch_ranges(compiled, source, cut, None, **chance))

    def children(of):
        return [child for part in of for child in child_inputs(compiled, source, part, **chance)]

    for number in range(min(3, len(parts))):
        rest = list(batch_ranges(compiled, source, cut, parts[number], **chance))
        assert children(rest) == children(parts[number + 1 :])
    return children(parts), parts


@given(
    st.lists(st.text(max_size=12), max_size=60),
    st.none() | st.integers(1, 9),
    st.integers(30, 120),
    st.integers(1, 12),
    st.integers(1, 200),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_batches_do_not_depend_on_the_cut(store, lines, items_max, size, cut_items, cut_bytes):
    rule = BatchRule(items_max=items_max, size_bytes_max=size)
    items = [{"v": line} for line in lines]
    if any(jsonvalue.size_bytes({"Items": [item]}) > size for item in items):
        with pytest.raises(Fault, match="needs a batch of"):
            cut_and_read(store, items, rule, Cut(items=cut_items, size_bytes=cut_bytes))
        return
    expected = list(batch_items(enumerate(items), rule))
    assert cut_and_read(store, items, rule, Cut(items=cut_items, size_bytes=cut_bytes))[0] == expected
    most = max(1, len(items) // 2)
    limited = Cut(items=cut_items, size_bytes=cut_bytes, items_max=most)
    assert cut_and_read(store, items, rule, limited)[0] == list(batch_items(enumerate(items[:most]), rule))


def test_selected_items_are_what_is_measured(store):
    """Ten thousand items that ItemSelector makes small: batches far beyond a shard's usual number of items."""
    selector = {"n.$": "$$.Map.Item.Index"}
    rule = BatchRule(size_bytes_max=30_000)
    lines = [{"text": "x" * 100}] * 10_000
    children, parts = cut_and_read(store, lines, rule, Cut(), ItemSelector=selector)
    assert children == list(batch_items(((n, {"n": n}) for n in range(10_000)), rule))
    assert len(children) == 4
    assert len(parts) <= 4


async def test_a_run_has_the_batches_of_one_sequence(harness: Harness):
    harness.put("rows.csv", b"id\n" + b"".join(b"%d\n" % n for n in range(5000)))
    wish = command(reader=reader("rows.csv"), batched=True, max_input_bytes_per_batch=1000)
    found = await harness.result(machine(PASS, **READER, ItemBatcher={"MaxInputBytesPerBatch": 1000}), wish)
    rule = BatchRule(size_bytes_max=1000)
    expected = [value for _, _, value in batch_items(((n, {"id": str(n)}) for n in range(5000)), rule)]
    assert found == expected
    described = await harness.runs.describe(wish.map_run_arn)
    assert described["executionCounts"]["succeeded"] == described["executionCounts"]["total"] == len(expected)
    assert described["itemCounts"]["total"] == 5000


async def test_an_item_that_fits_no_batch_fails_the_run(harness: Harness):
    harness.put("rows.csv", b"id\n1\n" + b"x" * 200 + b"\n")
    wish = command(reader=reader("rows.csv"), batched=True, max_input_bytes_per_batch=100)
    error, cause = await harness.fault(machine(PASS, **READER, ItemBatcher={"MaxInputBytesPerBatch": 100}), wish)
    assert error == "States.DataLimitExceeded"
    assert cause == "Item 1 needs a batch of 221 bytes, and MaxInputBytesPerBatch is 100."


async def test_batches_by_count_have_fewer_items_where_an_input_would_be_too_large(harness: Harness):
    harness.put("rows.csv", b"id\n" + b"".join(b"%d%b\n" % (n, b"x" * 100_000) for n in range(5)))
    batcher = {"MaxItemsPerBatch": 3}
    wish = command(reader=reader("rows.csv"), batched=True, max_items_per_batch=3, tolerated_failure_count=9)
    processor = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": {"n.$": "States.ArrayLength($.Items)"},
                                                  "End": True}}}  # fmt: skip
    found = await harness.result(machine(processor, **READER, ItemBatcher=batcher), wish)
    assert found == [{"n": 2}, {"n": 2}, {"n": 1}]
