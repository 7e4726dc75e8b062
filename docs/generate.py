#!/usr/bin/env python3
"""Writes the generated pages of docs/: `make docs`. A test fails when one of them is stale.

docs/settings.md    every setting, out of steppe.settings.Settings and its docstring
docs/commands.md    every command and option, out of the command line itself
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import typer

from steppe.cli.main import app
from steppe.settings import Settings

HERE = Path(__file__).resolve().parent


def settings_page() -> str:
    """The table of all settings."""
    told = _attributes(inspect.getdoc(Settings) or "")
    defaults = Settings()
    lines = [
        "# Settings",
        "",
        "Each can stand in a TOML file (`--config FILE`) under its name, in the environment, or, where a command has",
        "an option, on the command line; the later of these wins. Several values are `NAME=VALUE,NAME=VALUE` in the",
        "environment.",
        "",
        "| setting | environment variable | default | |",
        "|---|---|---|---|",
    ]
    for field in fields(Settings):
        default = getattr(defaults, field.name)
        shown = f"`{default}`" if default not in ("", {}) else "(none)"
        lines.append(f"| `{field.name}` | `STEPPE_{field.name.upper()}` | {shown} | {told[field.name]} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Every command with its options, made of the command tree: the form of its help text may change."""
    root = typer.main.get_command(app)
    lines = ["# Commands", "", (root.help or "").strip(), ""]
    for name, command in root.commands.items():
        lines += [f"## steppe {name}", "", (command.help or "").strip(), "", "| | |", "|---|---|"]
        lines += [f"| `{_escape(_usage(parameter))}` | {_escape(parameter.help)} |" for parameter in command.params]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _usage(parameter: typer.core.TyperArgument | typer.core.TyperOption) -> str:
    if isinstance(parameter, typer.core.TyperArgument):
        return str(parameter.metavar)
    flag = "" if parameter.is_flag else " " + (parameter.metavar or str(parameter.name).upper())
    return " / ".join(parameter.opts) + flag


def _escape(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def _attributes(text: str) -> dict[str, str]:
    """The lines of a Google-style Attributes section by name; a line may be about several names."""
    told: dict[str, str] = {}
    for line in re.split(r"\n    (?! )", text.partition("Attributes:")[2]):
        names, colon, words = line.partition(": ")
        if colon:
            told |= dict.fromkeys((name.strip() for name in names.split(",")), " ".join(words.split()))
    return told


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page, "commands.md": commands_page}


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page())


if __name__ == "__main__":
    main()
