"""What every executor has to do. An implementation's test subclasses `ExecutorContract` and gives `make_executor`.

The jobs here are top-level functions, as all jobs are; their context is what `context_factory` makes.
"""
# ruff: noqa: D102 - the name of a test is its sentence

from __future__ import annotations

import asyncio
import time

import pytest

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.executors.executor import Executor, Finished, Job, JobChannel, JobOutcome, Lost, Raised


def context_factory(text: str = "context") -> JsonValue:
    """The context that an executor under test is given."""
    return {"context": text, "made": time.monotonic()}


class Recorder:
    """A JobListener that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[JsonValue] = []
        self.outcomes: list[JobOutcome] = []
        self._changed = asyncio.Event()

    def message(self, message: JsonValue) -> None:
        """Keep it."""
        self.heard.append(message)
        self._changed.set()

    def idle(self, *, idle: bool) -> None:
        """Keep it, among the messages."""
        self.heard.append(("idle", idle))
        self._changed.set()

    def ended(self, outcome: JobOutcome) -> None:
        """Keep it."""
        self.outcomes.append(outcome)
        self._changed.set()

    async def until_heard(self, count: int) -> list[JsonValue]:
        """Wait for messages."""
        while len(self.heard) < count:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 20)
        return self.heard

    async def until_ended(self) -> JobOutcome:
        """Wait for the end."""
        while not self.outcomes:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 20)
        return self.outcomes[0]


async def answer(context: JsonValue, payload: JsonValue, channel: JobChannel) -> JsonValue:
    """Return context and payload."""
    return [context["context"], payload]


async def tell(context: JsonValue, payload: JsonValue, channel: JobChannel) -> JsonValue:
    """Send the numbers below the payload."""
    for number in range(payload):
        channel.send(number)
    return "told"


async def fail(context: JsonValue, payload: JsonValue, channel: JobChannel) -> JsonValue:
    """Raise the payload."""
    raise payload


class Unportable(Exception):
    """An error that cannot be made again from its pickle."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)
        self.two = two


async def fail_unportable(context: JsonValue, payload: JsonValue, channel: JobChannel) -> JsonValue:
    """Raise what cannot travel."""
    raise Unportable("one", "two")


async def converse(context: JsonValue, payload: JsonValue, channel: JobChannel) -> JsonValue:
    """Say ready, repeat what comes, until "end"."""
    inbox: asyncio.Queue[JsonValue] = asyncio.Queue()
    channel.send("ready")
    await asyncio.sleep(payload)
    channel.on_message(inbox.put_nowait)
    while (message := await inbox.get()) != "end":
        channel.send(["again", message])
    return "ended"


async def compute(context: JsonValue, payload: JsonValue, channel: JobChannel) -> JsonValue:
    """Hold the turn over an await: two of them never overlap in one worker."""
    async with channel.turn:
        began = time.monotonic()
        await asyncio.sleep(payload)
        return [began, time.monotonic()]


async def rest(context: JsonValue, payload: JsonValue, channel: JobChannel) -> JsonValue:
    """Say that it waits, wait, and say that it does not."""
    channel.idle(True)
    await asyncio.sleep(payload)
    channel.idle(False)
    return "rested"


class ExecutorContract:
    """Subclass it, and give `make_executor` (not started) as a method."""

    def make_executor(self) -> Executor:
        """An executor of one or more workers, whose context is `context_factory("given")`."""
        raise NotImplementedError

    @pytest.fixture
    async def executor(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - a fixture
        """The executor under test, running."""
        executor = self.make_executor()
        await executor.start()
        yield executor
        await executor.close()

    async def test_a_job_gets_its_context_and_payload_and_its_result_comes_back(self, executor: Executor) -> None:
        recorder = Recorder()
        executor.submit(Job(answer, {"n": 1}), recorder)
        assert await recorder.until_ended() == Finished([executor_context(), {"n": 1}])

    async def test_messages_arrive_in_order_and_before_the_end(self, executor: Executor) -> None:
        recorder = Recorder()
        executor.submit(Job(tell, 500), recorder)
        assert await recorder.until_ended() == Finished("told")
        assert recorder.heard == list(range(500))

    async def test_a_listener_is_not_called_from_within_submit(self, executor: Executor) -> None:
        recorder = Recorder()
        executor.submit(Job(tell, 3), recorder)
        assert (recorder.heard, recorder.outcomes) == ([], [])
        await recorder.until_ended()

    async def test_a_fault_keeps_its_fields(self, executor: Executor) -> None:
        recorder = Recorder()
        executor.submit(Job(fail, Fault("Some.Error", "why", catchable=False)), recorder)
        outcome = await recorder.until_ended()
        assert isinstance(outcome, Raised)
        assert isinstance(outcome.error, Fault)
        assert (outcome.error.error, outcome.error.cause, outcome.error.catchable) == ("Some.Error", "why", False)

    async def test_an_error_that_cannot_travel_is_told_all_the_same(self, executor: Executor) -> None:
        recorder = Recorder()
        executor.submit(Job(fail_unportable, None), recorder)
        outcome = await recorder.until_ended()
        assert isinstance(outcome, Raised)
        assert "one" in str(outcome.error)

    async def test_messages_go_both_ways_even_when_the_job_listens_late(self, executor: Executor) -> None:
        recorder = Recorder()
        handle = executor.submit(Job(converse, 0.05), recorder)
        handle.send("early")
        await recorder.until_heard(1)
        handle.send("late")
        handle.send("end")
        assert await recorder.until_ended() == Finished("ended")
        assert recorder.heard == ["ready", ["again", "early"], ["again", "late"]]
        handle.send("too late, and dropped")
        handle.cancel()

    async def test_a_cancelled_job_ends_as_raised(self, executor: Executor) -> None:
        recorder = Recorder()
        handle = executor.submit(Job(converse, 0), recorder)
        await recorder.until_heard(1)
        handle.cancel()
        outcome = await recorder.until_ended()
        assert isinstance(outcome, Raised)
        assert isinstance(outcome.error, asyncio.CancelledError)

    async def test_jobs_that_compute_take_turns_in_a_worker(self, executor: Executor) -> None:
        recorders = [Recorder() for _ in range(executor.capacity * 2)]
        for recorder in recorders:
            executor.submit(Job(compute, 0.03), recorder)
        spans = [(await recorder.until_ended()).value for recorder in recorders]  # type: ignore[union-attr]
        at_once = max(sum(1 for b, e in spans if b <= began < e) for began, _ in spans)
        assert at_once <= executor.capacity

    async def test_a_job_says_when_it_only_waits(self, executor: Executor) -> None:
        recorder = Recorder()
        executor.submit(Job(rest, 0.01), recorder)
        await recorder.until_ended()
        assert recorder.heard == [("idle", True), ("idle", False)]

    async def test_every_job_of_many_ends_exactly_once(self, executor: Executor) -> None:
        recorders = [Recorder() for _ in range(200)]
        for number, recorder in enumerate(recorders):
            executor.submit(Job(answer, number), recorder)
        ends = [await recorder.until_ended() for recorder in recorders]
        assert ends == [Finished([executor_context(), number]) for number in range(200)]
        assert all(len(recorder.outcomes) == 1 for recorder in recorders)

    async def test_closing_ends_what_runs_as_lost(self) -> None:
        executor = self.make_executor()
        await executor.start()
        recorder = Recorder()
        executor.submit(Job(converse, 0), recorder)
        await recorder.until_heard(1)
        await executor.close()
        assert isinstance(await recorder.until_ended(), Lost)
        await executor.close()
        assert len(recorder.outcomes) == 1


def executor_context() -> str:
    """What the jobs of the contract find in their context."""
    return "given"
