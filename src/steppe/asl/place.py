"""Place: where in a definition a check stands, and where it reports to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from steppe.asl.diagnostics import SCHEMA_VALIDATION_FAILED, Diagnostic, Pointer, located
from steppe.asl.model import QueryLanguage


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a definition, with what is known there.

    Attributes:
        findings: all diagnostics of this definition so far; shared by all its places.
        pointer: from the top of the definition.
        language: of the expressions here.
        machine_language: what states fall back to; a Map's or Parallel's own language does not reach into it.
        express: whether this runs in an Express execution.
        state_depth: how many `States` this is inside of.
        has_error_output: whether `$states.errorOutput` exists (in a catcher).
    """

    findings: list[Diagnostic] = field(default_factory=list)
    pointer: Pointer = ()
    language: QueryLanguage = "JSONPath"
    machine_language: QueryLanguage = "JSONPath"
    express: bool = False
    state_depth: int = 0
    has_error_output: bool = False

    def at(self, *steps: str | int) -> Place:
        """A place further down."""
        return replace(self, pointer=(*self.pointer, *steps))

    def error(self, message: str, code: str = SCHEMA_VALIDATION_FAILED) -> None:
        """Report an error here."""
        self.findings.append(located("ERROR", code, message, self.pointer))

    def warning(self, message: str, code: str) -> None:
        """Report a warning here."""
        self.findings.append(located("WARNING", code, message, self.pointer))
