"""What is fuzzed of `asl`: one function a target, from bytes to nothing.

Whatever the bytes make, the definition compiles or is refused with DefinitionError, soon, and every finding has its
place in the text.

    python tests/fuzz/asl_targets.py definition -max_total_time=300     libFuzzer's own options

In the suite `tests/asl/test_fuzz.py` runs each for a second (STEPPE_FUZZ_SECONDS for longer).
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["steppe.asl"]):
    from steppe.asl.choice import OPERATORS
    from steppe.asl.compile import compile_definition, compile_state
    from steppe.asl.model import STATE_KINDS, specs_of
    from steppe.asl.positions import locate
    from steppe.asl.validate import diagnose
    from steppe.base.errors import DefinitionError
    from steppe.base.jsonvalue import dumps

SECONDS_MAX = 20
"""Processor time of one input."""

FIELDS = sorted({name for kind in STATE_KINDS.values() for name in specs_of(kind)} | {"StartAt", "States", "Version"})
VALUES = (
    *("null", "true", "0", "1", "-1", "1.5", "1e400", '""', '"X"', '"$"', '"$.a"', '"$$.x"', '"$v"', '"{% $x %}"'),
    *('"{% ( %}"', '"JSONata"', '"JSONPath"', '"DISTRIBUTED"', '"STANDARD"', '"States.ALL"', '"States.UUID()"'),
    *('"arn:aws:states:::lambda:invoke"', '"arn:aws:states:::s3:getObject"', '"2026-03-14T01:59:00Z"', '"1.0"'),
    *(f'"{kind}"' for kind in STATE_KINDS),
)
TOKENS = (
    *("{", "}", "[", "]", ",", ":", " ", "\n", '"', "\\"),
    *(f'"{name}":' for name in (*FIELDS, "And", "Or", "Not", "Variable", "Condition", "X", *OPERATORS)),
    *VALUES,
    *('{"Type":"Pass","End":true}', '"States":{"X":{', '"StartAt":"X",', '"Choices":[{', '"Branches":[{'),
    *('"ItemProcessor":{', '"ProcessorConfig":{', '"ReaderConfig":{', '"ErrorEquals":["a"]', '"Next":"X"'),
)


def written(data: bytes) -> str:
    """A text made of tokens, or of the bytes themselves where the first is 0."""
    if data[:1] == b"\0":
        return data[1:].decode("utf-8", "surrogateescape")
    return "".join(TOKENS[byte % len(TOKENS)] for byte in data[1:])


class _Document:
    """Makes JSON out of bytes: each says what comes next. Well-formed, so that it gets past the reader."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        """The next byte; 0 behind the end."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def value(self, depth: int) -> str:
        """One JSON value."""
        kind = self.byte() % 8
        if kind < 2 and depth:
            return "[" + ",".join(self.value(depth - 1) for _ in range(self.byte() % 3)) + "]"
        if kind < 5 and depth:
            return self.object(FIELDS, depth)
        return VALUES[self.byte() % len(VALUES)]

    def object(self, names: list[str], depth: int) -> str:
        """An object with some of these members, and now and then another one."""
        members = {}
        for _ in range(self.byte() % 5):
            number = self.byte()
            name = names[number % len(names)] if number < 250 else "X"
            members[name] = self.states(depth - 1) if name == "States" and depth else self.value(max(depth - 1, 0))
        return "{" + ",".join(f"{dumps(name)}:{member}" for name, member in members.items()) + "}"

    def state(self, depth: int) -> str:
        """A state of one kind, with fields that the kind has."""
        kind, node = list(STATE_KINDS.items())[self.byte() % len(STATE_KINDS)]
        rest = self.object([name for name in specs_of(node) if name != "Type"], depth)[1:]
        return f'{{"Type":"{kind}"{"" if rest == "}" else ","}{rest}'

    def states(self, depth: int) -> str:
        """What stands in States."""
        names = ("X", "Y", "Z")[: 1 + self.byte() % 3]
        return "{" + ",".join(f'"{name}":{self.state(depth)}' for name in names) + "}"


def check(text: str, *, express: bool) -> None:
    """The text compiles or is refused, and its findings have places."""
    findings = diagnose(text, express=express)
    errors = [finding for finding in findings if finding.severity == "ERROR"]
    refused = None
    try:
        assert compile_definition(text, express=express).states
    except DefinitionError as error:
        refused = error.diagnostics
    assert (refused or []) == errors
    pointers = [finding.pointer for finding in findings if finding.pointer is not None]
    assert set(locate(text, pointers)) == set(pointers)
    assert all(str(finding) for finding in findings)


def text(data: bytes) -> None:
    """Any text as a definition."""
    check(written(data), express=data[:1] == b"\1")


def definition(data: bytes) -> None:
    """A definition that is JSON, with states of every kind."""
    document = _Document(data)
    express = document.byte() == 1
    check(f'{{"StartAt":"X","States":{document.states(6)},{document.object(["QueryLanguage"], 1)[1:]}', express=express)


def state(data: bytes) -> None:
    """A state by itself."""
    with contextlib.suppress(DefinitionError):
        assert compile_state(_Document(data).state(6)).states


TARGETS: dict[str, Callable[[bytes], None]] = {"text": text, "definition": definition, "state": state}


def timed(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target with its bound on time."""

    def run(data: bytes) -> None:
        began = time.process_time()
        target(data)
        assert time.process_time() - began < SECONDS_MAX, "it took too long"

    return run


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], timed(TARGETS[sys.argv[1]]))
    atheris.Fuzz()
