"""Payload templates: JSON documents with expressions in them (Parameters, Arguments, Output, Assign...).

In JSONPath, a member whose name ends in ".$" holds a path or an intrinsic call, and loses the ending. In JSONata, any
text of the form `{% ... %}` is an expression, wherever it stands.

    template = compile_template({"id.$": "$.order.id", "kind": "order"}, language="JSONPath")
    template.evaluate({"order": {"id": 7}}, scope)    # {"id": 7, "kind": "order"}

A template becomes a tree of closures. Parts without expressions are shared between all results, never copied: nobody
mutates a JSON value in this program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import ExpressionError, ExpressionSyntaxError, NoMatchError, TemplateError, TemplateSyntaxError
from steppe.expr.intrinsic import IntrinsicCall, compile_intrinsic, is_call
from steppe.expr.jsonata import JsonataExpression, compile_jsonata, is_expression, unwrapped
from steppe.expr.jsonpath import Path, compile_path
from steppe.expr.scope import Expression, Scope

QueryLanguage: TypeAlias = Literal["JSONPath", "JSONata"]
Compiled: TypeAlias = Path | IntrinsicCall | JsonataExpression


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template. It is an `Expression` itself; `evaluate` is the bare function.

    Attributes:
        constant: whether it has no expression, so that it gives the document itself.
        expressions: each expression with its place: names and indexes from the root (names without ".$").
        evaluate: (what `$` names, scope) -> value; raises TemplateError.
    """

    constant: bool
    expressions: tuple[tuple[tuple[str | int, ...], Compiled], ...]
    evaluate: Expression

    def __call__(self, value: JsonValue, scope: Scope) -> JsonValue:
        """As `evaluate`."""
        return self.evaluate(value, scope)


def compile_value(text: str) -> Path | IntrinsicCall:
    """Compile what may stand in a ".$" member of a JSONPath template, and in CausePath and ErrorPath.

    Raises:
        PathSyntaxError, IntrinsicSyntaxError: it is neither a path nor a call.
    """
    return compile_intrinsic(text) if is_call(text) else compile_path(text)


def compile_template(document: JsonValue, *, language: QueryLanguage = "JSONPath", field: str = "") -> Template:
    """Compile a template.

    Args:
        document: any JSON value. It is shared with the results and must not change afterwards.
        language: of the expressions in it.
        field: the state's field that holds it, for example "Output"; JSONata's texts name it.

    Raises:
        TemplateSyntaxError: expressions in it are not of their language: the first, with the `others`.
        ExpressionSyntaxError: the document nests too deep, or is itself one JSONata expression that is none.
    """
    if jsonvalue.depth(document) > jsonvalue.DEPTH_MAX // 2:
        raise ExpressionSyntaxError(field, f"the template nests deeper than {jsonvalue.DEPTH_MAX // 2} levels")
    compiler = _JsonPath() if language == "JSONPath" else _Jsonata(field)
    evaluate = compiler.part(document, ())
    if compiler.errors:
        first, *others = compiler.errors
        raise TemplateSyntaxError(first.key, first.parents, first.error, tuple(others))
    if evaluate is None:
        return Template(True, (), lambda value, scope: document)
    return Template(False, tuple(compiler.expressions), evaluate)


class _Compiler:
    """Walks a document. A part is compiled to a closure, or to None when it is constant."""

    def __init__(self) -> None:
        self.expressions: list[tuple[tuple[str | int, ...], Compiled]] = []
        self.errors: list[TemplateSyntaxError] = []

    def part(self, document: JsonValue, place: tuple[str | int, ...]) -> Expression | None:
        if isinstance(document, dict):
            return self.object(document, place)
        if isinstance(document, list):
            return _array(document, [self.part(element, (*place, index)) for index, element in enumerate(document)])
        return self.text(document, place) if isinstance(document, str) else None

    def object(self, document: dict[str, JsonValue], place: tuple[str | int, ...]) -> Expression | None:
        parts = {name: self.part(member, (*place, name)) for name, member in document.items()}
        return _object(document, parts)

    def text(self, text: str, place: tuple[str | int, ...]) -> Expression | None:
        return None

    def compiled(
        self,
        text: str,
        *,
        key: str,
        place: tuple[str | int, ...],
        field: str,
        compile_text: Callable[[str], Compiled],
    ) -> Expression | None:
        """The closure of one expression; None when it is none, which is noted."""
        try:
            expression = compile_text(text)
        except ExpressionSyntaxError as error:
            if not place:
                raise
            self.errors.append(TemplateSyntaxError(key, place[:-1], error))
            return None
        self.expressions.append((place, expression))
        return _located(expression.evaluate, field)


class _JsonPath(_Compiler):
    def object(self, document: dict[str, JsonValue], place: tuple[str | int, ...]) -> Expression | None:
        constants: dict[str, JsonValue] = {}
        parts: dict[str, Expression | None] = {}
        for name, member in document.items():
            if not name.endswith(".$"):
                constants[name] = member
                parts[name] = self.part(member, (*place, name))
                continue
            bare = name[:-2]
            if bare in document:
                error = ExpressionSyntaxError(bare, f"'{bare}' and '{name}' cannot both be there")
                self.errors.append(TemplateSyntaxError(name, place, error))
                continue
            constants[bare] = None
            if isinstance(member, str):
                inner = (*place, bare)
                part = self.compiled(member, key=name, place=inner, field=name, compile_text=compile_value)
                parts[bare] = None if part is None else _or_null(part)
            else:
                error = ExpressionSyntaxError(jsonvalue.dumps(member), "a path or a call must be a text")
                self.errors.append(TemplateSyntaxError(name, place, error))
        return _object(constants, parts)


class _Jsonata(_Compiler):
    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field

    def text(self, text: str, place: tuple[str | int, ...]) -> Expression | None:
        if not is_expression(text):
            return None
        key = f"[{place[-1]}]" if place and isinstance(place[-1], int) else str(place[-1]) if place else self.field
        field = location(self.field, place)
        return self.compiled(unwrapped(text), key=key, place=place, field=field, compile_text=compile_jsonata)


def location(field: str, place: tuple[str | int, ...]) -> str:
    """A place inside a field as JSONata's texts and events name it: `Output/list[0]/name`."""
    return field + "".join(f"[{step}]" if isinstance(step, int) else f"/{step}" for step in place)


def _located(evaluate: Expression, field: str) -> Expression:
    def located(value: JsonValue, scope: Scope) -> JsonValue:
        try:
            return evaluate(value, scope)
        except ExpressionError as error:
            raise TemplateError(field, value, error) from None

    return located


def _or_null(evaluate: Expression) -> Expression:
    """An element past the end of an array is null in a template, and there alone (measured in September 2026)."""

    def or_null(value: JsonValue, scope: Scope) -> JsonValue:
        try:
            return evaluate(value, scope)
        except TemplateError as error:
            if isinstance(error.error, NoMatchError) and error.error.past_end:
                return None
            raise

    return or_null


def _object(constants: dict[str, JsonValue], parts: dict[str, Expression | None]) -> Expression | None:
    """Members in the template's order: the constant ones are copied as one dict, the others filled in."""
    dynamic = [(name, part) for name, part in parts.items() if part is not None]
    if not dynamic:
        return None

    def build(value: JsonValue, scope: Scope) -> JsonValue:
        built = constants.copy()
        for name, part in dynamic:
            built[name] = part(value, scope)
        return built

    return build


def _array(constants: list[JsonValue], parts: list[Expression | None]) -> Expression | None:
    dynamic = [(index, part) for index, part in enumerate(parts) if part is not None]
    if not dynamic:
        return None

    def build(value: JsonValue, scope: Scope) -> JsonValue:
        built = constants.copy()
        for index, part in dynamic:
            built[index] = part(value, scope)
        return built

    return build
