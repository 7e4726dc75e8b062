"""A Task's Resource ARN, taken apart: which service, which action, which pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from steppe.base.errors import Fault

Pattern: TypeAlias = Literal["", "sync", "sync:2", "waitForTaskToken"]

_SERVICE = re.compile(
    r"arn:[^:]+:states:[^:]*:[^:]*:(?P<sdk>aws-sdk:)?(?P<service>[A-Za-z0-9-]+):(?P<action>[A-Za-z0-9]+)"
    r"(?:\.(?P<pattern>sync|sync:2|waitForTaskToken))?"
)


@dataclass(frozen=True, slots=True)
class Resource:
    """What a Task's Resource names.

    Attributes:
        sdk: an `aws-sdk:` action; else an optimized integration.
        service: as written, in lower case for `aws-sdk` ("s3", "sfn", "dynamodb").
        action: as written: camelCase ("copyObject").
        pattern: "" is request-response.
    """

    sdk: bool
    service: str
    action: str
    pattern: Pattern

    @property
    def name(self) -> str:
        """For messages: `aws-sdk:s3:copyObject` or `athena:startQueryExecution.sync`."""
        prefix, dot = "aws-sdk:" if self.sdk else "", "." if self.pattern else ""
        return f"{prefix}{self.service}:{self.action}{dot}{self.pattern}"


def parse(arn: str) -> Resource:
    """Take a Resource ARN apart.

    Raises:
        Fault: States.Runtime; a kind of resource that steppe cannot call (the definition is refused earlier if it is
            malformed).
    """
    match = _SERVICE.fullmatch(arn)
    if not match:
        raise Fault("States.Runtime", f"The resource {arn} is not supported by steppe yet.")
    pattern = cast("Pattern", match["pattern"] or "")  # the expression takes no other
    return Resource(sdk=bool(match["sdk"]), service=match["service"], action=match["action"], pattern=pattern)
