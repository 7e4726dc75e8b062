#!/usr/bin/env python3
"""Writes the generated pages of docs/: `make docs`. A test fails when one of them is stale.

docs/settings.md    every setting, out of steppe.settings.Settings and its docstring
docs/commands.md    every command and option, out of the command line itself
docs/parity.md      what of AWS there is: operations, language, integrations, recorded cases that differ
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path

import typer

from steppe.asl import model, rules
from steppe.asl.choice import OPERATORS
from steppe.asl.resources import OPTIMISED
from steppe.assemble import Server
from steppe.cli.main import app
from steppe.expr.intrinsic_table import INTRINSICS
from steppe.expr.jsonata_functions import BASE_FRAME, SCOPED_NAMES
from steppe.integrations.sdk_names import service_model
from steppe.integrations.table import ACTIONS
from steppe.integrations.task_caller import TaskCaller
from steppe.settings import Settings

HERE = Path(__file__).resolve().parent
EXCEPTIONS = HERE.parent / "tests" / "parity" / "exceptions.json"


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


def parity_page() -> str:
    """What of AWS there is, out of the tables that decide it, and the recorded cases that come out differently."""
    lines = [
        "# Parity with AWS",
        "",
        "Made of the tables that the program works with. What stands here as refused is refused by name, at creation",
        "or at the call, and never accepted and ignored.",
        "",
        "## Operations",
        "",
        "All operations of boto3's models. What is refused answers `NotImplemented` with its name.",
        "",
    ]
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Settings(data_dir=Path(folder), port=0))
        try:
            tables = {name: set(operations) for name, operations in server.services.items()}
            modules = set(TaskCaller(server.callers)._modules)
        finally:
            asyncio.run(server.stop())
    for name in sorted(tables, key=lambda service: (service != "stepfunctions", service)):
        lines += _operations(name, tables[name])
    lines += [*_language(), *_integrations(modules), *_recorded()]
    return "\n".join(lines).rstrip() + "\n"


def _operations(name: str, supported: set[str]) -> Iterator[str]:
    model = service_model(name)
    assert model is not None
    every = list(model.operation_names)
    there = [operation for operation in every if operation in supported]
    yield from [f"### {name}: {len(there)} of {len(every)}", "", "| operation | |", "|---|---|"]
    yield from (f"| {operation} | supported |" for operation in there)
    refused = [operation for operation in every if operation not in supported]
    yield from ["", f"Refused by name: {', '.join(refused) or 'none'}.", ""]


_BLOCKS: Mapping[str, type[model.Node]] = {
    "an entry of Retry": model.Retrier,
    "an entry of Catch": model.Catcher,
    "an entry of Choices": model.ChoiceRule,
    "an entry of Branches": model.Flow,
    "ItemProcessor": model.Processor,
    "ProcessorConfig": model.ProcessorConfig,
    "ItemReader": model.ItemReader,
    "ReaderConfig": model.ReaderConfig,
    "ItemBatcher": model.ItemBatcher,
    "ResultWriter": model.ResultWriter,
    "WriterConfig": model.WriterConfig,
}
"""The parts of states that have fields of their own, in the order of the page."""


def _language() -> Iterator[str]:
    """Kinds of states with their fields, choice operators, functions."""
    yield from [
        "## Amazon States Language",
        "",
        "Every field of every kind of state and of their parts. A field that does not stand here is refused when the",
        "state machine is created.",
        "",
        "| | in both query languages | JSONPath only | JSONata only |",
        "|---|---|---|---|",
    ]
    kinds: Mapping[str, type[model.Node]] = {"the machine": model.StateMachine, **model.STATE_KINDS, **_BLOCKS}
    for name, kind in kinds.items():
        cells = [_fields(kind, only) for only in (None, "JSONPath", "JSONata")]
        yield f"| {name} | {' | '.join(cells)} |"
    yield from ["", f"Choice operators: {', '.join(OPERATORS)}; And, Or, Not.", ""]
    yield f"Intrinsic functions: {', '.join(f'States.{name}' for name in INTRINSICS)}."
    names = sorted({*BASE_FRAME.bindings, *_inherited(), *SCOPED_NAMES} - {"eval"})
    yield from ["", f"JSONata functions: {', '.join(f'${name}' for name in names)}. As on AWS, `$eval` is refused.", ""]


def _fields(kind: type[model.Node], only: str | None) -> str:
    shown = []
    for name, spec in model.specs_of(kind).items():
        if spec.only == only:
            choices = spec.rule.choices if isinstance(spec.rule, rules.Text) else ()
            shown.append(f"{name} ({', '.join(choices)})" if choices else name)
    return ", ".join(shown)


def _inherited() -> set[str]:
    """The names that the frame of JSONata functions takes from the library's own."""
    names: set[str] = set()
    frame = BASE_FRAME.parent
    while frame is not None:
        names |= set(frame.bindings)
        frame = frame.parent
    return names


def _integrations(modules: set[str]) -> Iterator[str]:
    yield from [
        "## Integrations",
        "",
        "A call goes to a service of this program, or to the endpoint that `--endpoint SERVICE=URL` names; without one",
        "the task fails and says so. Every action of every API that botocore has a model of can be called as",
        "`aws-sdk:SERVICE:ACTION`, with `.waitForTaskToken` too. Optimized integrations:",
        "",
        "| integration | patterns | |",
        "|---|---|---|",
    ]
    for service, actions in OPTIMISED.items():
        for action, patterns in actions.items():
            status = "supported" if service in modules or (service, action) in ACTIONS else "refused by name"
            shown = ", ".join(f"`.{pattern}`" if pattern else "request-response" for pattern in sorted(patterns))
            yield f"| `{service}:{action}` | {shown} | {status} |"
    yield from ["| a Lambda function's ARN | request-response | supported |", "| an activity's ARN | | supported |", ""]


def _recorded() -> Iterator[str]:
    """The public conformance cases that do not pass, by reason."""
    yield from [
        "## Recorded cases that come out differently",
        "",
        "The public conformance cases are answers that AWS gave between 2023 and 2025. All pass, compared strictly,",
        "but for those below (`tests/e2e/test_conformance.py` holds exactly this list) and those that need a service",
        "which nobody serves in that test.",
        "",
    ]
    for entry in json.loads(EXCEPTIONS.read_text()):
        peer = f", with {entry['peer']} as the service" if "peer" in entry else ""
        yield f"**{entry['reason']}** (recorded {entry['recorded']}{peer})"
        yield from ["", f"AWS today: {entry['aws_today']} Evidence: {entry['evidence']}", ""]
        yield from (f"- `{case}`" for case in entry["cases"])
        yield ""


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "commands.md": commands_page,
    "parity.md": parity_page,
}


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page())


if __name__ == "__main__":
    main()
