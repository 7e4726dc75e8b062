"""The command line as a user meets it: exit codes, one clear line for an error, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import steppe
from steppe.cli.main import main


def _run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["steppe", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    shown = capsys.readouterr()
    code = end.value.code
    return (0 if code is None else int(code)), shown.out, shown.err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(capsys, monkeypatch, "--version") == (0, f"steppe {steppe.__version__}\n", "")


WRONG = {
    "no such command": (["nothing"], "nothing"),
    "no such option": (["serve", "--nothing"], "--nothing"),
    "a port out of range": (["serve", "--port", "70000"], "--port"),
    "a log level that is none": (["serve", "--log-level", "loud"], "loud"),
    "an endpoint without URL": (["serve", "--endpoint", "s3"], "SERVICE=URL"),
    "a key without secret": (["serve", "--access-key", "ID"], "ID=SECRET"),
    "an open address": (["serve", "--host", "0.0.0.0"], "access key"),
    "no definition": (["run"], "DEFINITION.json"),
    "a definition that is not there": (["run", "missing.json"], "missing.json"),
    "an output that is none": (["run", "x.json", "--output", "yaml"], "yaml"),
    "a file that is not there": (["validate", "missing.json"], "missing.json"),
    "a folder that is not there": (["demo", "--images", "missing-folder"], "missing-folder"),
    "no images at all": (["demo", "--count", "0"], "--count"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_command_line_ends_with_2_and_says_what_is_wrong(
    what: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, words = WRONG[what]
    code, out, err = _run(capsys, monkeypatch, *arguments)
    assert code == 2
    assert out == ""
    assert words in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [("{", "line 1, column 2"), ("@missing.json", "missing.json"), ("", "--input"), ("[1, 2,]", "line 1, column")],
)
def test_an_input_that_is_no_json_is_said_with_its_place(
    given: str, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pass.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}')
    code, out, err = _run(capsys, monkeypatch, "run", "pass.json", "--input", given)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_definition_that_is_no_text_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe{}")
    code, _, err = _run(capsys, monkeypatch, "run", str(tmp_path / "binary.json"))
    assert code == 2
    assert "not UTF-8" in err
