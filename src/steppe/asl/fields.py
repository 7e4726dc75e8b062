"""Check single fields: `check_field` applies a rule of `rules` to a value.

A good value comes back as the model holds it (expressions compiled, lists as tuples); a bad one is reported at its
place and comes back as INVALID. Blocks, states and choice rules are `parse`'s.

The texts are the service's, as recorded in the conformance cases and in answers of ValidateStateMachineDefinition that
users published in 2025 and 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final

from steppe.asl import rules
from steppe.asl.model import Filled, Source
from steppe.asl.place import Place
from steppe.base import timestamps
from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import ExpressionSyntaxError, JsonataSyntaxError, PathSyntaxError, TemplateSyntaxError
from steppe.expr.intrinsic import is_call
from steppe.expr.jsonata import JsonataExpression, compile_jsonata, is_expression, unwrapped
from steppe.expr.jsonpath import compile_path
from steppe.expr.reference_path import compile_reference
from steppe.expr.template import Template, compile_template, compile_value


class Invalid(Enum):
    """The type of INVALID."""

    INVALID = "invalid"


INVALID: Final = Invalid.INVALID
"""What a check gives for a value that it has reported."""

_LOOKS_LIKE_PATH = re.compile(r"\$\$?(?:[.\[].*)?", re.DOTALL)
VARIABLE_NAME_LENGTH_MAX: Final = 80
"""Characters. Developer Guide, "Passing data between states with variables"."""


def check_field(rule: rules.Rule, value: JsonValue, place: Place) -> JsonValue:
    """Apply a rule of a single field; see the module."""
    match rule:
        case rules.Json():
            _warn_about_static_result(value, place)
            return value
        case rules.Flag():
            return value if isinstance(value, bool) else wrong_type(place, "[BOOLEAN]")
        case rules.Text(choices):
            return _text(value, choices, place)
        case rules.TextOrExpression(path_field):
            return _text_or_expression(value, path_field, place)
        case rules.Number():
            return _number(rule, value, place)
        case rules.Timestamp():
            return _timestamp(value, place)
        case rules.Path():
            return _path(rule, value, place)
        case rules.ResultPath():
            return _result_path(value, place)
        case rules.Payload() | rules.Variables():
            return _payload(rule, value, place)
        case _:
            assert isinstance(rule, rules.Texts | rules.ErrorNames)
            return _texts(value, place)


def wrong_type(place: Place, wanted: str) -> Invalid:
    """Report a value of a wrong type."""
    place.error(f"Expected value of type {wanted}")
    return INVALID


def _text(value: JsonValue, choices: tuple[str, ...], place: Place) -> JsonValue:
    if not isinstance(value, str):
        return wrong_type(place, "[STRING]")
    if choices and value not in choices:
        place.error(f"Value should be one of the following: [{', '.join(choices)}]")
        return INVALID
    return value


def _texts(value: JsonValue, place: Place) -> JsonValue:
    if not isinstance(value, list):
        return wrong_type(place, "[ARRAY]")
    if not value:
        place.error("Value cannot be empty")
        return INVALID
    wrong = [index for index, text in enumerate(value) if not isinstance(text, str)]
    for index in wrong:
        wrong_type(place.at(index), "[STRING]")
    return INVALID if wrong else tuple(value)


def _number(rule: rules.Number, value: JsonValue, place: Place) -> JsonValue:
    if rule.computed and place.language == "JSONata" and isinstance(value, str) and value.startswith("{%"):
        return expression(value, place)
    if isinstance(value, bool) or not isinstance(value, int if rule.whole else int | float):
        return wrong_type(place, "Integer" if rule.whole else "Number")
    if rule.minimum is not None and value < rule.minimum:
        place.error(f"Minimum value is {rule.minimum}")
        return INVALID
    if rule.maximum is not None and value > rule.maximum:
        place.error(f"Maximum value is {rule.maximum}")
        return INVALID
    return value


def _timestamp(value: JsonValue, place: Place) -> JsonValue:
    if not isinstance(value, str):
        return wrong_type(place, "[STRING]")
    if place.language == "JSONata" and value.startswith("{%"):
        return expression(value, place)
    if not timestamps.is_strict(value):
        place.error("String does not match RFC3339 timestamp")
        return INVALID
    return value


def _text_or_expression(value: JsonValue, path_field: str, place: Place) -> JsonValue:
    if not isinstance(value, str):
        return wrong_type(place, "[STRING]")
    if place.language == "JSONata":
        return expression(value, place) if value.startswith("{%") else value
    if _LOOKS_LIKE_PATH.fullmatch(value):
        name = place.pointer[-1]
        hint = f"Instead of '{name}', use '{path_field}' to evaluate it as a JSONPath at runtime."
        place.warning(f"The value of '{name}' looks like a JSONPath. {hint}", "NO_PATH")
    return value


# Expressions


def expression(text: str, place: Place) -> Source | Invalid:
    """Compile a JSONata expression with its `{%` and `%}`."""
    if not is_expression(text):
        place.error("JSONata string must start with {% and end with %}")
        return INVALID
    try:
        compiled = compile_jsonata(unwrapped(text))
    except JsonataSyntaxError as error:
        for reason in (error.reason, *error.others):
            place.error(reason, error.code)
        return INVALID
    if not _states_exist(compiled, place):
        return INVALID
    return Source(compiled.text, compiled.evaluate, tuple(compiled.variables))


def _states_exist(compiled: JsonataExpression, place: Place) -> bool:
    """Whether all that an expression reads of `$states` can be there; measured by users in August 2026."""
    known = {"input", "context", "result", *(("errorOutput",) if place.around.has_error_output else ())}
    wrong = sorted((compiled.states or frozenset()) - known)
    for name in wrong:
        place.error(f"Field '$states.{name}' does not exist.", "UNSUPPORTED_JSONATA_EXPRESSION")
    return not wrong


def _path(rule: rules.Path, value: JsonValue, place: Place) -> JsonValue:
    if value is None and rule.nullable:
        return None
    if not isinstance(value, str):
        return wrong_type(place, "[STRING]")
    if rule.intrinsic and is_call(value):
        return _call(value, place)
    if not value.startswith("$"):
        place.error("Value must be a valid JSONPath.")
        return INVALID
    return reference(value, place, context=rule.context) if rule.reference else _any_path(value, place)


def _any_path(text: str, place: Place) -> JsonValue:
    try:
        path = compile_path(text)
    except PathSyntaxError:
        place.error("Value must be a valid JSONPath.")
        return INVALID
    return Source(text, path.evaluate, tuple(path.variables))


def _call(text: str, place: Place) -> JsonValue:
    try:
        call = compile_value(text)
    except ExpressionSyntaxError:
        place.error("Value must be a valid JSONPath or a valid intrinsic function call")
        return INVALID
    return Source(text, call.evaluate, tuple(call.variables))


def reference(value: JsonValue, place: Place, *, context: bool = True) -> JsonValue:
    """Check a path that is read and has to name one place."""
    if not isinstance(value, str):
        return wrong_type(place, "[STRING]")
    if not value.startswith("$"):
        place.error("Value is not a Reference Path: Reference path didn't start with '$'")
        return INVALID
    try:
        path = compile_reference(value, allow_context=context, allow_variables=True).path
    except PathSyntaxError:
        place.error("Value is not a Reference Path")
        return INVALID
    return Source(value, path.evaluate, tuple(path.variables))


def _result_path(value: JsonValue, place: Place) -> JsonValue:
    if value is None:
        return None
    if not isinstance(value, str):
        return wrong_type(place, "[STRING]")
    if not value.startswith("$"):
        place.error("Value must be a valid JSONPath.")
        return INVALID
    try:
        return compile_reference(value)
    except PathSyntaxError:
        place.error("Value is not a Reference Path")
        return INVALID


# Templates


def _payload(rule: rules.Payload | rules.Variables, value: JsonValue, place: Place) -> JsonValue:
    jsonata = place.language == "JSONata"
    whole = jsonata and isinstance(value, str) and value.startswith("{%") and isinstance(rule, rules.Payload)
    if isinstance(rule, rules.Variables):
        if not isinstance(value, dict):
            return wrong_type(place, "[OBJECT]")
        _check_variable_names(value, place)
    elif rule.only_object and not whole and not isinstance(value, dict | list if rule.literal_array else dict):
        return wrong_type(place, "[ARRAY]" if rule.literal_array else "[OBJECT]")
    before = len(place.findings)
    if jsonata:
        _check_expression_marks(value, place)
    else:
        _warn_about_paths(value, place)
    template = _template(value, place)
    for steps, compiled in template.expressions if template else ():
        if isinstance(compiled, JsonataExpression):
            _states_exist(compiled, place.at(*steps))
    errors = any(finding.severity == "ERROR" for finding in place.findings[before:])
    if template is None or errors:
        return INVALID
    variables = {name: None for _, compiled in template.expressions for name in compiled.variables}
    return Filled(value, template, tuple(variables))


def _template(document: JsonValue, place: Place) -> Template | None:
    """Compile a template; when that fails, find out what all is wrong in it, and report it."""
    try:
        return compile_template(document, language=place.language, field=place.field)
    except JsonataSyntaxError as error:
        for reason in (error.reason, *error.others):
            place.error(reason, error.code)
    except TemplateSyntaxError as error:
        if place.language == "JSONata":
            _report_expressions(document, place)
        else:
            _report_dollars(document, place, error)
    except ExpressionSyntaxError as error:
        place.error(str(error), "TOO_DEEPLY_NESTED")
    return None


def _report_expressions(document: JsonValue, place: Place) -> None:
    for steps, value in walk(document):
        if isinstance(value, str) and is_expression(value):
            expression(value, place.at(*steps))


def _report_dollars(document: JsonValue, place: Place, error: TemplateSyntaxError) -> None:
    """Every ".$" member that is no expression, at the template's own place as the service does."""
    for steps, value in walk(document):
        name = steps[-1] if steps else ""
        if isinstance(name, str) and name.endswith(".$") and not _is_value(value):
            allowed = "must be a valid JSONPath or a valid intrinsic function call"
            place.error(f"The value for the field '{name}' {allowed}")


def _is_value(value: JsonValue) -> bool:
    try:
        return isinstance(value, str) and bool(compile_value(value))
    except ExpressionSyntaxError:
        return False


def walk(document: JsonValue) -> Iterator[tuple[tuple[str | int, ...], JsonValue]]:
    """Every value in a document with its place, in document order; iterative, so depth costs no stack."""
    waiting: list[tuple[tuple[str | int, ...], JsonValue]] = [((), document)]
    while waiting:
        steps, value = waiting.pop()
        yield steps, value
        if isinstance(value, dict):
            waiting.extend(((*steps, name), member) for name, member in reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend(((*steps, index), value[index]) for index in range(len(value) - 1, -1, -1))


def _check_expression_marks(document: JsonValue, place: Place) -> None:
    for steps, value in walk(document):
        if isinstance(value, str) and value.startswith("{%") and not is_expression(value):
            place.at(*steps).error("JSONata string must start with {% and end with %}")


def _check_variable_names(value: dict[str, JsonValue], place: Place) -> None:
    for member in value:
        name = member[:-2] if member.endswith(".$") and place.language == "JSONPath" else member
        if name == "states":
            place.at(member).error("Cannot assign to reserved variable '$states'.", "RESERVED_VARIABLE_NAME")
        elif len(name) > VARIABLE_NAME_LENGTH_MAX:
            reason = f"the variable name is longer than {VARIABLE_NAME_LENGTH_MAX} characters."
            place.at(member).error(f"Invalid variable name '{name}': {reason}", "INVALID_VARIABLE_NAME")
        elif not name.isidentifier() or name.startswith("_"):
            reason = "the variable name contains invalid characters."
            place.at(member).error(f"Invalid variable name '{name}': {reason}", "INVALID_VARIABLE_NAME")


def _warn_about_paths(document: JsonValue, place: Place) -> None:
    for steps, value in walk(document):
        name = steps[-1] if steps else ""
        if not isinstance(value, str) or not isinstance(name, str) or not name or name.endswith(".$"):
            continue
        if _LOOKS_LIKE_PATH.fullmatch(value):
            hint = f"Instead of '{name}', use '{name}.$' to evaluate it as a JSONPath at runtime."
            place.warning(f"The value of '{name}' looks like a JSONPath. {hint}", "NO_DOLLAR")
        elif value.startswith("States.") and is_call(value):
            hint = f"Instead of '{name}', use '{name}.$' to evaluate it at runtime."
            place.warning(f"The value of '{name}' looks like an intrinsic function. {hint}", "NO_DOLLAR")


def _warn_about_static_result(document: JsonValue, place: Place) -> None:
    for steps, value in walk(document):
        if isinstance(value, str) and _LOOKS_LIKE_PATH.fullmatch(value):
            name = next((step for step in reversed(steps) if isinstance(step, str)), place.pointer[-1])
            hint = "Result is not evaluated; use Parameters to evaluate it as a JSONPath at runtime."
            place.warning(f"The value of '{name}' looks like a JSONPath. {hint}", "PASS_RESULT_IS_STATIC")
