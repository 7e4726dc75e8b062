"""The snippets of docs/clients.md do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..article import CHECKOUT
from .conftest import Endpoint

PAGE = (CHECKOUT / "docs" / "clients.md").read_text()
BLOCKS = re.findall(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", [n for n, (language, _, _) in enumerate(BLOCKS) if language in ("python", "sh")])
def test_a_snippet_runs(number: int, endpoint: Endpoint, clients_python: Path) -> None:
    language, where, text = BLOCKS[number]
    python = clients_python if where == "clients" else Path(sys.executable)
    command = [python, "-c", text] if language == "python" else ["bash", "-euo", "pipefail", "-c", text]
    environ = endpoint.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_profile_of_dbt_is_the_one_that_is_tested() -> None:
    profile = (Path(__file__).parent / "shop_project" / "profiles.yml").read_text()
    assert profile in [text for language, _, text in BLOCKS if language == "yaml"]
