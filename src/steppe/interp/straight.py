"""The short cut for executions that go straight to a good end: no wait, no fault, nothing unusual on the way.

Most children of a Map Run are such: a few Pass and Choice states, then Succeed. `advance` makes of each an Execution,
a list of events, a dict an event; here one is made into the texts that will be kept of it, nothing else:

    straight = Straight(program, role_arn)
    end = straight.run(value, now_ms, begin)      # (input, output, history), or None

The history is the same, byte for byte, as what `advance` gives: all that is not data in it is known from the way that
was taken, so each way (a sequence of states) becomes a template, made at its first use, into which the texts of the
values are put. There is no second semantics: the states' own functions are called, and whatever is not the straight
good way gives None, so that `advance` says what happens: it is pure, and nothing has happened yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, NoReturn, TypeAlias, cast

from steppe.asl.program import ChoiceState, PassState, Program, State, SucceedState
from steppe.base import jsonvalue
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.expr.errors import ExpressionError
from steppe.expr.scope import Entropy, Scope
from steppe.interp import context_object, dataflow
from steppe.interp.execution import Execution
from steppe.interp.states import choice_state, pass_state, succeed_state

STATES_MAX: Final = 64
"""States on the way of one execution. A longer way (a loop) is left to `advance`, which knows when to pause."""

_NODES_MAX: Final = 4096
"""States on all ways that are remembered: a loop with a choice in it has more ways than anyone could remember."""

_WAYS_MAX: Final = 256
"""Ways that are remembered."""

Shape: TypeAlias = Callable[[JsonValue, Scope], JsonValue]
Choose: TypeAlias = Callable[[JsonValue, Scope], str | None]
Decide: TypeAlias = Callable[[JsonValue, Scope], choice_state.Decision]


class StraightEnd(NamedTuple):
    """What is kept of an execution that has succeeded: JSON texts, in UTF-8."""

    input: bytes
    output: bytes
    history: bytes


class _NeedsScope(Exception):
    """An expression asks for more than the value it is applied to."""


class _NoScope:
    """Stands for the scope as long as no expression has asked for one: most never do."""

    def __getattr__(self, name: str) -> NoReturn:
        raise _NeedsScope


_NO_SCOPE: Final = cast(Scope, _NoScope())


class _Node:
    """A state at its place on a way: the root has none before it, and each next state is a node of its own.

    Attributes:
        state: which.
        shape: gives its output; None when that is its input, or when `decide` gives it.
        choose: gives the next state of a Choice whose output is its input.
        decide: gives both of any other Choice; None in all other states, as `choose` is.
        before: the node before it.
        depth: how many are before it.
        after: the nodes after it, by state.
        template: the whole history of an execution that ends here, cut where the time stands; made at the first end.
        template_ms, filled: the template with this time in it, which is the same for many in a row.
    """

    __slots__ = ("after", "before", "choose", "decide", "depth", "filled", "shape", "state", "template", "template_ms")

    def __init__(self, state: State, before: _Node | None) -> None:
        self.state = state
        self.before = before
        self.depth: int = 0 if before is None else before.depth + 1
        self.after: dict[str, _Node] = {}
        self.shape: Shape | None = None
        self.choose: Choose | None = None
        self.decide: Decide | None = None
        self.template: Sequence[bytes] = ()
        self.template_ms = -1
        self.filled = b""
        if isinstance(state, PassState):
            self.shape = _pass_shape(state)
        elif isinstance(state, SucceedState):
            if state.output is not None or state.input_path is not None or state.output_path is not None:
                self.shape = lambda value, scope: succeed_state.shape(state, value, scope)
        else:
            assert isinstance(state, ChoiceState)
            self.choose = _choose(state)
            if self.choose is None:
                self.decide = lambda value, scope: choice_state.decide(state, value, scope)


class Straight:
    """The straight ways through a program."""

    __slots__ = ("_node_count", "_program", "_role_arn", "_root", "_scoped", "_way_count")

    def __init__(self, program: Program, role_arn: str) -> None:
        """`role_arn` is that of all its executions: it stands in their first event."""
        self._program = program
        self._role_arn = role_arn
        self._node_count = 0
        self._way_count = 0
        # JSONata sees its input through the scope; in JSONPath the first expression that asks for one tells.
        self._scoped = any(state.language == "JSONata" for state in program.states.values())
        self._root = self._node(program.start_at, None)

    @property
    def possible(self) -> bool:
        """Whether an execution can at least begin this way."""
        return self._root is not None

    def run(self, value: JsonValue, now_ms: int, begin: Callable[[], tuple[Execution, bytes]]) -> StraightEnd | None:
        """Run an execution from its input to its end.

        Args:
            value: its input.
            now_ms: the time it starts, and ends.
            begin: gives the execution before its first stimulus, and the chance of its first step. Called only when
                an expression asks for any of it.

        Returns:
            What is kept of it; None when it takes another than the straight way to a good end, or none that is known.
        """
        try:
            if not self._scoped:
                try:
                    return self._go(value, now_ms, None)
                except _NeedsScope:
                    self._scoped = True
            return self._go(value, now_ms, _Scopes(begin, now_ms))
        except (
            Fault,
            ExpressionError,
            ArithmeticError,
            AssertionError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ):
            # A fault, a value without a JSON form, or a bug of ours: `advance` comes to it again, and says what it is.
            return None

    def _go(self, value: JsonValue, now_ms: int, scopes: _Scopes | None) -> StraightEnd | None:
        node = self._root
        first = text = jsonvalue.dumpb(value)
        if len(text) > dataflow.SAFE_CHARACTERS:
            return None
        shown = jsonvalue.dumpb(text.decode())
        # The texts of the history in their order: of ExecutionStarted, then two a state, then of ExecutionSucceeded.
        texts = [shown]
        scope = _NO_SCOPE
        while node is not None:
            if scopes is not None:
                scope = scopes.of(node.state, value)
            texts.append(shown)
            output, target = value, node.state.next
            if node.shape is not None:
                output = node.shape(value, scope)
            elif node.choose is not None:
                target = node.choose(value, scope)
                if target is None:
                    return None
            elif node.decide is not None:
                target, output, _, _ = node.decide(value, scope)
            if output is not value:
                value = output
                text = jsonvalue.dumpb(value)
                if len(text) > dataflow.SAFE_CHARACTERS:
                    return None
                shown = jsonvalue.dumpb(text.decode())
            texts.append(shown)
            if target is None:
                texts.append(shown)
                if node.template_ms != now_ms and not self._fill(node, now_ms):
                    return None
                return StraightEnd(first, text, node.filled % tuple(texts))
            node = node.after.get(target) or self._node(target, node)
        return None

    def _node(self, name: str, before: _Node | None) -> _Node | None:
        """The node of a state after another; None when it is not for us."""
        state = self._program.states[name]
        if not _simple(state) or self._node_count >= _NODES_MAX or (before is not None and before.depth >= STATES_MAX):
            return None
        self._node_count += 1
        node = _Node(state, before)
        if before is not None:
            before.after[name] = node
        return node

    def _fill(self, end: _Node, now_ms: int) -> bool:
        """Make the history of the executions that end here now; False when too many ways are known already."""
        if not end.template:
            if self._way_count >= _WAYS_MAX:
                return False
            self._way_count += 1
            end.template = _template(end, self._role_arn)
        end.filled = b"%d" % now_ms
        end.filled = end.filled.join(end.template)
        end.template_ms = now_ms
        return True


class _Scopes:
    """Makes the scopes of one execution's states, as `working.Run` does."""

    __slots__ = ("_begin", "_begun", "_entropy", "_now_ms")

    def __init__(self, begin: Callable[[], tuple[Execution, bytes]], now_ms: int) -> None:
        self._begin = begin
        self._now_ms = now_ms
        self._begun, seed = begin()
        self._entropy = Entropy(seed)

    def of(self, state: State, value: JsonValue) -> Scope:
        """What the expressions of a state see."""
        return Scope(
            context=lambda: context_object.build(
                self._begun, state_name=state.name, state_type=state.type, entered_ms=self._now_ms, retry_count=0
            ),
            variables={},
            entropy=self._entropy,
            now_ms=self._now_ms,
            states={"input": value},
        )


def _simple(state: State) -> bool:
    """Whether a state is of the kinds that are dealt with here. What sets variables is not."""
    if isinstance(state, ChoiceState):
        return state.assign is None and all(rule.assign is None for rule in state.rules)
    return isinstance(state, SucceedState) or (isinstance(state, PassState) and state.assign is None)


def _pass_shape(state: PassState) -> Shape | None:
    bare = state.input_path is None and state.output_path is None and not state.has_result
    if state.language == "JSONata":
        if state.output is None:
            return None
    elif bare and state.parameters is None and state.result_path is not None and not state.result_path.steps:
        return None
    elif bare and state.parameters is not None and state.result_path is not None and not state.result_path.steps:
        return state.parameters.evaluate
    return lambda value, scope: pass_state.shape(state, value, scope)[0]


def _choose(state: ChoiceState) -> Choose | None:
    """How the target of a Choice is found whose output is its input; None for any other."""
    shaped = state.output is not None or any(rule.output is not None for rule in state.rules)
    if shaped or state.input_path is not None or state.output_path is not None:
        return None
    rules = [(rule.condition, rule.next) for rule in state.rules]

    def choose(value: JsonValue, scope: Scope) -> str | None:
        for condition, target in rules:
            if condition(value, scope):
                return target
        return state.default

    return choose


_TIME: Final = b"\0"
"""Where the time stands in a template: JSON text has no such character."""


def _template(end: _Node, role_arn: str) -> Sequence[bytes]:
    """The history of an execution that ends at a node, to be filled with `%`, cut at the times."""
    way: list[State] = []
    node: _Node | None = end
    while node is not None:
        way.append(node.state)
        node = node.before
    parts = [
        b'[{"timestamp":\0,"type":"ExecutionStarted","id":1,"previousEventId":0,"executionStartedEventDetails":'
        b'{"input":%%b,"inputDetails":{"truncated":false},"roleArn":%b}}' % _literal(role_arn)
    ]
    number = 1
    for state in reversed(way):
        name, kind = _literal(state.name), state.type.encode()
        # The first state has no cause, not ExecutionStarted: as in `advance`.
        parts.append(
            b',{"timestamp":\0,"type":"%bStateEntered","id":%d,"previousEventId":%d,"stateEnteredEventDetails":'
            b'{"name":%b,"input":%%b,"inputDetails":{"truncated":false}}}'
            b',{"timestamp":\0,"type":"%bStateExited","id":%d,"previousEventId":%d,"stateExitedEventDetails":'
            b'{"name":%b,"output":%%b,"outputDetails":{"truncated":false}}}'
            % (kind, number + 1, number if number > 1 else 0, name, kind, number + 2, number + 1, name)
        )
        number += 2
    parts.append(
        b',{"timestamp":\0,"type":"ExecutionSucceeded","id":%d,"previousEventId":%d,"executionSucceededEventDetails":'
        b'{"output":%%b,"outputDetails":{"truncated":false}}}]' % (number + 1, number)
    )
    return b"".join(parts).split(_TIME)


def _literal(text: str) -> bytes:
    """A text as JSON, to stand in a template."""
    return jsonvalue.dumpb(text).replace(b"%", b"%%")
