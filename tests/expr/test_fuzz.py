"""Expressions made at random never do anything but give JSON or a declared error.

Two ways: hypothesis builds texts from the grammars, so that most of them run; atheris follows the branches of the
parsers, in a process of its own for each target (`tests/fuzz/expr_targets.py`), which a crash of the interpreter would
end. STEPPE_FUZZ_SECONDS says how long each target is fuzzed; in the suite it is one second.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steppe.base import jsonvalue
from steppe.expr.errors import ExpressionError, ExpressionSyntaxError, to_fault
from steppe.expr.intrinsic import compile_intrinsic
from steppe.expr.intrinsic_table import INTRINSICS
from steppe.expr.jsonata import compile_jsonata
from steppe.expr.jsonata_functions import BASE_FRAME
from steppe.expr.jsonpath import compile_path
from steppe.expr.path_syntax import OPERATORS
from steppe.expr.reference_path import compile_reference
from steppe.expr.scope import Entropy, Scope
from steppe.expr.template import compile_template

from .test_jsonpath import JSON

TARGETS = Path(__file__).parent.parent / "fuzz" / "expr_targets.py"
SECONDS = os.environ.get("STEPPE_FUZZ_SECONDS", "1")
EXAMPLES = 100 if SECONDS == "1" else 3_000

NAMES = st.sampled_from("abc")
LITERALS = st.sampled_from(["'a'", "1", "-2.5", "true", "null", "1e300", "''"])


def scope(value: object) -> Scope:
    return Scope(lambda: {"a": value}, {"v": value}, Entropy(b"seed"), 1_700_000_000_000, {"input": value})


def _segments(depth: int) -> st.SearchStrategy[str]:
    plain = st.one_of(
        NAMES.map(".{}".format),
        NAMES.map("['{}']".format),
        st.integers(-3, 3).map("[{}]".format),
        st.sampled_from(["[*]", ".*", "..a", "..*", "..[0]", "[1:]", "[:-1]", "[0,1]", "['a','b']"]),
    )
    if depth == 0:
        return plain
    return plain | _filters(depth - 1).map("[?({})]".format)


def _paths(roots: tuple[str, ...], depth: int = 2) -> st.SearchStrategy[str]:
    parts = st.lists(_segments(depth), max_size=3).map("".join)
    return st.builds("{}{}{}".format, st.sampled_from(roots), parts, st.sampled_from(["", "", ".length()", ".max()"]))


def _filters(depth: int) -> st.SearchStrategy[str]:
    operand = _paths(("@", "$"), depth) | LITERALS | st.sampled_from(["['a',1]", "[]"])
    compared = st.builds("{} {} {}".format, operand, st.sampled_from(OPERATORS), operand)
    return st.recursive(
        compared | _paths(("@",), depth) | _paths(("@",), depth).map("{} =~ /a.*/i".format),
        lambda inner: st.builds("({} && {})".format, inner, inner) | inner.map("!({})".format),
        max_leaves=3,
    )


PATHS = _paths(("$", "$$", "$v"))
CALLS = st.recursive(
    PATHS | LITERALS,
    lambda inner: st.builds(
        lambda name, arguments: f"States.{name}({', '.join(arguments)})",
        st.sampled_from(sorted(INTRINSICS)),
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)
EXPRESSIONS = st.recursive(
    LITERALS
    | st.sampled_from(["$states.input", "$states.input.a", "$v.b[0]", "$v.**", "$nope", "[1..3]", "$", "/a+/"]),
    lambda inner: st.one_of(
        st.builds(
            "({} {} {})".format,
            inner,
            st.sampled_from(["+", "-", "*", "/", "%", "&", "=", "!=", "<", ">=", "in", "and", "or", "~>"]),
            inner,
        ),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("({}).({})".format, inner, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("{{'k': {}, 'l': {}}}".format, inner, inner),
        st.builds("{}^(>{})".format, inner, inner),
        st.builds("{}{{$string(a): {}}}".format, inner, inner),
        st.builds("($x := {}; [$x, {}])".format, inner, inner),
        st.builds("$map({}, function($i) {{ {} }})".format, inner, inner),
        st.builds(
            lambda name, arguments: f"${name}({', '.join(arguments)})",
            st.sampled_from(sorted(BASE_FRAME.bindings)),
            st.lists(inner, max_size=3),
        ),
    ),
    max_leaves=8,
)


def runs(evaluate) -> None:
    """Whatever `evaluate` does is JSON or a declared error with a text."""
    told = None
    try:
        result = evaluate()
        assert jsonvalue.depth(jsonvalue.loads(jsonvalue.dumpb(result))) <= jsonvalue.DEPTH_MAX
    except ExpressionError as error:
        told = error
    if told is not None and not isinstance(told, ExpressionSyntaxError):
        assert to_fault(told, field="Output", value=None).cause


@settings(max_examples=EXAMPLES)
@given(PATHS, JSON)
def test_any_path_over_any_value(text, value):
    runs(lambda: compile_path(text).evaluate(value, scope(value)))
    runs(lambda: compile_reference(text).write(value, 1))


@settings(max_examples=EXAMPLES)
@given(CALLS, JSON)
def test_any_call_over_any_value(text, value):
    runs(lambda: compile_intrinsic(text).evaluate(value, scope(value)))


@settings(max_examples=EXAMPLES)
@given(EXPRESSIONS, JSON)
def test_any_jsonata_over_any_value(text, value):
    runs(lambda: compile_jsonata(text).evaluate(None, scope(value)))


@settings(max_examples=EXAMPLES)
@given(
    st.recursive(
        PATHS | CALLS | EXPRESSIONS.map("{{% {} %}}".format) | st.none() | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b.$", "c"]), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    JSON,
    st.sampled_from(["JSONPath", "JSONata"]),
)
def test_any_template_over_any_value(document, value, language):
    runs(lambda: compile_template(document, language=language, field="Output").evaluate(value, scope(value)))


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed on this platform")
@pytest.mark.parametrize("target", ["path", "intrinsic", "jsonata", "template", "pattern", "json"])
def test_the_parsers_hold_against_a_fuzzer_that_sees_their_branches(target, tmp_path):
    options = [f"-max_total_time={SECONDS}", "-max_len=80", "-timeout=60", f"-artifact_prefix={tmp_path}/"]
    command = [sys.executable, str(TARGETS), target, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=int(SECONDS) + 120)
    assert done.returncode == 0, done.stderr[-4_000:]
