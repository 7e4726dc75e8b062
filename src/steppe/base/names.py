"""The service's rules on names."""

from __future__ import annotations

import re

from steppe.base.errors import ApiError

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
