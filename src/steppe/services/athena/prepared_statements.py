"""Prepared statements: queries with parameters that are kept under a name in a work group."""

from __future__ import annotations

from collections.abc import Callable

from steppe.base.errors import ApiError
from steppe.services.athena.refusals import count_of, invalid, text_of, violated
from steppe.services.athena.work_groups import WorkGroups
from steppe.stores.queries import Document
from steppe.stores.saved_queries import SavedQueryStore

NAMES_MAX = 256
"""Names of one BatchGetPreparedStatement; ours."""


class PreparedStatements:
    """Operations on prepared statements."""

    def __init__(self, store: SavedQueryStore, groups: WorkGroups, clock: Callable[[], int]) -> None:
        self._store = store
        self._groups = groups
        self._clock = clock

    def create_prepared_statement(self, members: Document) -> Document:
        """CreatePreparedStatement."""
        document = self._document(members)
        if not self._store.add_prepared(document, replace=False):
            name, group = document["StatementName"], document["WorkGroupName"]
            raise invalid(f"Prepared statement {name} already exists in WorkGroup {group}")
        return {}

    def update_prepared_statement(self, members: Document) -> Document:
        """UpdatePreparedStatement."""
        document = self._document(members)
        if not self._store.add_prepared(document, replace=True):
            raise _missing(document["StatementName"], document["WorkGroupName"])
        return {}

    def get_prepared_statement(self, members: Document) -> Document:
        """GetPreparedStatement."""
        group, name = self._place(members)
        found = self._store.prepared(group, name)
        if found is None:
            raise _missing(name, group)
        return {"PreparedStatement": found}

    def batch_get_prepared_statement(self, members: Document) -> Document:
        """BatchGetPreparedStatement; unknown names are told."""
        names = members.get("PreparedStatementNames")
        if not isinstance(names, list) or len(names) > NAMES_MAX or not all(isinstance(n, str) for n in names):
            raise violated("preparedStatementNames", f"have length less than or equal to {NAMES_MAX}")
        group = text_of(members, "WorkGroup", needed=True) or ""
        self._groups.find(group)
        found = {name: self._store.prepared(group, name) for name in names}
        return {
            "PreparedStatements": [document for document in found.values() if document is not None],
            "UnprocessedPreparedStatementNames": [
                {"StatementName": n, "ErrorCode": "STATEMENT_NOT_FOUND", "ErrorMessage": _missing(n, group).message}
                for n, document in found.items()
                if document is None
            ],
        }

    def list_prepared_statements(self, members: Document) -> Document:
        """ListPreparedStatements of a group, by name."""
        group = text_of(members, "WorkGroup", needed=True) or ""
        self._groups.find(group)
        limit = count_of(members, default=50, most=50)
        found = self._store.prepared_of(group, after=text_of(members, "NextToken") or "", limit=limit + 1)
        shown = [{key: document[key] for key in ("StatementName", "LastModifiedTime")} for document in found[:limit]]
        more = {"NextToken": found[limit - 1]["StatementName"]} if len(found) > limit else {}
        return {"PreparedStatements": shown, **more}

    def delete_prepared_statement(self, members: Document) -> Document:
        """DeletePreparedStatement."""
        group, name = self._place(members)
        if not self._store.drop_prepared(group, name):
            raise _missing(name, group)
        return {}

    def _place(self, members: Document) -> tuple[str, str]:
        group = text_of(members, "WorkGroup", needed=True) or ""
        self._groups.find(group)
        return group, text_of(members, "StatementName", needed=True) or ""

    def _document(self, members: Document) -> Document:
        group, name = self._place(members)
        described = text_of(members, "Description")
        return {
            "StatementName": name,
            "QueryStatement": text_of(members, "QueryStatement", needed=True),
            "WorkGroupName": group,
            "LastModifiedTime": self._clock(),
            **({"Description": described} if described else {}),
        }


def _missing(name: str, group: str) -> ApiError:
    said = f"No Prepared Statement with statement name {name} exists in WorkGroup {group}"
    return ApiError("ResourceNotFoundException", said, fields={"ResourceName": name})
