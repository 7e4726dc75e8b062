"""A pytest plugin that lets jsonata-python's own tests run through steppe's evaluator instead of the library's.

It stands in for `jsonata.Jsonata` in a pytest of its own (`test_jsonata_upstream.py` starts it) and does nothing when
it is imported elsewhere. Time is virtual: the suite sleeps to see that the clock moves.
"""

from __future__ import annotations

import re
import time

import jsonata

from steppe.expr.errors import JsonataError, JsonataSyntaxError
from steppe.expr.jsonata import UNDEFINED, compile_jsonata
from steppe.expr.jsonata_functions import NULL, with_nulls
from steppe.expr.scope import Entropy, Scope

CODE = re.compile(r"\. ([STD]\d{4}): (.*)", re.DOTALL)
Library = jsonata.Jsonata
now_ms = [1_700_000_000_000]


class Steppe(Library):
    """The library's interface over steppe's evaluator."""

    def __init__(self, text, regex_engine=None):
        try:
            self.compiled = compile_jsonata(text, context_item=True)
        except JsonataSyntaxError as error:
            raise jsonata.JException(error.reason, -1) from None
        self.variables = {}
        self.convert = True

    def evaluate(self, input, bindings=None):
        given = getattr(bindings, "bindings", bindings) or {}
        scope = Scope(dict, {**self.variables, **given}, Entropy(b"upstream"), now_ms[0])
        try:
            item = UNDEFINED if input is None else None if input is NULL else _without_nulls(input)
            result = self.compiled.evaluate(item, scope)
        except JsonataError as error:
            if error.undefined:
                return None
            coded = CODE.search(error.outcome)
            failure = jsonata.JException("", -1)
            failure.error = coded.group(1) if coded else error.outcome
            failure.args = (error.outcome,)
            raise failure from None
        return result if self.convert else with_nulls(result)

    def register_lambda(self, name, implementation):
        self.variables[name] = Library.JLambda(implementation)

    def register_function(self, name, function):
        self.variables[name] = function

    def set_output_convert_nulls(self, output_convert_nulls):
        self.convert = output_convert_nulls

    def is_output_convert_nulls(self):
        return self.convert

    def set_validate_input(self, validate_input):
        pass


def _without_nulls(value):
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_without_nulls(element) for element in value]
    return None if value is NULL else value


def _sleep(seconds):
    now_ms[0] += int(seconds * 1000)


def pytest_configure(config):
    """Put both in place before the suite is imported."""
    jsonata.Jsonata = Steppe
    time.sleep = _sleep
