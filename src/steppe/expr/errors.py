"""What can be wrong with an expression, and how the service words it.

    ExpressionError
    ├── ExpressionSyntaxError      found when a text is compiled; for the validator
    │   ├── PathSyntaxError            a JSONPath or reference path
    │   ├── IntrinsicSyntaxError       a States.* call
    │   ├── JsonataSyntaxError         a JSONata expression
    │   └── TemplateSyntaxError        one of the above, with the place in the template
    ├── NoMatchError               a definite path names nothing
    ├── ReferencePathConflictError a reference path cannot be written
    ├── IntrinsicError             a States.* call refuses its arguments
    ├── JsonataError               a JSONata expression failed, or gave nothing, or gave no JSON
    └── TemplateError              one of the above, with the field of the template

Compile errors become diagnostics in `asl`; the others become Faults through `to_fault`. The prefix "An error occurred
while executing the state ..." is the interpreter's. All of them survive pickling, as workers send them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steppe.base import jsonvalue
from steppe.base.errors import Fault

if TYPE_CHECKING:
    from steppe.base.jsonvalue import JsonValue

RUNTIME = "States.Runtime"
QUERY_EVALUATION_ERROR = "States.QueryEvaluationError"
REFERENCE_PATH_CONFLICT = "States.ReferencePathConflict"


class ExpressionError(Exception):
    """The root of all that can be wrong with an expression. The arguments are the fields, so pickling keeps them."""


class ExpressionSyntaxError(ExpressionError):
    """A text that is not of its language.

    Attributes:
        text: the whole text that was compiled.
        reason: a phrase for a person, without full stop.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason}: {shorten(self.text)}"


class PathSyntaxError(ExpressionSyntaxError):
    """Not a JSONPath, or not one that may stand here (a reference path, a path without `$$`)."""


class IntrinsicSyntaxError(ExpressionSyntaxError):
    """Not a call of an intrinsic function."""


class JsonataSyntaxError(ExpressionSyntaxError):
    """Not a JSONata expression.

    Attributes:
        code: "INVALID_JSONATA_EXPRESSION" when it cannot be parsed, "UNSUPPORTED_JSONATA_EXPRESSION" when it names what
            does not exist in a state (a bare field at the top level). These are the validator's codes.
        others: further reasons of the same code: the validator names each name once.
    """

    def __init__(
        self, text: str, reason: str, code: str = "INVALID_JSONATA_EXPRESSION", others: tuple[str, ...] = ()
    ) -> None:
        super().__init__(text, reason)
        self.args = (text, reason, code, others)
        self.code = code
        self.others = others


class TemplateSyntaxError(ExpressionSyntaxError):
    """A field of a template holds a text that is not of its language.

    Attributes:
        key: the member's own name, for example "name.$"; "[0]" for an element.
        parents: names and indexes from the template's root down to the object or array that holds the field.
        error: what is wrong with the text.
        others: further errors of the same template, in its order, without others of their own.
    """

    def __init__(
        self,
        key: str,
        parents: tuple[str | int, ...],
        error: ExpressionSyntaxError,
        others: tuple[TemplateSyntaxError, ...] = (),
    ) -> None:
        super().__init__(error.text, error.reason)
        self.args = (key, parents, error, others)
        self.key = key
        self.parents = parents
        self.error = error
        self.others = others


class NoMatchError(ExpressionError):
    """A definite path that names nothing in the value.

    Attributes:
        text: the path as written.
        reason: in the words of the service, for example "No results for path: $['missing']".
        past_end: whether all is there but the element that the last index names.
    """

    def __init__(self, text: str, reason: str, past_end: bool = False) -> None:
        super().__init__(text, reason, past_end)
        self.text = text
        self.reason = reason
        self.past_end = past_end

    def __str__(self) -> str:
        return f"{self.text}: {self.reason}"


class ReferencePathConflictError(ExpressionError):
    """A reference path that cannot be written because something else is in its way.

    Attributes:
        text: the path as written.
        value: the document.
    """

    def __init__(self, text: str, value: JsonValue) -> None:
        super().__init__(text, value)
        self.text = text
        self.value = value

    def __str__(self) -> str:
        return f"Unable to apply ReferencePath {self.text} to input {show(self.value)}"


class IntrinsicError(ExpressionError):
    """An intrinsic function that refuses its arguments.

    Attributes:
        cause: the whole sentence, as the service words it.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class JsonataError(ExpressionError):
    """A JSONata expression that gave no JSON value.

    Attributes:
        text: the expression, without its {% and %}.
        outcome: the rest of the service's sentence after the field, full stop included.
        undefined: whether it gave nothing at all.
    """

    def __init__(self, text: str, outcome: str, undefined: bool = False) -> None:
        super().__init__(text, outcome, undefined)
        self.text = text
        self.outcome = outcome
        self.undefined = undefined

    def __str__(self) -> str:
        return f"{self.text}: {self.outcome}"


class TemplateError(ExpressionError):
    """A field of a template that could not be evaluated.

    Attributes:
        field: as the service names it: "name.$" in JSONPath (the member alone), "Output/list[0]/name" in JSONata.
        value: what `$` named.
        error: what happened there.
    """

    def __init__(self, field: str, value: JsonValue, error: ExpressionError) -> None:
        super().__init__(field, value, error)
        self.field = field
        self.value = value
        self.error = error

    def __str__(self) -> str:
        return f"{self.field}: {self.error}"


def to_fault(error: ExpressionError, *, field: str | None = None, value: JsonValue = None) -> Fault:
    """Word an error as the service does.

    Args:
        error: raised by an expression, a template or a reference path.
        field: the field that holds the expression, for example "CausePath" or "Items". None for the fields that select
            a state's data (InputPath, OutputPath, TimeoutSecondsPath...), which the service words differently.
            Templates know their fields, so it is not looked at for a TemplateError.
        value: what `$` named; shown in the text when `field` is given.

    Returns:
        A Fault. Those of States.Runtime are not catchable, the others are.

    Source: recorded cases of September 2026 and of the conformance collection (scenarios/*invalid_jsonpath*,
    assign/*undefined_reference*).
    """
    match error:
        case TemplateError():
            return to_fault(error.error, field=error.field, value=error.value)
        case JsonataError():
            cause = f"The JSONata expression '{error.text}' specified for the field '{field}' {error.outcome}"
            return Fault(QUERY_EVALUATION_ERROR, cause)
        case ReferencePathConflictError():
            return Fault(REFERENCE_PATH_CONFLICT, str(error))
        case NoMatchError() if field is not None:
            cause = f"The JSONPath '{error.text}' specified for the field '{field}' could not be found in the input "
            return Fault(RUNTIME, f"{cause}'{show(value)}'", catchable=False)
        case NoMatchError():
            return Fault(RUNTIME, f"Invalid path '{error.text}' : {error.reason}", catchable=False)
        case IntrinsicError():
            return Fault(RUNTIME, error.cause, catchable=False)
        case _:
            return Fault(RUNTIME, str(error), catchable=False)


def show(value: JsonValue) -> str:
    """A value inside a text of the service: compact JSON."""
    return jsonvalue.dumps(value)


def type_name(value: JsonValue) -> str:
    """The type of a JSON value as the service's texts name it."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def shorten(text: str) -> str:
    """A text for a message: at most 200 characters."""
    return text if len(text) <= 200 else text[:200] + "..."
