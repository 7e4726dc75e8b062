"""Databases: CreateDatabase, GetDatabase, GetDatabases, UpdateDatabase, DeleteDatabase."""

from __future__ import annotations

from collections.abc import Callable

from steppe.services.glue.refusals import Document, missing, read_token, refuse, taken, write_token
from steppe.stores.catalog import CatalogStore

PAGE_MAX = 100
_HELD = ("Description", "LocationUri", "Parameters", "CreateTableDefaultPermissions")
_EVERYBODY = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]


class Databases:
    """Operations on databases."""

    def __init__(self, catalog: CatalogStore, *, account: str, clock: Callable[[], int]) -> None:
        self._catalog = catalog
        self._account = account
        self._clock = clock

    def create_database(self, members: Document) -> Document:
        """CreateDatabase."""
        given = members["DatabaseInput"]
        tags = {"Tags": members["Tags"]} if members.get("Tags") else {}
        document = {"Name": given["Name"], "CreateTime": self._clock() // 1000 * 1000, **_settable(given), **tags}
        if not self._catalog.create_database(document):
            raise taken("Database already exists.")
        return {}

    def get_database(self, members: Document) -> Document:
        """GetDatabase."""
        return {"Database": self._shown(self.find(members["Name"]))}

    def get_databases(self, members: Document) -> Document:
        """GetDatabases, by name."""
        limit = members.get("MaxResults") or PAGE_MAX
        found = self._catalog.databases(after=read_token(members, str) or "", limit=limit + 1)
        more = {"NextToken": write_token(found[limit - 1]["Name"])} if len(found) > limit else {}
        return {"DatabaseList": [self._shown(document) for document in found[:limit]], **more}

    def update_database(self, members: Document) -> Document:
        """UpdateDatabase: what is not sent is gone."""
        settable = _settable(members["DatabaseInput"])

        def change(document: Document) -> Document:
            kept = {key: value for key, value in document.items() if key not in _HELD}
            return {**kept, **settable}

        if not self._catalog.change_database(members["Name"], change):
            raise _unknown(members["Name"])
        return {}

    def delete_database(self, members: Document) -> Document:
        """DeleteDatabase, with its tables."""
        if self._catalog.drop_database(members["Name"], cascade=True) == "missing":
            raise _unknown(members["Name"])
        return {}

    def get_user_defined_functions(self, members: Document) -> Document:
        """GetUserDefinedFunctions: there are none, and nothing makes one."""
        if members.get("DatabaseName"):
            self.find(members["DatabaseName"])
        return {"UserDefinedFunctions": []}

    def find(self, name: str) -> Document:
        """A database's document.

        Raises:
            ApiError: EntityNotFoundException.
        """
        document = self._catalog.database(name)
        if document is None:
            raise _unknown(name)
        return document

    def _shown(self, document: Document) -> Document:
        shown = {key: value for key, value in document.items() if key != "Tags"}
        return {"CreateTableDefaultPermissions": _EVERYBODY, **shown, "CatalogId": self._account}


def _settable(given: Document) -> Document:
    refuse(given, "TargetDatabase", "FederatedDatabase")
    return {key: given[key] for key in _HELD if given.get(key) is not None}


def _unknown(name: str) -> Exception:
    return missing(f"Database {name.lower()} not found.")
