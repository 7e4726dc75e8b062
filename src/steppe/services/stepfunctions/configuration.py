"""Logging, tracing and encryption of a state machine: what is accepted, and the defaults that are shown.

Steppe delivers no logs to CloudWatch Logs, no traces to X-Ray, and encrypts nothing with KMS keys. Asking for one of
these is refused by name: a machine that seems to log and does not is worse than one that cannot be created.
"""

from __future__ import annotations

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue

DEFAULT: dict[str, JsonValue] = {
    "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
    "tracingConfiguration": {"enabled": False},
    "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
}

MEMBERS = tuple(DEFAULT)


def configured(members: dict[str, JsonValue], before: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The configuration that a request leaves: what it names, and the rest as it was.

    Args:
        members: of CreateStateMachine or UpdateStateMachine.
        before: the configuration until now; `DEFAULT` for a new machine.

    Raises:
        ApiError: InvalidLoggingConfiguration, InvalidTracingConfiguration, InvalidEncryptionConfiguration.
    """
    after: dict[str, JsonValue] = {name: before.get(name, DEFAULT[name]) for name in MEMBERS}
    for name in MEMBERS:
        given = members.get(name)
        if given is not None:
            after[name] = DEFAULT[name] | given
    _check_logging(after["loggingConfiguration"])
    if after["tracingConfiguration"]["enabled"]:
        text = "Invalid Tracing Configuration: X-Ray tracing is not supported by steppe"
        raise ApiError("InvalidTracingConfiguration", text)
    if after["encryptionConfiguration"]["type"] != "AWS_OWNED_KEY":
        text = "Invalid Encryption Configuration: customer managed KMS keys are not supported by steppe"
        raise ApiError("InvalidEncryptionConfiguration", text)
    return after


def _check_logging(logging: JsonValue) -> None:
    if logging["level"] == "OFF":
        return
    if len(logging.get("destinations") or []) != 1:
        text = "Invalid Logging Configuration: Must specify exactly one Log Destination."
        raise ApiError("InvalidLoggingConfiguration", text)
    text = "Invalid Logging Configuration: delivery to CloudWatch Logs is not supported by steppe; use level OFF"
    raise ApiError("InvalidLoggingConfiguration", text)
