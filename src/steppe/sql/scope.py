"""What a name in a query can mean: columns of the relations in FROM, of the queries around, variables of lambdas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from steppe.sql.errors import QueryError
from steppe.sql.typed import Typed


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a relation.

    Attributes:
        name: as written; None for a column without a name.
        value: how to refer to it.
        hidden: not part of `*` (`"$path"`).
    """

    name: str | None
    value: Typed
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, subquery or UNNEST of a FROM clause, under the names that the query may use."""

    alias: str | None
    fields: tuple[Field, ...]
    database: str | None = None

    def is_called(self, qualifier: list[str]) -> bool:
        """Whether `qualifier` (its parts, outermost first) names this relation."""
        own = [part for part in (self.database, self.alias) if part is not None]
        wanted = [part.lower() for part in qualifier]
        return bool(own) and len(wanted) <= len(own) and [part.lower() for part in own][-len(wanted) :] == wanted


@dataclass(slots=True)
class Scope:
    """The names of one SELECT.

    Attributes:
        relations: what FROM has brought so far.
        parent: the query around, for correlated subqueries.
        lambdas: variables of the lambdas around the place.
        merged: columns that USING made one of two, by lower-case name.
    """

    relations: list[Relation] = field(default_factory=list)
    parent: Scope | None = None
    lambdas: dict[str, Typed] = field(default_factory=dict)
    merged: dict[str, Typed] = field(default_factory=dict)

    def with_lambdas(self, variables: dict[str, Typed]) -> Scope:
        """The same scope inside a lambda."""
        return Scope(self.relations, self.parent, {**self.lambdas, **variables}, self.merged)

    def find(self, parts: list[str], place: str) -> tuple[Typed, list[str]] | None:
        """What a dotted name means, and the parts that remain (fields of a row).

        Raises:
            QueryError: AMBIGUOUS_NAME.
        """
        scope: Scope | None = self
        while scope is not None:
            found = scope._here(parts, place)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def _here(self, parts: list[str], place: str) -> tuple[Typed, list[str]] | None:
        first = parts[0].lower()
        if first in self.lambdas:
            return self.lambdas[first], parts[1:]
        # The longest qualifier wins: database.table.column, table.column, column.
        for length in range(min(len(parts) - 1, 2), -1, -1):
            matches = list(self._columns(parts[:length], parts[length].lower()))
            if len(matches) == 1 or (matches and length == 0 and first in self.merged):
                value = self.merged[first] if length == 0 and first in self.merged else matches[0]
                return value, parts[length + 1 :]
            if matches:
                raise QueryError("AMBIGUOUS_NAME", f"{place}: Column '{'.'.join(parts)}' is ambiguous")
        return None

    def _columns(self, qualifier: list[str], name: str) -> Iterator[Typed]:
        for relation in self.relations:
            if not qualifier or relation.is_called(qualifier):
                for column in relation.fields:
                    if column.name is not None and column.name.lower() == name:
                        yield column.value
