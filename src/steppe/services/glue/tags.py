"""Tags of databases and tables: they are kept inside their documents."""

from __future__ import annotations

import re

from steppe.services.glue.refusals import Document, invalid, missing
from steppe.stores.catalog import CatalogStore, Change

TAGS_MAX = 50
"""Source: Glue, TagResource."""

_RESOURCE = re.compile(r"arn:[^:]+:glue:[^:]*:\d{12}:(?:(database)/([^/]+)|(table)/([^/]+)/([^/]+))")


class Tags:
    """TagResource, UntagResource, GetTags."""

    def __init__(self, catalog: CatalogStore) -> None:
        self._catalog = catalog

    def tag_resource(self, members: Document) -> Document:
        """TagResource."""
        added = members["TagsToAdd"]

        def change(document: Document) -> Document:
            tags = {**document.get("Tags", {}), **added}
            if len(tags) > TAGS_MAX:
                raise invalid(f"A resource can have {TAGS_MAX} tags at most")
            return {**document, "Tags": tags}

        self._change(members["ResourceArn"], change)
        return {}

    def untag_resource(self, members: Document) -> Document:
        """UntagResource."""
        gone = set(members["TagsToRemove"])

        def change(document: Document) -> Document:
            return {**document, "Tags": {k: v for k, v in document.get("Tags", {}).items() if k not in gone}}

        self._change(members["ResourceArn"], change)
        return {}

    def get_tags(self, members: Document) -> Document:
        """GetTags."""
        database, table = _named(members["ResourceArn"])
        document = self._catalog.database(database) if table is None else self._catalog.table(database, table)
        if document is None:
            raise missing("Entity Not Found")
        return {"Tags": document.get("Tags", {})}

    def _change(self, arn: str, change: Change) -> None:
        database, table = _named(arn)
        if table is None:
            found = self._catalog.change_database(database, change)
        else:
            found = self._catalog.change_table(database, table, change, archive=False, counted=False) == "changed"
        if not found:
            raise missing("Entity Not Found")


def _named(arn: str) -> tuple[str, str | None]:
    """Database and table (None: the database itself) of an ARN."""
    match = _RESOURCE.fullmatch(arn)
    if match is None:
        raise invalid(f"{arn} is not the ARN of a database or a table")
    return (match[2], None) if match[1] else (match[4], match[5])
