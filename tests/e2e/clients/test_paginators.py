"""Every paginator that boto3 has for Athena and Glue: what is served comes in pages, the rest is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.loaders import create_loader

from .conftest import BUCKET, Endpoint

NUMBER = 5
COLUMN = {"Name": "v", "Type": "int"}


@pytest.fixture(scope="module")
def known(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    """NUMBER of each thing that is listed, and what the calls are to name."""
    athena, glue = endpoint.aws.athena, endpoint.aws.client("glue")
    storage = {"Columns": [COLUMN], "Location": f"s3://{BUCKET}/paged/"}
    table = {"Name": "parts", "StorageDescriptor": storage, "PartitionKeys": [{"Name": "p", "Type": "string"}]}
    for n in range(NUMBER):
        glue.create_database(DatabaseInput={"Name": f"paged_{n}"})
        athena.create_work_group(Name=f"paged_{n}")
        athena.create_named_query(Name=f"q{n}", Database="shop", QueryString="select 1", WorkGroup="paged_0")
        athena.create_prepared_statement(StatementName=f"s{n}", WorkGroup="paged_0", QueryStatement="select 1")
        glue.create_table(DatabaseName="paged_0", TableInput={**table, "Name": f"t{n}"})
    glue.create_table(DatabaseName="paged_0", TableInput=table)
    for n in range(NUMBER - 1):
        glue.update_table(DatabaseName="paged_0", TableInput={**table, "Description": str(n)})
    entries = [{"Values": [str(n)], "StorageDescriptor": storage} for n in range(NUMBER)]
    glue.batch_create_partition(DatabaseName="paged_0", TableName="parts", PartitionInputList=entries)
    query_id = athena.start_query_execution(QueryString="select * from unnest(sequence(1, 4)) as t(n)")
    yield {"query": query_id["QueryExecutionId"], "tags": athena.get_work_group(WorkGroup="paged_0")["WorkGroup"]}
    for n in range(NUMBER):
        glue.delete_database(Name=f"paged_{n}")
        athena.delete_work_group(WorkGroup=f"paged_{n}", RecursiveDeleteOption=True)


ARN = "arn:aws:athena:us-east-1:000000000000:workgroup/paged_0"
TABLE = {"DatabaseName": "paged_0", "TableName": "parts"}
SERVED: dict[tuple[str, str], tuple[dict[str, Any], str, int]] = {
    ("athena", "GetQueryResults"): ({"QueryExecutionId": "?"}, "ResultSet.Rows", NUMBER),
    ("athena", "ListDataCatalogs"): ({}, "DataCatalogsSummary", 1),
    ("athena", "ListDatabases"): ({"CatalogName": "AwsDataCatalog"}, "DatabaseList", NUMBER),
    ("athena", "ListNamedQueries"): ({"WorkGroup": "paged_0"}, "NamedQueryIds", NUMBER),
    ("athena", "ListQueryExecutions"): ({}, "QueryExecutionIds", NUMBER),
    ("athena", "ListTableMetadata"): (
        {"CatalogName": "AwsDataCatalog", "DatabaseName": "paged_0"}, "TableMetadataList", NUMBER + 1
    ),
    ("athena", "ListTagsForResource"): ({"ResourceARN": ARN}, "Tags", 0),
    ("glue", "GetDatabases"): ({}, "DatabaseList", NUMBER),
    ("glue", "GetPartitionIndexes"): (TABLE, "PartitionIndexDescriptorList", 0),
    ("glue", "GetPartitions"): (TABLE, "Partitions", NUMBER),
    ("glue", "GetTables"): ({"DatabaseName": "paged_0"}, "TableList", NUMBER + 1),
    ("glue", "GetTableVersions"): (TABLE, "TableVersions", NUMBER),
    ("glue", "GetUserDefinedFunctions"): ({"Pattern": "*"}, "UserDefinedFunctions", 0),
}  # fmt: skip
"""Arguments, the member that is listed, and how many there are at least."""

UNSIZED = ("ListTagsForResource", "GetPartitionIndexes")
"""Whose pages have no size, or none below 75."""

PAGINATORS = [
    (service, name)
    for service in ("athena", "glue")
    for name in create_loader().load_service_model(service, "paginators-1")["pagination"]
]


@pytest.mark.parametrize(("service", "name"), [pair for pair in PAGINATORS if pair in SERVED])
def test_a_paginator_finds_everything_page_by_page(
    service: str, name: str, endpoint: Endpoint, known: dict[str, Any]
) -> None:
    arguments, path, least = SERVED[service, name]
    if "QueryExecutionId" in arguments:
        arguments = {"QueryExecutionId": known["query"]}
        _wait(endpoint, known["query"])
    paginator = endpoint.aws.client(service).get_paginator(_method(service, name, endpoint))
    whole = list(paginator.paginate(**arguments).search(path + "[]"))
    size = {"PageSize": 2} if name not in UNSIZED else {}
    pages = list(paginator.paginate(**arguments, PaginationConfig=size))
    paged = [entry for page in pages for entry in _at(page, path)]
    assert paged == whole
    assert len(whole) >= least
    assert not size or all(len(_at(page, path)) <= 2 for page in pages)


def test_what_is_not_served_is_refused_by_name(endpoint: Endpoint) -> None:
    for service, name in PAGINATORS:
        if (service, name) in SERVED:
            continue
        client = endpoint.aws.client(service)
        shape = client.meta.service_model.operation_model(name).input_shape
        arguments = {m: _any(shape.members[m]) for m in shape.required_members}
        with pytest.raises(ClientError, match=f"{name} of {service} is not supported by steppe"):
            next(iter(client.get_paginator(_method(service, name, endpoint)).paginate(**arguments)))


def _method(service: str, name: str, endpoint: Endpoint) -> str:
    mapping = endpoint.aws.client(service).meta.method_to_api_mapping
    return next(method for method, api in mapping.items() if api == name)


def _at(page: Any, path: str) -> list[Any]:
    for part in path.split("."):
        page = page[part]
    return list(page)


def _any(shape: Any) -> Any:
    """A value that a parameter's shape allows."""
    match shape.type_name:
        case "structure":
            return {m: _any(shape.members[m]) for m in shape.required_members}
        case "list":
            return [_any(shape.member)] * max(1, shape.metadata.get("min", 1))
        case "map":
            return {}
        case "string":
            return shape.enum[0] if shape.enum else "x" * max(1, shape.metadata.get("min", 1))
        case "boolean":
            return False
        case _:
            return 1


def _wait(endpoint: Endpoint, query_id: str) -> None:
    while True:
        execution = endpoint.aws.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
            return
