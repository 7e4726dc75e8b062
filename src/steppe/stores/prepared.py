"""Statements that are carried out thousands of times a second: their text is made once, the driver gets it as it is.

SQLAlchemy caches the text of a statement too, but looks it up and prepares values and results anew each time, which
costs more than SQLite takes for the whole of it. So these go past it, to the driver's own cursor. Only for columns
whose values the driver takes and gives as they are (numbers, texts, bytes): no Boolean, no date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor

from steppe.base.jsonvalue import JsonValue


class Prepared:
    """One statement."""

    __slots__ = ("_columns", "_statement", "_texts")

    def __init__(
        self, statement: sa.Select[JsonValue] | sa.Insert | sa.Update | sa.Delete, columns: tuple[str, ...] = ()
    ) -> None:
        """Prepare.

        Args:
            statement: values are `bindparam`s by name; constants are `literal_column`s.
            columns: the columns of an Insert whose values are given, by their names.
        """
        self._statement = statement
        self._columns = columns
        self._texts: dict[str, tuple[str, tuple[str, ...]]] = {}

    def run(self, c: sa.Connection, values: Mapping[str, JsonValue]) -> DBAPICursor:
        """Carry it out with values by their names; the driver's own cursor.

        Raises:
            sqlalchemy.exc.DBAPIError: as SQLAlchemy would raise it.
        """
        text, names = self._texts.get(c.dialect.name) or self._text(c.dialect)
        if not c.in_transaction():
            c.begin()  # as SQLAlchemy does before the first statement
        parameters = tuple([values[name] for name in names])
        try:
            cursor = c.connection.cursor()
            cursor.execute(text, parameters)
        except c.dialect.loaded_dbapi.Error as error:
            kind: type[Exception] = c.dialect.loaded_dbapi.Error
            raise sa.exc.DBAPIError.instance(text, parameters, error, kind, dialect=c.dialect) from error
        return cursor

    def first(self, c: sa.Connection, values: Mapping[str, JsonValue]) -> Sequence[JsonValue] | None:
        """The only row that it finds, or None."""
        cursor = self.run(c, values)
        row: Sequence[JsonValue] | None = cursor.fetchone()
        cursor.close()  # a statement that is not read to its end holds on to the state that it reads
        return row

    def _text(self, dialect: sa.Dialect) -> tuple[str, tuple[str, ...]]:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns or None)
        assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
        assert not any(bound.unique for bound in compiled.binds.values()), f"a constant in {compiled}"
        found = (str(compiled), tuple(compiled.positiontup or ()))
        self._texts[dialect.name] = found
        return found
