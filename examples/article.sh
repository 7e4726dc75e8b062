#!/usr/bin/env bash
# The article with the AWS CLI alone: an Athena query lists images, a Distributed Map copies each of them.
#
#   steppe serve &
#   export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=steppe AWS_SECRET_ACCESS_KEY=steppe
#   examples/article.sh FOLDER_OF_IMAGES
#
# File names are taken as they are: letters, digits and -_./ only (CopySource wants anything else percent-encoded).
set -euo pipefail

images=${1:?usage: examples/article.sh FOLDER_OF_IMAGES}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export AWS_PAGER='' AWS_DEFAULT_OUTPUT=text AWS_DEFAULT_REGION=${AWS_REGION:-us-east-1}

query() { # runs one statement and waits for its end
  local id state
  id=$(aws athena start-query-execution --query-string "$1" --query QueryExecutionId)
  while state=$(aws athena get-query-execution --query-execution-id "$id" --query QueryExecution.Status.State); do
    case $state in
      SUCCEEDED) return ;;
      FAILED | CANCELLED)
        aws athena get-query-execution --query-execution-id "$id" --query QueryExecution.Status.StateChangeReason >&2
        return 1
        ;;
    esac
    sleep 0.2
  done
}

echo '1. images into a bucket, and a list of them where a table looks for its rows'
for bucket in sh-images sh-tables sh-results sh-copies; do
  aws s3api head-bucket --bucket "$bucket" >"$work/head" 2>&1 || aws s3 mb "s3://$bucket" >"$work/made"
done
aws s3 cp --recursive --only-show-errors "$images" s3://sh-images/
{
  echo key,source
  aws s3api list-objects-v2 --bucket sh-images --query 'Contents[].[Key]' | while read -r key; do
    echo "$key,sh-images/$key"
  done
} >"$work/list.csv"
aws s3 cp --only-show-errors "$work/list.csv" s3://sh-tables/mytable/list.csv

echo '2. CREATE EXTERNAL TABLE mytable'
aws athena update-work-group --work-group primary \
  --configuration-updates 'ResultConfigurationUpdates={OutputLocation=s3://sh-results/}'
query 'DROP TABLE IF EXISTS mytable'
query "CREATE EXTERNAL TABLE mytable (key string, source string)
  ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
  LOCATION 's3://sh-tables/mytable/'
  TBLPROPERTIES ('skip.header.line.count' = '1')"

echo '3. the state machine: the query, then a Distributed Map over its result'
machine=$(aws stepfunctions create-state-machine --name sh-article --role-arn arn:aws:iam::000000000000:role/article \
  --definition "file://$here/article.asl.json" --query stateMachineArn)
execution=$(aws stepfunctions start-execution --state-machine-arn "$machine" \
  --input '{"destination": "sh-copies", "results": "sh-results"}' --query executionArn)
while status=$(aws stepfunctions describe-execution --execution-arn "$execution" --query status); do
  [[ $status == RUNNING ]] || break
  sleep 0.5
done
if [[ $status != SUCCEEDED ]]; then
  aws stepfunctions describe-execution --execution-arn "$execution" --query '[status, error, cause]' >&2
  exit 1
fi

echo '4. what it did'
run=$(aws stepfunctions list-map-runs --execution-arn "$execution" --query 'mapRuns[0].mapRunArn')
aws stepfunctions describe-map-run --map-run-arn "$run" --output json \
  --query '{status: status, total: itemCounts.total, succeeded: itemCounts.succeeded, failed: itemCounts.failed}'
child=$(aws stepfunctions list-executions --map-run-arn "$run" --max-items 1 --query 'executions[0].executionArn' | head -n 1)
aws stepfunctions get-execution-history --execution-arn "$child" --query 'events[].[id, type]'
aws s3 cp "s3://sh-results/copies/${run##*:}/manifest.json" -
echo
aws s3 sync --only-show-errors s3://sh-copies/ "$work/copies"
diff --recursive "$images" "$work/copies"
echo "every copy is byte-identical: s3://sh-copies/"
