"""Payload templates in both languages: results, sharing, fields in messages, what is refused."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given

from steppe.base import jsonvalue
from steppe.expr.errors import (
    ExpressionError,
    ExpressionSyntaxError,
    IntrinsicSyntaxError,
    JsonataError,
    JsonataSyntaxError,
    NoMatchError,
    PathSyntaxError,
    ReferencePathConflictError,
    TemplateError,
    TemplateSyntaxError,
    shorten,
    to_fault,
)
from steppe.expr.jsonpath import compile_path
from steppe.expr.scope import Entropy, Scope
from steppe.expr.template import compile_template, compile_value

from .test_jsonpath import JSON

INPUT = {"a": {"b": 1}, "list": [1, 2], "name": "me"}


def scope() -> Scope:
    return Scope(lambda: {"Execution": {"Id": "arn"}}, {"v": [7]}, Entropy(b""), 0, {"input": INPUT})


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"x.$": "$.a.b", "y": 2}, {"x": 1, "y": 2}),
        (
            {"whole.$": "$", "context.$": "$$.Execution.Id", "variable.$": "$v[0]"},
            {"whole": INPUT, "context": "arn", "variable": 7},
        ),
        ({"all.$": "$.list[*]", "none.$": "$.gone[*]"}, {"all": [1, 2], "none": []}),
        ({"text.$": "States.Format('hi {}', $.name)"}, {"text": "hi me"}),
        ({"deep": {"er": [{"x.$": "$.name"}, "$.name", 3]}}, {"deep": {"er": [{"x": "me"}, "$.name", 3]}}),
        ([{"x.$": "$.name"}], [{"x": "me"}]),
        ({".$": "$.name"}, {"": "me"}),
        ("$.name", "$.name"),
        ({"x": "{% 1 %}", "$": "$.a"}, {"x": "{% 1 %}", "$": "$.a"}),
        (None, None),
    ],
)
def test_a_jsonpath_template(document, expected):
    before = jsonvalue.dumps(document)
    template = compile_template(document)
    assert template(INPUT, scope()) == expected
    assert template.evaluate(INPUT, scope()) == expected, "again"
    assert template.constant is (not template.expressions)
    assert jsonvalue.dumps(document) == before


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{% $states.input.a.b + 1 %}", 2),
        (
            {"x": "{% $v %}", "y": ["{% $states.input.name & '!' %}", "plain"], "x.$": "$.a"},
            {"x": [7], "y": ["me!", "plain"], "x.$": "$.a"},
        ),
        ({"null": "{% null %}", "object": "{% {'k': 1} %}"}, {"null": None, "object": {"k": 1}}),
        (" {% 1 %}", " {% 1 %}"),
        (5, 5),
    ],
)
def test_a_jsonata_template(document, expected):
    assert compile_template(document, language="JSONata", field="Output").evaluate(None, scope()) == expected


def test_members_keep_the_order_of_the_template():
    made = compile_template({"c.$": "$.name", "b": 1, "a.$": "$.name"}).evaluate(INPUT, scope())
    assert list(made) == ["c", "b", "a"]


def test_parts_without_expressions_are_shared():
    document = {"x.$": "$.name", "static": {"big": [1, 2, 3]}}
    template = compile_template(document)
    assert template.evaluate(INPUT, scope())["static"] is document["static"]
    constant = {"a": [1]}
    assert compile_template(constant).evaluate(INPUT, scope()) is constant
    assert compile_template(constant).constant


@pytest.mark.parametrize("empty", [{}, []])
def test_an_empty_template_is_constant(empty):
    assert compile_template(empty).constant


def test_a_template_lists_its_expressions_with_their_places():
    template = compile_template({"a.$": "$x", "b": [{"c.$": "States.Array($y)"}]})
    assert [place for place, _ in template.expressions] == [("a",), ("b", 0, "c")]
    assert [set(expression.variables) for _, expression in template.expressions] == [{"x"}, {"y"}]


def test_an_element_past_the_end_of_an_array_is_null_and_all_else_that_is_missing_is_told():
    document = {"a": [1], "n": 1}
    past = compile_template({"x.$": "$.a[5]", "y.$": "$.a[0]"})
    assert past.evaluate(document, scope()) == {"x": None, "y": 1}
    for text in ("$.a[5].b", "$.n[0]", "$.b[0]", "States.Format('{}', $.a[5])"):
        with pytest.raises(TemplateError):
            compile_template({"x.$": text}).evaluate(document, scope())


def test_a_path_without_a_match_is_told_with_its_field_and_the_input():
    with pytest.raises(TemplateError) as caught:
        compile_template({"deep": {"missing.$": "$.missing"}}).evaluate({}, scope())
    fault = to_fault(caught.value)
    assert (fault.error, fault.catchable) == ("States.Runtime", False)
    assert (
        fault.cause
        == "The JSONPath '$.missing' specified for the field 'missing.$' could not be found in the input '{}'"
    )
    assert "missing.$: $.missing" in str(caught.value)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ("{% $gone %}", "Output"),
        ({"a": {"b": "{% $gone %}"}}, "Output/a/b"),
        ({"values": ["{% $gone %}"]}, "Output/values[0]"),
        ([[1, {"x": "{% $gone %}"}]], "Output[0][1]/x"),
    ],
)
def test_a_jsonata_failure_names_the_field_from_the_state_on(document, field):
    with pytest.raises(TemplateError) as caught:
        compile_template(document, language="JSONata", field="Output").evaluate(None, scope())
    assert caught.value.field == field
    assert to_fault(caught.value).cause == (
        f"The JSONata expression '$gone' specified for the field '{field}' returned nothing (undefined)."
    )


def test_all_wrong_fields_of_a_template_are_found():
    with pytest.raises(TemplateSyntaxError) as caught:
        compile_template({"a": {"x.$": "nope"}, "y.$": 5, "z.$": "States.Nope()", "ok.$": "$.a"})
    first = caught.value
    assert [(error.key, error.parents) for error in (first, *first.others)] == [
        ("x.$", ("a",)),
        ("y.$", ()),
        ("z.$", ()),
    ]
    assert isinstance(first.error, PathSyntaxError)
    assert isinstance(first.others[1].error, IntrinsicSyntaxError)


@pytest.mark.parametrize("document", [{"a.$": "$.name", "a": 1}, {"a": 1, "a.$": "$.name"}])
def test_a_member_cannot_be_there_twice(document):
    with pytest.raises(TemplateSyntaxError, match="cannot both be there"):
        compile_template(document)


def test_wrong_jsonata_is_found_with_its_place():
    with pytest.raises(TemplateSyntaxError) as caught:
        compile_template({"a": ["{% 1 + %}"], "b": "{% x %}"}, language="JSONata", field="Output")
    error = caught.value
    assert (error.key, error.parents, error.reason) == ("[0]", ("a",), "Unexpected end of expression")
    assert error.others[0].error.code == "UNSUPPORTED_JSONATA_EXPRESSION"
    with pytest.raises(JsonataSyntaxError):
        compile_template("{% 1 + %}", language="JSONata", field="Output")


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_a_template_that_nests_too_deep_is_refused(language):
    document: object = 1
    for _ in range(jsonvalue.DEPTH_MAX):
        document = [document]
    with pytest.raises(ExpressionSyntaxError, match="deeper"):
        compile_template(document, language=language)


def test_a_value_is_a_path_or_a_call():
    assert compile_value("$.name").evaluate(INPUT, scope()) == "me"
    assert compile_value(" States.Array()").evaluate(INPUT, scope()) == []
    with pytest.raises(PathSyntaxError):
        compile_value("name")


def test_a_field_that_is_one_path_is_told_as_templates_are():
    with pytest.raises(NoMatchError) as caught:
        compile_path("$.NoSuchCausePath").evaluate({"int": 0}, scope())
    assert to_fault(caught.value, field="CausePath", value={"int": 0}).cause == (
        "The JSONPath '$.NoSuchCausePath' specified for the field 'CausePath' "
        "could not be found in the input '{\"int\":0}'"
    )


ERRORS = [
    PathSyntaxError("$.", "a name expected"),
    IntrinsicSyntaxError("States.", "a call expected"),
    JsonataSyntaxError("x", "Reference", "UNSUPPORTED_JSONATA_EXPRESSION"),
    TemplateSyntaxError(
        "x.$", ("a", 0), PathSyntaxError("$.", "y"), (TemplateSyntaxError("z.$", (), PathSyntaxError("", "z")),)
    ),
    NoMatchError("$.a", "No results"),
    ReferencePathConflictError("$.a", {"x": 1}),
    JsonataError("$x", "returned nothing (undefined).", undefined=True),
    TemplateError("x.$", {"in": 1}, NoMatchError("$.a", "No results")),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_survive_pickling(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.__dict__.keys() == error.__dict__.keys()
    assert to_fault(copy).cause == to_fault(error).cause


def test_an_error_of_no_special_kind_is_told_as_it_is():
    assert to_fault(ExpressionError("too much")).cause == "too much"
    assert shorten("x" * 300) == "x" * 200 + "..."


@given(JSON)
def test_a_document_without_expressions_is_itself(document):
    assert compile_template(document, language="JSONata").evaluate(None, scope()) is document
