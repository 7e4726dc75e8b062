"""One process at a time keeps a data directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from steppe.cli.data_dir import locked
from steppe.cli.errors import UserError


def test_the_second_one_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    data_dir = tmp_path / "not" / "there" / "yet"
    with locked(data_dir), pytest.raises(UserError) as error, locked(data_dir):
        pass
    assert str(data_dir) in error.value.message
    assert f"process {os.getpid()}" in error.value.message


def test_the_lock_ends_with_the_block_even_if_it_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked(tmp_path):
        raise RuntimeError
    with locked(tmp_path):
        pass


def test_a_shorter_process_id_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("99999999999999\n")
    with locked(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot use the data directory"), locked(tmp_path / "file" / "below"):
        pass
