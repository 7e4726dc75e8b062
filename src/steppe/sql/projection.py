"""Partition projection: partitions that follow from a table's properties instead of the catalog.

Source: Athena User Guide, "Partition projection with Amazon Athena", the pages on setting up and on supported types.
"""

from __future__ import annotations

import itertools
import math
import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from steppe.sql.catalog import Column, Partition, Table
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.file_writers import partition_folder

VALUES_MAX = 1_000_000
"""Values of one key, and partitions of a table, that a query may have to look at."""

Narrow = Callable[[Column, list[str]], list[str]]
"""The values of a key that the query's conditions on this key alone leave."""


def is_projected(table: Table) -> bool:
    """Whether the table's partitions are projected; the catalog's are ignored then."""
    return table.parameters.get("projection.enabled", "").lower() == "true"


def projected_partitions(
    table: Table, *, now_ms: int, constants: Callable[[str], Sequence[str] | None], narrow: Narrow
) -> Iterator[Partition]:
    """The partitions that a query may need.

    Args:
        table: has projection enabled.
        now_ms: what NOW stands for, in epoch milliseconds.
        constants: the values that the query's static conditions give a key; None when there are none.
        narrow: leaves out values early.

    Raises:
        QueryError: a property is missing or wrong, or there are too many partitions.
    """
    choices = []
    for key in table.partition_keys:
        values = list(itertools.islice(_values(table, key, now_ms, constants), VALUES_MAX + 1))
        if len(values) > VALUES_MAX:
            raise _wrong(table, key.name, f"has more than {VALUES_MAX} values")
        choices.append(narrow(key, values))
    if math.prod(map(len, choices)) > VALUES_MAX:
        said = (
            f"Query over table '{table.database}.{table.name}' can potentially read more than {VALUES_MAX} partitions"
        )
        raise QueryError("HIVE_EXCEEDED_PARTITION_LIMIT", said)
    for combination in itertools.product(*choices):
        yield Partition(combination, projected_location(table, combination))


def projected_location(table: Table, values: Sequence[str]) -> str:
    """Where a partition lies: the template with its values, or `key=value/` below the table."""
    keys = [key.name for key in table.partition_keys]
    template = table.parameters.get("storage.location.template")
    if template is None:
        return f"{table.location.rstrip('/')}/{partition_folder(keys, values)}"
    held = dict(zip(keys, values, strict=True))
    for key in keys:
        if f"${{{key}}}" not in template.lower():
            raise _wrong(table, key, "is not in storage.location.template")
    location = re.sub(r"\$\{([^}]*)\}", lambda found: held.get(found.group(1).lower(), found.group()), template)
    return location if location.endswith("/") else location + "/"


def _wrong(table: Table, key: str, said: str) -> QueryError:
    place = f"{table.database}.{table.name}"
    return QueryError(
        "INVALID_TABLE_PROPERTY", f"Column projection for column '{key}' of table {place} failed: it {said}"
    )


def _values(table: Table, key: Column, now_ms: int, constants: Callable[[str], Sequence[str] | None]) -> Iterator[str]:
    def said(label: str, default: str | None = None) -> str:
        found = table.parameters.get(f"projection.{key.name}.{label}", default)
        if found is None:
            raise _wrong(table, key.name, f"has no property projection.{key.name}.{label}")
        return found

    match said("type").lower():
        case "enum":
            return iter(dict.fromkeys(value.strip() for value in said("values").split(",")))
        case "injected":
            given = constants(key.name)
            if not given:
                raise QueryError(
                    "CONSTRAINT_VIOLATION",
                    f"For the injected projected partition column {key.name}, the WHERE clause must contain only "
                    "static equality conditions, and at least one such condition must be present.",
                )
            return iter(dict.fromkeys(given))
        case "integer":
            numbers = [re.fullmatch(r"\s*(-?\d{1,18})\s*", part) for part in said("range").split(",")]
            step, digits = said("interval", "1"), said("digits", "0")
            if len(numbers) != 2 or None in numbers or not re.fullmatch(r"[1-9]\d{0,17}", step) or not digits.isdigit():
                raise _wrong(table, key.name, "has a wrong range, interval or number of digits")
            first, last = (int(number.group(1)) for number in numbers if number is not None)
            return (
                f"{n:0{min(int(digits), 30)}d}" if int(digits) else str(n) for n in range(first, last + 1, int(step))
            )
        case "date":
            return _dates(table, key, said, now_ms)
        case other:
            raise _wrong(table, key.name, f"has an unknown type {other}")


# -- dates

_LETTERS = {"y": "year", "u": "year", "M": "month", "d": "day", "H": "hour", "m": "minute", "s": "second"}
_UNITS = ("years", "months", "weeks", "days", "hours", "minutes", "seconds")
_FINEST = {"second": "seconds", "minute": "minutes", "hour": "hours", "day": "days", "month": "months", "year": "years"}
_NOW = re.compile(r"NOW((?:\s*[+-]\s*\d{1,9}\s*(?:YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?)*)")


@dataclass(frozen=True, slots=True)
class _DateFormat:
    """A pattern of Java's DateTimeFormatter: literal pieces, and fields with their widths."""

    parts: tuple[tuple[str, int], ...]

    def text(self, moment: datetime) -> str:
        """The moment in this format."""
        shown = []
        for field, width in self.parts:
            if not width:
                shown.append(field)
            elif field == "year" and width == 2:
                shown.append(f"{moment.year % 100:02d}")
            else:
                shown.append(f"{getattr(moment, field):0{width}d}")
        return "".join(shown)

    def read(self, said: str) -> datetime | None:
        """The moment of a text; None when it has another form."""
        pattern = "".join(
            re.escape(field) if not width else rf"(\d{{{width}}})" if width > 1 else r"(\d{1,4})"
            for field, width in self.parts
        )
        match = re.fullmatch(pattern, said)
        if match is None:
            return None
        fields = [(field, width) for field, width in self.parts if width]
        found = {"year": 1970, "month": 1, "day": 1}
        for (field, width), digits in zip(fields, match.groups(), strict=True):
            found[field] = int(digits) + (2000 if field == "year" and width == 2 else 0)
        try:
            return datetime(**found, tzinfo=UTC)
        except ValueError:
            return None

    def finest(self) -> str:
        """The smallest unit in it."""
        order = list(_FINEST)
        return min((field for field, width in self.parts if width), key=order.index, default="day")


def _read_format(pattern: str) -> _DateFormat:
    parts: list[tuple[str, int]] = []
    for match in re.finditer(r"'((?:[^']|'')*)'|(([A-Za-z])\3*)|([^A-Za-z'])", pattern):
        quoted, run, letter, other = match.groups()
        if run is None:
            parts.append((quoted.replace("''", "'") or "'" if quoted is not None else other, 0))
        elif letter in _LETTERS and len(run) <= 4:
            parts.append((_LETTERS[letter], len(run)))
        else:
            raise not_supported(f"{run} in projection date format {pattern}")
    return _DateFormat(tuple(parts))


def _dates(table: Table, key: Column, said: Callable[..., str], now_ms: int) -> Iterator[str]:
    form = _read_format(said("format"))
    finest = form.finest()
    default = finest in ("day", "month")
    unit = said("interval.unit", _FINEST[finest] if default else None).lower()
    unit = unit if unit.endswith("s") else unit + "s"
    step = said("interval", "1" if default else None)
    if unit not in _UNITS or not re.fullmatch(r"[1-9]\d{0,8}", step):
        raise _wrong(table, key.name, "has a wrong interval")
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    bounds = [_bound(part.strip(), form, now) for part in said("range").split(",")]
    if len(bounds) != 2 or bounds[0] is None or bounds[1] is None:
        raise _wrong(table, key.name, f"has a wrong range {said('range')}")
    # The end counts down to the format's precision: NOW as a day means the whole day.
    first, last = bounds[0], form.read(form.text(bounds[1])) or bounds[1]
    first = form.read(form.text(first)) or first
    return _stepped(form, first, last, unit, int(step))


def _stepped(form: _DateFormat, first: datetime, last: datetime, unit: str, step: int) -> Iterator[str]:
    shown = None
    for count in itertools.count():
        if count > VALUES_MAX:
            raise QueryError("INVALID_TABLE_PROPERTY", f"a projected range of dates has more than {VALUES_MAX} steps")
        moment = _moved(first, unit, count * step)
        if moment is None or moment > last:
            return
        text = form.text(moment)
        if text != shown:
            yield text
        shown = text


def _bound(said: str, form: _DateFormat, now: datetime) -> datetime | None:
    match = _NOW.fullmatch(said.upper())
    if match is None:
        return form.read(said)
    moment: datetime | None = now
    for sign, number, unit in re.findall(r"([+-])\s*(\d+)\s*([A-Z]+?)S?(?=\s*[+-]|$)", match.group(1).strip()):
        moment = _moved(moment, unit.lower() + "s", int(sign + number)) if moment is not None else None
    return moment


def _moved(moment: datetime, unit: str, count: int) -> datetime | None:
    """So many units later; None beyond what a date can be."""
    try:
        if unit in ("years", "months"):
            months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "years" else 1)
            year, month = divmod(months, 12)
            return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))
        return moment + timedelta(**{unit: count})
    except (ValueError, OverflowError):
        return None
