"""Quotas of an account that can be set, off by default, and their refusals.

Quotas that hold always (versions and aliases of a machine, tags of a resource) stand where they are checked. The texts
of the refusals were not seen; the names of the errors are the model's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from steppe.base.errors import ApiError
from steppe.stores import activities, executions, machines


class LimitSettingError(ValueError):
    """A limit that cannot be read; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many there may be; None for any number.

    Attributes:
        state_machines: 100,000 on AWS.
        activities: 10,000 on AWS.
        open_executions: Standard executions that run, without children of Map Runs; 1,000,000 on AWS.
    """

    state_machines: int | None = None
    activities: int | None = None
    open_executions: int | None = None

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> Limits:
        """Limits out of the setting: numbers by `StateMachines`, `Activities`, `OpenExecutions`.

        Raises:
            LimitSettingError: another name, or no number.
        """
        found: dict[str, int] = {}
        for name, text in texts.items():
            member = _MEMBERS.get(name)
            if member is None:
                raise LimitSettingError(f"{name} is none of {', '.join(_MEMBERS)}")
            if not (text.isascii() and text.isdigit() and len(text) <= 12):
                raise LimitSettingError(f"{name}: {text!r} is not a number of things")
            found[member] = int(text)
        return cls(**found)

    def check_machines(self, c: sa.Connection) -> None:
        """Before one more state machine is made.

        Raises:
            ApiError: StateMachineLimitExceeded.
        """
        if self.state_machines is not None and machines.machine_count(c) >= self.state_machines:
            raise _exceeded("State Machine", "state machines", self.state_machines)

    def check_activities(self, c: sa.Connection) -> None:
        """Before one more activity is made.

        Raises:
            ApiError: ActivityLimitExceeded.
        """
        if self.activities is not None and activities.activity_count(c) >= self.activities:
            raise _exceeded("Activity", "activities", self.activities)

    def check_executions(self, c: sa.Connection) -> None:
        """Before one more Standard execution runs.

        Raises:
            ApiError: ExecutionLimitExceeded.
        """
        most = self.open_executions
        if most is not None and executions.open_count(c, most=most) >= most:
            raise _exceeded("Execution", "open executions", most)


_MEMBERS = {"StateMachines": "state_machines", "Activities": "activities", "OpenExecutions": "open_executions"}


def _exceeded(what: str, many: str, most: int) -> ApiError:
    code = f"{what.replace(' ', '')}LimitExceeded"
    return ApiError(code, f"{what} Limit Exceeded: 'The maximum number of {many} ({most}) has been reached'")
