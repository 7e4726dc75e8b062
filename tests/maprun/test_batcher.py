"""Items into batches."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.maprun.batcher import BatchRule, batch_items

JSON = st.recursive(st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5), st.lists, max_leaves=4)


def test_batches_of_three():
    found = list(batch_items(enumerate("abcdefg"), BatchRule(items_max=3)))
    assert found == [
        (0, 3, {"Items": ["a", "b", "c"]}),
        (3, 3, {"Items": ["d", "e", "f"]}),
        (6, 1, {"Items": ["g"]}),
    ]


def test_batch_input_comes_first():
    ((_, _, value),) = batch_items([(5, 1)], BatchRule(items_max=9, batch_input={"date": "today"}))
    assert jsonvalue.dumps(value) == '{"BatchInput":{"date":"today"},"Items":[1]}'


@given(st.lists(JSON, max_size=40), st.none() | st.integers(1, 7), st.integers(80, 200), st.none() | JSON)
def test_batches_keep_all_items_in_order_and_both_limits(items, items_max, size, batch_input):
    rule = BatchRule(items_max=items_max, size_bytes_max=size, batch_input=batch_input)
    frame = {} if batch_input is None else {"BatchInput": batch_input}
    if any(jsonvalue.size_bytes({**frame, "Items": [item]}) > size for item in items):
        with pytest.raises(Fault) as caught:
            list(batch_items(enumerate(items), rule))
        assert caught.value.error == "States.DataLimitExceeded"
        return
    batches = list(batch_items(enumerate(items), rule))
    assert [item for _, _, value in batches for item in value["Items"]] == items
    assert all(jsonvalue.size_bytes(value) <= size for _, _, value in batches)
    assert all(count == len(value["Items"]) <= (items_max or 99) for _, count, value in batches)
    assert [first for first, _, _ in batches] == [sum(c for _, c, _ in batches[:n]) for n in range(len(batches))]
    # Each is as full as it can be: the first item of the next one would not have fitted.
    for (_, count, value), (_, _, following) in pairwise(batches):
        fuller = {**value, "Items": [*value["Items"], following["Items"][0]]}
        assert count == items_max or jsonvalue.size_bytes(fuller) > size


def test_an_item_that_fits_no_batch_is_refused():
    with pytest.raises(Fault, match="Item 1 needs a batch of 112 bytes"):
        list(batch_items(enumerate(["a", "b" * 98]), BatchRule(size_bytes_max=100)))
