"""What goes wrong is answered as AWS answers it, by a server that goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from steppe.testing.server_process import ServerProcess

from . import article
from .article import RESULTS, ROLE, TABLES, Aws

PASS = {"Type": "Pass", "End": True}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """One server for all of these: none of them may take it down for the next."""
    with ServerProcess(tmp_path_factory.mktemp("errors") / "data", "--workers", "1") as server:
        aws = Aws(server.url)
        for bucket in (TABLES, RESULTS):
            aws.s3.create_bucket(Bucket=bucket)
        aws.athena.update_work_group(
            WorkGroup="primary",
            ConfigurationUpdates={"ResultConfigurationUpdates": {"OutputLocation": f"s3://{RESULTS}/"}},
        )
        yield aws
        assert article.query(aws, "select 1")["State"] == "SUCCEEDED", "the server goes on"
        aws.close()


DEFINITIONS = {
    "not JSON": ("{", "INVALID_JSON_DESCRIPTION"),
    "not an object": ("[]", "SCHEMA_VALIDATION_FAILED"),
    "empty": ("{}", "SCHEMA_VALIDATION_FAILED"),
    "start state missing": ({"StartAt": "B", "States": {"A": PASS}}, "MISSING_TRANSITION_TARGET"),
    "target missing": ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}, "MISSING_TRANSITION_TARGET"),
    "unknown type": ({"StartAt": "A", "States": {"A": {"Type": "Nothing"}}}, "SCHEMA_VALIDATION_FAILED"),
    "unknown field": ({"StartAt": "A", "States": {"A": PASS | {"Nothing": 1}}}, "SCHEMA_VALIDATION_FAILED"),
    "wrong type": ({"StartAt": "A", "States": {"A": PASS | {"Comment": 1}}}, "SCHEMA_VALIDATION_FAILED"),
    "wrong path": ({"StartAt": "A", "States": {"A": PASS | {"InputPath": "nothing"}}}, "SCHEMA_VALIDATION_FAILED"),
    "wrong intrinsic": (
        {"StartAt": "A", "States": {"A": PASS | {"Parameters": {"a.$": "States.Nothing($.a)"}}}},
        "SCHEMA_VALIDATION_FAILED",
    ),
    "nests too deep": ("[" * 100_000, "INVALID_JSON_DESCRIPTION"),
}


@pytest.mark.parametrize("what", DEFINITIONS)
def test_a_wrong_definition_is_refused(what: str, aws: Aws) -> None:
    text, code = DEFINITIONS[what]
    definition = text if isinstance(text, str) else json.dumps(text)
    with pytest.raises(ClientError) as error:
        aws.sfn.create_state_machine(name="wrong", definition=definition, roleArn=ROLE)
    answer = error.value.response["Error"]
    assert answer["Code"] == "InvalidDefinition"
    assert answer["Message"].startswith(f"Invalid State Machine Definition: '{code}: ")


def test_a_task_of_a_service_without_an_endpoint_says_how_to_name_one(aws: Aws) -> None:
    parameters = {"JobName": "job", "JobQueue": "queue", "JobDefinition": "definition"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", "Parameters": parameters, "End": True}
    execution_arn = article.start(aws, json.dumps({"StartAt": "A", "States": {"A": task}}), name="batch")
    description = article.wait(aws, execution_arn)
    assert description["status"] == "FAILED"
    assert "--endpoint batch=" in description["cause"]


def test_an_unknown_operation_is_refused_by_name(aws: Aws) -> None:
    with pytest.raises(ClientError) as error:
        aws.athena.create_notebook(WorkGroup="primary", Name="nothing")
    assert "CreateNotebook" in str(error.value)


MISSING: dict[str, tuple[str, Callable[[Aws], Any]]] = {
    "execution": (
        "ExecutionDoesNotExist",
        lambda aws: aws.sfn.describe_execution(
            executionArn="arn:aws:states:us-east-1:000000000000:execution:nothing:nothing"
        ),
    ),
    "state machine": (
        "StateMachineDoesNotExist",
        lambda aws: aws.sfn.describe_state_machine(
            stateMachineArn="arn:aws:states:us-east-1:000000000000:stateMachine:nothing"
        ),
    ),
    "map run": (
        "ResourceNotFound",
        lambda aws: aws.sfn.describe_map_run(
            mapRunArn="arn:aws:states:us-east-1:000000000000:mapRun:m/l:00000000-0000-0000-0000-000000000000"
        ),
    ),
    "no ARN": ("InvalidArn", lambda aws: aws.sfn.describe_execution(executionArn="nothing")),
    "bucket": ("NoSuchBucket", lambda aws: aws.s3.list_objects_v2(Bucket="there-is-none")),
    "key": ("NoSuchKey", lambda aws: aws.s3.get_object(Bucket=TABLES, Key="there/is/none")),
    "bucket of a put": ("NoSuchBucket", lambda aws: aws.s3.put_object(Bucket="there-is-none", Key="a", Body=b"")),
    "query": (
        "InvalidRequestException",
        lambda aws: aws.athena.get_query_execution(QueryExecutionId="00000000-0000-4000-8000-000000000000"),
    ),
    "work group": ("InvalidRequestException", lambda aws: aws.athena.get_work_group(WorkGroup="there-is-none")),
}


@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing_is_said_with_the_code_of_aws(what: str, aws: Aws) -> None:
    code, call = MISSING[what]
    with pytest.raises(ClientError) as error:
        call(aws)
    assert error.value.response["Error"]["Code"] == code


REFUSED_SQL = ["selec 1", "select * frm t where", "select 1; select 2", "("]


@pytest.mark.parametrize("sql", REFUSED_SQL)
def test_sql_that_does_not_parse_is_refused_at_once(sql: str, aws: Aws) -> None:
    with pytest.raises(ClientError) as error:
        aws.athena.start_query_execution(QueryString=sql)
    assert error.value.response["Error"]["Code"] == "InvalidRequestException"


FAILING_SQL = {
    "select * from there_is_none": "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.default.there_is_none'",
    "select * from nowhere.there_is_none": "SCHEMA_NOT_FOUND: line 1:15: Schema 'nowhere' does not exist",
    "select nothing from (select 1 as a)": "COLUMN_NOT_FOUND: line 1:8: Column 'nothing' cannot be resolved",
    "select no_such_function(1)": "FUNCTION_NOT_FOUND: line 1:8: Function 'no_such_function' not registered",
    "select 1 / 0": "DIVISION_BY_ZERO",
    "select cast('abc' as integer)": "INVALID_CAST_ARGUMENT: Cannot cast 'abc' to INTEGER",
}


@pytest.mark.parametrize("sql", FAILING_SQL)
def test_a_query_that_fails_says_why_in_the_words_of_athena(sql: str, aws: Aws) -> None:
    status = article.query(aws, sql)
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith(FAILING_SQL[sql])
    assert status["AthenaError"]["ErrorCategory"] == 2


def test_a_parquet_file_that_is_none_fails_the_query_alone(aws: Aws) -> None:
    aws.s3.put_object(Bucket=TABLES, Key="torn/part-0.parquet", Body=b"PAR1 and then nothing of the kind")
    made = article.query(aws, f"CREATE EXTERNAL TABLE torn (a int) STORED AS PARQUET LOCATION 's3://{TABLES}/torn/'")
    assert made["State"] == "SUCCEEDED"
    status = article.query(aws, "select * from torn")
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith(("HIVE_CURSOR_ERROR", "HIVE_BAD_DATA", "HIVE_CANNOT_OPEN_SPLIT"))
    assert "part-0.parquet" in status["StateChangeReason"]


def _map_over(bucket: str, key: str, *, input_type: str = "CSV") -> str:
    reader: dict[str, Any] = {"InputType": input_type}
    if input_type == "CSV":
        reader["CSVHeaderLocation"] = "FIRST_ROW"
    return json.dumps(
        {
            "StartAt": "Map",
            "States": {
                "Map": {
                    "Type": "Map",
                    "ItemReader": {
                        "Resource": "arn:aws:states:::s3:getObject",
                        "ReaderConfig": reader,
                        "Parameters": {"Bucket": bucket, "Key": key},
                    },
                    "ItemProcessor": {
                        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                        "StartAt": "Pass",
                        "States": {"Pass": PASS},
                    },
                    "End": True,
                }
            },
        }
    )


UNREADABLE = {
    "bucket missing": ("there-is-none", "list.csv", b"", ""),
    "key missing": (TABLES, "there/is/none.csv", None, ""),
    "duplicate headers": (TABLES, "duplicates.csv", b"a,a\n1,2\n", "CSV headers cannot contain duplicates."),
    "quote never closed": (TABLES, "open-quote.csv", b'a,b\n1,"2\n3,4\n', ""),
    "not UTF-8": (TABLES, "latin.csv", b"a,b\n1,\xff\xfe\xfd\n", ""),
    "header too long": (TABLES, "long-header.csv", b"h" * 20_000 + b"\n1\n", ""),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_source_that_cannot_be_read_fails_the_map_run_with_the_error_of_aws(what: str, aws: Aws) -> None:
    bucket, key, body, cause = UNREADABLE[what]
    if body is not None and bucket == TABLES:
        aws.s3.put_object(Bucket=bucket, Key=key, Body=body)
    name = what.replace(" ", "-")
    execution_arn = article.start(aws, _map_over(bucket, key), name=name)
    description = article.wait(aws, execution_arn)
    assert description["status"] == "FAILED", description
    assert description["error"] == "States.ItemReaderFailed"
    assert cause in description["cause"]
    assert description["cause"]


def test_a_json_source_that_is_no_json_fails_the_map_run(aws: Aws) -> None:
    aws.s3.put_object(Bucket=TABLES, Key="broken.json", Body=b'[{"a": 1}, {"a": ')
    description = article.wait(
        aws, article.start(aws, _map_over(TABLES, "broken.json", input_type="JSON"), name="json")
    )
    assert (description["status"], description["error"]) == ("FAILED", "States.ItemReaderFailed")


def test_a_copy_of_what_is_missing_fails_the_child_and_then_the_run(aws: Aws) -> None:
    aws.s3.put_object(Bucket=TABLES, Key="one.csv", Body=b"key\nthere-is-none.png\n")
    machine = json.loads(_map_over(TABLES, "one.csv"))
    machine["States"]["Map"]["ItemProcessor"]["States"]["Pass"] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:copyObject",
        "Parameters": {"Bucket": RESULTS, "Key.$": "$.key", "CopySource.$": f"States.Format('{TABLES}/{{}}', $.key)"},
        "End": True,
    }
    execution_arn = article.start(aws, json.dumps(machine), name="copy-missing")
    description = article.wait(aws, execution_arn)
    assert description["status"] == "FAILED"
    assert description["error"] == "States.ExceedToleratedFailureThreshold"
    assert description["cause"] == "The specified tolerated failure threshold was exceeded"
    run = aws.sfn.list_map_runs(executionArn=execution_arn)["mapRuns"][0]["mapRunArn"]
    (entry,) = article.children(aws, run)
    child = aws.sfn.describe_execution(executionArn=entry["executionArn"])
    assert (child["status"], child["error"]) == ("FAILED", "S3.NoSuchKeyException")


def test_a_body_that_is_too_large_is_refused_and_the_server_goes_on(aws: Aws) -> None:
    with pytest.raises(ClientError) as error:
        aws.sfn.create_state_machine(name="large", definition=" " * (1_048_576 + 1), roleArn=ROLE)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_hostile_keys_stay_in_their_bucket(aws: Aws, tmp_path: Path) -> None:
    for key in ("../../escaped", "/absolute", "a/../../b", "x" * 1000, "nul\x00"):
        try:
            aws.s3.put_object(Bucket=TABLES, Key=key, Body=b"kept")
        except ClientError:
            continue  # refused is fine, too
        assert aws.s3.get_object(Bucket=TABLES, Key=key)["Body"].read() == b"kept"
        assert key in [
            o["Key"] for p in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=TABLES) for o in p["Contents"]
        ]
        aws.s3.delete_object(Bucket=TABLES, Key=key)
