"""Expressions of Athena's SQL as DuckDB's, one method a kind of node.

A node that is not in the table at the end is refused by name. Function calls are looked up in `calls`.
"""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501, S608

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from steppe.sql import calls, operators
from steppe.sql import types as t
from steppe.sql.casts import cast, coerce, instant, is_same_representation, lambda_name
from steppe.sql.errors import QueryError, not_supported, position
from steppe.sql.operators import compare, concatenated
from steppe.sql.scope import Scope
from steppe.sql.typed import Typed, computed, guarded, integer, literal, null, text, varchar
from steppe.sql.types import Type, TypeTextError

if TYPE_CHECKING:
    from steppe.sql.transpile import Query, Transpiler

_SIGNS: dict[type[exp.Expr], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%",
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_INTERVAL_MS = {"SECOND": 1000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000, "WEEK": 604_800_000}
_INTERVAL_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


class Expressions:
    """The compiler of expressions within one statement."""

    def __init__(self, transpiler: Transpiler) -> None:
        self.transpiler = transpiler

    def compile(self, node: exp.Expr, scope: Scope) -> Typed:
        """The DuckDB text and the Trino type of an expression.

        Raises:
            QueryError: what Trino's analysis refuses, or NOT_SUPPORTED.
        """
        method = _METHODS.get(type(node))
        if method is None:
            raise not_supported(f"{self.place(node)}: {type(node).__name__}")
        return method(self, node, scope)

    def place(self, node: exp.Expr) -> str:
        """`line L:C` of a node in the user's text."""
        starts = [n.meta["start"] for n in node.walk() if "start" in n.meta]
        return position(self.transpiler.text, min(starts) if starts else 0)

    def condition(self, node: exp.Expr, scope: Scope, clause: str) -> str:
        """A boolean for WHERE, HAVING, ON, FILTER."""
        value = self.compile(node, scope)
        if value.type.name == "unknown":
            return coerce(value, t.BOOLEAN).sql
        if value.type.name != "boolean":
            message = f"{clause} clause must evaluate to a boolean: actual type {value.type}"
            raise QueryError("TYPE_MISMATCH", f"{self.place(node)}: {message}")
        return value.sql

    def boolean(self, node: exp.Expr, scope: Scope) -> Typed:
        """An operand of AND, OR, NOT."""
        return Typed(self.condition(node, scope, "Logical expression"), t.BOOLEAN)

    # -- names and literals

    def column(self, node: exp.Column, scope: Scope) -> Typed:
        """A column, or a field of one."""
        if isinstance(node.this, exp.Star):
            raise not_supported(f"{self.place(node)}: * in an expression")
        parts = [part.name for part in node.parts]
        return self._named(parts, node, scope)

    def identifier(self, node: exp.Identifier, scope: Scope) -> Typed:
        """A name that sqlglot leaves bare: a variable of a lambda, mostly."""
        return self._named([node.name], node, scope)

    def _named(self, parts: list[str], node: exp.Expr, scope: Scope) -> Typed:
        place = self.place(node)
        found = scope.find(parts, place)
        if found is None:
            if len(parts) == 1 and not getattr(node.this, "quoted", False):
                bare = calls.without_brackets(self, parts[0].lower())
                if bare is not None:
                    return bare
            said = f"Column '{'.'.join(parts)}' cannot be resolved or requester is not authorized to access requested resources"
            raise QueryError("COLUMN_NOT_FOUND", f"{place}: {said}")
        value, rest = found
        for label in rest:
            value = self.field_of(value, label, place)
        return value

    def field_of(self, value: Typed, label: str, place: str) -> Typed:
        """A row's field by name."""
        if value.type.name != "row":
            raise QueryError("TYPE_MISMATCH", f"{place}: Expression {label} is not of type ROW")
        for index, (name, child) in enumerate(zip(value.type.fields, value.type.children, strict=True), 1):
            if name is not None and name.lower() == label.lower():
                return Typed(f"({value.sql}).f{index}", child)
        raise QueryError(
            "COLUMN_NOT_FOUND",
            f"{place}: Column '{label}' cannot be resolved or requester is not authorized to access requested resources",
        )

    def dot(self, node: exp.Dot, scope: Scope) -> Typed:
        """`row.field` of any expression."""
        if not isinstance(node.expression, exp.Identifier):
            raise not_supported(f"{self.place(node)}: this use of '.'")
        return self.field_of(self.compile(node.this, scope), node.expression.name, self.place(node))

    def literal(self, node: exp.Literal, scope: Scope) -> Typed:
        """A string or a number."""
        if node.is_string:
            return varchar(node.this)
        digits = node.this
        if re.fullmatch(r"\d+", digits):
            number = int(digits)
            if number >= 2**63:
                raise QueryError("SYNTAX_ERROR", f"{self.place(node)}: Invalid numeric literal: {digits}")
            return integer(number)
        # Observed: a literal 1.5 is a double in Athena, not a decimal.
        return Typed(f"CAST('{digits}' AS DOUBLE)", t.DOUBLE, float(digits))

    def null(self, node: exp.Null, scope: Scope) -> Typed:
        """NULL, of no type yet."""
        return null(t.UNKNOWN)

    def boolean_literal(self, node: exp.Boolean, scope: Scope) -> Typed:
        """TRUE, FALSE."""
        return Typed("true" if node.this else "false", t.BOOLEAN, bool(node.this))

    def hex_string(self, node: exp.HexString, scope: Scope) -> Typed:
        """X'..', 0x..."""
        digits = re.sub(r"\s", "", node.this)
        if node.args.get("is_integer"):
            return integer(int(digits, 16))
        if not self._is_written(node, digits):
            return integer(int(digits, 16))
        if len(digits) % 2 or not re.fullmatch(r"[0-9A-Fa-f]*", digits):
            raise QueryError(
                "SYNTAX_ERROR", f"{self.place(node)}: Binary literal must contain an even number of digits"
            )
        return literal(bytes.fromhex(digits), t.VARBINARY)

    def _is_written(self, node: exp.HexString, digits: str) -> bool:
        """Whether the literal was X'..' and not the number 0x.. (sqlglot gives the same node for both)."""
        return re.search(rf"[xX]'\s*{re.escape(node.this)}\s*'", self.transpiler.text) is not None

    def unicode_string(self, node: exp.UnicodeString, scope: Scope) -> Typed:
        """U&'..' with its escapes."""
        escape = node.args.get("escape")
        sign = re.escape(escape.name if isinstance(escape, exp.Expr) else "\\")
        pattern = rf"{sign}(?:({sign})|\+([0-9A-Fa-f]{{6}})|([0-9A-Fa-f]{{4}}))"
        raw = node.this if isinstance(node.this, str) else node.this.name
        raw = raw.replace("\\\\", "\\") if sign == re.escape("\\") and "\\\\" in raw else raw
        shown = re.sub(pattern, lambda m: m.group(1) or chr(int(m.group(2) or m.group(3), 16)), raw)
        return varchar(shown)

    def json_literal(self, node: exp.ParseJSON, scope: Scope) -> Typed:
        """JSON '..'."""
        return calls.typed_literal(self.compile(node.this, scope), t.JSON, self.place(node))

    def interval(self, node: exp.Interval, scope: Scope) -> Typed:
        """INTERVAL '..' unit."""
        unit, value = node.args.get("unit"), node.this
        if not isinstance(value, exp.Literal) or not isinstance(unit, exp.Var | exp.IntervalSpan):
            raise not_supported(f"{self.place(node)}: this form of INTERVAL")
        return _interval(value.name, unit.sql().upper(), self.place(node))

    # -- operators

    def arithmetic(self, node: exp.Binary, scope: Scope) -> Typed:
        """+ - * / %."""
        left, right = self.compile(node.left, scope), self.compile(node.right, scope)
        return operators.arithmetic(_SIGNS[type(node)], left, right, self.place(node))

    def comparison(self, node: exp.Binary, scope: Scope) -> Typed:
        """= <> < <= > >=, also with ANY and ALL."""
        sign = _SIGNS[type(node)]
        right = node.right
        if isinstance(right, exp.Anonymous) and str(right.this).upper() in ("ALL", "ANY", "SOME"):
            inside = right.expressions[0] if len(right.expressions) == 1 else None
            if not isinstance(inside, exp.Query | exp.Values):  # sqlglot takes these before VALUES for functions
                raise QueryError("SYNTAX_ERROR", f"{self.place(node)}: mismatched input after {right.this}")
            word = exp.All if str(right.this).upper() == "ALL" else exp.Any
            node.set("expression", word(this=inside))
        if isinstance(node.right, exp.Any | exp.All):
            return self._quantified(node, sign, scope)
        return compare(sign, self.compile(node.left, scope), self.compile(node.right, scope), self.place(node))

    def _quantified(self, node: exp.Binary, sign: str, scope: Scope) -> Typed:
        left = self.compile(node.left, scope)
        query = self.transpiler.query(_inside(node.right.this), scope)
        if len(query.columns) != 1:
            raise QueryError(
                "SYNTAX_ERROR", f"{self.place(node)}: Multiple columns returned by subquery are not yet supported"
            )
        column = query.columns[0].value
        joint = operators.joint_type(left, column, sign, self.place(node))
        if joint.children or joint.name in ("real", "double", "timestamp with time zone"):
            raise not_supported(f"{sign} ANY or ALL over {joint.name} values")
        word = "ALL" if isinstance(node.right, exp.All) else "ANY"
        inner = coerce(Typed(f"q.{_column_name(query)}", column.type), joint).sql
        return Typed(f"({coerce(left, joint).sql} {sign} {word} (SELECT {inner} FROM ({query.sql}) AS q))", t.BOOLEAN)

    def negative(self, node: exp.Neg, scope: Scope) -> Typed:
        """Unary minus."""
        if isinstance(node.this, exp.Literal) and node.this.this in ("9223372036854775808", "2147483648"):
            kind = t.BIGINT if len(node.this.this) > 10 else t.INTEGER
            return Typed(f"CAST(-{node.this.this} AS {t.duckdb(kind)})", kind, -int(node.this.this))
        return operators.negated(self.compile(node.this, scope), self.place(node))

    def paren(self, node: exp.Paren, scope: Scope) -> Typed:
        """Brackets."""
        return self.compile(node.this, scope)

    def connector(self, node: exp.Connector, scope: Scope) -> Typed:
        """AND, OR."""
        word = "AND" if isinstance(node, exp.And) else "OR"
        parts: list[str] = []
        pending: list[exp.Expr] = [node]
        while pending:  # long chains nest to the left; recursion would end at a few hundred
            item = pending.pop()
            if isinstance(item, type(node)):
                pending += [item.right, item.left]
            else:
                parts.append(self.boolean(item, scope).sql)
        return Typed(f"({f' {word} '.join(parts)})", t.BOOLEAN)

    def negation(self, node: exp.Not, scope: Scope) -> Typed:
        """NOT."""
        return Typed(f"(NOT {self.boolean(node.this, scope).sql})", t.BOOLEAN)

    def is_null(self, node: exp.Is, scope: Scope) -> Typed:
        """IS NULL."""
        if not isinstance(node.expression, exp.Null):
            raise not_supported(f"{self.place(node)}: IS {node.expression.sql()}")
        value = self.compile(node.this, scope)
        return Typed(f"({computed(value).sql} IS NULL)", t.BOOLEAN)

    def distinct_from(self, node: exp.NullSafeEQ | exp.NullSafeNEQ, scope: Scope) -> Typed:
        """IS [NOT] DISTINCT FROM."""
        left, right = self.compile(node.left, scope), self.compile(node.right, scope)
        return operators.distinct_from(left, right, self.place(node), negated_form=isinstance(node, exp.NullSafeEQ))

    def between(self, node: exp.Between, scope: Scope) -> Typed:
        """BETWEEN."""
        if node.args.get("symmetric"):
            raise not_supported(f"{self.place(node)}: BETWEEN SYMMETRIC")
        value, place = self.compile(node.this, scope), self.place(node)
        low = compare(">=", value, self.compile(node.args["low"], scope), place).sql
        high = compare("<=", value, self.compile(node.args["high"], scope), place).sql
        return Typed(f"({low} AND {high})", t.BOOLEAN)

    def is_in(self, node: exp.In, scope: Scope) -> Typed:
        """IN a list or a subquery."""
        value, place = self.compile(node.this, scope), self.place(node)
        if node.args.get("query") is not None:
            return self._in_query(value, _inside(node.args["query"]), scope, place)
        if not node.expressions:
            raise not_supported(f"{place}: this form of IN")
        items = [self.compile(item, scope) for item in node.expressions]
        joint = value.type
        for item in items:
            joint = operators.joint_type(Typed("", joint), item, "IN", place)
        simple = not joint.children and joint.name not in ("real", "double", "timestamp with time zone")
        if simple:
            listed = ", ".join(coerce(item, joint).sql for item in items)
            return Typed(f"({coerce(value, joint).sql} IN ({listed}))", t.BOOLEAN)
        return Typed("(" + " OR ".join(compare("=", value, item, place).sql for item in items) + ")", t.BOOLEAN)

    def _in_query(self, value: Typed, node: exp.Expr, scope: Scope, place: str) -> Typed:
        query = self.transpiler.query(node, scope)
        if len(query.columns) != 1:
            raise not_supported(f"{place}: IN with a subquery of several columns")
        column = query.columns[0].value
        joint = operators.joint_type(value, column, "IN", place)
        if joint.children or joint.name in ("real", "double", "timestamp with time zone"):
            raise not_supported(f"{place}: IN with a subquery of {joint.name} values")
        inner = coerce(Typed(f"q.{_column_name(query)}", column.type), joint).sql
        return Typed(f"({coerce(value, joint).sql} IN (SELECT {inner} FROM ({query.sql}) AS q))", t.BOOLEAN)

    def like(self, node: exp.Like | exp.Escape, scope: Scope) -> Typed:
        """LIKE [ESCAPE]."""
        escape = None
        if isinstance(node, exp.Escape):
            escape = self.compile(node.expression, scope)
            node = node.this
        if not isinstance(node, exp.Like) or isinstance(node.expression, exp.Any | exp.All):
            raise not_supported(f"{self.place(node)}: this form of LIKE")
        sides = [self.compile(side, scope) for side in (node.this, node.expression)]
        for side in sides:
            if side.type.name not in ("varchar", "char", "unknown"):
                message = f"Left side of LIKE expression must evaluate to a varchar (actual: {side.type})"
                raise QueryError("TYPE_MISMATCH", f"{self.place(node)}: {message}")
        a, b = (coerce(side, t.VARCHAR).sql for side in sides)
        if escape is None:
            return Typed(f"({a} LIKE {b})", t.BOOLEAN)
        if not isinstance(escape.constant, str) or len(escape.constant) != 1:
            raise QueryError("INVALID_FUNCTION_ARGUMENT", "Escape string must be a single character")
        return Typed(f"({a} LIKE {b} ESCAPE {escape.sql})", t.BOOLEAN)

    def concat(self, node: exp.DPipe, scope: Scope) -> Typed:
        """`||`."""
        parts: list[exp.Expr] = []
        item: exp.Expr = node
        while isinstance(item, exp.DPipe):
            parts.insert(0, item.right)
            item = item.left
        return concatenated([self.compile(part, scope) for part in [item, *parts]], self.place(node))

    def at_time_zone(self, node: exp.AtTimeZone, scope: Scope) -> Typed:
        """AT TIME ZONE."""
        value = self.compile(node.this, scope)
        return calls.at_zone(value, self.compile(node.args["zone"], scope), self.place(node))

    # -- constructors and access

    def array(self, node: exp.Array, scope: Scope) -> Typed:
        """ARRAY[..]."""
        return self.array_of([self.compile(item, scope) for item in node.expressions], self.place(node))

    def array_of(self, items: list[Typed], place: str) -> Typed:
        """ARRAY[...] of compiled items."""
        element = self.joint(items, place, "All ARRAY elements")
        inner = ", ".join(coerce(item, element).sql for item in items)
        return Typed(f"CAST([{inner}] AS {t.duckdb(element)}[])", t.array(element))

    def joint(self, items: list[Typed], place: str, what: str) -> Type:
        """The one type of several values."""
        joint: Type | None = t.UNKNOWN
        for item in items:
            joint = t.common(joint, item.type) if joint is not None else None
            if joint is None:
                raise QueryError(
                    "TYPE_MISMATCH", f"{place}: {what} must be the same type or coercible to a common type"
                )
        assert joint is not None
        return joint

    def row(self, node: exp.Tuple, scope: Scope) -> Typed:
        """(a, b): a row."""
        return row_of([self.compile(item, scope) for item in node.expressions])

    def bracket(self, node: exp.Bracket, scope: Scope) -> Typed:
        """`x[i]`."""
        value, place = self.compile(node.this, scope), self.place(node)
        if len(node.expressions) != 1:
            raise not_supported(f"{place}: this form of []")
        index = node.expressions[0]
        if node.args.get("offset") is not None:
            raise not_supported(f"{place}: this form of []")
        return calls.subscript(self, value, self.compile(index, scope), place)

    def case(self, node: exp.Case, scope: Scope) -> Typed:
        """CASE in both forms."""
        place = self.place(node)
        subject = self.compile(node.this, scope) if node.this is not None else None
        conditions, results = [], []
        for branch in node.args["ifs"]:
            if subject is None:
                conditions.append(self.condition(branch.this, scope, "CASE WHEN"))
            else:
                conditions.append(compare("=", subject, self.compile(branch.this, scope), place).sql)
            results.append(self.compile(branch.args["true"], scope))
        otherwise = node.args.get("default")
        last = self.compile(otherwise, scope) if otherwise is not None else null(t.UNKNOWN)
        kind = self.joint([*results, last], place, "All CASE results")
        whens = " ".join(f"WHEN {c} THEN {coerce(r, kind).sql}" for c, r in zip(conditions, results, strict=True))
        return Typed(f"CASE {whens} ELSE {coerce(last, kind).sql} END", kind)

    def if_(self, node: exp.If, scope: Scope) -> Typed:
        """IF(..)."""
        condition = self.condition(node.this, scope, "IF")
        chosen = self.compile(node.args["true"], scope)
        other = node.args.get("false")
        last = self.compile(other, scope) if other is not None else null(t.UNKNOWN)
        kind = self.joint([chosen, last], self.place(node), "Result types for IF")
        return Typed(f"CASE WHEN {condition} THEN {coerce(chosen, kind).sql} ELSE {coerce(last, kind).sql} END", kind)

    def cast(self, node: exp.Cast, scope: Scope) -> Typed:
        """CAST, TRY_CAST, and literals such as DATE '..'."""
        place = self.place(node)
        kind = type_of(node.args["to"], place)
        value = self.compile(node.this, scope)
        written = isinstance(node, exp.TryCast) or self._is_cast_call(node)
        if not written:
            return calls.typed_literal(value, kind, place)
        try:
            result = cast(value, kind)
        except QueryError as error:
            if error.code == "TYPE_MISMATCH":
                raise QueryError("TYPE_MISMATCH", f"{place}: Cannot cast {value.type} to {kind}") from None
            raise
        if isinstance(node, exp.TryCast):
            return Typed(f"TRY({result.sql})", kind)
        return result

    def _is_cast_call(self, node: exp.Cast) -> bool:
        """Whether it was CAST(x AS T) and not the literal T 'x' (sqlglot gives the same node for both)."""
        if not isinstance(node.this, exp.Literal) or not node.this.is_string:
            return True
        start = node.this.meta.get("start")
        if start is None:
            return not self.transpiler.is_typed_literal(node.this.this)
        before = self.transpiler.text[:start].rstrip()
        return before.endswith("(")

    # -- subqueries

    def subquery(self, node: exp.Expr, scope: Scope) -> Typed:
        """A scalar subquery."""
        query = self.transpiler.query(_inside(node), scope)
        if len(query.columns) == 1:
            return Typed(f"({query.sql})", query.columns[0].value.type)
        values = [Typed(f"q.{_name}", c.value.type) for _name, c in zip(query.names, query.columns, strict=True)]
        packed = row_of(values)
        return Typed(f"(SELECT {packed.sql} FROM ({query.sql}) AS q)", packed.type)

    def exists(self, node: exp.Exists, scope: Scope) -> Typed:
        """EXISTS."""
        return Typed(f"(EXISTS ({self.transpiler.query(_inside(node.this), scope).sql}))", t.BOOLEAN)

    # -- calls

    def call(self, node: exp.Expr, scope: Scope) -> Typed:
        """Every function call."""
        return calls.compile_call(self, node, scope)


def row_of(values: list[Typed]) -> Typed:
    """ROW(...) of compiled values."""
    fields = ", ".join(f"f{i} := {value.sql}" for i, value in enumerate(values, 1))
    return Typed(f"struct_pack({fields})", t.row(*(value.type for value in values)))


def _inside(node: exp.Expr) -> exp.Expr:
    """A subquery without its brackets, unless they carry clauses of their own."""
    while isinstance(node, exp.Subquery | exp.Paren) and not any(
        node.args.get(clause) for clause in ("order", "limit", "offset", "with_", "alias", "joins")
    ):
        node = node.this
    return node


def _column_name(query: Query) -> str:
    return query.names[0]


def type_of(node: exp.Expr, place: str) -> Type:
    """The type that a type's syntax tree names.

    Raises:
        QueryError: TYPE_NOT_FOUND, or NOT_SUPPORTED for types that this engine does not hold.
    """
    try:
        return t.parse_trino(_type_text(node, place))
    except TypeTextError as error:
        raise not_supported(f"{place}: {error}") from None


def _type_text(node: exp.Expr, place: str) -> str:
    if not isinstance(node, exp.DataType):
        return str(node.sql())
    name = node.this.value.lower() if hasattr(node.this, "value") else str(node.this).lower()
    name = {"int": "integer", "float": "real", "text": "varchar", "struct": "row", "timestamptz": "timestamp with time zone",
            "timestampltz": "timestamp with time zone", "timetz": "time with time zone", "nchar": "char",
            "uuid": "uuid"}.get(name, name)  # fmt: skip
    parts = []
    for item in node.expressions:
        if isinstance(item, exp.ColumnDef):
            label = item.this
            shown = '"' + label.name.replace('"', '""') + '"' if label.args.get("quoted") else label.name
            parts.append(f"{shown} {_type_text(item.args['kind'], place)}")
        elif isinstance(item, exp.DataType):
            parts.append(_type_text(item, place))
        else:
            parts.append(item.sql())
    if name.endswith("with time zone"):
        return f"{name.split()[0]}({parts[0]}) with time zone" if parts else name
    if name == "userdefined":
        raise not_supported(f"{place}: type {node.args.get('kind')}")
    return f"{name}({', '.join(parts)})" if parts else name


def _interval(value: str, unit: str, place: str) -> Typed:
    """An interval literal: INTERVAL '2' DAY, INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1 02:03:04.5' DAY TO SECOND."""
    bad = QueryError("SYNTAX_ERROR", f"{place}: '{value}' is not a valid INTERVAL literal")
    sign = -1 if value.strip().startswith("-") else 1
    body = value.strip().lstrip("+-")
    if " TO " not in unit:
        unit = unit.rstrip("S") if unit not in _INTERVAL_MS and unit not in _INTERVAL_MONTHS else unit
        if unit in _INTERVAL_MONTHS and re.fullmatch(r"\d+", body):
            return _interval_value(sign * int(body) * _INTERVAL_MONTHS[unit], t.INTERVAL_YEAR)
        pattern = r"\d+(\.\d{1,3})?" if unit == "SECOND" else r"\d+"
        if unit in _INTERVAL_MS and re.fullmatch(pattern, body):
            whole, _, fraction = body.partition(".")
            return _interval_value(
                sign * (int(whole) * _INTERVAL_MS[unit] + int(fraction.ljust(3, "0") or 0)), t.INTERVAL_DAY
            )
        raise bad
    if unit == "YEAR TO MONTH" and (match := re.fullmatch(r"(\d+)-(\d+)", body)):
        return _interval_value(sign * (int(match.group(1)) * 12 + int(match.group(2))), t.INTERVAL_YEAR)
    if unit == "DAY TO SECOND" and (match := re.fullmatch(r"(\d+) (\d+):(\d+):(\d+)(?:\.(\d{1,3}))?", body)):
        days, hours, minutes, seconds = (int(part) for part in match.groups()[:4])
        total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return _interval_value(sign * (total * 1000 + int((match.group(5) or "").ljust(3, "0"))), t.INTERVAL_DAY)
    raise not_supported(f"{place}: INTERVAL '{value}' {unit}")


def _interval_value(amount: int, kind: Type) -> Typed:
    return Typed(f"CAST({amount} AS {t.duckdb(kind)})", kind, amount)


_METHODS: dict[type[exp.Expr], Callable[..., Typed]] = {
    exp.Column: Expressions.column, exp.Identifier: Expressions.identifier, exp.Dot: Expressions.dot,
    exp.Literal: Expressions.literal, exp.Null: Expressions.null, exp.Boolean: Expressions.boolean_literal,
    exp.HexString: Expressions.hex_string, exp.UnicodeString: Expressions.unicode_string,
    exp.Interval: Expressions.interval, exp.ParseJSON: Expressions.json_literal,
    exp.Add: Expressions.arithmetic, exp.Sub: Expressions.arithmetic, exp.Mul: Expressions.arithmetic,
    exp.Div: Expressions.arithmetic, exp.Mod: Expressions.arithmetic,
    exp.EQ: Expressions.comparison, exp.NEQ: Expressions.comparison, exp.LT: Expressions.comparison,
    exp.LTE: Expressions.comparison, exp.GT: Expressions.comparison, exp.GTE: Expressions.comparison,
    exp.Neg: Expressions.negative, exp.Paren: Expressions.paren, exp.And: Expressions.connector,
    exp.Or: Expressions.connector, exp.Not: Expressions.negation, exp.Is: Expressions.is_null,
    exp.NullSafeEQ: Expressions.distinct_from, exp.NullSafeNEQ: Expressions.distinct_from,
    exp.Between: Expressions.between, exp.In: Expressions.is_in, exp.Like: Expressions.like,
    exp.Escape: Expressions.like, exp.DPipe: Expressions.concat, exp.AtTimeZone: Expressions.at_time_zone,
    exp.Array: Expressions.array, exp.Tuple: Expressions.row, exp.Bracket: Expressions.bracket,
    exp.Case: Expressions.case, exp.If: Expressions.if_, exp.Cast: Expressions.cast, exp.TryCast: Expressions.cast,
    exp.Subquery: Expressions.subquery, exp.Select: Expressions.subquery, exp.Exists: Expressions.exists,
    **dict.fromkeys((
        exp.Anonymous, exp.Filter, exp.WithinGroup, exp.Window, exp.IgnoreNulls, exp.RespectNulls, exp.Extract,
        exp.Trim, exp.Substring, exp.CurrentDate, exp.CurrentTimestamp, exp.Localtimestamp, exp.CurrentUser,
        exp.CurrentTime, exp.Localtime, exp.JSONValue, exp.JSONObject, exp.JSONExtract,
    ), Expressions.call),
}  # fmt: skip

__all__ = ["Expressions", "guarded", "instant", "is_same_representation", "lambda_name", "row_of", "text", "type_of"]
