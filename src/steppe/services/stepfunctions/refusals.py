"""The refusals that several operations share, with AWS's texts.

Source: recorded cases and observations of 2023 to September 2026. A text that was never seen is marked.
"""

from __future__ import annotations

from collections.abc import Iterable

from steppe.base.errors import ApiError


def machine_missing(arn: str) -> ApiError:
    """No such state machine, version or alias."""
    return ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def machine_deleting(arn: str) -> ApiError:
    """The machine is being deleted (text not seen)."""
    return ApiError("StateMachineDeleting", f"State Machine is being deleted: '{arn}'")


def machine_type() -> ApiError:
    """The operation is not for machines of this type."""
    return ApiError("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")


def execution_missing(arn: str) -> ApiError:
    """No such execution."""
    return ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def resource_missing(arn: str) -> ApiError:
    """No such alias, Map Run or tagged resource."""
    return ApiError("ResourceNotFound", f"Resource not found: '{arn}'", fields={"resourceName": arn})


def invalid(text: str, *, reason: str | None = None) -> ApiError:
    """What the shapes allow and the meaning does not."""
    return ApiError("ValidationException", text, fields={} if reason is None else {"reason": reason})


def labeled(arn: str) -> ApiError:
    """An ARN of a Distributed Map state where the machine's own is wanted (text not seen)."""
    return invalid(f"The operation does not support labeled ARNs: '{arn}'", reason="API_DOES_NOT_SUPPORT_LABELED_ARNS")


def definition(diagnostics: Iterable[object]) -> ApiError:
    """A definition with errors: all of them in one text."""
    return ApiError("InvalidDefinition", f"Invalid State Machine Definition: '{', '.join(map(str, diagnostics))}'")
