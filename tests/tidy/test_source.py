"""Rules on the source that neither the linter nor the import contracts can say. They only read the code."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCE = CHECKOUT / "src" / "steppe"

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70

LONG_FILES: dict[str, int] = {}
"""Files above the limit and their accepted length. A ratchet: entries shrink or go, none is added."""

LONG_FUNCTIONS: dict[str, int] = {}
"""Functions above the limit ("file::name") and their length. The same ratchet."""

PURE_PACKAGES = ("base", "expr", "asl", "interp")
PURE_FILES = ("maprun/ledger.py", "maprun/batcher.py")
BANNED_IN_PURE = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "open",
    "input",
    "print",
    "eval",
    "exec",
}

BROAD_EXCEPT = {
    "runtime/driver.py": "an execution never takes the engine down: the error is stored in it",
    "runtime/dispatch.py": "a task always answers: what its integration raised by mistake fails the task",
    "services/app.py": "every request gets an answer: the error becomes the protocol's InternalError",
    "stores/database.py": "the writer's thread hands every error to the one who asked",
    "executors/job_host.py": "the worker loop hands every error to who submitted the job",
    "executors/frames.py": "what a foreign exception raises when it is pickled is not for us to list",
}
"""Where `except Exception` may stand, and why. Elsewhere it may only put things in order and raise again."""

ANY_ALLOWED = {"base/jsonvalue.py"}


def _files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def _pure_files() -> list[Path]:
    return [f for f in _files() if _name(f).split("/")[0] in PURE_PACKAGES or _name(f) in PURE_FILES]


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Every function with its dotted name and its lines, from `def` to the last line, decorators left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, (node.end_lineno or node.lineno) - node.lineno + 1
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _functions(node, prefix + node.name + ".")
        else:
            yield from _functions(node, prefix)


def _check_ratchet(found: dict[str, int], accepted: dict[str, int], limit: int) -> None:
    grown = {k: v for k, v in found.items() if v > accepted.get(k, limit)}
    assert not grown, f"longer than {limit} lines: {grown}"
    stale = {
        k: f"accepted {v}, is {found.get(k, f'at most {limit}')}" for k, v in accepted.items() if found.get(k) != v
    }
    assert not stale, f"the list of exceptions must shrink with the code: {stale}"


def test_no_file_is_longer_than_the_limit() -> None:
    lengths = {_name(f): len(f.read_text().splitlines()) for f in _files()}
    _check_ratchet({k: v for k, v in lengths.items() if v > FILE_LINES_MAX}, LONG_FILES, FILE_LINES_MAX)


def test_no_function_is_longer_than_the_limit() -> None:
    found = {
        f"{_name(f)}::{name}": lines
        for f in _files()
        for name, lines in _functions(_tree(f))
        if lines > FUNCTION_LINES_MAX
    }
    _check_ratchet(found, LONG_FUNCTIONS, FUNCTION_LINES_MAX)


def test_the_pure_ring_asks_for_no_time_and_opens_nothing() -> None:
    found = [
        f"{_name(path)}:{node.lineno}: {ast.unparse(node.func)}()"
        for path in _pure_files()
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and ".".join(ast.unparse(node.func).split(".")[-2:]) in BANNED_IN_PURE
    ]
    assert not found


def test_broad_except_stands_only_at_the_named_boundaries() -> None:
    found = [
        f"{_name(path)}:{node.lineno}"
        for path in _files()
        if _name(path) not in BROAD_EXCEPT
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises_again(node)
    ]
    assert not found


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _is_broad(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    names = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(isinstance(n, ast.Name) and n.id in ("Exception", "BaseException") for n in names)


def test_any_is_written_in_one_file_only() -> None:
    found = [
        f"{_name(path)}:{node.lineno}"
        for path in _files()
        if _name(path) not in ANY_ALLOWED
        for node in ast.walk(_tree(path))
        if (isinstance(node, ast.Name) and node.id == "Any")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in ("typing.Any", "t.Any"))
        or (isinstance(node, ast.ImportFrom) and any(a.name == "Any" for a in node.names))
    ]
    assert not found


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "examples", "docs"])
def test_an_open_task_carries_its_number(folder: str) -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{number}"
        for path in sorted((CHECKOUT / folder).rglob("*.py"))
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", line)
    ]
    assert not found, "write TODO(#123)"


def test_every_package_has_a_line_on_what_it_is() -> None:
    missing = [_name(f) for f in _files() if f.read_text().strip() and not ast.get_docstring(_tree(f))]
    assert not missing


def test_test_files_outside_packages_have_names_of_their_own() -> None:
    """pytest imports them by their bare names: two of one name cannot run together."""
    tests = CHECKOUT / "tests"
    names = [path.name for path in tests.rglob("test_*.py") if not (path.parent / "__init__.py").exists()]
    assert len(names) == len(set(names)), sorted(name for name in set(names) if names.count(name) > 1)
