"""Arrays and maps, with their lambdas.

DuckDB's lambdas cannot be handed over as arguments, so every function with one writes its loop here.
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from steppe.sql import types as t
from steppe.sql.calls import Call, compiler_key
from steppe.sql.casts import as_text, cast, coerce, lambda_name
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.functions import Row
from steppe.sql.operators import compare
from steppe.sql.scope import Scope
from steppe.sql.typed import Typed, guarded, null, text
from steppe.sql.types import Type

if TYPE_CHECKING:
    from steppe.sql.expressions import Expressions

Special = Callable[["Expressions", Call, Scope], Typed]


def _distinct(sql: str) -> str:
    """The different elements in the order in which they are first seen; NULL is one of them."""
    return (
        f"list_filter({sql}, lambda q, i: CASE WHEN q IS NULL THEN "
        f"len(list_filter(list_slice({sql}, 1, i), lambda z: z IS NULL)) = 1 ELSE list_position({sql}, q) = i END)"
    )


SCALARS: tuple[Row, ...] = (
    ("cardinality(array(T)) -> bigint", "CAST(len({0}) AS BIGINT)"),
    ("cardinality(map(K, V)) -> bigint", "CAST(cardinality({0}) AS BIGINT)"),
    ("cardinality(HyperLogLog) -> bigint", "CAST(len({0}) AS BIGINT)"),
    ("array_distinct(array(T)) -> array(T)", _distinct("{0}")),
    ("array_union(array(T), array(T)) -> array(T)",
     "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN " + _distinct("list_concat({0}, {1})") + " END"),
    ("array_intersect(array(T), array(T)) -> array(T)",
     "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN list_sort(list_distinct(list_filter({0}, lambda q: "
     "list_contains({1}, q)))) END"),
    ("array_except(array(T), array(T)) -> array(T)",
     "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN " + _distinct("list_filter({0}, lambda y: NOT coalesce(list_contains({1}, y), false))") + " END"),
    ("array_remove(array(T), T) -> array(T)", "CASE WHEN {1} IS NOT NULL THEN list_filter({0}, lambda q: q IS NULL OR q <> {1}) END"),
    ("array_position(array(T), T) -> bigint", "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN CAST(coalesce(list_position({0}, {1}), 0) AS BIGINT) END"),
    ("arrays_overlap(array(T), array(T)) -> boolean",
     "CASE WHEN list_has_any({0}, {1}) THEN true WHEN {0} IS NULL OR {1} IS NULL OR "
     "len(list_filter({0}, lambda q: q IS NULL)) > 0 OR len(list_filter({1}, lambda q: q IS NULL)) > 0 THEN NULL ELSE false END"),
    ("contains(array(T), T) -> boolean",
     "CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL WHEN list_contains({0}, {1}) THEN true WHEN "
     "len(list_filter({0}, lambda q: q IS NULL)) > 0 THEN NULL ELSE false END"),
    ("contains_sequence(array(T), array(T)) -> boolean",
     "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN len({1}) = 0 OR len(list_filter(range(1, len({0}) - len({1}) + 2), "
     "lambda i: list_slice({0}, i, i + len({1}) - 1) = {1})) > 0 END"),
    ("flatten(array(array(T))) -> array(T)", "flatten({0})"),
    ("shuffle(array(T)) -> array(T)", "list_transform(list_sort(list_transform({0}, lambda q: struct_pack(r := random(), v := q))), lambda q: q.v)"),
    ("trim_array(array(T), bigint) -> array(T)",
     "CASE WHEN {1} < 0 THEN ([])[CAST(CAST('!INVALID_FUNCTION_ARGUMENT: size must not be negative' AS BOOLEAN) AS INTEGER)] WHEN {1} > len({0}) THEN "
     "([])[CAST(CAST('!INVALID_FUNCTION_ARGUMENT: size must not exceed array cardinality' AS BOOLEAN) AS INTEGER)] ELSE list_slice({0}, 1, len({0}) - {1}) END"),
    ("slice(array(T), bigint, bigint) -> array(T)",
     "CASE WHEN {2} < 0 THEN ([])[CAST(CAST('!INVALID_FUNCTION_ARGUMENT: length must be greater than or equal to 0' AS BOOLEAN) AS INTEGER)] "
     "WHEN {1} = 0 THEN ([])[CAST(CAST('!INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1' AS BOOLEAN) AS INTEGER)] "
     "WHEN {1} > 0 THEN list_slice({0}, {1}, {1} + {2} - 1) WHEN -({1}) > len({0}) THEN list_slice({0}, 1, 0) "
     "WHEN {1} < 0 THEN list_slice({0}, len({0}) + {1} + 1, len({0}) + {1} + {2}) END"),
    ("map_keys(map(K, V)) -> array(K)", "list_transform(list_sort(map_entries({0})), lambda e: e.key)"),
    ("map_values(map(K, V)) -> array(V)", "list_transform(list_sort(map_entries({0})), lambda e: e.value)"),
    ("map_entries(map(K, V)) -> array(row(K, V))", "list_transform(list_sort(map_entries({0})), lambda e: struct_pack(f1 := e.key, f2 := e.value))"),
    ("map_concat(map(K, V), map(K, V)...) -> map(K, V)", "map_concat({*})"),
    ("split_to_map(varchar, varchar, varchar) -> map(varchar, varchar)", "py_split_to_map({0}, {1}, {2})"),
)  # fmt: skip


def _array_argument(compiler: Expressions, call: Call, scope: Scope, count: int) -> Typed:
    if len(call.arguments) != count:
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters for function {call.name}")
    value = compiler.compile(call.arguments[0], scope)
    if value.type.name != "array":
        raise QueryError(
            "TYPE_MISMATCH",
            f"{call.place}: Unexpected parameters ({value.type}) for function {call.name}. Expected: {call.name}(array(T), ...)",
        )
    return value


def body_of(compiler: Expressions, node: exp.Expr, variables: list[Typed], scope: Scope, place: str) -> Typed:
    """The body of a lambda with its variables bound.

    Raises:
        QueryError: it is no lambda, or takes another number of arguments.
    """
    if not isinstance(node, exp.Lambda) or len(node.expressions) != len(variables):
        raise QueryError("TYPE_MISMATCH", f"{place}: Expected a lambda that takes {len(variables)} argument(s)")
    names = [parameter.name.lower() for parameter in node.expressions]
    return compiler.compile(node.this, scope.with_lambdas(dict(zip(names, variables, strict=True))))


def _fresh(compiler: Expressions) -> str:
    return compiler.transpiler.fresh("x")


def _condition(value: Typed, call: Call) -> str:
    if value.type.name == "unknown":
        return coerce(value, t.BOOLEAN).sql
    if value.type.name != "boolean":
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Expected a lambda that gives boolean, not {value.type}")
    return value.sql


def _transform(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    items, x = _array_argument(compiler, call, scope, 2), _fresh(compiler)
    body = body_of(compiler, call.arguments[1], [Typed(x, items.type.children[0])], scope, call.place)
    return Typed(f"list_transform({items.sql}, lambda {x}: {body.sql})", t.array(body.type))


def _filter(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    items, x = _array_argument(compiler, call, scope, 2), _fresh(compiler)
    body = body_of(compiler, call.arguments[1], [Typed(x, items.type.children[0])], scope, call.place)
    return Typed(f"list_filter({items.sql}, lambda {x}: coalesce({_condition(body, call)}, false))", items.type)


def _match(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """any_match, all_match, none_match, three-valued."""
    items, x = _array_argument(compiler, call, scope, 2), _fresh(compiler)
    body = body_of(compiler, call.arguments[1], [Typed(x, items.type.children[0])], scope, call.place)
    each = f"list_transform({items.sql}, lambda {x}: {_condition(body, call)})"
    some_null = f"len(list_filter({each}, lambda b: b IS NULL)) > 0"
    decisive, first, last = {"any_match": ("true", "true", "false"), "all_match": ("false", "false", "true"),
                             "none_match": ("true", "false", "true")}[call.name]  # fmt: skip
    sql = f"CASE WHEN {items.sql} IS NULL THEN NULL WHEN list_contains({each}, {decisive}) THEN {first} WHEN {some_null} THEN NULL ELSE {last} END"
    return Typed(sql, t.BOOLEAN)


def reduced(compiler: Expressions, items: Typed, start: Typed, step: exp.Expr, scope: Scope, place: str) -> Typed:
    """A left fold. The list is made of states so that DuckDB's list_reduce can carry another type than the elements'."""
    element = items.type.children[0]
    s, x = compiler.transpiler.fresh("x"), compiler.transpiler.fresh("x")
    kind = start.type
    for _ in range(3):  # the state's type grows until the step gives it back
        body = body_of(compiler, step, [Typed(f"({s}).s", kind), Typed(f"({x}).x", element)], scope, place)
        joint = t.common(kind, body.type)
        if joint is None:
            raise QueryError("TYPE_MISMATCH", f"{place}: Expected the input function to give {kind}, not {body.type}")
        if joint == kind:
            break
        kind = joint
    held, of = t.duckdb(kind), t.duckdb(element)
    wrapped = f"list_transform({items.sql}, lambda {x}: struct_pack(s := CAST(NULL AS {held}), x := {x}))"
    first = f"struct_pack(s := CAST({coerce(start, kind).sql} AS {held}), x := CAST(NULL AS {of}))"
    next_state = f"struct_pack(s := CAST({coerce(body, kind).sql} AS {held}), x := CAST(NULL AS {of}))"
    folded = f"list_reduce(list_prepend({first}, {wrapped}), lambda {s}, {x}: {next_state})"
    return Typed(f"CASE WHEN {items.sql} IS NOT NULL THEN ({folded}).s END", kind)


def _reduce(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    items = _array_argument(compiler, call, scope, 4)
    state = reduced(compiler, items, compiler.compile(call.arguments[1], scope), call.arguments[2], scope, call.place)
    return body_of(compiler, call.arguments[3], [state], scope, call.place)


def _zip_with(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    first = _array_argument(compiler, call, scope, 3)
    second, x = compiler.compile(call.arguments[1], scope), _fresh(compiler)
    if second.type.name != "array":
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters for function zip_with")
    variables = [Typed(f"{x}[1]", first.type.children[0]), Typed(f"{x}[2]", second.type.children[0])]
    body = body_of(compiler, call.arguments[2], variables, scope, call.place)
    zipped = f"list_transform(list_zip({first.sql}, {second.sql}), lambda {x}: {body.sql})"
    return Typed(
        f"CASE WHEN {first.sql} IS NOT NULL AND {second.sql} IS NOT NULL THEN {zipped} END", t.array(body.type)
    )


def _zip(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = [compiler.compile(argument, scope) for argument in call.arguments]
    if len(values) < 2 or any(value.type.name != "array" for value in values):
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters for function zip")
    x = _fresh(compiler)
    fields = ", ".join(f"f{i} := {x}[{i}]" for i in range(1, len(values) + 1))
    known = " AND ".join(f"{value.sql} IS NOT NULL" for value in values)
    zipped = f"list_transform(list_zip({', '.join(value.sql for value in values)}), lambda {x}: struct_pack({fields}))"
    return Typed(f"CASE WHEN {known} THEN {zipped} END", t.array(t.row(*(value.type.children[0] for value in values))))


def _array_sort(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """array_sort; with a comparator an insertion sort, which is stable and calls it as Trino does."""
    items = _array_argument(compiler, call, scope, len(call.arguments))
    element = items.type.children[0]
    if len(call.arguments) == 1:
        if not t.is_orderable(element) or element.children or element.name == "timestamp with time zone":
            raise not_supported(f"{call.place}: array_sort of {items.type}")
        return Typed(f"list_sort({items.sql}, 'ASC', 'NULLS LAST')", items.type)
    e, y, acc = _fresh(compiler), _fresh(compiler), _fresh(compiler)
    body = body_of(compiler, call.arguments[1], [Typed(e, element), Typed(f"{y}[1]", element)], scope, call.place)
    if not t.is_integral(body.type):
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Expected a comparator that gives integer, not {body.type}")
    before = f"list_filter({acc}, lambda {e}: {body.sql} <= 0)"
    after = f"list_filter({acc}, lambda {e}: {body.sql} > 0)"
    inserted = f"list_concat(list_concat({before}, {y}), {after})"
    singles = f"list_transform({items.sql}, lambda {e}: [{e}])"
    empty = f"CAST([] AS {t.duckdb(items.type)})"
    return Typed(
        f"CASE WHEN {items.sql} IS NOT NULL THEN list_reduce(list_prepend({empty}, {singles}), lambda {acc}, {y}: {inserted}) END",
        items.type,
    )


def _extreme(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """array_max, array_min: NULL as soon as one element is."""
    items = _array_argument(compiler, call, scope, 1)
    element = items.type.children[0]
    if not t.is_orderable(element) or element.children or element.name == "timestamp with time zone":
        raise not_supported(f"{call.place}: {call.name} of {items.type}")
    word = "list_max" if call.name == "array_max" else "list_min"
    nulls = f"len(list_filter({items.sql}, lambda q: q IS NULL)) > 0"
    found = f"{word}({items.sql})"
    if element.name in ("double", "real"):  # NaN, once in, stays the answer
        strange = f"len(list_filter({items.sql}, lambda q: isnan(q))) > 0"
        found = f"CASE WHEN {strange} THEN CAST('nan' AS {t.duckdb(element)}) ELSE {found} END"
    return Typed(f"CASE WHEN NOT ({nulls}) THEN {found} END", element)


def _array_join(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    items = _array_argument(compiler, call, scope, len(call.arguments))
    rest = [cast(compiler.compile(argument, scope), t.VARCHAR) for argument in call.arguments[1:]]
    element, x = items.type.children[0], _fresh(compiler)
    if not 1 <= len(rest) <= 2 or element.children or element.name in ("double", "real"):
        raise not_supported(f"{call.place}: array_join of {items.type}")
    shown = f"list_transform({items.sql}, lambda {x}: {as_text(Typed(x, element))})"
    if len(rest) == 2:
        shown = f"list_transform({shown}, lambda {x}: coalesce({x}, {rest[1].sql}))"
    kept = f"list_filter({shown}, lambda {x}: {x} IS NOT NULL)"
    return Typed(
        f"CASE WHEN {items.sql} IS NOT NULL AND {rest[0].sql} IS NOT NULL THEN array_to_string({kept}, {rest[0].sql}) END",
        t.VARCHAR,
    )


def _element_at(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    if len(call.arguments) != 2:
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters for function element_at")
    value, index = (compiler.compile(argument, scope) for argument in call.arguments)
    if value.type.name == "map":
        key = compiler_key(value, index, call.place)
        return Typed(f"({value.sql})[{key.sql}]", value.type.children[1])
    if value.type.name != "array" or not t.is_integral(index.type):
        raise QueryError(
            "TYPE_MISMATCH", f"{call.place}: Unexpected parameters ({value.type}, {index.type}) for function element_at"
        )
    ok = f"({index.sql} <> 0 OR {value.sql} IS NULL)"
    message = text("SQL array indices start at 1")
    return Typed(
        guarded(ok, f"({value.sql})[{index.sql}]", "INVALID_FUNCTION_ARGUMENT", message), value.type.children[0]
    )


def _sequence(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = [compiler.compile(argument, scope) for argument in call.arguments]
    if len(values) not in (2, 3):
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters for function sequence")
    first, last = values[0], values[1]
    if t.is_integral(first.type) and t.is_integral(last.type):
        a, b = coerce(first, t.BIGINT).sql, coerce(last, t.BIGINT).sql
        step = coerce(values[2], t.BIGINT).sql if len(values) == 3 else f"(CASE WHEN {a} <= {b} THEN 1 ELSE -1 END)"
        return _bounded_sequence(
            f"generate_series({a}, {b}, {step})",
            a,
            b,
            step,
            f"(({b} - {a}) // {step} + 1)",
            t.BIGINT,
            t.array(t.BIGINT),
        )
    if first.type.name == "date" and last.type.name == "date":
        step = (
            values[2].sql
            if len(values) == 3
            else f"(CASE WHEN {first.sql} <= {last.sql} THEN 86400000 ELSE -86400000 END)"
        )
        if len(values) == 3 and values[2].type == t.INTERVAL_YEAR:
            return _month_sequence(compiler, first, last, values[2])
        if len(values) == 3 and values[2].type != t.INTERVAL_DAY:
            raise not_supported(f"{call.place}: sequence of dates by {values[2].type}")
        days = f"({step} // 86400000)"
        x = _fresh(compiler)
        count = f"(({last.sql} - {first.sql}) // {days} + 1)"
        numbers = f"list_transform(generate_series(0, ({last.sql} - {first.sql}), {days}), lambda {x}: {first.sql} + CAST({x} AS INTEGER))"
        return _bounded_sequence(numbers, "0", f"({last.sql} - {first.sql})", days, count, t.DATE, t.array(t.DATE))
    if first.type.name == last.type.name == "timestamp" and len(values) == 3:
        if values[2].type == t.INTERVAL_YEAR:
            return _month_sequence(compiler, first, last, values[2])
        if values[2].type == t.INTERVAL_DAY:
            joint = t.common(first.type, last.type) or first.type
            a, b = f"epoch_us({first.sql})", f"epoch_us({last.sql})"
            step, x = f"({values[2].sql} * 1000)", _fresh(compiler)
            moments = f"list_transform(generate_series({a}, {b}, {step}), lambda {x}: make_timestamp({x}))"
            return _bounded_sequence(moments, a, b, step, f"(({b} - {a}) // {step} + 1)", joint, t.array(joint))
    raise not_supported(f"{call.place}: sequence of {first.type}")


def _month_sequence(compiler: Expressions, first: Typed, last: Typed, interval: Typed) -> Typed:
    """Dates or timestamps by months: each is the first plus so many months, as its calendar allows."""
    joint = t.common(first.type, last.type) or first.type
    held, x, step = t.duckdb(joint), _fresh(compiler), interval.sql
    a, b = f"CAST({first.sql} AS TIMESTAMP)", f"CAST({last.sql} AS TIMESTAMP)"
    span = f"CAST(date_sub('month', {a}, {b}) AS BIGINT)"
    moments = f"list_transform(generate_series(0, {span}, {step}), lambda {x}: CAST({a} + to_months(CAST({x} AS INTEGER)) AS {held}))"
    return _bounded_sequence(moments, "0", span, step, f"({span} // {step} + 1)", joint, t.array(joint))


def _bounded_sequence(sql: str, a: str, b: str, step: str, count: str, element: Type, kind: Type) -> Typed:
    del element
    fits = f"({step} <> 0 AND NOT ({step} > 0 AND {b} < {a}) AND NOT ({step} < 0 AND {b} > {a}))"
    message = text(
        "sequence stop value should be greater than or equal to start value if step is greater than zero otherwise stop should be less than or equal to start"
    )
    short = guarded(
        f"{count} <= 50000",
        sql,
        "INVALID_FUNCTION_ARGUMENT",
        text("result of sequence function must not have more than 50000 entries"),
    )
    return Typed(guarded(fits, short, "INVALID_FUNCTION_ARGUMENT", message), kind)


def _repeat(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    if len(call.arguments) != 2:
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters for function repeat")
    value, count = (compiler.compile(argument, scope) for argument in call.arguments)
    x = _fresh(compiler)
    return Typed(f"list_transform(range({coerce(count, t.BIGINT).sql}), lambda {x}: {value.sql})", t.array(value.type))


def _combinations(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    items = _array_argument(compiler, call, scope, 2)
    size = compiler.compile(call.arguments[1], scope).constant
    if not isinstance(size, int) or not 0 <= size <= 5:
        raise not_supported(f"{call.place}: combinations of this size")
    # Sets of positions, each larger than the one before, grown by one position at a time.
    sets = "[CAST([] AS BIGINT[])]"
    for _ in range(size):
        c, p = _fresh(compiler), _fresh(compiler)
        grown = (
            f"list_transform(range(coalesce({c}[-1], 0) + 1, len({items.sql}) + 1), lambda {p}: list_append({c}, {p}))"
        )
        sets = f"flatten(list_transform({sets}, lambda {c}: {grown}))"
    c, p = _fresh(compiler), _fresh(compiler)
    picked = f"list_transform({sets}, lambda {c}: list_transform({c}, lambda {p}: ({items.sql})[{p}]))"
    return Typed(f"CASE WHEN {items.sql} IS NOT NULL THEN {picked} END", t.array(items.type))


def _ngrams(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    items = _array_argument(compiler, call, scope, 2)
    n = coerce(compiler.compile(call.arguments[1], scope), t.BIGINT).sql
    x = _fresh(compiler)
    slices = f"list_transform(range(1, greatest(len({items.sql}) - {n} + 2, 2)), lambda {x}: list_slice({items.sql}, {x}, {x} + {n} - 1))"
    return Typed(f"CASE WHEN {items.sql} IS NOT NULL THEN {slices} END", t.array(items.type))


# -- maps


def _map(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    values = [compiler.compile(argument, scope) for argument in call.arguments]
    if not values:
        return Typed("CAST(map([], []) AS MAP(INTEGER, INTEGER))", t.map_of(t.UNKNOWN, t.UNKNOWN))
    if len(values) != 2 or any(value.type.name != "array" for value in values):
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters for function map")
    keys, items = values
    _check_keys(keys.type.children[0], call)
    kind = t.map_of(keys.type.children[0], items.type.children[0])
    sizes = guarded(
        f"len({keys.sql}) = len({items.sql})",
        _unique(keys.sql, f"map({keys.sql}, {items.sql})"),
        "INVALID_FUNCTION_ARGUMENT",
        text("Key and value arrays must be the same length"),
    )
    return Typed(sizes, kind)


def _check_keys(kind: Type, call: Call) -> None:
    if kind.children or kind.name in ("timestamp with time zone", "double", "real"):
        raise not_supported(f"{call.place}: a map with keys of type {kind}")


def _unique(keys: str, sql: str) -> str:
    unlike = guarded(
        f"len(list_distinct({keys})) = len({keys})",
        sql,
        "INVALID_FUNCTION_ARGUMENT",
        text("Duplicate map keys are not allowed"),
    )
    return guarded(
        f"len(list_filter({keys}, lambda k: k IS NULL)) = 0",
        unlike,
        "INVALID_FUNCTION_ARGUMENT",
        text("map key cannot be null"),
    )


def _entries(value: Typed) -> str:
    return f"list_sort(map_entries({value.sql}))"


def _map_argument(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    value = compiler.compile(call.arguments[0], scope) if len(call.arguments) == 2 else null(t.UNKNOWN)
    if value.type.name != "map":
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters for function {call.name}")
    return value


def _map_lambda(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """map_filter, transform_keys, transform_values."""
    value, e = _map_argument(compiler, call, scope), _fresh(compiler)
    key, item = Typed(f"{e}.key", value.type.children[0]), Typed(f"{e}.value", value.type.children[1])
    body = body_of(compiler, call.arguments[1], [key, item], scope, call.place)
    if call.name == "map_filter":
        kept = f"list_filter({_entries(value)}, lambda {e}: coalesce({_condition(body, call)}, false))"
        return Typed(f"CAST(map_from_entries({kept}) AS {t.duckdb(value.type)})", value.type)
    if call.name == "transform_values":
        pairs = f"list_transform({_entries(value)}, lambda {e}: struct_pack(k := {e}.key, v := {body.sql}))"
        return Typed(f"map_from_entries({pairs})", t.map_of(key.type, body.type))
    _check_keys(body.type, call)
    keys = f"list_transform({_entries(value)}, lambda {e}: {body.sql})"
    pairs = f"list_transform({_entries(value)}, lambda {e}: struct_pack(k := {body.sql}, v := {e}.value))"
    return Typed(_unique(keys, f"map_from_entries({pairs})"), t.map_of(body.type, item.type))


def _map_zip_with(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    if len(call.arguments) != 3:
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Unexpected parameters for function map_zip_with")
    first, second = (compiler.compile(argument, scope) for argument in call.arguments[:2])
    if first.type.name != "map" or second.type.name != "map" or first.type.children[0] != second.type.children[0]:
        raise not_supported(f"{call.place}: map_zip_with of {first.type} and {second.type}")
    k = _fresh(compiler)
    variables = [
        Typed(k, first.type.children[0]),
        Typed(f"({first.sql})[{k}]", first.type.children[1]),
        Typed(f"({second.sql})[{k}]", second.type.children[1]),
    ]
    body = body_of(compiler, call.arguments[2], variables, scope, call.place)
    keys = f"list_sort(list_distinct(list_concat(map_keys({first.sql}), map_keys({second.sql}))))"
    pairs = f"list_transform({keys}, lambda {k}: struct_pack(k := {k}, v := {body.sql}))"
    known = f"{first.sql} IS NOT NULL AND {second.sql} IS NOT NULL"
    return Typed(f"CASE WHEN {known} THEN map_from_entries({pairs}) END", t.map_of(first.type.children[0], body.type))


def _split_to_map(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    """split_to_map; with a lambda that chooses between two values of a key."""
    from steppe.sql.calls import scalar

    values = [compiler.compile(argument, scope) for argument in call.arguments[:3]]
    if len(call.arguments) != 4:
        return scalar("split_to_map", values, call.place)
    multimap = scalar("split_to_multimap", values, call.place)
    e = _fresh(compiler)
    key = Typed(f"{e}.key", t.VARCHAR)
    a, b = _fresh(compiler), _fresh(compiler)
    body = body_of(compiler, call.arguments[3], [key, Typed(a, t.VARCHAR), Typed(b, t.VARCHAR)], scope, call.place)
    if body.type.name != "varchar":
        raise QueryError("TYPE_MISMATCH", f"{call.place}: Expected a lambda that gives varchar, not {body.type}")
    chosen = f"list_reduce({e}.value, lambda {a}, {b}: {body.sql})"
    pairs = f"list_transform(map_entries({multimap.sql}), lambda {e}: struct_pack(k := {e}.key, v := {chosen}))"
    return Typed(f"map_from_entries({pairs})", t.map_of(t.VARCHAR, t.VARCHAR))


def _from_entries(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    from steppe.sql.functions_special import multimap

    items = _array_argument(compiler, call, scope, 1)
    element = items.type.children[0]
    if element.name != "row" or len(element.children) != 2:
        raise QueryError(
            "TYPE_MISMATCH", f"{call.place}: Unexpected parameters ({items.type}) for function {call.name}"
        )
    _check_keys(element.children[0], call)
    entries = f"list_transform({items.sql}, lambda e: struct_pack(k := (e).f1, v := (e).f2))"
    if call.name == "multimap_from_entries":
        return multimap(entries, element.children[0], element.children[1])
    keys = f"list_transform({items.sql}, lambda e: (e).f1)"
    return Typed(_unique(keys, f"map_from_entries({entries})"), t.map_of(element.children[0], element.children[1]))


def _first_last(compiler: Expressions, call: Call, scope: Scope) -> Typed:
    items = _array_argument(compiler, call, scope, 1)
    return Typed(f"({items.sql})[{1 if call.name == 'array_first' else -1}]", items.type.children[0])


SPECIAL: dict[str, Special] = {
    "transform": _transform, "filter": _filter, "any_match": _match, "all_match": _match, "none_match": _match,
    "reduce": _reduce, "zip_with": _zip_with, "zip": _zip, "array_sort": _array_sort, "array_max": _extreme,
    "array_min": _extreme, "array_join": _array_join, "element_at": _element_at, "sequence": _sequence,
    "repeat": _repeat, "combinations": _combinations, "ngrams": _ngrams, "map": _map, "map_filter": _map_lambda,
    "transform_keys": _map_lambda, "transform_values": _map_lambda, "map_zip_with": _map_zip_with,
    "map_from_entries": _from_entries, "multimap_from_entries": _from_entries, "array_first": _first_last,
    "array_last": _first_last, "split_to_map": _split_to_map,
}  # fmt: skip

__all__ = ["SCALARS", "SPECIAL", "body_of", "compare", "lambda_name", "reduced"]
