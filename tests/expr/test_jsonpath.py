"""Paths as data: what each gives on one document, why it gives nothing, what is no path."""

from __future__ import annotations

import copy
from pathlib import Path as File

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steppe.expr.errors import ExpressionError, NoMatchError, PathSyntaxError, to_fault
from steppe.expr.jsonpath import Path, compile_path
from steppe.expr.path_syntax import OPERATORS, PATH_LENGTH_MAX, SEGMENTS_MAX
from steppe.expr.scope import Entropy, Scope

TABLE = orjson.loads((File(__file__).parent / "cases" / "paths.json").read_bytes())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=20,
)


def scope() -> Scope:
    return Scope(lambda: TABLE["context"], TABLE["variables"], Entropy(b""), 0)


def _told(error: ExpressionError) -> None:
    assert str(error)


@pytest.mark.parametrize(("text", "expected"), TABLE["definite"], ids=repr)
def test_a_definite_path_gives_the_value(text, expected):
    path = compile_path(text)
    assert path.definite
    assert path.evaluate(TABLE["document"], scope()) == expected


@pytest.mark.parametrize(("text", "expected"), TABLE["indefinite"], ids=repr)
def test_an_indefinite_path_gives_a_list(text, expected):
    path = compile_path(text)
    before = copy.deepcopy(TABLE["document"])
    assert not path.definite
    assert path(TABLE["document"], scope()) == expected
    assert TABLE["document"] == before


@pytest.mark.parametrize(("text", "reason"), TABLE["nothing"], ids=repr)
def test_a_definite_path_says_why_it_names_nothing(text, reason):
    with pytest.raises(NoMatchError) as caught:
        compile_path(text).evaluate(TABLE["document"], scope())
    assert caught.value.reason == reason
    assert to_fault(caught.value).cause == f"Invalid path '{text}' : {reason}"


@pytest.mark.parametrize("text", TABLE["wrong"])
def test_what_is_no_path_is_refused_with_a_reason(text):
    with pytest.raises(PathSyntaxError) as caught:
        compile_path(text)
    assert caught.value.reason
    assert caught.value.text == text


@pytest.mark.parametrize(
    "text",
    [
        "$." + "a" * PATH_LENGTH_MAX,
        "$" + ".a" * (SEGMENTS_MAX + 1),
        "$[?(" + "(" * 30 + "@.a" + ")" * 30 + ")]",
        "$[?(@.a in " + "[" * 30 + "1" + "]" * 30 + ")]",
        "$[?(@.a =~ /" + "x" * 2_000 + "/)]",
    ],
)
def test_paths_have_limits(text):
    with pytest.raises(PathSyntaxError):
        compile_path(text)


def test_the_context_object_and_variables_can_be_forbidden():
    with pytest.raises(PathSyntaxError, match="context object"):
        compile_path("$$.a", allow_context=False)
    with pytest.raises(PathSyntaxError, match="variables"):
        compile_path("$a", allow_variables=False)
    assert compile_path("$.a", allow_context=False, allow_variables=False)


def test_a_path_knows_its_variable():
    assert compile_path("$x.y").variables == {"x"}
    assert compile_path("$.y").variables == compile_path("$$.y").variables == frozenset()


def test_the_context_object_is_built_once_and_only_when_asked_for():
    built = []
    lazy = Scope(lambda: built.append(1) or {"a": 1}, {}, Entropy(b""), 0)
    compile_path("$.a").evaluate({"a": 1}, lazy)
    assert built == []
    compile_path("$$.a").evaluate({}, lazy)
    compile_path("$$.a").evaluate({}, lazy)
    assert built == [1]


def test_a_path_that_finds_too_much_ends():
    document = {"a": [[0] * 1_000 for _ in range(50)]}
    with pytest.raises(ExpressionError, match="too many") as caught:
        compile_path("$..*..*..*..[?(@ in $..*)]").evaluate([document] * 30, scope())
    assert to_fault(caught.value).error == "States.Runtime"


def test_a_regular_expression_is_not_applied_to_a_huge_text():
    assert compile_path("$[?(@ =~ /a*/)]").evaluate(["a" * 20_000, "a"], scope()) == ["a"]


def test_a_huge_number_in_a_filter_is_a_number():
    assert compile_path(f"$[?(@ < {'9' * 500})]").evaluate([1], scope()) == [1]


TOKENS = [
    "$",
    "@",
    ".",
    "..",
    "*",
    "[",
    "]",
    "(",
    ")",
    "?",
    "'a'",
    "a",
    "b",
    "0",
    "-1",
    ":",
    ",",
    "/a/",
    "length()",
    " ",
]


@given(st.lists(st.sampled_from([*TOKENS, *OPERATORS, "&&", "||", "!"]), max_size=14), JSON)
def test_no_path_makes_an_internal_error(tokens, document):
    text = "$" + "".join(tokens)
    try:
        path = compile_path(text)
    except PathSyntaxError:
        return
    try:
        value = path.evaluate(document, scope())
    except NoMatchError as error:
        _told(error)
    else:
        assert path.definite or isinstance(value, list)


@given(st.text(max_size=30))
def test_no_text_makes_an_internal_error(text):
    try:
        assert isinstance(compile_path(text), Path)
    except PathSyntaxError as error:
        _told(error)


@given(JSON)
def test_a_definite_path_agrees_with_plain_look_ups(document):
    for text, look_up in (("$.a", lambda d: d["a"]), ("$.a.b[0]", lambda d: d["a"]["b"][0])):
        try:
            expected = look_up(document)
        except (KeyError, TypeError, IndexError):
            expected = None
        if isinstance(expected, str) and isinstance(document["a"], dict) and isinstance(document["a"].get("b"), str):
            expected = None  # Python indexes a text, JSONPath does not.
        try:
            assert compile_path(text).evaluate(document, scope()) == expected
        except NoMatchError:
            assert expected is None
