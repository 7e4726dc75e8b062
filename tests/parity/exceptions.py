"""The recorded cases that steppe does not pass, and why: exceptions.json, for the test of them and for docs/parity.md.

An entry has `cases` (their ids), `recorded` (when), `reason`, `aws_today` (what AWS does now) and `evidence`; with
`peer` it is about an emulator that stands for another service in our test, and holds only with that one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "exceptions.json"


@dataclass(frozen=True, slots=True)
class Exceptional:
    """One entry."""

    cases: tuple[str, ...]
    recorded: str
    reason: str
    aws_today: str
    evidence: str
    peer: str = ""


def exceptions() -> list[Exceptional]:
    """All entries, in their order."""
    return [Exceptional(**{**entry, "cases": tuple(entry["cases"])}) for entry in json.loads(FILE.read_text())]
