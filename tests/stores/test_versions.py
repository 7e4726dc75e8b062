"""Versions, aliases and activities in the database: what the API's own tests do not show."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from steppe.stores import activities, machines, versions
from steppe.stores.activities import ActivityRecord
from steppe.stores.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "steppe.db")
    yield opened
    opened.close()


def create(c) -> machines.MachineRecord:
    return machines.insert_machine(
        c,
        arn="arn:m",
        name="m",
        type="STANDARD",
        definition="{}",
        role_arn="role",
        configuration={},
        tags=[],
        now_ms=5,
    )


def test_a_version_is_made_once_a_revision_and_its_number_is_not_used_again(database: Database) -> None:
    def work(c):
        machine = create(c)
        first = versions.publish(c, machine, description="d", now_ms=6)
        assert versions.publish(c, machine, description="other", now_ms=7) == first
        versions.delete_version(c, "arn:m", 1)
        second = versions.publish(c, machine, description=None, now_ms=8)
        assert (first.arn, second.arn) == ("arn:m:1", "arn:m:2")
        assert (versions.versions_made(c, "arn:m"), versions.version_count(c, "arn:m")) == (2, 1)
        assert versions.get_version(c, "arn:m", 2) == second
        return versions.get_version(c, "arn:m", 1)

    assert database.write_now(work) is None


def test_what_a_database_kept_is_there_after_it_was_opened_again(tmp_path: Path) -> None:
    routing = [{"stateMachineVersionArn": "arn:m:1", "weight": 100}]
    activity = ActivityRecord("arn:a", "a", 3, [{"key": "k", "value": "v"}])

    def work(c):
        activities.insert_activity(c, activity)
        return versions.insert_alias(
            c, arn="arn:m:live", machine_arn="arn:m", name="live", description=None, routing=routing, now_ms=4
        )

    first = Database(tmp_path / "steppe.db")
    alias = first.write_now(work)
    first.close()
    second = Database(tmp_path / "steppe.db")
    assert second.read_now(lambda c: versions.get_alias(c, "arn:m:live")) == alias
    assert second.read_now(lambda c: activities.get_activity(c, "arn:a")) == activity
    second.close()
