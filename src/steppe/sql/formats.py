"""The storage formats of tables: their classes in the catalog, what they are compressed with, what files end in."""

from __future__ import annotations

from dataclasses import dataclass, field

from steppe.sql.errors import not_supported

LAZY_SIMPLE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
ORC = "org.apache.hadoop.hive.ql.io.orc.OrcSerde"
AVRO = "org.apache.hadoop.hive.serde2.avro.AvroSerDe"
HIVE_JSON = "org.apache.hive.hcatalog.data.JsonSerDe"
OPENX_JSON = "org.openx.data.jsonserde.JsonSerDe"
REGEX = "org.apache.hadoop.hive.serde2.RegexSerDe"

_TEXT_CLASSES = (
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
)
_PARQUET_CLASSES = (
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
)
_ORC_CLASSES = (
    "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
    "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
)
_AVRO_CLASSES = (
    "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
    "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
)

CLASSES: dict[str, tuple[str, str]] = {
    LAZY_SIMPLE: _TEXT_CLASSES,
    OPEN_CSV: _TEXT_CLASSES,
    HIVE_JSON: _TEXT_CLASSES,
    OPENX_JSON: _TEXT_CLASSES,
    REGEX: _TEXT_CLASSES,
    PARQUET: _PARQUET_CLASSES,
    ORC: _ORC_CLASSES,
    AVRO: _AVRO_CLASSES,
}
"""Input and output format of each SerDe."""

_BINARY = {"NONE": "none", "UNCOMPRESSED": "none", "SNAPPY": "snappy", "GZIP": "gzip", "ZSTD": "zstd", "LZ4": "lz4"}
_LINES = {"NONE": "none", "UNCOMPRESSED": "none", "GZIP": "gzip", "ZSTD": "zstd", "BZIP2": "bz2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format that statements write.

    Attributes:
        name: as in WITH (format = ...).
        serde: its class.
        classification: the table property of that name.
        compression: the default.
        compressions: Athena's names and ours.
        property: the table property that names the compression, as Hive's writers know it.
    """

    name: str
    serde: str
    classification: str
    compression: str
    compressions: dict[str, str] = field(default_factory=dict)
    property: str = "write.compression"

    def codec(self, asked: str | None) -> str:
        """Our name of a compression.

        Raises:
            QueryError: NOT_SUPPORTED with the name, for what the format has not or this engine does not write.
        """
        found = self.compressions.get((asked or self.compression).upper())
        if found is None:
            raise not_supported(f"compression {asked} for format {self.name}")
        return found


FORMATS = {
    row.name: row
    for row in (
        Format(name="PARQUET", serde=PARQUET, classification="parquet", compression="GZIP", compressions=_BINARY,
               property="parquet.compression"),
        Format(name="ORC", serde=ORC, classification="orc", compression="ZLIB", property="orc.compress",
               compressions={"NONE": "uncompressed", "ZLIB": "zlib", "SNAPPY": "snappy", "ZSTD": "zstd", "LZ4": "lz4"}),
        Format(name="JSON", serde=HIVE_JSON, classification="json", compression="GZIP", compressions=_LINES),
        Format(name="TEXTFILE", serde=LAZY_SIMPLE, classification="csv", compression="GZIP", compressions=_LINES),
    )
}  # fmt: skip
"""By the name that WITH (format = ...) and STORED AS use."""

LINE_FORMATS = frozenset({"JSON", "TEXTFILE"})
"""Those whose files are lines."""

ENDINGS = {"gzip": ".gz", "zstd": ".zst", "bz2": ".bz2"}
"""What files of lines end in, by compression; how a reader knows it."""


def format_of_serde(serde: str) -> Format | None:
    """The format that rows are written in for a table of a SerDe; None when nothing writes it."""
    if serde == OPENX_JSON:
        serde = HIVE_JSON
    return next((row for row in FORMATS.values() if row.serde == (serde or LAZY_SIMPLE)), None)
