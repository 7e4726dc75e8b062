"""The errors of steppe, in four families. They keep their fields and survive pickling (workers send them).

    SteppeError
    ├── DefinitionError   a state machine definition is wrong: a list of diagnostics
    ├── Fault             part of the Amazon States Language: a definition can catch it by name
    ├── ApiError          an AWS API refuses a request: code, HTTP status, message
    └── InternalError     a bug of ours, with the story of what it broke

Converted once, at a layer's border: the interpreter raises Faults only, the services raise ApiErrors only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steppe.base.jsonvalue import JsonValue

if TYPE_CHECKING:
    from collections.abc import Sequence


class SteppeError(Exception):
    """The root of all errors that steppe raises on purpose."""


class DefinitionError(SteppeError):
    """A definition that cannot become a state machine.

    Attributes:
        diagnostics: every finding (`steppe.asl.diagnostics.Diagnostic`), in the order AWS reports them.
    """

    def __init__(self, diagnostics: Sequence[JsonValue]) -> None:
        super().__init__(list(diagnostics))
        self.diagnostics = list(diagnostics)

    def __str__(self) -> str:
        return ", ".join(str(diagnostic) for diagnostic in self.diagnostics)


class Fault(SteppeError):
    """An error name and a cause as a state machine sees them.

    Attributes:
        error: the error name, for example "States.Timeout" or "S3.NoSuchKey"; None where AWS gives none.
        cause: human-readable text, or the JSON text that AWS gives; None when there is none.
        catchable: whether Retry and Catch may look at it. AWS ends the execution at once for most of States.Runtime.
    """

    def __init__(self, error: str | None, cause: str | None = None, *, catchable: bool = True) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause
        self.catchable = catchable

    def __reduce__(self) -> tuple[JsonValue, ...]:
        return (_fault, (type(self), self.error, self.cause, self.catchable, self.__dict__.copy()))

    def __str__(self) -> str:
        return f"{self.error}: {self.cause}" if self.cause else str(self.error)


class ApiError(SteppeError):
    """An AWS API's refusal.

    Attributes:
        code: the error code on the wire, for example "NoSuchKey" or "InvalidArn".
        message: AWS's text.
        status: HTTP status.
        fields: further members of the error's shape (for example Athena's AthenaErrorCode, S3's Key).
    """

    def __init__(
        self, code: str, message: str, *, status: int = 400, fields: dict[str, JsonValue] | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = dict(fields or {})

    def __reduce__(self) -> tuple[JsonValue, ...]:
        return (_api_error, (self.code, self.message, self.status, self.fields))

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class InternalError(SteppeError):
    """A bug of ours. `story` says what was being done, for the log and for a report."""

    def __init__(self, message: str, *, story: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.story = story

    def __reduce__(self) -> tuple[JsonValue, ...]:
        return (_internal_error, (self.message, self.story))


def _fault(
    kind: type[Fault], error: str | None, cause: str | None, catchable: bool, fields: dict[str, JsonValue]
) -> Fault:
    fault = kind.__new__(kind)
    Fault.__init__(fault, error, cause, catchable=catchable)
    fault.__dict__.update(fields)
    return fault


def _api_error(code: str, message: str, status: int, fields: dict[str, JsonValue]) -> ApiError:
    return ApiError(code, message, status=status, fields=fields)


def _internal_error(message: str, story: str) -> InternalError:
    return InternalError(message, story=story)
