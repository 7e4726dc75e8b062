"""What a field of the Amazon States Language may hold: one small value per kind of rule.

`model` says with these which field takes what; `fields` applies them. They hold no code, so that a table of all fields
can be printed from the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """A string. `choices`: the only ones allowed, when not empty."""

    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextOrExpression:
    """A string; in JSONata it may be a `{% %}` expression."""

    path_field: str


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a range, both ends included; None: no end.

    Attributes:
        whole: whether only integers will do.
        computed: whether JSONata may give a `{% %}` expression instead.
    """

    minimum: int | float | None = None
    maximum: int | float | None = None
    whole: bool = True
    computed: bool = True


@dataclass(frozen=True, slots=True)
class Timestamp:
    """An RFC 3339 time; in JSONata it may be a `{% %}` expression."""


@dataclass(frozen=True, slots=True)
class Path:
    """A JSONPath that is read.

    Attributes:
        nullable: whether null may stand here.
        reference: whether it must name one single place.
        context: whether it may start at the context object.
        intrinsic: whether a States.* call may stand here.
    """

    nullable: bool = False
    reference: bool = False
    context: bool = True
    intrinsic: bool = False


@dataclass(frozen=True, slots=True)
class ResultPath:
    """A reference path that is written, or null."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload template: JSON with expressions in it.

    Attributes:
        only_object: whether anything but an object is refused (in JSONata an expression may always stand for it).
        literal_array: whether an array may stand here too, although `only_object`.
    """

    only_object: bool = True
    literal_array: bool = False


@dataclass(frozen=True, slots=True)
class Variables:
    """Assign: an object from variable name to value."""


@dataclass(frozen=True, slots=True)
class Json:
    """Any JSON value, taken as it is."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of strings, at least one."""


@dataclass(frozen=True, slots=True)
class ErrorNames:
    """ErrorEquals: a list of error names, at least one."""


@dataclass(frozen=True, slots=True)
class Block:
    """An object described by a class of `model`."""

    kind: type


@dataclass(frozen=True, slots=True)
class Blocks:
    """A list of such objects. `empty`: whether it may have none."""

    kind: type
    empty: bool = False


@dataclass(frozen=True, slots=True)
class States:
    """States: an object from state name to state, at least one."""


@dataclass(frozen=True, slots=True)
class ChoiceRules:
    """Choices: a list of choice rules, at least one."""


Rule: TypeAlias = (
    Text
    | TextOrExpression
    | Flag
    | Number
    | Timestamp
    | Path
    | ResultPath
    | Payload
    | Variables
    | Json
    | Texts
    | ErrorNames
    | Block
    | Blocks
    | States
    | ChoiceRules
)
