"""Worker processes send exceptions by pickle: every one must come back with all its fields."""

from __future__ import annotations

import pickle

import pytest

from steppe.base import errors
from steppe.base.errors import ApiError, DefinitionError, Fault, InternalError, SteppeError

SAMPLES: list[SteppeError] = [
    SteppeError("text"),
    DefinitionError(["one", {"code": "two"}]),
    DefinitionError([]),
    Fault("States.Timeout"),
    Fault(None, None),
    Fault("S3.NoSuchKey", "it is gone", catchable=False),
    ApiError("NoSuchKey", "The specified key does not exist.", status=404, fields={"Key": "a"}),
    InternalError("a bug", story="while committing"),
]


@pytest.mark.parametrize("error", SAMPLES, ids=lambda e: f"{type(e).__name__}-{e}"[:40])
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_exception_survives_pickling(error: SteppeError, protocol: int) -> None:
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is type(error)
    assert again.__dict__ == error.__dict__
    assert str(again) == str(error)
    assert again.args == error.args


def test_every_exception_of_the_tree_is_among_the_samples() -> None:
    classes = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, SteppeError)}
    assert classes == {type(sample) for sample in SAMPLES}
