"""An engine over nothing: queries that need no table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from steppe.objects.memory import MemoryObjectStore
from steppe.sql.engines.duckdb_engine import DuckdbEngine, StopSignal
from steppe.sql.errors import MalformedQuery, QueryError
from steppe.sql.results import read_rows
from steppe.sql.statement import classify
from steppe.stores.catalog import CatalogStore
from steppe.stores.database import Database

Ask = Callable[[str], list[list[str | None]] | str]


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Run a query: its rows with the header, or the text of its failure."""
    data: Path = tmp_path_factory.mktemp("engine")
    database = Database(data / "steppe.db")
    catalog = CatalogStore(database)
    catalog.ensure_default(0)
    engine = DuckdbEngine(
        objects=MemoryObjectStore(), catalog=catalog, scratch=data / "scratch", threads=2, memory_mib=256
    )

    def run(sql: str) -> list[list[str | None]] | str:
        try:
            for opened in engine.run(classify(sql), database="default", now_ms=1_700_000_000_123, stop=StopSignal()):
                return [row for row, _ in read_rows(opened.csv)]
        except (QueryError, MalformedQuery) as error:
            return str(error)
        raise AssertionError("the engine gave nothing")

    return run
