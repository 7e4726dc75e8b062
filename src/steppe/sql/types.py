"""Athena's types: Trino's for values, Hive's for tables, DuckDB's for what holds them.

One value class, `Type`, whatever the spelling. How DuckDB holds a value of a type is decided here and nowhere else:

- rows are structs with fields named f1, f2, ... (so that nothing is ever matched by a name that differs in case);
- a timestamp with time zone is a struct of the instant in UTC and the zone's name, since it keeps its zone;
- an interval day to second is a number of milliseconds, an interval year to month a number of months;
- char(n) is kept without its padding, JSON as its canonical text, the type of NULL as an integer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

VARCHAR_MAX = 2147483647
DECIMAL_DIGITS_MAX = 38


class TypeTextError(ValueError):
    """A text that names no type."""


@dataclass(frozen=True, slots=True)
class Type:
    """A Trino type.

    Attributes:
        name: Trino's base name, for example "integer", "varchar", "timestamp with time zone", "row".
        precision: digits of decimal, length of char and varchar (None: unbounded), fraction digits of times.
        scale: of decimal, else 0.
        children: element of array; key and value of map; fields of row.
        fields: names of a row's fields; None for an unnamed one.
    """

    name: str
    precision: int | None = None
    scale: int = 0
    children: tuple[Type, ...] = ()
    fields: tuple[str | None, ...] = ()

    def __str__(self) -> str:
        """Trino's spelling, as `typeof` gives it."""
        if self.name in ("varchar", "char") and self.precision is not None:
            return f"{self.name}({self.precision})"
        if self.name == "decimal":
            return f"decimal({self.precision},{self.scale})"
        if self.name in ("timestamp", "time") and self.precision is not None:
            return f"{self.name}({self.precision})"
        if self.name.endswith("with time zone"):
            return f"{self.name.split()[0]}({self.precision}) with time zone"
        if self.name == "row":
            pairs = zip(self.fields, self.children, strict=True)
            return "row(" + ", ".join(f"{_quoted(n)} {t}" if n is not None else str(t) for n, t in pairs) + ")"
        if self.children:
            return f"{self.name}({', '.join(map(str, self.children))})"
        return self.name


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


UNKNOWN = Type("unknown")
BOOLEAN = Type("boolean")
TINYINT, SMALLINT, INTEGER, BIGINT = Type("tinyint"), Type("smallint"), Type("integer"), Type("bigint")
REAL, DOUBLE = Type("real"), Type("double")
VARCHAR, VARBINARY, JSON, UUID = Type("varchar"), Type("varbinary"), Type("json"), Type("uuid")
DATE, TIME, TIMESTAMP = Type("date"), Type("time", 3), Type("timestamp", 3)
TIMESTAMP_TZ = Type("timestamp with time zone", 3)
INTERVAL_DAY, INTERVAL_YEAR = Type("interval day to second"), Type("interval year to month")

TDIGEST, HYPERLOGLOG = Type("tdigest"), Type("HyperLogLog")

INTEGRAL = ("tinyint", "smallint", "integer", "bigint")
_NUMBER_ORDER = ("tinyint", "smallint", "integer", "bigint", "decimal", "real", "double")
_INTEGRAL_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}


def array(element: Type) -> Type:
    """The type of arrays of `element`."""
    return Type("array", children=(element,))


def map_of(key: Type, value: Type) -> Type:
    """The type of maps from `key` to `value`."""
    return Type("map", children=(key, value))


def row(*children: Type, names: tuple[str | None, ...] = ()) -> Type:
    """The type of rows; unnamed fields unless `names` are given."""
    return Type("row", children=children, fields=names or (None,) * len(children))


def decimal(precision: int, scale: int) -> Type:
    """The decimal type with so many digits, cut to as many as Trino has."""
    return Type("decimal", min(precision, DECIMAL_DIGITS_MAX), scale)


def is_numeric(kind: Type) -> bool:
    """Whether arithmetic takes it as a number."""
    return kind.name in _NUMBER_ORDER


def is_integral(kind: Type) -> bool:
    """Whether it is one of the four integers."""
    return kind.name in INTEGRAL


def is_orderable(kind: Type) -> bool:
    """Whether values can be compared with <."""
    if kind.name in ("array", "row"):
        return all(map(is_orderable, kind.children))
    return kind.name not in ("map", "json", "tdigest", "HyperLogLog")


def contains(kind: Type, name: str) -> bool:
    """Whether `name` is the base name of the type or of one inside it."""
    return kind.name == name or any(contains(child, name) for child in kind.children)


def as_decimal(kind: Type) -> Type:
    """The decimal type that holds an integer type, or the decimal itself."""
    return kind if kind.name == "decimal" else decimal(_INTEGRAL_DIGITS[kind.name], 0)


def common(left: Type, right: Type) -> Type | None:
    """The type that both coerce to without a cast being written, or None.

    Source: Trino manual, "Types"; char and varchar do not mix here (Trino pads them; callers refuse).
    """
    if left == right or right.name == "unknown":
        return left
    if left.name == "unknown":
        return right
    if is_numeric(left) and is_numeric(right):
        return _common_number(left, right)
    if left.name == right.name:
        return _common_same_name(left, right)
    moments = ("date", "timestamp", "timestamp with time zone")
    if left.name in moments and right.name in moments:
        later = max(left, right, key=lambda kind: moments.index(kind.name))
        return Type(later.name, max(left.precision or 0, right.precision or 0))
    return None


def _common_number(left: Type, right: Type) -> Type:
    wide = max(left, right, key=lambda kind: _NUMBER_ORDER.index(kind.name))
    if wide.name != "decimal":
        return wide
    left, right = as_decimal(left), as_decimal(right)
    scale = max(left.scale, right.scale)
    whole = max((left.precision or 0) - left.scale, (right.precision or 0) - right.scale)
    return decimal(whole + scale, scale)


def _common_same_name(left: Type, right: Type) -> Type | None:
    if left.name == "varchar":
        bounded = left.precision is not None and right.precision is not None
        return Type("varchar", max(left.precision or 0, right.precision or 0) if bounded else None)
    if left.precision is not None:
        return Type(left.name, max(left.precision, right.precision or 0))
    if len(left.children) != len(right.children):
        return None
    children = tuple(common(a, b) for a, b in zip(left.children, right.children, strict=True))
    if any(child is None for child in children):
        return None
    names = tuple(a if a == b else None for a, b in zip(left.fields, right.fields, strict=True))
    return Type(left.name, children=tuple(child for child in children if child is not None), fields=names)


def duckdb(kind: Type) -> str:
    """The DuckDB type that holds values of a type (see the module's text)."""
    match kind.name:
        case "array":
            return f"{duckdb(kind.children[0])}[]"
        case "map":
            return f"MAP({duckdb(kind.children[0])}, {duckdb(kind.children[1])})"
        case "row":
            return "STRUCT(" + ", ".join(f"f{i} {duckdb(c)}" for i, c in enumerate(kind.children, 1)) + ")"
        case "decimal":
            return f"DECIMAL({kind.precision},{kind.scale})"
        case _:
            return _DUCKDB[kind.name]


_DUCKDB = {
    "unknown": "INTEGER", "boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INTEGER",
    "bigint": "BIGINT", "real": "FLOAT", "double": "DOUBLE", "varchar": "VARCHAR", "char": "VARCHAR",
    "varbinary": "BLOB", "date": "DATE", "time": "TIME", "timestamp": "TIMESTAMP", "json": "VARCHAR", "uuid": "UUID",
    "timestamp with time zone": "STRUCT(t TIMESTAMP, z VARCHAR)",
    "tdigest": "DOUBLE[]", "HyperLogLog": "VARCHAR[]",
    "interval day to second": "BIGINT", "interval year to month": "INTEGER",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """What GetQueryResults and the metadata object say about a column."""

    name: str
    type: str
    precision: int
    scale: int
    case_sensitive: bool


_PRECISIONS = {
    "tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19, "real": 17, "double": 17, "varbinary": 1073741824,
    "time": 3, "timestamp": 3, "timestamp with time zone": 3,
}  # fmt: skip


def column_info(name: str, kind: Type) -> ColumnInfo:
    """The description of a result column. Source: `observed-athena.md`, section 4."""
    spelling = "float" if kind.name == "real" else kind.name
    precision, scale = _PRECISIONS.get(kind.name, 0), 0
    if kind.name == "decimal":
        precision, scale = kind.precision or 0, kind.scale
    elif kind.name in ("varchar", "char"):
        precision = VARCHAR_MAX if kind.precision is None else kind.precision
    return ColumnInfo(name, spelling, precision, scale, kind.name in ("varchar", "char"))


_TOKEN = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([A-Za-z_][A-Za-z0-9_]*)|(\d+)|([(),<>:]))')
_DEPTH_MAX = 50
_SPELLINGS = {"int": "integer", "string": "varchar", "float": "real", "binary": "varbinary", "dec": "decimal",
              "numeric": "decimal"}  # fmt: skip


def parse_hive(text: str) -> Type:
    """The type that a table's column type in Hive's spelling stands for: `int`, `struct<a:int,b:string>`.

    Raises:
        TypeTextError: the text is no Hive type.
    """
    return _TypeReader(text, opening="<", closing=">").whole()


def parse_trino(text: str) -> Type:
    """The type of a Trino spelling: `array(varchar)`, `row(a integer, b double)`, `timestamp(3) with time zone`.

    Raises:
        TypeTextError: the text is no type.
    """
    return _TypeReader(text, opening="(", closing=")").whole()


class _TypeReader:
    """Recursive descent over a type's text; the two spellings differ in their brackets and in how rows name fields."""

    def __init__(self, text: str, *, opening: str, closing: str) -> None:
        self._text, self._opening, self._closing = text, opening, closing
        self._tokens = list(self._read())
        self._at = 0
        self._depth = 0

    def whole(self) -> Type:
        """The type of the whole text."""
        kind = self._type()
        if self._at != len(self._tokens):
            raise TypeTextError(f"Unknown type: {self._text}")
        return kind

    def _read(self) -> Iterator[tuple[str, str]]:
        at, text = 0, self._text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if not match:
                raise TypeTextError(f"Unknown type: {self._text}")
            at = match.end()
            quoted, word, number, sign = match.groups()
            if quoted is not None:
                yield "quoted", quoted.replace('""', '"')
            else:
                yield ("word", word) if word else ("number", number) if number else ("sign", sign)

    def _peek(self) -> str:
        return self._tokens[self._at][1].lower() if self._at < len(self._tokens) else ""

    def _next(self, wanted: str = "") -> str:
        text = self._tokens[self._at][1] if self._at < len(self._tokens) else ""
        if not text or (wanted and text.lower() != wanted):
            raise TypeTextError(f"Unknown type: {self._text}")
        self._at += 1
        return text

    def _type(self) -> Type:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise TypeTextError(f"Type nests deeper than {_DEPTH_MAX} levels")
        word = self._next().lower()
        name = _SPELLINGS.get(word, word)
        kind = self._nested(name) if name in ("array", "map", "row", "struct") else self._plain(name)
        self._depth -= 1
        return kind

    def _plain(self, name: str) -> Type:
        if name == "double" and self._peek() == "precision":
            self._next()
        if name == "interval":
            words = [self._next().lower() for _ in range(3)]
            name = "interval " + " ".join(words)
        numbers: list[int] = []
        if self._peek() == "(":
            self._next("(")
            numbers.append(int(self._next()))
            if self._peek() == ",":
                self._next(",")
                numbers.append(int(self._next()))
            self._next(")")
        if name in ("timestamp", "time") and self._peek() in ("with", "without"):
            zoned = self._next().lower() == "with"
            self._next("time"), self._next("zone")
            name = f"{name} with time zone" if zoned else name
        return scalar(name, numbers)

    def _nested(self, name: str) -> Type:
        hive = self._opening == "<"
        self._next(self._opening)
        children: list[Type] = []
        names: list[str | None] = []
        while True:
            label = self._field_name(hive) if name in ("row", "struct") else None
            children.append(self._type())
            names.append(label)
            if self._peek() != ",":
                break
            self._next(",")
        self._next(self._closing)
        if name in ("row", "struct"):
            return Type("row", children=tuple(children), fields=tuple(names))
        if len(children) != (1 if name == "array" else 2):
            raise TypeTextError(f"Unknown type: {self._text}")
        return Type(name, children=tuple(children))

    def _field_name(self, hive: bool) -> str | None:
        if hive:
            label = self._next().lower()
            self._next(":")
            return label
        following = self._tokens[self._at + 1][1] if self._at + 1 < len(self._tokens) else ""
        quoted = self._tokens[self._at][0] == "quoted" if self._at < len(self._tokens) else False
        if not quoted and (following in (",", ")", "(") or (following or "").lower() in ("with", "precision")):
            return None
        label = self._next()
        return label if quoted else label.lower()


def scalar(name: str, numbers: list[int]) -> Type:
    """The type of a base name with its numbers in brackets.

    Raises:
        TypeTextError: unknown name, or numbers that the type does not take.
    """
    if name == "decimal":
        precision, scale = [*numbers, *(38, 0)[len(numbers) :]][:2] if numbers else (DECIMAL_DIGITS_MAX, 0)
        if not 1 <= precision <= DECIMAL_DIGITS_MAX or scale > precision:
            raise TypeTextError(f"Invalid DECIMAL({precision},{scale})")
        return decimal(precision, scale)
    if name == "varchar":
        return Type("varchar", numbers[0] if numbers else None)
    if name == "char":
        return Type("char", numbers[0] if numbers else 1)
    if name in ("timestamp", "time", "timestamp with time zone"):
        return Type(name, numbers[0] if numbers else 3)
    if name not in _DUCKDB or numbers or name in ("tdigest", "HyperLogLog"):
        raise TypeTextError(f"Unknown type: {name}")
    return Type(name)


_HIVE = {"integer": "int", "real": "float", "varbinary": "binary"}


def hive(kind: Type) -> str:
    """Hive's spelling, as tables of the catalog have it."""
    match kind.name:
        case "varchar":
            return "string" if kind.precision is None else f"varchar({kind.precision})"
        case "array" | "map":
            return f"{kind.name}<{','.join(map(hive, kind.children))}>"
        case "row":
            pairs = zip(kind.fields, kind.children, strict=True)
            return "struct<" + ",".join(f"{name or f'field{i}'}:{hive(t)}" for i, (name, t) in enumerate(pairs)) + ">"
        case "timestamp":
            return "timestamp"
        case _:
            return _HIVE.get(kind.name, str(kind))
