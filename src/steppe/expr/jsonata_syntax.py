"""What a parsed JSONata expression refers to, found before it ever runs.

In a state there is no context item: a path must start from `$states`, from a workflow variable, or from inside another
path. The service refuses a definition that names a bare field, `$` or `$$` where there is none (its validator says
UNSUPPORTED_JSONATA_EXPRESSION), so `references` finds those, and the variables the expression reads on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from steppe.base.jsonvalue import JsonValue

_INHERITING: Final[dict[str, tuple[str, ...]]] = {
    "binary": ("lhs", "rhs"),
    "unary": ("expression", "expressions", "lhs_object"),
    "function": ("procedure", "arguments"),
    "partial": ("procedure", "arguments"),
    "lambda": ("body",),
    "condition": ("condition", "then", "_else"),
    "block": ("expressions",),
    "bind": ("rhs",),
    "apply": ("lhs", "rhs"),
}
"""By type of node, the parts that have the context item of the whole they belong to: also the body of a function."""

_WITH_CONTEXT: Final[dict[str, tuple[str, ...]]] = {
    "transform": ("pattern", "update", "delete"),
    "sort": ("terms",),
    "filter": ("expr",),
}
"""By type of node, the parts that are evaluated with a context item whatever stands around them."""


@dataclass(slots=True)
class References:
    """What an expression refers to.

    Attributes:
        variables: every `$name`, functions and names bound inside included.
        bound: names bound inside: `:=`, parameters, `@$name`, `#$name`.
        members: members of `$states` that are named directly.
        whole: whether `$states` is used as a whole, so that any member may be read.
        unsupported: names used at the top level, each once, in order; "$" and "$$" (which is nowhere) included.
    """

    variables: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    whole: bool = False
    unsupported: list[str] = field(default_factory=list)

    def refuse(self, name: str) -> None:
        """Note a name that a state does not have."""
        if name not in self.unsupported:
            self.unsupported.append(name)

    def reasons(self) -> tuple[str, ...]:
        """What the service says of the unsupported names. `$$` has a text of its own (both measured in August 2026)."""
        return tuple(
            f"Reference to '{name}' {'' if name == '$$' else 'at the top level '}is not supported."
            for name in self.unsupported
        )


def references(tree: JsonValue) -> References:
    """Walk a syntax tree of the parser."""
    found = References()
    _walk(tree, found, True)
    return found


def _walk(node: JsonValue, found: References, top: bool) -> None:
    """Walk a node; `top` says that there is no context item here."""
    kind = node.type
    if kind == "path":
        _steps(node.steps, found, top)
    elif kind == "variable":
        _variable(node.value, found, top)
    elif kind == "name":
        if top:
            found.refuse(str(node.value))
    elif kind == "bind":
        found.bound.add(node.lhs.value)
    elif kind == "lambda":
        found.bound.update(parameter.value for parameter in node.arguments)
    for attribute in _INHERITING.get(kind, ()):
        _walk_part(getattr(node, attribute), found, top)
    for attribute in _WITH_CONTEXT.get(kind, ()):
        _walk_part(getattr(node, attribute), found, False)
    # The parser hangs these on nodes of any type.
    for part in (node.predicate, node.stages):
        if part is not None:
            _walk_part(part, found, False)
    if node.group is not None:
        _walk_part(node.group.lhs_object, found, False)
    if node.focus is not None:
        found.bound.add(node.focus)
    if kind != "index" and isinstance(node.index, str):
        found.bound.add(node.index)


def _walk_part(part: JsonValue, found: References, top: bool) -> None:
    """Walk a node, or nodes in lists (the pairs of an object are lists of two), or nothing."""
    if isinstance(part, list):
        for element in part:
            _walk_part(element, found, top)
    elif part is None:
        return
    elif part.type is None:
        _walk_part(part.expression, found, top)  # a term of an order-by
    else:
        _walk(part, found, top)


def _steps(steps: list[JsonValue], found: References, top: bool) -> None:
    first, *rest = steps
    direct = first.type == "variable" and first.value == "states" and bool(rest) and rest[0].type == "name"
    if direct and first.predicate is None and first.stages is None:
        found.variables.add("states")
        found.members.add(rest[0].value)
    else:
        _walk(first, found, top)
    for step in rest:
        _walk(step, found, False)


def _variable(name: str, found: References, top: bool) -> None:
    if name == "$":
        found.refuse("$$")
    elif name == "":
        if top:
            found.refuse("$")
    else:
        found.variables.add(name)
        found.whole = found.whole or name == "states"
