"""Read choice rules: which operators a rule may have is the table of `choice`."""

from __future__ import annotations

from typing import Final

from steppe.asl.choice import OPERATORS, Operator
from steppe.asl.fields import INVALID, expression, reference, wrong_type
from steppe.asl.model import ChoiceTest, Comparison, Condition, Junction, Negation
from steppe.asl.place import Place
from steppe.base import timestamps
from steppe.base.jsonvalue import JsonValue

RULE_DEPTH_MAX: Final = 50
"""Rules within And, Or and Not; ours, so that no definition can exhaust the stack."""

_HEADS: Final = ("And", "Or", "Not", "Variable", "Condition")

_TYPES: Final[dict[str, JsonValue]] = {"STRING": str, "NUMBER": int | float, "BOOLEAN": bool, "TIMESTAMP": str}


def parse_choice_rule(value: dict[str, JsonValue], place: Place) -> tuple[ChoiceTest | None, dict[str, JsonValue]]:
    """Split an entry of Choices into its test and its other fields (Next, Assign, Output, Comment).

    Returns:
        The test, or None when it was wrong and has been reported; and the other fields as written.
    """
    rest = {name: member for name, member in value.items() if name not in OPERATORS and name not in _HEADS}
    test = {name: member for name, member in value.items() if name not in rest}
    return _test(test, place, 1), rest


def _nested(value: JsonValue, place: Place, depth: int) -> ChoiceTest | None:
    """A rule inside And, Or or Not: a test and nothing else, but for a comment."""
    if not isinstance(value, dict):
        wrong_type(place, "[OBJECT]")
        return None
    if depth > RULE_DEPTH_MAX:
        place.error(f"Choice rules are nested deeper than {RULE_DEPTH_MAX} levels", "TOO_DEEPLY_NESTED")
        return None
    known = {name: member for name, member in value.items() if name in OPERATORS or name in _HEADS}
    for name in value:
        if name not in known and name != "Comment":
            place.error_of(name, f"Field '{name}' is not supported")
    return _test(known, place, depth)


def _test(value: dict[str, JsonValue], place: Place, depth: int) -> ChoiceTest | None:
    heads = [name for name in _HEADS if name in value]
    language_errors = _other_language(value, place)
    if language_errors:
        return None
    if len(heads) != 1:
        place.error(f"The object must have only one of the following fields, [{', '.join(_HEADS)}]")
        return None
    head, member = heads[0], value[heads[0]]
    inner = place.at(head)
    if head == "Condition":
        return _condition(member, inner)
    if head == "Variable":
        return _comparison(value, place)
    for name in value:
        if name != head:
            place.error_of(name, f"Field '{name}' is not supported")
    if head == "Not":
        negated = _nested(member, inner, depth + 1)
        return None if negated is None else Negation(negated)
    if not isinstance(member, list):
        wrong_type(inner, "[ARRAY]")
        return None
    if not member:
        inner.error("Value cannot be empty")
        return None
    tests = [_nested(element, inner.at(index), depth + 1) for index, element in enumerate(member)]
    good = tuple(test for test in tests if test is not None)
    if len(good) < len(tests):
        return None
    return Junction("And" if head == "And" else "Or", good)


def _other_language(value: dict[str, JsonValue], place: Place) -> bool:
    """Report the fields that only the other query language has."""
    wrong = [name for name in value if (name == "Condition") != (place.language == "JSONata")]
    other = "JSONata" if place.language == "JSONPath" else "JSONPath"
    for name in wrong:
        message = f"The QueryLanguage is set to '{place.language}', but field '{name}' is only supported for the "
        place.error_of(name, f"{message}'{other}' QueryLanguage")
    return bool(wrong)


def _condition(value: JsonValue, place: Place) -> ChoiceTest | None:
    if isinstance(value, bool):
        return Condition(value, place.field)
    if not isinstance(value, str):
        wrong_type(place, "[STRING]")
        return None
    compiled = expression(value, place)
    return None if compiled is INVALID else Condition(compiled, place.field)


def _comparison(value: dict[str, JsonValue], place: Place) -> ChoiceTest | None:
    names = [name for name in value if name != "Variable"]
    variable = reference(value["Variable"], place.at("Variable"))
    if len(names) != 1:
        listed = f"[{', '.join(OPERATORS)}]"
        if names:
            place.error(f"There should only be one of the following fields: {listed}")
        else:
            place.error(f"This object should have only one of the following fields: {listed}")
        return None
    operator = OPERATORS[names[0]]
    operand = _operand(operator, value[operator.name], place.at(operator.name))
    if variable is INVALID or operand is INVALID:
        return None
    return Comparison(variable, operator.name, operand)


def _operand(operator: Operator, value: JsonValue, place: Place) -> JsonValue:
    if operator.from_path:
        return reference(value, place)
    number = operator.operand == "NUMBER"
    if not isinstance(value, _TYPES[operator.operand]) or (number and isinstance(value, bool)):
        return wrong_type(place, "[STRING]" if operator.operand == "TIMESTAMP" else f"[{operator.operand}]")
    if operator.operand == "TIMESTAMP" and not timestamps.is_strict(value):
        place.error("String does not match RFC3339 timestamp")
        return INVALID
    return value
