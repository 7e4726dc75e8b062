"""`steppe run` and `steppe demo` as processes: what they print where, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steppe.cli.pictures import draw

pytestmark = pytest.mark.slow

DOUBLE = {
    "StartAt": "Double",
    "States": {"Double": {"Type": "Pass", "Parameters": {"sum.$": "States.MathAdd($.a, $.a)"}, "End": True}},
}
FAIL = {"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Custom.Error", "Cause": "because"}}}
WAIT = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": True}}}
MAP = {
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Add",
                "States": {"Add": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($, 1)"}, "End": True}},
            },
            "End": True,
        }
    },
}


def _steppe(*arguments: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "steppe", *arguments], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=120
    )


def _write(folder: Path, definition: object) -> str:
    (folder / "machine.json").write_text(json.dumps(definition, indent=2))
    return "machine.json"


def test_the_output_is_printed_and_nothing_else_on_standard_output(tmp_path: Path) -> None:
    answer = _steppe("run", _write(tmp_path, DOUBLE), "--input", '{"a": 21}', cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == {"sum": 42}
    assert "state Double" in answer.stderr
    assert (tmp_path / "steppe-data").is_dir()


@pytest.mark.parametrize("source", ["@input.json", "@-"])
def test_the_input_comes_from_a_file_or_standard_input(source: str, tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text('{"a": 4}')
    answer = _steppe("run", _write(tmp_path, DOUBLE), "--input", source, cwd=tmp_path, stdin='{"a": 4}')
    assert json.loads(answer.stdout) == {"sum": 8}


def test_json_output_is_one_object_for_success_and_for_failure(tmp_path: Path) -> None:
    name = _write(tmp_path, DOUBLE)
    good = _steppe("run", name, "--input", '{"a": 1}', "--output", "json", "--name", "first", cwd=tmp_path)
    assert good.returncode == 0, good.stderr
    report = json.loads(good.stdout)
    assert report["status"] == "SUCCEEDED"
    assert report["output"] == {"sum": 2}
    assert report["executionArn"].endswith(":execution:machine:first")
    assert report["startDate"] <= report["stopDate"]

    bad = _steppe("run", _write(tmp_path, FAIL), "--output", "json", cwd=tmp_path)
    assert bad.returncode == 1
    report = json.loads(bad.stdout)
    assert (report["status"], report["error"], report["cause"]) == ("FAILED", "Custom.Error", "because")


def test_a_failure_is_one_line_with_error_and_cause(tmp_path: Path) -> None:
    answer = _steppe("run", _write(tmp_path, FAIL), cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.splitlines()[-1] == "steppe: FAILED: Custom.Error: because"


def test_a_wrong_definition_is_shown_with_line_and_column_and_nothing_is_run(tmp_path: Path) -> None:
    wrong = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Nowhere"}}}
    answer = _steppe("run", _write(tmp_path, wrong), cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "machine.json:6:" in answer.stderr
    assert "MISSING_TRANSITION_TARGET" in answer.stderr
    assert not (tmp_path / "steppe-data").exists()


def test_validate_shows_the_line_and_exits_with_1_for_errors(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(json.dumps(DOUBLE))
    assert _steppe("validate", "good.json", cwd=tmp_path).returncode == 0
    wrong = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Nowhere"}}}
    answer = _steppe("validate", "good.json", _write(tmp_path, wrong), cwd=tmp_path)
    assert answer.returncode == 1
    assert "machine.json:6:" in answer.stdout
    assert '"Next": "Nowhere"' in answer.stdout


def test_a_distributed_map_runs_and_is_shown(tmp_path: Path) -> None:
    answer = _steppe("run", _write(tmp_path, MAP), "--input", "[1, 2, 3]", "--workers", "1", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == [{"n": 2}, {"n": 3}, {"n": 4}]
    assert "3 of 3" in answer.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_stops_the_execution(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "steppe", "run", _write(tmp_path, WAIT), "--name", "stopped"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "state A\n"
    began = time.monotonic()
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, err) == ("", "steppe: interrupted\n")
    assert time.monotonic() - began < 10
    again = _steppe("run", "machine.json", "--name", "stopped", cwd=tmp_path)
    assert again.returncode == 1
    assert "ExecutionAlreadyExists" in again.stderr


def test_the_demo_draws_copies_and_compares_and_can_be_run_again(tmp_path: Path) -> None:
    for _ in range(2):
        answer = _steppe("demo", "--count", "25", "--workers", "1", cwd=tmp_path)
        assert answer.returncode == 0, answer.stderr
        assert "25 images" in answer.stdout
        assert "every copy byte-identical" in answer.stdout
    (copies,) = {line.split()[1] for line in answer.stdout.splitlines() if line.startswith("  copies ")}
    assert (Path(copies) / "picture-00007.png").read_bytes() == draw(7)


def test_the_demo_takes_a_folder_with_whatever_names_its_files_have(tmp_path: Path) -> None:
    images = tmp_path / "my images"
    for name in ("a b.png", "Ünïcödé.JPG", "50%+1.gif", 'quo"te,comma.png', "deep/er/c.webp"):
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        (images / name).write_bytes(name.encode() * 100)
    (images / "notes.txt").write_text("not an image")
    answer = _steppe("demo", "--images", "my images", "--workers", "1", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "5 images" in answer.stdout


@pytest.mark.parametrize("name", ["back\\slash.png", "line\nbreak.png"])
def test_the_demo_refuses_a_name_that_cannot_stand_in_its_table(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"image")
    answer = _steppe("demo", "--images", ".", "--data-dir", "data", "--workers", "1", cwd=tmp_path)
    assert answer.returncode == 2
    assert repr(name) in answer.stderr
    assert "Traceback" not in answer.stderr
