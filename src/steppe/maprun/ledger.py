"""The books of one Map Run: how many of what, whether too many failed, how many may run at once, when it is over. Pure.

Two counts stand side by side: of items, and of executions (children; a batch is one execution of several items). What
is booked has been committed; what runs is only known as grants: a shard under way may run so many children at once, and
the grants of all shards under way never add up to more than MaxConcurrency.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from steppe.base.jsonvalue import JsonValue
from steppe.base.quotas import CHILDREN_CONCURRENT_MAX


@dataclass(frozen=True, slots=True)
class Tally:
    """Ended items, or ended executions, by status."""

    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    aborted: int = 0

    @property
    def ended(self) -> int:
        """All of them."""
        return self.succeeded + self.failed + self.timed_out + self.aborted

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.succeeded + other.succeeded,
            self.failed + other.failed,
            self.timed_out + other.timed_out,
            self.aborted + other.aborted,
        )

    def __sub__(self, other: Tally) -> Tally:
        return Tally(
            self.succeeded - other.succeeded,
            self.failed - other.failed,
            self.timed_out - other.timed_out,
            self.aborted - other.aborted,
        )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """ToleratedFailureCount and ToleratedFailurePercentage; None where the definition says nothing.

    Either alone fails the run when it is passed; with neither, the first failure does. Failed and timed-out items
    count.
    """

    count: int | None = None
    percentage: float | None = None

    def allowance(self, total_items: int | None) -> int | None:
        """How many items may fail.

        Args:
            total_items: of the whole run; None while the source is being read, when a percentage says nothing yet.

        Returns:
            A number of items, or None for as many as like.
        """
        if self.count is None and self.percentage is None:
            return 0
        limits = [] if self.count is None else [self.count]
        if self.percentage is not None and total_items is not None:
            # The greatest n with n / total <= percentage / 100, without rounding it up by a float's last digit.
            n = int(total_items * self.percentage / 100) + 1
            while n * 100 > total_items * self.percentage:
                n -= 1
            limits.append(max(n, 0))
        return min(limits) if limits else None


@dataclass(frozen=True, slots=True)
class Entry:
    """What a segment adds to the books.

    Attributes:
        items, executions: that have ended.
        again_items, again_executions: of them those that a redrive ran again, by the status they had before.
        stuck_items, stuck: those that failed and cannot be redriven.
    """

    items: Tally = Tally()
    executions: Tally = Tally()
    again_items: Tally = Tally()
    again_executions: Tally = Tally()
    stuck_items: int = 0
    stuck: int = 0


@dataclass(slots=True)
class Ledger:
    """The books, kept by the coordinator.

    Attributes:
        tolerance: of the run.
        concurrency_max: MaxConcurrency; 0 for the service's own limit.
        batch_items: MaxItemsPerBatch, or 1: what tells the executions of shards that have not begun.
        items, executions: booked, each with the status it had last.
        waiting_items, waiting: of them those that wait for being redriven: they are not over yet, and do not count
            against the tolerance.
        stuck_items, stuck: those that failed and cannot be redriven.
        scanned_items, scanned_executions: found so far; the latter is a guess where batches are cut by bytes.
        scanned_all: the whole source has been read.
        grants: children that each shard under way may run at once, by its first item.
        running: children that shards under way said are running, by first item: (executions, items).
    """

    tolerance: Tolerance
    concurrency_max: int = 0
    batch_items: int = 1
    items: Tally = field(default_factory=Tally)
    executions: Tally = field(default_factory=Tally)
    waiting_items: Tally = field(default_factory=Tally)
    waiting: Tally = field(default_factory=Tally)
    stuck_items: int = 0
    stuck: int = 0
    scanned_items: int = 0
    scanned_executions: int = 0
    scanned_all: bool = False
    grants: dict[int, int] = field(default_factory=dict)
    running: dict[int, tuple[int, int]] = field(default_factory=dict)

    def scan(self, item_count: int) -> None:
        """A shard was found."""
        self.scanned_items += item_count
        self.scanned_executions += -(-item_count // self.batch_items)

    def book(self, entry: Entry) -> None:
        """Children have ended, and their segment is committed."""
        self.items += entry.items
        self.executions += entry.executions
        if entry.again_executions.ended:
            self.items -= entry.again_items
            self.executions -= entry.again_executions
            self.waiting_items -= entry.again_items
            self.waiting -= entry.again_executions
        self.stuck_items += entry.stuck_items
        self.stuck += entry.stuck

    def correct(self, *, item_count: int, execution_count: int) -> None:
        """A shard that is done for the first time had `execution_count` children: replaces the guess of `scan`."""
        self.scanned_executions += execution_count - -(-item_count // self.batch_items)

    @property
    def failures_left(self) -> int | None:
        """How many more items may fail; negative when too many have; None for no limit."""
        allowance = self.tolerance.allowance(self.scanned_items if self.scanned_all else None)
        if allowance is None:
            return None
        over = self.items - self.waiting_items
        return allowance - over.failed - over.timed_out

    @property
    def exceeded(self) -> bool:
        """More items failed than are tolerated."""
        left = self.failures_left
        return left is not None and left < 0

    @property
    def complete(self) -> bool:
        """Every item of the source has ended."""
        return self.scanned_all and self.items.ended - self.waiting_items.ended == self.scanned_items

    def grant(self, shard: int, *, children: int, workers: int) -> int:
        """Let a shard begin: how many children it may run at once.

        Args:
            shard: its first item.
            children: how many it has at most.
            workers: how many shards can compute at once: the window is shared so that none of them stands idle.

        Returns:
            1 or more, or 0 when nothing is left of the window: wait until a shard ends.
        """
        window = self.concurrency_max or CHILDREN_CONCURRENT_MAX
        free = window - sum(self.grants.values())
        granted = min(children, free, max(1, window // max(workers, 1)))
        if granted > 0:
            self.grants[shard] = granted
        return max(granted, 0)

    def raise_grant(self, shard: int, *, children: int) -> int:
        """More for a shard under way, when no other wants it: its new grant."""
        window = self.concurrency_max or CHILDREN_CONCURRENT_MAX
        free = window - sum(self.grants.values())
        self.grants[shard] = min(children, self.grants[shard] + max(free, 0))
        return self.grants[shard]

    def share_anew(self, wanted: dict[int, int], *, workers: int) -> None:
        """MaxConcurrency has changed, or a shard under way got nothing of it: share the window out again.

        Args:
            wanted: children that each shard under way can run at most, by its first item, in item order.
            workers: as in `grant`.

        A grant may be 0 now, and less than what runs: that is not stopped, but nothing is started until it has ended.
        """
        free = self.concurrency_max or CHILDREN_CONCURRENT_MAX
        share = max(1, free // max(workers, 1))
        for shard, children in wanted.items():
            self.grants[shard] = min(children, share, free)
            free -= self.grants[shard]

    def release(self, shard: int) -> None:
        """A shard is not under way any more."""
        self.grants.pop(shard, None)
        self.running.pop(shard, None)

    def counts(self, *, of_items: bool, ended: bool = False) -> dict[str, JsonValue]:
        """The ten members of `itemCounts` or `executionCounts`.

        `ended`: the run is over, its results are written, and what waited for being redriven is again what it was.
        """
        tally = self.items if of_items else self.executions
        waiting = Tally() if ended else self.waiting_items if of_items else self.waiting
        tally -= waiting
        total = self.scanned_items if of_items else self.scanned_executions
        running = 0 if ended else sum(entry[1 if of_items else 0] for entry in self.running.values())
        open_count = max(total - tally.ended, 0)
        running = min(running, open_count)
        # Which of them run is not said: those of an earlier attempt come first.
        pending_redrive = max(waiting.ended - running, 0)
        return {
            "pending": max(open_count - running - pending_redrive, 0),
            "running": running,
            "succeeded": tally.succeeded,
            "failed": tally.failed,
            "timedOut": tally.timed_out,
            "aborted": tally.aborted,
            "total": total,
            "resultsWritten": total if ended else 0,
            "failuresNotRedrivable": self.stuck_items if of_items else self.stuck,
            "pendingRedrive": pending_redrive,
        }


def tally_of(counts: dict[str, int]) -> Tally:
    """A Tally from counts by status."""
    return replace(Tally(), **{status.lower(): count for status, count in counts.items()})
