"""Which partitions a query needs: the conditions of its WHERE that speak of partition keys and of nothing else.

They are compiled as the query's own conditions are, and decide about partitions before any object is listed. The query
keeps them all, so a condition that is not used here costs time and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from steppe.sql.catalog import Column
from steppe.sql.errors import QueryError
from steppe.sql.scope import Field, Relation, Scope
from steppe.sql.typed import Typed, name

if TYPE_CHECKING:
    from steppe.sql.expressions import Expressions
    from steppe.sql.transpile import PartitionFilter

_UNREPEATABLE = frozenset({"random", "rand", "uuid", "shuffle"})


class _Filter:
    """Implements `transpile.PartitionFilter` for a table at its place in a query."""

    def __init__(self, node: exp.Table, expressions: Expressions) -> None:
        self._node = node
        self._expressions = expressions
        select = _select_of(node)
        where = select.args.get("where") if select is not None else None
        self._conditions = list(_conjuncts(where.this)) if where is not None else []

    def _relation(self, fields: tuple[Field, ...]) -> Relation:
        database = self._node.args.get("db")
        alias = self._node.args.get("alias")
        label = alias.name if alias is not None else self._node.name
        return Relation(label, fields, database.name if database is not None and alias is None else None)

    def __call__(self, keys: Sequence[Column], /) -> str | None:
        """The conditions that speak of these keys only."""
        known = {key.name for key in keys}
        relation = self._relation(tuple(Field(key.name, Typed(f"p.{name(key.name)}", key.type)) for key in keys))
        compiled = []
        for condition in self._conditions:
            if _speaks_only_of(condition, known, relation):
                try:
                    compiled.append(self._expressions.condition(condition, Scope([relation]), "WHERE"))
                except QueryError:
                    continue  # the query itself says what is wrong with it
        return " AND ".join(f"({sql})" for sql in compiled) or None

    def constants(self, key: str, /) -> Sequence[str] | None:
        """The literals of the first condition that is an equality of this key, or an IN."""
        relation = self._relation(())
        for condition in self._conditions:
            if not _speaks_only_of(condition, {key}, relation):
                continue
            if isinstance(condition, exp.EQ):
                sides = (condition.left, condition.right)
                column, values = sides if isinstance(sides[0], exp.Column) else sides[::-1]
                listed = [values]
            elif isinstance(condition, exp.In) and condition.expressions:
                column, listed = condition.this, condition.expressions
            else:
                continue
            if isinstance(column, exp.Column) and all(isinstance(item, exp.Literal) for item in listed):
                return [item.this for item in listed]
        return None


def partition_filter(node: exp.Table, expressions: Expressions) -> PartitionFilter:
    """What narrows the partitions of a table at its place in a query."""
    return _Filter(node, expressions)


def _select_of(node: exp.Table) -> exp.Select | None:
    """The SELECT whose WHERE drops rows of this table: none where an outer join may bring them back as NULLs."""
    place = node.parent
    if isinstance(place, exp.Join) and (place.args.get("side") or ""):
        return None
    select = place.parent if isinstance(place, exp.From | exp.Join) else None
    if not isinstance(select, exp.Select):
        return None
    sides = {(join.args.get("side") or "").upper() for join in select.args.get("joins") or []}
    return None if sides & {"RIGHT", "FULL"} else select


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    pending = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, exp.And):
            pending += [item.right, item.left]
        elif isinstance(item, exp.Paren):
            pending.append(item.this)
        else:
            yield item


def _speaks_only_of(condition: exp.Expr, keys: set[str], relation: Relation) -> bool:
    if condition.find(exp.Query, exp.Exists) is not None:
        return False
    if any(call.name.lower() in _UNREPEATABLE for call in condition.find_all(exp.Anonymous)):
        return False
    columns = list(condition.find_all(exp.Column))
    return bool(columns) and all(
        column.name.lower() in keys
        and (len(column.parts) == 1 or relation.is_called([part.name for part in column.parts[:-1]]))
        for column in columns
    )
