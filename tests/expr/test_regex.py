"""Regular expressions of others: understood as in Java and JavaScript, refused when they could hang."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steppe.expr.regex import PATTERN_LENGTH_MAX, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^(foo|bar)*$", "foobar"),
        (r"(\d|-)+", "1-2"),
        (r"[)(*+]+", "(+"),
        (r"\(a+\)+", "(aa))"),
        (r"(?<year>\d{4})-(?:\d\d)", "2024-01"),
        (r"(?:a{1,3}b)*", "aab"),
        (r"(a+b?)?", "aab"),
        (r"(?i:x)y{2}", "Xyy"),
        (r"(?<=a)b|(?!c)d", "d"),
        (r"[^]a]+", "xyz"),
        (r"(a{2,50}b){1,50}", "aab"),
        (r"a{,2}", "a"),
        ("(x)(y)*", "xyy"),
        (r"[[&&||~~+--]+[^]\]]", "[&|~,-x"),
    ],
)
def test_ordinary_patterns_work(pattern, text):
    assert compile_pattern(pattern).fullmatch(text)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+", "(a*)*b", "((a+)b?)*", "(?:(?:x{2,})y)+", "(a|a)*", "(a|b|a)+", "(.|a)*", "((a)|b)*", "(a|)*",
        "(a{1,200})+", "(a+){2,}",
        "(a+){500}",
    ],
)  # fmt: skip
def test_patterns_that_could_hang_are_refused(pattern):
    with pytest.raises(re.error, match="without bound"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["(", ")", "[", "*", "a" * (PATTERN_LENGTH_MAX + 1), "a{99999999999}", "(" * 900 + ")" * 900]
)
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(re.error):
        compile_pattern(pattern)


@given(st.text(alphabet="ab()[]|*+?{},1\\^.<=!:P-", max_size=20))
def test_no_pattern_makes_an_internal_error(pattern):
    with contextlib.suppress(re.error):
        compile_pattern(pattern)
