"""What an execution is doing right now, read through the API: its state, its query, its Map Runs."""

from __future__ import annotations

from dataclasses import dataclass

from steppe.base import jsonvalue
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.cli.calls import Calls

EVENTS_LOOKED_AT = 50
"""Newest history events read for one look. The state that runs now was entered within them, or is not shown."""


@dataclass(frozen=True, slots=True)
class MapRunProgress:
    """Counts of one Map Run.

    Attributes:
        arn: the Map Run's ARN.
        status: RUNNING, SUCCEEDED, FAILED, ABORTED.
        done: items that ended, however.
        failed: those that failed, timed out or were aborted.
        total: items known so far; grows while the source is being read.
    """

    arn: str
    status: str
    done: int
    failed: int
    total: int

    @property
    def label(self) -> str:
        """The label of the Distributed Map: the ARN's part between "/" and ":"."""
        return self.arn.rsplit("/", 1)[-1].rsplit(":", 1)[0]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at an execution.

    Attributes:
        description: the answer of DescribeExecution.
        state: name of the state entered last; None before the first.
        query: id and state of the Athena query that runs or ran last; None when there was none.
        map_runs: all Map Runs, in the order of their start.
    """

    description: dict[str, JsonValue]
    state: str | None
    query: tuple[str, str] | None
    map_runs: tuple[MapRunProgress, ...]

    @property
    def status(self) -> str:
        """Status of the execution."""
        return str(self.description["status"])


async def look(calls: Calls, execution_arn: str) -> Look:
    """Read what the execution does now.

    Raises:
        ApiError: there is no such execution.
    """
    description = await calls("stepfunctions", "DescribeExecution", executionArn=execution_arn)
    history = await calls(
        "stepfunctions",
        "GetExecutionHistory",
        executionArn=execution_arn,
        reverseOrder=True,
        maxResults=EVENTS_LOOKED_AT,
        includeExecutionData=True,
    )
    events = history["events"]
    entered = next((e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e), None)
    return Look(
        description=description,
        state=entered,
        query=await _query(calls, events),
        map_runs=await _map_runs(calls, execution_arn),
    )


async def _query(calls: Calls, events: list[dict[str, JsonValue]]) -> tuple[str, str] | None:
    submitted = (
        event["taskSubmittedEventDetails"]
        for event in events
        if event.get("taskSubmittedEventDetails", {}).get("resourceType") == "athena"
    )
    try:
        answer = jsonvalue.loads(next(submitted).get("output") or "null")
        query_id = str(answer["QueryExecutionId"])
        found = await calls("athena", "GetQueryExecution", QueryExecutionId=query_id)
        return query_id, str(found["QueryExecution"]["Status"]["State"])
    except (StopIteration, LookupError, TypeError, ValueError, ApiError):
        return None  # the view goes without it: an endpoint elsewhere may have run the query


async def _map_runs(calls: Calls, execution_arn: str) -> tuple[MapRunProgress, ...]:
    runs = []
    token = None
    while True:
        more: dict[str, JsonValue] = {"nextToken": token} if token else {}
        page = await calls("stepfunctions", "ListMapRuns", executionArn=execution_arn, **more)
        for run in page["mapRuns"]:
            runs.append(_progress(await calls("stepfunctions", "DescribeMapRun", mapRunArn=run["mapRunArn"])))
        token = page.get("nextToken")
        if not token:
            return tuple(reversed(runs))


def _progress(run: dict[str, JsonValue]) -> MapRunProgress:
    counts = run["itemCounts"]
    failed = counts["failed"] + counts["timedOut"] + counts["aborted"]
    return MapRunProgress(
        arn=run["mapRunArn"],
        status=run["status"],
        done=counts["succeeded"] + failed,
        failed=failed,
        total=counts["total"],
    )
