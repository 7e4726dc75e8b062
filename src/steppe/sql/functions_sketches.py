"""Aggregates over gathered values: histograms, checksums, the largest few, unions of maps, digests.

DuckDB has these not at all or in another meaning; each gathers its values in a list and works on that. A digest is
the list of its values: exact where AWS approximates, and refused where an approximation would show.
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from steppe.sql import types as t
from steppe.sql.calls import Call, around
from steppe.sql.casts import coerce
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.operators import comparable
from steppe.sql.scope import Scope
from steppe.sql.typed import Typed, guarded, text

if TYPE_CHECKING:
    from steppe.sql.expressions import Expressions

Special = Callable[["Expressions", Call, Scope], Typed]


def _values(compiler: Expressions, call: Call, scope: Scope, *counts: int) -> list[Typed]:
    values = [compiler.compile(argument, scope) for argument in call.arguments]
    if len(values) not in counts:
        raise _unexpected(call, values)
    return values


def _unexpected(call: Call, values: list[Typed]) -> QueryError:
    given = ", ".join(str(value.type) for value in values)
    return QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters ({given}) for function {call.name}")


def _gathered(compiler: Expressions, call: Call, scope: Scope, sql: str) -> str:
    """array_agg of an expression with what stood around the call."""
    parts = around(compiler, call, scope)
    if parts["o"] or parts["i"]:
        raise not_supported(f"{call.place}: {call.name} with ORDER BY or IGNORE NULLS")
    return f"(array_agg({parts['d']}{sql}){parts['f']}{parts['w']})"


def _known(list_sql: str) -> str:
    return f"list_filter({list_sql}, lambda q: q IS NOT NULL)"


def _numeric_histogram(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _values(compiler, call, scope, 2, 3)
    if not all(t.is_numeric(value.type) for value in values):
        raise _unexpected(call, values)
    buckets = coerce(values[0], t.BIGINT).sql if t.is_integral(values[0].type) else ""
    if not buckets or values[0].constant is None or not isinstance(values[0].constant, int):
        raise not_supported(f"{call.place}: numeric_histogram with buckets that are not a literal")
    weight = coerce(values[2], t.DOUBLE).sql if len(values) == 3 else "CAST(1 AS DOUBLE)"
    value = coerce(values[1], t.DOUBLE).sql
    pairs = _gathered(
        compiler, call, scope, f"CASE WHEN {value} IS NOT NULL THEN struct_pack(v := {value}, w := {weight}) END"
    )
    kept = f"list_filter({_known(pairs)}, lambda q: q.w IS NOT NULL)"
    lists = f"list_transform({kept}, lambda q: q.v), list_transform({kept}, lambda q: q.w)"
    kind = t.map_of(t.DOUBLE, t.DOUBLE)
    return Typed(f"py_numeric_histogram({buckets}, {lists})", kind)


def _checksum(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _values(compiler, call, scope, 1)
    if t.is_integral(value.type):
        return Typed(
            f"py_checksum_integers({_gathered(compiler, call, scope, coerce(value, t.BIGINT).sql)})", t.VARBINARY
        )
    if value.type.name == "varchar":
        return Typed(f"py_checksum_texts({_gathered(compiler, call, scope, value.sql)})", t.VARBINARY)
    raise not_supported(f"{call.place}: checksum of {value.type}")


def _approx_most_frequent(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """Exact counts, of the most frequent values; those that tie at the edge are refused."""
    values = _values(compiler, call, scope, 3)
    count, value = values[0].constant, values[1]
    if value.type.name not in ("varchar", "bigint") and not t.is_integral(value.type):
        raise _unexpected(call, values)
    if not isinstance(count, int) or count < 2:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "approx_most_frequent bucket count must be greater than one")
    kind = t.BIGINT if t.is_integral(value.type) else t.VARCHAR
    gathered = _known(_gathered(compiler, call, scope, coerce(value, kind).sql))
    counts = f"list_transform(map_entries(list_histogram({gathered})), lambda q: struct_pack(n := CAST(q.value AS BIGINT), k := q.key))"
    sorted_ = f"list_reverse_sort({counts})"
    fits = f"len({sorted_}) <= {count} OR {sorted_}[{count}].n <> {sorted_}[{count + 1}].n"
    made = f"map_from_entries(list_transform(list_slice({sorted_}, 1, {count}), lambda q: struct_pack(k := q.k, v := q.n)))"
    result = t.map_of(kind, t.BIGINT)
    message = text("approx_most_frequent where several values tie for the last place")
    return Typed(f"CAST({guarded(f'({fits})', made, 'NOT_SUPPORTED', message)} AS {t.duckdb(result)})", result)


def _map_union(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _values(compiler, call, scope, 1)
    if value.type.name != "map":
        raise _unexpected(call, [value])
    entries = (
        f"flatten(list_transform({_known(_gathered(compiler, call, scope, value.sql))}, lambda m: map_entries(m)))"
    )
    keys = f"list_transform({entries}, lambda e: e.key)"
    first = f"list_filter({entries}, lambda e, i: list_position({keys}, e.key) = i)"
    made = f"map_from_entries(list_transform({first}, lambda e: struct_pack(k := e.key, v := e.value)))"
    return Typed(made, value.type)


def largest(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """max(x, n), min(x, n), max_by(x, y, n), min_by(x, y, n)."""
    values = _values(compiler, call, scope, 2, 3)
    count, key = values[-1], values[-2]
    if not t.is_integral(count.type) or key.type.children or not t.is_orderable(key.type):
        raise _unexpected(call, values)
    down = call.name.startswith("max")
    if key.type.name in ("double", "real"):
        raise not_supported(f"{call.place}: {call.name} of {key.type} with a number of values")
    size = coerce(count, t.BIGINT).sql
    if len(values) == 2:
        gathered = _known(_gathered(compiler, call, scope, key.sql))
        sorted_ = f"list_{'reverse_' if down else ''}sort({gathered})"
        taken = f"list_slice({sorted_}, 1, {size})"
    else:
        pair = f"CASE WHEN {comparable(key)} IS NOT NULL THEN struct_pack(y := {comparable(key)}, x := {values[0].sql}) END"
        gathered = _known(_gathered(compiler, call, scope, pair))
        sorted_ = f"list_{'reverse_' if down else ''}sort({gathered})"
        taken = f"list_transform(list_slice({sorted_}, 1, {size}), lambda q: q.x)"
    fits = f"({size} > 0)"
    message = text(
        "third argument of max_by/min_by must be a positive integer"
        if len(values) == 3
        else "second argument of max_n/min_n must be positive"
    )
    return Typed(
        f"CASE WHEN len({gathered}) > 0 THEN {guarded(fits, taken, 'INVALID_FUNCTION_ARGUMENT', message)} END",
        t.array(values[0].type),
    )


def _approx_percentile(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """One percentile or several: the element at that share of the sorted values."""
    values = _values(compiler, call, scope, 2, 3)
    if len(values) == 3:
        raise not_supported(f"{call.place}: approx_percentile with weights")
    value, share = values
    parts = around(compiler, call, scope)
    if parts["d"] or parts["o"] or parts["i"] or not t.is_numeric(value.type):
        raise _unexpected(call, values)
    kind = (
        value.type
        if value.type.name in ("bigint", "double", "real")
        else t.BIGINT
        if t.is_integral(value.type)
        else t.DOUBLE
    )
    if t.is_integral(value.type):
        kind = value.type
    shares = share.type.children[0] if share.type.name == "array" else share.type
    if not t.is_numeric(shares):
        raise _unexpected(call, values)
    held = coerce(value, kind).sql
    if share.type.name != "array":
        sql = f"quantile_disc({held}, {coerce(share, t.DOUBLE).sql}){parts['f']}{parts['w']}"
        return Typed(f"CAST({sql} AS {t.duckdb(kind)})", kind)
    sql = f"quantile_disc({held}, {coerce(share, t.array(t.DOUBLE)).sql}){parts['f']}{parts['w']}"
    return Typed(f"CAST(({sql}) AS {t.duckdb(kind)}[])", t.array(kind))


def _tdigest(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _values(compiler, call, scope, 1)
    if not t.is_numeric(values[0].type):
        raise _unexpected(call, values)
    return Typed(_known(_gathered(compiler, call, scope, coerce(values[0], t.DOUBLE).sql)), t.TDIGEST)


def _value_at_quantile(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = _values(compiler, call, scope, 2)
    digest, share = values
    if digest.type != t.TDIGEST:
        raise not_supported(f"{call.place}: {call.name} of {digest.type}")
    if call.name == "value_at_quantile" and t.is_numeric(share.type):
        return Typed(f"py_value_at_quantile({digest.sql}, {coerce(share, t.DOUBLE).sql})", t.DOUBLE)
    if call.name == "values_at_quantiles" and share.type.name == "array" and t.is_numeric(share.type.children[0]):
        x = compiler.transpiler.fresh("x")
        shares = coerce(share, t.array(t.DOUBLE)).sql
        return Typed(
            f"list_transform({shares}, lambda {x}: py_value_at_quantile({digest.sql}, {x}))", t.array(t.DOUBLE)
        )
    raise _unexpected(call, values)


def _approx_set(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """A HyperLogLog as the set of its values' texts; `cardinality` counts them."""
    values = _values(compiler, call, scope, 1)
    value = values[0]
    if value.type.name not in ("varchar", "double", "date") and not t.is_integral(value.type):
        raise _unexpected(call, values)
    gathered = _gathered(compiler, call, scope, f"CAST({value.sql} AS VARCHAR)")
    return Typed(f"list_distinct({gathered})", t.HYPERLOGLOG)


def _merge(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    (value,) = _values(compiler, call, scope, 1)
    if value.type not in (t.HYPERLOGLOG, t.TDIGEST):
        raise _unexpected(call, [value])
    flat = f"flatten({_known(_gathered(compiler, call, scope, value.sql))})"
    return Typed(f"list_distinct({flat})" if value.type == t.HYPERLOGLOG else flat, value.type)


AGGREGATES: dict[str, Special] = {
    "numeric_histogram": _numeric_histogram, "checksum": _checksum, "approx_most_frequent": _approx_most_frequent,
    "map_union": _map_union, "approx_percentile": _approx_percentile, "tdigest_agg": _tdigest,
    "approx_set": _approx_set, "merge": _merge,
}  # fmt: skip

SPECIAL: dict[str, Special] = {
    "value_at_quantile": _value_at_quantile, "values_at_quantiles": _value_at_quantile,
}  # fmt: skip
