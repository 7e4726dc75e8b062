"""All tables of functions, put together once."""

from __future__ import annotations

from steppe.sql import (
    functions_collections,
    functions_json,
    functions_plain,
    functions_sketches,
    functions_special,
    functions_time,
)
from steppe.sql.functions import table

SCALARS = table(
    functions_plain.NUMBERS
    + functions_plain.TEXTS
    + functions_plain.BYTES
    + functions_plain.URLS
    + functions_time.SCALARS
    + functions_collections.SCALARS
    + functions_json.SCALARS
)

SPECIAL = (
    functions_time.SPECIAL
    | functions_collections.SPECIAL
    | functions_json.SPECIAL
    | functions_special.SPECIAL
    | functions_sketches.SPECIAL
)

AGGREGATES = table(functions_plain.AGGREGATES)

WINDOW_FUNCTIONS = table(functions_plain.WINDOW_FUNCTIONS)

SPECIAL_AGGREGATES = functions_special.AGGREGATES | functions_sketches.AGGREGATES

KNOWN_TO_TRINO = functions_plain.KNOWN_TO_TRINO
