"""`steppe validate`: what its user sees of good, broken and unreadable files, in each form."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from steppe.cli.main import main

GOOD = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
BROKEN = """{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Nxt": "B", "End": true},
    "B": {"Type": "Wait", "Seconds": -1, "End": true}
  }
}
"""
CALL = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"Message": "$.m"}, "End": True}


@pytest.fixture
def validate(capsys, monkeypatch, tmp_path):
    """Runs `steppe validate` in a folder of its own: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, files: dict[str, str | bytes] | None = None, stdin: bytes = b"") -> tuple[int, str, str]:
        for name, content in (files or {}).items():
            Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
        monkeypatch.setattr(sys, "argv", ["steppe", "validate", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run


def test_a_good_definition_says_nothing(validate):
    assert validate("good.json", files={"good.json": GOOD}) == (0, "", "")


def test_every_problem_is_shown_with_its_line_and_a_caret(validate):
    code, out, err = validate("broken.json", files={"broken.json": BROKEN})
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "broken.json:4:27: error: SCHEMA_VALIDATION_FAILED: Field 'Nxt' is not supported (/States/A)",
        '     4 |     "A": {"Type": "Pass", "Nxt": "B", "End": true},',
        "       |                           ^",
        "broken.json:5:27: error: SCHEMA_VALIDATION_FAILED: Minimum value is 0 (/States/B/Seconds)",
        '     5 |     "B": {"Type": "Wait", "Seconds": -1, "End": true}',
        "       |                           ^",
        'broken.json:5:5: error: MISSING_TRANSITION_TARGET: State "B" is not reachable. (/States/B)',
        '     5 |     "B": {"Type": "Wait", "Seconds": -1, "End": true}',
        "       |     ^",
    ]


def test_warnings_alone_are_no_failure(validate):
    text = json.dumps({"StartAt": "T", "States": {"T": CALL}})
    code, out, _ = validate("call.json", files={"call.json": text})
    assert code == 0
    assert "warning: NO_DOLLAR" in out


def test_parameters_are_held_against_the_api(validate):
    text = json.dumps({"StartAt": "T", "States": {"T": {**CALL, "Parameters": {}}}})
    code, out, _ = validate("call.json", files={"call.json": text})
    assert code == 1
    assert "The field 'Message' is required but was missing (/States/T/Parameters)" in out


def test_express_machines_have_rules_of_their_own(validate):
    text = json.dumps({"StartAt": "T", "States": {"T": {**CALL, "Resource": f"{CALL['Resource']}.waitForTaskToken"}}})
    assert validate("call.json", files={"call.json": text})[0] == 0
    assert "Express state machine does not support" in validate("--express", "call.json")[1]


def test_a_definition_comes_from_standard_input(validate):
    code, out, _ = validate("-", stdin=b'{"a": 1')
    assert code == 1
    assert out.startswith("<stdin>:1:8: error: INVALID_JSON_DESCRIPTION: Unexpected end-of-input")


def test_standard_input_can_be_given_once(validate):
    assert validate("-", "-")[0] == 2


@pytest.mark.parametrize(
    ("content", "words"), [(b"\xff\xfe{}", "bad.json is not UTF-8 text"), (None, "cannot read bad.json: No such file")]
)
def test_a_file_that_cannot_be_read_does_not_hide_the_others(validate, content, words):
    files = {"broken.json": BROKEN} | ({} if content is None else {"bad.json": content})
    code, out, err = validate("bad.json", "broken.json", files=files)
    assert code == 2
    assert words in err
    assert "Field 'Nxt' is not supported" in out


def test_a_byte_order_mark_is_no_problem(validate):
    assert validate("good.json", files={"good.json": b"\xef\xbb\xbf" + GOOD.encode()}) == (0, "", "")


def test_a_definition_over_the_size_of_the_api_is_told(validate):
    code, out, _ = validate("long.json", files={"long.json": GOOD + " " * 1_048_576})
    assert code == 1
    assert out.startswith("long.json: error: DEFINITION_TOO_LONG: The definition has 1,048,630 characters")


def test_json_is_one_array_of_all_files(validate):
    code, out, _ = validate(
        "--format", "json", "good.json", "broken.json", "bad.json", files={"good.json": GOOD, "broken.json": BROKEN}
    )
    assert code == 2
    findings = json.loads(out)
    assert len(findings) == 3
    assert findings[1] == {
        "file": "broken.json",
        "line": 5,
        "column": 27,
        "severity": "ERROR",
        "code": "SCHEMA_VALIDATION_FAILED",
        "message": "Minimum value is 0",
        "location": "/States/B/Seconds",
    }


def test_github_gets_workflow_commands(validate):
    name = "a,b:c%.json"
    code, out, _ = validate("--format", "github", name, files={name: '{\n"StartAt":\n'})
    assert code == 1
    said = "Unexpected end-of-input within/between entries"
    assert out == f"::error file=a%2Cb%3Ac%25.json,line=3,col=1,title=INVALID_JSON_DESCRIPTION::{said}\n"
    assert validate("--format", "github", "empty.json", files={"empty.json": ""})[1] == (
        "::error file=empty.json,title=SCHEMA_VALIDATION_FAILED::Definition must be a valid JSON object\n"
    )


def test_another_format_is_refused(validate):
    assert validate("--format", "xml", "good.json")[0] == 2
