"""The books of a Map Run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steppe.maprun.ledger import Entry, Ledger, Tally, Tolerance


@pytest.mark.parametrize(
    ("count", "percentage", "total", "allowed"),
    [
        (None, None, 1000, 0),
        (0, None, 1000, 0),
        (3, None, 1000, 3),
        (None, 0.0, 1000, 0),
        (None, 5.0, 1000, 50),
        (None, 5.0, 99, 4),
        (None, 1.1, 1000, 11),
        (None, 100.0, 7, 7),
        (3, 5.0, 1000, 3),
        (300, 5.0, 1000, 50),
        (None, 33.3, 0, 0),
        (None, 5.0, None, None),
        (3, 5.0, None, 3),
    ],
)
def test_either_threshold_alone_is_enough(count, percentage, total, allowed):
    assert Tolerance(count, percentage).allowance(total) == allowed


@given(st.integers(0, 10**8), st.floats(0, 100))
def test_a_percentage_is_exact(total, percentage):
    allowed = Tolerance(None, percentage).allowance(total)
    assert allowed * 100 <= total * percentage
    assert (allowed + 1) * 100 > total * percentage


def test_a_run_is_exceeded_by_the_failure_after_the_last_tolerated_one():
    ledger = Ledger(Tolerance(2))
    ledger.scan(10)
    ledger.book(Entry(items=Tally(failed=1, timed_out=1, aborted=5), executions=Tally(failed=1, timed_out=1)))
    assert not ledger.exceeded
    ledger.book(Entry(items=Tally(failed=1), executions=Tally(failed=1)))
    assert ledger.exceeded


def test_a_percentage_decides_nothing_while_the_source_is_read():
    ledger = Ledger(Tolerance(None, 10.0))
    ledger.scan(10)
    ledger.book(Entry(items=Tally(failed=5), executions=Tally(failed=5)))
    assert not ledger.exceeded
    ledger.scan(40)
    ledger.scanned_all = True
    assert not ledger.exceeded
    ledger.book(Entry(items=Tally(failed=1), executions=Tally(failed=1)))
    assert ledger.exceeded


@given(st.integers(0, 3000), st.lists(st.integers(1, 1000), min_size=1, max_size=30), st.integers(1, 8))
def test_grants_never_add_up_to_more_than_the_window(limit, children, workers):
    ledger = Ledger(Tolerance(), limit)
    window = limit or 10_000
    under_way = []
    for shard, count in enumerate(children):
        granted = ledger.grant(shard, children=count, workers=workers)
        assert granted <= count
        assert sum(ledger.grants.values()) <= window
        if granted:
            under_way.append(shard)
        elif under_way:
            ledger.release(under_way.pop(0))
    for shard in under_way:
        ledger.raise_grant(shard, children=children[shard])
        assert sum(ledger.grants.values()) <= window


def test_a_window_of_one_is_for_one_shard():
    ledger = Ledger(Tolerance(), 1)
    assert ledger.grant(0, children=1000, workers=4) == 1
    assert ledger.grant(1000, children=1000, workers=4) == 0
    ledger.release(0)
    assert ledger.grant(1000, children=1000, workers=4) == 1


def test_executions_of_shards_that_are_not_done_are_counted_by_full_batches():
    ledger = Ledger(Tolerance(), batch_items=3)
    ledger.scan(7)
    assert ledger.counts(of_items=False)["total"] == 3
    ledger.book(Entry(items=Tally(succeeded=7), executions=Tally(succeeded=4)))
    ledger.correct(item_count=7, execution_count=4)
    assert ledger.counts(of_items=False) == {
        "pending": 0,
        "running": 0,
        "succeeded": 4,
        "failed": 0,
        "timedOut": 0,
        "aborted": 0,
        "total": 4,
        "resultsWritten": 0,
        "failuresNotRedrivable": 0,
        "pendingRedrive": 0,
    }


def test_pending_and_running_are_what_has_not_ended():
    ledger = Ledger(Tolerance())
    ledger.scan(10)
    ledger.running[0] = (3, 3)
    ledger.book(Entry(items=Tally(succeeded=4), executions=Tally(succeeded=4)))
    counts = ledger.counts(of_items=True)
    assert (counts["pending"], counts["running"], counts["succeeded"]) == (3, 3, 4)
