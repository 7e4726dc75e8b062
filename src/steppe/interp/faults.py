"""Retry and Catch: which entry takes a fault, how long a retry waits, what a Catch is given.

Rules (Amazon States Language, Developer Guide "Handling errors", and recorded cases):

* entries are tried in order; the first whose ErrorEquals names the fault takes it, each retrier with its own counter;
* `States.ALL` matches every error but States.DataLimitExceeded; that one must be named;
* `States.TaskFailed` matches every error but States.Timeout and States.DataLimitExceeded;
* `States.HeartbeatTimeout` matches a missed heartbeat, which is a States.Timeout in every other respect;
* States.Runtime is never looked at (`Fault.catchable`);
* a retrier that is used up takes the fault all the same, and leaves it to Catch: MaxAttempts 0 keeps an error from a
  later retrier for States.ALL (the use that the CDK's reference names for it).
"""

from __future__ import annotations

from typing import NamedTuple

from steppe.asl.program import Catcher, Retrier
from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.expr.scope import Entropy

ALL = "States.ALL"
TASK_FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"

DELAY_SECONDS_MAX = 31_536_000
"""A year: no delay is longer than an execution can be. Keeps a large BackoffRate from growing without bound."""


class HeartbeatFault(Fault):
    """A task was silent for longer than its HeartbeatSeconds; it reads States.Timeout, as recorded in 2024."""

    def __init__(self) -> None:
        super().__init__(TIMEOUT, None)


class Retry(NamedTuple):
    """A retry that may be made.

    Attributes:
        retrier: its index.
        attempt: how many it has made before.
    """

    retrier: int
    attempt: int


def place(state_name: str, entered_event: int) -> str:
    """What the service puts in front of the cause of its own errors."""
    return f"An error occurred while executing the state '{state_name}' (entered at the event id #{entered_event}). "


def matches(errors: tuple[str, ...], fault: Fault) -> bool:
    """Whether an ErrorEquals names a fault."""
    name = fault.error
    if name is not None and name in errors:
        return True
    if isinstance(fault, HeartbeatFault) and HEARTBEAT_TIMEOUT in errors:
        return True
    if name == DATA_LIMIT_EXCEEDED:
        return False
    return ALL in errors or (TASK_FAILED in errors and name != TIMEOUT)


def find_retry(retriers: tuple[Retrier, ...], attempts: tuple[int, ...], fault: Fault) -> Retry | None:
    """The retry that the first retrier which takes a fault has left; None when it has none, or nothing takes it.

    Args:
        retriers: of the state.
        attempts: retries made by each; empty when none was made.
        fault: what happened.
    """
    for index, retrier in enumerate(retriers):
        if matches(retrier.errors, fault):
            attempt = attempts[index] if attempts else 0
            return Retry(index, attempt) if attempt < retrier.max_attempts else None
    return None


def find_catcher(catchers: tuple[Catcher, ...], fault: Fault) -> Catcher | None:
    """The first catcher that takes a fault."""
    for catcher in catchers:
        if matches(catcher.errors, fault):
            return catcher
    return None


def delay_ms(retrier: Retrier, attempt: int, entropy: Entropy) -> int:
    """How long to wait before a retry.

    Args:
        retrier: interval, backoff, limit, jitter.
        attempt: retries made before: 0 for the first.
        entropy: for JitterStrategy FULL, which waits anything from nothing to the full delay.
    """
    longest = DELAY_SECONDS_MAX if retrier.max_delay_seconds is None else retrier.max_delay_seconds
    try:
        seconds = min(retrier.interval_seconds * retrier.backoff_rate**attempt, longest)
    except OverflowError:
        seconds = longest
    if retrier.jitter_full:
        seconds *= entropy.random()
    return int(seconds * 1000)


def error_output(fault: Fault) -> JsonValue:
    """What Catch is given. Both members are always there: a timeout has `"Cause": ""` (production logs of 2022)."""
    return {"Error": fault.error or "", "Cause": fault.cause or ""}
