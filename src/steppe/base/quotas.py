"""Service quotas: value, unit, source. What a user may change is in `steppe.settings`; these are AWS's own."""

from __future__ import annotations

from typing import Final

PAYLOAD_BYTES_MAX: Final = 262_144
"""Input or output of a task, state or execution, UTF-8 bytes. Developer Guide, "Quotas"."""

HISTORY_EVENTS_MAX: Final = 25_000
"""Events of one Standard execution, the last being ExecutionFailed. Observed, September 2026."""

CHILDREN_CONCURRENT_MAX: Final = 10_000
"""Child executions of one Map Run at once. Developer Guide, "Quotas"."""

ITERATIONS_CONCURRENT_MAX: Final = 40
"""Iterations of one inline Map at once. Developer Guide, "Quotas"."""

MAP_ITEMS_MAX: Final = 100_000_000
"""Items of one Map Run; a larger MaxItems is lowered to it silently, as AWS does (recorded in 2023)."""

ITEM_BYTES_MAX: Final = 8 * 1024 * 1024
"""One item (row, line, element) as it is read. Developer Guide, "ItemReader"."""

EXPANDED_BYTES_MAX: Final = 100 * 1024**3
"""What one compressed data file may hold. Ours, ten times what AWS takes as a file: a bomb ends here."""

PARQUET_FOOTER_BYTES_MAX: Final = 5 * 1024 * 1024
"""Footer of a Parquet file. Developer Guide, "ItemReader"."""

PARQUET_GROUP_BYTES_MAX: Final = 256 * 1024 * 1024
"""One row group of a Parquet file, by its total byte size. Developer Guide, "ItemReader"."""

CSV_HEADER_BYTES_MAX: Final = 10 * 1024
"""All column names of a CSV file together. Developer Guide, "ItemReader"."""

VARIABLES_BYTES_MAX: Final = 10 * 1024 * 1024
"""All variables of one execution. Developer Guide, "Variables"."""

WAIT_SECONDS_MAX: Final = 99_999_999
"""Seconds of a Wait, TimeoutSeconds, HeartbeatSeconds. Amazon States Language schema."""
