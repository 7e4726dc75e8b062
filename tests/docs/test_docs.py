"""The documentation is true where a program can tell: generated pages, links, names of files, examples."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md"), *(CHECKOUT / "newsfragments").glob("*.md")])


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", CHECKOUT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["settings.md", "commands.md", "parity.md"])
def test_a_generated_page_is_what_the_program_says_now(name: str) -> None:
    assert (CHECKOUT / "docs" / name).read_text() == _generator().PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(CHECKOUT).as_posix())
def test_links_to_files_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(CHECKOUT).as_posix())
def test_files_of_the_source_that_are_named_exist(page: Path) -> None:
    """In backticks: `maprun/run.py` is below src/steppe, `tests/...`, `docs/...` and so on are below the checkout."""
    named = re.findall(r"`((?:\w+/)+\w+\.(?:py|md|json|sh))`", page.read_text())
    assert not [
        name for name in named if not (CHECKOUT / "src/steppe" / name).exists() and not (CHECKOUT / name).exists()
    ]


def test_the_architecture_stays_at_two_pages() -> None:
    assert len((CHECKOUT / "docs/architecture.md").read_text().split()) < 1600


def test_the_readme_shows_every_setting_with_its_default_in_the_table_it_links_to() -> None:
    assert "docs/settings.md" in (CHECKOUT / "README.md").read_text()


def test_the_example_and_the_demo_have_the_same_state_machine() -> None:
    example = json.loads((CHECKOUT / "examples/article.asl.json").read_text())
    assert example == json.loads((CHECKOUT / "src/steppe/cli/article.asl.json").read_text())
