"""Distributed Maps in every form that a definition can give them, through boto3: what they read, where they stand, and
which states their children have. One server for all of it.

Rows marked "observed" are behaviours that were seen on AWS (spec/distributed-map.md, spec/observed-stepfunctions.md).
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from steppe.testing.server_process import ServerProcess

from . import article
from .article import ROLE, Aws

PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
GET, LIST, PUT = (f"arn:aws:states:::s3:{name}" for name in ("getObject", "listObjectsV2", "putObject"))
NUMBERS = itertools.count()
EMPTY = dict.fromkeys(
    ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "failuresNotRedrivable", "pendingRedrive"), 0
)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with ServerProcess(tmp_path_factory.mktemp("forms") / "data", "--workers", "2") as server:
        aws = Aws(server.url)
        for bucket in ("data", "results"):
            aws.s3.create_bucket(Bucket=bucket)
        yield aws
        aws.close()


def distributed(processor: dict[str, Any] = PASS, *, express: bool = False, **fields: Any) -> dict[str, Any]:
    """A Distributed Map state."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS" if express else "STANDARD"}
    return {"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, **processor}, "End": True, **fields}


def reader(key: str, input_type: str, **config: Any) -> dict[str, Any]:
    if input_type == "CSV":
        config = {"CSVHeaderLocation": "FIRST_ROW", **config}
    return {
        "Resource": GET,
        "Parameters": {"Bucket": "data", "Key": key},
        "ReaderConfig": {"InputType": input_type, **config},
    }


def start(aws: Aws, state: dict[str, Any], value: Any = None, **states: Any) -> str:
    """Start a machine that begins with the state M; the execution's ARN."""
    definition = json.dumps({"StartAt": "M", "States": {"M": state, **states}})
    machine = aws.sfn.create_state_machine(name=f"forms-{next(NUMBERS)}", definition=definition, roleArn=ROLE)
    run = aws.sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(value))
    return str(run["executionArn"])


def result(aws: Aws, state: dict[str, Any], value: Any = None, **states: Any) -> Any:
    """The output of an execution that succeeds."""
    ended = article.wait(aws, start(aws, state, value, **states))
    assert ended["status"] == "SUCCEEDED", ended
    return json.loads(ended["output"])


def failure(aws: Aws, state: dict[str, Any], value: Any = None) -> tuple[str, str, list[str]]:
    """Error, cause and types of events of an execution that fails."""
    arn = start(aws, state, value)
    ended = article.wait(aws, arn)
    assert ended["status"] == "FAILED", ended
    return ended["error"], ended["cause"], [event["type"] for event in events(aws, arn)]


def events(aws: Aws, arn: str) -> list[dict[str, Any]]:
    return list(aws.sfn.get_execution_history(executionArn=arn, maxResults=1000)["events"])


def map_runs(aws: Aws, arn: str) -> list[dict[str, Any]]:
    """The Map Runs of an execution, described, the oldest first."""
    listed = aws.sfn.list_map_runs(executionArn=arn)["mapRuns"]
    return [aws.sfn.describe_map_run(mapRunArn=run["mapRunArn"]) for run in reversed(listed)]


def put(aws: Aws, key: str, body: bytes | str) -> None:
    aws.s3.put_object(Bucket="data", Key=key, Body=body.encode() if isinstance(body, str) else body)


def parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def named(name: str, **state: Any) -> dict[str, Any]:
    """States of one, a Pass unless it is said."""
    return {"StartAt": name, "States": {name: {"Type": "Pass", "End": True, **state}}}


# What it reads

SELECT = {"ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "s.$": "$$.Map.Item.Source"}}


@pytest.mark.parametrize(
    ("key", "body", "input_type", "config"),
    [
        ("a.csv", "id\n1\n2\n", "CSV", {}),
        ("a.tsv", "id\tx\n1\t\n2\t\n", "CSV", {"CSVDelimiter": "TAB"}),
        ("a.csv.gz", gzip.compress(b"id\n1\n2\n"), "CSV", {}),
        ("a.csv.zst", pa.Codec("zstd").compress(b"id\n1\n2\n", asbytes=True), "CSV", {}),
        ("a.jsonl", '{"id":"1"}\n{"id":"2"}', "JSONL", {}),
        ("a.json", '{"data":{"items":[{"id":"1"},{"id":"2"}]}}', "JSON", {"ItemsPointer": "/data/items"}),
        ("a.parquet", parquet(pa.table({"id": ["1", "2"]})), "PARQUET", {}),
    ],
)
def test_files_of_every_format(aws: Aws, key: str, body: bytes | str, input_type: str, config: dict[str, Any]) -> None:
    put(aws, key, body)
    found = result(aws, distributed(ItemReader=reader(key, input_type, **config), **SELECT))
    assert [(item["i"], item["v"]["id"], item["s"]) for item in found] == [
        (0, "1", f"s3://data/{key}"),
        (1, "2", f"s3://data/{key}"),
    ]


def test_manifests_and_flattened_listings_are_one_sequence_of_items(aws: Aws) -> None:
    put(aws, "parts/a.gz", gzip.compress(b'"b","k1"\n"b","k2"\n'))
    put(aws, "parts/b.gz", gzip.compress(b'"b","k3"\n'))
    sources = ["s3://data/parts/a.gz"] * 2 + ["s3://data/parts/b.gz"]
    inventory = {
        "destinationBucket": "arn:aws:s3:::data",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key",
        "files": [{"key": "parts/a.gz"}, {"key": "parts/b.gz"}],
    }
    put(aws, "inventory/manifest.json", json.dumps(inventory))
    put(aws, "athena/manifest.csv", "s3://data/parts/a.gz\ns3://data/parts/b.gz\n")
    given = {"CSVHeaderLocation": "GIVEN", "CSVHeaders": ["Bucket", "Key"]}
    listing = {"Resource": LIST, "Parameters": {"Bucket": "data", "Prefix": "parts/"}}
    for item_reader in (
        {**reader("inventory/manifest.json", "MANIFEST")},
        {**reader("inventory/manifest.json", ""), "ReaderConfig": {"ManifestType": "S3_INVENTORY"}},
        reader("athena/manifest.csv", "CSV", ManifestType="ATHENA_DATA", **given),
        {**listing, "ReaderConfig": {"Transformation": "LOAD_AND_FLATTEN", "InputType": "CSV", **given}},
    ):
        found = result(aws, distributed(ItemReader=item_reader, **SELECT))
        assert [item["v"] for item in found] == [{"Bucket": "b", "Key": f"k{n}"} for n in (1, 2, 3)], item_reader
        assert [item["i"] for item in found] == [0, 1, 2]
        assert [item["s"] for item in found] == sources
    two = {
        **listing,
        "ReaderConfig": {"Transformation": "LOAD_AND_FLATTEN", "InputType": "CSV", "MaxItems": 2, **given},
    }
    assert len(result(aws, distributed(ItemReader=two))) == 2


def test_a_listing_has_the_observed_members_and_source(aws: Aws) -> None:
    put(aws, "flat/data.jsonl", '{"value":"a"}\n{"value":"b"}')
    item_reader = {"Resource": LIST, "Parameters": {"Bucket": "data", "Prefix": "flat/"}}
    (found,) = result(aws, distributed(ItemReader=item_reader, **SELECT))
    assert found["s"] == "s3://data"
    assert list(found["v"]) == ["Etag", "Key", "LastModified", "Size", "StorageClass"]
    assert found["v"]["Etag"].startswith('"')
    assert found["v"]["Key"] == "flat/data.jsonl"
    assert isinstance(found["v"]["LastModified"], float)
    assert (found["v"]["Size"], found["v"]["StorageClass"]) == (27, "STANDARD")
    assert result(aws, distributed(ItemReader={**item_reader, "Parameters": {"Bucket": "data", "Prefix": "no"}})) == []


def test_the_place_of_a_file_comes_from_paths_or_expressions(aws: Aws) -> None:
    put(aws, "by/path.jsonl", "1\n2\n3\n")
    config = {"InputType": "JSONL", "MaxItemsPath": "$.most"}
    place = {"Bucket.$": "$.bucket", "Key.$": "States.Format('by/{}', $.name)", "ExpectedBucketOwner": "000000000000"}
    item_reader = {"Resource": GET, "ReaderConfig": config, "Parameters": place}
    value = {"bucket": "data", "name": "path.jsonl", "most": 2}
    assert result(aws, distributed(ItemReader=item_reader), value) == [1, 2]
    assert result(aws, distributed(ItemReader=item_reader), {**value, "most": 0}) == [1, 2, 3]
    arguments = {"Bucket": "{% $states.input.bucket %}", "Key": "{% 'by/' & $states.input.name %}"}
    config = {"InputType": "JSONL", "MaxItems": "{% $states.input.most %}"}
    item_reader = {"Resource": GET, "ReaderConfig": config, "Arguments": arguments}
    assert result(aws, distributed(ItemReader=item_reader, QueryLanguage="JSONata"), value) == [1, 2]


def test_items_of_the_state_s_input_come_from_arrays_and_objects(aws: Aws) -> None:
    select = {"k.$": "$$.Map.Item.Key", "v.$": "$$.Map.Item.Value"}
    assert result(aws, distributed(ItemsPath="$.of", ItemSelector=select), {"of": {"a": 1, "b": [2]}}) == [
        {"k": "a", "v": 1},
        {"k": "b", "v": [2]},
    ]
    assert result(aws, distributed(**SELECT), [10]) == [{"i": 0, "v": 10, "s": "STATE_DATA"}]
    jsonata = distributed(QueryLanguage="JSONata", Items="{% $states.input.of.($ * 2) %}",
                          ItemSelector={"v": "{% $states.context.Map.Item.Value %}"})  # fmt: skip
    assert result(aws, jsonata, {"of": [1, 2]}) == [{"v": 2}, {"v": 4}]


@pytest.mark.parametrize(
    ("value", "ends", "cause"),
    [
        (-1, "States.ItemReaderFailed", "field MaxItems must be positive"),
        (1.5, "States.Runtime", 'refers to value "1.5" which is not a valid integer: $.MaxItems'),
        (100000001, None, None),
    ],
)  # observed
def test_max_items_by_path(aws: Aws, value: float, ends: str | None, cause: str | None) -> None:
    put(aws, "three.jsonl", "1\n2\n3\n")
    state = distributed(ItemReader=reader("three.jsonl", "JSONL", MaxItemsPath="$.MaxItems"))
    if ends is None:
        assert result(aws, state, {"MaxItems": value}) == [1, 2, 3]
        return
    error, told, types = failure(aws, state, {"MaxItems": value})
    assert (error, cause in told) == (ends, True)
    assert ("MapRunStarted" in types) == (ends == "States.ItemReaderFailed")


def test_items_path_beside_a_reader_is_ignored(aws: Aws) -> None:  # observed
    put(aws, "three.json", "[1,2,3]")
    for path in ("$.no", "$[0]", "$.x"):
        assert result(aws, distributed(ItemReader=reader("three.json", "JSON"), ItemsPath=path), {"x": []}) == [1, 2, 3]


# Selecting, batching, tolerating


def test_batches_have_the_items_of_one_sequence_and_their_input(aws: Aws) -> None:
    put(aws, "many.csv", "id\n" + "".join(f"{n}\n" for n in range(3000)))
    batcher = {
        "MaxInputBytesPerBatchPath": "$.bytes",
        "MaxItemsPerBatchPath": "$.items",
        "BatchInput": {"of.$": "$.name", "x": 1},
    }
    state = distributed(
        {"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": {"n.$": "States.ArrayLength($.Items)",
                                                                          "b.$": "$.BatchInput"}, "End": True}}},
        ItemReader=reader("many.csv", "CSV"), ItemBatcher=batcher, ItemSelector={"id.$": "$$.Map.Item.Value.id"},
    )  # fmt: skip
    found = result(aws, state, {"bytes": 2048, "items": 130, "name": "N"})
    assert all(batch["b"] == {"of": "N", "x": 1} for batch in found)
    sizes = [batch["n"] for batch in found]
    assert sum(sizes) == 3000
    # Greedily, as one sequence: {"BatchInput":{"of":"N","x":1},"Items":[{"id":"0"},...]}
    expected, count, size = [], 0, 44
    for number in range(3000):
        item = len(json.dumps({"id": str(number)}, separators=(",", ":")))
        if count and (count == 130 or size + item + 1 > 2048):
            expected.append(count)
            count, size = 0, 44
        size += item + (1 if count else 0)
        count += 1
    assert sizes == [*expected, count]


TOLERATED = [
    ({"ToleratedFailureCountPath": "$.t"}, {"x": 1}, 'which is not a valid integer: $.t'),
    ({"ToleratedFailureCountPath": "$.t"}, "two", 'refers to value "two" which is not a valid integer: $.t'),
    ({"ToleratedFailureCountPath": "$.t"}, -1, "ToleratedFailureCount cannot be negative."),
    ({"ToleratedFailurePercentagePath": "$.t"}, "x", "which is not a valid float: $.t"),
    ({"ToleratedFailurePercentagePath": "$.t"}, -1.1, "ToleratedFailurePercentage must be between 0 and 100."),
    ({"ToleratedFailurePercentagePath": "$.t"}, 100.1, "ToleratedFailurePercentage must be between 0 and 100."),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "value", "cause"), TOLERATED)
def test_thresholds_by_path_that_cannot_be_used(aws: Aws, fields: dict[str, str], value: Any, cause: str) -> None:
    """Observed: no Map Run exists then, and there is no MapStateFailed."""
    error, told, types = failure(aws, distributed(ItemsPath="$.of", **fields), {"of": [1], "t": value})
    assert error == "States.Runtime"
    assert told.startswith("An error occurred while executing the state 'M' (entered at the event id #2). ")
    assert told.endswith(cause)
    assert types == ["ExecutionStarted", "MapStateEntered", "MapStateStarted", "ExecutionFailed"]


FAIL_SOME = {
    "StartAt": "Which",
    "States": {
        "Which": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericLessThan": 1, "Next": "F"}], "Default": "S"},
        "F": {"Type": "Fail", "Error": "E", "Cause": "C"},
        "S": {"Type": "Succeed"},
    },
}


@pytest.mark.parametrize(
    ("fields", "ends"),
    [
        ({}, "FAILED"),
        ({"ToleratedFailureCount": 1}, "SUCCEEDED"),
        ({"ToleratedFailureCountPath": "$.one"}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 25}, "SUCCEEDED"),
        ({"ToleratedFailurePercentagePath": "$.few"}, "FAILED"),
        ({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 10}, "FAILED"),
        ({"ToleratedFailureCount": 0, "ToleratedFailurePercentage": 50}, "FAILED"),
    ],
)
def test_either_threshold_is_enough(aws: Aws, fields: dict[str, Any], ends: str) -> None:
    arn = start(aws, distributed(FAIL_SOME, ItemsPath="$.of", MaxConcurrency=1, **fields),
                {"of": [1, 2, 0, 3], "one": 1, "few": 1.1})  # fmt: skip
    ended = article.wait(aws, arn)
    if ends == "SUCCEEDED" or len(fields) < 2:
        assert ended["status"] == ends, ended
    if ended["status"] == "FAILED":
        assert ended["error"] == "States.ExceedToleratedFailureThreshold"
        assert ended["cause"] == "The specified tolerated failure threshold was exceeded"
        kinds = [event["type"] for event in events(aws, arn)]
        assert kinds[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]
        (run,) = map_runs(aws, arn)
        assert run["itemCounts"] == {**EMPTY, "total": 4, "succeeded": 2, "failed": 1, "pending": 1,
                                     "resultsWritten": 4}  # fmt: skip


def test_concurrency_by_path_and_refused(aws: Aws) -> None:
    arn = start(aws, distributed(MaxConcurrencyPath="$.c", ItemsPath="$.of"), {"c": 7, "of": [1]})
    assert article.wait(aws, arn)["status"] == "SUCCEEDED"
    assert map_runs(aws, arn)[0]["maxConcurrency"] == 7
    error, told, types = failure(aws, distributed(MaxConcurrencyPath="$.c", ItemsPath="$.of"), {"c": -1, "of": [1]})
    assert (error, told.endswith("MaxConcurrency cannot be negative.")) == ("States.Runtime", True)
    assert "MapRunStarted" not in types


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Label": "x" * 41}, "INVALID_LABEL_NAME"),
        ({"Label": "a b"}, "INVALID_LABEL_NAME"),
        ({"Label": ""}, "INVALID_LABEL_NAME"),
        ({"ToleratedFailurePercentage": 101}, "SCHEMA_VALIDATION_FAILED"),
        ({"ToleratedFailureCount": -1}, "SCHEMA_VALIDATION_FAILED"),
        ({"MaxConcurrency": -1}, "SCHEMA_VALIDATION_FAILED"),
        ({"MaxConcurrency": 1, "MaxConcurrencyPath": "$.c"}, "SCHEMA_VALIDATION_FAILED"),
        ({"ToleratedFailureCount": 1, "ToleratedFailureCountPath": "$.c"}, "SCHEMA_VALIDATION_FAILED"),
        ({"ItemBatcher": {}}, "SCHEMA_VALIDATION_FAILED"),
        ({"ResultWriter": {}}, "SCHEMA_VALIDATION_FAILED"),
        ({"ItemBatcher": {"MaxInputBytesPerBatch": 262145}}, "SCHEMA_VALIDATION_FAILED"),
    ],
)
def test_what_a_map_cannot_be_is_refused_when_it_is_created(aws: Aws, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as error:
        start(aws, distributed(**fields))
    assert error.value.response["Error"]["Message"].startswith(f"Invalid State Machine Definition: '{code}: ")


def test_names_and_histories_are_the_observed_ones(aws: Aws) -> None:
    writer = {"Resource": PUT, "Parameters": {"Bucket": "results", "Prefix": "observed"}}
    arn = start(aws, distributed(Label="Orders", ResultWriter=writer), [10, 20, 30, 40])
    ended = article.wait(aws, arn)
    machine = ended["stateMachineArn"]
    seen = [(event["id"], event["previousEventId"], event["type"]) for event in events(aws, arn)]
    assert seen == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "MapStateEntered"),
        (3, 2, "MapStateStarted"),
        (4, 3, "MapRunStarted"),
        (5, 4, "MapRunSucceeded"),
        (6, 5, "MapStateSucceeded"),
        (7, 4, "MapStateExited"),
        (8, 7, "ExecutionSucceeded"),
    ]
    assert events(aws, arn)[2]["mapStateStartedEventDetails"] == {"length": 4}
    (run,) = map_runs(aws, arn)
    run_id = run["mapRunArn"].rpartition(":")[2]
    assert uuid.UUID(run_id).version == 4
    assert run["mapRunArn"] == f"{machine.replace(':stateMachine:', ':mapRun:')}/Orders:{run_id}"
    assert (run["redriveCount"], run["toleratedFailurePercentage"], run["toleratedFailureCount"]) == (0, 0.0, 0)
    assert run["itemCounts"] == {**EMPTY, "succeeded": 4, "total": 4, "resultsWritten": 4}
    assert "redriveDate" not in run
    (listed,) = aws.sfn.list_map_runs(executionArn=arn)["mapRuns"]
    assert listed["stateMachineArn"] == f"{machine}/Orders"
    child = next(article.children(aws, run["mapRunArn"]))
    assert uuid.UUID(child["name"]).version == 3
    assert child["executionArn"] == f"{machine.replace(':stateMachine:', ':execution:')}/Orders:{child['name']}"
    assert (child["itemCount"], child["stateMachineArn"]) == (1, f"{machine}/Orders")
    of_child = aws.sfn.describe_state_machine_for_execution(executionArn=child["executionArn"])
    assert json.loads(of_child["definition"]) == PASS
    assert (of_child["label"], of_child["mapRunArn"], of_child["name"]) == (
        "Orders", run["mapRunArn"], machine.rpartition(":")[2])  # fmt: skip
    assert not [one for one in aws.sfn.list_executions(stateMachineArn=machine)["executions"] if "mapRunArn" in one]
    assert json.loads(ended["output"])["ResultWriterDetails"] == {
        "Bucket": "results", "Key": f"observed/{run_id}/manifest.json"}  # fmt: skip


def test_a_generated_label_is_a_uuid_of_version_3_and_a_reader_has_length_0(aws: Aws) -> None:
    put(aws, "two.jsonl", "1\n2\n")
    arn = start(aws, distributed(ItemReader=reader("two.jsonl", "JSONL")))
    article.wait(aws, arn)
    label = re.search(r"/([^:/]+):[^:]+$", map_runs(aws, arn)[0]["mapRunArn"])
    assert label
    assert uuid.UUID(label.group(1)).version == 3
    assert events(aws, arn)[2]["mapStateStartedEventDetails"] == {"length": 0}


def test_a_child_sees_its_own_context_and_neither_the_map_nor_variables_of_the_parent(aws: Aws) -> None:
    context = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": {"c.$": "$$"}, "End": True}}}
    arn = start(aws, distributed(context, Label="Ctx"), ["x"])
    ended = article.wait(aws, arn)
    (found,) = json.loads(ended["output"])
    seen = found["c"]
    machine = ended["stateMachineArn"]
    assert set(seen) == {"Execution", "StateMachine", "State"}
    assert set(seen["Execution"]) == {"Id", "Input", "StartTime", "Name", "RoleArn", "RedriveCount"}
    assert seen["Execution"]["Input"] == "x"
    assert seen["StateMachine"] == {"Id": f"{machine}/Ctx", "Name": machine.rpartition(":")[2]}


# Where it stands


def test_a_map_in_a_loop_has_a_run_each_time(aws: Aws) -> None:
    again = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 3, "Next": "M"}], "Default": "End"}
    more = {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)", "of.$": "$.of"}, "Next": "Again"}
    state = {**distributed(ItemsPath="$.of", ResultPath=None, Label="Loop"), "Next": "More"}
    del state["End"]
    arn = start(aws, state, {"n": 0, "of": [1, 2]}, More=more, Again=again, End={"Type": "Succeed"})
    assert json.loads(article.wait(aws, arn)["output"]) == {"n": 3, "of": [1, 2]}
    runs = map_runs(aws, arn)
    assert len({run["mapRunArn"] for run in runs}) == 3
    assert all(run["itemCounts"]["succeeded"] == 2 for run in runs)


def test_maps_in_parallel_branches_run_beside_each_other(aws: Aws) -> None:
    branches = [
        {"StartAt": name, "States": {name: distributed(named(f"in{name}"), Label=name, ItemsPath="$.of")}}
        for name in ("Left", "Right")
    ]
    arn = start(aws, {"Type": "Parallel", "Branches": branches, "End": True}, {"of": [1, 2, 3]})
    assert json.loads(article.wait(aws, arn)["output"]) == [[1, 2, 3], [1, 2, 3]]
    assert len(map_runs(aws, arn)) == 2


def test_a_failing_branch_aborts_the_map_beside_it(aws: Aws) -> None:
    slow = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}
    soon = {"StartAt": "V", "States": {"V": {"Type": "Wait", "Seconds": 1, "Next": "F"},
                                       "F": {"Type": "Fail", "Error": "E"}}}  # fmt: skip
    branches = [{"StartAt": "D", "States": {"D": distributed(slow)}}, soon]
    arn = start(aws, {"Type": "Parallel", "Branches": branches, "End": True}, [1])
    assert article.wait(aws, arn)["error"] == "E"
    for _ in range(100):
        (run,) = map_runs(aws, arn)
        if run["status"] == "ABORTED":
            break
        threading.Event().wait(0.05)
    assert (run["status"], run["itemCounts"]["aborted"]) == ("ABORTED", 1)
    (child,) = article.children(aws, run["mapRunArn"])
    told = aws.sfn.describe_execution(executionArn=child["executionArn"])
    assert told["cause"] == f"The map run execution [{run['mapRunArn']}] which was managing this resource was aborted"
    assert "error" not in told


def test_a_map_in_a_map_belongs_to_the_child(aws: Aws) -> None:
    inner = {"StartAt": "Inner", "States": {"Inner": distributed(Label="In")}}
    arn = start(aws, distributed(inner, Label="Out"), [[1, 2], [3], []])
    assert json.loads(article.wait(aws, arn)["output"]) == [[1, 2], [3], []]
    (outer,) = map_runs(aws, arn)
    children = list(article.children(aws, outer["mapRunArn"]))
    inner_runs = [run for child in children for run in map_runs(aws, child["executionArn"])]
    assert sorted(run["itemCounts"]["total"] for run in inner_runs) == [0, 1, 2]


def test_express_children_are_named_twice_and_have_no_history(aws: Aws) -> None:
    writer = {"Resource": PUT, "Parameters": {"Bucket": "results"}}
    arn = start(aws, distributed(express=True, Label="Ex", ResultWriter=writer), [1])
    ended = article.wait(aws, arn)
    (record,) = article.result_records(aws, ended["output"], "SUCCEEDED")
    (child,) = article.children(aws, map_runs(aws, arn)[0]["mapRunArn"])
    machine = ended["stateMachineArn"].replace(":stateMachine:", ":express:")
    assert child["executionArn"] == f"{machine}/Ex:{child['name']}" == record["ExecutionArn"]
    assert child["name"].split(":")[0] == record["Name"]
    assert "RedriveStatus" not in record
    with pytest.raises(ClientError) as error:
        aws.sfn.get_execution_history(executionArn=child["executionArn"])
    assert error.value.response["Error"]["Code"] == "InvalidArn"


# What its children do


def one(**state: Any) -> dict[str, Any]:
    return {"StartAt": "S", "States": {"S": {"End": True, **state}}}


CHILDREN = {
    "Pass": (one(Type="Pass", Result={"r": 1}), [{"r": 1}] * 2),
    "Succeed": ({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}, [1, 2]),
    "Choice": (FAIL_SOME, [1, 2]),
    "Wait": (one(Type="Wait", Seconds=1), [1, 2]),
    "Parallel": (one(Type="Parallel", Branches=[named("I", Result="inner"), named("J")]), [["inner", 1], ["inner", 2]]),
    "inline Map": (
        {"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Parameters": {"of.$": "States.ArrayRange(1, $, 1)"}, "Next": "B"},
            "B": {"Type": "Map", "ItemsPath": "$.of", "ItemProcessor": named("I"), "End": True}}},
        [[1], [1, 2]],
    ),
    "Task": (
        one(Type="Task", Resource="arn:aws:states:::aws-sdk:s3:headBucket", Parameters={"Bucket": "data"},
            ResultSelector={"region.$": "$.BucketRegion"}),
        [{"region": "us-east-1"}] * 2,
    ),
    "a caught error": (
        {"StartAt": "T", "States": {
            "T": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:headBucket",
                  "Parameters": {"Bucket": "no-such-bucket"}, "End": True,
                  "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "IntervalSeconds": 1}],
                  "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "C"}]},
            "C": {"Type": "Pass", "End": True}}},
        [1, 2],
    ),
    "JSONata": (one(Type="Pass", QueryLanguage="JSONata", Output="{% $states.input * 10 %}"), [10, 20]),
}  # fmt: skip


@pytest.mark.parametrize("express", [False, True], ids=["standard", "express"])
@pytest.mark.parametrize("kind", CHILDREN)
def test_children_with_each_kind_of_state(aws: Aws, kind: str, express: bool) -> None:
    processor, expected = CHILDREN[kind]
    assert result(aws, distributed(processor, express=express), [1, 2]) == expected


def test_children_start_nested_executions_and_wait_for_them(aws: Aws) -> None:
    definition = json.dumps(one(Type="Pass", Parameters={"twice.$": "States.MathAdd($.n, $.n)"}))
    nested = aws.sfn.create_state_machine(name="nested", definition=definition, roleArn=ROLE)["stateMachineArn"]
    call = one(
        Type="Task",
        Resource="arn:aws:states:::states:startExecution.sync:2",
        Parameters={"StateMachineArn": nested, "Input": {"n.$": "$"}},
        OutputPath="$.Output",
    )
    assert result(aws, distributed(call), [1, 2, 3]) == [{"twice": 2}, {"twice": 4}, {"twice": 6}]


# What it writes

FLAT = one(Type="Pass", Parameters={"a.$": "States.Array($, $)"}, OutputPath="$.a")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"Transformation": "COMPACT"}, [[1, 1], [2, 2]]),
        ({"Transformation": "FLATTEN"}, [1, 1, 2, 2]),
        ({"Transformation": "FLATTEN", "OutputType": "JSON"}, [1, 1, 2, 2]),
    ],
)
def test_the_state_s_result_is_shaped_without_an_export(aws: Aws, config: dict[str, str], expected: Any) -> None:
    assert result(aws, distributed(FLAT, ResultWriter={"WriterConfig": config}), [1, 2]) == expected


@pytest.mark.parametrize(
    ("config", "name", "expected"),
    [
        ({"Transformation": "COMPACT", "OutputType": "JSON"}, "SUCCEEDED_0.json", b"[[1,1],[2,2]]"),
        ({"Transformation": "COMPACT", "OutputType": "JSONL"}, "SUCCEEDED_0.jsonl", b"[1,1]\n[2,2]\n"),
        ({"Transformation": "FLATTEN", "OutputType": "JSON"}, "SUCCEEDED_0.json", b"[1,1,2,2]"),
        ({"Transformation": "FLATTEN", "OutputType": "JSONL"}, "SUCCEEDED_0.jsonl", b"1\n1\n2\n2\n"),
    ],
)
def test_result_files_have_the_observed_bytes(aws: Aws, config: dict[str, str], name: str, expected: bytes) -> None:
    writer = {"Resource": PUT, "Parameters": {"Bucket": "results", "Prefix.$": "$.p"}, "WriterConfig": config}
    output = result(aws, distributed(FLAT, ItemsPath="$.of", ResultWriter=writer), {"p": "shaped", "of": [1, 2]})
    key = output["ResultWriterDetails"]["Key"]
    found = aws.s3.get_object(Bucket="results", Key=key.replace("manifest.json", name))
    assert found["Body"].read() == expected
    assert (found["ContentType"], found["ETag"][-3:]) == ("binary/octet-stream", '-1"')
    manifest = aws.s3.get_object(Bucket="results", Key=key)
    assert manifest["ContentType"] == "application/octet-stream"
    run = output["MapRunArn"]
    file = f'{{"Key":"{key.replace("manifest.json", name)}","Size":{len(expected)}}}'
    assert manifest["Body"].read().decode() == (
        f'{{"DestinationBucket":"results","MapRunArn":"{run}",'
        f'"ResultFiles":{{"FAILED":[],"PENDING":[],"SUCCEEDED":[{file}]}}}}'
    )


def test_a_bucket_that_is_not_there_fails_the_writer(aws: Aws) -> None:
    writer = {"Resource": PUT, "Parameters": {"Bucket": "no-such-bucket"}}
    error, cause, _ = failure(aws, distributed(ResultWriter=writer), [1])
    assert error == "States.ResultWriterFailed"
    assert "The specified bucket does not exist" in cause


def test_errors_of_the_reader_and_the_threshold_can_be_caught(aws: Aws) -> None:
    for state, error in (
        (distributed(ItemReader=reader("gone.csv", "CSV")), "States.ItemReaderFailed"),
        (distributed(one(Type="Fail", Error="X")), "States.ExceedToleratedFailureThreshold"),
    ):
        if error.endswith("Threshold"):
            state["ItemProcessor"]["States"]["S"].pop("End")
        state["Catch"] = [{"ErrorEquals": [error], "Next": "Caught"}]
        assert result(aws, state, [1], Caught={"Type": "Pass", "End": True})["Error"] == error
