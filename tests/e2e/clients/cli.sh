#!/usr/bin/env bash
# A query, its result and the catalog with the AWS CLI, on the endpoint in the environment. Run by test_aws_cli.py.
set -euo pipefail
export AWS_PAGER="" AWS_DEFAULT_OUTPUT=text

query() {
    local id state=QUEUED
    id=$(aws athena start-query-execution --query-string "$1" --query-execution-context Database=shop \
        --query QueryExecutionId)
    while [[ $state == QUEUED || $state == RUNNING ]]; do
        state=$(aws athena get-query-execution --query-execution-id "$id" --query QueryExecution.Status.State)
    done
    echo "$state"
    aws athena get-query-results --query-execution-id "$id" --query 'ResultSet.Rows[].Data[].VarCharValue'
    aws s3 cp --quiet "$(aws athena get-query-execution --query-execution-id "$id" \
        --query QueryExecution.ResultConfiguration.OutputLocation)" -
}

aws sts get-caller-identity --query Account
query "select person, sum(amount) as total from sales group by person order by person"
aws athena list-databases --catalog-name AwsDataCatalog --query 'DatabaseList[].Name'
aws athena get-table-metadata --catalog-name AwsDataCatalog --database-name shop --table-name sales \
    --query 'TableMetadata.PartitionKeys[].Name'
aws athena list-work-groups --query 'WorkGroups[].Name'
aws glue get-tables --database-name shop --query 'TableList[].Name'
aws glue get-partitions --database-name shop --table-name sales --expression "region = 'south'" \
    --query 'Partitions[].Values[]'
aws glue create-database --database-input Name=by-the-cli
aws glue delete-database --name by-the-cli
if aws glue get-database --name by-the-cli 2>&1; then exit 1; fi
