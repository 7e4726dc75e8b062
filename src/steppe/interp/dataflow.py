"""How data goes through a state: which expression is applied to what, in which order, and what its failure is called.

JSONPath:  raw input -> InputPath -> Parameters -> (the state's work) -> ResultSelector -> ResultPath -> OutputPath
           ResultPath writes into the raw input, as the service does; Assign sees the result.
JSONata:   raw input -> Arguments -> (the state's work) -> Output; Assign and Output both see the variables of the
entry.

Every failure leaves here as a `StateFault`, so the interpreter handles one kind of exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from steppe.asl.program import NumberField, State, TextSource
from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import PAYLOAD_BYTES_MAX, VARIABLES_BYTES_MAX
from steppe.expr import errors
from steppe.expr.errors import ExpressionError, TemplateError
from steppe.expr.reference_path import ReferencePath
from steppe.expr.scope import Expression, Scope
from steppe.expr.template import Template

RUNTIME = errors.RUNTIME
QUERY_EVALUATION_ERROR = errors.QUERY_EVALUATION_ERROR
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"

SAFE_CHARACTERS = PAYLOAD_BYTES_MAX // 4
"""A text of so many characters fits, whatever characters they are: the cheap test that nearly every payload passes."""


_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_FLOAT = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")


class StateFault(Fault):
    """A state could not be evaluated. Its cause gets the place in front: "An error occurred while executing ...".

    Attributes:
        evaluation: whether the history shows an EvaluationFailed event for it.
        location: the field in that event, for example "Output/list[0]/name"; None when AWS gives none.
    """

    def __init__(
        self,
        error: str | None,
        cause: str | None,
        *,
        catchable: bool = False,
        evaluation: bool = False,
        location: str | None = None,
    ) -> None:
        super().__init__(error, cause, catchable=catchable)
        self.evaluation = evaluation
        self.location = location


def runtime_fault(cause: str) -> StateFault:
    """States.Runtime: ends the execution, nothing catches it."""
    return StateFault(RUNTIME, cause)


def query_fault(cause: str, location: str | None) -> StateFault:
    """States.QueryEvaluationError: catchable, and shown as EvaluationFailed."""
    return StateFault(QUERY_EVALUATION_ERROR, cause, catchable=True, evaluation=True, location=location)


def expression_fault(error: ExpressionError, *, field: str | None = None, value: JsonValue = None) -> StateFault:
    """The fault of a failed expression, in the service's words.

    Args:
        error: what the expression raised.
        field: as `errors.to_fault`; the location of a JSONata failure when the error does not know its own.
        value: what `$` named.
    """
    fault = errors.to_fault(error, field=field, value=value)
    query = fault.error == QUERY_EVALUATION_ERROR
    location = error.field if isinstance(error, TemplateError) else field
    return StateFault(
        fault.error, fault.cause, catchable=fault.catchable, evaluation=query, location=location if query else None
    )


def condition_fault(fault: Fault, index: int) -> StateFault:
    """The fault of a Choice rule, whose compiled condition words it itself.

    Args:
        fault: what the condition raised.
        index: of the rule.
    """
    query = fault.error == QUERY_EVALUATION_ERROR
    location = f"Choices[{index}]/Condition" if query else None
    return StateFault(fault.error, fault.cause, catchable=fault.catchable, evaluation=query, location=location)


def select(path: Expression, value: JsonValue, scope: Scope) -> JsonValue:
    """Apply InputPath or OutputPath."""
    try:
        return path(value, scope)
    except ExpressionError as error:
        raise expression_fault(error) from None


def compute(expression: Expression, value: JsonValue, scope: Scope, *, field: str | None) -> JsonValue:
    """Apply an expression of a named field."""
    try:
        return expression(value, scope)
    except ExpressionError as error:
        raise expression_fault(error, field=field, value=value) from None


def fill(template: Template, value: JsonValue, scope: Scope) -> JsonValue:
    """Evaluate a template: Parameters, Arguments, ResultSelector, Output, Assign, ItemSelector."""
    try:
        return template.evaluate(value, scope)
    except ExpressionError as error:
        raise expression_fault(error) from None


def write(path: ReferencePath, document: JsonValue, value: JsonValue) -> JsonValue:
    """Apply ResultPath: a new document with the value in its place."""
    try:
        return path.write(document, value)
    except ExpressionError as error:
        raise expression_fault(error) from None


def effective_input(state: State, raw: JsonValue, scope: Scope) -> JsonValue:
    """What `$` is in Parameters, ItemsPath, conditions: the raw input after InputPath."""
    return raw if state.input_path is None else select(state.input_path, raw, scope)


def arguments(state: State, effective: JsonValue, scope: Scope) -> JsonValue:
    """What the state's work is given: Parameters or Arguments, or the effective input when there are none."""
    return effective if state.parameters is None else fill(state.parameters, effective, scope)


def output_of(state: State, raw: JsonValue, result: JsonValue, scope: Scope) -> JsonValue:
    """The output of a JSONPath state from its result: ResultPath, then OutputPath."""
    output = raw if state.result_path is None else write(state.result_path, raw, result)
    return output if state.output_path is None else select(state.output_path, output, scope)


def number(field: NumberField, value: JsonValue, scope: Scope, *, kind: Literal["integer", "float"]) -> JsonValue:
    """The value of a numeric field, checked for its kind (not for its range).

    Raises:
        StateFault: with the texts of the recorded cases of 2024 (scenarios/*max_concurrency_path*,
            distributed_map/*tolerated_failure*).
    """
    if field.expression is None:
        return field.constant
    path = field.name.endswith("Path")
    found = compute(field.expression, value, scope, field=None if path else field.name)
    if path and isinstance(found, str):
        found = number_in(found, kind=kind)
    whole = is_integer(found)
    if whole or (kind == "float" and isinstance(found, float)):
        return int(found) if whole else found
    if path:
        shown = found if isinstance(found, str) else jsonvalue.dumps(found)
        raise runtime_fault(
            f'The {field.name} field refers to value "{shown}" which is not a valid {kind}: {field.text}'
        )
    raise query_fault(
        unexpected_type(field.name, field.text, expected=kind if kind == "integer" else "number", found=found),
        field.name,
    )


def number_in(text: str, *, kind: Literal["integer", "float"]) -> JsonValue:
    """The number that a text holds, or the text: a path may name either (recorded in November 2024 for "1")."""
    pattern = _INTEGER if kind == "integer" else _FLOAT
    if not pattern.fullmatch(text):
        return text
    return int(text) if _INTEGER.fullmatch(text) else float(text)


def named_text(field: TextSource, value: JsonValue, scope: Scope) -> str:
    """The value of Error, Cause and their kin. An intrinsic function may stand in their paths."""
    if field.expression is None:
        return field.constant or ""
    found = compute(field.expression, value, scope, field=field.name)
    if isinstance(found, str):
        return found
    if field.name.endswith("Path"):
        shown = jsonvalue.dumps(found)
        raise runtime_fault(
            f'The {field.name} field refers to value "{shown}" which is not a valid string: {field.text}'
        )
    raise query_fault(unexpected_type(field.name, field.text, expected="string", found=found), field.name)


def unexpected_type(field: str, expression: str, *, expected: str, found: JsonValue) -> str:
    """The service's sentence for a JSONata expression that gave the wrong kind of value."""
    return (
        f"The JSONata expression '{bare(expression)}' specified for the field '{field}' returned an unexpected result "
        f"type. Expected '{expected}', but was '{type_name(found)}' for value: {jsonvalue.dumps(found)}"
    )


def bare(expression: str) -> str:
    """A JSONata expression without its `{%` and `%}`."""
    stripped = expression.strip()
    if stripped.startswith("{%") and stripped.endswith("%}"):
        return stripped[2:-2].strip()
    return stripped


def type_name(value: JsonValue) -> str:
    """JSON's name for the kind of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def is_integer(value: JsonValue) -> bool:
    """Whether a JSON number is whole: 1 and 1.0 are, true is not."""
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


def too_large(encoded: str) -> bool:
    """Whether a JSON text is over the payload quota, in UTF-8 bytes."""
    return len(encoded) > SAFE_CHARACTERS and len(encoded.encode("utf-8", "surrogatepass")) > PAYLOAD_BYTES_MAX


def data_limit(name: str) -> Fault:
    """States.DataLimitExceeded for a result or an output. Recorded in March 2024, without the place in front."""
    cause = (
        f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit."
    )
    return Fault(DATA_LIMIT_EXCEEDED, cause)


def check_assigned(sizes: Mapping[str, int], *, total: int, state_name: str) -> None:
    """Hold the quotas on variables.

    Args:
        sizes: bytes of each value of one Assign, in its order; names do not count.
        total: bytes of all variables of the execution after it.
        state_name: for the message.

    Raises:
        StateFault: States.DataLimitExceeded at location `Assign`; texts as observed in September 2026.
    """
    assigned = 0
    for name, size in sizes.items():
        if size > PAYLOAD_BYTES_MAX:
            raise _variables_limit(
                f"Variable size limit exceeded. Variable '{name}' in state '{state_name}' was assigned {size} bytes."
            )
        assigned += size
        if assigned > PAYLOAD_BYTES_MAX:
            raise _variables_limit(
                f"State total variable size limit exceeded. Variable '{name}' in state '{state_name}' was assigned "
                f"{size} bytes, which caused the size of variables assigned in the state to exceed its limit by "
                f"{assigned - PAYLOAD_BYTES_MAX} bytes."
            )
    if total > VARIABLES_BYTES_MAX:
        raise _variables_limit(
            f"Execution total variable size limit exceeded. State '{state_name}' assigned variables that exceed the "
            f"total execution limit by {total - VARIABLES_BYTES_MAX} bytes."
        )


def _variables_limit(cause: str) -> StateFault:
    return StateFault(DATA_LIMIT_EXCEEDED, cause, catchable=True, evaluation=True, location="Assign")
