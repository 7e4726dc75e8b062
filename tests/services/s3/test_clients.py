"""Clients that we did not write: rclone and the AWS CLI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path):
    """Some files, one of them large enough to be uploaded in parts."""
    folder = tmp_path / "files"
    for number in range(20):
        file = folder / f"d{number % 3}/é {number}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(number * 1000))
    (folder / "large").write_bytes(os.urandom(20_000_000))
    (folder / "100%+&#?.txt").write_bytes(b"odd name")
    return folder


def run(*command, env):
    done = subprocess.run(
        [str(part) for part in command],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def contents(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def rclone(served, tmp_path):
    options = {
        "type": "s3",
        "provider": "Other",
        "endpoint": served.url(),
        "access_key_id": KEYS["AWS_ACCESS_KEY_ID"],
        "secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"],
        "force_path_style": "true",
        "chunk_size": "5M",
        "upload_cutoff": "10M",
    }
    env = {f"RCLONE_CONFIG_STEPPE_{name.upper()}": value for name, value in options.items()}
    env["RCLONE_CONFIG"] = str(tmp_path / "none.conf")
    return lambda *arguments: run(BIN / "rclone", *arguments, env=env)


def test_rclone_syncs_a_folder_there_and_back(rclone, served, folder, tmp_path):
    rclone("sync", folder, "steppe:by-rclone/prefix", "--metadata")
    assert contents(Path(served.store.local_path("by-rclone", "prefix/large")).parent) == contents(folder)
    rclone("check", folder, "steppe:by-rclone/prefix", "--download")
    rclone("check", folder, "steppe:by-rclone/prefix")
    rclone("sync", "steppe:by-rclone/prefix", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(folder)
    rclone("copyto", "steppe:by-rclone/prefix/large", "steppe:by-rclone/copied")
    rclone("moveto", "steppe:by-rclone/copied", "steppe:by-rclone/moved")
    assert len(rclone("lsf", "-R", "--files-only", "steppe:by-rclone").splitlines()) == len(contents(folder)) + 1
    rclone("purge", "steppe:by-rclone")


def test_the_aws_cli_copies_lists_and_syncs(served, folder, tmp_path):
    env = {**KEYS, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": served.url(), "AWS_PAGER": ""}
    env |= {"AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_EC2_METADATA_DISABLED": "true", "LC_ALL": "C.UTF-8"}

    def s3(*arguments):
        return run(BIN / "aws", "s3", *arguments, env=env)

    s3("mb", "s3://by-cli")
    s3("sync", folder, "s3://by-cli/prefix")
    assert "large" in s3("ls", "s3://by-cli/prefix/")
    s3("cp", "s3://by-cli/prefix/large", tmp_path / "large")
    assert (tmp_path / "large").read_bytes() == (folder / "large").read_bytes()
    s3("cp", "s3://by-cli/prefix/large", "s3://by-cli/copied")
    s3("sync", "s3://by-cli/prefix", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(folder)
    s3("rb", "--force", "s3://by-cli")
