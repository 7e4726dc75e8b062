"""The table of `test_every_operation.py`: of each operation what to send for its success, its errors and its pages.

A case is a function from `World` (which makes what the request is about) to the members of the request. An error that
cannot happen here has the reason instead.
"""

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from steppe.stores import machines

Case = Callable[["World"], dict]
PREFIX = "arn:aws:states:us-east-1:000000000000"
ROLE = "arn:aws:iam::000000000000:role/r"
NO_ARN = "not-an-arn"
NO_MACHINE = f"{PREFIX}:stateMachine:none"
NO_EXECUTION = f"{PREFIX}:execution:none:none"
NO_ACTIVITY = f"{PREFIX}:activity:none"
NO_MAP_RUN = f"{PREFIX}:mapRun:none/lab:11111111-2222-3333-4444-555555555555"
COUNTS = dict.fromkeys(
    (
        *("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total"),
        *("resultsWritten", "failuresNotRedrivable", "pendingRedrive"),
    ),
    0,
)


def machine_of(**state) -> str:
    return json.dumps({"StartAt": "A", "States": {"A": state}})


class World:
    """Makes things at a server, each with a name of its own."""

    PASS = machine_of(Type="Pass", End=True)
    WAIT = machine_of(Type="Wait", Seconds=1000, End=True)
    FAIL = machine_of(Type="Fail", Error="E")

    def __init__(self, server) -> None:
        self.server = server
        self.sfn = server.client

    def name(self) -> str:
        return "n-" + uuid.uuid4().hex[:12]

    def definition(self, comment: str) -> str:
        return json.dumps(json.loads(self.PASS) | {"Comment": comment})

    def creation(self, **members) -> dict:
        return {"name": self.name(), "definition": self.PASS, "roleArn": ROLE} | members

    def machine(self, definition: str | None = None, **members) -> str:
        made = self.sfn.create_state_machine(**self.creation(definition=definition or self.PASS, **members))
        return made["stateMachineArn"]

    def express(self) -> str:
        return self.machine(type="EXPRESS")

    def deleting(self, **members) -> str:
        arn = self.machine(**members)
        self.server.run(self.server.database.write(lambda c: machines.mark_deleting(c, arn)))
        return arn

    def deleting_and_running(self) -> str:
        """A machine that stays while it is being deleted, since one of its executions runs."""
        arn = self.machine(self.WAIT)
        self.sfn.start_execution(stateMachineArn=arn)
        self.server.run(self.server.database.write(lambda c: machines.mark_deleting(c, arn)))
        return arn

    def execution(self, definition: str | None = None) -> str:
        return self.sfn.start_execution(stateMachineArn=self.machine(definition))["executionArn"]

    def running(self) -> str:
        return self.execution(self.WAIT)

    def failed(self) -> str:
        return self.execution(self.FAIL)

    def version(self, arn: str | None = None) -> str:
        made = self.sfn.publish_state_machine_version(stateMachineArn=arn or self.machine())
        return made["stateMachineVersionArn"]

    def two_versions(self) -> list[str]:
        arn = self.machine()
        first = self.version(arn)
        self.sfn.update_state_machine(stateMachineArn=arn, definition=self.definition("2"))
        return [first, self.version(arn)]

    def full_of_versions(self) -> str:
        """A machine with as many versions as there may be, the current revision unpublished."""
        first, _ = self.two_versions()
        arn = first.rpartition(":")[0]
        self.sfn.update_state_machine(stateMachineArn=arn, definition=self.definition("3"))
        return arn

    def routing(self, version: str | None = None) -> list[dict]:
        return [{"stateMachineVersionArn": version or self.version(), "weight": 100}]

    def routing_of(self, alias: str) -> list[dict]:
        return self.sfn.describe_state_machine_alias(stateMachineAliasArn=alias)["routingConfiguration"]

    def alias(self, version: str | None = None, name: str = "live") -> str:
        made = self.sfn.create_state_machine_alias(name=name, routingConfiguration=self.routing(version))
        return made["stateMachineAliasArn"]

    def deleting_version(self) -> str:
        version = self.version()
        arn = version.rpartition(":")[0]
        self.server.run(self.server.database.write(lambda c: machines.mark_deleting(c, arn)))
        return version

    def deleting_alias(self) -> str:
        alias = self.alias()
        arn = alias.rpartition(":")[0]
        self.server.run(self.server.database.write(lambda c: machines.mark_deleting(c, arn)))
        return alias

    def activity(self) -> str:
        return self.sfn.create_activity(name=self.name())["activityArn"]

    def task(self, **state) -> tuple[str, str, str]:
        """A task of an activity that a worker has taken: activity, token, execution."""
        activity = self.activity()
        execution = self.execution(machine_of(Type="Task", Resource=activity, End=True, **state))
        return activity, self.sfn.get_activity_task(activityArn=activity)["taskToken"], execution

    def token(self) -> str:
        return self.task()[1]

    def lost_token(self) -> str:
        activity, token, _ = self.task()
        self.sfn.delete_activity(activityArn=activity)
        return token

    def late_token(self) -> str:
        _, token, execution = self.task()
        self.sfn.stop_execution(executionArn=execution)
        return token

    def polled_activity(self) -> str:
        """An activity that as many workers ask for as may."""
        activity = self.activity()
        threading.Thread(target=self.sfn.get_activity_task, kwargs={"activityArn": activity}, daemon=True).start()
        line = self.server.engine._activities
        while not any(one.pollers for one in line._lines.values()):
            threading.Event().wait(0.005)
        return activity

    def map_run(self, execution: str | None = None, status: str = "RUNNING") -> str:
        arn = f"{PREFIX}:mapRun:{self.name()}/lab:{uuid.uuid4()}"
        self.server.map_runs.runs[arn] = {
            "mapRunArn": arn,
            "executionArn": execution or NO_EXECUTION,
            "status": status,
            "startDate": 1_790_000_000_001,
            "maxConcurrency": 0,
            "toleratedFailurePercentage": 0.0,
            "toleratedFailureCount": 0,
            "itemCounts": COUNTS,
            "executionCounts": COUNTS,
            "redriveCount": 0,
        }
        return arn

    def with_map_runs(self) -> str:
        execution = self.execution()
        for _ in range(5):
            self.map_run(execution)
        return execution

    def five(self, make: Callable[[], object]) -> None:
        for _ in range(5):
            make()

    def five_executions(self) -> str:
        arn = self.machine()
        self.five(lambda: self.sfn.start_execution(stateMachineArn=arn))
        return arn

    def five_aliases(self) -> str:
        version = self.version()
        for name in "abcde":
            self.alias(version, name)
        return version.rpartition(":")[0]

    def five_versions(self) -> str:
        arn = self.machine()
        for comment in "abcde":
            self.sfn.update_state_machine(stateMachineArn=arn, definition=self.definition(comment), publish=True)
        return arn


@dataclass(frozen=True)
class Row:
    """One operation. `pages` gives the members, and the member of the answer that is listed; None: it has none."""

    success: Case
    errors: dict[str, Case | str] = field(default_factory=dict)
    pages: Callable[["World"], tuple[dict, str]] | None = None


KMS_REASON = "There are no KMS keys: CUSTOMER_MANAGED_KMS_KEY is refused when it is configured."
KMS = dict.fromkeys(("KmsAccessDeniedException", "KmsInvalidStateException", "KmsThrottlingException"), KMS_REASON)
KMS_CREATION = {name: reason for name, reason in KMS.items() if name != "KmsInvalidStateException"}
NO_RACE = "Requests that change one machine are carried out one after the other, each as a whole."
PATTERN = "The pattern in the model is checked first, and refused as ValidationException."
TAGS = [{"key": f"k{i}", "value": "v"} for i in range(51)]
CUSTOMER_KEY = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"}


def bad(member: str, value: object = NO_ARN, **others) -> Case:
    """A request with a wrong member."""
    return lambda w: {member: value} | others


TABLE: dict[str, Row] = {
    "CreateActivity": Row(
        lambda w: {"name": w.name()},
        {
            "ActivityLimitExceeded": lambda w: w.activity() and {"name": w.name()},
            "ActivityAlreadyExists": "It is for a repeat with another encryption; there is one encryption only.",
            "InvalidName": bad("name", "a b"),
            "TooManyTags": lambda w: {"name": w.name(), "tags": TAGS},
            "InvalidEncryptionConfiguration": lambda w: {
                "name": w.name(),
                "encryptionConfiguration": CUSTOMER_KEY,
            },
            **KMS_CREATION,
        },
    ),
    "CreateStateMachine": Row(
        lambda w: w.creation(),
        {
            "InvalidArn": lambda w: w.creation(roleArn=NO_ARN),
            "InvalidDefinition": lambda w: w.creation(definition="{}"),
            "InvalidName": lambda w: w.creation(name="a b"),
            "InvalidLoggingConfiguration": lambda w: w.creation(loggingConfiguration={"level": "ALL"}),
            "InvalidTracingConfiguration": "Whether tracing is enabled is all there is to configure.",
            "StateMachineAlreadyExists": lambda w: w.creation(
                name=w.machine().rpartition(":")[2], definition=w.definition("other")
            ),
            "StateMachineDeleting": lambda w: w.creation(name=w.deleting_and_running().rpartition(":")[2]),
            "StateMachineLimitExceeded": lambda w: (w.machine(), w.machine()) and w.creation(),
            "StateMachineTypeNotSupported": "A type that the model does not have is refused as ValidationException.",
            "TooManyTags": lambda w: w.creation(tags=TAGS),
            "ValidationException": lambda w: w.creation(versionDescription="d"),
            "ConflictException": NO_RACE,
            "InvalidEncryptionConfiguration": lambda w: w.creation(encryptionConfiguration=CUSTOMER_KEY),
            **KMS_CREATION,
        },
    ),
    "CreateStateMachineAlias": Row(
        lambda w: {"name": "live", "routingConfiguration": w.routing()},
        {
            "InvalidArn": lambda w: {"name": "live", "routingConfiguration": w.routing(NO_ARN)},
            "InvalidName": PATTERN,
            "ValidationException": lambda w: {"name": "live", "routingConfiguration": w.routing(w.machine())},
            "StateMachineDeleting": lambda w: {
                "name": "live",
                "routingConfiguration": w.routing(w.deleting_version()),
            },
            "ResourceNotFound": lambda w: {"name": "live", "routingConfiguration": w.routing(f"{w.machine()}:9")},
            "ConflictException": lambda w: {
                "name": "live",
                "description": "other",
                "routingConfiguration": w.routing_of(w.alias()),
            },
            "ServiceQuotaExceededException": lambda w: {
                "name": "other",
                "routingConfiguration": w.routing_of(w.alias()),
            },
        },
    ),
    "DeleteActivity": Row(lambda w: {"activityArn": w.activity()}, {"InvalidArn": bad("activityArn")}),
    "DeleteStateMachine": Row(
        lambda w: {"stateMachineArn": w.machine()},
        {
            "InvalidArn": bad("stateMachineArn"),
            "ValidationException": lambda w: {"stateMachineArn": w.version()},
        },
    ),
    "DeleteStateMachineAlias": Row(
        lambda w: {"stateMachineAliasArn": w.alias()},
        {
            "ValidationException": bad("stateMachineAliasArn", "a" * 257),
            "InvalidArn": bad("stateMachineAliasArn"),
            "ResourceNotFound": "To delete an alias that is gone succeeds, as observed in September 2026.",
            "ConflictException": NO_RACE,
        },
    ),
    "DeleteStateMachineVersion": Row(
        lambda w: {"stateMachineVersionArn": w.version()},
        {
            "ValidationException": bad("stateMachineVersionArn", "a" * 2001),
            "InvalidArn": bad("stateMachineVersionArn"),
            "ConflictException": lambda w: {
                "stateMachineVersionArn": w.alias(version := w.version()) and version,
            },
        },
    ),
    "DescribeActivity": Row(
        lambda w: {"activityArn": w.activity()},
        {"ActivityDoesNotExist": bad("activityArn", NO_ACTIVITY), "InvalidArn": bad("activityArn")},
    ),
    "DescribeExecution": Row(
        lambda w: {"executionArn": w.execution()},
        {"ExecutionDoesNotExist": bad("executionArn", NO_EXECUTION), "InvalidArn": bad("executionArn"), **KMS},
    ),
    "DescribeMapRun": Row(
        lambda w: {"mapRunArn": w.map_run()},
        {"ResourceNotFound": bad("mapRunArn", NO_MAP_RUN), "InvalidArn": bad("mapRunArn")},
    ),
    "DescribeStateMachine": Row(
        lambda w: {"stateMachineArn": w.machine()},
        {"InvalidArn": bad("stateMachineArn"), "StateMachineDoesNotExist": bad("stateMachineArn", NO_MACHINE), **KMS},
    ),
    "DescribeStateMachineAlias": Row(
        lambda w: {"stateMachineAliasArn": w.alias()},
        {
            "ValidationException": bad("stateMachineAliasArn", "a" * 257),
            "InvalidArn": bad("stateMachineAliasArn"),
            "ResourceNotFound": lambda w: {"stateMachineAliasArn": f"{w.machine()}:none"},
        },
    ),
    "DescribeStateMachineForExecution": Row(
        lambda w: {"executionArn": w.execution()},
        {"ExecutionDoesNotExist": bad("executionArn", NO_EXECUTION), "InvalidArn": bad("executionArn"), **KMS},
    ),
    "GetActivityTask": Row(
        lambda w: {"activityArn": w.activity(), "workerName": "me"},
        {
            "ActivityDoesNotExist": bad("activityArn", NO_ACTIVITY),
            "ActivityWorkerLimitExceeded": lambda w: {"activityArn": w.polled_activity()},
            "InvalidArn": bad("activityArn"),
            **KMS,
        },
    ),
    "GetExecutionHistory": Row(
        lambda w: {"executionArn": w.execution()},
        {
            "ExecutionDoesNotExist": bad("executionArn", NO_EXECUTION),
            "InvalidArn": bad("executionArn"),
            "InvalidToken": lambda w: {"executionArn": w.execution(), "nextToken": "x"},
            **KMS,
        },
        lambda w: ({"executionArn": w.execution()}, "events"),
    ),
    "ListActivities": Row(
        lambda w: {},
        {"InvalidToken": bad("nextToken", "x")},
        lambda w: (w.five(w.activity) or {}, "activities"),
    ),
    "ListExecutions": Row(
        lambda w: {"stateMachineArn": w.machine()},
        {
            "InvalidArn": bad("stateMachineArn"),
            "InvalidToken": lambda w: {"stateMachineArn": w.machine(), "nextToken": "x"},
            "StateMachineDoesNotExist": bad("stateMachineArn", NO_MACHINE),
            "StateMachineTypeNotSupported": lambda w: {"stateMachineArn": w.express()},
            "ValidationException": bad("maxResults", 10),
            "ResourceNotFound": bad("mapRunArn", NO_MAP_RUN),
        },
        lambda w: ({"stateMachineArn": w.five_executions()}, "executions"),
    ),
    "ListMapRuns": Row(
        lambda w: {"executionArn": w.execution()},
        {
            "ExecutionDoesNotExist": bad("executionArn", NO_EXECUTION),
            "InvalidArn": bad("executionArn"),
            "InvalidToken": lambda w: {"executionArn": w.execution(), "nextToken": "x"},
        },
        lambda w: ({"executionArn": w.with_map_runs()}, "mapRuns"),
    ),
    "ListStateMachineAliases": Row(
        lambda w: {"stateMachineArn": w.machine()},
        {
            "InvalidArn": bad("stateMachineArn"),
            "InvalidToken": lambda w: {"stateMachineArn": w.machine(), "nextToken": "x"},
            "ResourceNotFound": lambda w: {"stateMachineArn": f"{w.machine()}:9"},
            "StateMachineDoesNotExist": bad("stateMachineArn", NO_MACHINE),
            "StateMachineDeleting": lambda w: {"stateMachineArn": w.deleting()},
        },
        lambda w: ({"stateMachineArn": w.five_aliases()}, "stateMachineAliases"),
    ),
    "ListStateMachineVersions": Row(
        lambda w: {"stateMachineArn": w.machine()},
        {
            "ValidationException": bad("stateMachineArn", NO_MACHINE, maxResults=-1),
            "InvalidArn": bad("stateMachineArn"),
            "InvalidToken": lambda w: {"stateMachineArn": w.machine(), "nextToken": "x"},
        },
        lambda w: ({"stateMachineArn": w.five_versions()}, "stateMachineVersions"),
    ),
    "ListStateMachines": Row(
        lambda w: {},
        {"InvalidToken": bad("nextToken", "x")},
        lambda w: (w.five(w.machine) or {}, "stateMachines"),
    ),
    "ListTagsForResource": Row(
        lambda w: {"resourceArn": w.machine()},
        {"InvalidArn": bad("resourceArn"), "ResourceNotFound": bad("resourceArn", NO_MACHINE)},
    ),
    "PublishStateMachineVersion": Row(
        lambda w: {"stateMachineArn": w.machine()},
        {
            "ValidationException": lambda w: {"stateMachineArn": w.machine(), "description": "d" * 257},
            "StateMachineDeleting": lambda w: {"stateMachineArn": w.deleting()},
            "StateMachineDoesNotExist": bad("stateMachineArn", NO_MACHINE),
            "ServiceQuotaExceededException": lambda w: {"stateMachineArn": w.full_of_versions()},
            "ConflictException": lambda w: {"stateMachineArn": w.machine(), "revisionId": str(uuid.uuid4())},
            "InvalidArn": bad("stateMachineArn"),
        },
    ),
    "RedriveExecution": Row(
        lambda w: {"executionArn": w.failed()},
        {
            "ExecutionDoesNotExist": bad("executionArn", NO_EXECUTION),
            "ExecutionNotRedrivable": lambda w: {"executionArn": w.execution()},
            "ExecutionLimitExceeded": lambda w: {"executionArn": (w.failed(), w.running())[0]},
            "InvalidArn": bad("executionArn"),
            "ValidationException": bad("executionArn", f"{PREFIX}:execution:m/lab:child"),
        },
    ),
    "SendTaskFailure": Row(
        lambda w: {"taskToken": w.token(), "error": "E", "cause": "C"},
        {
            "TaskDoesNotExist": lambda w: {"taskToken": w.lost_token()},
            "InvalidToken": bad("taskToken", "x"),
            "TaskTimedOut": lambda w: {"taskToken": w.late_token()},
            **KMS,
        },
    ),
    "SendTaskHeartbeat": Row(
        lambda w: {"taskToken": w.token()},
        {
            "TaskDoesNotExist": lambda w: {"taskToken": w.lost_token()},
            "InvalidToken": bad("taskToken", "x"),
            "TaskTimedOut": lambda w: {"taskToken": w.late_token()},
        },
    ),
    "SendTaskSuccess": Row(
        lambda w: {"taskToken": w.token(), "output": "1"},
        {
            "TaskDoesNotExist": lambda w: {"taskToken": w.lost_token(), "output": "1"},
            "InvalidOutput": lambda w: {"taskToken": w.token(), "output": "{"},
            "InvalidToken": bad("taskToken", "x", output="1"),
            "TaskTimedOut": lambda w: {"taskToken": w.late_token(), "output": "1"},
            **KMS,
        },
    ),
    "StartExecution": Row(
        lambda w: {"stateMachineArn": w.machine(), "traceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793"},
        {
            "ExecutionLimitExceeded": lambda w: {"stateMachineArn": w.running() and w.machine()},
            "ExecutionAlreadyExists": lambda w: {
                "stateMachineArn": w.sfn.start_execution(stateMachineArn=(arn := w.machine()), name="e") and arn,
                "name": "e",
            },
            "InvalidArn": bad("stateMachineArn"),
            "InvalidExecutionInput": lambda w: {"stateMachineArn": w.machine(), "input": "{"},
            "InvalidName": lambda w: {"stateMachineArn": w.machine(), "name": "a b"},
            "StateMachineDoesNotExist": bad("stateMachineArn", NO_MACHINE),
            "StateMachineDeleting": lambda w: {"stateMachineArn": w.deleting()},
            "ValidationException": lambda w: {"stateMachineArn": f"{w.machine()}/lab"},
            **KMS,
        },
    ),
    "StartSyncExecution": Row(
        lambda w: {"stateMachineArn": w.express(), "traceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793"},
        {
            "InvalidArn": bad("stateMachineArn"),
            "InvalidExecutionInput": lambda w: {"stateMachineArn": w.express(), "input": "{"},
            "InvalidName": lambda w: {"stateMachineArn": w.express(), "name": "a b"},
            "StateMachineDoesNotExist": bad("stateMachineArn", NO_MACHINE),
            "StateMachineDeleting": lambda w: {"stateMachineArn": w.deleting(type="EXPRESS")},
            "StateMachineTypeNotSupported": lambda w: {"stateMachineArn": w.machine()},
            **KMS,
        },
    ),
    "StopExecution": Row(
        lambda w: {"executionArn": w.running(), "error": "E", "cause": "C"},
        {
            "ExecutionDoesNotExist": bad("executionArn", NO_EXECUTION),
            "InvalidArn": bad("executionArn"),
            "ValidationException": lambda w: {"executionArn": w.running(), "error": "E" * 257},
            **KMS,
        },
    ),
    "TagResource": Row(
        lambda w: {"resourceArn": w.machine(), "tags": TAGS[:1]},
        {
            "InvalidArn": bad("resourceArn", tags=TAGS[:1]),
            "ResourceNotFound": bad("resourceArn", NO_MACHINE, tags=TAGS[:1]),
            "TooManyTags": lambda w: {"resourceArn": w.activity(), "tags": TAGS},
        },
    ),
    "TestState": Row(
        bad("definition", json.dumps({"Type": "Pass", "End": True}), input="{}"),
        {
            "InvalidArn": bad("definition", json.dumps({"Type": "Pass", "End": True}), roleArn=NO_ARN),
            "InvalidDefinition": bad("definition", "{}"),
            "InvalidExecutionInput": bad("definition", json.dumps({"Type": "Pass", "End": True}), input="{"),
            "ValidationException": bad("definition", json.dumps({"Type": "Pass"}), inspectionLevel="ALL"),
        },
    ),
    "UntagResource": Row(
        lambda w: {"resourceArn": w.activity(), "tagKeys": ["k"]},
        {
            "InvalidArn": bad("resourceArn", tagKeys=["k"]),
            "ResourceNotFound": bad("resourceArn", NO_ACTIVITY, tagKeys=["k"]),
        },
    ),
    "UpdateMapRun": Row(
        lambda w: {"mapRunArn": w.map_run(), "maxConcurrency": 5},
        {
            "ResourceNotFound": bad("mapRunArn", NO_MAP_RUN, maxConcurrency=1),
            "InvalidArn": bad("mapRunArn", maxConcurrency=1),
            "ValidationException": lambda w: {"mapRunArn": w.map_run(), "maxConcurrency": -1},
        },
    ),
    "UpdateStateMachine": Row(
        lambda w: {"stateMachineArn": w.machine(), "definition": w.definition("other")},
        {
            "InvalidArn": bad("stateMachineArn", roleArn=ROLE),
            "InvalidDefinition": lambda w: {"stateMachineArn": w.machine(), "definition": "{}"},
            "InvalidLoggingConfiguration": lambda w: {
                "stateMachineArn": w.machine(),
                "loggingConfiguration": {"level": "ERROR"},
            },
            "InvalidTracingConfiguration": "Whether tracing is enabled is all there is to configure.",
            "MissingRequiredParameter": lambda w: {"stateMachineArn": w.machine()},
            "StateMachineDeleting": lambda w: {"stateMachineArn": w.deleting(), "roleArn": ROLE},
            "StateMachineDoesNotExist": bad("stateMachineArn", NO_MACHINE, roleArn=ROLE),
            "ServiceQuotaExceededException": lambda w: {
                "stateMachineArn": w.full_of_versions(),
                "definition": w.definition("4"),
                "publish": True,
            },
            "ConflictException": "It needs a race, which has a test of its own.",
            "ValidationException": lambda w: {
                "stateMachineArn": w.machine(),
                "roleArn": ROLE,
                "versionDescription": "d",
            },
            "InvalidEncryptionConfiguration": lambda w: {
                "stateMachineArn": w.machine(),
                "encryptionConfiguration": CUSTOMER_KEY,
            },
            **KMS_CREATION,
        },
    ),
    "UpdateStateMachineAlias": Row(
        lambda w: {"stateMachineAliasArn": w.alias(), "description": "d"},
        {
            "ValidationException": lambda w: {"stateMachineAliasArn": w.alias()},
            "InvalidArn": bad("stateMachineAliasArn", description="d"),
            "ResourceNotFound": lambda w: {"stateMachineAliasArn": f"{w.machine()}:none", "description": "d"},
            "ConflictException": NO_RACE,
            "StateMachineDeleting": lambda w: {"stateMachineAliasArn": w.deleting_alias(), "description": "d"},
        },
    ),
    "ValidateStateMachineDefinition": Row(
        lambda w: {"definition": w.PASS},
        {"ValidationException": bad("definition", World.PASS, severity="LOUD")},
    ),
}
"""Every operation of the model by its name, with every error that it declares."""
