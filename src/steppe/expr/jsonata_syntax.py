"""What a parsed JSONata expression refers to, found before it ever runs.

In a state there is no context item: a path must start from `$states`, from a workflow variable, or from inside another
path. The service refuses a definition that names a bare field, `$` or `$$` where there is none (its validator says
UNSUPPORTED_JSONATA_EXPRESSION), so `references` finds those, and the variables the expression reads on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from steppe.base.jsonvalue import JsonValue

_WITH_CONTEXT = ("predicate", "stages", "group", "terms", "pattern", "update", "delete")
"""Parts that are evaluated with a context item whatever stands around them."""

_INHERITING = (
    *("lhs", "rhs", "expressions", "arguments", "procedure", "body", "condition", "then", "_else"),
    *("lhs_object", "rhs_object", "expression", "expr"),
)
"""Parts that have the context item of the whole they belong to."""


@dataclass(slots=True)
class References:
    """What an expression refers to.

    Attributes:
        variables: every `$name`, functions and names bound inside included.
        bound: names bound inside: `:=`, parameters, `@$name`, `#$name`.
        members: members of `$states` that are named directly.
        whole: whether `$states` is used as a whole, so that any member may be read.
        unsupported: names used at the top level, in order; "$" and "$$" included.
    """

    variables: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    whole: bool = False
    unsupported: list[str] = field(default_factory=list)


def references(tree: JsonValue) -> References:
    """Walk a syntax tree of the parser."""
    found = References()
    _walk(tree, found, top=True)
    return found


def _walk(node: JsonValue, found: References, *, top: bool) -> None:
    """Walk a node, or nodes in lists and tuples; `top` says that there is no context item here."""
    if isinstance(node, list | tuple):
        for element in node:
            _walk(element, found, top=top)
        return
    kind = getattr(node, "type", None)
    if node is None or isinstance(node, str | int | float) or kind == "operator":
        return
    if kind == "variable":
        _variable(node.value, found, top=top)
    elif kind == "name" and top:
        found.unsupported.append(node.value)
    if kind == "bind":
        found.bound.add(node.lhs.value)
    elif kind == "lambda":
        found.bound.update(parameter.value for parameter in node.arguments)
    for name in (getattr(node, "focus", None), getattr(node, "index", None)):
        if isinstance(name, str):
            found.bound.add(name)
    steps = getattr(node, "steps", None)
    if steps:
        _steps(steps, found, top=top)
    for attribute in _INHERITING:
        _walk(getattr(node, attribute, None), found, top=top)
    for attribute in _WITH_CONTEXT:
        _walk(getattr(node, attribute, None), found, top=False)


def _steps(steps: list[JsonValue], found: References, *, top: bool) -> None:
    first, *rest = steps
    direct = first.type == "variable" and first.value == "states" and bool(rest) and rest[0].type == "name"
    if direct and not getattr(first, "predicate", None) and not getattr(first, "stages", None):
        found.variables.add("states")
        found.members.add(rest[0].value)
    else:
        _walk(first, found, top=top)
    _walk(rest, found, top=False)


def _variable(name: str, found: References, *, top: bool) -> None:
    if name == "$" or (name == "" and top):
        found.unsupported.append(f"${name}")
    elif name == "states":
        found.variables.add(name)
        found.whole = True
    elif name:
        found.variables.add(name)
