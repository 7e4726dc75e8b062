"""What must not be in the tree, whatever the kind of file: one machine's paths, registry addresses, bulk."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

# Put together here so that this file does not contain what it looks for.
FORBIDDEN = {
    "a path of one machine": re.compile(
        r"(?<![\w.])/(?:" + "|".join(["work", "root", "home", "Users", "opt/pypi"]) + r")/\w"
    ),
    "the address of a package registry": re.compile(
        "|".join(
            [r"pypi" + r"\.org", r"pythonhosted" + r"\.org", r"registry\.npm" + r"js", r"--(extra-)?index-" + "url"]
        )
    ),
    "a secret": re.compile(r"-----BEGIN [A-Z ]*PRIVATE " + "KEY-----"),
}
BYTES_MAX = 500_000


def _tracked() -> list[Path]:
    if not (CHECKOUT / ".git").exists():
        return [f for f in CHECKOUT.rglob("*") if f.is_file() and not _generated(f)]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=True).stdout.decode()
    return [CHECKOUT / name for name in listed.split("\0") if name and (CHECKOUT / name).is_file()]


def _generated(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(CHECKOUT).parts)


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_tree_does_not_name(what: str) -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{number}: {match.group()}"
        for path in _tracked()
        if path.name != "LICENSE"
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if (match := FORBIDDEN[what].search(line))
    ]
    assert not found


def test_no_large_file_is_kept_in_the_tree() -> None:
    large = {str(p.relative_to(CHECKOUT)): p.stat().st_size for p in _tracked() if p.stat().st_size > BYTES_MAX}
    assert not large
