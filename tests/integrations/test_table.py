"""The table of optimized integrations, held against what may stand in a definition and against the published models."""

import pytest
from botocore.model import ListShape, StructureShape

from steppe.asl.resources import OPTIMISED
from steppe.integrations.sdk_names import capitalised, service_model
from steppe.integrations.table import ACTIONS, SERVICES

MODULES = {
    ("apigateway", "invoke"),
    ("athena", "startQueryExecution"),
    ("athena", "stopQueryExecution"),
    ("athena", "getQueryExecution"),
    ("athena", "getQueryResults"),
    ("eks", "call"),
    ("eks", "runJob"),
    ("elasticmapreduce", "modifyInstanceFleetByName"),
    ("elasticmapreduce", "modifyInstanceGroupByName"),
    ("http", "invoke"),
    ("lambda", "invoke"),
    ("states", "startExecution"),
}
"""What is more than a row."""

JOBS = [(key, action) for key, action in ACTIONS.items() if action.job is not None]


def operation(action, name):
    model = service_model(SERVICES[action.service].api)
    return model.operation_model(capitalised(name))


def member(shape, name):
    """The member of a structure by the name that a state machine uses."""
    assert isinstance(shape, StructureShape)
    return next(inner for own, inner in shape.members.items() if capitalised(own) == name)


def test_every_action_that_a_definition_may_use_has_a_row_or_a_module_and_no_other_has():
    accepted = {(service, action) for service, actions in OPTIMISED.items() for action in actions}
    assert accepted == set(ACTIONS) | MODULES


def test_the_actions_that_can_be_waited_for_are_those_that_have_a_job():
    waited = {
        (service, action)
        for service, actions in OPTIMISED.items()
        for action, patterns in actions.items()
        if "sync" in patterns and (service, action) not in MODULES
    }
    assert waited == {key for key, _ in JOBS}


@pytest.mark.parametrize(
    ("key", "action"), ACTIONS.items(), ids=lambda value: ":".join(value) if isinstance(value, tuple) else ""
)
def test_the_operation_of_a_row_is_one_of_its_api(key, action):
    members = operation(action, action.operation or key[1]).input_shape.members
    by_model = {name for name, shape in members.items() if shape.metadata.get("idempotencyToken")}
    tokens = {capitalised(name) for name in members if name.endswith(("ientToken", "RequestToken", "potencyToken"))}
    assert tokens == {capitalised(name) for name in by_model} | ({action.idempotent_by} - {""})


@pytest.mark.parametrize(("key", "action"), JOBS, ids=[":".join(key) for key, _ in JOBS])
def test_what_a_job_is_looked_at_and_stopped_with_are_members_of_its_api(key, action):
    job = action.job
    look = operation(action, job.describe[0])
    for name in [*job.describe[1], *([job.ids] if job.ids else [])]:
        member(look.input_shape, name)
    shape = look.output_shape
    if job.found:
        shape = member(shape, job.found)
    if isinstance(shape, ListShape):
        shape = shape.member
        member(shape, job.found_id)
    for name in job.status.split("."):
        shape = member(shape, name)
    known = set(shape.enum)
    assert not known or (job.running <= known and job.succeeded <= known)
    if job.stop is not None:
        stop = operation(action, job.stop[0])
        for name in job.stop[1]:
            member(stop.input_shape, name)
        required = {capitalised(name) for name in stop.input_shape.required_members}
        assert required <= set(job.stop[1])
