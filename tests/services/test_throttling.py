"""Token buckets: of each operation its own, full at the start, filled again as time goes by."""

import contextlib

import pytest

from steppe.base.errors import ApiError
from steppe.services.throttling import Throttle, ThrottleSettingError


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def taken(throttle: Throttle, operation: str, times: int) -> int:
    count = 0
    for _ in range(times):
        with contextlib.suppress(ApiError):
            throttle.take(operation)
            count += 1
    return count


def test_a_bucket_is_emptied_and_filled_again() -> None:
    clock = Clock()
    throttle = Throttle({"StartExecution": "3/2", "*": "1/0.5"}, now=clock)
    assert taken(throttle, "StartExecution", 5) == 3
    clock.seconds += 1
    assert taken(throttle, "StartExecution", 5) == 2
    clock.seconds += 1000
    assert taken(throttle, "StartExecution", 5) == 3
    assert [taken(throttle, name, 2) for name in ("TagResource", "StopExecution")] == [1, 1]
    clock.seconds += 2
    assert taken(throttle, "TagResource", 2) == 1


def test_what_is_not_named_is_not_throttled() -> None:
    assert taken(Throttle({"StartExecution": "1/1"}), "ListExecutions", 1000) == 1000


@pytest.mark.parametrize(
    "text", ["", "3", "3/", "/3", "a/b", "0/1", "1/0", "-1/1", "nan/1", "1/inf", "1e99/1", "3/2/1"]
)
def test_a_bucket_that_is_not_written_as_one_is_refused(text) -> None:
    with pytest.raises(ThrottleSettingError, match="SIZE/PER_SECOND"):
        Throttle({"StartExecution": text})
