"""What single rows of the table add to parameters, and make of answers. Each is named in the row that needs it."""

from __future__ import annotations

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonError, JsonValue, dumps, loads
from steppe.integrations.rows import Document

_MANAGED = ("MANAGED_BY_AWS", "STARTED_BY_STEP_FUNCTIONS")
"""Name and value of the mark that Step Functions leaves on what it starts (seen in published job descriptions)."""


def batch_environment(arguments: Document, _job: bool) -> Document:
    """AWS Batch: a mark in the container's environment, as AWS leaves it."""
    overrides = arguments.get("ContainerOverrides", {})
    others = ("NodeOverrides", "EksPropertiesOverride", "EcsPropertiesOverride")
    if not isinstance(overrides, dict) or any(name in arguments for name in others):
        return arguments
    environment = overrides.get("Environment", [])
    if not isinstance(environment, list):
        return arguments
    marked = [*environment, {"Name": _MANAGED[0], "Value": _MANAGED[1]}]
    return arguments | {"ContainerOverrides": overrides | {"Environment": marked}}


def ecs_started_by(arguments: Document, job: bool) -> Document:
    """Amazon ECS: who started the task of a job (recorded in September 2026)."""
    return arguments | {"StartedBy": "AWS Step Functions"} if job else arguments


def ecs_failures(answer: Document, waits: bool) -> Document:
    """A task that was not placed fails a job or a callback; request and response shows it (same recordings)."""
    if waits and answer.get("Failures"):
        raise Fault("AmazonECS.Unknown", dumps(answer))
    return answer


def ecs_succeeded(task: Document) -> bool:
    """A task that stopped has ended well when it started and no container left a code other than 0."""
    codes = [container.get("ExitCode") for container in task.get("Containers", [])]
    return task.get("StopCode") != "TaskFailedToStart" and all(code in (None, 0) for code in codes)


def managed_tags(arguments: Document, _job: bool) -> Document:
    """Amazon SageMaker: a tag says who started the job."""
    tags = arguments.get("Tags", [])
    if not isinstance(tags, list):
        return arguments
    return arguments | {"Tags": [*tags, {"Key": _MANAGED[0], "Value": _MANAGED[1]}]}


def cluster_created(answer: Document, _waits: bool) -> Document:
    """Amazon EMR: a job flow is called a cluster."""
    return {"ClusterId" if name == "JobFlowId" else name: value for name, value in answer.items()}


def to_one_flow(arguments: Document, _job: bool) -> Document:
    """Amazon EMR: operations on job flows take a list, the actions one cluster."""
    rest = {name: value for name, value in arguments.items() if name != "ClusterId"}
    return rest | {"JobFlowIds": [arguments["ClusterId"]]} if "ClusterId" in arguments else arguments


def one_step(arguments: Document, _job: bool) -> Document:
    """Amazon EMR: steps are added one at a time."""
    renamed = {"ClusterId": "JobFlowId", "Step": "Steps"}
    changed = {renamed.get(name, name): value for name, value in arguments.items()}
    return changed | {"Steps": [changed["Steps"]]} if "Steps" in changed else changed


def step_started(answer: Document, _waits: bool) -> Document:
    """Amazon EMR: the one step that was added."""
    return {"StepId": (answer.get("StepIds") or [None])[0]} | _without(answer, "StepIds")


def one_cluster(arguments: Document, _job: bool) -> Document:
    """Amazon EMR: steps are cancelled one at a time."""
    return _without(arguments, "StepId") | {"StepIds": [arguments["StepId"]]} if "StepId" in arguments else arguments


def first_cancelled(answer: Document, _waits: bool) -> Document:
    """Amazon EMR: what became of the one step."""
    told: Document = (answer.get("CancelStepsInfoList") or [{}])[0]
    return told | _without(answer, "CancelStepsInfoList")


def text_details(arguments: Document, _job: bool) -> Document:
    """Amazon EventBridge: the detail of an entry is JSON text on the wire and JSON in the state."""
    entries = arguments.get("Entries")
    if not isinstance(entries, list):
        return arguments
    return arguments | {"Entries": [_text_detail(entry) for entry in entries]}


def _text_detail(entry: JsonValue) -> JsonValue:
    if not isinstance(entry, dict) or "Detail" not in entry or isinstance(entry["Detail"], str):
        return entry
    return entry | {"Detail": dumps(entry["Detail"])}


def failed_entries(answer: Document, _waits: bool) -> Document:
    """Amazon EventBridge: an entry that was not taken fails the task."""
    if answer.get("FailedEntryCount"):
        raise Fault("EventBridge.FailedEntry", dumps(answer))
    return answer


def json_body(answer: Document, _waits: bool) -> Document:
    """Amazon Bedrock: a model's answer is JSON when it says so."""
    body = answer.get("Body")
    if isinstance(body, str):
        try:
            return answer | {"Body": loads(body)}
        except JsonError:
            return answer
    return answer


def _without(document: Document, member: str) -> Document:
    return {name: value for name, value in document.items() if name != member}
