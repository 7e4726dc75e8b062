"""Entropy: the same seed gives the same stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steppe.expr.scope import Entropy


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_the_stream_does_not_depend_on_how_it_is_taken(seed, counts):
    pieces = Entropy(seed)
    assert b"".join(pieces.take(count) for count in counts) == Entropy(seed).take(sum(counts))


def test_other_seeds_give_other_streams():
    assert len({Entropy(seed).take(16) for seed in (b"", b"a", b"b", b"a" * 100)}) == 4


def test_random_numbers_fill_their_range():
    entropy = Entropy(b"x")
    numbers = [entropy.random() for _ in range(1_000)]
    assert all(0 <= number < 1 for number in numbers)
    assert 0.45 < sum(numbers) / len(numbers) < 0.55
