"""What may stand in a Task's Resource.

    arn:aws:states:::<service>:<api>[.sync|.sync:2|.waitForTaskToken]       an optimised integration
    arn:aws:states:::aws-sdk:<service>:<api>[.waitForTaskToken]             any AWS API
    arn:aws:lambda:<region>:<account>:function:<name>[:<version or alias>]
    arn:aws:states:<region>:<account>:activity:<name>

Whether steppe can reach a service is not asked here: that is known when the task runs. Which APIs are optimised, and in
which patterns, is a table after the Developer Guide's page "Integrating services" (September 2026).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_ONCE: Final = frozenset({""})
_JOB: Final = frozenset({"", ".sync"})
_TOKEN: Final = frozenset({"", ".waitForTaskToken"})
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
    "states": {"startExecution": frozenset({"", ".sync", ".sync:2", ".waitForTaskToken"})},
}
"""Service -> API -> patterns it has."""

_INTEGRATION = re.compile(r"arn:[^:]+:states:::([^:]+):([A-Za-z0-9]+)(\.[A-Za-z]+(?::2)?)?")
_SDK = re.compile(r"arn:[^:]+:states:::aws-sdk:([a-z0-9-]+):([a-z][A-Za-z0-9]*)(\.waitForTaskToken)?")
_LAMBDA = re.compile(r"arn:[^:]+:lambda:[^:]+:[^:]+:function:[^:]+(:[^:]+)?")
_ACTIVITY = re.compile(r"arn:[^:]+:states:[^:]+:[^:]+:activity:[^:]+")


def is_activity(resource: str) -> bool:
    """Whether a Resource is the ARN of an activity."""
    return bool(_ACTIVITY.fullmatch(resource))


def refusal(resource: str, *, express: bool) -> str | None:
    """Why a Resource cannot stand in a Task, in the service's words; None when it can.

    Args:
        resource: as written.
        express: whether the Task is in an Express state machine (or in an Express child execution), where nothing can
            be waited for that outlasts a call.
    """
    if not resource.startswith("arn:"):
        return "Value is not a valid resource ARN"
    if is_activity(resource):
        return "Express state machine does not support Activity ARN" if express else None
    if _LAMBDA.fullmatch(resource):
        return None
    pattern = _pattern(resource)
    if pattern is None:
        reason = "The value is not a valid resource ARN, or the resource is not available in this region."
        return f"The resource provided {resource} is not recognized. {reason}"
    if express and pattern:
        # Recorded in October 2025: the text about task tokens ends in a blank, that about jobs does not.
        end = " " if pattern == ".waitForTaskToken" else ""
        return f"Express state machine does not support '{pattern}' service integration{end}"
    return None


def _pattern(resource: str) -> str | None:
    """The ending that says how the task is waited for ("" for request and response); None when it is no integration."""
    sdk = _SDK.fullmatch(resource)
    if sdk:
        return sdk.group(3) or ""
    found = _INTEGRATION.fullmatch(resource)
    if found is None:
        return None
    service, api, pattern = found.group(1), found.group(2), found.group(3) or ""
    return pattern if pattern in OPTIMISED.get(service, {}).get(api, ()) else None
