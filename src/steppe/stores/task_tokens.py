"""Task tokens: which task of which execution a token stands for, and which tasks of activities wait for a worker.

A row is written with the step of the execution that gives the task out, and stays: a token whose task is over is told
from one that never was. Only a digest of the token is kept. Whether a task still waits is said by its execution alone;
`queued` only says whether a worker may be sent there. An activity's tasks are handed out in the order of their rows.

Children of Map Runs are not executions of the store: they may be lost with their worker process and run again, and come
to the same task with the same token. What they were told about their tasks is kept here, to be told again.

All functions take a connection and are used inside `Database.read` or `Database.write`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from steppe.base import jsonvalue
from steppe.base.jsonvalue import JsonValue
from steppe.stores.tables import task_tokens

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token that is given out; `queued` for an activity's task, which waits for a worker then."""

    token: str
    execution_arn: str
    command_key: str
    resource: str
    queued: bool


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What a token stands for: the task `command_key` of an execution, and the task's Resource."""

    id: int
    execution_arn: str
    command_key: str
    resource: str


def insert_tokens(c: sa.Connection, tokens: Sequence[NewToken]) -> None:
    """Keep tokens. One that is there already stays as it is."""
    values = [
        {
            "digest": _digest(token.token),
            "execution_arn": token.execution_arn,
            "command_key": token.command_key,
            "resource": token.resource,
            "queued": token.queued,
        }
        for token in tokens
    ]
    c.execute(_INSERT, values)


def find_token(c: sa.Connection, token: str) -> TokenRecord | None:
    """What a token stands for; None when it was never given out here."""
    row = c.execute(_FIND, {"wanted": _digest(token)}).first()
    return None if row is None else TokenRecord(*row)


def queued_tasks(c: sa.Connection, activity_arn: str, *, limit: int) -> list[TokenRecord]:
    """The tasks of an activity that wait for a worker, the oldest first."""
    return [TokenRecord(*row) for row in c.execute(_QUEUED, {"activity": activity_arn, "most": limit})]


def leave_queue(c: sa.Connection, execution_arn: str, command_key: str) -> None:
    """A worker has taken the task, or nobody wants it any more. Nothing happens to one that is not queued."""
    c.execute(_LEAVE, {"arn": execution_arn, "key": command_key})


@dataclass(frozen=True, slots=True)
class ChildTask:
    """What is known of a child's task: what the child was told about it, in order, and whether it is over."""

    told: list[JsonValue]
    over: bool


def insert_child_task(c: sa.Connection, token: NewToken) -> ChildTask:
    """Keep the token of a child's task, or find it as an earlier run of the child left it."""
    insert_tokens(c, [token])
    task = _child_task(c, {"wanted": _digest(token.token)})
    if token.queued and not task.told and not task.over:
        c.execute(_QUEUE, {"wanted": _digest(token.token)})
    return task


def tell_child_task(c: sa.Connection, token: str, entry: JsonValue, *, over: bool) -> bool:
    """Keep what a child is told about a task; False, and nothing is kept, when the task is over.

    Args:
        c: the connection.
        token: the task's.
        entry: any JSON value but None; None keeps nothing.
        over: whether this ends the task.
    """
    return _tell(c, {"wanted": _digest(token)}, entry, over=over)


def answer_child_task(c: sa.Connection, token_id: int, entry: JsonValue) -> bool:
    """As `tell_child_task`, by the row of the token: what the task is answered with."""
    digest = c.execute(sa.select(_t.digest).where(_t.id == token_id)).scalar_one()
    return _tell(c, {"wanted": digest}, entry, over=True)


def is_over(c: sa.Connection, token_id: int) -> bool:
    """Whether a child's task is over."""
    return bool(c.execute(sa.select(_t.over).where(_t.id == token_id)).scalar())


def _tell(c: sa.Connection, wanted: dict[str, bytes], entry: JsonValue, *, over: bool) -> bool:
    task = _child_task(c, wanted)
    if task.over:
        return False
    told = task.told if entry is None else [*task.told, entry]
    c.execute(_TELL, {**wanted, "new_told": jsonvalue.dumps(told), "new_over": over})
    return True


def _child_task(c: sa.Connection, wanted: dict[str, bytes]) -> ChildTask:
    told, over = c.execute(_CHILD, wanted).one()
    return ChildTask(jsonvalue.loads(told), over)


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


_t = task_tokens.c
_COLUMNS = (_t.id, _t.execution_arn, _t.command_key, _t.resource)
# The literal, not a parameter: only then can the planner use the partial indexes.
_IS_QUEUED = _t.queued == sa.literal_column("1")
_INSERT = insert(task_tokens).on_conflict_do_nothing(index_elements=["digest"])
_FIND = sa.select(*_COLUMNS).where(_t.digest == sa.bindparam("wanted"))
_QUEUED = (
    sa.select(*_COLUMNS)
    .where(_t.resource == sa.bindparam("activity"), _IS_QUEUED)
    .order_by(_t.id)
    .limit(sa.bindparam("most"))
)
_CHILD = sa.select(_t.told, _t.over).where(_t.digest == sa.bindparam("wanted"))
_QUEUE = sa.update(task_tokens).where(_t.digest == sa.bindparam("wanted")).values(queued=True)
_TELL = (
    sa.update(task_tokens)
    .where(_t.digest == sa.bindparam("wanted"))
    .values(queued=False, told=sa.bindparam("new_told"), over=sa.bindparam("new_over"))
)
_LEAVE = (
    sa.update(task_tokens)
    .where(_t.execution_arn == sa.bindparam("arn"), _t.command_key == sa.bindparam("key"), _IS_QUEUED)
    .values(queued=False)
)
