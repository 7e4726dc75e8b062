"""Diagnostic: one finding about a definition, as ValidateStateMachineDefinition reports it.

A place in a definition is a `Pointer`: member names and array indexes from the top. The service writes it as
`/States/Route/Choices[0]/Next`, without escaping: a state called "a/b" is `/States/a/b`. Since that cannot be taken
apart again, a Diagnostic keeps the pointer beside the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["ERROR", "WARNING"]
Pointer: TypeAlias = tuple[str | int, ...]

SCHEMA_VALIDATION_FAILED = "SCHEMA_VALIDATION_FAILED"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        severity: only an ERROR keeps a definition from becoming a state machine.
        code: the service's code, for example "MISSING_TRANSITION_TARGET".
        message: the service's text where it is known.
        location: where, in the service's form; None when the finding is about the whole definition.
        pointer: the same place, or that of the member in it that is meant, to be found in the text by `positions`; None
            when there is none.
    """

    severity: Severity
    code: str
    message: str
    location: str | None = None
    pointer: Pointer | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """As CreateStateMachine quotes it; the service writes a missing location as `null`."""
        return f"{self.code}: {self.message} at {'null' if self.location is None else self.location}"


def located(severity: Severity, code: str, message: str, pointer: Pointer) -> Diagnostic:
    """A Diagnostic about one place of the definition."""
    return Diagnostic(severity, code, message, location_of(pointer), pointer)


def location_of(pointer: Pointer) -> str:
    """The service's form of a place: `/` for the top, names after slashes, indexes in brackets."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f"/{step}" for step in pointer)
    return text or "/"
