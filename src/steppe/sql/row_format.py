"""Java's formatter, behind Trino's `format`: %[argument$][flags][width][.precision]conversion.

Arguments come as texts with a letter for their kind, since DuckDB's functions cannot take arguments of any type:
i integers, d double and real, m decimal, b boolean, D date, t timestamp, s everything else (as Trino shows it).
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

from steppe.sql.row_functions import RowError, RowFunction

WIDTH_MAX = 10_000
"""Of one item, in characters; ours."""

_ITEM = re.compile(r"%(?:(\d+)\$|(<))?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([tT]?)([a-zA-Z%])")


class _Bad(Exception):
    """What Java's formatter refuses: the name of its exception without `Exception`, and its text."""


def java_format(pattern: str, kinds: str, values: list[str | None]) -> str:
    """The formatted text.

    Raises:
        RowError: INVALID_FUNCTION_ARGUMENT with the formatter's words.
    """
    pieces, at, ordinary, last = [], 0, 0, -1
    try:
        for match in _ITEM.finditer(pattern):
            between = pattern[at : match.start()]
            if "%" in between:
                raise _Bad("Conversion = '%'")
            pieces.append(between)
            at = match.end()
            said, before, flags, width, precision, moment, letter = match.groups()
            if letter in "n%":
                pieces.append("\n" if letter == "n" else _wide("%", flags, width))
                continue
            if said is not None:
                last = int(said) - 1
            elif before is None:
                last, ordinary = ordinary, ordinary + 1
            if not 0 <= last < len(values):
                raise _Bad(f"Format specifier '{match.group()}'")
            upper = letter.isupper() if not moment else moment == "T"
            body = _item(kinds[last], values[last], flags, width, precision, moment, letter)
            pieces.append(body.upper() if upper else body)
        if "%" in pattern[at:]:
            raise _Bad("Conversion = '%'")
    except _Bad as bad:
        raise RowError("INVALID_FUNCTION_ARGUMENT", f"Invalid format string: {pattern} ({bad})") from None
    return "".join([*pieces, pattern[at:]])


def _item(
    kind: str, value: str | None, flags: str, width: str | None, precision: str | None, moment: str, letter: str
) -> str:
    if max(int((width or "0")[:9]), int((precision or "0")[:9])) > WIDTH_MAX:
        raise RowError("NOT_SUPPORTED", f"format with a width of more than {WIDTH_MAX}")
    conversion = letter if moment else letter.lower()
    if not moment and conversion not in "bhscdoxefga":
        raise _Bad(f"Conversion = '{letter}'")
    if value is None:
        shown = "false" if conversion == "b" and not moment else "null"
        return _wide(_cut(shown, precision), flags, width)
    if moment:
        return _wide(_moment(kind, value, conversion), flags, width)
    if conversion in "bsh":
        return _wide(_cut(_general(kind, value, conversion), precision), flags, width)
    if conversion in "dox" and kind == "i":
        return _integer(int(value), conversion, flags, width)
    if conversion in "efg" and kind in "dm":
        return _fraction(kind, value, conversion, flags, width, precision)
    java = {"i": "Long", "d": "Double", "m": "BigDecimal", "b": "Boolean", "s": "String"}
    packages = {"m": "java.math.", "D": "java.time.LocalDate", "t": "java.time.LocalDateTime"}
    shown = packages.get(kind, "java.lang.") + java.get(kind, "")
    if conversion == "a":
        raise RowError("NOT_SUPPORTED", "format with %a")
    raise _Bad(f"{letter} != {shown}")


def _cut(shown: str, precision: str | None) -> str:
    return shown if precision is None else shown[: int(precision)]


def _wide(shown: str, flags: str, width: str | None) -> str:
    if "-" in flags and width is None:
        raise _Bad("%-")
    size = int(width or 0)
    return shown.ljust(size) if "-" in flags else shown.rjust(size)


def _general(kind: str, value: str, conversion: str) -> str:
    if conversion == "b":
        return value if kind == "b" else "true"
    if conversion == "h":
        if kind != "s":
            raise RowError("NOT_SUPPORTED", "format with %h of this type")
        code = 0
        for unit in memoryview(value.encode("utf-16-le")).cast("H"):
            code = (31 * code + unit) & 0xFFFFFFFF
        return f"{code:x}"
    if kind == "m":
        return str(Decimal(value))
    return _java_moment(value) if kind == "t" else value


def _java_moment(value: str) -> str:
    """LocalDateTime.toString: seconds and fraction only as far as they are not zero, in groups of three digits."""
    day, clock = value.split(" ")
    clock, _, fraction = clock.partition(".")
    fraction = fraction.ljust(9, "0")
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    if not fraction and clock.endswith(":00"):
        clock = clock[:-3]
    return f"{day}T{clock}{'.' + fraction if fraction else ''}"


def _integer(value: int, conversion: str, flags: str, width: str | None) -> str:
    if conversion == "d":
        return _signed(str(abs(value)), value < 0, flags, width)
    if any(flag in flags for flag in "+ ,("):
        raise _Bad(f"Conversion = {conversion}, Flags = {flags}")
    digits = format(value & 0xFFFFFFFFFFFFFFFF if value < 0 else value, conversion)
    prefix = {"o": "0", "x": "0x"}[conversion] if "#" in flags else ""
    if "0" in flags:
        return prefix + digits.rjust(int(width or 0) - len(prefix), "0")
    return _wide(prefix + digits, flags, width)


def _signed(digits: str, negative: bool, flags: str, width: str | None) -> str:
    """A number with its sign, its groups of thousands and its padding."""
    if "0" in flags and width is None:
        raise _Bad("%0")
    if "," in flags:
        whole, dot, fraction = digits.partition(".")
        digits = f"{int(whole):,}{dot}{fraction}"
    opening, closing = ("(", ")") if negative and "(" in flags else ("-" if negative else "", "")
    if not negative:
        opening = "+" if "+" in flags else " " if " " in flags else ""
    if "0" in flags:
        digits = digits.rjust(int(width or 0) - len(opening) - len(closing), "0")
    return _wide(opening + digits + closing, flags, width)


def _fraction(kind: str, value: str, conversion: str, flags: str, width: str | None, precision: str | None) -> str:
    if value.strip("+-") in ("NaN", "Infinity"):
        sign = "-" if value.startswith("-") else "+" if "+" in flags and value != "NaN" else ""
        return _wide(sign + value.strip("+-"), flags.replace("0", ""), width)
    number = Decimal(value)
    digits = 6 if precision is None else int(precision)
    size = abs(number)
    if conversion == "g":
        digits = max(digits, 1)
        rounded = _rounded(size, digits - 1 - size.adjusted()) if size else size
        if size and not Decimal("0.0001") <= rounded < Decimal(10) ** digits:
            conversion, digits = "e", digits - 1
        else:
            conversion, digits = "f", digits - 1 - (rounded.adjusted() if size else 0)
    shown = f"{_rounded(size, max(digits, 0)):f}" if conversion == "f" else _scientific(size, digits)
    negative = number.is_signed() and (bool(number) or kind == "d")
    return _signed(shown, negative, flags, width)


def _rounded(size: Decimal, digits: int) -> Decimal:
    exponent = Decimal(1).scaleb(-digits)
    with localcontext(prec=WIDTH_MAX + 400):
        return size.quantize(exponent, ROUND_HALF_UP)


def _scientific(size: Decimal, digits: int) -> str:
    exponent = size.adjusted() if size else 0
    mantissa = _rounded(size.scaleb(-exponent), digits)
    if mantissa >= 10:
        mantissa, exponent = _rounded(mantissa / 10, digits), exponent + 1
    return f"{mantissa:f}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _moment(kind: str, value: str, letter: str) -> str:
    """%tY and its like, of dates and timestamps."""
    if kind not in "Dt":
        raise _Bad(f"t{letter} != java.lang.{'Long' if kind == 'i' else 'String'}")
    if kind == "D" and letter in "HIklMSLNpRTrcZzsQ":
        raise _Bad("Unsupported field")
    when: date = date.fromisoformat(value) if kind == "D" else datetime.fromisoformat(value)
    own = {"Y": f"{when.year:04d}", "y": f"{when.year % 100:02d}", "C": f"{when.year // 100:02d}",
           "B": "%B", "b": "%b", "h": "%b", "m": "%m", "d": "%d", "e": str(when.day), "A": "%A", "a": "%a", "j": "%j",
           "H": "%H", "I": "%I", "M": "%M", "S": "%S", "R": "%H:%M", "T": "%H:%M:%S", "r": "%I:%M:%S %p",
           "D": "%m/%d/%y", "F": "%Y-%m-%d"}  # fmt: skip
    if letter in own:
        return when.strftime(own[letter]) if "%" in own[letter] else own[letter]
    if isinstance(when, datetime):
        clock = {"k": str(when.hour), "l": str((when.hour + 11) % 12 + 1), "L": f"{when.microsecond // 1000:03d}",
                 "N": f"{when.microsecond * 1000:09d}", "p": "am" if when.hour < 12 else "pm"}  # fmt: skip
        if letter in clock:
            return clock[letter]
    raise RowError("NOT_SUPPORTED", f"format with %t{letter}")


TABLE: dict[str, RowFunction] = {
    "format": RowFunction(
        ("VARCHAR", "VARCHAR", "VARCHAR[]"),
        "VARCHAR",
        lambda pattern, kinds, values: None if pattern is None else java_format(pattern, kinds, values),
        with_null=True,
    ),
}
