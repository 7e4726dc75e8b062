"""GetCallerIdentity, which clients ask for the account's number."""

from __future__ import annotations

from steppe.base.jsonvalue import JsonValue
from steppe.wire.request import Operations, Request


def sts_operations(*, account: str) -> Operations:
    """The operations by API name.

    Args:
        account: the account that owns everything here.
    """

    async def get_caller_identity(request: Request) -> dict[str, JsonValue]:
        return {"Arn": f"arn:aws:iam::{account}:root", "UserId": account, "Account": account}

    return {"GetCallerIdentity": get_caller_identity}
