"""JSONata expressions: `{% $states.input.items[price > 10].name %}`.

    expression = compile_jsonata("$states.input.a + $x")
    expression.evaluate(None, scope)

The value an expression is applied to is not used: in a state there is no context item, and everything is reached
through `$states` and the workflow variables, which come from the scope.

The work is done by the library jsonata-python, which this module keeps within bounds and within JSON:

- Bounds. Depth, steps and bytes are counted (`jsonata_engine.py`).
- JSON. The library's null, sequences, functions and doubles are converted on the way in and out.
- Words. Failures are told as the service tells them, `T0410: Argument 1 of function "abs" does not match ...`.

An expression may be evaluated again and again, but by one thread at a time.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Final

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import JsonataError, JsonataSyntaxError, show, type_name
from steppe.expr.jsonata_engine import MEMORY_EXCEEDED, STACK_OVERFLOW, Engine, whole
from steppe.expr.jsonata_functions import BASE_FRAME, NULL, SCOPED_NAMES, is_function, scoped, with_nulls
from steppe.expr.jsonata_syntax import References, references
from steppe.expr.scope import Expression, Scope

EXPRESSION_LENGTH_MAX: Final = 100_000
"""Characters of one expression; ours."""

UNDEFINED: Final = object()
"""As the value that an expression is applied to: there is none."""

_ABSENT = object()
_PLACEHOLDER = re.compile(r"\{\{(\{?)(\w+)\}?\}\}")
_KINDS = {"n": "numbers", "s": "strings", "b": "booleans", "o": "objects", "a": "arrays", "f": "functions"}
_LIBRARY_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RuntimeError, AssertionError)


@dataclass(frozen=True, slots=True)
class JsonataExpression:
    """A compiled expression. It is an `Expression` itself; `evaluate` is the bare function.

    Attributes:
        text: without `{%` and `%}`.
        variables: names of the workflow variables it may read (names bound inside and known functions are left out).
        states: members of `$states` it reads; None when it uses `$states` as a whole.
        evaluate: (anything, scope) -> JSON value; raises JsonataError.
    """

    text: str
    variables: frozenset[str]
    states: frozenset[str] | None
    evaluate: Expression = field(repr=False, compare=False)

    def __call__(self, value: JsonValue, scope: Scope) -> JsonValue:
        """As `evaluate`."""
        return self.evaluate(value, scope)


def is_expression(text: str) -> bool:
    """Whether a text is `{% ... %}`: nothing, not even a blank, before or after."""
    return len(text) >= 4 and text.startswith("{%") and text.endswith("%}")


def unwrapped(text: str) -> str:
    """The expression inside `{% ... %}`."""
    return text[2:-2].strip()


def compile_jsonata(text: str, *, context_item: bool = False) -> JsonataExpression:
    """Compile an expression.

    Args:
        text: without `{%` and `%}`.
        context_item: whether there is one. In a state there is none, so that names at the top level are refused; with
            one, `evaluate` takes it as its value, or UNDEFINED.

    Raises:
        JsonataSyntaxError: it is none, or names what does not exist in a state.
    """
    if len(text) > EXPRESSION_LENGTH_MAX:
        raise JsonataSyntaxError(text, f"it is longer than {EXPRESSION_LENGTH_MAX} characters")
    try:
        engine = Engine(text)
        found = references(engine.ast)
        names = _names(engine.ast)
    except JException as error:
        if error.error == "S0102":  # the library leaves out which number is out of range
            error.current = text[error.location :].split(maxsplit=1)[0]
        raise JsonataSyntaxError(text, _message(error)) from None
    except re.error as error:
        raise JsonataSyntaxError(text, str(error)) from None
    except RecursionError:
        raise JsonataSyntaxError(text, "it nests too deep") from None
    except _LIBRARY_ERRORS:
        raise JsonataSyntaxError(text, "Syntax error") from None
    if found.unsupported and not context_item:
        first, *others = found.reasons()
        raise JsonataSyntaxError(text, first, "UNSUPPORTED_JSONATA_EXPRESSION", tuple(others))
    outer = found.variables - found.bound - {"states"}
    variables = frozenset(name for name in outer if not is_function(name))
    states = None if found.whole else frozenset(found.members)
    evaluate = _evaluator(text, engine, found, context_item=context_item)
    return JsonataExpression(text, variables, states, _look_up(names, evaluate) if names else evaluate)


def _names(tree: JsonValue) -> tuple[str, ...] | None:
    """The steps of an expression that is only `$name.name.name`, most of all expressions ever written; else None."""
    if tree.type != "path" or tree.group or tree.keep_singleton_array:
        return None
    first, *rest = tree.steps
    if first.type != "variable" or first.value in ("", "$") or any(step.type != "name" for step in rest):
        return None
    bare = not any(step.predicate or step.stages or step.tuple or step.keep_array for step in tree.steps)
    names = tuple(str(step.value) for step in tree.steps)
    return names if bare and (names[0] != "states" or len(names) > 1) else None


def _look_up(names: tuple[str, ...], evaluate: Expression) -> Expression:
    """Plain look-ups while everything on the way is an object; the rest is the library's to judge."""
    first, *rest = names
    member = rest.pop(0) if first == "states" else ""

    def look_up(value: JsonValue, scope: Scope) -> JsonValue:
        if not member:
            here = scope.variables.get(first, _ABSENT)
        elif member == "context":
            here = scope.context_object()
        else:
            here = (scope.states or {}).get(member, _ABSENT)
        for name in rest:
            if here.__class__ is not dict:
                break
            here = here.get(name, _ABSENT)
        else:
            if here is not _ABSENT:
                return _plain(here, jsonvalue.DEPTH_MAX)
        return evaluate(value, scope)

    return look_up


def _evaluator(text: str, engine: Engine, found: References, *, context_item: bool) -> Expression:
    names = tuple(found.variables - {"states"})
    functions = tuple(found.variables & SCOPED_NAMES)
    members = None if found.whole else tuple(found.members)
    uses_states = "states" in found.variables

    def evaluate(value: JsonValue, scope: Scope) -> JsonValue:
        frame = Jsonata.Frame(BASE_FRAME)
        bindings = frame.bindings
        for name in functions:
            frame.bind(name, scoped(name, scope))
        for name in names:
            variable = scope.variables.get(name, _ABSENT)
            if variable is not _ABSENT:
                bindings[name] = _converted(scope, f"${name}", variable)
        if uses_states:
            bindings["states"] = _states(scope, members)
        item = None
        if context_item and value is not UNDEFINED:
            item = bindings["$"] = _item(value)
        try:
            result = engine.run(item, frame)
            return _plain(result, jsonvalue.DEPTH_MAX) if result is not None else _undefined(text)
        except JException as error:
            raise JsonataError(text, _outcome(error, engine.calls)) from None
        except RecursionError:
            raise JsonataError(text, _bare(STACK_OVERFLOW)) from None
        except _NoJsonError:
            raise JsonataError(text, "returned an unsupported result type.") from None
        except _LIBRARY_ERRORS:
            # The library met values its author did not think of; what Python said of it is no help to a caller.
            raise JsonataError(text, _bare("A value has a type or a size that cannot be used here")) from None

    return evaluate


def _item(value: JsonValue) -> JsonValue:
    """A context item as the library takes it: an array is one item, not a sequence of them."""
    item = with_nulls(value)
    if not isinstance(item, list):
        return item
    wrapped = Utils.create_sequence(item)
    wrapped.outer_wrapper = True
    return wrapped


def _undefined(text: str) -> JsonValue:
    raise JsonataError(text, "returned nothing (undefined).", undefined=True)


def _states(scope: Scope, members: tuple[str, ...] | None) -> dict[str, JsonValue]:
    """`$states`, as far as the expression can read it: the context object is built only when it can."""
    states = scope.states or {}
    found = {
        name: _converted(scope, f"states.{name}", member)
        for name, member in states.items()
        if members is None or name in members
    }
    if members is None or "context" in members:
        context = scope.context_object()
        found["context"] = _converted(scope, "states.context", context)
    return found


def _converted(scope: Scope, key: str, value: JsonValue) -> JsonValue:
    """A value with the library's null in it, converted once per scope, however many expressions read it."""
    if scope.derived is None:
        scope.derived = {}
    known = scope.derived.get(key)
    if known is None or known[0] is not value:
        known = scope.derived[key] = (value, with_nulls(value))
    return known[1]


# Results


class _NoJsonError(Exception):
    """A function where JSON is wanted."""


def _plain(value: JsonValue, depth_left: int) -> JsonValue:
    """A result of the library as JSON. What needs no change is shared, not copied.

    Raises:
        _NoJsonError: there is a function in it.
        RecursionError: it nests too deep to be anything's input.
    """
    kind = type(value)
    if value is None or value is NULL:
        return None
    if kind is str or kind is int or kind is bool:
        return value
    if kind is float:
        return _plain_number(value)
    if depth_left == 0:
        raise RecursionError
    if isinstance(value, dict):
        members = {name: _plain(member, depth_left - 1) for name, member in value.items()}
        return value if all(map(_same, members.values(), value.values())) else members
    if isinstance(value, list):
        elements = [_plain(element, depth_left - 1) for element in value]
        return value if kind is list and all(map(_same, elements, value)) else elements
    raise _NoJsonError


def _same(one: JsonValue, other: JsonValue) -> bool:
    return one is other


def _plain_number(number: float) -> JsonValue:
    """Whole numbers without a fraction. What JSON has no number for is a text on the service (August 2026)."""
    if math.isfinite(number):
        return whole(number)
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def unexpected_type(expression: JsonataExpression, expected: str, value: JsonValue) -> JsonataError:
    """The error of a field whose expression gave JSON of the wrong type.

    Args:
        expression: the field's.
        expected: "array", "number", "string", "object" or "boolean"; several with " or " between.
        value: what it gave.
    """
    return JsonataError(
        expression.text,
        f"returned an unexpected result type. Expected '{expected}', but was '{type_name(value)}' "
        f"for value: {show(value)}",
    )


# Failures


def _bare(message: str) -> str:
    return f"threw an error during evaluation: {message}"


def _coded(message: str) -> str:
    return f"threw an error during evaluation. {message}"


def _outcome(error: JsonValue, calls: list[JsonValue]) -> str:
    """The rest of the service's sentence: a point before messages with a code, a colon before those without."""
    code = error.error
    if code == "T0411":
        error.current = calls[-1]
    if code == "D2014":
        return _bare(MEMORY_EXCEEDED)
    return _coded(f"{code}: {_message(error)}") if code in JException.error_codes else _bare(_message(error))


def _message(error: JsonValue) -> str:
    """The message of an error, without its code.

    The library's catalogue says "Object" where JSONata says "function", and fills its places as Python prints values;
    here they are JSON, `{{{...}}}` excepted.
    """
    template = JException.error_codes.get(error.error)
    if template is None:
        return str(error.error)
    if error.error.startswith(("D308", "D309")):
        template = template.replace('"', "'")
    values = iter(_values(error))

    def fill(match: re.Match[str]) -> str:
        value = next(values, None)
        return str(value) if match.group(1) else "undefined" if value is None else _json(value)

    return _PLACEHOLDER.sub(fill, template.replace(" Object", " function"))


def _values(error: JsonValue) -> tuple[JsonValue, ...]:
    """What goes into the places of a message, in their order."""
    given = (error.current, error.expected, error.extra)
    match error.error:
        case "T0411":
            return (error.expected, error.current)
        case "T0412":
            return (error.current, error.expected, _KINDS.get(str(error.extra)[:1]))
        case "D1002":
            return (error.expected,)
        case _:
            return given


def _json(value: JsonValue) -> str:
    try:
        return show(_plain(value, jsonvalue.DEPTH_MAX))
    except (_NoJsonError, JException):
        return "?"
