"""Optimized integrations against a stub of their APIs: what is sent, what the state sees, what its errors are."""

import asyncio
import json

import pytest

from steppe.base.errors import Fault
from steppe.interp.command import CallTask

EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:m:e"


def task(resource, arguments, submitted=None):
    arn = resource if resource.startswith("arn:") else f"arn:aws:states:::{resource}"
    return CallTask(
        key="0/3", state_name="A", resource=arn, arguments=arguments, task_token="token", submitted=submitted
    )


async def run(tasks, resource, arguments, told=None):
    async def submitted(output):
        if told is not None:
            told.append(output)

    return await tasks.run(task(resource, arguments), execution_arn=EXECUTION, submitted=submitted)


def scripted(stub, script):
    """Answer each operation (or path) with the documents of its list in turn; the last one is repeated."""

    def answer(asked):
        documents = script[asked.operation or asked.path]
        document = documents.pop(0) if len(documents) > 1 else documents[0]
        return document if isinstance(document, tuple) else (200, {}, document)

    stub.answer = answer


REQUESTS = [
    (
        "sqs:sendMessage",
        {"QueueUrl": "https://q", "MessageBody": {"a": 1}},
        {"QueueUrl": "https://q", "MessageBody": '{"a":1}'},
        {"MD5OfMessageBody": "x", "MessageId": "m"},
        {"MD5OfMessageBody": "x", "MessageId": "m"},
    ),
    (
        "dynamodb:getItem",
        {"TableName": "t", "Key": {"id": {"S": "1"}}},
        {"TableName": "t", "Key": {"id": {"S": "1"}}},
        {"Item": {"id": {"S": "1"}}},
        {"Item": {"id": {"S": "1"}}},
    ),
    (
        "events:putEvents",
        {"Entries": [{"Detail": {"n": 1}, "DetailType": "t", "Source": "s"}]},
        {"Entries": [{"Detail": '{"n":1}', "DetailType": "t", "Source": "s"}]},
        {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]},
        {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]},
    ),
    (
        "elasticmapreduce:addStep",
        {"ClusterId": "j-1", "Step": {"Name": "s", "HadoopJarStep": {"Jar": "a.jar"}}},
        {"JobFlowId": "j-1", "Steps": [{"Name": "s", "HadoopJarStep": {"Jar": "a.jar"}}]},
        {"StepIds": ["s-1"]},
        {"StepId": "s-1"},
    ),
    (
        "elasticmapreduce:cancelStep",
        {"ClusterId": "j-1", "StepId": "s-1"},
        {"ClusterId": "j-1", "StepIds": ["s-1"]},
        {"CancelStepsInfoList": [{"StepId": "s-1", "Status": "SUBMITTED"}]},
        {"StepId": "s-1", "Status": "SUBMITTED"},
    ),
    (
        "elasticmapreduce:setClusterTerminationProtection",
        {"ClusterId": "j-1", "TerminationProtected": True},
        {"JobFlowIds": ["j-1"], "TerminationProtected": True},
        {},
        {},
    ),
    (
        "sagemaker:createModel",
        {"ModelName": "m"},
        {"ModelName": "m", "Tags": [{"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}]},
        {"ModelArn": "arn"},
        {"ModelArn": "arn"},
    ),
]


@pytest.mark.parametrize(("resource", "arguments", "sent", "answer", "result"), REQUESTS, ids=[r[0] for r in REQUESTS])
async def test_a_request_is_sent_in_the_apis_form_and_its_answer_says_how_it_came(
    tasks, stub, resource, arguments, sent, answer, result
):
    stub.answer = lambda _asked: (200, {"x-amzn-RequestId": "r-1"}, answer)
    got = await run(tasks, resource, arguments)
    assert stub.asked[0].json == sent
    http = got.pop("SdkHttpMetadata")
    assert got.pop("SdkResponseMetadata") == {"RequestId": "r-1"}
    assert http["HttpStatusCode"] == 200
    assert http["AllHttpHeaders"]["x-amzn-RequestId"] == ["r-1"]
    assert http["HttpHeaders"]["Content-Type"] == "application/json"
    assert got == result


JOBS = [
    (
        "glue:startJobRun.sync",
        {"JobName": "j"},
        {
            "StartJobRun": [{"JobRunId": "r"}],
            "GetJobRun": [{"JobRun": {"Id": "r", "JobRunState": s}} for s in ("STARTING", "RUNNING", "SUCCEEDED")],
        },
        {"Id": "r", "JobRunState": "SUCCEEDED"},
    ),
    (
        "batch:submitJob.sync",
        {"JobName": "j", "JobQueue": "q", "JobDefinition": "d"},
        {
            "/v1/submitjob": [{"jobId": "i", "jobName": "j"}],
            "/v1/describejobs": [{"jobs": []}]
            + [{"jobs": [{"jobId": "i", "status": s, "createdAt": 7}]} for s in ("RUNNABLE", "RUNNING", "FAILED")],
        },
        Fault("States.TaskFailed", '{"CreatedAt":7,"JobId":"i","Status":"FAILED"}'),
    ),
    (
        "codebuild:startBuild.sync",
        {"ProjectName": "p"},
        {
            "StartBuild": [{"build": {"id": "b"}}],
            "BatchGetBuilds": [{"builds": [{"id": "b", "buildStatus": s}]} for s in ("IN_PROGRESS", "SUCCEEDED")],
        },
        {"Build": {"BuildStatus": "SUCCEEDED", "Id": "b"}},
    ),
    (
        "sagemaker:createTransformJob.sync",
        {
            "TransformJobName": "t",
            "ModelName": "m",
            "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://a"}}},
            "TransformOutput": {"S3OutputPath": "s3://b"},
            "TransformResources": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1},
        },
        {
            "CreateTransformJob": [{"TransformJobArn": "arn"}],
            "DescribeTransformJob": [{"TransformJobStatus": s} for s in ("InProgress", "Completed")],
        },
        {"TransformJobStatus": "Completed"},
    ),
    (
        "elasticmapreduce:createCluster.sync",
        {"Name": "c", "Instances": {"InstanceCount": 1}},
        {
            "RunJobFlow": [{"JobFlowId": "j-1", "ClusterArn": "arn"}],
            "DescribeCluster": [
                {"Cluster": {"Id": "j-1", "Status": {"State": s}}} for s in ("STARTING", "BOOTSTRAPPING", "WAITING")
            ],
        },
        {"Cluster": {"Id": "j-1", "Status": {"State": "WAITING"}}, "ClusterId": "j-1"},
    ),
    (
        "ecs:runTask.sync",
        {"TaskDefinition": "d"},
        {
            "RunTask": [{"tasks": [{"taskArn": "t", "clusterArn": "c"}], "failures": []}],
            "DescribeTasks": [
                {"tasks": [{"taskArn": "t", "lastStatus": "PENDING"}]},
                {"tasks": [{"taskArn": "t", "lastStatus": "STOPPED", "containers": [{"name": "w", "exitCode": 42}]}]},
            ],
        },
        Fault("States.TaskFailed", '{"Containers":[{"ExitCode":42,"Name":"w"}],"LastStatus":"STOPPED","TaskArn":"t"}'),
    ),
    (
        "ecs:runTask.sync",
        {"TaskDefinition": "d"},
        {"RunTask": [{"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}]},
        Fault("AmazonECS.Unknown", None),
    ),
    (
        "ecs:runTask.sync",
        {"TaskDefinition": "d", "Count": 2},
        {},
        Fault("States.Runtime", 'The field "Count" is not supported by Step Functions'),
    ),
    (
        "eks:deleteCluster.sync",
        {"Name": "c"},
        {
            "/clusters/c": [
                {"cluster": {"name": "c", "status": "DELETING"}},
                {"cluster": {"name": "c", "status": "DELETING"}},
                (404, {"x-amzn-errortype": "ResourceNotFoundException"}, {"message": "No cluster found"}),
            ]
        },
        {"Cluster": {"Name": "c", "Status": "DELETING"}},
    ),
]


@pytest.mark.parametrize(
    ("resource", "arguments", "script", "expected"), JOBS, ids=[f"{n}-{job[0]}" for n, job in enumerate(JOBS)]
)
async def test_a_job_is_watched_to_its_end(tasks, stub, resource, arguments, script, expected):
    scripted(stub, {name: list(documents) for name, documents in script.items()})
    told = []
    if isinstance(expected, Fault):
        with pytest.raises(Fault) as raised:
            await run(tasks, resource, arguments, told)
        assert raised.value.error == expected.error
        assert expected.cause in (None, raised.value.cause)
    else:
        assert await run(tasks, resource, arguments, told) == expected
        assert "SdkHttpMetadata" in told[0]


async def test_a_job_goes_on_with_what_was_submitted_before_a_restart(tasks, stub):
    scripted(stub, {"GetJobRun": [{"JobRun": {"Id": "r", "JobRunState": "SUCCEEDED"}}]})
    command = task("glue:startJobRun.sync", {"JobName": "j"}, submitted={"JobRunId": "r"})
    assert await tasks.run(command, execution_arn=EXECUTION) == {"Id": "r", "JobRunState": "SUCCEEDED"}
    assert stub.operations() == ["GetJobRun"]


async def test_a_repeated_start_has_the_same_client_token(tasks, stub):
    stub.answer = lambda _asked: (200, {}, {"tasks": []})
    await run(tasks, "ecs:runTask", {"TaskDefinition": "d"})
    await run(tasks, "ecs:runTask", {"TaskDefinition": "d"})
    first, second = (asked.json for asked in stub.asked)
    assert first["clientToken"] == second["clientToken"]
    assert "startedBy" not in first


async def test_a_job_that_is_being_begun_when_its_task_is_stopped_is_stopped(tasks, stub):
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def answer(asked):
        if asked.operation == "StartJobRun":
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0.2), loop).result()
            return 200, {}, {"JobRunId": "r"}
        return 200, {}, {}

    stub.answer = answer
    command = task("glue:startJobRun.sync", {"JobName": "j"})
    running = asyncio.create_task(tasks.run(command, execution_arn=EXECUTION))
    await begun.wait()
    running.cancel()
    await tasks.cancel(command, execution_arn=EXECUTION)
    assert stub.operations() == ["StartJobRun", "BatchStopJobRun"]
    assert stub.asked[1].json == {"JobName": "j", "JobRunIds": ["r"]}


@pytest.mark.parametrize(
    ("given", "sent"), [("0", "0"), ({"a": 1}, '{"a":1}'), (None, "null"), ("absent", "{}"), ('"text"', '"text"')]
)
async def test_a_function_gets_the_payload_as_json(tasks, stub, given, sent):
    arguments = {"FunctionName": "f"} | ({} if given == "absent" else {"Payload": given})
    stub.answer = lambda asked: (200, {"X-Amz-Executed-Version": "$LATEST"}, asked.body)
    got = await run(tasks, "lambda:invoke", arguments)
    assert stub.asked[0].body.decode() == sent
    assert (got["Payload"], got["ExecutedVersion"], got["StatusCode"]) == (json.loads(sent), "$LATEST", 200)


async def test_a_functions_own_arn_takes_and_gives_any_value(tasks, stub):
    stub.answer = lambda asked: (200, {}, asked.body)
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f:live"
    assert await run(tasks, arn, "Hello") == "Hello"
    assert (
        stub.asked[0].path
        == "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af%3Alive/invocations"
    )


@pytest.mark.parametrize(
    ("answer", "error", "cause"),
    [
        (
            (200, {"X-Amz-Function-Error": "Unhandled"}, {"errorType": "ValueError", "errorMessage": "no"}),
            "ValueError",
            '{"errorType":"ValueError","errorMessage":"no"}',
        ),
        (
            (200, {"X-Amz-Function-Error": "Unhandled"}, {"errorMessage": "Task timed out after 3.00 seconds"}),
            "Lambda.Unknown",
            "Lambda did not return an error type. Returned payload: {",
        ),
        (
            (404, {"x-amzn-errortype": "ResourceNotFoundException"}, {"Message": "Function not found: f"}),
            "Lambda.ResourceNotFoundException",
            "Function not found: f (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; ",
        ),
        (
            (403, {"x-amzn-errortype": "Strange"}, {"Message": "no"}),
            "Lambda.AWSLambdaException",
            "no (Service: AWSLambda; Status Code: 403; Error Code: Strange; ",
        ),
    ],
)
async def test_errors_of_functions_and_of_the_api_have_their_names(tasks, stub, answer, error, cause):
    stub.answer = lambda _asked: answer
    with pytest.raises(Fault) as raised:
        await run(tasks, "lambda:invoke", {"FunctionName": "f"})
    assert raised.value.error == error
    assert cause in raised.value.cause


async def test_a_service_that_is_unwell_is_asked_three_times(tasks, stub):
    answers = [(500, {}, {}), (400, {}, {"__type": "ThrottlingException"}), (200, {}, {"MessageId": "m"})]
    stub.answer = lambda _asked: answers[len(stub.asked) - 1]
    got = await run(tasks, "sqs:sendMessage", {"QueueUrl": "q", "MessageBody": "m"})
    assert (got["MessageId"], len(stub.asked)) == ("m", 3)
    stub.asked.clear()
    stub.answer = lambda _asked: (503, {}, {"message": "later"})
    with pytest.raises(Fault) as raised:
        await run(tasks, "aws-sdk:sqs:sendMessage", {"QueueUrl": "q", "MessageBody": "m"})
    assert (raised.value.error, len(stub.asked)) == ("Sqs.SqsException", 3)
    assert raised.value.cause.endswith("(SDK Attempt Count: 3)")


async def test_an_endpoint_that_nobody_answers_is_a_client_exception(tasks, stub):
    stub.__exit__(None, None, None)
    with pytest.raises(Fault, match="Unable to execute HTTP request") as raised:
        await run(tasks, "sqs:sendMessage", {"QueueUrl": "q", "MessageBody": "m"})
    assert raised.value.error == "SQS.SdkClientException"
    stub.__init__()
    stub.__enter__()


async def test_a_failed_entry_fails_put_events(tasks, stub):
    stub.answer = lambda _asked: (200, {}, {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "E"}]})
    with pytest.raises(Fault) as raised:
        await run(tasks, "events:putEvents", {"Entries": [{"Detail": "{}", "DetailType": "t", "Source": "s"}]})
    assert raised.value.error == "EventBridge.FailedEntry"


async def test_an_instance_fleet_is_found_by_its_name_on_a_later_page(tasks, stub):
    pages = [
        {"InstanceFleets": [{"Id": "if-1", "Name": "a"}], "Marker": "2"},
        {"InstanceFleets": [{"Id": "if-2", "Name": "b"}]},
    ]
    scripted(stub, {"ListInstanceFleets": list(pages), "ModifyInstanceFleet": [(200, {}, b"")]})
    arguments = {"ClusterId": "j", "InstanceFleetName": "b", "InstanceFleet": {"TargetOnDemandCapacity": 3}}
    await run(tasks, "elasticmapreduce:modifyInstanceFleetByName", arguments)
    assert stub.asked[-1].json["InstanceFleet"] == {"TargetOnDemandCapacity": 3, "InstanceFleetId": "if-2"}
    scripted(stub, {"ListInstanceFleets": [pages[1]]})
    with pytest.raises(Fault, match="has no InstanceFleet named c"):
        await run(tasks, "elasticmapreduce:modifyInstanceFleetByName", arguments | {"InstanceFleetName": "c"})


async def test_a_model_answers_json(tasks, stub):
    stub.answer = lambda _asked: (200, {"Content-Type": "application/json"}, {"text": "hi"})
    got = await run(tasks, "bedrock:invokeModel", {"ModelId": "m", "Body": {"prompt": "p"}})
    assert (got["Body"], got["ContentType"]) == ({"text": "hi"}, "application/json")
    assert stub.asked[0].json == {"prompt": "p"}


CLUSTER = {"ClusterName": "c"}
JOB = {"metadata": {"generateName": "pi-"}, "spec": {}}


async def test_a_clusters_own_api_is_called_with_a_token_for_the_cluster(tasks, stub):
    stub.answer = lambda _asked: (200, {}, {"kind": "PodList"})
    query = {"labelSelector": ["job-name=a"]}
    arguments = CLUSTER | {"Endpoint": stub.url, "Method": "GET", "Path": "/api/v1/pods", "QueryParameters": query}
    got = await run(tasks, "eks:call", arguments)
    assert got == {"ResponseBody": {"kind": "PodList"}, "StatusCode": 200, "StatusText": "OK"}
    assert stub.asked[0].path == "/api/v1/pods?labelSelector=job-name%3Da"
    assert stub.asked[0].header("authorization").startswith("Bearer k8s-aws-v1.")
    stub.answer = lambda _asked: (403, {}, {"reason": "Forbidden"})
    with pytest.raises(Fault) as raised:
        await run(tasks, "eks:call", arguments)
    assert (raised.value.error, raised.value.cause) == ("EKS.403", '{"reason":"Forbidden"}')


@pytest.mark.parametrize("condition", ["Complete", "Failed"])
async def test_a_job_of_a_cluster_is_watched_and_its_logs_are_the_result(tasks, stub, condition):
    looks = []

    def answer(asked):
        if asked.method == "POST":
            return 201, {}, asked.json | {"metadata": asked.json["metadata"] | {"namespace": "default"}}
        if asked.path.endswith("/log?container=w&tailLines=1000"):
            return 200, {"Content-Type": "text/plain"}, b"3.14"
        if "/pods?" in asked.path:
            return 200, {}, {"items": [{"metadata": {"name": "p"}, "spec": {"containers": [{"name": "w"}]}}]}
        looks.append(asked.path)
        conditions = [{"type": condition, "status": "True"}] if len(looks) > 1 else None
        metadata = {"name": asked.path.rpartition("/")[2], "namespace": "default"}
        return 200, {}, {"metadata": metadata, "status": {"conditions": conditions}}

    stub.answer = answer
    arguments = CLUSTER | {"Endpoint": stub.url, "Job": JOB, "LogOptions": {"RetrieveLogs": True}}
    if condition == "Complete":
        got = await run(tasks, "eks:runJob.sync", arguments)
        assert got["logs"] == {"pods": {"p": {"containers": {"w": {"log": "3.14"}}}}}
    else:
        with pytest.raises(Fault) as raised:
            await run(tasks, "eks:runJob.sync", arguments)
        assert raised.value.error == "States.TaskFailed"
    assert looks[0].startswith("/apis/batch/v1/namespaces/default/jobs/pi-")
