"""JSONPath: compile a text once, evaluate it per item.

    path = compile_path("$.order.items[0].price")
    path.evaluate({"order": ...}, scope)

A definite path names one place: it gives the value there or raises NoMatchError. An indefinite one (wildcard, slice,
descent, filter, several indexes) gives the list of all it finds, which may be empty.

Definite paths are the hot path of every Map: they compile to a closure of plain look-ups. Everything else runs as a
pipeline of steps from list to list, under a budget, so that no path over no input can run away. Both follow the Jayway
library for Java, which the service uses, as far as recorded answers and its published messages tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import NoMatchError, PathSyntaxError, shorten, show, type_name
from steppe.expr.path_filter import UNDEFINED, Operand, Run, TestFunction, compile_test
from steppe.expr.path_syntax import (
    Descent,
    Filter,
    Function,
    Indexes,
    Names,
    PathSyntax,
    Segment,
    Slice,
    Wildcard,
    parse_path,
)
from steppe.expr.scope import Entropy, Expression, Scope

WORK_MAX = 2_000_000
"""Values that one evaluation of an indefinite path may look at; ours. That many take about a second."""

Step: TypeAlias = Callable[[list[JsonValue], Run], list[JsonValue]]

_NO_SCOPE = Scope(context=dict, variables={}, entropy=Entropy(b""), now_ms=0)


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path. It is an `Expression` itself; `evaluate` is the bare function, one call cheaper.

    Attributes:
        text: as written.
        syntax: taken apart.
        definite: whether it names one place, so that its value is that value and not a list.
        evaluate: (what `$` names, scope) -> value; raises NoMatchError when a definite path names nothing.
    """

    text: str
    syntax: PathSyntax = field(repr=False)
    definite: bool
    evaluate: Expression = field(repr=False, compare=False)

    def __call__(self, value: JsonValue, scope: Scope) -> JsonValue:
        """As `evaluate`."""
        return self.evaluate(value, scope)

    @property
    def variables(self) -> frozenset[str]:
        """Names of the workflow variables it reads: one or none."""
        return frozenset() if self.syntax.root in ("$", "$$") else frozenset((self.syntax.root,))


def compile_path(text: str, *, allow_context: bool = True, allow_variables: bool = True) -> Path:
    """Compile a JSONPath.

    Args:
        text: `$...`, `$$...` (context object) or `$name...` (workflow variable).
        allow_context: whether `$$` may stand here.
        allow_variables: whether variables may stand here.

    Raises:
        PathSyntaxError: it is no path, or not one that may stand here.
    """
    return compiled(text, parse_path(text), allow_context=allow_context, allow_variables=allow_variables)


def compiled(text: str, syntax: PathSyntax, *, allow_context: bool = True, allow_variables: bool = True) -> Path:
    """As `compile_path`, for a path that has been taken apart already.

    Raises:
        PathSyntaxError: it is not one that may stand here.
    """
    root = syntax.root
    if root == "@":
        raise PathSyntaxError(text, "'@' stands in filters only")
    if root == "$$" and not allow_context:
        raise PathSyntaxError(text, "the context object cannot be used here")
    if root not in ("$", "$$") and not allow_variables:
        raise PathSyntaxError(text, "variables cannot be used here")
    segments = syntax.segments
    function = segments[-1].name if segments and isinstance(segments[-1], Function) else None
    plain = segments[:-1] if function else segments
    misplaced = next((names for names in plain[:-1] if isinstance(names, Names) and len(names.names) > 1), None)
    if misplaced:
        evaluate = _failing(text, f"Multi properties can only be used as path leafs: {render(root, (misplaced,))}")
    elif all(_is_single(segment) for segment in plain):
        evaluate = _definite(text, root, plain)
    elif all(_is_single(segment) for segment in plain[:-1]) and isinstance(plain[-1], Names):
        evaluate = _members(_definite(text, root, plain[:-1]), plain[-1].names)
    else:
        evaluate = _indefinite(text, root, plain)
    if function:
        evaluate = _call(text, function, evaluate)
    return Path(text, syntax, syntax.definite, evaluate)


def render(root: str, segments: tuple[Segment, ...]) -> str:
    """A path in the form that messages show: `$['a'][0]`."""
    return (root if root in ("$", "$$", "@") else f"${root}") + "".join(_render(segment) for segment in segments)


def _render(segment: Segment) -> str:
    match segment:
        case Names(names):
            return "[" + ", ".join(f"'{name}'" for name in names) + "]"
        case Indexes(indexes):
            return "[" + ",".join(map(str, indexes)) + "]"
        case Slice(start, stop):
            return f"[{'' if start is None else start}:{'' if stop is None else stop}]"
        case Wildcard():
            return "[*]"
        case Descent():
            return ".."
        case Filter():
            return "[?]"
        case _:
            return f".{segment.name}()"


def _is_single(segment: Segment) -> bool:
    match segment:
        case Names(names):
            return len(names) == 1
        case Indexes(indexes):
            return len(indexes) == 1
        case _:
            return False


def _failing(text: str, reason: str) -> Expression:
    """A path that the service takes when a machine is created and refuses when it runs."""

    def fail(value: JsonValue, scope: Scope) -> JsonValue:
        raise NoMatchError(text, reason)

    return fail


def _root(text: str, root: str) -> Expression:
    """What the first token of a path names."""
    if root == "$":
        return lambda value, scope: value
    if root == "$$":
        return lambda value, scope: scope.context_object()

    def variable(value: JsonValue, scope: Scope) -> JsonValue:
        try:
            return scope.variables[root]
        except KeyError:
            raise NoMatchError(text, f"Variable '{root}' is not defined") from None

    return variable


# Definite paths


def _definite(text: str, root: str, segments: tuple[Segment, ...]) -> Expression:
    """The look-ups of a definite path, as one closure.

    Up to three names are most of all paths ever written; the loop would cost them twice as much. In the loop, a list is
    told from a text by its type before an index is applied, as Python would index both.
    """
    steps: list[str | int] = [
        segment.names[0] if isinstance(segment, Names) else segment.indexes[0]
        for segment in segments
        if isinstance(segment, Names | Indexes)
    ]
    start = _root(text, root)
    if not steps:
        return start

    def fail(value: JsonValue) -> NoMatchError:
        return _why(text, root, segments, steps, value)

    names_only = all(isinstance(step, str) for step in steps)
    if root == "$" and names_only and len(steps) <= len(_SHORT):
        return _SHORT[len(steps) - 1](steps, fail)
    marked = [(step, isinstance(step, int)) for step in steps]

    def walk(value: JsonValue, scope: Scope) -> JsonValue:
        here = value
        try:
            for step, is_index in marked:
                if is_index and here.__class__ is not list:
                    raise fail(value)
                here = here[step]
        except (LookupError, TypeError):
            raise fail(value) from None
        return here

    return walk if root == "$" else lambda value, scope: walk(start(value, scope), scope)


Fail: TypeAlias = Callable[[JsonValue], NoMatchError]


def _one_name(steps: list[str | int], fail: Fail) -> Expression:
    (name,) = steps

    def look_up(value: JsonValue, scope: Scope) -> JsonValue:
        try:
            return value[name]
        except (KeyError, TypeError):
            raise fail(value) from None

    return look_up


def _two_names(steps: list[str | int], fail: Fail) -> Expression:
    first, second = steps

    def look_up(value: JsonValue, scope: Scope) -> JsonValue:
        try:
            return value[first][second]
        except (KeyError, TypeError):
            raise fail(value) from None

    return look_up


def _three_names(steps: list[str | int], fail: Fail) -> Expression:
    first, second, third = steps

    def look_up(value: JsonValue, scope: Scope) -> JsonValue:
        try:
            return value[first][second][third]
        except (KeyError, TypeError):
            raise fail(value) from None

    return look_up


_SHORT = (_one_name, _two_names, _three_names)


def _why(text: str, root: str, segments: tuple[Segment, ...], steps: list[str | int], value: JsonValue) -> NoMatchError:
    """The reason why a definite path names nothing, in the words of the service's library."""
    position = 0
    while _has(value, steps[position]):
        value = value[steps[position]]
        position += 1
    step = steps[position]
    before = render(root, segments[:position])
    last = position == len(steps) - 1
    if isinstance(step, int) and not isinstance(value, list):
        found = shorten(show(value))
        return NoMatchError(text, f"Filter: [{step}] can only be applied to arrays. Current context is: {found}")
    if isinstance(step, str) and not isinstance(value, dict):
        found = type_name(value)
        return NoMatchError(
            text, f"Expected to find an object with property ['{step}'] in path {before} but found '{found}'."
        )
    if isinstance(step, str) and not last:
        return NoMatchError(text, f"Missing property in path {before}['{step}']")
    return NoMatchError(text, f"No results for path: {render(root, segments)}", last and isinstance(step, int))


def _has(value: JsonValue, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(value, list) and -len(value) <= step < len(value)
    return isinstance(value, dict) and step in value


def _members(evaluate: Expression, names: tuple[str, ...]) -> Expression:
    """Several names at the end of a definite path: the object of those that exist."""

    def pick(value: JsonValue, scope: Scope) -> JsonValue:
        whole = evaluate(value, scope)
        return {name: whole[name] for name in names if name in whole} if isinstance(whole, dict) else {}

    return pick


# Indefinite paths


def _indefinite(text: str, root: str, segments: tuple[Segment, ...]) -> Expression:
    start = _root(text, root)
    steps = _steps(segments)

    def collect(value: JsonValue, scope: Scope) -> JsonValue:
        run = Run(value, WORK_MAX, text)
        try:
            values = [start(value, scope)]
        except NoMatchError:
            return []
        for step in steps:
            values = step(values, run)
        return values

    return collect


def _steps(segments: tuple[Segment, ...]) -> list[Step]:
    """One step a segment; a descent and the segment after it are one."""
    steps: list[Step] = []
    position = 0
    while position < len(segments):
        segment = segments[position]
        if isinstance(segment, Descent):
            position += 1
            steps.append(_descend(_step(segments[position], within_descent=True)))
        else:
            steps.append(_step(segment))
        position += 1
    return steps


def _step(segment: Segment, *, within_descent: bool = False) -> Step:
    """The values that a segment finds in each value of a list; what it does not apply to gives nothing."""
    match segment:
        case Names(names):
            return _each(lambda value: [value[n] for n in names if n in value] if isinstance(value, dict) else [])
        case Indexes(indexes):
            return _each(lambda value: _at(value, indexes) if isinstance(value, list) else [])
        case Slice(start, stop):
            return _each(lambda value: value[start:stop] if isinstance(value, list) else [])
        case Wildcard():
            return _each(_children)
        case _:
            # The grammar lets a function only end a path, and no descent follow another.
            assert isinstance(segment, Filter)
            return _filter(compile_test(segment.test, _operand), own=within_descent)


def _each(find: Callable[[JsonValue], list[JsonValue]]) -> Step:
    def step(values: list[JsonValue], run: Run) -> list[JsonValue]:
        found: list[JsonValue] = []
        for value in values:
            more = find(value)
            run.spend(len(more) + 1)
            found += more
        return found

    return step


def _at(value: list[JsonValue], indexes: tuple[int, ...]) -> list[JsonValue]:
    return [value[index] for index in indexes if -len(value) <= index < len(value)]


def _children(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _filter(test: TestFunction, *, own: bool) -> Step:
    """A filter picks elements of an array; an object it keeps or drops as a whole, as the service's library does."""

    def step(values: list[JsonValue], run: Run) -> list[JsonValue]:
        found: list[JsonValue] = []
        for value in values:
            candidates = [value] if isinstance(value, dict) else value if isinstance(value, list) and not own else []
            run.spend(len(candidates) + 1)
            found += [candidate for candidate in candidates if test(candidate, run)]
        return found

    return step


def _descend(step: Step) -> Step:
    """Apply a step to every object and array below, parents before children."""

    def descend(values: list[JsonValue], run: Run) -> list[JsonValue]:
        found: list[JsonValue] = []
        for value in values:
            for container in _containers(value, run):
                found += step([container], run)
        return found

    return descend


def _containers(value: JsonValue, run: Run) -> Iterator[JsonValue]:
    stack = [value]
    while stack:
        here = stack.pop()
        if isinstance(here, dict | list):
            yield here
            below = _children(here)
            run.spend(len(below))
            stack.extend(reversed(below))


def _operand(syntax: PathSyntax) -> Operand:
    """A path inside a filter: `@` is the candidate, `$` the document; one that names nothing is UNDEFINED."""
    text = render(syntax.root, syntax.segments)
    path = compiled(text, PathSyntax("$", syntax.segments))
    below = syntax.root == "@"
    if path.definite:
        evaluate = path.evaluate

        def look_up(candidate: JsonValue, run: Run) -> JsonValue:
            try:
                return evaluate(candidate if below else run.document, _NO_SCOPE)
            except NoMatchError:
                return UNDEFINED

        return look_up
    steps = _steps(syntax.segments)

    def collect(candidate: JsonValue, run: Run) -> JsonValue:
        values = [candidate if below else run.document]
        for step in steps:
            values = step(values, run)
        return values

    return collect


# Functions


def _call(text: str, name: str, evaluate: Expression) -> Expression:
    def call(value: JsonValue, scope: Scope) -> JsonValue:
        result = _length(evaluate(value, scope)) if name == "length" else None
        if result is None:
            raise NoMatchError(text, f"Function {name}() cannot be applied to the value")
        return result

    return call


def _length(value: JsonValue) -> int | None:
    """Elements of an array, members of an object. The others (sum, min...) fail on the service, whatever they get."""
    return len(value) if isinstance(value, dict | list) else None
