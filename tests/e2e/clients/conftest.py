"""One server for the clients of a test process, the environment that leads them to it, and a little data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from steppe.testing.server_process import ServerProcess

from ..article import CHECKOUT, Aws, query

BUCKET = "lake"
PEOPLE = "1,Ada,36.5,1815-12-10\n2,Grace,85,1906-12-09\n3,,,\n"
SALES = {"north": "ada,10\ngrace,20\n", "south": "ada,5\n"}

DEFINITIONS = (
    "create database shop",
    """create external table shop.people (id int comment 'number', name string, score double, born date)
       comment 'who they are'
       row format delimited fields terminated by ',' location 's3://lake/people/'
       tblproperties ('serialization.null.format' = '')""",
    """create external table shop.sales (person string, amount bigint) partitioned by (region string)
       row format delimited fields terminated by ',' location 's3://lake/sales/'""",
    "msck repair table shop.sales",
    "create view shop.totals as select person, sum(amount) as total from shop.sales group by person",
)


@dataclass(frozen=True)
class Endpoint:
    """A server with the databases of DEFINITIONS, and what a program needs to find it."""

    server: ServerProcess
    aws: Aws
    environ: dict[str, str]


@pytest.fixture(scope="package")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A server whose work group keeps results in s3://lake/results/; clients find it through the environment alone."""
    home = tmp_path_factory.mktemp("clients")
    with ServerProcess(home / "data", "--workers", "1") as server, pytest.MonkeyPatch.context() as patch:
        environ = {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "steppe",
            "AWS_SECRET_ACCESS_KEY": "steppe",
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": str(home),
        }
        for name, value in environ.items():
            patch.setenv(name, value)
        aws = Aws(server.url)
        aws.s3.create_bucket(Bucket=BUCKET)
        aws.s3.put_object(Bucket=BUCKET, Key="people/people.csv", Body=PEOPLE.encode())
        for region, rows in SALES.items():
            aws.s3.put_object(Bucket=BUCKET, Key=f"sales/region={region}/rows.csv", Body=rows.encode())
        location = {"ResultConfigurationUpdates": {"OutputLocation": f"s3://{BUCKET}/results/"}}
        aws.athena.update_work_group(WorkGroup="primary", ConfigurationUpdates=location)
        for definition in DEFINITIONS:
            status = query(aws, definition)
            assert status["State"] == "SUCCEEDED", status
        yield Endpoint(server, aws, {"PATH": os.environ["PATH"], **environ})
        aws.close()


@pytest.fixture(scope="package")
def clients_python() -> Path:
    """The Python that has the clients of requirements.txt."""
    python = CHECKOUT / ".venv" / "clients" / "bin" / "python"
    if not python.exists():
        pytest.fail("the clients are not installed: make .venv/.installed-clients")
    return python
