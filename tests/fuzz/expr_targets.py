"""What is fuzzed of `base` and `expr`: one function a target, from bytes to nothing.

A target may raise only what its language declares, must end soon, and must give JSON. The bytes choose tokens of the
language (so that most texts get past the tokenizer) or are the text itself.

    python tests/fuzz/expr_targets.py jsonata -max_total_time=300     libFuzzer's own options

In the suite `tests/expr/test_fuzz.py` runs each for a few seconds (STEPPE_FUZZ_SECONDS for longer).
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["steppe.base.jsonvalue", "steppe.expr"]):
    from steppe.base import jsonvalue
    from steppe.base.jsonvalue import JsonError, JsonValue
    from steppe.expr import jsonata_engine
    from steppe.expr.errors import ExpressionError, ExpressionSyntaxError, to_fault
    from steppe.expr.intrinsic import compile_intrinsic
    from steppe.expr.intrinsic_table import INTRINSICS
    from steppe.expr.jsonata import compile_jsonata
    from steppe.expr.jsonata_functions import BASE_FRAME
    from steppe.expr.jsonpath import compile_path
    from steppe.expr.path_syntax import OPERATORS
    from steppe.expr.reference_path import compile_reference
    from steppe.expr.regex import compile_pattern
    from steppe.expr.scope import Entropy, Scope
    from steppe.expr.template import compile_template

SECONDS_MAX = 20
"""Processor time of one input. The evaluator's own bound is on steps and lies far below, on a quiet machine."""

DOCUMENT: JsonValue = {
    "a": [1, -2.5, "x", None, True, {"b": [[]]}],
    "b": {"a": {"b": "text", "c": 1e300}, "": 0},
    "c": "2024-02-03T04:05:06Z",
    "d": 7,
    "e": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
}
PATH_TOKENS = (
    *("$", "$$", "$v", "@", ".a", ".b", "..", "..a", ".*", "[*]", "[0]", "[-1]", "[0,1]", "[1:]", "[:-1]", "['a']"),
    *(
        '["b"]',
        "['a','b']",
        "[?(",
        ")]",
        "(",
        ")",
        "!",
        "&&",
        "||",
        "@.a",
        "$.d",
        "@",
        "'x'",
        "1",
        "-1e3",
        "true",
        "null",
    ),
    *(
        "/a+/i",
        "/(a+)+b/",
        "[1,'x']",
        ".length()",
        ".sum()",
        ".concat(",
        ",",
        " ",
        *(f" {name} " for name in OPERATORS),
    ),
)
CALL_TOKENS = (
    *(f"States.{name}(" for name in INTRINSICS),
    *(")", ",", "'", "'{} {}'", "'\\{'", "$.a", "$.d", "$$.x", "$v", "0", "-1", "1.5e9", "true", "null", "'MD5'", " "),
)
JSONATA_TOKENS = (
    *(f"${name}" for name in BASE_FRAME.bindings),
    *("$states", ".input", ".a", ".b", "$v", "$", "$$", "(", ")", "[", "]", "{", "}", "1", "0", "1e300", "'x'", "'a'"),
    *(
        "+",
        "-",
        "*",
        "/",
        "%",
        "&",
        "=",
        "!=",
        "<",
        ">=",
        " in ",
        " and ",
        " or ",
        ":=",
        ";",
        "?",
        ":",
        "~>",
        "..",
        "**",
    ),
    *("^(", "<", ">", "@$i", "#$j", "|", "null", "true", "/a+/", "/(a|b)*c/", "function($q){", "$q", "$r", ",", '"k":'),
    *("($f:=function($n){$f($n+1)};", "$f(1)", "[1..9999]", "'#,##0.00'", "'[Y]-[M01]'", "$random()", "<n:n>"),
)
TEMPLATE_TOKENS = (
    *("{", "}", "[", "]", ":", ",", '"a.$"', '"a"', '"$.a"', '"$.d"', '"States.UUID()"', '"{% $states.input.a %}"'),
    *('"{% 1 + %}"', '"{%%}"', "1", "null", '"x"', '".$"'),
)
PATTERN_TOKENS = (
    *(
        "a",
        "b",
        ".",
        "*",
        "+",
        "?",
        "{2,}",
        "{1,3}",
        "(",
        ")",
        "|",
        "[a-z]",
        "[^",
        "]",
        "\\d",
        "\\1",
        "(?:",
        "(?=",
        "^",
    ),
    *("$", "(?<n>", "\\", "(?i)", "{99}"),
)


def scope() -> Scope:
    """What all expressions see."""
    return Scope(
        lambda: {"x": {"y": 1}}, {"v": DOCUMENT, "n": None}, Entropy(b"fuzz"), 1_700_000_000_000, {"input": DOCUMENT}
    )


def written(data: bytes, tokens: tuple[str, ...]) -> str:
    """A text made of tokens, or of the bytes themselves where the first is 0."""
    if data[:1] == b"\0":
        return data[1:].decode("utf-8", "surrogateescape")
    return "".join(tokens[byte % len(tokens)] for byte in data[1:])


def json_of(value: JsonValue) -> None:
    """The value has a JSON form that is read back as the same."""
    assert jsonvalue.depth(value) <= jsonvalue.DEPTH_MAX
    assert jsonvalue.equal(jsonvalue.loads(jsonvalue.dumpb(value)), value)


def told(error: ExpressionError) -> None:
    """The error has a text, and a run-time error a fault."""
    assert str(error)
    assert isinstance(error, ExpressionSyntaxError) or to_fault(error, field="F", value=DOCUMENT).error


def path(data: bytes) -> None:
    """JSONPath and reference paths."""
    text = written(data, PATH_TOKENS)
    try:
        json_of(compile_path(text).evaluate(DOCUMENT, scope()))
        json_of(compile_reference(text).write(DOCUMENT, 1))
    except ExpressionError as error:
        told(error)


def intrinsic(data: bytes) -> None:
    """Calls of intrinsic functions."""
    try:
        json_of(compile_intrinsic(written(data, CALL_TOKENS)).evaluate(DOCUMENT, scope()))
    except ExpressionError as error:
        told(error)


def jsonata(data: bytes) -> None:
    """JSONata expressions, under a smaller bound than the service's."""
    jsonata_engine.STEPS_MAX = 100_000
    try:
        json_of(compile_jsonata(written(data, JSONATA_TOKENS)).evaluate(None, scope()))
    except ExpressionError as error:
        told(error)


def template(data: bytes) -> None:
    """Payload templates of both languages."""
    try:
        document = jsonvalue.loads(written(data, TEMPLATE_TOKENS))
    except JsonError:
        return
    for language in ("JSONPath", "JSONata"):
        try:
            json_of(compile_template(document, language=language, field="Output").evaluate(DOCUMENT, scope()))
        except ExpressionError as error:
            told(error)


def pattern(data: bytes) -> None:
    """Regular expressions against a text that catastrophic ones fail on."""
    try:
        compiled = compile_pattern(written(data, PATTERN_TOKENS))
    except re.error:
        return
    compiled.search("a" * 40 + "!")
    compiled.fullmatch("ab" * 20 + "!")


def json(data: bytes) -> None:
    """JSON text and back."""
    try:
        value = jsonvalue.loads(data if data[:1] != b"\1" else data[1:].decode("utf-8", "replace"))
    except JsonError:
        return
    json_of(value)
    jsonvalue.canonical(value)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "path": path,
    "intrinsic": intrinsic,
    "jsonata": jsonata,
    "template": template,
    "pattern": pattern,
    "json": json,
}


def timed(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target with its bound on time."""

    def run(data: bytes) -> None:
        began = time.process_time()
        target(data)
        assert time.process_time() - began < SECONDS_MAX, "it took too long"

    return run


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], timed(TARGETS[sys.argv[1]]))
    atheris.Fuzz()
