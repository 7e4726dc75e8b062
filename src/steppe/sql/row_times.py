"""Texts of moments by Joda's patterns and MySQL's, and ISO 8601; see `row_functions`.

A pattern becomes a list of fields once; printing and parsing go over it. Parsing fills what the pattern leaves out as
Joda does: 1970-01-01 00:00, but the year 2000 when the largest field given is a month or a day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import pytz

from steppe.sql.row_functions import RowError, RowFunction, invalid

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class _Field:
    """One piece of a pattern: a letter of Joda's with its length, or a literal (letter "")."""

    letter: str
    count: int = 1
    literal: str = ""


_JODA = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", re.DOTALL)
_LETTERS = frozenset("CYxweEyDMdaKhHkmsSzZ")


@lru_cache(maxsize=128)
def _joda(pattern: str) -> tuple[_Field, ...]:
    fields = []
    for match in _JODA.finditer(pattern):
        quoted, letter, other = match.groups()
        if letter and letter not in _LETTERS:
            if letter == "G":
                raise RowError("NOT_SUPPORTED", "the letter G in a date pattern")
            raise invalid(f"Illegal pattern component: {match.group()}")
        if letter:
            fields.append(_Field(letter, len(match.group())))
        else:
            literal = other if quoted is None else (quoted.replace("''", "'") or "'")
            fields.append(_Field("", literal=literal))
    return tuple(fields)


_MYSQL = {
    "a": "E3", "b": "M3", "c": "M1", "d": "d2", "e": "d1", "f": "f6", "H": "H2", "h": "h2", "I": "h2", "i": "m2",
    "j": "D3", "k": "H1", "l": "h1", "M": "M4", "m": "M2", "p": "a1", "S": "s2", "s": "s2", "v": "w2", "x": "x4",
    "W": "E4", "Y": "y4", "y": "p2",
}  # fmt: skip
_MYSQL_LONG = {"r": "%h:%i:%S %p", "T": "%H:%i:%S"}


@lru_cache(maxsize=128)
def _mysql(pattern: str) -> tuple[_Field, ...]:
    fields = []
    for match in re.finditer(r"%(.)|([^%]+)|%$", pattern, re.DOTALL):
        letter, literal = match.groups()
        if literal is not None or letter is None:
            fields.append(_Field("", literal=literal or ""))
        elif letter in "DUuVwX":
            raise invalid(f"%{letter} not currently supported in date format string")
        elif letter in _MYSQL_LONG:
            fields += _mysql(_MYSQL_LONG[letter])
        elif letter in _MYSQL:
            fields.append(_Field(_MYSQL[letter][0], int(_MYSQL[letter][1])))
        else:
            fields.append(_Field("", literal=letter))
    return tuple(fields)


# -- printing


def _printed(field: _Field, when: datetime, zone: str, minutes: int) -> str:
    """One field of a local time. `minutes` is the zone's offset at it."""
    letter, count = field.letter, field.count
    year, week, weekday = when.isocalendar()
    match letter:
        case "":
            return field.literal
        case "y" | "Y" | "x":
            number = year if letter == "x" else when.year
            return f"{number % 100:02d}" if count == 2 else str(number).rjust(count, "0")
        case "M" if count >= 3:
            return _MONTHS[when.month - 1] if count >= 4 else _MONTHS[when.month - 1][:3]
        case "E":
            return _DAYS[weekday - 1] if count >= 4 else _DAYS[weekday - 1][:3]
        case "a":
            return "AM" if when.hour < 12 else "PM"
        case "S" | "f":
            digits = f"{when.microsecond:06d}" if letter == "f" else f"{when.microsecond // 1000:03d}"
            return digits[:count].ljust(count, "0")
        case "Z" | "z":
            return _zone_text(letter, count, zone, minutes, when)
    numbers = {"C": when.year // 100, "w": week, "e": weekday, "D": when.timetuple().tm_yday, "M": when.month,
               "d": when.day, "K": when.hour % 12, "h": (when.hour + 11) % 12 + 1, "H": when.hour,
               "k": (when.hour + 23) % 24 + 1, "m": when.minute, "s": when.second}  # fmt: skip
    return str(numbers[letter]).rjust(count, "0")


def _offset_text(minutes: int, *, colon: bool) -> str:
    size = abs(minutes)
    return f"{'-' if minutes < 0 else '+'}{size // 60:02d}{':' if colon else ''}{size % 60:02d}"


def _zone_text(letter: str, count: int, zone: str, minutes: int, when: datetime) -> str:
    if letter == "Z":
        return zone if count >= 3 else _offset_text(minutes, colon=count == 2)
    if re.fullmatch(r"[+-]\d\d:\d\d", zone):
        return zone
    if zone == "UTC":
        return "UTC" if count < 4 else "Coordinated Universal Time"
    if count >= 4:
        raise RowError("NOT_SUPPORTED", "format_datetime with the long name of a time zone")
    shown: str = pytz.timezone(zone).localize(when).tzname()
    if not shown.isalpha():
        raise RowError("NOT_SUPPORTED", f"format_datetime with the short name of {zone}")
    return shown


def _format(value: datetime, zone: str, minutes: int, pattern: str) -> str:
    return "".join(_printed(field, value, zone, minutes) for field in _joda(pattern))


def _mysql_format(value: datetime, pattern: str) -> str:
    return "".join(_printed(field, value, "UTC", 0) for field in _mysql(pattern))


# -- parsing

_LONGEST = {"C": 9, "Y": 9, "x": 9, "y": 9, "w": 2, "e": 1, "D": 3, "M": 2, "d": 2, "K": 2, "h": 2, "H": 2, "k": 2,
            "m": 2, "s": 2, "f": 9, "p": 2}  # fmt: skip
_BOUNDS = {"w": (1, 53), "e": (1, 7), "D": (1, 366), "M": (1, 12), "d": (1, 31), "K": (0, 11), "h": (1, 12),
           "H": (0, 23), "k": (1, 24), "m": (0, 59), "s": (0, 59)}  # fmt: skip


def _is_number(field: _Field) -> bool:
    return field.letter == "S" or (field.letter in _LONGEST and (field.letter != "M" or field.count < 3))


def _names(field: _Field) -> dict[str, int]:
    source = _MONTHS if field.letter == "M" else _DAYS
    return {text.lower(): i for i, name in enumerate(source, 1) for text in (name, name[:3])}


class _Parsing:
    """One text being read by a pattern."""

    def __init__(self, said: str, fields: tuple[_Field, ...], pivot: int) -> None:
        self._said, self._fields, self._pivot = said, fields, pivot
        self._at = 0
        self.found: dict[str, int] = {}
        self.microsecond = 0
        self.zone: str | None = None

    def run(self) -> None:
        """Read all of it."""
        for index, field in enumerate(self._fields):
            following = self._fields[index + 1] if index + 1 < len(self._fields) else None
            self._read(field, following is not None and _is_number(following))
        if self._at != len(self._said):
            raise self._bad()

    def _bad(self) -> RowError:
        rest = self._said[self._at :]
        shown = f'Invalid format: "{self._said}"'
        if 0 < self._at < len(self._said):
            shown += f' is malformed at "{rest}"'
        elif self._at and self._at >= len(self._said):
            shown += " is too short"
        return invalid(shown)

    def _take(self, pattern: str) -> str:
        match = re.compile(pattern, re.IGNORECASE | re.ASCII).match(self._said, self._at)
        if not match or not match.group():
            raise self._bad()
        self._at = match.end()
        return match.group()

    def _read(self, field: _Field, number_follows: bool) -> None:
        letter = field.letter
        if not letter:
            if self._said[self._at : self._at + len(field.literal)].lower() != field.literal.lower():
                raise self._bad()
            self._at += len(field.literal)
        elif letter in "Zz":
            self._read_zone(field)
        elif letter in "Sf":
            digits = self._take(rf"\d{{1,{9 if letter == 'f' else field.count}}}")
            self.microsecond = int(digits[:6].ljust(6, "0"))
        elif letter == "a":
            self.found["a"] = self._take("AM|PM").upper() == "PM"
        elif letter == "E" or (letter == "M" and field.count >= 3):
            names = _names(field)
            word = self._take("|".join(sorted(names, key=len, reverse=True))).lower()
            self.found["e" if letter == "E" else "M"] = names[word]
        else:
            self._read_number(field, number_follows)

    def _read_number(self, field: _Field, number_follows: bool) -> None:
        letter = field.letter
        longest = _LONGEST[letter]
        if letter in "yYx":
            longest = field.count if number_follows else 9
        start = self._at
        sign = "-?" if letter in "yYxC" and field.count != 2 else ""
        number = int(self._take(rf"{sign}\d{{1,{longest}}}"))
        if letter in "yYxp" and field.count == 2 and self._at - start == 2:
            number += self._century(number)
        low, high = _BOUNDS.get(letter, (-9999, 9999))
        if not low <= number <= high:
            self._at = start
            raise invalid(
                f'Cannot parse "{self._said}": Value {number} for {_FIELD_NAMES.get(letter, letter)} must be in the '
                f"range [{low},{high}]"
            )
        self.found["y" if letter in "Yp" else letter] = number

    def _century(self, number: int) -> int:
        """Joda's window of a hundred years around the pivot."""
        low = self._pivot - 50
        base = low - low % 100
        return base if base + number >= low else base + 100

    def _read_zone(self, field: _Field) -> None:
        if field.letter == "z":
            raise RowError("NOT_SUPPORTED", "parse_datetime with z")
        offset = re.compile(r"Z|[+-]\d\d:?(?:\d\d)?").match(self._said, self._at)
        if offset and field.count < 3:
            self._at = offset.end()
            digits = offset.group().replace(":", "").ljust(5, "0")
            self.zone = "UTC" if offset.group() == "Z" else f"{digits[:3]}:{digits[3:5]}"
            return
        if field.count < 3:
            raise self._bad()
        name = self._take(r"[A-Za-z][A-Za-z0-9_+\-]*(?:/[A-Za-z0-9_+\-]+)*")
        if name not in pytz.all_timezones_set:
            self._at -= len(name)
            raise self._bad()
        self.zone = name

    def moment(self) -> datetime:
        """The local time that was read."""
        found = self.found
        try:
            day = self._day()
            hour = found.get("H", found["k"] % 24 if "k" in found else 0)
            if "h" in found or "K" in found:
                hour = found.get("K", found.get("h", 0) % 12) + (12 if found.get("a") else 0)
            elif found.get("a") and "H" not in found and "k" not in found:
                hour = 12
            clock = timedelta(hours=hour, minutes=found.get("m", 0), seconds=found.get("s", 0))
            return datetime(day.year, day.month, day.day) + clock + timedelta(microseconds=self.microsecond)
        except ValueError as error:
            raise invalid(f'Cannot parse "{self._said}": {error}') from None

    def _day(self) -> date:
        found = self.found
        if "x" in found or "w" in found:
            return date.fromisocalendar(found.get("x", 1970), found.get("w", 1), found.get("e", 1))
        year = found.get("y", 2000 if "M" in found or "d" in found else 1970)
        if "C" in found:
            raise RowError("NOT_SUPPORTED", "parsing a century")
        if "D" in found:
            if not 1 <= year <= 9999:
                raise ValueError("year is out of range")
            return date(year, 1, 1) + timedelta(days=found["D"] - 1)
        day = date(year, found.get("M", 1), found.get("d", 1))
        if "e" in found and "y" not in found and "M" not in found and "d" not in found:
            day += timedelta(days=found["e"] - day.isoweekday())
        return day


_FIELD_NAMES = {"M": "monthOfYear", "d": "dayOfMonth", "H": "hourOfDay", "h": "clockhourOfHalfday", "m": "minuteOfHour",
                "s": "secondOfMinute", "D": "dayOfYear", "k": "clockhourOfDay", "K": "hourOfHalfday"}  # fmt: skip


def _instant(local: datetime, zone: str) -> datetime:
    """The UTC time of a local time."""
    if zone == "UTC":
        return local
    offset = re.fullmatch(r"([+-])(\d\d):(\d\d)", zone)
    if offset:
        minutes = int(offset.group(2)) * 60 + int(offset.group(3))
        return local - timedelta(minutes=minutes if offset.group(1) == "+" else -minutes)
    moment: datetime = pytz.timezone(zone).localize(local).astimezone(pytz.utc).replace(tzinfo=None)
    return moment


def _zoned(local: datetime, zone: str | None) -> dict[str, object]:
    named = "UTC" if zone in (None, "+00:00", "-00:00", "Z") else zone
    assert named is not None
    return {"t": _instant(local.replace(microsecond=local.microsecond // 1000 * 1000), named), "z": named}


def _parse_datetime(said: str, pattern: str, pivot: int) -> dict[str, object]:
    parsing = _Parsing(said, _joda(pattern), pivot)
    parsing.run()
    return _zoned(parsing.moment(), parsing.zone)


def _date_parse(said: str, pattern: str) -> datetime:
    parsing = _Parsing(said, _mysql(pattern), 2020)
    parsing.run()
    local = parsing.moment()
    return local.replace(microsecond=local.microsecond // 1000 * 1000)


# -- ISO 8601

_ISO_DATE = re.compile(r"(\d{4})(?:-(?:W(\d{1,2})(?:-([1-7]))?|(\d{3})|(\d{1,2})(?:-(\d{1,2}))?))?", re.ASCII)
_ISO_TIME = re.compile(
    r"(\d{1,2})(?:[.,](\d{1,9}))?(?::(\d{1,2})(?:[.,](\d{1,9}))?(?::(\d{1,2})(?:[.,](\d{1,9}))?)?)?"
    r"(Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)


def _iso_day(said: str) -> date:
    match = _ISO_DATE.fullmatch(said)
    if not match:
        raise invalid(f'Invalid format: "{said}"')
    year, week, weekday, ordinal, month, day = (int(g) if g else None for g in match.groups())
    assert year is not None
    try:
        if week is not None:
            return date.fromisocalendar(year, week, weekday or 1)
        if ordinal is not None:
            found = date(year, 1, 1) + timedelta(days=ordinal - 1)
            if ordinal < 1 or found.year != year:
                raise ValueError("dayOfYear")
            return found
        return date(year, month or 1, day or 1)
    except ValueError as error:
        raise invalid(f'Cannot parse "{said}": {error}') from None


def _iso_timestamp(said: str) -> dict[str, object]:
    day, marker, clock = said.partition("T")
    local = datetime.combine(_iso_day(day), datetime.min.time())
    if not marker or not clock:
        return _zoned(local, None)
    match = _ISO_TIME.fullmatch(clock)
    if not match:
        raise invalid(f'Invalid format: "{said}" is malformed at "{clock}"')
    hour, of_hour, minute, of_minute, second, of_second, zone = match.groups()
    if (of_hour and minute) or (of_minute and second) or int(minute or 0) > 59 or int(second or 0) > 59:
        raise invalid(f'Invalid format: "{said}"')
    if int(hour) > 23:
        raise invalid(f'Cannot parse "{said}": Value {int(hour)} for hourOfDay must be in the range [0,23]')
    seconds = int(hour) * 3600 + int(minute or 0) * 60 + int(second or 0)
    fraction, unit = next(((f, u) for f, u in ((of_hour, 3600), (of_minute, 60), (of_second, 1)) if f), ("0", 1))
    micro = int(fraction) * unit * 1_000_000 // 10 ** len(fraction)
    if zone and zone != "Z":
        digits = zone.replace(":", "").ljust(5, "0")
        zone = f"{digits[:3]}:{digits[3:5]}"
    return _zoned(local + timedelta(seconds=seconds, microseconds=micro), zone)


_ZONED = "STRUCT(t TIMESTAMP, z VARCHAR)"

TABLE: dict[str, RowFunction] = {
    "format_datetime": RowFunction(("TIMESTAMP", "VARCHAR", "BIGINT", "VARCHAR"), "VARCHAR", _format),
    "date_format": RowFunction(("TIMESTAMP", "VARCHAR"), "VARCHAR", _mysql_format),
    "parse_datetime": RowFunction(("VARCHAR", "VARCHAR", "BIGINT"), _ZONED, _parse_datetime),
    "date_parse": RowFunction(("VARCHAR", "VARCHAR"), "TIMESTAMP", _date_parse),
    "iso_timestamp": RowFunction(("VARCHAR",), _ZONED, _iso_timestamp),
    "iso_date": RowFunction(("VARCHAR",), "DATE", _iso_day),
}
