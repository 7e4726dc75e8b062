"""Where ResultWriter writes: its parameters, checked. What they cannot say is refused, not left out."""

from __future__ import annotations

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue


def destination(parameters: JsonValue, account: str) -> tuple[str, str]:
    """Bucket and prefix, the latter with a slash at its end unless it is empty.

    Args:
        parameters: of ResultWriter, evaluated: Bucket, and perhaps Prefix and ExpectedBucketOwner.
        account: whose buckets there are.

    Raises:
        Fault: States.ResultWriterFailed: another parameter, or one that cannot be used.
    """
    if not isinstance(parameters, dict):
        raise _failed("The parameters of ResultWriter must be an object.")
    for name in parameters:
        if name not in ("Bucket", "Prefix", "ExpectedBucketOwner"):
            raise _failed(f"The parameter {name} of ResultWriter is not supported.")
    bucket, prefix = parameters.get("Bucket"), parameters.get("Prefix", "")
    if not isinstance(bucket, str) or not isinstance(prefix, str) or not bucket:
        raise _failed("Bucket and Prefix of ResultWriter must be strings.")
    if parameters.get("ExpectedBucketOwner", account) != account:
        raise _failed("Access Denied (Service: S3, Status Code: 403, Error: AccessDenied)")
    return bucket, prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def _failed(cause: str) -> Fault:
    return Fault("States.ResultWriterFailed", cause)
