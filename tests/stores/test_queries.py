"""Query executions: one a token, an end that stays, newest first."""

from __future__ import annotations

from steppe.stores.database import Database
from steppe.stores.queries import QueryRecord, QueryStore


def record(number: int, token: str | None = None) -> QueryRecord:
    return QueryRecord(
        id=f"id-{number}",
        work_group="primary",
        state="QUEUED",
        request_token=token,
        submitted_ms=number,
        body={"n": number},
    )


def test_a_token_gives_back_the_first_execution_and_an_end_is_not_changed(tmp_path):
    database = Database(tmp_path / "s.db")
    store = QueryStore(database)
    assert store.add(record(1, "token")).id == "id-1"
    assert store.add(record(2, "token")).id == "id-1"
    assert [store.add(record(n)).id for n in (3, 4)] == ["id-3", "id-4"]
    assert [i for i, _ in store.list_ids("primary", before=None, limit=2)] == ["id-4", "id-3"]
    assert store.list_ids("other", before=None, limit=2) == []
    assert store.change("id-3", state="CANCELLED", changes={"reason": "x"})
    assert not store.change("id-3", state="SUCCEEDED", changes={})
    assert store.get("id-3").state == "CANCELLED"
    assert store.get("id-3").body == {"n": 3, "reason": "x"}
    assert sorted(store.unfinished()) == ["id-1", "id-4"]
    store.forget(submitted_before_ms=4)
    assert store.get("id-3") is None
    assert store.get("id-1") is not None
    database.close()
