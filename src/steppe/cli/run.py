"""`steppe run`: one state machine, once, in this process."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from steppe.base import jsonvalue
from steppe.base.errors import ApiError, DefinitionError
from steppe.base.jsonvalue import JsonValue
from steppe.cli.calls import Calls, ensure_state_machine, machine_name
from steppe.cli.definitions import check, read_text
from steppe.cli.embedded import failure, follow, run_embedded
from steppe.cli.errors import EXIT_FAILED, UserError
from steppe.cli.progress import view
from steppe.settings import Settings


def run(settings: Settings, *, definition: Path, input_option: str, name: str | None, as_json: bool) -> None:
    """Run the definition in a file and print its output.

    Args:
        settings: where things are kept.
        definition: file with the state machine.
        input_option: JSON text, or "@" and the name of a file that holds it ("@-" is standard input).
        name: of the execution; None for one that is made up. A name that was used refers to that execution, as on AWS.
        as_json: print one JSON object that says everything, instead of the output alone.

    Raises:
        UserError: exit code 1 when the execution or the definition fails, with error and cause.
    """
    text = read_text(definition)
    input_text = _input(input_option)
    check(definition, text)

    async def work(calls: Calls) -> dict[str, JsonValue]:
        try:
            arn = await ensure_state_machine(calls, name=machine_name(definition.stem), definition=text)
            named: dict[str, JsonValue] = {"name": name} if name else {}
            started = await calls("stepfunctions", "StartExecution", stateMachineArn=arn, input=input_text, **named)
            return await follow(calls, started["executionArn"], view())
        except (ApiError, DefinitionError) as error:
            raise UserError(str(error), exit_code=EXIT_FAILED) from error

    description = run_embedded(settings, work)
    if as_json:
        print(jsonvalue.dumps(_report(description)))
    elif description["status"] == "SUCCEEDED":
        print(_pretty(description.get("output")))
    if description["status"] != "SUCCEEDED":
        raise failure(description)


def _input(option: str) -> str:
    if option == "@-":
        text, place = sys.stdin.read(), "standard input"
    elif option.startswith("@"):
        text, place = read_text(Path(option[1:])), option[1:]
    else:
        text, place = option, "--input"
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{place} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError:
        raise UserError(f"{place} nests too deep") from None
    return text


def _report(description: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """What a script wants to know. `input` and `output` are JSON values, times are epoch milliseconds."""
    report = {"executionArn": description["executionArn"], "status": description["status"]}
    for key in ("input", "output"):
        if description.get(key) is not None:
            report[key] = jsonvalue.loads(description[key])
    return report | {k: description[k] for k in ("error", "cause", "startDate", "stopDate") if description.get(k)}


def _pretty(output: str | None) -> str:
    try:
        return json.dumps(json.loads(output or "null"), indent=2, ensure_ascii=False)
    except ValueError:
        return output or ""
