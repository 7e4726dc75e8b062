"""The examples do what they say, against a server that is a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from steppe.cli.pictures import draw
from steppe.testing.server_process import ServerProcess

from .article import CHECKOUT

IMAGES = 40


def test_the_aws_cli_runs_the_article(server: ServerProcess, tmp_path: Path) -> None:
    images = tmp_path / "images"
    (images / "more").mkdir(parents=True)
    for number in range(IMAGES):
        (images / ("more" if number % 2 else "") / f"picture-{number}.png").write_bytes(draw(number))
    environ = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "steppe",
        "AWS_SECRET_ACCESS_KEY": "steppe",
    }
    answer = subprocess.run(
        [CHECKOUT / "examples" / "article.sh", images], env=environ, capture_output=True, text=True, timeout=240
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f'"succeeded": {IMAGES}' in answer.stdout
    assert "ExecutionSucceeded" in answer.stdout
    assert '"DestinationBucket":"sh-results"' in answer.stdout
    assert "every copy is byte-identical" in answer.stdout
