"""The optimized integrations that are rows: which API and operation, what is added, how a job is watched and stopped.

Sources: Developer Guide, the pages "Optimizing integrations" of each service; recordings of September 2026 for Amazon
ECS; results of jobs of AWS Batch, AWS Glue and Amazon SageMaker as users have published them. Where nothing is
published, the result of a job is the answer of the operation that describes it.

What is more than a row has a module: Lambda, HTTP, API Gateway, EKS's own API, Athena, nested executions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from steppe.integrations.rows import Action, Job, Service
from steppe.integrations.table_rules import (
    batch_environment,
    cluster_created,
    ecs_failures,
    ecs_started_by,
    ecs_succeeded,
    failed_entries,
    first_cancelled,
    json_body,
    managed_tags,
    one_cluster,
    one_step,
    step_started,
    text_details,
    to_one_flow,
)

SERVICES: Final[Mapping[str, Service]] = {
    "batch": Service(api="batch", prefix="Batch", java="AWSBatch"),
    "bedrock": Service(api="bedrock", prefix="Bedrock", java="AmazonBedrock"),
    "bedrock-runtime": Service(api="bedrock-runtime", prefix="BedrockRuntime", java="AmazonBedrockRuntime"),
    "codebuild": Service(api="codebuild", prefix="CodeBuild", java="AWSCodeBuild"),
    "databrew": Service(api="databrew", prefix="DataBrew", java="AWSGlueDataBrew"),
    "dynamodb": Service(
        api="dynamodb", prefix="DynamoDB", java="AmazonDynamoDBv2", exception="AmazonDynamoDBException"
    ),
    "ecs": Service(api="ecs", prefix="ECS", java="AmazonECS"),
    "eks": Service(api="eks", prefix="EKS", java="AmazonEKS"),
    "elasticmapreduce": Service(api="emr", prefix="ElasticMapReduce", java="AmazonElasticMapReduce"),
    "emr-containers": Service(api="emr-containers", prefix="EMRContainers", java="AmazonEMRContainers"),
    "emr-serverless": Service(api="emr-serverless", prefix="EMRServerless", java="AWSEMRServerless"),
    "events": Service(api="events", prefix="EventBridge", java="AmazonEventBridge"),
    "glue": Service(api="glue", prefix="Glue", java="AWSGlue"),
    "mediaconvert": Service(api="mediaconvert", prefix="MediaConvert", java="AWSMediaConvert"),
    "sagemaker": Service(api="sagemaker", prefix="SageMaker", java="AmazonSageMaker"),
    "sns": Service(api="sns", prefix="SNS", java="AmazonSNS"),
    "sqs": Service(api="sqs", prefix="SQS", java="AmazonSQS"),
}
"""By the name in the Resource; `bedrock-runtime` is where `bedrock:invokeModel` goes."""


def _sagemaker(kind: str, *, name: str = "", running: frozenset[str] = frozenset({"InProgress", "Stopping"})) -> Action:
    """SageMaker's jobs are all alike: the job's name is its id, and the whole description is the result."""
    member = name or f"{kind}Name"
    named = {member: f"Arguments.{member}"}
    job = Job(
        describe=(f"Describe{kind}", named),
        status=f"{kind}Status",
        running=running,
        succeeded=frozenset({"Completed"}),
        stop=(f"Stop{kind}", named),
    )
    return Action(service="sagemaker", sent=managed_tags, job=job)


def _codebuild(kind: str) -> Job:
    plural = kind + ("es" if kind.endswith("h") else "s")
    return Job(
        describe=(f"BatchGet{plural}", {}),
        ids="Ids",
        id=f"Started.{kind}.Id",
        found=plural,
        found_id="Id",
        status=f"{kind}Status",
        running=frozenset({"IN_PROGRESS"}),
        succeeded=frozenset({"SUCCEEDED"}),
        wrap=kind,
        stop=(f"Stop{kind}", {"Id": f"Started.{kind}.Id"}),
        batch_max=100,
    )


def _emr_application(status: str, *, running: frozenset[str], gone: bool = False) -> Job:
    return Job(
        describe=("GetApplication", {"ApplicationId": "Arguments.ApplicationId"}),
        found="Application",
        status="State",
        running=running,
        succeeded=frozenset({status}),
        wrap="Application",
        gone=gone,
    )


def _eks(kind: str, names: Mapping[str, str], *, deleted: bool = False) -> Job:
    return Job(
        describe=(f"Describe{kind}", names),
        found=kind,
        status="Status",
        running=frozenset({"DELETING", "ACTIVE"} if deleted else {"CREATING"}),
        succeeded=frozenset() if deleted else frozenset({"ACTIVE"}),
        wrap=kind,
        gone=deleted,
    )


_CLUSTER = {"Name": "Arguments.Name"}
_NODEGROUP = {"ClusterName": "Arguments.ClusterName", "NodegroupName": "Arguments.NodegroupName"}
_FARGATE = {"ClusterName": "Arguments.ClusterName", "FargateProfileName": "Arguments.FargateProfileName"}
_EMR_CLUSTER = {"ClusterId": "Arguments.ClusterId"}

_EMR_SERVERLESS_RUN: Final = Job(
    describe=("GetJobRun", {"ApplicationId": "Arguments.ApplicationId", "JobRunId": "Started.JobRunId"}),
    found="JobRun",
    status="State",
    running=frozenset({"SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING", "QUEUED"}),
    succeeded=frozenset({"SUCCESS"}),
    wrap="JobRun",
    stop=("CancelJobRun", {"ApplicationId": "Arguments.ApplicationId", "JobRunId": "Started.JobRunId"}),
)

ACTIONS: Final[Mapping[tuple[str, str], Action]] = {
    ("batch", "submitJob"): Action(
        service="batch",
        sent=batch_environment,
        job=Job(
            describe=("DescribeJobs", {}),
            ids="Jobs",
            id="Started.JobId",
            found="Jobs",
            found_id="JobId",
            status="Status",
            running=frozenset({"SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING"}),
            succeeded=frozenset({"SUCCEEDED"}),
            stop=("TerminateJob", {"JobId": "Started.JobId", "Reason": "The Step Functions task was cancelled."}),
            batch_max=100,
        ),
    ),
    ("bedrock", "invokeModel"): Action(service="bedrock-runtime", answered=json_body),
    ("bedrock", "createModelCustomizationJob"): Action(
        service="bedrock",
        job=Job(
            describe=("GetModelCustomizationJob", {"JobIdentifier": "Started.JobArn"}),
            status="Status",
            running=frozenset({"InProgress", "Stopping"}),
            succeeded=frozenset({"Completed"}),
            stop=("StopModelCustomizationJob", {"JobIdentifier": "Started.JobArn"}),
        ),
    ),
    ("codebuild", "startBuild"): Action(service="codebuild", idempotent_by="IdempotencyToken", job=_codebuild("Build")),
    ("codebuild", "startBuildBatch"): Action(
        service="codebuild", idempotent_by="IdempotencyToken", job=_codebuild("BuildBatch")
    ),
    ("codebuild", "retryBuildBatch"): Action(
        service="codebuild", idempotent_by="IdempotencyToken", job=_codebuild("BuildBatch")
    ),
    ("codebuild", "stopBuild"): Action(service="codebuild"),
    ("codebuild", "stopBuildBatch"): Action(service="codebuild"),
    ("codebuild", "deleteBuildBatch"): Action(service="codebuild"),
    ("codebuild", "batchDeleteBuilds"): Action(service="codebuild"),
    ("codebuild", "batchGetReports"): Action(service="codebuild"),
    ("databrew", "startJobRun"): Action(
        service="databrew",
        job=Job(
            describe=("DescribeJobRun", {"Name": "Arguments.Name", "RunId": "Started.RunId"}),
            status="State",
            running=frozenset({"STARTING", "RUNNING", "STOPPING"}),
            succeeded=frozenset({"SUCCEEDED"}),
            stop=("StopJobRun", {"Name": "Arguments.Name", "RunId": "Started.RunId"}),
        ),
    ),
    ("dynamodb", "getItem"): Action(service="dynamodb"),
    ("dynamodb", "putItem"): Action(service="dynamodb"),
    ("dynamodb", "updateItem"): Action(service="dynamodb"),
    ("dynamodb", "deleteItem"): Action(service="dynamodb"),
    ("ecs", "runTask"): Action(
        service="ecs",
        sent=ecs_started_by,
        answered=ecs_failures,
        job=Job(
            describe=("DescribeTasks", {"Cluster": "Started.Tasks.0.ClusterArn"}),
            ids="Tasks",
            id="Started.Tasks.0.TaskArn",
            found="Tasks",
            found_id="TaskArn",
            status="LastStatus",
            running=frozenset(
                {
                    "PROVISIONING",
                    "PENDING",
                    "ACTIVATING",
                    "RUNNING",
                    "DEACTIVATING",
                    "STOPPING",
                    "DEPROVISIONING",
                }
            ),
            succeeded=frozenset({"STOPPED"}),
            good=ecs_succeeded,
            stop=(
                "StopTask",
                {
                    "Cluster": "Started.Tasks.0.ClusterArn",
                    "Task": "Started.Tasks.0.TaskArn",
                    "Reason": "The Step Functions task was cancelled.",
                },
            ),
            refused=("Count", "StartedBy"),
            batch_max=100,
        ),
    ),
    ("eks", "createCluster"): Action(service="eks", job=_eks("Cluster", _CLUSTER)),
    ("eks", "deleteCluster"): Action(service="eks", job=_eks("Cluster", _CLUSTER, deleted=True)),
    ("eks", "createNodegroup"): Action(service="eks", job=_eks("Nodegroup", _NODEGROUP)),
    ("eks", "deleteNodegroup"): Action(service="eks", job=_eks("Nodegroup", _NODEGROUP, deleted=True)),
    ("eks", "createFargateProfile"): Action(service="eks", job=_eks("FargateProfile", _FARGATE)),
    ("eks", "deleteFargateProfile"): Action(service="eks", job=_eks("FargateProfile", _FARGATE, deleted=True)),
    ("elasticmapreduce", "createCluster"): Action(
        service="elasticmapreduce",
        operation="RunJobFlow",
        answered=cluster_created,
        job=Job(
            describe=("DescribeCluster", {"ClusterId": "Started.ClusterId"}),
            found="Cluster",
            status="Status.State",
            running=frozenset({"STARTING", "BOOTSTRAPPING"}),
            succeeded=frozenset({"RUNNING", "WAITING", "TERMINATING"}),
            wrap="Cluster",
            added={"ClusterId": "Started.ClusterId"},
            stop=("TerminateJobFlows", {"JobFlowIds": "[Started.ClusterId]"}),
        ),
    ),
    ("elasticmapreduce", "terminateCluster"): Action(
        service="elasticmapreduce",
        operation="TerminateJobFlows",
        sent=to_one_flow,
        job=Job(
            describe=("DescribeCluster", _EMR_CLUSTER),
            found="Cluster",
            status="Status.State",
            running=frozenset({"STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"}),
            succeeded=frozenset({"TERMINATED", "TERMINATED_WITH_ERRORS"}),
            wrap="Cluster",
        ),
    ),
    ("elasticmapreduce", "addStep"): Action(
        service="elasticmapreduce",
        operation="AddJobFlowSteps",
        sent=one_step,
        answered=step_started,
        job=Job(
            describe=("DescribeStep", {"ClusterId": "Arguments.ClusterId", "StepId": "Started.StepId"}),
            found="Step",
            status="Status.State",
            running=frozenset({"PENDING", "RUNNING", "CANCEL_PENDING"}),
            succeeded=frozenset({"COMPLETED"}),
            wrap="Step",
            stop=("CancelSteps", {"ClusterId": "Arguments.ClusterId", "StepIds": "[Started.StepId]"}),
        ),
    ),
    ("elasticmapreduce", "cancelStep"): Action(
        service="elasticmapreduce", operation="CancelSteps", sent=one_cluster, answered=first_cancelled
    ),
    ("elasticmapreduce", "setClusterTerminationProtection"): Action(
        service="elasticmapreduce", operation="SetTerminationProtection", sent=to_one_flow
    ),
    ("emr-containers", "createVirtualCluster"): Action(service="emr-containers"),
    ("emr-containers", "deleteVirtualCluster"): Action(
        service="emr-containers",
        job=Job(
            describe=("DescribeVirtualCluster", {"Id": "Arguments.Id"}),
            found="VirtualCluster",
            status="State",
            running=frozenset({"RUNNING", "TERMINATING"}),
            succeeded=frozenset({"TERMINATED"}),
            wrap="VirtualCluster",
        ),
    ),
    ("emr-containers", "startJobRun"): Action(
        service="emr-containers",
        job=Job(
            describe=("DescribeJobRun", {"VirtualClusterId": "Arguments.VirtualClusterId", "Id": "Started.Id"}),
            found="JobRun",
            status="State",
            running=frozenset({"PENDING", "SUBMITTED", "RUNNING", "CANCEL_PENDING"}),
            succeeded=frozenset({"COMPLETED"}),
            wrap="JobRun",
            stop=("CancelJobRun", {"VirtualClusterId": "Arguments.VirtualClusterId", "Id": "Started.Id"}),
        ),
    ),
    ("emr-serverless", "createApplication"): Action(
        service="emr-serverless",
        job=Job(
            describe=("GetApplication", {"ApplicationId": "Started.ApplicationId"}),
            found="Application",
            status="State",
            running=frozenset({"CREATING"}),
            succeeded=frozenset({"CREATED", "STARTING", "STARTED"}),
            wrap="Application",
        ),
    ),
    ("emr-serverless", "startApplication"): Action(
        service="emr-serverless", job=_emr_application("STARTED", running=frozenset({"CREATED", "STARTING"}))
    ),
    ("emr-serverless", "stopApplication"): Action(
        service="emr-serverless", job=_emr_application("STOPPED", running=frozenset({"STARTED", "STOPPING"}))
    ),
    ("emr-serverless", "deleteApplication"): Action(
        service="emr-serverless",
        job=_emr_application("TERMINATED", running=frozenset({"CREATED", "STOPPED"}), gone=True),
    ),
    ("emr-serverless", "startJobRun"): Action(service="emr-serverless", job=_EMR_SERVERLESS_RUN),
    ("emr-serverless", "cancelJobRun"): Action(
        service="emr-serverless",
        job=Job(
            describe=("GetJobRun", {"ApplicationId": "Arguments.ApplicationId", "JobRunId": "Arguments.JobRunId"}),
            found="JobRun",
            status="State",
            running=_EMR_SERVERLESS_RUN.running,
            succeeded=frozenset({"CANCELLED", "SUCCESS", "FAILED"}),
            wrap="JobRun",
        ),
    ),
    ("events", "putEvents"): Action(service="events", sent=text_details, answered=failed_entries),
    ("glue", "startJobRun"): Action(
        service="glue",
        job=Job(
            describe=("GetJobRun", {"JobName": "Arguments.JobName", "RunId": "Started.JobRunId"}),
            found="JobRun",
            status="JobRunState",
            running=frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"}),
            succeeded=frozenset({"SUCCEEDED"}),
            stop=("BatchStopJobRun", {"JobName": "Arguments.JobName", "JobRunIds": "[Started.JobRunId]"}),
        ),
    ),
    ("mediaconvert", "createJob"): Action(
        service="mediaconvert",
        job=Job(
            describe=("GetJob", {"Id": "Started.Job.Id"}),
            found="Job",
            status="Status",
            running=frozenset({"SUBMITTED", "PROGRESSING"}),
            succeeded=frozenset({"COMPLETE"}),
            wrap="Job",
            stop=("CancelJob", {"Id": "Started.Job.Id"}),
        ),
    ),
    ("sagemaker", "createEndpoint"): Action(service="sagemaker", sent=managed_tags),
    ("sagemaker", "createEndpointConfig"): Action(service="sagemaker", sent=managed_tags),
    ("sagemaker", "createModel"): Action(service="sagemaker", sent=managed_tags),
    ("sagemaker", "updateEndpoint"): Action(service="sagemaker"),
    ("sagemaker", "createHyperParameterTuningJob"): _sagemaker("HyperParameterTuningJob"),
    ("sagemaker", "createLabelingJob"): _sagemaker(
        "LabelingJob", running=frozenset({"Initializing", "InProgress", "Stopping"})
    ),
    ("sagemaker", "createProcessingJob"): _sagemaker("ProcessingJob"),
    ("sagemaker", "createTrainingJob"): _sagemaker("TrainingJob"),
    ("sagemaker", "createTransformJob"): _sagemaker("TransformJob"),
    ("sns", "publish"): Action(service="sns"),
    ("sqs", "sendMessage"): Action(service="sqs"),
}
"""By service and action, as in the Resource."""
