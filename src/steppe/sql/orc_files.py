"""ORC files, which DuckDB does not read: as Parquet in the query's own directory, stripe by stripe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import orc

from steppe.sql.errors import QueryError
from steppe.sql.table_files import DataFile


def orc_as_parquet(file: DataFile, columns: Sequence[str], folder: Path, check: Callable[[], None]) -> Path:
    """A file's columns of the given names, in any case, as a Parquet file.

    Raises:
        QueryError: HIVE_BAD_DATA, it is no ORC file.
    """
    path = folder / f"{file.path.name[:40]}-{len(list(folder.iterdir()))}.parquet"
    wanted = frozenset(columns)
    try:
        source = orc.ORCFile(str(file.path))
        names = [label for label in source.schema.names if label.lower() in wanted]
        schema = pa.schema([source.schema.field(label) for label in names])
        if not names:
            # Rows without any column that the table knows: their number still counts.
            names, schema = source.schema.names[:1], pa.schema([source.schema.field(0)])
        with pq.ParquetWriter(path, schema, compression="snappy") as writer:
            for stripe in range(source.nstripes):
                check()
                writer.write_batch(source.read_stripe(stripe, columns=names))
    except (pa.ArrowException, OSError) as error:
        raise QueryError("HIVE_BAD_DATA", f"Not a valid ORC file: {file.uri}") from error
    return path
