"""Names as the `aws-sdk` integrations spell them: those of the AWS SDK for Java 2, capitalised.

The service models spell `ETag`, `MD5OfMessageBody`, `stateMachineArn`; a state machine sees `ETag`,
`Md5OfMessageBody`, `StateMachineArn`. The rule is the Java SDK's: the leading run of capitals is lowered up to the one
that begins a word, then the first letter is raised (observed: `Md5OfMessageBody`, `ChecksumCRC32`, `ETag`).
"""

from __future__ import annotations

import functools
import re

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ServiceModel

# Java package names that are not the service's name in botocore without its hyphens.
_BOTOCORE_NAMES = {
    "applicationdiscovery": "discovery",
    "cloudwatchevents": "events",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "costandusagereport": "cur",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "directory": "ds",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "elasticsearch": "es",
    "eventbridge": "events",
    "iotdataplane": "iot-data",
    "iotjobsdataplane": "iot-jobs-data",
    "lexmodelbuilding": "lex-models",
    "lexmodelsv2": "lexv2-models",
    "lexruntime": "lex-runtime",
    "lexruntimev2": "lexv2-runtime",
    "marketplaceentitlement": "marketplace-entitlement",
    "marketplacemetering": "meteringmarketplace",
    "migrationhub": "mgh",
    "pinpointsmsvoice": "sms-voice",
    "serverlessapplicationrepository": "serverlessrepo",
    "sfn": "stepfunctions",
    "simpledb": "sdb",
}


@functools.lru_cache(maxsize=16_384)
def member_name(api_name: str) -> str:
    """A member's name as a state machine sees it."""
    cut = 1
    while cut < len(api_name) and api_name[cut].isupper() and not api_name[cut + 1 : cut + 2].islower():
        cut += 1
    lowered = api_name[:cut].lower() + api_name[cut:]
    return lowered[:1].upper() + lowered[1:]


def capitalised(api_name: str) -> str:
    """A member's name in an optimized integration (the AWS SDK for Java 1): `MD5OfMessageBody`, `JobId`."""
    return api_name[:1].upper() + api_name[1:]


def exception_name(error_shape: str) -> str:
    """The Java exception class of a modelled error: `NoSuchKey` is `NoSuchKeyException`."""
    name = error_shape[:1].upper() + error_shape[1:]
    if name.endswith("Exception"):
        return name
    return (name.removesuffix("Fault") if name.endswith("Fault") else name) + "Exception"


def pascal(service_id: str) -> str:
    """A service id as a Java class name: "DynamoDB" is `DynamoDb`, "CloudWatch Logs" is `CloudWatchLogs`."""
    spaced = re.sub(r"[^A-Za-z0-9]+", " ", service_id)
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])", " ", spaced)
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", spaced)
    spaced = re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", spaced)
    return "".join(word.lower().capitalize() for word in spaced.split())


@functools.cache
def _loader() -> Loader:
    return Loader()


@functools.cache
def service_model(botocore_name: str) -> ServiceModel | None:
    """The service's published model; None when there is no such service."""
    try:
        return ServiceModel(_loader().load_service_model(botocore_name, "service-2"), botocore_name)
    except UnknownServiceError:
        return None


@functools.cache
def botocore_name(java_name: str) -> str | None:
    """Botocore's name of the service that `aws-sdk:<java_name>:` names; None when there is none."""
    known = _BOTOCORE_NAMES.get(java_name)
    if known:
        return known
    for name in _loader().list_available_services("service-2"):
        if name.replace("-", "") == java_name:
            return str(name)
    return None
