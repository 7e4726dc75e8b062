"""What may stand in a Task's Resource.

    arn:aws:states:::<service>:<api>[.sync|.sync:2|.waitForTaskToken]       an optimised integration
    arn:aws:states:::aws-sdk:<service>:<api>[.waitForTaskToken]             any AWS API
    arn:aws:lambda:<region>:<account>:function:<name>[:<version or alias>]
    arn:aws:states:<region>:<account>:activity:<name>

`parse_resource` is the only place where such a text is taken apart. Which APIs are optimised, and in which patterns, is
a table after the Developer Guide's page "Integrating services" (September 2026). What an AWS API takes is not known
here: `CallCheck` is the port to who knows. Whether steppe can reach a service is not asked at all: that is known when
the task runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias, cast

from steppe.base.jsonvalue import JsonValue

Pattern: TypeAlias = Literal["", "sync", "sync:2", "waitForTaskToken"]


@dataclass(frozen=True, slots=True)
class Resource:
    """What the Resource of a service integration names.

    Attributes:
        sdk: an `aws-sdk:` action; else an optimised integration.
        service: as written, in lower case for `aws-sdk` ("s3", "sfn", "dynamodb").
        action: as written: camelCase ("copyObject").
        pattern: "" is request-response.
    """

    sdk: bool
    service: str
    action: str
    pattern: Pattern

    @property
    def name(self) -> str:
        """For messages: `aws-sdk:s3:copyObject` or `athena:startQueryExecution.sync`."""
        prefix, dot = "aws-sdk:" if self.sdk else "", "." if self.pattern else ""
        return f"{prefix}{self.service}:{self.action}{dot}{self.pattern}"


class CallCheck(Protocol):
    """Knows what the AWS APIs are, and what each takes."""

    def exists(self, resource: Resource) -> bool:
        """Whether the API has this action; True when it is not known."""
        ...

    def problems(self, resource: Resource, parameters: Mapping[str, JsonValue], *, jsonata: bool) -> list[str]:
        """What the service would say of these parameters when the state machine is created: its texts, in its order.

        Args:
            resource: what is called.
            parameters: Parameters or Arguments as written, with their expressions.
            jsonata: whether expressions are `{% %}` texts; else they stand in members whose names end in `.$`.
        """
        ...


_ONCE: Final = frozenset({""})
_JOB: Final = frozenset({"", "sync"})
_TOKEN: Final = frozenset({"", "waitForTaskToken"})
_JOB_OR_TOKEN: Final = _JOB | _TOKEN

OPTIMISED: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "apigateway": {"invoke": _TOKEN},
    "athena": {
        "startQueryExecution": _JOB,
        "stopQueryExecution": _ONCE,
        "getQueryExecution": _ONCE,
        "getQueryResults": _ONCE,
    },
    "batch": {"submitJob": _JOB_OR_TOKEN},
    "bedrock": {"invokeModel": _TOKEN, "createModelCustomizationJob": _JOB},
    "codebuild": {
        "startBuild": _JOB,
        "stopBuild": _ONCE,
        "batchDeleteBuilds": _ONCE,
        "batchGetReports": _ONCE,
        "startBuildBatch": _JOB,
        "stopBuildBatch": _ONCE,
        "retryBuildBatch": _JOB,
        "deleteBuildBatch": _ONCE,
    },
    "databrew": {"startJobRun": _JOB},
    "dynamodb": {"getItem": _ONCE, "putItem": _ONCE, "updateItem": _ONCE, "deleteItem": _ONCE},
    "ecs": {"runTask": _JOB_OR_TOKEN},
    "eks": {
        "call": _ONCE,
        "runJob": _JOB_OR_TOKEN,
        "createCluster": _JOB,
        "deleteCluster": _JOB,
        "createFargateProfile": _JOB,
        "deleteFargateProfile": _JOB,
        "createNodegroup": _JOB,
        "deleteNodegroup": _JOB,
    },
    "elasticmapreduce": {
        "createCluster": _JOB,
        "terminateCluster": _JOB,
        "addStep": _JOB,
        "cancelStep": _ONCE,
        "setClusterTerminationProtection": _ONCE,
        "modifyInstanceFleetByName": _ONCE,
        "modifyInstanceGroupByName": _ONCE,
    },
    "emr-containers": {"createVirtualCluster": _ONCE, "deleteVirtualCluster": _JOB, "startJobRun": _JOB},
    "emr-serverless": {
        "createApplication": _JOB,
        "startApplication": _JOB,
        "stopApplication": _JOB,
        "deleteApplication": _JOB,
        "startJobRun": _JOB,
        "cancelJobRun": _JOB,
    },
    "events": {"putEvents": _TOKEN},
    "glue": {"startJobRun": _JOB},
    "http": {"invoke": _ONCE},
    "lambda": {"invoke": _TOKEN},
    "mediaconvert": {"createJob": _JOB},
    "sagemaker": {
        "createEndpoint": _ONCE,
        "createEndpointConfig": _ONCE,
        "createHyperParameterTuningJob": _JOB,
        "createLabelingJob": _JOB,
        "createModel": _ONCE,
        "createProcessingJob": _JOB,
        "createTrainingJob": _JOB,
        "createTransformJob": _JOB,
        "updateEndpoint": _ONCE,
    },
    "sns": {"publish": _TOKEN},
    "sqs": {"sendMessage": _TOKEN},
    "states": {"startExecution": frozenset({"", "sync", "sync:2", "waitForTaskToken"})},
}
"""Service -> API -> patterns it has."""

_INTEGRATION = re.compile(
    r"arn:[^:]+:states:::(?P<sdk>aws-sdk:)?(?P<service>[^:]+):(?P<action>[A-Za-z0-9]+)"
    r"(?:\.(?P<pattern>sync|sync:2|waitForTaskToken))?"
)
_SDK_NAMES = re.compile(r"[a-z0-9-]+:[a-z][A-Za-z0-9]*")
_LAMBDA = re.compile(r"arn:[^:]+:lambda:[^:]+:[^:]+:function:[^:]+(:[^:]+)?")
_ACTIVITY = re.compile(r"arn:[^:]+:states:[^:]+:[^:]+:activity:[^:]+")


def parse_resource(arn: str) -> Resource | None:
    """Take the ARN of a service integration apart; None for any other text."""
    found = _INTEGRATION.fullmatch(arn)
    if found is None or (found["sdk"] and not _SDK_NAMES.fullmatch(f"{found['service']}:{found['action']}")):
        return None
    pattern = cast("Pattern", found["pattern"] or "")  # the expression takes no other
    return Resource(bool(found["sdk"]), found["service"], found["action"], pattern)


def is_activity(resource: str) -> bool:
    """Whether a Resource is the ARN of an activity."""
    return bool(_ACTIVITY.fullmatch(resource))


def refusal(arn: str, *, express: bool, calls: CallCheck | None = None) -> str | None:
    """Why a Resource cannot stand in a Task, in the service's words; None when it can.

    Args:
        arn: as written.
        express: whether the Task is in an Express state machine (or in an Express child execution), where nothing can
            be waited for that outlasts a call.
        calls: knows the AWS APIs; without it every `aws-sdk` action is taken.
    """
    if not arn.startswith("arn:"):
        return "Value is not a valid resource ARN"
    if is_activity(arn):
        return "Express state machine does not support Activity ARN" if express else None
    if _LAMBDA.fullmatch(arn):
        return None
    resource = parse_resource(arn)
    if resource is None or not _has_pattern(resource) or (calls is not None and not calls.exists(resource)):
        reason = "The value is not a valid resource ARN, or the resource is not available in this region."
        return f"The resource provided {arn} is not recognized. {reason}"
    if express and resource.pattern:
        # Recorded in October 2025: the text about task tokens ends in a blank, that about jobs does not.
        end = " " if resource.pattern == "waitForTaskToken" else ""
        return f"Express state machine does not support '.{resource.pattern}' service integration{end}"
    return None


def _has_pattern(resource: Resource) -> bool:
    """Whether the service can be waited for in this way."""
    known = _TOKEN if resource.sdk else OPTIMISED.get(resource.service, {}).get(resource.action, ())
    return resource.pattern in known
