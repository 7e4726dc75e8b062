"""Query executions: start, look at, read the results of, stop, list.

Synchronous functions, run in threads by `service`: each may read the database or an object.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import uuid
from collections.abc import Callable

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonError, JsonValue, canonical, dumpb, loads
from steppe.objects.object_store import ObjectStore
from steppe.services.athena import prepared
from steppe.services.athena.refusals import count_of, invalid, object_of, text_of, violated
from steppe.services.athena.reuse import reuse_key
from steppe.services.athena.runner import Runner
from steppe.services.athena.work_groups import ENGINE_VERSION, WorkGroups, location, refuse_members
from steppe.sql import definitions, explain, results, write_reader
from steppe.sql.errors import MalformedQuery, QueryError
from steppe.sql.grammar import parse_query
from steppe.sql.statement import Statement, classify
from steppe.stores.queries import Document, QueryRecord, QueryStore

RESULTS_MAX = 1000
_CHUNK_BYTES = 256 * 1024
_NO_LOCATION = (
    "No output location provided. You did not provide an output location for  your query results. Either specify an "
    "S3 bucket location or enable Athena managed query results in your workgroup settings."
)
_REUSE_MINUTES = 60
"""How old a result may be when the request does not say. Athena API, ResultReuseByAgeConfiguration."""

_REUSE_MINUTES_MAX = 10_080
_PARAMETER_LENGTH_MAX = 1024


class QueryExecutions:
    """Operations on query executions."""

    def __init__(
        self, *, store: QueryStore, groups: WorkGroups, runner: Runner, objects: ObjectStore, clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._groups = groups
        self._runner = runner
        self._objects = objects
        self._clock = clock

    # -- start

    def start_query_execution(self, members: Document) -> Document:
        """StartQueryExecution. The order of the checks is the service's (observed)."""
        text = text_of(members, "QueryString", needed=True) or ""
        token = text_of(members, "ClientRequestToken")
        if token is not None and not 32 <= len(token) <= 128:
            bound = "greater than or equal to 32" if len(token) < 32 else "less than or equal to 128"
            raise invalid(
                f"1 validation error detected: Value '{token}' at 'clientRequestToken' failed to satisfy constraint: "
                f"Member must have length {bound}"
            )
        group_name = text_of(members, "WorkGroup") or "primary"
        group = self._groups.find(group_name)
        if group["State"] == "DISABLED":
            raise invalid(f"WorkGroup {group_name} is disabled.")
        result = self._result_configuration(members, group)
        statement = self._parsed(text)
        context = _context(members)
        parameters = _parameters(members)
        query_id = str(uuid.uuid4())
        record = QueryRecord(
            id=query_id,
            work_group=group_name,
            state="QUEUED",
            request_token=token,
            submitted_ms=self._clock(),
            reuse_key=reuse_key(statement, parameters, context, group_name),
            body={
                "query": text.strip(),
                "context": context,
                "parameters": parameters,
                "reuse_minutes": _reuse_minutes(members),
                "result_configuration": result,
                "output_location": result["OutputLocation"] + statement.output.format(id=query_id),
                "statement_type": statement.type,
                "substatement_type": statement.substatement_type,
                "scan_cutoff": group["Configuration"].get("BytesScannedCutoffPerQuery"),
                "enforced": _is_enforced(group),
                "engine": group["Configuration"].get("EngineVersion", {}).get("SelectedEngineVersion", "AUTO"),
                "asked": base64.b64encode(
                    canonical({k: v for k, v in members.items() if k != "ClientRequestToken"})
                ).decode(),
            },
        )
        return self._started(record)

    def _started(self, record: QueryRecord) -> Document:
        if self._runner.is_full():
            said = "You have exceeded the limit for the number of queries you can run concurrently."
            reason = {"Reason": "CONCURRENT_QUERY_LIMIT_EXCEEDED"}
            raise ApiError("TooManyRequestsException", said, fields=reason)
        stored = self._store.add(record)
        if stored.id == record.id:
            self._runner.submit(record)
        elif stored.body["asked"] != record.body["asked"]:
            raise invalid("Idempotent parameters do not match")
        return {"QueryExecutionId": stored.id}

    def _result_configuration(self, members: Document, group: Document) -> Document:
        """Where the result goes: the group's configuration if it is enforced, else the request's, else the group's."""
        asked, held = object_of(members, "ResultConfiguration"), group["Configuration"]["ResultConfiguration"]
        enforced = group["Configuration"]["EnforceWorkGroupConfiguration"]
        refuse_members(asked)
        chosen = dict(held) if enforced or not asked.get("OutputLocation") else dict(asked)
        said = chosen.get("OutputLocation")
        if not said:
            raise invalid(_NO_LOCATION)
        said = location(said)
        return {**chosen, "OutputLocation": said if said.endswith("/") else said + "/"}

    def _parsed(self, text: str) -> Statement:
        try:
            statement = classify(text)
            if statement.family == "query":
                parse_query(statement)
            elif statement.family == "definition":
                definitions.check(statement)
            elif statement.family == "writing":
                write_reader.read(statement)
            elif statement.family == "explain":
                _check_explain(statement)
            elif statement.family == "prepared":
                prepared.check(statement)
        except MalformedQuery as error:
            raise invalid(error.message, "MALFORMED_QUERY") from None
        return statement

    # -- look

    def _record(self, members: Document) -> QueryRecord:
        query_id = text_of(members, "QueryExecutionId", needed=True) or ""
        record = self._store.get(query_id)
        if record is None:
            raise invalid(f"QueryExecution {query_id} was not found")
        return record

    def get_query_execution(self, members: Document) -> Document:
        """GetQueryExecution."""
        return {"QueryExecution": self._shown(self._record(members))}

    def batch_get_query_execution(self, members: Document) -> Document:
        """BatchGetQueryExecution: 1 to 50 ids."""
        ids = members.get("QueryExecutionIds")
        if not isinstance(ids, list) or not 1 <= len(ids) <= 50 or not all(isinstance(i, str) for i in ids):
            raise violated("queryExecutionIds", "have length less than or equal to 50 and greater than or equal to 1")
        found = {query_id: self._store.get(query_id) for query_id in ids}
        return {
            "QueryExecutions": [self._shown(record) for record in found.values() if record is not None],
            "UnprocessedQueryExecutionIds": [_unknown(i) for i, record in found.items() if record is None],
        }

    def list_query_executions(self, members: Document) -> Document:
        """ListQueryExecutions: newest first."""
        group = text_of(members, "WorkGroup") or "primary"
        self._groups.find(group)
        limit = count_of(members, default=50, most=50, least=0)
        token = text_of(members, "NextToken")
        if token is not None and not (token.isdigit() and len(token) < 19):
            raise invalid("NextToken is not valid")
        found = self._store.list_ids(group, before=int(token) if token else None, limit=limit + 1)
        more = {"NextToken": str(found[limit - 1][1])} if len(found) > limit else {}
        return {"QueryExecutionIds": [query_id for query_id, _ in found[:limit]], **more}

    def stop_query_execution(self, members: Document) -> Document:
        """StopQueryExecution; one that has ended stays as it is."""
        self._runner.stop(self._record(members).id)
        return {}

    def get_query_runtime_statistics(self, members: Document) -> Document:
        """GetQueryRuntimeStatistics: the times only."""
        statistics = self._statistics(self._record(members))
        wanted = (
            "QueryQueueTimeInMillis",
            "QueryPlanningTimeInMillis",
            "EngineExecutionTimeInMillis",
            "ServiceProcessingTimeInMillis",
            "TotalExecutionTimeInMillis",
        )
        return {"QueryRuntimeStatistics": {"Timeline": {k: statistics[k] for k in wanted if k in statistics}}}

    def _shown(self, record: QueryRecord) -> Document:
        body = record.body
        status: Document = {"State": record.state, "SubmissionDateTime": record.submitted_ms}
        if "completed_ms" in body:
            status["CompletionDateTime"] = body["completed_ms"]
        if "reason" in body:
            status["StateChangeReason"] = body["reason"]
        if "error" in body:
            status["AthenaError"] = body["error"]
        return {
            "QueryExecutionId": record.id,
            "Query": body["query"],
            "StatementType": body["statement_type"],
            "SubstatementType": body["substatement_type"],
            "ResultConfiguration": {**body["result_configuration"], "OutputLocation": body["output_location"]},
            "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": _reuse_shown(body.get("reuse_minutes"))},
            "QueryExecutionContext": body["context"],
            "Status": status,
            "Statistics": self._statistics(record),
            "WorkGroup": record.work_group,
            "EngineVersion": {"SelectedEngineVersion": body["engine"], "EffectiveEngineVersion": ENGINE_VERSION},
            **({"ExecutionParameters": body["parameters"]} if body.get("parameters") else {}),
        }

    def _statistics(self, record: QueryRecord) -> Document:
        body = record.body
        end = body.get("completed_ms", self._clock())
        total = max(1, end - record.submitted_ms)
        queue = min(body.get("queue_ms", total), total)
        if record.state == "QUEUED":
            return {"QueryQueueTimeInMillis": queue, "TotalExecutionTimeInMillis": total}
        statistics: Document = {
            "TotalExecutionTimeInMillis": total,
            "QueryQueueTimeInMillis": queue,
            "ServicePreProcessingTimeInMillis": 1,
            "ResultReuseInformation": {"ReusedPreviousResult": bool(body.get("reused"))},
        }
        if "completed_ms" in body:
            statistics["EngineExecutionTimeInMillis"] = body.get("engine_ms", max(1, total - queue))
            statistics["DataScannedInBytes"] = body.get("scanned_bytes", 0)
            statistics["ServiceProcessingTimeInMillis"] = 1
        if record.state == "SUCCEEDED" and body.get("planning_ms"):
            statistics["QueryPlanningTimeInMillis"] = body["planning_ms"]
        if "manifest" in body:
            statistics["DataManifestLocation"] = body["manifest"]
        return statistics

    # -- results

    def get_query_results(self, members: Document) -> Document:
        """GetQueryResults: one page out of the result object; the first has the header of a query's result."""
        limit = count_of(members, default=RESULTS_MAX, most=RESULTS_MAX)
        record = self._record(members)
        if record.state in ("QUEUED", "RUNNING"):
            raise invalid(f"Query has not yet finished. Current state: {record.state}", "INVALID_QUERY_EXECUTION_STATE")
        if record.state == "CANCELLED":
            raise invalid("Could not find results", "RESULT_NOT_FOUND")
        if record.state == "FAILED":
            raise invalid(
                "Query did not finish successfully. Final query state: FAILED", "INVALID_QUERY_EXECUTION_STATE"
            )
        offset = _offset(text_of(members, "NextToken"), record.id)
        rows, used = self._page(record, offset, limit)
        body = record.body
        answer: Document = {
            "ResultSet": {
                "Rows": [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows],
                "ResultSetMetadata": {"ColumnInfo": [_column_info(column) for column in body["columns"]]},
            },
        }
        if "update_count" in body:
            answer["UpdateCount"] = body["update_count"]
        # Observed: a page that is full carries a token, also when nothing follows.
        if len(rows) == limit:
            answer["NextToken"] = _token(record.id, offset + used)
        return answer

    def _page(self, record: QueryRecord, offset: int, limit: int) -> tuple[list[list[str | None]], int]:
        if not record.body["columns"] or "written" in record.body:
            return [], 0
        bucket, _, key = str(record.body["output_location"]).removeprefix("s3://").partition("/")
        try:
            size = self._objects.head(bucket, key).size_bytes
            if offset > size:
                raise invalid("NextToken is not valid")
            if offset == size:
                return [], 0
            chunks = self._objects.stream(bucket, key, start=offset, chunk_bytes=_CHUNK_BYTES)
        except ApiError as error:
            if error.code in ("NoSuchKey", "NoSuchBucket"):
                raise invalid("Could not find results", "RESULT_NOT_FOUND") from None
            raise
        reader = results.read_lines if key.endswith(".txt") else results.read_rows
        page = list(itertools.islice(reader(chunks), limit))
        return [row for row, _ in page], sum(length for _, length in page)


def _check_explain(statement: Statement) -> None:
    try:
        explain.read(statement)
    except QueryError:
        return  # what parses and is refused fails when it runs


def _is_enforced(group: Document) -> bool:
    """Whether the work group itself says where output goes."""
    configuration = group["Configuration"]
    return bool(
        configuration["EnforceWorkGroupConfiguration"] and configuration["ResultConfiguration"].get("OutputLocation")
    )


def _context(members: Document) -> Document:
    context = object_of(members, "QueryExecutionContext")
    for value in context.values():
        if value is not None and not isinstance(value, str):
            raise violated("queryExecutionContext", "be a text")
    return {k: v.lower() if k == "Catalog" else v for k, v in context.items() if v is not None}


def _parameters(members: Document) -> list[str]:
    """ExecutionParameters."""
    given = members.get("ExecutionParameters") or []
    if not isinstance(given, list) or not all(isinstance(value, str) for value in given):
        raise violated("executionParameters", "be a list of texts")
    for value in given:
        if not 1 <= len(value) <= _PARAMETER_LENGTH_MAX:
            rule = f"have length less than or equal to {_PARAMETER_LENGTH_MAX} and greater than or equal to 1"
            raise violated("executionParameters", rule)
    return given


def _reuse_minutes(members: Document) -> int | None:
    """How old a result may be that is used instead of running the query; None: none is."""
    asked = object_of(object_of(members, "ResultReuseConfiguration"), "ResultReuseByAgeConfiguration")
    if not asked.get("Enabled"):
        return None
    minutes = asked.get("MaxAgeInMinutes")
    if minutes is None:
        return _REUSE_MINUTES
    if not isinstance(minutes, int) or not 0 <= minutes <= _REUSE_MINUTES_MAX:
        place = "resultReuseConfiguration.resultReuseByAgeConfiguration.maxAgeInMinutes"
        raise violated(place, f"have value less than or equal to {_REUSE_MINUTES_MAX}", minutes)
    return minutes


def _reuse_shown(minutes: JsonValue) -> Document:
    return {"Enabled": False} if minutes is None else {"Enabled": True, "MaxAgeInMinutes": minutes}


def _unknown(query_id: str) -> Document:
    said = f"QueryExecution {query_id} was not found"
    return {"QueryExecutionId": query_id, "ErrorCode": "INVALID_QUERY_EXECUTION_ID", "ErrorMessage": said}


def _column_info(column: Document) -> Document:
    return {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": column["name"], "Label": column["name"],
            "Type": column["type"], "Precision": column["precision"], "Scale": column["scale"], "Nullable": "UNKNOWN",
            "CaseSensitive": column["case_sensitive"]}  # fmt: skip


def _token(query_id: str, offset: int) -> str:
    return base64.urlsafe_b64encode(dumpb([query_id, offset])).decode()


def _offset(token: str | None, query_id: str) -> int:
    """Where the next page begins in the result object."""
    if token is None:
        return 0
    try:
        held: JsonValue = loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, JsonError):
        held = None
    if (
        not isinstance(held, list)
        or len(held) != 2
        or held[0] != query_id
        or not isinstance(held[1], int)
        or held[1] < 0
    ):
        raise invalid("NextToken is not valid")
    return held[1]
