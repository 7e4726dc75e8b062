"""The catalog's records: names without case, pages in order, drops that say what happened."""

from __future__ import annotations

from steppe.stores.catalog import CatalogStore
from steppe.stores.database import Database


def test_databases_and_tables_are_found_in_any_case_and_listed_by_name(tmp_path):
    database = Database(tmp_path / "s.db")
    catalog = CatalogStore(database)
    catalog.ensure_default(1)
    catalog.ensure_default(2)
    assert catalog.database("DEFAULT")["CreateTime"] == 1
    assert catalog.create_database({"Name": "Shop"})
    assert not catalog.create_database({"Name": "SHOP"})
    for name in ("b", "A", "c"):
        assert catalog.create_table({"DatabaseName": "Shop", "Name": name}) == "created"
    assert catalog.create_table({"DatabaseName": "shop", "Name": "B"}) == "exists"
    assert catalog.create_table({"DatabaseName": "none", "Name": "x"}) == "no database"
    assert [d["Name"] for d in catalog.tables("SHOP", limit=2)] == ["a", "b"]
    assert [d["Name"] for d in catalog.tables("shop", after="b")] == ["c"]
    assert catalog.drop_database("shop", cascade=False) == "not empty"
    assert catalog.drop_table("shop", "A")
    assert not catalog.drop_table("shop", "a")
    assert catalog.drop_database("shop", cascade=True) == "dropped"
    assert catalog.drop_database("shop", cascade=True) == "missing"
    assert catalog.tables("shop") == []
    database.close()
