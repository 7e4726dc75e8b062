"""The syntax tree of a state machine: one frozen dataclass per kind of state and per block.

The declaration is the schema. Each attribute says with `spec` which field it comes from, what may stand there
(`rules`), and in which query language the field exists. `parse` reads the declarations; so does anything that wants a
list of all fields.

Expressions are held compiled (`Source`, `Filled`): a text that cannot be compiled is an error of the definition, so it
has to be compiled to know. A field that is wrong is left at its default, and the error is in the diagnostics.
"""

# ruff: noqa: RUF009 - `spec` is `dataclasses.field` with its metadata filled in: each call makes a new field.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Final, Literal, TypeAlias

from steppe.asl import rules
from steppe.asl.diagnostics import Pointer
from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import MAP_ITEMS_MAX, PAYLOAD_BYTES_MAX, WAIT_SECONDS_MAX
from steppe.expr.reference_path import ReferencePath
from steppe.expr.scope import Expression
from steppe.expr.template import Template

QueryLanguage: TypeAlias = Literal["JSONPath", "JSONata"]


class Absent(Enum):
    """The type of ABSENT."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""What an attribute holds when its field is not there and null would mean something else."""


@dataclass(frozen=True, slots=True)
class Source:
    """A field that is computed.

    Attributes:
        text: as written, without `{%` and `%}`.
        expression: gives the value.
        variables: names of the workflow variables it reads.
    """

    text: str
    expression: Expression
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filled:
    """A field that is a template.

    Attributes:
        document: as written.
        template: compiled.
        variables: names of the workflow variables it reads.
    """

    document: JsonValue
    template: Template
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """What `spec` says of a field.

    Attributes:
        attribute: of the dataclass; name: of the field in the definition.
        only: the query language in which the field exists; None for both.
    """

    attribute: str
    name: str
    rule: rules.Rule
    required: bool
    only: QueryLanguage | None


def spec(
    name: str,
    rule: rules.Rule,
    *,
    required: bool = False,
    only: QueryLanguage | None = None,
    default: JsonValue = None,
) -> JsonValue:
    """Declare an attribute: the field it comes from and what may stand there."""
    return field(default=default, metadata={"spec": (name, rule, required, only)})


def specs_of(kind: type[Node]) -> Mapping[str, Spec]:
    """The fields that a block may have, by their name in the definition, in the order of declaration."""
    known = _SPECS.get(kind)
    if known is None:
        declared = (f for f in fields(kind) if "spec" in f.metadata)
        known = _SPECS[kind] = {f.metadata["spec"][0]: Spec(f.name, *f.metadata["spec"]) for f in declared}
    return known


_SPECS: Final[dict[type[Node], Mapping[str, Spec]]] = {}
_TEXT = rules.Text()
_PAYLOAD = rules.Payload()
_ANY_PAYLOAD = rules.Payload(only_object=False)
_NUMBER_PATH = rules.Path(reference=True)
_MAP_NUMBER_PATH = rules.Path(reference=True, context=False)
_SECONDS = rules.Number(1, WAIT_SECONDS_MAX)
_LANGUAGES = rules.Text(("JSONPath", "JSONata"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What every block has: where it stands, and perhaps a comment."""

    pointer: Pointer
    comment: str | None = spec("Comment", _TEXT)


# Error handling


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier(Node):
    """One entry of Retry."""

    error_equals: tuple[str, ...] | None = spec("ErrorEquals", rules.ErrorNames(), required=True)
    interval_seconds: int | None = spec("IntervalSeconds", rules.Number(0, WAIT_SECONDS_MAX, computed=False))
    max_attempts: int | None = spec("MaxAttempts", rules.Number(0, WAIT_SECONDS_MAX, computed=False))
    backoff_rate: float | None = spec("BackoffRate", rules.Number(1.0, whole=False, computed=False))
    max_delay_seconds: int | None = spec("MaxDelaySeconds", rules.Number(1, 31_622_400, computed=False))
    jitter_strategy: str | None = spec("JitterStrategy", rules.Text(("NONE", "FULL")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Catcher(Node):
    """One entry of Catch. `result_path` is null to discard the error output."""

    error_equals: tuple[str, ...] | None = spec("ErrorEquals", rules.ErrorNames(), required=True)
    next: str | None = spec("Next", _TEXT, required=True)
    result_path: ReferencePath | Absent | None = spec("ResultPath", rules.ResultPath(), only="JSONPath", default=ABSENT)
    assign: Filled | None = spec("Assign", rules.Variables())
    output: Filled | None = spec("Output", _ANY_PAYLOAD, only="JSONata")


# Choice rules. They have no declarations: which operator may stand in a rule is the table of `choice`.


@dataclass(frozen=True, slots=True)
class Comparison:
    """A Variable against an operator's operand: a literal, or the Source of a `...Path` operator."""

    variable: Source
    operator: str
    operand: JsonValue


@dataclass(frozen=True, slots=True)
class Junction:
    """And, Or: in this order, no further than needed."""

    operator: Literal["And", "Or"]
    tests: tuple[ChoiceTest, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """Not."""

    test: ChoiceTest


@dataclass(frozen=True, slots=True)
class Condition:
    """JSONata's Condition: a literal or an expression. `field`: how messages name it."""

    value: bool | Source
    field: str


ChoiceTest: TypeAlias = Comparison | Junction | Negation | Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRule(Node):
    """One entry of Choices. `test` is None when it was wrong."""

    test: ChoiceTest | None = None
    next: str | None = spec("Next", _TEXT, required=True)
    assign: Filled | None = spec("Assign", rules.Variables())
    output: Filled | None = spec("Output", _ANY_PAYLOAD, only="JSONata")


# States


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Node):
    """What every kind of state has. A state whose Type is unknown is a bare State."""

    name: str
    language: QueryLanguage
    type: str | None = spec("Type", _TEXT, required=True)
    query_language: str | None = spec("QueryLanguage", _LANGUAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped(State):
    """A state whose input and output can be shaped."""

    input_path: Source | Absent | None = spec("InputPath", rules.Path(nullable=True), only="JSONPath", default=ABSENT)
    output_path: Source | Absent | None = spec("OutputPath", rules.Path(nullable=True), only="JSONPath", default=ABSENT)
    output: Filled | None = spec("Output", _ANY_PAYLOAD, only="JSONata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Shaped):
    """A state that goes on to one other, or ends, and may set variables."""

    assign: Filled | None = spec("Assign", rules.Variables())
    next: str | None = spec("Next", _TEXT)
    end: bool | None = spec("End", rules.Flag())


@dataclass(frozen=True, slots=True, kw_only=True)
class Resulting(Step):
    """A state with a result of its own that is put into its input."""

    parameters: Filled | None = spec("Parameters", _PAYLOAD, only="JSONPath")
    result_path: ReferencePath | Absent | None = spec("ResultPath", rules.ResultPath(), only="JSONPath", default=ABSENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallible(Resulting):
    """A state that can fail and be tried again."""

    result_selector: Filled | None = spec("ResultSelector", _PAYLOAD, only="JSONPath")
    retry: tuple[Retrier, ...] = spec("Retry", rules.Blocks(Retrier, empty=True), default=())
    catch: tuple[Catcher, ...] = spec("Catch", rules.Blocks(Catcher, empty=True), default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass(Resulting):
    """Pass."""

    result: JsonValue = spec("Result", rules.Json(), only="JSONPath", default=ABSENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeed(Shaped):
    """Succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(State):
    """Fail."""

    error: str | Source | None = spec("Error", rules.TextOrExpression("ErrorPath"))
    error_path: Source | None = spec("ErrorPath", rules.Path(reference=True, intrinsic=True), only="JSONPath")
    cause: str | Source | None = spec("Cause", rules.TextOrExpression("CausePath"))
    cause_path: Source | None = spec("CausePath", rules.Path(reference=True, intrinsic=True), only="JSONPath")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Shaped):
    """Choice. `assign` and `output` belong to Default."""

    choices: tuple[ChoiceRule, ...] = spec("Choices", rules.ChoiceRules(), required=True, default=())
    default: str | None = spec("Default", _TEXT)
    assign: Filled | None = spec("Assign", rules.Variables())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Step):
    """Wait."""

    seconds_path: Source | None = spec("SecondsPath", _NUMBER_PATH, only="JSONPath")
    seconds: int | Source | None = spec("Seconds", rules.Number(0, WAIT_SECONDS_MAX))
    timestamp_path: Source | None = spec("TimestampPath", _NUMBER_PATH, only="JSONPath")
    timestamp: str | Source | None = spec("Timestamp", rules.Timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Fallible):
    """Task."""

    resource: str | None = spec("Resource", _TEXT, required=True)
    arguments: Filled | None = spec("Arguments", _PAYLOAD, only="JSONata")
    credentials: Filled | None = spec("Credentials", _PAYLOAD)
    timeout_seconds: int | Source | None = spec("TimeoutSeconds", _SECONDS)
    timeout_seconds_path: Source | None = spec("TimeoutSecondsPath", _NUMBER_PATH, only="JSONPath")
    heartbeat_seconds: int | Source | None = spec("HeartbeatSeconds", _SECONDS)
    heartbeat_seconds_path: Source | None = spec("HeartbeatSecondsPath", _NUMBER_PATH, only="JSONPath")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow(Node):
    """States and where to start among them: a branch of Parallel."""

    start_at: str | None = spec("StartAt", _TEXT, required=True)
    states: Mapping[str, State] = spec("States", rules.States(), required=True, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel(Fallible):
    """Parallel."""

    arguments: Filled | None = spec("Arguments", _PAYLOAD, only="JSONata")
    branches: tuple[Flow, ...] = spec("Branches", rules.Blocks(Flow), required=True, default=())


# Map


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorConfig(Node):
    """ProcessorConfig."""

    mode: str | None = spec("Mode", rules.Text(("INLINE", "DISTRIBUTED")))
    execution_type: str | None = spec("ExecutionType", rules.Text(("STANDARD", "EXPRESS")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor(Flow):
    """ItemProcessor, or the older Iterator. `source`: the object as written."""

    source: JsonValue = None
    config: ProcessorConfig | None = spec("ProcessorConfig", rules.Block(ProcessorConfig))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderConfig(Node):
    """ReaderConfig."""

    input_type: str | None = spec("InputType", rules.Text(("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST")))
    manifest_type: str | None = spec("ManifestType", rules.Text(("S3_INVENTORY", "ATHENA_DATA")))
    transformation: str | None = spec("Transformation", rules.Text(("NONE", "LOAD_AND_FLATTEN")))
    csv_header_location: str | None = spec("CSVHeaderLocation", rules.Text(("FIRST_ROW", "GIVEN")))
    csv_headers: tuple[str, ...] | None = spec("CSVHeaders", rules.Texts())
    csv_delimiter: str | None = spec("CSVDelimiter", rules.Text(("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")))
    items_pointer: str | None = spec("ItemsPointer", _TEXT)
    max_items: int | Source | None = spec("MaxItems", rules.Number(0, MAP_ITEMS_MAX))
    max_items_path: Source | None = spec("MaxItemsPath", _MAP_NUMBER_PATH, only="JSONPath")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReader(Node):
    """ItemReader."""

    resource: str | None = spec("Resource", _TEXT, required=True)
    parameters: Filled | None = spec("Parameters", _PAYLOAD, required=True, only="JSONPath")
    arguments: Filled | None = spec("Arguments", _PAYLOAD, required=True, only="JSONata")
    config: ReaderConfig | None = spec("ReaderConfig", rules.Block(ReaderConfig))


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemBatcher(Node):
    """ItemBatcher."""

    max_items: int | Source | None = spec("MaxItemsPerBatch", rules.Number(0))
    max_items_path: Source | None = spec("MaxItemsPerBatchPath", _MAP_NUMBER_PATH, only="JSONPath")
    max_bytes: int | Source | None = spec("MaxInputBytesPerBatch", rules.Number(0, PAYLOAD_BYTES_MAX))
    max_bytes_path: Source | None = spec("MaxInputBytesPerBatchPath", _MAP_NUMBER_PATH, only="JSONPath")
    batch_input: Filled | None = spec("BatchInput", _ANY_PAYLOAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterConfig(Node):
    """WriterConfig."""

    transformation: str | None = spec("Transformation", rules.Text(("NONE", "COMPACT", "FLATTEN")))
    output_type: str | None = spec("OutputType", rules.Text(("JSON", "JSONL")))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWriter(Node):
    """ResultWriter."""

    resource: str | None = spec("Resource", _TEXT)
    parameters: Filled | None = spec("Parameters", _PAYLOAD, only="JSONPath")
    arguments: Filled | None = spec("Arguments", _PAYLOAD, only="JSONata")
    config: WriterConfig | None = spec("WriterConfig", rules.Block(WriterConfig))


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(Fallible):
    """Map, inline or distributed."""

    item_processor: Processor | None = spec("ItemProcessor", rules.Block(Processor))
    iterator: Processor | None = spec("Iterator", rules.Block(Processor))
    items_path: Source | None = spec("ItemsPath", rules.Path(reference=True), only="JSONPath")
    items: Filled | None = spec("Items", rules.Payload(literal_array=True), only="JSONata")
    item_selector: Filled | None = spec("ItemSelector", _PAYLOAD)
    item_reader: ItemReader | None = spec("ItemReader", rules.Block(ItemReader))
    item_batcher: ItemBatcher | None = spec("ItemBatcher", rules.Block(ItemBatcher))
    result_writer: ResultWriter | None = spec("ResultWriter", rules.Block(ResultWriter))
    max_concurrency: int | Source | None = spec("MaxConcurrency", rules.Number(0))
    max_concurrency_path: Source | None = spec("MaxConcurrencyPath", _MAP_NUMBER_PATH, only="JSONPath")
    tolerated_count: int | Source | None = spec("ToleratedFailureCount", rules.Number(0))
    tolerated_count_path: Source | None = spec("ToleratedFailureCountPath", _MAP_NUMBER_PATH, only="JSONPath")
    tolerated_percentage: float | Source | None = spec(
        "ToleratedFailurePercentage", rules.Number(0.0, 100.0, whole=False)
    )
    tolerated_percentage_path: Source | None = spec("ToleratedFailurePercentagePath", _MAP_NUMBER_PATH, only="JSONPath")
    label: str | None = spec("Label", _TEXT)

    @property
    def processor(self) -> Processor | None:
        """The processor, under either of its names."""
        return self.item_processor or self.iterator

    @property
    def distributed(self) -> bool:
        """Whether its items run as child executions."""
        config = self.processor.config if self.processor else None
        return config is not None and config.mode == "DISTRIBUTED"


STATE_KINDS: Final[Mapping[str, type[State]]] = {
    "Task": Task,
    "Wait": Wait,
    "Pass": Pass,
    "Succeed": Succeed,
    "Fail": Fail,
    "Choice": Choice,
    "Parallel": Parallel,
    "Map": Map,
}
"""Every kind of state by its Type, in the order in which the service lists them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine(Flow):
    """A whole definition."""

    query_language: str | None = spec("QueryLanguage", _LANGUAGES)
    timeout_seconds: int | None = spec("TimeoutSeconds", rules.Number(0, WAIT_SECONDS_MAX, computed=False))
    version: str | None = spec("Version", rules.Text(("1.0",)))
