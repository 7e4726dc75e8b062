"""Types for the ids that travel together, and the service's rules on names."""

from __future__ import annotations

import re
from typing import NewType

from steppe.base.errors import ApiError

ExecutionArn = NewType("ExecutionArn", str)
MapRunArn = NewType("MapRunArn", str)
StateMachineArn = NewType("StateMachineArn", str)

_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def check_name(name: str) -> str:
    """A name of a state machine, execution or activity: 1 to 80 characters, none of the forbidden ones.

    Raises:
        ApiError: InvalidName, with AWS's text.

    Source: API Reference, CreateStateMachine, parameter `name`.
    """
    if not 1 <= len(name) <= 80 or _FORBIDDEN.search(name):
        raise ApiError("InvalidName", f"Invalid Name: '{name}'")
    return name
