"""What a table's properties say to a reader: delimiters, groups of patterns. Wrong ones are never more than wrong."""

from __future__ import annotations

import pytest

from steppe.sql.regex_groups import optional_groups
from steppe.sql.text_values import delimiter


@pytest.mark.parametrize(
    ("said", "means"),
    [("1", "\x01"), ("9", "\t"), ("124", "|"), ("\\t", "\t"), ("\\001", "\x01"), ("\\u0002", "\x02"), ("\\u00e9", "é"),
     (",", ","), ("ab", "a"), ("\\9", "\\"), ("999", "9"), ("", "")],
)  # fmt: skip
def test_a_delimiter_is_a_character_or_its_number(said, means):
    assert delimiter(said) == means


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        ("(a)(b)", [False, False]),
        ("(a)?(b*)", [True, False]),
        ("(?:x (.+))?", [True]),
        ("(?:x(.*))*", [None]),
        ("(a)|(b)", [True, True]),
        (r"(\()([)(]*)(?<name>z)", [False, False, False]),
        ("((a)b){0,1}", [True, True]),
        ("(a|b)", [False]),
        ("(((", []),
        ("[", []),
        ("(a{99999999999})?", [None]),
    ],
)
def test_groups_that_a_match_may_leave_out_are_known(pattern, groups):
    assert optional_groups(pattern) == groups
