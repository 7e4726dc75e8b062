"""Every setting of steppe in one frozen value: name, unit, default, environment variable.

`load` reads the environment (`STEPPE_*`) and an optional TOML file, the command line overrides both. Nothing else in
the program reads the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from steppe.base.arns import Realm
from steppe.base.jsonvalue import JsonValue, loads


class SettingError(ValueError):
    """A setting that cannot be used; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. The environment variable of `data_dir` is STEPPE_DATA_DIR, and so on.

    Attributes:
        host: address to listen on. Anything but loopback needs access keys.
        port: TCP port; 0 takes a free one.
        data_dir: everything that steppe keeps.
        region, account: what the ARNs say.
        access_keys: secret by access key id. Empty: every signature is taken, on loopback only.
        workers: worker processes that run children of Map Runs; 0 means one a CPU core.
        body_bytes_max: limit on one request's body, in bytes (S3 uploads stream and have S3's own limit).
        endpoints: URL by service name, for calls to services that are not served here (and to replace those that are);
            the name `*` stands for every service that is neither served here nor named.
        endpoint_keys: `ID:SECRET` or `ID:SECRET:SESSION_TOKEN` by service name or `*`, to sign the calls to endpoints
            with. Without it they are signed with the first of the access keys.
        connections: EventBridge connections of HTTP tasks, by name: tables with the members of EventBridge's
            CreateConnection in the settings file, or JSON in the environment.
        mock_config: file of mocked integrations, as AWS Step Functions Local takes it (MockConfigFile.json); executions
            that are started by `<state machine ARN>#<test case>` use it.
        athena_output_location: `s3://bucket[/prefix]/` for work group `primary` until UpdateWorkGroup sets another.
        execution_logs: where the log lines of executions go whose machines have a logging configuration: a folder, with
            a file for each log group, or `-` for standard output. Without it, the folder `logs` in `data_dir`. Children
            of Map Runs are not logged: their histories are in the API.
        status_events: where "Step Functions Execution Status Change" events go: a file, `-` for standard output, an
            `http://` or `https://` URL that they are posted to, or `events` for PutEvents at the endpoint of the
            service `events`. Without it there are none.
        throttle: `SIZE/PER_SECOND` of the token bucket of each operation of Step Functions, by its name; `*` is for the
            operations that are not named. Without it nothing is throttled.
        limits: at most so many `StateMachines`, `Activities` and `OpenExecutions` (Standard executions that run), by
            these names. Without it there are no limits.
        retention_days: days for which executions, their history and their Map Runs are kept after their end; 0 means
            for ever.
        sql_threads: threads of the SQL engine; 0 means one a core.
        sql_memory_mib: memory limit of the SQL engine, in MiB.
        sql_seconds: how long a query may run, in seconds (Athena's own limit is 30 minutes); 0 means for ever.
    """

    host: str = "127.0.0.1"
    port: int = 4566
    data_dir: Path = Path("steppe-data")
    region: str = "us-east-1"
    account: str = "000000000000"
    access_keys: Mapping[str, str] = field(default_factory=dict)
    workers: int = 0
    body_bytes_max: int = 16 * 1024 * 1024
    endpoints: Mapping[str, str] = field(default_factory=dict)
    endpoint_keys: Mapping[str, str] = field(default_factory=dict)
    connections: Mapping[str, JsonValue] = field(default_factory=dict)
    mock_config: Path | None = None
    athena_output_location: str = ""
    execution_logs: str = ""
    status_events: str = ""
    throttle: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    retention_days: int = 90
    sql_threads: int = 0
    sql_memory_mib: int = 512
    sql_seconds: int = 1800

    @property
    def realm(self) -> Realm:
        """Partition, region and account of the ARNs."""
        return Realm("aws", self.region, self.account)

    @property
    def worker_count(self) -> int:
        """`workers`, with 0 resolved."""
        return self.workers or os.cpu_count() or 1


def load(
    *, environ: Mapping[str, str], file: Path | None = None, overrides: Mapping[str, JsonValue] | None = None
) -> Settings:
    """Settings from a TOML file, then `STEPPE_*` variables, then `overrides` (the command line; None is "not given").

    Raises:
        SettingError: an unknown name, or a value that does not fit.
    """
    values: dict[str, JsonValue] = {}
    names = {f.name for f in fields(Settings)}
    if file is not None:
        try:
            read = tomllib.loads(file.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise SettingError(f"settings file {file}: {error}") from error
        for name, value in read.items():
            if name not in names:
                raise SettingError(f"settings file {file}: unknown setting {name!r}")
            values[name] = value
    for name in names:
        text = environ.get("STEPPE_" + name.upper())
        if text is not None:
            values[name] = text
    values |= {k: v for k, v in (overrides or {}).items() if v is not None}
    return replace(Settings(), **{name: _convert(name, value) for name, value in values.items()})


def _convert(name: str, value: JsonValue) -> JsonValue:
    """Bring one value to its setting's type: text from the environment, or what TOML and the command line gave."""
    kind = Settings.__dataclass_fields__[name].type
    try:
        if kind == "int":
            number = int(value)
            if number < 0:
                raise ValueError("must not be negative")
            return number
        if kind.startswith("Path"):
            return Path(value)
        if kind == "Mapping[str, JsonValue]":
            tables = value if isinstance(value, Mapping) else loads(value)
            if not isinstance(tables, Mapping):
                raise ValueError("wants a table, or JSON with an object")
            return dict(tables)
        if kind.startswith("Mapping"):
            pairs = value.items() if isinstance(value, Mapping) else (_pair(p) for p in str(value).split(",") if p)
            return {str(k).strip(): str(v).strip() for k, v in pairs}
        return str(value)
    except (TypeError, ValueError) as error:
        raise SettingError(f"setting {name}: {value!r} does not fit: {error}") from error


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise ValueError(f"{text!r} is not NAME=VALUE")
    return key, value
