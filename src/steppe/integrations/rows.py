"""What a row of the table of optimized integrations says (`table.py` has the rows, `table_driven.py` carries them out).

Members have the names that a state machine uses: the API's own, capitalised. A *place* says where a value is found:
"Arguments.JobName" in the task's parameters, "Started.Tasks.0.TaskArn" in the answer of the operation that began the
job, "Token" is the task's own idempotency token; any other text stands for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from steppe.base.jsonvalue import JsonValue

Document: TypeAlias = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One API behind an optimized integration.

    Attributes:
        api: botocore's name.
        prefix: of error names ("ECS").
        java: as causes name it ("AmazonECS").
        exception: the general exception, when it is not `java` + "Exception".
    """

    api: str
    prefix: str
    java: str
    exception: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How a `.sync` task waits for what it began.

    Attributes:
        describe: the operation to look with, and its parameters (member to place).
        ids: the member of `describe` that takes a list of `id`s; "" when it takes one job.
        id: place of the job's id, with `ids`.
        found: the member of the answer that holds the job, or the list of jobs with `ids`; "" for the whole answer.
        found_id: the member of a found job that is its id, with `ids`.
        status: path of the job's status within what was found.
        running: statuses of a job that goes on.
        succeeded: statuses of one that ended well; every other one is a failure.
        good: a further condition on what was found for it to have ended well.
        gone: the refusal that says there is no such thing any more is the good end (a deletion).
        wrap: the result holds what was found in this member; "" for the thing itself.
        added: members of the result beside it (member to place).
        stop: the operation that stops the job, and its parameters; None when there is none.
        refused: parameters that the `.sync` form does not take.
        batch_max: jobs one look can be about.
    """

    describe: tuple[str, Mapping[str, str]]
    status: str
    running: frozenset[str]
    succeeded: frozenset[str]
    found: str = ""
    ids: str = ""
    id: str = ""
    found_id: str = ""
    good: Callable[[Document], bool] | None = None
    gone: bool = False
    wrap: str = ""
    added: Mapping[str, str] = field(default_factory=dict)
    stop: tuple[str, Mapping[str, str]] | None = None
    refused: tuple[str, ...] = ()
    batch_max: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action of an optimized integration.

    Attributes:
        service: key of the table of services.
        operation: of the API; "" when it is the action, capitalised.
        sent: changes parameters to what the API takes (the task's parameters, whether it is a job); None for none.
        idempotent_by: the member that makes a repeated call harmless where the model does not say so; "" for none.
        answered: changes the answer to what the state sees (the answer, whether the task waits for more); None for
            none. Raises Fault for an answer that is a failure.
        job: None when the action has no `.sync`.
    """

    service: str
    operation: str = ""
    sent: Callable[[Document, bool], Document] | None = None
    idempotent_by: str = ""
    answered: Callable[[Document, bool], Document] | None = None
    job: Job | None = None


def find(document: JsonValue, path: str) -> JsonValue:
    """The value at a dotted path of members and indices; None where the path leads nowhere."""
    value = document
    for part in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def fill(places: Mapping[str, str], *, arguments: JsonValue, started: JsonValue, token: str = "") -> Document:
    """Parameters from their places; a member whose place is empty is left out. A place in "[...]" makes a list."""
    filled: Document = {}
    for member, place in places.items():
        many = place.startswith("[")
        value = _value(place.strip("[]"), arguments, started, token)
        if value is not None:
            filled[member] = [value] if many else value
    return filled


def _value(place: str, arguments: JsonValue, started: JsonValue, token: str) -> JsonValue:
    root, _, path = place.partition(".")
    if root == "Arguments":
        return find(arguments, path)
    if root == "Started":
        return find(started, path)
    return token if place == "Token" else place
