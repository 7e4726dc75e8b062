"""Reference paths: JSONPaths that name exactly one place, so that it can be written (ResultPath).

    path = compile_reference("$.order.items[0].price")
    path.write({"order": ...}, 12)   # a new document; the old one is untouched

A write copies the objects and arrays along the path only and shares everything else. Missing objects on the way are
made; an array is never made or lengthened.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import PathSyntaxError, ReferencePathConflictError
from steppe.expr.jsonpath import Path, compiled
from steppe.expr.path_syntax import Indexes, Names, parse_path
from steppe.expr.scope import Scope


@dataclass(frozen=True, slots=True)
class ReferencePath:
    """A compiled reference path.

    Attributes:
        text: as written.
        steps: member names and indexes from the root to the place; empty for `$`.
        path: the same as a JSONPath.
    """

    text: str
    steps: tuple[str | int, ...]
    path: Path = field(repr=False)

    def read(self, value: JsonValue, scope: Scope) -> JsonValue:
        """The value at the place.

        Raises:
            NoMatchError: there is no such place.
        """
        return self.path.evaluate(value, scope)

    def write(self, document: JsonValue, value: JsonValue) -> JsonValue:
        """The document with a value at the place.

        Raises:
            ReferencePathConflictError: something else than an object (for a name) or than an array with that element
                (for an index) is in the way.
        """
        if not self.steps:
            return value
        made: JsonValue = None
        holder: JsonValue = None
        key: str | int = 0
        here = document
        for position, step in enumerate(self.steps):
            copy = self._copied(document, here, step)
            if position == 0:
                made = copy
            else:
                holder[key] = copy
            holder, key = copy, step
            here = copy.get(step, _MISSING) if isinstance(copy, dict) else copy[step]
        holder[key] = value
        return made

    def _copied(self, document: JsonValue, here: JsonValue, step: str | int) -> JsonValue:
        """What stands on the way, copied so that it can be written at `step`."""
        if isinstance(step, str):
            if here is _MISSING:
                return {}
            if isinstance(here, dict):
                return here.copy()
        elif isinstance(here, list) and 0 <= step < len(here):
            return here.copy()
        raise ReferencePathConflictError(self.text, document)


_MISSING = object()


def compile_reference(text: str, *, allow_context: bool = False, allow_variables: bool = False) -> ReferencePath:
    """Compile a reference path.

    Args:
        text: names and indexes only: `$.a.b[0]['c']`.
        allow_context: whether `$$` may stand here (to read; the context object cannot be written).
        allow_variables: whether variables may stand here (to read).

    Raises:
        PathSyntaxError: it is no path, or names more than one place.
    """
    syntax = parse_path(text)
    path = compiled(text, syntax, allow_context=allow_context, allow_variables=allow_variables)
    steps: list[str | int] = []
    for segment in syntax.segments:
        match segment:
            case Names((name,)):
                steps.append(name)
            case Indexes((index,)) if index >= 0:
                steps.append(index)
            case _:
                raise PathSyntaxError(text, "a reference path names one place: members and indexes only")
    return ReferencePath(text, tuple(steps), path)
