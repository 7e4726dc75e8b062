"""Intrinsic functions as data: results, refusals in the service's words, what is no call."""

from __future__ import annotations

import re
from pathlib import Path as File

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steppe.base import jsonvalue
from steppe.expr.errors import IntrinsicError, IntrinsicSyntaxError, to_fault
from steppe.expr.intrinsic import CALL_DEPTH_MAX, compile_intrinsic
from steppe.expr.intrinsic_table import INTRINSICS, JavaRandom
from steppe.expr.scope import Entropy, Scope

from .test_jsonpath import JSON, _told

TABLE = orjson.loads((File(__file__).parent / "cases" / "intrinsics.json").read_bytes())


def scope(seed: bytes = b"seed") -> Scope:
    return Scope(lambda: {"Execution": {"Name": "run"}}, {"who": "me"}, Entropy(seed), 0)


def run(text: str):
    return compile_intrinsic(text)(TABLE["input"], scope())


@pytest.mark.parametrize(("text", "expected"), TABLE["results"], ids=repr)
def test_a_call_gives_its_result(text, expected):
    result = run(text)
    assert result == expected
    assert jsonvalue.canonical(result) == jsonvalue.canonical(expected), "types as well: true is not 1"


@pytest.mark.parametrize(("text", "reason"), TABLE["refused"], ids=repr)
def test_a_call_refuses_its_arguments_in_the_service_s_words(text, reason):
    with pytest.raises(IntrinsicError) as caught:
        run(text)
    fault = to_fault(caught.value, field="x.$", value=TABLE["input"])
    assert fault.error == "States.Runtime"
    assert not fault.catchable
    assert fault.cause == f"There was an error while evaluating the intrinsic function: {text}. {reason}"


@pytest.mark.parametrize("text", TABLE["wrong"])
def test_what_is_no_call_is_refused_with_a_reason(text):
    with pytest.raises(IntrinsicSyntaxError) as caught:
        compile_intrinsic(text)
    assert caught.value.reason


def test_the_innermost_call_is_named_when_an_argument_is_refused():
    with pytest.raises(IntrinsicError, match=re.escape("function: States.ArrayLength($.one). Invalid")):
        run("States.Format('{}', States.ArrayLength($.one))")


def test_an_argument_that_names_nothing_is_told_with_the_input():
    with pytest.raises(IntrinsicError) as caught:
        compile_intrinsic("States.Format('{}', $.gone)").evaluate({"a": 1}, scope())
    assert caught.value.cause == (
        "The function 'States.Format('{}', $.gone)' had the following error: "
        "The JsonPath argument for the field '$.gone' could not be found in the input '{\"a\":1}'"
    )


def test_a_missing_argument_is_told_with_the_whole_expression_and_its_path_as_of_the_input():
    text = "States.Format('{}', States.Format('{}', $$.Nope.Deep))"
    with pytest.raises(IntrinsicError) as caught:
        compile_intrinsic(text).evaluate({"other": 1}, scope())
    assert caught.value.cause == (
        f"The function '{text}' had the following error: The JsonPath argument for the field '$.Nope.Deep' "
        "could not be found in the input '{\"other\":1}'"
    )


def test_calls_nest_ten_deep_and_no_deeper():
    def nested(depth: int) -> str:
        return "States.Array(" * depth + ")" * depth

    assert run(nested(CALL_DEPTH_MAX)) == [[[[[[[[[[]]]]]]]]]]
    with pytest.raises(IntrinsicSyntaxError, match="nests more than 10"):
        run(nested(CALL_DEPTH_MAX + 1))


@pytest.mark.parametrize("name", ["Base64Encode", "Base64Decode"])
def test_texts_are_limited_to_ten_thousand_characters(name):
    call = compile_intrinsic(f"States.{name}($)")
    assert call.evaluate("A" * 10_000, scope())
    with pytest.raises(IntrinsicError):
        call.evaluate("A" * 10_001, scope())
    with pytest.raises(IntrinsicError):
        compile_intrinsic("States.Hash($, 'MD5')").evaluate("A" * 10_001, scope())


def test_a_call_has_a_limit_too():
    with pytest.raises(IntrinsicSyntaxError, match="longer than"):
        compile_intrinsic("States.Array(" + "1," * 6_000 + "1)")


def test_chance_comes_from_the_scope():
    text = "States.Array(States.UUID(), States.UUID(), States.MathRandom(0, 1000000))"
    first, second = (compile_intrinsic(text).evaluate({}, scope()) for _ in range(2))
    other = compile_intrinsic(text).evaluate({}, scope(b"other"))
    assert first == second != other
    assert first[0] != first[1]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", first[0])


def test_a_seed_gives_the_numbers_of_java():
    assert JavaRandom(42).double() == 0.7275636800328681


def test_a_call_knows_its_variables():
    assert compile_intrinsic("States.Format('{}{}', $a.b, States.Array($c, $.d, $$.e))").variables == {"a", "c"}


def test_huge_integers_are_exact():
    assert compile_intrinsic(f"States.MathAdd({10**30}, 1)").evaluate({}, scope()) == 10**30 + 1
    with pytest.raises(IntrinsicSyntaxError, match="out of range"):
        compile_intrinsic("States.Array(" + "9" * 400 + ")")


def test_a_number_beyond_all_doubles_is_refused():
    with pytest.raises(IntrinsicError):
        compile_intrinsic("States.MathAdd($[0], 1)").evaluate([float("inf")], scope())


@given(st.sampled_from(sorted(INTRINSICS)), st.lists(JSON, max_size=4))
def test_no_argument_makes_an_internal_error(name, arguments):
    text = f"States.{name}(" + ", ".join(f"$[{index}]" for index in range(len(arguments))) + ")"
    try:
        jsonvalue.dumps(compile_intrinsic(text).evaluate(arguments, scope()))
    except (IntrinsicSyntaxError, IntrinsicError) as error:
        _told(error)


@given(
    st.lists(
        st.sampled_from(["States.", "Format", "Array", "(", ")", ",", "'", "\\", "{}", "$", ".a", "1", " "]),
        max_size=12,
    )
)
def test_no_text_makes_an_internal_error(tokens):
    try:
        compile_intrinsic("".join(tokens))
    except IntrinsicSyntaxError as error:
        _told(error)
