"""GetExecutionHistory: pages in both directions, with and without data."""

import pytest


@pytest.fixture
def long_execution(sfn, server, create) -> str:
    server.engine.event_count = 620
    try:
        return sfn.start_execution(stateMachineArn=create())["executionArn"]
    finally:
        server.engine.event_count = 3


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [100, 256, 1000])
def test_pages_cover_the_history_once(sfn, long_execution, reverse, size) -> None:
    pages = sfn.get_paginator("get_execution_history").paginate(
        executionArn=long_execution, reverseOrder=reverse, PaginationConfig={"PageSize": size}
    )
    ids = []
    for page in pages:
        assert len(page["events"]) <= size
        ids += [event["id"] for event in page["events"]]
    assert ids == (list(range(620, 0, -1)) if reverse else list(range(1, 621)))


@pytest.mark.parametrize("members", [{}, {"maxResults": 0}])
def test_a_page_has_a_hundred_events_unless_asked_otherwise(sfn, long_execution, members) -> None:
    page = sfn.get_execution_history(executionArn=long_execution, **members)
    assert len(page["events"]) == 100
    assert "nextToken" in page


def test_data_are_left_out_on_demand(sfn, long_execution) -> None:
    with_data = sfn.get_execution_history(executionArn=long_execution, maxResults=1)["events"][0]
    assert with_data["stateEnteredEventDetails"] == {
        "name": "S1",
        "input": "{}",
        "inputDetails": {"truncated": False},
    }
    without = sfn.get_execution_history(executionArn=long_execution, maxResults=1, includeExecutionData=False)
    assert without["events"][0]["stateEnteredEventDetails"] == {"name": "S1"}


def test_a_token_does_not_fit_the_other_direction(sfn, long_execution, refused) -> None:
    token = sfn.get_execution_history(executionArn=long_execution)["nextToken"]
    members = {"executionArn": long_execution, "nextToken": token, "reverseOrder": True}
    assert refused("get_execution_history", **members)[0] == "InvalidToken"
