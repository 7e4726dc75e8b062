"""Options become settings; what must not be is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from steppe.cli.errors import UserError
from steppe.cli.options import pairs, settings_of


def test_what_is_not_given_is_left_to_the_environment_and_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "steppe.toml"
    config.write_text('port = 1000\nregion = "eu-central-1"\nworkers = 3\n')
    monkeypatch.setenv("STEPPE_PORT", "2000")
    monkeypatch.setenv("STEPPE_WORKERS", "4")
    settings = settings_of(config, ["s3=http://one", "sqs=http://two"], workers=5, host=None)
    assert (settings.port, settings.region, settings.workers) == (2000, "eu-central-1", 5)
    assert settings.endpoints == {"s3": "http://one", "sqs": "http://two"}
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = 'many'", "port"),
        ("nothing = 1", "nothing"),
        ("port = ", "steppe.toml"),
        ("port = -1", "negative"),
        ("throttle = {StartExecution = '5'}", "throttle: StartExecution: '5' is not SIZE/PER_SECOND"),
        ("limits = {Machines = '5'}", "limits: Machines is none of StateMachines"),
        ("limits = {Activities = 'many'}", "limits: Activities: 'many' is not a number"),
        ("status_events = 'events'", "status_events: events needs an endpoint"),
    ],
)
def test_a_settings_file_that_does_not_fit_is_said_by_name(text: str, words: str, tmp_path: Path) -> None:
    config = tmp_path / "steppe.toml"
    config.write_text(text)
    with pytest.raises(UserError, match=words):
        settings_of(config)


def test_limits_and_buckets_are_read_from_the_file(tmp_path: Path) -> None:
    config = tmp_path / "steppe.toml"
    config.write_text("limits = {Activities = 5}\nthrottle = {'*' = '10/5'}\nstatus_events = 'events'\n")
    settings = settings_of(config, ["events=http://127.0.0.1:1"])
    assert (settings.limits, settings.throttle) == ({"Activities": "5"}, {"*": "10/5"})


def test_a_settings_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing\.toml"):
        settings_of(tmp_path / "missing.toml")


@pytest.mark.parametrize("text", ["", "s3", "=x", "s3=", "="])
def test_a_pair_needs_both_sides(text: str) -> None:
    with pytest.raises(UserError, match="--endpoint wants SERVICE=URL"):
        pairs([text], option="--endpoint", form="SERVICE=URL")


def test_a_value_may_hold_the_sign() -> None:
    assert pairs(["ID=a=b=="], option="--access-key", form="ID=SECRET") == {"ID": "a=b=="}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    assert settings_of(None, host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "localhost.example.com", "", "127.1"])
def test_every_other_address_needs_keys(host: str) -> None:
    with pytest.raises(UserError, match="access key"):
        settings_of(None, host=host)
    assert settings_of(None, host=host, access_keys={"ID": "secret"}).host == host
