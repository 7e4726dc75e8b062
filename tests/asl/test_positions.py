"""Places of members and elements in a text, and how findings are shown there."""

from __future__ import annotations

import json

import pytest

from steppe.asl.positions import locate, position_at
from steppe.asl.validate import diagnose
from steppe.cli.validate import LINE_LENGTH_MAX, render

TEXT = """{
  "a": [1, {"b": "}]"}, [2,
    3]],
  "c": {"a": {}, "d\\u0065": null},
  "": {"x": 1}
}"""


@pytest.mark.parametrize(
    ("pointer", "line", "column"),
    [
        ((), 1, 1),
        (("a",), 2, 3),
        (("a", 0), 2, 9),
        (("a", 1), 2, 12),
        (("a", 1, "b"), 2, 13),
        (("a", 2, 1), 3, 5),
        (("c",), 4, 3),
        (("c", "a"), 4, 9),
        (("c", "de"), 4, 18),
        (("", "x"), 5, 8),
        (("c", "missing"), 4, 3),
        (("missing", "deeper"), 1, 1),
        (("a", 9), 2, 3),
        (("a", 0, "no object"), 2, 9),
    ],
)
def test_a_pointer_is_found(pointer, line, column):
    found = locate(TEXT, [pointer])[pointer]
    assert (found.line, found.column) == (line, column)
    assert position_at(TEXT, found.offset) == found


def test_many_pointers_are_found_at_once():
    pointers = [("a",), ("c", "a"), ("a", 2, 1), ("a",)]
    assert {p: locate(TEXT, [p])[p] for p in pointers} == locate(TEXT, pointers)
    assert locate(TEXT, []) == {}


def shown(text: str) -> list[str]:
    return render("m.json", text, diagnose(text)).split("\n")


def test_a_finding_is_shown_with_its_line():
    text = json.dumps(
        {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B/c": {"Type": "Succeed"}}}, indent=1
    )
    assert shown(text) == [
        "m.json:6:4: error: MISSING_TRANSITION_TARGET: Missing 'Next' target: B (/States/A/Next)",
        '     6 |    "Next": "B"',
        "       |    ^",
        'm.json:8:3: error: MISSING_TRANSITION_TARGET: State "B/c" is not reachable. (/States/B/c)',
        '     8 |   "B/c": {',
        "       |   ^",
    ]


def test_a_warning_is_called_one():
    text = '{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"a":"$.b"},"End":true}}}'
    assert shown(text)[0].startswith("m.json:1:45: warning: NO_DOLLAR: The value of 'a' looks like a JSONPath.")


def test_a_finding_without_a_place_has_no_line():
    assert shown(" ") == ["m.json: error: SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object"]
    assert render("m.json", "{}", []) == ""


def test_a_text_that_is_no_json_is_shown_where_it_ends_to_be():
    head, line, caret = shown('{\n  "a": nothing\n}')
    assert head.startswith("m.json:2:15: error: INVALID_JSON_DESCRIPTION: Unrecognized token 'nothing': was expecting")
    assert (line, caret) == ('     2 |   "a": nothing', "       |               ^")


@pytest.mark.parametrize("before", [0, 5, 50, 500])
def test_a_long_line_is_shown_around_the_place(before):
    text = (
        '{"StartAt":"A","States":{"A":{"Type":"Pass","Comment":"'
        + "\t".join("x" * before).replace("\t", "")
        + ('","Next":"B","End":true,"Foo":1}}}')
    )
    finding = next(f for f in diagnose(text) if f.code == "MISSING_TRANSITION_TARGET")
    _, line, caret = render("m.json", text, [finding]).split("\n")
    assert line[caret.index("^") :].startswith('"Next"')
    assert len(line) <= LINE_LENGTH_MAX + 20
