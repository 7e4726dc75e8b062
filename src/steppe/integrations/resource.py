"""The Resource of a Task that is about to be called; `steppe.asl.resources` takes it apart."""

from __future__ import annotations

from steppe.asl.resources import Pattern, Resource, parse_resource
from steppe.base.errors import Fault

__all__ = ["Pattern", "Resource", "parse"]


def parse(arn: str) -> Resource:
    """Take a Resource ARN apart.

    Raises:
        Fault: States.Runtime; a kind of resource that steppe cannot call (the definition is refused earlier if it is
            malformed).
    """
    resource = parse_resource(arn)
    if resource is None:
        raise Fault("States.Runtime", f"The resource {arn} is not supported by steppe yet.")
    return resource
