"""Logging, tracing and encryption of a state machine: what is accepted, and the defaults that are shown.

Log lines go to files or to standard output instead of CloudWatch Logs (`steppe.runtime.logs`). Tracing may be switched
on, as deploy scripts do: X-Ray headers are kept and shown, but no segments are sent anywhere, and there is no API that
would show them. KMS keys are refused by name: data that seems to be encrypted and is not is worse than a refusal.
"""

from __future__ import annotations

import re

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue

DEFAULT: dict[str, JsonValue] = {
    "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
    "tracingConfiguration": {"enabled": False},
    "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
}

MEMBERS = tuple(DEFAULT)

_LOG_GROUP = re.compile(r"arn:[^:]+:logs:[^:]*:[^:]*:log-group:")
_LOG_GROUP_NAME = re.compile(r"[-._/#A-Za-z0-9]{1,512}")


def configured(members: dict[str, JsonValue], before: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The configuration that a request leaves: what it names, and the rest as it was.

    Args:
        members: of CreateStateMachine or UpdateStateMachine.
        before: the configuration until now; `DEFAULT` for a new machine.

    Raises:
        ApiError: InvalidLoggingConfiguration, InvalidEncryptionConfiguration.
    """
    after: dict[str, JsonValue] = {name: before.get(name, DEFAULT[name]) for name in MEMBERS}
    for name in MEMBERS:
        given = members.get(name)
        if given is not None:
            after[name] = DEFAULT[name] | given
    _check_logging(after["loggingConfiguration"])
    check_encryption(after["encryptionConfiguration"])
    return after


def check_encryption(encryption: JsonValue) -> None:
    """Refuse keys of the customer.

    Raises:
        ApiError: InvalidEncryptionConfiguration.
    """
    if encryption["type"] != "AWS_OWNED_KEY":
        text = "customer managed KMS keys are not supported by steppe"
    elif encryption.get("kmsKeyId") is not None or encryption.get("kmsDataKeyReusePeriodSeconds") is not None:
        # Text not seen.
        text = "kmsKeyId and kmsDataKeyReusePeriodSeconds are for the type CUSTOMER_MANAGED_KMS_KEY"
    else:
        return
    raise ApiError("InvalidEncryptionConfiguration", f"Invalid Encryption Configuration: {text}")


def _check_logging(logging: JsonValue) -> None:
    """Texts: recorded June 2024 (number of destinations), else as a linter of CDK templates quotes them."""
    destinations = logging.get("destinations") or []
    if len(destinations) > 1 or (logging["level"] != "OFF" and not destinations):
        raise _invalid_logging("Must specify exactly one Log Destination.")
    for destination in destinations:
        arn = (destination.get("cloudWatchLogsLogGroup") or {}).get("logGroupArn")
        if not arn:
            raise _invalid_logging("Must set valid CloudWatch Log Group ARN.")
        if not _LOG_GROUP.match(arn):
            raise _invalid_logging("Provided ARN is not CloudWatch Logs Log Group ARN.")
        if not arn.endswith(":*"):
            raise _invalid_logging("Log Group ARN must be provided with '*' qualifier.")
        if not _LOG_GROUP_NAME.fullmatch(arn.split(":", 6)[6].removesuffix(":*")):
            raise _invalid_logging("Must set valid CloudWatch Log Group ARN.")


def _invalid_logging(text: str) -> ApiError:
    return ApiError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {text}")
