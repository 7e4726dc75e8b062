"""The options that several commands share, and how they become `Settings`.

What is not given stays None, so that the environment and the settings file decide (`steppe.settings.load`).
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated

import typer

from steppe.base.jsonvalue import JsonValue
from steppe.cli.errors import UserError
from steppe.settings import SettingError, Settings, load

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder that keeps everything. [default: steppe-data]")
]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=0, help="Worker processes for Map Runs; 0 means one a CPU core.")
]
Endpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint", metavar="SERVICE=URL", help="Where calls to a service go, e.g. s3=https://... May repeat."
    ),
]


def settings_of(config: Path | None, endpoints: list[str] | None = None, **given: JsonValue) -> Settings:
    """Settings from the file, the environment and what the command line gave (None is "not given").

    Raises:
        UserError: a value that cannot be used, or an address that must not be listened on.
    """
    overrides = dict(given)
    if endpoints:
        overrides["endpoints"] = pairs(endpoints, option="--endpoint", form="SERVICE=URL")
    try:
        settings = load(environ=os.environ, file=config, overrides=overrides)
    except SettingError as error:
        raise UserError(str(error)) from error
    _check_exposure(settings)
    return settings


def pairs(texts: list[str], *, option: str, form: str) -> dict[str, str]:
    """`NAME=VALUE` texts of a repeated option as a dict.

    Raises:
        UserError: a text has no "=", or nothing on one side of it.
    """
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name or not value:
            raise UserError(f"{option} wants {form}, not {text!r}")
        found[name] = value
    return found


def _check_exposure(settings: Settings) -> None:
    """Whoever reaches the port can run anything: beyond this machine only who has a key may reach it."""
    if not settings.access_keys and not _is_loopback(settings.host):
        raise UserError(
            f"will not listen on {settings.host} without access keys: anyone who reaches it could run anything. "
            "Give --access-key ID=SECRET (or STEPPE_ACCESS_KEYS), or listen on 127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
