"""Result reuse: a SELECT that has run before, in the same place, is answered with the result that is there."""

from __future__ import annotations

import hashlib

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import canonical
from steppe.objects.object_store import ObjectStore
from steppe.sql import parameters
from steppe.sql.errors import MalformedQuery, QueryError
from steppe.sql.statement import Statement
from steppe.stores.queries import Document, QueryRecord, QueryStore

_CANDIDATES = 10
"""Earlier executions that are looked at, newest first: the object of the last may have been removed."""

_UNREPEATABLE = frozenset({
    "RANDOM", "RAND", "UUID", "NOW", "SHUFFLE", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_TIMEZONE",
    "CURRENT_USER", "LOCALTIME", "LOCALTIMESTAMP", "TABLESAMPLE",
})  # fmt: skip

_PLACE = (("Database", "default"), ("Catalog", "awsdatacatalog"))


def reuse_key(statement: Statement, values: list[str], context: Document, group: str) -> str | None:
    """What executions have in common that may use each other's result; None when nothing may use this one's."""
    if statement.family != "query" or any(token.upper in _UNREPEATABLE for token in statement.tokens):
        return None
    try:
        bound = parameters.bind(statement, values)
    except (QueryError, MalformedQuery):
        return None
    if any(token.upper in _UNREPEATABLE for token in bound.tokens):
        return None
    place = [str(context.get(member) or default).lower() for member, default in _PLACE]
    return hashlib.sha256(canonical([bound.text, *place, group])).hexdigest()


def earlier_result(record: QueryRecord, store: QueryStore, objects: ObjectStore, now_ms: int) -> Document | None:
    """What an execution's record holds when an earlier result answers it; None when it has to run."""
    minutes = record.body.get("reuse_minutes")
    if minutes is None or record.reuse_key is None:
        return None
    for earlier in store.reusable(record.reuse_key, limit=_CANDIDATES):
        body = earlier.body
        if body.get("reused") or body["completed_ms"] < now_ms - minutes * 60_000:
            continue
        bucket, _, key = str(body["output_location"]).removeprefix("s3://").partition("/")
        try:
            objects.head(bucket, key)
        except ApiError:
            continue
        taken: Document = {
            member: body[member] for member in ("output_location", "columns", "update_count") if member in body
        }
        return {**taken, "scanned_bytes": 0, "reused": True}
    return None
