"""Which ErrorEquals takes which fault; what follows from it are cases of tests/cases/errors."""

from __future__ import annotations

import pytest

from steppe.base.errors import Fault
from steppe.interp import faults


@pytest.mark.parametrize(
    ("errors", "fault", "taken"),
    [
        (("States.ALL",), Fault("Any"), True),
        (("States.ALL",), Fault(None), True),
        (("States.ALL",), Fault("States.DataLimitExceeded"), False),
        (("States.DataLimitExceeded",), Fault("States.DataLimitExceeded"), True),
        (("States.TaskFailed",), Fault("Any"), True),
        (("States.TaskFailed",), Fault("States.Timeout"), False),
        (("States.Timeout",), faults.HeartbeatFault(), True),
        (("States.HeartbeatTimeout",), faults.HeartbeatFault(), True),
        (("States.HeartbeatTimeout",), Fault("States.Timeout"), False),
        (("Other", "Any"), Fault("Any"), True),
        (("Other",), Fault("Any"), False),
        ((), Fault(None), False),
    ],
)
def test_error_equals(errors, fault, taken):
    assert faults.matches(errors, fault) is taken
