"""Queries of Athena's SQL as DuckDB's: relations, SELECT, set operations, WITH, with every column's Trino type known.

The analysis is our own: names are resolved, types inferred and coercions written here, so that nothing is left to
DuckDB's own reading of a query, which differs. sqlglot parses; it does not translate.

    compiled = transpile(statement, tables=..., database="default", now_ms=...)
    compiled.sql        one SELECT with columns c1, c2, ... in the user's order
    compiled.columns    their names and Trino types
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501, S608

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from sqlglot import exp

from steppe.sql import operators
from steppe.sql import types as t
from steppe.sql.casts import coerce, is_same_representation
from steppe.sql.catalog import Column
from steppe.sql.errors import QueryError, not_supported, position
from steppe.sql.expressions import Expressions
from steppe.sql.grammar import parse_query
from steppe.sql.operators import check_groupable, comparable
from steppe.sql.relations import Relations
from steppe.sql.scope import Field, Relation, Scope
from steppe.sql.statement import Statement
from steppe.sql.typed import Typed, name, null
from steppe.sql.types import Type

DEPTH_MAX = 60
"""Levels of queries within queries."""


@dataclass(frozen=True, slots=True)
class ScannedTable:
    """A table as DuckDB reads it.

    Attributes:
        sql: a SELECT whose columns are those of `columns`, under their own names.
        columns: names and types; hidden ones are not part of `*`.
    """

    sql: str
    columns: tuple[tuple[str, Type, bool], ...]


class PartitionFilter(Protocol):
    """What a query says of a table's partitions."""

    def __call__(self, keys: Sequence[Column], /) -> str | None:
        """The condition over these keys, as columns of `p` in DuckDB, that partitions must meet; None for none."""
        ...

    def constants(self, key: str, /) -> Sequence[str] | None:
        """The texts that a key must be equal to one of; None when nothing says so."""
        ...


TableSource = Callable[[str, str, PartitionFilter], ScannedTable]
"""Finds a table by database and name, with what narrows its partitions. Raises QueryError, its position as `{place}`."""


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled query.

    Attributes:
        sql: DuckDB's text, without brackets.
        names: the quoted names of its columns in that text, all different.
        columns: names as the user sees them (None: unnamed) and types.
    """

    sql: str
    names: tuple[str, ...]
    columns: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement ready to run."""

    query: Query
    columns: tuple[tuple[str, Typed], ...]


def transpile(statement: Statement, *, tables: TableSource, database: str, now_ms: int, query_id: str = "") -> Compiled:
    """Compile a query.

    Raises:
        MalformedQuery: it does not parse.
        QueryError: Trino's analysis refuses it, or this engine does.
    """
    transpiler = Transpiler(statement, tables=tables, database=database, now_ms=now_ms)
    tree = parse_query(statement)
    try:
        query = transpiler.query(tree, None)
    except RecursionError:
        raise QueryError("STACK_OVERFLOW", "statement is too large (stack overflow during analysis)") from None
    del query_id
    columns = []
    for index, (own, column) in enumerate(zip(query.names, query.columns, strict=True)):
        value = Typed(own, column.value.type, literal_digits=column.value.literal_digits)
        columns.append((column.name if column.name is not None else f"_col{index}", value))
    return Compiled(query, tuple(columns))


class Transpiler:
    """The compiler of one statement; holds what its parts share."""

    def __init__(self, statement: Statement, *, tables: TableSource, database: str, now_ms: int) -> None:
        self.text = statement.text
        self.statement = statement
        self.tables = tables
        self.database = database
        self.now_ms = now_ms
        self.expressions = Expressions(self)
        self.relations = Relations(self)
        self.ctes: list[dict[str, Query | str]] = []
        self._counter = 0
        self._depth = 0
        self.aggregates_seen = 0

    def fresh(self, stem: str) -> str:
        """A name that nothing else in the statement has."""
        self._counter += 1
        return f"{stem}{self._counter}"

    def is_typed_literal(self, value: str) -> bool:
        """Whether a string stands right after a type's name in the text (DATE '2024-01-01')."""
        written = "'" + value.replace("'", "''") + "'"
        tokens = self.statement.tokens
        return any(
            token.text == written and before.kind in ("word",) and before.upper not in ("AS", "IN", "THEN", "ELSE")
            for before, token in pairwise(tokens)
        )

    def query(self, node: exp.Expr, parent: Scope | None) -> Query:
        """Compile a query expression.

        Args:
            node: SELECT, VALUES, UNION, INTERSECT, EXCEPT, or one of them in brackets.
            parent: the scope around a subquery; None at the top and in FROM.
        """
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise QueryError("STACK_OVERFLOW", f"queries nest deeper than {DEPTH_MAX} levels")
        try:
            with_clause = node.args.get("with_")
            if with_clause is None:
                return self._body(node, parent)
            self.ctes.append({})
            try:
                definitions = self.relations.with_definitions(with_clause)
                body = self._body(node, parent)
                word = "WITH RECURSIVE" if with_clause.args.get("recursive") else "WITH"
                return Query(f"{word} {definitions} {body.sql}", body.names, body.columns)
            finally:
                self.ctes.pop()
        finally:
            self._depth -= 1

    def _body(self, node: exp.Expr, parent: Scope | None) -> Query:
        match node:
            case exp.Select():
                return Selection(self, node, parent).compile()
            case exp.SetOperation():
                return self._set_operation(node, parent)
            case exp.Values():
                return self._ordered(self.values(node, parent), node)
            case exp.Subquery() | exp.Paren():
                return self._ordered(self.query(node.this, parent), node)
            case exp.Table():
                return self._body(exp.select("*").from_(node), parent)
            case _:
                raise not_supported(f"{self.expressions.place(node)}: {type(node).__name__}")

    def values(self, node: exp.Values, parent: Scope | None) -> Query:
        """VALUES (...), (...)."""
        scope = Scope(parent=parent)
        rows = []
        for item in node.expressions:
            cells = item.expressions if isinstance(item, exp.Tuple) else [item]
            rows.append([self.expressions.compile(cell, scope) for cell in cells])
        if not rows or any(len(row) != len(rows[0]) for row in rows):
            raise QueryError("SYNTAX_ERROR", f"{self.expressions.place(node)}: Values rows have mismatched sizes")
        place = self.expressions.place(node)
        kinds = [
            self.expressions.joint([row[i] for row in rows], place, f"Values rows column {i + 1}")
            for i in range(len(rows[0]))
        ]
        names = tuple(name(f"_col{i}") for i in range(len(kinds)))
        lines = ", ".join(
            "(" + ", ".join(coerce(cell, kind).sql for cell, kind in zip(row, kinds, strict=True)) + ")" for row in rows
        )
        own = self.fresh("v")
        columns = tuple(Field(None, null(kind)) for kind in kinds)
        return Query(f"SELECT * FROM (VALUES {lines}) AS {own}({', '.join(names)})", names, columns)

    def _set_operation(self, node: exp.SetOperation, parent: Scope | None) -> Query:
        """UNION, INTERSECT, EXCEPT. sqlglot nests long chains to the left: they are taken apart in a loop."""
        chain: list[exp.SetOperation] = []
        item: exp.Expr = node
        while isinstance(item, exp.SetOperation) and (
            item is node or not any(item.args.get(k) for k in ("order", "limit", "offset", "with_"))
        ):
            chain.append(item)
            item = item.left
        result = self.query(item, parent)
        for operation in reversed(chain):
            if operation.args.get("by_name"):
                raise not_supported("set operation BY NAME")
            result = self._combined(operation, result, self.query(operation.right, parent))
        return self._ordered(result, node)

    def _combined(self, node: exp.SetOperation, left: Query, right: Query) -> Query:
        word = type(node).__name__.upper()
        place = self.expressions.place(node)
        if len(left.columns) != len(right.columns):
            raise QueryError(
                "SYNTAX_ERROR",
                f"{place}: {word} query has different number of fields: {len(left.columns)}, {len(right.columns)}",
            )
        kinds = []
        for index, (a, b) in enumerate(zip(left.columns, right.columns, strict=True), 1):
            joint = t.common(a.value.type, b.value.type)
            if joint is None:
                said = f"column {index} in {word} query has incompatible types: {a.value.type}, {b.value.type}"
                raise QueryError("TYPE_MISMATCH", f"{place}: {said}")
            kinds.append(joint)
        distinct = bool(node.args.get("distinct"))
        if distinct:
            for kind in kinds:
                check_groupable(null(kind), word)
        sides = [self._as_types(side, kinds) for side in (left, right)]
        sql = f"({sides[0]}) {word}{'' if distinct else ' ALL'} ({sides[1]})"
        columns = tuple(Field(c.name, null(kind)) for c, kind in zip(left.columns, kinds, strict=True))
        return Query(sql, left.names, columns)

    def _as_types(self, query: Query, kinds: list[Type]) -> str:
        """The query with its columns coerced."""
        if all(is_same_representation(c.value.type, kind) for c, kind in zip(query.columns, kinds, strict=True)):
            return query.sql
        own = self.fresh("s")
        items = [
            f"{coerce(Typed(f'{own}.{n}', c.value.type), kind).sql} AS {n}"
            for n, c, kind in zip(query.names, query.columns, kinds, strict=True)
        ]
        return f"SELECT {', '.join(items)} FROM ({query.sql}) AS {own}"

    def _ordered(self, query: Query, node: exp.Expr) -> Query:
        """ORDER BY, OFFSET and LIMIT after a set operation, VALUES or brackets: they see the output columns only."""
        if not any(node.args.get(clause) for clause in ("order", "limit", "offset")):
            return query
        own = self.fresh("o")
        fields = tuple(
            Field(c.name, Typed(f"{own}.{n}", c.value.type)) for n, c in zip(query.names, query.columns, strict=True)
        )
        scope = Scope([Relation(None, fields)])
        order = self.order_by(node, [f.value for f in fields], fields, scope)
        sql = f"SELECT {', '.join(f'{own}.{n} AS {n}' for n in query.names)} FROM ({query.sql}) AS {own}"
        return Query(sql + order + self.limits(node), query.names, query.columns)

    def order_by(self, node: exp.Expr, outputs: list[Typed], fields: tuple[Field, ...], scope: Scope) -> str:
        """The ORDER BY clause: ordinals, output names, then expressions over the source."""
        order = node.args.get("order")
        if order is None:
            return ""
        parts = []
        for item in order.expressions:
            value = self._order_key(item.this, outputs, fields, scope)
            if not t.is_orderable(value.type):
                raise QueryError(
                    "TYPE_MISMATCH",
                    f"{self.expressions.place(item)}: Type {value.type} is not orderable, and therefore cannot be used in ORDER BY",
                )
            direction = "DESC" if item.args.get("desc") else "ASC"
            parts.append(f"{comparable(value)} {direction} NULLS {'FIRST' if item.args.get('nulls_first') else 'LAST'}")
        return " ORDER BY " + ", ".join(parts)

    def _order_key(self, node: exp.Expr, outputs: list[Typed], fields: tuple[Field, ...], scope: Scope) -> Typed:
        if isinstance(node, exp.Literal) and not node.is_string:
            if not node.this.isdigit() or not 1 <= int(node.this) <= len(outputs):
                place = self.expressions.place(node)
                raise QueryError(
                    "INVALID_COLUMN_REFERENCE", f"{place}: ORDER BY position {node.this} is not in select list"
                )
            return outputs[int(node.this) - 1]
        if isinstance(node, exp.Column) and len(node.parts) == 1:
            named = {
                outputs[i].sql: outputs[i]
                for i, f in enumerate(fields)
                if f.name is not None and f.name.lower() == node.name.lower()
            }
            if len(named) == 1:
                return next(iter(named.values()))
        return self.expressions.compile(node, scope)

    def limits(self, node: exp.Expr) -> str:
        """OFFSET and LIMIT, or FETCH FIRST without ties."""
        sql = ""
        limit, offset = node.args.get("limit"), node.args.get("offset")
        if isinstance(limit, exp.Fetch):
            options = limit.args.get("limit_options")
            if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
                raise not_supported(f"{self.expressions.place(limit)}: FETCH FIRST ... WITH TIES in this place")
            count = limit.args.get("count")
            sql += f" LIMIT {self._count(count)}" if count is not None else " LIMIT 1"
        elif limit is not None:
            if limit.args.get("offset") is not None:
                raise not_supported("LIMIT with two numbers")
            expression = limit.expression
            if not (isinstance(expression, exp.Column) and expression.name.lower() == "all"):
                sql += f" LIMIT {self._count(expression)}"
        if offset is not None:
            sql += f" OFFSET {self._count(offset.expression)}"
        return sql

    def ties(self, node: exp.Expr) -> int | None:
        """How many rows FETCH FIRST n ROWS WITH TIES asks for; None without it."""
        limit = node.args.get("limit")
        options = limit.args.get("limit_options") if isinstance(limit, exp.Fetch) else None
        if limit is None or options is None or not options.args.get("with_ties") or options.args.get("percent"):
            return None
        place = self.expressions.place(limit)
        if node.args.get("order") is None:
            raise QueryError("MISSING_ORDER_BY", f"{place}: FETCH FIRST WITH TIES clause requires ORDER BY")
        if node.args.get("offset") is not None or node.args.get("distinct"):
            raise not_supported(f"{place}: FETCH FIRST ... WITH TIES after OFFSET or DISTINCT")
        count = limit.args.get("count")
        return self._count(count) if count is not None else 1

    def _count(self, node: exp.Expr) -> int:
        if not isinstance(node, exp.Literal) or not re.fullmatch(r"\d+", node.this):
            raise QueryError("SYNTAX_ERROR", f"{self.expressions.place(node)}: mismatched input in LIMIT or OFFSET")
        return int(node.this)


_CLAUSES_OF_SELECT = frozenset({
    "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "with_",
    "windows", "kind", "hint", "operation_modifiers",
})  # fmt: skip


class Selection:
    """One SELECT: its scope, its output columns, its clauses."""

    def __init__(self, transpiler: Transpiler, node: exp.Select, parent: Scope | None) -> None:
        self._transpiler = transpiler
        self._expressions = transpiler.expressions
        self._node = node
        self._parent = parent
        self._scope = Scope(parent=parent)

    def compile(self) -> Query:
        """The SELECT as DuckDB's."""
        node = self._node
        for clause, value in node.args.items():
            if value and clause not in _CLAUSES_OF_SELECT:
                raise not_supported(f"{self._expressions.place(node)}: {clause.strip('_').upper()} clause")
        if not node.expressions:
            raise QueryError("SYNTAX_ERROR", "line 1:8: mismatched input. Expecting: <expression>")
        source = self._transpiler.relations.from_clause(node, self._scope)
        where = node.args.get("where")
        conditions = f" WHERE {self._expressions.condition(where.this, self._scope, 'WHERE')}" if where else ""
        self._expressions_windows()
        outputs = self._outputs()
        group = self._group_by(outputs)
        having = node.args.get("having")
        if having is not None:
            group += f" HAVING {self._expressions.condition(having.this, self._scope, 'HAVING')}"
        distinct = self._distinct(outputs)
        names = _unique_names([f.name for f in outputs])
        values = [f.value for f in outputs]
        order = self._transpiler.order_by(node, values, tuple(outputs), self._scope)
        items = ", ".join(f"{value.sql} AS {own}" for value, own in zip(values, names, strict=True))
        ties = self._transpiler.ties(node)
        if ties is None:
            sql = f"SELECT {distinct}{items}{source}{conditions}{group}{order}{self._transpiler.limits(node)}"
        else:
            ranked = f"rank() OVER ({order}) AS rank_of_tie, row_number() OVER ({order}) AS row_of_tie"
            inner = f"SELECT {items}, {ranked}{source}{conditions}{group}"
            sql = f"SELECT {', '.join(names)} FROM ({inner}) AS ties WHERE rank_of_tie <= {ties} ORDER BY row_of_tie"
        columns = tuple(Field(f.name, Typed("", f.value.type, literal_digits=f.value.literal_digits)) for f in outputs)
        return Query(sql, names, columns)

    def _expressions_windows(self) -> None:
        """WINDOW w AS (...): kept on the syntax tree, where `calls` looks for it."""

    def _distinct(self, outputs: list[Field]) -> str:
        distinct = self._node.args.get("distinct")
        if not distinct:
            return ""
        if isinstance(distinct, exp.Distinct) and distinct.args.get("on"):
            raise not_supported("DISTINCT ON")
        for output in outputs:
            check_groupable(output.value, "SELECT DISTINCT")
        return "DISTINCT "

    def _outputs(self) -> list[Field]:
        outputs: list[Field] = []
        for item in self._node.expressions:
            if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
                outputs += self._star(item)
            elif isinstance(item, exp.Aliases) or (isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star)):
                outputs += self._row_star(item)
            elif isinstance(item, exp.Alias):
                outputs.append(Field(item.alias, self._expressions.compile(item.this, self._scope)))
            else:
                outputs.append(Field(_implied_name(item), self._expressions.compile(item, self._scope)))
        return outputs

    def _star(self, item: exp.Expr) -> list[Field]:
        star = item if isinstance(item, exp.Star) else item.this
        if any(star.args.get(extra) for extra in ("except_", "replace", "rename", "ilike")):
            raise not_supported("SELECT * with EXCEPT, REPLACE or RENAME")
        place = self._expressions.place(item)
        if isinstance(item, exp.Star):
            if not self._scope.relations:
                raise QueryError("COLUMN_NOT_FOUND", f"{place}: SELECT * not allowed in queries without FROM clause")
            return self._all_fields()
        assert isinstance(item, exp.Column)
        qualifier = [part.name for part in item.parts[:-1]]
        for relation in self._scope.relations:
            if relation.is_called(qualifier):
                return [f for f in relation.fields if not f.hidden]
        found = self._scope.find(qualifier, place)
        if found is not None and not found[1] and found[0].type.name == "row":
            return self._row_fields(found[0])
        raise QueryError("TABLE_NOT_FOUND", f"{place}: Unable to resolve reference {'.'.join(qualifier)}")

    def _all_fields(self) -> list[Field]:
        merged = dict(self._scope.merged)
        first = [Field(label, value) for label, value in merged.items()]
        rest = [
            f
            for relation in self._scope.relations
            for f in relation.fields
            if not f.hidden and not (f.name is not None and f.name.lower() in merged)
        ]
        return first + rest

    def _row_star(self, item: exp.Expr) -> list[Field]:
        """(row).* [AS (names)]."""
        names: list[str | None] = []
        if isinstance(item, exp.Aliases):
            names = [alias.name for alias in item.expressions]
            item = item.this
        if not (isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star)):
            raise not_supported(f"{self._expressions.place(item)}: several aliases")
        value = self._expressions.compile(item.this, self._scope)
        if value.type.name != "row":
            raise QueryError("TYPE_MISMATCH", f"{self._expressions.place(item)}: expected expression of type Row")
        fields = self._row_fields(value)
        if names and len(names) != len(fields):
            raise QueryError("MISMATCHED_COLUMN_ALIASES", "Column alias list does not match the row's fields")
        return [Field(label, f.value) for label, f in zip(names, fields, strict=True)] if names else fields

    def _row_fields(self, value: Typed) -> list[Field]:
        pairs = enumerate(zip(value.type.fields, value.type.children, strict=True), 1)
        return [Field(label, Typed(f"({value.sql}).f{i}", kind)) for i, (label, kind) in pairs]

    def _group_by(self, outputs: list[Field]) -> str:
        group = self._node.args.get("group")
        if group is None:
            return ""
        if group.args.get("all") or group.args.get("totals"):
            raise not_supported("GROUP BY ALL")
        parts = [self._group_key(item, outputs) for item in group.expressions]
        for kind in ("grouping_sets", "rollup", "cube"):
            parts += [self._group_key(item, outputs) for item in group.args.get(kind) or []]
        if not parts:
            return ""
        return " GROUP BY " + ", ".join(parts)

    def _group_key(self, node: exp.Expr, outputs: list[Field]) -> str:
        match node:
            case exp.GroupingSets():
                return f"GROUPING SETS ({', '.join(self._group_set(item, outputs) for item in node.expressions)})"
            case exp.Rollup() | exp.Cube():
                word = "ROLLUP" if isinstance(node, exp.Rollup) else "CUBE"
                return f"{word} ({', '.join(self._group_set(item, outputs) for item in node.expressions)})"
            case exp.Tuple() if not node.expressions:
                return "()"
            case exp.Literal() if not node.is_string:
                if not node.this.isdigit() or not 1 <= int(node.this) <= len(outputs):
                    place = self._expressions.place(node)
                    raise QueryError(
                        "INVALID_COLUMN_REFERENCE", f"{place}: GROUP BY position {node.this} is not in select list"
                    )
                value = outputs[int(node.this) - 1].value
            case _:
                value = self._expressions.compile(node, self._scope)
        check_groupable(value, "GROUP BY")
        # DuckDB reads a bare constant as a position.
        return value.sql if not value.sql.isdigit() else f"({value.sql})"

    def _group_set(self, node: exp.Expr, outputs: list[Field]) -> str:
        if isinstance(node, exp.GroupingSets | exp.Rollup | exp.Cube):
            return self._group_key(node, outputs)
        items = (
            node.expressions if isinstance(node, exp.Tuple) else [node.this if isinstance(node, exp.Paren) else node]
        )
        return f"({', '.join(self._group_key(item, outputs) for item in items)})"


def _implied_name(node: exp.Expr) -> str | None:
    """The name of an output without alias: that of a column or of a row's field."""
    if isinstance(node, exp.Column):
        return str(node.name)
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
        return str(node.expression.name)
    return None


def _unique_names(wanted: list[str | None]) -> tuple[str, ...]:
    """Quoted names for DuckDB, all different without regard to case."""
    taken: set[str] = set()
    names = []
    for index, label in enumerate(wanted):
        own = label if label is not None and len(label) < 200 else f"_col{index}"
        while own.lower() in taken:
            own += "_"
        taken.add(own.lower())
        names.append(name(own))
    return tuple(names)


__all__ = ["Compiled", "Query", "ScannedTable", "TableSource", "Transpiler", "operators", "position", "transpile"]
