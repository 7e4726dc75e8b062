"""Mathematics that DuckDB has not: bits, distributions, vectors, sketches of distributions; see `row_functions`."""

from __future__ import annotations

import math
from collections import Counter
from statistics import NormalDist

from steppe.sql.row_functions import RowError, RowFunction, invalid
from steppe.sql.row_hashes import xxhash64

_HISTOGRAM_MAX = 10_000
"""Buckets of numeric_histogram; ours."""


def _bit_count(value: int, bits: int) -> int:
    if not 2 <= bits <= 64:
        raise invalid("Bits specified in bit_count must be between 2 and 64, got " + str(bits))
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        said = "Number must be representable with the bits specified."
        raise invalid(f"{said} {value} cannot be represented with {bits} bits")
    return (value & (1 << bits) - 1).bit_count()


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def _left_shift(value: int, shift: int, bits: int) -> int:
    return 0 if shift < 0 or shift >= bits else _signed(value << shift, bits)


def _right_shift(value: int, shift: int, bits: int) -> int:
    """Logical: zeros come in from the left."""
    if shift == 0:
        return value
    return 0 if shift < 0 or shift >= bits else _signed((value & (1 << bits) - 1) >> shift, bits)


def _arithmetic_shift(value: int, shift: int, bits: int) -> int:
    return value >> min(shift, bits) if shift >= 0 else (-1 if value < 0 else 0)


def _width_bucket(value: float, bins: list[float | None]) -> int:
    if not bins:
        raise invalid("Bins cannot be an empty array")
    if math.isnan(value):
        raise invalid("Operand cannot be NaN")
    low, high = 0, len(bins)
    if any(bin_ is None or not math.isfinite(bin_) for bin_ in bins):
        raise invalid("Bin values must be finite")
    while low < high:
        if bins[low] > bins[high - 1]:  # type: ignore[operator]
            raise invalid("Bin values are not sorted in ascending order")
        middle = (low + high) // 2
        if value < bins[middle]:  # type: ignore[operator]
            high = middle
        else:
            low = middle + 1
    return low


def _truncate(value: float, digits: int) -> float:
    if not math.isfinite(value):
        return value
    if digits < -308:
        return 0.0
    factor = 10.0**digits
    scaled = value * factor
    if not math.isfinite(scaled):
        return value
    return (math.ceil(scaled) if scaled < 0 else math.floor(scaled)) / factor


def _round(value: float, digits: int) -> float:
    """Half away from zero, of the product with the power of ten, as Java's code does it."""
    if not math.isfinite(value):
        return value
    if digits < -308:
        return 0.0
    factor = 10.0**digits
    size = abs(value) * factor
    if not math.isfinite(size):
        return value
    return math.copysign(math.floor(size + 0.5) / factor, value)


def _round_integer(value: int, digits: int) -> int:
    if digits >= 0:
        return value
    if digits < -19:
        return 0
    factor = int(10**-digits)
    size = (abs(value) + factor // 2) // factor * factor
    return size if value >= 0 else -size


# -- distributions


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-50
    result, c, d = 1.0, 1.0, 0.0
    for n in range(1, 10_000):
        m = n // 2
        if n % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -((a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 + term * d or tiny
        c = 1 + term / c or tiny
        d = 1 / d
        result *= c * d
        if abs(c * d - 1) < 1e-14:
            return result
    raise RowError("NOT_SUPPORTED", "beta_cdf with these parameters")


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (2 + b + a) and 1 - x <= (b + 1) / (2 + b + a):
        return 1 - _incomplete_beta(1 - x, b, a)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - math.log(a) - _log_beta(a, b))
    return front / _fraction(x, a, b)


def _beta_cdf(a: float, b: float, value: float) -> float:
    if not (a > 0 and b > 0):
        raise invalid("a and b must be > 0")
    if not 0 <= value <= 1:
        raise invalid("value must be in the interval [0, 1]")
    return _incomplete_beta(value, a, b)


def _inverse_beta_cdf(a: float, b: float, p: float) -> float:
    if not 0 <= p <= 1:
        raise invalid("p must be in the interval [0, 1]")
    if not (a > 0 and b > 0):
        raise invalid("a and b must be > 0")
    if p in (0, 1):
        return float(p)
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _incomplete_beta(middle, a, b) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _normal_cdf(mean: float, deviation: float, value: float) -> float:
    if not math.isfinite(mean):
        raise invalid("mean must be finite")
    if not deviation > 0:
        raise invalid("standardDeviation must be > 0")
    return 0.5 * (1 + math.erf((value - mean) / (deviation * math.sqrt(2))))


def _inverse_normal_cdf(mean: float, deviation: float, p: float) -> float:
    if not 0 < p < 1:
        raise invalid("p must be 0 > p > 1")
    if not deviation > 0:
        raise invalid("sd must be > 0")
    return NormalDist(mean, deviation).inv_cdf(p)


def _wilson(sign: int, successes: int, trials: int, z: float) -> float:
    if successes < 0:
        raise invalid("number of successes must not be negative")
    if trials <= 0:
        raise invalid("number of trials must be positive")
    if successes > trials:
        raise invalid("number of successes must not be larger than number of trials")
    if z < 0:
        raise invalid("z-score must not be negative")
    share = successes / trials
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return (share + z * z / (2 * trials) + sign * spread) / (1 + z * z / trials)


# -- vectors and sketches


def _cosine_maps(left: list[tuple[str, float | None]], right: list[tuple[str, float | None]]) -> float | None:
    a, b = dict(left), dict(right)
    if None in a.values() or None in b.values():
        return None
    dot = sum(value * b[key] for key, value in a.items() if key in b)  # type: ignore[operator,misc]
    return _cosine(dot, list(a.values()), list(b.values()))


def _cosine(dot: float, left: list[float | None], right: list[float | None]) -> float:
    size = math.sqrt(sum(v * v for v in left)) * math.sqrt(sum(v * v for v in right))  # type: ignore[operator,misc]
    return dot / size if size else math.nan


def _cosine_arrays(left: list[float | None], right: list[float | None]) -> float | None:
    if len(left) != len(right):
        raise invalid("The arguments must have the same length")
    if None in left or None in right:
        return None
    if not any(left) or not any(right):
        raise invalid("Vector magnitude cannot be zero")
    return _cosine(sum(a * b for a, b in zip(left, right, strict=True)), left, right)  # type: ignore[operator,misc]


def _numeric_histogram(buckets: int, values: list[float], weights: list[float]) -> list[tuple[float, float]] | None:
    """The nearest two buckets become one until few enough are left. Source: Ben-Haim and Yom-Tov, 2010."""
    if buckets < 2:
        raise invalid("numeric_histogram bucket count must be greater than one")
    if not values:
        return None
    counts: Counter[float] = Counter()
    for value, weight in zip(values, weights, strict=True):
        counts[value] += weight  # type: ignore[assignment]
    points = sorted(counts.items())
    if len(points) > _HISTOGRAM_MAX:
        raise RowError("NOT_SUPPORTED", f"numeric_histogram of more than {_HISTOGRAM_MAX} different values")
    merged: list[tuple[float, float]] = [(value, float(count)) for value, count in points]
    while len(merged) > buckets:
        at = min(range(len(merged) - 1), key=lambda i: merged[i + 1][0] - merged[i][0])
        (p, m), (q, k) = merged[at], merged[at + 1]
        merged[at : at + 2] = [((p * m + q * k) / (m + k), m + k)]
    return merged


def _value_at_quantile(values: list[float], share: float) -> float | None:
    """A t-digest of so few values keeps each as its own centroid, and gives one of them."""
    if not 0 <= share <= 1:
        raise invalid("Quantile should be within bounds [0, 1], was: " + str(share))
    if not values:
        return None
    if len(values) > _DIGEST_MAX:
        raise RowError("NOT_SUPPORTED", f"a tdigest of more than {_DIGEST_MAX} values")
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


_DIGEST_MAX = 20
_PRIME, _M64 = 0x9E3779B185EBCA87, 0xFFFFFFFFFFFFFFFF


def _checksum(values: list[int | str | None]) -> bytes | None:
    """The sum of the values' hashes, each times a prime; NULL counts as the prime."""
    total = 0
    for value in values:
        if value is None:
            total += _PRIME
        else:
            data = value.encode() if isinstance(value, str) else value.to_bytes(8, "little", signed=True)
            total += xxhash64(data) * _PRIME
    return (total & _M64).to_bytes(8, "little")


_D3 = ("DOUBLE", "DOUBLE", "DOUBLE")
_SHIFT = ("BIGINT", "BIGINT", "INTEGER")
_LISTS = ("DOUBLE[]", "DOUBLE[]")

TABLE: dict[str, RowFunction] = {
    "bit_count": RowFunction(("BIGINT", "BIGINT"), "BIGINT", _bit_count),
    "shift_left": RowFunction(_SHIFT, "BIGINT", _left_shift),
    "shift_right": RowFunction(_SHIFT, "BIGINT", _right_shift),
    "shift_arithmetic": RowFunction(_SHIFT, "BIGINT", _arithmetic_shift),
    "width_bucket": RowFunction(("DOUBLE", "DOUBLE[]"), "BIGINT", _width_bucket),
    "truncate": RowFunction(("DOUBLE", "BIGINT"), "DOUBLE", _truncate),
    "round": RowFunction(("DOUBLE", "BIGINT"), "DOUBLE", _round),
    "round_integer": RowFunction(("BIGINT", "BIGINT"), "BIGINT", _round_integer),
    "beta_cdf": RowFunction(_D3, "DOUBLE", _beta_cdf),
    "inverse_beta_cdf": RowFunction(_D3, "DOUBLE", _inverse_beta_cdf),
    "normal_cdf": RowFunction(_D3, "DOUBLE", _normal_cdf),
    "inverse_normal_cdf": RowFunction(_D3, "DOUBLE", _inverse_normal_cdf),
    "wilson_lower": RowFunction(("BIGINT", "BIGINT", "DOUBLE"), "DOUBLE", lambda s, n, z: _wilson(-1, s, n, z)),
    "wilson_upper": RowFunction(("BIGINT", "BIGINT", "DOUBLE"), "DOUBLE", lambda s, n, z: _wilson(1, s, n, z)),
    "cosine_maps": RowFunction(("MAP(VARCHAR, DOUBLE)", "MAP(VARCHAR, DOUBLE)"), "DOUBLE", _cosine_maps),
    "cosine_arrays": RowFunction(_LISTS, "DOUBLE", _cosine_arrays),
    "value_at_quantile": RowFunction(("DOUBLE[]", "DOUBLE"), "DOUBLE", _value_at_quantile),
    "checksum_integers": RowFunction(("BIGINT[]",), "BLOB", _checksum),
    "checksum_texts": RowFunction(("VARCHAR[]",), "BLOB", _checksum),
    "numeric_histogram": RowFunction(("BIGINT", *_LISTS), "MAP(DOUBLE, DOUBLE)", _numeric_histogram),
}
