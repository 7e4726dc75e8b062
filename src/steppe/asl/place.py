"""Place: where in a definition a check stands, what is known there, and where it reports to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from steppe.asl.diagnostics import SCHEMA_VALIDATION_FAILED, Diagnostic, Pointer, located, location_of
from steppe.asl.model import QueryLanguage
from steppe.asl.resources import CallCheck


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known at a place.

    Attributes:
        language: of the expressions here.
        machine_language: what states fall back to; a Map's or Parallel's own language does not reach into it.
        express: whether this runs in an Express execution.
        state_depth: how many `States` this is inside of.
        state_length: steps of the pointer to the state that this is in.
        has_error_output: whether `$states.errorOutput` exists (in a catcher).
        calls: knows what the AWS APIs take; None when that is not to be checked.
    """

    language: QueryLanguage = "JSONPath"
    machine_language: QueryLanguage = "JSONPath"
    express: bool = False
    state_depth: int = 0
    state_length: int = 0
    has_error_output: bool = False
    calls: CallCheck | None = None


class Changes(TypedDict, total=False):
    """What `Place.with_` may change."""

    language: QueryLanguage
    express: bool
    state_depth: int
    state_length: int
    has_error_output: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a definition.

    Attributes:
        around: what is known here.
        findings: all diagnostics of this definition so far; shared by all its places.
        pointer: from the top of the definition.
    """

    around: Surroundings = field(default_factory=Surroundings)
    findings: list[Diagnostic] = field(default_factory=list)
    pointer: Pointer = ()

    @property
    def language(self) -> QueryLanguage:
        """Of the expressions here."""
        return self.around.language

    @property
    def field(self) -> str:
        """How messages of JSONata name the place inside its state, for example "Output" or "Catch[0]/Assign"."""
        return location_of(self.pointer[self.around.state_length :]).removeprefix("/")

    def at(self, *steps: str | int) -> Place:
        """A place further down."""
        return Place(self.around, self.findings, (*self.pointer, *steps))

    def with_(self, **changes: Unpack[Changes]) -> Place:
        """The same place with other surroundings."""
        return Place(replace(self.around, **changes), self.findings, self.pointer)

    def error(self, message: str, code: str = SCHEMA_VALIDATION_FAILED) -> None:
        """Report an error here."""
        self.findings.append(located("ERROR", code, message, self.pointer))

    def error_of(self, member: str, message: str) -> None:
        """Report an error about a member that is there: the service names the object, an editor shows the member."""
        pointer = (*self.pointer, member)
        code = SCHEMA_VALIDATION_FAILED
        self.findings.append(Diagnostic("ERROR", code, message, location_of(self.pointer), pointer))

    def warning(self, message: str, code: str) -> None:
        """Report a warning here."""
        self.findings.append(located("WARNING", code, message, self.pointer))
