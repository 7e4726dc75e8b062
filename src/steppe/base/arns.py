"""ARNs of Step Functions: build them, take them apart.

One small class per resource kind that the API exposes. Athena's and S3's ARNs are made where they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from steppe.base.errors import ApiError


@dataclass(frozen=True, slots=True)
class Realm:
    """Whose account and where: the parts that all ARNs of one server share."""

    partition: str = "aws"
    region: str = "us-east-1"
    account: str = "000000000000"

    def state_machine(self, name: str) -> str:
        """`arn:aws:states:<region>:<account>:stateMachine:<name>`; the name of a Map Run's is `<machine>/<label>`."""
        return f"{self._prefix}:stateMachine:{name}"

    def execution(self, machine_name: str, name: str) -> str:
        """ARN of a Standard execution; for a child of a Map Run the machine is `<machine>/<label>`."""
        return f"{self._prefix}:execution:{machine_name}:{name}"

    def express(self, machine_name: str, name: str, run_id: str) -> str:
        """ARN of an Express execution: nine parts, the last one a UUID."""
        return f"{self._prefix}:express:{machine_name}:{name}:{run_id}"

    def map_run(self, machine_name: str, label: str, run_id: str) -> str:
        """ARN of a Map Run."""
        return f"{self._prefix}:mapRun:{machine_name}/{label}:{run_id}"

    def activity(self, name: str) -> str:
        """ARN of an activity."""
        return f"{self._prefix}:activity:{name}"

    @property
    def _prefix(self) -> str:
        return f"arn:{self.partition}:states:{self.region}:{self.account}"


@dataclass(frozen=True, slots=True)
class StatesArn:
    """An ARN of Step Functions, taken apart.

    Attributes:
        realm: partition, region and account.
        kind: "stateMachine", "execution", "express", "mapRun", "activity".
        machine_name: the state machine's (or activity's) name, without label.
        label: of the Distributed Map, where the ARN has one; else None.
        name: execution name, Map Run id, or version/alias of a state machine; None when the ARN ends before it.
        run_id: the last UUID of an Express execution; else None.
    """

    realm: Realm
    kind: str
    machine_name: str
    label: str | None = None
    name: str | None = None
    run_id: str | None = None


def parse(arn: str) -> StatesArn:
    """Take an ARN apart.

    Raises:
        ApiError: InvalidArn, with AWS's text.
    """
    parts = arn.split(":")
    if len(parts) < 7 or parts[0] != "arn" or parts[2] != "states" or not parts[5] or not parts[6] or len(parts) > 9:
        raise invalid(arn)
    kind, resource, rest = parts[5], parts[6], parts[7:]
    most = {"stateMachine": 1, "execution": 1, "express": 2, "mapRun": 1, "activity": 0}.get(kind)
    if most is None or len(rest) > most:
        raise invalid(arn)
    machine_name, _, label = resource.partition("/")
    return StatesArn(
        realm=Realm(parts[1], parts[3], parts[4]),
        kind=kind,
        machine_name=machine_name,
        label=label or None,
        name=rest[0] if rest else None,
        run_id=rest[1] if len(rest) > 1 else None,
    )


def expect(arn: str, *kinds: str) -> StatesArn:
    """Take an ARN apart that must be of one of `kinds`.

    Raises:
        ApiError: InvalidArn.
    """
    parsed = parse(arn)
    if parsed.kind not in kinds:
        raise ApiError("InvalidArn", f"Invalid Arn: 'Resource type not valid in this context: {parsed.kind}'")
    return parsed


def invalid(arn: str) -> ApiError:
    """The refusal of a text that is no ARN, or not of the wanted kind."""
    prefix = "" if arn.startswith("arn:") else "Invalid ARN prefix: "
    return ApiError("InvalidArn", f"Invalid Arn: '{prefix}{arn}'")
