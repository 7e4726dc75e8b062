"""Task tokens: what a step of an execution changes in the table of tokens, in the transaction that keeps the step.

A token is drawn by the interpreter (`TOKEN_BYTES` of an advance's chance) and is in the execution before the call that
carries it is made, so whoever answers, at whatever time, finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from steppe.interp.command import CallTask, CancelTask, Command
from steppe.stores import task_tokens
from steppe.stores.task_tokens import NewToken


@dataclass(frozen=True, slots=True)
class TokenChanges:
    """What a step changes.

    Attributes:
        execution_arn: of the execution.
        made: tokens of the tasks that are given out.
        left: keys of tasks that wait for no worker any more.
    """

    execution_arn: str
    made: Sequence[NewToken] = ()
    left: Sequence[str] = ()

    def save(self, c: sa.Connection) -> None:
        """Write them down."""
        if self.made:
            task_tokens.insert_tokens(c, self.made)
        for key in self.left:
            task_tokens.leave_queue(c, self.execution_arn, key)


def is_activity(resource: str) -> bool:
    """Whether a task's Resource is an activity, whose tasks are fetched by workers."""
    parts = resource.split(":", 6)
    return len(parts) == 7 and parts[2] == "states" and parts[5] == "activity"


def changes_of(execution_arn: str, commands: Iterable[Command], taken: Iterable[str] = ()) -> TokenChanges:
    """The changes that a step's commands bring; `taken` are the keys of tasks that workers have taken in it."""
    made: list[NewToken] = []
    left = list(taken)
    for command in commands:
        if isinstance(command, CallTask):
            if command.task_token is not None:
                made.append(
                    NewToken(
                        token=command.task_token,
                        execution_arn=execution_arn,
                        command_key=command.key,
                        resource=command.resource,
                        queued=is_activity(command.resource),
                    )
                )
        elif isinstance(command, CancelTask):
            left.append(command.key)
    return TokenChanges(execution_arn, made, left)
