"""SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat: how a task's worker, or whoever was given its token, answers.

Order of the refusals, observed in September 2026: a token that was never given out here, then an output that is no
JSON, then a task that is over. An answer is given when what came of it is durable.
"""

from __future__ import annotations

import sqlalchemy as sa

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonError, JsonValue, loads
from steppe.base.quotas import PAYLOAD_BYTES_MAX
from steppe.interp.stimulus import Stimulus, TaskFailed, TaskHeartbeat, TaskSucceeded
from steppe.services.stepfunctions import refusals
from steppe.services.stepfunctions.ports import Parts
from steppe.stores import activities, task_tokens
from steppe.stores.task_tokens import TokenRecord
from steppe.wire.request import Request


async def send_task_success(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """End a task with an output."""
    text = request.input["output"]
    if len(text) * 4 > PAYLOAD_BYTES_MAX and len(text.encode("utf-8", "surrogatepass")) > PAYLOAD_BYTES_MAX:
        rule = f"Member must have length less than or equal to {PAYLOAD_BYTES_MAX}"
        raise refusals.invalid(f"1 validation error detected: Value at 'output' failed to satisfy constraint: {rule}")
    token = await _token(parts, request)
    try:
        output = loads(text)
    except JsonError:
        raise ApiError("InvalidOutput", f"Invalid Output: '{text}' is not valid JSON.") from None
    return await _answer(parts, token, TaskSucceeded(token.command_key, output))


async def send_task_failure(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """End a task with an error."""
    token = await _token(parts, request)
    members = request.input
    return await _answer(parts, token, TaskFailed(token.command_key, members.get("error"), members.get("cause")))


async def send_task_heartbeat(parts: Parts, request: Request) -> dict[str, JsonValue]:
    """Say that a task goes on: its heartbeat's deadline starts anew."""
    token = await _token(parts, request)
    return await _answer(parts, token, TaskHeartbeat(token.command_key))


async def _token(parts: Parts, request: Request) -> TokenRecord:
    """What the token stands for.

    Raises:
        ApiError: InvalidToken: it is none of ours; TaskDoesNotExist: it is of an activity that was deleted (text not
            seen; the model says "The activity does not exist").
    """

    def find(c: sa.Connection) -> tuple[TokenRecord | None, bool]:
        found = task_tokens.find_token(c, request.input["taskToken"])
        lost = found is not None and ":activity:" in found.resource
        return found, lost and found is not None and activities.get_activity(c, found.resource) is None

    token, lost = parts.database.look(find)
    if token is None:
        raise ApiError("InvalidToken", "Invalid Token: 'Invalid token'")
    if lost:
        raise ApiError("TaskDoesNotExist", f"Task Does Not Exist: '{token.resource}'")
    return token


async def _answer(parts: Parts, token: TokenRecord, stimulus: Stimulus) -> dict[str, JsonValue]:
    if await parts.engine.answer_task(token, stimulus):
        return {}
    # Observed for activities in September 2026; the other text is what users of callbacks report, up to July 2026.
    what = token.resource if ":activity:" in token.resource else "Provided task does not exist anymore"
    raise ApiError("TaskTimedOut", f"Task Timed Out: '{what}'")
