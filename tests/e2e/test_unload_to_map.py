"""From SQL to items: the data manifest of an UNLOAD is what a Distributed Map of ManifestType ATHENA_DATA reads."""

from __future__ import annotations

import json
from typing import Any

from . import article
from .article import ROLE, Aws


def machine(kind: str) -> dict[str, Any]:
    query = (
        "UNLOAD (SELECT x AS id, concat('n', CAST(x AS varchar)) AS name, x % 3 AS part "
        f"FROM UNNEST(sequence(1, 60)) AS t(x)) TO 's3://data/{kind}/' "
        f"WITH (format = '{kind}', partitioned_by = ARRAY['part'])"
    )
    unload = {
        "Type": "Task",
        "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
        "Parameters": {"QueryString": query, "ResultConfiguration": {"OutputLocation": "s3://data/out/"}},
        "ResultSelector": {
            "id.$": "States.ArrayGetItem(States.StringSplit($.QueryExecution.Statistics.DataManifestLocation, '/'), 3)"
        },
        "Next": "Each",
    }
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": {"JSON": "JSONL"}.get(kind, kind), "ManifestType": "ATHENA_DATA"},
        "Parameters": {"Bucket": "data", "Key.$": "States.Format('out/{}', $.id)"},
    }
    child = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    each = {"Type": "Map", "ItemReader": reader, "ItemProcessor": {"ProcessorConfig": config, **child}, "End": True}
    return {"StartAt": "Unload", "States": {"Unload": unload, "Each": each}}


def test_the_rows_of_an_unload_are_the_items_of_a_map(aws: Aws) -> None:
    aws.s3.create_bucket(Bucket="data")
    for kind in ("JSON", "PARQUET"):
        made = aws.sfn.create_state_machine(name=f"unload-{kind}", definition=json.dumps(machine(kind)), roleArn=ROLE)
        started = aws.sfn.start_execution(stateMachineArn=made["stateMachineArn"], input="{}")
        ended = article.wait(aws, started["executionArn"])
        assert ended["status"] == "SUCCEEDED", ended
        items = sorted(json.loads(ended["output"]), key=lambda item: int(item["id"]))
        assert items == [{"id": x, "name": f"n{x}"} for x in range(1, 61)]
