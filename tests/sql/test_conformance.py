"""The public table of Athena's answers: nothing may come out different; what this engine lacks it refuses by name."""

from __future__ import annotations

import json
import re

import pytest

EXACT_LEAST = 215


def _same(got, want, compare):
    if compare == "approx" and got is not None and want is not None:
        return abs(float(got) - float(want)) <= 1e-6 * max(1.0, abs(float(want)))
    if compare == "map" and got is not None:
        return sorted(re.split(", ", got.strip("{}"))) == sorted(re.split(", ", want.strip("{}")))
    return got == want


def _order(row):
    return [(cell is not None, cell or "") for cell in row]


@pytest.mark.slow
def test_no_answer_differs_from_athenas(ask, shared):
    entries = json.loads((shared / "conformance" / "athena" / "functions-public.json").read_text())["queries"]
    exact, different, failed = 0, [], []
    for entry in (e for e in entries if not e.get("setup")):
        answer = ask(entry["sql"])
        if isinstance(answer, str):
            wanted = entry.get("error", "")
            if wanted and (answer.startswith(wanted) or (wanted == "SYNTAX_ERROR" and "mismatched" in answer)):
                exact += 1
            elif "NOT_SUPPORTED" not in answer:
                failed.append((entry["id"], answer))
            continue
        if "error" in entry:
            different.append((entry["id"], answer))
            continue
        rows, want = answer[1:], entry["rows"]
        if not entry["ordered"]:
            rows, want = sorted(rows, key=_order), sorted(want, key=_order)
        cells = len(rows) == len(want) and all(
            len(a) == len(b) and all(_same(x, y, entry["compare"]) for x, y in zip(a, b, strict=True))
            for a, b in zip(rows, want, strict=True)
        )
        if cells and answer[0] == entry.get("columns", answer[0]):
            exact += 1
        else:
            different.append((entry["id"], answer))
    assert (different, failed) == ([], [])
    assert exact >= EXACT_LEAST
