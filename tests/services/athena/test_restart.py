"""What a dead server leaves QUEUED or RUNNING ends as FAILED, and may be started again."""

from __future__ import annotations

from steppe.objects.memory import MemoryObjectStore
from steppe.services.athena.service import AthenaService
from steppe.settings import Settings
from steppe.stores.database import Database
from steppe.stores.queries import QueryRecord, QueryStore
from steppe.wire.request import Request


async def test_an_unfinished_execution_becomes_failed_and_retryable(tmp_path):
    database = Database(tmp_path / "s.db")
    now = 1_700_000_000_000
    body = {"query": "SELECT 1", "context": {}, "result_configuration": {}, "output_location": "s3://b/x.csv",
            "statement_type": "DML", "substatement_type": "SELECT", "engine": "AUTO"}  # fmt: skip
    QueryStore(database).add(
        QueryRecord(id="lost", work_group="primary", state="RUNNING", request_token=None, submitted_ms=now, body=body)
    )
    service = AthenaService(
        database=database, objects=MemoryObjectStore(), settings=Settings(), data_dir=tmp_path, clock=lambda: now + 5
    )
    await service.start()
    request = Request(service="athena", operation="GetQueryExecution", input={"QueryExecutionId": "lost"})
    status = (await service.operations()["GetQueryExecution"](request))["QueryExecution"]["Status"]
    assert status["State"] == "FAILED"
    assert "server ended" in status["StateChangeReason"]
    assert (status["AthenaError"]["ErrorCategory"], status["AthenaError"]["Retryable"]) == (1, True)
    await service.stop()
    database.close()
