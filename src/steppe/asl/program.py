"""Program: what the interpreter runs.

A definition is parsed (`parse`), checked (`validate`) and compiled (`compile`) once; a Program holds every path,
template and rule as a callable. Nothing in it is text that would have to be parsed again while an execution runs.

State names are unique over a whole definition (the service says so), so `Program.states` is flat: it holds the states
of Parallel branches and inline Map processors as well. A Distributed Map's processor is a Program of its own, because
its children are executions of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from steppe.base.jsonvalue import JsonValue
from steppe.expr.reference_path import ReferencePath
from steppe.expr.scope import Expression, Scope
from steppe.expr.template import Template

QueryLanguage: TypeAlias = Literal["JSONPath", "JSONata"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberField:
    """A numeric field (TimeoutSeconds, MaxConcurrency, ...) as a literal, a path, or a JSONata expression.

    Attributes:
        name: the field as written, for example "TimeoutSeconds" or "MaxItemsPath".
        text: the path or expression as written; "" for a literal.
        constant: the literal; None when it is computed.
        expression: gives the value; None for a literal. The interpreter checks kind and range, with AWS's texts.
    """

    name: str
    text: str = ""
    constant: int | float | None = None
    expression: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSource:
    """A text field as a literal, a path or intrinsic function, or a JSONata expression."""

    name: str
    text: str = ""
    constant: str | None = None
    expression: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier:
    """One entry of Retry, with defaults filled in."""

    errors: tuple[str, ...]
    interval_seconds: int = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_seconds: int | None = None
    jitter_full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Catcher:
    """One entry of Catch.

    Attributes:
        result_path: where the error output goes (JSONPath); None discards it.
        assign: variables set when it matches; output: JSONata's Output.
    """

    errors: tuple[str, ...]
    next: str
    result_path: ReferencePath | None = None
    assign: Template | None = None
    output: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What every kind of state has. `None` means the field is not there and its default holds.

    Attributes:
        input_path, output_path: JSONPath; `InputPath: null` is compiled to an expression that gives {}.
        result_path: JSONPath; None for `ResultPath: null` (keep the input). The default is the path `$`.
        parameters: JSONPath Parameters, or JSONata Arguments.
        next: the following state; None at an end (and in Choice, Succeed, Fail).
        assign: variables to set; output: JSONata's Output.
    """

    name: str
    type: str
    language: QueryLanguage
    next: str | None = None
    input_path: Expression | None = None
    output_path: Expression | None = None
    parameters: Template | None = None
    result_selector: Template | None = None
    result_path: ReferencePath | None = None
    assign: Template | None = None
    output: Template | None = None
    retriers: tuple[Retrier, ...] = ()
    catchers: tuple[Catcher, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassState(State):
    """Pass. `result` is the literal Result; `has_result` tells null from absent."""

    result: JsonValue = None
    has_result: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SucceedState(State):
    """Succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailState(State):
    """Fail. None: the field is not there."""

    error: TextSource | None = None
    cause: TextSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRule:
    """One rule: `condition(input, scope)` says whether it matches; it may raise a Fault (a path without a value)."""

    condition: Callable[[JsonValue, Scope], bool]
    next: str
    assign: Template | None = None
    output: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceState(State):
    """Choice. `default` is None when there is no Default."""

    rules: tuple[ChoiceRule, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitState(State):
    """Wait: exactly one of the two."""

    seconds: NumberField | None = None
    timestamp: TextSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState(State):
    """Task.

    Attributes:
        resource: the ARN as written.
        timeout, heartbeat: None when not set.
        credentials: the Credentials template; None when not set.
    """

    resource: str
    timeout: NumberField | None = None
    heartbeat: NumberField | None = None
    credentials: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelState(State):
    """Parallel: the first state of each branch."""

    branches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReader:
    """ItemReader of a Distributed Map.

    Attributes:
        resource: "s3:getObject" or "s3:listObjectsV2" (the part after `arn:aws:states:::`).
        parameters: template of Bucket, Key, Prefix, ...
        config: ReaderConfig as written, without MaxItems and MaxItemsPath.
        max_items: None when not set.
    """

    resource: str
    parameters: Template
    config: Mapping[str, JsonValue]
    max_items: NumberField | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemBatcher:
    """ItemBatcher. At least one of the two limits is set."""

    max_items: NumberField | None = None
    max_input_bytes: NumberField | None = None
    batch_input: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWriter:
    """ResultWriter.

    Attributes:
        parameters: template of Bucket and Prefix; None when nothing is exported.
        transformation: NONE, COMPACT or FLATTEN, with the default filled in.
        output_type: JSON or JSONL.
    """

    parameters: Template | None = None
    transformation: str = "NONE"
    output_type: str = "JSON"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapState(State):
    """Map, inline or distributed.

    Attributes:
        items: ItemsPath (JSONPath) or Items (JSONata); None for the default. `items_text` is as written.
        item_selector: ItemSelector, or the older Parameters.
        start_at: first state of an inline processor; "" when distributed.
        processor: the children's Program when distributed; None when inline.
        processor_definition: compact JSON of `StartAt` and `States` of a distributed processor.
        execution_type: STANDARD or EXPRESS children.
        label: as written, or the generated one.
    """

    items: Expression | None = None
    items_text: str = "$"
    item_selector: Template | None = None
    max_concurrency: NumberField | None = None
    start_at: str = ""
    distributed: bool = False
    processor: Program | None = None
    processor_definition: str = ""
    execution_type: str = "STANDARD"
    label: str = ""
    reader: ItemReader | None = None
    batcher: ItemBatcher | None = None
    writer: ResultWriter | None = None
    tolerated_failure_count: NumberField | None = None
    tolerated_failure_percentage: NumberField | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """A state is tested by itself: the causes of its faults do not name its place, and its context object is given.

    Attributes:
        context: what `$$` and `$states.context` name.
    """

    context: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A compiled definition.

    Attributes:
        start_at: the first state.
        states: every state by name, nested ones included, those of Distributed Map processors not.
        timeout_seconds: of the whole execution; None when not set.
        digest: names the definition: the SHA-256 of its text.
        isolation: set when one state is tested by itself (`interp.inspection`); else None.
        missing_activities: ARNs of activities that its tasks name and that do not exist now.
    """

    start_at: str
    states: Mapping[str, State]
    timeout_seconds: int | None = None
    digest: str = ""
    comment: str = ""
    variable_references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    isolation: Isolation | None = None
    missing_activities: frozenset[str] = frozenset()

    def find_map(self, state_name: str) -> MapState | None:
        """The Map of that name, wherever it is: also inside the processors of Distributed Maps. None: there is none."""
        state = self.states.get(state_name)
        if isinstance(state, MapState):
            return state
        for other in self.states.values():
            if isinstance(other, MapState) and other.processor is not None:
                found = other.processor.find_map(state_name)
                if found is not None:
                    return found
        return None
