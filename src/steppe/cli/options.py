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
    _check_integrations(settings)
    _check_limits(settings)
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


def _check_limits(settings: Settings) -> None:
    """A limit that cannot be read, or events that nobody could take, are told now."""
    if settings.status_events == "events" and not {"events", "*"} & set(settings.endpoints):
        raise UserError("setting status_events: events needs an endpoint of the service: --endpoint events=URL")
    if not (settings.limits or settings.throttle):
        return
    from steppe.services.stepfunctions.limits import Limits, LimitSettingError
    from steppe.services.throttling import Throttle, ThrottleSettingError

    try:
        Limits.read(settings.limits)
        Throttle(settings.throttle)
    except (LimitSettingError, ThrottleSettingError) as error:
        raise UserError(
            f"setting {'limits' if isinstance(error, LimitSettingError) else 'throttle'}: {error}"
        ) from error


def _check_integrations(settings: Settings) -> None:
    """A misspelled service or an incomplete connection is told now, not by the first task that needs it."""
    if settings.mock_config is not None:
        _check_mocks(settings.mock_config)
    if not (settings.endpoints or settings.endpoint_keys or settings.connections):
        return
    from steppe.integrations.caller import ANY_SERVICE
    from steppe.integrations.connections import read_connections
    from steppe.integrations.sdk_names import botocore_name, service_model

    for setting, names in (("endpoint", settings.endpoints), ("endpoint_keys", settings.endpoint_keys)):
        for name in names:
            if name not in (ANY_SERVICE, "execute-api") and service_model(name) is None:
                known = botocore_name(name)
                hint = f"; did you mean {known!r}?" if known else ""
                raise UserError(f"{setting}: there is no AWS service {name!r} by botocore's names{hint}")
    for name, keys in settings.endpoint_keys.items():
        if keys.count(":") not in (1, 2):
            raise UserError(f"endpoint_keys: {name} wants ID:SECRET or ID:SECRET:SESSION_TOKEN")
    try:
        read_connections(settings.connections)
    except ValueError as error:
        raise UserError(f"setting connections: {error}") from error


def _check_mocks(path: Path) -> None:
    from steppe.integrations.mocks import MockError, read_mocks

    try:
        read_mocks(path.read_bytes())
    except (OSError, MockError) as error:
        raise UserError(f"mock configuration {path}: {error}") from error


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
