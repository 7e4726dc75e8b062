"""FROM and WITH: tables, joins, subqueries, UNNEST, common table expressions."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: S608

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from steppe.sql import types as t
from steppe.sql.casts import coerce
from steppe.sql.errors import QueryError, not_supported
from steppe.sql.operators import compare
from steppe.sql.pruning import partition_filter
from steppe.sql.scope import Field, Relation, Scope
from steppe.sql.typed import Typed, name, null
from steppe.sql.types import Type

if TYPE_CHECKING:
    from steppe.sql.transpile import Query, Transpiler

_TABLE_PARTS = frozenset({"this", "db", "catalog", "alias", "joins"})


class Relations:
    """The compiler of relations within one statement."""

    def __init__(self, transpiler: Transpiler) -> None:
        self._transpiler = transpiler

    def from_clause(self, node: exp.Select, scope: Scope) -> str:
        """The FROM clause; the scope gets its relations. "" without FROM."""
        source = node.args.get("from_")
        if source is None:
            return ""
        sql = self._item(source.this, scope)
        return " FROM " + self._joined(sql, node.args.get("joins") or [], scope)

    def _joined(self, sql: str, joins: list[exp.Join], scope: Scope) -> str:
        for join in joins:
            sql += self._join(join, scope)
        return sql

    def _join(self, join: exp.Join, scope: Scope) -> str:
        place = self._place(join)
        kind, side = (join.args.get("kind") or "").upper(), (join.args.get("side") or "").upper()
        if join.args.get("method") or kind not in ("", "INNER", "OUTER", "CROSS") or join.args.get("hint"):
            raise not_supported(f"{place}: {join.args.get('method') or ''} {kind} JOIN".replace("  ", " "))
        lateral = isinstance(join.this, exp.Unnest | exp.Lateral)
        before = len(scope.relations)
        sql = self._item(join.this, scope)
        condition, using = join.args.get("on"), join.args.get("using")
        if kind == "CROSS" or (not condition and not using and not side):
            return f" CROSS JOIN {'LATERAL ' if lateral else ''}{sql}"
        if lateral and side in ("RIGHT", "FULL"):
            raise not_supported(f"{place}: {side} JOIN with a lateral relation")
        words = f" {side or 'INNER'} JOIN {'LATERAL ' if lateral else ''}{sql}"
        if using:
            return words + " ON " + self._using(using, side, before, scope, place)
        if condition is None:
            raise QueryError("SYNTAX_ERROR", f"{place}: mismatched input. Expecting: 'ON', 'USING'")
        return words + " ON " + self._transpiler.expressions.condition(condition, scope, "JOIN ON")

    def _using(self, columns: list[exp.Expr], side: str, before: int, scope: Scope, place: str) -> str:
        """USING (a, b): equality, and each pair of columns becomes one."""
        left = Scope(scope.relations[:before], merged=dict(scope.merged))
        right = Scope(scope.relations[before:])
        conditions = []
        for column in columns:
            label = column.name.lower()
            sides = [own.find([label], place) for own in (left, right)]
            if sides[0] is None or sides[1] is None:
                where = "left" if sides[0] is None else "right"
                raise QueryError("COLUMN_NOT_FOUND", f"{place}: Column '{label}' is missing from {where} side of join")
            a, b = sides[0][0], sides[1][0]
            conditions.append(compare("=", a, b, place).sql)
            kind = t.common(a.type, b.type) or a.type
            one, other = coerce(a, kind).sql, coerce(b, kind).sql
            value = other if side == "RIGHT" else f"coalesce({one}, {other})" if side == "FULL" else one
            scope.merged[label] = Typed(value, kind)
        return "(" + " AND ".join(conditions) + ")"

    def _item(self, node: exp.Expr, scope: Scope) -> str:
        match node:
            case exp.Table():
                return self._table(node, scope)
            case exp.Subquery() | exp.Paren():
                return self._bracketed(node, scope)
            case exp.Unnest():
                return self._unnest(node, scope)
            case exp.Values():
                query = self._transpiler.values(node, scope.parent)
                return self._derived(query, node, scope)
            case exp.Lateral() if isinstance(node.this, exp.Subquery):
                query = self._transpiler.query(node.this.this, scope)
                return self._derived(query, node, scope)
            case _:
                raise not_supported(f"{self._place(node)}: {type(node).__name__} in FROM")

    def _bracketed(self, node: exp.Subquery | exp.Paren, scope: Scope) -> str:
        inner = node.this
        for clause in ("pivots", "sample", "laterals", "match"):
            if node.args.get(clause):
                raise not_supported(f"{self._place(node)}: {clause} in FROM")
        if isinstance(inner, exp.Table | exp.Unnest):  # (a JOIN b ON ...)
            own = Scope(parent=scope.parent)
            sql = self._joined(
                self._item(inner, own), (inner.args.get("joins") or []) + (node.args.get("joins") or []), own
            )
            scope.relations += own.relations
            scope.merged |= own.merged
            return f"({sql})"
        query = self._transpiler.query(inner, scope.parent)
        sql = self._derived(query, node, scope)
        return self._joined(sql, node.args.get("joins") or [], scope)

    def _derived(self, query: Query, node: exp.Expr, scope: Scope) -> str:
        own = self._transpiler.fresh("q")
        fields = tuple(
            Field(c.name, Typed(f"{own}.{n}", c.value.type)) for n, c in zip(query.names, query.columns, strict=True)
        )
        scope.relations.append(self._aliased(Relation(None, fields), node))
        return f"({query.sql}) AS {own}"

    def _aliased(self, relation: Relation, node: exp.Expr) -> Relation:
        """The relation under the alias of its node, columns renamed if the alias names them."""
        alias = node.args.get("alias")
        if alias is None or (
            isinstance(alias, exp.TableAlias) and alias.this is None and not alias.args.get("columns")
        ):
            return relation
        label = alias.name or relation.alias
        columns = [column.name for column in alias.args.get("columns") or []]
        visible = [f for f in relation.fields if not f.hidden]
        if columns and len(columns) != len(visible):
            said = f"Column alias list has {len(columns)} entries but '{label}' has {len(visible)} columns available"
            raise QueryError("MISMATCHED_COLUMN_ALIASES", f"{self._place(node)}: {said}")
        if columns:
            return Relation(label, tuple(replace(f, name=c) for f, c in zip(visible, columns, strict=True)))
        return Relation(label, relation.fields)

    def _table(self, node: exp.Table, scope: Scope) -> str:
        for part, value in node.args.items():
            if value and part not in _TABLE_PARTS:
                raise not_supported(f"{self._place(node)}: {part.upper()} of a table")
        if not isinstance(node.this, exp.Identifier):
            raise not_supported(f"{self._place(node)}: table functions")
        label, database = node.name, node.args.get("db")
        own = self._transpiler.fresh("r")
        if database is None:
            for definitions in reversed(self._transpiler.ctes):
                if label.lower() in definitions:
                    return self._common(definitions[label.lower()], node, own, scope)
        database_name = database.name if database is not None else self._transpiler.database
        self._check_catalog(node)
        try:
            narrowing = partition_filter(node, self._transpiler.expressions)
            table = self._transpiler.tables(database_name.lower(), label.lower(), narrowing)
        except QueryError as error:
            said = error.message.replace("{place}", self._place(node))
            raise QueryError(error.code, said, retryable=error.retryable) from None
        fields = tuple(Field(n, Typed(f"{own}.{name(n)}", kind), hidden) for n, kind, hidden in table.columns)
        relation = Relation(label, fields, database_name if node.args.get("alias") is None else None)
        scope.relations.append(self._aliased(relation, node))
        return (
            self._joined(f"({table.sql}) AS {own}", node.args.get("joins") or [], scope)
            if not isinstance(node.parent, exp.Subquery | exp.Paren)
            else f"({table.sql}) AS {own}"
        )

    def _check_catalog(self, node: exp.Table) -> None:
        catalog = node.args.get("catalog")
        if catalog is not None and catalog.name.lower() not in ("awsdatacatalog", "hive"):
            raise QueryError("CATALOG_NOT_FOUND", f"{self._place(node)}: Catalog '{catalog.name}' does not exist")

    def _common(self, query: Query | str, node: exp.Table, own: str, scope: Scope) -> str:
        if isinstance(query, str):
            raise not_supported(f"{self._place(node)}: recursion in this place")
        fields = tuple(
            Field(c.name, Typed(f"{own}.{n}", c.value.type)) for n, c in zip(query.names, query.columns, strict=True)
        )
        scope.relations.append(self._aliased(Relation(node.name, fields), node))
        sql = f"{query.sql} AS {own}"
        return (
            sql
            if isinstance(node.parent, exp.Subquery | exp.Paren)
            else self._joined(sql, node.args.get("joins") or [], scope)
        )

    def with_definitions(self, clause: exp.With) -> str:
        """The definitions of a WITH clause; each is known to those after it."""
        parts = []
        for definition in clause.expressions:
            label = definition.alias.lower()
            own = self._transpiler.fresh("w")
            columns = [c.name for c in definition.args["alias"].args.get("columns") or []]
            body = definition.this
            if clause.args.get("recursive") and self._mentions(body, label):
                parts.append(self._recursive(definition, label, own, columns))
                continue
            query = self._transpiler.query(body, None)
            self._transpiler.ctes[-1][label] = self._renamed(query, own, columns, definition)
            parts.append(f"{own}({', '.join(self._transpiler.ctes[-1][label].names)}) AS ({query.sql})")  # type: ignore[union-attr]
        return ", ".join(parts)

    def _renamed(self, query: Query, own: str, columns: list[str], node: exp.Expr) -> Query:
        """A common table expression as others refer to it: its text is its name."""
        if columns and len(columns) != len(query.columns):
            said = f"WITH column alias list has {len(columns)} entries but query has {len(query.columns)} columns"
            raise QueryError("MISMATCHED_COLUMN_ALIASES", f"{self._place(node)}: {said}")
        fields = query.columns
        if columns:
            fields = tuple(replace(f, name=c) for f, c in zip(fields, columns, strict=True))
        names = tuple(name(f"c{i}") for i in range(len(fields)))
        return replace(query, sql=own, names=names, columns=fields)

    def _recursive(self, definition: exp.CTE, label: str, own: str, columns: list[str]) -> str:
        body = definition.this
        if not isinstance(body, exp.Union) or body.args.get("distinct") or not columns:
            raise not_supported(f"{self._place(definition)}: this form of WITH RECURSIVE")
        anchor = self._transpiler.query(body.left, None)
        known = self._renamed(anchor, own, columns, definition)
        self._transpiler.ctes[-1][label] = known
        step = self._transpiler.query(body.right, None)
        items = []
        for n, have, want in zip(step.names, step.columns, anchor.columns, strict=True):
            if t.common(have.value.type, want.value.type) is None:
                raise QueryError(
                    "TYPE_MISMATCH", "recursion step relation output type is not coercible to the base relation's"
                )
            items.append(f"CAST(p.{n} AS {t.duckdb(want.value.type)}) AS {n}")
        recursion = f"SELECT {', '.join(items)} FROM ({step.sql}) AS p"
        return f"{own}({', '.join(known.names)}) AS ({anchor.sql} UNION ALL {recursion})"

    def _mentions(self, body: exp.Expr, label: str) -> bool:
        return any(table.name.lower() == label and not table.args.get("db") for table in body.find_all(exp.Table))

    def _unnest(self, node: exp.Unnest, scope: Scope) -> str:
        """UNNEST of arrays and maps side by side; shorter ones are filled with NULL, rows become their fields."""
        outer = Scope(list(scope.relations), scope.parent, scope.lambdas, scope.merged)
        lists: list[tuple[str, Type]] = []
        for item in node.expressions:
            value = self._transpiler.expressions.compile(item, outer)
            if value.type.name == "array":
                lists.append((value.sql, value.type.children[0]))
            elif value.type.name == "map":
                lists += [
                    (f"map_keys({value.sql})", value.type.children[0]),
                    (f"map_values({value.sql})", value.type.children[1]),
                ]
            else:
                raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{self._place(node)}: Cannot unnest type: {value.type}")
        own = self._transpiler.fresh("u")
        items = [f"unnest({sql}) AS c{i}" for i, (sql, _) in enumerate(lists)]
        fields: list[Field] = []
        for i, (_, kind) in enumerate(lists):
            if kind.name == "row":
                pairs = enumerate(zip(kind.fields, kind.children, strict=True), 1)
                fields += [Field(label, Typed(f"({own}.c{i}).f{j}", child)) for j, (label, child) in pairs]
            else:
                fields.append(Field(None, Typed(f"{own}.c{i}", kind)))
        offset = node.args.get("offset")
        if offset:
            longest = f"greatest({', '.join(f'coalesce(len({sql}), 0)' for sql, _ in lists)}, 0)"
            items.append(f"unnest(range(1, {longest} + 1)) AS n")
            fields.append(Field(None, Typed(f"{own}.n", t.BIGINT)))
        alias = node.args.get("alias")
        columns = [c.name for c in alias.args.get("columns") or []] if alias is not None else []
        if isinstance(offset, exp.Identifier) and columns:
            columns.append(offset.name)
        if columns and len(columns) != len(fields):
            said = f"Column alias list has {len(columns)} entries but relation has {len(fields)} columns available"
            raise QueryError("MISMATCHED_COLUMN_ALIASES", f"{self._place(node)}: {said}")
        if columns:
            fields = [replace(f, name=c) for f, c in zip(fields, columns, strict=True)]
        scope.relations.append(Relation(alias.name if alias is not None else None, tuple(fields)))
        return f"(SELECT {', '.join(items)}) AS {own}"

    def _place(self, node: exp.Expr) -> str:
        return self._transpiler.expressions.place(node)


__all__ = ["Relations", "null"]
