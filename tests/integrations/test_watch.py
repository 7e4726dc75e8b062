"""Watching jobs: together, less and less often, and through troubles of the API."""

import asyncio

import pytest

from steppe.base.errors import ApiError
from steppe.integrations.watch import Watch


class Jobs:
    """An API that knows which jobs have ended, and counts its calls."""

    def __init__(self):
        self.ended = set()
        self.calls = []
        self.troubles = []

    async def look(self, jobs):
        self.calls.append(len(jobs))
        await asyncio.sleep(0)
        if self.troubles:
            raise self.troubles.pop(0)
        return {n: f"{job} ended" for n, job in enumerate(jobs) if job in self.ended}


async def waiting(watched, jobs, names, batch_max):
    tasks = [
        asyncio.create_task(watched.ended(("batch", "DescribeJobs"), name, look=jobs.look, batch_max=batch_max))
        for name in names
    ]
    await asyncio.sleep(0.05)
    return tasks


async def test_thousands_of_jobs_are_looked_at_a_hundred_at_a_time():
    watched, jobs = Watch(), Jobs()
    tasks = await waiting(watched, jobs, range(2000), batch_max=100)
    looked = list(jobs.calls)
    jobs.ended = set(range(2000))
    assert await asyncio.gather(*tasks) == [f"{n} ended" for n in range(2000)]
    assert max(jobs.calls) == 100
    assert len(looked) <= 80, "each job costs a hundredth of a call, and a few looks in the first 50 ms"


async def test_a_job_is_looked_at_less_the_older_it_is():
    watched, jobs = Watch(), Jobs()
    (task,) = await waiting(watched, jobs, ["a"], batch_max=1)
    await asyncio.sleep(0.5)
    assert len(jobs.calls) < 18, "every 20 ms would be 27"
    jobs.ended = {"a"}
    watched.nudge(("batch", "DescribeJobs"), "a")
    assert await asyncio.wait_for(task, 0.05) == "a ended"


async def test_an_api_that_throttles_or_cannot_be_reached_is_asked_again():
    watched, jobs = Watch(), Jobs()
    jobs.ended = {"a"}
    jobs.troubles = [
        ApiError("ThrottlingException", "Rate exceeded"),
        ApiError("SdkClientException", "Unable to execute HTTP request", status=0, fields={"Unreachable": True}),
        ApiError("InternalFailure", "", status=500),
    ]
    (task,) = await waiting(watched, jobs, ["a"], batch_max=1)
    assert await asyncio.wait_for(task, 5) == "a ended"
    assert len(jobs.calls) == 4


async def test_a_refusal_is_the_answer():
    watched, jobs = Watch(), Jobs()
    jobs.troubles = [ApiError("ClusterNotFoundException", "Cluster not found.")]
    (task,) = await waiting(watched, jobs, ["a"], batch_max=1)
    with pytest.raises(ApiError, match="Cluster not found"):
        await task


async def test_a_job_that_nobody_waits_for_any_more_is_not_looked_at_and_the_loop_ends():
    watched, jobs = Watch(), Jobs()
    tasks = await waiting(watched, jobs, ["a", "b"], batch_max=10)
    tasks[0].cancel()
    await asyncio.sleep(0.1)
    assert jobs.calls[-1] == 1
    jobs.ended = {"b"}
    await tasks[1]
    await asyncio.sleep(0)
    assert not watched._groups


async def test_closing_stops_the_loops():
    watched, jobs = Watch(), Jobs()
    (task,) = await waiting(watched, jobs, ["a"], batch_max=1)
    await watched.close()
    looked = len(jobs.calls)
    await asyncio.sleep(0.1)
    assert len(jobs.calls) == looked
    task.cancel()
