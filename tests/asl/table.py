"""The rows of cases/diagnostics.json; see test_diagnostics.py."""

from __future__ import annotations

import json
from pathlib import Path

ROWS = json.loads((Path(__file__).parent / "cases" / "diagnostics.json").read_text())


def definition_of(row) -> str:
    """The text of a row's definition."""
    if "text" in row:
        return row["text"]
    if "definition" in row:
        return json.dumps(row["definition"])
    return json.dumps({"StartAt": "X", "States": {"X": row["state"]}})
