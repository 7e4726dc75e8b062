"""Named queries: texts that are kept under an id in a work group."""

from __future__ import annotations

import uuid
from typing import TypeVar

from steppe.services.athena.refusals import count_of, invalid, text_of, violated
from steppe.services.athena.work_groups import WorkGroups
from steppe.stores.queries import Document
from steppe.stores.saved_queries import SavedQueryStore

_COMPARED = ("Name", "Description", "Database", "QueryString", "WorkGroup")
T = TypeVar("T")


class NamedQueries:
    """Operations on named queries."""

    def __init__(self, store: SavedQueryStore, groups: WorkGroups) -> None:
        self._store = store
        self._groups = groups

    def create_named_query(self, members: Document) -> Document:
        """CreateNamedQuery; the same token and members give the query that is there."""
        group = text_of(members, "WorkGroup") or "primary"
        self._groups.find(group)
        described = text_of(members, "Description")
        document = {
            "NamedQueryId": str(uuid.uuid4()),
            "Name": text_of(members, "Name", needed=True),
            "Database": text_of(members, "Database", needed=True),
            "QueryString": text_of(members, "QueryString", needed=True),
            "WorkGroup": group,
            **({"Description": described} if described else {}),
        }
        held = self._store.add_named(document, token=text_of(members, "ClientRequestToken"))
        if any(held.get(member) != document.get(member) for member in _COMPARED):
            raise invalid("Idempotent parameters do not match")
        return {"NamedQueryId": held["NamedQueryId"]}

    def get_named_query(self, members: Document) -> Document:
        """GetNamedQuery."""
        query_id = text_of(members, "NamedQueryId", needed=True) or ""
        return {"NamedQuery": _there(self._store.named(query_id), query_id)}

    def batch_get_named_query(self, members: Document) -> Document:
        """BatchGetNamedQuery: 1 to 50 ids; unknown ones are told."""
        found = {query_id: self._store.named(query_id) for query_id in _ids(members, "NamedQueryIds")}
        return {
            "NamedQueries": [document for document in found.values() if document is not None],
            "UnprocessedNamedQueryIds": [
                {"NamedQueryId": i, "ErrorCode": "INVALID_INPUT", "ErrorMessage": _missing(i)}
                for i, document in found.items()
                if document is None
            ],
        }

    def list_named_queries(self, members: Document) -> Document:
        """ListNamedQueries: the ids of a group."""
        group = text_of(members, "WorkGroup") or "primary"
        self._groups.find(group)
        limit = count_of(members, default=50, most=50, least=0)
        found = self._store.named_ids(group, after=text_of(members, "NextToken") or "", limit=limit + 1)
        more = {"NextToken": found[limit - 1]} if len(found) > limit else {}
        return {"NamedQueryIds": found[:limit], **more}

    def update_named_query(self, members: Document) -> Document:
        """UpdateNamedQuery: name, text, and the description when it is sent."""
        query_id = text_of(members, "NamedQueryId", needed=True) or ""
        changes = {name: text_of(members, name, needed=True) for name in ("Name", "QueryString")}
        if members.get("Description") is not None:
            changes["Description"] = text_of(members, "Description")
        _there(self._store.change_named(query_id, dict(changes)) or None, query_id)
        return {}

    def delete_named_query(self, members: Document) -> Document:
        """DeleteNamedQuery."""
        query_id = text_of(members, "NamedQueryId", needed=True) or ""
        _there(self._store.drop_named(query_id) or None, query_id)
        return {}


def _there(found: T | None, query_id: str) -> T:
    if found is None:
        raise invalid(_missing(query_id))
    return found


def _missing(query_id: str) -> str:
    return f"NamedQuery {query_id} was not found"


def _ids(members: Document, member: str) -> list[str]:
    ids = members.get(member)
    if not isinstance(ids, list) or not 1 <= len(ids) <= 50 or not all(isinstance(i, str) for i in ids):
        rule = "have length less than or equal to 50 and greater than or equal to 1"
        raise violated(member[:1].lower() + member[1:], rule)
    return ids
